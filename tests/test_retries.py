"""Which calls are tried again, how long they wait, and what is the same in all attempts."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import httpcore
import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

import finsecure
from finsecure import _retry
from finsecure._call import POST
from finsecure._config import Config
from finsecure._exchange import Exchange
from finsecure._http import Failure, Kind, Request
from finsecure._retry import RetryBudget
from finsecure.sandbox import Clock, Sandbox

from .conftest import KEY

if TYPE_CHECKING:
    from tests.conftest import Door

Answers = list[Any]
Requests = Callable[[], list[httpx.Request]]

INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 2000, "currency": "usd", "status": "succeeded"}
GOOD = httpx.Response(200, json=INTENT)


def answer(status: int, type: str | None = None, code: str | None = None, **headers: str) -> httpx.Response:
    """An error as the API documents it."""
    error = {"type": type, "code": code, "message": "No."} if type else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": error}, headers=named)


def pay(api: Any) -> Any:
    return api.payment_intents.create(amount=2000, currency="usd")


def look(api: Any) -> Any:
    return api.payment_intents.retrieve("pi_1")


def change(api: Any) -> Any:
    return api.payment_intents.update("pi_1", amount=2500)


IN_USE = answer(409, "invalid_request_error", "idempotency_key_in_use")

RETRIED: dict[str, Any] = {
    "408": answer(408),
    "409 in use": IN_USE,
    "409 of an unknown code": answer(409, "invalid_request_error", "lock_timeout"),
    "409 without a code": answer(409, "invalid_request_error"),
    "409 of a gateway": httpx.Response(409),
    "429": answer(429, "rate_limit_error"),
    "500": answer(500, "api_error"),
    "500 without a body": httpx.Response(500),
    "502 of a proxy": httpx.Response(502, html="<h1>Bad Gateway</h1>"),
    "503": answer(503, "api_error"),
    "504": answer(504),
    "520 of a gateway": httpx.Response(520, html="<h1>Web server returned an unknown error</h1>"),
    "529": httpx.Response(529),
    "599": answer(599, "api_error"),
    "refused": httpx.ConnectError("refused"),
    "connect timeout": httpcore.ConnectTimeout("slow"),
    "no free connection": httpcore.PoolTimeout("full"),
    "reset": httpcore.ReadError("reset"),
    "cut": httpcore.RemoteProtocolError("cut"),
    "read timeout": httpcore.ReadTimeout("slow"),
    "write timeout": httpcore.WriteTimeout("slow"),
    "200 that is no JSON": httpx.Response(200, html="<h1>Welcome to our Wi-Fi</h1>"),
    "200 cut short": httpx.Response(200, content=b'{"id": "pi_1", "obj'),
    "200 of something else": httpx.Response(200, json={"id": "cus_1", "object": "customer"}),
}

NOT_RETRIED: dict[str, Any] = {
    "300": httpx.Response(300),
    "301": httpx.Response(301, headers={"Location": "https://elsewhere.example/"}),
    "307": httpx.Response(307, headers={"Location": "https://elsewhere.example/"}),
    "400": answer(400, "invalid_request_error"),
    "400 key of another body": answer(400, "idempotency_error"),
    "401": answer(401, "authentication_error"),
    "402 declined": answer(402, "card_error", "card_declined"),
    "402 processing error": answer(402, "card_error", "processing_error", Retry_After="1"),
    "403": answer(403, "authentication_error"),
    "404": answer(404, "invalid_request_error", "resource_missing"),
    "405": answer(405, "invalid_request_error"),
    "402 that is no decline": httpx.Response(402, html="<h1>Pay your bill</h1>"),
    "403 of a gateway": httpx.Response(403, html="<h1>Forbidden</h1>"),
    "409 of the state": answer(409, "invalid_request_error", "unexpected_state"),
    "409 of what is not there": answer(409, "invalid_request_error", "resource_missing"),
    "409 of a card": answer(409, "invalid_request_error", "card_declined"),
    "415": answer(415, "invalid_request_error"),
    "422": answer(422, "invalid_request_error"),
    "501": answer(501, "api_error"),
    "505": answer(505, "api_error"),
    "not HTTP": httpcore.LocalProtocolError("no"),
    "unsupported": httpcore.UnsupportedProtocol("gopher"),
}


@pytest.mark.parametrize("use", [pay, look, change])
@pytest.mark.parametrize("outcome", RETRIED)
def test_what_may_pass_is_tried_again(
    wire: Door, server: respx.MockRouter, use: Callable[[Any], Any], outcome: str
) -> None:
    server.route().side_effect = [RETRIED[outcome], RETRIED[outcome], GOOD]
    found = wire.call(use)
    assert (found.id, found.last_response.attempts, len(server.calls)) == ("pi_1", 3, 3)


@pytest.mark.parametrize("outcome", [name for name in RETRIED if name != "409 in use"])
def test_attempts_stop_at_max_retries_and_the_last_failure_is_raised(
    wire: Door, server: respx.MockRouter, outcome: str
) -> None:
    server.route().side_effect = [RETRIED["503"], RETRIED["reset"], RETRIED[outcome], GOOD]
    with pytest.raises(finsecure.FinSecureError) as caught:
        wire.call(pay)
    assert len(server.calls) == 3
    status = getattr(RETRIED[outcome], "status_code", None)
    assert caught.value.http_status == status
    if status is None:
        assert isinstance(caught.value, finsecure.APIConnectionError)


@pytest.mark.parametrize("outcome", NOT_RETRIED)
def test_what_cannot_pass_is_not_tried_again(wire: Door, server: respx.MockRouter, clock: Clock, outcome: str) -> None:
    server.route().side_effect = [NOT_RETRIED[outcome], GOOD]
    with pytest.raises(finsecure.FinSecureError):
        wire.call(pay)
    assert (len(server.calls), clock.sleeps) == (1, [])


def test_a_decline_is_never_retried(door: Door, sandbox: Sandbox, clock: Clock) -> None:
    intent = door.call(pay)
    number = "4000000000000259"  # a "processing error", which sounds as if it passed
    card = door.call(
        lambda api: api.payment_methods.create(type="card", card={"number": number, "exp_month": 1, "exp_year": 2030})
    )
    with pytest.raises(finsecure.CardError) as caught:
        door.call(lambda api: api.payment_intents.confirm(intent.id, payment_method=card.id))
    assert caught.value.decline_code == "processing_error"
    assert clock.sleeps == []
    assert len(door.all(lambda api: api.charges.list(payment_intent=intent.id))) == 1


@pytest.mark.parametrize("kind", ["sync", "async-asyncio", "async-trio"], indirect=True)
def test_a_redirect_is_not_followed_with_key_and_card(wire: Door, server: respx.MockRouter, sent: Requests) -> None:
    elsewhere = server.route(host="elsewhere.example").respond(json=INTENT)
    server.route().respond(307, headers={"Location": "https://elsewhere.example/v1/payment_intents"})
    with pytest.raises(finsecure.APIError, match=r"a redirect.*, which is not followed: check base_url") as caught:
        wire.call(pay)
    assert (caught.value.http_status, elsewhere.called, len(sent())) == (307, False, 1)


# ------------------------------------------------------------------------------------------------------------------
# The same in all attempts


def test_all_attempts_are_the_same_request_under_one_key(wire: Door, server: respx.MockRouter, sent: Requests) -> None:
    server.route().side_effect = [RETRIED["reset"], RETRIED["503"], GOOD]
    intent = wire.call(pay)
    requests = [(request.url, list(request.headers.raw), request.content) for request in sent()]
    assert requests[0] == requests[1] == requests[2]
    key = sent()[0].headers["idempotency-key"]
    assert intent.last_response.idempotency_key == key
    assert len(key) == 32


def test_the_callers_key_wins_in_all_attempts_and_is_on_the_error(
    wire: Door, server: respx.MockRouter, sent: Requests
) -> None:
    server.route().side_effect = [RETRIED["503"]] * 3
    with pytest.raises(finsecure.APIError) as caught:
        wire.call(lambda api: api.payment_intents.create(amount=1, currency="usd", idempotency_key="order_1"))
    assert [request.headers["idempotency-key"] for request in sent()] == ["order_1"] * 3
    assert caught.value.idempotency_key == "order_1"


def test_a_call_without_a_key_has_none_on_its_answer_or_error(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [GOOD, RETRIED["503"], RETRIED["503"], RETRIED["503"]]
    assert wire.call(look).last_response.idempotency_key is None
    with pytest.raises(finsecure.APIError) as caught:
        wire.call(look)
    assert caught.value.idempotency_key is None


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_max_retries_counts_what_follows_the_first_attempt(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, retries: int
) -> None:
    server.route().respond(503)
    with pytest.raises(finsecure.APIError):
        open_door(clock=clock, max_retries=retries).call(pay)
    assert (len(server.calls), len(clock.sleeps)) == (retries + 1, retries)


def test_a_rate_limit_is_survived(open_door: Callable[..., Door], kind: str, clock: Clock) -> None:
    with Sandbox(clock=clock, rate_limit=1) as sandbox:
        client = httpx.AsyncClient if kind.startswith("async") else httpx.Client
        door = open_door(
            sandbox.secret_key,
            base_url=sandbox.base_url,
            http_client=client(transport=sandbox.transport),
            clock=clock,
        )
        found = [door.call(lambda api: api.customers.create()).last_response for _ in range(4)]
    assert [response.attempts for response in found] == [1, 2, 2, 2]
    assert clock.sleeps == [1.0, 1.0, 1.0]


KEYLESS: list[tuple[Kind, finsecure.FinSecureError, bool]] = [
    ("not sent", finsecure.APIConnectionError(), True),
    ("answer", finsecure.RateLimitError(type="rate_limit_error", http_status=429), True),
    ("answer", finsecure.RateLimitError(http_status=429), False),
    ("answer", finsecure.APIError(http_status=503), False),
    ("lost", finsecure.APIConnectionError(), False),
    ("stale", finsecure.APIConnectionError(), False),
    ("malformed", finsecure.APIError(http_status=200), False),
    ("final", finsecure.APIConnectionError(), False),
]


@pytest.mark.parametrize(("kind", "error", "again"), KEYLESS)
def test_what_may_have_been_done_is_not_done_twice_where_no_key_says_so(
    kind: Kind, error: finsecure.FinSecureError, again: bool
) -> None:
    """No operation sends a POST without a key; if ever one does, only what was certainly not done is tried again."""
    request = Request("POST", "/v1/payment_intents", [], b"{}", None, 1024)
    call = POST("/v1/payment_intents", finsecure.PaymentIntent)
    exchange = Exchange(call, request, Config.checked(KEY, clock=Clock(0)), RetryBudget())
    exchange.begin_attempt()
    assert (exchange.plan_retry(exchange.add_context(Failure(kind, error))) is not None) is again


# ------------------------------------------------------------------------------------------------------------------
# How many, over all calls of a client


def attempts(door: Door, server: respx.MockRouter, calls: int) -> list[int]:
    """How many attempts each of so many calls takes that all fail."""
    made: list[int] = []
    server.route().side_effect = None
    server.route().respond(503, headers={"Retry-After": "0"})
    for _ in range(calls):
        before = len(server.calls)
        with pytest.raises(finsecure.APIError):
            door.call(pay)
        made.append(len(server.calls) - before)
    return made


def test_a_client_whose_calls_all_fail_stops_retrying(wire: Door, server: respx.MockRouter) -> None:
    assert attempts(wire, server, 25) == [3] * 20 + [1] * 5


@pytest.mark.parametrize("answered", [GOOD, answer(402, "card_error", "card_declined")], ids=["paid", "declined"])
def test_calls_that_the_api_answers_pay_for_retries_again(
    wire: Door, server: respx.MockRouter, answered: httpx.Response
) -> None:
    attempts(wire, server, 20)
    for count, expected in ((4, 1), (1, 2)):  # what four paid is kept: the fifth makes it a whole retry
        server.route().mock(answered)
        for _ in range(count):
            if answered is GOOD:
                wire.call(pay)
            else:
                with pytest.raises(finsecure.CardError):
                    wire.call(pay)
        assert attempts(wire, server, 1) == [expected]


def test_a_retry_that_helped_is_paid_back(wire: Door, server: respx.MockRouter) -> None:
    for _ in range(60):
        server.route().side_effect = [RETRIED["503"], GOOD]
        assert wire.call(pay).last_response.attempts == 2


def test_clients_on_the_same_connections_share_their_retries(server: respx.MockRouter, clock: Clock) -> None:
    server.route().respond(503, headers={"Retry-After": "0"})
    client = finsecure.Client(KEY, clock=clock, max_retries=40)
    for one, made in ((client.with_options(timeout=1), 41), (client, 1)):
        before = len(server.calls)
        with pytest.raises(finsecure.APIError):
            pay(one)
        assert len(server.calls) - before == made


# ------------------------------------------------------------------------------------------------------------------
# How long


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_delay_is_exponential_with_full_jitter_and_a_ceiling(retry: int, uniform: float) -> None:
    ceiling = min(8.0, 0.5 * 2 ** min(retry, 50))
    assert _retry.backoff(retry, uniform) == uniform * ceiling


def test_delays_double_up_to_eight_seconds() -> None:
    assert [_retry.backoff(retry, 1.0) for retry in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_waits_without_retry_after_follow_the_backoff(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)
    server.route().respond(503)
    with pytest.raises(finsecure.APIError):
        open_door(clock=clock, max_retries=6).call(pay)
    assert clock.sleeps == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_every_wait_varies_the_first_included(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    server.route().respond(503)
    door = open_door(clock=clock, max_retries=1)
    for _ in range(20):
        with pytest.raises(finsecure.APIError):
            door.call(pay)
    assert len(set(clock.sleeps)) > 15
    assert all(0 <= slept <= 0.5 for slept in clock.sleeps)


class Wait(NamedTuple):
    """A `Retry-After`: the seconds it means, `None` where it means nothing."""

    header: str
    seconds: float | None


def http_date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(1640995200 + seconds, timezone.utc), usegmt=True)


WAITS = [
    Wait("1", 1.0),
    Wait(" 7 ", 7.0),
    Wait("007", 7.0),
    Wait("0.5", 0.5),
    Wait("60", 60.0),
    Wait(http_date(5), 5.0),
    Wait("60.000", 60.0),
    Wait("Sat, 01 Jan 2022 00:00:09", 9.0),
    # what asks for no wait still waits by the back-off
    Wait("0", None),
    Wait("0.0", None),
    Wait(http_date(0), None),
    Wait(http_date(-3600), None),
    # junk
    Wait("-1", None),
    Wait("+1", None),
    Wait("1e3", None),
    Wait("1e9", None),
    Wait("1_0", None),
    Wait("1,5", None),
    Wait("5.", None),
    Wait(".5", None),
    Wait("0x10", None),
    Wait("5 seconds", None),
    Wait("nan", None),
    Wait("inf", None),
    Wait("soon", None),
    Wait("", None),
    Wait("Sat, 99 Jan 2022 00:00:09 GMT", None),
    Wait("Wed, 30 Feb 2022 00:00:09 GMT", None),
    Wait("Sat, 01 Jan 2022 25:00:09 GMT", None),
    Wait("Sat, 01 Jan 99999 00:00:09 GMT", None),
]


@pytest.mark.parametrize("status", [429, 503, 500, 409])
@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: repr(wait.header))
def test_retry_after_is_waited_for_and_junk_is_not(
    wire: Door, server: respx.MockRouter, clock: Clock, wait: Wait, status: int
) -> None:
    code = "idempotency_key_in_use" if status == 409 else None
    server.route().side_effect = [answer(status, "x", code, Retry_After=wait.header), GOOD]
    wire.call(pay)
    (slept,) = clock.sleeps
    assert slept == wait.seconds if wait.seconds is not None else 0 <= slept <= 0.5


TOO_LONG = [
    Wait("61", 61.0),
    Wait("60.001", 60.001),
    Wait("1000000000", 1e9),
    Wait("9" * 400, sys.float_info.max),
    Wait(http_date(3600), 3600.0),
]


@pytest.mark.parametrize("wait", TOO_LONG, ids=lambda wait: wait.header[:20])
def test_a_retry_after_of_more_than_a_minute_is_the_callers_to_decide(
    wire: Door, server: respx.MockRouter, clock: Clock, wait: Wait
) -> None:
    server.route().side_effect = [answer(429, "rate_limit_error", Retry_After=wait.header), GOOD]
    with pytest.raises(finsecure.RateLimitError, match="The API asks to wait") as caught:
        wire.call(pay)
    assert (caught.value.retry_after, clock.sleeps, len(server.calls)) == (wait.seconds, [], 1)


@given(st.text(max_size=40), st.floats(0, 2**32))
def test_a_retry_after_is_never_negative_or_infinite(header: str, now: float) -> None:
    seconds = _retry.retry_after(header, now)
    assert seconds is None or 0 <= seconds < math.inf


# ------------------------------------------------------------------------------------------------------------------
# Our own attempt, still under way


LOST = RETRIED["reset"]


@pytest.mark.parametrize("lost", ["reset", "read timeout", "502 of a proxy", "200 cut short"])
def test_an_attempt_of_our_own_that_is_under_way_is_asked_for_without_a_retry(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, lost: str
) -> None:
    """The answer to the lost attempt is worth waiting for, however often that is."""
    server.route().side_effect = [RETRIED[lost], *[IN_USE] * 6, GOOD]
    assert open_door(clock=clock, max_retries=1, timeout=80).call(pay).last_response.attempts == 8
    assert all(wait <= 8 for wait in clock.sleeps)


def test_asking_for_an_attempt_that_is_under_way_leaves_the_retries_to_failures(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    server.route().side_effect = [LOST, IN_USE, IN_USE, RETRIED["503"], IN_USE, GOOD]
    assert open_door(clock=clock, timeout=80).call(pay).last_response.attempts == 6


@pytest.mark.parametrize("timeout", [0.5, 10, 80])
def test_an_attempt_that_stays_under_way_is_asked_for_until_the_timeout_has_passed_since_the_loss(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, timeout: float
) -> None:
    began = clock.monotonic()

    def reply(_: httpx.Request) -> httpx.Response:
        if len(server.calls) == 0:
            clock.advance(3)
            raise LOST
        return IN_USE

    server.route().side_effect = reply
    with pytest.raises(finsecure.IdempotencyError) as caught:
        open_door(clock=clock, timeout=timeout).call(pay)
    assert caught.value.maybe_executed
    assert clock.monotonic() - began == pytest.approx(3 + timeout, abs=0.01)


def test_an_attempt_that_stays_under_way_is_asked_for_until_the_deadline(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    server.route().side_effect = [httpx.Response(502), *[IN_USE] * 100]
    began = clock.monotonic()
    with pytest.raises(finsecure.IdempotencyError):
        open_door(clock=clock, timeout=80, deadline=5).call(pay)
    assert clock.monotonic() - began < 5


def test_asking_takes_as_long_as_retry_after_says(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    wait = answer(409, "invalid_request_error", "idempotency_key_in_use", Retry_After="7")
    server.route().side_effect = [LOST, wait, wait, GOOD]
    assert open_door(clock=clock, timeout=20).call(pay).last_response.attempts == 4
    assert clock.sleeps[1:] == [7.0, 7.0]
    server.route().side_effect = [LOST, wait]
    with pytest.raises(finsecure.IdempotencyError):
        open_door(clock=clock, timeout=5).call(pay)


def test_a_key_that_somebody_else_uses_takes_up_retries(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [IN_USE] * 4
    with pytest.raises(finsecure.IdempotencyError) as caught:
        wire.call(pay)
    assert (len(server.calls), caught.value.maybe_executed) == (3, True)


# ------------------------------------------------------------------------------------------------------------------
# A front that is gone for a second


@pytest.mark.parametrize("use", [pay, look, change])
@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75, 0.999])
def test_a_front_that_is_gone_for_a_second_is_ridden_through(
    wire: Door, server: respx.MockRouter, clock: Clock, use: Callable[[Any], Any], phase: float
) -> None:
    """The second retry comes no sooner than 1.25 s after the first attempt, whatever the dice say."""
    back = clock.monotonic() + 1 - phase

    def reply(_: httpx.Request) -> httpx.Response:
        if clock.monotonic() < back:
            raise httpcore.ConnectError("refused")
        return GOOD

    server.route().side_effect = reply
    for _ in range(10):
        assert wire.call(use).last_response.attempts <= 3
        back = clock.monotonic() + 1 - phase


def test_the_second_retry_waits_for_a_front_the_first_does_not(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    server.route().side_effect = [RETRIED["refused"], RETRIED["refused"], GOOD]
    open_door(clock=clock).call(pay)
    first, second = clock.sleeps
    assert first <= 0.5
    assert 1.25 <= first + second <= 1.51


def test_waiting_for_a_front_does_not_pass_the_deadline(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    server.route().side_effect = [RETRIED["refused"], RETRIED["refused"], GOOD]
    with pytest.raises(finsecure.APIConnectionError):
        open_door(clock=clock, deadline=1.2).call(pay)
    assert len(server.calls) == 2


# ------------------------------------------------------------------------------------------------------------------
# Time that is left


def test_nothing_waits_past_the_deadline(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    server.route().respond(503, headers={"Retry-After": "4"})
    with pytest.raises(finsecure.APIError):
        open_door(clock=clock, deadline=10, max_retries=9).call(pay)
    assert (clock.sleeps, len(server.calls)) == ([4.0, 4.0], 3)


class Oversleeping(Clock):
    """A busy machine: each sleep takes twice as long as was asked for."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        await super().sleep_async(seconds)
        self.advance(seconds)


def test_an_attempt_that_begins_too_late_still_has_a_time_that_a_socket_takes(
    open_door: Callable[..., Door], server: respx.MockRouter
) -> None:
    given: list[float] = []

    def reply(request: httpx.Request) -> httpx.Response:
        given.append(request.extensions["timeout"]["read"])
        return httpx.Response(503, headers={"Retry-After": "8"})

    server.route().side_effect = reply
    with pytest.raises(finsecure.APIError):
        open_door(clock=Oversleeping(0.0), deadline=10, max_retries=9).call(pay)
    assert len(given) == 2
    assert min(given) > 0


def test_an_attempt_gets_the_timeout_or_what_is_left_of_the_deadline(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock
) -> None:
    given: list[float] = []

    def reply(request: httpx.Request) -> httpx.Response:
        given.append(request.extensions["timeout"]["read"])
        return httpx.Response(503, headers={"Retry-After": "4"})

    server.route().side_effect = reply
    with pytest.raises(finsecure.APIError):
        open_door(clock=clock, deadline=10, timeout=5, max_retries=9).call(pay)
    assert given == [5.0, 5.0, 2.0]


@pytest.mark.parametrize("outcome", [httpcore.ReadTimeout("slow"), httpcore.ConnectTimeout("slow")], ids=repr)
def test_a_timeout_is_a_connection_error_of_its_own(wire: Door, server: respx.MockRouter, outcome: Exception) -> None:
    server.route().side_effect = [outcome] * 3
    with pytest.raises(finsecure.APITimeoutError) as caught:
        wire.call(look)
    assert isinstance(caught.value, finsecure.APIConnectionError)


class Step(NamedTuple):
    """One attempt, as it would go if it had all the time it wants."""

    outcome: str
    takes: float
    retry_after: str


steps = st.builds(
    Step,
    st.sampled_from([*RETRIED, *NOT_RETRIED, "good"]),
    st.floats(0, 40),
    st.sampled_from(["", "0", "3", "59", "61", "junk"]),
)


@given(
    st.lists(steps, min_size=1, max_size=8),
    st.integers(0, 5),
    st.none() | st.floats(0.01, 100),
    st.floats(0.01, 50),
    st.sampled_from([pay, look, change]),
)
def test_whatever_happens_attempts_key_and_time_are_bounded(
    plan: list[Step], max_retries: int, deadline: float | None, timeout: float, use: Callable[[Any], Any]
) -> None:
    clock = Clock(0)
    requests: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        step = plan[min(len(requests), len(plan) - 1)]
        requests.append(request)
        given: float = request.extensions["timeout"]["read"]
        clock.advance(min(step.takes, given))
        if step.takes > given:
            raise httpx.ReadTimeout("slow")
        outcome = {**RETRIED, **NOT_RETRIED, "good": GOOD}[step.outcome]
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome.status_code, headers={"Retry-After": step.retry_after}, content=outcome.content)

    with httpx.Client(transport=httpx.MockTransport(reply)) as http_client:
        client = finsecure.Client(
            KEY, http_client=http_client, clock=clock, max_retries=max_retries, deadline=deadline, timeout=timeout
        )
        try:
            attempts = use(client).last_response.attempts
        except finsecure.FinSecureError:
            attempts = len(requests)
    assert attempts == len(requests) <= max_retries + 1
    assert len({request.headers.get("idempotency-key") for request in requests}) == 1
    assert len(clock.sleeps) == len(requests) - 1
    assert max(clock.sleeps, default=0) <= 60
    if deadline is not None:
        assert clock.monotonic() <= deadline + 0.001
