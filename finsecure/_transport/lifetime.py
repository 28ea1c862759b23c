"""How long connections live.

| owner | holds | until |
|---|---|---|
| the process | weak references to the pools of all transports, to reset them after a fork | the transport is gone |
| a forked child | its parent's connections, without using or closing them | the child ends |
| a client | its transport | the client is gone; `close()` closes the connections earlier |
| a sync transport | the pools of each origin | `close()`, or the transport is gone, or the program ends |
| an async transport | weak references to the pools of each event loop | `aclose()`, or the transport is gone |
| an asyncio loop | its pools, in a timer | no connection is left, or the loop is closed |
| a trio run | its pools, in a system task | no connection is left, or the run is over |
| a pyreqwest transport | a pyreqwest client for each host, and a stand-in for forked processes | `close()` |
| an origin's pools | up to 40 pools | idle for `KEEPALIVE`, interrupted, stuck, or a connection was dead |
| a pool | up to 5 connections | idle for `KEEPALIVE`, or the server closed it or sent more than a response |
| your own `http_client` | its own pools, as httpx does | an interrupt, after which it gets new ones |
| a call | its pool, even if that was taken out of use meanwhile | the call ends |

A transport has no reference to an event loop or a trio token, and a loop has none to a client. `asyncio.run` closes the
connections when it shuts down the loop's async generators. `loop.close()` alone drops all timers, and with them
`_OneLoop`, which then closes its connections.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from .._clock import monotonic
from .._runtime import in_child, running_loop
from .pools import KEEPALIVE, SWEEP, Pools

if TYPE_CHECKING:
    from .._http import Origin

H = TypeVar("H")
C = TypeVar("C")
S = TypeVar("S")

LOOK = KEEPALIVE / 3  # the longest time, in seconds, between checks of the connections of an event loop


class Forgetful(Protocol):
    """Holds connections, and can start over after a fork."""

    def forget(self) -> None:
        """Start over without connections. Leave the parent's open."""
        ...


# Weak references: otherwise an unused transport would live as long as the process.
_held: weakref.WeakSet[Forgetful] = weakref.WeakSet()
_of_parent: list[object] = []


def _forget_all() -> None:
    for holder in list(_held):
        holder.forget()


in_child(_forget_all)


def _keep(connections: object) -> None:
    """Keep the parent's connections open. Closing them takes locks that may have been held at the fork."""
    _of_parent.append(connections)


class Connections:
    """A network backend that keeps track of its connections, so that they can be closed without their pool.

    An interrupted pool may be locked, and a pool of an event loop that has ended cannot be awaited.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._open: set[weakref.ref[Any]] = set()

    def connect_tcp(self, *args: Any, **options: Any) -> Any:
        """Open a connection and keep track of it."""
        return self.remember(self._backend.connect_tcp(*args, **options))

    def remember(self, stream: Any) -> Any:
        """Keep track of a connection and return it."""
        # A weak reference, so that a connection that httpcore has dropped is not kept open.
        self._open.add(weakref.ref(stream, self._open.discard))
        return stream

    def _streams(self) -> Iterator[Any]:
        for ref in list(self._open):
            stream = ref()
            if stream is not None and not stream.closed:
                yield stream
            else:
                self._open.discard(ref)

    def close(self) -> None:
        """Close all connections at once, even those in use."""
        for stream in self._streams():
            stream.drop()

    def close_dead(self) -> bool:
        """Close the connections that the server has closed, and return whether any are left."""
        for stream in self._streams():
            if stream.get_extra_info("is_readable"):  # nothing is expected: the server closed it, or sent too much
                stream.drop()
        return any(self._streams())


class AsyncConnections(Connections):
    """`Connections` for async code."""

    async def connect_tcp(self, *args: Any, **options: Any) -> Any:
        """Open a connection and keep track of it."""
        return self.remember(await self._backend.connect_tcp(*args, **options))


class HttpPool:
    """An httpcore pool and its connections."""

    __slots__ = ("_connections", "http")

    def __init__(self, pool_class: Callable[..., Any], connections: Connections, **options: Any) -> None:
        self.http = pool_class(network_backend=connections, keepalive_expiry=KEEPALIVE, **options)
        if hasattr(self.http, "_optional_thread_lock") and not isinstance(connections, AsyncConnections):
            # httpcore's own lock takes two steps. An interrupt in between would leave it locked, and block the cleanup.
            self.http._optional_thread_lock = threading.RLock()
        self._connections = connections

    def close(self) -> None:
        """Close all its connections at once, even those in use."""
        self._connections.close()

    def close_dead(self) -> bool:
        """Close the connections that the server has closed, and return whether any are left."""
        return self._connections.close_dead()


class ProcessPools:
    """The pools of a sync transport, for one process."""

    def __init__(self, open_pool: Callable[[Origin], HttpPool]) -> None:
        self._open = open_pool  # must not reference the transport, which would then never be garbage-collected
        self._sweep_at = 0.0
        self.closed = False
        self._begin()
        _held.add(self)

    def _begin(self) -> None:
        self._pools: dict[Origin, Pools[HttpPool]] = {}
        # Not `__del__`: a finalizer also runs when the program ends, and references the pools, not the transport.
        self._finalizer = weakref.finalize(self, _close_idle, self._pools)

    def of(self, origin: Origin) -> Pools[HttpPool]:
        """Return the pools for a host."""
        if len(self._pools) > 1 and monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP
            for pools in list(self._pools.values()):
                pools.sweep()
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(self._open, origin)))

    def close(self) -> None:
        """Close every connection. Later calls fail."""
        self.closed = True
        for pools in list(self._pools.values()):
            pools.drain()

    def forget(self) -> None:
        """Start over in a forked child, without closing the parent's connections."""
        _keep(self._pools)
        self._finalizer.detach()  # else the child would close its parent's connections when it ends
        self._begin()


def _close_idle(pools: dict[Origin, Pools[HttpPool]]) -> None:
    """Close the pools of a transport that is gone, or when the program ends.

    Calls made after that, for example in an `atexit` hook, open new pools.
    """
    for one in list(pools.values()):
        one.close_idle()


class LoopPools:
    """The pools of an async transport, for each event loop that uses it."""

    def __init__(self, open_pool: Callable[[Origin], HttpPool]) -> None:
        self._open = open_pool
        self._loops: weakref.WeakKeyDictionary[Any, weakref.ref[_OneLoop]] = weakref.WeakKeyDictionary()
        self.closed = False
        # Not at exit: each loop closes its own connections when it ends.
        weakref.finalize(self, _close_loops, self._loops).atexit = False
        _held.add(self)

    def of(self, origin: Origin) -> Pools[HttpPool]:
        """Return the pools for a host in the running loop."""
        loop = running_loop()
        ref = self._loops.get(loop)
        mine = None if ref is None else ref()
        if mine is None:
            mine = _OneLoop(self._open, loop)
            self._loops[loop] = weakref.ref(mine)
        return mine.of(origin)

    async def aclose(self) -> None:
        """Close the connections in all loops. Later calls fail.

        The connections are closed before the first `await`, so a cancellation cannot leave any open.
        """
        import anyio.lowlevel  # slow to import, and already loaded in async code

        self.closed = True
        _close_loops(self._loops)
        await anyio.lowlevel.checkpoint()  # asyncio closes sockets when it next runs its callbacks

    def forget(self) -> None:
        """Start over in a forked child, without closing the parent's connections."""
        for mine in _living(self._loops):
            mine.forget()
        self._loops.clear()


def _living(loops: weakref.WeakKeyDictionary[Any, weakref.ref[_OneLoop]]) -> list[_OneLoop]:
    return [mine for ref in list(loops.values()) if (mine := ref()) is not None]


def _close_loops(loops: weakref.WeakKeyDictionary[Any, weakref.ref[_OneLoop]]) -> None:
    for mine in _living(loops):
        mine.drain()


class _OneLoop:
    """The pools of one event loop. Only that loop holds a reference, and its connections close with the last one."""

    def __init__(self, open_pool: Callable[[Origin], HttpPool], loop: Any) -> None:
        self._open = open_pool
        self._pools: dict[Origin, Pools[HttpPool]] = {}
        if type(loop).__module__.partition(".")[0] == "trio":
            sys.modules["trio"].lowlevel.spawn_system_task(_hold_in_trio, self)
        else:
            _hold_in_asyncio(self, LOOK)
            announce = sys.get_asyncgen_hooks().firstiter
            if announce is not None:  # then `shutdown_asyncgens` calls `aclose()` while the loop still runs
                announce(cast("Any", self))

    def of(self, origin: Origin) -> Pools[HttpPool]:
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(self._open, origin)))

    def sweep(self) -> float | None:
        """Close idle connections. Return the seconds until the next check, `None` if no connection is left."""
        delays = [delay for pools in self._pools.values() if (delay := pools.sweep()) is not None]
        return min(LOOK, *delays) if delays else None

    def drain(self) -> None:
        for pools in self._pools.values():
            pools.drain()

    def forget(self) -> None:
        _keep(self._pools)
        self._pools = {}

    def close(self) -> None:
        for pools in self._pools.values():
            pools.close()

    __del__ = close

    async def aclose(self) -> None:
        self.close()


def _hold_in_asyncio(mine: _OneLoop, delay: float) -> None:
    """Start a timer that holds the pools until `loop.close()` drops it.

    It runs in an empty context, so that it does not keep the caller's context variables alive.
    """
    contextvars.Context().run(running_loop().call_later, delay, _look_in_asyncio, mine)


def _look_in_asyncio(mine: _OneLoop) -> None:
    delay = mine.sweep()
    if delay is not None:
        _hold_in_asyncio(mine, delay)


async def _hold_in_trio(mine: _OneLoop) -> None:
    delay: float | None = LOOK
    try:
        while delay is not None:
            await sys.modules["trio"].sleep(delay)
            delay = mine.sweep()
    finally:
        mine.close()


def drop_async(stream: Any, loop: Any) -> None:
    """Close a connection of an event loop at once. Works from any thread, and after the loop has ended.

    Args:
        stream: A stream with `aclose()` and `get_extra_info("socket")`.
        loop: The asyncio loop or trio token that it belongs to.
    """
    if sys.is_finalizing():
        return  # the process closes its connections; imports and wake-ups of a loop no longer work
    close = partial(_begin_to_close, stream)
    if running_loop() is loop:
        close()
    elif type(loop).__module__.partition(".")[0] == "trio":
        try:
            loop.run_sync_soon(close)
        except RuntimeError:  # the trio run is over
            stream.get_extra_info("socket").close()
    elif loop.is_running():
        loop.call_soon_threadsafe(close)
    else:
        _close_without_loop(loop, close)


def _begin_to_close(stream: Any) -> None:
    """Run the first step of `aclose()`, which closes the connection. The other steps only wait."""
    # Not awaited, since the loop may have ended.
    closing = stream.aclose()
    with suppress(StopIteration):
        closing.send(None)
    closing.close()


def _close_without_loop(loop: Any, close: Callable[[], None]) -> None:
    """Close a socket of a closed loop: run the callback of asyncio here, since the loop would refuse it."""
    callbacks: list[Callable[[], None]] = []

    def keep(callback: Callable[..., None], *args: Any, **_: Any) -> None:
        callbacks.append(partial(callback, *args))

    vars(loop)["call_soon"] = keep
    with suppress(RuntimeError):  # uvloop ignores the attribute, but closes its sockets itself
        close()
        for callback in callbacks[:]:  # only these, not those that they schedule in turn
            callback()
    del vars(loop)["call_soon"]


class HostClients(Generic[H, C, S]):
    """One client of an HTTP library for each host, and a stand-in transport for calls that they cannot send.

    A client that was discarded stays open until its last call has ended.
    """

    def __init__(self, open_client: Callable[[H], C], open_stand_in: Callable[[], S]) -> None:
        self._open = open_client
        self._open_stand_in = open_stand_in
        self._clients: dict[H, C] = {}
        self._stand_in: S | None = None
        self.closed = False
        _held.add(self)

    def of(self, host: H) -> C:
        """Return the client for a host."""
        client = self._clients.get(host)
        if client is None:
            client = self._clients[host] = self._open(host)
        return client

    def discard(self, host: H, client: C) -> None:
        """Let the next call create a new client, unless this one was already replaced."""
        if self._clients.get(host) is client:
            del self._clients[host]

    def stand_in(self) -> S:
        """Return the stand-in transport, opened on first use."""
        if self._stand_in is None:
            self._stand_in = self._open_stand_in()
        return self._stand_in

    def close(self) -> S | None:
        """Drop every client. Later calls fail.

        Returns:
            The stand-in, which the caller has to close; `None` if there is none.
        """
        self.closed = True
        self._clients = {}
        return self._stand_in

    def forget(self) -> None:
        """Start over in a forked child, without closing the parent's connections."""
        _keep(self._clients)
        self._clients = {}
