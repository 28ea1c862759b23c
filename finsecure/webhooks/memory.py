"""An inbox in the memory of this process: for tests, and for a server that is one process."""

from __future__ import annotations

import threading
import weakref
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from .._clock import SYSTEM, Clock
from .inbox import ANYIO, KEPT_FOR, Claim, Style, Threads, check_kept_for, in_progress


class _Worker:
    """Stands for whoever has an event. When the worker is gone, so is this, and the event is free."""

    __slots__ = ("__weakref__",)


class MemoryInbox:
    """Each event is handled at least once, by one worker at a time, within one process.

    What it remembers ends with the process. Several processes, or one that restarts, need `RedisInbox`,
    `SQLAlchemyInbox` or `DjangoInbox`.

    Args:
        kept_for: Seconds for which an event that is done is remembered.
        clock: What tells the time.

    Example:
        >>> webhook = finsecure.webhooks.Handler("whsec_...", inbox=MemoryInbox())
    """

    has_session: bool = False
    style: Style = "both"
    threads: Threads = ANYIO

    def __init__(self, *, kept_for: float = KEPT_FOR, clock: Clock = SYSTEM) -> None:
        self.kept_for: float = check_kept_for(kept_for)
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, weakref.ref[_Worker]] = {}
        self._done: dict[str, float] = {}  # to the moment when it is forgotten, the oldest first
        self._places: dict[str, float] = {}

    @contextmanager
    def claim(self, id: str) -> Generator[Claim]:
        """Have an event to yourself."""
        worker = _Worker()
        with self._lock:
            holder = self._held.get(id)
            if holder is not None and holder() is not None:
                raise in_progress(id)
            self._forget_old()
            is_done = id in self._done
            if not is_done:
                self._held[id] = weakref.ref(worker)
        if is_done:
            yield Claim(is_done=True)
            return
        try:
            yield Claim()
        except BaseException:
            with self._lock:
                del self._held[id]
            raise
        with self._lock:
            del self._held[id]
            self._done[id] = self._clock.time() + self.kept_for

    @asynccontextmanager
    async def claim_async(self, id: str) -> AsyncGenerator[Claim]:
        """The same as `claim`, in async code."""
        with self.claim(id) as claim:
            yield claim

    def place(self, name: str) -> float | None:
        """The moment that was kept under this name, in Unix seconds."""
        return self._places.get(name)

    def keep_place(self, name: str, moment: float) -> None:
        """Keep a moment under a name."""
        self._places[name] = moment

    async def place_async(self, name: str) -> float | None:
        """The same as `place`, in async code."""
        return self.place(name)

    async def keep_place_async(self, name: str, moment: float) -> None:
        """The same as `keep_place`, in async code."""
        self.keep_place(name, moment)

    def _forget_old(self) -> None:
        """Forget the events whose time is over: the first ones, since a dict keeps the order of its entries."""
        now = self._clock.time()
        while self._done and self._done[oldest := next(iter(self._done))] <= now:
            del self._done[oldest]
