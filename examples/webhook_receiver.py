"""Receive webhooks: verified, each event acted on once, told apart by type.

Start `finsecure sandbox`, copy the lines that it prints into another terminal, run python examples/webhook_receiver.py
there, and have events delivered to it:

    finsecure.WebhookEndpoint.create(url="http://127.0.0.1:8001/webhooks", enabled_events=["*"])
"""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import finsecure
from finsecure.webhooks import Event, construct_event

SECRET = os.environ["FINSECURE_WEBHOOK_SECRET"]

handled: set[str] = set()  # yours is a table with a unique column, written in the transaction that acts on the event


async def receive(request: Request) -> Response:
    body = await request.body()  # the raw bytes: parsed and written again they would not match the signature
    try:
        event = construct_event(body, request.headers.get("FinSecure-Signature"), SECRET)
    except (finsecure.SignatureVerificationError, finsecure.WebhookPayloadError):
        return Response(status_code=400)
    if event.id not in handled:  # deliveries come at least once
        handle(event)
        handled.add(event.id)
    return Response(status_code=200)


def handle(event: Event) -> None:
    if event.type == "payment_intent.succeeded":
        intent = event.data.object  # your type checker knows: a PaymentIntent
        print(f"ship: {intent.id}, {intent.amount} {intent.currency}", flush=True)
    elif event.type == "payment_intent.payment_failed":
        failure = event.data.object.last_payment_error
        print(f"ask for another card: {event.data.object.id}, {failure and failure.code}", flush=True)
    elif event.type == "customer.created":
        print(f"welcome: {event.data.object.email}", flush=True)
    else:
        print(f"nothing to do: {event.type}", flush=True)  # also what this version does not know yet


app = Starlette(routes=[Route("/webhooks", receive, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8001")))
