"""Webhook receivers in this process: a function, an ASGI application or a WSGI application.

Each gets an httpx transport, so that deliveries to it use the same code as deliveries over sockets.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import httpx

NOWHERE = "http://localhost"
"""The base URL of a receiver without a webhook endpoint."""

Function: TypeAlias = Callable[[bytes, Mapping[str, str]], int | Awaitable[int]]
"""A receiver as a function: takes the raw body and the headers (case-insensitive), and returns an HTTP status."""

ASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
WSGIApp: TypeAlias = Callable[[Any, Any], Any]


class ReceiverError(ValueError):
    """The receiver cannot be used, or did not return a status."""


@dataclass(frozen=True)
class Receiver:
    """A receiver in this process.

    Attributes:
        path: The path to request; `None` for the path of the webhook endpoint.
        transport: The transport for sync code; `None` if the receiver needs an event loop.
        async_transport: The transport for async code; `None` for a WSGI application.
    """

    path: str | None
    transport: httpx.BaseTransport | None
    async_transport: httpx.AsyncBaseTransport | None


def receiver(to: Function | ASGIApp | None, wsgi: WSGIApp | None, path: str | None) -> Receiver | None:
    """Return the receiver for the arguments of `Sandbox.deliver`; `None` for the webhook endpoints.

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
    """Whether it is valid after the host of a URL, and cannot be mistaken for another host (`//host/`)."""
    try:
        httpx.URL(NOWHERE + path)
    except (httpx.InvalidURL, UnicodeError):
        return False
    return len(path) <= 2000 and not path.startswith("//")


def _reached_by_to(to: Function | ASGIApp, path: str | None) -> Receiver:
    if not callable(to):
        raise ValueError(  # noqa: TRY004 - the sandbox raises ValueError for all wrong arguments
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
    """Return the names of the required positional parameters."""
    parameters = _signature(to).parameters.values()
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in by_position and one.default is inspect.Parameter.empty]


def _takes(to: Callable[..., object], count: int) -> bool:
    """Whether it accepts this number of positional arguments."""
    try:
        _signature(to).bind(*range(count))
    except TypeError:
        return False
    return True


def _signature(to: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(to)
    except (TypeError, ValueError):  # some callables written in C have no signature
        return inspect.Signature([inspect.Parameter("anything", inspect.Parameter.VAR_POSITIONAL)])


def _is_async(to: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(to) or inspect.iscoroutinefunction(getattr(to, "__call__", None))  # noqa: B004


def _handler(function: Function) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        status = function(request.content, request.headers)
        if inspect.iscoroutine(status):  # `_is_async` cannot detect this one, such as a lambda
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
