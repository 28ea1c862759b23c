"""Close a month: add up its payments, compare them with your orders, and refund what a file lists.

    python examples/month_end.py 2026-11 orders.csv refunds.csv

You can run it again at any time, even days later: it looks for each refund before it creates one.
"""

import csv
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pandas as pd

import finsecure

COLUMNS = ["id", "created", "status", "currency", "amount_received", "amount_received_decimal", "metadata.order"]


def payments_of(client: finsecure.Client, month: str) -> pd.DataFrame:
    """Return the payments created in a month, such as `2026-11`, in UTC: one row each."""
    start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    end = (start + timedelta(days=31)).replace(day=1)
    intents = client.payment_intents.list(created={"gte": start, "lt": end}, limit=100)
    return pd.DataFrame(finsecure.rows(intents), columns=COLUMNS)


def received(payments: pd.DataFrame) -> dict[str, str]:
    """Return what came in, by currency. Decimals add up exactly; floats would not."""
    paid = payments[payments["status"] == "succeeded"]
    totals = paid.groupby("currency")["amount_received_decimal"].sum()
    return {str(currency): str(total) for currency, total in totals.items()}


class Differences(NamedTuple):
    """Where the payments and the orders of a month disagree."""

    payments_without_order: list[str]
    orders_paid_twice: list[str]
    orders_without_payment: list[str]


def compare(payments: pd.DataFrame, orders: Iterable[str]) -> Differences:
    """Compare the payments that succeeded with your orders, by `metadata`."""
    known = set(orders)
    paid = payments[payments["status"] == "succeeded"]
    order = paid["metadata.order"]
    twice = order[order.isin(known) & order.duplicated()]
    return Differences(
        payments_without_order=list(paid.loc[~order.isin(known), "id"]),
        orders_paid_twice=sorted(set(twice)),
        orders_without_payment=sorted(known - set(order)),
    )


def refund_once(client: finsecure.Client, row: dict[str, str]) -> finsecure.Refund:
    """Refund a row of the file, or return the refund that was made for it before.

    The API forgets an idempotency key after 24 hours, so look for the ticket first.
    The key protects against two runs at the same time.
    """
    for refund in client.refunds.list(payment_intent=row["payment_intent"], limit=100):
        if refund.metadata and refund.metadata.get("ticket") == row["ticket"]:
            return refund
    return client.refunds.create(
        payment_intent=row["payment_intent"],
        amount=finsecure.to_minor_units(row["amount"], row["currency"]),
        metadata={"ticket": row["ticket"]},
        idempotency_key=f"refund_{row['ticket']}",
    )


def outcome_of(client: finsecure.Client, row: dict[str, str]) -> str:
    """Refund a row and return the outcome. One bad row does not stop the others."""
    try:
        return refund_once(client, row).status
    except finsecure.FinSecureError as error:
        if error.maybe_executed or error.retryable:
            return f"not known, run this again: {error}"
        return f"refused: {error}"


def main(month: str, orders_file: str, refunds_file: str) -> None:
    with finsecure.Client(max_retries=5) as client:
        payments = payments_of(client, month)
        for currency, total in received(payments).items():
            print(f"received: {total} {currency}")
        with Path(orders_file).open(encoding="utf-8", newline="") as file:
            differences = compare(payments, [row["order"] for row in csv.DictReader(file)])
        for name, ids in differences._asdict().items():
            print(f"{name.replace('_', ' ')}: {', '.join(ids) or 'none'}")
        with Path(refunds_file).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                print(f"refund {row['ticket']}: {outcome_of(client, row)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
