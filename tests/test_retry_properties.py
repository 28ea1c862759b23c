"""The retry machine as what it is, a pure state machine: any outcomes, in any order, with any settings."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import finsecure
from finsecure import _retry, _wire
from finsecure._call import DELETE, GET, POST, PUT, Call
from finsecure._config import Config
from finsecure._exchange import Exchange
from finsecure._http import Failure, Kind, Request, Response
from finsecure._retry import RetryBudget
from finsecure.error import is_documented
from finsecure.resources.payment_intents import PaymentIntent
from finsecure.sandbox import Clock

from . import verdicts
from .conftest import KEY

PATH = "/v1/payment_intents"
CALLS: list[Callable[[], Call[Any]]] = [
    lambda: POST(PATH, PaymentIntent, amount=1, currency="usd"),
    lambda: POST(PATH, PaymentIntent, amount=1, currency="usd", idempotency_key="order_1"),
    lambda: GET(PATH + "/{id}", PaymentIntent, id="pi_1"),
    lambda: PUT(PATH + "/{id}", PaymentIntent, id="pi_1"),
    lambda: DELETE(PATH + "/{id}", PaymentIntent, id="pi_1"),
]

kinds: st.SearchStrategy[Kind] = st.sampled_from(["not sent", "stale", "lost", "malformed", "final"])
statuses = st.sampled_from([300, 302, 400, 401, 402, 404, 408, 409, 418, 429, 500, 501, 502, 503, 504, 520, 599])
waits = st.sampled_from(["", "0", "1", "59.5", "60", "61", "nan", "-1", "1e9", "1e999", "soon"]) | st.text(max_size=20)
bodies = st.sampled_from(
    [
        *verdicts.SHAPES,
        verdicts.error("card_error"),
        verdicts.error("invalid_request_error", code="idempotency_key_in_use"),
        verdicts.error("invalid_request_error", code="unexpected_state"),
        verdicts.error("idempotency_error"),
        verdicts.error("authentication_error"),
        verdicts.error("rate_limit_error"),
        verdicts.error("api_error"),
    ]
)


def answered(status: int, wait: str, body: bytes) -> Response:
    return Response(status, {b"retry-after": wait.encode("latin-1", "replace")}, body)


IN_USE = answered(409, "", verdicts.error("invalid_request_error", code="idempotency_key_in_use"))
outcomes = st.lists(kinds | st.builds(answered, statuses, waits, bodies) | st.just(IN_USE), max_size=12)
seconds = st.floats(0.001, 100)


def attempt(exchange: Exchange, outcome: Kind | Response) -> Failure:
    if isinstance(outcome, Response):
        failure: Failure = _wire.decode(exchange, outcome)
        return failure
    return exchange.add_context(Failure(outcome, finsecure.APIConnectionError("It broke.")))


@settings(max_examples=300, deadline=None)
@given(
    call=st.sampled_from(CALLS),
    outcomes=outcomes,
    takes=st.lists(seconds, min_size=12, max_size=12),
    max_retries=st.integers(0, 8),
    timeout=seconds,
    deadline=st.none() | seconds,
    keyless=st.booleans(),
)
def test_any_outcomes_in_any_order(
    call: Callable[[], Call[Any]],
    outcomes: list[Kind | Response],
    takes: list[float],
    max_retries: int,
    timeout: float,
    deadline: float | None,
    keyless: bool,
) -> None:
    """At most `max_retries` retries, in time, under one key; never twice where that is not the same as once.

    To ask what came of an attempt of our own that is still under way is no retry, and ends `timeout` after the loss.
    """
    clock = Clock(0)
    config = Config.checked(KEY, timeout=timeout, max_retries=max_retries, deadline=deadline, clock=clock)
    request = _wire.encode(call(), config)
    key = request.idempotency_key
    if keyless:  # as no request of ours is, but if one were
        request = Request(request.method, request.target, [], request.body, None, 1024)
    exchange = Exchange(call(), request, config, RetryBudget())
    opened = False  # whether any attempt so far may have been carried out
    lost_at: float | None = None
    retries = asked = 0
    for outcome, took in zip(outcomes, takes, strict=False):
        allowed = exchange.begin_attempt()
        assert allowed <= timeout
        assert deadline is None or allowed <= max(0.001, deadline - exchange.elapsed())
        clock.advance(min(took, allowed))
        failure = attempt(exchange, outcome)
        error = failure.error
        assert error.idempotency_key == (None if keyless else key)
        sent = outcome not in ("not sent", "final")
        proves = isinstance(outcome, Response) and is_documented(error) and outcome.status < 500
        in_use = proves and error.code == "idempotency_key_in_use" and error.http_status == 409
        asks = in_use and lost_at is not None
        if sent and (not proves or in_use):
            opened = True
        if sent and not proves:
            lost_at = exchange.elapsed()
        if request.method == "GET" or not opened:
            assert not error.maybe_executed
        elif not proves or in_use or request.method != "POST" or keyless or error.http_status in {401, 403, 409, 429}:
            assert error.maybe_executed  # what an attempt may have done is not forgotten
        wait = exchange.plan_retry(failure)
        if wait is None:
            break
        retries += not asks
        asked += asks
        assert retries <= max_retries
        assert request.repeatable or not opened
        assert 0 <= wait <= 60
        assert deadline is None or exchange.elapsed() + wait < deadline
        if failure.kind == "not sent" and not opened and retries == 2:
            assert exchange.elapsed() + wait >= 1.25
        if asks and lost_at is not None:
            assert exchange.elapsed() + wait <= lost_at + timeout + 0.001
        clock.advance(wait)
    assert exchange.attempts <= max_retries + asked + 1
    assert deadline is None or exchange.elapsed() <= deadline + 0.002


@given(value=st.none() | st.text(max_size=40) | st.floats().map(str), now=st.floats(0, 4e9))
def test_a_retry_after_is_seconds_or_nothing(value: str | None, now: float) -> None:
    """Whatever the header holds, what is read from it is finite and not negative, or nothing."""
    found = _retry.retry_after(value, now)
    assert found is None or 0 <= found < math.inf


@given(retry=st.integers(0, 10_000), uniform=st.floats(0, 1))
def test_a_backoff_is_bounded(retry: int, uniform: float) -> None:
    """However many retries, a wait stays between nothing and the longest."""
    assert 0 <= _retry.backoff(retry, uniform) <= _retry.MAX_DELAY


@given(steps=st.lists(st.sampled_from(["take", "first", "again"]), max_size=600))
def test_a_retry_budget_never_holds_less_than_nothing_or_more_than_it_may(steps: list[str]) -> None:
    """Token by token it is what the AWS SDKs' standard mode says."""
    budget, tokens = RetryBudget(), RetryBudget.FULL
    for step in steps:
        if step == "take":
            assert budget.take() == (tokens >= RetryBudget.COST)
            tokens -= RetryBudget.COST if tokens >= RetryBudget.COST else 0
        else:
            budget.give_back(1 if step == "first" else 2)
            tokens = min(RetryBudget.FULL, tokens + (1 if step == "first" else RetryBudget.COST))


def test_a_retry_that_cannot_be_paid_takes_nothing() -> None:
    """What is there stays there, until it is enough."""
    budget = RetryBudget()
    while budget.take():
        pass
    for _ in range(RetryBudget.COST - 1):
        budget.give_back(1)
        assert not budget.take()
    budget.give_back(1)
    assert budget.take()


@pytest.mark.parametrize("threads", [2, 8])
def test_a_retry_budget_is_exact_under_threads(threads: int) -> None:
    """Threads that take at once get as many retries as there are: none is made up, none is lost."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns within a method
    try:
        for _ in range(20):
            budget = RetryBudget()
            with ThreadPoolExecutor(threads) as pool:
                taken = sum(future.result() for future in [pool.submit(budget.take) for _ in range(100)])
            taken += sum(budget.take() for _ in range(RetryBudget.FULL))  # what threads gave back to each other
            assert taken == RetryBudget.FULL // RetryBudget.COST
    finally:
        sys.setswitchinterval(interval)
