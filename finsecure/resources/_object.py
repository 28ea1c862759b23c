"""What all objects of the API share.

Rules: a payment that succeeded must never be reported as failed because a field has an unexpected format. So unknown
fields are kept, missing fields are `None`, and a value of an unexpected type is kept as it is, with a warning in the
log. Only the fields that identify an object are strict: `id`, `object`, `amount`, `currency`, `status`.

Objects in events and errors can be partial. So that `intent.amount` is an `int` and not an `int | None` to type
checkers, `amount`, `currency`, `status` and `created` have the default `ABSENT`: reading one that did not come raises
an AttributeError that says how to get it. `_wire` refuses a response without the first three.

How: the schema of a lenient field is a union of its declared type and of any JSON value. pydantic-core handles it
without calling Python, so a well-formed response costs nothing extra. NaN, Infinity and numbers that overflow are not
JSON values. The default of an absent field is validated by a function that omits the field, so it is not in `__dict__`
and reading it calls `__getattr__`. That function does not run for a well-formed response either.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Generic, NoReturn, SupportsIndex, TypeAlias, TypeVar, cast

import pydantic.main
from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationError,
)
from pydantic_core import MISSING, CoreSchema, PydanticOmit, SchemaValidator, core_schema
from typing_extensions import Self, TypeAliasType, dataclass_transform, override

from .. import _redact
from .._call import LastResponse
from .._operation import Listing, Operation
from .._params import wrong

TYPE_CHECKING = False  # not typing's, which jedi would take as true
if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic._internal._model_construction import ModelMetaclass
    from pydantic.json_schema import JsonSchemaValue
else:
    # Written so that jedi does not understand it: it then completes our names, without forty names of pydantic.
    BaseModel = vars(pydantic.main)["BaseModel"]
    ModelMetaclass = type(BaseModel)

T = TypeVar("T")
logger = logging.getLogger("finsecure")

STRICT_FIELDS = frozenset({"amount", "currency", "status"})  # besides those that every object must have
ABSENT: Any = MISSING
"""The default of a field that only partial objects lack."""


# Runs for the default of an absent field, and for a field that is null. `PydanticOmit` leaves the field out of
# `__dict__`, so that reading it calls `__getattr__`, which raises.
def _omit(value: object) -> object:
    if value is MISSING or value is None:
        raise PydanticOmit
    raise ValueError("it is not what the field holds")


def _as_it_came(model: str, name: str, value: Any) -> Any:
    logger.warning("%s.%s has an unexpected shape (%s): kept as it came", model, name, type(value).__name__)
    return value


if TYPE_CHECKING:
    Json: TypeAlias = Any
    """A value with an undocumented type."""
else:
    from pydantic import StrictBool, WithJsonSchema

    # Refuse NaN, Infinity and numbers too large for a float, which Python's parsers accept.
    Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]
    Int = Annotated[int, Field(strict=True, gt=-(2**1024), lt=2**1024), WithJsonSchema({"type": "integer"})]

    class _OneError:
        """Replaces the errors of all union members by one: storing each of them takes a thousand times the memory."""

        def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            nullable: Any = handler(source)
            nullable["schema"].update(custom_error_type="no_json", custom_error_message="not a JSON value")
            return cast("CoreSchema", nullable)

    Json = TypeAliasType(
        "Json",
        Annotated[
            "str | StrictBool | Int | Float | Annotated[list[Json], Field(fail_fast=True)] | dict[str, Json] | None",
            Field(union_mode="left_to_right"),
            _OneError(),
        ],
    )


class WrittenTime(datetime):
    """A time that came as text or as a float, and is serialized as the same text or float."""

    text: str | float

    @classmethod
    def read(cls, text: str | float) -> WrittenTime:
        moment = _aware(_ISO.validate_python(text))
        try:
            moment = moment.astimezone(timezone.utc)
        except OverflowError:
            raise ValueError("before year 1 or after year 9999 in UTC") from None
        written = cls.combine(moment.date(), moment.timetz())
        written.text = text
        return written

    @override
    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        text: str | float | None = getattr(self, "text", None)
        return (
            (WrittenTime.read, (text,))
            if text is not None
            else cast("tuple[Any, ...]", super().__reduce_ex__(protocol))
        )


_ISO = SchemaValidator(core_schema.datetime_schema(), cast("Any", {"val_temporal_unit": "seconds"}))


def write_time(value: Any) -> Any:
    """Return the number or text that a time was read from."""
    if not isinstance(value, datetime):
        return value
    if isinstance(value, WrittenTime) and hasattr(value, "text"):
        return value.text
    seconds = _aware(value).timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def _aware(moment: datetime) -> datetime:
    """Return an aware datetime. A naive one is taken as UTC, not as this machine's time zone."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # seconds: the range of a datetime


class _TimeSchema:
    """Reads Unix seconds or ISO 8601 text as an aware UTC datetime. Validating an int runs no Python code."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.int_schema(strict=True, ge=_FIRST, le=_LAST)
        # A float can be finer than a datetime's microseconds.
        written = core_schema.union_schema([core_schema.str_schema(strict=True), core_schema.float_schema(strict=True)])
        return core_schema.union_schema(
            [
                # Not pydantic's own schema, which shows UTC as TzInfo(0).
                core_schema.no_info_after_validator_function(
                    _EPOCH.__add__, core_schema.chain_schema([number, core_schema.timedelta_schema(strict=False)])
                ),
                core_schema.chain_schema(
                    [
                        written,
                        core_schema.no_info_plain_validator_function(WrittenTime.read),
                    ]
                ),
                core_schema.no_info_after_validator_function(_aware, core_schema.is_instance_schema(datetime)),
            ],
            mode="left_to_right",
            serialization=core_schema.plain_serializer_function_ser_schema(write_time),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of a serialized time: the number or text that came."""
        return {"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "string", "format": "date-time"}]}


Timestamp: TypeAlias = Annotated[datetime, _TimeSchema()]
"""A time, as an aware UTC datetime. It is serialized as the number or text that came."""


_PYDANTIC = frozenset(dir(BaseModel))


@cache
def _names(kind: Any) -> frozenset[str]:
    """Return the names on a class, without those of pydantic."""
    return frozenset(
        name for name in type.__dir__(kind) if name.startswith("__") or not (name.startswith("_") or name in _PYDANTIC)
    )


@cache
def _operations(kind: Any) -> frozenset[str]:
    """Return the names of a class's operations, which its objects cannot call."""
    content: list[tuple[str, object]] = [pair for base in kind.__mro__ for pair in base.__dict__.items()]
    return frozenset(name for name, value in content if isinstance(value, (Operation, Listing)))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
class _ReadOnly(ModelMetaclass):
    """Makes objects read-only, and so hashable, for type checkers. For pydantic, `frozen` in the config does that."""

    @override
    def __dir__(cls) -> list[str]:
        """Return the names on this class, without those of pydantic."""
        return sorted(_names(cast("Any", cls)))

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise

        def __call__(cls, *args: object, **members: Any) -> Any:
            if args:
                raise TypeError(f"{cls.__name__} takes its fields by name. {_HOW_TO_GET_ONE}")
            try:
                return super().__call__(**members)
            except ValidationError as exc:
                first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
            name, why = first["loc"][0], "is missing" if first["type"] == "missing" else "has the wrong type"
            raise wrong(str(name), f"This is no {cls.__name__}: {name} {why}. {_HOW_TO_GET_ONE}")

        def __getattr__(cls, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name.startswith("_") or _is_being_built(cls):
                    raise
            from .._habits import attribute
            from .._habits.attributes import OF_AN_OBJECT

            # No suggestions from us, since pydantic reads names before the class is complete. Python adds its own.
            raise AttributeError(attribute(cls, name, OF_AN_OBJECT).removesuffix("."), name=name, obj=cls)


def _is_being_built(cls: type) -> bool:
    """Whether pydantic is building this class or a subclass. It then looks up the name of each field on the class."""
    return any("__pydantic_fields__" not in vars(each) for each in (cls, *cls.__subclasses__()))


_HOW_TO_GET_ONE = "Operations return objects of the API, and finsecure.testing builds them for tests."


class _Elsewhere:
    """Hides a deprecated method of pydantic, so that `__getattr__` says what to use instead."""

    def __get__(self, part: object, owner: type) -> NoReturn:
        raise AttributeError


def fields_of(schema: Any) -> Any:
    """Return the schema with a model's fields, which pydantic may have wrapped in others."""
    while "fields" not in schema:
        schema = schema["schema"]
    return schema


def _first_arm(schema: Any) -> Any:
    """Return the documented schema of a field, which is the first member of its union."""
    return schema["choices"][0][0] if schema["type"] == "union" else schema


def _lines(value: Any, name: str, indent: str) -> Iterator[str]:
    """Yield the lines of a part's text: one for each field, with nested parts indented."""
    yield f"{indent}{name}:" if indent else f"{name}:"
    for field, inner in value.__repr_args__():
        parts = cast("list[object]", inner if isinstance(inner, list) else [inner])
        if parts and all(isinstance(part, Part) for part in parts):
            for part in parts:
                yield from _lines(part, field, f"{indent}  ")
        else:
            yield f"{indent}  {field}: {inner}"


class _Moment:
    """A UTC time with a shorter `repr` than Python's."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    @override
    def __repr__(self) -> str:
        plain = datetime.combine(self._moment.date(), self._moment.time())
        return f"{repr(plain)[:-1]}, tzinfo=UTC)"

    @override
    def __str__(self) -> str:
        return str(self._moment)


def _plain(value: object, *, exclude_none: bool) -> Any:
    if isinstance(value, Part):
        return value.to_dict(exclude_none=exclude_none)
    if isinstance(value, list):
        return [_plain(item, exclude_none=exclude_none) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _plain(item, exclude_none=exclude_none) for name, item in items}
    return write_time(value)


class Part(BaseModel, metaclass=_ReadOnly):
    """A part of an API object: read-only. Unknown fields are kept, and missing ones are `None`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, strict=True, extra="allow", defer_build=True, protected_namespaces=(), val_temporal_unit="seconds"
    )

    @classmethod
    @override
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema, anything = handler(source), handler.generate_schema(Json)
        model = fields_of(handler.resolve_ref_schema(schema))
        if "extras_schema" in model:
            return schema  # pydantic has cached it, with the changes below
        for name, field in model["fields"].items():
            optional = field["schema"]
            if optional["type"] != "default" or name == "object":
                continue
            declared, absent = optional["schema"], optional.get("default") is MISSING
            # Null needs no member of the union. An amount that is null, however, counts as absent.
            nullable = declared["type"] == "nullable" or (absent and name not in STRICT_FIELDS)
            # A label that is not an identifier, so that it is left out of the path in error messages.
            arms: list[Any] = [(declared["schema"] if declared["type"] == "nullable" else declared, "=")]
            if absent:
                optional["validate_default"] = True
                arms.append(core_schema.no_info_plain_validator_function(_omit))
            if name not in STRICT_FIELDS:
                kept = partial(_as_it_came, cls.__name__, name)
                arms.append(core_schema.no_info_after_validator_function(kept, anything))
            either = core_schema.union_schema(arms, mode="left_to_right") if len(arms) > 1 else arms[0][0]
            optional["schema"] = core_schema.nullable_schema(either) if nullable else either
        model["extras_schema"] = anything
        return schema

    @classmethod
    @override
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema with only the declared type of each field, as the API documents it."""
        documented = copy.deepcopy(schema)
        for field in fields_of(documented)["fields"].values():
            outer = field["schema"]
            inner = outer.get("schema", outer)
            if inner["type"] == "nullable" and outer.get("default") is not MISSING:
                inner["schema"] = _first_arm(inner["schema"])
            elif outer["type"] == "default":
                outer["schema"] = _first_arm(inner["schema"] if inner["type"] == "nullable" else inner)
        fields_of(documented).pop("extras_schema", None)
        return handler(documented)

    @override
    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Construct without validation, like pydantic. Fields that are not given are absent, as in a partial object."""
        constructed = super().model_construct(_fields_set, **values)
        content: dict[str, Any] = vars(constructed)
        for name in [name for name, value in content.items() if value is MISSING]:
            del content[name]
        return constructed

    def to_dict(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return what the API sent, as plain dicts, lists and JSON values. It includes secrets.

        Args:
            exclude_none: Leave out fields that are `None`.

        Returns:
            A dict with the fields that came, ready for JSON. `created` is Unix seconds, or the text that came.

        Example:
            >>> order.payment = intent.to_dict()
        """
        sent = self.model_fields_set
        extra: dict[str, Any] = self.__pydantic_extra__ or {}
        content = {name: value for name, value in self.__dict__.items() if name in sent} | extra
        return {
            name: _plain(value, exclude_none=exclude_none)
            for name, value in content.items()
            if not (exclude_none and value is None)
        }

    def to_json(self, *, indent: int | None = None, exclude_none: bool = False) -> str:
        """Return what the API sent, as JSON text. It includes secrets.

        Args:
            indent: Spaces to indent each level by. By default, everything is on one line.
            exclude_none: Leave out fields that are `None`.

        Returns:
            The JSON text.
        """
        separators = (",", ":") if indent is None else None
        plain = self.to_dict(exclude_none=exclude_none)
        return json.dumps(plain, indent=indent, separators=separators, ensure_ascii=False)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Part):
            return NotImplemented
        return type(self) is type(other) and self._content() == other._content()

    @override
    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(self._content()))))  # the values may be dicts

    def _content(self) -> dict[str, Any]:
        content = {**self.__dict__, **(self.__pydantic_extra__ or {})}
        content.pop("_last_response", None)
        return content

    @override
    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(self._read_only())

    @override
    def __delattr__(self, name: str) -> None:
        raise AttributeError(self._read_only())

    def _read_only(self) -> str:
        kind = type(self).__name__
        how = " Change it with update(id, ...)." if hasattr(type(self), "update") else ""
        return f"{kind} is read-only: it is what the API answered. Nothing was changed.{how}"

    @override
    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        content = self._content()
        shown = [
            (name, _Moment(value) if isinstance(value, datetime) and value.tzinfo is timezone.utc else value)
            for name, value in content.items()
            if name in self.model_fields_set or name not in type(self).model_fields
        ]
        return cast("list[tuple[str | None, Any]]", _redact.fields(shown))

    @override
    def __dir__(self) -> list[str]:
        """Return the fields and methods of this object, without the names of pydantic."""
        kind: Any = type(self)
        extra: dict[str, Any] = self.__pydantic_extra__ or {}
        return sorted({*_names(kind), *kind.model_fields, *extra} - _operations(kind))

    @override
    def __str__(self) -> str:
        """Return the same as `repr` with a line for each field, for `print(intent)`."""
        return "\n".join(_lines(self, type(self).__name__, ""))

    def __contains__(self, name: object) -> bool:
        """Whether a field came: `"charges" in intent`."""
        return name in self.model_fields_set or name in (self.__pydantic_extra__ or {})

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise, and already refuse `intent[...]`

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)  # a field that this version does not know
            except AttributeError:
                if name.startswith("_") or name in _operations(type(self)):  # an operation raises its own error
                    raise
            from .._habits import attribute
            from .._habits.attributes import OF_AN_OBJECT

            raise AttributeError(attribute(type(self), name, OF_AN_OBJECT, dir(self)), name=name, obj=None)

        def __getitem__(self, name: object) -> NoReturn:
            place = f".{name}" if isinstance(name, str) and name.isidentifier() else "an attribute"
            raise TypeError(f"{type(self).__name__} is not a dict: read {place}, or to_dict() for all that came.")

        def __setitem__(self, name: object, value: object) -> NoReturn:
            raise TypeError(self._read_only())

        def __delitem__(self, name: object) -> NoReturn:
            raise TypeError(self._read_only())


_DEPRECATED = (
    *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema", "schema_json"),
    *("update_forward_refs", "validate"),
)
for _name in _DEPRECATED:
    setattr(Part, _name, _Elsewhere())


class Object(Part):
    """An object of the API, as the API returned it."""

    id: Annotated[str, Field(min_length=1)]
    """The object's id."""

    @property
    def last_response(self) -> LastResponse:
        """Facts about the response that this object came with: status, request id, attempts.

        Raises:
            AttributeError: The object came inside another one, in a list or in an event.
        """
        try:
            response: LastResponse = self.__dict__["_last_response"]
        except KeyError:
            raise AttributeError(self._absent("last_response")) from None
        return response

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise

        def __getattr__(self, name: str) -> Any:
            field = type(self).model_fields.get(name)
            if name == "last_response" or (field is not None and field.default is MISSING):
                # Set the name, or Python sets it and suggests `create` for `created`.
                raise AttributeError(self._absent(name), name=name, obj=None)
            return super().__getattr__(name)

    def _absent(self, name: str) -> str:
        kind = type(self).__name__
        # The base class with the operations, for example `Event` for a PaymentIntentSucceeded.
        named = next(
            (each.__name__ for each in type(self).__mro__ if each.__bases__[1:] and issubclass(each, Object)), ""
        )
        how = f"finsecure.{named}.retrieve({self.id!r}) or the client's retrieve" if named else ""
        if name == "last_response":
            return (
                f"This {kind} has no last_response: it came inside another object, a list or an event. A page and an "
                f"object that an operation returns have one{how and f': {how}'}."
            )
        if how:
            return (
                f"{name} did not come with this {kind}: events and errors carry partial objects. Get the whole one "
                f"with {how}."
            )
        return f"{name} did not come with this {kind}: events carry partial objects."

    @override
    def __hash__(self) -> int:
        return hash((type(self), self.id))


class AnyObject(Object):
    """An object of a kind that this version does not know: every field is kept, and even `id` may be missing."""

    id: str = ABSENT


class ListObject(Part, Generic[T]):
    """A list inside another object. Iterating it yields its objects; `len`, `bool` and `in` work on them too."""

    object: str | None = None
    """Always `list`."""
    data: list[T] | None = None
    """The objects."""
    has_more: bool | None = None
    """Whether there are more objects; `None` if the API did not say."""
    url: str | None = None
    """The path of the whole list."""

    @override
    def __iter__(self) -> Iterator[T]:  # type: ignore[override]  # pydantic's own yields the fields of a model
        return iter(self.data or [])

    @override
    def __contains__(self, item: Any) -> bool:
        """Whether an object is in this list, or one with this id."""
        return any(item in (each, getattr(each, "id", None)) for each in self)

    if not TYPE_CHECKING:

        def __getitem__(self, name: Any) -> NoReturn:
            raise TypeError("A list inside an object has no items of its own: read its data, intent.charges.data[0].")

    def __len__(self) -> int:
        return len(self.data or [])
