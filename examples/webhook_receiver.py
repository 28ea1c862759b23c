"""Receive webhooks: verified, each event handled once, one function for each type.

Start `finsecure sandbox`, copy the lines that it prints into another terminal, run python examples/webhook_receiver.py
there, and have events delivered to it:

    finsecure.WebhookEndpoint.create(url="http://127.0.0.1:8001/webhooks", enabled_events=["*"])

The answer is sent when the function returns, and FinSecure waits for 10 seconds. These functions take milliseconds;
longer work belongs in a job queue: see celery_webhooks.py. To remember events beyond this process, see the inboxes of
fastapi_webhooks.py and django_shop.
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
    intent = event.data.object  # your type checker knows: a PaymentIntent
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
    print(f"nothing to do: {event.type}", flush=True)  # also what this version does not know yet


if __name__ == "__main__":
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8001"))
    uvicorn.run(webhook.asgi, host=host, port=port)
