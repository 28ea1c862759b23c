"""An event loop on its own thread, for requests over sockets."""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from finsecure._clock import monotonic

from ._database import CLOSED, SandboxClosedError

T = TypeVar("T")

_CLOSING = 0.3
"""Seconds that `close` waits for the cancelled tasks."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop that ignores frozen clocks, and whose name lookups never delay the end of the program."""

    def time(self) -> float:
        return monotonic()

    async def getaddrinfo(self, *args: Any, **options: Any) -> list[Any]:
        """Look up a name on a daemon thread. At exit, Python waits for asyncio's own, however slow the resolver is."""
        answer: concurrent.futures.Future[list[Any]] = concurrent.futures.Future()
        answer.set_running_or_notify_cancel()  # now it cannot be cancelled, so set_result never raises

        def look_up() -> None:
            try:
                answer.set_result(socket.getaddrinfo(*args, **options))
            except BaseException as error:  # noqa: BLE001 - raised to the caller that awaits the result
                answer.set_exception(error)

        threading.Thread(target=look_up, name="finsecure-sandbox-name", daemon=True).start()
        return await asyncio.wrap_future(answer, loop=self)


class Background:
    """An event loop on a daemon thread that starts on first use.

    Args:
        at_end: Runs in the loop at the end, after all tasks were cancelled.
    """

    def __init__(self, at_end: Callable[[], Awaitable[None]]) -> None:
        self._at_end = at_end
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine in the loop.

        Raises:
            SandboxClosedError: The sandbox was closed.
        """
        with self._lock:
            if self._closed:
                work.close()
                raise SandboxClosedError(CLOSED)
            if self._loop is None:
                loop = Loop()
                thread = threading.Thread(target=self._run, args=[loop], name="finsecure-sandbox-sockets", daemon=True)
                thread.start()
                self._loop, self._thread = loop, thread  # only now, so that `close` never waits for a failed start
            return asyncio.run_coroutine_threadsafe(self._do(work), self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and wait for its result.

        Raises:
            SandboxClosedError: The sandbox was closed. Deliveries in progress stay due.
        """
        future = self.start(work)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise SandboxClosedError(CLOSED) from None
        except BaseException:
            future.cancel()  # for an exception in the caller's thread, such as KeyboardInterrupt
            raise

    def close(self) -> None:
        """Cancel all tasks and end the thread. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(_CLOSING)

    async def _do(self, work: Coroutine[Any, Any, T]) -> T:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        loop.run_until_complete(asyncio.sleep(0))  # lets tasks that were just created start
        # Cancel only the tasks that `start` created: the task groups in them cancel their own child tasks.
        left = [*self._tasks]
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(asyncio.ensure_future(self._at_end(), loop=loop))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
