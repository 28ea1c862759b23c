"""The examples in `openapi.json`: requests as a merchant sends them, and what a sandbox answers."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from finsecure.sandbox import Clock, Sandbox
from finsecure.sandbox._operations.events import TYPES
from finsecure.sandbox._routes import ROUTES

Json = dict[str, Any]

OWNER: Json = {
    "name": "John Smith",
    "email": "john.smith@example.com",
    "address": {
        "line1": "123 Main St",
        "city": "San Francisco",
        "state": "CA",
        "postal_code": "94105",
        "country": "US",
    },
}
CARD: Json = {
    "type": "card",
    "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"},
    "billing_details": OWNER,
}
BANK_ACCOUNT: Json = {
    "type": "us_bank_account",
    "us_bank_account": {
        "routing_number": "110000000",
        "account_number": "000123456789",
        "account_holder_type": "individual",
        "account_type": "checking",
    },
    "billing_details": {"name": "John Smith", "email": "john.smith@example.com"},
}
CUSTOMER: Json = {
    "email": "customer@example.com",
    "name": "John Smith",
    "phone": "+1-555-123-4567",
    "description": "Premium subscription customer",
    "metadata": {"customer_segment": "premium", "signup_source": "website"},
}
PAYMENT: Json = {
    "amount": 2000,
    "currency": "usd",
    "payment_method_types": ["card", "ach"],
    "description": "Payment for Premium Subscription",
    "metadata": {"order_id": "order_12345", "customer_segment": "premium"},
    "receipt_email": "customer@example.com",
    "setup_future_usage": "off_session",
}
FIXED = {"fingerprint": "abcdef1234567890", "secret": "whsec_1234567890abcdef"}
"""What a sandbox makes up at random."""


@dataclass
class Examples:
    """Examples by operation, status and type of event."""

    requests: dict[str, Json] = field(default_factory=dict[str, Json])
    answers: dict[str, Json] = field(default_factory=dict[str, Json])
    refusals: dict[str, Json] = field(default_factory=dict[str, Json])
    events: dict[str, Json] = field(default_factory=dict[str, Json])

    @staticmethod
    def read() -> Examples:
        """Ask a sandbox whose time stands still."""
        with Sandbox(clock=Clock(1640995200), ids=_ids()) as sandbox:
            headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
            with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as api:
                return Examples()._of(sandbox, api)

    def _of(self, sandbox: Sandbox, api: httpx.Client) -> Examples:
        def ask(name: str, ident: str = "", body: Json | None = None, title: str = "example") -> Json:
            route = next(route for route in ROUTES if route.name == name)
            response = api.request(route.method, route.path.replace("{id}", ident), json=body)
            answer: Json = fixed(response.json())
            if body is not None:
                self.requests.setdefault(name, {})[title] = body
            if response.status_code == 200:
                self.answers.setdefault(name, answer)
            else:
                self.refusals.setdefault(str(response.status_code), answer)
            return answer

        url = {"url": "https://example.com/webhooks", "enabled_events": ["payment_intent.succeeded"]}
        endpoint = ask("webhook_endpoints.create", body=url)["id"]
        customer = ask("customers.create", body=CUSTOMER)["id"]
        card = ask("payment_methods.create", body=CARD, title="card")["id"]
        account = ask("payment_methods.create", body=BANK_ACCOUNT, title="bank account")["id"]
        ask("payment_methods.attach", card, {"customer": customer})
        settings = {"invoice_settings": {"default_payment_method": card}}
        ask("customers.update", customer, {**settings, "phone": None})
        ask("payment_methods.update", card, {"billing_details": {"phone": "+1-555-123-4567"}})
        intent = ask("payment_intents.create", body={**PAYMENT, "customer": customer})["id"]
        ask("payment_intents.update", intent, {"description": "Payment for Basic Subscription"})
        paying = {"payment_method": card, "return_url": "https://yoursite.com/payment/return"}
        ask("payment_intents.confirm", intent, paying, "saved payment method")
        for verb in ("retrieve", "cancel"):
            ask(f"payment_intents.{verb}", intent)  # which a payment that succeeded refuses
        poor = {"type": "card", "card": {**CARD["card"], "number": "4000000000009995"}}
        second = ask("payment_intents.create", body=PAYMENT)["id"]
        ask("payment_intents.confirm", second, {"payment_method": poor}, "written out")
        ask("payment_intents.cancel", second)
        refund = ask(
            "refunds.create", body={"payment_intent": intent, "amount": 500, "reason": "requested_by_customer"}
        )
        ask("refunds.update", refund["id"], {"metadata": {"ticket": "4711"}})
        ask("webhook_endpoints.update", endpoint, {"enabled_events": ["*"]})
        ask("charges.list")
        ask("events.list")
        lasting = {"charges": self.answers["charges.list"]["data"][0]["id"]}
        lasting |= {"events": self.answers["events.list"]["data"][0]["id"], "refunds": refund["id"]}
        lasting |= {"customers": customer, "payment_methods": account, "webhook_endpoints": endpoint}
        for resource, ident in lasting.items():
            ask(f"{resource}.retrieve", ident)
        for resource in ("customers", "payment_intents", "payment_methods", "refunds", "webhook_endpoints"):
            ask(f"{resource}.list")
        ask("payment_methods.detach", card)
        ask("webhook_endpoints.delete", endpoint)
        ask("customers.delete", customer)
        ask("customers.retrieve", customer)  # 404 by now
        self.refusals["400"] = fixed(api.post("/v1/payment_intents", json={"currency": "usd"}).json())
        self.refusals["401"] = fixed(api.get("/v1/events", headers={"Authorization": "Bearer sk_test_1"}).json())
        for status in ("403", "409", "429", "5XX"):
            sandbox.fail_next(status=int(status.replace("X", "0")))
            self.refusals[status] = fixed(api.get("/v1/events").json())
        self.refusals["415"] = fixed(api.post("/v1/customers", content="email=a@example.com").json())
        self.events = {event: fixed(sandbox.emit(event)) for event in TYPES}
        return self


def _ids() -> Callable[[str], str]:
    """Ids that are the same each time, and look as real ones do."""
    numbers = itertools.count(1)
    return lambda prefix: hashlib.sha256(f"{prefix}{next(numbers)}".encode()).hexdigest()[:16]


def fixed(value: Any) -> Any:
    """The same without what is random."""
    if isinstance(value, dict):
        return {name: FIXED.get(name) or fixed(inner) for name, inner in cast("Json", value).items()}
    return [fixed(inner) for inner in cast("list[object]", value)] if isinstance(value, list) else value
