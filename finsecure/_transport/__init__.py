"""Sends requests. Only this package uses HTTP libraries, and it catches all their exceptions.

A transport sends one request once. It returns a `Response`, or a `Failure` that says whether anything was sent, and
raises no network exceptions. `httpcore` is the default, on the connection pools of httpx or httpx2; `pyreqwest` is the
fastest, in Rust; `httpx` sends through your own httpx client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

from ..error import InvalidRequestError

if TYPE_CHECKING:
    from .._http import Origin, Outcome, Request


class Transport(Protocol):
    """Sends requests for a `Client`."""

    def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once.

        Args:
            request: The request.
            origin: The host to send it to.
            timeout: Seconds for the attempt, from connecting to the last byte.

        Returns:
            The response, or a failure that says whether anything was sent.
        """
        ...

    @property
    def is_closed(self) -> bool:
        """Whether this transport is closed."""
        ...

    def close(self) -> None:
        """Close every connection. Later requests fail."""
        ...


class AsyncTransport(Protocol):
    """Sends requests for an `AsyncClient`."""

    async def send(self, request: Request, origin: Origin, timeout: float) -> Outcome:
        """Send a request once, as `Transport.send` does."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether this transport is closed."""
        ...

    async def aclose(self) -> None:
        """Close every connection. Later requests fail."""
        ...


def open_transport(name: str, http_client: Any) -> Transport:
    """Open the transport of a new `Client`."""
    if http_client is not None:
        from .httpx import HttpxTransport

        _check_kind(name, http_client, "Client")
        return HttpxTransport(http_client)
    if name == "pyreqwest":
        from .pyreqwest import PyreqwestTransport

        return PyreqwestTransport(_library(name, "pyreqwest.client"))
    from .httpcore import HttpcoreTransport

    return HttpcoreTransport(_library(name, _CORES.get(name)))


def open_async_transport(name: str, http_client: Any) -> AsyncTransport:
    """Open the transport of a new `AsyncClient`."""
    if http_client is not None:
        from .httpx import AsyncHttpxTransport

        _check_kind(name, http_client, "AsyncClient")
        return AsyncHttpxTransport(http_client)
    if name == "pyreqwest":
        from .pyreqwest import AsyncPyreqwestTransport

        return AsyncPyreqwestTransport(_library(name, "pyreqwest.client"))
    from .httpcore import AsyncHttpcoreTransport

    return AsyncHttpcoreTransport(_library(name, _CORES.get(name)))


_CORES = {"httpx": "httpcore", "httpx2": "httpcore2"}
_EXTRAS = {"httpx2": "httpx2", "pyreqwest": "fast"}


def _library(name: str, module: str | None) -> Any:
    if module is None:
        raise InvalidRequestError(
            f"transport is {name!r}: pass 'httpx' (the default), 'httpx2' or 'pyreqwest'.",
            type="invalid_request_error",
            param="transport",
        )
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InvalidRequestError(
            f"transport={name!r} needs a package that is not installed: pip install "
            f"'finsecure[{_EXTRAS.get(name, name)}]'.",
            type="invalid_request_error",
            param="transport",
        ) from None


def _check_kind(transport: str, http_client: object, name: str) -> None:
    """Check by class name and module, so that neither httpx nor httpx2 has to be imported."""
    if transport != "httpx":
        raise InvalidRequestError(
            f"Both http_client and transport={transport!r} were given: pass only one of them.",
            type="invalid_request_error",
            param="transport",
        )
    for kind in type(http_client).__mro__:
        if kind.__name__ == name and kind.__module__.partition(".")[0] in {"httpx", "httpx2"}:
            return
    raise InvalidRequestError(
        f"http_client is {type(http_client).__module__}.{type(http_client).__name__}: pass an httpx.{name} here.",
        type="invalid_request_error",
        param="http_client",
    )
