"""What every object of the API has in common.

Rules: money that moved is not reported as failed because of a shape. So an unknown field is kept, a missing one is
`None`, and a value of an unexpected type arrives as it came, with a warning in the log. Only what makes an answer the
object that was asked for is strict: `id`, `object`, `amount`, `currency`, `status`.

How: each lenient field is tried as what it should be and, failing that, as anything (a union that pydantic-core walks
without entering Python), so that a well-formed answer pays nothing for it. Anything is any JSON value: NaN, Infinity
and numbers that overflow are none, wherever they stand.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, SupportsIndex, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, PrivateAttr
from pydantic_core import CoreSchema, SchemaValidator, core_schema
from typing_extensions import TypeAliasType, dataclass_transform, override

from .. import _redact
from .._call import LastResponse

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

T = TypeVar("T")
logger = logging.getLogger("finsecure")

STRICT_FIELDS = frozenset({"amount", "currency", "status"})  # besides those that every object must have


def _as_it_came(model: str, name: str, value: Any) -> Any:
    logger.warning("%s.%s has an unexpected shape (%s): kept as it came", model, name, type(value).__name__)
    return value


if TYPE_CHECKING:
    Json: TypeAlias = Any
    """A value whose shape the API does not document."""
else:
    from pydantic import StrictBool

    # Not NaN, Infinity or a number too large for a float, which Python's parsers would let through.
    Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]
    Int = Annotated[int, Field(strict=True, gt=-(2**1024), lt=2**1024)]
    Json = TypeAliasType(
        "Json",
        Annotated[
            "str | StrictBool | Int | Float | list[Json] | dict[str, Json] | None",
            Field(union_mode="left_to_right"),
        ],
    )


class WrittenTime(datetime):
    """A moment that was sent as text or as a fraction, and is written back as just that."""

    text: str | float

    @classmethod
    def read(cls, text: str | float) -> WrittenTime:
        moment = _ISO.validate_python(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
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


def _write_time(value: Any) -> Any:
    """The number or the text that was read."""
    if not isinstance(value, datetime):
        return value
    if isinstance(value, WrittenTime) and hasattr(value, "text"):
        return value.text
    seconds = value.timestamp()
    return int(seconds) if seconds.is_integer() else seconds


class _TimeSchema:
    """A Unix number of seconds or ISO 8601 text, as an aware UTC datetime. An int never leaves pydantic-core."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.int_schema(strict=True)
        # A float can be finer than a datetime's microseconds.
        written = core_schema.union_schema([core_schema.str_schema(strict=True), core_schema.float_schema(strict=True)])
        return core_schema.union_schema(
            [
                core_schema.chain_schema([number, core_schema.datetime_schema(strict=False)]),
                core_schema.chain_schema(
                    [
                        written,
                        core_schema.no_info_plain_validator_function(WrittenTime.read),
                    ]
                ),
                core_schema.is_instance_schema(datetime),
            ],
            mode="left_to_right",
            serialization=core_schema.plain_serializer_function_ser_schema(_write_time),
        )


Timestamp: TypeAlias = Annotated[datetime, _TimeSchema()]
"""When, as an aware UTC datetime; written back as the number or text that came."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
class _ReadOnly(ModelMetaclass):
    """Tells type checkers what `frozen` in the configuration tells pydantic: read-only, and so hashable."""


class Part(BaseModel, metaclass=_ReadOnly):
    """A piece of an API object: read-only, unknown fields kept, missing ones `None`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, strict=True, extra="allow", defer_build=True, protected_namespaces=(), val_temporal_unit="seconds"
    )

    @classmethod
    @override
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema, anything = handler(source), handler.generate_schema(Json)
        model: Any = schema
        while "fields" not in model:  # down to the fields, through what pydantic may have wrapped around them
            model = model["schema"]
        for name, field in model["fields"].items():
            optional = field["schema"]
            if optional["type"] == "default" and name not in STRICT_FIELDS:
                kept = partial(_as_it_came, cls.__name__, name)
                declared = optional["schema"]
                nullable = declared["type"] == "nullable"
                lenient = core_schema.union_schema(
                    [
                        declared["schema"] if nullable else declared,
                        core_schema.no_info_after_validator_function(kept, anything),
                    ],
                    mode="left_to_right",
                )
                optional["schema"] = core_schema.nullable_schema(lenient) if nullable else lenient  # null: no union
        model["extras_schema"] = anything
        return schema

    def to_dict(self) -> dict[str, Any]:
        """What the API sent, as plain dicts, lists and JSON values; secrets included."""
        return self.model_dump(exclude_unset=True, warnings=False)

    def to_json(self) -> str:
        """What the API sent, as JSON text; secrets included."""
        return self.model_dump_json(exclude_unset=True, warnings=False)

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
        raise AttributeError(f"{type(self).__name__} is read-only: it is what the API answered. Nothing was changed.")

    @override
    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only: it is what the API answered. Nothing was changed.")

    @override
    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        content = self._content()
        shown = [
            (name, content[name])
            for name in content
            if name in self.model_fields_set or name not in type(self).model_fields
        ]
        return cast("list[tuple[str | None, Any]]", _redact.fields(shown))

    @override
    def __str__(self) -> str:
        return repr(self)


class Object(Part):
    """An object of the API, as it was answered.

    Attributes:
        id: The object's id.
    """

    id: Annotated[str, Field(min_length=1)]

    @property
    def last_response(self) -> LastResponse | None:
        """How the answer that brought this object came; `None` for an object inside another or in a list."""
        return cast("LastResponse | None", self.__dict__.get("_last_response"))

    @override
    def __hash__(self) -> int:
        return hash((type(self), self.id))


class ListObject(Part, Generic[T]):
    """A list inside another object.

    Attributes:
        data: The objects.
        has_more: Whether there are more than these; `None` where the API did not say.
        url: The path of the whole list.
    """

    object: str | None = None
    data: list[T] | None = None
    has_more: bool | None = None
    url: str | None = None
