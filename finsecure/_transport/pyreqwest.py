"""The fast transport: pyreqwest, whose connections and HTTP are in Rust. `Client(transport="pyreqwest")`.

Its deadline is for the whole request already. What its exceptions are called is not what they mean (a silent server
gives a `ConnectTimeoutError`), so whether anything was sent is read from their causes.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .. import _redact
from .._retry import Failure
from ..error import APIConnectionError, APITimeoutError
from . import connections, forks
from .body import Body
from .failures import certificate_refused, closed

if TYPE_CHECKING:
    from .._config import Origin
    from .._wire import Request
    from . import Outcome

_OURS_TO_SET = frozenset({b"Host", b"Content-Length"})  # by pyreqwest, from the URL and the body


def _build(builder: Any, origin: Origin) -> Any:
    builder = builder.follow_redirects(False).referer(False).default_cookie_store(False)
    builder = builder.gzip(False).deflate(False).brotli(False).zstd(False)  # `Body` does it, with a limit
    cafile = os.environ.get("SSL_CERT_FILE")
    if cafile and origin.scheme == "https":
        builder = builder.add_root_certificate_pem(connections.pem(cafile))
    proxy = connections.proxy(origin)
    if proxy is None:
        return builder.no_proxy().build()
    from pyreqwest.proxy import ProxyBuilder

    made: Any = ProxyBuilder.all(proxy.url)
    return builder.proxy(made if proxy.auth is None else made.basic_auth(*proxy.auth)).build()


def _request(client: Any, request: Request, origin: Origin, timeout: float) -> Any:
    headers = [(name.decode(), value.decode()) for name, value in request.headers if name not in _OURS_TO_SET]
    made = client.request(request.method, f"{origin.scheme}://{origin.authority}{request.target}").headers(headers)
    if request.body is not None:
        made = made.body_bytes(request.body)
    return made.timeout(timedelta(seconds=timeout)).build_streamed()


def _headers(response: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]


def _failed(exc: Exception) -> Failure:
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
    return Failure("lost" if sent else "not sent", error(f"{what} ({_redact.text(why)})."))


class PyreqwestTransport:
    """Sends for a `Client`."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._clients: dict[Origin, Any] = {}
        self._closed = False
        forks.watch(self)

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed:
            return closed()
        try:
            with _request(self._client(origin), request, origin, timeout) as response:
                body = Body(response.status, _headers(response))
                read = response.body_reader.read_chunk
                while (chunk := read()) is not None and body.add(bytes(chunk)):
                    pass
                return body.outcome()
        except Exception as exc:
            return _failed(exc)

    def _client(self, origin: Origin) -> Any:
        found = self._clients.get(origin)
        if found is None:
            found = self._clients.setdefault(origin, _build(self._library.SyncClientBuilder(), origin))
        return found

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        for client in self._clients.values():
            client.close()

    def forget(self) -> None:
        """In a forked child: begin anew."""
        forks.keep(self._clients)
        self._clients = {}


class AsyncPyreqwestTransport:
    """Sends for an `AsyncClient`; in asyncio only, as pyreqwest does."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._clients: dict[Origin, Any] = {}
        self._closed = False
        forks.watch(self)

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed:
            return closed()
        try:
            async with _request(self._client(origin), request, origin, timeout) as response:
                body = Body(response.status, _headers(response))
                read = response.body_reader.read_chunk
                while (chunk := await read()) is not None and body.add(bytes(chunk)):
                    pass
                return body.outcome()
        except Exception as exc:
            return _failed(exc)

    def _client(self, origin: Origin) -> Any:
        found = self._clients.get(origin)
        if found is None:
            found = self._clients.setdefault(origin, _build(self._library.ClientBuilder(), origin))
        return found

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        for client in self._clients.values():
            await client.close()

    def forget(self) -> None:
        """In a forked child: begin anew."""
        forks.keep(self._clients)
        self._clients = {}
