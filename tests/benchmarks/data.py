"""What the server answers and what every client has to make of it. Imports nothing: a cold start imports it first."""

from __future__ import annotations

KEY = "sk_test_1234567890abcdef"

PARAMS = {"amount": 2000, "currency": "usd", "description": "Payment for Premium Subscription"}
METADATA = {"order_id": "order_12345", "customer_segment": "premium"}

# The reference's example of a PaymentIntent (Payment Intents, Create Payment Intent), and one more for each `%d`.
INTENT = """{
  "id": "pi_%016d",
  "object": "payment_intent",
  "amount": 2000,
  "amount_received": 0,
  "currency": "usd",
  "status": "requires_payment_method",
  "client_secret": "pi_1234567890abcdef_secret_abcdef1234567890",
  "created": 1640995200,
  "description": "Payment for Premium Subscription",
  "last_payment_error": null,
  "livemode": false,
  "metadata": {
    "order_id": "order_12345",
    "customer_segment": "premium"
  },
  "next_action": null,
  "payment_method": null,
  "payment_method_types": ["card", "ach"],
  "receipt_email": "customer@example.com",
  "setup_future_usage": "off_session",
  "shipping": null,
  "statement_descriptor": null,
  "statement_descriptor_suffix": null,
  "transfer_data": null,
  "transfer_group": null
}"""

LISTED = 100_000  # objects in the list
PAGE = 100  # objects in each page
DELAYS = (0, 20, 50)  # milliseconds that the server takes; a port each


def intent(number: int = 0) -> bytes:
    """One PaymentIntent as the API sends it; those of the list are counted from 1."""
    return (INTENT % number).encode()


def page(first: int) -> bytes:
    """The page of the list that begins at this number."""
    more = b"true" if first + PAGE <= LISTED else b"false"
    objects = _INTENTS % tuple(range(first, first + PAGE))
    return b'{"object":"list","url":"/v1/payment_intents","has_more":' + more + b',"data":[' + objects.encode() + b"]}"


_INTENTS = ",".join([INTENT] * PAGE)


def id_of(number: int) -> str:
    """The id of an object."""
    return f"pi_{number:016d}"


def event() -> bytes:
    """A webhook of 2 KB: the reference's event around a whole PaymentIntent, with metadata as shops write it."""
    note = b'"order_id": "order_12345", "note": "' + b"Two tickets, row 12, seats 7 and 8. " * 28 + b'"'
    about = intent().replace(b'"order_id": "order_12345"', note)
    return (
        b'{"id": "evt_1234567890abcdef", "object": "event", "api_version": "2023-10-16", "created": 1640995200, '
        b'"data": {"object": ' + about + b'}, "livemode": false, "pending_webhooks": 1, '
        b'"request": {"id": "req_1234567890abcdef", "idempotency_key": null}, "type": "payment_intent.succeeded"}'
    )
