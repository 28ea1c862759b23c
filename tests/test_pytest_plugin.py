"""The fixtures that installing finsecure gives to pytest."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import finsecure
from finsecure import (
    configure,  # loads it for good: pytester forgets the modules that a run inside it was first to load
)
from finsecure.sandbox import Clock, Sandbox

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]


def passes(pytester: pytest.Pytester, test: str, passed: int | None = None) -> None:
    """Run a user's test file, in this process, under a pytest that has the plugin, installed or not."""
    pytester.makepyfile(test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        found = pytester.runpytest_inprocess("-W", "error", "-p", "finsecure.pytest_plugin")
    found.assert_outcomes(passed=passed or test.count("def test_"))


def test_a_client_talks_to_a_sandbox_of_the_test(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        def test_paying(finsecure_sandbox, finsecure_client):
            intent = finsecure_client.payment_intents.create(amount=2000, currency="usd")
            card = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}}
            paid = finsecure_client.payment_intents.confirm(intent.id, payment_method=card)
            assert paid.status == "succeeded"

        def test_a_fresh_one_for_each(finsecure_client):
            assert list(finsecure_client.payment_intents.list()) == []
        """,
    )


def test_a_handler_of_the_application_verifies_with_the_secret_of_the_sandbox(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was created before the test began, with the secret of the environment."""
    monkeypatch.setenv("FINSECURE_WEBHOOK_SECRET", "whsec_of_the_shop")
    passes(
        pytester,
        """
        import finsecure

        webhook = finsecure.webhooks.Handler(inbox=finsecure.webhooks.MemoryInbox())

        def test_delivered_twice(finsecure_sandbox):
            finsecure_sandbox.emit("customer.created")
            tried = finsecure_sandbox.deliver(wsgi=webhook.wsgi, duplicates=2)
            assert [delivery.status for delivery in tried] == [200, 200]
        """,
    )


def test_an_async_client_talks_to_the_same_sandbox(pytester: pytest.Pytester) -> None:
    """From asyncio and from trio."""
    passes(
        pytester,
        """
        import anyio, pytest

        @pytest.mark.parametrize("backend", ["asyncio"])
        def test_asyncio(finsecure_client, finsecure_async_client, backend):
            customer = finsecure_client.customers.create(email="customer@example.com")
            assert anyio.run(finsecure_async_client.customers.retrieve, customer.id, backend=backend) == customer

        @pytest.mark.parametrize("backend", ["trio"])
        def test_trio(finsecure_client, finsecure_async_client, backend):
            customer = finsecure_client.customers.create(email="customer@example.com")
            assert anyio.run(finsecure_async_client.customers.retrieve, customer.id, backend=backend) == customer
        """,
    )


def test_module_level_use_talks_to_it_too(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import finsecure

        def test_module(finsecure_sandbox, finsecure_client):
            intent = finsecure.PaymentIntent.create(amount=2000, currency="usd")
            assert finsecure_client.payment_intents.retrieve(intent.id) == intent
        """,
    )


def test_time_stands_still(pytester: pytest.Pytester) -> None:
    """At the present, and until the test moves it; waits of the client return at once."""
    passes(
        pytester,
        """
        import time, finsecure

        def test_clock(finsecure_sandbox):
            before = finsecure.Customer.create().created
            assert abs(before.timestamp() - time.time()) < 60
            assert finsecure.Customer.create().created == before
            finsecure_sandbox.clock.advance(3600)
            assert (finsecure.Customer.create().created - before).total_seconds() == 3600
        """,
    )


@pytest.fixture
def _configured(sandbox: finsecure.sandbox.Sandbox) -> Iterator[None]:
    """Module-level use, configured by whoever runs the tests."""
    with httpx.Client(transport=sandbox.transport, trust_env=False) as http_client:
        configure(api_key=sandbox.secret_key, base_url=sandbox.base_url, http_client=http_client)
        yield
        configure()
        finsecure.api_key = None


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(
    "changes", ["pass", "finsecure.configure(timeout=5)", "finsecure.api_key = 'sk_test_x'; finsecure.Customer"]
)
def test_what_was_configured_is_there_again_afterwards(changes: str, pytester: pytest.Pytester) -> None:
    """Whatever the test did to the configuration."""
    customer = finsecure.Customer.create(email="customer@example.com")
    passes(
        pytester,
        f"""
        import finsecure

        def test_changes(finsecure_sandbox):
            assert not list(finsecure.Customer.list())
            {changes}
        """,
    )
    assert finsecure.Customer.retrieve(customer.id) == customer


def test_nothing_was_configured_and_nothing_is_afterwards(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import finsecure

        def test_module(finsecure_sandbox):
            finsecure.Customer.create()
        """,
    )
    assert finsecure.api_key is None
    with pytest.raises(finsecure.AuthenticationError):
        finsecure.Customer.create()


def test_loading_the_plugin_loads_nothing_else() -> None:
    """pytest loads it for every project on the machine that has finsecure."""
    heavy = ["finsecure._client", "finsecure.sandbox", "httpx", "pydantic", "tenacity"]
    code = f"import sys, finsecure.pytest_plugin; sys.exit(', '.join({{*{heavy}}} & {{*sys.modules}}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_answers_real_http_for_the_test(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import finsecure

        def test_over_http(finsecure_sandbox, finsecure_client, finsecure_server):
            with finsecure.Client(finsecure_sandbox.secret_key, base_url=finsecure_server.base_url) as client:
                customer = client.customers.create(email="customer@example.com")
            assert finsecure_client.customers.retrieve(customer.id) == customer
        """,
    )


def test_an_answer_that_got_lost_is_charged_once(pytester: pytest.Pytester) -> None:
    """Where the answer to a create, and where that to a confirm got lost."""
    passes(
        pytester,
        """
        CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}}

        def test_lost(finsecure_sandbox, finsecure_client):
            finsecure_sandbox.fail_next("payment_intents.create", answer="lost")
            intent = finsecure_client.payment_intents.create(amount=2000, currency="usd")
            assert [each.id for each in finsecure_client.payment_intents.list()] == [intent.id]

        def test_charged_once(finsecure_sandbox, finsecure_client):
            intent = finsecure_client.payment_intents.create(amount=2000, currency="usd")
            finsecure_sandbox.fail_next("payment_intents.confirm", answer="lost")
            paid = finsecure_client.payment_intents.confirm(intent.id, payment_method=CARD)
            assert paid.status == "succeeded"
            assert paid.last_response.idempotent_replayed
            assert len(finsecure_client.charges.list(payment_intent=intent.id).data) == 1
        """,
    )


def test_what_fails_on_purpose_is_retried_without_waiting(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import finsecure, pytest

        def test_overloaded(finsecure_sandbox, finsecure_client):
            finsecure_sandbox.fail_next("customers.create", status=503, retry_after=30, times=2)
            assert finsecure_client.customers.create(email="customer@example.com").id
            assert finsecure_sandbox.clock.sleeps == [30.0, 30.0]

        def test_down(finsecure_sandbox, finsecure_client):
            finsecure_sandbox.fail_next(status=500, times=10)
            with pytest.raises(finsecure.APIError):
                finsecure_client.customers.create(email="customer@example.com")

        def test_the_faults_of_another_test_are_gone(finsecure_sandbox, finsecure_client):
            assert finsecure_sandbox.faults == []
            finsecure_client.customers.create(email="customer@example.com")
        """,
    )


def test_webhooks_are_delivered_to_an_application(pytester: pytest.Pytester) -> None:
    """ASGI or WSGI, without a socket and without an endpoint; its handler verifies them."""
    passes(
        pytester,
        """
        import finsecure, pytest

        @pytest.fixture
        def paid():
            return []

        @pytest.fixture
        def webhook(finsecure_sandbox, paid):
            webhook = finsecure.webhooks.Handler(inbox=finsecure.webhooks.MemoryInbox())

            @webhook.on("payment_intent.succeeded")
            def pay(event: finsecure.webhooks.PaymentIntentSucceeded):
                paid.append(event.data.object.id)

            return webhook

        def test_asgi(finsecure_sandbox, webhook, paid):
            finsecure_sandbox.trigger("payment_intent.succeeded")
            deliveries = finsecure_sandbox.deliver(to=webhook.asgi, path="/webhooks", duplicates=3)
            assert [delivery.status for delivery in deliveries] == [200, 200, 200]
            assert len(paid) == 1

        def test_wsgi(finsecure_sandbox, webhook, paid):
            event = finsecure_sandbox.trigger("payment_intent.succeeded")
            finsecure_sandbox.deliver(wsgi=webhook.wsgi)
            assert paid == [event["data"]["object"]["id"]]
        """,
    )


def test_a_day_passes_when_the_test_says_so(pytester: pytest.Pytester) -> None:
    """Bank payments settle, refused webhooks come again, and idempotency keys are forgotten."""
    passes(
        pytester,
        """
        ACCOUNT = {"routing_number": "110000000", "account_number": "000123456789"}

        def test_settles(finsecure_sandbox, finsecure_client):
            intent = finsecure_client.payment_intents.create(
                amount=2000, currency="usd", payment_method_types=["us_bank_account"]
            )
            method = {"type": "us_bank_account", "us_bank_account": ACCOUNT}
            intent = finsecure_client.payment_intents.confirm(intent.id, payment_method=method)
            assert intent.status == "processing"
            finsecure_sandbox.clock.advance(days=1)
            assert finsecure_client.payment_intents.retrieve(intent.id).status == "succeeded"

        def test_comes_again(finsecure_sandbox):
            finsecure_sandbox.emit("invoice.payment_failed")
            assert [one.status for one in finsecure_sandbox.deliver(to=lambda body, headers: 500)] == [500]
            assert finsecure_sandbox.deliver(to=lambda body, headers: 200) == []
            finsecure_sandbox.clock.advance(minutes=1)
            assert [one.attempt for one in finsecure_sandbox.deliver(to=lambda body, headers: 200)] == [2]

        def test_forgotten(finsecure_sandbox, finsecure_client):
            first = finsecure_client.customers.create(idempotency_key="order_12345")
            assert finsecure_client.customers.create(idempotency_key="order_12345") == first
            finsecure_sandbox.clock.advance(days=1)
            assert finsecure_client.customers.create(idempotency_key="order_12345") != first
        """,
    )


def test_a_reset_forgets_all_but_the_keys(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        def test_reset(finsecure_sandbox, finsecure_client):
            finsecure_client.customers.create(email="customer@example.com")
            finsecure_sandbox.fail_next(status=500)
            finsecure_sandbox.reset()
            assert list(finsecure_client.customers.list()) == []
            assert finsecure_sandbox.deliver(to=lambda body, headers: 200) == []
        """,
    )


def test_a_reset_takes_less_than_5_milliseconds() -> None:
    """After 100 payments; the fastest of ten, since the machine may be busy."""
    resets: list[float] = []
    with Sandbox(clock=Clock(0)) as sandbox:
        for _ in range(10):
            for _ in range(100):
                sandbox.emit("payment_intent.succeeded")
            began = time.perf_counter()
            sandbox.reset()
            resets.append(time.perf_counter() - began)
    assert min(resets) < 0.005


def test_tests_on_several_workers_do_not_meet(pytester: pytest.Pytester) -> None:
    """With pytest-xdist each test still has a sandbox, a server and a secret of its own."""
    pytester.makepyfile(
        """
        import os, finsecure, pytest

        @pytest.mark.parametrize("number", range(8))
        def test_alone(finsecure_sandbox, finsecure_client, finsecure_server, number):
            with finsecure.Client(finsecure_sandbox.secret_key, base_url=finsecure_server.base_url) as client:
                client.customers.create(name=str(number))
            assert [customer.name for customer in finsecure_client.customers.list()] == [str(number)]
            assert os.environ["FINSECURE_WEBHOOK_SECRET"] == finsecure_sandbox.webhook_secret
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        run = pytester.runpytest_subprocess("-W", "error", "-p", "finsecure.pytest_plugin", "-p", "xdist", "-n", "2")
    run.assert_outcomes(passed=8)
    run.stdout.fnmatch_lines(["*2 workers*"])


def test_tests_that_ask_for_no_fixture_load_nothing(pytester: pytest.Pytester) -> None:
    """Installed and unused, the plugin costs a session neither the sandbox nor an HTTP library."""
    pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish(session):
            heavy = {"finsecure.sandbox", "finsecure._client", "httpx", "httpcore", "pydantic", "sqlite3", "anyio"}
            if "coverage" in sys.modules:
                heavy.remove("sqlite3")  # which it keeps its own data in
            session.exitstatus = 66 if heavy & {*sys.modules} else session.exitstatus
        """
    )
    pytester.makepyfile("def test_something_else():\n    pass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        run = pytester.runpytest_subprocess("-W", "error", "-p", "finsecure.pytest_plugin", "-p", "no:cacheprovider")
    assert run.ret == 0
    run.assert_outcomes(passed=1)


def test_the_key_given_to_a_client_wins_over_the_sandboxs(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import finsecure, pytest

        def test_key(finsecure_sandbox):
            with finsecure_sandbox.client(api_key="sk_test_another") as client:
                with pytest.raises(finsecure.AuthenticationError):
                    client.customers.list()
        """,
    )


def test_a_webhook_that_comes_twice_is_handled_once(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import os, finsecure

        def test_twice(finsecure_sandbox, finsecure_client):
            seen, calls = set(), []

            def receive(body, headers):
                secret = os.environ["FINSECURE_WEBHOOK_SECRET"]
                calls.append(finsecure.webhooks.construct_event(body, headers["FinSecure-Signature"], secret).id)
                seen.add(calls[-1])
                return 200

            finsecure_client.customers.create(email="customer@example.com")
            finsecure_sandbox.deliver(to=receive, duplicates=2)
            assert len(calls) == 2
            assert len(seen) == 1
        """,
    )


def test_a_decline_comes_with_its_words(pytester: pytest.Pytester) -> None:
    """For the customer and for the shop."""
    passes(
        pytester,
        """
        import finsecure, pytest

        @pytest.mark.parametrize(
            ("number", "decline_code", "message"),
            [
                ("4000000000000002", "generic_decline", "Your card was declined."),
                ("4000000000009995", "insufficient_funds", "Your card was declined."),
                ("4000000000000069", "expired_card", "Your card has expired."),
            ],
        )
        def test_declined(finsecure_client, number, decline_code, message):
            intent = finsecure_client.payment_intents.create(amount=2000, currency="usd")
            card = {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2030}}
            with pytest.raises(finsecure.CardError) as caught:
                finsecure_client.payment_intents.confirm(intent.id, payment_method=card)
            assert caught.value.decline_code == decline_code
            assert message in str(caught.value)
            assert caught.value.user_action
            intent = finsecure_client.payment_intents.retrieve(intent.id)
            assert intent.status == "requires_payment_method"
            assert intent.last_payment_error.decline_code == decline_code
        """,
        passed=3,
    )
