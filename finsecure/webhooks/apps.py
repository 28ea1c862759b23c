"""A webhook endpoint as an application that needs no framework: `webhook.asgi` and `webhook.wsgi`.

Both read the raw body once, answer with the status of the outcome, and log no header and no body.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

from .._signature import Payload

logger: logging.Logger = logging.getLogger("finsecure")

LIMIT = 1024 * 1024
"""Bytes that a body may have. An event has a few thousand."""

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_Handle: TypeAlias = Callable[[Payload, str | None], tuple[int, str, str | None]]


class ASGIApp:
    """An ASGI application that handles deliveries, at whichever path it is served.

    It is an object and no function, so that Starlette and FastAPI take it as a route.
    """

    def __init__(self, handle: Callable[[Payload, bytes | None], Awaitable[tuple[int, str, str | None]]]) -> None:
        self._handle = handle

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            status = await self._status(scope, receive)
            if status is not None:
                await _answer(send, status)
        else:
            await send({"type": "websocket.close"})

    async def _status(self, scope: _Message, receive: _Receive) -> int | None:
        """What to answer; `None` where the sender has gone."""
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
    """There is nothing to start and nothing to stop."""
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
    """Answer one request of a WSGI server."""
    status = _wsgi_status(handle, environ)
    start_response(f"{status} {HTTPStatus(status).phrase}", _headers(status))
    return []


def _wsgi_status(handle: _Handle, environ: dict[str, Any]) -> int:
    if environ["REQUEST_METHOD"] != "POST":
        return 405
    body = _wsgi_body(environ)
    return body if isinstance(body, int) else handle(body, environ.get("HTTP_FINSECURE_SIGNATURE"))[0]


def _wsgi_body(environ: dict[str, Any]) -> bytes | int:
    """The whole body, or the status to answer where it cannot be had."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        return _body_of_length(environ["wsgi.input"], length)
    if not environ.get("wsgi.input_terminated"):
        return 411  # a chunked body that this server does not decode: reading it might never end
    body = _read(environ["wsgi.input"], LIMIT + 1)
    return body if len(body) <= LIMIT else too_large()


def _body_of_length(stream: Any, length: str) -> bytes | int:
    if not (length.isascii() and length.isdigit()):
        return 400
    if len(length) > len(str(LIMIT)) or int(length) > LIMIT:
        return too_large()
    body = _read(stream, int(length))
    return body if len(body) == int(length) else 400  # the sender has gone


def _read(stream: Any, size: int) -> bytes:
    """Read this many bytes, or as many as there are. One call may give fewer."""
    body = bytearray()
    while len(body) < size and (part := stream.read(size - len(body))):
        body += part
    return bytes(body)


def _headers(status: int) -> list[tuple[str, str]]:
    return [("Content-Length", "0"), *([("Allow", "POST")] if status == 405 else [])]


def too_large() -> int:
    """The status for a body that has too many bytes, and a line in the log."""
    logger.warning("A webhook was refused: its body has more than 1 MiB, and no event is that large.")
    return 413
