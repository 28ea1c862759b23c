"""The HTTP library underneath is a choice: the same promises over each, and clear words where one cannot be used."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trustme

import finsecure
from finsecure import _runtime
from finsecure._transport import worker
from finsecure._transport.pools import Pools
from finsecure.sandbox import Sandbox

from .conftest import KEY
from .faults.server import Fault, FaultServer, always, answers, banner, close_before, cut_length, reset_before, silence

LIBRARIES = ["httpx", "httpx2", "pyreqwest"]
CUSTOMER = b'{"id":"cus_1","object":"customer"}'


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not there for this Python")
    return name


@pytest.fixture(params=["sync", "async"])
def retrieve(request: pytest.FixtureRequest, library: str) -> Callable[..., finsecure.Customer]:
    """Look a customer up at a URL, through a client of either kind, which is closed afterwards."""

    def sync(base_url: str, **options: Any) -> finsecure.Customer:
        with finsecure.Client(KEY, base_url=base_url, transport=library, max_retries=0, **options) as client:  # type: ignore[arg-type]
            return client.customers.retrieve("cus_1")

    async def alike(base_url: str, **options: Any) -> finsecure.Customer:
        client = finsecure.AsyncClient(KEY, base_url=base_url, transport=library, max_retries=0, **options)  # type: ignore[arg-type]
        async with client:
            return await client.customers.retrieve("cus_1")

    return sync if request.param == "sync" else lambda *args, **options: asyncio.run(alike(*args, **options))


GOOD = answers(200, CUSTOMER, executed=False)
LOST: dict[str, tuple[Fault, type[finsecure.FinSecureError]]] = {
    "reset": (reset_before, finsecure.APIConnectionError),
    "closed": (close_before, finsecure.APIConnectionError),
    "cut short": (cut_length, finsecure.APIConnectionError),
    "no HTTP": (banner, finsecure.APIConnectionError),
    "silent": (silence, finsecure.APITimeoutError),
    "too large": (answers(200, b"x" * 2000, executed=False), finsecure.APIError),
    "badly compressed": (answers(200, CUSTOMER, ("Content-Encoding", "gzip"), executed=False), finsecure.APIError),
}


def test_payments_are_made_listed_and_not_mixed_up(library: str) -> None:
    with Sandbox() as sandbox, sandbox.serve() as server:
        with finsecure.Client(sandbox.secret_key, base_url=server.base_url, transport=library) as client:  # type: ignore[arg-type]

            def paid(amount: int) -> int | None:
                return client.payment_intents.create(amount=amount, currency="usd").amount

            with ThreadPoolExecutor(8) as threads:
                assert list(threads.map(paid, range(1, 41))) == list(range(1, 41))
            assert sum(1 for _ in client.payment_intents.list(limit=25)) == 40

        async def together() -> list[int | None]:
            client = finsecure.AsyncClient(sandbox.secret_key, base_url=server.base_url, transport=library)  # type: ignore[arg-type]
            async with client:
                made = [client.payment_intents.create(amount=n, currency="usd") for n in range(1, 41)]
                return [intent.amount for intent in await asyncio.gather(*made)]

        assert asyncio.run(together()) == list(range(1, 41))


@pytest.mark.parametrize("name", LOST)
def test_an_answer_that_is_lost_is_an_error_of_ours(retrieve: Callable[..., finsecure.Customer], name: str) -> None:
    fault, error = LOST[name]
    with FaultServer(always(fault)) as server, pytest.raises(error):
        retrieve(server.url, timeout=1, max_response_size=1000)


def test_what_was_not_sent_is_said_not_to_be(library: str) -> None:
    with finsecure.Client(KEY, base_url="http://127.0.0.1:1", transport=library, max_retries=0) as client:  # type: ignore[arg-type]
        with pytest.raises(finsecure.APIConnectionError) as caught:
            client.customers.create()
        assert not caught.value.maybe_executed


def test_a_timeout_after_sending_raises_a_timeout_error(library: str) -> None:
    with FaultServer(always(silence)) as server:
        options: Any = {"base_url": server.url, "transport": library, "max_retries": 0, "timeout": 0.2}
        with finsecure.Client(KEY, **options) as client, pytest.raises(finsecure.APITimeoutError) as caught:
            client.customers.create()
    assert caught.value.maybe_executed


def test_a_closed_client_says_so(library: str) -> None:
    client = finsecure.Client(KEY, transport=library)  # type: ignore[arg-type]
    client.close()
    with pytest.raises(finsecure.APIConnectionError, match="closed"):
        client.customers.retrieve("cus_1")

    async def alike() -> None:
        client = finsecure.AsyncClient(KEY, transport=library)  # type: ignore[arg-type]
        await client.aclose()
        await client.customers.retrieve("cus_1")

    with pytest.raises(finsecure.APIConnectionError, match="closed"):
        asyncio.run(alike())


def test_certificates_are_verified_and_others_can_be_named(
    retrieve: Callable[..., finsecure.Customer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert("localhost")
    certificate.configure_cert(context)
    with FaultServer(always(GOOD), tls=context) as server:
        with pytest.raises(finsecure.APIConnectionError, match="certificate"):
            retrieve(server.url)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert retrieve(server.url).id == "cus_1"
        (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        for unusable in ("nowhere.pem", "broken.pem"):
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / unusable))
            with pytest.raises(finsecure.InvalidRequestError, match="SSL_CERT_FILE"):
                retrieve(server.url)
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'nowhere'}{os.pathsep}{tmp_path / 'nor here'}")
        with pytest.raises(finsecure.InvalidRequestError, match="SSL_CERT_DIR") as caught:
            retrieve(server.url)
        assert caught.value.param == "SSL_CERT_DIR"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_pyreqwest_makes_way_where_other_certificates_are_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """It would trust the system's besides them; one warning says that the default transport takes its place."""
    pytest.importorskip("pyreqwest")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert("localhost")
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with FaultServer(always(GOOD), tls=context) as server:
        if kind == "sync":
            with finsecure.Client(KEY, base_url=server.url, transport="pyreqwest") as client:
                assert {client.customers.retrieve("cus_1").id for _ in range(3)} == {"cus_1"}
        else:

            async def main() -> set[str]:
                async with finsecure.AsyncClient(KEY, base_url=server.url, transport="pyreqwest") as client:
                    return {(await client.customers.retrieve("cus_1")).id for _ in range(3)}

            assert asyncio.run(main()) == {"cus_1"}
        (record,) = [record for record in caplog.records if record.name == "finsecure"]
        assert record.levelname == "WARNING"
        assert "SSL_CERT_FILE" in record.message


def test_a_handshake_that_never_ends_was_sent_nothing(library: str) -> None:
    """Somebody accepts the connection and says nothing: connecting ends before the attempt does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        with finsecure.Client(KEY, base_url=url, transport=library, max_retries=0, timeout=0.5) as client:  # type: ignore[arg-type]
            with pytest.raises(finsecure.APITimeoutError) as caught:
                client.customers.create()
            assert not caught.value.maybe_executed


@contextmanager
def failing_over() -> Generator[tuple[str, threading.Event]]:
    """A server whose first four connections answer until the event is set, and whose later ones always do."""
    silent = threading.Event()
    together = threading.Barrier(4, timeout=5)

    def one(connection: socket.socket, number: int) -> None:
        with suppress(OSError, threading.BrokenBarrierError), closing(connection):
            while b"\r\n\r\n" in connection.recv(65536):
                if number < 4 and silent.is_set():
                    continue
                if number < 4:
                    together.wait()  # so that each call has a connection of its own
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"Content-Length: %d\r\n\r\n" % len(CUSTOMER) + CUSTOMER)

    def accept() -> None:
        with suppress(OSError):
            for number in range(100):
                threading.Thread(target=one, args=(server.accept()[0], number), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", silent


def test_after_a_timeout_kept_connections_are_not_used_again(library: str) -> None:
    """As after a failover, where all of them are dead: one call is lost at most, not one for each of them."""

    def retrieve(client: finsecure.Client) -> str:
        try:
            return client.customers.retrieve("cus_1").id
        except finsecure.APITimeoutError:
            return "lost"

    with failing_over() as (url, silent):
        options: Any = {"base_url": url, "transport": library, "max_retries": 0, "timeout": 0.5}
        with finsecure.Client(KEY, **options) as client, ThreadPoolExecutor(4) as threads:
            assert list(threads.map(retrieve, [client] * 4)) == ["cus_1"] * 4
            silent.set()
            assert [retrieve(client) for _ in range(3)] == ["lost", "cus_1", "cus_1"]


def test_after_a_timeout_kept_connections_are_not_used_again_in_async_code(library: str) -> None:
    async def retrieve(client: finsecure.AsyncClient) -> str:
        try:
            return (await client.customers.retrieve("cus_1")).id
        except finsecure.APITimeoutError:
            return "lost"

    async def main(url: str, silent: threading.Event) -> None:
        options: Any = {"base_url": url, "transport": library, "max_retries": 0, "timeout": 0.5}
        async with finsecure.AsyncClient(KEY, **options) as client:
            assert await asyncio.gather(*(retrieve(client) for _ in range(4))) == ["cus_1"] * 4
            silent.set()
            assert [await retrieve(client) for _ in range(3)] == ["lost", "cus_1", "cus_1"]

    with failing_over() as (url, silent):
        asyncio.run(main(url, silent))


@pytest.mark.parametrize("login", ["", "me:secret@"])
def test_a_proxy_that_refuses_was_sent_no_payment(library: str, monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    options: Any = {"transport": library, "max_retries": 0}

    async def use() -> None:
        async with finsecure.AsyncClient(KEY, **options) as client:
            await client.customers.create()

    with FaultServer(always(answers(407, b"", executed=False))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{login}127.0.0.1:{proxy.port}")
        with finsecure.Client(KEY, **options) as client, pytest.raises(finsecure.APIConnectionError) as caught:
            client.customers.create()
        with pytest.raises(finsecure.APIConnectionError) as caught_async:
            asyncio.run(use())
    for error in (caught.value, caught_async.value):
        assert not error.maybe_executed
        assert "407" in str(error)
        assert "secret" not in str(error)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_child_forked_after_use_goes_on(library: str, kind: str) -> None:
    script = """
import asyncio, os, signal, sys
import finsecure
from finsecure.sandbox import Sandbox

async def make(client):
    return (await client.customers.create()).object

def use():
    if kind == "sync":
        return client.customers.create().object
    return asyncio.run(make(client))

library, kind, key, url = sys.argv[1:]
client = (finsecure.Client if kind == "sync" else finsecure.AsyncClient)(key, base_url=url, transport=library)
assert use() == "customer"
child = os.fork()
if not child:
    signal.alarm(20)
    assert use() == use() == "customer"
    client.close() if kind == "sync" else asyncio.run(client.aclose())
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert use() == "customer"
client.close() if kind == "sync" else asyncio.run(client.aclose())
os._exit(0)  # pyreqwest's own threads sometimes abort a process that ends right after a fork
"""
    with Sandbox() as sandbox, sandbox.serve() as server:
        import subprocess

        arguments = [library, kind, sandbox.secret_key, server.base_url]
        # Python 3.12 warns of any fork in a process with threads, which is what is tested.
        subprocess.run([sys.executable, "-W", "ignore", "-c", script, *arguments], check=True, timeout=60)


def test_a_process_may_end_right_after_a_call(library: str) -> None:
    """Whatever runs it is not told of a crash, when all that failed was a call."""
    script = """
import asyncio, sys
import finsecure

async def main():
    async with finsecure.AsyncClient("sk_test_1", base_url=sys.argv[1], transport=sys.argv[2], max_retries=0) as client:
        await client.customers.create()

try:
    asyncio.run(main())
except finsecure.APIConnectionError:
    pass
"""
    with FaultServer(always(reset_before)) as server:
        for _ in range(3):
            command = [sys.executable, "-c", script, server.url, library]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("made", ["before", "after"])
def test_a_call_in_an_atexit_hook_is_made(library: str, made: str) -> None:
    """Whenever the hook was registered and the client first used: Python starts no threads any more then."""
    script = """
import atexit, sys
library, made, key, url = sys.argv[1:]
client = None

def bye():
    print(client.customers.create().object)

atexit.register(bye)
import finsecure
client = finsecure.Client(key, base_url=url.replace("127.0.0.1", "localhost"), transport=library)
if made == "before":
    client.customers.create()
"""
    with Sandbox() as sandbox, sandbox.serve() as server:
        arguments = [library, made, sandbox.secret_key, server.base_url]
        ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("customer\n", "", 0)


def test_pyreqwest_says_under_trio_what_it_needs() -> None:
    pytest.importorskip("pyreqwest")

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url="http://127.0.0.1:1", transport="pyreqwest") as client:
            await client.customers.retrieve("cus_1")

    with pytest.raises(finsecure.APIConnectionError, match="asyncio only"):
        anyio.run(main, backend="trio")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_pyreqwest_explains_what_it_raises_and_what_nobody_foresaw(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Whatever comes after a request was begun is an error of ours, which says that money may have moved."""
    pytest.importorskip("pyreqwest")
    from pyreqwest import exceptions

    from finsecure._transport import pyreqwest

    cases: list[tuple[Exception, type[Exception], str]] = [
        (LookupError("sk_test_1"), finsecure.APIConnectionError, r"failed unexpectedly \(LookupError\)"),
        (exceptions.ClientClosedError("closed", {"causes": None}), finsecure.APIConnectionError, "closed"),
        (exceptions.BuilderError("builder", {"causes": None}), finsecure.APIConnectionError, "written as HTTP"),
    ]
    for raised, expected, says in cases:

        def fail(*_: object, raised: Exception = raised) -> None:
            raise raised

        monkeypatch.setattr(pyreqwest, "_request", fail)
        if kind == "sync":
            client = finsecure.Client(KEY, transport="pyreqwest", max_retries=0)
            with client, pytest.raises(expected, match=says):
                client.customers.retrieve("cus_1")
        else:
            with pytest.raises(expected, match=says):
                asyncio.run(_look(finsecure.AsyncClient(KEY, transport="pyreqwest", max_retries=0)))


async def _look(client: finsecure.AsyncClient) -> finsecure.Customer:
    async with client:
        return await client.customers.retrieve("cus_1")


def test_a_proxy_that_pyreqwest_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyreqwest")
    monkeypatch.setenv("HTTPS_PROXY", "http://xn--a:3128")
    client = finsecure.Client(KEY, transport="pyreqwest")
    with client, pytest.raises(finsecure.InvalidRequestError, match="HTTPS_PROXY"):
        client.customers.retrieve("cus_1")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_where_pyreqwest_cannot_run_the_default_takes_its_place(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """As in a child that was forked after its first use."""
    pytest.importorskip("pyreqwest")

    class Forked:
        def __getattr__(self, name: str) -> Any:
            return self if name != "build" else self._build

        def __call__(self, *_: object) -> Any:
            return self

        def _build(self) -> None:
            raise RuntimeError("initialized before fork()")

    monkeypatch.setattr("pyreqwest.client.SyncClientBuilder", Forked)
    monkeypatch.setattr("pyreqwest.client.ClientBuilder", Forked)
    with Sandbox() as sandbox, sandbox.serve() as server:
        if kind == "sync":
            with finsecure.Client(sandbox.secret_key, base_url=server.base_url, transport="pyreqwest") as client:
                assert client.customers.create().object == client.customers.create().object == "customer"
            client._transport._clients.forget()
        else:

            async def main() -> None:
                client = finsecure.AsyncClient(sandbox.secret_key, base_url=server.base_url, transport="pyreqwest")
                async with client:
                    assert (await client.customers.create()).object == "customer"
                    assert (await client.customers.create()).object == "customer"
                client._transport._clients.forget()

            asyncio.run(main())


@pytest.mark.parametrize("kind", [finsecure.Client, finsecure.AsyncClient])
def test_a_library_that_is_unknown_or_not_there_is_refused_by_name(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match="pass 'httpx'") as caught:
        kind(KEY, transport="requests")
    assert caught.value.param == "transport"
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    with pytest.raises(finsecure.InvalidRequestError, match=r"pip install 'finsecure\[fast\]'"):
        kind(KEY, transport="pyreqwest")


# ------------------------------------------------------------------------------------------------------------------
# What is rare


def test_a_call_on_drained_pools_says_that_the_client_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`close()` came in between."""

    def drained(_: object, __: object) -> None:
        return None

    monkeypatch.setattr(Pools, "take", drained)
    with finsecure.Client(KEY) as client, pytest.raises(finsecure.APIConnectionError, match="closed"):
        client.customers.retrieve("cus_1")
    with pytest.raises(finsecure.APIConnectionError, match="closed"):
        asyncio.run(_look(finsecure.AsyncClient(KEY)))


def test_where_there_is_no_fork_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "register_at_fork")
    called: list[int] = []
    _runtime.in_child(lambda: called.append(1))
    assert not called


def test_a_ready_client_lets_only_the_programs_own_exceptions_through() -> None:
    """A class of the program's own leaves a call unchanged; an exception of Python's becomes an error of ours."""

    class Mine(Exception):  # noqa: N818 - as a program names it
        pass

    raised: list[Exception] = [Mine("mine"), LookupError("sk_test_1")]

    def fail(_: httpx.Request) -> httpx.Response:
        raise raised[0]

    with httpx.Client(transport=httpx.MockTransport(fail)) as ready:
        client = finsecure.Client(KEY, http_client=ready, max_retries=0)
        with pytest.raises(Mine, match="mine"):
            client.customers.retrieve("cus_1")
        del raised[0]
        with pytest.raises(finsecure.APIConnectionError, match=r"failed unexpectedly \(LookupError\)"):
            client.customers.retrieve("cus_1")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_ready_client_that_verifies_nothing_is_warned_of(caplog: pytest.LogCaptureFixture, kind: str) -> None:
    """Once, and where a live key goes out."""

    def use(key: str, base_url: str | None = None, **options: Any) -> list[str]:
        caplog.clear()
        if kind == "sync":
            with httpx.Client(**options) as ready:
                client = finsecure.Client(key, http_client=ready, base_url=base_url, max_retries=1)
                with pytest.raises(finsecure.APIConnectionError):
                    client.customers.retrieve("cus_1")
        else:

            async def main() -> None:
                async with httpx.AsyncClient(**options) as ready:
                    client = finsecure.AsyncClient(
                        key, http_client=ready, base_url=base_url, timeout=0.5, max_retries=1
                    )
                    await client.customers.retrieve("cus_1")

            with pytest.raises(finsecure.APIConnectionError):
                asyncio.run(main())
        return [record.message for record in caplog.records if "verify" in record.message]

    anybodys = ssl.create_default_context()
    anybodys.check_hostname = False
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        here = f"https://127.0.0.1:{unused.getsockname()[1]}"
        assert len(use("sk_live_1", here, verify=False)) == 1
        assert len(use("sk_live_1", here, verify=anybodys)) == 1
        assert use("sk_test_1", here, verify=False) == []
        assert use("sk_live_1", here) == []


def test_a_ready_client_whose_body_drips_is_stopped_by_the_timeout() -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.02)
            yield b" "

    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=drip()))) as ready:
        client = finsecure.Client(KEY, http_client=ready, timeout=0.1, max_retries=0)
        with pytest.raises(finsecure.APITimeoutError):
            client.customers.retrieve("cus_1")


def test_an_async_http_client_stops_reading_a_body_that_is_too_large() -> None:
    async def main() -> None:
        async def body() -> AsyncGenerator[bytes]:
            for _ in range(4):
                yield b"x" * 500

        mock = httpx.MockTransport(lambda _: httpx.Response(200, content=body()))
        async with httpx.AsyncClient(transport=mock) as ready:
            client = finsecure.AsyncClient(KEY, http_client=ready, max_response_size=1000, max_retries=0)
            await client.customers.retrieve("cus_1")

    with pytest.raises(finsecure.APIError, match="larger than"):
        asyncio.run(main())


def test_where_no_thread_can_start_the_call_is_made_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an `atexit` hook of some Pythons; and a thread other than the main one needs no other."""

    def no_thread(*_: Any, **__: Any) -> Any:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(worker, "Thread", no_thread)
    monkeypatch.setattr(worker, "_idle", [])
    assert worker.call_in_thread(threading.get_ident) == threading.get_ident()
    with ThreadPoolExecutor(1) as threads:
        ident = threads.submit(threading.get_ident).result()
        assert threads.submit(worker.call_in_thread, threading.get_ident).result() == ident
