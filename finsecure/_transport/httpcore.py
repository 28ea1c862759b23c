"""The default transport: the connection pools under httpx or httpx2, without their clients around them.

How long they live is decided in `lifetime`.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import Self

from ..error import FinSecureError
from .body import Body
from .deadline import AsyncBackend, Backend, Deadline
from .failures import closed, failure, unforeseen, unusable
from .lifetime import LoopPools, ProcessPools
from .mocks import ASYNC, SYNC, mocked, through_async_client, through_client
from .pools import CONNECTIONS, KEEPALIVE
from .proxy import proxy_for
from .tls import tls_context
from .whose import raise_own

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


def _send(core: Any, pool: Any, request: Request, origin: Origin, deadline: Deadline) -> httpcore.Response:
    httpx = mocked(_FAMILIES[core.__name__], SYNC)
    if httpx is None:
        response: httpcore.Response = pool.handle_request(_http(core, request, origin, deadline, request.body))
        return response
    return _as_core(core, through_client(httpx, pool, request, origin, deadline))


async def _asend(core: Any, pool: Any, request: Request, origin: Origin, deadline: Deadline) -> httpcore.Response:
    httpx = mocked(_FAMILIES[core.__name__], ASYNC)
    if httpx is None:
        made = _http(core, request, origin, deadline, _Sent(request.body))
        response: httpcore.Response = await pool.handle_async_request(made)
        return response
    return _as_core(core, await through_async_client(httpx, pool, request, origin, deadline))


def _as_core(core: Any, response: Any) -> httpcore.Response:
    """An answer of httpx's, as a pool would have given it."""
    made: httpcore.Response = core.Response(response.status_code, headers=response.headers.raw, content=response.stream)
    return made


_FAMILIES = {"httpcore": ("httpx",), "httpcore2": ("httpx2", "httpx")}  # whose mocks are in force


def _failed(exc: Exception, deadline: Deadline, *, unsent: bool) -> Failure:
    known = failure(exc, connection_was_old=not deadline.connected and not deadline.received) or unforeseen(exc)
    return known._replace(kind="not sent") if known.kind == "lost" and unsent else known


def _unsent(origin: Origin, deadline: Deadline) -> bool:
    """Whether the attempt ended while its connection was being made; a proxy is only told where to go."""
    return deadline.connected and not (deadline.sent and (deadline.tls_started or origin.scheme == "http"))


def _check_is_ours(core: Any, deadline: Deadline) -> None:
    """Refuse an answer of which nothing came since the request went out: bytes left over from an earlier answer."""
    if deadline.sent and not deadline.received:  # a mock in httpcore's place does neither
        raise core.RemoteProtocolError("the connection held an answer that no request had asked for")


class HttpcoreTransport:
    """Sends over pools of this process."""

    def __init__(self, core: Any) -> None:
        self._core = core  # httpcore or httpcore2
        self._pools = ProcessPools(partial(_open, core))

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._pools.closed:
            return closed()
        pools = self._pools.of(origin)
        try:
            slot = pools.take()
        except FinSecureError as exc:
            return unusable(exc)
        if slot is None:
            return closed()
        deadline = Deadline.of(timeout)
        try:
            response = _send(self._core, slot.pool, request, origin, deadline)
            try:
                _check_is_ours(self._core, deadline)
                return _read(response, request.max_response_size)
            finally:
                response.close()
        except BaseException as exc:
            request.unsent = _unsent(origin, deadline)
            if not isinstance(exc, Exception):
                raise
            raise_own(exc)
            failed = _failed(exc, deadline, unsent=request.unsent)
            if isinstance(exc, self._core.PoolTimeout):
                pools.discard_if_stuck(slot)
            elif failed.kind == "stale":
                for pool in pools.discard_all(slot):
                    pool.close()
            return failed
        finally:
            spare = pools.give_back(slot)
            if spare is not None:
                spare.close()

    def close(self) -> None:
        """Close every connection."""
        self._pools.close()


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
        self._pools = LoopPools(partial(_aopen, core))

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._pools.closed:
            return closed()
        pools = await self._pools.of(origin)
        try:
            slot = pools.take()
        except FinSecureError as exc:
            return unusable(exc)
        if slot is None:
            return closed()
        deadline = Deadline.of(timeout)
        try:
            response = await _asend(self._core, slot.pool, request, origin, deadline)
            try:
                _check_is_ours(self._core, deadline)
                return await _aread(response, request.max_response_size, deadline)
            finally:
                await response.aclose()
        except BaseException as exc:
            request.unsent = _unsent(origin, deadline)
            if not isinstance(exc, Exception):
                raise
            raise_own(exc)
            failed = _failed(exc, deadline, unsent=request.unsent)
            if isinstance(exc, self._core.PoolTimeout):
                pools.discard_if_stuck(slot)
            elif failed.kind == "stale":
                for pool in pools.discard_all(slot):
                    await pool.aclose()
            return failed
        finally:
            spare = pools.give_back(slot)
            if spare is not None:
                await spare.aclose()

    async def aclose(self) -> None:
        """Close the connections of this loop; those of other loops close with their loop."""
        await self._pools.aclose()


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
        if not body.invalid:
            raise
    return body.outcome()
