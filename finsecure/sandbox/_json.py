"""JSON read strictly, and written one way only."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn, cast

from ._problems import invalid, shown

Object = dict[str, Any]
"""A JSON object, checked by whoever reads it."""

LARGEST = 1024 * 1024
"""The bytes of a request's body that are read at most."""


def write(value: object) -> bytes:
    """The bytes that go out."""
    return json.dumps(value, separators=(",", ":")).encode()


def canonical(value: object) -> bytes:
    """The same bytes for the same value, however it was spelled.

    Raises:
        ValueError: It holds an infinite number or half of a surrogate pair.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plain(value: object) -> object:
    """A value as JSON reads it back: what is a kind of `str` or `int` in Python is a plain one.

    Raises:
        ValueError: JSON cannot say it as it is.
    """
    try:
        read_back: object = json.loads(canonical(value))
    except (TypeError, ValueError, RecursionError):
        raise ValueError from None
    if read_back != value:
        raise ValueError
    return read_back


def read(body: bytes) -> Object:
    """A request's body: one JSON object, each name once, numbers that JSON knows. An empty body is an empty object."""
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
