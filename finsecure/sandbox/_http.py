"""What goes into the engine and what comes out of it, free of any HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BASE_URL = "https://sandbox.invalid"
"""The host of the door without a socket: a name that no network has (RFC 2606)."""


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        method: `GET`, `POST`, `PUT` or `DELETE`.
        path: The path, percent-encoded, without the query.
        query: What follows the `?`, percent-encoded.
        headers: By lower-case name.
        body: The raw body.
        base_url: The door it came through, without a trailing slash: pages of the sandbox are linked from there.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    base_url: str = BASE_URL

    @property
    def origin(self) -> str:
        """What a page that came through this door calls its origin."""
        return "/".join(self.base_url.split("/")[:3])


Ending = Literal["whole", "closed", "stalled", "truncated"]
"""How a response goes out: whole; the connection closes before it; it never comes; it breaks off in the middle."""


@dataclass(frozen=True)
class Response:
    """One HTTP response, and what a fault makes of it on its way out.

    Attributes:
        status: The status code.
        headers: The headers.
        body: The raw body.
        delay: Seconds before it goes out.
        ending: How it goes out.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    delay: float = 0.0
    ending: Ending = "whole"
