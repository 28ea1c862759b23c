"""The default transport: uses the connection pools of httpx or httpx2 directly, without their clients.

`lifetime` decides how long the pools live.
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
from .lifetime import AsyncConnections, Connections, HttpPool, LoopPools, ProcessPools
from .mocks import ASYNC, CORE, SYNC, mocked, through_async_client, through_client
from .pools import CONNECTIONS, Ticket
from .proxy import proxy_for
from .tls import tls_context
from .whose import raise_own

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    import httpcore

    from .._http import Failure, Origin, Outcome, Request
    from .deadline import AsyncStream
    from .pools import Pools


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
    replaced = mocked(_ELDERS[core.__name__], CORE)
    if replaced is not None:
        core, pool = replaced, _open(replaced, origin).http
    if httpx is None:
        response: httpcore.Response = pool.handle_request(_http(core, request, origin, deadline, request.body))
        return response
    return _as_core(core, through_client(httpx, pool, request, origin, deadline))


async def _asend(core: Any, pool: Any, request: Request, origin: Origin, deadline: Deadline) -> httpcore.Response:
    httpx = mocked(_FAMILIES[core.__name__], ASYNC)
    replaced = mocked(_ELDERS[core.__name__], CORE)
    if replaced is not None:
        core, pool = replaced, _aopen(replaced, origin).http
    if httpx is None:
        made = _http(core, request, origin, deadline, _Sent(request.body))
        response: httpcore.Response = await pool.handle_async_request(made)
        return response
    return _as_core(core, await through_async_client(httpx, pool, request, origin, deadline))


def _as_core(core: Any, response: Any) -> httpcore.Response:
    """Convert a response of httpx to one of httpcore."""
    made: httpcore.Response = core.Response(response.status_code, headers=response.headers.raw, content=response.stream)
    return made


_FAMILIES = {"httpcore": ("httpx",), "httpcore2": ("httpx2", "httpx")}  # the libraries whose mocks we respect
_ELDERS = {"httpcore": (), "httpcore2": ("httpcore",)}  # respx replaces the pools of httpcore, not httpcore2


def _unsent(origin: Origin, deadline: Deadline) -> bool:
    """Whether the attempt ended while connecting. By then, a proxy has received only the address to connect to."""
    return deadline.connected and not (deadline.sent and (deadline.tls_started or origin.scheme == "http"))


def _check_is_ours(core: Any, deadline: Deadline) -> None:
    """Refuse a response if no bytes arrived since the request was sent: it was left over from an earlier response."""
    if deadline.sent and not deadline.received:  # both are false if httpcore is mocked
        raise core.RemoteProtocolError("the connection held an answer that no request had asked for")


def close_if_more_came(stream: object, has_unread: Callable[[], bool] = bool) -> None:
    """Close a connection if the server sent more than the response. The next call would take that for its response.

    Args:
        stream: The body of the response, as an httpcore pool returns it.
        has_unread: Returns whether received bytes are waiting in a buffer. In sync code there is no such buffer.
    """
    connection = getattr(getattr(stream, "_stream", None), "_connection", None)
    h11_state = getattr(connection, "_h11_state", None)  # HTTP/2 and mocks of httpcore have none
    if h11_state is not None and (h11_state.trailing_data[0] or has_unread()):
        h11_state.send_failed()


class HttpcoreTransport:
    """Sends with httpcore for a `Client`."""

    def __init__(self, core: Any) -> None:
        self._core = core  # httpcore or httpcore2
        self._pools = ProcessPools(partial(_open, core))

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._pools.closed:
            return closed()
        pools = self._pools.of(origin)
        ticket: Ticket[HttpPool] = Ticket()
        try:
            pool = pools.take(ticket)
        except FinSecureError as exc:
            return unusable(exc)
        if pool is None:
            return closed()
        deadline = Deadline.of(timeout)
        try:
            response = _send(self._core, pool.http, request, origin, deadline)
            try:
                _check_is_ours(self._core, deadline)
                outcome = _read(response, request.max_response_size)
                close_if_more_came(response.stream)
            finally:
                response.close()
        except Exception as exc:
            return _give_up(self._core, exc, request, origin, deadline, pools, ticket)
        except BaseException:
            request.unsent = _unsent(origin, deadline)
            pools.discard(ticket)
            raise
        else:
            return outcome
        finally:
            pools.give_back(ticket)

    @property
    def is_closed(self) -> bool:
        """Whether this transport is closed."""
        return self._pools.closed

    def close(self) -> None:
        """Close every connection. Later requests fail."""
        self._pools.close()


def _give_up(
    core: Any,
    exc: Exception,
    request: Request,
    origin: Origin,
    deadline: Deadline,
    pools: Pools[HttpPool],
    ticket: Ticket[HttpPool],
) -> Failure:
    """Convert an exception to a `Failure`, and take the pool out of use if it may be unusable."""
    request.unsent = _unsent(origin, deadline)
    try:
        raise_own(exc)
    except BaseException:
        pools.discard(ticket)
        raise
    known = failure(exc, connection_was_old=not deadline.connected and not deadline.received)
    if known is None:
        pools.discard(ticket)
        known = unforeseen(exc)
    elif isinstance(exc, core.PoolTimeout):
        pools.discard_if_stuck(ticket)
    elif known.kind == "stale":
        pools.discard_all(ticket)
    if not request.unsent or isinstance(exc, core.PoolTimeout):
        return known
    proxy = proxy_for(origin)
    if proxy is not None:
        known.error.message += f" The proxy is {proxy.url}."
    return known._replace(kind="not sent") if known.kind == "lost" else known


def _open(core: Any, origin: Origin) -> HttpPool:
    return HttpPool(core.ConnectionPool, Connections(Backend(core)), **_pool_options(core, origin))


def _aopen(core: Any, origin: Origin) -> HttpPool:
    return HttpPool(core.AsyncConnectionPool, AsyncConnections(AsyncBackend(core)), **_pool_options(core, origin))


def _pool_options(core: Any, origin: Origin) -> dict[str, Any]:
    proxy = proxy_for(origin)
    return {
        "ssl_context": tls_context() if origin.scheme == "https" else None,
        "proxy": None if proxy is None else core.Proxy(proxy.url, auth=proxy.hidden_auth),
        "max_connections": CONNECTIONS,
    }


def _read(response: httpcore.Response, limit: int) -> Outcome:
    body = Body(response.status, response.headers, limit)
    for chunk in cast("Iterable[bytes]", response.stream):
        if not body.add(chunk):
            break
    return body.outcome()


class AsyncHttpcoreTransport:
    """Sends with httpcore for an `AsyncClient`, over the pools of the running event loop."""

    def __init__(self, core: Any) -> None:
        self._core = core  # httpcore or httpcore2
        self._pools = LoopPools(partial(_aopen, core))

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._pools.closed:
            return closed()
        pools = self._pools.of(origin)
        ticket: Ticket[HttpPool] = Ticket()
        try:
            pool = pools.take(ticket)
        except FinSecureError as exc:
            return unusable(exc)
        if pool is None:
            return closed()
        deadline = Deadline.of(timeout)
        try:
            response = await _asend(self._core, pool.http, request, origin, deadline)
            try:
                _check_is_ours(self._core, deadline)
                outcome = await _aread(response, request.max_response_size, deadline)
                close_if_more_came(response.stream, lambda: _network(response).has_unread())
            finally:
                await response.aclose()
        except Exception as exc:
            return _give_up(self._core, exc, request, origin, deadline, pools, ticket)
        except BaseException:
            request.unsent = _unsent(origin, deadline)
            pools.discard(ticket)
            raise
        else:
            return outcome
        finally:
            pools.give_back(ticket)

    @property
    def is_closed(self) -> bool:
        """Whether this transport is closed."""
        return self._pools.closed

    async def aclose(self) -> None:
        """Close every connection. Later requests fail."""
        await self._pools.aclose()


def _network(response: httpcore.Response) -> AsyncStream:
    return cast("Any", response).extensions["network_stream"]  # type: ignore[no-any-return]


class _Sent:
    """A request body, read once. httpcore would use a generator; trio warns if a failed write leaves it open."""

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
                deadline.at = -math.inf  # the next read fails; `break` would leave httpcore's generators open
    except Exception:
        if not body.invalid:
            raise
    return body.outcome()
