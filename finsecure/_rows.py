"""Converts objects to plain rows, for pandas, polars and csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from . import money
from ._params import type_of, wrong
from .resources._object import Object, Part


def rows(objects: Iterable[Object]) -> list[dict[str, Any]]:
    """Convert objects to plain rows, one dict each, for pandas, polars and csv.

    Args:
        objects: Objects of the API. A page stands for the objects of all pages; pass its `data` for one page.

    Returns:
        A list with a dict for each object. `created` and other times are aware `datetime`s in UTC. An amount is an int
        in the smallest currency unit, and the column `amount_decimal` next to it a `Decimal` in the main unit. A nested
        dict becomes columns such as `metadata.order_id`. Secrets such as `client_secret` are left out.

    Raises:
        finsecure.InvalidRequestError: `objects` contains something else than objects of the API.
        finsecure.FinSecureError: A page could not be fetched.

    Example:
        >>> payments = client.payment_intents.list(limit=100)
        >>> frame = pandas.DataFrame(finsecure.rows(payments))
    """
    if hasattr(objects, "__aiter__") or not isinstance(cast("object", objects), Iterable):
        raise wrong(
            "objects",
            f"objects is {type_of(objects)}: pass objects of the API. Collect those of an async list first.",
        )
    if isinstance(cast("object", objects), Object):
        raise wrong("objects", f"objects is a single object ({type_of(objects)}): pass it in a list.")
    return [_row(item) for item in objects]


def _row(item: object) -> dict[str, Any]:
    if not isinstance(item, Object):
        raise wrong("objects", f"objects has {type_of(item)} in it: pass objects of the API, such as a page.")
    row: dict[str, Any] = dict(_cells("", item.model_dump(mode="python", exclude_unset=True)))
    row.update(_times("", item))
    for name, amount in [*row.items()]:
        place, _, last = name.rpartition(".")
        currency = row.get(f"{place}.currency".removeprefix("."))
        if last.startswith("amount") and isinstance(amount, int) and isinstance(currency, str):
            row[f"{name}_decimal"] = money.from_minor_units(amount, currency)
    return row


def _times(prefix: str, part: Part) -> Iterator[tuple[str, datetime]]:
    """The times of an object and of the parts inside it, as plain datetimes."""
    for name, value in vars(part).items():
        if isinstance(value, datetime):
            yield f"{prefix}{name}", datetime.fromtimestamp(value.timestamp(), value.tzinfo)
        elif isinstance(value, Part):
            yield from _times(f"{prefix}{name}.", value)


def _cells(prefix: str, content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values, and those of nested dicts under their path."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _cells(f"{prefix}{name}.", cast("dict[str, Any]", value))
        else:
            yield f"{prefix}{name}", value
