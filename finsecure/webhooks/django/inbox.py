"""An inbox in Django's database: an event is marked as done in the `atomic()` block that your function writes in.

How: a short transaction inserts the event's row, with `done` null. The `atomic()` block of your function then locks the
row, without waiting if another worker has locked it, and sets `done` before it commits. If the worker dies, the
database rolls the transaction back and unlocks the row. SQLite locks its whole file, so there the block begins with the
update, which takes that lock.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

from asgiref.sync import async_to_sync, sync_to_async
from django.db import Error, IntegrityError, connections, transaction

from ..._clock import SYSTEM, Clock
from ...error import FinSecureError, InboxError, WebhookUsageError
from ..inbox import (
    KEPT_FOR,
    SWEEP_EVERY,
    SWEEP_ROWS,
    Claim,
    LostTransactionError,
    Threads,
    check_kept_for,
    first_line,
    in_progress,
    is_aborted,
    is_locked,
    is_of_what_is_written,
    row_id,
    unusable,
)

logger: logging.Logger = logging.getLogger("finsecure")


async def _run_in_thread(function: Any, *arguments: Any) -> Any:
    return await sync_to_async(function, thread_sensitive=True)(*arguments)


def _wait_in_loop(function: Any, *arguments: Any) -> Any:
    # Its database calls run in this thread again, and so in the same transaction.
    return async_to_sync(function)(*arguments)


class DjangoInbox:
    """An inbox in Django's database: each event is handled exactly once, if your function writes through models.

    The function takes the event, and runs inside `transaction.atomic()`, in which the event is also marked as done. A
    coroutine function may use the async methods of models. Add `"finsecure.webhooks.django"` to INSTALLED_APPS and run
    `manage.py migrate`.

    Args:
        using: The alias of the database that your function writes to.
        kept_for: How many seconds to remember that an event is done.
        clock: The clock to read the time from.

    Raises:
        finsecure.WebhookUsageError: `kept_for` is less than a day or more than ten years.

    Example:
        >>> webhook = finsecure.webhooks.Handler("whsec_...", inbox=DjangoInbox())
        >>> @webhook.on("payment_intent.succeeded")
        ... def fulfil(event: PaymentIntentSucceeded) -> None:
        ...     orders = Order.objects.filter(payment_intent=event.data.object.id)
        ...     orders.update(paid=True)
    """

    has_session: bool = False
    style: Literal["sync"] = "sync"
    threads: Threads = Threads(_run_in_thread, _wait_in_loop)

    def __init__(self, *, using: str = "default", kept_for: float = KEPT_FOR, clock: Clock = SYSTEM) -> None:
        self.kept_for: float = check_kept_for(kept_for)
        self._using = using
        self._clock = clock
        self._next_sweep = 0.0

    @contextmanager
    def claim(self, id: str) -> Generator[Claim]:
        """Claim an event."""
        if self._is_known(row_id(id), id):
            yield Claim(is_done=True)
            return
        is_done = False
        now = int(self._clock.time())
        is_committed: list[bool] = []
        of_function: BaseException | None = None
        try:
            with transaction.atomic(using=self._using):
                # Registered first, so that it runs after the commit even if another `on_commit` function raises.
                transaction.on_commit(lambda: is_committed.append(True), using=self._using)
                is_done = self._take(row_id(id), id, now)
                try:
                    yield Claim(is_done)
                except BaseException as exc:
                    of_function = exc
                    raise
                if not is_done:
                    self._mark(row_id(id), now)
        except BaseException as exc:
            if of_function is not None:
                raise of_function  # noqa: B904 - a failed rollback must not hide the error of the function
            if is_committed or not isinstance(exc, _FAILURES) or _is_of_what_is_written(exc):
                raise
            raise self._error(exc, id) from exc
        if not is_done and self._clock.monotonic() >= self._next_sweep:
            self._next_sweep = self._clock.monotonic() + SWEEP_EVERY
            self._sweep()

    def place(self, name: str) -> float | None:
        """Return the time that is stored under this name, in Unix seconds."""
        with self._explained(name):
            row = self._rows.filter(pk=row_id(f"place:{name}")).first()
            return None if row is None else float(row.done)

    def keep_place(self, name: str, moment: float) -> None:
        """Store a time under a name."""
        with self._explained(name):
            self._rows.update_or_create(pk=row_id(f"place:{name}"), defaults={"done": int(moment)})

    @property
    def _rows(self) -> Any:
        from .models import InboxRow  # models cannot be imported before Django is set up

        return InboxRow.objects.using(self._using)

    def _is_known(self, key: str, id: str) -> bool:
        """Return whether the event is done. If it has no row yet, insert one in a transaction of its own."""
        connection = connections[self._using]
        try:
            with self._explained(id):
                if not (connection.in_atomic_block or connection.get_autocommit()):
                    raise WebhookUsageError(
                        "DjangoInbox needs transactions that Django ends: do not set AUTOCOMMIT to False for "
                        f"{self._using!r}."
                    )
                with transaction.atomic(using=self._using, durable=True):
                    known = self._rows.filter(pk=key).first()
                    if known is None:
                        self._rows.bulk_create([self._rows.model(id=key)], ignore_conflicts=True)
                    return known is not None and known.done is not None
        except RuntimeError as exc:  # raised by `durable`
            if not connection.in_atomic_block:
                raise
            raise WebhookUsageError(
                "DjangoInbox ends its own transactions, and this code runs in one already: decorate the view with "
                "@transaction.non_atomic_requests, or call it outside of atomic()."
            ) from exc

    def _take(self, key: str, id: str, now: int) -> bool:
        """Lock the event's row. Return whether the event is already done."""
        row = self._rows.filter(pk=key)
        if connections[self._using].vendor == "sqlite":
            return bool(row.filter(done=None).update(done=now) == 0)
        locked = row.select_for_update(nowait=True).first()
        if locked is None:  # just deleted
            raise in_progress(id)
        return locked.done is not None

    def _mark(self, key: str, now: int) -> None:
        """Mark the event as done. Raise if its row is not as `_take` left it."""
        left = now if connections[self._using].vendor == "sqlite" else None
        if self._rows.filter(pk=key, done=left).update(done=now) == 0:
            raise LostTransactionError(_ENDED)

    def _sweep(self) -> None:
        """Delete old rows by their keys. In MySQL, deleting a range would block the inserts of other workers."""
        old = self._rows.filter(done__lt=int(self._clock.time() - self.kept_for))
        try:
            ids = list(old.values_list("pk", flat=True)[:SWEEP_ROWS])
            self._rows.filter(pk__in=ids).delete()
        except _FAILURES as exc:  # the event is done, so do not fail
            logger.warning("Old rows of the inbox were not deleted: %s", first_line(exc))

    @contextmanager
    def _explained(self, id: str) -> Generator[None]:
        """Convert a database error to one that says what to do."""
        try:
            yield
        except _FAILURES as exc:
            raise self._error(exc, id) from exc

    def _error(self, exc: BaseException, id: str) -> FinSecureError:
        if isinstance(exc, transaction.TransactionManagementError) or is_aborted(exc.__cause__):
            return LostTransactionError(_SPOILT)
        if is_locked(exc.__cause__):
            return in_progress(id)
        if self._has_no_table():
            return InboxError(
                'There is no table for DjangoInbox: add "finsecure.webhooks.django" to INSTALLED_APPS, and run '
                f"manage.py migrate --database {self._using}."
            )
        return InboxError(unusable(exc))

    def _has_no_table(self) -> bool:
        connection = connections[self._using]
        try:
            connection.close_if_unusable_or_obsolete()
            return self._rows.model._meta.db_table not in connection.introspection.table_names()
        except _FAILURES:
            return False


_FAILURES = (Error, OSError)  # Error, since InterfaceError is not a DatabaseError


def _is_of_what_is_written(exc: BaseException) -> bool:
    """Whether a constraint or trigger, checked at the commit, refused what the function wrote."""
    return isinstance(exc, IntegrityError) or is_of_what_is_written(exc.__cause__)


_ENDED = (
    "The function ended the transaction in which its event is marked as done, so what it wrote and the mark are not "
    "committed together. Leave out COMMIT and ROLLBACK, and in MySQL and MariaDB what commits, such as CREATE TABLE."
)
_SPOILT = (
    "The transaction of the function cannot be committed, and nothing of it was: the function caught an error of the "
    "database and went on, called set_rollback(True), or closed the connection. Run what may fail in "
    "`with transaction.atomic():`."
)
