"""It ends: closing a sandbox or a server takes less than two seconds, whatever clients and receivers do."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import json
import logging
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import finsecure
from finsecure._clock import monotonic
from finsecure.sandbox import Clock, Sandbox, _background, _clock, _courier, _database, _sandbox, _server

ROOT = Path(__file__).parents[2]
LIMIT = 2.0
SOON = 10.0


@contextmanager
def in_time() -> Generator[None, None, None]:
    """Less than two seconds, and no thread of the sandbox's is left; on a busy machine one may end a bit later."""
    began = monotonic()
    yield
    assert monotonic() - began < LIMIT
    left = [one for one in threading.enumerate() if one.name.startswith("finsecure-sandbox")]
    for one in left:
        one.join(SOON)
    assert [one.name for one in left if one.is_alive()] == []


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing is logged that a person would look at."""
    with caplog.at_level(logging.WARNING):
        yield
    assert caplog.records == []


class Silent:
    """A receiver that accepts connections and says nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"

    def wait_until_asked(self) -> None:
        assert select.select([self._listener], [], [], SOON)[0]


@pytest.fixture
def silent() -> Iterator[Silent]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Silent(listener)


def wait_until_read(base_url: str) -> None:
    """A server accepts and reads in turn: once it answers this, it has met whoever connected before."""
    assert httpx.get(f"{base_url}/health", trust_env=False, timeout=SOON).status_code == 200


def connected(base_url: str, text: str) -> socket.socket:
    """A connection on which this was sent."""
    host, port = base_url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(text.replace("\n", "\r\n").encode())
    return connection


def emit(sandbox: Sandbox) -> object:
    return sandbox.emit("customer.created")


def create(sandbox: Sandbox) -> object:
    return sandbox.client(max_retries=0).customers.create()


def wait_until(true: Callable[[], object]) -> None:
    ends = monotonic() + SOON
    while not true():
        assert monotonic() < ends
        time.sleep(0.01)


CLIENTS = {
    "says nothing": "",
    "sends half a head": "POST /v1/customers HTTP/1.1\nHost: localhost\n",
    "sends half a body": (
        "POST /v1/customers HTTP/1.1\nHost: localhost\nAuthorization: Bearer {key}\nContent-Length: 9\n\n{{}}"
    ),
    "never reads": "GET /v1/customers?limit=100 HTTP/1.1\nHost: localhost\nAuthorization: Bearer {key}\n\n" * 200,
}


@pytest.mark.usefixtures("quiet")
class TestServer:
    @pytest.mark.parametrize("text", CLIENTS.values(), ids=CLIENTS)
    @pytest.mark.parametrize("whole", [False, True], ids=["the server", "the sandbox"])
    def test_a_client_does_not_hold_it_up(self, text: str, *, whole: bool) -> None:
        sandbox = Sandbox(clock=Clock(0))
        with sandbox.client() as client:
            for _ in range(30):
                client.customers.create(description="x" * 1000, name="y" * 1000)
        server = sandbox.serve()
        connection = connected(server.base_url, text.format(key=sandbox.secret_key))
        wait_until_read(server.base_url)
        with in_time():
            (sandbox if whole else server).close()
        connection.close()
        sandbox.close()

    @pytest.mark.parametrize(
        ("clock", "body"), [(Clock(0), {}), (None, {"delay": 1000.0})], ids=["a receiver", "a delivery that is late"]
    )
    def test_an_answer_that_waits_does_not(
        self, monkeypatch: pytest.MonkeyPatch, silent: Silent, clock: Clock | None, body: dict[str, float]
    ) -> None:
        waiting = threading.Event()

        def wait(clock: Clock, seconds: float, ended: threading.Event) -> None:
            waiting.set()
            _clock.wait(clock, seconds, ended)

        monkeypatch.setattr(_sandbox, "wait", wait)
        sandbox = Sandbox(clock=clock)
        server = sandbox.serve()
        headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        answers: list[int] = []

        def ask() -> None:
            url = f"{server.base_url}/sandbox/deliveries"
            answers.append(httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False).status_code)

        with sandbox.client() as client:
            client.webhook_endpoints.create(url=silent.url, enabled_events=["*"])
        sandbox.emit("customer.created")
        thread = threading.Thread(target=ask)
        thread.start()
        assert waiting.wait(SOON)
        silent.wait_until_asked()
        with in_time():
            sandbox.close()
        thread.join(SOON)
        assert answers == [503]

    def test_a_request_that_is_stuck_in_the_program_does_not(self) -> None:
        """An `ids=` that blocks holds the database. The sandbox ends all the same."""
        stuck, over = threading.Event(), threading.Event()

        def ids(prefix: str) -> str:
            if prefix == "cus":
                stuck.set()
                over.wait(SOON)
            return f"{prefix}{time.monotonic_ns()}"

        sandbox = Sandbox(ids=ids)
        connection = connected(
            sandbox.serve().base_url,
            f"POST /v1/customers HTTP/1.1\nHost: localhost\nAuthorization: Bearer {sandbox.secret_key}\n\n",
        )
        assert stuck.wait(SOON)
        with in_time():
            sandbox.close()
        over.set()
        connection.close()

    def test_time_that_a_test_freezes_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: 5.0)
        monkeypatch.setattr(time, "time", lambda: 1709208000.0)
        with (
            in_time(),
            Sandbox() as sandbox,
            sandbox.serve() as server,
            finsecure.Client(sandbox.secret_key, base_url=server.base_url) as client,
        ):
            assert client.customers.create().created.year == 2024

    def test_a_server_that_starts_while_the_sandbox_closes_ends_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sandbox = Sandbox()

        def late(*given: Any) -> _server.Server:
            server = _server.Server(*given)
            sandbox.close()
            return server

        monkeypatch.setattr(_sandbox, "Server", late)
        with in_time(), pytest.raises(finsecure.error.SandboxError, match="closed"):
            sandbox.serve()

    def test_a_thread_that_does_not_end_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever holds the threads of deliveries up, closing goes on."""
        monkeypatch.setattr(_background, "_CLOSING", 0.01)
        monkeypatch.setattr(_courier, "_CLOSING", 0.01)
        over = threading.Event()
        began = monotonic()
        with Sandbox() as sandbox:
            monkeypatch.setattr(sandbox._courier, "_work", lambda: over.wait(SOON) and None)
            sandbox._courier.wake()
        assert monotonic() - began < LIMIT
        over.set()
        wait_until(lambda: not any(one.name.startswith("finsecure-sandbox") for one in threading.enumerate()))


class TestCallers:
    """Closing under callers ends their calls with a plain error, and what was acknowledged was done."""

    @pytest.mark.usefixtures("quiet")
    @pytest.mark.parametrize("door", ["in process", "over HTTP"])
    def test_calls_that_are_under_way_end_with_an_error_of_ours(self, tmp_path: Path, door: str) -> None:
        db = tmp_path / "sandbox.db"
        sandbox = Sandbox(db=db)
        made: list[str] = []
        errors: list[BaseException] = []
        options: dict[str, Any] = {"max_retries": 0}
        if door == "over HTTP":
            client = finsecure.Client(sandbox.secret_key, base_url=sandbox.serve().base_url, **options)
        else:
            client = sandbox.client(**options)

        def call() -> None:
            try:
                while True:
                    made.append(client.customers.create().id)
            except BaseException as error:  # noqa: BLE001 - that is the question
                errors.append(error)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(made) > 20)
        with in_time():
            sandbox.close()
        for thread in threads:
            thread.join(SOON)
        client.close()
        assert len(errors) == 4
        for error in errors:
            assert isinstance(error, (finsecure.APIConnectionError, finsecure.APIError)), repr(error)
        if door == "in process":
            assert {str(error) for error in errors if "This sandbox is closed" not in str(error)} == set()
        with Sandbox(db=db) as again, again.client() as client:
            assert {*made} <= {customer.id for customer in client.customers.list(limit=100)}

    def test_a_call_that_waits_for_a_locked_file_ends_as_well(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import sqlite3

        db = tmp_path / "sandbox.db"
        sandbox = Sandbox(db=db, clock=Clock(0))
        other = sqlite3.connect(db, isolation_level=None)
        other.execute("begin immediate")
        errors: list[str] = []

        def call() -> None:
            try:
                sandbox.emit("customer.created")
            except finsecure.error.SandboxError as error:
                errors.append(error.message)

        tried = threading.Event()
        closing = sandbox._store._database._closing
        wait = closing.wait

        def wait_again(seconds: float) -> bool:
            tried.set()
            return wait(seconds)

        monkeypatch.setattr(closing, "wait", wait_again)
        thread = threading.Thread(target=call)
        thread.start()
        assert tried.wait(SOON)
        with in_time():
            sandbox.close()
        thread.join(SOON)
        other.close()
        assert errors == ["This sandbox is closed: make a new one."]

    def test_a_statement_on_a_closed_database_says_that_the_sandbox_is_closed(self, sandbox: Sandbox) -> None:
        sandbox._store._database._connection.close()
        with pytest.raises(finsecure.error.SandboxError, match="cannot be used: Cannot operate on a closed database"):
            sandbox.emit("customer.created")
        sandbox._store._database._closing.set()
        with pytest.raises(_database.SandboxClosedError):
            sandbox.emit("customer.created")

    @pytest.mark.parametrize("call", [emit, create])
    def test_closing_within_a_transaction_ends_it_with_an_error_of_ours(
        self, tmp_path: Path, call: Callable[[Sandbox], object]
    ) -> None:
        """As a signal handler does that runs on the thread of a call."""

        def close(prefix: str) -> str:
            if prefix != "req":
                sandbox.close()
            return "1"

        sandbox = Sandbox(db=tmp_path / "sandbox.db", ids=close)
        with pytest.raises(finsecure.error.FinSecureError, match="closed"):
            call(sandbox)
        with Sandbox(db=tmp_path / "sandbox.db") as again, again.client() as client:
            assert not client.customers.list()


class TestDeliveries:
    """No round that fails is the last one."""

    def test_they_go_on_after_an_error(
        self,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        connect: Callable[[Sandbox], httpx.Client],
    ) -> None:
        monkeypatch.setattr(_courier, "_PAUSE", 0.01)
        with Sandbox(settle_after=0.0) as sandbox:
            settle = sandbox._engine.settle
            broken = iter([finsecure.error.SandboxError("database or disk is full"), RuntimeError("what?")])

            def settle_or_break() -> None:
                if threading.current_thread().name == "finsecure-sandbox-webhooks":
                    for error in broken:
                        raise error
                settle()

            monkeypatch.setattr(sandbox._engine, "settle", settle_or_break)
            api = connect(sandbox)
            params = {"amount": 2000, "currency": "usd", "payment_method_types": ["ach"]}
            ident = api.post("/v1/payment_intents", json=params).json()["id"]
            account = {"routing_number": "110000000", "account_number": "000123456789"}
            method = {"type": "us_bank_account", "us_bank_account": account}
            api.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
            wait_until(lambda: next(broken, None) is None)
        assert "database or disk is full" in caplog.text

    @pytest.mark.usefixtures("quiet")
    def test_a_delivery_that_the_sandbox_closes_under_is_not_logged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        over = threading.Event()

        def closed(*_: object) -> bool:
            over.set()
            raise _database.SandboxClosedError(_database.CLOSED)

        with Sandbox() as sandbox:
            with sandbox.client() as client:
                client.webhook_endpoints.create(url="http://localhost:1/hook", enabled_events=["*"])
            monkeypatch.setattr(sandbox._store, "claim", closed)
            sandbox.emit("customer.created")
            assert over.wait(SOON)

    @pytest.mark.usefixtures("quiet")
    @pytest.mark.parametrize("known", [True, False])
    def test_a_slow_resolver_holds_up_neither_the_end_nor_the_program(
        self, monkeypatch: pytest.MonkeyPatch, *, known: bool
    ) -> None:
        """The thread of a lookup is a daemon, which Python does not wait for."""
        asked, over, ended = threading.Event(), threading.Event(), threading.Event()
        threads: list[threading.Thread] = []

        def look_up(host: str, *_: object, **__: object) -> list[object]:
            threads.append(threading.current_thread())
            asked.set()
            over.wait(SOON)
            ended.set()
            if known:
                return []
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        sandbox = Sandbox(hosts=["shop"])
        with sandbox.client() as client:
            client.webhook_endpoints.create(url="http://shop:8000/webhooks", enabled_events=["*"])
        sandbox.emit("customer.created")
        assert asked.wait(SOON)
        began = monotonic()
        sandbox.close()
        assert monotonic() - began < LIMIT
        assert [thread.daemon for thread in threads] == [True]
        over.set()
        threads[0].join(SOON)
        assert ended.is_set()

    @pytest.mark.usefixtures("quiet")
    def test_what_fails_because_the_sandbox_closes_is_not_logged(self) -> None:
        begun = threading.Event()

        def work() -> float | None:
            begun.set()
            raise _database.SandboxClosedError(_database.CLOSED)  # the database closes before the courier

        courier = _courier.Courier(work)
        courier.wake()
        assert begun.wait(SOON)
        courier.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_whatever_clients_and_receivers_do(number: signal.Signals, silent: Silent) -> None:
    run = "import sys; from finsecure.cli._sandbox import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-W", "error", "-c", run, "--json", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        with finsecure.Client(facts["secret_key"], base_url=facts["base_url"]) as client:
            client.webhook_endpoints.create(url=silent.url, enabled_events=["*"])
            client.customers.create()
        connections = [connected(facts["base_url"], text.format(key=facts["secret_key"])) for text in CLIENTS.values()]
        wait_until_read(facts["base_url"])
        silent.wait_until_asked()
        began = monotonic()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
        took = monotonic() - began
        for connection in connections:
            connection.close()
    assert (process.returncode, rest, errors) == (0, "", "")
    assert took < LIMIT
