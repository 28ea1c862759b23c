"""pytest fixtures: each test gets its own in-process FinSecure, in memory, without sockets or an account.

Example::

    def test_checkout(finsecure_sandbox, finsecure_client):
        order = shop.checkout(finsecure_client, card="4242424242424242")
        assert finsecure_client.payment_intents.retrieve(order.payment).status == "succeeded"

pytest finds them when finsecure is installed, and loads nothing until a test uses one.
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
    """A fresh sandbox, whose clock stands still at the time the test began.

    During the test, module-level calls such as `finsecure.PaymentIntent.create(...)` go to it too, webhooks are
    verified with its secret, and keys in the environment are ignored. Afterwards, everything is configured as before.
    When the client waits, it returns at once and moves the clock; `finsecure_sandbox.clock.advance(days=1)` moves it
    yourself. `finsecure_sandbox.deliver(to=app)` delivers webhooks, and `finsecure_sandbox.fail_next(...)` makes
    requests fail.

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
        # The current default client is put aside, not closed, and used again after the test.
        patch.setattr("finsecure.api_key", None)
        for name in ("FINSECURE_SECRET_KEY", "FINSECURE_PUBLISHABLE_KEY", "FINSECURE_BASE_URL"):
            patch.delenv(name, raising=False)  # so that no test reaches a real account
        patch.setenv("FINSECURE_WEBHOOK_SECRET", sandbox.webhook_secret)
        patch.setattr("finsecure._default._state", NOTHING)
        with httpx.Client(transport=sandbox.transport, trust_env=False) as http_client:
            finsecure.configure(
                api_key=sandbox.secret_key, base_url=sandbox.base_url, clock=clock, http_client=http_client
            )
            yield sandbox
            finsecure.configure()  # closes a client that the test configured


@pytest.fixture
def finsecure_client(finsecure_sandbox: Sandbox) -> Client:
    """A `finsecure.Client` of this test's sandbox.

    Returns:
        The client. It is closed after the test.

    Example:
        >>> def test_a_customer_is_stored(finsecure_client):
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
        ... async def test_a_customer_is_stored(finsecure_async_client):
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
