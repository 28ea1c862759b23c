"""The options of `finsecure sandbox`: keys, webhooks, a seed, what it prints."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest

from finsecure.cli import main
from finsecure.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
KEYS = {
    "secret_key": "sk_test_1234567890abcdef",
    "publishable_key": "pk_test_1234567890abcdef",
    "webhook_secret": "whsec_1234567890abcdef",
}
WITH_KEYS = [word for name, key in KEYS.items() for word in (f"--{name.replace('_', '-')}", key)]
CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}}
SEED: list[dict[str, Any]] = [
    {"as": "ada", "path": "/v1/customers", "body": {"email": "ada@example.com"}},
    {"as": "card", "path": "/v1/payment_methods", "body": CARD},
    {"path": "/v1/payment_methods/{card}/attach", "body": {"customer": "{ada}"}},
    {"path": "/v1/customers/{ada}", "method": "PUT", "body": {"metadata": {"note": "{ada} pays with {card}"}}},
    {"as": "intent", "path": "/v1/payment_intents", "body": {"amount": 2000, "currency": "usd", "customer": "{ada}"}},
    {"path": "/v1/payment_intents/{intent}/confirm", "body": {"payment_method": "{card}"}},
    {"path": "/sandbox/events", "body": {"trigger": "payment_intent.canceled"}},
]


WRONG: list[tuple[Any, str]] = [
    ("not JSON", "is not JSON in UTF-8"),
    ("[" * 100_000, "is not JSON in UTF-8"),
    ({"customers": []}, "must be a list of requests"),
    (["/v1/customers"], "request 1: it must be an object"),
    ([{"path": "/v1/customers", "headers": {}}], "request 1: it may have the members"),
    ([{"body": {}}], "request 1: path must be"),
    ([{"path": "https://api.finsecure.com/v1/customers"}], "request 1: path must be"),
    ([{"path": "/v1/customers\n"}], "request 1: path must be"),
    ([{"path": "/v1/customers", "method": "GET"}], "request 1: method must be one of POST, PUT, DELETE"),
    ([{"path": "/v1/customers", "method": ["POST"]}], "request 1: method must be one of POST, PUT, DELETE"),
    ([{"path": "/v1/customers", "as": "a-b"}], "request 1: as must be a name"),
    ([{"path": "/v1/customers", "as": 1}], "request 1: as must be a name"),
    ([{"path": "/v1/customers", "body": []}], "request 1: body must be an object"),
    ([SEED[0], SEED[2]], "request 2: {card} is not the name of an earlier request"),
    ([{"path": "/v1/customers", "body": {"metadata": {"n": float("nan")}}}], "request 1: "),
    ([{"path": "/v1/customers", "body": {"a": ["{ada}"]}}], "request 1: {ada} is not the name of an earlier request"),
    (
        [{"path": "/v1/customers", "body": {"age": 36}}],
        "POST /v1/customers was answered 400: Unknown param: age",
    ),
    (
        [{"path": "/v1/payment_methods", "body": {"type": "card", "card": {"number": "4111111111111111"}}}],
        "request 1: POST /v1/payment_methods was answered 400: ",
    ),
]
"""Seeds that are refused, and a part of the message."""


class Running:
    """`finsecure sandbox --json` under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.stderr and process.stderr.read()
        self.facts: dict[str, str] = json.loads(first)
        headers = {"Authorization": f"Bearer {self.facts['secret_key']}"}
        self.http = httpx.Client(base_url=self.facts["base_url"], headers=headers, trust_env=False)

    def data(self, path: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.http.get(path).json()["data"]
        return data

    def stop(self) -> list[str]:
        """Stop it and return the lines that it printed to stderr."""
        self.http.close()
        self._process.send_signal(signal.SIGINT)
        out, errors = self._process.communicate(timeout=60)
        assert (self._process.returncode, out) == (0, "")
        return errors.splitlines()


@contextmanager
def running(*args: str) -> Generator[Running, None, None]:
    command = [sys.executable, "-W", "error", "-m", "finsecure", "sandbox", "--json", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


@pytest.fixture
def seed(tmp_path: Path) -> Callable[[object], str]:
    """Write a seed to a file and return its path."""

    def seed(requests: object) -> str:
        path = tmp_path / "seed.json"
        path.write_text(requests if isinstance(requests, str) else json.dumps(requests), encoding="utf-8")
        return str(path)

    return seed


@pytest.fixture
def receiver() -> Generator[tuple[str, Queue[str]], None, None]:
    """Serve a webhook receiver: its URL, and the types of the events that it received."""
    got: Queue[str] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["type"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks", got
        server.shutdown()
        thread.join()


def test_it_accepts_the_keys_that_it_is_given() -> None:
    with running(*WITH_KEYS, "--quiet") as sandbox:
        assert {name: sandbox.facts[name] for name in KEYS} == KEYS
        assert sandbox.http.get("/v1/customers").status_code == 200
        assert sandbox.stop() == []


def test_it_prints_a_line_for_each_request_and_delivery(receiver: tuple[str, Queue[str]]) -> None:
    url, got = receiver
    with running(*WITH_KEYS, "--webhook", url + "?token=abc") as sandbox:
        made = sandbox.http.post("/v1/customers", json={"email": "customer@example.com"}).json()
        assert got.get(timeout=30) == "customer.created"
        while not sandbox.data(
            "/sandbox/deliveries"
        ):  # the receiver gets the event before the sandbox records the delivery
            pass
        request, delivery = sandbox.stop()
    assert "200  POST /v1/customers  " in request
    assert f"204  customer.created -> {url}  evt_" in delivery
    for secret in (made["email"], "token", *KEYS.values()):
        assert secret not in request + delivery


def test_a_host_that_is_allowed_may_receive(seed: Callable[[object], str]) -> None:
    """As a container does that Compose calls by the name of its service; a low --rate-limit is for later requests."""
    urls = ["http://shop:8000/webhooks", "https://shop/other"]
    args = ["--allow-host", "shop", "--webhook", urls[0], "--webhook", urls[1], "--rate-limit", "0.001"]
    with running(*args, "--seed", seed(SEED), "--quiet") as sandbox:
        assert [endpoint["url"] for endpoint in sandbox.data("/v1/webhook_endpoints")] == urls[::-1]
        assert sandbox.http.get("/v1/customers").status_code == 429
        sandbox.stop()


def test_webhooks_are_registered_once(tmp_path: Path) -> None:
    urls = ["http://127.0.0.1:1/one", "http://127.0.0.1:1/two"]
    args = ["--db", str(tmp_path / "s.db"), "--quiet"]
    for url in (*urls, urls[0]):
        args += ["--webhook", url]
    for _ in range(2):
        with running(*args) as sandbox:
            endpoints = sandbox.data("/v1/webhook_endpoints")
            sandbox.stop()
        assert sorted(endpoint["url"] for endpoint in endpoints) == urls
        assert {tuple(endpoint["enabled_events"]) for endpoint in endpoints} == {("*",)}


def test_a_bank_payment_settles_after_settle_after_seconds() -> None:
    account = {
        "type": "us_bank_account",
        "us_bank_account": {"routing_number": "1" * 9, "account_number": "0001234567"},
    }
    with running("--settle-after", "3600", "--quiet") as sandbox:
        body = {"amount": 2000, "currency": "usd", "payment_method_types": ["us_bank_account"]}
        intent = sandbox.http.post("/v1/payment_intents", json=body).json()["id"]
        sandbox.http.post(f"/v1/payment_intents/{intent}/confirm", json={"payment_method": account})
        for seconds, status in ((3000, "processing"), (601, "succeeded")):
            sandbox.http.post("/sandbox/clock", json={"advance": seconds})
            assert sandbox.http.get(f"/v1/payment_intents/{intent}").json()["status"] == status
        sandbox.stop()


class TestSeed:
    def test_its_requests_are_sent_before_any_other(
        self, seed: Callable[[object], str], receiver: tuple[str, Queue[str]]
    ) -> None:
        url, got = receiver
        with running("--seed", seed(SEED), "--webhook", url, "--quiet") as sandbox:
            (customer,) = sandbox.data("/v1/customers")
            (card,) = sandbox.data(f"/v1/payment_methods?customer={customer['id']}")
            canceled, paid = sandbox.data("/v1/payment_intents")
            assert customer["metadata"] == {"note": f"{customer['id']} pays with {card['id']}"}
            assert (canceled["status"], paid["status"], paid["customer"]) == ("canceled", "succeeded", customer["id"])
            sandbox.http.post("/v1/customers", json={})
            assert got.get(timeout=30) == "customer.created"
            assert got.empty()  # events of the seed are not delivered
            sandbox.stop()

    def test_the_seed_in_the_documentation_works(self, seed: Callable[[object], str]) -> None:
        page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
        (example,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        with running("--seed", seed(example), "--quiet") as sandbox:
            (customer,) = sandbox.data("/v1/customers")
            assert customer["name"] == "Ada Lovelace"
            assert sandbox.data(f"/v1/payment_methods?customer={customer['id']}")
            assert sandbox.data("/v1/events?type=payment_intent.succeeded")
            sandbox.stop()

    def test_a_file_is_seeded_once(self, seed: Callable[[object], str], tmp_path: Path) -> None:
        args = ["--seed", seed(SEED[:1]), "--db", str(tmp_path / "s.db")]
        said: list[list[str]] = []
        for _ in range(2):
            with running(*args) as sandbox:
                assert len(sandbox.data("/v1/customers")) == 1
                said.append(sandbox.stop())
        assert "--seed is skipped" not in said[0][0]
        assert "s.db already contains data, so --seed is skipped" in said[1][0]

    def test_a_seed_may_contain_a_decline(self, seed: Callable[[object], str]) -> None:
        declined = {"type": "card", "card": {"number": "4000000000000002", "exp_month": 12, "exp_year": 2030}}
        requests = [
            {"as": "intent", "path": "/v1/payment_intents", "body": {"amount": 2000, "currency": "usd"}},
            {"as": "again", "path": "/v1/payment_intents/{intent}/confirm", "body": {"payment_method": declined}},
            {"path": "/v1/payment_intents/{again}", "method": "PUT", "body": {"amount": 3000}},
        ]
        with running("--seed", seed(requests), "--quiet") as sandbox:
            (intent,) = sandbox.data("/v1/payment_intents")
            assert (intent["amount"], intent["last_payment_error"]["decline_code"]) == (3000, "generic_decline")
            sandbox.stop()

    @pytest.mark.parametrize(("requests", "said"), WRONG)
    def test_a_wrong_seed_is_reported_in_one_line(
        self, seed: Callable[[object], str], capsys: pytest.CaptureFixture[str], requests: object, said: str
    ) -> None:
        path = seed(requests)
        assert main(["sandbox", "--seed", path]) == 1
        out, errors = capsys.readouterr()
        assert (out, errors.count("\n")) == ("", 1)
        assert errors.startswith(f"finsecure sandbox: {path}")
        assert said in errors
        assert "4111" not in errors

    def test_one_that_fails_in_the_middle_leaves_nothing_in_the_file(
        self, seed: Callable[[object], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """So that it is sent whole once it is mended."""
        db = str(tmp_path / "s.db")
        assert (
            main(["sandbox", "--seed", seed([SEED[0], {"path": "/v1/customers", "body": {"age": 36}}]), "--db", db])
            == 1
        )
        with Sandbox(db=db) as sandbox, sandbox.client() as client:
            assert not client.customers.list()
            assert not client.events.list()
        assert "request 2" in capsys.readouterr().err

    def test_a_missing_file_is_reported(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["sandbox", "--seed", str(tmp_path / "seed.json")]) == 1
        assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--secret-key", "sk_live_1234567890abcdef"], "secret_key is a live key"),
        (["--secret-key", "pk_test_1234567890abcdef"], "secret_key must be sk_test_"),
        (["--publishable-key", "pk_test_"], "publishable_key must be pk_test_"),
        (["--webhook-secret", "1234567890abcdef"], "webhook_secret must be whsec_"),
        (["--settle-after", "-1"], "settle_after must be zero or more"),
        (["--settle-after", "nan"], "settle_after must be zero or more"),
        (["--webhook", "http://shop.example/webhooks"], "--webhook must be a URL on this machine"),
        (["--webhook", "https://example.com"], "--webhook must be a URL on this machine"),
        (["--webhook", "https://example.com", "--allow-host", "shop"], "or on a host that you allow: --allow-host"),
        (["--webhook", "webhooks"], "--webhook must be an absolute https or http URL"),
        (["--webhook", ""], "--webhook must not be empty"),
        (["--webhook", "http://me:1234567890abcdef@localhost/"], "--webhook must not carry a user name"),
        (["--allow-host", "http://shop.test"], "--allow-host must name hosts alone"),
        (["--host", "fe80::1%eth0", "--tls"], "host must be an IP address to listen on"),
    ],
)
def test_a_wrong_option_is_reported_in_one_line(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", *args]) == 1
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    assert errors.startswith("finsecure sandbox: ")
    assert said in errors
    assert "1234567890abcdef" not in errors
