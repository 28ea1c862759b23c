"""Checks of the arguments, by the name of the parameter: what is certainly wrong is refused before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast, final
from urllib.parse import quote

from typing_extensions import TypedDict, override

from .error import InvalidRequestError

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")


@final
class NotGiven:
    """The type of `NOT_GIVEN`."""

    @override
    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN: Final = NotGiven()
"""In `update`: leave the field as it is. `None` clears it instead."""


class CreatedFilter(TypedDict, total=False):
    """Bounds on when an object was created, as aware `datetime`s or Unix seconds."""

    gt: int | datetime
    gte: int | datetime
    lt: int | datetime
    lte: int | datetime


def wrong(param: str, why: str) -> InvalidRequestError:
    return InvalidRequestError(why, type="invalid_request_error", param=param)


def _type_of(value: object) -> str:
    """What came, safe to print: its type only, since a value may be a secret."""
    name = type(value).__name__
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"


def path_id(id: object) -> str:
    checked = _id("id", id)
    if checked in {".", ".."}:
        raise wrong("id", f"{checked!r} is no id: pass one that the API gave, for example 'pi_1234567890abcdef'.")
    return checked if checked.isascii() and checked.replace("_", "").isalnum() else _quoted(checked)


def _quoted(id: str) -> str:
    try:
        return quote(id, safe="")
    except UnicodeEncodeError:
        raise wrong("id", "The id does not encode as UTF-8: pass one that the API gave.") from None


def _id(name: str, value: object) -> str:
    if not isinstance(value, str):
        hint = "pass its `.id`" if isinstance(getattr(value, "id", None), str) else "pass the id as a str"
        raise wrong(name, f"{name} is {_type_of(value)}: {hint}.")
    if not value.strip():
        raise wrong(name, f"{name} is empty: pass an id that the API gave.")
    return value


def _amount(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        number = str(value) if not isinstance(value, bool) and _NUMBER.fullmatch(str(value)) else None
        given = _type_of(value) + (f" ({value!r})" if number else "")
        raise wrong(
            name,
            f"{name} is {given}: pass an int in the smallest currency unit, 1999 for $19.99, for example "
            f'finsecure.to_minor_units(Decimal("{number or "19.99"}"), currency).',
        )
    if value <= 0:
        raise wrong(name, f"{name} is {value}: pass a positive number of the smallest currency unit.")
    return value


def _currency(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise wrong(name, f"{name} is {_type_of(value)}: pass a three-letter ISO code as a str, for example 'usd'.")
    if len(value) != 3 or not (value.isascii() and value.isalpha()):
        raise wrong(name, f"{name} is {value!r}: pass a three-letter ISO code, for example 'usd'.")
    return value.lower()  # the API's own spelling


def _limit(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(name, f"{name} is {_type_of(value)}: pass an int from 1 to 100, the size of one page.")
    if not 1 <= value <= 100:
        raise wrong(name, f"{name} is {value}: pass 1 to 100, the size of one page. Iterating fetches all pages.")
    return value


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise wrong(name, f"{name} is {_type_of(value)}: pass a str.")
    return value


def _strings(name: str, value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong(name, f"{name} is {_type_of(value)}: pass a list of strings.")
    return [_string(f"{name}[{index}]", item) for index, item in enumerate(cast("Sequence[object]", value))]


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(name, f"{name} is {_type_of(value)}: pass a dict.")
    items = cast("Mapping[object, Any]", value).items()
    for key, _ in items:
        if not isinstance(key, str):
            raise wrong(name, f"{name} has a key that is {_type_of(key)}: pass a dict whose keys are str.")
    return cast("dict[str, Any]", dict(items))


def _metadata(name: str, value: object) -> dict[str, Any]:
    checked = _object(name, value)
    for key, inner in checked.items():
        if not isinstance(inner, str):
            raise wrong(name, f"{name}[{key!r}] is {_type_of(inner)}: metadata holds strings, pass str(...) of it.")
    return checked


def _id_or_object(name: str, value: object) -> str | dict[str, Any]:
    return _object(name, cast("object", value)) if isinstance(value, Mapping) else _id(name, value)


# The API counts whole seconds, so a bound between two of them goes to the one that keeps its meaning.
_ROUND = {"gt": math.floor, "gte": math.ceil, "lt": math.ceil, "lte": math.floor}


def _created(name: str, value: object) -> dict[str, int]:
    bounds: dict[str, int] = {}
    for bound, moment in _object(name, value).items():
        if bound not in _ROUND:
            raise wrong(name, f"{name} has the bound {bound!r}: pass gt, gte, lt or lte.")
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise wrong(name, f"{name}[{bound}] has no time zone: pass an aware datetime, for example in UTC.")
            bounds[bound] = _ROUND[bound](moment.timestamp())
        elif isinstance(moment, bool) or not isinstance(moment, int):
            raise wrong(
                name, f"{name}[{bound}] is {_type_of(moment)}: pass an aware datetime or Unix seconds as an int."
            )
        else:
            bounds[bound] = moment
    return bounds


def check_idempotency_key(value: object) -> None:
    key = _string("idempotency_key", value)
    if not key or key != key.strip() or len(key) > 255 or not (key.isascii() and key.isprintable()):
        raise wrong(
            "idempotency_key",
            "idempotency_key is blank, too long, not printable ASCII, or has spaces around it: pass 1 to 255 "
            "characters that name this one payment, for example 'order_12345'.",
        )


CHECKS: dict[str, Callable[[str, object], Any]] = {
    "amount": _amount,
    "billing_details": _object,
    "card": _object,
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
    "us_bank_account": _object,
}


def check_params(params: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: CHECKS[name](name, value) for name, value in params.items() if value is not None or name in required}
