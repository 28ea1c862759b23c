"""The door for real HTTP: an ASGI application. Needs `finsecure[sandbox]`.

Rules: a body is read once it is clear who sends it, and no more of it than the sandbox takes. Paths and links are those
below the prefix under which the application is mounted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio

from ._connection import Connection, send_spoiled
from ._http import Request, Response
from ._json import LARGEST

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send


def needs_extra(error: ImportError) -> ImportError:
    """What to say where Starlette or uvicorn is not installed."""
    return ImportError(f"Serving the sandbox over HTTP needs an extra ({error}): pip install 'finsecure[sandbox]'")


def application(handle: Callable[[Request], Response], expects: Callable[[Request], bool]) -> Starlette:
    """The ASGI application over an engine.

    Args:
        handle: Answers a request.
        expects: Whether the body of a request is to be read, seen from all that comes before it.

    Raises:
        ImportError: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.responses import Response as HTTPResponse
        from starlette.routing import Mount
    except ImportError as error:
        raise needs_extra(error) from None

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.CancelScope() as work:
            Connection.of(scope).work = work
            request = _head(scope)
            if expects(request):
                body = await _read(receive)
                if body is None:
                    return  # the caller is gone
                request = replace(request, body=body)
            response = await anyio.to_thread.run_sync(handle, request, abandon_on_cancel=True)
            if response.delay or response.ending != "whole":
                await send_spoiled(response, scope, receive, send)
                return
            await HTTPResponse(response.body, response.status, dict(response.headers))(scope, receive, send)

    return Starlette(routes=[Mount("/", app=door)])


def _head(scope: Scope) -> Request:
    """A request without its body."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    prefix: str = scope.get("root_path", "")
    encoded = quote(prefix)
    # The path as it was sent: an id in it may hold an encoded slash.
    path: str = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    # A proxy in front took off what the application gives as its own `root_path`: only the mount is left to take off.
    mounted = prefix.removeprefix(scope.get("app_root_path", ""))
    for start in (prefix, encoded, mounted, quote(mounted)):
        if path.startswith(start + "/"):
            path = path.removeprefix(start)
            break
    return Request(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        base_url=f"{scope['scheme']}://{headers.get('host', '').lower()}{encoded}",
    )


async def _read(receive: Receive) -> bytes | None:
    """The body, or as much of it as shows that it is too large; `None` where the caller is gone before its end."""
    body = bytearray()
    while len(body) <= LARGEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)
