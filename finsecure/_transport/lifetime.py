"""How long connections live.

| who | holds | until |
|---|---|---|
| the process | the pools of each transport, weakly, so that a fork reaches them | the transport is gone |
| a forked child | the connections of its parent, neither used nor closed | the child ends |
| a client | its transport | the client is gone; `close()` lets go of the connections before |
| a sync transport | the pools of each origin | `close()`, or the transport is gone, or the program ends |
| an async transport | the pools of each event loop, weakly | `aclose()`, or the transport is gone |
| an asyncio loop | its pools, by a timer, while there are connections | none is left, or the loop is closed |
| a trio run | its pools, by a system task, while there are connections | none is left, or the run is over |
| a pyreqwest transport | a client of pyreqwest for each origin, and its stand-in after a fork | `close()` |
| an origin's pools | up to 40 pools | idle for `KEEPALIVE`, interrupted, lost count, or a connection was dead |
| a pool | up to 5 connections | idle for `KEEPALIVE`, closed by the server, or it sent more than the answer |
| a ready `http_client` | its own pools, by the rules of httpx | an interrupt, after which it gets new ones |
| a call | its pool, also where that was taken out meanwhile | the call is over, however it ended |

A transport holds no loop and no trio token, and no loop holds a client. `asyncio.run` closes the connections with the
async generators of its loop. `loop.close()` alone drops all timers, and so `_OneLoop`, which closes them then.
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

LOOK = KEEPALIVE / 3  # seconds, at most, between two looks at the connections of an event loop


class Forgetful(Protocol):
    """What can begin anew."""

    def forget(self) -> None:
        """Leave the parent's connections alone and begin anew."""
        ...


# Weakly, or a transport that nobody uses any more would live as long as the process.
_held: weakref.WeakSet[Forgetful] = weakref.WeakSet()
_of_parent: list[object] = []


def _forget_all() -> None:
    for holder in list(_held):
        holder.forget()


in_child(_forget_all)


def _keep(connections: object) -> None:
    """Never close these: they are the parent's, and closing takes locks that may have been held when it forked."""
    _of_parent.append(connections)


class Connections:
    """A network backend that remembers its connections, so that they close without their pool.

    A pool that was interrupted may be locked, and a pool of a loop that has ended cannot be awaited.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._open: set[weakref.ref[Any]] = set()

    def connect_tcp(self, *args: Any, **options: Any) -> Any:
        """Connect."""
        return self.remember(self._backend.connect_tcp(*args, **options))

    def remember(self, stream: Any) -> Any:
        """Have a connection closed with the others."""
        # Weakly, so that a connection that httpcore has dropped is not kept open from here.
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
        """Close all at once, whatever they carry."""
        for stream in self._streams():
            stream.drop()

    def close_dead(self) -> bool:
        """Close those that the other side has closed. Whether any is left."""
        for stream in self._streams():
            if stream.get_extra_info("is_readable"):  # nobody reads, so it is the end, or what nobody asked for
                stream.drop()
        return any(self._streams())


class AsyncConnections(Connections):
    """The same, awaited."""

    async def connect_tcp(self, *args: Any, **options: Any) -> Any:
        """Connect."""
        return self.remember(await self._backend.connect_tcp(*args, **options))


class HttpPool:
    """A pool of httpcore's, and its connections."""

    __slots__ = ("_connections", "http")

    def __init__(self, pool_class: Callable[..., Any], connections: Connections, **options: Any) -> None:
        self.http = pool_class(network_backend=connections, keepalive_expiry=KEEPALIVE, **options)
        if hasattr(self.http, "_optional_thread_lock") and not isinstance(connections, AsyncConnections):
            # Its own takes two steps to lock. An interrupt in between would leave it locked, and the clean-up waiting.
            self.http._optional_thread_lock = threading.RLock()
        self._connections = connections

    def close(self) -> None:
        """Close all its connections at once, whatever they carry."""
        self._connections.close()

    def close_dead(self) -> bool:
        """Close the connections that the other side has closed. Whether any is left."""
        return self._connections.close_dead()


class ProcessPools:
    """The pools of a sync transport: those of one process."""

    def __init__(self, open_pool: Callable[[Origin], HttpPool]) -> None:
        self._open = open_pool  # it must not hold the transport, which would never be dropped then
        self._sweep_at = 0.0
        self.closed = False
        self._begin()
        _held.add(self)

    def _begin(self) -> None:
        self._pools: dict[Origin, Pools[HttpPool]] = {}
        # A finalizer and not `__del__`: it also runs when the program ends, and holds the pools without the transport.
        self._finalizer = weakref.finalize(self, _close_idle, self._pools)

    def of(self, origin: Origin) -> Pools[HttpPool]:
        """The pools for a host."""
        if len(self._pools) > 1 and monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP
            for pools in list(self._pools.values()):
                pools.sweep()
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(self._open, origin)))

    def close(self) -> None:
        """Close every connection, for good."""
        self.closed = True
        for pools in list(self._pools.values()):
            pools.drain()

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone and begin anew."""
        _keep(self._pools)
        self._finalizer.detach()  # or the child would close its parent's connections when it ends
        self._begin()


def _close_idle(pools: dict[Origin, Pools[HttpPool]]) -> None:
    """The transport is gone, or the program ends: what is called later, in an `atexit` hook say, opens new ones."""
    for one in list(pools.values()):
        one.close_idle()


class LoopPools:
    """The pools of an async transport: those of each event loop that it is used in."""

    def __init__(self, open_pool: Callable[[Origin], HttpPool]) -> None:
        self._open = open_pool
        self._loops: weakref.WeakKeyDictionary[Any, weakref.ref[_OneLoop]] = weakref.WeakKeyDictionary()
        self.closed = False
        # Not at exit: each loop closes its own connections when it ends.
        weakref.finalize(self, _close_loops, self._loops).atexit = False
        _held.add(self)

    def of(self, origin: Origin) -> Pools[HttpPool]:
        """The pools for a host, in the running loop."""
        loop = running_loop()
        ref = self._loops.get(loop)
        mine = None if ref is None else ref()
        if mine is None:
            mine = _OneLoop(self._open, loop)
            self._loops[loop] = weakref.ref(mine)
        return mine.of(origin)

    async def aclose(self) -> None:
        """Close the connections in all loops, for good. Without a wait, which could be cancelled, until they are."""
        import anyio.lowlevel  # only async code has it loaded

        self.closed = True
        _close_loops(self._loops)
        await anyio.lowlevel.checkpoint()  # asyncio closes sockets when it next runs its callbacks

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone and begin anew."""
        for mine in _living(self._loops):
            mine.forget()
        self._loops.clear()


def _living(loops: weakref.WeakKeyDictionary[Any, weakref.ref[_OneLoop]]) -> list[_OneLoop]:
    return [mine for ref in list(loops.values()) if (mine := ref()) is not None]


def _close_loops(loops: weakref.WeakKeyDictionary[Any, weakref.ref[_OneLoop]]) -> None:
    for mine in _living(loops):
        mine.drain()


class _OneLoop:
    """The pools of one event loop. Nobody but that loop holds this; when it is dropped, the connections close."""

    def __init__(self, open_pool: Callable[[Origin], HttpPool], loop: Any) -> None:
        self._open = open_pool
        self._pools: dict[Origin, Pools[HttpPool]] = {}
        if type(loop).__module__.partition(".")[0] == "trio":
            sys.modules["trio"].lowlevel.spawn_system_task(_hold_in_trio, self)
        else:
            _hold_in_asyncio(self, LOOK)
            announce = sys.get_asyncgen_hooks().firstiter
            if announce is not None:  # so that `shutdown_asyncgens` calls `aclose()`, while the loop still runs
                announce(cast("Any", self))

    def of(self, origin: Origin) -> Pools[HttpPool]:
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(self._open, origin)))

    def sweep(self) -> float | None:
        """Close what is idle; seconds until the next look, `None` where no connection is left."""
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
    """A timer, which `loop.close()` drops. In no context, so that it holds none of the caller's variables."""
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
    """Close a connection of an event loop at once, from wherever this is called, whether or not that loop still runs.

    Args:
        stream: What has `aclose()` and `get_extra_info("socket")`.
        loop: The asyncio loop or the trio token that it belongs to.
    """
    if sys.is_finalizing():
        return  # the process ends, and its connections with it; nothing can be imported any more, nor a loop woken
    close = partial(_begin_to_close, stream)
    if running_loop() is loop:
        close()
    elif type(loop).__module__.partition(".")[0] == "trio":
        try:
            loop.run_sync_soon(close)
        except RuntimeError:  # that run is over
            stream.get_extra_info("socket").close()
    elif loop.is_running():
        loop.call_soon_threadsafe(close)
    else:
        _close_without_loop(loop, close)


def _begin_to_close(stream: Any) -> None:
    """The first step of `aclose()` is all that it takes; what comes after it only waits."""
    # Driven by hand, since no loop may run any more to await it.
    closing = stream.aclose()
    with suppress(StopIteration):
        closing.send(None)
    closing.close()


def _close_without_loop(loop: Any, close: Callable[[], None]) -> None:
    """Run here the callback in which asyncio closes a socket: a closed loop would refuse it."""
    callbacks: list[Callable[[], None]] = []

    def keep(callback: Callable[..., None], *args: Any, **_: Any) -> None:
        callbacks.append(partial(callback, *args))

    vars(loop)["call_soon"] = keep
    with suppress(RuntimeError):  # uvloop does not ask, and closes all sockets itself
        close()
        for callback in callbacks[:]:  # not what they would wake up in turn
            callback()
    del vars(loop)["call_soon"]


class HostClients(Generic[H, C, S]):
    """Ready clients, one for each host, and what stands in for them in a process that was forked after their first use.

    A client that is taken out lives until its last call is over.
    """

    def __init__(self, open_client: Callable[[H], C], open_stand_in: Callable[[], S]) -> None:
        self._open = open_client
        self._open_stand_in = open_stand_in
        self._clients: dict[H, C] = {}
        self._stand_in: S | None = None
        self.closed = False
        _held.add(self)

    def of(self, host: H) -> C:
        """The client for a host."""
        client = self._clients.get(host)
        if client is None:
            client = self._clients[host] = self._open(host)
        return client

    def discard(self, host: H, client: C) -> None:
        """Have the next call make a fresh client, unless this one was replaced already."""
        if self._clients.get(host) is client:
            del self._clients[host]

    def stand_in(self) -> S:
        """The transport that stands in."""
        if self._stand_in is None:
            self._stand_in = self._open_stand_in()
        return self._stand_in

    def close(self) -> S | None:
        """Let go of every client, for good. Answers the stand-in, if there is one, for the caller to close."""
        self.closed = True
        self._clients = {}
        return self._stand_in

    def forget(self) -> None:
        """In a forked child: begin anew."""
        _keep(self._clients)
        self._clients = {}
