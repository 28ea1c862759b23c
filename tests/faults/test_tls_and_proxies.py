"""Certificates that are not to be trusted, and proxies that do and do not let us through."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import gc
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import trustme
from typing_extensions import override

import finsecure

from .conftest import Figure, Open, Serve
from .doors import Quick
from .server import FaultServer, always, silence
from .test_storm import create

PASSWORD = "hunter2hunter2"  # made up


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No certificate and no proxy but the test's own."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL", "NO"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust the tests' own authority, by `SSL_CERT_FILE`."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)  # pyright: ignore[reportUnknownMemberType] - it also takes pyOpenSSL's
    return made


def expired(authority: trustme.CA) -> trustme.LeafCert:
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.timezone.utc)
    return authority.issue_cert("localhost", not_before=now - 3 * day, not_after=now - day)


BAD_CERTIFICATES: dict[str, Callable[[trustme.CA], trustme.LeafCert]] = {
    "expired": expired,
    "of another host": lambda authority: authority.issue_cert("example.com"),
    "self-signed": lambda _: trustme.CA().issue_cert("localhost"),
}


def test_a_certificate_that_ssl_cert_file_vouches_for_is_good(
    serve: Serve, connect: Open, authority: trustme.CA, trust: None
) -> None:
    """`SSL_CERT_FILE` names the authorities to trust, for the client alone and without a word in the code."""
    server = serve(tls=context(authority.issue_cert("localhost")))
    assert connect(server).ask(create("a", 1)).error is None


@pytest.mark.parametrize("name", BAD_CERTIFICATES)
def test_a_bad_certificate_is_reported_without_retries(
    serve: Serve, connect: Open, figure: Figure, authority: trustme.CA, trust: None, name: str
) -> None:
    """One attempt, nothing sent, and an error that says certificate."""
    server = serve(tls=context(BAD_CERTIFICATES[name](authority)))
    error = connect(server, clock=Quick()).ask(create("a", 1)).error
    assert type(error) is finsecure.APIConnectionError
    assert "certificate" in str(error)
    assert not error.maybe_executed
    assert (server.ledger.connections, server.ledger.arrived) == (1, 0)
    figure("certificates", name=name, attempts=1)


@pytest.mark.parametrize("name", ["PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_VERIFY"])
def test_verification_is_not_switched_off_by_accident(
    serve: Serve, connect: Open, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No variable that switches off the verification of other programs switches off ours."""
    monkeypatch.setenv(name, "0" if name.startswith(("PY", "SSL")) else "")
    server = serve(tls=context(authority.issue_cert("localhost")))
    assert "certificate" in str(connect(server).ask(create("a", 1)).error)
    assert server.ledger.arrived == 0


def test_a_silent_handshake_ends_with_the_timeout(serve: Serve, connect: Open, trust: None, transport: str) -> None:
    """A server that speaks no TLS and says nothing takes `timeout`, and certainly got nothing."""
    server = serve(always(silence))
    port = server.port
    client = connect(server, base_url=f"https://localhost:{port}", timeout=1, max_retries=0)
    outcome = client.ask(create("a", 1))
    assert isinstance(outcome.error, finsecure.APITimeoutError)
    assert not outcome.error.maybe_executed
    assert 1 <= outcome.seconds < 10  # the server is silent for 30


class Proxy:
    """An HTTP proxy that takes every CONNECT to one place, asks for a password, or refuses."""

    def __init__(self, target: FaultServer, answer: bytes = b"", authorization: str | None = None) -> None:
        self.seen: list[str] = []
        self._target = target
        self._answer = answer
        self._authorization = authorization
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._sockets.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            head = b""
            while b"\r\n\r\n" not in head:
                got = sock.recv(65536)
                if not got:
                    return
                head += got
            self.seen.append(head.decode("latin-1"))
            if self._authorization is not None and f"Basic {self._authorization}" not in self.seen[-1]:
                sock.sendall(b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
                return
            if self._answer:
                sock.sendall(self._answer)
                return
            with socket.create_connection(("127.0.0.1", self._target.port)) as onward:
                self._sockets.append(onward)
                sock.sendall(b"HTTP/1.1 200 Go ahead\r\n\r\n")
                back = threading.Thread(target=_pump, args=(onward, sock), daemon=True)
                back.start()
                _pump(sock, onward)
                back.join(5)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)


class Socks(Proxy):
    """A SOCKS5 proxy that asks for a password, or answers with something else."""

    @override
    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError), sock, sock.makefile("rb") as stream:
            methods = stream.read(stream.read(2)[1])
            if self._answer:
                sock.sendall(self._answer)
                return
            sock.sendall(b"\x05" + (b"\x02" if b"\x02" in methods else b"\x00"))
            if b"\x02" in methods:
                user = stream.read(stream.read(2)[1])
                password = stream.read(stream.read(1)[0])
                self.seen.append((user + b":" + password).decode())
                sock.sendall(b"\x01\x00")
            stream.read(4)
            self.seen.append(stream.read(stream.read(1)[0]).decode())
            stream.read(2)
            with socket.create_connection(("127.0.0.1", self._target.port)) as onward:
                self._sockets.append(onward)
                sock.sendall(b"\x05\x00\x00\x01" + b"\x00" * 6)
                back = threading.Thread(target=_pump, args=(onward, sock), daemon=True)
                back.start()
                _pump(sock, onward)
                back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def behind(
    serve: Serve, authority: trustme.CA, trust: None, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[..., tuple[FaultServer, Proxy]]]:
    """A fault server that can only be reached through a proxy, named by HTTPS_PROXY."""
    with contextlib.ExitStack() as running:

        def behind(
            answer: bytes = b"", authorization: str | None = None, kind: type[Proxy] = Proxy
        ) -> tuple[FaultServer, Proxy]:
            server = serve(tls=context(authority.issue_cert("api.example.test")))
            proxy = kind(server, answer, authorization)
            running.callback(proxy.close)
            scheme = "socks5h" if kind is Socks else "http"
            monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://clerk:{PASSWORD}@127.0.0.1:{proxy.port}")
            return server, proxy

        yield behind


FAR = {"base_url": "https://api.example.test"}


def test_a_proxy_named_by_the_environment_is_used(
    connect: Open, figure: Figure, behind: Callable[..., tuple[FaultServer, Proxy]]
) -> None:
    """Calls go through CONNECT with the proxy's password, and the proxy sees nothing of ours."""
    authorization = base64.b64encode(f"clerk:{PASSWORD}".encode()).decode()
    server, proxy = behind(authorization=authorization)
    client = connect(server, **FAR)
    assert [client.ask(create(f"{n}", 1)).error for n in range(3)] == [None] * 3
    assert len(proxy.seen) == 1
    assert "sk_test" not in "".join(proxy.seen)
    figure("proxy", name="CONNECT", errors=0)


def proxy_says(status: int) -> bytes:
    return f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()


REFUSALS: dict[str, tuple[bytes, int]] = {
    # what the proxy answers; how many attempts are made
    **{str(status): (proxy_says(status), 1) for status in (400, 401, 403, 405, 407, 501)},
    **{str(status): (proxy_says(status), 3) for status in (429, 500, 502, 503, 504)},
    "no HTTP": (b"SSH-2.0-OpenSSH_9.0\r\n", 3),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_proxy_that_refuses_is_reported_without_its_password(
    connect: Open, figure: Figure, behind: Callable[..., tuple[FaultServer, Proxy]], name: str
) -> None:
    """What it refuses is final, what it cannot reach now is tried again; nothing was sent, and no password shows."""
    answer, attempts = REFUSALS[name]
    server, proxy = behind(answer=answer)
    clock = Quick()
    error = connect(server, clock=clock, **FAR).ask(create("a", 1)).error
    assert isinstance(error, finsecure.APIConnectionError)
    for shown in (str(error), repr(error), repr(error.__cause__), repr(error.__context__)):
        assert PASSWORD not in shown
    assert not error.maybe_executed
    assert name in str(error) or name == "no HTTP"
    assert f"The proxy is http://127.0.0.1:{proxy.port}." in str(error)
    assert "Nothing was sent." in str(error)
    assert len(clock.waits) == attempts - 1
    assert server.ledger.arrived == 0
    figure("proxy", name=name, passwords_shown=0)


class Leaving(Proxy):
    """An HTTP proxy that hears where to go, and goes away."""

    @override
    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            self.seen.append(sock.recv(65536).decode("latin-1"))


def test_a_proxy_that_goes_away_was_sent_nothing_of_ours(
    connect: Open, behind: Callable[..., tuple[FaultServer, Proxy]], transport: str
) -> None:
    """What is lost before TLS begins was seen by nobody, and may always be repeated."""
    if transport == "pyreqwest":
        pytest.skip("it does not say where a connection was lost")
    server, proxy = behind(kind=Leaving)
    error = connect(server, clock=Quick(), **FAR).ask(lambda c: c.customers.retrieve("cus_1")).error
    assert type(error) is finsecure.APIConnectionError
    error = connect(server, clock=Quick(), **FAR).ask(create("a", 1)).error
    assert type(error) is finsecure.APIConnectionError
    assert not error.maybe_executed
    assert len(proxy.seen) == 6
    assert all(seen.startswith("CONNECT") for seen in proxy.seen)


def test_a_socks_proxy_is_used(
    connect: Open,
    behind: Callable[..., tuple[FaultServer, Proxy]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SOCKS5 as well, whose password no log shows."""
    caplog.set_level("DEBUG")
    server, proxy = behind(kind=Socks)
    client = connect(server, **FAR)
    assert [client.ask(create(f"{n}", 1)).error for n in range(3)] == [None] * 3
    assert proxy.seen == [f"clerk:{PASSWORD}", "api.example.test"]
    assert PASSWORD not in caplog.text


@pytest.mark.filterwarnings("ignore:.*unclosed.*socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")  # httpcore leaves it to the garbage collector
@pytest.mark.parametrize("answer", [b"\x05", b"\x05\xff", b"junk", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_socks_proxy_that_speaks_otherwise_was_sent_nothing(
    connect: Open, behind: Callable[..., tuple[FaultServer, Proxy]], answer: bytes
) -> None:
    """What it answers instead is an error of ours."""
    server, _ = behind(kind=Socks, answer=answer)
    error = connect(server, clock=Quick(), **FAR).ask(create("a", 1)).error
    assert isinstance(error, finsecure.APIConnectionError)
    assert not error.maybe_executed
    assert PASSWORD not in f"{error!r}{error.__cause__!r}"
    gc.collect()  # now, while it is no warning


def test_an_unreachable_proxy_is_reported_without_its_password(
    connect: Open, behind: Callable[..., tuple[FaultServer, Proxy]]
) -> None:
    """Nobody listens where the proxy should be."""
    server, proxy = behind()
    proxy.close()
    error = connect(server, clock=Quick(), **FAR).ask(create("a", 1)).error
    assert isinstance(error, finsecure.APIConnectionError)
    assert PASSWORD not in f"{error!r}{error.__cause__!r}"
    assert not error.maybe_executed


def test_an_invalid_proxy_url_is_reported_without_its_password(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in HTTPS_PROXY is named as one, without what it says."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://clerk:{PASSWORD}@[bad:70000")
    error = connect(serve(), **FAR).ask(create("a", 1)).error
    assert isinstance(error, finsecure.InvalidRequestError)
    assert PASSWORD not in repr(error)


def test_nothing_listens(serve: Serve, connect: Open) -> None:
    """A refused connection is tried again, and nothing can have been carried out."""
    server = serve()
    server.close()
    clock = Quick()
    error = connect(server, clock=clock).ask(create("a", 1)).error
    assert type(error) is finsecure.APIConnectionError
    assert not error.maybe_executed
    assert len(clock.waits) == 2
