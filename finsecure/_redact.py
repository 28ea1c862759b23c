"""What must not be shown, and nothing else: the one place that knows the names and the shapes of secrets.

Names decide for fields, shapes for free text (an error message that a server wrote may echo what it was sent).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

MASK = "[hidden]"

SECRET_NAMES = frozenset(
    {
        "account_number",
        "api_key",
        "authorization",
        "client_secret",
        "cvc",
        "number",
        "password",
        "proxy_authorization",
        "routing_number",
        "secret",
        "secret_key",
        "webhook_secret",
    }
)

_KEY = re.compile(r"((?:sk|pk|rk)_(?:test|live)_|whsec_)[^\s\"'<>,;]+")
_CLIENT_SECRET = re.compile(r"(_secret_)[^\s\"'<>,;]+")
_CARD_NUMBER = re.compile(
    r"(?<!\d)(?<!\d\.)\d(?:[ -]?\d){11,}(?!\d)(?!\.\d)"
    r"|(?<!\d)\d{4}([ ._-]{1,2})\d{4}\1\d{4}\1\d{1,7}(?!\d)"
)
_USERINFO = re.compile(r"(://)[^/@\s]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+")


def text(message: str) -> str:
    """A message from outside, with everything that looks like a secret masked."""
    message = _KEY.sub(rf"\1{MASK}", message)
    message = _CLIENT_SECRET.sub(rf"\1{MASK}", message)
    message = _BEARER.sub(rf"\1 {MASK}", message)
    message = _USERINFO.sub(rf"\1{MASK}@", message)
    return _CARD_NUMBER.sub(MASK, message)


def fields(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Names and values for a repr, secret ones masked at any depth."""
    return [(name, MASK if name in SECRET_NAMES and value is not None else _value(value)) for name, value in pairs]


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(fields(cast("dict[str, Any]", value).items()))
    if isinstance(value, list):
        return list(map(_value, cast("Iterable[Any]", value)))
    if isinstance(value, str):
        return text(value)
    return value
