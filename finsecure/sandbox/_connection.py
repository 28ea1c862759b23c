"""Sends a response with a fault over HTTP. Needs `finsecure[sandbox]`.

ASGI has no message to close a connection. So the sandbox's own server passes the connection of each request to the
application. With another server, the response starts and then breaks off, which makes any server close the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from ._http import Response

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

_STATE = "finsecure.connection"

PATIENCE = 0.4
"""Seconds that a stopping server waits for requests in progress."""


def _nothing() -> None: ...


@dataclass
class Connection:
    """A connection of the sandbox's own server.

    Attributes:
        close: Closes it after sending what was written.
        abort: Closes it at once.
        closing: Whether the server is stopping.
        held: Whether a fault is holding the response back, so that a stopping server must not wait for it.
        work: The cancel scope of the request in progress.
    """

    close: Callable[[], None] = _nothing
    abort: Callable[[], None] = _nothing
    closing: bool = field(default=False)
    held: bool = field(default=False)
    work: anyio.CancelScope | None = field(default=None)

    @staticmethod
    def of(scope: Scope) -> Connection:
        """Return the connection of a request; with another server, one that does nothing."""
        connection: Connection | None = scope.get("state", {}).get(_STATE)
        return connection or Connection()

    def stop(self) -> None:
        """Tell the connection that the server is stopping."""
        self.closing = True
        if self.held:
            self.close()

    def end(self) -> None:
        """Abort the connection, since the server cannot wait any longer."""
        self.abort()
        if self.work is not None:
            self.work.cancel()


def protocol() -> type[asyncio.Protocol]:
    """Return uvicorn's protocol class, extended to pass the connection to each request."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._connection = Connection(transport.close, transport.abort)
            self.app_state = {**self.app_state, _STATE: self._connection}

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self.transport.close()  # asyncio of Python 3.10 reports a TLS connection as leaked without this

        def shutdown(self) -> None:
            super().shutdown()
            self._connection.stop()
            self.loop.call_later(PATIENCE, self._connection.end)

    return Protocol


async def send_spoiled(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a response late, in part, or not at all."""
    connection: Connection | None = scope.get("state", {}).get(_STATE)
    if connection is None:
        await _send_elsewhere(response, receive, send)
        return
    connection.held = True
    with anyio.move_on_after(None if response.ending == "stalled" else response.delay):
        # Returns if the caller disconnects or the server stops before the delay is over.
        await _closed(connection, receive)
        return
    connection.held = False
    if response.ending == "whole":
        await _send(response, send)
        return
    if response.ending == "truncated":
        await _begin(response, send)
    connection.close()
    await _closed(connection, receive)


async def _closed(connection: Connection, receive: Receive) -> None:
    if connection.closing:
        connection.close()
    await receive()  # the body was read, so the next message is that the connection was closed


async def _send_elsewhere(response: Response, receive: Receive, send: Send) -> None:
    if response.ending == "stalled":
        await receive()  # see `_closed`
        return
    await anyio.sleep(response.delay)
    if response.ending == "whole":
        await _send(response, send)
        return
    # A dropped response has no body, and without a body it could not break off.
    await _begin(replace(response, body=response.body or b"{}"), send)
    raise httpx.RemoteProtocolError("The sandbox was told to break its answer off.")


def _start(response: Response) -> dict[str, Any]:
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }


async def _begin(response: Response, send: Send) -> None:
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.body[: len(response.body) // 2], "more_body": True})


async def _send(response: Response, send: Send) -> None:
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.body})
