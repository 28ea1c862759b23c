"""Secrets: planted in every way that they can come in, and searched for in everything that can be printed.

Over real HTTP, with every logger at DEBUG. What the log says is tested in test_config.py, errors in test_errors.py.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

import finsecure
from finsecure.sandbox import Sandbox

PACKAGE = Path(finsecure.__file__).parent
CARD = "4242424242424242"
DECLINED_CARD = "4000000000009995"
CVC = "739"
ACCOUNT = "000123456789"
ROUTING = "110000000"
EMAIL = "jane.planted@example.com"
ORDER = "order_planted_12345"
WEBHOOK_SECRET = "whsec_planted_obviously_fake"

Step = Callable[[Any], Any]


class Far:
    """A sandbox behind a real socket, and what is secret about it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.secret_key = sandbox.secret_key
        self.base_url = sandbox.serve().base_url
        self.secrets = {sandbox.secret_key, sandbox.secret_key.rpartition("_")[2], sandbox.webhook_secret}
        self.secrets |= {CARD, DECLINED_CARD, ACCOUNT, ROUTING, WEBHOOK_SECRET}

    def found_in(self, text: str) -> list[str]:
        """The planted secrets that a text shows; the CVC only where it stands alone, being so short."""
        return sorted(secret for secret in self.secrets if secret in text) + re.findall(
            rf"(?<![\w.]){CVC}(?![\w.])", text
        )


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    """A sandbox, served on loopback."""
    with Sandbox(rate_limit=None) as sandbox:
        yield Far(sandbox)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any logger says at all."""
    for name in ("", "finsecure", "httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


DOORS = ["sync", "asyncio", "trio"]


def run(door: str, far: Far, use: Callable[[Any, Step], Awaitable[None]], **options: Any) -> None:
    """Do a day's work at a door; `use` awaits `step(...)` of what an operation answers, whichever door it is."""

    async def step(answer: Any) -> Any:
        return await answer if isawaitable(answer) else answer

    async def over_async() -> None:
        async with finsecure.AsyncClient(far.secret_key, base_url=far.base_url, **options) as client:
            await use(client, step)

    async def over_sync() -> None:
        with finsecure.Client(far.secret_key, base_url=far.base_url, **options) as client:
            await use(client, step)

    if door == "sync":
        anyio.run(over_sync)
    else:
        anyio.run(over_async, backend=door)


class Day:
    """A merchant's day with everything secret in it; keeps what it was answered."""

    def __init__(self, far: Far) -> None:
        self.far = far
        self.answers: list[Any] = []
        self.errors: list[finsecure.FinSecureError] = []
        self.log: list[logging.LogRecord] = []

    async def __call__(self, client: Any, step: Step) -> None:
        card = {"number": CARD, "exp_month": 12, "exp_year": 2030, "cvc": CVC}
        bank = {"routing_number": ROUTING, "account_number": ACCOUNT, "account_holder_type": "individual"}
        endpoint = await step(client.webhook_endpoints.create(url="https://example.com/hook", enabled_events=["*"]))
        self.far.secrets.add(endpoint.secret)
        customer = await step(client.customers.create(email=EMAIL, metadata={"order": ORDER}))
        method = await step(client.payment_methods.create(type="card", card=card))
        account = await step(client.payment_methods.create(type="us_bank_account", us_bank_account=bank))
        await step(client.payment_methods.attach(method.id, customer=customer.id))
        intent = await step(client.payment_intents.create(amount=2000, currency="usd", customer=customer.id))
        self.far.secrets |= {intent.client_secret, intent.client_secret.rpartition("_secret_")[2]}
        paid = await step(client.payment_intents.confirm(intent.id, payment_method={"type": "card", "card": card}))
        listed = await step(client.customers.list(email=EMAIL))
        events = await step(client.events.list())
        self.answers += [endpoint, customer, method, account, intent, paid, listed, *listed.data, *events.data]

        declined = {"type": "card", "card": {**card, "number": DECLINED_CARD}}
        intent = await step(client.payment_intents.create(amount=500, currency="usd"))
        self.far.secrets.add(intent.client_secret)
        unknown = client.with_options(api_key="sk_test_planted_wrong_key")
        self.far.secrets.add("planted_wrong_key")
        refused: list[Callable[[], Any]] = [
            lambda: client.payment_intents.confirm(intent.id, payment_method=declined),
            lambda: client.payment_intents.retrieve("pi_none"),
            lambda: client.payment_intents.create(amount=0, currency="usd"),
            lambda: client.payment_methods.create(type="card", card={**card, "number": float("nan")}),
            lambda: client.payment_methods.create(type="card", card={**card, "exp_month": 13}),
            lambda: unknown.payment_intents.retrieve(intent.id),
        ]
        for call in refused:
            with pytest.raises(finsecure.FinSecureError) as caught:
                await step(call())
            self.errors.append(caught.value)
        self.answers += [client, unknown, client.payment_intents, unknown.customers]


@pytest.fixture(params=DOORS)
def day(request: pytest.FixtureRequest, far: Far, log: pytest.LogCaptureFixture) -> Day:
    """A day's work, done at each door."""
    day = Day(far)
    run(request.param, far, day)
    day.log = [*log.records]
    return day


def test_no_log_shows_a_secret(day: Day) -> None:
    """At DEBUG, with every logger on, neither our records nor those of the HTTP library hold a secret."""
    loggers = {record.name.partition(".")[0] for record in day.log}
    assert {"finsecure", "httpcore"} <= loggers
    for record in day.log:
        shown = f"{record.getMessage()} {record.__dict__!r}"
        assert day.far.found_in(shown) == [], record


def test_our_log_shows_nothing_of_a_body_or_an_id(day: Day) -> None:
    """Our own lines show the path's template, not the id in it, and nothing personal of what was sent or answered."""
    lines = [record.getMessage() for record in day.log if record.name == "finsecure"]
    assert "POST /v1/payment_intents/{id}/confirm status=402" in " ".join(lines)
    ids = [answer.id for answer in day.answers if isinstance(answer, finsecure.Customer | finsecure.PaymentIntent)]
    for personal in (EMAIL, ORDER, *ids):
        assert personal not in " ".join(lines)


def test_nothing_that_was_answered_prints_a_secret(day: Day) -> None:
    """repr, str and f-strings of objects, pages, clients and resources show no secret; what is hidden says so."""
    for answer in day.answers:
        for shown in (repr(answer), str(answer), f"{answer}", repr([answer]), repr({"answer": answer})):
            assert day.far.found_in(shown) == []
    assert any("client_secret='[hidden]'" in repr(answer) for answer in day.answers)


def insides(thing: object) -> str:
    """What a debugger shows of it."""
    return repr(vars(thing))


def test_the_insides_of_a_client_do_not_print_its_key(day: Day) -> None:
    """What a debugger shows of a client and of its resources, their variables one by one, has no key in it."""
    for answer in day.answers:
        if not isinstance(answer, finsecure.PaymentIntent | finsecure.WebhookEndpoint):  # whose fields they are
            assert day.far.found_in(insides(answer)) == []


def test_copies_of_a_client_print_no_key_and_pickles_are_refused(far: Far) -> None:
    """A client can be copied, which shares its connections, but not pickled, since it holds a key."""
    for client in (finsecure.Client(far.secret_key), finsecure.AsyncClient(far.secret_key)):
        for other in (copy.copy(client), copy.deepcopy(client)):
            assert far.found_in(repr(other) + repr(vars(other))) == []
        for one in (client, client.payment_intents):
            with pytest.raises(TypeError, match="cannot be pickled") as caught:
                pickle.dumps(one)
            assert far.found_in(str(caught.value)) == []


def test_no_error_holds_a_secret(day: Day) -> None:
    """Errors, what they were caused by, and their copies and pickles show no secret, in any way to print them."""
    for error in day.errors:
        again: BaseException | None = error
        for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
            again = each
            while again is not None:
                shown = f"{again!s} {again!r} {vars(again)!r} {again.args!r}"
                assert day.far.found_in(shown) == []
                again = again.__cause__ or again.__context__


def test_no_variable_of_our_frames_holds_a_key_or_a_card(day: Day) -> None:
    """A crash report with local variables finds neither key nor card in the frames that are ours."""
    for error in day.errors:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        ours = [frame for frame in report.stack if PACKAGE in Path(frame.filename).parents]
        shown = json.dumps([frame.locals for frame in ours])
        assert day.far.found_in(shown) == []


@pytest.mark.parametrize(
    "key", ["sk_test_planted\n", "sk_test_pläntedé", "sk_test_planted secret", "rk_test_planted", "plantedplanted"]
)
@pytest.mark.parametrize("client", [finsecure.Client, finsecure.AsyncClient])
def test_a_key_that_is_refused_is_not_printed(client: type[Any], key: str) -> None:
    """A key with a newline or other junk in it is refused with a sentence that does not show it, frames included."""
    with pytest.raises(finsecure.AuthenticationError) as caught:
        client(key)
    shown = f"{caught.value!s} {caught.value!r} {vars(caught.value)!r}"
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if PACKAGE in Path(frame.filename).parents]
    assert "plant" not in shown
    assert "plant" not in json.dumps([frame.locals for frame in ours])


@pytest.mark.parametrize("door", DOORS)
def test_a_failed_connection_says_nothing_secret(door: str, far: Far, log: pytest.LogCaptureFixture) -> None:
    """Where nobody listens, neither the error, its cause nor the log holds the key or what was to be sent."""

    async def use(client: Any, step: Step) -> None:
        refused = client.with_options(base_url="http://127.0.0.1:9", max_retries=0)
        card = {"number": CARD, "exp_month": 12, "exp_year": 2030, "cvc": CVC}
        with pytest.raises(finsecure.APIConnectionError) as caught:
            await step(refused.payment_methods.create(type="card", card=card))
        error: BaseException | None = caught.value
        while error is not None:
            assert far.found_in(f"{error!s} {error!r} {vars(error)!r}") == []
            error = error.__cause__ or error.__context__

    run(door, far, use)
    assert [record for record in log.records if far.found_in(record.getMessage() + repr(record.__dict__))] == []


@pytest.mark.parametrize("door", DOORS)
def test_a_servers_echo_of_secrets_is_not_repeated(door: str, far: Far, log: pytest.LogCaptureFixture) -> None:
    """An error message in which the server repeats the key or the card is shown without them."""

    def echo(request: httpx.Request) -> httpx.Response:
        message = f"No: {request.headers['authorization']} {request.content.decode()} {far.secret_key}"
        return httpx.Response(400, json={"error": {"type": "invalid_request_error", "message": message}})

    async def use(client: Any, step: Step) -> None:
        with pytest.raises(finsecure.InvalidRequestError, match="No: ") as caught:
            await step(
                client.payment_methods.create(type="card", card={"number": CARD, "exp_month": 12, "exp_year": 2030})
            )
        assert far.found_in(f"{caught.value!s} {caught.value!r} {vars(caught.value)!r}") == []

    kind = httpx.Client if door == "sync" else httpx.AsyncClient
    run(door, far, use, http_client=kind(transport=httpx.MockTransport(echo)))
    assert [record for record in log.records if far.found_in(record.getMessage())] == []


def test_a_model_warns_of_nothing_that_it_holds(far: Far) -> None:
    """A field of an unexpected shape is written again without a warning that would show it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paid = {"id": "pi_1", "object": "payment_intent", "amount": 1, "currency": "usd", "status": "succeeded"}
        body = {**paid, "client_secret": {"secret": WEBHOOK_SECRET}}
        with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body))) as http_client:
            intent = finsecure.Client("sk_test_1", http_client=http_client).payment_intents.retrieve("pi_1")
        assert json.loads(intent.to_json()) == intent.to_dict() == body
        assert far.found_in(repr(intent)) == []


PROGRAM = """
import finsecure
client = finsecure.Client({key!r}, base_url={url!r})
client.customers.create(email={email!r})
"""


@pytest.mark.parametrize(("level", "lines"), [("info", 1), ("debug", 2), ("", 0)])
def test_finsecure_log_shows_the_log_on_stderr_of_a_program_that_sets_up_none(far: Far, level: str, lines: int) -> None:
    """FINSECURE_LOG alone shows a line a call, or one an attempt too, and never a secret."""
    program = PROGRAM.format(key=far.secret_key, url=far.base_url, email=EMAIL)
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "FINSECURE_LOG": level},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ""
    shown = ran.stderr.splitlines()
    assert len(shown) == lines
    assert all(
        re.search(r" finsecure (INFO|DEBUG) POST /v1/customers .*status=200 request_id=req_", line) for line in shown
    )
    assert far.found_in(ran.stderr) == []
    assert EMAIL not in ran.stderr
