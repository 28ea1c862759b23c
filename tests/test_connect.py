"""Connecting: names that take long, addresses that do not answer, threads that cannot start."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

import finsecure
from finsecure._transport.connect import look_up
from finsecure.sandbox import Sandbox

from .conftest import KEY, Figure

V4, V6 = socket.AF_INET, socket.AF_INET6
Resolve = Callable[..., None]


@pytest.fixture(params=["httpx", "httpx2"])
def transport(request: pytest.FixtureRequest) -> Any:
    """The test runs once on each transport that connects by our own code."""
    return request.param


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Have every name resolved to these addresses, at the port that is asked for."""

    def resolve(*addresses: tuple[socket.AddressFamily, str]) -> None:
        def getaddrinfo(_: str, port: int, *__: object, **___: object) -> list[Any]:
            return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return resolve


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that answers nothing."""
    released = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        released.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    released.set()


@contextlib.contextmanager
def dead_address(host: str, port: int) -> Generator[None]:
    """Somebody listens, but no connection is ever made, as behind a firewall that drops packets."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(3):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect((host, port))
        time.sleep(0.05)
        yield


def pay(url: str, **options: Any) -> finsecure.PaymentIntent:
    with finsecure.Client(KEY, base_url=url, **options) as client:
        return client.payment_intents.create(amount=100, currency="usd")


@pytest.mark.usefixtures("hanging")
def test_a_name_lookup_ends_with_the_timeout_and_the_deadline(transport: Any, figure: Figure) -> None:
    """A resolver that hangs holds nobody longer than they said, and nothing was sent."""
    began = time.monotonic()
    with pytest.raises(finsecure.APITimeoutError, match="looked up in time") as caught:
        pay("https://api.example.invalid", transport=transport, timeout=0.3, max_retries=0)
    by_timeout = time.monotonic() - began
    assert by_timeout < 1.5
    assert not caught.value.maybe_executed
    began = time.monotonic()
    with pytest.raises(finsecure.APITimeoutError):
        pay("https://api.example.invalid", transport=transport, timeout=5, deadline=0.5)
    by_deadline = time.monotonic() - began
    assert by_deadline < 1.5
    figure("a name lookup that hangs", timeout_of_300_ms=round(by_timeout, 3), deadline_of_500_ms=round(by_deadline, 3))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such a connection is refused")
def test_a_dead_first_address_costs_a_quarter_of_a_second(transport: Any, resolve: Resolve, figure: Figure) -> None:
    """The second one is tried as well, and wins."""
    with Sandbox() as sandbox, sandbox.serve() as server:
        port = int(server.base_url.rpartition(":")[2])
        resolve((V4, "127.0.0.2"), (V4, "127.0.0.1"))
        with (
            dead_address("127.0.0.2", port),
            finsecure.Client(
                sandbox.secret_key, base_url=f"http://localhost:{port}", transport=transport, max_retries=0, timeout=10
            ) as client,
        ):
            began = time.monotonic()
            assert client.customers.create().object == "customer"
            took = time.monotonic() - began
            assert 0.2 < took < 8  # not the timeout
    figure("a dead first address", seconds=round(took, 3))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such a connection is refused")
def test_addresses_that_are_all_dead_end_with_the_timeout(transport: Any, resolve: Resolve) -> None:
    """And nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    resolve((V4, "127.0.0.2"), (V4, "127.0.0.3"))
    with dead_address("127.0.0.2", port), dead_address("127.0.0.3", port):
        began = time.monotonic()
        with pytest.raises(finsecure.APITimeoutError) as caught:
            pay(f"http://localhost:{port}", transport=transport, timeout=0.6, max_retries=0)
        assert time.monotonic() - began < 10  # connecting to a dead address takes minutes
        assert not caught.value.maybe_executed


def test_an_address_that_cannot_be_tried_is_passed_over(transport: Any, resolve: Resolve) -> None:
    """An address of a family that this machine does not have, or that refuses, costs nothing."""
    with Sandbox() as sandbox, sandbox.serve() as server:
        port = int(server.base_url.rpartition(":")[2])
        resolve((V6, "no address"), (V4, "127.0.0.2"), (V4, "127.0.0.1"))
        with finsecure.Client(
            sandbox.secret_key, base_url=f"http://localhost:{port}", transport=transport, max_retries=0
        ) as client:
            assert client.customers.create().object == "customer"


ORDERS: list[tuple[list[tuple[socket.AddressFamily, str]], list[str]]] = [
    ([(V6, "::1"), (V6, "::2"), (V4, "127.0.0.1")], ["::1", "127.0.0.1", "::2"]),
    ([(V4, "127.0.0.1"), (V4, "127.0.0.2"), (V6, "::1")], ["127.0.0.1", "::1", "127.0.0.2"]),
    ([(V4, "127.0.0.1"), (V4, "127.0.0.1"), (V4, "127.0.0.2")], ["127.0.0.1", "127.0.0.2"]),
    ([], []),
]


@pytest.mark.parametrize(("resolved", "order"), ORDERS)
def test_both_families_have_their_chance(
    resolve: Resolve, resolved: list[tuple[socket.AddressFamily, str]], order: list[str]
) -> None:
    """The second address is of the other family, so that one family that is dead costs one wait."""
    resolve(*resolved)
    assert [address[0] for _, address in look_up("api.example", 443, 5)] == order


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", V4), ("::1", V6)])
@pytest.mark.usefixtures("hanging")
def test_an_address_is_not_looked_up(host: str, family: socket.AddressFamily) -> None:
    """What is an address already needs no resolver."""
    assert look_up(host, 80, 0.1) == [(family, (host, 80))]


def test_where_no_thread_can_start_the_name_is_looked_up_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an `atexit` hook, or where a sandbox forbids threads."""

    start = threading.Thread.start

    def forbidden(thread: threading.Thread) -> None:
        if thread.name == "finsecure-lookup":
            raise RuntimeError("can't start new thread")
        start(thread)  # the sandbox needs its own

    with Sandbox() as sandbox, sandbox.serve() as server:
        monkeypatch.setattr(threading.Thread, "start", forbidden)
        url = server.base_url.replace("127.0.0.1", "localhost")
        with finsecure.Client(sandbox.secret_key, base_url=url) as client:
            assert client.customers.create().object == "customer"


def test_a_thread_that_outlives_main_still_pays() -> None:
    """Also by name in async code, and with `prefetch`, for which Python starts no threads any more."""
    program = """
        import asyncio, sys, threading
        import finsecure
        url, key = sys.argv[1:]
        client = finsecure.Client(key, base_url=url)
        for amount in range(100, 103):
            client.payment_intents.create(amount=amount, currency="usd")

        async def one():
            async with finsecure.AsyncClient(key, base_url=url.replace("127.0.0.1", "localhost")) as aclient:
                return (await aclient.payment_intents.create(amount=9, currency="usd")).amount

        def work():
            threading.main_thread().join()
            print(client.payment_intents.create(amount=7, currency="usd").amount)
            print([intent.amount for intent in client.payment_intents.list(limit=2).prefetch()])
            print(asyncio.run(one()))

        threading.Thread(target=work).start()
    """
    with Sandbox() as sandbox, sandbox.serve() as server:
        arguments = [sys.executable, "-c", textwrap.dedent(program), server.base_url, sandbox.secret_key]
        ran = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout.splitlines(), ran.stderr) == (["7", "[7, 102, 101, 100]", "9"], "")
