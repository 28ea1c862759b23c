"""`parse_event` reads what was stored of an event, however it was stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

import finsecure
from finsecure import WebhookPayloadError, WebhookUsageError, webhooks
from finsecure.sandbox import Sandbox

from ..conftest import NOON

SECRET = "whsec_obviously_fake"
PLANTED = "planted-in-the-body"

WAYS: dict[str, Callable[[finsecure.Event], Any]] = {
    "str": lambda event: event.to_json(),
    "bytes": lambda event: event.to_json().encode(),
    "bytearray": lambda event: bytearray(event.to_json().encode()),
    "memoryview": lambda event: memoryview(event.to_json().encode()),
    "with a byte order mark": lambda event: b"\xef\xbb\xbf" + event.to_json().encode(),
    "dict": lambda event: event.to_dict(),
    "dict of a JSON column": lambda event: json.loads(event.to_json()),
    "read-only mapping": lambda event: MappingProxyType(event.to_dict()),
    "dict of the event's fields": dict,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stored_event_is_what_was_delivered(sandbox: Sandbox, way: str) -> None:
    """Every type of event comes back as `construct_event` gave it: the same class, equal, and the same JSON."""
    client = sandbox.client()
    customer = client.customers.create(email="a@example.com", metadata={"order": "1"})
    client.customers.update(customer.id, name="A")
    client.payment_intents.create(amount=2000, currency="usd")
    for event in client.events.list(limit=100):
        body = event.to_json()
        delivered = webhooks.construct_event(body, webhooks.sign(body, SECRET), SECRET)
        stored = webhooks.parse_event(WAYS[way](delivered))
        assert (type(stored), stored, stored.to_json()) == (type(delivered), delivered, body)


def test_what_pydantic_dumped_is_read_as_well(sandbox: Sandbox) -> None:
    """`model_dump()` leaves datetimes in the dict, which JSON does not have."""
    client = sandbox.client()
    client.customers.create(email="a@example.com")
    (event,) = client.events.list()
    stored = webhooks.parse_event(event.model_dump())
    assert (type(stored), stored.id, stored.created) == (type(event), event.id, event.created)


# What a row, a document or `model_dump()` may have, and what JSON has in its place.
VALUES: dict[str, tuple[Any, Any]] = {
    "Decimal": (Decimal(1640995200), NOON),
    "Decimal with places": (Decimal("1640995200.0"), NOON),
    "Decimal with a fraction": (Decimal("1640995200.5"), NOON + 0.5),
    "datetime in UTC": (datetime(2022, 1, 1, tzinfo=timezone.utc), NOON),
    "datetime of another time zone": (datetime(2022, 1, 1, 3, tzinfo=timezone(timedelta(hours=3))), NOON),
    "datetime without a time zone": (datetime(2022, 1, 1), NOON),  # noqa: DTZ001 - as many databases give it
    "the first datetime": (datetime(1, 1, 1), -62_135_596_800),  # noqa: DTZ001
    "a moment before it": (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), -62_135_647_200),
    "the last datetime": (datetime(9999, 12, 31, 23, 59, 59), 253_402_300_799),  # noqa: DTZ001
    "bytes": (b"2022-01-01T00:00:00Z", "2022-01-01T00:00:00Z"),
    "memoryview": (memoryview(b"2022-01-01T00:00:00Z"), "2022-01-01T00:00:00Z"),
    "UUID": (UUID(int=1), str(UUID(int=1))),
    "read-only mapping": (MappingProxyType({"a": 1}), {"a": 1}),
    "None": (None, None),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_json_does_not_have_is_read_as_the_one_it_has(name: str) -> None:
    """In any field: the event is the one that the same JSON gives, and is written back as that."""
    given, as_json = VALUES[name]

    def event(value: Any) -> dict[str, Any]:
        about = {"object": "payout", "value": value}
        return {"id": "evt_1", "object": "event", "type": "a.b", "data": {"object": about}, "created": value}

    stored = webhooks.parse_event(event(given))
    assert stored == webhooks.parse_event(json.dumps(event(as_json)))
    assert stored.to_dict() == event(as_json)


def test_the_numbers_of_a_document_database_are_amounts() -> None:
    """DynamoDB has no other number than Decimal."""
    about = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": Decimal(2000),
        "currency": "usd",
        "status": "succeeded",
    }
    event = webhooks.parse_event(
        {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": about}}
    )
    assert isinstance(event, webhooks.PaymentIntentSucceeded)
    assert (event.data.object.amount, type(event.data.object.amount)) == (2000, int)


@pytest.mark.parametrize("as_text", [True, False])
def test_an_unknown_type_is_read_as_one(as_text: bool) -> None:
    given = {"id": "evt_1", "object": "event", "type": "payout.paid", "data": {"object": {"object": "payout"}}}
    event = webhooks.parse_event(json.dumps(given) if as_text else given)
    assert isinstance(event, finsecure.UnknownEvent)
    assert event.data.object == {"object": "payout"}


@pytest.mark.parametrize("type", ["payment_intent.succeeded", "payment_intent.of_a_new_kind"])
def test_an_event_with_a_partial_object_is_dumped_without_a_warning(type: str) -> None:
    """By its own methods and as the response of a FastAPI route. pydantic warned of the fields that did not come."""
    given = {"id": "evt_1", "object": "event", "type": type}
    event = webhooks.parse_event({**given, "data": {"object": {"id": "pi_1", "object": "payment_intent"}}})
    assert event.model_dump() == TypeAdapter(webhooks.Event).dump_python(event)
    assert event.model_dump_json() == TypeAdapter(webhooks.Event).dump_json(event).decode()
    assert webhooks.parse_event(event.model_dump()) == event


@pytest.mark.parametrize("as_text", [True, False])
def test_half_a_surrogate_pair_becomes_the_replacement_character(as_text: bool) -> None:
    about = {"id": "cus_1", "object": "customer", "name": "\ud800"}
    given = {"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": about}}
    event = webhooks.parse_event(json.dumps(given) if as_text else given)
    assert isinstance(event, webhooks.CustomerCreated)
    assert event.data.object.name == "\ufffd"


CIRCLE: dict[str, Any] = {"id": "evt_1", "object": "event"}
CIRCLE["data"] = CIRCLE
NO_EVENTS: dict[str, Any] = {
    "empty text": "",
    "no JSON": PLANTED,
    "cut short": '{"id": "evt_1", "object": "ev',
    "not UTF-8": b'{"id": "\xff"}',
    "a list": "[]",
    "null": "null",
    "empty dict": {},
    "an object": {"id": "cus_1", "object": "customer", "name": PLANTED},
    "an object as text": json.dumps({"id": "cus_1", "object": "customer", "name": PLANTED}),
    "no data": {"id": "evt_1", "object": "event", "type": "customer.created"},
    "NaN": {"id": "evt_1", "object": "event", "type": "a.b", "data": {"object": {"a": float("nan")}}},
    "a value that JSON does not have": {"id": object(), "object": "event"},
    "a set": {"id": "evt_1", "object": "event", "type": "a.b", "data": {"object": {"a": {PLANTED}}}},
    "bytes that are no text": {"id": b"\xff", "object": "event"},
    "a Decimal of a million digits": {"id": "evt_1", "object": "event", "type": "a.b", "created": Decimal("1E+999999")},
    "a dict in itself": CIRCLE,
}


@pytest.mark.parametrize("name", NO_EVENTS)
def test_what_is_no_event_is_refused(name: str) -> None:
    """The error says what is wrong, never what was stored, and has no other exception behind it."""
    with pytest.raises(WebhookPayloadError, match=r"^This is not an event: .+\.$") as raised:
        webhooks.parse_event(NO_EVENTS[name])
    assert PLANTED not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("given", [None, 5, ["evt_1"], object()])
def test_what_cannot_be_an_event_is_refused(given: Any) -> None:
    with pytest.raises(WebhookUsageError, match=f"stored is of type {type(given).__name__}: .*JSON text"):
        webhooks.parse_event(given)


def test_a_worker_may_be_given_a_dict_by_its_queue() -> None:
    """Some queues read JSON by themselves."""
    given: Any = {"id": "evt_1", "object": "event", "type": "a.b", "data": {"object": {"object": "a"}}}
    assert webhooks.Handler(SECRET, inbox=webhooks.MemoryInbox()).process(given).result == "ignored"
