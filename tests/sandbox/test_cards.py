"""The documented test cards, at confirm. Reference: API Testing, "Test Card Numbers"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox, cards

Intent = Callable[..., dict[str, Any]]
Card = Callable[..., str]

PAID = {
    "4242424242424242": ("visa", "credit"),
    "4000056655665556": ("visa", "debit"),
    "5555555555554444": ("mastercard", "credit"),
    "2223003122003222": ("mastercard", "credit"),
}
DECLINED = {
    "4000000000000002": ("card_declined", "generic_decline"),
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000009987": ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4100000000000019": ("card_declined", "fraudulent"),
    "4000000000000127": ("card_declined", "incorrect_cvc"),
    "4000000000000069": ("card_declined", "expired_card"),
    "4000000000000259": ("card_declined", "processing_error"),
    "4000000000000341": ("incorrect_number", None),
}
THREE_D_SECURE = "4000002760003184"
DECLINED_ONCE = "4000000000000267"
REFUNDED_LATE = {"4000000000007726", "4000000000005126"}  # tested with the refunds


def events(api: httpx.Client) -> list[str]:
    """The types of the events so far, oldest first."""
    return [event["type"] for event in reversed(api.get("/v1/events?limit=100").json()["data"])]


def test_every_card_is_tested_here() -> None:
    assert set(cards.CARDS) == {*PAID, *DECLINED, THREE_D_SECURE}
    assert set(cards.OWN_CARDS) == {DECLINED_ONCE, *REFUNDED_LATE}


@pytest.mark.parametrize("number", PAID)
def test_a_good_card_pays(api: httpx.Client, intent: Intent, card: Card, number: str) -> None:
    answer = api.post(
        f"/v1/payment_intents/{intent(description='Tea')['id']}/confirm", json={"payment_method": card(number)}
    )
    body = answer.json()
    assert (answer.status_code, body["status"], body["amount_received"]) == (200, "succeeded", 2000)
    (charge,) = body["charges"]["data"]
    assert body["charges"]["object"] == "list"
    assert (charge["paid"], charge["status"], charge["amount"], charge["description"]) == (
        True,
        "succeeded",
        2000,
        "Tea",
    )
    assert events(api) == ["payment_intent.succeeded"]


@pytest.mark.parametrize("number", PAID)
def test_a_card_has_its_brand_and_funding(api: httpx.Client, card: Card, number: str) -> None:
    shown = api.get(f"/v1/payment_methods/{card(number)}").json()["card"]
    assert (shown["brand"], shown["funding"]) == PAID[number]
    assert shown["networks"] == {"available": [shown["brand"]], "preferred": None}
    assert shown["last4"] == number[-4:]


@pytest.mark.parametrize("number", DECLINED)
def test_a_bad_card_is_declined_as_documented(api: httpx.Client, intent: Intent, card: Card, number: str) -> None:
    ident = intent()["id"]
    answer = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": card(number)})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (402, "card_error", "payment_method")
    assert (error["code"], error.get("decline_code")) == DECLINED[number]
    assert error["payment_intent"] == {"id": ident, "status": "requires_payment_method"}

    after = api.get(f"/v1/payment_intents/{ident}").json()
    assert (after["status"], after["amount_received"], after["payment_method"]) == ("requires_payment_method", 0, None)
    assert after["last_payment_error"] == {key: value for key, value in error.items() if key != "payment_intent"}
    (charge,) = api.get(f"/v1/charges?payment_intent={ident}").json()["data"]
    assert (charge["status"], charge["paid"]) == ("failed", False)
    assert charge["failure_code"] == (error.get("decline_code") or error["code"])
    assert charge["failure_message"] == error["message"]
    assert events(api) == ["payment_intent.payment_failed"]


def test_after_a_decline_another_card_pays(api: httpx.Client, intent: Intent, card: Card) -> None:
    ident = intent()["id"]
    api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": card("4000000000009995")})
    body = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": card()}).json()
    assert (body["status"], body["last_payment_error"]) == ("succeeded", None)
    assert [charge["status"] for charge in body["charges"]["data"]] == ["succeeded", "failed"]


def test_the_message_is_that_of_the_references_example(api: httpx.Client, intent: Intent, card: Card) -> None:
    path = f"/v1/payment_intents/{intent()['id']}/confirm"
    error = api.post(path, json={"payment_method": card("4000000000009995")}).json()["error"]
    assert error["message"] == "Your card was declined."


def test_a_processing_error_can_pass(api: httpx.Client, intent: Intent, card: Card) -> None:
    """The same payment succeeds at the second try, with the same payment method or with the number given again."""
    for again in (True, False):
        method, ident = card(DECLINED_ONCE), intent()["id"]
        first = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
        assert (first.status_code, first.json()["error"]["decline_code"]) == (402, "processing_error")
        second = {"payment_method": method if again else card(DECLINED_ONCE)}
        assert api.post(f"/v1/payment_intents/{ident}/confirm", json=second).json()["status"] == "succeeded"


def test_a_payment_method_has_its_processing_error_once(api: httpx.Client, intent: Intent, card: Card) -> None:
    method = {"payment_method": card(DECLINED_ONCE)}
    answers = [api.post(f"/v1/payment_intents/{intent()['id']}/confirm", json=method) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [402, 200, 200]


@pytest.fixture
def asked(api: httpx.Client, intent: Intent, card: Card) -> dict[str, Any]:
    """A payment that waits for the customer."""
    params = {"payment_method": card(THREE_D_SECURE), "return_url": "https://shop.example/back?cart=7"}
    body: dict[str, Any] = api.post(f"/v1/payment_intents/{intent()['id']}/confirm", json=params).json()
    return body


def test_3d_secure_asks_for_the_customer(api: httpx.Client, asked: dict[str, Any]) -> None:
    assert asked["status"] == "requires_action"
    assert asked["next_action"] == {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "url": f"https://sandbox.invalid/sandbox/3d_secure/{asked['id']}",
            "return_url": "https://shop.example/back?cart=7",
        },
    }
    assert asked["charges"]["data"] == []
    assert events(api) == ["payment_intent.requires_action"]


def test_3d_secure_needs_a_return_url(api: httpx.Client, intent: Intent, card: Card) -> None:
    ident = intent()["id"]
    answer = api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": card(THREE_D_SECURE)})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "return_url")
    assert api.get(f"/v1/payment_intents/{ident}").json()["status"] == "requires_payment_method"


def test_a_customer_who_authorises_pays(sandbox: Sandbox, api: httpx.Client, asked: dict[str, Any]) -> None:
    sandbox.resolve_action(asked["id"])
    after = api.get(f"/v1/payment_intents/{asked['id']}").json()
    assert (after["status"], after["amount_received"], after["next_action"]) == ("succeeded", 2000, None)
    assert events(api)[-1] == "payment_intent.succeeded"


def test_a_customer_who_fails_3d_secure_does_not_pay(
    sandbox: Sandbox, api: httpx.Client, asked: dict[str, Any]
) -> None:
    sandbox.resolve_action(asked["id"], succeed=False)
    after = api.get(f"/v1/payment_intents/{asked['id']}").json()
    assert (after["status"], after["next_action"]) == ("requires_payment_method", None)
    assert after["last_payment_error"]["decline_code"] == "authentication_failed"
    assert api.get(f"/v1/charges?payment_intent={asked['id']}").json()["data"][0]["status"] == "failed"
    assert events(api)[-1] == "payment_intent.payment_failed"


def test_only_a_waiting_payment_can_be_resolved(sandbox: Sandbox, paid: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has status succeeded, not requires_action"):
        sandbox.resolve_action(paid["id"])
    with pytest.raises(LookupError, match="No such payment_intent"):
        sandbox.resolve_action("pi_nowhere")


def test_a_waiting_payment_can_be_confirmed_with_another_card(
    api: httpx.Client, asked: dict[str, Any], card: Card
) -> None:
    body = api.post(f"/v1/payment_intents/{asked['id']}/confirm", json={"payment_method": card()}).json()
    assert (body["status"], body["next_action"]) == ("succeeded", None)


class TestPage:
    """The page that `next_action` leads to."""

    def test_it_shows_the_payment_and_two_buttons(self, sandbox: Sandbox, asked: dict[str, Any]) -> None:
        page = httpx.Client(transport=sandbox.transport).get(asked["next_action"]["redirect_to_url"]["url"])
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "2000" in page.text
        assert 'value="authorise"' in page.text
        assert 'value="fail"' in page.text

    @pytest.mark.parametrize(("outcome", "status"), [("authorise", "succeeded"), ("fail", "requires_payment_method")])
    def test_a_button_decides_and_sends_the_customer_back(
        self, api: httpx.Client, asked: dict[str, Any], outcome: str, status: str
    ) -> None:
        answer = api.post(f"/sandbox/3d_secure/{asked['id']}", data={"outcome": outcome})
        assert answer.status_code == 303
        assert answer.headers["location"] == f"https://shop.example/back?cart=7&payment_intent={asked['id']}"
        assert api.get(f"/v1/payment_intents/{asked['id']}").json()["status"] == status

    def test_it_refuses_what_is_not_one_of_its_buttons(self, api: httpx.Client, asked: dict[str, Any]) -> None:
        assert api.post(f"/sandbox/3d_secure/{asked['id']}", data={"outcome": "steal"}).status_code == 400
        assert api.put(f"/sandbox/3d_secure/{asked['id']}", data={"outcome": "authorise"}).status_code == 405
        assert api.get(f"/v1/payment_intents/{asked['id']}").json()["status"] == "requires_action"

    def test_it_says_when_there_is_nothing_to_authorise(self, api: httpx.Client, paid: dict[str, Any]) -> None:
        assert api.get(f"/sandbox/3d_secure/{paid['id']}").status_code == 409
        assert api.get("/sandbox/3d_secure/pi_nowhere").status_code == 404


def test_the_same_number_has_the_same_fingerprint(api: httpx.Client, card: Card) -> None:
    first, second, other = (
        api.get(f"/v1/payment_methods/{card(number)}").json()["card"]["fingerprint"]
        for number in ("4242424242424242", "4242424242424242", "5555555555554444")
    )
    assert first == second != other


@pytest.mark.parametrize("number", ["4111111111111111", "378282246310005"])
def test_any_other_number_is_refused_and_never_repeated(api: httpx.Client, number: str) -> None:
    details = {"number": number, "exp_month": 12, "exp_year": 2025, "cvc": "123"}
    answer = api.post("/v1/payment_methods", json={"type": "card", "card": details})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "card.number")
    assert "test card" in answer.json()["error"]["message"]
    assert number not in answer.text


NUMBER = "4242 4242-42424242"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/v1/payment_methods/{NUMBER}/attach", {"customer": "cus_9"}),
        ("/v1/customers", {NUMBER: "x"}),
        ("/v1/customers", {"metadata": {NUMBER: 1}}),
        ("/v1/refunds", {"payment_intent": NUMBER}),
        (f"/v1/{NUMBER}", {}),
    ],
)
def test_a_number_in_the_wrong_place_is_not_repeated(api: httpx.Client, path: str, body: dict[str, object]) -> None:
    answer = api.post(path, json=body)
    assert 400 <= answer.status_code < 500
    assert "42424242" not in answer.text


def test_nor_is_one_that_is_given_twice(api: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.post("/v1/customers", content=f'{{"{NUMBER}": 1, "{NUMBER}": 2}}', headers=headers)
    assert answer.status_code == 400
    assert "42424242" not in answer.text
