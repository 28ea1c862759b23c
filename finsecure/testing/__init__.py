"""Objects and events for unit tests: complete and valid, without a sandbox and without a network.

For example::

    from finsecure import testing

    intent = testing.payment_intent(status="succeeded", amount=500)
    event = testing.event("payment_intent.succeeded", amount=500)
    body, headers = testing.signed(event, "whsec_...")

Each object is as the API answers it in its state: a PaymentIntent that succeeded has a payment method,
`amount_received` and a charge. Members that you give replace those of the sample, and what depends on them follows;
inside a nested object give only those that differ.
"""

from ._events import SignedEvent, event, signed
from ._objects import (
    charge,
    customer,
    invoice,
    payment_intent,
    payment_method,
    refund,
    subscription,
    webhook_endpoint,
)

__all__ = [
    "SignedEvent",
    "charge",
    "customer",
    "event",
    "invoice",
    "payment_intent",
    "payment_method",
    "refund",
    "signed",
    "subscription",
    "webhook_endpoint",
]
