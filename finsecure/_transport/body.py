"""Collects a response body as it arrives: decompresses it, and stops at the size limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from .._answer import headers
from .._http import Failure, Response, lower_names
from ..error import APIError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._http import Outcome


class Body:
    """Collects the chunks of one response body."""

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]], limit: int) -> None:
        self._status = status
        self._limit = limit
        self._headers = lower_names(headers)
        self._body = bytearray()  # not a list: many small chunks would take far more memory than their content
        self._wrong: str | None = None
        encoding = self._headers.get(b"content-encoding", b"").strip().lower()
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in {b"gzip", b"deflate"} else None
        self._compressed = False  # whether any compressed data arrived
        if self._zlib is None and encoding not in {b"", b"identity"}:
            self._wrong = "has a compression that was not requested"

    @property
    def invalid(self) -> bool:
        """Whether the body is unusable, so that the rest need not be read."""
        return self._wrong is not None

    def add(self, chunk: bytes) -> bool:
        """Add a chunk, and return whether to go on reading."""
        if self._wrong is not None:
            return False
        if self._zlib is not None and chunk:
            self._compressed = True
            try:
                # Decompress at most one byte more than allowed, so that a bomb is never unpacked.
                more = self._zlib.eof
                chunk = self._zlib.decompress(chunk, self._limit - len(self._body) + 1)
                if more or self._zlib.unused_data:
                    self._wrong = "continues after the end of its compressed data"
            except zlib.error:
                self._wrong = "is not compressed as its Content-Encoding says"
        if len(self._body) + len(chunk) > self._limit:
            self._wrong = f"is larger than {self._limit} bytes (max_response_size)"
        if self._wrong is not None:
            self._body.clear()
            return False
        self._body += chunk
        return True

    def outcome(self) -> Outcome:
        """Return the response, or a failure if the body is unusable. For an error response, the status is enough."""
        if self._zlib is not None and self._compressed and not self._zlib.eof and self._wrong is None:
            self._wrong = "is cut short"
        if self._wrong is None:
            return Response(self._status, self._headers, bytes(self._body))
        answer = Response(self._status, self._headers, b"")
        if not 200 <= self._status < 300:
            return answer
        return Failure(
            "malformed",
            APIError(
                f"The API answered HTTP {self._status} with a body that {self._wrong}.",
                http_status=self._status,
                request_id=answer.header(b"request-id"),
                headers=headers(answer),
            ),
        )
