"""Events: what happened, kept for reading again. Reference: Webhooks, "Event Types"."""

from __future__ import annotations

from .. import _checks as check
from .._checks import Object
from .._work import Answer, Work

URL = "/v1/events"

TYPES = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    # Documented, but no operation of the API causes them.
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
)

LIST = check.listing(type=check.text)


def retrieve(work: Work, ident: str) -> Answer:
    """GET /v1/events/{id}."""
    return Answer(work.find("event", ident))


def list_all(work: Work, params: Object) -> Answer:
    """GET /v1/events."""
    return work.page("event", URL, params)
