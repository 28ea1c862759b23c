"""The interface of an inbox: it gives each event to one worker at a time, and remembers which events are done.

`MemoryInbox`, `RedisInbox`, `SQLAlchemyInbox` and `DjangoInbox` are inboxes. To write your own, follow `SyncInbox` or
`AsyncInbox`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from ..error import EventInProgress, WebhookUsageError

DAY = 24 * 3600
KEPT_FOR = 30 * DAY
"""How many seconds an inbox remembers that an event is done, by default."""

Style: TypeAlias = Literal["sync", "async", "both"]


class Claim(NamedTuple):
    """An event that only this worker may handle now.

    Attributes:
        is_done: Whether the event was already handled, so that there is nothing to do.
        session: What to pass to functions with a second parameter. If an inbox sets `has_session = False`, such
            functions are refused.
    """

    is_done: bool = False
    session: Any = None


class Threads(NamedTuple):
    """How to run sync code in a thread, and from there a coroutine function in the event loop."""

    run_in_thread: Callable[..., Awaitable[Any]]
    wait_in_loop: Callable[..., Any]


async def _run_in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    import anyio.to_thread

    return await anyio.to_thread.run_sync(function, *arguments)


def _wait_in_loop(function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> Any:
    import anyio.from_thread

    return anyio.from_thread.run(function, *arguments)


ANYIO = Threads(_run_in_thread, _wait_in_loop)  # for asyncio and trio


class SyncInbox(Protocol):
    """Remembers for a handler which events are done, in sync code. `handle_async` uses it in a thread.

    A claim is a context manager. Entering it raises `EventInProgress` while another worker is handling the event.
    Leaving it marks the event as done; leaving it with an exception releases the event.
    """

    @property
    def style(self) -> Style:
        """`sync`, `async` if it is used as an `AsyncInbox`, or `both`."""
        ...

    @property
    def threads(self) -> Threads:
        """How async code runs this inbox in a thread."""
        ...

    @property
    def kept_for(self) -> float:
        """How many seconds it remembers that an event is done."""
        ...

    def claim(self, id: str) -> AbstractContextManager[Claim]:
        """Claim an event.

        Args:
            id: The event's id.

        Returns:
            A context manager that yields the claim.

        Raises:
            finsecure.EventInProgress: Another worker is handling the event. Raised on entering.
            finsecure.InboxError: The inbox cannot be used. Raised on entering or leaving.
        """
        ...

    def place(self, name: str) -> float | None:
        """Return the time that is stored under this name, in Unix seconds; `None` if there is none."""
        ...

    def keep_place(self, name: str, moment: float) -> None:
        """Store a time under a name, for as long as done events are remembered."""
        ...


class AsyncInbox(Protocol):
    """Remembers for a handler which events are done, in async code. See `SyncInbox`."""

    @property
    def style(self) -> Style:
        """`async`, or `both`."""
        ...

    @property
    def kept_for(self) -> float:
        """How many seconds it remembers that an event is done."""
        ...

    def claim_async(self, id: str) -> AbstractAsyncContextManager[Claim]:
        """Claim an event.

        Args:
            id: The event's id.

        Returns:
            An async context manager that yields the claim.

        Raises:
            finsecure.EventInProgress: Another worker is handling the event. Raised on entering.
            finsecure.InboxError: The inbox cannot be used. Raised on entering or leaving.
        """
        ...

    async def place_async(self, name: str) -> float | None:
        """Return the time that is stored under this name, in Unix seconds; `None` if there is none."""
        ...

    async def keep_place_async(self, name: str, moment: float) -> None:
        """Store a time under a name, for as long as done events are remembered."""
        ...


Inbox: TypeAlias = SyncInbox | AsyncInbox


# Shared by the inboxes in a database -------------------------------------------------------------------------

SWEEP_EVERY = 60  # seconds between deletions of old rows, in each process
SWEEP_ROWS = 1000
# NOWAIT, a deadlock, and a row that another transaction changed meanwhile: in PostgreSQL, then in MariaDB and MySQL.
_LOCKED = {"55P03", "40P01", "40001", 1205, 3572, 1213, 1020}
_ABORTED = {"25P02"}  # PostgreSQL refuses statements after one that failed
_NO_SAVEPOINT = {"3B001", "25P01", 1305}
_OF_WHAT_IS_WRITTEN = {"22", "23", "44", "P0"}  # PostgreSQL's error classes for values, constraints, views and triggers


class LostTransactionError(WebhookUsageError):
    """The function ended the transaction that it shares with the inbox, or left it in a state that cannot commit."""


def is_locked(error: Any) -> bool:
    """Whether a driver's error means that another transaction has locked the row, or the file in SQLite."""
    return bool(_codes(error) & _LOCKED) or _says(error, "database is locked")


def is_aborted(error: Any) -> bool:
    """Whether a driver's error says that an earlier statement of the transaction failed."""
    return bool(_codes(error) & _ABORTED)


def has_no_savepoint(error: Any) -> bool:
    """Whether a driver's error says that the transaction with the savepoint has ended."""
    return bool(_codes(error) & _NO_SAVEPOINT) or _says(error, "no such savepoint")


def is_of_what_is_written(error: Any) -> bool:
    """Whether a driver's error is about values, such as a trigger that PostgreSQL runs at the commit."""
    return any(str(code)[:2] in _OF_WHAT_IS_WRITTEN for code in _codes(error) if isinstance(code, str))


def _codes(error: Any) -> set[str | int]:
    first = error.args[0] if error is not None and error.args else None
    known = [
        getattr(error, "sqlstate", None),
        getattr(error, "pgcode", None),
        first if isinstance(first, int) else None,
    ]
    return {code for code in known if isinstance(code, (str, int))}


def _says(error: Any, beginning: str) -> bool:
    return error is not None and str(error).startswith(beginning)


def first_line(error: BaseException) -> str:
    """Return the first line of an error, without the statement and its values."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def unusable(error: BaseException) -> str:
    """Return the error message for a database that fails."""
    return (
        f"The database of the inbox cannot be used: {first_line(error)}. See that it runs and can be reached, then try "
        "again: an event that is not done is handled when it comes again."
    )


def row_id(id: str) -> str:
    """Return the key of an event in a database: its id, or a digest if a database might not store it unchanged."""
    if len(id) <= 200 and id.isascii() and id.isprintable() and " " not in id:
        return id
    return f"sha256:{hashlib.sha256(id.encode(errors='backslashreplace')).hexdigest()}"


def in_progress(id: str) -> EventInProgress:
    """Return the error for an event that another worker is handling."""
    return EventInProgress(f"Event {id} is being handled by another worker: try again later.")


def check_kept_for(kept_for: Any) -> float:
    """Check how many seconds to remember done events."""
    if isinstance(kept_for, bool) or not isinstance(kept_for, (int, float)) or not DAY <= kept_for <= 3650 * DAY:
        raise WebhookUsageError(
            f"kept_for is {kept_for!r}: pass how many seconds to remember done events, from 86400 (a day) to 315360000 "
            "(ten years). FinSecure may deliver an event again for days."
        )
    return float(kept_for)
