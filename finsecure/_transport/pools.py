"""Many small connection pools; the least busy one takes the next call.

An httpcore pool checks all its connections for each request, so one large pool would slow down with every connection.

A call holds a `Ticket` for its pool. Pools keep weak references to tickets: however a call ends, even by an interrupt
between two lines, it cannot leave its pool marked busy forever. For the same reason the lock is an RLock, which `with`
acquires and releases in a single step.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from .._clock import monotonic

POOLS = 40
CONNECTIONS = 5  # per pool, so 200 in total
KEEPALIVE = 15.0  # seconds that an idle connection is kept; most servers keep them for longer
SWEEP = 1.0  # seconds between checks for connections to close


class Pool(Protocol):
    """The methods that `Pools` needs from a pool."""

    def close(self) -> None:
        """Close all its connections at once, even busy ones."""
        ...

    def close_dead(self) -> bool:
        """Close the connections that the server has closed, and return whether any are left."""
        ...


P = TypeVar("P", bound=Pool)


class Slot(Generic[P]):
    """A pool, and the calls that use it."""

    __slots__ = ("calls", "pool", "used")

    def __init__(self, pool: P) -> None:
        self.pool = pool
        self.calls: set[weakref.ref[Ticket[P]]] = set()
        self.used = 0.0  # when its last call ended


class Ticket(Generic[P]):
    """Marks a pool as used by a call, until the call returns it or is garbage-collected."""

    __slots__ = ("__weakref__", "ref", "slot")

    def __init__(self) -> None:
        self.slot: Slot[P] | None = None
        self.ref: Any = None


class Pools(Generic[P]):
    """The pools for one origin, in one process or one event loop."""

    def __init__(self, open_pool: Callable[[], P]) -> None:
        self._open = open_pool
        self._slots: list[Slot[P]] = []
        self._leaving: list[Slot[P]] = []  # taken out of use, but with calls in progress
        self._lock = threading.RLock()  # re-entrant, for signal handlers that make a call
        self._sweep_at = 0.0
        self._drained = False

    # Always the first idle pool: calls then share few pools, and the others stay idle for long enough to be closed.

    def take(self, ticket: Ticket[P]) -> P | None:
        """Return a pool for a call: the first idle one, or else the least busy; `None` after `drain`."""
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
            # Set the slot first, so that a call that is interrupted from here on knows which slot to give back.
            ticket.slot = slot
            ticket.ref = weakref.ref(ticket, slot.calls.discard)
            slot.calls.add(ticket.ref)
            return slot.pool

    def give_back(self, ticket: Ticket[P]) -> None:
        """Give a pool back after a call."""
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
        """Take a call's pool out of use: the call was interrupted, and may have left it locked or inconsistent."""
        slot = ticket.slot
        with self._lock:
            if slot is not None and slot in self._slots:
                self._slots.remove(slot)
                self._leaving.append(slot)

    def discard_if_stuck(self, ticket: Ticket[P]) -> None:
        """Take a pool out of use if it found no free connection, although it must have one."""
        # With more calls than connections, a call has to wait. With fewer, there must be a free connection: httpcore
        # can count the connection of a canceled call as busy forever.
        if ticket.slot is not None and len(ticket.slot.calls) <= CONNECTIONS:
            self.discard(ticket)

    def discard_all(self, ticket: Ticket[P]) -> None:
        """Take all pools out of use after an idle connection was dead: if the API restarted, all of them are."""
        with self._lock:
            if ticket.slot in self._slots:  # else they were already replaced by fresh ones
                self._take_out_all()

    def drain(self) -> None:
        """Take all pools out of use for good. A busy pool is closed after its calls.

        Closing it earlier would leak a connection that is just being opened.
        """
        self._drained = True
        self.close_idle()

    def close_idle(self) -> None:
        """Take all pools out of use. New calls open new ones."""
        with self._lock:
            self._take_out_all()

    def close(self) -> None:
        """Close every pool at once, even with calls in progress: their event loop has ended."""
        with self._lock:
            for slot in [*self._slots, *self._leaving]:
                slot.pool.close()
            self._slots.clear()
            self._leaving.clear()

    def sweep(self) -> float | None:
        """Close connections that were idle for too long, or that the server closed.

        Returns:
            Seconds until the next check; `None` if no connection is left.
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
        # Skip pools with calls: checking their connections would race with those calls.
        for slot in list(self._slots):
            if not slot.calls and (now - slot.used >= KEEPALIVE or not slot.pool.close_dead()):
                self._slots.remove(slot)
                slot.pool.close()
        for slot in list(self._leaving):
            if not slot.calls:
                self._leaving.remove(slot)
                slot.pool.close()
