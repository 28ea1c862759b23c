"""The fast transport: pyreqwest, whose connections and HTTP are in Rust. `Client(transport="pyreqwest")`.

Its deadline is for the whole request already. What its exceptions are called is not what they mean (a silent server
gives a `ConnectTimeoutError`), so whether anything was sent is read from their causes. It cannot run in a process that
was forked after its first use, where the default transport takes its place, nor under trio, where it says so.
"""

from __future__ import annotations

import importlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .. import _forks as forks
from .. import _redact
from .._retry import Failure, Kind
from ..error import APIConnectionError, APITimeoutError
from . import connections
from .body import Body
from .direct import AsyncDirectTransport, DirectTransport
from .failures import certificate_refused, closed
from .pools import KEEPALIVE

if TYPE_CHECKING:
    from .._config import Origin
    from .._wire import Request
    from . import Outcome

_OURS_TO_SET = frozenset({b"Host", b"Content-Length"})  # by pyreqwest, from the URL and the body


def _build(builder_class: Any, origin: Origin) -> Any:
    """A client for a host; `None` in a process that was forked after pyreqwest's first use."""
    builder = (
        builder_class()
        .pool_idle_timeout(timedelta(seconds=KEEPALIVE))
        .follow_redirects(False)
        .referer(False)
        .default_cookie_store(False)
    )
    builder = builder.gzip(False).deflate(False).brotli(False).zstd(False)  # `Body` does it, with a limit
    cafile = os.environ.get("SSL_CERT_FILE")
    if cafile and origin.scheme == "https":
        builder = builder.add_root_certificate_pem(connections.pem(cafile))
    proxy = connections.proxy(origin)
    if proxy is None:
        builder = builder.no_proxy()
    else:
        made: Any = importlib.import_module("pyreqwest.proxy").ProxyBuilder.all(proxy.url)
        builder = builder.proxy(made if proxy.auth is None else made.basic_auth(*proxy.auth))
    try:
        return builder.build()
    except RuntimeError:  # says that a fork came in between
        return None


def _request(client: Any, request: Request, origin: Origin, timeout: float) -> Any:
    headers = [(name.decode(), value.decode()) for name, value in request.headers if name not in _OURS_TO_SET]
    made = client.request(request.method, f"{origin.scheme}://{origin.authority}{request.target}").headers(headers)
    if request.body is not None:
        made = made.body_bytes(request.body)
    return made.timeout(timedelta(seconds=timeout)).build_streamed()


def _headers(response: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]


def _failed(exc: Exception, *, answered_before: bool) -> Failure:
    if isinstance(exc, RuntimeError) and "no running event loop" in str(exc):
        return Failure(
            "final", APIConnectionError("transport='pyreqwest' runs in asyncio only: under trio use 'httpx'.")
        )
    if type(exc).__module__.partition(".")[0] != "pyreqwest":
        raise exc
    args: list[Any] = list(exc.args)
    details: dict[str, Any] = args[1] if len(args) > 1 else {}
    found: list[dict[str, str]] = details.get("causes") or []
    causes = [cause.get("message", "") for cause in found]
    why = causes[-1] if causes else str(args[0])
    if "certificate" in why:
        return certificate_refused(why)
    if type(exc).__name__ == "ClientClosedError":
        return closed()
    if type(exc).__name__ == "BuilderError":
        return Failure("final", APIConnectionError(f"The request could not be written as HTTP ({_redact.text(why)})."))
    timed_out = isinstance(exc, TimeoutError) or any("timed out" in cause for cause in causes)
    sent = not any("(Connect)" in cause for cause in causes)
    error = APITimeoutError if timed_out else APIConnectionError
    what = "No whole answer came" if sent else "The connection could not be made"
    # A kept connection may have been closed under us; which one it was is not to be known here.
    stale = answered_before and not timed_out and any("(SendRequest)" in cause for cause in causes)
    kind: Kind = "not sent" if not sent else "stale" if stale else "lost"
    return Failure(kind, error(f"{what} ({_redact.text(why)})."))


class PyreqwestTransport:
    """Sends for a `Client`."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._clients: dict[Origin, Any] = {}
        self._direct: DirectTransport | None = None
        self._answered: set[Origin] = set()
        self._closed = False
        forks.watch(self)

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed:
            return closed()
        try:
            client = self._client(origin)
            if client is None:
                return self._stand_in().send(request, origin, timeout)
            with _request(client, request, origin, timeout) as response:
                body = Body(response.status, _headers(response), request.max_response_size)
                read = response.body_reader.read_chunk
                while (chunk := read()) is not None and body.add(bytes(chunk)):
                    pass
                self._answered.add(origin)
                return body.outcome()
        except Exception as exc:
            return _failed(exc, answered_before=origin in self._answered)

    def _client(self, origin: Origin) -> Any:
        if origin not in self._clients:
            self._clients[origin] = _build(self._library.SyncClientBuilder, origin)
        return self._clients[origin]

    def _stand_in(self) -> DirectTransport:
        if self._direct is None:
            self._direct = DirectTransport(importlib.import_module("httpcore"))
        return self._direct

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        for opened in (*self._clients.values(), self._direct):
            if opened is not None:
                opened.close()

    def forget(self) -> None:
        """In a forked child: begin anew."""
        forks.keep(self._clients)
        self._clients = {}


class AsyncPyreqwestTransport:
    """Sends for an `AsyncClient`; in asyncio only, as pyreqwest does."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._clients: dict[Origin, Any] = {}
        self._direct: AsyncDirectTransport | None = None
        self._answered: set[Origin] = set()
        self._closed = False
        forks.watch(self)

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed:
            return closed()
        try:
            client = self._client(origin)
            if client is None:
                return await self._stand_in().send(request, origin, timeout)
            async with _request(client, request, origin, timeout) as response:
                body = Body(response.status, _headers(response), request.max_response_size)
                read = response.body_reader.read_chunk
                while (chunk := await read()) is not None and body.add(bytes(chunk)):
                    pass
                self._answered.add(origin)
                return body.outcome()
        except Exception as exc:
            return _failed(exc, answered_before=origin in self._answered)

    def _client(self, origin: Origin) -> Any:
        if origin not in self._clients:
            self._clients[origin] = _build(self._library.ClientBuilder, origin)
        return self._clients[origin]

    def _stand_in(self) -> AsyncDirectTransport:
        if self._direct is None:
            self._direct = AsyncDirectTransport(importlib.import_module("httpcore"))
        return self._direct

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        for client in self._clients.values():
            if client is not None:
                await client.close()
        if self._direct is not None:
            await self._direct.aclose()

    def forget(self) -> None:
        """In a forked child: begin anew."""
        forks.keep(self._clients)
        self._clients = {}
