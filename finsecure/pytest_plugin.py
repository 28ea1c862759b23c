"""Fixtures for your tests: each test gets an in-process FinSecure, in memory, without a socket or an account.

Example::

    def test_checkout(finsecure_sandbox, finsecure_client):
        order = shop.checkout(finsecure_client, card="4242424242424242")
        assert finsecure_client.payment_intents.retrieve(order.payment).status == "succeeded"

pytest finds these by itself once finsecure is installed. Nothing is loaded before a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._client import AsyncClient, Client
    from .sandbox import Sandbox
    from .sandbox._server import Server


@pytest.fixture
def finsecure_sandbox() -> Iterator[Sandbox]:
    """A fresh sandbox, whose time stands still at the moment the test began.

    For the test, module-level use (`finsecure.PaymentIntent.create(...)`) talks to it as well, and webhooks are
    verified with its secret; keys of the environment are set aside. Afterwards everything is configured as before.
    Waits of the client return at once and move the clock: `finsecure_sandbox.clock.advance(days=1)` does it by hand.
    Webhooks are delivered when you say so: `finsecure_sandbox.deliver(to=app)`. `finsecure_sandbox.fail_next(...)` has
    requests fail on purpose.

    Returns:
        The sandbox.

    Example:
        >>> def test_a_refund_settles(finsecure_sandbox):
        ...     intent = finsecure.PaymentIntent.create(amount=2000, currency="usd")
        ...     finsecure_sandbox.clock.advance(3600)
    """
    import time

    import httpx

    import finsecure

    from ._default import NOTHING
    from .sandbox import Clock, Sandbox

    clock = Clock(float(int(time.time())))
    with Sandbox(clock=clock) as sandbox, pytest.MonkeyPatch.context() as patch:
        # The client that is there now is set aside, not closed: it goes on after the test.
        patch.setattr("finsecure.api_key", None)
        for name in ("FINSECURE_SECRET_KEY", "FINSECURE_PUBLISHABLE_KEY", "FINSECURE_BASE_URL"):
            patch.delenv(name, raising=False)  # no test reaches the account of whoever runs it
        patch.setenv("FINSECURE_WEBHOOK_SECRET", sandbox.webhook_secret)
        patch.setattr("finsecure._default._state", NOTHING)
        with httpx.Client(transport=sandbox.transport, trust_env=False) as http_client:
            finsecure.configure(
                api_key=sandbox.secret_key, base_url=sandbox.base_url, clock=clock, http_client=http_client
            )
            yield sandbox
            finsecure.configure()  # closes what the test may have configured itself


@pytest.fixture
def finsecure_client(finsecure_sandbox: Sandbox) -> Client:
    """A `finsecure.Client` of this test's sandbox.

    Returns:
        The client. It is closed after the test.

    Example:
        >>> def test_a_customer_is_remembered(finsecure_client):
        ...     customer = finsecure_client.customers.create(name="John Smith")
        ...     customer = finsecure_client.customers.retrieve(customer.id)
        ...     assert customer.name == "John Smith"
    """
    return finsecure_sandbox.client()


@pytest.fixture
def finsecure_async_client(finsecure_sandbox: Sandbox) -> AsyncClient:
    """A `finsecure.AsyncClient` of this test's sandbox, for asyncio and trio.

    Returns:
        The client. It is closed after the test.

    Example:
        >>> @pytest.mark.anyio
        ... async def test_a_customer_is_remembered(finsecure_async_client):
        ...     customer = await finsecure_async_client.customers.create()
        ...     assert customer.id.startswith("cus_")
    """
    return finsecure_sandbox.async_client()


@pytest.fixture
def finsecure_server(finsecure_sandbox: Sandbox) -> Iterator[Server]:
    """This test's sandbox over real HTTP, on a free port of 127.0.0.1. Needs `finsecure[sandbox]`.

    Returns:
        The server, with `base_url`. It is closed after the test.

    Example:
        >>> def test_over_http(finsecure_sandbox, finsecure_server):
        ...     key, url = finsecure_sandbox.secret_key, finsecure_server.base_url
        ...     with finsecure.Client(key, base_url=url) as client:
        ...         assert client.customers.create().id.startswith("cus_")
    """
    with finsecure_sandbox.serve() as server:
        yield server
