"""Sentences of the documentation that no code block shows, held to the sandbox."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import finsecure
from finsecure.sandbox import Clock, Sandbox

DOCS = Path(__file__).parents[2] / "docs"
CARD: finsecure.InlinePaymentMethod = {
    "type": "card",
    "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"},
}
CHANGES: dict[str, Any] = {
    "amount": 3000,
    "currency": "eur",
    "payment_method_types": ["card"],
    "customer": None,
    "description": "Two tickets",
    "metadata": {"order_id": "order_12345"},
    "receipt_email": "customer@example.com",
    "setup_future_usage": "off_session",
}
RECORDS = {"description", "metadata"}
MAY: dict[str, tuple[set[str], bool, bool]] = {
    "requires_payment_method": ({*CHANGES}, True, True),
    "requires_action": (set(), True, True),
    "processing": (RECORDS, False, False),
    "succeeded": (RECORDS, False, False),
    "canceled": (RECORDS, False, False),
}
"""What can be updated in each status, whether the payment can be canceled then, and whether it can be confirmed."""


@pytest.fixture
def client() -> Any:
    with Sandbox(clock=Clock(1640995200)) as sandbox:
        yield sandbox.client()


def page(name: str) -> str:
    return re.sub(r"\s+", " ", (DOCS / name).read_text(encoding="utf-8"))


def payment(client: finsecure.Client, status: str) -> str:
    """A PaymentIntent with that status; its id."""
    trigger: dict[str, Any] = {
        "requires_action": {"type": "card", "card": {"number": "4000002760003184", "exp_month": 12, "exp_year": 2030}},
        "processing": {
            "type": "us_bank_account",
            "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
        },
        "succeeded": CARD,
    }
    intent = client.payment_intents.create(
        amount=2000, currency="usd", payment_method_types=["card", "us_bank_account"]
    )
    if status in trigger:
        client.payment_intents.confirm(intent.id, payment_method=trigger[status], return_url="https://yoursite.com/")
    elif status == "canceled":
        client.payment_intents.cancel(intent.id)
    assert client.payment_intents.retrieve(intent.id).status == status
    return intent.id


def is_allowed(call: Any) -> bool:
    try:
        call()
    except finsecure.InvalidRequestError as error:
        if error.code == "unexpected_state":
            return False
        raise
    return True


@pytest.mark.parametrize("status", MAY)
def test_what_can_be_changed_and_canceled_in_each_status(client: finsecure.Client, status: str) -> None:
    """payments.md, "Change and cancel"."""
    changeable, may_cancel, may_confirm = MAY[status]
    ident = payment(client, status)
    intents = client.payment_intents
    assert {
        name
        for name, value in CHANGES.items()
        if is_allowed(lambda: intents.update(ident, **{name: value}))  # noqa: B023
    } == changeable
    assert is_allowed(lambda: intents.cancel(payment(client, status))) == may_cancel
    assert is_allowed(lambda: intents.confirm(payment(client, status), payment_method=CARD)) == may_confirm


def test_an_intent_that_waits_for_the_customer_cannot_be_updated_and_the_page_says_so() -> None:
    assert re.search(r"\| `requires_action` \| nothing", page("payments.md"))


@pytest.mark.parametrize("cvc", [None, "123"])
@pytest.mark.parametrize("address", [None, {"line1": "123 Main St", "postal_code": "94105"}])
@pytest.mark.parametrize(("number", "outcome"), [("4242424242424242", "pass"), ("4000000000000127", "fail")])
def test_checks_are_none_where_there_was_nothing_to_check(
    client: finsecure.Client, number: str, outcome: str, address: Any, cvc: str | None
) -> None:
    """customers.md, "Payment methods"."""
    card: Any = {"number": number, "exp_month": 12, "exp_year": 2030} | ({"cvc": cvc} if cvc else {})
    details: Any = {"billing_details": {"address": address}} if address else {}
    method = client.payment_methods.create(type="card", card=card, **details)
    assert method.card
    assert method.card.checks
    assert method.card.checks.cvc_check == (outcome if cvc else None)
    checked = (method.card.checks.address_line1_check, method.card.checks.address_postal_code_check)
    assert checked == (("pass", "pass") if address else (None, None))


def test_the_currencies_are_one_list(client: finsecure.Client) -> None:
    """money.md: the sandbox takes those of ISO 4217 and no other, and the table's are among them."""
    rows = dict(re.findall(r"\| ([034]) \| ([A-Z, ]+) \|", page("money.md")))
    assert set(rows) == {"0", "3", "4"}
    for places, codes in rows.items():
        for code in codes.split(", "):
            assert finsecure.to_minor_units(1, code.lower()) == 10 ** int(places)
            assert client.payment_intents.create(amount=1, currency=code.lower()).currency == code.lower()
    with pytest.raises(finsecure.InvalidRequestError, match="currency"):
        client.payment_intents.create(amount=1, currency="xxx")


def test_a_key_belongs_to_one_path_and_body(client: finsecure.Client) -> None:
    """retries.md, "Your own key"."""
    intent = client.payment_intents.create(amount=2000, currency="usd", idempotency_key="order_1")
    with pytest.raises(finsecure.IdempotencyError):
        client.payment_intents.create(amount=2001, currency="usd", idempotency_key="order_1")
    with pytest.raises(finsecure.IdempotencyError):
        client.payment_intents.confirm(intent.id, payment_method=CARD, idempotency_key="order_1")


def test_thirty_at_once_charge_once() -> None:
    """testing.md, "What it checks"."""
    assert "thirty at once charge once" in page("testing.md")
    with (
        Sandbox() as sandbox,
        sandbox.serve() as server,
        finsecure.Client(sandbox.secret_key, base_url=server.base_url, max_retries=10) as client,
        ThreadPoolExecutor(30) as pool,
    ):
        intent = client.payment_intents.create(amount=2000, currency="usd")

        def pay(_: int) -> str:
            paid = client.payment_intents.confirm(intent.id, payment_method=CARD, idempotency_key="order_1")
            return str(paid.status)

        assert set(pool.map(pay, range(30))) == {"succeeded"}
        assert len(client.charges.list(payment_intent=intent.id).data) == 1
