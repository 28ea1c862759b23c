"""Masks secrets. No other module knows their names and formats.

Fields are masked by name, and free text by format, since a server's error message may repeat what it was sent. A number
is masked as a card number if it has the prefix and length of a brand and a valid Luhn digit, and is not part of an id.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate
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

# Each needs a letter or digit after the prefix, so that a message can say `sk_test_...`.
_KEY = re.compile(r"((?:sk|pk|rk)_(?:test|live)_|whsec_)[A-Za-z0-9][^\s\"'<>,;]*")
_CLIENT_SECRET = re.compile(r"(_secret_)[A-Za-z0-9][^\s\"'<>,;]*")
_USERINFO = re.compile(r"(://)[^/@\s]+@")
# Does not match the word after "basic" or "bearer" in a sentence: credentials contain a digit, a sign or a capital.
_BEARER = re.compile(r"\b((?i:bearer|basic))\s+(?!\S*\.\.\.)(?=[^\s\"',;]*(?:[0-9=+/~]|[._-]\w|[a-z][A-Z]))[^\s\"',;]+")
_NAMES = "|".join(sorted(SECRET_NAMES))
_IN_JSON = re.compile(
    rf"((?:\\?[\"']|&quot;)(?i:{_NAMES})(?:\\?[\"']|&quot;)\s*:\s*)"
    r"(?!null)(?:\\?\"[^\"]*\"?|'[^']*'?|&quot;.*?(?:&quot;|$)|[^\s\"',;&<>{}\[\]]+)"
)
_IN_A_FORM = re.compile(rf"((?:^|[?&\s\[])(?i:{_NAMES})\]?=)[^\s&;<>\"']+")

_EXPONENT = re.compile(r"(?<![\w.])(\d)\.(\d{11,18})[eE]\+?(1[1-8])(?!\w)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST = 19
# A chain is one group of digits, or several with the same separator between them. `_ENOUGH` finds the start of a chain
# with enough digits for a card number, and `_CHAIN` matches all of it. Groups longer than a card number are excluded.
_GROUP = rf"[0-9]{{1,{_LONGEST}}}(?![0-9])"
_ENOUGH = re.compile(r"[2-68](?<![0-9].)(?=[0-9]{0,18}(?![0-9])(?:([\W_]{1,3})[0-9])?)(?:\1?[0-9]){11}")
_CHAIN = re.compile(rf"{_GROUP}(?:([\W_]{{1,3}}){_GROUP}(?:\1{_GROUP})*)?")
_BRANDS = (
    (r"4", (13, 16, 19)),  # Visa
    (r"5(?=[1-5])|2(?=22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)", (16,)),  # Mastercard
    (r"3(?=[47])", (15,)),  # American Express
    (r"6(?=011|4[4-9]|5)", (16, 17, 18, 19)),  # Discover
    (r"3(?=0[0-59]|[689])", (14,)),  # Diners Club
    (r"3(?=5(?:2[89]|[3-8]))", (16, 17, 18, 19)),  # JCB
    (r"6(?=2)|8(?=1)", (16, 17, 18, 19)),  # UnionPay
    (r"5(?=018|020|038|893)|6(?=304|759|76[1-3])", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
)
"""The prefix and the possible lengths of each brand's card numbers. No two prefixes match the same number."""
_BEGINNING = re.compile("|".join(f"({beginning})" for beginning, _ in _BRANDS))
_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))


def text(message: str) -> str:
    """Mask everything in a text that looks like a secret."""
    message = _KEY.sub(rf"\1{MASK}", message)
    message = _CLIENT_SECRET.sub(rf"\1{MASK}", message)
    message = _BEARER.sub(rf"\1 {MASK}", message)
    message = _USERINFO.sub(rf"\1{MASK}@", message)
    message = _IN_JSON.sub(rf'\1"{MASK}"', message)
    message = _IN_A_FORM.sub(rf"\1{MASK}", message)
    message = _EXPONENT.sub(_masked_float, message)
    parts, place = list[str](), 0
    for start, end in _cards(message):
        parts += message[place:start], MASK
        place = end
    return "".join([*parts, message[place:]])


def clean(value: str, limit: int) -> str:
    """Make text from outside safe to show: printable, masked, and at most `limit` characters long.

    It removes control characters and those that change the writing direction, and turns white space into spaces.
    """
    part = value[: 4 * limit + _SECRET]  # cut before searching, since it may have megabytes
    if not part.isprintable():
        part = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in part)
    part = text(part)
    if len(value) > 4 * limit + _SECRET:
        part = part[:-_SECRET]  # the cut may have left half a secret at the end
    elif len(part) <= limit:
        return part
    return part[: limit - 3] + "..."


_SECRET = 256  # characters; few secrets are longer


def has_card_number(value: str) -> bool:
    """Whether a text contains a card number, even after an underscore."""
    value = value.replace("_", " ")
    return _EXPONENT.sub(_masked_float, value) != value or next(_cards(value), None) is not None


def fields(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return names and values for a repr, with secrets masked at any depth."""
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
    return MASK if any(_card_numbers(digits, [0, len(digits)])) else number[0]


def _cards(message: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each card number: one group of digits, or several with the same separator."""
    message = _UUID.sub("x" * 36, message)
    place = 0
    while enough := _ENOUGH.search(message, place):
        chain = cast("re.Match[str]", _CHAIN.match(message, enough.start()))
        groups = chain[0].split(chain[1]) if chain[1] else [chain[0]]
        # The last group may begin another chain, with another separator.
        place = chain.end() - len(groups[-1]) if chain[1] else chain.end()
        for start, end in _in_chain(message, chain.start(), groups, chain[1] or ""):
            place = max(place, end)
            yield start, end


def _in_chain(message: str, begin: int, groups: list[str], separator: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each card number in a chain of groups of digits that starts at `begin`."""
    edges = dict(zip(accumulate(map(len, groups), initial=0), range(len(groups) + 1), strict=True))
    end_of_last = 0
    for first, last in _card_numbers("".join(groups), edges):
        start = begin + first + edges[first] * len(separator)
        end = begin + last + (edges[last] - 1) * len(separator)
        if start < end_of_last or not (
            _stands_apart(message[max(0, start - 2) : start][::-1]) and _stands_apart(message[end : end + 2])
        ):
            continue
        count = edges[last] - edges[first]
        if not (_is_fraction(message, start) if count == 1 else count == 2 and separator in {".", ","}):
            end_of_last = end
            yield start, end


def _card_numbers(digits: str, edges: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each card number among digits; of two with the same start, the shorter one first.

    Args:
        digits: The digits, without separators.
        edges: The positions at which a number may start or end.
    """
    # Luhn sums up to each position, with every other digit doubled. `odd` is for numbers that end at an odd position.
    values, doubled = digits.encode().translate(_VALUES), digits.encode().translate(_DOUBLED)
    mixed = [bytearray(values), bytearray(doubled)]
    mixed[0][1::2], mixed[1][1::2] = doubled[1::2], values[1::2]
    odd, even = ([*accumulate(mix, initial=0)] for mix in mixed)
    for beginning in _BEGINNING.finditer(digits):
        first = beginning.start()
        if first in edges:
            for length in _BRANDS[cast("int", beginning.lastindex) - 1][1]:
                last = first + length
                sums = odd if last % 2 else even
                if last in edges and (sums[last] - sums[first]) % 10 == 0:
                    yield first, last


def _is_fraction(message: str, start: int) -> bool:
    """Whether the digits are those after a decimal point."""
    return message[start - 1 : start] in {".", ","} and message[start - 2 : start - 1].isdigit()


def _stands_apart(neighbours: str) -> bool:
    """Whether a number is not part of a word or an id (`pi_4242`), by the characters next to it, nearest first."""
    return not neighbours[:1].isalnum() and not (neighbours[:1] == "_" and neighbours[1:].isalnum())
