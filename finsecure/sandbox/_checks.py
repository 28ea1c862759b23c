"""Checks of parameters, which each resource combines in a table.

A check takes the value that was sent and its dotted name, and returns the value to store or raises a `Problem` that
names the parameter. No message repeats a value. The checks of API parameters also have a JSON Schema of what they
accept, from which `openapi.json` is generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, TypeGuard, TypeVar, cast
from urllib.parse import parse_qsl

import httpx

from finsecure._currencies import DIGITS

from ._json import Object
from ._problems import holds_card_number, invalid, shown

Check = Callable[[object, str], Any]

MAX_AMOUNT = 999_999_999_999
MAX_TEXT = 1000
MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE = 50, 40, 500

# Without `\s`, which matches more characters in Python than in a JSON Schema.
_EMAIL = re.compile(r"[^@\x00-\x20\x7f-\xa0]+@[^@\x00-\x20\x7f-\xa0]+\.[^@.\x00-\x20\x7f-\xa0]+")
_MAX_EMAIL = 320
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,30})?([eE][+-]?\d{1,3})?", re.ASCII)
_LAST_SECOND = 999_999_999_999


C = TypeVar("C", bound=Check)

_SCHEMAS: dict[Check, Object] = {}


def described(**keywords: object) -> Callable[[C], C]:
    """Declare in JSON Schema what a check accepts.

    Args:
        keywords: The keywords of JSON Schema, such as `type="string"`.
    """

    def describe(check: C) -> C:
        _SCHEMAS[check] = keywords
        return check

    return describe


def schema_of(check: Check) -> Object:
    """Return the JSON Schema of a check."""
    return _SCHEMAS[check]


class _Refused:
    """Marks a parameter that `null` does not clear."""


REFUSED: Final = _Refused()


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        check: The check of its value.
        required: Whether it is required to create the object.
        cleared: The value that `null` sets in an update.
        members: Its nested parameters, if an update changes them one by one instead of replacing the whole.
    """

    check: Check
    required: bool = False
    cleared: object = REFUSED
    members: Schema | None = None


Schema = Mapping[str, "Parameter"]


def read(schema: Schema, given: Mapping[str, object], prefix: str = "") -> Object:
    """Check the parameters to create an object. Unknown ones are refused, and `null` is the same as left out."""
    _refuse_unknown(schema, given, prefix)
    kept: Object = {}
    for name, parameter in schema.items():
        value = given.get(name)
        if value is not None:
            kept[name] = parameter.check(value, prefix + name)
        elif parameter.required:
            raise invalid(f"Missing required param: {prefix}{name}", prefix + name)
    return kept


def read_changes(schema: Schema, given: Mapping[str, object], prefix: str = "") -> Object:
    """Check the parameters to update an object. Only the given ones change, and `null` clears a parameter."""
    _refuse_unknown(schema, given, prefix)
    return {name: _change(schema[name], value, prefix + name) for name, value in given.items()}


def object_of(schema: Schema, *, update: bool = False) -> Object:
    """Return the JSON Schema of what `read` accepts, or `read_changes` for an update."""
    required = [name for name, parameter in schema.items() if parameter.required and not update]
    return {
        "type": "object",
        "properties": {name: _value_of(parameter, update=update) for name, parameter in schema.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _value_of(parameter: Parameter, *, update: bool) -> Object:
    members = parameter.members
    value = object_of(members, update=True) if update and members is not None else schema_of(parameter.check)
    nullable = parameter.cleared is not REFUSED if update else not parameter.required
    return or_null(value) if nullable else value


def or_null(value: Object) -> Object:
    """Return the JSON Schema of a value that may also be `null`."""
    if "anyOf" in value:
        return {"anyOf": [*value["anyOf"], {"type": "null"}]}
    more = {"enum": [*value["enum"], None]} if "enum" in value else {}
    return {**value, "type": [value["type"], "null"], **more}


def merge(schema: Schema, whole: Object, changes: Object) -> Object:
    """Set the given members of an object, at any depth. The others stay as they are."""
    for name, value in changes.items():
        members = schema[name].members
        whole[name] = value if members is None else merge(members, whole[name], value)
    return whole


def blank(schema: Schema) -> Object:
    """Return an object with all its members `null`, including those of nested objects."""
    return {name: None if parameter.members is None else blank(parameter.members) for name, parameter in schema.items()}


def read_query(schema: Schema, query: str) -> Object:
    """Check the parameters of a GET, each of which may be there at most once."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise invalid("The query string is not percent-encoded UTF-8.") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise invalid("The query string gives a param more than once.")
    refuse_card_numbers(given)
    return read(schema, given)


_READ_AND_DROPPED = {
    (*before, *name)
    for before in ((), ("payment_method",))
    for name in (("card", "number"), ("us_bank_account", "account_number"), ("us_bank_account", "routing_number"))
}
"""The parameters that may hold a card number, or digits that look like one. They are never stored."""

_PHONE = re.compile(r"\+(?:[^\d+]*\d){1,15}[^\d+]*")


def refuse_card_numbers(value: object, *path: str) -> None:
    """Refuse a card number anywhere in a request, except in the parameters of a payment method.

    Args:
        value: Any JSON value.
        path: The names of the members that contain it, outermost first.
    """
    waiting = [(value, path)]  # a stack and not recursion, since JSON may be nested deeper than the recursion limit
    while waiting:
        one, names = waiting.pop()
        if isinstance(one, dict):
            members = cast("Mapping[str, object]", one)
            waiting += [(name, names) for name in members]
            waiting += [(member, (*names, name)) for name, member in members.items()]
        elif isinstance(one, list):
            waiting += [(member, names) for member in cast("list[object]", one)]
        elif names not in _READ_AND_DROPPED and _may_hold_card_number(one, names) and holds_card_number(str(one)):
            param = shown(".".join(names)) or None
            raise invalid(
                f"{param or 'The request'} holds a card number. The sandbox accepts one only as the "
                "card.number of a payment method.",
                param,
            )


def _may_hold_card_number(value: object, path: tuple[str, ...]) -> bool:
    if isinstance(value, str):
        return path[-1:] != ("phone",) or not _PHONE.fullmatch(value)
    return type(value) in (int, float) and cast("float", value) > MAX_AMOUNT


def _change(parameter: Parameter, value: object, name: str) -> object:
    if value is not None:
        if parameter.members is not None:
            return read_changes(parameter.members, mapping(value, name), name + ".")
        return parameter.check(value, name)
    if parameter.cleared is REFUSED:
        raise invalid(f"{name} cannot be null.", name)
    return parameter.cleared


def _refuse_unknown(schema: Schema, given: Mapping[str, object], prefix: str) -> None:
    for name in given:
        if name not in schema:
            raise invalid(f"Unknown param: {shown(prefix + name)}", shown(prefix + name))


@described(type="string", minLength=1, pattern=r"\S")
def text(value: object, param: str) -> str:
    """Check a string that is not blank."""
    if not isinstance(value, str):
        raise invalid(f"{param} must be a string.", param)
    if not value.strip():
        raise invalid(f"{param} must not be empty.", param)
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise invalid(f"{param} must be text: it has half of a surrogate pair.", param)
    return value


def ident(value: object, param: str) -> str:
    """Check the id of an object. A caller in Python may have passed the object itself, so the message says so."""
    if not isinstance(value, str):
        raise invalid(f"{param} must be a string, the id of an object, not a {type(value).__name__}.", param)
    return text(value, param)


@described(type="string", maxLength=MAX_TEXT)
def free_text(value: object, param: str) -> str:
    """Check a string for people to read. It may be empty, since web forms send empty fields."""
    if not isinstance(value, str):
        raise invalid(f"{param} must be a string.", param)
    if len(value) > MAX_TEXT:
        raise invalid(f"{param} must have at most {MAX_TEXT} characters.", param)
    return value


@described(type="integer", minimum=1, maximum=MAX_AMOUNT)
def amount(value: object, param: str) -> int:
    """Check a positive integer in the currency's smallest unit. `true` and 2000.0 are refused."""
    if type(value) is not int:
        raise invalid(f"{param} must be an integer in the currency's smallest unit (2000 is $20.00).", param)
    if not 1 <= value <= MAX_AMOUNT:
        raise invalid(f"{param} must be at least 1 and at most {MAX_AMOUNT}.", param)
    return value


def between(low: int, high: int) -> Check:
    """Return a check of an integer from `low` to `high`."""

    @described(type="integer", minimum=low, maximum=high)
    def check(value: object, param: str) -> int:
        number = whole(value)
        if number is None or not low <= number <= high:
            raise invalid(f"{param} must be an integer from {low} to {high}.", param)
        return number

    return check


def integer(value: object, param: str) -> int:
    """Check an integer. `true` is refused."""
    number = whole(value)
    if number is None:
        raise invalid(f"{param} must be an integer.", param)
    return number


def whole(value: object) -> int | None:
    """Convert an integer, such as `HTTPStatus.OK` in Python, to a plain `int`; `None` for anything else."""
    return None if isinstance(value, bool) or not isinstance(value, int) else int(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number. `true` is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def boolean(value: object, param: str) -> bool:
    """Check a `true` or `false`."""
    if not isinstance(value, bool):
        raise invalid(f"{param} must be true or false.", param)
    return value


def seconds(value: object, param: str) -> float:
    """Check a duration in seconds, which may have fractions. At most a year, so that nothing overflows."""
    if not is_number(value) or not 0 <= value <= 366 * 24 * 3600:
        raise invalid(f"{param} must be a number of seconds, from 0 to those of a year.", param)
    return value


def unix_time(value: object, param: str) -> float:
    """Check a point in time, and convert it: Unix seconds as a number, or ISO 8601."""
    if is_number(value) and 0 <= value < 1e12:
        return float(value)
    if isinstance(value, str):
        return moment(value, param)
    raise invalid(f"{param} must be Unix seconds or ISO 8601, such as 2022-01-01T00:00:00Z.", param)


def share(value: object, param: str) -> float:
    """Check a share, above 0 and up to 1."""
    if not is_number(value) or not 0 < value <= 1:
        raise invalid(f"{param} must be a number above 0 and up to 1, such as 0.2 for a fifth.", param)
    return value


@described(type="string", enum=sorted(DIGITS))
def currency(value: object, param: str) -> str:
    """Check a currency in lower case. Reference: Create Payment Intent, "Three-letter ISO currency code"."""
    code = text(value, param)
    if code not in DIGITS:
        raise invalid(f"{param} must be a three-letter ISO 4217 code in lower case, such as usd.", param)
    return code


@described(type="string", pattern=f"^{_EMAIL.pattern}$", maxLength=_MAX_EMAIL)
def email(value: object, param: str) -> str:
    """Check the format of an email address."""
    address = text(value, param)
    if len(address) > _MAX_EMAIL or not _EMAIL.fullmatch(address):
        raise invalid(f"{param} must be an email address, such as customer@example.com.", param)
    return address


def matching(pattern: str, wanted: str) -> Check:
    """Return a check of a string that matches the whole pattern, in ASCII."""
    compiled = re.compile(pattern, re.ASCII)

    @described(type="string", pattern=f"^{pattern}$")
    def check(value: object, param: str) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise invalid(f"{param} must be {wanted}.", param)
        return value

    return check


def one_of(*choices: str) -> Check:
    """Return a check of a string that is one of these."""

    @described(type="string", enum=[*choices])
    def check(value: object, param: str) -> str:
        for choice in choices:
            if choice == value:
                return choice
        raise invalid(f"{param} must be one of {', '.join(choices)}.", param)

    return check


def list_of(check_one: Check) -> Check:
    """Return a check of a list with at least one member and no duplicates."""

    @described(type="array", items=schema_of(check_one), minItems=1, uniqueItems=True)
    def check(value: object, param: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise invalid(f"{param} must be a list with at least one member.", param)
        members = [check_one(member, param) for member in cast("list[object]", value)]
        if any(member in members[:index] for index, member in enumerate(members)):
            raise invalid(f"{param} must not name anything twice.", param)
        return members

    return check


def nested(schema: Schema) -> Check:
    """Return a check of an object with nested parameters, named with a dot: `card.number`."""

    @described(**object_of(schema))
    def check(value: object, param: str) -> Object:
        return read(schema, mapping(value, param), param + ".")

    return check


def part(schema: Schema) -> Parameter:
    """Return a parameter for an object. An update changes its members one by one, and `null` clears them all."""
    return Parameter(nested(schema), cleared=blank(schema), members=schema)


def mapping(value: object, param: str) -> Object:
    """Check a JSON object or, from Python, any mapping."""
    if not isinstance(value, Mapping):
        raise invalid(f"{param} must be an object.", param)
    return {**cast("Mapping[str, object]", value)}


@described(
    type="object",
    maxProperties=MAX_METADATA,
    propertyNames={"minLength": 1, "maxLength": MAX_METADATA_NAME},
    additionalProperties={"type": "string", "maxLength": MAX_METADATA_VALUE},
)
def metadata(value: object, param: str) -> Object:
    """Check strings by name, within the documented limits."""
    pairs = mapping(value, param)
    if len(pairs) > MAX_METADATA:
        raise invalid(f"{param} must have at most {MAX_METADATA} keys.", param)
    for name, content in pairs.items():
        if not 1 <= len(name) <= MAX_METADATA_NAME:
            raise invalid(f"Each key of {param} must have 1 to {MAX_METADATA_NAME} characters.", param)
        inner = shown(f"{param}.{name}")
        if not isinstance(content, str):
            raise invalid(f"{inner} must be a string.", inner)
        if len(content) > MAX_METADATA_VALUE:
            raise invalid(f"{inner} must have at most {MAX_METADATA_VALUE} characters.", inner)
    return pairs


_RUNS_IN_THE_PAGE = ("about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source")


@described(type="string", pattern=f"^(?!({'|'.join(_RUNS_IN_THE_PAGE)}):)[a-z][a-z0-9+.-]*:/")
def return_url(value: object, param: str) -> str:
    """Check the URL that the customer returns to: of a page, or of an app with its own scheme (`myshop://paid`)."""
    url = _url(value, param)
    of_an_app = url.scheme not in _RUNS_IN_THE_PAGE and _OF_AN_APP.match(cast("str", value))
    if not (of_an_app or _is_of_the_web(url)):
        raise invalid(f"{param} must be an absolute https or http URL, or one of an app, such as myshop://paid.", param)
    return cast("str", value)


_OF_AN_APP = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:/", re.ASCII | re.IGNORECASE)


@described(type="string", pattern="^https?://")
def webhook_url(value: object, param: str) -> str:
    """Check the URL that events are sent to. `webhook_endpoints` checks whether its host may use plain HTTP."""
    url = _url(value, param)
    if not _is_of_the_web(url):
        raise invalid(f"{param} must be an absolute https or http URL.", param)
    if url.userinfo:
        raise invalid(f"{param} must not carry a user name or password.", param)
    return cast("str", value)


def _is_of_the_web(url: httpx.URL) -> bool:
    return url.scheme in ("https", "http") and bool(url.host) and (url.port or 0) <= 65535


def _url(value: object, param: str) -> httpx.URL:
    try:
        url = httpx.URL(text(value, param))
        _ = url.host  # httpx decodes the host, and may raise, only when it is read
    except (httpx.InvalidURL, UnicodeError):
        raise invalid(f"{param} must be an absolute URL.", param) from None
    return url


@described(type="integer", minimum=1, maximum=100, default=10)
def limit(value: object, param: str) -> int:
    """Check the size of a page in a query string, and convert it."""
    if not re.fullmatch("[0-9]{1,3}", cast("str", value)) or not 1 <= int(cast("str", value)) <= 100:
        raise invalid(f"{param} must be an integer from 1 to 100.", param)
    return int(cast("str", value))


@described(
    anyOf=[
        {"type": "number", "minimum": -_LAST_SECOND, "maximum": _LAST_SECOND},
        {"type": "string", "format": "date-time"},
    ]
)
def moment(value: object, param: str) -> float:
    """Check a time in a query string, and convert it: Unix seconds or ISO 8601. Reference: Consistency Standards."""
    written = text(value, param)
    if _NUMBER.fullmatch(written) and abs(float(written)) <= _LAST_SECOND:
        return float(written)
    try:
        # Python 3.10 cannot parse the Z that the reference uses.
        read_as = datetime.fromisoformat(written.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"{param} must be Unix seconds or ISO 8601, such as 2022-01-01T00:00:00Z.", param) from None
    return (read_as if read_as.tzinfo else read_as.replace(tzinfo=timezone.utc)).timestamp()


CREATED = {f"created[{bound}]": bound for bound in ("gte", "gt", "lte", "lt")}
"""The name of each bound on `created`, by its parameter. All lists have these parameters."""


def listing(**filters: Check) -> Schema:
    """Return the parameters of a list: those for the page, those for the time, and the filters of the resource."""
    pages: dict[str, Check] = {"limit": limit, "starting_after": text, "ending_before": text}
    times: dict[str, Check] = dict.fromkeys(CREATED, moment)
    return {name: Parameter(check) for name, check in {**pages, **times, **filters}.items()}
