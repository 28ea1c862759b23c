"""An inbox in memory, for tests and for servers with a single process."""

from __future__ import annotations

import threading
import weakref
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from .._clock import SYSTEM, Clock
from .inbox import ANYIO, KEPT_FOR, Claim, Style, Threads, check_kept_for, in_progress


class _Worker:
    """Stands for the worker that handles an event. When it is garbage-collected, the event is available again."""

    __slots__ = ("__weakref__",)


class MemoryInbox:
    """An inbox in memory: each event is handled at least once, by one worker at a time, within one process.

    It forgets everything when the process ends. For several processes, or one that restarts, use `RedisInbox`,
    `SQLAlchemyInbox` or `DjangoInbox`.

    Args:
        kept_for: How many seconds to remember that an event is done.
        clock: The clock to read the time from.

    Raises:
        finsecure.WebhookUsageError: `kept_for` is less than a day or more than ten years.

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
        self._done: dict[str, float] = {}  # when to forget each event, oldest first
        self._places: dict[str, float] = {}

    @contextmanager
    def claim(self, id: str) -> Generator[Claim]:
        """Claim an event."""
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
        """Claim an event, in async code."""
        with self.claim(id) as claim:
            yield claim

    def place(self, name: str) -> float | None:
        """Return the time that is stored under this name, in Unix seconds."""
        return self._places.get(name)

    def keep_place(self, name: str, moment: float) -> None:
        """Store a time under a name."""
        self._places[name] = moment

    async def place_async(self, name: str) -> float | None:
        """Return the time that is stored under this name, in async code."""
        return self.place(name)

    async def keep_place_async(self, name: str, moment: float) -> None:
        """Store a time under a name, in async code."""
        self.keep_place(name, moment)

    def _forget_old(self) -> None:
        """Forget events after `kept_for`. The oldest come first, since a dict keeps its order."""
        now = self._clock.time()
        while self._done and self._done[oldest := next(iter(self._done))] <= now:
            del self._done[oldest]
