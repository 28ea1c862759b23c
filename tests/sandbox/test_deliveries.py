"""Webhooks, delivered to a real receiver on loopback. Reference: Webhooks."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Sandbox, _deliveries

Connect = Callable[[Sandbox], httpx.Client]


@dataclass
class Receiver:
    """A webhook receiver: what it was sent, and the statuses that it answers with (then 200)."""

    url: str
    answers: list[int] = field(default_factory=list[int])
    requests: queue.Queue[tuple[dict[str, str], bytes]] = field(
        default_factory=queue.Queue[tuple[dict[str, str], bytes]]
    )

    def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        headers, body = self.requests.get(timeout=30)
        return headers, json.loads(body)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.requests.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(here.answers.pop(0) if here.answers else 200)
            self.send_header("Location", here.url + "elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Receiver(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield here
        server.shutdown()
        thread.join()


@pytest.fixture
def listen(api: httpx.Client) -> Callable[..., str]:
    """Register an endpoint; its id."""

    def listen(url: str, *types: str) -> str:
        params = {"url": url, "enabled_events": list(types) or ["*"]}
        ident: str = api.post("/v1/webhook_endpoints", json=params).json()["id"]
        return ident

    return listen


def test_an_event_arrives_signed(sandbox: Sandbox, api: httpx.Client, receiver: Receiver) -> None:
    """By the secret of the endpoint and by that of the sandbox."""
    secret = api.post("/v1/webhook_endpoints", json={"url": receiver.url, "enabled_events": ["*"]}).json()["secret"]
    api.post("/v1/customers", json={"name": "Adé"})
    (delivery,) = sandbox.deliver()
    headers, body = receiver.requests.get(timeout=30)
    digests = [hmac.new(key.encode(), body, hashlib.sha256).hexdigest() for key in (secret, sandbox.webhook_secret)]
    assert headers["finsecure-signature"] == ",".join(f"sha256={digest}" for digest in digests)
    assert headers["content-type"] == "application/json"
    event = json.loads(body)
    assert (event["type"], event["pending_webhooks"]) == ("customer.created", 1)
    assert event["data"]["object"]["name"] == "Adé"
    assert (delivery.event, delivery.type, delivery.url) == (event["id"], event["type"], receiver.url)
    assert (delivery.attempt, delivery.status, delivery.error, delivery.time) == (1, 200, None, 1640995200)
    assert delivery.delivered
    assert sandbox.deliveries == [delivery]
    assert api.get(f"/v1/events/{event['id']}").json()["pending_webhooks"] == 0


def test_nothing_is_delivered_by_itself_with_a_standing_clock(
    sandbox: Sandbox, api: httpx.Client, receiver: Receiver, listen: Callable[..., str]
) -> None:
    listen(receiver.url)
    api.post("/v1/customers", json={})
    assert not any(thread.name.startswith("finsecure-sandbox") for thread in threading.enumerate())
    assert sandbox.deliveries == []


def test_an_endpoint_gets_the_types_it_asked_for(
    sandbox: Sandbox, api: httpx.Client, receiver: Receiver, listen: Callable[..., str]
) -> None:
    listen(receiver.url + "one", "customer.deleted")
    listen(receiver.url + "all", "*")
    ident = api.post("/v1/customers", json={}).json()["id"]
    api.delete(f"/v1/customers/{ident}")
    assert [(tried.type, tried.url.rpartition("/")[2]) for tried in sandbox.deliver()] == [
        ("customer.created", "all"),
        ("customer.deleted", "one"),
        ("customer.deleted", "all"),
    ]


def test_a_refused_event_is_tried_five_times_with_longer_and_longer_waits(
    sandbox: Sandbox, api: httpx.Client, receiver: Receiver, listen: Callable[..., str]
) -> None:
    listen(receiver.url)
    receiver.answers += [500, 400, 302, 199 + 200, 503, 200]
    api.post("/v1/customers", json={})
    assert [tried.attempt for tried in sandbox.deliver()] == [1]
    assert sandbox.deliver() == []
    for attempt, wait in enumerate((1, 5, 30, 120), start=2):
        sandbox.clock.advance(wait - 0.5)
        assert sandbox.deliver() == []
        sandbox.clock.advance(0.5)
        assert [tried.attempt for tried in sandbox.deliver()] == [attempt]
    sandbox.clock.advance(10_000)
    assert sandbox.deliver() == []
    assert [tried.status for tried in sandbox.deliveries] == [500, 400, 302, 399, 503]
    assert not any(tried.delivered for tried in sandbox.deliveries)
    assert api.get("/v1/events/evt_1").json()["pending_webhooks"] == 0
    assert len({body for _, body in receiver.requests.queue}) == 1


def test_a_retry_that_is_taken_is_the_last(
    sandbox: Sandbox, api: httpx.Client, receiver: Receiver, listen: Callable[..., str]
) -> None:
    listen(receiver.url)
    receiver.answers += [500, 204]
    api.post("/v1/customers", json={})
    sandbox.deliver()
    assert api.get("/v1/events/evt_1").json()["pending_webhooks"] == 1
    sandbox.clock.advance(1)
    assert [tried.status for tried in sandbox.deliver()] == [204]
    sandbox.clock.advance(10_000)
    assert sandbox.deliver() == []


def test_a_receiver_that_is_not_there_is_an_error_in_the_log(
    sandbox: Sandbox, api: httpx.Client, listen: Callable[..., str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    listen(f"http://127.0.0.1:{port}/")
    api.post("/v1/customers", json={})
    (tried,) = sandbox.deliver()
    assert tried.status is None
    assert (tried.error or "").startswith("ConnectError")


def test_a_receiver_that_does_not_answer_is_given_up_in_time(
    sandbox: Sandbox, api: httpx.Client, listen: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _deliveries.TIMEOUT == 10
    monkeypatch.setattr(_deliveries, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listen(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        api.post("/v1/customers", json={})
        (tried,) = sandbox.deliver()
    assert (tried.status, (tried.error or "").partition(":")[0]) == (None, "TimeoutError")


def test_nothing_is_ever_sent_to_another_machine(
    sandbox: Sandbox, api: httpx.Client, listen: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("the sandbox opened a connection")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    listen("https://shop.example/hooks")
    api.post("/v1/customers", json={})
    (tried,) = sandbox.deliver()
    assert tried.status is None
    assert (tried.error or "").startswith("refused: the sandbox delivers only to this machine")
    sandbox.clock.advance(10_000)
    assert sandbox.deliver() == []


def test_a_proxy_of_the_environment_is_not_used(
    sandbox: Sandbox,
    api: httpx.Client,
    receiver: Receiver,
    listen: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    listen(receiver.url)
    api.post("/v1/customers", json={})
    assert [tried.status for tried in sandbox.deliver()] == [200]


def test_what_waits_for_a_deleted_endpoint_is_dropped(
    sandbox: Sandbox, api: httpx.Client, receiver: Receiver, listen: Callable[..., str]
) -> None:
    ident = listen(receiver.url)
    api.post("/v1/customers", json={})
    api.delete(f"/v1/webhook_endpoints/{ident}")
    assert sandbox.deliver() == []
    assert receiver.requests.empty()
    assert api.get("/v1/events/evt_1").json()["pending_webhooks"] == 0


def test_a_bank_payment_that_settles_is_told_without_another_request(
    sandbox: Sandbox, api: httpx.Client, receiver: Receiver, listen: Callable[..., str]
) -> None:
    listen(receiver.url)
    params = {"amount": 100, "currency": "usd", "payment_method_types": ["ach"]}
    ident = api.post("/v1/payment_intents", json=params).json()["id"]
    account = {
        "type": "us_bank_account",
        "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
    }
    api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": account})
    assert sandbox.deliver() == []
    sandbox.clock.advance(2)
    assert [tried.type for tried in sandbox.deliver()] == ["payment_intent.succeeded"]


class TestByThemselves:
    """With a clock that follows the system."""

    def test_events_are_delivered_on_a_thread(self, connect: Connect, receiver: Receiver) -> None:
        with Sandbox(settle_after=0.01) as sandbox:
            api = connect(sandbox)
            api.post("/v1/customers", json={})
            assert not any(thread.name == "finsecure-sandbox-webhooks" for thread in threading.enumerate())
            api.post("/v1/webhook_endpoints", json={"url": receiver.url, "enabled_events": ["*"]})
            for name in ("Ada", "Bob"):
                api.post("/v1/customers", json={"name": name})
                assert receiver.next()[1]["data"]["object"]["name"] == name
            params = {"amount": 100, "currency": "usd", "payment_method_types": ["ach"]}
            ident = api.post("/v1/payment_intents", json=params).json()["id"]
            account = {
                "type": "us_bank_account",
                "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
            }
            api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": account})
            assert receiver.next()[1]["type"] == "payment_intent.succeeded"
        assert not any(thread.name == "finsecure-sandbox-webhooks" for thread in threading.enumerate())

    def test_what_was_due_when_a_file_was_closed_is_delivered_when_it_is_opened(
        self, connect: Connect, receiver: Receiver, tmp_path: Any, count: Callable[[str], str]
    ) -> None:
        from finsecure.sandbox import Clock

        db = tmp_path / "sandbox.db"
        with Sandbox(db=db, clock=Clock(0), ids=count) as standing:
            api = connect(standing)
            api.post("/v1/webhook_endpoints", json={"url": receiver.url, "enabled_events": ["*"]})
            api.post("/v1/customers", json={})
        with Sandbox(db=db):
            assert receiver.next()[1]["type"] == "customer.created"

    def test_a_closed_sandbox_wakes_nothing(self, connect: Connect) -> None:
        sandbox = Sandbox()
        sandbox.close()
        sandbox._courier.wake()
        assert not any(thread.name == "finsecure-sandbox-webhooks" for thread in threading.enumerate())
