"""Masks secrets: the one place that knows their names and shapes.

Names decide for fields, shapes for free text (an error message that a server wrote may echo what it was sent). A card
number is what could be one: a brand's prefix and length, the Luhn digit, and standing by itself. The digits of an id or
of an order number are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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

# Each asks for a letter or digit after the prefix, so that a sentence can say `sk_test_...`.
_KEY = re.compile(r"((?:sk|pk|rk)_(?:test|live)_|whsec_)[A-Za-z0-9][^\s\"'<>,;]*")
_CLIENT_SECRET = re.compile(r"(_secret_)[A-Za-z0-9][^\s\"'<>,;]*")
_USERINFO = re.compile(r"(://)[^/@\s]+@")
# Not the word after "basic" or "bearer" in a sentence: a credential has a digit, a sign or a capital inside.
_BEARER = re.compile(r"\b((?i:bearer|basic))\s+(?!\S*\.\.\.)(?=[^\s\"',;]*(?:[0-9=+/~]|[._-]\w|[a-z][A-Z]))[^\s\"',;]+")
_NAMES = "|".join(sorted(SECRET_NAMES))
_IN_JSON = re.compile(
    rf"((?:\\?[\"']|&quot;)(?i:{_NAMES})(?:\\?[\"']|&quot;)\s*:\s*)"
    r"(?!null)(?:\\?\"[^\"]*\"?|'[^']*'?|&quot;.*?(?:&quot;|$)|[^\s\"',;&<>{}\[\]]+)"
)
_IN_A_FORM = re.compile(rf"((?:^|[?&\s\[])(?i:{_NAMES})\]?=)[^\s&;<>\"']+")

_DIGITS = re.compile(r"[0-9]+")
_GAP = re.compile(r"[\W_]{1,3}")
_EXPONENT = re.compile(r"(?<![\w.])(\d)\.(\d{11,18})[eE]\+?(1[1-8])(?!\w)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST = 19
_BRANDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover
    r"|3(?:0[0-59]|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|(?:62|81)\d{14,17}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def text(message: str) -> str:
    """A message from outside, with everything that looks like a secret masked."""
    message = _KEY.sub(rf"\1{MASK}", message)
    message = _CLIENT_SECRET.sub(rf"\1{MASK}", message)
    message = _BEARER.sub(rf"\1 {MASK}", message)
    message = _USERINFO.sub(rf"\1{MASK}@", message)
    message = _IN_JSON.sub(rf'\1"{MASK}"', message)
    message = _IN_A_FORM.sub(rf"\1{MASK}", message)
    message = _EXPONENT.sub(_masked_float, message)
    for start, end in reversed(list(_cards(message))):
        message = f"{message[:start]}{MASK}{message[end:]}"
    return message


def clean(value: str, limit: int) -> str:
    """Text from outside, fit to be shown: printable, masked, and of at most `limit` characters.

    Control characters and those that change the direction of writing are taken out, white space becomes spaces.
    """
    part = value[: 4 * limit + _SECRET]  # before it is searched: it may have megabytes
    if not part.isprintable():
        part = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in part)
    part = text(part)
    if len(value) > 4 * limit + _SECRET:
        part = part[:-_SECRET]  # where it was cut, half a secret may stand
    elif len(part) <= limit:
        return part
    return part[: limit - 3] + "..."


_SECRET = 256  # characters; hardly any secret has more


def has_card_number(value: str) -> bool:
    """Whether a card number is in a text, be it behind an underscore."""
    return next(_cards(value.replace("_", " ")), None) is not None


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
    if isinstance(value, (int, float)) and 10**11 <= value < 10**_LONGEST and text(repr(value)) != repr(value):
        return MASK
    return value


def _masked_float(number: re.Match[str]) -> str:
    digits = (number[1] + number[2]).ljust(int(number[3]) + 1, "0")
    return MASK if _is_card(digits) else number[0]


def _cards(message: str) -> Iterator[tuple[int, int]]:
    """Where the card numbers stand: one group of digits, or several with the same separator between them."""
    message = _UUID.sub("x" * 36, message)
    groups = [group.span() for group in _DIGITS.finditer(message)]
    end_of_last = 0
    for index, (start, _) in enumerate(groups):
        if start < end_of_last or not _stands_apart(message[max(0, start - 2) : start][::-1]):
            continue
        end = _card_end(message, groups[index : index + _LONGEST])
        if end is not None:
            end_of_last = end
            yield start, end


def _card_end(message: str, groups: list[tuple[int, int]]) -> int | None:
    """Where the card number ends that begins with the first group."""
    start = groups[0][0]
    digits, separator, last = "", "", start
    for count, (begin, end) in enumerate(groups, 1):
        gap = message[last:begin]
        if count == 2 and _GAP.fullmatch(gap):
            separator = gap
        if gap != separator:
            return None
        digits += message[begin:end]
        last = end
        is_number = _is_card(digits) and _stands_apart(message[end : end + 2])
        if is_number and not (_is_fraction(message, start) if count == 1 else count == 2 and separator in {".", ","}):
            return end
    return None


def _is_fraction(message: str, start: int) -> bool:
    """Whether the digits are those after a decimal point."""
    return message[start - 1 : start] in {".", ","} and message[start - 2 : start - 1].isdigit()


def _stands_apart(neighbours: str) -> bool:
    """Whether what is next to a number, nearest first, does not make it a part of a word or an id (`pi_4242`)."""
    return not neighbours[:1].isalnum() and not (neighbours[:1] == "_" and neighbours[1:].isalnum())


def _is_card(digits: str) -> bool:
    if not 12 <= len(digits) <= _LONGEST or not _BRANDS.fullmatch(digits):
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        total += _DOUBLED[int(digit)] if index % 2 else int(digit)
    return total % 10 == 0
