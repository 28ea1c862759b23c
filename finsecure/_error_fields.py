"""The attributes of an error as JSON, so that queues which keep only `args` bring the error back whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from . import _redact
from ._headers import Headers

# The attributes that `args` holds besides the message, and how JSON has them.
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
    """Attributes as JSON, without what is secret in a PaymentIntent."""
    fields: dict[str, Any] = {}
    for name in _TYPES:
        value = attributes.get(name)
        if name == "payment_intent" and value is not None:
            fields[name] = {key: inner for key, inner in value.to_dict().items() if key not in _redact.SECRET_NAMES}
        elif value is not None and value is not False and value != {}:
            fields[name] = dict(value) if name == "headers" else value
    return json.dumps(fields, default=str)


def read(fields: str) -> dict[str, Any]:
    """The attributes that `args` holds; none where it is some other text."""
    try:
        written: Any = json.loads(fields)
        return {name: value for name, value in written.items() if isinstance(value, _TYPES.get(name, ()))}
    except (ValueError, AttributeError):
        return {}


def shown_headers(headers: Mapping[str, str]) -> Headers:
    """The headers of an answer as an error keeps them."""
    return Headers(
        (name, _redact.MASK if name.lower() in _SECRET_HEADERS else _redact.clean(value, _HEADER))
        for name, value in islice(headers.items(), _COUNT)
    )


def shown_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """What the API sent and this version does not know: without secrets; as text, cut, where it is long."""
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
