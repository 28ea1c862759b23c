"""Many small connection pools, the least busy one taking the next call.

One httpcore pool looks at all its connections for each request, and collapses as they grow; many small ones do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .._clock import monotonic

P = TypeVar("P")

POOLS = 40
CONNECTIONS = 5  # a pool, so 200 in all
KEEPALIVE = 15.0  # seconds that an idle connection is kept; most servers keep them for longer


class Slot(Generic[P]):
    """A pool, and how many calls it carries."""

    __slots__ = ("in_flight", "pool", "used")

    def __init__(self, pool: P) -> None:
        self.pool = pool
        self.in_flight = 0
        self.used = 0.0  # when its last call was over


class Pools(Generic[P]):
    """The pools of one process, or of one event loop."""

    def __init__(self, open_pool: Callable[[], P]) -> None:
        self._open = open_pool
        self._slots: list[Slot[P]] = []
        self._lock = threading.Lock()
        self._drained = False

    def take(self) -> Slot[P] | None:
        """A pool for a call: the first idle one, whose connection is likely still open, or else the least busy."""
        with self._lock:
            if self._drained:
                return None
            for slot in self._slots:
                if not slot.in_flight:
                    break
            else:
                if len(self._slots) < POOLS:
                    slot = Slot(self._open())
                    self._slots.append(slot)
                else:
                    slot = min(self._slots, key=lambda slot: slot.in_flight)
            slot.in_flight += 1
            return slot

    def give_back(self, slot: Slot[P]) -> P | None:
        """A call is over. Answers a pool to close, where one is not needed any more."""
        now = monotonic()
        with self._lock:
            slot.in_flight -= 1
            slot.used = now
            if slot not in self._slots:
                return None if slot.in_flight else slot.pool
            last = self._slots[-1]  # the one that is asked last, so the first to be left over from busier times
            if last.in_flight or now - last.used < KEEPALIVE:
                return None
            return self._slots.pop().pool

    def discard_if_stuck(self, slot: Slot[P]) -> None:
        """Take out a pool that found no free connection though it has more than it has calls: it lost count of them.

        It is closed when the last of its calls is over.
        """
        with self._lock:
            if slot.in_flight <= CONNECTIONS and slot in self._slots:
                self._slots.remove(slot)

    def discard_all(self, slot: Slot[P]) -> list[P]:
        """A kept connection was dead, as all are after the API restarted: take out every pool, for a fresh next try.

        Answers those without a call, to be closed; the others are closed when the last of their calls is over.
        """
        with self._lock:
            if slot not in self._slots:
                return []  # of an earlier generation: what is here now is fresh
            idle = [other.pool for other in self._slots if not other.in_flight]
            self._slots.clear()
            return idle

    def drain(self) -> list[P]:
        """Take out every pool, for good. Answers those to close now: a busy one is closed after its calls.

        A connection that is just being made would outlive a pool that is closed under it.
        """
        with self._lock:
            self._drained = True
            drained = [slot.pool for slot in self._slots if not slot.in_flight]
            self._slots.clear()
            return drained
