"""What an answer looks like before it is believed: how much memory it takes to read, and whose it is. Pure.

Rule: whatever comes, within `max_response_size`, costs little memory. A few bytes of JSON can become a kilobyte of
objects, so the values are counted before they are made.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from ._headers import Headers

if TYPE_CHECKING:
    from ._http import Response

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BUDGET = 40 * 2**20  # bytes
_PER_VALUE = 700  # bytes of memory, at most, for it or its name, with what a validator notes of it
_SMALL = _BUDGET // (_PER_VALUE // 2 + 4)  # bytes: a value takes at least two of them, text at most four times its own
_MARKS = b",[{:"  # each value and each name has one before it, but for the first
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)', re.DOTALL)  # one that is not closed ends with the body

# A pair, or one half of it (the group), and escaped backslashes before it: `\\\\ud800` is a backslash and text.
_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_HALVES = 100_000  # no text has that many; a body that does stays malformed
_RAW_SURROGATE = re.compile(rb"(\xed[\xa0-\xbf][\x80-\xbf])")  # no other UTF-8 has these bytes

_SHOWN = 4096  # bytes of a body that are looked at
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>|<h1[^>]*>(.*?)</h1>")
_TAG = re.compile(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>")
_EXCERPT = 80  # characters


def is_too_much(body: bytes, limit: int) -> bool:
    """Whether JSON would take more memory than any answer of the API; a larger `max_response_size` allows more."""
    if len(body) <= _SMALL:
        return False
    budget = max(_BUDGET, 2 * limit)
    # One character beyond Latin-1 makes all of a string four times as large.
    text = len(body) * (1 if body.isascii() and b"\\u" not in body else 4)
    values = (budget - text) // _PER_VALUE
    return _marks(body) > values and _marks_outside(body, values) > values


def _marks(body: bytes) -> int:
    """As many values as JSON has at most, and names."""
    return len(body) - len(body.translate(None, _MARKS))


def _marks_outside(body: bytes, enough: int) -> int:
    """The same without what stands in strings, which may be any text."""
    marks = last = 0
    for count, string in enumerate(_STRINGS.finditer(body)):
        marks += _marks(body[last : string.start()])
        last = string.end()
        if max(marks, count) > enough:
            return enough + 1
    return marks + _marks(body[last:])


def without_half_pairs(body: bytes) -> bytes:
    """JSON with U+FFFD for half a surrogate pair, which no text can hold and no database keeps."""
    mended = bytearray(body)  # in place, since `sub` would keep each piece of a hostile body as an object of its own
    for half, instead in ((_RAW_SURROGATE, "\ufffd".encode()), (_SURROGATE, rb"\ufffd")):  # each as long as its half
        for match in islice(half.finditer(body), _HALVES):
            if match[1]:
                mended[match.start(1) : match.end(1)] = instead
    return bytes(mended)


def text(response: Response) -> str | None:
    """The beginning of a body as one line; `None` where there is none."""
    return " ".join(response.body[:_SHOWN].decode("utf-8", "replace").split()) or None


def headers(response: Response) -> Headers:
    """The headers of an answer."""
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.items())


def not_ours(response: Response) -> str:
    """A sentence about an answer that is not the API's: what it is, so that support can tell who sent it."""
    content_type = (response.header(b"content-type") or "").partition(";")[0].strip()
    server = response.header(b"server")
    body = text(response) or ""
    title = _TITLE.search(body)
    excerpt = " ".join(_TAG.sub(" ", (title[1] or title[2] or "") if title else body).split())
    facts = [
        f"HTTP {response.status}",
        content_type,
        f"Server {server}" if server else "",
        f"'{excerpt[:_EXCERPT]}'" if excerpt else "" if response.body else "an empty body",
    ]
    return (
        f"This is not FinSecure's answer: {', '.join(fact for fact in facts if fact)}. It comes from something in "
        "between, such as a proxy or a gateway, or base_url leads elsewhere."
    )
