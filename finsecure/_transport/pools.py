"""Many small connection pools, the least busy one taking the next call.

One httpcore pool looks at all its connections for each request, and collapses as they grow; many small ones do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

P = TypeVar("P")

POOLS = 40
CONNECTIONS = 5  # a pool, so 200 in all
KEEPALIVE = 15.0  # seconds that an idle connection is kept; most servers keep them for longer


class Slot(Generic[P]):
    """A pool, and how many calls it carries."""

    __slots__ = ("in_flight", "pool")

    def __init__(self, pool: P) -> None:
        self.pool = pool
        self.in_flight = 0


class Pools(Generic[P]):
    """The pools of one process, or of one event loop."""

    def __init__(self, open_pool: Callable[[], P]) -> None:
        self._open = open_pool
        self._slots: list[Slot[P]] = []
        self._lock = threading.Lock()

    def take(self) -> Slot[P]:
        """A pool for a call: the first idle one, whose connection is likely still open, or else the least busy."""
        with self._lock:
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

    def give_back(self, slot: Slot[P]) -> None:
        """A call is over."""
        with self._lock:
            slot.in_flight -= 1

    def discard_if_stuck(self, slot: Slot[P]) -> P | None:
        """Take out a pool that found no free connection though it has more than it has calls: it lost count of them."""
        with self._lock:
            if slot.in_flight > CONNECTIONS or slot not in self._slots:
                return None
            self._slots.remove(slot)
            return slot.pool

    def drain(self) -> list[P]:
        """Take out every pool, to be closed."""
        with self._lock:
            drained = [slot.pool for slot in self._slots]
            self._slots.clear()
            return drained
