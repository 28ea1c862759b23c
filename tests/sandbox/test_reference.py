"""The requests that the API reference shows, in its order, over real HTTP. Reference: Core Resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox


@pytest.fixture
def post(sandbox: Sandbox) -> Iterator[Any]:
    """Send a POST as the reference writes it, and give its answer."""
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    with sandbox.serve() as server, httpx.Client(base_url=server.base_url, headers=headers, trust_env=False) as client:

        def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
            content: dict[str, Any] = answer.json()
            return content

        yield post


def test_the_references_requests_have_the_references_answers(post: Any) -> None:
    method = post(
        "/v1/payment_methods",
        {
            "type": "card",
            "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"},
            "billing_details": {
                "name": "John Smith",
                "email": "john.smith@example.com",
                "address": {
                    "line1": "123 Main St",
                    "city": "San Francisco",
                    "state": "CA",
                    "postal_code": "94105",
                    "country": "US",
                },
            },
        },
    )
    assert method["customer"] is None
    customer = post(
        "/v1/customers",
        {
            "email": "customer@example.com",
            "name": "John Smith",
            "phone": "+1-555-123-4567",
            "description": "Premium subscription customer",
            "metadata": {"customer_segment": "premium", "signup_source": "website"},
            "invoice_settings": {"default_payment_method": method["id"]},
        },
    )
    assert customer["invoice_settings"]["default_payment_method"] == method["id"]
    intent = post(
        "/v1/payment_intents",
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method_types": ["card", "ach"],
            "customer": customer["id"],
            "description": "Payment for Premium Subscription",
            "metadata": {"order_id": "order_12345", "customer_segment": "premium"},
            "receipt_email": "customer@example.com",
            "setup_future_usage": "off_session",
        },
    )
    assert (intent["status"], intent["payment_method"], intent["next_action"]) == (
        "requires_payment_method",
        None,
        None,
    )
    paid = post(
        f"/v1/payment_intents/{intent['id']}/confirm",
        {
            "payment_method": method["id"],
            "return_url": "https://yoursite.com/payment/return",
            "receipt_email": "customer@example.com",
        },
    )
    assert (paid["status"], paid["amount"], paid["amount_received"], paid["currency"]) == (
        "succeeded",
        2000,
        2000,
        "usd",
    )
    (charge,) = paid["charges"]["data"]
    assert (charge["description"], charge["paid"], charge["status"], charge["amount"]) == (
        "Payment for Premium Subscription",
        True,
        "succeeded",
        2000,
    )
