"""An answer's body, collected as it comes: decompressed, and never larger than it may be."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

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
        self._size = 0
        self._chunks: list[bytes] = []
        self._wrong: str | None = None
        encoding = self._headers.get(b"content-encoding", b"").strip().lower()
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in {b"gzip", b"deflate"} else None
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
        if self._zlib is not None:
            try:
                # One byte more than allowed is enough to know; a bomb is never unpacked further.
                chunk = self._zlib.decompress(chunk, self._limit - self._size + 1)
            except zlib.error:
                self._wrong = "is not compressed as it says"
        self._size += len(chunk)
        if self._size > self._limit:
            self._wrong = f"is larger than {self._limit} bytes (max_response_size)"
        if self._wrong is not None:
            self._chunks.clear()
            return False
        self._chunks.append(chunk)
        return True

    def outcome(self) -> Outcome:
        """The answer, or why it is none. Where the API answered with an error, its status says enough."""
        if self._zlib is not None and self._size and not self._zlib.eof and self._wrong is None:
            self._wrong = "is cut short"
        if self._wrong is None:
            whole = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            return Response(self._status, self._headers, whole)
        answer = Response(self._status, self._headers, b"")
        if not 200 <= self._status < 300:
            return answer
        return Failure(
            "malformed",
            APIError(
                f"The API answered HTTP {self._status} with a body that {self._wrong}.",
                http_status=self._status,
                request_id=answer.header(b"request-id"),
            ),
        )
