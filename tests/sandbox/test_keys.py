"""API keys and the rate limit. Reference: Authentication; Error Handling, "Rate Limit Errors"."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from finsecure.sandbox import Clock, Sandbox

CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "123"}}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic {key}",
        "{key}",
        "Bearer sk_test_unknown",
        "Bearer {key}x",
        "Bearer \u00e9",
        "Bearer sk_live_1234567890abcdef",
        "Bearer pk_live_1234567890abcdef",
    ],
)
def test_only_the_sandboxs_own_keys_are_accepted(sandbox: Sandbox, authorization: str | None) -> None:
    value = (authorization or "").format(key=sandbox.secret_key).encode("latin-1")
    headers: dict[str, bytes] = {} if authorization is None else {"Authorization": value}
    with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as client:
        answer = client.get("/v1/customers", headers=list(headers.items()))  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
    assert "1234567890abcdef" not in answer.text


def test_a_live_key_is_refused_with_the_reason(api: httpx.Client) -> None:
    answer = api.get("/v1/customers", headers={"Authorization": "Bearer sk_live_1"})
    assert "refuses live keys" in answer.json()["error"]["message"]


def test_an_unknown_key_reads_as_in_the_reference(api: httpx.Client) -> None:
    answer = api.get("/v1/customers", headers={"Authorization": "Bearer sk_test_1"})
    assert answer.json()["error"]["message"] == "Invalid API Key provided"


def test_the_scheme_has_no_case(sandbox: Sandbox, api: httpx.Client) -> None:
    assert api.get("/v1/customers", headers={"Authorization": f"bearer {sandbox.secret_key}"}).status_code == 200


def test_a_publishable_key_creates_payment_methods_and_nothing_else(sandbox: Sandbox, api: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {sandbox.publishable_key}"}
    assert api.post("/v1/payment_methods", json=CARD, headers=headers).status_code == 200
    for method, path in (
        ("GET", "/v1/payment_methods"),
        ("GET", "/v1/payment_methods/pm_1"),
        ("POST", "/v1/customers"),
    ):
        answer = api.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "authentication_error")


def test_two_sandboxes_have_different_keys(sandbox: Sandbox) -> None:
    with Sandbox() as other:
        assert other.secret_key != sandbox.secret_key
        assert other.publishable_key != sandbox.publishable_key
        assert other.webhook_secret != sandbox.webhook_secret
        assert other.secret_key.startswith("sk_test_")
        assert other.publishable_key.startswith("pk_test_")
        assert other.webhook_secret.startswith("whsec_")


class TestRateLimit:
    def test_it_refuses_and_says_how_long_to_wait(self, connect: Callable[[Sandbox], httpx.Client]) -> None:
        with Sandbox(clock=Clock(0), rate_limit=2) as sandbox:
            api = connect(sandbox)
            statuses = [api.get("/v1/customers").status_code for _ in range(2)]
            refused = api.get("/v1/customers")
            assert (statuses, refused.status_code, refused.headers["retry-after"]) == ([200, 200], 429, "1")
            assert refused.json()["error"]["type"] == "rate_limit_error"
            assert refused.json()["error"]["message"] == "Too many requests made to the API too quickly"
            sandbox.clock.advance(1)
            assert [api.get("/v1/customers").status_code for _ in range(3)] == [200, 200, 429]

    @pytest.mark.parametrize("rate", [0.3, 1, 1 / 7])
    def test_waiting_as_long_as_retry_after_is_enough(
        self, connect: Callable[[Sandbox], httpx.Client], rate: float
    ) -> None:
        with Sandbox(clock=Clock(1640995200), rate_limit=rate) as sandbox:
            api = connect(sandbox)
            for _ in range(5):
                assert api.get("/v1/customers").status_code == 200
                sandbox.clock.advance(float(api.get("/v1/customers").headers["retry-after"]))

    def test_each_key_has_its_own(self, connect: Callable[[Sandbox], httpx.Client]) -> None:
        with Sandbox(clock=Clock(0), rate_limit=1) as sandbox:
            api = connect(sandbox)
            assert api.get("/v1/customers").status_code == 200
            headers = {"Authorization": f"Bearer {sandbox.publishable_key}"}
            assert api.post("/v1/payment_methods", json=CARD, headers=headers).status_code == 200
            assert api.get("/v1/customers").status_code == 429

    def test_a_refused_request_is_not_kept_under_its_key(self, connect: Callable[[Sandbox], httpx.Client]) -> None:
        with Sandbox(clock=Clock(0), rate_limit=1) as sandbox:
            api = connect(sandbox)
            api.get("/v1/customers")
            headers = {"Idempotency-Key": "k"}
            assert api.post("/v1/customers", json={}, headers=headers).status_code == 429
            sandbox.clock.advance(1)
            answer = api.post("/v1/customers", json={}, headers=headers)
            assert (answer.status_code, "idempotent-replayed" in answer.headers) == (200, False)

    @pytest.mark.parametrize("rate", [0, -1, float("nan")])
    def test_it_must_be_more_than_zero(self, rate: float) -> None:
        with pytest.raises(ValueError, match="rate_limit must be more than zero"):
            Sandbox(rate_limit=rate)
