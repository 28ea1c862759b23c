"""A ready client of the caller's, httpx or its successor: its connections, proxies, hooks and mocks, our request.

The request is ours to the last header: redirects are not followed, and the client's own auth, cookies and headers stay
out. Closing the client stays with whoever made it.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from .body import Body
from .failures import closed, failure

if TYPE_CHECKING:
    import httpx

    from .._http import Failure, Origin, Outcome, Request


def _http(client: object, request: Request, origin: Origin, timeout: float) -> Any:
    family = next(
        kind.__module__.partition(".")[0]
        for kind in type(client).__mro__
        if kind.__module__.partition(".")[0] in {"httpx", "httpx2"}
    )
    return sys.modules[family].Request(
        request.method,
        f"{origin.scheme}://{origin.authority}{request.target}",
        headers=request.headers,
        content=request.body,
        extensions={"timeout": dict.fromkeys(("pool", "connect", "write", "read"), timeout)},
    )


def _failed(exc: Exception) -> Failure:
    known = failure(exc)
    if known is None:
        raise exc
    return known


class HttpxTransport:
    """Sends with an `httpx.Client`."""

    def __init__(self, http_client: httpx.Client) -> None:
        self._http = http_client
        self._closed = False

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once. Its reads are limited one by one until the body comes; from there by `timeout`."""
        if self._closed or self._http.is_closed:
            return closed()
        ends = time.monotonic() + timeout
        try:
            response = self._http.send(
                _http(self._http, request, origin, timeout), stream=True, auth=None, follow_redirects=False
            )
            try:
                body = Body(response.status_code, response.headers.raw, request.max_response_size)
                stream: Any = response.stream  # not iter_raw(), which refuses the ready responses of mocks
                for chunk in stream:
                    if not body.add(chunk):
                        break
                    if time.monotonic() > ends:
                        raise TimeoutError("the time for this attempt is over")
            finally:
                response.close()
        except Exception as exc:
            return _failed(exc)
        return body.outcome()

    def close(self) -> None:
        """Send no more; the client itself is not ours to close."""
        self._closed = True


class AsyncHttpxTransport:
    """Sends with an `httpx.AsyncClient`."""

    def __init__(self, http_client: httpx.AsyncClient) -> None:
        self._http = http_client
        self._closed = False

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once."""
        if self._closed or self._http.is_closed:
            return closed()
        import anyio

        try:
            # A little later than httpx's own limits, which end a silence without cancelling inside its pool.
            with anyio.fail_after(timeout * 1.05):
                response = await self._http.send(
                    _http(self._http, request, origin, timeout), stream=True, auth=None, follow_redirects=False
                )
                try:
                    body = Body(response.status_code, response.headers.raw, request.max_response_size)
                    stream: Any = response.stream  # as above
                    async for chunk in stream:
                        if not body.add(chunk):
                            break
                finally:
                    await response.aclose()
        except Exception as exc:
            return _failed(exc)
        return body.outcome()

    async def aclose(self) -> None:
        """Send no more; the client itself is not ours to close."""
        self._closed = True
