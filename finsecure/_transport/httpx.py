"""Sends through the caller's own httpx or httpx2 client, with its connections, proxies, hooks and mocks.

The request has only our headers: the client's own auth, cookies and headers are not added, and redirects are not
followed. Whoever created the client closes it.

Response hooks may read the body, for example to log it. They may also raise, as `raise_for_status` does, and then httpx
discards the body. So if a client has such hooks, we put one of our own before them, which reads the body.
"""

from __future__ import annotations

import sys
import threading
from copy import copy
from typing import TYPE_CHECKING, Any, cast

from .._clock import monotonic
from .._log import logger
from .body import Body
from .deadline import has_unread
from .failures import closed, failure, unforeseen
from .httpcore import close_if_more_came
from .tls import is_verified
from .whose import raise_own, raised_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from .._http import Origin, Outcome, Request

_OURS = "finsecure"  # the extension of a request that holds its `_Reading`


class _Reading:
    """Reads the body of one response once: before the user's hooks see it, or else afterwards."""

    def __init__(self, timeout: float, limit: int) -> None:
        self.ends = monotonic() + timeout
        self._limit = limit
        self._body: Body | None = None
        self._raw = bytearray()
        self.written = False  # whether the head of the request was sent
        self.outcome: Outcome | None = None

    def begins(self, response: Any) -> bool:
        """Whether the body is still to be read from the stream."""
        if self.outcome is not None:
            return False
        headers: list[tuple[bytes, bytes]] = response.headers.raw
        if not response.is_stream_consumed:
            self._body = Body(response.status_code, headers, self._limit)
            return True
        decoded = [(name, value) for name, value in headers if name.lower() != b"content-encoding"]
        body = Body(response.status_code, decoded, self._limit)
        body.add(response.content)  # already read, by a mock or by a subclass of the client
        self.outcome = body.outcome()
        return False

    def add(self, chunk: bytes) -> bool:
        """Add a chunk, and return whether to go on reading."""
        self._raw += chunk
        return cast("Body", self._body).add(chunk)

    def end(self, response: Any) -> None:
        """Finish, and let the hooks read the body again."""
        self.outcome = cast("Body", self._body).outcome()
        response.stream = sys.modules[_family(response)].ByteStream(bytes(self._raw))


def _family(instance: object) -> str:
    """Return `httpx` or `httpx2`, also for instances of a subclass of theirs."""
    packages = [kind.__module__.partition(".")[0] for kind in type(instance).__mro__]
    return next(package for package in packages if package in {"httpx", "httpx2"})


def _http(
    client: object, request: Request, origin: Origin, timeout: float, reading: _Reading, check: Callable[..., object]
) -> Any:
    timeouts = dict.fromkeys(("pool", "connect", "write", "read"), timeout)
    return sys.modules[_family(client)].Request(
        request.method,
        f"{origin.scheme}://{origin.authority}{request.target}",
        headers=request.headers,
        content=request.body,
        extensions={"timeout": timeouts, "trace": check, _OURS: reading},
    )


def _check_step(step: str, facts: dict[str, Any]) -> None:
    """Raise an exception of a signal handler. After a failed write, httpcore reads on and would drop it."""
    if "exception" in facts:
        raise_own(facts["exception"])
    elif step.endswith(".send_request_body.started") and facts["request"].method != b"CONNECT":  # it goes to a proxy
        facts["request"].extensions[_OURS].written = True


async def _acheck_step(step: str, facts: dict[str, Any]) -> None:
    _check_step(step, facts)


def _read(response: Any, reading: _Reading) -> None:
    if reading.begins(response):
        stream = response.stream  # not iter_raw(), after which the hooks could not read it again
        try:
            for chunk in stream:
                if not reading.add(chunk):
                    break
                if monotonic() > reading.ends:
                    raise TimeoutError("the time for this attempt is over")
            close_if_more_came(_pooled(stream))
        finally:
            stream.close()
        reading.end(response)


async def _aread(response: Any, reading: _Reading) -> None:
    if reading.begins(response):
        stream = response.stream  # as in `_read`
        try:
            async for chunk in stream:
                if not reading.add(chunk):
                    break
            close_if_more_came(_pooled(stream), lambda: _has_unread(response))
        finally:
            await stream.aclose()
        reading.end(response)


def _pooled(stream: object) -> object:
    """Return the httpcore stream inside a stream of httpx; `None` if there is none."""
    return getattr(getattr(stream, "_stream", None), "_httpcore_stream", None)


def _has_unread(response: Any) -> bool:
    network = response.extensions["network_stream"]
    return has_unread(network, network.get_extra_info("ssl_object"))


def _read_first(response: Any) -> None:
    """Read the body of our responses: the first response hook of a client."""
    reading = response.request.extensions.get(_OURS)
    if reading is not None:
        _read(response, reading)


async def _aread_first(response: Any) -> None:
    """Read the body of our responses: the first response hook of an async client."""
    reading = response.request.extensions.get(_OURS)
    if reading is not None:
        await _aread(response, reading)


def _put_first(client: Any, hook: object) -> None:
    hooks: list[object] = client.event_hooks["response"]
    if hooks and hooks[0] is not hook:
        hooks.insert(0, hook)


def _failed(client: Any, request: Request, reading: _Reading, exc: BaseException) -> Outcome:
    before: list[object] = client.event_hooks["request"]
    after = [hook for hook in client.event_hooks["response"] if hook is not _read_first and hook is not _aread_first]
    request.unsent = raised_in(exc, before)
    if not isinstance(exc, Exception):
        raise exc
    raise_own(exc, [*before, *after])
    if type(exc).__name__ == "HTTPStatusError" and reading.outcome is not None:
        return reading.outcome  # a hook raised for the status, which we turn into our own error
    known = failure(exc) or unforeseen(exc)
    if reading.written:  # over HTTP/2, a malformed response is reported as a mistake in the request
        return known._replace(kind="lost")
    return known._replace(kind="not sent") if known.kind == "lost" and request.unsent else known


def _warn_if_unverified(client: Any, request: Request, origin: Origin) -> bool:
    """Warn if a live key is sent without verifying certificates. Return whether this was checked."""
    if origin.scheme != "https" or not any(value.startswith(_LIVE) for _, value in request.headers):
        return False
    # httpx has no public attribute for it. If the private ones are missing, as on a mock, assume that all is well.
    used = client._transport_for_url(sys.modules[_family(client)].URL(origin.url))
    if not is_verified(getattr(getattr(used, "_pool", None), "_ssl_context", None)):
        logger.warning(
            "http_client does not verify certificates (verify=False or check_hostname=False), but the API key is a "
            "live key"
        )
    return True


_LIVE = (b"Bearer sk_live_", b"Bearer pk_live_")


def _pools(client: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each transport of a client that has an httpcore pool, and the pool."""
    for transport in {getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()}:
        pool = getattr(transport, "_pool", None)
        if hasattr(pool, "_optional_thread_lock"):
            yield transport, pool


def _lock_in_one_step(client: Any) -> None:
    """Replace locks that take two steps: an interrupt in between would leave a pool locked, and its cleanup waiting."""
    for _, pool in _pools(client):
        if type(pool._optional_thread_lock) is not _RLock:  # else another client of ours uses it, perhaps right now
            pool._optional_thread_lock = threading.RLock()


_RLock = type(threading.RLock())


def _replace_pools(client: Any) -> None:
    """Give a client new pools after an interrupt, which may have left a connection of the old ones locked."""
    for transport, pool in _pools(client):
        fresh = transport._pool = copy(pool)
        fresh._connections, fresh._requests, fresh._optional_thread_lock = [], [], threading.RLock()
        pool._max_keepalive_connections = 0  # so that calls of other threads close theirs when they end
        for connection in [*pool._connections]:
            if connection.is_idle():
                connection.close()


class HttpxTransport:
    """Sends with an `httpx.Client`."""

    def __init__(self, http_client: httpx.Client) -> None:
        _lock_in_one_step(http_client)
        self._http = http_client
        self._closed = False
        self._looked = False  # whether we checked that it verifies certificates

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once. `timeout` limits each read of the head, and then the whole body."""
        if self._closed or self._http.is_closed:
            return closed()
        _put_first(self._http, _read_first)
        self._looked = self._looked or _warn_if_unverified(self._http, request, origin)
        reading = _Reading(timeout, request.max_response_size)
        try:
            response = self._http.send(
                _http(self._http, request, origin, timeout, reading, _check_step),
                stream=True,
                auth=None,
                follow_redirects=False,
            )
            try:
                _read(response, reading)
            finally:
                response.close()
        except BaseException as exc:
            try:
                return _failed(self._http, request, reading, exc)
            except BaseException:
                _replace_pools(self._http)
                raise
        return cast("Outcome", reading.outcome)

    @property
    def is_closed(self) -> bool:
        """Whether this transport or the httpx client is closed."""
        return self._closed or self._http.is_closed

    def close(self) -> None:
        """Refuse further requests. The httpx client stays open: its owner closes it."""
        self._closed = True


class AsyncHttpxTransport:
    """Sends with an `httpx.AsyncClient`."""

    def __init__(self, http_client: httpx.AsyncClient) -> None:
        self._http = http_client
        self._closed = False
        self._looked = False  # whether we checked that it verifies certificates

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed or self._http.is_closed:
            return closed()
        import anyio

        _put_first(self._http, _aread_first)
        self._looked = self._looked or _warn_if_unverified(self._http, request, origin)
        reading = _Reading(timeout, request.max_response_size)
        try:
            # A little later than httpx's own timeouts, so that they end a silence: they do not cancel inside its pool.
            with anyio.fail_after(timeout * 1.05):
                response = await self._http.send(
                    _http(self._http, request, origin, timeout, reading, _acheck_step),
                    stream=True,
                    auth=None,
                    follow_redirects=False,
                )
                try:
                    await _aread(response, reading)
                finally:
                    await response.aclose()
        except BaseException as exc:
            return _failed(self._http, request, reading, exc)
        return cast("Outcome", reading.outcome)

    @property
    def is_closed(self) -> bool:
        """Whether this transport or the httpx client is closed."""
        return self._closed or self._http.is_closed

    async def aclose(self) -> None:
        """Refuse further requests. The httpx client stays open: its owner closes it."""
        self._closed = True
