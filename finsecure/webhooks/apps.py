"""ASGI and WSGI applications that receive webhooks without a framework: `webhook.asgi` and `webhook.wsgi`.

Both read the raw body once, respond with the status of the outcome, and log no headers or bodies.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

from .._signature import Payload

logger: logging.Logger = logging.getLogger("finsecure")

LIMIT = 1024 * 1024
"""The largest body to accept, in bytes. An event has a few thousand."""

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_Handle: TypeAlias = Callable[[Payload, str | None], tuple[int, str, str | None]]


class ASGIApp:
    """An ASGI application that handles deliveries, at any path.

    It is an object and not a function, so that Starlette and FastAPI accept it as a route.
    """

    def __init__(self, handle: Callable[[Payload, bytes | None], Awaitable[tuple[int, str, str | None]]]) -> None:
        self._handle = handle

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Respond to one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            status = await self._status(scope, receive)
            if status is not None:
                await _answer(send, status)
        else:
            await send({"type": "websocket.close"})

    async def _status(self, scope: _Message, receive: _Receive) -> int | None:
        """Return the status to respond with; `None` if the sender has disconnected."""
        if scope["method"] != "POST":
            return 405
        body = bytearray()
        is_whole = False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > LIMIT:
                return too_large()
            is_whole = not message.get("more_body", False)
        signatures = [value for name, value in scope["headers"] if name == b"finsecure-signature"]
        return (await self._handle(bytes(body), b",".join(signatures) or None))[0]


async def _live(receive: _Receive, send: _Send) -> None:
    """Acknowledge startup and shutdown. There is nothing to do."""
    for moment in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{moment}.complete"})


async def _answer(send: _Send, status: int) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in _headers(status)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def answer_wsgi(
    handle: _Handle,
    environ: dict[str, Any],
    start_response: Callable[..., Any],
) -> list[bytes]:
    """Respond to one request of a WSGI server."""
    status = _wsgi_status(handle, environ)
    start_response(f"{status} {HTTPStatus(status).phrase}", _headers(status))
    return []


def _wsgi_status(handle: _Handle, environ: dict[str, Any]) -> int:
    if environ["REQUEST_METHOD"] != "POST":
        return 405
    body = _wsgi_body(environ)
    return body if isinstance(body, int) else handle(body, environ.get("HTTP_FINSECURE_SIGNATURE"))[0]


def _wsgi_body(environ: dict[str, Any]) -> bytes | int:
    """Return the whole body, or the status to respond with if it cannot be read."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        return _body_of_length(environ["wsgi.input"], length)
    if not environ.get("wsgi.input_terminated"):
        return 411  # the server does not decode chunked bodies, so reading might never end
    body = _read(environ["wsgi.input"], LIMIT + 1)
    return body if len(body) <= LIMIT else too_large()


def _body_of_length(stream: Any, length: str) -> bytes | int:
    if not (length.isascii() and length.isdigit()):
        return 400
    if len(length) > len(str(LIMIT)) or int(length) > LIMIT:
        return too_large()
    body = _read(stream, int(length))
    return body if len(body) == int(length) else 400  # the sender disconnected


def _read(stream: Any, size: int) -> bytes:
    """Read up to so many bytes. One call of `read` may return fewer."""
    body = bytearray()
    while len(body) < size and (part := stream.read(size - len(body))):
        body += part
    return bytes(body)


def _headers(status: int) -> list[tuple[str, str]]:
    return [("Content-Length", "0"), *([("Allow", "POST")] if status == 405 else [])]


def too_large() -> int:
    """Log a body that is too large, and return the status to respond with."""
    logger.warning("A webhook was refused: its body has more than 1 MiB, and no event is that large.")
    return 413
