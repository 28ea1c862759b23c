"""The door without a socket: an httpx transport, sync and async, that asks the engine in this process."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from ._http import Request, Response


class InProcessTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Send the requests of an `httpx.Client` or `httpx.AsyncClient` to a sandbox in this process."""

    def __init__(self, handle: Callable[[Request], Response]) -> None:
        self._handle = handle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request. The engine answers at once, so it runs on the event loop's own thread."""
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        host = request.url.netloc.decode("ascii")
        headers = {name.lower(): value for name, value in request.headers.items()}
        base_url = f"{request.url.scheme}://{host}"
        response = self._handle(Request(request.method, path, query, headers, body, base_url))
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body, request=request)
