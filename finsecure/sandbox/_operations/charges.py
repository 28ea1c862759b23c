"""Charges: one for each payment attempt, including failed ones. Reference: Confirm Payment Intent, `charges`."""

from __future__ import annotations

from .. import _checks as check
from .._json import Object
from .._work import Work

LIST = check.listing(payment_intent=check.text, customer=check.text)


def create(work: Work, intent: Object, status: str, failure: Object | None = None) -> Object:
    """Record a payment attempt: `succeeded`, `pending`, or `failed` with the reason."""
    return work.create("charge", members(intent, status, failure))


def members(intent: Object, status: str, failure: Object | None = None) -> Object:
    """Return the members of a charge for a payment."""
    return {
        "amount": intent["amount"],
        "amount_refunded": 0,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "failure_code": None,
        "failure_message": None,
        "metadata": intent["metadata"],
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": status,
        **(failed(failure) if failure else {}),
    }


def failed(failure: Object) -> Object:
    """Return the members that differ in a failed charge."""
    return {
        "failure_code": failure.get("decline_code") or failure["code"],
        "failure_message": failure["message"],
        "status": "failed",
    }


def of(work: Work, intent: str) -> list[Object]:
    """Return the charges of a payment, newest first."""
    return work.store.objects("charge", {"payment_intent": intent})


def with_method(work: Work, payment_method: str) -> list[Object]:
    """Return the charges to a payment method, newest first."""
    return work.store.objects("charge", {"payment_method": payment_method})
