"""Receivers of webhooks in this process: a function, an ASGI application, a WSGI application.

Each is put behind an httpx transport, so that a delivery to it is made as one over a socket is.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import httpx

NOWHERE = "http://localhost"
"""Where receivers are that have no webhook endpoint."""

Function: TypeAlias = Callable[[bytes, Mapping[str, str]], int | Awaitable[int]]
"""A receiver as a function: from the raw body and the headers (in any case) to the status that it answers with."""

ASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
WSGIApp: TypeAlias = Callable[[Any, Any], Any]


class ReceiverError(ValueError):
    """What was passed as a receiver is none, or gave no status."""


@dataclass(frozen=True)
class Receiver:
    """Who is handed events in this process.

    Attributes:
        path: The path that it is asked for; `None` for that of the webhook endpoint.
        transport: The way to it; `None` where it can only be reached from an event loop.
        async_transport: The way to it from an event loop.
    """

    path: str | None
    transport: httpx.BaseTransport | None
    async_transport: httpx.AsyncBaseTransport | None


def receiver(to: Function | ASGIApp | None, wsgi: WSGIApp | None, path: str | None) -> Receiver | None:
    """The receiver that the arguments of `Sandbox.deliver` name; `None` where they name none.

    Raises:
        ValueError: An argument is wrong; the message names it.
    """
    if path is not None and not (isinstance(cast("object", path), str) and path.startswith("/")):
        raise ValueError('path must begin with a slash, such as "/webhooks".')
    if path is not None and not _is_path(path):
        raise ValueError('path must be the path of a URL, of at most 2000 characters, such as "/webhooks".')
    if to is not None and wsgi is not None:
        raise ValueError("to and wsgi cannot be used together: pass one receiver.")
    if wsgi is not None:
        if not callable(wsgi):
            raise ValueError(f"wsgi must be a WSGI application, not {type(wsgi).__name__}.")
        if not _takes(wsgi, 2):
            raise ValueError("wsgi must take (environ, start_response). Pass an ASGI application as to.")
        return Receiver(path, httpx.WSGITransport(wsgi), None)
    if to is not None:
        return _reached_by_to(to, path)
    if path is not None:
        raise ValueError("path needs to or wsgi: webhook endpoints have a path of their own.")
    return None


def _is_path(path: str) -> bool:
    """Whether it can follow the host of any URL, and is not taken for another host (`//host/`)."""
    try:
        httpx.URL(NOWHERE + path)
    except (httpx.InvalidURL, UnicodeError):
        return False
    return len(path) <= 2000 and not path.startswith("//")


def _reached_by_to(to: Function | ASGIApp, path: str | None) -> Receiver:
    if not callable(to):
        raise ValueError(  # noqa: TRY004 - as every argument of the sandbox that is wrong
            f"to must be a function (body, headers) -> status or an ASGI application, not {type(to).__name__}."
        )
    names = _parameters(to)
    if names == ["environ", "start_response"]:
        raise ValueError("to takes no WSGI application: pass it as wsgi.")
    if len(names) == 3:
        return Receiver(path, None, httpx.ASGITransport(cast("ASGIApp", to)))
    if not _takes(to, 2):
        raise ValueError("to must take (body, headers), or (scope, receive, send) as an ASGI application does.")
    function = cast("Function", to)
    if _is_async(function):
        return Receiver(path, None, httpx.MockTransport(_async_handler(function)))
    return Receiver(path, httpx.MockTransport(_handler(function)), httpx.MockTransport(_async_handler(function)))


def _parameters(to: Callable[..., object]) -> list[str]:
    """The names of the parameters that have to be passed by position."""
    parameters = _signature(to).parameters.values()
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in by_position and one.default is inspect.Parameter.empty]


def _takes(to: Callable[..., object], count: int) -> bool:
    """Whether it can be called with that many arguments."""
    try:
        _signature(to).bind(*range(count))
    except TypeError:
        return False
    return True


def _signature(to: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(to)
    except (TypeError, ValueError):  # some that are written in C do not say
        return inspect.Signature([inspect.Parameter("anything", inspect.Parameter.VAR_POSITIONAL)])


def _is_async(to: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(to) or inspect.iscoroutinefunction(getattr(to, "__call__", None))  # noqa: B004


def _handler(function: Function) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        status = function(request.content, request.headers)
        if inspect.iscoroutine(status):  # from a function that does not look asynchronous, such as a lambda
            status.close()
            raise ReceiverError("to is asynchronous: use `await sandbox.deliver_async(to=...)`.")
        return _answer(status)

    return handle


def _async_handler(function: Function) -> Callable[[httpx.Request], Any]:
    async def handle(request: httpx.Request) -> httpx.Response:
        status = function(request.content, request.headers)
        return _answer(await status if inspect.isawaitable(status) else status)

    return handle


def _answer(status: object) -> httpx.Response:
    if not isinstance(status, int) or isinstance(status, bool):
        raise ReceiverError(f"to must return the HTTP status as an int, not {type(status).__name__}.")
    if not 100 <= status <= 599:
        raise ReceiverError(f"to must return an HTTP status from 100 to 599, not {status}.")
    return httpx.Response(int(status))
