"""Webhook endpoints: each has a secret and a pace of its own, and may have a certificate of one's own CA."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from finsecure.sandbox import Clock, Delivery, Sandbox, _deliveries
from finsecure.sandbox._trouble import Trouble
from finsecure.webhooks import construct_event, sign, verify_signature

Connect = Callable[[Sandbox], httpx.Client]
Serve = Callable[..., str]

SOON = 20.0
"""Seconds that a test waits for what comes at once, or never."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a function `(body) -> status` on this machine; its URL."""
    with ExitStack() as open_ones:

        def serve(answer: Callable[[bytes], int], context: ssl.SSLContext | None = None) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    self.send_response(answer(self.rfile.read(int(self.headers["Content-Length"]))))
                    self.send_header("Content-Length", "0")
                    self.end_headers()

                def log_message(self, format: str, *args: object) -> None:
                    """Keep the test's output for the test."""

            server = open_ones.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever was cancelled hangs up
            if context:
                server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            open_ones.callback(thread.join)
            open_ones.callback(server.shutdown)
            return f"{'https://localhost' if context else 'http://127.0.0.1'}:{server.server_port}/"

        yield serve


def taken(_: bytes) -> int:
    return 200


def listen(api: httpx.Client, url: str = "https://shop.example/hooks") -> dict[str, Any]:
    answer = api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": ["*"]})
    assert answer.status_code == 200, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


class Inbox:
    """A receiver in this process, which keeps what it is handed."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> int:
        self.received.append((body, headers["FinSecure-Signature"]))
        return 200

    def verified_with(self, secret: str) -> list[bool]:
        return [verify_signature(body, signature, secret) for body, signature in self.received]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


class TestSecrets:
    def test_each_endpoint_has_its_own(self, sandbox: Sandbox, api: httpx.Client, inbox: Inbox) -> None:
        """What is delivered to it is signed with that, and with the one of the sandbox, but not with another's."""
        secrets = [listen(api)["secret"] for _ in range(2)]
        api.post("/v1/customers", json={})
        sandbox.deliver(to=inbox)
        assert inbox.verified_with(secrets[0]) == [True, False]
        assert inbox.verified_with(secrets[1]) == [False, True]
        assert inbox.verified_with(sandbox.webhook_secret) == [True, True]
        assert inbox.verified_with("whsec_another") == [False, False]

    def test_where_there_is_no_endpoint_that_of_the_sandbox_signs_alone(self, sandbox: Sandbox, inbox: Inbox) -> None:
        sandbox.emit("customer.created")
        sandbox.deliver(to=inbox)
        assert "," not in inbox.received[0][1]
        assert inbox.verified_with(sandbox.webhook_secret) == [True]

    def test_the_age_of_an_event_goes_by_the_clock_with_it_too(
        self, sandbox: Sandbox, api: httpx.Client, inbox: Inbox
    ) -> None:
        secret = listen(api)["secret"]
        api.post("/v1/customers", json={})
        sandbox.deliver(to=inbox)
        body, signature = inbox.received[0]
        assert construct_event(body, signature, secret, tolerance=5).type == "customer.created"

    def test_even_before_anything_is_delivered(self, sandbox: Sandbox, api: httpx.Client) -> None:
        secret = listen(api)["secret"]
        body = json.dumps(sandbox.emit("customer.created"))
        assert construct_event(body, sign(body, secret), secret, tolerance=5).id

    def test_a_file_keeps_them(self, connect: Connect, inbox: Inbox, tmp_path: Path) -> None:
        db = tmp_path / "sandbox.db"
        with Sandbox(db=db, clock=Clock(0)) as first:
            secret = listen(connect(first))["secret"]
            first.emit("customer.created")
        with Sandbox(db=db, clock=Clock(0)) as again:
            again.deliver(to=inbox)
            assert inbox.verified_with(secret) == [True]
            body, signature = inbox.received[0]
            assert construct_event(body, signature, secret, tolerance=5).type == "customer.created"


class TestRotation:
    def deliver(self, sandbox: Sandbox) -> Inbox:
        inbox = Inbox()
        sandbox.emit("customer.created")
        sandbox.deliver(to=inbox)
        return inbox

    def test_both_secrets_sign_for_a_while(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        new = sandbox.rotate_secret(endpoint["id"], overlap=3600)
        assert new.startswith("whsec_")
        assert new != endpoint["secret"]
        sandbox.clock.advance(3599)
        during = self.deliver(sandbox)
        assert [during.verified_with(secret) for secret in (endpoint["secret"], new)] == [[True], [True]]
        sandbox.clock.advance(1)
        after = self.deliver(sandbox)
        assert [after.verified_with(secret) for secret in (endpoint["secret"], new)] == [[False], [True]]
        assert after.verified_with(sandbox.webhook_secret) == [True]

    def test_the_default_is_a_day(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        sandbox.rotate_secret(endpoint["id"])
        sandbox.clock.advance(24 * 3600 - 1)
        assert self.deliver(sandbox).verified_with(endpoint["secret"]) == [True]
        sandbox.clock.advance(1)
        assert self.deliver(sandbox).verified_with(endpoint["secret"]) == [False]

    def test_a_secret_that_leaked_can_end_at_once(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        new = sandbox.rotate_secret(endpoint["id"], overlap=0)
        inbox = self.deliver(sandbox)
        assert [inbox.verified_with(secret) for secret in (endpoint["secret"], new)] == [[False], [True]]

    def test_a_second_rotation_leaves_the_end_of_the_first_as_it_is(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        second = sandbox.rotate_secret(endpoint["id"], overlap=60)
        third = sandbox.rotate_secret(endpoint["id"], overlap=3600)
        sandbox.clock.advance(60)
        inbox = self.deliver(sandbox)
        secrets = (endpoint["secret"], second, third)
        assert [inbox.verified_with(secret) for secret in secrets] == [[False], [True], [True]]

    def test_however_often_it_is_rotated_a_header_can_be_read(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        *_, last = [sandbox.rotate_secret(endpoint["id"]) for _ in range(20)]
        inbox = self.deliver(sandbox)
        assert [inbox.verified_with(secret) for secret in (last, sandbox.webhook_secret)] == [[True], [True]]

    def test_over_http(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        answer = api.post(f"/sandbox/rotations/{endpoint['id']}", json={"overlap": 60})
        assert (answer.status_code, answer.json()["id"]) == (200, endpoint["id"])
        inbox = self.deliver(sandbox)
        assert inbox.verified_with(answer.json()["secret"]) == [True]
        sandbox.clock.advance(60)
        assert self.deliver(sandbox).verified_with(endpoint["secret"]) == [False]

    def test_what_cannot_be_rotated_is_told(self, sandbox: Sandbox, api: httpx.Client) -> None:
        deleted = listen(api)["id"]
        api.delete(f"/v1/webhook_endpoints/{deleted}")
        for ident in ("we_none", deleted):
            with pytest.raises(LookupError, match=ident):
                sandbox.rotate_secret(ident)
        assert api.post("/sandbox/rotations/we_none").status_code == 404
        ident = listen(api)["id"]
        with pytest.raises(ValueError, match="overlap must be a number of seconds"):
            sandbox.rotate_secret(ident, overlap=-1)
        with pytest.raises(ValueError, match="endpoint_id must be a string"):
            sandbox.rotate_secret(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert api.post(f"/sandbox/rotations/{ident}", json={"overlap": "long"}).json()["error"]["param"] == "overlap"

    def test_neither_secret_is_shown(self, sandbox: Sandbox, api: httpx.Client) -> None:
        endpoint = listen(api)
        secrets = [endpoint["secret"], sandbox.rotate_secret(endpoint["id"])]
        sandbox.emit("customer.created")
        sandbox.deliver(to=Inbox())
        shown = f"{sandbox.requests} {sandbox.deliveries} {api.get('/v1/webhook_endpoints').text}"
        assert not [secret for secret in secrets if secret in shown]


def _here(sandbox: Sandbox) -> list[Delivery]:
    return sandbox.deliver()


def _in_a_loop(sandbox: Sandbox) -> list[Delivery]:
    return asyncio.run(sandbox.deliver_async())


class TestPace:
    @pytest.mark.parametrize("deliver", [_here, _in_a_loop])
    def test_a_slow_endpoint_delays_no_other(
        self, sandbox: Sandbox, api: httpx.Client, serve: Serve, deliver: Callable[[Sandbox], list[Delivery]]
    ) -> None:
        """The slow one answers its first event only when the other one has all three."""
        arrived = threading.Semaphore(0)

        def healthy(_: bytes) -> int:
            arrived.release()
            return 200

        def slow(_: bytes) -> int:
            return 200 if all(arrived.acquire(timeout=SOON) for _ in range(3)) else 500

        slow_url, healthy_url = serve(slow), serve(healthy)
        for url in (slow_url, healthy_url):
            listen(api, url)
        for _ in range(3):
            sandbox.emit("customer.created")
        for _ in range(6):
            arrived.release()  # for the second and third event of the slow one
        tried = deliver(sandbox)
        assert [(one.url, one.status) for one in tried] == [(slow_url, 200), (healthy_url, 200)] * 3

    def test_nor_one_that_is_delivered_to_by_itself(self, connect: Connect, serve: Serve) -> None:
        """Though what happens next is due for the slow one too."""
        arrived, all_arrived, taken_at_last = threading.Semaphore(0), threading.Event(), threading.Semaphore(0)

        def healthy(_: bytes) -> int:
            arrived.release()
            return 200

        def slow(_: bytes) -> int:
            in_time = all_arrived.wait(SOON)
            taken_at_last.release()
            return 200 if in_time else 500

        with Sandbox() as sandbox:
            api = connect(sandbox)
            for url in (serve(slow), serve(healthy)):
                listen(api, url)
            for _ in range(3):
                sandbox.emit("customer.created")
                assert arrived.acquire(timeout=SOON)
            all_arrived.set()
            for _ in range(3):
                assert taken_at_last.acquire(timeout=SOON)
            assert {one.status for one in sandbox.deliveries} == {200}

    @pytest.mark.parametrize(
        ("begin", "drop"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"."),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
            (b"HTTP/1.1 200 OK\r\nX-Filler: ", b"."),
            (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        ],
    )
    @pytest.mark.parametrize("deliver", [_here, _in_a_loop])
    def test_the_whole_answer_has_10_seconds(
        self,
        sandbox: Sandbox,
        api: httpx.Client,
        monkeypatch: pytest.MonkeyPatch,
        deliver: Callable[[Sandbox], list[Delivery]],
        begin: bytes,
        drop: bytes,
    ) -> None:
        """An answer that comes drop by drop is none, however well it begins."""
        assert _deliveries.TIMEOUT == 10
        monkeypatch.setattr(_deliveries, "TIMEOUT", 0.2)
        over = threading.Event()

        def drip(listening: socket.socket) -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(begin)
                while not over.wait(0.01):
                    connection.sendall(drop)

        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=drip, args=[listening])
            thread.start()
            listen(api, f"http://127.0.0.1:{listening.getsockname()[1]}/")
            sandbox.emit("customer.created")
            (tried,) = deliver(sandbox)
            over.set()
            thread.join()
        assert (tried.status, tried.delivered) == (None, False)
        assert tried.error == "TimeoutError: the whole answer did not come within 0.2 seconds"

    def test_an_answer_that_breaks_off_is_none(self, sandbox: Sandbox, api: httpx.Client) -> None:
        def break_off(listening: socket.socket) -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")

        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=break_off, args=[listening])
            thread.start()
            listen(api, f"http://127.0.0.1:{listening.getsockname()[1]}/")
            sandbox.emit("customer.created")
            (tried,) = sandbox.deliver()
            thread.join()
        assert tried.status is None
        assert (tried.error or "").startswith(("RemoteProtocolError", "ReadError"))


class TestWhatEndsIt:
    def test_closing_leaves_what_is_on_its_way_due(self, connect: Connect, serve: Serve, tmp_path: Path) -> None:
        """And ends at once."""
        asked, over = threading.Event(), threading.Event()

        def silent(_: bytes) -> int:
            asked.set()
            over.wait(SOON)
            return 200

        db = tmp_path / "sandbox.db"
        with Sandbox(db=db) as sandbox:
            listen(connect(sandbox), serve(silent))
            sandbox.emit("customer.created")
            assert asked.wait(SOON)
        over.set()
        assert not any(thread.name.startswith("finsecure-sandbox") for thread in threading.enumerate())
        with Sandbox(db=db, clock=Clock(4e9)) as again:
            assert again.deliveries == []
            assert [one.attempt for one in again.deliver(to=Inbox())] == [1]

    def test_closing_ends_a_deliver_with_an_error(self, connect: Connect, serve: Serve) -> None:
        over = threading.Event()
        sandbox = Sandbox(clock=Clock(0))

        def closes(_: bytes) -> int:
            sandbox.close()
            over.wait(SOON)
            return 200

        listen(connect(sandbox), serve(closes))
        sandbox.emit("customer.created")
        with pytest.raises(RuntimeError, match="This sandbox is closed"):
            sandbox.deliver()
        over.set()

    def test_ctrl_c_ends_a_deliver(self, connect: Connect, serve: Serve, request: pytest.FixtureRequest) -> None:
        # A shell has its background jobs ignore the signal.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
        over = threading.Event()

        def interrupts(_: bytes) -> int:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            over.wait(SOON)
            return 200

        with Sandbox(clock=Clock(0)) as sandbox:
            listen(connect(sandbox), serve(interrupts))
            sandbox.emit("customer.created")
            with pytest.raises(KeyboardInterrupt):
                sandbox.deliver()
            over.set()
        assert not any(thread.name.startswith("finsecure-sandbox") for thread in threading.enumerate())

    def test_what_fails_in_the_sandbox_itself_ends_no_deliveries(
        self, connect: Connect, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is logged, and what is due is delivered later."""
        monkeypatch.setattr(_deliveries, "_PAUSE", 0.01)
        arrived = threading.Event()

        def receive(_: bytes) -> int:
            arrived.set()
            return 200

        with Sandbox() as sandbox, caplog.at_level(logging.ERROR, "finsecure.sandbox"):
            listen(connect(sandbox), serve(receive))
            broken = iter([OSError("No space left on device")])
            claim = sandbox._store.claim

            def claim_or_break(*arguments: Any) -> bool:
                for error in broken:
                    raise error
                return claim(*arguments)

            monkeypatch.setattr(sandbox._store, "claim", claim_or_break)
            sandbox.emit("customer.created")
            assert arrived.wait(SOON)
        assert "No space left on device" in caplog.text

    def test_what_fails_in_the_sandbox_itself_is_raised_by_deliver_when_the_others_are_done(
        self, sandbox: Sandbox, api: httpx.Client, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = listen(api, serve(taken))["id"]
        listen(api, serve(taken))
        claim = sandbox._store.claim

        def claim_or_break(due: Any, *times: float) -> bool:
            if due.endpoint == broken:
                raise OSError("No space left on device")
            return claim(due, *times)

        monkeypatch.setattr(sandbox._store, "claim", claim_or_break)
        sandbox.emit("customer.created")
        with pytest.raises(OSError, match="No space left"):
            sandbox.deliver()
        assert [one.status for one in sandbox.deliveries] == [200]

    def test_a_closed_sandbox_delivers_nothing(self) -> None:
        sandbox = Sandbox(clock=Clock(0))
        sandbox.close()
        with pytest.raises(RuntimeError, match="This sandbox is closed"):
            sandbox._deliverer.deliver(Trouble())


class TestTLS:
    @pytest.fixture
    def ca_file(self, tmp_path: Path) -> Path:
        return tmp_path / "ca.pem"

    @pytest.fixture
    def url(self, serve: Serve, ca_file: Path) -> str:
        """A receiver over HTTPS, with a certificate of a CA that nobody knows."""
        ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = ca.issue_cert("localhost")
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # knows pyOpenSSL's too
        ca.cert_pem.write_to_path(str(ca_file))
        return serve(taken, context)

    def deliver(self, connect: Connect, url: str, **options: Any) -> Delivery:
        with Sandbox(clock=Clock(0), **options) as sandbox:
            listen(connect(sandbox), url)
            sandbox.emit("customer.created")
            (tried,) = sandbox.deliver()
            return tried

    def test_a_ca_of_ones_own_can_be_named(self, connect: Connect, url: str, ca_file: Path) -> None:
        assert self.deliver(connect, url, ca_file=ca_file).status == 200

    def test_that_of_the_environment_is_trusted_too(
        self, connect: Connect, url: str, ca_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        assert self.deliver(connect, url).status == 200

    def test_no_other_is(self, connect: Connect, url: str) -> None:
        tried = self.deliver(connect, url)
        assert tried.status is None
        assert "CERTIFICATE_VERIFY_FAILED" in (tried.error or "")

    def test_one_that_is_not_there_is_named(self) -> None:
        with pytest.raises(ValueError, match=r"ca_file cannot be read \(No such file"):
            Sandbox(ca_file="none.pem")

    def test_one_that_holds_no_certificate_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("none")
        with pytest.raises(ValueError, match="ca_file cannot be read"):
            Sandbox(ca_file=tmp_path / "ca.pem")
