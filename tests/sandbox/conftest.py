"""httpx on the doorstep of the sandbox, and a few things to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox


@pytest.fixture
def connect() -> Iterator[Callable[[Sandbox], httpx.Client]]:
    """An httpx client with the secret key, through the door without a socket."""
    clients: list[httpx.Client] = []

    def connect(sandbox: Sandbox) -> httpx.Client:
        headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        clients.append(httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def api(sandbox: Sandbox, connect: Callable[[Sandbox], httpx.Client]) -> httpx.Client:
    return connect(sandbox)


@pytest.fixture
def card(api: httpx.Client) -> Callable[..., str]:
    """Keep a test card; its id."""

    def card(number: str = "4242424242424242") -> str:
        details = {"number": number, "exp_month": 12, "exp_year": 2025, "cvc": "123"}
        answer = api.post("/v1/payment_methods", json={"type": "card", "card": details})
        assert answer.status_code == 200, answer.text
        ident: str = answer.json()["id"]
        return ident

    return card


@pytest.fixture
def intent(api: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Create a PaymentIntent of $20."""

    def intent(**params: object) -> dict[str, Any]:
        answer = api.post("/v1/payment_intents", json={"amount": 2000, "currency": "usd", **params})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return intent


@pytest.fixture
def paid(api: httpx.Client, card: Callable[..., str], intent: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A payment of $20 that succeeded."""
    answer = api.post(f"/v1/payment_intents/{intent()['id']}/confirm", json={"payment_method": card()})
    body: dict[str, Any] = answer.json()
    return body
