"""The attributes of an error as JSON, so that queues which keep only `args` bring the error back whole."""

from __future__ import annotations

import json
from typing import Any

from . import _redact

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
        value = attributes[name]
        if name == "payment_intent" and value is not None:
            fields[name] = {key: inner for key, inner in value.to_dict().items() if key not in _redact.SECRET_NAMES}
        elif value is not None and value is not False and value != {}:
            fields[name] = dict(value) if name == "headers" else value
    return json.dumps(fields, default=str)


def read(fields: str) -> dict[str, Any]:
    """The attributes that `args` holds; none where it is some other text."""
    try:
        written: Any = json.loads(fields)
        read = {name: value for name, value in written.items() if isinstance(value, _TYPES.get(name, ()))}
        if "payment_intent" in read:
            from .resources.payment_intents import PaymentIntent  # heavy, and rarely needed

            read["payment_intent"] = PaymentIntent.model_validate(read["payment_intent"])
    except (ValueError, AttributeError):
        return {}
    return read


def bounded(value: Any, limit: int) -> Any:
    """A value that the API sent and this version does not know: without secrets; as text, cut, where it is long."""
    if isinstance(value, str):
        return _redact.clean(value, limit)
    plain = dict(_redact.fields([("", value)]))[""]
    written = json.dumps(plain, default=str)
    return plain if len(written) <= limit else _redact.clean(written, limit)
