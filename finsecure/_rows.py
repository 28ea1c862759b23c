"""Converts objects to plain rows, for pandas, polars and csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from . import money
from ._params import type_of, wrong
from .resources._object import Object

_AMOUNTS = ("amount", "amount_received", "amount_refunded")


def rows(objects: Iterable[Object]) -> list[dict[str, Any]]:
    """Convert objects to plain rows, one dict each, for pandas, polars and csv.

    Args:
        objects: Objects of the API. A page stands for the objects of all pages; pass its `data` for one page.

    Returns:
        A list with a dict for each object. `created` is an aware `datetime` in UTC. An amount is an int in the smallest
        currency unit, and the column `amount_decimal` next to it a `Decimal` in the main unit. A nested dict becomes
        columns such as `metadata.order_id`. Secrets such as `client_secret` are left out.

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
            f"objects is {type_of(objects)}: pass objects of the API. With an async list, collect them first.",
        )
    if isinstance(cast("object", objects), Object):
        raise wrong("objects", f"objects is a single object ({type_of(objects)}): pass it in a list.")
    return [_row(item) for item in objects]


def _row(item: object) -> dict[str, Any]:
    if not isinstance(item, Object):
        raise wrong("objects", f"objects has {type_of(item)} in it: pass objects of the API, such as a page.")
    row: dict[str, Any] = dict(_cells("", item.model_dump(mode="python", exclude_unset=True)))
    created: object = getattr(item, "created", None)
    if isinstance(created, datetime):
        row["created"] = datetime.fromtimestamp(created.timestamp(), created.tzinfo)
    currency = row.get("currency")
    if isinstance(currency, str):
        for name in _AMOUNTS:
            amount = row.get(name)
            if isinstance(amount, int):
                row[f"{name}_decimal"] = money.from_minor_units(amount, currency)
    return row


def _cells(prefix: str, content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values, and those of nested dicts under their path."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _cells(f"{prefix}{name}.", cast("dict[str, Any]", value))
        else:
            yield f"{prefix}{name}", value
