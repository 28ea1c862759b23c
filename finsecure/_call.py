"""One API call as a value: what to send, who may send it, and what the answer becomes. No I/O here.

A resource method describes its call with `GET`, `LIST`, `POST`, `PUT` or `DELETE`. What the caller got certainly wrong
is refused here, by the name of the parameter (`_CHECKS`), before anything is sent; what only the server can know is
left to the server.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast, final
from urllib.parse import quote

from typing_extensions import TypedDict, override

from .error import InvalidRequestError

if TYPE_CHECKING:
    from ._pages import Page

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

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


@dataclass(frozen=True)
class LastResponse:
    """How an answer came.

    Attributes:
        status_code: The HTTP status.
        request_id: The API's id of the request (`req_...`), for support.
        attempts: How many requests it took, the first included.
        elapsed: Seconds that the whole call took, waits included.
        idempotency_key: The key that every attempt was sent with; `None` where none is sent.
        idempotent_replayed: Whether the API sent a stored answer again instead of doing the work twice.
    """

    status_code: int
    request_id: str | None
    attempts: int
    elapsed: float
    idempotency_key: str | None
    idempotent_replayed: bool


class Call(Generic[T_co]):
    """A call that has been described but not yet made."""

    __slots__ = ("id", "idempotency_key", "many", "method", "params", "path", "publishable", "returns", "template")

    def __init__(
        self,
        method: str,
        template: str,
        returns: type[Any],
        params: dict[str, Any],
        *,
        id: str | None = None,
        many: bool = False,
        idempotency_key: str | None = None,
        publishable: bool = False,
    ) -> None:
        self.method: str = method
        self.template: str = template  # with "{id}", which is what a log may show
        self.id: str | None = id
        self.path: str = template.replace("{id}", _path_id(id)) if "{id}" in template else template
        self.returns: Any = returns  # the model of the answer, or of each object in it; for events a union
        self.many: bool = many  # whether the answer is a page
        self.params: dict[str, Any] = params
        self.idempotency_key: str | None = idempotency_key
        self.publishable: bool = publishable  # whether a publishable key may send it

    @override
    def __repr__(self) -> str:
        return f"<Call {self.method} {self.template}>"  # the parameters can hold a card

    def with_params(self, **params: Any) -> Call[T_co]:
        """The same call with other parameters; `None` takes one away."""
        changed = {name: value for name, value in {**self.params, **params}.items() if value is not None}
        return Call(self.method, self.template, self.returns, changed, many=self.many)


def GET(template: str, returns: type[T], *, id: str) -> Call[T]:
    """Describe looking up one object."""
    return Call("GET", template, returns, {}, id=id)


def LIST(template: str, item: type[T], **params: Any) -> Call[Page[T]]:
    """Describe a list of objects; parameters that are `None` are left out."""
    if params.get("starting_after") is not None and params.get("ending_before") is not None:
        raise InvalidRequestError(
            "Both starting_after and ending_before were given: pass one, for the direction to page in.",
            type="invalid_request_error",
            param="ending_before",
        )
    return Call("GET", template, item, _checked(params), many=True)


def POST(
    template: str,
    returns: type[T],
    *,
    id: str | None = None,
    idempotency_key: str | None = None,
    publishable: bool = False,
    required: tuple[str, ...] = (),
    **params: Any,
) -> Call[T]:
    """Describe creating or doing something; parameters that are `None` are left out, or refused if `required`."""
    if idempotency_key is not None:
        _check_idempotency_key(idempotency_key)
    return Call(
        "POST",
        template,
        returns,
        _checked(params, required),
        id=id,
        idempotency_key=idempotency_key,
        publishable=publishable,
    )


def PUT(template: str, returns: type[T], *, id: str, required: tuple[str, ...] = (), **params: Any) -> Call[T]:
    """Describe changing an object; `NOT_GIVEN` parameters are left out, `None` clears, or is refused if `required`."""
    given = {name: value for name, value in params.items() if value is not NOT_GIVEN}
    checked = _checked(given, required)
    return Call("PUT", template, returns, {name: checked.get(name) for name in given}, id=id)


def DELETE(template: str, returns: type[T], *, id: str) -> Call[T]:
    """Describe deleting an object."""
    return Call("DELETE", template, returns, {}, id=id)


def _wrong(param: str, why: str) -> InvalidRequestError:
    return InvalidRequestError(why, type="invalid_request_error", param=param)


def _came(value: object) -> str:
    """What came, safe to print: its type only, since a value may be a secret."""
    name = type(value).__name__
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"


def _path_id(id: object) -> str:
    checked = _id("id", id)
    if checked in {".", ".."}:
        raise _wrong("id", f"{checked!r} is no id: pass one that the API gave, for example 'pi_1234567890abcdef'.")
    return checked if checked.isascii() and checked.replace("_", "").isalnum() else _quoted(checked)


def _quoted(id: str) -> str:
    try:
        return quote(id, safe="")
    except UnicodeEncodeError:
        raise _wrong("id", "The id does not encode as UTF-8: pass one that the API gave.") from None


def _id(name: str, value: object) -> str:
    if not isinstance(value, str):
        hint = "pass its `.id`" if isinstance(getattr(value, "id", None), str) else "pass the id as a str"
        raise _wrong(name, f"{name} is {_came(value)}: {hint}.")
    if not value.strip():
        raise _wrong(name, f"{name} is empty: pass an id that the API gave.")
    return value


def _amount(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        number = str(value) if not isinstance(value, bool) and _NUMBER.fullmatch(str(value)) else None
        came = _came(value) + (f" ({value!r})" if number else "")
        raise _wrong(
            name,
            f"{name} is {came}: pass an int in the smallest currency unit, 1999 for $19.99, for example "
            f'finsecure.to_minor_units(Decimal("{number or "19.99"}"), currency).',
        )
    if value <= 0:
        raise _wrong(name, f"{name} is {value}: pass a positive number of the smallest currency unit.")
    return value


def _currency(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, f"{name} is {_came(value)}: pass a three-letter ISO code as a str, for example 'usd'.")
    if len(value) != 3 or not (value.isascii() and value.isalpha()):
        raise _wrong(name, f"{name} is {value!r}: pass a three-letter ISO code, for example 'usd'.")
    return value.lower()  # the API's own spelling


def _limit(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, f"{name} is {_came(value)}: pass an int from 1 to 100, the size of one page.")
    if not 1 <= value <= 100:
        raise _wrong(name, f"{name} is {value}: pass 1 to 100, the size of one page. Iterating fetches all pages.")
    return value


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, f"{name} is {_came(value)}: pass a str.")
    return value


def _strings(name: str, value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _wrong(name, f"{name} is {_came(value)}: pass a list of strings.")
    return [_string(f"{name}[{index}]", item) for index, item in enumerate(cast("Sequence[object]", value))]


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, f"{name} is {_came(value)}: pass a dict.")
    items = cast("Mapping[object, Any]", value).items()
    for key, _ in items:
        if not isinstance(key, str):
            raise _wrong(name, f"{name} has a key that is {_came(key)}: pass a dict whose keys are str.")
    return cast("dict[str, Any]", dict(items))


def _metadata(name: str, value: object) -> dict[str, Any]:
    checked = _object(name, value)
    for key, inner in checked.items():
        if not isinstance(inner, str):
            raise _wrong(name, f"{name}[{key!r}] is {_came(inner)}: metadata holds strings, pass str(...) of it.")
    return checked


def _id_or_object(name: str, value: object) -> str | dict[str, Any]:
    return _object(name, cast("object", value)) if isinstance(value, Mapping) else _id(name, value)


# The API counts whole seconds, so a bound between two of them goes to the one that keeps its meaning.
_ROUND = {"gt": math.floor, "gte": math.ceil, "lt": math.ceil, "lte": math.floor}


def _created(name: str, value: object) -> dict[str, int]:
    bounds: dict[str, int] = {}
    for bound, moment in _object(name, value).items():
        if bound not in _ROUND:
            raise _wrong(name, f"{name} has the bound {bound!r}: pass gt, gte, lt or lte.")
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise _wrong(name, f"{name}[{bound}] has no time zone: pass an aware datetime, for example in UTC.")
            bounds[bound] = _ROUND[bound](moment.timestamp())
        elif isinstance(moment, bool) or not isinstance(moment, int):
            raise _wrong(name, f"{name}[{bound}] is {_came(moment)}: pass an aware datetime or Unix seconds as an int.")
        else:
            bounds[bound] = moment
    return bounds


def _check_idempotency_key(value: object) -> None:
    key = _string("idempotency_key", value)
    if not key or key != key.strip() or len(key) > 255 or not (key.isascii() and key.isprintable()):
        raise _wrong(
            "idempotency_key",
            "idempotency_key is blank, too long, not printable ASCII, or has spaces around it: pass 1 to 255 "
            "characters that name this one payment, for example 'order_12345'.",
        )


_CHECKS: dict[str, Callable[[str, object], Any]] = {
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


def _checked(params: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: _CHECKS[name](name, value) for name, value in params.items() if value is not None or name in required}
