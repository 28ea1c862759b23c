"""The door for real HTTP: an ASGI application. Needs `finsecure[sandbox]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ._connection import send_spoiled
from ._http import Request, Response

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send


def needs_extra(error: ImportError) -> ImportError:
    """What to say where Starlette or uvicorn is not installed."""
    return ImportError(f"Serving the sandbox over HTTP needs an extra ({error}): pip install 'finsecure[sandbox]'")


def application(handle: Callable[[Request], Response]) -> Starlette:
    """The ASGI application over an engine.

    Raises:
        ImportError: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.requests import Request as HTTPRequest
        from starlette.responses import Response as HTTPResponse
        from starlette.routing import Mount
    except ImportError as error:
        raise needs_extra(error) from None

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        http = HTTPRequest(scope, receive)
        request = Request(
            method=http.method,
            # The path as it was sent: an id in it may hold an encoded slash.
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=dict(http.headers),
            body=await http.body(),
            base_url=f"{http.url.scheme}://{http.url.netloc}",
        )
        response = await run_in_threadpool(handle, request)
        if response.delay or response.ending != "whole":
            await send_spoiled(response, scope, receive, send)
            return
        await HTTPResponse(response.body, response.status, dict(response.headers))(scope, receive, send)

    return Starlette(routes=[Mount("/", app=door)])
