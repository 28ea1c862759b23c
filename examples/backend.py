"""A small shop's backend: the browser sends the id of a payment method, the server takes the payment.

    POST /orders/order_1/pay   {"payment_method": "pm_..."}

Start `finsecure sandbox`, copy the lines that it prints into another terminal, then: python examples/backend.py
"""

import json
import os
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from decimal import Decimal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import finsecure

# The server sets the prices: a customer could change a price that the browser sends.
PRICES = {"order_1": Decimal("19.99"), "order_2": Decimal("120.00")}


async def pay(request: Request) -> JSONResponse:
    client: finsecure.AsyncClient = request.app.state.finsecure
    order = request.path_params["order"]
    try:
        payment_method = str(json.loads(await request.body())["payment_method"])
        price = PRICES[order]
    except (ValueError, TypeError, KeyError):
        return JSONResponse({"error": "No such order, or no payment_method."}, 400)
    try:
        intent = await intent_of(client, request.app.state.orders, order, price)
        intent = await confirm(client, intent, payment_method)
    except finsecure.CardError as error:
        return JSONResponse({"error": error.user_action}, 402)
    except finsecure.InvalidRequestError as error:
        return JSONResponse({"error": error.message, "param": error.param}, 400)
    except (finsecure.RateLimitError, finsecure.APIConnectionError, finsecure.APIError):
        # The client has already retried. The customer may click again at any time: the order has only one intent.
        return JSONResponse({"error": "Please try again in a moment."}, 503)
    action = intent.next_action and intent.next_action.redirect_to_url
    return JSONResponse({"status": intent.status, "redirect_to": action and action.url})


async def intent_of(
    client: finsecure.AsyncClient, orders: sqlite3.Connection, order: str, price: Decimal
) -> finsecure.PaymentIntent:
    """Return the PaymentIntent of the order, and create it if there is none.

    For 24 hours, the idempotency key keeps two clicks from creating two intents. After that, the stored id does. The id
    is stored before the intent is confirmed, so an intent whose id is not stored was never paid.
    """
    stored = orders.execute("SELECT intent FROM orders WHERE id = ?", [order]).fetchone()
    if stored:
        return await client.payment_intents.retrieve(stored[0])
    intent = await client.payment_intents.create(
        amount=finsecure.to_minor_units(price, "usd"),
        currency="usd",
        metadata={"order": order},
        idempotency_key=order,
    )
    with orders:
        orders.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)", [order, intent.id])
    return intent


async def confirm(
    client: finsecure.AsyncClient, intent: finsecure.PaymentIntent, payment_method: str
) -> finsecure.PaymentIntent:
    """Pay the intent, unless it is already paid or the bank is processing it."""
    if intent.status in {"succeeded", "processing"}:
        return intent
    return_url = "https://shop.example/thanks"  # for cards that ask for 3D Secure
    try:
        return await client.payment_intents.confirm(intent.id, payment_method=payment_method, return_url=return_url)
    except finsecure.InvalidRequestError as error:
        if error.code != "unexpected_state":
            raise
        return await client.payment_intents.retrieve(intent.id)  # another click was faster


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
    # In your shop, this is a column of the orders table. It is on disk, so that a restart does not lose who has paid.
    file = os.environ.get("ORDERS", "orders.sqlite")
    async with finsecure.AsyncClient(app_info="small-shop/1.0") as client:
        with closing(sqlite3.connect(file)) as orders:
            orders.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, intent TEXT NOT NULL)")
            app.state.finsecure = client
            app.state.orders = orders
            yield


app = Starlette(routes=[Route("/orders/{order}/pay", pay, methods=["POST"])], lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
