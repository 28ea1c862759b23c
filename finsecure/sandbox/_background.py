"""An event loop on a thread of its own, for what goes out over sockets."""

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
"""Seconds that `close` waits for what is cancelled."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time nothing freezes, and whose name lookups hold up no end."""

    def time(self) -> float:
        return monotonic()

    async def getaddrinfo(self, *args: Any, **options: Any) -> list[Any]:
        """Look up on a daemon thread. The program would wait for those of asyncio, however slow the resolver is."""
        answer: concurrent.futures.Future[list[Any]] = concurrent.futures.Future()
        answer.set_running_or_notify_cancel()  # so that it takes its result, also when nobody waits any more

        def look_up() -> None:
            try:
                answer.set_result(socket.getaddrinfo(*args, **options))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                answer.set_exception(error)

        threading.Thread(target=look_up, name="finsecure-sandbox-name", daemon=True).start()
        return await asyncio.wrap_future(answer, loop=self)


class Background:
    """An event loop on a daemon thread that starts when it is first needed.

    Args:
        at_end: What is done in the loop last, when everything else was cancelled.
    """

    def __init__(self, at_end: Callable[[], Awaitable[None]]) -> None:
        self._at_end = at_end
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Begin something in the loop.

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
                self._loop, self._thread = loop, thread  # once it runs: where no thread can start, nobody waits for it
            return asyncio.run_coroutine_threadsafe(self._do(work), self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the loop, and wait for it.

        Raises:
            SandboxClosedError: The sandbox was closed. What it was delivering stays due.
        """
        future = self.start(work)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise SandboxClosedError(CLOSED) from None
        except BaseException:
            future.cancel()  # where it is the caller that was interrupted
            raise

    def close(self) -> None:
        """Cancel what is under way and end the thread. Closing it twice is harmless."""
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
        loop.run_until_complete(asyncio.sleep(0))  # so that what was started last has begun
        # Only what was started here: the tasks below it are for their task groups to end, which know which have begun.
        left = [*self._tasks]
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(asyncio.ensure_future(self._at_end(), loop=loop))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
