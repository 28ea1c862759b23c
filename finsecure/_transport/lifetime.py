"""How long connections live.

| who | holds | until |
|---|---|---|
| the process | its transports, weakly, so that a fork reaches them | the transport is gone |
| a forked child | the connections of its parent, without using or closing them | the child ends |
| an event loop | an async generator, whose end closes the pools of that loop | the loop shuts its generators down |
| a trio run | that generator, strongly, since trio warns of one that is dropped early | the run is over |
| a client | its transport | the client is gone; `close()` lets go of the connections before |
| a sync transport | the pools of each origin | `close()`, or the transport is gone, or the program ends |
| an async transport | the pools of each loop | `aclose()` in that loop, or the loop ends, or the transport is gone |
| a pyreqwest transport | a client of pyreqwest for each origin, and its stand-in after a fork | `close()` |
| an origin's pools | up to 40 pools | a pool has been idle for `KEEPALIVE`, lost count, or a connection was dead |
| a pool | up to 5 connections | a connection has been idle for `KEEPALIVE`, or was closed by the server |
| a call | its pool, also where that was taken out meanwhile | the call is over |
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .._runtime import in_child
from .pools import Pools

if TYPE_CHECKING:
    from .._http import Origin

C = TypeVar("C")
S = TypeVar("S")


class Forgetful(Protocol):
    """What can begin anew."""

    def forget(self) -> None:
        """Leave the parent's connections alone and begin anew."""
        ...


_held: weakref.WeakSet[Forgetful] = weakref.WeakSet()
_of_parent: list[object] = []


def _forget_all() -> None:
    for holder in list(_held):
        holder.forget()


in_child(_forget_all)


def _keep(connections: object) -> None:
    """Never close these: they are the parent's, and closing takes locks that may have been held when it forked."""
    _of_parent.append(connections)


class ProcessPools:
    """The pools of a sync transport: those of one process."""

    def __init__(self, open_pool: Callable[[Origin], Any]) -> None:
        self._open = open_pool  # it must not hold the transport, which would never be dropped then
        self.closed = False
        self._begin()
        _held.add(self)

    def _begin(self) -> None:
        self._pools: dict[Origin, Pools[Any]] = {}
        self._finalizer = weakref.finalize(self, _close_all, self._pools)

    def of(self, origin: Origin) -> Pools[Any]:
        """The pools for a host."""
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(self._open, origin)))

    def close(self) -> None:
        """Close every connection, for good."""
        self.closed = True
        self._finalizer()

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone and begin anew."""
        _keep(self._pools)
        self._finalizer.detach()
        self._begin()


def _close_all(pools: dict[Origin, Pools[Any]]) -> None:
    for one in list(pools.values()):
        for pool in one.drain():
            pool.close()


class LoopPools:
    """The pools of an async transport: those of each event loop that it is used in."""

    def __init__(self, open_pool: Callable[[Origin], Any]) -> None:
        self._open = open_pool
        self._loops: weakref.WeakKeyDictionary[Any, _OneLoop] = weakref.WeakKeyDictionary()
        self.closed = False
        _held.add(self)

    async def of(self, origin: Origin) -> Pools[Any]:
        """The pools for a host, in the running loop."""
        loop = _running_loop()
        mine = self._loops.get(loop)
        if mine is None:
            mine = self._loops[loop] = _OneLoop(self._open)
            await mine.close_with_loop(loop)
        return mine.of(origin)

    async def aclose(self) -> None:
        """Close the connections of this loop, for good; those of other loops close with their loop."""
        self.closed = True
        mine = self._loops.pop(_running_loop(), None)
        if mine is not None:
            await mine.aclose()

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone and begin anew."""
        _keep(self._loops)
        self._loops = weakref.WeakKeyDictionary()


class _OneLoop:
    """The pools of one event loop, which close when it ends."""

    def __init__(self, open_pool: Callable[[Origin], Any]) -> None:
        self._open = open_pool
        self._pools: dict[Origin, Pools[Any]] = {}
        self._keeper = _until_loop_ends(self._pools)
        # Holds the connections until this is gone: in one garbage with it, sockets would warn before they are closed.
        weakref.finalize(self, _let_go, self._keeper).atexit = False

    def of(self, origin: Origin) -> Pools[Any]:
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(self._open, origin)))

    async def close_with_loop(self, loop: Any) -> None:
        await self._keeper.__anext__()
        if type(loop).__module__.partition(".")[0] == "trio":
            _kept_by_trio.setdefault(loop, []).append(self._keeper)

    async def aclose(self) -> None:
        await self._keeper.aclose()


def _let_go(_: object) -> None:
    """The last who held it is gone, so it ends now."""


async def _until_loop_ends(pools: dict[Origin, Pools[Any]]) -> AsyncGenerator[None, None]:
    """Closes the pools when its loop shuts its generators down, or when nobody holds it any more."""
    try:
        yield
    finally:
        for one in list(pools.values()):
            for pool in one.drain():
                await pool.aclose()


# Trio warns of a generator that is dropped before it ends, so it holds these until its run is over.
_kept_by_trio: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()


def _running_loop() -> Any:
    import asyncio  # not for a sync client, which has no loop to look for

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return sys.modules["trio"].lowlevel.current_trio_token()


class HostClients(Generic[C, S]):
    """Ready clients, one for each host, and what stands in for them in a process that was forked after their first use.

    A client that is taken out lives until its last call is over.
    """

    def __init__(self, open_client: Callable[[Origin], C], open_stand_in: Callable[[], S]) -> None:
        self._open = open_client
        self._open_stand_in = open_stand_in
        self._clients: dict[Origin, C] = {}
        self._stand_in: S | None = None
        self.closed = False
        _held.add(self)

    def of(self, origin: Origin) -> C:
        """The client for a host."""
        client = self._clients.get(origin)
        if client is None:
            client = self._clients[origin] = self._open(origin)
        return client

    def discard(self, origin: Origin, client: C) -> None:
        """Have the next call make a fresh client, unless this one was replaced already."""
        if self._clients.get(origin) is client:
            del self._clients[origin]

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
