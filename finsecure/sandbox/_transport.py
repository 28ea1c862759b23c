"""The in-process transport: an httpx transport, sync and async, that calls the engine without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from ._clock import Clock, wait, wait_async
from ._http import Request, Response


class InProcessTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends the requests of an `httpx.Client` or `httpx.AsyncClient` to a sandbox in this process.

    Faults look the same as over a socket: the same exceptions, after the same time by the sandbox's clock.
    """

    def __init__(self, handle: Callable[[Request], Response], clock: Clock) -> None:
        self._handle = handle
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request to the sandbox, and return its response."""
        response = self._ask(request, request.read())
        seconds, in_time = _waits(request, response)
        if seconds:
            wait(self._clock, seconds)
        return _give(request, response, in_time=in_time)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Like `handle_request`, but async. The engine is fast, so it runs on the event loop's own thread."""
        response = self._ask(request, await request.aread())
        seconds, in_time = _waits(request, response)
        if seconds:
            await wait_async(self._clock, seconds)
        return _give(request, response, in_time=in_time)

    def _ask(self, request: httpx.Request, body: bytes) -> Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        host = request.url.netloc.decode("ascii")
        headers = {name.lower(): value for name, value in request.headers.items()}
        base_url = f"{request.url.scheme}://{host}"
        return self._handle(Request(request.method, path, query, headers, body, base_url))


def _waits(request: httpx.Request, response: Response) -> tuple[float, bool]:
    """Return how many seconds the caller waits for the response, and whether it arrives in time."""
    patience: float | None = request.extensions.get("timeout", {}).get("read")
    if response.ending == "stalled":
        # Without a timeout the caller would wait forever, which helps nobody, so time out after the delay.
        return response.delay if patience is None else patience, False
    if patience is not None and response.delay >= patience:
        return patience, False
    return response.delay, True


def _give(request: httpx.Request, response: Response, *, in_time: bool) -> httpx.Response:
    if not in_time:
        raise httpx.ReadTimeout("The sandbox was told not to answer in time.", request=request)
    if response.ending == "closed":
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
    headers = dict(response.headers)
    if response.ending == "truncated":
        headers["Content-Length"] = str(len(response.body))
        return httpx.Response(response.status, headers=headers, stream=_BrokenOff(response.body), request=request)
    return httpx.Response(response.status, headers=headers, content=response.body, request=request)


class _BrokenOff(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body that breaks off in the middle."""

    def __init__(self, whole: bytes) -> None:
        self._sent = whole[: len(whole) // 2]
        self._error = httpx.RemoteProtocolError(
            "peer closed connection without sending complete message body "
            f"(received {len(self._sent)} bytes, expected {len(whole)})"
        )

    def __iter__(self) -> Iterator[bytes]:
        yield self._sent
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._sent
        raise self._error
