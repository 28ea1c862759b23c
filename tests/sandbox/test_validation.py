"""What is refused, and which parameter the answer names. Reference: Error Handling, "Invalid Request Errors"."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox

INTENTS, METHODS, CUSTOMERS, REFUNDS, ENDPOINTS = (
    "/v1/payment_intents",
    "/v1/payment_methods",
    "/v1/customers",
    "/v1/refunds",
    "/v1/webhook_endpoints",
)
PAY = {"amount": 2000, "currency": "usd"}
NUMBER = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"}
BANK = {"routing_number": "110000000", "account_number": "000123456789"}
HOOK = {"url": "https://shop.example/", "enabled_events": ["*"]}


def card(**changes: object) -> dict[str, object]:
    return {"type": "card", "card": {**NUMBER, **changes}}


def bank(**changes: object) -> dict[str, object]:
    return {"type": "us_bank_account", "us_bank_account": {**BANK, **changes}}


REFUSED: list[tuple[str, object, str | None]] = [
    (INTENTS, {"currency": "usd"}, "amount"),
    (INTENTS, {"amount": 2000}, "currency"),
    (INTENTS, {**PAY, "amount": None}, "amount"),
    *((INTENTS, {**PAY, "amount": bad}, "amount") for bad in (0, -1, True, 20.0, "2000", [2000], 10**12, 10**30)),
    *((INTENTS, {**PAY, "currency": bad}, "currency") for bad in ("USD", "us", "xxx", "dollars", "", 840)),
    *(
        (INTENTS, {**PAY, "payment_method_types": bad}, "payment_method_types")
        for bad in ("card", [], [1], ["card", "card"], ["cash"])
    ),
    *((INTENTS, {**PAY, "receipt_email": bad}, "receipt_email") for bad in ("", "a", "a@b", "a b@c.de", "a@b.", 1)),
    (INTENTS, {**PAY, "receipt_email": "a" * 320 + "@b.de"}, "receipt_email"),
    (INTENTS, {**PAY, "description": 1}, "description"),
    (INTENTS, {**PAY, "description": "a" * 1001}, "description"),
    (INTENTS, {**PAY, "payment_method": "pm_1"}, "payment_method"),
    (INTENTS, {**PAY, "metadata": []}, "metadata"),
    (INTENTS, {**PAY, "metadata": {"a": 1}}, "metadata.a"),
    (INTENTS, {**PAY, "metadata": {"a": "b" * 501}}, "metadata.a"),
    (INTENTS, {**PAY, "metadata": {"a" * 41: "b"}}, "metadata"),
    (INTENTS, {**PAY, "metadata": {"": "b"}}, "metadata"),
    (INTENTS, {**PAY, "metadata": {str(number): "b" for number in range(51)}}, "metadata"),
    (INTENTS, {**PAY, "setup_future_usage": "always"}, "setup_future_usage"),
    (INTENTS, {**PAY, "ammount": 1}, "ammount"),
    (INTENTS, {**PAY, "customer": {}}, "customer"),
    (METHODS, {}, "type"),
    (METHODS, {"type": "cash"}, "type"),
    (METHODS, {"type": ["card"]}, "type"),
    (METHODS, {"type": "card"}, "card"),
    (METHODS, {"type": "card", "card": "4242424242424242"}, "card"),
    (METHODS, {**card(), "us_bank_account": BANK}, "us_bank_account"),
    (METHODS, {"type": "us_bank_account", "card": NUMBER}, "card"),
    *((METHODS, card(number=bad), "card.number") for bad in (None, 4242424242424242, "4242 4242 4242 4242", "42", "")),
    *((METHODS, card(exp_month=bad), "card.exp_month") for bad in (0, 13, "12", None, True)),
    *((METHODS, card(exp_year=bad), "card.exp_year") for bad in (25, 99999, "2025", None)),
    *((METHODS, card(cvc=bad), "card.cvc") for bad in (123, "12", "12345", "abc", "١٢٣")),
    (METHODS, card(pin="1234"), "card.pin"),
    *((METHODS, bank(routing_number=bad), "us_bank_account.routing_number") for bad in ("11", 110000000, None)),
    *((METHODS, bank(account_number=bad), "us_bank_account.account_number") for bad in ("1", 123456, None)),
    (METHODS, bank(account_holder_type="robot"), "us_bank_account.account_holder_type"),
    (METHODS, bank(account_type="shoe_box"), "us_bank_account.account_type"),
    (METHODS, {**card(), "billing_details": {"address": {"city": 1}}}, "billing_details.address.city"),
    (METHODS, {**card(), "billing_details": {"planet": "Mars"}}, "billing_details.planet"),
    (METHODS, {**card(), "billing_details": {"email": "x"}}, "billing_details.email"),
    (CUSTOMERS, {"email": "x"}, "email"),
    (CUSTOMERS, {"phone": 1}, "phone"),
    (CUSTOMERS, {"invoice_settings": {"footer": 1}}, "invoice_settings.footer"),
    (CUSTOMERS, {"invoice_settings": {"custom_fields": [{"name": "a"}]}}, "invoice_settings.custom_fields.value"),
    (REFUNDS, {}, "payment_intent"),
    (REFUNDS, {"payment_intent": "pi_1", "amount": 0}, "amount"),
    (REFUNDS, {"payment_intent": "pi_1", "reason": 1}, "reason"),
    (ENDPOINTS, {"enabled_events": ["*"]}, "url"),
    (ENDPOINTS, {"url": "https://shop.example/"}, "enabled_events"),
    *(
        (ENDPOINTS, {**HOOK, "enabled_events": bad}, "enabled_events")
        for bad in ([], "*", ["payment.paid"], ["*", "*"])
    ),
    (INTENTS, [], None),
    (INTENTS, "text", None),
    (INTENTS, None, None),
]


@pytest.mark.parametrize(("path", "body", "param"), REFUSED)
def test_a_wrong_parameter_is_named(api: httpx.Client, path: str, body: object, param: str | None) -> None:
    answer = api.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("param")) == (400, "invalid_request_error", param)
    assert error["doc_url"] == "https://developers.finsecure.com/errors#what-to-do"
    assert api.get(path).json()["data"] == []


def test_a_missing_parameter_reads_as_in_the_reference(api: httpx.Client) -> None:
    assert api.post(INTENTS, json={}).json()["error"]["message"] == "Missing required param: amount"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (INTENTS, {**PAY, "description": ""}),
        (INTENTS, {**PAY, "description": "a" * 1000}),
        (INTENTS, {**PAY, "metadata": {f"{number:040}": "b" * 500 for number in range(50)}}),
        (CUSTOMERS, {"name": "", "phone": "", "description": ""}),
        (METHODS, {**card(), "billing_details": {"name": "", "phone": "", "address": {"line2": ""}}}),
        (METHODS, card(exp_month=1, exp_year=2020)),
        *((INTENTS, {**PAY, "currency": code}) for code in ("jpy", "kwd", "clf", "uyi")),
    ],
)
def test_what_is_odd_but_right_is_accepted(api: httpx.Client, path: str, body: dict[str, object]) -> None:
    """Empty text, as web forms send it, the longest text, a card whose time is over, any currency of ISO 4217."""
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    if path in {INTENTS, CUSTOMERS}:
        assert {name: answer.json()[name] for name in body} == body


def test_an_unknown_version_of_the_api_is_refused(api: httpx.Client) -> None:
    assert api.get(CUSTOMERS, headers={"FinSecure-Version": "2023-10-16"}).status_code == 200
    answer = api.get(CUSTOMERS, headers={"FinSecure-Version": "2031-01-01"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", "FinSecure-Version")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}{}",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"amount": 1e999}',
        b'{"description": "\xff"}',
        b'{"description": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"amount": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_not_json_is_refused(api: httpx.Client, content: bytes) -> None:
    answer = api.post(INTENTS, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_name_given_twice_is_refused(api: httpx.Client) -> None:
    answer = api.post(
        INTENTS,
        content=b'{"amount": 1, "currency": "usd", "amount": 2}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "amount")


def test_a_body_of_many_names_is_refused_at_once(api: httpx.Client) -> None:
    """It takes one look at each name, and not one at every other name for each."""
    names = [f'"{number}": 1' for number in [*range(60_000), 59_999]]
    content = f"{{{', '.join(names)}}}".encode()
    answer = api.post(INTENTS, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "59999")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1&limit=2", None),
        ("colour=red", "colour"),
        ("starting_after=", "starting_after"),
        ("starting_after=cus_9", "starting_after"),
        ("ending_before=cus_9", "ending_before"),
        ("starting_after=cus_1&ending_before=cus_1", "ending_before"),
        ("created[gte]=yesterday", "created[gte]"),
        ("created[lt]=2022-13-01", "created[lt]"),
        ("created[eq]=1", "created[eq]"),
        ("created=1", "created"),
        ("email=%ff", None),
    ],
)
def test_a_wrong_query_is_refused(api: httpx.Client, query: str, param: str | None) -> None:
    api.post(CUSTOMERS, json={})
    answer = api.get(f"{CUSTOMERS}?{query}")
    assert (answer.status_code, answer.json()["error"].get("param")) == (400, param)


def test_a_cursor_of_another_resource_is_refused(api: httpx.Client, paid: dict[str, Any]) -> None:
    answer = api.get(f"/v1/charges?starting_after={paid['id']}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "starting_after")


def test_a_query_where_none_belongs_is_refused(api: httpx.Client) -> None:
    assert api.post(f"{CUSTOMERS}?limit=1", json={}).json()["error"]["param"] == "limit"
    ident = api.post(CUSTOMERS, json={}).json()["id"]
    assert api.get(f"{CUSTOMERS}/{ident}?expand=x").json()["error"]["param"] == "expand"


def test_a_body_where_none_belongs_is_refused(api: httpx.Client) -> None:
    answer = api.request("GET", CUSTOMERS, json={"limit": 1})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize(
    "path", ["/", "/v2/customers", "/v1/cards", "/v1/customers/", "/v1/customers/a/b", "/v1/customers/cus_1/confirm"]
)
def test_an_unknown_path_is_not_found(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", INTENTS, "POST, GET"),
        ("PATCH", f"{CUSTOMERS}/cus_1", "GET, PUT, DELETE"),
        ("POST", "/v1/events", "GET"),
        ("GET", f"{INTENTS}/pi_1/confirm", "POST"),
        ("HEAD", CUSTOMERS, "POST, GET"),
    ],
)
def test_a_wrong_method_gets_the_allowed_ones(api: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = api.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_must_be_sent_as_json(api: httpx.Client, content_type: str) -> None:
    answer = api.post(INTENTS, content=json.dumps(PAY), headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]["type"]) == (415, "invalid_request_error")


def test_a_charset_in_the_content_type_is_fine(api: httpx.Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert api.post(INTENTS, content=json.dumps(PAY), headers=headers).status_code == 200


def test_an_id_is_decoded_before_it_is_looked_up(api: httpx.Client) -> None:
    ident = api.post(CUSTOMERS, json={}).json()["id"]
    assert api.get(f"{CUSTOMERS}/%63us_1").json()["id"] == ident
    assert api.get(f"{CUSTOMERS}/a%2Fb").json()["error"]["message"] == "No such customer: 'a/b'"


def test_an_id_of_another_kind_is_not_found(api: httpx.Client) -> None:
    ident = api.post(CUSTOMERS, json={}).json()["id"]
    assert api.get(f"{INTENTS}/{ident}").status_code == 404


def test_every_answer_has_a_request_id_of_its_own(sandbox: Sandbox, api: httpx.Client) -> None:
    answers = [api.get(CUSTOMERS), api.get("/v1/nothing"), api.post(INTENTS, json={}), api.get("/sandbox/3d_secure/x")]
    answers.append(httpx.Client(transport=sandbox.transport).get(sandbox.base_url))
    answers += [api.get(path) for path in ("/sandbox/clock", "/sandbox/nothing", "/openapi.json", "/health")]
    answers.append(api.get(CUSTOMERS, headers={"Host": "evil.example"}))
    assert [answer.headers["request-id"] for answer in answers] == [f"req_{number}" for number in range(1, 11)]


def test_a_failure_of_the_sandbox_itself_is_a_500_that_leaves_nothing(
    connect: Callable[[Sandbox], httpx.Client], caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def ids(prefix: str) -> str:
        if prefix == "evt" and broken.pop():
            raise RuntimeError("no more ids")
        return "1"

    with Sandbox(ids=ids) as sandbox:
        api = connect(sandbox)
        answer = api.post(CUSTOMERS, json={"name": "Ada"}, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
        assert answer.json()["error"]["message"] == "An error occurred while processing your request"
        assert answer.headers["request-id"] == "req_1"
        assert "no more ids" in caplog.text
        assert api.get(CUSTOMERS).json()["data"] == []
        broken.append(False)
        again = api.post(CUSTOMERS, json={"name": "Ada"}, headers={"Idempotency-Key": "k"})
        assert (again.status_code, "idempotent-replayed" in again.headers) == (200, False)
