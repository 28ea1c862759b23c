"""Objects and events for unit tests: complete and valid, without a sandbox and without a network.

For example::

    from finsecure import testing

    intent = testing.payment_intent(status="succeeded", amount=500)
    event = testing.event("payment_intent.succeeded", amount=500)
    body, headers = testing.signed(event, "whsec_...")

The fields of an object agree with its status: a PaymentIntent that succeeded has a payment method, `amount_received`
and a charge. Pass only the fields that matter to your test. For a nested object, pass a dict with the fields that
differ from the default.
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


def __dir__() -> list[str]:
    return __all__
