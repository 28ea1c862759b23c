"""Strict JSON parsing, and JSON encoding."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn, cast

from ._problems import invalid, shown

Object = dict[str, Any]
"""A JSON object. The code that uses it checks its members."""

LARGEST = 1024 * 1024
"""The largest request body, in bytes."""


def write(value: object) -> bytes:
    """Encode a value compactly."""
    return json.dumps(value, separators=(",", ":")).encode()


def canonical(value: object) -> bytes:
    """Encode a value so that equal values give the same bytes.

    Raises:
        ValueError: The value contains an infinite number, NaN or half of a surrogate pair.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plain(value: object) -> object:
    """Convert a value to plain JSON types. Instances of subclasses of `str` or `int` become plain ones.

    Raises:
        ValueError: The value does not survive a round trip through JSON.
    """
    try:
        read_back: object = json.loads(canonical(value))
    except (TypeError, ValueError, RecursionError):
        raise ValueError from None
    if read_back != value:
        raise ValueError
    return read_back


def read(body: bytes) -> Object:
    """Parse the body of a request: a JSON object, without duplicate names, NaN or Infinity. An empty body is `{}`."""
    if len(body) > LARGEST:
        raise invalid(f"The request body must have at most {LARGEST} bytes (1 MiB).")
    if not body.strip():
        return {}
    try:
        value: object = json.loads(body.decode(), object_pairs_hook=_members, parse_constant=_constant)
        canonical(value)
    except (ValueError, RecursionError):
        raise invalid("The request body is not valid JSON in UTF-8.") from None
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object.")
    return cast("Object", value)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise invalid(f"The request body gives {shown(twice)} more than once.", shown(twice))
    return members


def _constant(name: str) -> NoReturn:
    raise ValueError(name)
