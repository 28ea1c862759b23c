"""Pages in a browser: they create payment methods with the publishable key, and do nothing else."""

from __future__ import annotations

import httpx
import pytest

from finsecure.sandbox import Clock, Sandbox

CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}}
SHOP = "https://shop.example"
PATHS = ("/v1/customers", "/v1/payment_intents", "/v1/payment_methods/pm_1", "/v1/payment_methods/pm_1/attach")


def ask(sandbox: Sandbox, method: str, path: str, **headers: str) -> httpx.Response:
    """What a browser asks before it sends a page's request: no key is in it."""
    question = {"Origin": SHOP, "Access-Control-Request-Method": method} | headers
    with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as browser:
        return browser.options(path, headers=question)


def allows_pages(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


class TestAskingFirst:
    def test_a_page_may_create_payment_methods(self, sandbox: Sandbox) -> None:
        answer = ask(
            sandbox,
            "POST",
            "/v1/payment_methods",
            **{"Access-Control-Request-Headers": "authorization,content-type,idempotency-key"},
        )
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == "POST"
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert {"authorization", "content-type", "idempotency-key", "finsecure-version"} == set(allowed)
        assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    def test_it_may_do_nothing_else(self, sandbox: Sandbox, method: str, path: str) -> None:
        answer = ask(sandbox, method, path)
        assert (answer.status_code, allows_pages(answer)) == (401, [])

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "", "post"])
    def test_nor_with_another_method(self, sandbox: Sandbox, method: str) -> None:
        answer = ask(sandbox, method, "/v1/payment_methods")
        assert (answer.status_code, allows_pages(answer)) == (401, [])

    def test_what_no_browser_asks_needs_a_key(self, sandbox: Sandbox, api: httpx.Client) -> None:
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as client:
            assert client.options("/v1/payment_methods").status_code == 401
        assert api.options("/v1/payment_methods").status_code == 405


class TestPublishableKey:
    @pytest.fixture
    def page(self, sandbox: Sandbox, api: httpx.Client) -> httpx.Client:
        api.headers["Authorization"] = f"Bearer {sandbox.publishable_key}"
        api.headers["Origin"] = SHOP
        return api

    def test_its_answer_can_be_read_by_the_page(self, page: httpx.Client) -> None:
        answer = page.post("/v1/payment_methods", json=CARD)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"]
        assert {*exposed.split(", ")} == {"Idempotent-Replayed", "Request-Id", "Retry-After"}

    def test_so_can_a_refusal(self, page: httpx.Client) -> None:
        answer = page.post("/v1/payment_methods", json={"type": "card"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (400, "*")
        page.headers["Authorization"] = "Bearer pk_test_unknown"
        answer = page.post("/v1/payment_methods", json=CARD)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "*")

    def test_so_can_a_failure_that_was_asked_for(self, sandbox: Sandbox, page: httpx.Client) -> None:
        sandbox.fail_next(status=503)
        answer = page.post("/v1/payment_methods", json=CARD)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (503, "*")

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("path", PATHS)
    def test_anything_else_is_refused_and_cannot_be_read(self, page: httpx.Client, method: str, path: str) -> None:
        answer = page.request(method, path)
        assert (answer.status_code, allows_pages(answer)) == (403, [])

    def test_a_program_that_is_no_page_is_told_nothing_about_pages(self, page: httpx.Client) -> None:
        del page.headers["Origin"]
        answer = page.post("/v1/payment_methods", json=CARD)
        assert (answer.status_code, allows_pages(answer)) == (200, [])


class TestSecretKey:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": SHOP},
            {"Origin": "null"},
            {"Origin": "https://sandbox.invalid"},
            {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-origin"},
        ],
    )
    @pytest.mark.parametrize("path", ["/v1/payment_methods", "/v1/customers"])
    def test_it_never_works_from_a_page(
        self, sandbox: Sandbox, api: httpx.Client, path: str, headers: dict[str, str]
    ) -> None:
        answer = api.post(path, json=CARD if path == "/v1/payment_methods" else {}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "authentication_error")
        assert "publishable key" in answer.json()["error"]["message"]
        assert allows_pages(answer) == []
        assert [request.status for request in sandbox.requests] == [403]
        assert api.get(path).json()["data"] == []

    @pytest.mark.parametrize("key", ["sk_test_unknown", "sk_live_1234567890abcdef"])
    def test_nor_does_another_accounts(self, api: httpx.Client, key: str) -> None:
        answer = api.post("/v1/payment_methods", json=CARD, headers={"Origin": SHOP, "Authorization": f"Bearer {key}"})
        assert (answer.status_code, allows_pages(answer)) == (401, [])


@pytest.mark.parametrize("origin", [None, SHOP, "null", "http://127.0.0.1", "https://sandbox.invalid"])
@pytest.mark.parametrize("path", ["/v1/payment_methods", *PATHS])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_without_a_key_it_is_401_whatever_the_origin(method: str, path: str, origin: str | None) -> None:
    with Sandbox(clock=Clock(0)) as sandbox, httpx.Client(transport=sandbox.transport) as client:
        headers = {} if origin is None else {"Origin": origin}
        assert client.request(method, sandbox.base_url + path, headers=headers).status_code == 401


def test_over_http_the_answer_to_a_browser_that_asks_has_no_body(sandbox: Sandbox) -> None:
    with sandbox.serve() as server:
        headers = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
        answer = httpx.options(server.base_url + "/v1/payment_methods", headers=headers, trust_env=False)
    assert (answer.status_code, answer.content, answer.headers.get("content-length")) == (204, b"", None)
    assert answer.headers["request-id"].startswith("req_")
