"""The work for a delivery: calls the functions for its event, once if there is an inbox."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Literal, TypeAlias, cast

from ..error import WebhookUsageError
from .inbox import ANYIO, AsyncInbox, Claim, Inbox, SyncInbox
from .registry import Registered

Result: TypeAlias = Literal[
    "handled", "deferred", "ignored", "duplicate", "in_progress", "failed", "forged", "unreadable"
]


@dataclass(frozen=True, repr=False)  # no repr, since it could show a body
class Work:
    """The functions to call, their arguments, and the inbox to claim the event in."""

    result: Result
    functions: list[Registered]
    first: Any
    second: Any = None
    event_id: str = ""
    inbox: Inbox | None = None

    def claim(self) -> AbstractContextManager[Claim]:
        """Claim the event, if there is an inbox."""
        if self.inbox is None:
            return nullcontext(Claim(session=self.second))
        return cast("SyncInbox", self.inbox).claim(self.event_id)

    def claim_async(self) -> AbstractAsyncContextManager[Claim]:
        """Claim the event in async code, if there is an inbox."""
        if self.inbox is None:
            return nullcontext(Claim(session=self.second))
        return cast("AsyncInbox", self.inbox).claim_async(self.event_id)


def do(work: Work, wait: Callable[..., Any] | None = None) -> Result:
    """Call the functions.

    Args:
        work: The work to do.
        wait: Runs a coroutine function in the event loop. `None` if this is not a worker thread of an event loop.

    Returns:
        `duplicate` if the event is already done, otherwise the result of the work.
    """
    with work.claim() as claim:
        if claim.is_done:
            return "duplicate"
        for each in work.functions:
            arguments = (work.first, claim.session)[: each.takes]
            if each.is_async and wait is not None:
                wait(each.function, *arguments)
            else:
                _call(each.function, *arguments)
    return work.result


async def do_async(work: Work) -> Result:
    """Call the functions in async code. Sync functions run in a thread, or with `AsyncSession.run_sync`."""
    if work.inbox is not None and work.inbox.style == "sync":
        threads = cast("SyncInbox", work.inbox).threads
        result: Result = await threads.run_in_thread(do, work, threads.wait_in_loop)
        return result
    async with work.claim_async() as claim:
        if claim.is_done:
            return "duplicate"
        for each in work.functions:
            await _call_async(each, (work.first, claim.session)[: each.takes])
    return work.result


async def _call_async(called: Registered, arguments: tuple[Any, ...]) -> None:
    if called.is_async:
        await called.function(*arguments)
    elif called.takes == 2 and hasattr(arguments[1], "run_sync"):  # an AsyncSession, which passes its sync session
        event, session = arguments
        await session.run_sync(functools.partial(_call, called.function, event))
    else:
        await ANYIO.run_in_thread(_call, called.function, *arguments)


def _call(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a sync function, and raise if it returned a coroutine or generator: then it did not run."""
    result: Any = function(*arguments)
    kind: Any = result.__class__
    if kind in _UNDONE:
        getattr(result, "close", int)()  # a coroutine that was never awaited would cause a warning
        name = getattr(function, "__qualname__", function)
        raise WebhookUsageError(
            f"{name} returned a {kind.__name__}, so nothing was done: declare it `async def` and use "
            "handle_async, or leave out `yield`, with which a function does not run when it is called."
        )


_UNDONE = {CoroutineType, GeneratorType, AsyncGeneratorType}
