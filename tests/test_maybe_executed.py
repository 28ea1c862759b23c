"""Whether a request may have been carried out: `maybe_executed`, by one table, `verdicts.RULE`."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest
import respx

import finsecure
from finsecure import _wire
from finsecure._call import DELETE, GET, POST, PUT, Call
from finsecure._config import Config
from finsecure._exchange import Exchange
from finsecure._http import Failure, Kind, Response
from finsecure._retry import RetryBudget
from finsecure._transport import failures
from finsecure.sandbox import Clock

from .conftest import KEY
from .verdicts import RULE, Answer, answers, error, one_a_row

if TYPE_CHECKING:
    from tests.conftest import Door

PATH = "/v1/customers"
CALLS: dict[str, Callable[[], Call[Any]]] = {
    "POST": lambda: POST(PATH, finsecure.Customer, name="Ada"),
    "PUT": lambda: PUT(PATH + "/{id}", finsecure.Customer, id="cus_1", name="Ada"),
    "DELETE": lambda: DELETE(PATH + "/{id}", finsecure.Customer, id="cus_1"),
    "GET": lambda: GET(PATH + "/{id}", finsecure.Customer, id="cus_1"),
}
USES: dict[str, Callable[[Any], Any]] = {
    "POST": lambda api: api.refunds.create(payment_intent="pi_1"),
    "PUT": lambda api: api.customers.update("cus_1", name="Ada"),
    "DELETE": lambda api: api.customers.delete("cus_1"),
    "GET": lambda api: api.customers.retrieve("cus_1"),
}

LOST = httpcore.ReadError("reset")
NOT_SENT = httpcore.ConnectError("refused")
BEFORE: dict[str, tuple[list[Any], bool]] = {
    # the attempts before; whether any of them may have been carried out
    "nothing": ([], False),
    "not sent": ([NOT_SENT], False),
    "rate limited": ([httpx.Response(429, content=error("rate_limit_error"))], False),
    "a conflict": ([httpx.Response(409, content=error("invalid_request_error", code="lock_timeout"))], False),
    "lost": ([LOST], True),
    "no answer in time": ([httpcore.ReadTimeout("slow")], True),
    "a server error": ([httpx.Response(500, content=error("api_error"))], True),
    "a bad gateway": ([httpx.Response(502, html="<h1>Bad Gateway</h1>")], True),
    "a gateway's 429": ([httpx.Response(429, html="<h1>Slow down</h1>")], True),
    "no JSON": ([httpx.Response(200, html="<h1>Hi</h1>")], True),
    "lost, then not sent": ([LOST, NOT_SENT], True),
    "lost, then rate limited": ([LOST, httpx.Response(429, content=error("rate_limit_error"))], True),
}


def failed(exchange: Exchange, outcome: Any) -> Failure:
    """What an attempt becomes, without a transport."""
    exchange.begin_attempt()
    if isinstance(outcome, (Response, httpx.Response)):
        status = outcome.status if isinstance(outcome, Response) else outcome.status_code
        body = outcome.body if isinstance(outcome, Response) else outcome.content
        failure: Failure = _wire.decode(exchange, Response(status, {}, body))
        return failure
    kind: Kind = "not sent" if isinstance(outcome, httpcore.ConnectError) else "lost"
    return exchange.add_context(Failure(kind, finsecure.APIConnectionError("It broke.")))


@pytest.mark.slow
@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("before", BEFORE)
def test_every_answer_after_every_beginning(before: str, method: str) -> None:
    """First attempt, status, type and shape: what the rule says, for each of them."""
    config = Config.checked(KEY, clock=Clock(0))
    attempts, opened = BEFORE[before]
    for answer in answers():
        call = CALLS[method]()
        exchange = Exchange(call, _wire.encode(call, config), config, RetryBudget())
        for attempt in attempts:
            failed(exchange, attempt)
        refused = failed(exchange, Response(answer.status, {}, answer.body)).error
        assert refused.maybe_executed is answer.may_be_done(method, opened=opened), answer


def outcome_of(door: Door, server: respx.MockRouter, use: Callable[[Any], Any], outcomes: list[Any]) -> Any:
    """The error of a call whose attempts end like this, the last for as long as it is asked."""
    each: Iterator[Any] = chain(outcomes[:-1], repeat(outcomes[-1]))

    def reply(_: httpx.Request) -> httpx.Response:
        outcome = next(each)
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome.status_code, content=outcome.content)

    server.route().side_effect = reply
    with pytest.raises(finsecure.FinSecureError) as caught:
        door.call(use)
    return caught.value


@pytest.mark.parametrize("before", ["nothing", "not sent", "lost", "a server error"])
@pytest.mark.parametrize("method", USES)
def test_the_rule_holds_at_every_door(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, method: str, before: str
) -> None:
    attempts, opened = BEFORE[before]
    for answer in one_a_row():
        door = open_door(clock=clock, max_retries=len(attempts))
        last = httpx.Response(answer.status, content=answer.body)
        refused = outcome_of(door, server, USES[method], [*attempts, last])
        assert refused.http_status == answer.status
        assert refused.maybe_executed is answer.may_be_done(method, opened=opened), answer
    without: list[Any] = [NOT_SENT, LOST, httpx.Response(200, html="<h1>Hi</h1>")]
    for row, ended in zip(RULE, without, strict=False):
        door = open_door(clock=clock, max_retries=len(attempts))
        told = Answer(row, 0, b"").may_be_done(method, opened=opened)
        assert outcome_of(door, server, USES[method], [*attempts, ended]).maybe_executed is told, row


def test_a_gateways_page_does_not_prove_that_a_charge_was_refused(wire: Door, server: respx.MockRouter) -> None:
    """The refund was made, and its answer turned into a page: whoever believes the status makes it again."""
    refused = outcome_of(wire, server, USES["POST"], [httpx.Response(403, html="<h1>Forbidden</h1>")])
    assert isinstance(refused, finsecure.AuthenticationError)
    assert refused.maybe_executed
    assert refused.idempotency_key
    assert refused.idempotency_key in str(refused)


@pytest.mark.parametrize("body", [b"", b"<h1>Pay your bill</h1>", error("not_paid"), error("invalid_request_error")])
def test_an_undocumented_402_is_not_a_decline(wire: Door, server: respx.MockRouter, body: bytes) -> None:
    refused = outcome_of(wire, server, USES["POST"], [httpx.Response(402, content=body)])
    assert type(refused) is finsecure.APIError
    assert refused.maybe_executed
    assert len(server.calls) == 1


# ------------------------------------------------------------------------------------------------------------------
# In words


REASONS = {
    "no connection": NOT_SENT,
    "not to be sent": httpcore.LocalProtocolError("no"),
    "the proxy's refusal": httpcore.ProxyError("403 Forbidden"),
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("use", [USES["POST"], USES["GET"]])
def test_the_error_says_that_nothing_was_sent_if_no_attempt_sent_anything(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, use: Callable[[Any], Any], reason: str
) -> None:
    never = outcome_of(open_door(clock=clock), server, use, [REASONS[reason]])
    assert "Nothing was sent." in str(never)
    for before in (LOST, httpx.Response(429, content=error("rate_limit_error"))):
        after = outcome_of(open_door(clock=clock), server, use, [before, REASONS[reason]])
        assert "othing was sent" not in str(after)


@pytest.mark.parametrize("reason", [failures.closed, lambda: failures.certificate_refused("it has expired")])
def test_a_closed_client_and_a_certificate_say_it_by_the_same_rule(reason: Callable[[], Failure]) -> None:
    """Either may come between two attempts."""
    config = Config.checked(KEY, clock=Clock(0))
    for before, sentence in ((NOT_SENT, "Nothing was sent."), (LOST, "The server may have carried it out")):
        exchange = Exchange(CALLS["POST"](), _wire.encode(CALLS["POST"](), config), config, RetryBudget())
        failed(exchange, before)
        exchange.begin_attempt()
        last = exchange.add_context(reason())
        assert ("Nothing was sent." in str(last.error), last.error.maybe_executed) == (
            before is NOT_SENT,
            before is LOST,
        )
        assert sentence in str(last.error)
        assert exchange.plan_retry(last) is None


def test_an_exception_that_the_caller_is_handling_is_not_taken_for_the_calls_own(
    wire: Door, server: respx.MockRouter
) -> None:
    """A refund in the `except` of a failed TLS check, whose answer is lost, may have been made."""

    def check() -> None:
        raise ssl.SSLCertVerificationError("somebody else's certificate")

    try:
        check()
    except ssl.SSLCertVerificationError:
        lost = outcome_of(wire, server, USES["POST"], [LOST])
        assert lost.maybe_executed
        assert "certificate" not in str(lost)
    assert len(server.calls) == 3


SETTINGS = {"SSL_CERT_FILE": "/nowhere/ca.pem", "HTTPS_PROXY": "http://[bad:70000"}


@pytest.mark.parametrize("kind", ["sync", "async-asyncio", "async-trio"], indirect=True)
@pytest.mark.parametrize("transport", ["httpx", "httpx2", "pyreqwest"])
@pytest.mark.parametrize("name", SETTINGS)
def test_unusable_settings_are_reported_with_the_key(
    open_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch, kind: str, transport: str, name: str
) -> None:
    """They are looked at when a connection is made, so that an attempt before may have been carried out."""
    pytest.importorskip(transport)
    monkeypatch.setenv(name, SETTINGS[name])
    door = open_door(transport=transport)
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        door.call(USES["POST"])
    assert caught.value.idempotency_key
    assert not caught.value.maybe_executed
    assert "Nothing was sent." in str(caught.value)
