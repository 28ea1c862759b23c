"""What people try who know other SDKs: an error names what it is called here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

import finsecure
from finsecure.sandbox import Sandbox

INTENT = finsecure.PaymentIntent.model_validate(
    {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2000,
        "currency": "usd",
        "status": "requires_payment_method",
        "client_secret": "pi_1_secret_abc",
        "created": 1640995200,
        "description": None,
        "new": {"deep": 1},
        "charges": {"object": "list", "data": [{"id": "ch_1", "object": "charge", "amount": 2000}]},
        "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
    }
)


@pytest.fixture
def client() -> finsecure.Client:
    """A client that never sends."""
    return finsecure.Client("sk_test_1")


PARAMETERS = ["timeout", "api_key", "expand", "confirm", "extra_headers", "extra_body", "stripe_account", "max_retries"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_of_another_sdk_is_named_here(client: finsecure.Client, name: str) -> None:
    """An unexpected parameter says where that is said here."""
    with pytest.raises(TypeError, match=rf"'{name}': .*(client|confirm|retrieve|default_headers)"):
        cast("Any", client.payment_intents.create)(amount=1, currency="usd", **{name: 1})


def test_a_misspelt_parameter_is_pythons_own_error(client: finsecure.Client) -> None:
    """No advice where there is none."""
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'amuont'(\. Did you mean .*)?$"):
        cast("Any", client.payment_intents.create)(amuont=1)


ATTRIBUTES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda client: client.charges.create, r"Charges has no 'create'\. Here it is: payment_intents.create"),
    (lambda client: client.customers.modify, r"Here it is: update\(id, ...\)"),
    (lambda client: client.customers.nonsense, r"Customers has no 'nonsense'\.$"),
    (lambda _: cast("Any", finsecure.Charge).create, r"Here it is: PaymentIntent.create"),
    (lambda _: cast("Any", finsecure.Customer).modify, r"Here it is: update"),
    (lambda _: cast("Any", finsecure.Customer).__nonsense__, r"__nonsense__"),
    (lambda _: cast("Any", finsecure).Webhook, r"Here it is: finsecure.webhooks.construct_event"),
    (lambda _: cast("Any", finsecure).Wehbook, r"no attribute 'Wehbook'$"),
    (lambda _: cast("Any", INTENT).confirm, r"Objects can't make API calls: use PaymentIntent.confirm"),
]


@pytest.mark.parametrize(("use", "message"), ATTRIBUTES, ids=[message for _, message in ATTRIBUTES])
def test_a_name_of_another_sdk_is_named_here(client: finsecure.Client, use: Callable[[Any], Any], message: str) -> None:
    """An attribute that is not there says what it is here."""
    with pytest.raises(AttributeError, match=message):
        use(client)


def test_a_page_is_iterated_itself() -> None:
    """`auto_paging_iter` is iterating the page."""
    with Sandbox() as sandbox, sandbox.client() as client:
        page = client.customers.list()
        with pytest.raises(AttributeError, match="iterate the page itself"):
            _ = cast("Any", page).auto_paging_iter


def test_an_object_is_asked_for_a_field_and_is_no_dict() -> None:
    """`in` answers for the fields that came, and `[...]` says how to read them."""
    assert "amount" in INTENT
    assert "new" in INTENT
    assert "receipt_email" not in INTENT
    with pytest.raises(TypeError, match=r"read \.id, or to_dict\(\)"):
        _ = cast("Any", INTENT)["id"]
    with pytest.raises(TypeError, match="read an attribute"):
        _ = cast("Any", INTENT)[0]
    charges = INTENT.charges
    assert charges is not None
    assert next(iter(charges)) in charges
    with pytest.raises(TypeError, match=r"charges\.data\[0\]"):
        _ = cast("Any", charges)[0]


def test_a_printed_object_has_a_field_a_line() -> None:
    """`print` is for people, `repr` stays one line, and neither shows a secret."""
    lines = str(INTENT).splitlines()
    assert lines[:4] == ["PaymentIntent:", "  id: pi_1", "  object: payment_intent", "  amount: 2000"]
    assert "  charges:" in lines
    assert "      id: ch_1" in lines
    assert "\n" not in repr(INTENT)
    assert "secret_abc" not in str(INTENT) + repr(INTENT)


def test_a_decline_that_came_by_webhook_has_words() -> None:
    """`last_payment_error` says what a `CardError` says."""
    failed = INTENT.last_payment_error
    assert failed is not None
    error = finsecure.CardError(code="card_declined", decline_code="insufficient_funds")
    assert (failed.user_action, failed.resolution) == (error.user_action, error.resolution)
    assert finsecure.PaymentError().user_action


RETRYABLE: list[tuple[finsecure.FinSecureError, bool]] = [
    (finsecure.APIConnectionError(), True),
    (finsecure.APITimeoutError(), True),
    (finsecure.RateLimitError(http_status=429), True),
    (finsecure.APIError(http_status=503), True),
    (finsecure.APIError(http_status=200), True),
    (finsecure.APIError(http_status=501), False),
    (finsecure.CardError(http_status=402), False),
    (finsecure.InvalidRequestError(), False),
    (finsecure.InvalidRequestError(http_status=404), False),
    (finsecure.AuthenticationError(http_status=401), False),
]


@pytest.mark.parametrize(("error", "retryable"), RETRYABLE, ids=repr)
def test_an_error_says_whether_sending_again_can_help(error: finsecure.FinSecureError, retryable: bool) -> None:
    """What failed on the way or in the API may pass; what was refused will be refused again."""
    assert error.retryable is retryable
