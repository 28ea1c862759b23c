"""An HTTP request, its response, and how an attempt can fail: what a transport takes and returns. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from typing_extensions import override

from .error import FinSecureError

Kind = Literal["not sent", "stale", "lost", "malformed", "answer", "final"]
"""How an attempt failed. "not sent": nothing was sent. "stale": the server had closed the idle connection. "lost": no
complete response arrived. "malformed": the response is not what the API documents. "answer": the API responded with an
error. "final": trying again cannot help."""


class Origin(NamedTuple):
    """Where requests go. `prefix` is the path of `base_url`, for a proxy in front of the API."""

    scheme: str
    host: str
    port: int | None
    prefix: str

    @property
    def url(self) -> str:
        """The scheme, host and port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Request:
    """One HTTP request. All attempts send the same one."""

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
        self.repeatable = idempotency_key is not None or method != "POST"  # whether it is idempotent
        self.unsent = False  # whether an interrupted attempt had not yet written anything

    @override
    def __repr__(self) -> str:
        return f"<Request {self.method}>"  # without headers and body, which hold secrets


class Response(NamedTuple):
    """One HTTP response, with its whole body."""

    status: int
    headers: dict[bytes, bytes]  # by lower-case name
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"<Response {self.status}>"  # without the body, which may hold secrets

    def header(self, name: bytes) -> str | None:
        """Return the value of a header, or `None`."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def lower_names(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by lower-case name."""
    return {name.lower(): value for name, value in headers}


class Failure(NamedTuple):
    """A failed attempt, and the error to raise if it is the last one."""

    kind: Kind
    error: FinSecureError


Outcome: TypeAlias = "Response | Failure"
