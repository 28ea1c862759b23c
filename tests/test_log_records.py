"""The attributes of log records, by which those who log JSON read them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

import finsecure
from finsecure._log import _operation  # pyright: ignore[reportPrivateUsage]

if TYPE_CHECKING:
    import respx

    from tests.conftest import Door

INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 500, "currency": "usd", "status": "succeeded"}
DECLINED = {"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "message": "No."}}


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """What was added to a record."""
    usual = {*vars(logging.LogRecord("", 0, "", 0, "", None, None)), "message"}
    return {name: value for name, value in vars(record).items() if name not in usual}


def test_a_record_carries_its_facts(wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture) -> None:
    """Of each attempt and of the call: what was called and what came of it, and no secret."""
    server.route().mock(
        side_effect=[
            httpx.Response(503, json={"error": {"type": "api_error", "message": "Busy."}}),
            httpx.Response(200, json=INTENT, headers={"request-id": "req_2"}),
        ]
    )
    with caplog.at_level(logging.DEBUG, "finsecure"):
        wire.call(lambda api: api.payment_intents.cancel("pi_1", idempotency_key="order_1"))
    common = {"operation": "payment_intents.cancel", "method": "POST", "path": "/v1/payment_intents/{id}/cancel"}
    records = [facts(record) for record in caplog.records if record.name == "finsecure"]
    failed, second, call = records
    assert failed.pop("wait") >= 0
    refused = {"status": 503, "request_id": None, "error": "APIError", "code": None, "decline_code": None}
    assert failed == {**common, **refused, "attempt": 1}
    assert second == {**common, "status": 200, "request_id": "req_2", "attempt": 2, "wait": None}
    assert call.pop("duration") >= 0
    assert call == {**common, "status": 200, "request_id": "req_2", "attempts": 2}


def test_a_decline_says_which(wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture) -> None:
    """So that declines can be counted."""
    server.route().respond(402, json=DECLINED)
    with caplog.at_level(logging.INFO, "finsecure"), pytest.raises(finsecure.CardError):
        wire.call(lambda api: api.payment_intents.cancel("pi_1"))
    record = cast("Any", caplog.records[-1])
    assert (record.error, record.code, record.decline_code) == ("CardError", "card_declined", "lost_card")


def test_a_call_left_unfinished_carries_its_key(
    wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """The key to send it again with."""

    def interrupt(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    server.route().mock(side_effect=interrupt)
    with pytest.raises(KeyboardInterrupt):
        wire.call(lambda api: api.payment_intents.cancel("pi_1", idempotency_key="order_1"))
    record = cast("Any", caplog.records[-1])
    assert (record.idempotency_key, record.error) == ("order_1", "KeyboardInterrupt")


@pytest.fixture
def own_records() -> Iterator[None]:
    """A program whose records have a `request_id` of its own."""
    before = logging.getLogRecordFactory()

    def make(*args: Any, **options: Any) -> logging.LogRecord:
        record = before(*args, **options)
        record.request_id = "of the program"
        return record

    logging.setLogRecordFactory(make)
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("own_records")
def test_records_of_the_program_are_left_alone(
    wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """An attribute of the program's own is no reason to fail a payment."""
    server.route().respond(200, json=INTENT, headers={"request-id": "req_1"})
    with caplog.at_level(logging.INFO, "finsecure"):
        wire.call(lambda api: api.payment_intents.cancel("pi_1"))
    assert "request_id=req_1" in caplog.text
    assert facts(caplog.records[-1]) == {"request_id": "of the program"}


OPERATIONS = [
    ("POST", "/v1/refunds", "refunds.create"),
    ("GET", "/v1/refunds", "refunds.list"),
    ("GET", "/v1/refunds/{id}", "refunds.retrieve"),
    ("PUT", "/v1/refunds/{id}", "refunds.update"),
    ("DELETE", "/v1/customers/{id}", "customers.delete"),
    ("POST", "/v1/payment_methods/{id}/attach", "payment_methods.attach"),
    ("DELETE", "/v1/refunds", "refunds.delete"),
]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_an_operation_is_named_as_a_client_has_it(method: str, path: str, operation: str) -> None:
    """Also one that this version has no method for."""
    assert _operation(method, path) == operation
