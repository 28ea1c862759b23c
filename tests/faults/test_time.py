"""Nothing lasts longer than it may: drips, silence, slow answers, `Retry-After`, and many failing together."""

from __future__ import annotations

import email.utils
import math
import time
from typing import Any

import pytest

import finsecure

from ..conftest import Outcome
from .conftest import Figure, Open, Serve
from .doors import Ask, Quick
from .server import (
    UNAVAILABLE,
    Fault,
    Visit,
    always,
    answers,
    drip_body,
    drip_chunks,
    drip_headers,
    listed,
    silence,
    slow,
    well,
)
from .test_storm import create

LONG: dict[str, Fault] = {
    "headers dripping": drip_headers,
    "body dripping": drip_body,
    "chunks dripping": drip_chunks,
    "silence": silence,
    "slow": slow,
}
GRACE = 1.1


def as_ordered(visit: Visit) -> None:
    """The fault that the order names."""
    LONG.get(visit.request.params["metadata"]["order"].partition(",")[0], well)(visit)


@pytest.mark.parametrize("connection", ["new", "kept"])
def test_an_attempt_ends_with_its_timeout(serve: Serve, connect: Open, figure: Figure, connection: str) -> None:
    """However the bytes come, one attempt takes no longer than `timeout`."""
    server = serve(always(as_ordered))
    client = connect(server, timeout=1, max_retries=0)
    if connection == "kept":
        client.ask_all([create(f"warm {n}", 1) for n in range(len(LONG))], len(LONG))
    for again in (True, True, False):  # a busy machine may hold one of them up, hardly three
        outcomes = client.ask_all([create(name, 1) for name in LONG], len(LONG))
        for name, outcome in zip(LONG, outcomes, strict=True):
            figure("timeout=1", fault=name, seconds=round(outcome.seconds, 3))
            assert isinstance(outcome.error, finsecure.APITimeoutError), name
            assert outcome.error.maybe_executed
            assert outcome.seconds >= 0.9, name
        if max(outcome.seconds for outcome in outcomes) <= GRACE:
            return
        assert again, [round(outcome.seconds, 3) for outcome in outcomes]


def test_a_call_ends_with_its_deadline(serve: Serve, connect: Open, figure: Figure) -> None:
    """Attempts and waits together take no longer than `deadline`."""
    server = serve(always(as_ordered))
    client = connect(server, timeout=0.4, max_retries=10, deadline=1)
    for again in (True, True, False):  # as above
        outcomes = client.ask_all([create(name, 1) for name in LONG], len(LONG))
        for name, outcome in zip(LONG, outcomes, strict=True):
            figure("deadline=1", fault=name, seconds=round(outcome.seconds, 3))
            assert isinstance(outcome.error, finsecure.APITimeoutError), name
            assert len({request.key for request in server.ledger.requests if request.key}) == len(LONG)
        assert server.ledger.arrived >= 2 * len(LONG)
        if max(outcome.seconds for outcome in outcomes) <= GRACE:
            return
        server.ledger.requests.clear()
        assert again, [round(outcome.seconds, 3) for outcome in outcomes]


def test_a_server_that_reads_slowly_cannot_hold_a_call(serve: Serve, connect: Open) -> None:
    """Writing counts too: a large request that is taken up in sips ends with `timeout`."""
    server = serve(sip=True)
    large = {"order": "x" * 16_000_000}
    ask: Ask = lambda c: c.payment_intents.create(amount=1, currency="usd", metadata=large)  # noqa: E731
    outcome = connect(server, timeout=1, max_retries=0).ask(ask)
    assert isinstance(outcome.error, finsecure.APITimeoutError)
    assert outcome.seconds < 10  # a busy machine takes its time to encode 16 MB; the server would take an hour


def test_no_wait_begins_that_would_end_after_the_deadline(serve: Serve, connect: Open) -> None:
    """Where `Retry-After` leads past the deadline, the error comes at once and says how long to wait."""
    server = serve(always(answers(503, b"", ("Retry-After", "5"), executed=False)))
    clock = Quick()
    outcome = connect(server, deadline=2, clock=clock).ask(create("a", 1))
    assert outcome.error.retry_after == 5
    assert clock.waits == []
    assert server.ledger.arrived == 1


def _date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


RETRY_AFTER: dict[str, tuple[str, float | None, float | None]] = {
    # name: (header, at least, at most); None, None: back-off
    "0": ("0", None, None),
    "1": ("1", 1, 1),
    "fractional": ("0.25", 0.25, 0.25),
    "60": ("60", 60, 60),
    "spaces": ("  2 ", 2, 2),
    "date": ("+7", 5, 7),
    "past date": ("-90", None, None),
    "negative": ("-1", None, None),
    "junk": ("soon", None, None),
    "empty": ("", None, None),
    "nan": ("nan", None, None),
    "inf": ("inf", None, None),
    "underscore": ("1_0", None, None),
    "two": ("1, 2", None, None),
    "year 99999": ("Fri, 31 Dec 99999 23:59:59 GMT", None, None),
    "an exponent": ("1e3", None, None),
    "a day that no calendar has": ("Wed, 30 Feb 2022 00:00:09 GMT", None, None),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("name", RETRY_AFTER)
def test_retry_after_is_honoured_and_junk_is_not(
    serve: Serve, connect: Open, figure: Figure, status: int, name: str
) -> None:
    """A `Retry-After` of up to a minute is the wait; one that says nothing falls back to the client's own."""
    value, least, most = RETRY_AFTER[name]
    value = _date(float(value)) if "date" in name else value
    server = serve([answers(status, b"", ("Retry-After", value), executed=False)])
    clock = Quick()
    outcome = connect(server, clock=clock).ask(create("a", 1))
    assert outcome.error is None
    (wait,) = clock.waits
    figure("Retry-After", name=name, waits=round(wait, 2))
    if least is None or most is None:
        assert 0 <= wait <= 0.5
    else:
        assert least <= wait <= most


RATE_LIMITED = b'{"error": {"type": "rate_limit_error", "message": "Slow down."}}'


@pytest.mark.parametrize("value", ["61", "1000000000", "3600", "9" * 5000, "date"], ids=lambda value: value[:10])
def test_a_retry_after_that_is_too_long_is_the_callers_to_decide(
    serve: Serve, connect: Open, figure: Figure, value: str
) -> None:
    """More than a minute is not waited for: the error comes at once, with `retry_after`."""
    header = ("Retry-After", _date(90) if value == "date" else value)
    server = serve(always(answers(429, RATE_LIMITED, header, executed=False)))
    clock = Quick()
    error = connect(server, clock=clock).ask(create("a", 1)).error
    assert isinstance(error, finsecure.RateLimitError)
    assert error.retry_after is not None
    assert 60 < error.retry_after < math.inf
    assert not error.maybe_executed
    assert (server.ledger.arrived, clock.waits) == (1, [])
    figure("Retry-After", name=value[:10], waits=0)


@pytest.mark.slow
def test_a_hundred_clients_failing_together_come_back_apart(serve: Serve, connect: Open, figure: Figure) -> None:
    """After a failure that all share, no 50 ms see more than 30 % of the first retries."""
    clock = Quick()
    server = serve(always(UNAVAILABLE))
    for n in range(100):
        connect(server, clock=clock, max_retries=1).ask(create(f"{n}", 1))
    waits = sorted(clock.waits)
    assert len(waits) == 100
    fullest = max(sum(1 for wait in waits if begin <= wait <= begin + 0.05) for begin in waits)
    figure("100 clients failing together", most_retries_within_50_ms=fullest)
    assert fullest <= 30


def test_in_use_is_waited_for(serve: Serve, connect: Open) -> None:
    """A key whose first request is still under way is asked again, and never told as a refusal that is final."""
    server = serve()
    client = connect(server, clock=Quick())
    with server.in_use("k1"):
        outcome: Outcome = client.ask(create("a", 1, "k1"))
    error: Any = outcome.error
    assert isinstance(error, finsecure.IdempotencyError)
    assert error.maybe_executed
    assert server.ledger.arrived == 3
    server.script = listed([well])
    assert client.ask(create("a", 1, "k1")).error is None
