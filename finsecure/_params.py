"""Checks arguments by the name of their parameter, and refuses what is certainly wrong before anything is sent.

The checks return a plain `str` or `int`, never a subclass: an enum member or a numpy integer could be written
differently later on.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timezone
from enum import Enum
from numbers import Number
from typing import Any, Final, SupportsIndex, cast, final
from urllib.parse import quote

from typing_extensions import TypedDict, override

from . import _redact
from .error import InvalidRequestError

TOO_LARGE = 10**30
"""No amount, count or time has this many digits. Python refuses to format integers with several thousand."""

_NUMBER = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)


@final
class NotGiven:
    """The type of `NOT_GIVEN`."""

    @override
    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False

    @override
    def __reduce__(self) -> str:
        return "NOT_GIVEN"  # by name, so that copying and unpickling return the same object


NOT_GIVEN: Final = NotGiven()
"""In `update`: leave the field as it is. `None` clears it instead."""


class CreatedFilter(TypedDict, total=False):
    """Bounds on the creation time of objects: aware `datetime`s, Unix seconds, or `date`s.

    A `date` means that whole day in UTC: `gte` includes it from its start, `lte` to its end.
    """

    gt: int | date
    gte: int | date
    lt: int | date
    lte: int | date


def wrong(param: str, why: str) -> InvalidRequestError:
    """Return the error for a wrong parameter or option."""
    return InvalidRequestError(why, type="invalid_request_error", param=param)


def as_int(value: object) -> int | None:
    """Convert an integer of any type, such as numpy's, to a plain int; `None` for anything else, including bool."""
    if type(value) is int:
        return value
    try:
        return None if isinstance(value, bool) else operator.index(cast("SupportsIndex", value))
    except TypeError:
        return None


def as_str(value: object) -> str | None:
    """Convert a str, such as the member of a `str` enum, to a plain str; `None` for anything else."""
    if type(value) is str:
        return value
    return str.__str__(value) if isinstance(value, str) else None  # str(value) would be an enum member's name


def type_of(value: object) -> str:
    """Return the type of a value with its article. The value itself may be a secret."""
    name = type(value).__name__
    return f"an {name}" if name.lower().startswith(("a", "e", "i", "o")) else f"a {name}"


def shown(value: object) -> str:
    """Return a number as text, and the type of anything else."""
    if value is None or isinstance(value, bool):
        return repr(value)
    number = as_int(value)
    if number is not None:
        return str(number) if abs(number) < TOO_LARGE else "an integer of more than 30 digits"
    return float.__repr__(value) if isinstance(value, float) else type_of(value)


def path_id(id: object) -> str:
    checked = _id("id", id)
    if checked in {".", ".."}:
        raise wrong("id", f"id is {checked!r}: pass an id from the API, for example 'pi_1234567890abcdef'.")
    return checked if checked.isascii() and checked.replace("_", "").isalnum() else _quoted(checked)


def _quoted(id: str) -> str:
    try:
        return quote(id, safe="")
    except UnicodeEncodeError:
        raise wrong("id", "id does not encode as UTF-8: pass an id from the API.") from None


def _id(name: str, value: object) -> str:
    text = as_str(value)
    if text is None:
        raise wrong(name, f"{name} is {type_of(value)}: pass {'its `.id`' if _has_id(value) else 'the id as a str'}.")
    if not text.strip():
        raise wrong(name, f"{name} is empty: pass an id from the API.")
    return text


def _has_id(value: object) -> bool:
    """Whether this is an object of the API."""
    return isinstance(getattr(value, "id", None), str)


def _amount(name: str, value: object) -> int:
    number = as_int(value)
    if number is None:
        raise wrong(name, _no_amount(name, value))
    if not 0 < number < TOO_LARGE:
        raise wrong(name, f"{name} is {shown(number)}: pass a positive int, in the smallest currency unit.")
    return number


def _no_amount(name: str, value: object) -> str:
    """Say why an amount is refused. A whole number may mean either unit, so the message names both."""
    if _has_id(value):
        return f"{name} is {type_of(value)}: pass its `.amount`."
    text = _number(value)
    if text is not None and (point := with_comma(text)):
        return (
            f"{name} is {type_of(value)} with a comma ({text!r}): pass an int in the smallest currency unit, for "
            f"example finsecure.to_minor_units({point!r}, currency)."
        )
    number = None if text is None else _NUMBER.fullmatch(text)
    if number is None:
        return (
            f"{name} is {type_of(value)}: pass an int in the smallest currency unit, 1999 for $19.99, for example "
            'finsecure.to_minor_units(Decimal("19.99"), currency).'
        )
    whole, fraction = int(number[1]), (number[2] or "").rstrip("0")
    given = repr(text) if isinstance(value, str) else text
    price = f'finsecure.to_minor_units(Decimal("{text}"), currency)'
    if fraction:
        return (
            f"{name} is {type_of(value)} ({given}): pass an int in the smallest currency unit, 1999 for $19.99, for "
            f"example {price}."
        )
    return (
        f"{name} is {type_of(value)} ({given}), which could mean two amounts: pass {whole} as an int for {whole} of "
        f"the smallest currency unit (${whole // 100}.{whole % 100:02}), or {price} (${whole}.00)."
    )


_WITH_COMMA = re.compile(r"\d{1,12}(?:[.,]\d{1,12}){0,4}", re.ASCII)


def with_comma(text: str) -> str | None:
    """Rewrite a price that has a comma with a decimal point; `None` for anything else."""
    if "," not in text or not _WITH_COMMA.fullmatch(text):
        return None
    last = max(text.rfind(","), text.rfind("."))
    digits = len(text) - last - 1
    whole = text[: None if digits == 3 else last].translate({44: None, 46: None})
    return whole if digits == 3 else f"{whole}.{text[last + 1 :]}"


def _number(value: object) -> str | None:
    """Return the text of a number or a str; `None` for anything else."""
    if isinstance(value, bool) or not isinstance(value, Number):
        return as_str(value)
    try:
        return str(value)
    except ValueError:  # a Fraction whose integers are too long to format
        return None


def _currency(name: str, value: object) -> str:
    code = as_str(value)
    if code is None and _has_id(value):
        raise wrong(name, f"{name} is {type_of(value)}: pass its `.currency`.")
    if code is None:
        raise wrong(name, f"{name} is {type_of(value)}: pass a three-letter ISO code as a str, for example 'usd'.")
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise wrong(name, f"{name} is {code!r}: pass a three-letter ISO code, for example 'usd'.")
    return code.lower()  # as the API spells it


def _limit(name: str, value: object) -> int:
    limit = as_int(value)
    if limit is None:
        raise wrong(name, f"{name} is {type_of(value)}: pass an int from 1 to 100, the size of one page.")
    if not 1 <= limit <= 100:
        raise wrong(
            name, f"{name} is {shown(limit)}: pass 1 to 100, the size of one page. Iterating fetches all pages."
        )
    return limit


def _string(name: str, value: object) -> str:
    text = as_str(value)
    if text is None:
        raise wrong(name, f"{name} is {type_of(value)}: pass {_instead(name, value)}.")
    return text


def _instead(name: str, value: object) -> str:
    """Say what to pass instead, where a str is expected."""
    if _has_id(value):
        return f"its `.{name if getattr(value, name, None) is not None else 'id'}`"
    if isinstance(value, NotGiven):
        return "a str, or leave it out: NOT_GIVEN is for update"
    return "its `.value`" if isinstance(value, Enum) and isinstance(value.value, str) else "a str"


def _strings(name: str, value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong(name, f"{name} is {type_of(value)}: pass a list of strings.")
    return [_string(f"{name}[{index}]", item) for index, item in enumerate(cast("Sequence[object]", value))]


def _is_part(value: object) -> bool:
    """Whether this is a part of an object of the API, such as `method.billing_details`, and not an object itself."""
    return hasattr(value, "model_fields_set") and hasattr(value, "to_dict") and not _has_id(value)


def _as_mapping(name: str, value: object) -> Mapping[object, Any]:
    """Return a mapping as it is, and a part of an object of the API as a dict."""
    if isinstance(value, Mapping):
        return cast("Mapping[object, Any]", value)
    if _is_part(value):
        return cast("Mapping[object, Any]", cast("Any", value).to_dict())
    mine = getattr(value, name, None) is not None
    raise wrong(name, f"{name} is {type_of(value)}: pass {f'its `.{name}`' if mine else 'a dict'}.")


def _items(name: str, value: object) -> Iterator[tuple[str, Any]]:
    for key, inner in _as_mapping(name, value).items():
        text = key if type(key) is str else as_str(key)
        if text is None:
            raise wrong(name, f"{name} has a key that is {type_of(key)}: pass a dict whose keys are str.")
        yield text, inner


_LEVELS = 64  # of nested dicts and lists


def _object(name: str, value: object, levels: int = _LEVELS) -> dict[str, Any]:
    return {
        key: _plain(name, key, inner, levels) for key, inner in _items(name, value) if not isinstance(inner, NotGiven)
    }


def _plain(name: str, key: str, value: Any, levels: int) -> Any:
    """Make the strings and integers of a JSON value plain, at any depth. Other values stay as they are."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, str):
        return as_str(value)
    if levels == 0:
        raise wrong(name, f"{name} contains itself, or is nested too deeply: pass plain values.")
    if isinstance(value, Mapping) or _is_part(value):
        return _object(name, cast("object", value), levels - 1)
    if isinstance(value, (list, tuple)):
        return [_plain(name, key, inner, levels - 1) for inner in cast("Sequence[Any]", value)]
    if _has_id(value):
        raise wrong(name, f"{name}[{key}] is {type_of(value)}: pass its `.id`.")
    number = as_int(value)
    if number is not None and abs(number) >= TOO_LARGE:
        raise wrong(name, f"{name} has an integer of more than 30 digits: pass it as a str.")
    return value if number is None else number


def _metadata(name: str, value: object) -> dict[str, str]:
    plain: dict[str, str] = {}
    for key, inner in _items(name, value):
        text = inner if type(inner) is str else as_str(inner)
        if text is None:
            instead = "its `.id`" if _has_id(inner) else "str(...) of it"
            raise wrong(name, f"{name}[{key!r}] is {type_of(inner)}: metadata holds strings, pass {instead}.")
        plain[key] = text
    return plain


def _details(name: str, value: object) -> dict[str, Any]:
    """Check the details of a new payment method. Those of an existing one are refused: they lack the number."""
    if _is_part(value):
        raise wrong(
            name,
            f"{name} is {type_of(value)}, which has no number: pass a dict with the number, or use the existing "
            "payment method by its `.id`.",
        )
    return _object(name, value)


def _id_or_object(name: str, value: object) -> str | dict[str, Any]:
    return _object(name, cast("object", value)) if isinstance(value, Mapping) else _id(name, value)


# The API compares whole seconds, so fractions are rounded in the direction that keeps the meaning of the bound.
_DAY = 86_400  # seconds
_ROUND = {"gt": math.floor, "gte": math.ceil, "lt": math.ceil, "lte": math.floor}


def _created(name: str, value: object) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise wrong(name, f"{name} is {type_of(value)}: pass a dict such as {{'gte': date(2026, 11, 1)}}.")
    bounds: dict[str, int] = {}
    for bound, moment in _object(name, cast("object", value)).items():
        if bound not in _ROUND:
            raise wrong(name, f"{name} has the unknown bound {bound!r}: pass gt, gte, lt or lte.")
        if isinstance(moment, datetime):
            if moment.utcoffset() is None:
                raise wrong(name, f"{name}[{bound}] has no time zone: pass an aware datetime, for example in UTC.")
            bounds[bound] = _ROUND[bound](moment.timestamp())
        elif isinstance(moment, date):
            begins = int(datetime.combine(moment, time(), timezone.utc).timestamp())
            bounds[bound] = begins + (_DAY - 1 if bound in {"gt", "lte"} else 0)
        elif type(moment) is not int:
            raise wrong(
                name,
                f"{name}[{bound}] is {type_of(moment)}: pass an aware datetime, a date, or Unix seconds as an int.",
            )
        else:
            bounds[bound] = moment
    return bounds


def check_idempotency_key(value: object) -> str:
    key = _string("idempotency_key", value)
    if not key or key != key.strip() or len(key) > 255 or not (key.isascii() and key.isprintable()):
        raise wrong(
            "idempotency_key",
            "idempotency_key is blank, too long, not printable ASCII, or has spaces around it: pass 1 to 255 "
            "characters that name this one payment, for example 'order_12345'.",
        )
    if _redact.has_card_number(key):
        raise wrong(
            "idempotency_key",
            "idempotency_key has a card number in it, and keys are stored and logged: name the payment, not the card, "
            "for example 'order_12345'.",
        )
    return key


_METHODS = ("GET", "POST", "PUT", "DELETE")
_PATH = re.compile(r"/v1(/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)+")


def check_raw(method: object, path: object, params: object) -> tuple[str, str, dict[str, Any]]:
    """Check the method, path and parameters of `request`."""
    verb = as_str(method)
    if verb is None or verb.upper() not in _METHODS:
        raise wrong(
            "method", f"method is {type_of(method) if verb is None else 'unknown'}: pass one of {', '.join(_METHODS)}."
        )
    place = as_str(path)
    if place is None or not _PATH.fullmatch(place) or {".", ".."} & {*place.lower().replace("%2e", ".").split("/")}:
        raise wrong(
            "path",
            f"path is {shown(path) if place is None else 'not one of the API'}: pass only the path, such as "
            "'/v1/payment_intents/pi_1/capture'. The client adds the host; pass a query as params.",
        )
    given = {} if params is None else _raw(params)
    if verb.upper() in {"GET", "DELETE"}:
        given = {name: value for name, value in given.items() if value is not None}
        if isinstance(given.get("created"), dict):
            given["created"] = _created("created", given["created"])
        for name, value in given.items():
            for inner in cast("dict[str, Any]", value).values() if isinstance(value, dict) else (value,):
                if not isinstance(inner, (str, int, float)):
                    raise wrong(name, f"{name} has {type_of(inner)}: pass text, a number or a dict of these.")
    return verb.upper(), place, given


def _raw(params: object) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in _items("params", params):
        if _has_id(value):
            raise wrong(name, f"{name} is {type_of(value)}: pass its `.id`.")
        if not isinstance(value, NotGiven):
            given[name] = _plain(name, name, value, _LEVELS)
    return given


CHECKS: dict[str, Callable[[str, object], Any]] = {
    "amount": _amount,
    "billing_details": _object,
    "card": _details,
    "created": _created,
    "currency": _currency,
    "customer": _id,
    "description": _string,
    "email": _string,
    "enabled_events": _strings,
    "ending_before": _id,
    "invoice_settings": _object,
    "limit": _limit,
    "metadata": _metadata,
    "name": _string,
    "payment_intent": _id,
    "payment_method": _id_or_object,
    "payment_method_types": _strings,
    "phone": _string,
    "reason": _string,
    "receipt_email": _string,
    "return_url": _string,
    "setup_future_usage": _string,
    "starting_after": _id,
    "type": _string,
    "url": _string,
    "us_bank_account": _details,
}


def check_params(params: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: CHECKS[name](name, value) for name, value in params.items() if value is not None or name in required}
