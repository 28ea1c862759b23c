"""The ASGI application, for real HTTP. Needs `finsecure[sandbox]`.

Rules: a body is read only after the headers were checked, and not beyond the size limit. Paths and links respect the
prefix that the application is mounted under.
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
    """Return the error for a missing Starlette, uvicorn or trustme."""
    return ImportError(f"Serving the sandbox over HTTP needs an extra ({error}): pip install 'finsecure[sandbox]'")


def application(handle: Callable[[Request], Response], expects: Callable[[Request], bool]) -> Starlette:
    """Return the ASGI application of a sandbox.

    Args:
        handle: Handles a request.
        expects: Whether to read the body of a request, given everything else of it.

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
                    return  # the caller has disconnected
                request = replace(request, body=body)
            response = await anyio.to_thread.run_sync(handle, request, abandon_on_cancel=True)
            if response.delay or response.ending != "whole":
                await send_spoiled(response, scope, receive, send)
                return
            await HTTPResponse(response.body, response.status, dict(response.headers))(scope, receive, send)

    return Starlette(routes=[Mount("/", app=door)])


def _head(scope: Scope) -> Request:
    """Return the request without its body."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    prefix: str = scope.get("root_path", "")
    encoded = quote(prefix)
    # The raw path, since an id in it may contain an encoded slash.
    path: str = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    # A proxy may have removed the application's own `root_path` already. Then only the prefix of the mount is left.
    mounted = prefix.removeprefix(scope.get("app_root_path", ""))
    starts = (prefix, encoded, mounted, quote(mounted))
    return Request(
        method=scope["method"],
        path=path.removeprefix(next((start for start in starts if path.startswith(start + "/")), "")),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        base_url=f"{scope['scheme']}://{headers.get('host', '').lower()}{encoded}",
    )


async def _read(receive: Receive) -> bytes | None:
    """Return the body, or the start of one that is too large; `None` if the caller disconnects before its end."""
    body = bytearray()
    while len(body) <= LARGEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)
