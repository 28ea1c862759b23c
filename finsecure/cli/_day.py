"""The steps of the day that `finsecure demo` plays.

A step is a function with blank lines between its parts. The first part reads the results of earlier steps. The last
part yields `Fact`s: the results, and those expected. The parts in between are the step's code. The demo prints them
from this file just before it runs them, so it always shows the code that it runs. The docstring is the step's title.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http.client import HTTPConnection
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

from typing_extensions import override

import finsecure
from finsecure.sandbox import Sandbox
from finsecure.webhooks import PaymentIntentSucceeded

ANYTHING: Any = object()


class Fact(NamedTuple):
    """One result of a step, and the expected result."""

    label: str
    value: object
    expected: object = ANYTHING

    @property
    def is_checked(self) -> bool:
        """Whether there is an expected result to compare with."""
        return self.expected is not ANYTHING

    @property
    def differs(self) -> bool:
        """Whether the result differs from the expected one."""
        return self.is_checked and self.value != self.expected


Facts: TypeAlias = Iterator[Fact]


@dataclass
class Day:
    """What the steps share: the sandbox, and the objects that later steps use."""

    sandbox: Sandbox
    base_url: str
    until_evening: ExitStack
    client: finsecure.Client = field(init=False)
    customer: finsecure.Customer = field(init=False)
    card: finsecure.PaymentMethod = field(init=False)
    paid: finsecure.PaymentIntent = field(init=False)


# The code of the steps is printed, so it has to fit a terminal of 80 columns.
# fmt: off


def sign_up(day: Day) -> Facts:
    """A customer signs up."""
    secret_key, base_url = day.sandbox.secret_key, day.base_url

    client = finsecure.Client(secret_key, base_url=base_url)
    customer = client.customers.create(
        email="ada@example.com",
        name="Ada Lovelace",
        metadata={"signup_source": "website"},
    )

    day.client, day.customer = day.until_evening.enter_context(client), customer
    yield Fact("customer", customer.id)
    yield Fact("created", moment(customer.created))
    yield Fact("email", client.customers.retrieve(customer.id).email, "ada@example.com")


def save_card(day: Day) -> Facts:
    """She saves a card, and only its last four digits are kept."""
    client, customer = day.client, day.customer

    card = client.payment_methods.create(
        type="card",
        card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2030},
    )
    card = client.payment_methods.attach(card.id, customer=customer.id)

    day.card = card
    yield Fact("card", card.id)
    yield Fact("displayed", card.card and f"{card.card.brand} ending in {card.card.last4}", "visa ending in 4242")
    yield Fact("belongs to", card.customer, customer.id)


def pay(day: Day) -> Facts:
    """She pays: the payment is created, then confirmed."""
    client, customer, card = day.client, day.customer, day.card

    intent = client.payment_intents.create(
        amount=finsecure.to_minor_units(Decimal("42.00"), "usd"),
        currency="usd",
        customer=customer.id,
        description="Two tickets",
    )
    intent = client.payment_intents.confirm(intent.id, payment_method=card.id)

    day.paid = intent
    yield Fact("payment", intent.id)
    yield Fact("status", intent.status, "succeeded")
    yield Fact("received", money(intent.amount_received), "42.00 USD")
    yield Fact("request", intent.last_response.request_id)


def decline(day: Day) -> Facts:
    """Another card is declined, and the error says what to do."""
    client = day.client
    declined: finsecure.CardError | None = None

    intent = client.payment_intents.create(amount=9900, currency="usd")
    no_funds = client.payment_methods.create(
        type="card",
        card={"number": "4000000000009995", "exp_month": 12, "exp_year": 2030},
    )
    try:
        client.payment_intents.confirm(intent.id, payment_method=no_funds.id)
    except finsecure.CardError as error:
        declined = error

    yield Fact("declined", declined and declined.decline_code, "insufficient_funds")
    yield Fact("to customer", declined and declined.user_action,
               "Please use a different payment method or contact your bank.")
    yield Fact("to you", declined and declined.resolution, "Request a different payment method.")
    yield Fact("status", client.payment_intents.retrieve(intent.id).status, "requires_payment_method")


def ask_again(day: Day) -> Facts:
    """The response gets lost: the same request is sent again and charges once."""
    client, customer, card = day.client, day.customer, day.card

    intent = client.payment_intents.create(
        amount=1500, currency="usd", customer=customer.id
    )
    first = client.payment_intents.confirm(
        intent.id, payment_method=card.id, idempotency_key="order_12345"
    )
    # Suppose that response got lost. Send it again with the same key.
    again = client.payment_intents.confirm(
        intent.id, payment_method=card.id, idempotency_key="order_12345"
    )
    charges = client.charges.list(payment_intent=intent.id).data

    yield Fact("1st response", f"{first.status}, replayed: {replayed(first)}", "succeeded, replayed: no")
    yield Fact("2nd response", f"{again.status}, replayed: {replayed(again)}", "succeeded, replayed: yes")
    yield Fact("charges", f"{len(charges)}, of {money(charges[0].amount)}", "1, of 15.00 USD")


def refund(day: Day) -> Facts:
    """A partial refund succeeds; refunding more than the rest is refused."""
    client, paid = day.client, day.paid
    refused: finsecure.InvalidRequestError | None = None

    refund = client.refunds.create(payment_intent=paid.id, amount=1200)
    try:
        client.refunds.create(payment_intent=paid.id, amount=3001)
    except finsecure.InvalidRequestError as error:
        refused = error

    (charge,) = client.charges.list(payment_intent=paid.id).data
    yield Fact("refund", refund.id)
    yield Fact("amount", f"{money(refund.amount)}, {refund.status}", "12.00 USD, succeeded")
    yield Fact("30.01 more", f"refused, param: {refused and refused.param}", "refused, param: amount")
    yield Fact("because", refused and refused.message)
    yield Fact("refunded", f"{money(charge.amount_refunded)} of {money(charge.amount)}", "12.00 USD of 42.00 USD")


def three_d_secure(day: Day) -> Facts:
    """3D Secure: her bank asks her to authorize the payment."""
    client = day.client

    intent = client.payment_intents.create(amount=250_000, currency="usd")
    careful = client.payment_methods.create(
        type="card",
        card={"number": "4000002760003184", "exp_month": 12, "exp_year": 2030},
    )
    intent = client.payment_intents.confirm(
        intent.id,
        payment_method=careful.id,
        return_url="https://shop.example/orders/12346",
    )

    page = bank_page(intent)
    yield Fact("status", intent.status, "requires_action")
    yield Fact("bank's page", page.removeprefix(day.base_url))
    yield Fact("she agrees", f"HTTP {post(page, 'outcome=authorise')}", "HTTP 303")
    intent = client.payment_intents.retrieve(intent.id)
    yield Fact("status", intent.status, "succeeded")
    yield Fact("received", money(intent.amount_received), "2,500.00 USD")


def webhook(day: Day) -> Facts:
    """A signed webhook arrives twice and is handled once; a forged one is refused."""
    client, customer, card = day.client, day.customer, day.card
    webhook_secret, webhooks = day.sandbox.webhook_secret, finsecure.webhooks
    fulfilled: queue.Queue[finsecure.PaymentIntent] = queue.Queue()

    webhook = webhooks.Handler(webhook_secret, inbox=webhooks.MemoryInbox())

    @webhook.on("payment_intent.succeeded")
    def fulfil(event: PaymentIntentSucceeded) -> None:
        fulfilled.put(event.data.object)

    with serving(webhook.wsgi) as url:
        client.webhook_endpoints.create(
            url=url, enabled_events=["payment_intent.succeeded"]
        )
        intent = client.payment_intents.create(
            amount=700, currency="usd", customer=customer.id
        )
        client.payment_intents.confirm(intent.id, payment_method=card.id)
        paid = fulfilled.get(timeout=10)

        (event, *_) = client.events.list(type="payment_intent.succeeded")
        body = event.to_json()
        again = post(url, body, webhooks.sign(body, webhook_secret))
        forged = post(url, body, webhooks.sign(body, "whsec_guessed"))

    yield Fact("receiver", url)
    yield Fact("event", event.id)
    yield Fact("payment", f"{paid.id}, {money(paid.amount)}", f"{intent.id}, 7.00 USD")
    yield Fact("responses", f"{again} to the repeat, {forged} to the forgery", "200 to the repeat, 400 to the forgery")
    yield Fact("fulfilled", f"{1 + fulfilled.qsize()} order", "1 order")


def rate_limit(day: Day) -> Facts:
    """Too many requests: the client waits as told and tries again."""
    busy = day.until_evening.enter_context(Sandbox(rate_limit=2))  # requests per second
    base_url = day.until_evening.enter_context(busy.serve()).base_url
    client = day.until_evening.enter_context(finsecure.Client(busy.secret_key, base_url=base_url))

    # This sandbox accepts 2 requests a second and answers 429 above that.
    create = client.payment_intents.create
    intents = [create(amount=500, currency="usd") for _ in range(4)]

    responses = [intent.last_response for intent in intents]
    for number, response in enumerate(responses, 1):
        attempts = f"{response.attempts} attempt{'s' * (response.attempts > 1)}"
        yield Fact(f"payment {number}", f"{attempts}, {response.elapsed:.2f} s")
    yield Fact("retried", yes_or_no(any(response.attempts > 1 for response in responses)), "yes")
    yield Fact("created", len(list(client.payment_intents.list())), 4)


def many(day: Day) -> Facts:
    """250 payments are created concurrently and listed page by page."""
    client, secret_key, base_url = day.client, day.sandbox.secret_key, day.base_url
    before = len(list(client.payment_intents.list(limit=100)))
    started = perf_counter()

    async def create_all() -> list[finsecure.PaymentIntent]:
        async with finsecure.AsyncClient(secret_key, base_url=base_url) as api:
            return await asyncio.gather(
                *(api.payment_intents.create(amount=100 * n, currency="usd")
                  for n in range(1, 251))
            )

    created = asyncio.run(create_all())

    pages = list(client.payment_intents.list(limit=100).pages())
    payments = [payment for page in pages for payment in page.data]

    took = perf_counter() - started
    ids = {payment.id for payment in payments}
    listed = {intent.id: intent.amount for intent in created if intent.id in ids}
    earlier, repeated = len(ids) - len(listed), len(payments) - len(ids)
    yield Fact("listed", f"{len(listed)} new, {earlier} earlier, {repeated} repeated",
               f"250 new, {before} earlier, 0 repeated")
    yield Fact("pages", " + ".join(str(len(page.data)) for page in pages), f"100 + 100 + {50 + before}")
    yield Fact("total", money(sum(listed.values())), "31,375.00 USD")
    yield Fact("took", f"{took:.1f} s")


# fmt: on

STEPS: tuple[Callable[[Day], Facts], ...] = (
    sign_up,
    save_card,
    pay,
    decline,
    ask_again,
    refund,
    three_d_secure,
    webhook,
    rate_limit,
    many,
)


@contextmanager
def serving(app: Callable[..., list[bytes]]) -> Generator[str, None, None]:
    """Serve a WSGI application on loopback and yield the URL to send webhooks to."""

    class Quiet(WSGIRequestHandler):
        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Write no access log into the demo's output."""

    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhooks"
        finally:
            server.shutdown()
            thread.join()


def post(url: str, body: str, signature: str = "") -> int:
    """Send a POST without the client, as FinSecure or a forger would, and return the HTTP status."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request("POST", parts.path, body, {"FinSecure-Signature": signature})
        return connection.getresponse().status


def bank_page(intent: finsecure.PaymentIntent) -> str:
    """Return the URL that the customer is redirected to, or an empty string."""
    redirect = intent.next_action and intent.next_action.redirect_to_url
    return (redirect and redirect.url) or ""


def replayed(intent: finsecure.PaymentIntent) -> str:
    """Say whether the API sent a stored response again."""
    return yes_or_no(intent.last_response.idempotent_replayed)


def money(amount: int | None) -> str:
    """Format an amount in US dollars, for example `1,250.00 USD`."""
    return f"{finsecure.from_minor_units(amount or 0, 'usd'):,} USD"


def moment(when: datetime) -> str:
    """Format a time, for example `25 November 2026, 21:25:06 UTC`."""
    return f"{when:%d %B %Y, %H:%M:%S} UTC"


def yes_or_no(answer: bool) -> str:
    """Format a bool as `yes` or `no`."""
    return "yes" if answer else "no"
