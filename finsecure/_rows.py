"""Plain rows of objects, for pandas, polars and csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from . import money
from ._params import type_of, wrong
from .resources._object import Object

_AMOUNTS = ("amount", "amount_received", "amount_refunded")


def rows(objects: Iterable[Object]) -> list[dict[str, Any]]:
    """Return plain rows of objects, one dict each, for pandas, polars and csv.

    Args:
        objects: Objects of the API. A page gives the objects of all pages, as iterating it does; its `data` gives its
            own.

    Returns:
        A dict a row. `created` is an aware `datetime` in UTC. An amount is an int in the smallest currency unit, and
        `amount_decimal` beside it a `Decimal` in the currency's own unit. A dict inside an object is spread over
        columns such as `metadata.order_id`. `client_secret` and other secrets are left out.

    Raises:
        finsecure.InvalidRequestError: These are no objects of the API.
        finsecure.FinSecureError: A page could not be fetched.

    Example:
        >>> payments = client.payment_intents.list(limit=100)
        >>> frame = pandas.DataFrame(finsecure.rows(payments))
    """
    if hasattr(objects, "__aiter__") or not isinstance(cast("object", objects), Iterable):
        raise wrong("objects", f"objects is {type_of(objects)}: pass objects of the API. Collect async pages first.")
    if isinstance(cast("object", objects), Object):
        raise wrong("objects", f"objects is {type_of(objects)} alone: pass it in a list.")
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
    """Names and values, those of a dict inside under their path."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _cells(f"{prefix}{name}.", cast("dict[str, Any]", value))
        else:
            yield f"{prefix}{name}", value
