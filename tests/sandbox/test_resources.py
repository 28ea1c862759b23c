"""Each operation of the API, its fields and its effects. Reference: Core Resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox

Intent = Callable[..., dict[str, Any]]
Card = Callable[..., str]

ACCOUNT = {
    "type": "us_bank_account",
    "us_bank_account": {
        "routing_number": "110000000",
        "account_number": "000123456789",
        "account_holder_type": "individual",
        "account_type": "checking",
    },
    "billing_details": {"name": "John Smith", "email": "john.smith@example.com"},
}


def account(number: str) -> dict[str, object]:
    return {"type": "us_bank_account", "us_bank_account": {"routing_number": "110000000", "account_number": number}}


def refused(answer: httpx.Response, status: int, param: str | None = None, code: str | None = None) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error.get("param"), error.get("code")) == (status, param, code), answer.text


def event_types(api: httpx.Client) -> list[str]:
    return [event["type"] for event in reversed(api.get("/v1/events?limit=100").json()["data"])]


class TestPaymentIntents:
    def test_the_example_of_the_reference(self, api: httpx.Client) -> None:
        customer = api.post("/v1/customers", json={}).json()["id"]
        given = {
            "amount": 2000,
            "currency": "usd",
            "payment_method_types": ["card", "ach"],
            "customer": customer,
            "description": "Payment for Premium Subscription",
            "metadata": {"order_id": "order_12345", "customer_segment": "premium"},
            "receipt_email": "customer@example.com",
            "setup_future_usage": "off_session",
        }
        made = api.post("/v1/payment_intents", json=given).json()
        assert made == {
            **given,
            "id": "pi_1",
            "object": "payment_intent",
            "amount_received": 0,
            "status": "requires_payment_method",
            "client_secret": "pi_1_secret_1",
            "created": 1640995200,
            "last_payment_error": None,
            "livemode": False,
            "next_action": None,
            "payment_method": None,
            "shipping": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "transfer_data": None,
            "transfer_group": None,
        }
        assert api.get("/v1/payment_intents/pi_1").json() == made

    def test_null_is_the_same_as_left_out_in_a_create(self, intent: Intent) -> None:
        assert intent(description=None, payment_method_types=None)["payment_method_types"] == ["card"]

    def test_a_customers_default_payment_method_is_not_taken_unasked(
        self, api: httpx.Client, intent: Intent, card: Card
    ) -> None:
        default = card()
        customer = api.post("/v1/customers", json={"payment_method": default}).json()["id"]
        made = intent(customer=customer, setup_future_usage="off_session")
        assert (made["status"], made["payment_method"]) == ("requires_payment_method", None)
        refused(api.post(f"/v1/payment_intents/{made['id']}/confirm"), 400, "payment_method")
        assert api.get(f"/v1/payment_intents/{made['id']}").json() == made

    def test_update_replaces_what_is_given_and_leaves_the_rest(self, api: httpx.Client, intent: Intent) -> None:
        made = intent(metadata={"a": "1", "b": "2"}, description="Tea", receipt_email="a@example.com")
        path = f"/v1/payment_intents/{made['id']}"
        changed = api.put(path, json={"amount": 3000, "metadata": {"c": "3"}, "description": None}).json()
        assert changed == {**made, "amount": 3000, "metadata": {"c": "3"}, "description": None}
        assert api.put(path, json={"metadata": None}).json()["metadata"] == {}
        assert api.get(path).json()["amount"] == 3000

    def test_a_payment_method_is_no_parameter_of_update(self, api: httpx.Client, intent: Intent, card: Card) -> None:
        for given in (card(), None):
            refused(
                api.put(f"/v1/payment_intents/{intent()['id']}", json={"payment_method": given}), 400, "payment_method"
            )

    def test_while_the_customer_is_asked_nothing_changes(self, api: httpx.Client, intent: Intent, card: Card) -> None:
        path = f"/v1/payment_intents/{intent()['id']}"
        params = {"payment_method": card("4000002760003184"), "return_url": "https://shop.example/"}
        asked = api.post(path + "/confirm", json=params).json()
        for param, value in (("amount", 1), ("metadata", {"a": "b"}), ("description", None)):
            refused(api.put(path, json={param: value}), 400, param, "unexpected_state")
        del asked["charges"]
        assert api.get(path).json() == asked

    def test_update_checks_the_customer(self, api: httpx.Client, intent: Intent) -> None:
        path = f"/v1/payment_intents/{intent()['id']}"
        refused(api.put(path, json={"customer": "cus_nobody"}), 404, "customer", "resource_missing")

    def test_what_cannot_be_cleared_is_refused(self, api: httpx.Client, intent: Intent) -> None:
        refused(api.put(f"/v1/payment_intents/{intent()['id']}", json={"amount": None}), 400, "amount")

    def test_after_success_only_the_records_change(self, api: httpx.Client, paid: dict[str, Any]) -> None:
        path = f"/v1/payment_intents/{paid['id']}"
        refused(api.put(path, json={"amount": 1}), 400, "amount", "unexpected_state")
        assert api.put(path, json={"metadata": {"a": "b"}}).json()["metadata"] == {"a": "b"}
        assert api.get(path).json()["status"] == "succeeded"

    def test_confirm_takes_an_inline_payment_method(self, api: httpx.Client, intent: Intent) -> None:
        inline = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}}
        body = api.post(f"/v1/payment_intents/{intent()['id']}/confirm", json={"payment_method": inline}).json()
        assert (body["status"], body["payment_method"]) == ("succeeded", "pm_1")

    def test_an_inline_payment_method_is_not_kept_where_the_confirmation_is_refused(
        self, api: httpx.Client, paid: dict[str, Any]
    ) -> None:
        inline = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}}
        answer = api.post(f"/v1/payment_intents/{paid['id']}/confirm", json={"payment_method": inline})
        refused(answer, 400, None, "unexpected_state")
        assert len(api.get("/v1/payment_methods").json()["data"]) == 1

    def test_an_inline_payment_method_names_its_parameters_whole(self, api: httpx.Client, intent: Intent) -> None:
        path = f"/v1/payment_intents/{intent()['id']}/confirm"
        details = {"number": "4111111111111111", "exp_month": 1, "exp_year": 2030}
        for inline, param in (
            ({}, "payment_method.type"),
            ({"type": "card"}, "payment_method.card"),
            ({"type": "card", "card": details}, "payment_method.card.number"),
            ({"type": "card", "card": details, "us_bank_account": {}}, "payment_method.us_bank_account.routing_number"),
        ):
            refused(api.post(path, json={"payment_method": inline}), 400, param)

    def test_confirm_needs_a_payment_method(self, api: httpx.Client, intent: Intent) -> None:
        path = f"/v1/payment_intents/{intent()['id']}/confirm"
        assert api.post(path, json={}).json()["error"]["message"] == "Missing required param: payment_method"
        refused(api.post(path, json={"payment_method": "pm_9"}), 404, "payment_method", "resource_missing")

    def test_confirm_overrides_the_receipt_email(self, api: httpx.Client, intent: Intent, card: Card) -> None:
        params = {"payment_method": card(), "receipt_email": "b@example.com"}
        ident = intent(receipt_email="a@example.com")["id"]
        assert api.post(f"/v1/payment_intents/{ident}/confirm", json=params).json()["receipt_email"] == "b@example.com"

    def test_a_type_that_the_intent_does_not_accept_is_refused(
        self, api: httpx.Client, intent: Intent, card: Card
    ) -> None:
        ident = intent(payment_method_types=["ach"])["id"]
        refused(
            api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": card()}), 400, "payment_method"
        )

    def test_a_saved_payment_method_pays_only_for_its_customer(
        self, api: httpx.Client, intent: Intent, card: Card
    ) -> None:
        method = card()
        owner = api.post("/v1/customers", json={"payment_method": method}).json()["id"]
        other = api.post("/v1/customers", json={}).json()["id"]
        for customer in (other, None):
            ident = intent(customer=customer)["id"]
            answer = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
            refused(answer, 400, "payment_method")
            assert "saved for a customer" in answer.json()["error"]["message"]
        ident = intent(customer=owner)["id"]
        assert api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method}).json()["status"] == (
            "succeeded"
        )

    @pytest.mark.parametrize("usage", ["on_session", "off_session"])
    def test_setup_future_usage_saves_the_method_for_the_customer(
        self, api: httpx.Client, intent: Intent, card: Card, usage: str
    ) -> None:
        customer = api.post("/v1/customers", json={}).json()["id"]
        method = card()
        for _ in range(2):
            ident = intent(customer=customer, setup_future_usage=usage)["id"]
            api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
            assert api.get(f"/v1/payment_methods/{method}").json()["customer"] == customer

    @pytest.mark.parametrize("verb", ["confirm", "cancel"])
    def test_what_is_done_is_done(self, api: httpx.Client, paid: dict[str, Any], verb: str) -> None:
        body = {"payment_method": "pm_1"} if verb == "confirm" else None
        refused(api.post(f"/v1/payment_intents/{paid['id']}/{verb}", json=body), 400, None, "unexpected_state")

    def test_cancel(self, api: httpx.Client, intent: Intent) -> None:
        path = f"/v1/payment_intents/{intent()['id']}/cancel"
        assert api.post(path).json()["status"] == "canceled"
        assert event_types(api) == ["payment_intent.canceled"]
        refused(api.post(path), 400, None, "unexpected_state")
        refused(api.post(path, json={"reason": "x"}), 400, "reason")


class TestBankPayments:
    @pytest.fixture(params=["ach", "us_bank_account"])
    def started(self, request: pytest.FixtureRequest, api: httpx.Client, intent: Intent) -> dict[str, Any]:
        ident = intent(payment_method_types=[request.param])["id"]
        body: dict[str, Any] = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": ACCOUNT}).json()
        return body

    def test_it_is_processing_first(self, api: httpx.Client, started: dict[str, Any]) -> None:
        assert (started["status"], started["amount_received"]) == ("processing", 0)
        assert [(charge["status"], charge["paid"]) for charge in started["charges"]["data"]] == [("pending", False)]
        assert event_types(api) == []
        refused(api.post(f"/v1/payment_intents/{started['id']}/cancel"), 400, None, "unexpected_state")
        refused(
            api.post("/v1/refunds", json={"payment_intent": started["id"]}), 400, "payment_intent", "unexpected_state"
        )

    def test_it_succeeds_two_seconds_later(self, sandbox: Sandbox, api: httpx.Client, started: dict[str, Any]) -> None:
        sandbox.clock.advance(1.9)
        assert api.get(f"/v1/payment_intents/{started['id']}").json()["status"] == "processing"
        sandbox.clock.advance(0.1)
        after = api.get(f"/v1/payment_intents/{started['id']}").json()
        assert (after["status"], after["amount_received"]) == ("succeeded", 2000)
        (charge,) = api.get("/v1/charges").json()["data"]
        assert (charge["status"], charge["paid"]) == ("succeeded", True)
        (event,) = api.get("/v1/events").json()["data"]
        assert event["type"] == "payment_intent.succeeded"
        assert event["request"] == {"id": None, "idempotency_key": None}

    def test_an_account_without_money_fails_after_processing(
        self, sandbox: Sandbox, api: httpx.Client, intent: Intent
    ) -> None:
        ident = intent(payment_method_types=["ach"])["id"]
        started = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": account("000222222227")})
        assert (started.status_code, started.json()["status"]) == (200, "processing")
        sandbox.clock.advance(2)
        after = api.get(f"/v1/payment_intents/{ident}").json()
        assert (after["status"], after["amount_received"], after["payment_method"]) == (
            "requires_payment_method",
            0,
            None,
        )
        failure = after["last_payment_error"]
        assert (failure["type"], failure["code"], failure["decline_code"]) == (
            "card_error",
            "bank_account_declined",
            "insufficient_funds",
        )
        (charge,) = api.get("/v1/charges").json()["data"]
        assert (charge["status"], charge["paid"], charge["failure_code"], charge["failure_message"]) == (
            "failed",
            False,
            "insufficient_funds",
            failure["message"],
        )
        assert event_types(api) == ["payment_intent.payment_failed"]
        api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": ACCOUNT})
        sandbox.clock.advance(2)
        assert api.get(f"/v1/payment_intents/{ident}").json()["status"] == "succeeded"

    def test_the_customer_may_be_gone_by_then(self, sandbox: Sandbox, api: httpx.Client, intent: Intent) -> None:
        customer = api.post("/v1/customers", json={}).json()["id"]
        ident = intent(customer=customer, setup_future_usage="on_session", payment_method_types=["ach"])["id"]
        api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": ACCOUNT})
        api.delete(f"/v1/customers/{customer}")
        sandbox.clock.advance(2)
        assert api.get(f"/v1/payment_intents/{ident}").json()["status"] == "succeeded"
        assert api.get("/v1/payment_methods/pm_1").json()["customer"] is None


class TestPaymentMethods:
    def test_the_example_of_the_reference(self, api: httpx.Client) -> None:
        address = {
            "line1": "123 Main St",
            "city": "San Francisco",
            "state": "CA",
            "postal_code": "94105",
            "country": "US",
        }
        made = api.post(
            "/v1/payment_methods",
            json={
                "type": "card",
                "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"},
                "billing_details": {"name": "John Smith", "email": "john.smith@example.com", "address": address},
            },
        ).json()
        fingerprint = made["card"].pop("fingerprint")
        assert len(fingerprint) == 16
        assert made == {
            "id": "pm_1",
            "object": "payment_method",
            "type": "card",
            "card": {
                "brand": "visa",
                "checks": {
                    "address_line1_check": "pass",
                    "address_postal_code_check": "pass",
                    "cvc_check": "pass",
                },
                "country": "US",
                "exp_month": 12,
                "exp_year": 2025,
                "funding": "credit",
                "last4": "4242",
                "networks": {"available": ["visa"], "preferred": None},
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "billing_details": {
                "address": {**address, "line2": None},
                "email": "john.smith@example.com",
                "name": "John Smith",
                "phone": None,
            },
            "created": 1640995200,
            "customer": None,
            "livemode": False,
            "metadata": {},
        }

    def test_a_bank_account_shows_its_last_digits_alone(self, api: httpx.Client) -> None:
        answer = api.post("/v1/payment_methods", json=ACCOUNT)
        shown = answer.json()["us_bank_account"]
        assert (shown["last4"], shown["routing_number"], shown["account_type"]) == ("6789", "110000000", "checking")
        assert "000123456789" not in answer.text

    def test_checks_say_what_was_given(self, api: httpx.Client) -> None:
        details = {"number": "4000000000000127", "exp_month": 12, "exp_year": 2025}
        bare = api.post("/v1/payment_methods", json={"type": "card", "card": details}).json()["card"]["checks"]
        assert set(bare.values()) == {None}
        wrong = api.post("/v1/payment_methods", json={"type": "card", "card": {**details, "cvc": "999"}}).json()
        assert wrong["card"]["checks"]["cvc_check"] == "fail"

    def test_update(self, api: httpx.Client, card: Card) -> None:
        path = f"/v1/payment_methods/{card()}"
        details = {"name": "Ada", "address": {"city": "London"}}
        changed = api.put(path, json={"billing_details": details, "metadata": {"a": "b"}}).json()
        assert (changed["billing_details"]["name"], changed["billing_details"]["email"]) == ("Ada", None)
        assert changed["billing_details"]["address"]["city"] == "London"
        assert api.put(path, json={"billing_details": None}).json()["billing_details"]["name"] is None
        assert api.get(path).json()["metadata"] == {"a": "b"}

    def test_update_leaves_the_members_that_are_not_given(self, api: httpx.Client, card: Card) -> None:
        path = f"/v1/payment_methods/{card()}"
        address = {"line1": "1 Main St", "line2": "Flat 2", "city": "London"}
        whole = {"name": "Ada", "email": "ada@example.com", "phone": "1", "address": address}
        api.put(path, json={"billing_details": whole, "metadata": {"a": "1"}})
        part = {"phone": None, "address": {"city": "Paris", "line2": None}}
        changed = api.put(path, json={"billing_details": part, "metadata": {"b": "2"}}).json()
        assert changed["metadata"] == {"b": "2"}
        assert changed["billing_details"] == {
            "name": "Ada",
            "email": "ada@example.com",
            "phone": None,
            "address": {
                "line1": "1 Main St",
                "line2": None,
                "city": "Paris",
                "country": None,
                "postal_code": None,
                "state": None,
            },
        }
        cleared = api.put(path, json={"billing_details": {"address": None}}).json()["billing_details"]
        assert (cleared["name"], set(cleared["address"].values())) == ("Ada", {None})
        assert api.get(path).json()["billing_details"] == cleared

    def test_update_names_members_whole(self, api: httpx.Client, card: Card) -> None:
        path = f"/v1/payment_methods/{card()}"
        for params, param in (
            ({"billing_details": {"address": {"city": 1}}}, "billing_details.address.city"),
            ({"billing_details": {"planet": "Mars"}}, "billing_details.planet"),
            ({"billing_details": "Ada"}, "billing_details"),
            ({"card": {"exp_month": 1}}, "card"),
        ):
            refused(api.put(path, json=params), 400, param)

    def test_update_changes_one_thing_alone(self, api: httpx.Client, card: Card) -> None:
        made = api.get(f"/v1/payment_methods/{card()}").json()
        changed = api.put(f"/v1/payment_methods/{made['id']}", json={"metadata": {"a": "b"}}).json()
        assert changed == {**made, "metadata": {"a": "b"}}

    def test_attach_and_detach(self, api: httpx.Client, card: Card) -> None:
        method = card()
        first, second = (api.post("/v1/customers", json={}).json()["id"] for _ in range(2))
        path = f"/v1/payment_methods/{method}"
        for _ in range(2):
            assert api.post(path + "/attach", json={"customer": first}).json()["customer"] == first
        refused(api.post(path + "/attach", json={"customer": second}), 400, "customer", "unexpected_state")
        assert [pm["id"] for pm in api.get(f"/v1/payment_methods?customer={first}").json()["data"]] == [method]
        assert api.post(path + "/detach").json()["customer"] is None
        assert api.get(f"/v1/payment_methods?customer={first}").json()["data"] == []
        refused(api.post(path + "/detach"), 400, None, "unexpected_state")
        refused(api.post(path + "/attach", json={"customer": "cus_9"}), 404, "customer", "resource_missing")

    def test_a_detached_payment_method_is_no_longer_the_default(self, api: httpx.Client, card: Card) -> None:
        method = card()
        customer = api.post("/v1/customers", json={"payment_method": method}).json()["id"]
        api.post(f"/v1/payment_methods/{method}/detach")
        settings = api.get(f"/v1/customers/{customer}").json()["invoice_settings"]
        assert settings["default_payment_method"] is None
        assert event_types(api) == ["customer.created", "customer.updated"]


class TestCustomers:
    def test_the_example_of_the_reference(self, api: httpx.Client, card: Card) -> None:
        given = {
            "email": "customer@example.com",
            "name": "John Smith",
            "phone": "+1-555-123-4567",
            "description": "Premium subscription customer",
            "metadata": {"customer_segment": "premium", "signup_source": "website"},
        }
        settings = {"default_payment_method": card()}
        made = api.post("/v1/customers", json={**given, "invoice_settings": settings}).json()
        prefix = made.pop("invoice_prefix")
        assert prefix[:4].isalpha()
        assert prefix[:4].isupper()
        assert prefix[4:].isdigit()
        assert len(prefix) == 7
        assert made == {
            **given,
            "id": "cus_1",
            "object": "customer",
            "created": 1640995200,
            "default_source": None,
            "invoice_settings": {"custom_fields": None, "default_payment_method": "pm_1", "footer": None},
            "livemode": False,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
        }
        assert api.get("/v1/payment_methods/pm_1").json()["customer"] == "cus_1"

    def test_payment_method_is_attached_and_the_default(self, api: httpx.Client, card: Card) -> None:
        made = api.post("/v1/customers", json={"payment_method": card()}).json()
        assert made["invoice_settings"]["default_payment_method"] == "pm_1"
        assert api.get("/v1/payment_methods/pm_1").json()["customer"] == made["id"]

    def test_two_different_defaults_are_refused(self, api: httpx.Client, card: Card) -> None:
        params = {"payment_method": card(), "invoice_settings": {"default_payment_method": card()}}
        refused(api.post("/v1/customers", json=params), 400, "payment_method")
        assert api.get("/v1/customers").json()["data"] == []

    @pytest.mark.parametrize(
        ("params", "param"),
        [
            ({"payment_method": "pm_9"}, "payment_method"),
            ({"invoice_settings": {"default_payment_method": "pm_9"}}, "invoice_settings.default_payment_method"),
        ],
    )
    def test_a_missing_default_is_named(self, api: httpx.Client, params: dict[str, Any], param: str) -> None:
        refused(api.post("/v1/customers", json=params), 404, param, "resource_missing")

    def test_update_changes_what_is_given_and_leaves_the_rest(self, api: httpx.Client, card: Card) -> None:
        made = api.post("/v1/customers", json={"email": "a@example.com", "payment_method": card()}).json()
        path = f"/v1/customers/{made['id']}"
        fields = [{"name": "VAT", "value": "GB1"}]
        settings = {"footer": "Thanks", "custom_fields": fields}
        changed = api.put(path, json={"email": None, "name": "Ada", "invoice_settings": settings}).json()
        assert (changed["email"], changed["name"]) == (None, "Ada")
        assert changed["invoice_settings"] == {**settings, "default_payment_method": "pm_1"}
        changed = api.put(path, json={"invoice_settings": {"footer": None}}).json()
        assert changed["invoice_settings"] == {
            "footer": None,
            "custom_fields": fields,
            "default_payment_method": "pm_1",
        }
        assert set(api.put(path, json={"invoice_settings": None}).json()["invoice_settings"].values()) == {None}

    @pytest.mark.parametrize(
        "params", [{"payment_method": None}, {"invoice_settings": {"default_payment_method": None}}]
    )
    def test_a_default_can_be_cleared_by_either_name(
        self, api: httpx.Client, card: Card, params: dict[str, Any]
    ) -> None:
        settings = {"footer": "Thanks"}
        made = api.post("/v1/customers", json={"payment_method": card(), "invoice_settings": settings}).json()
        assert made["invoice_settings"]["default_payment_method"] == "pm_1"
        cleared = api.put(f"/v1/customers/{made['id']}", json=params).json()
        assert cleared["invoice_settings"] == {
            "footer": "Thanks",
            "custom_fields": None,
            "default_payment_method": None,
        }
        assert api.get("/v1/payment_methods/pm_1").json()["customer"] == made["id"]

    def test_clearing_a_default_while_setting_it_is_refused(self, api: httpx.Client, card: Card) -> None:
        ident = api.post("/v1/customers", json={}).json()["id"]
        params = {"payment_method": None, "invoice_settings": {"default_payment_method": card()}}
        refused(api.put(f"/v1/customers/{ident}", json=params), 400, "payment_method")

    def test_delete(self, api: httpx.Client, card: Card, intent: Intent) -> None:
        method = card()
        customer = api.post("/v1/customers", json={"payment_method": method}).json()["id"]
        assert api.delete(f"/v1/customers/{customer}").json() == {"id": customer, "object": "customer", "deleted": True}
        for method_name in ("GET", "DELETE", "PUT"):
            refused(api.request(method_name, f"/v1/customers/{customer}"), 404, None, "resource_missing")
        refused(
            api.post("/v1/payment_intents", json={"amount": 1, "currency": "usd", "customer": customer}),
            404,
            "customer",
            "resource_missing",
        )
        assert api.get("/v1/customers").json()["data"] == []
        assert api.get(f"/v1/payment_methods/{method}").json()["customer"] is None

    def test_each_change_is_an_event(self, api: httpx.Client) -> None:
        customer = api.post("/v1/customers", json={"name": "Ada"}, headers={"Idempotency-Key": "key_1"}).json()
        changed = api.put(f"/v1/customers/{customer['id']}", json={"name": "Bob"}).json()
        api.delete(f"/v1/customers/{customer['id']}")
        deleted, updated, created = api.get("/v1/events").json()["data"]
        assert created == {
            "id": "evt_1",
            "object": "event",
            "api_version": "2023-10-16",
            "created": 1640995200,
            "data": {"object": customer},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": "req_1", "idempotency_key": "key_1"},
            "type": "customer.created",
        }
        assert (updated["type"], updated["data"]["object"]) == ("customer.updated", changed)
        assert (deleted["type"], deleted["data"]["object"]) == ("customer.deleted", changed)
        assert api.get("/v1/events/evt_1").json() == created


class TestRefunds:
    def test_partial_then_the_rest(self, api: httpx.Client, paid: dict[str, Any]) -> None:
        first = api.post(
            "/v1/refunds",
            json={
                "payment_intent": paid["id"],
                "amount": 500,
                "reason": "requested_by_customer",
                "metadata": {"a": "b"},
            },
        ).json()
        assert first == {
            "id": "re_1",
            "object": "refund",
            "amount": 500,
            "charge": "ch_1",
            "created": 1640995200,
            "currency": "usd",
            "livemode": False,
            "metadata": {"a": "b"},
            "payment_intent": paid["id"],
            "reason": "requested_by_customer",
            "status": "succeeded",
        }
        charge = api.get("/v1/charges/ch_1").json()
        assert (charge["amount_refunded"], charge["refunded"]) == (500, False)
        assert api.post("/v1/refunds", json={"payment_intent": paid["id"]}).json()["amount"] == 1500
        charge = api.get("/v1/charges/ch_1").json()
        assert (charge["amount_refunded"], charge["refunded"], charge["paid"]) == (2000, True, True)

    def test_never_more_than_was_paid(self, api: httpx.Client, paid: dict[str, Any]) -> None:
        refused(api.post("/v1/refunds", json={"payment_intent": paid["id"], "amount": 2001}), 400, "amount")
        api.post("/v1/refunds", json={"payment_intent": paid["id"], "amount": 1999})
        refused(api.post("/v1/refunds", json={"payment_intent": paid["id"], "amount": 2}), 400, "amount")
        api.post("/v1/refunds", json={"payment_intent": paid["id"], "amount": 1})
        refused(api.post("/v1/refunds", json={"payment_intent": paid["id"]}), 400, "amount")

    def test_what_was_not_paid_is_not_refunded(self, api: httpx.Client, intent: Intent) -> None:
        answer = api.post("/v1/refunds", json={"payment_intent": intent()["id"]})
        refused(answer, 400, "payment_intent", "unexpected_state")
        refused(api.post("/v1/refunds", json={"payment_intent": "pi_9"}), 404, "payment_intent", "resource_missing")

    @pytest.fixture(params=["card", "account"])
    def slow(
        self, request: pytest.FixtureRequest, sandbox: Sandbox, api: httpx.Client, card: Card, intent: Intent
    ) -> str:
        """A payment by card or from an account whose refunds take their time."""
        ident = intent(payment_method_types=["card", "ach"])["id"]
        method = card("4000000000007726") if request.param == "card" else ACCOUNT
        api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
        sandbox.clock.advance(2)
        assert api.get(f"/v1/payment_intents/{ident}").json()["status"] == "succeeded"
        return str(ident)

    def test_a_slow_refund_is_pending_and_then_succeeds(self, sandbox: Sandbox, api: httpx.Client, slow: str) -> None:
        refund = api.post("/v1/refunds", json={"payment_intent": slow, "amount": 500}).json()
        assert refund["status"] == "pending"
        assert api.get("/v1/charges/ch_1").json()["amount_refunded"] == 500
        refused(api.post("/v1/refunds", json={"payment_intent": slow, "amount": 1501}), 400, "amount")
        sandbox.clock.advance(1.9)
        assert api.get(f"/v1/refunds/{refund['id']}").json() == refund
        sandbox.clock.advance(0.1)
        assert api.get(f"/v1/refunds/{refund['id']}").json() == {**refund, "status": "succeeded"}
        assert api.get("/v1/charges/ch_1").json()["amount_refunded"] == 500

    @pytest.mark.parametrize("by_card", [True, False])
    def test_a_refund_that_fails_gives_nothing_back(
        self, sandbox: Sandbox, api: httpx.Client, card: Card, intent: Intent, by_card: bool
    ) -> None:
        ident = intent(payment_method_types=["card", "ach"])["id"]
        method = card("4000000000005126") if by_card else account("000333333335")
        api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
        sandbox.clock.advance(2)
        refund = api.post("/v1/refunds", json={"payment_intent": ident}).json()
        assert refund["status"] == "pending"
        assert api.get("/v1/charges/ch_1").json()["refunded"] is True
        sandbox.clock.advance(2)
        assert api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "failed"
        charge = api.get("/v1/charges/ch_1").json()
        assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
        assert api.post("/v1/refunds", json={"payment_intent": ident}).json()["amount"] == 2000

    def test_update_and_retrieve(self, api: httpx.Client, paid: dict[str, Any]) -> None:
        path = "/v1/refunds/" + api.post("/v1/refunds", json={"payment_intent": paid["id"]}).json()["id"]
        assert api.put(path, json={"metadata": {"a": "b"}}).json()["metadata"] == {"a": "b"}
        assert api.get(path).json()["metadata"] == {"a": "b"}
        refused(api.put(path, json={"amount": 1}), 400, "amount")


class TestWebhookEndpoints:
    URL = "https://shop.example/hooks"

    def test_only_the_create_answer_carries_the_secret(self, sandbox: Sandbox, api: httpx.Client) -> None:
        params = {"url": self.URL, "enabled_events": ["payment_intent.succeeded", "customer.created"]}
        made = api.post("/v1/webhook_endpoints", json=params).json()
        secret = made.pop("secret")
        assert secret.startswith("whsec_")
        assert secret != sandbox.webhook_secret
        assert made == {
            **params,
            "id": "we_1",
            "object": "webhook_endpoint",
            "created": 1640995200,
            "livemode": False,
            "status": "enabled",
        }
        assert api.get("/v1/webhook_endpoints/we_1").json() == made
        assert api.get("/v1/webhook_endpoints").json()["data"] == [made]

    def test_update_and_delete(self, api: httpx.Client) -> None:
        api.post("/v1/webhook_endpoints", json={"url": self.URL, "enabled_events": ["*"]})
        changed = api.put("/v1/webhook_endpoints/we_1", json={"enabled_events": ["customer.deleted"]}).json()
        assert changed["enabled_events"] == ["customer.deleted"]
        assert "secret" not in changed
        gone = api.delete("/v1/webhook_endpoints/we_1").json()
        assert gone == {"id": "we_1", "object": "webhook_endpoint", "deleted": True}
        for name in ("GET", "DELETE"):
            refused(api.request(name, "/v1/webhook_endpoints/we_1"), 404, None, "resource_missing")

    @pytest.mark.parametrize("url", ["http://localhost:1/x", "http://127.0.0.1:8000/", "http://[::1]:9/", URL])
    def test_https_or_loopback(self, api: httpx.Client, url: str) -> None:
        assert api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": ["*"]}).status_code == 200

    @pytest.mark.parametrize(
        "url",
        [
            "http://shop.example/hooks",
            "http://127.0.0.1.shop.example/",
            "http://localhost.shop.example/",
            "http://127.0.0.1@shop.example/",
            "https://user:secret@shop.example/",
            "ftp://shop.example/",
            "/hooks",
            "https://",
            "http://[",
            "https://shop.example:port/",
            "https://shop.example/\n",
        ],
    )
    def test_any_other_url_is_refused(self, api: httpx.Client, url: str) -> None:
        refused(api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": ["*"]}), 400, "url")
