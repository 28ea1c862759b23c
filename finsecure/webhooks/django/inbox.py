"""An inbox in Django's database: an event is marked as done in the `atomic()` block that your function writes in.

How: a short transaction inserts the event's row, with `done` null. The `atomic()` block of your function then locks the
row, without waiting for whoever has it, and sets `done` before it commits. If the worker dies, the database rolls back
and frees the row. SQLite locks its whole file, so there the block begins with the update, which takes that lock.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, connections, transaction

from ..._clock import SYSTEM, Clock
from ...error import FinSecureError, InboxError, WebhookUsageError
from ..inbox import (
    KEPT_FOR,
    SWEEP_EVERY,
    SWEEP_ROWS,
    Claim,
    Threads,
    check_kept_for,
    first_line,
    in_progress,
    is_locked,
    row_id,
)

logger: logging.Logger = logging.getLogger("finsecure")


async def _run_in_thread(function: Any, *arguments: Any) -> Any:
    return await sync_to_async(function, thread_sensitive=True)(*arguments)


def _wait_in_loop(function: Any, *arguments: Any) -> Any:
    # What it does with the database runs in this thread again, and so in this transaction.
    return async_to_sync(function)(*arguments)


class DjangoInbox:
    """Each event is handled exactly once, as far as your function writes through Django's models.

    The function takes the event, and runs inside `transaction.atomic()`, in which the event is marked as done too. A
    coroutine function may use the async methods of models. Add `"finsecure.webhooks.django"` to INSTALLED_APPS and run
    `manage.py migrate`.

    Args:
        using: The alias of the database, which must be the one that your function writes to.
        kept_for: Seconds for which an event that is done is remembered.
        clock: What tells the time.

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
        """Have an event to yourself."""
        row = self._rows.filter(pk=row_id(id))
        self._insert(row_id(id), id)
        with transaction.atomic(using=self._using):
            with self._explained(id):
                is_done = self._take(row, id)
            yield Claim(is_done)
            if not is_done:
                row.update(done=int(self._clock.time()))
        if not is_done and self._clock.monotonic() >= self._next_sweep:
            self._next_sweep = self._clock.monotonic() + SWEEP_EVERY
            self._sweep()

    def place(self, name: str) -> float | None:
        """The moment that was kept under this name, in Unix seconds."""
        with self._explained(name):
            row = self._rows.filter(pk=row_id(f"place:{name}")).first()
            return None if row is None else float(row.done)

    def keep_place(self, name: str, moment: float) -> None:
        """Keep a moment under a name."""
        with self._explained(name):
            self._rows.update_or_create(pk=row_id(f"place:{name}"), defaults={"done": int(moment)})

    @property
    def _rows(self) -> Any:
        from .models import InboxRow  # models cannot be imported before Django is set up

        return InboxRow.objects.using(self._using)

    def _insert(self, key: str, id: str) -> None:
        """Add the event's row, where there is none, in a transaction that ends at once."""
        connection = connections[self._using]
        try:
            with self._explained(id):
                if not (connection.in_atomic_block or connection.get_autocommit()):
                    raise WebhookUsageError(
                        "DjangoInbox needs transactions that Django ends: do not set AUTOCOMMIT to False for "
                        f"{self._using!r}."
                    )
                with transaction.atomic(using=self._using, durable=True):
                    if not self._rows.filter(pk=key).exists():
                        self._rows.bulk_create([self._rows.model(id=key)], ignore_conflicts=True)
        except RuntimeError:  # of `durable`
            raise WebhookUsageError(
                "DjangoInbox ends its own transactions, and this code runs in one already: decorate the view with "
                "@transaction.non_atomic_requests, or call it outside of atomic()."
            ) from None

    def _take(self, row: Any, id: str) -> bool:
        """Lock the event's row; whether the event is done already."""
        if connections[self._using].vendor == "sqlite":
            return bool(row.filter(done=None).update(done=int(self._clock.time())) == 0)
        locked = row.select_for_update(nowait=True).first()
        if locked is None:  # deleted in this moment
            raise in_progress(id)
        return locked.done is not None

    def _sweep(self) -> None:
        """Delete rows whose time is over, by their keys: a range would lock out the inserts of others in MySQL."""
        old = self._rows.filter(done__lt=int(self._clock.time() - self.kept_for))
        try:
            ids = list(old.values_list("pk", flat=True)[:SWEEP_ROWS])
            self._rows.filter(pk__in=ids).delete()
        except DatabaseError as exc:  # the event is done, which matters more
            logger.warning("Old rows of the inbox were not deleted: %s", first_line(exc))

    @contextmanager
    def _explained(self, id: str) -> Generator[None]:
        """Turn an error of the database into one that says what to do."""
        error: FinSecureError
        try:
            yield
        except DatabaseError as exc:
            if is_locked(exc.__cause__):
                error = in_progress(id)
            elif self._has_no_table():
                error = InboxError(
                    'There is no table for DjangoInbox: add "finsecure.webhooks.django" to INSTALLED_APPS, and run '
                    f"manage.py migrate --database {self._using}."
                )
            else:
                error = InboxError(f"The database of the inbox cannot be used: {first_line(exc)}")
        else:
            return
        raise error

    def _has_no_table(self) -> bool:
        connection = connections[self._using]
        try:
            connection.close_if_unusable_or_obsolete()
            return self._rows.model._meta.db_table not in connection.introspection.table_names()
        except DatabaseError:
            return False
