"""Receive webhooks: verify each delivery, handle each event once, with one function for each type.

Start `finsecure sandbox`, copy the lines that it prints into another terminal, run python examples/webhook_receiver.py
there, and register the endpoint:

    finsecure.WebhookEndpoint.create(url="http://127.0.0.1:8001/webhooks", enabled_events=["*"])

The endpoint responds when the function returns, and FinSecure waits 10 seconds for that. These functions take
milliseconds. Longer work belongs in a job queue: see celery_webhooks.py. This inbox forgets its events when the process
ends; fastapi_webhooks.py and django_shop store them in a database.
"""

import os

import uvicorn

from finsecure.webhooks import (
    CustomerCreated,
    Event,
    Handler,
    MemoryInbox,
    PaymentIntentPaymentFailed,
    PaymentIntentSucceeded,
)

webhook = Handler(inbox=MemoryInbox())  # the secret is FINSECURE_WEBHOOK_SECRET


@webhook.on("payment_intent.succeeded")
def ship(event: PaymentIntentSucceeded) -> None:
    intent = event.data.object  # a PaymentIntent, as your type checker knows
    print(f"ship: {intent.id}, {intent.amount} {intent.currency}", flush=True)


@webhook.on("payment_intent.payment_failed")
def ask_for_another_card(event: PaymentIntentPaymentFailed) -> None:
    failure = event.data.object.last_payment_error
    print(f"ask for another card: {event.data.object.id}, {failure and failure.code}", flush=True)


@webhook.on("customer.created")
def welcome(event: CustomerCreated) -> None:
    print(f"welcome: {event.data.object.email}", flush=True)


@webhook.other
def note(event: Event) -> None:
    print(f"nothing to do: {event.type}", flush=True)  # including types that this version does not know


if __name__ == "__main__":
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8001"))
    uvicorn.run(webhook.asgi, host=host, port=port)
