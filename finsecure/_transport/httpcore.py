"""The default transport: the connection pools under httpx or httpx2, without their clients around them.

A pool belongs to one process and to one event loop. After a fork, and in another loop, new ones are made.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import Self

from .. import _runtime
from .body import Body
from .deadline import AsyncBackend, Backend, Deadline
from .failures import closed, failure, unforeseen
from .pools import CONNECTIONS, KEEPALIVE, Pools
from .proxy import proxy_for
from .tls import tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    import httpcore

    from .._http import Failure, Origin, Outcome, Request


def _http(core: Any, request: Request, origin: Origin, deadline: Deadline, body: Any) -> httpcore.Request:
    made: httpcore.Request = core.Request(
        method=request.method,
        url=core.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=request.target),
        headers=request.headers,
        content=body,
        extensions={"timeout": {"pool": deadline, "connect": deadline, "write": deadline, "read": deadline}},
    )
    return made


def _failed(exc: Exception, origin: Origin, deadline: Deadline) -> Failure:
    found = failure(exc, connection_was_old=not deadline.connected and not deadline.received)
    if found is None:
        return unforeseen(exc)
    if found.kind == "lost" and deadline.connected and origin.scheme == "https" and not deadline.secured:
        return found._replace(kind="not sent")  # it failed at the proxy, which was sent nothing but where to go
    return found


def _check_is_ours(core: Any, deadline: Deadline) -> None:
    """Refuse an answer of which nothing came since the request went out: bytes left over from an earlier answer."""
    if deadline.sent and not deadline.received:  # a mock in httpcore's place does neither
        raise core.RemoteProtocolError("the connection held an answer that no request had asked for")


class HttpcoreTransport:
    """Sends over pools of this process."""

    def __init__(self, core: Any) -> None:
        self._core = core  # httpcore or httpcore2
        self._pools: dict[Origin, Pools[httpcore.ConnectionPool]] = {}
        self._closed = False
        self._finalizer = weakref.finalize(self, _close_all, self._pools)
        _runtime.watch(self)

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed:
            return closed()
        pools = self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(_open, self._core, origin)))
        slot = pools.take()
        if slot is None:
            return closed()
        deadline = Deadline.of(timeout)
        try:
            response = slot.pool.handle_request(_http(self._core, request, origin, deadline, request.body))
            try:
                _check_is_ours(self._core, deadline)
                return _read(response, request.max_response_size)
            finally:
                response.close()
        except Exception as exc:
            found = _failed(exc, origin, deadline)
            if isinstance(exc, self._core.PoolTimeout):
                pools.discard_if_stuck(slot)
            elif found.kind == "stale":
                for pool in pools.distrust(slot):
                    pool.close()
            return found
        finally:
            spare = pools.give_back(slot)
            if spare is not None:
                spare.close()

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        self._finalizer()

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone and begin anew."""
        _runtime.keep(self._pools)
        self._finalizer.detach()
        self._pools = {}
        self._finalizer = weakref.finalize(self, _close_all, self._pools)


# Functions, not methods: a pool that held its transport would keep it from ever being dropped.
def _open(core: Any, origin: Origin) -> httpcore.ConnectionPool:
    pool: httpcore.ConnectionPool = core.ConnectionPool(network_backend=Backend(core), **_pool_options(core, origin))
    return pool


def _aopen(core: Any, origin: Origin) -> httpcore.AsyncConnectionPool:
    pool: httpcore.AsyncConnectionPool = core.AsyncConnectionPool(
        network_backend=AsyncBackend(core), **_pool_options(core, origin)
    )
    return pool


def _pool_options(core: Any, origin: Origin) -> dict[str, Any]:
    proxy = proxy_for(origin)
    return {
        "ssl_context": tls_context() if origin.scheme == "https" else None,
        "proxy": None if proxy is None else core.Proxy(proxy.url, auth=proxy.hidden_auth),
        "max_connections": CONNECTIONS,
        "keepalive_expiry": KEEPALIVE,
    }


def _close_all(pools: dict[Origin, Pools[httpcore.ConnectionPool]]) -> None:
    for one in list(pools.values()):
        for pool in one.drain():
            pool.close()


def _read(response: httpcore.Response, limit: int) -> Outcome:
    body = Body(response.status, response.headers, limit)
    for chunk in cast("Iterable[bytes]", response.stream):
        if not body.add(chunk):
            break
    return body.outcome()


class AsyncHttpcoreTransport:
    """Sends over pools of the running event loop."""

    def __init__(self, core: Any) -> None:
        self._core = core  # httpcore or httpcore2
        self._loops: weakref.WeakKeyDictionary[Any, _LoopPools] = weakref.WeakKeyDictionary()
        self._closed = False
        _runtime.watch(self)

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed:
            return closed()
        pools = await self._of_this_loop(origin)
        slot = pools.take()
        if slot is None:
            return closed()
        deadline = Deadline.of(timeout)
        try:
            made = _http(self._core, request, origin, deadline, _Sent(request.body))
            response = await slot.pool.handle_async_request(made)
            try:
                _check_is_ours(self._core, deadline)
                return await _aread(response, request.max_response_size, deadline)
            finally:
                await response.aclose()
        except Exception as exc:
            found = _failed(exc, origin, deadline)
            if isinstance(exc, self._core.PoolTimeout):
                pools.discard_if_stuck(slot)
            elif found.kind == "stale":
                for pool in pools.distrust(slot):
                    await pool.aclose()
            return found
        finally:
            spare = pools.give_back(slot)
            if spare is not None:
                await spare.aclose()

    async def aclose(self) -> None:
        """Close the connections of this loop; those of other loops close with their loop."""
        self._closed = True
        mine = self._loops.pop(_running_loop(), None)
        if mine is not None:
            await mine.aclose()

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone and begin anew."""
        _runtime.keep(self._loops)
        self._loops = weakref.WeakKeyDictionary()

    async def _of_this_loop(self, origin: Origin) -> Pools[httpcore.AsyncConnectionPool]:
        loop = _running_loop()
        found = self._loops.get(loop)
        if found is None:
            found = self._loops[loop] = _LoopPools(self._core)
            await found.close_with_loop(loop)
        return found.of(origin)


class _LoopPools:
    """The pools of one event loop, which close when it ends."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._pools: dict[Origin, Pools[httpcore.AsyncConnectionPool]] = {}
        self._keeper = _until_loop_ends(self._pools)
        # Holds the connections until this is gone: in one garbage with it, sockets would warn before they are closed.
        weakref.finalize(self, _let_go, self._keeper).atexit = False

    def of(self, origin: Origin) -> Pools[httpcore.AsyncConnectionPool]:
        return self._pools.get(origin) or self._pools.setdefault(origin, Pools(partial(_aopen, self._core, origin)))

    async def close_with_loop(self, loop: Any) -> None:
        await self._keeper.__anext__()
        if type(loop).__module__.partition(".")[0] == "trio":
            _kept_by_trio.setdefault(loop, []).append(self._keeper)

    async def aclose(self) -> None:
        await self._keeper.aclose()


def _let_go(_: object) -> None:
    """The last who held it is gone, so it ends now."""


async def _until_loop_ends(pools: dict[Origin, Pools[httpcore.AsyncConnectionPool]]) -> AsyncGenerator[None, None]:
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


class _Sent:
    """A request's body, read once. httpcore's own is a generator, and trio warns of one that a failed write strands."""

    def __init__(self, body: bytes | None) -> None:
        self._parts = [body or b""]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop()


async def _aread(response: httpcore.Response, limit: int, deadline: Deadline) -> Outcome:
    body = Body(response.status, response.headers, limit)
    try:
        async for chunk in cast("AsyncIterable[bytes]", response.stream):
            if not body.add(chunk):
                deadline.at = -math.inf  # the next read fails; leaving the loop would strand httpcore's generators
    except Exception:
        if not body.refused:
            raise
    return body.outcome()
