"""Webhooks: know that an event came from FinSecure, and what it says. Reference: Webhooks.

    event = finsecure.webhooks.construct_event(request.body, request.headers["FinSecure-Signature"], secret)
    if event.type == "payment_intent.succeeded":
        fulfil(event.data.object)  # a PaymentIntent, to you and to your type checker

Deliveries come at least once and in any order: act on each `event.id` once. The signature covers the body, not a time,
so an old delivery can be replayed; `tolerance` bounds that by the signed `created`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._signature import sign
from ..error import EventInProgress, InboxError
from ..resources.events import (
    CustomerCreated,
    CustomerDeleted,
    CustomerSubscriptionCreated,
    CustomerSubscriptionUpdated,
    CustomerUpdated,
    InvoicePaymentFailed,
    InvoicePaymentSucceeded,
    PaymentIntentCanceled,
    PaymentIntentPaymentFailed,
    PaymentIntentRequiresAction,
    PaymentIntentSucceeded,
    UnknownEvent,
)
from .receive import Event, construct_event, verify_signature

if TYPE_CHECKING:
    from .handler import Handler, Outcome
    from .inbox import Claim, Inbox
    from .memory import MemoryInbox
else:

    def __getattr__(name: str) -> Any:
        import importlib

        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(_LATER[name], __name__), name)
        globals()[name] = found
        return found


_LATER = {  # loaded when it is first used: an inbox brings a library with it
    "Claim": ".inbox",
    "Handler": ".handler",
    "Inbox": ".inbox",
    "MemoryInbox": ".memory",
    "Outcome": ".handler",
}

__all__ = [
    "Claim",
    "CustomerCreated",
    "CustomerDeleted",
    "CustomerSubscriptionCreated",
    "CustomerSubscriptionUpdated",
    "CustomerUpdated",
    "Event",
    "EventInProgress",
    "Handler",
    "Inbox",
    "InboxError",
    "InvoicePaymentFailed",
    "InvoicePaymentSucceeded",
    "MemoryInbox",
    "Outcome",
    "PaymentIntentCanceled",
    "PaymentIntentPaymentFailed",
    "PaymentIntentRequiresAction",
    "PaymentIntentSucceeded",
    "UnknownEvent",
    "construct_event",
    "sign",
    "verify_signature",
]
