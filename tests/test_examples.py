"""The examples run as they stand, against a sandbox over real HTTP, and do there what they say."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

import finsecure
from finsecure.sandbox import Sandbox
from finsecure.webhooks import sign

from . import servers

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


class Shop:
    """A sandbox that is served, a client of it, and the environment that leads an example there."""

    def __init__(self, sandbox: Sandbox, base_url: str, client: finsecure.Client, folder: Path) -> None:
        self.sandbox = sandbox
        self.client = client
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONUNBUFFERED": "1",
            "FINSECURE_SECRET_KEY": sandbox.secret_key,
            "FINSECURE_PUBLISHABLE_KEY": sandbox.publishable_key,
            "FINSECURE_WEBHOOK_SECRET": sandbox.webhook_secret,
            "FINSECURE_BASE_URL": base_url,
            "PORT": "0",
            "ORDERS": str(folder / "orders.sqlite"),
        }

    def run(self, example: str, *arguments: str | Path) -> str:
        """Run a script to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-W", "error", ROOT / "examples" / example, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def start(
        self, example: str, *arguments: str, module: str | None = None
    ) -> Generator[tuple[httpx.Client, subprocess.Popen[str]], None, None]:
        """Start a server, by a script or by a module in its folder; a client of it, and the process."""
        path = ROOT / "examples" / example
        process = subprocess.Popen(
            [sys.executable, path, *arguments] if module is None else [sys.executable, "-m", module, *arguments],
            cwd=path if module else None,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if module == "manage" else subprocess.PIPE,  # where it says its address
            text=True,
        )
        with process:
            try:
                output = process.stderr or process.stdout
                assert output is not None
                said: list[str] = []
                running = None
                for line in output:
                    said.append(line)
                    running = re.search(r"(?:[Rr]unning on|server at) (http://127\.0\.0\.1:\d+)", line)
                    if running:
                        break
                assert running, "".join(said)
                with httpx.Client(base_url=running[1], trust_env=False, timeout=30) as client:
                    yield client, process
            finally:
                process.terminate()
                process.communicate(timeout=30)

    def said(self, process: subprocess.Popen[str]) -> str:
        """The next line that a server printed itself, besides its access log."""
        assert process.stdout is not None
        return next(line.rstrip("\n") for line in process.stdout if not line.startswith("INFO:"))

    def card(self, number: str = "4242424242424242") -> str:
        """A payment method, as the browser would have made it; its id."""
        card = self.client.payment_methods.create(
            type="card", card={"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        )
        return card.id


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with (
        Sandbox() as sandbox,
        sandbox.serve() as server,
        finsecure.Client(sandbox.secret_key, base_url=server.base_url) as client,
    ):
        yield Shop(sandbox, server.base_url, client, tmp_path)


def test_first_payment_takes_20_dollars_from_a_new_customer(shop: Shop) -> None:
    printed = shop.run("first_payment.py")
    (intent,) = shop.client.payment_intents.list()
    (customer,) = shop.client.customers.list()
    assert (intent.status, intent.amount_received, intent.customer) == ("succeeded", 2000, customer.id)
    assert printed == f"{intent.id} succeeded: 20.00 USD received\n"


def test_async_payments_charges_everyone_and_totals_what_came_in(shop: Shop) -> None:
    """A third of the cards has insufficient funds; the total counts the others."""
    printed = shop.run("async_payments.py").splitlines()
    intents = list(shop.client.payment_intents.list(limit=100))
    received = sum(intent.amount_received or 0 for intent in intents)
    assert len(intents) == 30
    assert printed[-1] == f"{finsecure.from_minor_units(received, 'usd')} USD received, 30 payments on record"
    declined = [line for line in printed[:-1] if "insufficient_funds. Request a different payment method." in line]
    assert len(declined) == len(printed) - 1 == 10


class TestMonthEnd:
    """Orders and refunds in two files, payments in the account."""

    @pytest.fixture(autouse=True)
    def _pandas(self) -> None:
        pytest.importorskip("pandas")

    def paid(self, shop: Shop, order: str, amount: int = 2000) -> str:
        intent = shop.client.payment_intents.create(amount=amount, currency="usd", metadata={"order": order})
        return shop.client.payment_intents.confirm(intent.id, payment_method=shop.card()).id

    def close(self, shop: Shop, folder: Path, orders: list[str], refunds: list[str]) -> list[str]:
        (folder / "orders.csv").write_text("\n".join(["order", *orders, ""]))
        (folder / "refunds.csv").write_text("\n".join(["ticket,payment_intent,amount,currency", *refunds, ""]))
        month = datetime.fromtimestamp(shop.sandbox.clock.time(), timezone.utc).strftime("%Y-%m")
        return shop.run("month_end.py", month, folder / "orders.csv", folder / "refunds.csv").splitlines()

    def test_it_totals_and_compares(self, shop: Shop, tmp_path: Path) -> None:
        """A payment without an order, an order that was paid twice, and one that was not paid."""
        for order, amount in [("order_1", 1999), ("order_2", 2000), ("order_2", 2000)]:
            self.paid(shop, order, amount)
        stray = self.paid(shop, "order_9", 1)
        shop.client.payment_intents.create(amount=5000, currency="usd", metadata={"order": "order_3"})
        assert self.close(shop, tmp_path, ["order_1", "order_2", "order_3"], []) == [
            "received: 60.00 usd",
            f"payments without order: {stray}",
            "orders paid twice: order_2",
            "orders without payment: order_3",
        ]

    def test_a_month_without_payments_is_closed_too(self, shop: Shop, tmp_path: Path) -> None:
        assert self.close(shop, tmp_path, ["order_1"], []) == [
            "payments without order: none",
            "orders paid twice: none",
            "orders without payment: order_1",
        ]

    def test_it_refunds_each_row_once_however_often_and_late_it_is_run(self, shop: Shop, tmp_path: Path) -> None:
        """Twice in a row, and once more when the keys of the first run are forgotten."""
        rows = [f"ticket_{n},{self.paid(shop, f'order_{n}')},5.00,usd" for n in range(3)]
        self.close(shop, tmp_path, [], rows)
        self.close(shop, tmp_path, [], rows)
        shop.sandbox.clock.advance(25 * 3600)
        assert self.close(shop, tmp_path, [], rows)[-3:] == [f"refund ticket_{n}: succeeded" for n in range(3)]
        assert [refund.amount for refund in shop.client.refunds.list()] == [500, 500, 500]

    def test_a_row_that_is_refused_or_lost_does_not_stop_the_others(self, shop: Shop, tmp_path: Path) -> None:
        """The next run, a day later, finds the refund whose answer was lost."""
        first, second = self.paid(shop, "order_1"), self.paid(shop, "order_2")
        rows = [f"ticket_1,{first},99.00,usd", f"ticket_2,{second},5.00,usd"]
        shop.sandbox.fail_next("refunds.create", status=501, executed=True, times=2)  # 501 is not retried
        *_, lost = self.close(shop, tmp_path, [], rows)
        assert lost.startswith("refund ticket_2: not known, run this again: ")
        shop.sandbox.clock.advance(25 * 3600)
        *_, refused, found = self.close(shop, tmp_path, [], rows)
        assert refused.startswith("refund ticket_1: refused: ")
        assert found == "refund ticket_2: succeeded"
        assert [refund.amount for refund in shop.client.refunds.list()] == [500]


class TestBackend:
    def test_an_order_is_paid_once_however_often_it_is_sent(self, shop: Shop) -> None:
        order = {"payment_method": shop.card()}
        with shop.start("backend.py") as (browser, _):
            first, again = [browser.post("/orders/order_1/pay", json=order) for _ in range(2)]
        assert (first.status_code, first.json()) == (200, {"status": "succeeded", "redirect_to": None})
        assert (again.status_code, again.json()) == (200, first.json())
        (intent,) = shop.client.payment_intents.list()
        (charge,) = shop.client.charges.list()
        assert (intent.amount, intent.metadata, charge.amount) == (1999, {"order": "order_1"}, 1999)

    def test_a_click_on_the_next_day_pays_nothing_again(self, shop: Shop) -> None:
        """After 25 hours the key is forgotten; the stored id is not, even by a server that was restarted."""
        order = {"payment_method": shop.card()}
        with shop.start("backend.py") as (browser, _):
            browser.post("/orders/order_1/pay", json=order)
        shop.sandbox.clock.advance(25 * 3600)
        with shop.start("backend.py") as (browser, _):
            again = browser.post("/orders/order_1/pay", json=order)
        assert (again.status_code, again.json()["status"]) == (200, "succeeded")
        assert len(shop.client.payment_intents.list().data) == len(shop.client.charges.list().data) == 1

    def test_a_customer_who_was_declined_may_pay_on_the_next_day(self, shop: Shop) -> None:
        """The same PaymentIntent is confirmed, with the card of the next day."""
        with shop.start("backend.py") as (browser, _):
            browser.post("/orders/order_1/pay", json={"payment_method": shop.card("4000000000000127")})
            shop.sandbox.clock.advance(25 * 3600)
            paid = browser.post("/orders/order_1/pay", json={"payment_method": shop.card()})
        assert paid.json()["status"] == "succeeded"
        (intent,) = shop.client.payment_intents.list()
        assert intent.amount_received == 1999

    def test_an_answer_that_was_lost_is_no_second_payment_on_the_next_day(self, shop: Shop) -> None:
        """The payment went through and no answer came back: the next day's click finds it."""
        order = {"payment_method": shop.card()}
        with shop.start("backend.py") as (browser, _):
            shop.sandbox.fail_next("payment_intents.confirm", answer="lost", times=3)
            lost = browser.post("/orders/order_1/pay", json=order)
            shop.sandbox.clock.advance(25 * 3600)
            again = browser.post("/orders/order_1/pay", json=order)
        assert (lost.status_code, again.status_code, again.json()["status"]) == (503, 200, "succeeded")
        assert len(shop.client.charges.list().data) == 1

    def test_a_declined_customer_reads_advice_and_may_pay_with_another_card(self, shop: Shop) -> None:
        with shop.start("backend.py") as (browser, _):
            declined = browser.post("/orders/order_2/pay", json={"payment_method": shop.card("4000000000000127")})
            paid = browser.post("/orders/order_2/pay", json={"payment_method": shop.card()})
        assert declined.status_code == 402
        assert declined.json() == {"error": "Please check your card's security code and try again."}
        assert paid.json()["status"] == "succeeded"
        (intent,) = shop.client.payment_intents.list()
        assert intent.amount_received == 12000

    def test_a_card_with_3d_secure_sends_the_customer_to_the_bank(self, shop: Shop) -> None:
        with shop.start("backend.py") as (browser, _):
            answer = browser.post("/orders/order_1/pay", json={"payment_method": shop.card("4000002760003184")})
        assert answer.json()["status"] == "requires_action"
        assert answer.json()["redirect_to"].startswith(shop.environment["FINSECURE_BASE_URL"])

    def test_a_mistake_is_answered_with_400(self, shop: Shop) -> None:
        """Unknown order, no payment method, no JSON, and a payment method that there is not."""
        with shop.start("backend.py") as (browser, _):
            answers = [
                browser.post("/orders/order_3/pay", json={"payment_method": "pm_1"}),
                browser.post("/orders/order_1/pay", json={}),
                browser.post("/orders/order_1/pay", content=b"not JSON"),
                browser.post("/orders/order_1/pay", json={"payment_method": "pm_unknown"}),
            ]
        assert [answer.status_code for answer in answers] == [400, 400, 400, 400]
        assert answers[-1].json()["param"] == "payment_method"

    def test_where_finsecure_is_out_of_reach_the_customer_may_try_again(self, shop: Shop) -> None:
        order = {"payment_method": shop.card()}
        shop.sandbox.close()
        with shop.start("backend.py") as (browser, _):
            answer = browser.post("/orders/order_1/pay", json=order)
        assert (answer.status_code, answer.json()) == (503, {"error": "Please try again in a moment."})


class TestWebhookReceiver:
    def test_it_acts_on_what_happens_in_the_account(self, shop: Shop) -> None:
        """The sandbox delivers to it over HTTP, and each kind of event is told apart."""
        with shop.start("webhook_receiver.py") as (receiver, process):
            url = str(receiver.base_url.join("/webhooks"))
            shop.client.webhook_endpoints.create(url=url, enabled_events=["*"])
            customer = shop.client.customers.create(email="customer@example.com")
            assert shop.said(process) == "welcome: customer@example.com"
            shop.client.customers.delete(customer.id)
            assert shop.said(process) == "nothing to do: customer.deleted"
            intent = shop.client.payment_intents.create(amount=2000, currency="usd")
            with pytest.raises(finsecure.CardError):
                shop.client.payment_intents.confirm(intent.id, payment_method=shop.card("4000000000000002"))
            assert shop.said(process) == f"ask for another card: {intent.id}, card_declined"
            shop.client.payment_intents.confirm(intent.id, payment_method=shop.card())
            assert shop.said(process) == f"ship: {intent.id}, 2000 usd"

    def test_it_acts_on_an_event_once(self, shop: Shop) -> None:
        """Delivered twice, then another one: two lines are printed, not three."""
        with shop.start("webhook_receiver.py") as (receiver, process):
            for ident in ("evt_1", "evt_1", "evt_2"):
                about = {"object": {"object": "order"}}
                body = json.dumps({"id": ident, "object": "event", "type": f"about.{ident}", "data": about})
                headers = {"FinSecure-Signature": sign(body, shop.sandbox.webhook_secret)}
                assert receiver.post("/webhooks", content=body, headers=headers).status_code == 200
            printed = [shop.said(process) for _ in range(2)]
        assert printed == ["nothing to do: about.evt_1", "nothing to do: about.evt_2"]

    def test_it_refuses_what_is_not_signed_with_the_secret(self, shop: Shop) -> None:
        body = json.dumps({"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {}}})
        with shop.start("webhook_receiver.py") as (receiver, _):
            unsigned = receiver.post("/webhooks", content=body)
            forged = receiver.post("/webhooks", content=body, headers={"FinSecure-Signature": sign(body, "whsec_x")})
            headers = {"FinSecure-Signature": sign("[]", shop.sandbox.webhook_secret)}
            no_event = receiver.post("/webhooks", content="[]", headers=headers)
        assert [answer.status_code for answer in (unsigned, forged, no_event)] == [400, 400, 400]


# Frameworks


class Started:
    """An example that takes webhooks, a client of it, and what it said when it has ended."""

    def __init__(self, shop: Shop, client: httpx.Client, path: str) -> None:
        self.client = client
        self.path = path
        self._secret = shop.sandbox.webhook_secret

    def post(self, body: str | bytes, secret: str | None = None) -> int:
        header = {"FinSecure-Signature": sign(body, secret or self._secret)}
        return self.client.post(self.path, content=body, headers=header).status_code


WAYS: dict[str, tuple[str, list[str], str | None, str]] = {  # by name: example, arguments, module, path
    "fastapi": ("fastapi_webhooks.py", [], None, "/webhooks"),
    "flask": ("flask_webhooks.py", [], None, "/webhooks"),
    **{
        f"django-{server}{path.replace('/', '-')}": ("django_shop", arguments, module, f"/webhooks{path}")
        for server, module, arguments in [
            ("wsgi", "manage", ["runserver", "--noreload", "0"]),
            ("asgi", "uvicorn", ["shop.asgi:application", "--port", "0"]),
        ]
        for path in ("", "/async", "/queued")
    },
}


def parcels(shop: Shop, payment: str) -> int:
    """How many parcels an example that uses SQLite has packed for a payment."""
    with closing(sqlite3.connect(shop.environment["DATABASE"])) as database:
        (table,) = database.execute("SELECT name FROM sqlite_master WHERE name IN ('orders', 'shop_order')").fetchone()
        rows = database.execute(f"SELECT parcels FROM {table} WHERE payment = ?", [payment]).fetchall()
    return sum(number for (number,) in rows)


@pytest.fixture(params=WAYS)
def started(request: pytest.FixtureRequest, shop: Shop, tmp_path: Path) -> Iterator[Started]:
    """Each framework's example."""
    example, arguments, module, path = WAYS[request.param]
    if example == "django_shop":
        import django

        if django.VERSION < (6,):
            pytest.skip("the example uses Django's tasks, which are new in Django 6.0")
    shop.environment |= {"DATABASE": str(tmp_path / "shop.db"), "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.db'}"}
    shop.environment |= {"DJANGO_SETTINGS_MODULE": "shop.settings"}
    if module is not None:
        folder = ROOT / "examples" / example
        manage = [sys.executable, "manage.py", "migrate"]
        subprocess.run(manage, cwd=folder, env=shop.environment, check=True, capture_output=True, timeout=60)
    if module == "manage":
        arguments = [*arguments[:-1], str(servers.free_port())]  # Django does not tell which port it was given
    with shop.start(example, *arguments, module=module) as (client, _):
        yield Started(shop, client, path)


def paid(shop: Shop) -> tuple[str, str]:
    """A payment that succeeded, and the body of its event."""
    shop.sandbox.trigger("payment_intent.succeeded")
    (event,) = shop.client.events.list(type="payment_intent.succeeded")
    assert event.type == "payment_intent.succeeded"
    return event.data.object.id, event.to_json()


def test_each_framework_handles_an_event_once(shop: Shop, started: Started) -> None:
    """Delivered six times, three of them at once, it packs one parcel; one that meets another is told to come again."""
    payment, body = paid(shop)
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(started.post, [body] * 3))
    assert 200 in together
    assert {*together} <= {200, 409}
    assert [started.post(body) for _ in range(3)] == [200, 200, 200]
    assert parcels(shop, payment) == 1


def test_each_framework_refuses_what_it_should(shop: Shop, started: Started) -> None:
    """Forged, unsigned and no event are 400, other methods 405, and more than 1 MiB is 413; then it still works."""
    payment, body = paid(shop)
    assert started.post(body, "whsec_another") == 400
    assert started.client.post(started.path, content=body).status_code == 400
    assert started.post("[]") == 400
    assert started.client.get(started.path).status_code == 405
    assert started.post(body + " " * (1024 * 1024 - len(body) + 1)) == 413
    assert parcels(shop, payment) == 0
    assert started.post(body + " " * (1024 * 1024 - len(body))) == 200
    assert parcels(shop, payment) == 1


def test_the_tests_of_the_django_example_pass(shop: Shop, tmp_path: Path) -> None:
    """`manage.py test` delivers to each of its views."""
    pytest.importorskip("django.tasks", reason="Django's tasks are new in Django 6.0")
    command = [sys.executable, "-W", "error", str(ROOT / "examples/django_shop/manage.py"), "test", "shop"]
    ran = subprocess.run(command, env=shop.environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Ran 1 test" in ran.stderr


class TestCelery:
    """The example that Celery works off, with the Redis of the tests."""

    @pytest.fixture(autouse=True)
    def _empty(self, shop: Shop, redis_server: servers.Server) -> None:
        kind: Any = redis.Redis
        with kind.from_url(redis_server.url("redis")) as store:
            store.flushall()
        shop.environment["REDIS_URL"] = redis_server.url("redis")

    def packed(self, redis_server: servers.Server, seconds: float = 60) -> list[str]:
        """What the workers have packed, once the queue is empty and nothing is under way."""
        kind: Any = redis.Redis
        with kind.from_url(redis_server.url("redis"), decode_responses=True) as store:
            give_up = time.monotonic() + seconds
            while store.llen("celery") or store.hlen("unacked") or not store.llen("parcels"):
                assert time.monotonic() < give_up
                time.sleep(0.05)
            packed: list[str] = store.lrange("parcels", 0, -1)
            return packed

    def test_events_are_taken_in_at_once_and_worked_off_once(self, shop: Shop, redis_server: servers.Server) -> None:
        """One command starts a worker and the web server. Five deliveries of an event are answered, and packed once."""
        payment, body = paid(shop)
        with shop.start("celery_webhooks.py") as (client, _):
            started = Started(shop, client, "/")
            assert [started.post(body) for _ in range(5)] == [200] * 5
            assert started.post(body, "whsec_another") == 400
            assert self.packed(redis_server) == [payment]

    def test_an_event_that_cannot_be_handed_over_is_refused_and_comes_again(
        self, shop: Shop, redis_server: servers.Server
    ) -> None:
        """While Redis is down the answer is 500; once it is back, the next delivery is worked off."""
        payment, body = paid(shop)
        with shop.start("celery_webhooks.py") as (client, _):
            started = Started(shop, client, "/")
            redis_server.stop()
            try:
                assert started.post(body) == 500
            finally:
                redis_server.start()
            assert started.post(body) == 200
            assert self.packed(redis_server) == [payment]
