"""Stores the attributes of an error in `args` as JSON, since queues such as Celery keep nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from . import _redact
from ._headers import Headers

# The attributes in `args` besides the message, and their types in JSON.
_TYPES: dict[str, type[Any] | tuple[type[Any], ...]] = {
    "type": str,
    "code": str,
    "decline_code": str,
    "param": str,
    "doc_url": str,
    "payment_intent": dict,
    "http_status": int,
    "request_id": str,
    "idempotency_key": str,
    "maybe_executed": bool,
    "retry_after": (int, float),
    "body": str,
    "headers": dict,
    "extra": dict,
}


def write(attributes: dict[str, Any]) -> str:
    """Write attributes as JSON, without the secrets of a PaymentIntent."""
    fields: dict[str, Any] = {}
    for name in _TYPES:
        value = attributes.get(name)
        if name == "payment_intent" and value is not None:
            fields[name] = {key: inner for key, inner in value.to_dict().items() if key not in _redact.SECRET_NAMES}
        elif value is not None and value is not False and value != {}:
            fields[name] = dict(value) if name == "headers" else value
    return json.dumps(fields, default=str)


def read(fields: str) -> dict[str, Any]:
    """Read the attributes back; an empty dict if the text is anything else."""
    try:
        written: Any = json.loads(fields)
        return {name: value for name, value in written.items() if isinstance(value, _TYPES.get(name, ()))}
    except (ValueError, AttributeError, RecursionError):
        return {}


def shown_headers(headers: Mapping[str, str]) -> Headers:
    """Mask and shorten response headers, for an error to keep."""
    return Headers(
        (name, _redact.MASK if name.lower() in _SECRET_HEADERS else _redact.clean(value, _HEADER))
        for name, value in islice(headers.items(), _COUNT)
    )


def shown_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """Mask the unknown members of an API error; a long one becomes text that is cut off."""
    return {_redact.clean(name, _HEADER): _bounded(value) for name, value in islice(members.items(), _COUNT)}


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return _redact.clean(value, _MEMBER)
    plain = dict(_redact.fields([("", value)]))[""]
    written = json.dumps(plain, default=str)
    return plain if len(written) <= _MEMBER else _redact.clean(written, _MEMBER)


_SECRET_HEADERS = frozenset({"set-cookie", "authorization", "proxy-authorization", "cookie"})
_COUNT = 100
_HEADER = 255  # characters
_MEMBER = 2000
