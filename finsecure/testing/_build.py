"""Builds a whole object from the given members: checks them with the model, and adds the others from samples."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from .._call import LastResponse
from ..resources._object import Object as APIObject
from ..resources._object import Part
from ..resources._validate import validator
from ..sandbox import _samples
from ..sandbox._http import BASE_URL
from ..sandbox._work import Maker

A = TypeVar("A", bound=APIObject)
Object = dict[str, Any]

OF_A_DELETION = {"id", "object", "deleted"}
"""The members of a deleted object, as `delete` returns it."""


def maker() -> Maker:
    """Return a `Maker` of new objects, with the current time, random ids, and hashes as fingerprints."""
    return Maker(
        now=time.time(),
        new_id=lambda _: secrets.token_hex(12),
        fingerprint=lambda number: hashlib.sha256(number.encode()).hexdigest()[:16],
        base_url=BASE_URL,
    )


def made(model: type[A], kind: str, members: Mapping[str, object]) -> A:
    """Build an object with the given members and all others that its state implies, as an operation returns it."""
    source = maker()
    answered: A = typed(model, body(model, kind, members, answered=True))
    vars(answered)["_last_response"] = LastResponse(
        status_code=200,
        request_id=source.ident("req"),
        attempts=1,
        elapsed=0.0,
        idempotency_key=None,
        idempotent_replayed=False,
    )
    return answered


def body(model: type[APIObject], kind: str, members: Mapping[str, object], *, answered: bool) -> Object:
    """Build an object as plain dicts and lists.

    Args:
        model: The model of the object.
        kind: The value of its `object` member.
        members: The given members.
        answered: Whether to build it as an operation returns it, or as an event contains it.

    Raises:
        TypeError: The object has no such member.
        ValueError: A member cannot have that value.
    """
    given = {name: plain(value) for name, value in members.items()}
    source = maker()
    check(model, given)
    if given.get("deleted"):
        return _deleted(_samples.sample(source, kind, {}), given)
    whole = _samples.sample(source, kind, given)
    if answered and kind == "payment_intent":
        whole = _samples.confirmed(source, whole)
    return merge(whole, given)


def typed(model: Any, whole: Object) -> Any:
    """Convert an object from dicts and lists to its model."""
    return validator(model).validate_python(whole)


def plain(value: object) -> Any:
    """Convert a value to JSON: objects to dicts, tuples to lists, times to Unix seconds."""
    if isinstance(value, Part):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(inner) for inner in cast("Sequence[object]", value)]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A datetime has no time zone: pass datetime(..., tzinfo=timezone.utc).")
        return int(value.timestamp())
    return value


def merge(whole: Object, given: Mapping[str, Any]) -> Object:
    """Set the given members, also inside nested objects. `metadata` is replaced as a whole."""
    for name, value in given.items():
        before, after = _dict(whole.get(name)), _dict(value)
        whole[name] = value if before is None or after is None or name == "metadata" else merge(before, after)
    return whole


def as_dict(value: object, name: str) -> Object:
    """Check that a value is a dict.

    Raises:
        ValueError: It is not a dict.
    """
    content = _dict(value)
    if content is None:
        raise ValueError(f"{name} must be a dict, not {type(value).__name__}.")
    return content


def _dict(value: object) -> Object | None:
    return cast("Object", value) if isinstance(value, dict) else None


def unknown(owner: str, name: str, names: set[str]) -> TypeError:
    """Return the error for an unknown member."""
    near = get_close_matches(name.rpartition(".")[2], sorted(names), 1)
    advice = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(names))}."
    return TypeError(f"{owner} has no field {name}. {advice}")


def _deleted(blank: Object, given: Object) -> Object:
    extra = sorted(given.keys() - OF_A_DELETION)
    if extra:
        raise ValueError(f"{extra[0]} does not go with deleted=True: a deleted object has only an id.")
    return {"id": given.get("id", blank["id"]), "object": blank["object"], "deleted": True}


def check(model: type[Part], given: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse members that an object does not have, and values that a member cannot have.

    Raises:
        TypeError: The object has no such member.
        ValueError: A member cannot have that value.
    """
    names = {*model.model_fields} - ({"object"} if issubclass(model, APIObject) else set())
    for name, value in given.items():
        if name not in names:
            raise unknown(model.__name__, prefix + name, names)
        part, inside = _part(model, name), _dict(value)
        if part and inside is not None:
            check(part, inside, f"{prefix}{name}.")
        else:
            _check_value(model, name, value, prefix + name)


def _part(model: type[Part], name: str) -> type[Part] | None:
    """Return the model of a nested object, or `None`."""
    annotation = model.model_fields[name].annotation
    arms = (annotation, *get_args(annotation))
    return next((arm for arm in arms if isinstance(arm, type) and issubclass(arm, Part)), None)


def _check_value(model: type[Part], name: str, value: object, shown: str) -> None:
    try:
        _adapter(cast("Any", model), name).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"]
        wrong = first.replace("Input should be", "must be", 1) if first.startswith("Input") else f"is wrong: {first}"
        raise ValueError(f"{shown} {wrong}, not {type(value).__name__}.") from None
    known = _known(cast("Any", model), name)
    if known and value is not None and value not in known:
        raise ValueError(f"{shown} must be one of {', '.join(known)}.")


@cache
def _adapter(model: Any, name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    annotated: Any = Annotated  # built at run time, which type checkers cannot read
    declared = (field.annotation, *field.metadata, None)
    return TypeAdapter(annotated[declared])


_OPEN = frozenset({"available", "brand", "code", "decline_code", "funding", "preferred", "reason"})
"""Members with values from banks and card networks, which use more values than the API documents."""


@cache
def _known(model: Any, name: str) -> tuple[str, ...]:
    """Return the values that the API documents for a member; empty if it accepts any value."""
    if name in _OPEN:
        return ()
    arms = get_args(model.model_fields[name].annotation)
    return next((get_args(arm) for arm in arms if get_origin(arm) is Literal), ())
