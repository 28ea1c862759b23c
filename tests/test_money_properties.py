"""Money under any mix of faults: what the client says is held against the books of a simulated FinSecure.

The server keeps first answers by key, loses requests and answers, finishes late, forgets an answer that it should have
stored, and has a gateway in front that puts any page in an answer's place. Whatever it draws: where an error says that
nothing may have been done, the books show nothing; no call does anything twice; and where nothing misleads, the client
does not say "maybe".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import finsecure
from finsecure.sandbox import Clock

from .conftest import KEY
from .verdicts import SHAPES, error

DONE = {
    "POST": {"id": "re_1", "object": "refund", "amount": 5, "currency": "usd", "status": "succeeded"},
    "PUT": {"id": "cus_1", "object": "customer"},
    "DELETE": {"id": "cus_1", "object": "customer", "deleted": True},
}
USES: dict[str, Callable[[finsecure.Client], object]] = {
    "POST": lambda client: client.refunds.create(payment_intent="pi_1"),
    "PUT": lambda client: client.customers.update("cus_1", name="Ada"),
    "DELETE": lambda client: client.customers.delete("cus_1"),
}
# What the server makes of a request that it is willing to carry out.
REFUSALS: dict[str, tuple[int, bytes]] = {
    "declined": (402, error("card_error", code="card_declined")),
    "invalid": (400, error("invalid_request_error", param="payment_intent")),
    "missing": (404, error("invalid_request_error", code="resource_missing")),
    "another body": (400, error("idempotency_error")),
}
# What it refuses before it looks at the key.
BEFORE_THE_KEY: dict[str, tuple[int, bytes]] = {
    "wrong key": (401, error("authentication_error")),
    "not allowed": (403, error("authentication_error")),
    "too many": (429, error("rate_limit_error")),
    "conflict": (409, error("invalid_request_error", code="lock_timeout")),
}
STATE = [error("invalid_request_error", code="unexpected_state"), error("invalid_request_error", param="amount")]

# How the way to the server and back goes; those that end "unread" never reach it.
WAYS = ("well", "lost", "timeout", "page", "late", "forgets", "refused unread", "lost unread", "page unread")
ways = st.tuples(
    st.sampled_from(WAYS) | st.sampled_from(sorted(BEFORE_THE_KEY)),
    st.sampled_from([200, 302, 400, 401, 402, 403, 404, 405, 408, 409, 429, 500, 502, 503, 520]),
    st.sampled_from(SHAPES),
)


class Server:
    """Carries one kind of request out, or refuses it as `verdict` says; `done` counts how often it did."""

    def __init__(self, method: str, verdict: str, plan: list[tuple[str, int, bytes]], state: bytes) -> None:
        self.method = method
        self.verdict = verdict
        self.plan = plan
        self.state = state
        self.done = 0
        self.arrived = 0
        self.keys: set[str | None] = set()
        self.stored: tuple[int, bytes] | None = None
        self.finishes_after: int | None = None  # so many more requests are told that the first is under way

    def handle(self, request: httpx.Request) -> httpx.Response:
        way, status, page = self.plan[self.arrived] if self.arrived < len(self.plan) else ("well", 0, b"")
        self.arrived += 1
        self.keys.add(request.headers.get("idempotency-key"))
        if way == "refused unread":
            raise httpx.ConnectError("refused")
        if way == "lost unread":
            raise httpx.ReadError("reset")
        if way == "page unread":
            return httpx.Response(status, content=page)
        if way in BEFORE_THE_KEY:
            refused_status, body = BEFORE_THE_KEY[way]
            return httpx.Response(refused_status, content=body)
        answer = self.carry_out(way)
        if way in {"lost", "late", "forgets"}:
            raise httpx.ReadError("reset")
        if way == "timeout":
            raise httpx.ReadTimeout("slow")
        if way == "page":
            return httpx.Response(status, content=page)
        return httpx.Response(answer[0], content=answer[1])

    def carry_out(self, way: str) -> tuple[int, bytes]:
        keyed = self.method == "POST"
        if keyed and self.finishes_after is not None:
            if self.finishes_after:
                self.finishes_after -= 1
                return 409, error("invalid_request_error", code="idempotency_key_in_use")
            self.finishes_after = None
        if keyed and self.stored is not None:
            return self.stored
        answer = self.answer()
        if keyed and way != "forgets":
            self.stored = answer
        if keyed and way == "late":
            self.finishes_after = 3
        return answer

    def answer(self) -> tuple[int, bytes]:
        if self.verdict in REFUSALS:
            return REFUSALS[self.verdict]
        if self.done and self.method == "DELETE":
            return REFUSALS["missing"]
        if self.done and self.method == "POST":
            return 400, self.state
        self.done += self.method != "PUT" or not self.done  # done twice it is the same as once
        return 200, json.dumps(DONE[self.method]).encode()


@pytest.mark.slow
@settings(max_examples=600)
@given(
    method=st.sampled_from(sorted(USES)),
    verdict=st.sampled_from(["good", "good", *REFUSALS]),
    plan=st.lists(ways, max_size=6),
    state=st.sampled_from(STATE),
    max_retries=st.integers(0, 4),
)
def test_what_an_error_says_of_money_is_in_the_books(
    method: str, verdict: str, plan: list[tuple[str, int, bytes]], state: bytes, max_retries: int
) -> None:
    server = Server(method, verdict, plan, state)
    failed: Any = None
    with httpx.Client(transport=httpx.MockTransport(server.handle)) as http_client:
        client = finsecure.Client(KEY, http_client=http_client, clock=Clock(0), max_retries=max_retries, timeout=60)
        try:
            USES[method](client)
        except finsecure.FinSecureError as raised:
            failed = raised
    assert server.done <= 1
    assert len(server.keys) <= 1
    if failed is None:
        assert server.done == 1
        return
    event(f"maybe_executed={failed.maybe_executed}, done={server.done}")
    assert failed.idempotency_key in server.keys
    if server.done:
        assert failed.maybe_executed
        assert "othing was sent" not in str(failed)
    told_apart = {"well", "refused unread", *BEFORE_THE_KEY}
    if not server.done and all(way in told_apart for way, _, _ in plan[: server.arrived]):
        assert not failed.maybe_executed
    if method == "POST" and isinstance(failed, finsecure.CardError):
        assert not failed.maybe_executed
