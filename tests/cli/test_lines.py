"""The lines that `finsecure sandbox` prints, one for each request and delivery."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from pathlib import Path

import pytest

import finsecure
from finsecure.cli._lines import Lines, line
from finsecure.sandbox import Clock, Delivery, LoggedRequest, Sandbox

NOON = 1640995200.0
AT = time.strftime("%H:%M:%S", time.localtime(NOON))


def request(**members: object) -> LoggedRequest:
    facts: dict[str, object] = {
        "id": "req_1",
        "time": NOON,
        "method": "POST",
        "path": "/v1/customers",
        "operation": "customers.create",
        "status": 200,
        "idempotency_key": "order_1",
        "replayed": False,
        "duration": 0.0032,
        "fault": False,
        "body": {"email": "customer@example.com"},
    }
    return LoggedRequest(**(facts | members))  # type: ignore[arg-type]


def delivery(**members: object) -> Delivery:
    facts: dict[str, object] = {
        "event": "evt_1",
        "type": "customer.created",
        "url": "http://127.0.0.1:8000/webhooks?token=abc",
        "attempt": 1,
        "status": 204,
        "error": None,
        "time": NOON,
    }
    return Delivery(**(facts | members))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        (request(), "200  POST /v1/customers  3 ms  req_1"),
        (request(method="GET", status=429), "429  GET  /v1/customers  3 ms  req_1"),
        (request(replayed=True), "200  POST /v1/customers  3 ms  req_1  replayed"),
        (request(status=None, fault=True), "---  POST /v1/customers  3 ms  req_1  injected fault"),
        (request(path="/v1/\x1b[2J\n"), "200  POST /v1/?[2J?  3 ms  req_1"),
        (delivery(), "204  customer.created -> http://127.0.0.1:8000/webhooks  evt_1"),
        (delivery(attempt=2, status=500), "500  customer.created -> http://127.0.0.1:8000/webhooks  evt_1  try 2"),
        (
            delivery(status=None, error="ReadTimeout: \x07"),
            "---  customer.created -> http://127.0.0.1:8000/webhooks  evt_1  ReadTimeout: ?",
        ),
    ],
)
def test_a_line_shows_the_facts_of_a_request_or_delivery(happened: LoggedRequest | Delivery, said: str) -> None:
    assert line(happened) == f"{AT}  {said}"


def test_requests_before_it_starts_are_not_printed(tmp_path: Path) -> None:
    with (tmp_path / "lines").open("w") as stream, Sandbox(clock=Clock(NOON)) as sandbox:
        lines = Lines(stream)
        lines(request(path="/v1/events"))
        lines.start()
        lines(request())
        lines(delivery())
        lines.close()
        assert sandbox is not None
    printed = (tmp_path / "lines").read_text().splitlines()
    assert [text.split()[2:4] for text in printed] == [["POST", "/v1/customers"], ["customer.created", "->"]]


def test_a_sandbox_tells_its_observer_of_requests_and_deliveries() -> None:
    happened: list[LoggedRequest | Delivery] = []
    with Sandbox(clock=Clock(NOON), observer=happened.append) as sandbox:
        sandbox.client().customers.create(email="customer@example.com")
        sandbox.deliver(to=lambda _body, _headers: 200)
    assert [type(one) for one in happened] == [LoggedRequest, Delivery]
    assert happened == [*sandbox.requests, happened[1]]


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_without_a_file_descriptor_nothing_is_written(stream: io.StringIO | None) -> None:
    lines = Lines(stream)
    lines.start()
    lines(request())
    lines.close()
    assert stream is None or not stream.getvalue()


def test_a_closed_pipe_raises_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        lines = Lines(stream)
        lines.start()
        lines(request())
        lines.close()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes hold another size there")
def test_a_pipe_that_nobody_reads_blocks_nothing() -> None:
    """After 10,000 requests that nobody reads, no call has waited, and closing takes a moment."""
    read, write = os.pipe()
    threads = {*threading.enumerate()}
    with os.fdopen(read) as reader, os.fdopen(write, "w") as stream:
        lines = Lines(stream)
        lines.start()
        began = time.monotonic()
        for _ in range(10_000):
            lines(request())
        lines.close()
        assert time.monotonic() - began < 5
        (writer,) = {*threading.enumerate()} - threads
        while writer.is_alive():  # read what is left, so that it can end
            os.read(reader.fileno(), 1 << 16)
            lines.close()


def test_errors_of_the_sandbox_are_ours() -> None:
    with pytest.raises(ValueError, match="observer must be a function"):
        Sandbox(observer="print")  # type: ignore[arg-type]
    assert issubclass(finsecure.error.SandboxError, finsecure.FinSecureError)
