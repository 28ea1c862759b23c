"""Idempotency keys: a first answer is given again for 24 hours. Reference: Webhook Event Example, `idempotency_key`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Clock, Sandbox

UNDER_A_KEY = {"Idempotency-Key": "order_1"}
Intent = Callable[..., dict[str, Any]]
Card = Callable[..., str]


def replayed(answer: httpx.Response) -> bool:
    return "idempotent-replayed" in answer.headers


def test_the_first_answer_is_given_again(api: httpx.Client) -> None:
    first, second = (api.post("/v1/customers", json={"name": "Ada"}, headers=UNDER_A_KEY) for _ in range(2))
    assert (replayed(first), replayed(second)) == (False, True)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert first.headers["request-id"] != second.headers["request-id"]
    assert len(api.get("/v1/customers").json()["data"]) == 1
    assert len(api.get("/v1/events").json()["data"]) == 1


def test_a_decline_is_given_again(api: httpx.Client, intent: Intent, card: Card) -> None:
    path, body = f"/v1/payment_intents/{intent()['id']}/confirm", {"payment_method": card("4000000000009995")}
    first, second = (api.post(path, json=body, headers=UNDER_A_KEY) for _ in range(2))
    assert (second.status_code, second.json(), replayed(second)) == (402, first.json(), True)
    assert len(api.get("/v1/charges").json()["data"]) == 1


@pytest.mark.parametrize(("path", "status"), [("/v1/payment_intents", 400), ("/v1/payment_intents/pi_9/cancel", 404)])
def test_a_refusal_is_given_again(api: httpx.Client, path: str, status: int) -> None:
    first, second = (api.post(path, json={}, headers=UNDER_A_KEY) for _ in range(2))
    assert (second.status_code, second.json(), replayed(second)) == (status, first.json(), True)


def test_the_same_body_may_be_spelled_otherwise(api: httpx.Client) -> None:
    headers = {**UNDER_A_KEY, "Content-Type": "application/json"}
    api.post("/v1/customers", content='{"name": "Ad\\u00e9", "phone": "1"}', headers=headers)
    again = api.post("/v1/customers", content='{"phone":"1","name":"Ad\u00e9"}'.encode(), headers=headers)
    assert replayed(again)


def test_another_body_is_an_idempotency_error(api: httpx.Client) -> None:
    api.post("/v1/customers", json={"name": "Ada"}, headers=UNDER_A_KEY)
    answer = api.post("/v1/customers", json={"name": "Bob"}, headers=UNDER_A_KEY)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(api.get("/v1/customers").json()["data"]) == 1
    assert replayed(api.post("/v1/customers", json={"name": "Ada"}, headers=UNDER_A_KEY))


def test_another_path_is_an_idempotency_error(api: httpx.Client, intent: Intent) -> None:
    """A key belongs to one request, so that one key for a payment and for its confirmation is seen at once."""
    params = {"amount": 2000, "currency": "usd"}
    first = api.post("/v1/payment_intents", json=params, headers=UNDER_A_KEY).json()
    for path, body in (
        ("/v1/customers", params),
        (f"/v1/payment_intents/{first['id']}/cancel", {}),
        ("/v1/nowhere", params),
    ):
        answer = api.post(path, json=body, headers=UNDER_A_KEY)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert api.get("/v1/customers").json()["data"] == []
    assert replayed(api.post("/v1/payment_intents", json=params, headers=UNDER_A_KEY))


def test_both_api_keys_of_an_account_share_its_idempotency_keys(sandbox: Sandbox, api: httpx.Client) -> None:
    card = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025}}
    publishable = {"Authorization": f"Bearer {sandbox.publishable_key}"}
    first = api.post("/v1/payment_methods", json=card, headers=UNDER_A_KEY)
    again = api.post("/v1/payment_methods", json=card, headers={**UNDER_A_KEY, **publishable})
    assert (again.json(), replayed(again)) == (first.json(), True)


def test_a_publishable_key_is_given_no_answer_that_it_may_not_have(sandbox: Sandbox, api: httpx.Client) -> None:
    publishable = {"Authorization": f"Bearer {sandbox.publishable_key}"}
    api.post("/v1/customers", json={"email": "customer@example.com"}, headers=UNDER_A_KEY)
    answer = api.post("/v1/customers", json={"email": "customer@example.com"}, headers={**UNDER_A_KEY, **publishable})
    assert (answer.status_code, replayed(answer)) == (403, False)


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        ("/v1/nowhere", b"{}", {}, 404),
        ("/v1/events", b"{}", {}, 405),
        ("/v1/customers", b"{", {}, 400),
        ("/v1/customers", b"[]", {}, 400),
        ("/v1/customers", b"{}", {"Content-Type": "text/plain"}, 415),
        ("/v1/customers", b"{}", {"FinSecure-Version": "1999-01-01"}, 400),
        ("/v1/customers?limit=1", b"{}", {}, 400),
    ],
)
def test_a_refusal_before_the_operation_is_given_again(
    api: httpx.Client, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    headers = {"Content-Type": "application/json", **UNDER_A_KEY, **headers}
    first, second = (api.post(path, content=content, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (status, status)
    assert (replayed(first), replayed(second)) == (False, True)
    assert second.content == first.content
    assert second.headers.get("allow") == first.headers.get("allow")
    other = api.post(path, content=content + b" []", headers=headers)
    assert other.json()["error"]["type"] == "idempotency_error"


def test_what_belongs_to_no_account_or_will_pass_is_not_kept(
    sandbox: Sandbox, api: httpx.Client, connect: Callable[[Sandbox], httpx.Client]
) -> None:
    """401, 403 and 429 keep nothing under the key: the same request succeeds as soon as it may."""
    publishable = {"Authorization": f"Bearer {sandbox.publishable_key}"}
    for headers, status in (({"Authorization": "Bearer sk_test_wrong"}, 401), (publishable, 403)):
        assert api.post("/v1/customers", json={}, headers={**UNDER_A_KEY, **headers}).status_code == status
    assert not replayed(api.post("/v1/customers", json={}, headers=UNDER_A_KEY))
    with Sandbox(clock=Clock(0), rate_limit=1) as busy:
        api = connect(busy)
        api.get("/v1/customers")
        assert api.post("/v1/customers", json={}, headers=UNDER_A_KEY).status_code == 429
        busy.clock.advance(1)
        answer = api.post("/v1/customers", json={}, headers=UNDER_A_KEY)
        assert (answer.status_code, replayed(answer)) == (200, False)


def test_a_key_is_free_again_after_24_hours(sandbox: Sandbox, api: httpx.Client) -> None:
    api.post("/v1/customers", json={"name": "Ada"}, headers=UNDER_A_KEY)
    sandbox.clock.advance(24 * 3600 - 1)
    assert replayed(api.post("/v1/customers", json={"name": "Ada"}, headers=UNDER_A_KEY))
    sandbox.clock.advance(1)
    assert api.post("/v1/customers", json={"name": "Bob"}, headers=UNDER_A_KEY).json()["name"] == "Bob"


def test_only_a_post_has_a_key(api: httpx.Client) -> None:
    ident = api.post("/v1/customers", json={}).json()["id"]
    for name in ("Ada", "Bob"):
        assert api.put(f"/v1/customers/{ident}", json={"name": name}, headers=UNDER_A_KEY).json()["name"] == name


@pytest.mark.parametrize("key", ["", " ", "k" * 256])
def test_a_key_must_be_usable(api: httpx.Client, key: str) -> None:
    answer = api.post("/v1/customers", json={}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")


def test_a_key_whose_first_request_is_under_way_is_in_use(connect: Callable[[Sandbox], httpx.Client]) -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def ids(prefix: str) -> str:
        if prefix == "cus":
            under_way.set()
            assert go_on.wait(30)
        return f"of_{prefix}"

    with Sandbox(ids=ids) as sandbox, ThreadPoolExecutor() as pool:
        api = connect(sandbox)
        first = pool.submit(api.post, "/v1/customers", json={}, headers=UNDER_A_KEY)
        assert under_way.wait(30)
        second = api.post("/v1/customers", json={}, headers=UNDER_A_KEY)
        go_on.set()
        assert second.status_code == 409
        assert second.json()["error"]["type"] == "invalid_request_error"
        assert second.json()["error"]["code"] == "idempotency_key_in_use"
        assert first.result().status_code == 200
        assert replayed(api.post("/v1/customers", json={}, headers=UNDER_A_KEY))


def test_thirty_confirms_at_once_under_one_key_charge_once(api: httpx.Client, intent: Intent, card: Card) -> None:
    path, body = f"/v1/payment_intents/{intent()['id']}/confirm", {"payment_method": card()}
    together = threading.Barrier(30)

    def confirm(_: int) -> httpx.Response:
        together.wait()
        while (answer := api.post(path, json=body, headers=UNDER_A_KEY)).status_code == 409:
            assert answer.json()["error"]["code"] == "idempotency_key_in_use"
        return answer

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(confirm, range(30)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert [replayed(answer) for answer in answers].count(False) == 1
    assert len(api.get("/v1/charges").json()["data"]) == 1


def test_thirty_confirms_at_once_without_a_key_charge_once(api: httpx.Client, intent: Intent, card: Card) -> None:
    path, body = f"/v1/payment_intents/{intent()['id']}/confirm", {"payment_method": card()}
    with ThreadPoolExecutor(30) as pool:
        statuses = [post.result().status_code for post in [pool.submit(api.post, path, json=body) for _ in range(30)]]
    assert sorted(statuses) == [200] + [400] * 29


def test_refunds_at_once_never_exceed_the_payment(api: httpx.Client, paid: dict[str, Any]) -> None:
    body = {"payment_intent": paid["id"], "amount": 300}
    with ThreadPoolExecutor(20) as pool:
        posts = [pool.submit(api.post, "/v1/refunds", json=body) for _ in range(20)]
        statuses = [post.result().status_code for post in posts]
    assert sorted(statuses) == [200] * 6 + [400] * 14
    assert api.get("/v1/charges/ch_1").json()["amount_refunded"] == 1800
