"""Every operation of the API: what it sends, to the last parameter, and what comes of it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
import respx

import finsecure
from finsecure._operation import Listing, Operation
from finsecure.sandbox import Clock, Sandbox

from .conftest import KEY

if TYPE_CHECKING:
    from tests.conftest import Door


CARD: dict[str, Any] = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"}
BANK: dict[str, Any] = {
    "routing_number": "110000000",
    "account_number": "000123456789",
    "account_holder_type": "individual",
    "account_type": "checking",
}
OWNER: dict[str, Any] = {
    "name": "John Smith",
    "email": "john.smith@example.com",
    "phone": "+1-555-123-4567",
    "address": {
        "line1": "123 Main St",
        "city": "San Francisco",
        "state": "CA",
        "postal_code": "94105",
        "country": "US",
    },
}
CREATED = {"gt": 1, "gte": 2, "lt": 3, "lte": datetime(2022, 1, 1, tzinfo=timezone.utc)}
CREATED_SENT = "created%5Bgt%5D=1&created%5Bgte%5D=2&created%5Blt%5D=3&created%5Blte%5D=1640995200"

INTENT = {
    "amount": 2000,
    "currency": "usd",
    "payment_method_types": ["card", "ach"],
    "customer": "cus_1",
    "description": "Payment for Premium Subscription",
    "metadata": {"order_id": "order_12345"},
    "receipt_email": "customer@example.com",
    "setup_future_usage": "off_session",
}
CUSTOMER = {
    "email": "customer@example.com",
    "name": "Jöhn Smith",
    "phone": "+1-555-123-4567",
    "description": "Premium subscription customer",
    "metadata": {"signup_source": "website"},
    "payment_method": "pm_1",
    "invoice_settings": {"default_payment_method": "pm_1", "custom_fields": None, "footer": "Thanks"},
}


class Case(NamedTuple):
    """An operation called with every parameter it has, and the request that this is."""

    group: str
    name: str
    id: str | None
    given: Mapping[str, Any]
    method: str
    target: str

    @property
    def answer(self) -> dict[str, Any]:
        name = self.group.removesuffix("s")
        found: dict[str, Any] = {"id": "xx_1", "object": name}
        if name in {"payment_intent", "charge", "refund"}:
            found |= {"amount": 2000, "currency": "usd", "status": "succeeded"}
        if name == "event":
            found |= {"type": "something.new", "data": {"object": {}}}
        return {"object": "list", "data": [found], "has_more": False} if self.name == "list" else found


def _list(group: str, filters: str = "", **given: str) -> Case:
    return Case(
        group,
        "list",
        None,
        {**given, "created": CREATED, "limit": 3, "starting_after": "xx_9"},
        "GET",
        f"/v1/{group}?{filters}{CREATED_SENT}&limit=3&starting_after=xx_9",
    )


def _retrieve(group: str) -> Case:
    return Case(group, "retrieve", "xx_1", {}, "GET", f"/v1/{group}/xx_1")


CASES = [
    Case("payment_intents", "create", None, INTENT, "POST", "/v1/payment_intents"),
    _retrieve("payment_intents"),
    Case("payment_intents", "update", "xx_1", INTENT, "PUT", "/v1/payment_intents/xx_1"),
    _list("payment_intents"),
    Case(
        "payment_intents",
        "confirm",
        "xx_1",
        {
            "payment_method": "pm_1",
            "return_url": "https://yoursite.com/payment/return",
            "receipt_email": "customer@example.com",
        },
        "POST",
        "/v1/payment_intents/xx_1/confirm",
    ),
    Case("payment_intents", "cancel", "xx_1", {}, "POST", "/v1/payment_intents/xx_1/cancel"),
    Case(
        "payment_methods",
        "create",
        None,
        {
            "type": "card",
            "card": CARD,
            "us_bank_account": BANK,
            "billing_details": OWNER,
            "metadata": {"nickname": "red"},
        },
        "POST",
        "/v1/payment_methods",
    ),
    _retrieve("payment_methods"),
    Case(
        "payment_methods",
        "update",
        "xx_1",
        {"billing_details": OWNER, "metadata": {"nickname": "blue"}},
        "PUT",
        "/v1/payment_methods/xx_1",
    ),
    _list("payment_methods", "customer=cus_1&type=card&", customer="cus_1", type="card"),
    Case("payment_methods", "attach", "xx_1", {"customer": "cus_1"}, "POST", "/v1/payment_methods/xx_1/attach"),
    Case("payment_methods", "detach", "xx_1", {}, "POST", "/v1/payment_methods/xx_1/detach"),
    Case("customers", "create", None, CUSTOMER, "POST", "/v1/customers"),
    _retrieve("customers"),
    Case("customers", "update", "xx_1", CUSTOMER, "PUT", "/v1/customers/xx_1"),
    Case("customers", "delete", "xx_1", {}, "DELETE", "/v1/customers/xx_1"),
    _list("customers", "email=customer%2Bvip%40example.com&", email="customer+vip@example.com"),
    Case(
        "refunds",
        "create",
        None,
        {"payment_intent": "pi_1", "amount": 500, "reason": "requested_by_customer", "metadata": {"ticket": "4711"}},
        "POST",
        "/v1/refunds",
    ),
    _retrieve("refunds"),
    Case("refunds", "update", "xx_1", {"metadata": {"ticket": "4712"}}, "PUT", "/v1/refunds/xx_1"),
    _list("refunds", "payment_intent=pi_1&", payment_intent="pi_1"),
    _retrieve("charges"),
    _list("charges", "payment_intent=pi_1&customer=cus_1&", payment_intent="pi_1", customer="cus_1"),
    _retrieve("events"),
    _list("events", "type=customer.created&", type="customer.created"),
    Case(
        "webhook_endpoints",
        "create",
        None,
        {"url": "https://example.com/webhooks", "enabled_events": ["payment_intent.succeeded"]},
        "POST",
        "/v1/webhook_endpoints",
    ),
    _retrieve("webhook_endpoints"),
    Case(
        "webhook_endpoints",
        "update",
        "xx_1",
        {"url": "https://example.com/hooks", "enabled_events": ["*"]},
        "PUT",
        "/v1/webhook_endpoints/xx_1",
    ),
    Case("webhook_endpoints", "delete", "xx_1", {}, "DELETE", "/v1/webhook_endpoints/xx_1"),
    _list("webhook_endpoints"),
]

every_operation = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}.{case.name}")

GROUPS: dict[str, type[Any]] = {
    "payment_intents": finsecure.PaymentIntents,
    "payment_methods": finsecure.PaymentMethods,
    "customers": finsecure.Customers,
    "refunds": finsecure.Refunds,
    "charges": finsecure.Charges,
    "events": finsecure.Events,
    "webhook_endpoints": finsecure.WebhookEndpoints,
}

ANSWERED: dict[str, type[Any]] = {
    "payment_intents": finsecure.PaymentIntent,
    "payment_methods": finsecure.PaymentMethod,
    "customers": finsecure.Customer,
    "refunds": finsecure.Refund,
    "charges": finsecure.Charge,
    "events": finsecure.UnknownEvent,  # the answers below say no type
    "webhook_endpoints": finsecure.WebhookEndpoint,
}


def use(case: Case, api: object, **more: object) -> Any:
    """Call the operation of a case."""
    args = [] if case.id is None else [case.id]
    return getattr(getattr(api, case.group), case.name)(*args, **case.given, **more)


def test_the_table_has_every_operation() -> None:
    defined = [
        (group, name)
        for group, kind in GROUPS.items()
        for name, found in vars(kind).items()
        if isinstance(found, (Operation, Listing))
    ]
    assert sorted((case.group, case.name) for case in CASES) == sorted(defined)
    assert len(defined) == 30


@every_operation
def test_the_table_has_every_parameter(case: Case) -> None:
    parameters = inspect.signature(getattr(GROUPS[case.group], case.name)).parameters
    known = {*case.given, *(["id"] if case.id else [])}
    known |= {"ending_before"} if case.name == "list" else set()
    known |= {"idempotency_key"} if case.method == "POST" else set()
    assert set(parameters) == known


@every_operation
def test_an_operation_sends_exactly_this(wire: Door, server: respx.MockRouter, case: Case) -> None:
    server.route().respond(json=case.answer)
    wire.call(lambda api: use(case, api))
    request = server.calls.last.request
    assert len(server.calls) == 1
    assert (request.method, request.url.raw_path.decode()) == (case.method, case.target)
    has_body = case.method in {"POST", "PUT"}
    assert request.content == (
        json.dumps(case.given, ensure_ascii=False, separators=(",", ":")).encode() if has_body else b""
    )
    headers = dict(request.headers)
    assert len(headers.pop("idempotency-key", "")) == (32 if case.method == "POST" else 0)
    assert headers.pop("user-agent").startswith(f"finsecure-python/{finsecure.__version__} python/3.")
    assert headers == {
        "host": "api-sandbox.finsecure.com",
        "authorization": f"Bearer {KEY}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "finsecure-version": "2023-10-16",
        **({"content-type": "application/json", "content-length": str(len(request.content))} if has_body else {}),
    }


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.method == "POST"], ids=lambda case: f"{case.group}.{case.name}"
)
def test_the_callers_idempotency_key_is_sent_as_it_is(wire: Door, server: respx.MockRouter, case: Case) -> None:
    server.route().respond(json=case.answer)
    answer = wire.call(lambda api: use(case, api, idempotency_key="order_12345"))
    assert server.calls.last.request.headers["idempotency-key"] == "order_12345"
    assert "idempotency_key" not in json.loads(server.calls.last.request.content)
    assert answer.last_response.idempotency_key == "order_12345"


def test_each_call_has_a_key_of_its_own(
    wire: Door, server: respx.MockRouter, sent: Callable[[], list[httpx.Request]]
) -> None:
    server.route().respond(json={"id": "cus_1", "object": "customer"})
    for _ in range(2):
        wire.call(lambda api: api.customers.create())
    first, second = (request.headers["idempotency-key"] for request in sent())
    assert first != second


@every_operation
def test_an_operation_answers_its_object(wire: Door, server: respx.MockRouter, case: Case) -> None:
    server.route().respond(json=case.answer, headers={"Request-Id": "req_1"})
    answer = wire.call(lambda api: use(case, api))
    assert answer.last_response.request_id == "req_1"
    (found,) = answer.data if case.name == "list" else [answer]
    assert type(found) is ANSWERED[case.group]
    assert found.id == "xx_1"


@every_operation
def test_an_operation_is_documented_where_editors_look(case: Case) -> None:
    client = finsecure.Client(KEY)
    described = getattr(GROUPS[case.group], case.name)
    bound = getattr(getattr(client, case.group), case.name)
    assert "Reference:" in (inspect.getdoc(described) or "")
    assert inspect.getdoc(bound) == inspect.getdoc(described)
    assert inspect.signature(bound) == inspect.signature(described)
    assert (bound.__name__, bound.__qualname__) == (case.name, f"{GROUPS[case.group].__name__}.{case.name}")


def test_an_answer_does_not_call_the_api() -> None:
    intent: Any = finsecure.PaymentIntent(id="pi_1", object="payment_intent")
    with pytest.raises(AttributeError, match=r"use PaymentIntent\.confirm\(\.\.\.\) or a client's method"):
        intent.confirm("pi_1", payment_method="pm_1")


# ------------------------------------------------------------------------------------------------------------------
# What comes of it, in the sandbox


def test_a_payment_intent_has_the_given_parameters(door: Door) -> None:
    customer = door.call(lambda api: api.customers.create())
    intent = door.call(
        lambda api: api.payment_intents.create(
            amount=2000,
            currency="USD",
            payment_method_types=["card", "us_bank_account"],
            customer=customer.id,
            description="Payment for Premium Subscription",
            metadata={"order_id": "order_12345"},
            receipt_email="customer@example.com",
            setup_future_usage="off_session",
        )
    )
    assert (intent.amount, intent.amount_received, intent.currency) == (2000, 0, "usd")
    assert intent.status == "requires_payment_method"
    assert (intent.customer, intent.description) == (customer.id, "Payment for Premium Subscription")
    assert intent.metadata == {"order_id": "order_12345"}
    assert (intent.receipt_email, intent.setup_future_usage) == ("customer@example.com", "off_session")
    assert intent.payment_method_types == ["card", "us_bank_account"]
    assert intent.created == datetime(2022, 1, 1, tzinfo=timezone.utc)
    assert (intent.livemode, intent.next_action, intent.last_payment_error) == (False, None, None)
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert door.call(lambda api: api.payment_intents.retrieve(intent.id)) == intent


def card(door: Door, number: str = "4242424242424242") -> finsecure.PaymentMethod:
    """Keep a test card."""
    return door.call(
        lambda api: api.payment_methods.create(
            type="card", card={"number": number, "exp_month": 12, "exp_year": 2025, "cvc": "123"}
        )
    )


def intent(door: Door, amount: int = 2000) -> finsecure.PaymentIntent:
    """Begin a payment."""
    return door.call(lambda api: api.payment_intents.create(amount=amount, currency="usd"))


def paid(door: Door, amount: int = 2000) -> finsecure.PaymentIntent:
    """Complete a payment."""
    begun, method = intent(door, amount), card(door)
    return door.call(lambda api: api.payment_intents.confirm(begun.id, payment_method=method.id))


def test_update_changes_what_is_given_clears_what_is_none_and_leaves_the_rest(door: Door) -> None:
    before = door.call(
        lambda api: api.payment_intents.create(
            amount=2000, currency="usd", description="Tea", receipt_email="customer@example.com"
        )
    )
    after = door.call(lambda api: api.payment_intents.update(before.id, amount=2500, receipt_email=None))
    assert (after.amount, after.receipt_email) == (2500, None)
    assert (after.description, after.currency, after.id) == ("Tea", "usd", before.id)


def test_update_with_nothing_changes_nothing(door: Door) -> None:
    before = intent(door)
    assert door.call(lambda api: api.payment_intents.update(before.id)) == before


def test_a_confirmed_payment_has_succeeded(door: Door) -> None:
    intent = paid(door)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert intent.charges is not None
    assert intent.charges.data is not None
    (charge,) = intent.charges.data
    assert (type(charge), charge.amount, charge.paid) == (finsecure.Charge, 2000, True)


def test_confirm_takes_a_payment_method_written_out(door: Door) -> None:
    begun = intent(door)
    done = door.call(
        lambda api: api.payment_intents.confirm(
            begun.id,
            payment_method={
                "type": "card",
                "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"},
            },
            receipt_email="customer@example.com",
        )
    )
    assert (done.status, done.receipt_email) == ("succeeded", "customer@example.com")


def test_three_d_secure_has_a_next_action(door: Door, sandbox: Sandbox) -> None:
    begun, method = intent(door), card(door, "4000002760003184")
    waiting = door.call(
        lambda api: api.payment_intents.confirm(begun.id, payment_method=method.id, return_url="https://shop.example/")
    )
    assert waiting.status == "requires_action"
    assert waiting.next_action is not None
    assert waiting.next_action.type == "redirect_to_url"
    assert waiting.next_action.redirect_to_url is not None
    assert waiting.next_action.redirect_to_url.return_url == "https://shop.example/"
    assert (waiting.next_action.redirect_to_url.url or "").startswith("https://")
    sandbox.resolve_action(begun.id)
    assert door.call(lambda api: api.payment_intents.retrieve(begun.id)).status == "succeeded"


def test_a_bank_payment_is_processing_before_it_succeeds(door: Door, clock: Clock) -> None:
    begun = door.call(
        lambda api: api.payment_intents.create(amount=2000, currency="usd", payment_method_types=["us_bank_account"])
    )
    account = door.call(
        lambda api: api.payment_methods.create(
            type="us_bank_account",
            us_bank_account={
                "routing_number": "110000000",
                "account_number": "000123456789",
                "account_holder_type": "individual",
                "account_type": "checking",
            },
        )
    )
    assert account.us_bank_account is not None
    assert (account.type, account.us_bank_account.last4) == ("us_bank_account", "6789")
    done = door.call(lambda api: api.payment_intents.confirm(begun.id, payment_method=account.id))
    assert done.status == "processing"
    clock.advance(10)
    assert door.call(lambda api: api.payment_intents.retrieve(begun.id)).status == "succeeded"


def test_a_payment_can_be_canceled_until_it_succeeded(door: Door) -> None:
    begun = intent(door)
    assert door.call(lambda api: api.payment_intents.cancel(begun.id)).status == "canceled"
    done = paid(door)
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        door.call(lambda api: api.payment_intents.cancel(done.id))
    assert (caught.value.http_status, caught.value.code) == (400, "unexpected_state")


def test_a_card_is_kept_without_its_number(door: Door) -> None:
    method = door.call(
        lambda api: api.payment_methods.create(
            type="card",
            card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"},
            billing_details={"name": "John Smith", "address": {"city": "San Francisco"}},
            metadata={"nickname": "red"},
        )
    )
    assert method.card is not None
    assert (method.card.brand, method.card.last4, method.card.exp_year) == ("visa", "4242", 2025)
    assert method.billing_details is not None
    assert method.billing_details.address is not None
    assert (method.billing_details.name, method.billing_details.address.city) == ("John Smith", "San Francisco")
    assert "4242424242424242" not in method.to_json()
    assert door.call(lambda api: api.payment_methods.retrieve(method.id)) == method
    changed = door.call(lambda api: api.payment_methods.update(method.id, metadata=None))
    assert (changed.metadata, changed.billing_details) == ({}, method.billing_details)


def test_a_payment_method_belongs_to_a_customer_while_it_is_attached(door: Door) -> None:
    customer, method = door.call(lambda api: api.customers.create()), card(door)
    card(door)  # another one, of nobody
    attached = door.call(lambda api: api.payment_methods.attach(method.id, customer=customer.id))
    assert attached.customer == customer.id
    assert door.all(lambda api: api.payment_methods.list(customer=customer.id, type="card")) == [attached]
    assert door.all(lambda api: api.payment_methods.list(customer=customer.id, type="us_bank_account")) == []
    assert door.call(lambda api: api.payment_methods.detach(method.id)).customer is None
    assert door.all(lambda api: api.payment_methods.list(customer=customer.id)) == []


def test_a_customer_has_the_given_members(door: Door) -> None:
    method = card(door)
    customer = door.call(
        lambda api: api.customers.create(
            email="customer@example.com",
            name="Jöhn Smith",
            phone="+1-555-123-4567",
            description="Premium subscription customer",
            metadata={"signup_source": "website"},
            payment_method=method.id,
            invoice_settings={"footer": "Thanks"},
        )
    )
    assert (customer.email, customer.name, customer.phone) == ("customer@example.com", "Jöhn Smith", "+1-555-123-4567")
    assert (customer.description, customer.metadata) == ("Premium subscription customer", {"signup_source": "website"})
    assert customer.invoice_settings is not None
    assert customer.invoice_settings.default_payment_method == method.id
    assert customer.invoice_settings.footer == "Thanks"
    assert (customer.tax_exempt, customer.preferred_locales) == ("none", [])
    assert door.call(lambda api: api.customers.retrieve(customer.id)) == customer
    assert door.all(lambda api: api.customers.list(email="customer@example.com")) == [customer]
    assert door.all(lambda api: api.customers.list(email="nobody@example.com")) == []
    changed = door.call(lambda api: api.customers.update(customer.id, name="John", phone=None))
    assert (changed.name, changed.phone, changed.email) == ("John", None, "customer@example.com")


def test_a_deleted_customer_is_gone(door: Door) -> None:
    customer = door.call(lambda api: api.customers.create(email="customer@example.com"))
    deleted = door.call(lambda api: api.customers.delete(customer.id))
    assert deleted.to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        door.call(lambda api: api.customers.retrieve(customer.id))
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_refunds_give_back_a_part_and_then_all_that_is_left(door: Door) -> None:
    payment = paid(door)
    part = door.call(
        lambda api: api.refunds.create(payment_intent=payment.id, amount=500, reason="requested_by_customer")
    )
    rest = door.call(lambda api: api.refunds.create(payment_intent=payment.id, metadata={"ticket": "4711"}))
    assert (part.amount, part.reason, part.status) == (500, "requested_by_customer", "succeeded")
    assert (rest.amount, rest.metadata, rest.payment_intent) == (1500, {"ticket": "4711"}, payment.id)
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        door.call(lambda api: api.refunds.create(payment_intent=payment.id, amount=1))
    assert caught.value.param == "amount"
    assert door.call(lambda api: api.refunds.retrieve(part.id)) == part
    assert door.call(lambda api: api.refunds.update(rest.id, metadata=None)).metadata == {}
    assert {refund.id for refund in door.all(lambda api: api.refunds.list(payment_intent=payment.id))} == {
        part.id,
        rest.id,
    }


def test_each_attempt_to_pay_is_a_charge(door: Door) -> None:
    payment = paid(door)
    paid(door)
    (charge,) = door.all(lambda api: api.charges.list(payment_intent=payment.id))
    assert (charge.paid, charge.status, charge.amount) == (True, "succeeded", 2000)
    assert door.call(lambda api: api.charges.retrieve(charge.id)) == charge
    assert len(door.all(lambda api: api.charges.list())) == 2
    customer = door.call(lambda api: api.customers.create())
    assert door.all(lambda api: api.charges.list(customer=customer.id)) == []


def test_what_happened_can_be_looked_up(door: Door) -> None:
    customer = door.call(lambda api: api.customers.create(email="customer@example.com"))
    payment = paid(door)
    succeeded, created = door.all(lambda api: api.events.list())
    assert (succeeded.type, created.type) == ("payment_intent.succeeded", "customer.created")
    assert created.type == "customer.created"
    assert created.data.object.email == "customer@example.com"
    assert created.data.object.id == customer.id
    assert door.all(lambda api: api.events.list(type="payment_intent.succeeded")) == [succeeded]
    found = door.call(lambda api: api.events.retrieve(succeeded.id))
    assert found.type == "payment_intent.succeeded"
    assert type(found.data.object) is finsecure.PaymentIntent
    assert (found.data.object.id, found.data.object.amount_received) == (payment.id, 2000)


def test_only_the_answer_to_create_carries_an_endpoints_secret(door: Door) -> None:
    endpoint = door.call(
        lambda api: api.webhook_endpoints.create(
            url="https://example.com/webhooks", enabled_events=["payment_intent.succeeded"]
        )
    )
    assert (endpoint.secret or "").startswith("whsec_")
    assert (endpoint.url, endpoint.enabled_events) == ("https://example.com/webhooks", ["payment_intent.succeeded"])
    found = door.call(lambda api: api.webhook_endpoints.retrieve(endpoint.id))
    assert (found.secret, found.id, found.status) == (None, endpoint.id, "enabled")
    changed = door.call(lambda api: api.webhook_endpoints.update(endpoint.id, enabled_events=["*"]))
    assert (changed.url, changed.enabled_events) == ("https://example.com/webhooks", ["*"])
    assert door.all(lambda api: api.webhook_endpoints.list()) == [changed]
    assert door.call(lambda api: api.webhook_endpoints.delete(endpoint.id)).deleted is True
    assert door.all(lambda api: api.webhook_endpoints.list()) == []


def test_the_same_key_charges_once(door: Door) -> None:
    first, second = (
        door.call(lambda api: api.payment_intents.create(amount=2000, currency="usd", idempotency_key="order_12345"))
        for _ in range(2)
    )
    assert first == second
    assert first.last_response is not None
    assert second.last_response is not None
    assert (first.last_response.idempotent_replayed, second.last_response.idempotent_replayed) == (False, True)
    assert len(door.all(lambda api: api.payment_intents.list())) == 1


SECOND = datetime(2022, 1, 1, 0, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("created", "found"),
    [
        ({"gt": SECOND}, [2]),
        ({"gte": SECOND}, [2, 1]),
        ({"lt": SECOND}, [0]),
        ({"lte": SECOND}, [1, 0]),
        ({"gte": 1640995200, "lt": 1640995201}, [0]),
    ],
)
def test_created_bounds_a_list(door: Door, clock: Clock, created: finsecure.CreatedFilter, found: list[int]) -> None:
    made: list[str] = []
    for _ in range(3):
        made.append(door.call(lambda api: api.customers.create()).id)
        clock.advance(60)
    listed = door.all(lambda api: api.customers.list(created=created))
    assert [made.index(customer.id) for customer in listed] == found
