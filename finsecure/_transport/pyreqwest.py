"""The fast transport: pyreqwest, whose connections and HTTP are in Rust. `Client(transport="pyreqwest")`.

pyreqwest's timeout already covers the whole request. The names of its exceptions are misleading (a silent server causes
a `ConnectTimeoutError`), so we read from their causes whether anything was sent.

pyreqwest does not work under trio: then calls fail with an error that says so. It does not work either in a process
that was forked after its first use: then the default transport stands in. That transport also stands in if a test has
mocked httpx, and if SSL_CERT_FILE or SSL_CERT_DIR is set.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import math
import os
import time
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from .._clock import monotonic
from .._http import Failure, Kind
from .._log import logger
from .._runtime import in_asyncio
from ..error import APIConnectionError, APITimeoutError, FinSecureError
from .body import Body
from .connect import resolvable
from .failures import certificate_refused, closed, unforeseen, unusable
from .httpcore import AsyncHttpcoreTransport, HttpcoreTransport
from .lifetime import HostClients
from .mocks import ASYNC, CORE, SYNC, mocked
from .pools import KEEPALIVE
from .proxy import proxy_for, unusable_proxy
from .whose import raise_own
from .worker import call_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from .._http import Origin, Outcome, Request

T = TypeVar("T")
Host: TypeAlias = "tuple[Origin, float]"
"""An origin, and the seconds that connecting may take."""

_PORTS = {"https": 443, "http": 80}
_OURS_TO_SET = frozenset({b"Host", b"Content-Length"})  # by pyreqwest, from the URL and the body


def _build(builder_class: Any, host: Host) -> Any:
    """Create a client for a host; `None` if the default transport has to stand in."""
    origin, connecting = host
    if origin.scheme == "https" and _certificates_named():
        return None
    builder = (
        builder_class()
        .http1_only()  # like the other transports
        .connect_timeout(timedelta(seconds=connecting))
        .pool_idle_timeout(timedelta(seconds=KEEPALIVE))
        .follow_redirects(False)
        .referer(False)
        .default_cookie_store(False)
    )
    builder = builder.gzip(False).deflate(False).brotli(False).zstd(False)  # `Body` decompresses, with a size limit
    if resolvable(origin.host) != origin.host:
        builder = builder.resolve(origin.host, "127.0.0.1", origin.port or _PORTS[origin.scheme])
    proxy = proxy_for(origin)
    if proxy is None:
        builder = builder.no_proxy()
    else:
        try:
            made: Any = importlib.import_module("pyreqwest.proxy").ProxyBuilder.all(proxy.url)
        except ValueError:
            raise unusable_proxy() from None
        builder = builder.proxy(made if proxy.auth is None else made.basic_auth(*proxy.auth))
    try:
        return builder.build()
    except RuntimeError:  # pyreqwest was used before this process was forked
        return None


def _certificates_named() -> bool:
    """Whether the environment names certificates to trust. pyreqwest would also trust the system's."""
    return bool(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"))


def _host(origin: Origin, timeout: float) -> Host:
    """Return the key of a client: the origin, and a time limit for connecting.

    The limit is at most 8 seconds and at most half of an attempt, so that a failure to connect is known as such. It is
    rounded down to a power of two, so that few clients are needed: each has one limit, and its own connections.
    """
    return origin, min(8.0, 2.0 ** math.floor(math.log2(timeout / 2)))


def _request(client: Any, request: Request, origin: Origin, timeout: float) -> Any:
    headers = [(name.decode(), value.decode()) for name, value in request.headers if name not in _OURS_TO_SET]
    made = client.request(request.method, f"{origin.scheme}://{origin.authority}{request.target}").headers(headers)
    if request.body is not None:
        made = made.body_bytes(request.body)
    return made.timeout(timedelta(seconds=timeout)).build_streamed()


def _headers(response: Any) -> list[tuple[bytes, bytes]]:
    """Read the headers one by one, and skip those that are not ASCII. Reading all at once would fail for them."""
    headers: list[tuple[bytes, bytes]] = []
    for name in response.headers:
        with contextlib.suppress(ValueError):
            headers.append((name.encode(), response.headers[name].encode("latin-1")))
    return headers


_AT_THE_PROXY = "tunnel error"  # without a status, so the stand-in tries again and reads the status


def _failed(exc: Exception, *, answered_before: bool) -> Failure:
    if type(exc).__module__.partition(".")[0] != "pyreqwest":
        return unforeseen(exc)
    args: list[Any] = list(exc.args)
    details: dict[str, Any] = args[1] if len(args) > 1 else {}
    chain: list[dict[str, str]] = details.get("causes") or []
    causes = [cause.get("message", "") for cause in chain]
    why = causes[-1] if causes else str(args[0])
    sent = not any("(Connect)" in cause for cause in causes)
    if "certificate" in why and not sent:
        return certificate_refused(why)
    if type(exc).__name__ == "BuilderError":
        return Failure("final", APIConnectionError(f"The request could not be written as HTTP ({why})."))
    timed_out = isinstance(exc, TimeoutError) or any("timed out" in cause for cause in causes)
    error = APITimeoutError if timed_out else APIConnectionError
    what = "No complete response arrived" if sent else "Could not connect"
    # The server may have closed an idle connection. pyreqwest does not say whether it reused one.
    stale = answered_before and not timed_out and any("(SendRequest)" in cause for cause in causes)
    kind: Kind = "not sent" if not sent else "stale" if stale else "lost"
    return Failure(kind, error(f"{what} ({why})."))


class _Opened:
    """A pyreqwest client for a host."""

    def __init__(self, client: Any) -> None:
        self.client = client  # `None` if the default transport has to stand in
        self.answered = False  # then it may have idle connections


def _open(builder_class: Any, host: Host) -> _Opened:
    return _Opened(_build(builder_class, host))


def _stand_in(transport_class: Callable[[Any], T]) -> T:
    if _certificates_named():
        logger.warning(
            "transport='pyreqwest' would trust the system's certificates besides those of SSL_CERT_FILE or "
            "SSL_CERT_DIR: the default transport takes its place"
        )
    return transport_class(importlib.import_module("httpcore"))


def _mocked(methods: tuple[tuple[str, str], ...]) -> bool:
    return bool(mocked(("httpx",), methods) or mocked(("httpcore",), CORE))


class PyreqwestTransport:
    """Sends with pyreqwest for a `Client`."""

    def __init__(self, library: Any) -> None:
        self._clients = HostClients(partial(_open, library.SyncClientBuilder), partial(_stand_in, HttpcoreTransport))

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._clients.closed:
            return closed()
        host = _host(origin, timeout)
        try:
            opened = self._clients.of(host)
        except FinSecureError as exc:
            return unusable(exc)
        if opened.client is None or _mocked(SYNC):
            return self._clients.stand_in().send(request, origin, timeout)
        return call_in_thread(partial(self._send, request, host, timeout, opened))

    def _send(self, request: Request, host: Host, timeout: float, opened: _Opened) -> Outcome:
        ends = monotonic() + timeout
        try:
            with _request(opened.client, request, host[0], timeout) as response:
                body = Body(response.status, _headers(response), request.max_response_size)
                read = response.body_reader.read_chunk
                while (chunk := read()) is not None and body.add(bytes(chunk)):
                    pass
                opened.answered = True
                return body.outcome()
        except Exception as exc:
            raise_own(exc)
            failed = _failed(exc, answered_before=opened.answered)
            if _AT_THE_PROXY in failed.error.message:
                return self._clients.stand_in().send(request, host[0], ends - monotonic())
            if failed.kind == "stale" or isinstance(failed.error, APITimeoutError):
                self._clients.discard(host, opened)  # and its idle connections, dead if the API restarted or moved
            return failed

    @property
    def is_closed(self) -> bool:
        """Whether this transport is closed."""
        return self._clients.closed

    def close(self) -> None:
        """Close every connection. Later requests fail."""
        stand_in = self._clients.close()
        if stand_in is not None:
            stand_in.close()


class _WithItsOwnCancellation:
    """Awaits a coroutine, and if it is cancelled, raises the same `CancelledError` that was thrown in.

    pyreqwest raises a new one instead, which anyio's cancel scopes (and so Starlette's) do not recognize as theirs.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Outcome]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Outcome]:
        import asyncio  # slow to import, and not needed by sync clients

        raised: BaseException | None = None
        answer: Any = None
        try:
            while True:
                waited_for = self._coroutine.send(answer) if raised is None else self._coroutine.throw(raised)
                raised = None
                try:
                    answer = yield waited_for
                except BaseException as exc:  # thrown into the coroutine
                    raised = exc
        except StopIteration as done:
            return cast("Outcome", done.value)
        except asyncio.CancelledError as exc:
            raise raised or exc from None
        finally:
            raised = None  # its traceback holds this frame


@cache
def _end_in_peace() -> None:
    """Wait a moment when Python ends: a pyreqwest thread that delivers a response after that aborts the process."""
    atexit.register(time.sleep, 0.1)


class AsyncPyreqwestTransport:
    """Sends with pyreqwest for an `AsyncClient`, on asyncio only."""

    def __init__(self, library: Any) -> None:
        _end_in_peace()
        self._clients = HostClients(partial(_open, library.ClientBuilder), partial(_stand_in, AsyncHttpcoreTransport))

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if not in_asyncio():
            why = "transport='pyreqwest' runs in asyncio only: under trio use 'httpx'."
            return Failure("final", APIConnectionError(why))
        return await _WithItsOwnCancellation(self._send(request, origin, timeout))

    async def _send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        if self._clients.closed:
            return closed()
        host = _host(origin, timeout)
        try:
            opened = self._clients.of(host)
        except FinSecureError as exc:
            return unusable(exc)
        if opened.client is None or _mocked(ASYNC):
            return await self._clients.stand_in().send(request, origin, timeout)
        ends = monotonic() + timeout
        try:
            async with _request(opened.client, request, host[0], timeout) as response:
                body = Body(response.status, _headers(response), request.max_response_size)
                read = response.body_reader.read_chunk
                while (chunk := await read()) is not None and body.add(bytes(chunk)):
                    pass
                opened.answered = True
                return body.outcome()
        except Exception as exc:
            raise_own(exc)
            failed = _failed(exc, answered_before=opened.answered)
            if _AT_THE_PROXY in failed.error.message:
                return await self._clients.stand_in().send(request, host[0], ends - monotonic())
            if failed.kind == "stale" or isinstance(failed.error, APITimeoutError):
                self._clients.discard(host, opened)  # and its idle connections, dead if the API restarted or moved
            return failed

    @property
    def is_closed(self) -> bool:
        """Whether this transport is closed."""
        return self._clients.closed

    async def aclose(self) -> None:
        """Close every connection. Later requests fail."""
        stand_in = self._clients.close()
        if stand_in is not None:
            await stand_in.aclose()
