"""An answer's body, collected as it comes: decompressed, and never larger than it may be."""

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
    """Collects the chunks of one answer, until it has enough of them."""

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]], limit: int) -> None:
        self._status = status
        self._limit = limit
        self._headers = lower_names(headers)
        self._body = bytearray()  # not a list of chunks: many small ones take far more memory than what is in them
        self._wrong: str | None = None
        encoding = self._headers.get(b"content-encoding", b"").strip().lower()
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in {b"gzip", b"deflate"} else None
        self._compressed = False  # whether anything came that is compressed
        if self._zlib is None and encoding not in {b"", b"identity"}:
            self._wrong = "is compressed in a way that was not asked for"

    @property
    def invalid(self) -> bool:
        """Whether it is of no use, so that the rest need not be read."""
        return self._wrong is not None

    def add(self, chunk: bytes) -> bool:
        """Take a chunk as it came; whether to go on reading."""
        if self._wrong is not None:
            return False
        if self._zlib is not None and chunk:
            self._compressed = True
            try:
                # One byte more than allowed is enough to know; a bomb is never unpacked further.
                more = self._zlib.eof
                chunk = self._zlib.decompress(chunk, self._limit - len(self._body) + 1)
                if more or self._zlib.unused_data:
                    self._wrong = "goes on after its compressed end"
            except zlib.error:
                self._wrong = "is not compressed as it says"
        if len(self._body) + len(chunk) > self._limit:
            self._wrong = f"is larger than {self._limit} bytes (max_response_size)"
        if self._wrong is not None:
            self._body.clear()
            return False
        self._body += chunk
        return True

    def outcome(self) -> Outcome:
        """The answer, or why it is none. Where the API answered with an error, its status says enough."""
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
