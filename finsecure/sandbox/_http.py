"""The requests and responses of the engine, independent of any HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BASE_URL = "https://sandbox.invalid"
"""The base URL of the in-process transport. Its host name never exists on a network (RFC 2606)."""


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        method: `GET`, `POST`, `PUT` or `DELETE`.
        path: The path, percent-encoded, without the query.
        query: The query, without the `?`, percent-encoded.
        headers: The headers, by lower-case name.
        body: The raw body.
        base_url: The base URL that the request was sent to, without a trailing slash, for links to the sandbox's pages.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    base_url: str = BASE_URL

    @property
    def origin(self) -> str:
        """The origin of the pages under `base_url`."""
        return "/".join(self.base_url.split("/")[:3])


Ending = Literal["whole", "closed", "stalled", "truncated"]
"""How a response is sent: whole; not at all, and the connection closes; never; or cut off in the middle."""


@dataclass(frozen=True)
class Response:
    """One HTTP response, and how a fault changes the sending of it.

    Attributes:
        status: The status code.
        headers: The headers.
        body: The raw body.
        delay: Seconds to wait before sending it.
        ending: How it is sent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    delay: float = 0.0
    ending: Ending = "whole"
