"""Builds the validators of the API's objects on first use, and describes what is wrong with a response."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from .. import _runtime
from ._object import STRICT_FIELDS

T = TypeVar("T")


class PageData(BaseModel, Generic[T]):
    """A page as the API sends it. Reference: Consistency Standards, Pagination."""

    model_config = ConfigDict(strict=True)

    object: Literal["list"]
    data: Annotated[list[T], Field(fail_fast=True)]
    has_more: bool
    url: str | None = None

    @property
    def last_response(self) -> Any:
        """Facts about the response, stored in the same place as on an object."""
        return self.__dict__["_last_response"]


_validators: dict[tuple[Any, bool], SchemaValidator] = {}
_building = threading.Lock()


def _begin_anew() -> None:
    global _building
    _building = threading.Lock()  # another thread may have held it when the process forked


_runtime.in_child(_begin_anew)


def validator(returns: Any, many: bool = False) -> SchemaValidator:
    """Return the validator of a model, or of a page of them. It is built once, by one thread."""
    built = _validators.get((returns, many))
    if built is None:
        with _building:
            built = _validators.get((returns, many))  # another thread may have built it meanwhile
            if built is not None:
                return built
            page: Any = PageData  # type checkers do not accept a model that is only known at run time
            adapter: TypeAdapter[Any] = TypeAdapter(page[returns] if many else returns)
            adapter.rebuild(force=True)
            built = cast("SchemaValidator", adapter.validator)
            _validators[returns, many] = built
    return built


def missing(value: Any) -> str | None:
    """Return the name of a required field that is missing or null in a response; `None` if there is none."""
    kind = cast("type[BaseModel]", type(value))
    required = _required.get(kind)
    if required is None:
        fields_of_kind = kind.model_fields
        strict = STRICT_FIELDS if "amount" in fields_of_kind else ()
        required = _required[kind] = frozenset({"object", *strict} & {*fields_of_kind})
    fields: set[str] = value.__pydantic_fields_set__  # faster than `model_fields_set`, which returns the same
    return None if fields >= required else min(required - fields)


_required: dict[type[BaseModel], frozenset[str]] = {}


def checked(validate: Callable[[Any], T], given: Any) -> tuple[T | None, str]:
    """Return the validated value, or say what is wrong. Not an exception, whose context would contain the body."""
    try:
        return validate(given), ""
    except ValidationError as exc:
        return None, what_is_wrong(exc)


def what_is_wrong(exc: ValidationError) -> str:
    """Say what is wrong with a response, and in which field, without quoting any of it."""
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return NO_JSON
    if any(error["type"] in _NUMBERS for error in errors):
        return "it has NaN, Infinity or a number too large to hold"
    # The errors of a union begin with those of its known members, whose names are not part of the field's path.
    first = next((error for error in errors if not error["type"].startswith("union_tag")), errors[0])
    place = ".".join(str(step) for step in first["loc"] if str(step).isidentifier() and str(step).islower())
    return f"{place or 'it'} {_WRONG.get(first['type'], 'has the wrong type')}"


NO_JSON = "it is no whole JSON text in UTF-8, or one too deeply nested"
_WRONG = {"missing": "is missing", "literal_error": "has an unexpected value", "string_too_short": "is empty"}
_NUMBERS = frozenset({"finite_number", "greater_than", "less_than", "no_json"})
