"""Many small connection pools; the least busy one takes the next call.

An httpcore pool looks at all its connections for each request, so one large pool slows down with every connection.

A call holds a `Ticket` for its pool. Tickets are counted weakly, so that a call that ends in any way at all, even by an
interrupt between two lines, cannot leave its pool busy for ever. The lock is one that `with` takes and releases in a
single step, for the same reason.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from .._clock import monotonic

POOLS = 40
CONNECTIONS = 5  # a pool, so 200 in all
KEEPALIVE = 15.0  # seconds that an idle connection is kept; most servers keep them for longer
SWEEP = 1.0  # seconds between two looks for connections that are to be closed


class Pool(Protocol):
    """What `Pools` has to know of a pool."""

    def close(self) -> None:
        """Close all its connections at once, whatever they carry."""
        ...

    def close_dead(self) -> bool:
        """Close the connections that the other side has closed. Whether any is left."""
        ...


P = TypeVar("P", bound=Pool)


class Slot(Generic[P]):
    """A pool, and the calls that it carries."""

    __slots__ = ("calls", "pool", "used")

    def __init__(self, pool: P) -> None:
        self.pool = pool
        self.calls: set[weakref.ref[Ticket[P]]] = set()
        self.used = 0.0  # when its last call was over


class Ticket(Generic[P]):
    """The claim of one call on a pool, until it is given back or the call is gone."""

    __slots__ = ("__weakref__", "ref", "slot")

    def __init__(self) -> None:
        self.slot: Slot[P] | None = None
        self.ref: Any = None


class Pools(Generic[P]):
    """The pools for one origin, in one process or one event loop."""

    def __init__(self, open_pool: Callable[[], P]) -> None:
        self._open = open_pool
        self._slots: list[Slot[P]] = []
        self._leaving: list[Slot[P]] = []  # taken out, but still carrying calls
        self._lock = threading.RLock()  # re-entrant for signal handlers that make a call
        self._sweep_at = 0.0
        self._drained = False

    # The first idle pool, not the one that was idle the longest: calls gather on few pools, and the others stay idle
    # for long enough to be closed.

    def take(self, ticket: Ticket[P]) -> P | None:
        """A pool for a call: the first idle one, whose connection is likely still open, or else the least busy.

        `None` where the pools are drained.
        """
        with self._lock:
            if self._drained:
                return None
            for slot in self._slots:
                if not slot.calls:
                    break
            else:
                if len(self._slots) < POOLS:
                    slot = Slot(self._open())
                    self._slots.append(slot)
                else:
                    slot = min(self._slots, key=lambda slot: len(slot.calls))
            # The slot is set first: a call that is interrupted from here on finds what it has to give back.
            ticket.slot = slot
            ticket.ref = weakref.ref(ticket, slot.calls.discard)
            slot.calls.add(ticket.ref)
            return slot.pool

    def give_back(self, ticket: Ticket[P]) -> None:
        """A call is over."""
        slot = ticket.slot
        if slot is None:
            return
        now = monotonic()
        with self._lock:
            slot.calls.discard(ticket.ref)
            slot.used = now
            if slot in self._leaving or now >= self._sweep_at:
                self._sweep(now)

    def discard(self, ticket: Ticket[P]) -> None:
        """Take out a call's pool: the call was interrupted, and may have left it locked or out of step."""
        slot = ticket.slot
        with self._lock:
            if slot is not None and slot in self._slots:
                self._slots.remove(slot)
                self._leaving.append(slot)

    def discard_if_stuck(self, ticket: Ticket[P]) -> None:
        """Take out a pool that found no free connection though it has more than it has calls: it lost count of them."""
        # A busy pool has more calls than connections, and its call has to wait. One with fewer calls than connections
        # must have had a free one: httpcore can count the connection of a cancelled call as busy for ever.
        if ticket.slot is not None and len(ticket.slot.calls) <= CONNECTIONS:
            self.discard(ticket)

    def discard_all(self, ticket: Ticket[P]) -> None:
        """A kept connection was dead, as all are after the API restarted: take out every pool, for a fresh next try."""
        with self._lock:
            if ticket.slot in self._slots:  # else of an earlier generation: what is here now is fresh
                self._take_out_all()

    def drain(self) -> None:
        """Take out every pool, for good. A busy one is closed after its calls.

        A connection that is just being made would outlive a pool that is closed under it.
        """
        self._drained = True
        self.close_idle()

    def close_idle(self) -> None:
        """Take out every pool; new calls open new ones."""
        with self._lock:
            self._take_out_all()

    def close(self) -> None:
        """Close every pool at once, whatever it carries: nothing can come of it any more."""
        with self._lock:
            for slot in [*self._slots, *self._leaving]:
                slot.pool.close()
            self._slots.clear()
            self._leaving.clear()

    def sweep(self) -> float | None:
        """Close what has been idle for too long, or was closed by the server.

        Returns:
            Seconds until there may be something to close again; `None` where no connection is left.
        """
        with self._lock:
            now = monotonic()
            self._sweep(now)
            if not self._slots:
                return SWEEP if self._leaving else None
            idle = [slot.used for slot in self._slots if not slot.calls]
            return min(idle, default=now) + KEEPALIVE - now

    def _take_out_all(self) -> None:
        self._leaving += self._slots
        self._slots.clear()
        self._sweep(monotonic())

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + SWEEP
        # A pool with a call is left alone: looking at its connections would race with that call.
        for slot in list(self._slots):
            if not slot.calls and (now - slot.used >= KEEPALIVE or not slot.pool.close_dead()):
                self._slots.remove(slot)
                slot.pool.close()
        for slot in list(self._leaving):
            if not slot.calls:
                self._leaving.remove(slot)
                slot.pool.close()
