"""One HTTP request, its response, and how an attempt can fail: the values that a transport takes and gives. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from typing_extensions import override

from .error import FinSecureError

Kind = Literal["not sent", "stale", "lost", "malformed", "answer", "final"]
"""How an attempt failed: nothing was sent; a kept connection was closed under us; the answer was lost, or was not
what the API documents; the API answered with an error; or trying again can never help."""


class Origin(NamedTuple):
    """Where requests go; `prefix` is a path that a proxy in front of the API may ask for."""

    scheme: str
    host: str
    port: int | None
    prefix: str

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Request:
    """One HTTP request, made once and sent as often as it takes."""

    __slots__ = ("body", "headers", "idempotency_key", "max_response_size", "method", "repeatable", "target", "unsent")

    def __init__(
        self,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
        idempotency_key: str | None,
        max_response_size: int,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.idempotency_key = idempotency_key
        self.max_response_size = max_response_size  # bytes, decompressed
        self.repeatable = idempotency_key is not None or method != "POST"  # doing it twice is the same as once
        self.unsent = False  # whether the latest attempt ended before any of it was written; for what leaves a call

    @override
    def __repr__(self) -> str:
        return f"<Request {self.method}>"  # headers and body hold secrets


class Response(NamedTuple):
    """One HTTP response, read to its end."""

    status: int
    headers: dict[bytes, bytes]  # by lower-case name
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"<Response {self.status}>"  # the body may hold secrets

    def header(self, name: bytes) -> str | None:
        """A header's value, where it came."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def lower_names(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by lower-case name."""
    return {name.lower(): value for name, value in headers}


class Failure(NamedTuple):
    """An attempt that failed, and the error to raise if it was the last."""

    kind: Kind
    error: FinSecureError


Outcome: TypeAlias = "Response | Failure"
