"""Checks a response before it is parsed: how much memory parsing would take, and who sent it. Pure.

Rule: no response within `max_response_size` may take much memory. A few bytes of JSON can become a kilobyte of objects,
so the values are counted before they are parsed.
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
_PER_VALUE = 700  # bytes of memory, at most, for a value or a name, with what the validator stores about it
_SMALL = _BUDGET // (_PER_VALUE // 2 + 4)  # bytes: a value has at least two, and text takes up to four times as many
_MARKS = b",[{:"  # one of them comes before each value and name except the first
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)', re.DOTALL)  # an unclosed string ends with the body

# A surrogate pair, or half of one (the group). Escaped backslashes before it: `\\\\ud800` is a backslash and text.
_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_HALVES = 100_000  # a body with more stays malformed
_RAW_SURROGATE = re.compile(rb"(\xed[\xa0-\xbf][\x80-\xbf])")  # no other UTF-8 has these bytes

_SHOWN = 4096  # bytes of a body to read
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>|<h1[^>]*>(.*?)</h1>")
_TAG = re.compile(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>")
_EXCERPT = 80  # characters


def is_too_much(body: bytes, limit: int) -> bool:
    """Whether parsing would take more memory than any response of the API; `max_response_size` raises the limit."""
    if len(body) <= _SMALL:
        return False
    budget = max(_BUDGET, 2 * limit)
    # A single character beyond Latin-1 makes the whole string up to four times as large.
    text = len(body) * (1 if body.isascii() and b"\\u" not in body else 4)
    values = (budget - text) // _PER_VALUE
    return _marks(body) > values and _marks_outside(body, values) > values


def _marks(body: bytes) -> int:
    """Return an upper limit of the number of values and names in JSON."""
    return len(body) - len(body.translate(None, _MARKS))


def _marks_outside(body: bytes, enough: int) -> int:
    """Return the same limit, not counting marks inside strings. Stops above `enough`."""
    marks = last = 0
    for count, string in enumerate(_STRINGS.finditer(body)):
        marks += _marks(body[last : string.start()])
        last = string.end()
        if max(marks, count) > enough:
            return enough + 1
    return marks + _marks(body[last:])


def without_half_pairs(body: bytes) -> bytes:
    """Replace each half of a surrogate pair by U+FFFD: it cannot be encoded as UTF-8, so databases refuse it."""
    # Replaced in place, which is possible as the sizes are equal: `sub` would create millions of objects for a hostile
    # body.
    mended = bytearray(body)
    for half, instead in ((_RAW_SURROGATE, "\ufffd".encode()), (_SURROGATE, rb"\ufffd")):
        if half is _SURROGATE and b"\\ud" not in body and b"\\uD" not in body:
            continue  # searching 16 MiB takes a second
        for match in islice(half.finditer(body), _HALVES):
            if match[1]:
                mended[match.start(1) : match.end(1)] = instead
    return bytes(mended)


def text(response: Response) -> str | None:
    """Return the beginning of a body as one line; `None` if it is empty."""
    return " ".join(response.body[:_SHOWN].decode("utf-8", "replace").split()) or None


def headers(response: Response) -> Headers:
    """Return the headers of a response."""
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.items())


def not_ours(response: Response) -> str:
    """Describe a response that does not come from the API, so that a reader can tell who sent it."""
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
        "between, such as a proxy or a gateway, or base_url points to another server."
    )
