"""`finsecure.testing`: objects and events for unit tests, as the API answers them."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast, get_args

import pytest

import finsecure
from finsecure import testing
from finsecure.resources import _object as objects
from finsecure.resources.webhook_endpoints import KnownEventType
from finsecure.sandbox import Clock, Sandbox
from finsecure.testing import _events, _members

ROOT = Path(__file__).parents[1]
TYPES: tuple[str, ...] = get_args(KnownEventType)

FACTORIES: dict[str, tuple[Callable[..., Any], type[objects.Object], Any]] = {
    "payment_intent": (testing.payment_intent, finsecure.PaymentIntent, _members.PaymentIntentMembers),
    "payment_method": (testing.payment_method, finsecure.PaymentMethod, _members.PaymentMethodMembers),
    "customer": (testing.customer, finsecure.Customer, _members.CustomerMembers),
    "refund": (testing.refund, finsecure.Refund, _members.RefundMembers),
    "charge": (testing.charge, finsecure.Charge, _members.ChargeMembers),
    "webhook_endpoint": (testing.webhook_endpoint, finsecure.WebhookEndpoint, _members.WebhookEndpointMembers),
    "invoice": (testing.invoice, finsecure.Invoice, _members.InvoiceMembers),
    "subscription": (testing.subscription, finsecure.Subscription, _members.SubscriptionMembers),
}


@pytest.mark.parametrize("kind", FACTORIES)
class TestEachObject:
    def test_it_is_complete(self, kind: str) -> None:
        """Every field of its model is there, but for those of another state."""
        make, model, _ = FACTORIES[kind]
        made = make()
        assert type(made) is model
        assert {*model.model_fields} - made.model_fields_set <= {"charges", "deleted", "us_bank_account"}
        assert made.to_dict()["livemode"] is False
        assert made.to_dict().get("metadata", {}) == {}

    def test_it_is_valid(self, kind: str, caplog: pytest.LogCaptureFixture) -> None:
        """No field has another shape than the model declares, and it survives a pickle of its JSON."""
        make, model, _ = FACTORIES[kind]
        made = make()
        assert caplog.records == []
        assert model.model_validate_json(made.to_json()) == made

    def test_two_are_not_the_same(self, kind: str) -> None:
        make, _, _ = FACTORIES[kind]
        assert make().id != make().id

    def test_its_id_and_time_may_be_given(self, kind: str) -> None:
        make, _, _ = FACTORIES[kind]
        made = make(id="xx_1", created=datetime(2022, 1, 1, tzinfo=timezone.utc))
        assert made.id == "xx_1"
        assert made.created.timestamp() == 1640995200 == make(created=1640995200).created.timestamp()

    def test_a_misspelt_member_is_named(self, kind: str) -> None:
        make, model, _ = FACTORIES[kind]
        with pytest.raises(TypeError, match=rf"^{model.__name__} has no field livemod\. Did you mean livemode\?"):
            make(livemod=True)
        with pytest.raises(TypeError, match="has no field object"):
            make(object=kind)

    def test_type_checkers_know_its_members(self, kind: str) -> None:
        make, model, members = FACTORIES[kind]
        assert {*make().to_dict()} <= {*model.model_fields}
        assert members.__optional_keys__ == {*model.model_fields} - {"object"}

    def test_it_came_as_an_answer(self, kind: str) -> None:
        make, _, _ = FACTORIES[kind]
        assert make().last_response.status_code == 200
        assert make().last_response.request_id.startswith("req_")


class TestPaymentIntent:
    @pytest.mark.parametrize(
        ("status", "card"),
        [
            ("requires_payment_method", None),
            ("requires_action", "4000002760003184"),
            ("processing", "000123456789"),
            ("succeeded", "4242424242424242"),
            ("canceled", None),
        ],
    )
    def test_it_is_what_the_sandbox_answers_in_that_status(self, status: str, card: str | None) -> None:
        """Member by member, but for ids."""
        with Sandbox(clock=Clock(1640995200)) as sandbox:
            client = sandbox.client()
            kinds = ["us_bank_account"] if status == "processing" else ["card"]
            answer = client.payment_intents.create(
                amount=500,
                currency="eur",
                payment_method_types=kinds,
                description="A book",
                metadata={"order_id": "order_12345"},
                receipt_email="jenny@example.com",
            )
            if status == "canceled":
                answer = client.payment_intents.cancel(answer.id)
            if card:
                answer = client.payment_intents.confirm(
                    answer.id, payment_method=_method(card), return_url="https://yoursite.com/payment/return"
                )
        made = testing.payment_intent(
            status=status,
            amount=500,
            currency="eur",
            description="A book",
            metadata={"order_id": "order_12345"},
            receipt_email="jenny@example.com",
            created=1640995200,
        )
        assert answer.status == status
        charges = [{**charge.to_dict(), "created": 0} for charge in made.charges or []]
        assert [_without_ids({**charge.to_dict(), "created": 0}) for charge in answer.charges or []] == _without_ids(
            charges
        )
        assert _without_ids({**made.to_dict(), "charges": None}) == _without_ids({**answer.to_dict(), "charges": None})

    def test_its_parts_belong_together(self) -> None:
        intent = testing.payment_intent(status="succeeded", id="pi_1", customer="cus_1")
        (charge,) = intent.charges or []
        assert intent.client_secret
        assert intent.client_secret.startswith("pi_1_secret_")
        assert (charge.payment_intent, charge.customer) == ("pi_1", "cus_1")
        assert charge.payment_method == intent.payment_method

    def test_one_that_requires_confirmation_has_its_payment_method(self) -> None:
        """The sandbox has none in this status; the reference names it."""
        intent = testing.payment_intent(status="requires_confirmation")
        assert intent.payment_method
        assert intent.charges is None

    @pytest.mark.parametrize(
        ("error", "decline_code", "code"),
        [
            ({}, "insufficient_funds", "card_declined"),
            ({"decline_code": "lost_card"}, "lost_card", "card_declined"),
            ({"code": "incorrect_number"}, None, "incorrect_number"),
            ({"decline_code": "new_code"}, "new_code", "card_declined"),
        ],
    )
    def test_one_that_was_declined_has_the_whole_error(
        self, error: dict[str, str], decline_code: str | None, code: str
    ) -> None:
        declined = testing.payment_intent(last_payment_error=error).last_payment_error
        assert declined
        assert (declined.type, declined.decline_code, declined.code) == ("card_error", decline_code, code)
        assert declined.message
        assert declined.doc_url

    def test_what_is_given_wins_over_what_would_follow(self) -> None:
        intent = testing.payment_intent(
            status="succeeded", amount_received=1, payment_method="pm_1", charges={"data": [testing.charge(id="ch_1")]}
        )
        assert (intent.amount_received, intent.payment_method) == (1, "pm_1")
        assert [charge.id for charge in intent.charges or []] == ["ch_1"]


class TestOtherObjects:
    def test_a_payment_method_is_what_the_sandbox_answers(self) -> None:
        with Sandbox(clock=Clock(1640995200)) as sandbox:
            for number in ("4242424242424242", "5555555555554444", "000123456789"):
                answer = sandbox.client().payment_methods.create(
                    **_method(number),
                    billing_details={
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
                )
                members: dict[str, Any] = {"type": answer.type, "created": answer.created}
                if answer.card:
                    members["card"] = {"brand": answer.card.brand}
                assert _without_ids(testing.payment_method(**members).to_dict()) == _without_ids(answer.to_dict())

    def test_a_refund_a_customer_and_an_endpoint_have_what_the_sandbox_answers(self) -> None:
        with Sandbox() as sandbox:
            client = sandbox.client()
            intent = client.payment_intents.create(amount=2000, currency="usd")
            client.payment_intents.confirm(intent.id, payment_method=_method("4242424242424242"))
            answers = {
                "refund": client.refunds.create(payment_intent=intent.id),
                "charge": client.charges.list().data[0],
                "customer": client.customers.create(),
                "webhook_endpoint": client.webhook_endpoints.create(url="https://example.com", enabled_events=["*"]),
            }
        for kind, answer in answers.items():
            assert FACTORIES[kind][0]().to_dict().keys() == answer.to_dict().keys()

    def test_inside_a_nested_object_only_what_differs_is_given(self) -> None:
        method = testing.payment_method(
            card={"last4": "0002", "checks": {"cvc_check": "fail"}}, billing_details={"address": {"line2": "Flat 2"}}
        )
        assert method.card
        assert method.card.checks
        assert (method.card.brand, method.card.last4, method.card.checks.cvc_check) == ("visa", "0002", "fail")
        assert method.card.checks.address_line1_check == "pass"
        assert method.billing_details
        assert method.billing_details.address
        assert (method.billing_details.address.line1, method.billing_details.address.line2) == ("123 Main St", "Flat 2")

    def test_a_bank_account_is_recognized_by_its_details(self) -> None:
        method = testing.payment_method(us_bank_account={"last4": "2227"})
        assert (method.type, method.card) == ("us_bank_account", None)
        assert method.us_bank_account
        assert (method.us_bank_account.last4, method.us_bank_account.account_type) == ("2227", "checking")

    def test_a_card_that_no_test_card_is_keeps_its_brand(self) -> None:
        card = testing.payment_method(card={"brand": "amex"}).card
        assert card
        assert (card.brand, card.networks and card.networks.available) == ("amex", ["amex"])

    def test_a_charge_follows_its_status_and_refunds(self) -> None:
        failed = testing.charge(status="failed")
        assert (failed.paid, failed.failure_code, failed.failure_message) == (
            False,
            "generic_decline",
            "Your card was declined.",
        )
        assert testing.charge(refunded=True, amount=500).amount_refunded == 500
        assert testing.charge(amount_refunded=2000).refunded is True
        assert testing.charge(amount_refunded=1).refunded is False

    def test_an_invoice_follows_its_status(self) -> None:
        paid = testing.invoice(status="paid", amount_due=500)
        assert (paid.amount_paid, paid.to_dict()["amount_remaining"]) == (500, 0)
        assert testing.invoice(amount_paid=500).to_dict()["amount_remaining"] == 1500
        assert testing.subscription(status="canceled").to_dict()["canceled_at"]

    @pytest.mark.parametrize("make", [testing.customer, testing.webhook_endpoint])
    def test_what_was_deleted_has_an_id_and_nothing_else(self, make: Callable[..., Any]) -> None:
        deleted = make(id="xx_1", deleted=True)
        assert deleted.to_dict() == {"id": "xx_1", "object": deleted.object, "deleted": True}
        assert make(deleted=True).id
        with pytest.raises(ValueError, match="livemode does not go with deleted=True"):
            make(deleted=True, livemode=True)


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("members", "error", "says"),
        [
            ({"amonut": 5}, TypeError, "PaymentIntent has no field amonut. Did you mean amount?"),
            ({"zzz": 5}, TypeError, "PaymentIntent has no field zzz. There are: amount, amount_received, charges,"),
            ({"next_action": {"typ": "x"}}, TypeError, "NextAction has no field next_action.typ. Did you mean type?"),
            ({"next_action": {"redirect_to_url": {"uri": ""}}}, TypeError, "no field next_action.redirect_to_url.uri"),
            ({"amount": "5"}, ValueError, "amount must be a valid integer, not str."),
            ({"amount": True}, ValueError, "amount must be a valid integer, not bool."),
            ({"amount": None}, ValueError, "amount must be a valid integer, not NoneType."),
            ({"customer": 5}, ValueError, "customer must be a valid string, not int."),
            ({"id": ""}, ValueError, "id is wrong: String should have at least 1 character, not str."),
            (
                {"status": "suceeded"},
                ValueError,
                "status must be one of requires_payment_method, requires_confirmation",
            ),
            ({"setup_future_usage": "later"}, ValueError, "setup_future_usage must be one of on_session, off_session."),
            ({"metadata": {"a": 1}}, ValueError, "metadata must be a valid string, not dict."),
            ({"created": "soon"}, ValueError, "created"),
            ({"created": datetime(2022, 1, 1)}, ValueError, "A datetime has no time zone"),  # noqa: DTZ001
            ({"shipping": {"a": {1, 2}}}, ValueError, "shipping is wrong: "),
        ],
    )
    def test_it_is_named(self, members: dict[str, Any], error: type[Exception], says: str) -> None:
        with pytest.raises(error, match=re.escape(says)) as caught:
            testing.payment_intent(**members)
        assert caught.value.__cause__ is None

    def test_a_card_and_a_bank_account_do_not_go_together(self) -> None:
        with pytest.raises(ValueError, match="card does not go with type us_bank_account"):
            testing.payment_method(type="us_bank_account", card={"brand": "visa"})
        with pytest.raises(ValueError, match="us_bank_account does not go with type card"):
            testing.payment_method(card={}, us_bank_account={}, type="card")


class TestEvents:
    @pytest.mark.parametrize("type", TYPES)
    def test_each_type_is_as_the_sandbox_emits_it(self, type: str) -> None:
        """Member by member, but for ids."""
        event = testing.event(type)
        with Sandbox() as sandbox:
            emitted = sandbox.emit(type)
        made = event.to_dict()
        assert (event.type, made.keys()) == (type, emitted.keys())
        assert made["data"]["object"].keys() == emitted["data"]["object"].keys()
        assert made["data"]["object"].get("status") == emitted["data"]["object"].get("status")
        assert finsecure.webhooks.parse_event(event.to_json()) == event
        assert type_name(event) == type_name(finsecure.webhooks.parse_event(json.dumps(emitted)))

    def test_type_checkers_know_what_each_is_about(self) -> None:
        assert testing.event("payment_intent.succeeded", amount=500).data.object.amount_received == 500
        assert testing.event("customer.created", email="jenny@example.com").data.object.email == "jenny@example.com"
        assert testing.event("invoice.payment_succeeded", amount_due=500).data.object.amount_paid == 500
        assert testing.event("customer.subscription.updated", status="past_due").data.object.status == "past_due"

    def test_every_type_has_an_overload(self) -> None:
        source = Path(_events.__file__).read_text(encoding="utf-8")
        assert [*re.findall(r'type: Literal\["([a-z_.]+)"\]', source)] == [*TYPES]

    def test_a_payment_that_failed_says_why(self) -> None:
        event = testing.event("payment_intent.payment_failed", last_payment_error={"decline_code": "lost_card"})
        assert event.data.object.last_payment_error
        assert event.data.object.last_payment_error.decline_code == "lost_card"

    def test_it_has_members_of_its_own(self) -> None:
        event = testing.event(
            "customer.updated",
            id="evt_1",
            created=1640995200,
            livemode=True,
            request={"idempotency_key": "order_12345"},
            data={"object": {"id": "cus_1"}, "previous_attributes": {"email": None}},
            name="Jenny",
        )
        assert (event.id, event.livemode, event.data.object.id, event.data.object.name) == (
            "evt_1",
            True,
            "cus_1",
            "Jenny",
        )
        assert event.created == event.data.object.created == datetime(2022, 1, 1, tzinfo=timezone.utc)
        assert event.request
        assert event.request.id
        assert event.request.idempotency_key == "order_12345"
        assert event.data.previous_attributes == {"email": None}

    def test_it_can_be_about_an_object_that_is_there(self) -> None:
        intent = testing.payment_intent(status="succeeded", amount=500)
        assert testing.event("payment_intent.succeeded", data={"object": intent}).data.object == intent

    def test_a_type_not_yet_known_needs_its_object(self) -> None:
        event = testing.event("charge.refunded", data={"object": testing.charge(refunded=True)})
        assert isinstance(event, finsecure.UnknownEvent)
        assert isinstance(event.data.object, finsecure.Charge)
        assert event.data.object.refunded
        with pytest.raises(ValueError, match=r"type must be one of payment_intent\.succeeded, .*any other needs data="):
            testing.event("charge.refunded")

    @pytest.mark.parametrize(
        ("members", "error", "says"),
        [
            ({"amonut": 5}, TypeError, "PaymentIntent has no field amonut. Did you mean amount?"),
            ({"request": {"ident": "req_1"}}, TypeError, "EventRequest has no field request.ident"),
            ({"data": {"objekt": {}}}, TypeError, "EventData has no field data.objekt. Did you mean object?"),
            ({"data": "pi_1"}, ValueError, "data must be a dict, not str."),
            ({"data": {"object": "pi_1"}}, ValueError, "data.object must be a dict, not str."),
            ({"data": {"object": {"object": "charge"}}}, ValueError, "data.object must be a payment_intent"),
            ({"pending_webhooks": "1"}, ValueError, "pending_webhooks must be a valid integer"),
            (
                {"status": "canceled"},
                ValueError,
                "status must be succeeded in a payment_intent.succeeded, not canceled.",
            ),
            ({"id": "pi_1"}, ValueError, "id is that of the event"),
        ],
    )
    def test_what_is_wrong_is_named(self, members: dict[str, Any], error: type[Exception], says: str) -> None:
        with pytest.raises(error, match=re.escape(says)):
            testing.event("payment_intent.succeeded", **members)


class TestSigned:
    def test_a_handler_takes_it(self) -> None:
        handled: list[str] = []
        webhook = finsecure.webhooks.Handler("whsec_test", inbox=finsecure.webhooks.MemoryInbox())

        @webhook.on("payment_intent.succeeded")
        def pay(event: finsecure.webhooks.PaymentIntentSucceeded) -> None:
            handled.append(event.data.object.id)

        event = testing.event("payment_intent.succeeded")
        delivery = testing.signed(event, "whsec_test")
        assert webhook.handle(delivery.body, delivery.headers["FinSecure-Signature"]).status == 200
        assert handled == [event.data.object.id]
        assert json.loads(delivery.body) == event.to_dict()

    def test_with_the_secret_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FINSECURE_WEBHOOK_SECRET", "whsec_test")
        body, headers = testing.signed(testing.event("customer.created", name="Adé"))
        assert finsecure.webhooks.construct_event(body, headers["FinSecure-Signature"]).type == "customer.created"

    def test_with_several_secrets_as_while_one_is_rotated(self) -> None:
        body, headers = testing.signed(testing.event("customer.created"), ["whsec_old", "whsec_new"])
        for secret in ("whsec_old", "whsec_new"):
            assert finsecure.webhooks.verify_signature(body, headers["FinSecure-Signature"], secret)

    def test_without_a_secret_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FINSECURE_WEBHOOK_SECRET", raising=False)
        with pytest.raises(finsecure.WebhookUsageError, match="There is no webhook secret"):
            testing.signed(testing.event("customer.created"))


def test_no_network_and_no_sandbox_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("no need for that")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("sqlite3.connect", refuse)
    for make, _, _ in FACTORIES.values():
        make()
    testing.event("payment_intent.succeeded")


def test_importing_finsecure_does_not_import_it() -> None:
    code = "import sys, finsecure; finsecure.Client; sys.exit('finsecure.testing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def type_name(value: object) -> str:
    return type(value).__name__


def _method(number: str) -> Any:
    if number.startswith("000"):
        account = {"routing_number": "110000000", "account_number": number}
        return {"type": "us_bank_account", "us_bank_account": account}
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}}


def _without_ids(value: Any) -> Any:
    """The value without what differs from one object to another."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _without_ids(inner) for name, inner in members.items() if name not in ("fingerprint", "customer")}
    if isinstance(value, str):
        return re.sub("[a-z]+_[0-9a-f]{24}", "id", value)
    return [_without_ids(inner) for inner in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
