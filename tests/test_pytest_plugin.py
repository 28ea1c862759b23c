"""The fixtures that installing finsecure gives to pytest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import finsecure
from finsecure import (
    configure,  # loads it for good: pytester forgets the modules that a run inside it was first to load
)

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]


def passes(pytester: pytest.Pytester, test: str) -> None:
    """Run a user's test file, in this process, under a pytest that has the plugin, installed or not."""
    pytester.makepyfile(test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        found = pytester.runpytest_inprocess("-W", "error", "-p", "finsecure.pytest_plugin")
    found.assert_outcomes(passed=test.count("def test_"))


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
    passes(
        pytester,
        """
        def test_lost(finsecure_sandbox, finsecure_client):
            finsecure_sandbox.fail_next("payment_intents.create", answer="lost")
            intent = finsecure_client.payment_intents.create(amount=2000, currency="usd")
            assert [each.id for each in finsecure_client.payment_intents.list()] == [intent.id]
        """,
    )


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
    passes(
        pytester,
        """
        import finsecure, pytest

        def test_declined(finsecure_client):
            intent = finsecure_client.payment_intents.create(amount=2000, currency="usd")
            card = {"type": "card", "card": {"number": "4000000000000002", "exp_month": 12, "exp_year": 2030}}
            with pytest.raises(finsecure.CardError) as caught:
                finsecure_client.payment_intents.confirm(intent.id, payment_method=card)
            assert caught.value.decline_code == "generic_decline"
            assert "declined" in str(caught.value)
        """,
    )
