"""`finsecure demo`: a merchant's day, played over real HTTP against the sandbox, and checked step by step.

A step is a function in paragraphs. The first takes up what earlier steps left; the last says what came and what should
have come, as `Fact`s; those between are the code of the step, which is printed from this file just before it runs. So
what is shown is what is done. The docstring is the step's title.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from textwrap import dedent
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text
from typing_extensions import Self, override

import finsecure
from finsecure import _redact
from finsecure.sandbox import Sandbox

ANYTHING: Any = object()


class Fact(NamedTuple):
    """One line of a step's outcome: what came, and what should have come."""

    label: str
    came: object
    should_be: object = ANYTHING

    @property
    def is_checked(self) -> bool:
        """Whether it is known what should have come."""
        return self.should_be is not ANYTHING

    @property
    def differs(self) -> bool:
        """Whether something else should have come."""
        return self.is_checked and self.came != self.should_be


Facts: TypeAlias = Iterator[Fact]


@dataclass
class Day:
    """What the steps of the day hand on."""

    sandbox: Sandbox
    base_url: str
    until_evening: ExitStack
    client: finsecure.Client = field(init=False)
    customer: finsecure.Customer = field(init=False)
    card: finsecure.PaymentMethod = field(init=False)
    paid: finsecure.PaymentIntent = field(init=False)


# What is printed fits a terminal of 80 columns, so it is narrower than the formatter would make it.
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
    """Her card is kept, without its number."""
    client, customer = day.client, day.customer

    card = client.payment_methods.create(
        type="card",
        card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2030},
    )
    card = client.payment_methods.attach(card.id, customer=customer.id)

    day.card = card
    yield Fact("card", card.id)
    yield Fact("shown as", card.card and f"{card.card.brand} ending in {card.card.last4}", "visa ending in 4242")
    yield Fact("belongs to", card.customer, customer.id)


def pay(day: Day) -> Facts:
    """She pays: created, then confirmed."""
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
    """The next card is declined, and the error says what to do."""
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
    """The answer got lost: asked again with the same key, charged once."""
    client, customer, card = day.client, day.customer, day.card

    intent = client.payment_intents.create(
        amount=1500, currency="usd", customer=customer.id
    )
    first = client.payment_intents.confirm(
        intent.id, payment_method=card.id, idempotency_key="order_12345"
    )
    # Did that answer get lost on its way? Ask again, with the same key.
    again = client.payment_intents.confirm(
        intent.id, payment_method=card.id, idempotency_key="order_12345"
    )
    charges = client.charges.list(payment_intent=intent.id).data

    yield Fact("1st answer", f"{first.status}, replayed: {replayed(first)}", "succeeded, replayed: no")
    yield Fact("2nd answer", f"{again.status}, replayed: {replayed(again)}", "succeeded, replayed: yes")
    yield Fact("charges", f"{len(charges)}, of {money(charges[0].amount)}", "1, of 15.00 USD")


def refund(day: Day) -> Facts:
    """A refund in part; more than is left is refused."""
    client, paid = day.client, day.paid
    refused: finsecure.InvalidRequestError | None = None

    refund = client.refunds.create(payment_intent=paid.id, amount=1200)
    try:
        client.refunds.create(payment_intent=paid.id, amount=3001)
    except finsecure.InvalidRequestError as error:
        refused = error

    (charge,) = client.charges.list(payment_intent=paid.id).data
    yield Fact("refund", refund.id)
    yield Fact("given back", f"{money(refund.amount)}, {refund.status}", "12.00 USD, succeeded")
    yield Fact("30.01 more", f"refused, param: {refused and refused.param}", "refused, param: amount")
    yield Fact("because", refused and refused.message)
    yield Fact("refunded", f"{money(charge.amount_refunded)} of {money(charge.amount)}", "12.00 USD of 42.00 USD")


def three_d_secure(day: Day) -> Facts:
    """3D Secure: her bank asks her first."""
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
    yield Fact("her bank", page.removeprefix(day.base_url))
    yield Fact("she agrees", f"HTTP {post(page, 'outcome=authorise')}", "HTTP 303")
    intent = client.payment_intents.retrieve(intent.id)
    yield Fact("status", intent.status, "succeeded")
    yield Fact("received", money(intent.amount_received), "2,500.00 USD")


def webhook(day: Day) -> Facts:
    """A signed webhook arrives over HTTP; a forged one is refused."""
    client, customer, card = day.client, day.customer, day.card
    webhook_secret = day.sandbox.webhook_secret
    events: queue.Queue[finsecure.webhooks.Event] = queue.Queue()
    construct_event = finsecure.webhooks.construct_event

    def receive(body: bytes, signature: str | None) -> int:
        try:
            event = construct_event(body, signature, webhook_secret)
        except finsecure.SignatureVerificationError:
            return 400
        events.put(event)
        return 200

    with Receiver(receive) as receiver:
        client.webhook_endpoints.create(
            url=receiver.url, enabled_events=["payment_intent.succeeded"]
        )
        intent = client.payment_intents.create(
            amount=700, currency="usd", customer=customer.id
        )
        client.payment_intents.confirm(intent.id, payment_method=card.id)
        event = events.get(timeout=10)

        fake = event.to_json().replace("succeeded", "canceled")
        signature = finsecure.webhooks.sign(fake, "whsec_guessed")
        post(receiver.url, fake, {"FinSecure-Signature": signature})

    about = event.data.object if event.type == "payment_intent.succeeded" else None
    yield Fact("receiver", receiver.url)
    yield Fact("event", event.id)
    yield Fact("type", event.type, "payment_intent.succeeded")
    yield Fact("about", about and f"{about.id}, {money(about.amount)}", f"{intent.id}, 7.00 USD")
    yield Fact("answers", f"{receiver.answers[0]} to the real one, {receiver.answers[1]} to the forged one",
               "200 to the real one, 400 to the forged one")
    yield Fact("acted on", f"{1 + events.qsize()} event", "1 event")


def rate_limit(day: Day) -> Facts:
    """Too many requests: the client waits as it is told, and goes on."""
    busy = day.until_evening.enter_context(Sandbox(rate_limit=2))  # requests per second
    base_url = day.until_evening.enter_context(busy.serve()).base_url
    client = day.until_evening.enter_context(finsecure.Client(busy.secret_key, base_url=base_url))

    # This sandbox takes 2 requests a second and answers 429 to any more.
    create = client.payment_intents.create
    intents = [create(amount=500, currency="usd") for _ in range(4)]

    responses = [intent.last_response for intent in intents]
    for number, response in enumerate(responses, 1):
        attempts = f"{response.attempts} attempt{'s' * (response.attempts > 1)}"
        yield Fact(f"payment {number}", f"{attempts}, {response.elapsed:.2f} s")
    yield Fact("had to wait", yes_or_no(any(response.attempts > 1 for response in responses)), "yes")
    yield Fact("paid anyway", len(list(client.payment_intents.list())), 4)


def many(day: Day) -> Facts:
    """250 payments, created at the same time and listed page by page."""
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
    found = {intent.id: intent.amount for intent in created if intent.id in ids}
    earlier, twice = len(ids) - len(found), len(payments) - len(ids)
    yield Fact("listed", f"{len(found)} of these, {earlier} from before, {twice} twice",
               f"250 of these, {before} from before, 0 twice")
    yield Fact("pages", " + ".join(str(len(page.data)) for page in pages), f"100 + 100 + {50 + before}")
    yield Fact("together", money(sum(found.values())), "31,375.00 USD")
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


def run(args: list[str]) -> int:
    """Play the day.

    Args:
        args: The arguments after `finsecure demo`.

    Returns:
        The exit code: 0 where everything came out as it should, else 1.
    """
    _parser().parse_args(args)
    paper = Paper()
    checked: list[Fact] = []
    started = perf_counter()
    with ExitStack() as until_evening:
        sandbox = until_evening.enter_context(Sandbox())
        base_url = until_evening.enter_context(sandbox.serve()).base_url
        paper.heading("A merchant's day")
        paper.say(
            f"Over real HTTP, with the key {sandbox.secret_key} and the webhook secret {sandbox.webhook_secret} "
            f"of a FinSecure sandbox at {base_url}. No real money moves."
        )
        for fact in play(Day(sandbox, base_url, until_evening), paper):
            paper.fact(fact)
            checked += [fact] if fact.is_checked else []
    wrong = sum(fact.differs for fact in checked)
    paper.heading("The day is over")
    if wrong:
        paper.say(f"{wrong} of {len(checked)} checks came out differently than they should.", "bold red")
        return 1
    took = f"in {perf_counter() - started:.1f} s"
    paper.say(f"{len(STEPS)} steps, {len(checked)} checks, everything as it should be, {took}.", "bold green")
    paper.say("Next: `finsecure sandbox` serves a FinSecure like this one to your own code.")
    return 0


def play(day: Day, paper: Paper) -> Facts:
    """Each step in turn, its title and code printed before it runs. A step that breaks ends the day."""
    for number, step in enumerate(STEPS, 1):
        paper.title(number, (step.__doc__ or "").rstrip("."))
        paper.code(shown(step))
        try:
            yield from step(day)
        except Exception as error:  # noqa: BLE001 - whatever broke is what differs, and later steps build on it
            yield Fact("broke off", f"{type(error).__name__}: {error}", "no error")
            return


def shown(step: Callable[[Day], Facts]) -> str:
    """The code of a step: its source without the first paragraph and the last."""
    body = inspect.getsource(step).split('"""', 2)[2]
    return dedent("\n\n".join(body.rstrip().split("\n\n")[1:-1]))


class Paper:
    """What the day is printed on: a terminal of any width, or a file. Nothing that looks like a secret gets on it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        ascii_only = self._console.options.ascii_only
        self._yes, self._no, self._told, self._bar = ("ok", "!!", "- ", "|") if ascii_only else ("✓", "✗", "·", "│")

    def heading(self, text: str) -> None:
        """A line across the paper."""
        self._console.print()
        self._console.rule(Text(text, "bold"), align="left", style="cyan")

    def say(self, text: str, style: str = "") -> None:
        """A paragraph."""
        self._hang(Text(), Text(_redact.text(text), style))

    def title(self, number: int, text: str) -> None:
        """What a step is about."""
        self._console.print()
        self._hang(Text.assemble((f"{number:2} ", "bold cyan")), Text(text, "bold"))

    def code(self, text: str) -> None:
        """What a step does."""
        code = Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text)
        code.rstrip()
        code.no_wrap = False
        self._hang(Text.assemble((f"   {self._bar} ", "bright_black")), code, repeat=True)

    def fact(self, fact: Fact) -> None:
        """What came of it."""
        mark, style = (self._yes, "green") if fact.is_checked else (self._told, "bright_black")
        text = Text(_redact.text(str(fact.came)))
        if fact.differs:
            mark, style = self._no, "bold red"
            text.stylize("red")
            text.append(f" (should be: {fact.should_be})")
        self._hang(Text.assemble("   ", (mark, style), " ", (f"{fact.label:<13}", "cyan")), text)

    def _hang(self, indent: Text, text: Text, *, repeat: bool = False) -> None:
        """Print a text beside its indent; what does not fit goes on below, beside the indent or as much space."""
        width = max(20, self._console.width - indent.cell_len)
        following = indent if repeat else Text(" " * indent.cell_len)
        for number, line in enumerate(text.wrap(self._console, width)):
            printed = (following if number else indent) + line
            printed.rstrip()
            self._console.print(printed, soft_wrap=True)


class Receiver:
    """A merchant's webhook receiver on loopback: `receive` gets each body and signature, and gives the HTTP status."""

    def __init__(self, receive: Callable[[bytes, str | None], int]) -> None:
        answers = self.answers = list[int]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers.append(receive(body, self.headers["FinSecure-Signature"]))
                self.send_response(answers[-1])
                self.end_headers()

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the day's paper is no access log."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def post(url: str, body: str, headers: dict[str, str] | None = None) -> int:
    """Send a POST as a stranger would, without the client; its HTTP status."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request("POST", parts.path, body, headers or {})
        return connection.getresponse().status


def bank_page(intent: finsecure.PaymentIntent) -> str:
    """Where the customer has to go; nowhere is ''."""
    redirect = intent.next_action and intent.next_action.redirect_to_url
    return (redirect and redirect.url) or ""


def replayed(intent: finsecure.PaymentIntent) -> str:
    """Whether the API gave a stored answer."""
    return yes_or_no(intent.last_response.idempotent_replayed)


def money(amount: int | None) -> str:
    """US dollars as people write them."""
    return f"{finsecure.from_minor_units(amount or 0, 'usd'):,} USD"


def moment(when: datetime) -> str:
    """A time as people write it."""
    return f"{when:%d %B %Y, %H:%M:%S} UTC"


def yes_or_no(answer: bool) -> str:
    """A truth as people say it."""
    return "yes" if answer else "no"


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="finsecure demo",
        description="Play a merchant's day over real HTTP against the sandbox, on a free loopback port. The exit code "
        "is 1 if anything comes out differently than it should.",
    )
