"""The objects that the API answers: nothing is lost, nothing secret is shown, and no money is lost to a shape."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import copy
import json
import logging
import pickle
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

import finsecure
from finsecure._http import Request, Response
from finsecure.resources._object import WrittenTime
from finsecure.resources._validate import validator

if TYPE_CHECKING:
    from tests.conftest import Door

# The reference's own answers: Create Payment Intent, Confirm Payment Intent, Retrieve Payment Method, Create Customer.
INTENT: dict[str, Any] = {
    "id": "pi_1234567890abcdef",
    "object": "payment_intent",
    "amount": 2000,
    "amount_received": 0,
    "currency": "usd",
    "status": "requires_payment_method",
    "client_secret": "pi_1234567890abcdef_secret_abcdef1234567890",
    "created": 1640995200,
    "description": "Payment for Premium Subscription",
    "last_payment_error": None,
    "livemode": False,
    "metadata": {"order_id": "order_12345", "customer_segment": "premium"},
    "next_action": None,
    "payment_method": None,
    "payment_method_types": ["card", "ach"],
    "receipt_email": "customer@example.com",
    "setup_future_usage": "off_session",
    "shipping": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}
CONFIRMED: dict[str, Any] = {
    "id": "pi_1234567890abcdef",
    "object": "payment_intent",
    "amount": 2000,
    "amount_received": 2000,
    "currency": "usd",
    "status": "succeeded",
    "charges": {
        "object": "list",
        "data": [
            {
                "id": "ch_1234567890abcdef",
                "object": "charge",
                "amount": 2000,
                "currency": "usd",
                "description": "Payment for Premium Subscription",
                "paid": True,
                "status": "succeeded",
                "created": 1640995260,
            }
        ],
    },
}
METHOD: dict[str, Any] = {
    "id": "pm_1234567890abcdef",
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
        "fingerprint": "abcdef1234567890",
        "funding": "credit",
        "last4": "4242",
        "networks": {"available": ["visa"], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    },
    "billing_details": {
        "address": {
            "city": "San Francisco",
            "country": "US",
            "line1": "123 Main St",
            "line2": None,
            "postal_code": "94105",
            "state": "CA",
        },
        "email": "john.smith@example.com",
        "name": "John Smith",
        "phone": None,
    },
    "created": 1640995200,
    "customer": "cus_1234567890",
    "livemode": False,
    "metadata": {},
}
CUSTOMER: dict[str, Any] = {
    "id": "cus_1234567890",
    "object": "customer",
    "created": 1640995200,
    "default_source": None,
    "description": "Premium subscription customer",
    "email": "customer@example.com",
    "invoice_prefix": "ABCD123",
    "invoice_settings": {"custom_fields": None, "default_payment_method": "pm_1234567890abcdef", "footer": None},
    "livemode": False,
    "metadata": {"customer_segment": "premium", "signup_source": "website"},
    "name": "John Smith",
    "phone": "+1-555-123-4567",
    "preferred_locales": [],
    "shipping": None,
    "tax_exempt": "none",
}
REFERENCE: list[tuple[type[Any], dict[str, Any]]] = [
    (finsecure.PaymentIntent, INTENT),
    (finsecure.PaymentIntent, CONFIRMED),
    (finsecure.PaymentMethod, METHOD),
    (finsecure.Customer, CUSTOMER),
]
WHOLE = {"id": "pi_1", "object": "payment_intent", "amount": 2000, "currency": "usd", "status": "succeeded"}
MIDNIGHT = datetime(2022, 1, 1, tzinfo=timezone.utc)


def read(model: type[Any], body: object) -> Any:
    """An object as an answer brings it."""
    return validator(model).validate_json(json.dumps(body))


def intent(**fields: object) -> Any:
    return read(finsecure.PaymentIntent, {"id": "pi_1", "object": "payment_intent", **fields})


# ------------------------------------------------------------------------------------------------------------------
# Fields


@pytest.mark.parametrize(("model", "body"), REFERENCE)
def test_every_field_of_the_reference_is_a_typed_attribute(model: type[Any], body: dict[str, Any]) -> None:
    found = read(model, body)
    assert set(body) <= set(model.model_fields)
    assert getattr(found, "created", None) == (MIDNIGHT if "created" in body else None)
    plain = [name for name, value in body.items() if not isinstance(value, dict) and name != "created"]
    assert {name: getattr(found, name) for name in plain} == {name: body[name] for name in plain}


@pytest.mark.parametrize(("model", "body"), REFERENCE)
def test_what_came_is_written_back_as_it_came(model: type[Any], body: dict[str, Any]) -> None:
    found = read(model, body)
    assert found.to_dict() == body
    assert list(found.to_dict()) == list(body)
    assert json.loads(found.to_json()) == body


def test_parts_are_typed_too() -> None:
    method = read(finsecure.PaymentMethod, METHOD)
    assert method.card.checks.cvc_check == "pass"
    assert (method.card.networks.available, method.card.three_d_secure_usage.supported) == (["visa"], True)
    assert method.billing_details.address.postal_code == "94105"
    (charge,) = read(finsecure.PaymentIntent, CONFIRMED).charges.data
    assert (type(charge), charge.paid) == (finsecure.Charge, True)
    assert charge.created == MIDNIGHT + timedelta(minutes=1)


def test_a_field_that_did_not_come_is_none() -> None:
    """But for those that every whole object has, which raise: an intent without an amount is a partial one."""
    found = intent()
    missing = set(finsecure.PaymentIntent.model_fields) - {"id", "object", "amount", "currency", "status", "created"}
    assert not any(hasattr(found, name) for name in ("amount", "currency", "status", "created"))
    assert {getattr(found, name) for name in missing} == {None}
    assert found.to_dict() == {"id": "pi_1", "object": "payment_intent"}


def test_a_list_in_an_object_iterates_its_objects() -> None:
    """`intent.charges` is used as the list it holds; pydantic would yield the names of its fields."""
    charge: dict[str, Any] = {"id": "ch_1", "object": "charge", "amount": 1, "currency": "usd", "status": "succeeded"}
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 1, "currency": "usd", "status": "succeeded"}
    create: Any = finsecure.PaymentIntent
    charges: Any = create(**intent, charges={"object": "list", "data": [charge]}).charges
    assert list(charges) == charges.data
    assert (len(charges), bool(charges)) == (1, True)
    assert charges.data[0] in charges
    assert "data" not in charges
    empties: tuple[dict[str, Any], ...] = ({"object": "list", "data": []}, {"object": "list"}, {"data": None})
    for empty in empties:
        charges = create(**intent, charges=empty).charges
        assert (list(charges), len(charges), bool(charges)) == ([], 0, False)


def test_an_unknown_field_is_kept_and_can_be_read() -> None:
    found = intent(next_big_thing={"a": [1, None]}, items=[1])
    assert found.next_big_thing == {"a": [1, None]}
    assert found.items == [1]
    assert found.to_dict()["next_big_thing"] == {"a": [1, None]}
    method = read(finsecure.PaymentMethod, {"id": "pm_1", "object": "payment_method", "card": {"new": 1}})
    assert method.card.new == 1
    with pytest.raises(AttributeError, match="not_there"):
        _ = found.not_there


def test_values_that_are_not_known_yet_pass_through(caplog: pytest.LogCaptureFixture) -> None:
    found = intent(status="requires_capture", payment_method_types=["sepa"], setup_future_usage="sometimes")
    assert (found.status, found.payment_method_types) == ("requires_capture", ["sepa"])
    assert found.setup_future_usage == "sometimes"
    assert caplog.records == []


LENIENT: list[tuple[type[Any], str, Any]] = [
    (finsecure.PaymentIntent, "amount_received", "2000"),
    (finsecure.PaymentIntent, "amount_received", 20.5),
    (finsecure.PaymentIntent, "livemode", "false"),
    (finsecure.PaymentIntent, "livemode", 0),
    (finsecure.PaymentIntent, "description", 7),
    (finsecure.PaymentIntent, "metadata", ["a"]),
    (finsecure.PaymentIntent, "metadata", {"seats": 2}),
    (finsecure.PaymentIntent, "payment_method_types", "card"),
    (finsecure.PaymentIntent, "payment_method", {"id": "pm_1"}),
    (finsecure.PaymentIntent, "next_action", "redirect"),
    (finsecure.PaymentIntent, "last_payment_error", []),
    (finsecure.PaymentIntent, "charges", [1]),
    (finsecure.PaymentIntent, "charges", "ch_1"),
    (finsecure.PaymentIntent, "shipping", "soon"),
    (finsecure.PaymentIntent, "created", "yesterday"),
    (finsecure.PaymentIntent, "created", True),
    (finsecure.PaymentIntent, "created", [2022]),
    (finsecure.PaymentIntent, "created", 10**30),
    (finsecure.PaymentMethod, "card", "4242"),
    (finsecure.PaymentMethod, "type", 1),
    (finsecure.Customer, "email", {"address": "a@b.c"}),
    (finsecure.Customer, "preferred_locales", [1]),
    (finsecure.Customer, "deleted", "yes"),
    (finsecure.Charge, "paid", 1),
    (finsecure.Refund, "reason", 1),
    (finsecure.WebhookEndpoint, "enabled_events", "*"),
]
NAMES: dict[type[Any], str] = {
    finsecure.PaymentIntent: "payment_intent",
    finsecure.PaymentMethod: "payment_method",
    finsecure.Customer: "customer",
    finsecure.Charge: "charge",
    finsecure.Refund: "refund",
    finsecure.WebhookEndpoint: "webhook_endpoint",
}


@pytest.mark.parametrize(("model", "field", "value"), LENIENT)
def test_an_unexpected_shape_arrives_as_it_came_with_a_warning(
    caplog: pytest.LogCaptureFixture, model: type[Any], field: str, value: Any
) -> None:
    body = {"id": "xx_1", "object": NAMES[model], field: value}
    found = read(model, body)
    assert getattr(found, field) == value
    assert type(getattr(found, field)) is type(value)
    assert found.to_dict() == json.loads(found.to_json()) == body
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("finsecure", logging.WARNING)
    shape = type(value).__name__
    assert record.getMessage() == f"{model.__name__}.{field} has an unexpected shape ({shape}): kept as it came"


STRICT: list[tuple[str, Any]] = [
    ("no object", []),
    ("a string", "pi_1"),
    ("nothing", None),
    ("no id", {"object": "payment_intent"}),
    ("id of a number", {"id": 1, "object": "payment_intent"}),
    ("id of null", {"id": None, "object": "payment_intent"}),
    ("no object name", {"id": "pi_1"}),
    ("another object", {"id": "cus_1", "object": "customer"}),
    *(
        (f"{field} of {value!r}", {"id": "pi_1", "object": "payment_intent", field: value})
        for field, value in [
            ("amount", "2000"),
            ("amount", 2000.0),
            ("amount", True),
            ("currency", 840),
            ("status", ["succeeded"]),
            ("status", 1),
        ]
    ),
]


@pytest.mark.parametrize("body", [body for _, body in STRICT], ids=[name for name, _ in STRICT])
def test_what_is_not_the_object_asked_for_is_tried_again_under_the_same_key_and_then_raised(
    wire: Door, server: respx.MockRouter, sent: Callable[[], list[httpx.Request]], body: Any
) -> None:
    server.route().respond(content=json.dumps(body), headers={"Request-Id": "req_1"})
    with pytest.raises(finsecure.APIError, match="not with the requested PaymentIntent") as caught:
        wire.call(lambda api: api.payment_intents.create(amount=2000, currency="usd"))
    error = caught.value
    assert (error.http_status, error.request_id, error.maybe_executed) == (200, "req_1", True)
    keys = {request.headers["idempotency-key"] for request in sent()}
    assert (len(sent()), keys) == (3, {error.idempotency_key})
    assert "send it again with idempotency_key=" in str(error)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no whole JSON text"),
        (b'{"id": "pi_1", "object"', "it is no whole JSON text"),
        (b'{"id": "pi_1", "object": "payment_intent", "x": NaN}', "it has NaN, Infinity or a number too large to hold"),
        (
            b'{"id": "pi_1", "object": "payment_intent", "x": -Infinity}',
            "it has NaN, Infinity or a number too large to hold",
        ),
        (b'{"id": "secret", "object": 1}', "object has an unexpected value"),
        (b"\xff", "it is no whole JSON text"),
    ],
)
def test_an_answer_that_is_none_says_why_and_shows_nothing_of_it(
    wire: Door, server: respx.MockRouter, content: bytes, why: str
) -> None:
    server.route().respond(content=content)
    with pytest.raises(finsecure.APIError, match=why) as caught:
        wire.call(lambda api: api.payment_intents.retrieve("pi_1"))
    assert "secret" not in str(caught.value)


HEAD = b'{"id": "pi_1", "object": "payment_intent", "amount": 1, "currency": "usd", "status": "succeeded", "x": '


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (b"[" + b'{"a":1},' * 60_000 + b"1]", "more values or longer texts than any response"),
        (b'"' + "\U0001f600".encode() * 12_000_000 + b'"', "larger than"),
        ('"\U0001f600'.encode() + b"x" * 12_000_000 + b'"', "more values or longer texts than any response"),
        (b"{" + b",".join(b'"%d": NaN' % n for n in range(200)) + b"}", "it has NaN, Infinity or a number too large"),
    ],
    ids=["values", "bytes", "wide text", "mistakes"],
)
def test_an_answer_that_would_take_much_memory_is_refused(
    wire: Door, server: respx.MockRouter, more: bytes, why: str
) -> None:
    server.route().respond(content=HEAD + more + b"}")
    with pytest.raises(finsecure.APIError, match=why):
        wire.call(lambda api: api.payment_intents.retrieve("pi_1"))


def test_text_that_only_mentions_infinity_is_fine(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json={**WHOLE, "description": "NaN and Infinity"})
    found = wire.call(lambda api: api.payment_intents.retrieve("pi_1"))
    assert found.description == "NaN and Infinity"


def test_an_unknown_event_answer_that_is_none_is_named_event(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json={})
    with pytest.raises(finsecure.APIError, match="not with the requested Event: id is missing"):
        wire.call(lambda api: api.events.retrieve("evt_1"))


def test_an_event_of_a_known_type_has_the_shape_of_that_type(wire: Door, server: respx.MockRouter) -> None:
    body = {"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {"id": 1}}}
    server.route().respond(json=body)
    with pytest.raises(finsecure.APIError):
        wire.call(lambda api: api.events.retrieve("evt_1"))


# ------------------------------------------------------------------------------------------------------------------
# When


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1640995200, MIDNIGHT),
        (0, datetime(1970, 1, 1, tzinfo=timezone.utc)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
        (1640995200.5, MIDNIGHT + timedelta(seconds=0.5)),
        (0.0078125, datetime(1970, 1, 1, 0, 0, 0, 7813, tzinfo=timezone.utc)),
        (1640995200.0, MIDNIGHT),
        (25000000000, datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=25000000000)),
        (25000000000.5, datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=25000000000.5)),
        ("2022-01-01T00:00:00Z", MIDNIGHT),
        ("2022-01-01T00:00:00+00:00", MIDNIGHT),
        ("2022-01-01T01:00:00+01:00", MIDNIGHT),
        ("2022-01-01T00:00:00", MIDNIGHT),
        ("2022-01-01T00:00:00.250Z", MIDNIGHT + timedelta(seconds=0.25)),
    ],
)
def test_created_is_an_aware_utc_datetime_and_written_as_it_came(value: Any, moment: datetime) -> None:
    found = intent(created=value)
    assert found.created == moment
    assert found.created.utcoffset() == timedelta(0)
    assert found.to_dict()["created"] == value
    assert json.loads(found.to_json())["created"] == value


def test_a_moment_that_came_as_text_is_a_datetime_like_any_other() -> None:
    created = intent(created="2022-01-01T01:00:00+01:00").created
    assert created.isoformat() == "2022-01-01T00:00:00+00:00"
    assert created + timedelta(days=1) > MIDNIGHT
    assert type(pickle.loads(pickle.dumps(created + timedelta(days=1)))) is WrittenTime
    again = pickle.loads(pickle.dumps(created))
    assert (again, again.text) == (created, "2022-01-01T01:00:00+01:00")
    assert intent(created=created.isoformat()).created == created


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_xyz", min_size=1), inner, max_size=3),
    max_leaves=8,
)
LOOSE = sorted(set(finsecure.PaymentIntent.model_fields) - {"id", "object", "amount", "currency", "status"})


@given(st.dictionaries(st.sampled_from([*LOOSE, "unknown", "items"]), json_values, max_size=6))
def test_whatever_comes_in_secondary_fields_is_written_back(fields: dict[str, Any]) -> None:
    body = {"id": "pi_1", "object": "payment_intent", **fields}
    found = intent(**fields)
    assert found.to_dict() == body
    assert json.loads(found.to_json()) == body
    assert found == pickle.loads(pickle.dumps(found)) == copy.deepcopy(found)
    assert repr(found).startswith("PaymentIntent(id='pi_1'")


# ------------------------------------------------------------------------------------------------------------------
# As Python objects


def test_last_response_says_how_the_answer_came(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(201, json=CONFIRMED, headers={"request-id": "req_1", "idempotent-replayed": "true"})
    found = wire.call(lambda api: api.payment_intents.cancel(CONFIRMED["id"], idempotency_key="order_1"))
    assert found.last_response == finsecure.LastResponse(
        status_code=201,
        request_id="req_1",
        attempts=1,
        elapsed=0.0,
        idempotency_key="order_1",
        idempotent_replayed=True,
    )
    assert found.charges is not None
    assert found.charges.data is not None
    assert not hasattr(found.charges.data[0], "last_response")


def test_the_headers_of_an_answer_can_be_read(wire: Door, server: respx.MockRouter) -> None:
    """In any case, read-only, without cookies, and also after a pickle."""
    server.route().respond(json=INTENT, headers={"X-Region": "eu", "Set-Cookie": "session=1"})
    found = wire.call(lambda api: api.payment_intents.retrieve(INTENT["id"]))
    headers = found.last_response.headers
    assert headers["x-region"] == headers["X-REGION"] == "eu"
    assert headers["set-cookie"] == "[hidden]"
    assert "eu" not in repr(found.last_response)
    assert pickle.loads(pickle.dumps(found)).last_response.headers == headers
    with pytest.raises(TypeError):
        cast("Any", headers)["x-region"] = "us"


@pytest.mark.parametrize("headers", [{}, {"idempotent-replayed": "false"}, {"idempotent-replayed": ""}])
def test_an_answer_is_replayed_only_where_its_header_says_true(
    wire: Door, server: respx.MockRouter, headers: dict[str, str]
) -> None:
    server.route().respond(json=CONFIRMED, headers=headers)
    confirmed = wire.call(lambda api: api.payment_intents.cancel(CONFIRMED["id"]))
    assert confirmed.last_response is not None
    assert not confirmed.last_response.idempotent_replayed


def test_last_response_is_not_part_of_an_object(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json=INTENT)
    found = wire.call(lambda api: api.payment_intents.retrieve(INTENT["id"]))
    assert found == intent(**INTENT)
    assert "last_response" not in found.to_json()
    assert pickle.loads(pickle.dumps(found)).last_response == found.last_response
    assert copy.copy(found).last_response == copy.deepcopy(found).last_response == found.last_response


def test_objects_are_equal_when_they_are_of_one_kind_and_say_the_same() -> None:
    assert intent(amount=1, new=[1]) == intent(new=[1], amount=1)
    assert intent(amount=1) != intent(amount=2)
    assert intent(new=1) != intent(new=2)
    assert intent(description=None) == intent()
    assert intent() != {"id": "pi_1", "object": "payment_intent"}
    parts = [read(finsecure.PaymentMethod, METHOD).card for _ in range(2)]
    assert parts[0] == parts[1]


def test_objects_can_be_in_sets() -> None:
    assert len({intent(metadata={"a": "b"}), intent(metadata={"a": "b"}), intent(amount=1)}) == 2
    assert len({read(finsecure.PaymentMethod, METHOD).card for _ in range(2)}) == 1


WAYS: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "body"), REFERENCE)
def test_objects_are_copied_and_pickled_whole(
    model: type[Any], body: dict[str, Any], way: Callable[[Any], Any]
) -> None:
    found = read(model, {**body, "new": [1]})
    again = way(found)
    assert again == found
    assert again is not found
    assert again.to_json() == found.to_json()


def test_objects_are_read_only_and_say_so() -> None:
    found = intent(amount=1)
    for name in ("amount", "new"):
        with pytest.raises(AttributeError, match=r"PaymentIntent is read-only.*Nothing was changed"):
            setattr(found, name, 2)
    with pytest.raises(AttributeError, match="read-only"):
        del found.amount
    assert found.amount == 1


def test_a_repr_shows_what_came_and_no_secret() -> None:
    found = intent(
        amount=2000,
        client_secret="pi_1_secret_abc",
        description="card 4242 4242 4242 4242",
        new={"number": "4242424242424242", "list": [{"cvc": "123"}], "plain": "yes"},
    )
    shown = repr(found)
    assert "pi_1_secret_abc" not in str(found)
    assert shown.startswith("PaymentIntent(id='pi_1', object='payment_intent', amount=2000, ")
    assert "'plain': 'yes'" in shown
    assert "receipt_email" not in shown  # it did not come
    for secret in ("abc", "4242", "123"):
        assert secret not in shown
    assert found.client_secret == "pi_1_secret_abc"
    endpoint = read(finsecure.WebhookEndpoint, {"id": "we_1", "object": "webhook_endpoint", "secret": "whsec_abc"})
    assert "abc" not in repr(endpoint)
    method = {"id": "pm_1", "object": "payment_method", "us_bank_account": {"routing_number": "110000000"}}
    assert "110000000" not in repr(read(finsecure.PaymentMethod, method))
    assert "secret=None" in repr(read(finsecure.WebhookEndpoint, {**endpoint.to_dict(), "secret": None}))


def test_a_validator_is_built_once() -> None:
    assert validator(finsecure.Charge) is validator(finsecure.Charge)


def test_requests_and_answers_do_not_show_what_is_in_them() -> None:
    assert repr(Response(200, {}, b"secret")) == "<Response 200>"
    request = Request("POST", "/v1/x?secret", [(b"a", b"secret")], b"secret", "secret", 1024)
    assert repr(request) == "<Request POST>"


def test_an_object_with_another_id_than_was_asked_for_is_none(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json={**WHOLE, "id": "pi_2"})
    with pytest.raises(finsecure.APIError, match="it has another id"):
        wire.call(lambda api: api.payment_intents.retrieve("pi_1"))


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_moment_outside_the_calendar_is_kept_as_it_came(wire: Door, server: respx.MockRouter, created: str) -> None:
    server.route().respond(json={**WHOLE, "created": created})
    intent = wire.call(lambda api: api.payment_intents.retrieve("pi_1"))
    assert intent.to_dict()["created"] == created


# ------------------------------------------------------------------------------------------------------------------
# Whole and partial


@pytest.mark.parametrize("field", ["object", "amount", "currency", "status"])
@pytest.mark.parametrize("how", ["missing", "null"])
def test_an_answer_without_what_makes_it_a_payment_is_none(
    wire: Door, server: respx.MockRouter, field: str, how: str
) -> None:
    """An answer whose amount, currency or status is missing or null is not the object that was asked for."""
    body: dict[str, Any] = {name: value for name, value in WHOLE.items() if name != field}
    if how == "null" and field != "object":
        body[field] = None
    server.route().respond(json=body)
    with pytest.raises(finsecure.APIError, match=f"requested PaymentIntent: {field} "):
        wire.call(lambda api: api.payment_intents.retrieve("pi_1"))


def test_the_references_confirm_answer_has_no_created_and_says_so() -> None:
    """Which makes no answer wrong; reading it says how to get it."""
    confirmed = read(finsecure.PaymentIntent, CONFIRMED)
    assert (confirmed.amount, confirmed.status) == (2000, "succeeded")
    with pytest.raises(AttributeError, match="created did not come"):
        _ = confirmed.created


def test_an_object_is_made_by_hand_with_any_fields() -> None:
    """Tests of users build what they need and no more; what was not given is not there."""
    assert finsecure.PaymentIntent(id="pi_1").to_dict() == {"id": "pi_1"}
    made = finsecure.PaymentIntent.model_construct(id="pi_1", status="succeeded")
    assert made.status == "succeeded"
    assert not hasattr(made, "amount")


def test_dumps_and_routes_leave_the_client_secret_out() -> None:
    """`model_dump`, and so a FastAPI route, leaves secrets out; `to_dict` and `to_json` have all that came."""
    found = intent(client_secret="pi_1_secret_abc")
    assert "client_secret" not in found.model_dump()
    assert "secret_abc" not in found.model_dump_json()
    assert found.to_dict()["client_secret"] == json.loads(found.to_json())["client_secret"] == "pi_1_secret_abc"
    endpoint = read(finsecure.WebhookEndpoint, {"id": "we_1", "object": "webhook_endpoint", "secret": "whsec_abc"})
    assert "secret" not in endpoint.model_dump()
    assert endpoint.to_dict()["secret"] == "whsec_abc"


def test_text_and_dicts_can_be_shaped() -> None:
    """Indented for people, without None for stores that have no null."""
    found = intent(
        description=None, metadata={"a": "b"}, charges={"object": "list", "data": [{"id": "ch_1", "x": None}]}
    )
    assert found.to_dict(exclude_none=True) == {
        "id": "pi_1",
        "object": "payment_intent",
        "metadata": {"a": "b"},
        "charges": {"object": "list", "data": [{"id": "ch_1"}]},
    }
    assert found.to_json(indent=2).splitlines()[:2] == ["{", '  "id": "pi_1",']
    assert "description" not in found.to_json(exclude_none=True)


MODELS = [
    finsecure.PaymentIntent,
    finsecure.Charge,
    finsecure.Refund,
    finsecure.Customer,
    finsecure.PaymentMethod,
    finsecure.Event,
    finsecure.UnknownEvent,
    finsecure.WebhookEndpoint,
]


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("model", MODELS)
def test_a_json_schema_says_what_is_written(model: type[Any], mode: Any) -> None:
    """`model_json_schema` works in both modes, and says of `created` that it is a number or text."""
    schema = model.model_json_schema(mode=mode)
    kinds = {arm["type"] for arm in schema["properties"]["created"]["anyOf"]}
    assert kinds == {"integer", "number", "string"}
    if "amount" in schema["properties"]:
        assert schema["properties"]["amount"]["type"] == "integer"
    numbers = re.findall(r"-?[0-9]{20,}", json.dumps(schema))
    assert numbers == []
