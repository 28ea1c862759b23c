"""Events. Reference: Webhooks, "Event Types"."""

from __future__ import annotations

from .. import _checks as check

TYPES = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    # These are documented, but no operation of the API causes them.
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
)

LIST = check.listing(type=check.text)
