"""Answers that are none: malformed successes, redirects, too large ones, error bodies of every wrong shape."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

import finsecure

from .conftest import Figure, Open, Serve
from .doors import Quick
from .server import (
    MALFORMED,
    MIB,
    SWELLING,
    Answer,
    Fault,
    Visit,
    always,
    answers,
    big_body,
    endless_body,
    gzip_bomb,
    second_answer,
    well,
)
from .test_storm import create


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_success_is_retried_then_raised_with_the_key(
    serve: Serve, connect: Open, figure: Figure, name: str
) -> None:
    """What is no PaymentIntent never becomes one: the same key is tried again, then the error carries it."""
    server = serve(always(MALFORMED[name]))
    outcome = connect(server, clock=Quick()).ask(create("a", 2000))
    error = outcome.error
    assert isinstance(error, (finsecure.APIError, finsecure.APIConnectionError)), outcome.value
    assert error.maybe_executed
    assert server.ledger.arrived == 3
    assert server.ledger.keys_of("a") == {error.idempotency_key}
    assert len(server.ledger.charges) == 1
    figure("malformed 2xx responses", name=name, requests=3, charges=1, raised=type(error).__name__)


@pytest.mark.parametrize("name", MALFORMED)
def test_one_malformed_success_is_not_noticed(serve: Serve, connect: Open, name: str) -> None:
    """Where only one answer was malformed, the caller gets the payment, and it was made once."""
    server = serve([MALFORMED[name]])
    client = connect(server, clock=Quick())
    intent = client.ask(create("a", 2000)).value
    assert [intent.id] == list(server.ledger.charges)
    assert intent.last_response.attempts == 2
    assert client.ask(lambda c: c.payment_intents.retrieve(intent.id)).value.id == intent.id


def test_a_header_that_is_not_ascii_spoils_nothing(serve: Serve, connect: Open) -> None:
    """What nobody looks at may say what it likes: the payment was made, and arrives."""

    def odd(visit: Visit) -> None:
        visit.send(visit.execute()._replace(headers=(("X-Edge", "München"), ("Request-Id", "München"))).raw())

    server = serve([odd])
    outcome = connect(server).ask(create("a", 1))
    assert outcome.error is None
    assert [outcome.value.id] == list(server.ledger.charges)


def test_a_second_answer_is_never_read_as_the_answer_to_the_next_call(serve: Serve, connect: Open) -> None:
    """Bytes behind an answer belong to no call: the next one gets its own."""
    server = serve([second_answer, well])
    client = connect(server)
    first, second = client.ask(create("a", 1)), client.ask(create("b", 2))
    assert first.value.metadata == {"order": "a"}
    assert second.value.metadata == {"order": "b"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-origin", "other-origin"])
def test_a_redirect_is_not_followed(serve: Serve, connect: Open, figure: Figure, status: int, elsewhere: bool) -> None:
    """Neither key nor body goes to where a redirect points; the error says what happened."""
    other = serve()
    server = serve()
    target = (other if elsewhere else server).url + "/v1/elsewhere"
    server.script = always(answers(status, b"", ("Location", target), executed=False))
    error = connect(server, clock=Quick()).ask(create("a", 1)).error
    assert isinstance(error, finsecure.APIError)
    assert error.http_status == status
    assert "redirect" in str(error)
    assert f"a redirect to {target}, which" in str(error)
    assert (server.ledger.arrived, other.ledger.connections) == (1, 0)
    figure("redirects", status=status, requests_to_the_target=other.ledger.connections)


WRONG_BODIES: dict[str, bytes] = {
    "empty": b"",
    "html": b"<html><h1>Error</h1></html>",
    "null": b"null",
    "list": b'["error"]',
    "string": b'"error"',
    "error is a string": b'{"error": "invalid"}',
    "error is a list": b'{"error": [{"type": "card_error"}]}',
    "error is null": b'{"error": null}',
    "fields of wrong types": b'{"error": {"type": 5, "message": ["no"], "code": {}, "param": 1.5, "doc_url": false}}',
    "unknown type": b'{"error": {"type": "new_error", "message": "New."}}',
    "payment_intent a string": b'{"error": {"message": "no", "payment_intent": "pi_1"}}',
    "payment_intent malformed": b'{"error": {"message": "no", "payment_intent": {"id": 5, "amount": "x"}}}',
    "bad utf-8": b'{"error": {"message": "\xff\xfe"}}',
    "nan": b'{"error": {"message": "no", "n": NaN}}',
    "deep": b'{"error": ' * 100_000,
    "digits": b'{"error": {"message": "no", "n": ' + b"9" * 5000 + b"}}",
    "cut": b'{"error": {"type": "card_er',
    "surrogates": b'{"error": {"message": "\\ud800"}}',
    "big": b'{"error": {"message": "' + b"x" * 100_000 + b'"}}',
}
CLASSES: dict[int, type[finsecure.FinSecureError]] = {
    400: finsecure.InvalidRequestError,
    401: finsecure.AuthenticationError,
    402: finsecure.APIError,
    403: finsecure.AuthenticationError,
    404: finsecure.InvalidRequestError,
    405: finsecure.InvalidRequestError,
    408: finsecure.InvalidRequestError,
    409: finsecure.IdempotencyError,
    415: finsecure.InvalidRequestError,
    418: finsecure.InvalidRequestError,
    422: finsecure.InvalidRequestError,
    429: finsecure.RateLimitError,
    451: finsecure.InvalidRequestError,
    **dict.fromkeys([300, 304, 500, 501, 502, 503, 504, 520, 599], finsecure.APIError),
}


@pytest.mark.parametrize("name", WRONG_BODIES)
def test_the_status_decides_where_the_error_body_is_of_a_wrong_shape(
    serve: Serve, connect: Open, figure: Figure, name: str
) -> None:
    """Whatever the body of an error is, the class is the one that its status stands for, with the request id."""
    server = serve()
    client = connect(server, max_retries=0)
    for status, kind in CLASSES.items():
        body = b"" if status == 304 else WRONG_BODIES[name]
        server.script = always(answers(status, body, ("Request-Id", "req_wrong"), executed=False))
        error = client.ask(create(f"{status}", 1)).error
        assert type(error) is kind, status
        assert (error.http_status, error.request_id) == (status, "req_wrong")
        assert str(error).isprintable()
    figure("error bodies of wrong shapes", name=name, statuses=len(CLASSES))


@pytest.mark.parametrize("name", WRONG_BODIES)
def test_a_server_error_of_any_shape_is_retried(serve: Serve, connect: Open, name: str) -> None:
    """A 503 is tried again whatever its body says, and the payment is made once."""
    server = serve([answers(503, WRONG_BODIES[name])])
    outcome = connect(server, clock=Quick()).ask(create("a", 1))
    assert outcome.error is None
    assert len(server.ledger.charges) == 1


def hidden_compression(visit: Visit) -> None:
    """An error whose body says that it is compressed, and is not."""
    visit.send(Answer(402, b"declined", (("Content-Encoding", "gzip"), ("Request-Id", "req_1"))).raw())


def test_an_error_with_a_broken_body_keeps_its_status(serve: Serve, connect: Open) -> None:
    """Its body may say anything, so a 402 whose body cannot be unpacked is no decline, and proves nothing."""
    server = serve(always(hidden_compression))
    error = connect(server).ask(create("a", 1)).error
    assert type(error) is finsecure.APIError
    assert (error.http_status, error.maybe_executed) == (402, True)
    assert server.ledger.arrived == 1


def test_how_large_an_answer_may_be_is_an_option(serve: Serve, connect: Open) -> None:
    """`max_response_size` refuses what is larger by one byte, compressed or not, and `with_options` raises it."""

    def squeezed(visit: Visit) -> None:
        answer = visit.execute()
        visit.send(Answer(200, gzip.compress(answer.body), (("Content-Encoding", "gzip"),)).raw())

    for fault in (well, squeezed):
        server = serve(always(fault))
        size = len(connect(server).ask(create("a", 1)).value.to_json())
        wide = len(server.api(server.ledger.requests[0]).body)  # as sent, with white space
        assert wide > size
        client = connect(server, max_response_size=wide - 1, max_retries=0)
        error = client.ask(create("a", 1)).error
        assert isinstance(error, finsecure.APIError)
        assert error.maybe_executed
        assert client.with_options(max_response_size=wide).ask(create("a", 1)).error is None


PEAKS = """
import asyncio, json, os, sys, time
import finsecure

url, door, transport, limit, calls = sys.argv[1:]
options = {"base_url": url, "transport": transport, "max_retries": 0, "timeout": 60, "max_response_size": int(limit)}
__import__(transport)
if door == "trio":
    import trio

def peak():  # not ru_maxrss: a child inherits its parent's, and pytest is larger than anything measured here
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

async def main():
    client = finsecure.AsyncClient("sk_test_1", **options)
    await client.payment_intents.create(amount=1, currency="usd", metadata={"order": "warm"})
    before = peak()
    try:
        await client.payment_intents.create(amount=1, currency="usd", metadata={"order": "big"})
    except finsecure.FinSecureError as exc:
        return before, exc
    finally:
        await client.aclose()

def plain():
    with finsecure.Client("sk_test_1", **options) as client:
        client.payment_intents.create(amount=1, currency="usd", metadata={"order": "warm"})
        before = peak()
        try:
            client.payment_intents.create(amount=1, currency="usd", metadata={"order": "big"})
        except finsecure.FinSecureError as exc:
            return before, exc

with finsecure.Client("sk_test_1", base_url=url) as client:  # imports what every call needs
    client.payment_intents.create(amount=1, currency="usd")
for _ in range(int(calls)):
    if os.fork() == 0:  # each call has a process of its own
        began = time.monotonic()
        before, error = plain() if door == "sync" else asyncio.run(main()) if door == "asyncio" else trio.run(main)
        print(json.dumps({
            "raised": type(error).__name__,
            "said": str(error),
            "maybe": error.maybe_executed,
            "kib": peak() - before,
            "seconds": time.monotonic() - began,
        }))
        break
    if os.wait()[1]:
        sys.exit("a call went wrong")
"""

Peak = dict[str, Any]


def peaks_of(serve: Serve, faults: Sequence[Fault], door: str, transport: str, limit: int) -> list[Peak]:
    """What a call into each fault is told, and how much memory it took, each in a process of its own."""
    server = serve([well, *(fault for each in faults for fault in (well, each))])
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", PEAKS, server.url, door, transport, str(limit), str(len(faults))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return [json.loads(line) for line in ran.stdout.splitlines()]


linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")


@pytest.mark.slow
@linux
def test_the_peak_is_measured_at_all(serve: Serve, door: str, transport: str, figure: Figure) -> None:
    """The control: where 200 MiB are allowed, the same bomb is seen to cost more than 64."""
    (peak,) = peaks_of(serve, [gzip_bomb], door, transport, 200 * MIB)
    figure("huge bodies, compared with a limit of 200 MiB", peak_MiB=round(peak["kib"] / 1024, 1))
    assert peak["kib"] > 64 * 1024


@pytest.mark.slow
@linux
def test_a_body_that_is_too_large_is_refused_as_it_streams(
    serve: Serve, door: str, transport: str, figure: Figure
) -> None:
    """A huge, endless or exploding body ends the attempt at the limit, and costs little memory."""
    faults = [big_body, gzip_bomb, endless_body]
    peaks = peaks_of(serve, faults, door, transport, 16 * MIB)
    for fault, peak in zip(faults, peaks, strict=True):
        figure("huge bodies", fault=fault.__name__, peak_MiB=round(peak["kib"] / 1024, 1))
        assert peak["raised"] == "APIError", fault
        assert "larger than 16777216 bytes" in peak["said"], fault
        assert peak["maybe"], fault
        assert peak["kib"] <= 64 * 1024, fault
        assert peak["seconds"] < 20, fault


@pytest.mark.slow
@linux
def test_an_answer_within_its_size_costs_little_memory_whatever_its_shape(
    serve: Serve, door: str, transport: str, figure: Figure
) -> None:
    """Junk that would become a hundred times its size is refused before it is read."""
    peaks = peaks_of(serve, list(SWELLING.values()), door, transport, 16 * MIB)
    for name, peak in zip(SWELLING, peaks, strict=True):
        figure("compressed bodies that expand", name=name, peak_MiB=round(peak["kib"] / 1024, 1))
        assert peak["kib"] <= 64 * 1024, name
        assert peak["raised"] in {"APIError", "CardError"}, name
        assert peak["seconds"] < 20, name


def test_many_commas_in_a_text_are_no_values(serve: Serve, connect: Open) -> None:
    """A text of a megabyte that looks like swelling JSON is a text."""
    text = '{"a":[1,2]},' * 90_000

    def long(visit: Visit) -> None:
        body = {**json.loads(visit.execute().body), "description": text}
        visit.send(Answer(200, json.dumps(body).encode()).raw())

    assert connect(serve(always(long))).ask(create("a", 1)).value.description == text
