"""Refunds, full or partial, never more than was paid. Reference: Testing Checklist, "Process refunds correctly"."""

from __future__ import annotations

from .. import _checks as check
from .._checks import Parameter
from .._json import Object
from .._problems import invalid, unexpected_state
from .._work import Work
from ..cards import REFUND_BOUNCES, REFUNDED
from . import charges

CREATE = {
    "payment_intent": Parameter(check.text, required=True),
    "amount": Parameter(check.amount),
    "reason": Parameter(check.free_text),
    "metadata": Parameter(check.metadata),
}
UPDATE = {"metadata": Parameter(check.metadata, cleared={})}
LIST = check.listing(payment_intent=check.text)


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/refunds. Without `amount`, it refunds everything that is left."""
    intent = work.find("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise unexpected_state(
            f"A payment with status {intent['status']} cannot be refunded: nothing was paid.", "payment_intent"
        )
    charge = charges.of(work, intent["id"])[0]
    left: int = charge["amount"] - charge["amount_refunded"]
    amount: int = params.get("amount", left)
    if not 1 <= amount <= left:
        raise invalid(f"The refund exceeds what is left of the payment: {left} of {charge['amount']}.", "amount")
    _add_refunded(work, charge, amount)
    outcome = work.store.private(charge["payment_method"]).get("refund", REFUNDED)
    refund = work.create(
        "refund",
        members(charge, amount, params, "succeeded" if outcome == REFUNDED else "pending"),
        {"settles_as": "failed" if outcome == REFUND_BOUNCES else "succeeded"},
    )
    if refund["status"] == "pending":
        work.store.settle_at(refund["id"], work.now + work.settle_after)
    return refund


def members(charge: Object, amount: int, params: Object, status: str) -> Object:
    """Return the members of a refund of a charge."""
    return {
        "amount": amount,
        "charge": charge["id"],
        "currency": charge["currency"],
        "metadata": params.get("metadata", {}),
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "status": status,
    }


def update(work: Work, ident: str, params: Object) -> Object:
    """PUT /v1/refunds/{id}."""
    refund = work.find("refund", ident) | params
    work.store.save(refund)
    return refund


def settle(work: Work, refund: Object) -> None:
    """Settle a pending refund: it succeeds or fails. The amount of a failed one can be refunded again."""
    work.store.settled(refund["id"])
    refund["status"] = work.store.private(refund["id"])["settles_as"]
    work.store.save(refund)
    if refund["status"] == "failed":
        _add_refunded(work, work.find("charge", refund["charge"]), -refund["amount"])


def _add_refunded(work: Work, charge: Object, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    work.store.save(charge)
