"""Events on demand: made up by `emit`, brought about for real by `trigger`, delivered again by `resend`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox
from finsecure.sandbox._operations.events import TYPES

PAYMENT, CUSTOMER = TYPES[:4], TYPES[4:7]
MADE_UP = TYPES[7:]


class TestEmit:
    @pytest.mark.parametrize("name", TYPES)
    def test_each_type_has_a_complete_object_and_is_kept_as_any_event(self, sandbox: Sandbox, name: str) -> None:
        emitted = sandbox.emit(name)
        event = sandbox.client().events.retrieve(emitted["id"])
        assert event.type == name
        assert [listed.id for listed in sandbox.client().events.list(type=name)] == [event.id]
        # Complete: every member that the client's model of it declares is there.
        body = emitted["data"]["object"]
        assert not isinstance(event.data.object, dict)
        assert {*type(event.data.object).model_fields} - {"charges", "deleted"} <= body.keys()
        assert body["id"].startswith({"payment_intent": "pi_", "invoice": "in_"}.get(body["object"], ""))

    def test_the_objects_are_as_their_types_say(self, sandbox: Sandbox) -> None:
        states = {name: sandbox.emit(name)["data"]["object"].get("status") for name in TYPES}
        assert states == {
            "payment_intent.succeeded": "succeeded",
            "payment_intent.payment_failed": "requires_payment_method",
            "payment_intent.requires_action": "requires_action",
            "payment_intent.canceled": "canceled",
            "customer.created": None,
            "customer.updated": None,
            "customer.deleted": None,
            "invoice.payment_succeeded": "paid",
            "invoice.payment_failed": "open",
            "customer.subscription.created": "active",
            "customer.subscription.updated": "active",
        }
        failed = sandbox.emit("payment_intent.payment_failed")["data"]["object"]
        assert failed["last_payment_error"]["decline_code"] == "insufficient_funds"
        asked = sandbox.emit("payment_intent.requires_action")["data"]["object"]
        assert asked["id"] in asked["next_action"]["redirect_to_url"]["url"]

    def test_members_are_overridden_by_their_path(self, sandbox: Sandbox) -> None:
        overrides = {
            "amount_due": 500,
            "id": "in_123",
            "object": "invoice",
            "metadata.order.id": "order_12345",
            "description": {"any": ["JSON"]},
            "payment_intent": None,
        }
        body = sandbox.emit("invoice.payment_failed", overrides)["data"]["object"]
        assert (body["amount_due"], body["id"], body["payment_intent"]) == (500, "in_123", None)
        assert body["metadata"] == {"order.id": "order_12345"}
        assert body["description"] == {"any": ["JSON"]}

    def test_overrides_may_be_any_mapping_and_their_values_members_of_an_enumeration(self, sandbox: Sandbox) -> None:
        class Status(str, Enum):
            PAID = "paid"

        overrides = MappingProxyType({"status": Status.PAID, "amount_due": HTTPStatus.OK})
        body = sandbox.emit("invoice.payment_failed", overrides)["data"]["object"]
        assert (body["status"], body["amount_due"]) == ("paid", 200)

    def test_members_of_members_too_whichever_way_they_are_written(self, sandbox: Sandbox) -> None:
        one = sandbox.emit("customer.updated", {"invoice_settings.footer": "Thank you", "metadata": {"a": "b"}})
        two = sandbox.emit("customer.updated", {"invoice_settings": {"footer": "Thank you"}, "metadata": {"a": "b"}})
        for event in (one, two):
            body = event["data"]["object"]
            assert body["invoice_settings"] == {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": "Thank you",
            }
            assert body["metadata"] == {"a": "b"}

    @pytest.mark.parametrize(
        ("type", "overrides", "says"),
        [
            ("invoice.paid", {}, "type must be one of"),
            (None, {}, "type must be one of"),
            ("invoice.payment_failed", [], "overrides must be an object"),
            ("invoice.payment_failed", {"amount": 500}, "Unknown param: overrides.amount"),
            ("invoice.payment_failed", {"currency.code": "usd"}, "Unknown param: overrides.currency.code"),
            ("customer.updated", {"invoice_settings": {"foot": ""}}, "Unknown param: overrides.invoice_settings.foot"),
            ("invoice.payment_failed", {"amount_due": "500"}, "overrides.amount_due must be an integer"),
            ("invoice.payment_failed", {"amount_due": True}, "overrides.amount_due must be an integer"),
            ("invoice.payment_failed", {"currency": 1}, "overrides.currency must be a string"),
            ("invoice.payment_failed", {"livemode": "no"}, "overrides.livemode must be true or false"),
            ("invoice.payment_failed", {"metadata": {"a": 1}}, "overrides.metadata.a must be a string"),
            ("invoice.payment_failed", {"metadata.a": 1}, "overrides.metadata.a must be a string"),
            ("invoice.payment_failed", {"id": None}, "overrides.id must be a string"),
            ("invoice.payment_failed", {"object": "charge"}, "overrides.object must stay invoice"),
            ("invoice.payment_failed", {"description": {1, 2}}, "overrides.description must be a value"),
            (
                "invoice.payment_failed",
                {"description": float("nan")},
                "overrides.description must be a value",
            ),
            ("invoice.payment_failed", {"description": (1,)}, "overrides.description must be a value"),
            ("invoice.payment_failed", {1: 2}, "Each path in overrides must be a string"),
            ("customer.created", {"invoice_settings": "none"}, "overrides.invoice_settings must be an object"),
            ("customer.created", {"preferred_locales": "en"}, "overrides.preferred_locales must be a list"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_recorded(
        self, sandbox: Sandbox, type: Any, overrides: Any, says: str
    ) -> None:
        with pytest.raises(ValueError, match=says):
            sandbox.emit(type, overrides)
        assert sandbox.client().events.list().data == []


class TestTrigger:
    @pytest.mark.parametrize("type", PAYMENT)
    def test_a_new_payment_is_driven_there_for_real(self, sandbox: Sandbox, type: str) -> None:
        event = sandbox.trigger(type)
        assert event["type"] == type
        intent = sandbox.client().payment_intents.retrieve(event["data"]["object"]["id"])
        assert intent.status == event["data"]["object"]["status"]
        assert bool(sandbox.client().charges.list(payment_intent=intent.id).data) == (
            type in ("payment_intent.succeeded", "payment_intent.payment_failed")
        )

    @pytest.mark.parametrize("method", ["card", "ach"])
    @pytest.mark.parametrize(
        ("before", "type", "status"),
        [
            ("requires_payment_method", "payment_intent.succeeded", "succeeded"),
            ("requires_payment_method", "payment_intent.payment_failed", "requires_payment_method"),
            ("requires_payment_method", "payment_intent.canceled", "canceled"),
            ("waiting", "payment_intent.succeeded", "succeeded"),
            ("waiting", "payment_intent.payment_failed", "requires_payment_method"),
        ],
    )
    def test_so_is_an_existing_one(
        self, sandbox: Sandbox, intent: Callable[..., Any], method: str, before: str, type: str, status: str
    ) -> None:
        ident: str = intent(payment_method_types=[method])["id"]
        if before == "waiting":
            self.let_it_wait(sandbox, ident, method)
        assert sandbox.trigger(type, id=ident)["data"]["object"]["id"] == ident
        assert sandbox.client().payment_intents.retrieve(ident).status == status
        sandbox.clock.advance(3600)  # and what was to settle does not settle again
        sandbox.deliver()
        assert [event.type for event in sandbox.client().events.list(type=type)] == [type]

    @staticmethod
    def let_it_wait(sandbox: Sandbox, ident: str, method: str) -> None:
        """Confirm a payment that then asks for 3D Secure, or is processing at the bank."""
        client = sandbox.client()
        if method == "card":
            sandbox.trigger("payment_intent.requires_action", id=ident)
        else:
            account = {"routing_number": "110000000", "account_number": "000123456789"}
            bank = client.payment_methods.create(type="us_bank_account", us_bank_account=account)  # type: ignore[arg-type]
            client.payment_intents.confirm(ident, payment_method=bank.id)
        waiting = client.payment_intents.retrieve(ident)
        assert waiting.status == ("requires_action" if method == "card" else "processing")

    @pytest.mark.parametrize(
        ("first", "type"),
        [
            ("payment_intent.succeeded", "payment_intent.succeeded"),
            ("payment_intent.succeeded", "payment_intent.canceled"),
            ("payment_intent.canceled", "payment_intent.succeeded"),
            ("payment_intent.requires_action", "payment_intent.requires_action"),
        ],
    )
    def test_what_cannot_be_reached_says_why_and_names_the_id(self, sandbox: Sandbox, first: str, type: str) -> None:
        ident = sandbox.trigger(first)["data"]["object"]["id"]
        status = first.partition(".")[2]
        with pytest.raises(ValueError, match=f"{type} cannot be brought about on {ident}: its status is {status}"):
            sandbox.trigger(type, id=ident)

    def test_3d_secure_is_for_cards(self, sandbox: Sandbox, intent: Callable[..., Any]) -> None:
        ident = intent(payment_method_types=["ach"])["id"]
        with pytest.raises(ValueError, match=f"{ident}: 3D Secure is for cards"):
            sandbox.trigger("payment_intent.requires_action", id=ident)

    @pytest.mark.parametrize("type", CUSTOMER)
    def test_so_it_is_with_customers(self, sandbox: Sandbox, type: str) -> None:
        event = sandbox.trigger(type)
        assert event["type"] == type
        found = [customer.id for customer in sandbox.client().customers.list()]
        assert found == ([] if type == "customer.deleted" else [event["data"]["object"]["id"]])

    def test_an_existing_customer_is_updated_without_a_change_and_deleted(self, sandbox: Sandbox) -> None:
        customer = sandbox.client().customers.create(email="customer@example.com", description="Mine")
        sandbox.trigger("customer.updated", id=customer.id)
        assert sandbox.client().customers.retrieve(customer.id).description == "Mine"
        sandbox.trigger("customer.deleted", id=customer.id)
        with pytest.raises(LookupError, match=f"No such customer: '{customer.id}'"):
            sandbox.trigger("customer.updated", id=customer.id)
        with pytest.raises(ValueError, match=f"cannot be brought about on {customer.id}"):
            sandbox.trigger("customer.created", id=customer.id)

    @pytest.mark.parametrize("type", MADE_UP)
    def test_for_invoices_and_subscriptions_it_is_emit(self, sandbox: Sandbox, type: str) -> None:
        assert sandbox.trigger(type)["type"] == type
        with pytest.raises(ValueError, match=r"id must be left out: .* such as in_123\."):
            sandbox.trigger(type, id="in_123")

    @pytest.mark.parametrize(
        ("type", "id", "error", "says"),
        [
            ("payment_intent.paid", None, ValueError, "type must be one of"),
            ("payment_intent.succeeded", "pi_none", LookupError, "pi_none"),
            ("payment_intent.succeeded", 7, ValueError, "id must be a string"),
            ("customer.updated", 7, ValueError, "id must be a string"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, sandbox: Sandbox, type: str, id: Any, error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            sandbox.trigger(type, id=id)
        assert sandbox.client().payment_intents.list().data == []


def test_resend_delivers_an_event_again_to_every_endpoint_that_wants_it(sandbox: Sandbox, api: httpx.Client) -> None:
    for url, types in (("https://shop.example/all", ["*"]), ("https://shop.example/deleted", ["customer.deleted"])):
        api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": types})
    sandbox.trigger("customer.created")
    received: list[bytes] = []

    def receive(body: bytes, _: object) -> int:
        received.append(body)
        return 200

    sandbox.deliver(to=receive)
    sandbox.resend("evt_1")
    assert api.get("/v1/events/evt_1").json()["pending_webhooks"] == 1
    assert [tried.url for tried in sandbox.deliver(to=receive)] == ["https://shop.example/all"]
    assert len(received) == 2
    assert api.get("/v1/events/evt_1").json()["pending_webhooks"] == 0


@pytest.mark.parametrize(("ident", "error"), [("evt_none", LookupError), (None, ValueError)])
def test_resending_an_unknown_event_is_an_error(sandbox: Sandbox, ident: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="event"):
        sandbox.resend(ident)


@pytest.mark.parametrize("ident", [7, None])
def test_an_action_of_what_is_no_id_is_an_error_of_ours(sandbox: Sandbox, ident: Any) -> None:
    with pytest.raises(ValueError, match="payment_intent_id must be a string"):
        sandbox.resolve_action(ident)
