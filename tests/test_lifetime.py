"""Who holds whom, and when it is let go: one test or more for each line of the table in `_transport/lifetime.py`.

Connections are counted where they are: among the open descriptors of this process, those that lead to the server.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
import trio

import finsecure
from finsecure._transport.deadline import AsyncStream, Deadline
from finsecure._transport.lifetime import drop_async
from finsecure._transport.pools import KEEPALIVE

from .conftest import KEY, Figure

pytestmark = pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="descriptors are counted in /dev/fd")

BODY = json.dumps({"id": "cus_1", "object": "customer"}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Server:
    """Answers every request with a customer, and more where it is told to."""

    def __init__(self) -> None:
        self.answer = ANSWER
        self.accepted = 0
        self.waiting: threading.Barrier | None = None  # where requests wait for each other before they are answered
        self.open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                self.accepted += 1
                self.open.append(link)
                self._threads.append(threading.Thread(target=self._serve, args=(link,)))
                self._threads[-1].start()

    def _serve(self, link: socket.socket) -> None:
        with link, suppress(OSError, threading.BrokenBarrierError):
            while link.recv(65536):  # requests are small, and come in one packet
                if self.waiting is not None:
                    self.waiting.wait(10)
                link.sendall(self.answer)

    def hang_up(self) -> None:
        """Close every connection, as a server does that keeps them for a shorter time than the client."""
        for link in self.open:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self.waiting is not None:
            self.waiting.abort()
        self._threads[0].join()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def connections(self) -> int:
        """Open descriptors of this process that lead here, also those that this server has closed."""
        return sum(_leads_to(int(entry.name), self.port) for entry in Path("/dev/fd").iterdir())

    def soon(self, connections: int) -> None:
        """Wait, not long, until there are so many."""
        until = time.monotonic() + 5
        while self.connections() != connections and time.monotonic() < until:
            time.sleep(0.01)
        assert self.connections() == connections


def _leads_to(descriptor: int, port: int) -> bool:
    try:
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=descriptor)
    except OSError:
        return False
    try:
        peer: Any = link.getpeername()
    except OSError:
        return False
    finally:
        link.detach()
    return isinstance(peer, tuple) and peer[1:2] == (port,)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(params=["httpx", "httpx2"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    pytest.importorskip(name)
    return name


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that connections are aged by."""
    clock = [1000.0]
    for module in ("pools", "lifetime"):
        monkeypatch.setattr(f"finsecure._transport.{module}.monotonic", lambda: clock[0])
    return clock


async def look(client: finsecure.AsyncClient) -> None:
    assert (await client.customers.retrieve("cus_1")).id == "cus_1"


async def until(true: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not true():  # noqa: ASYNC110 - what is waited for happens in no event loop
            await anyio.sleep(0.01)


async def burst(client: finsecure.AsyncClient, calls: int) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(calls):
            tasks.start_soon(look, client)


def gone(thing: weakref.ref[Any]) -> bool:
    gc.collect()
    return thing() is None


# ------------------------------------------------------------------------------------------------------------------
# A client, a sync transport, the process


def test_a_closed_client_has_no_connection(server: Server, transport: Any) -> None:
    client = finsecure.Client(KEY, base_url=server.url, transport=transport)
    client.customers.retrieve("cus_1")
    assert server.connections() == 1
    client.close()
    assert server.connections() == 0


def test_alternating_keys_at_module_level_share_the_connections(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a platform does that pays for many merchants; without a key the environment is asked, each time."""
    try:
        finsecure.configure(api_key=KEY, base_url=server.url)
        for number in range(5):
            monkeypatch.setenv("FINSECURE_SECRET_KEY", f"sk_test_environment{number}")
            for key in (KEY, "sk_test_other", None, f"sk_test_{number}"):
                finsecure.api_key = key
                assert finsecure.Customer.retrieve("cus_1").id == "cus_1"
                finsecure.configure(api_key=key, base_url=server.url)  # the same settings, but for the key
                assert finsecure.Customer.retrieve("cus_1").id == "cus_1"
        assert server.accepted == 1
    finally:
        finsecure.api_key = None
        finsecure.configure()
    assert server.connections() == 0


def test_a_client_that_is_dropped_takes_its_connections_along(server: Server) -> None:
    client = finsecure.Client(KEY, base_url=server.url)
    client.customers.retrieve("cus_1")
    transport = weakref.ref(client._transport)
    del client
    assert gone(transport)
    assert server.connections() == 0


def test_a_program_that_ends_closes_its_connections_quietly_and_may_call_even_then(server: Server) -> None:
    """Also from an `atexit` hook that was registered before the client was made."""
    script = f"""
import atexit
def last():
    print(client.customers.retrieve("cus_1").id)
atexit.register(last)
import finsecure
client = finsecure.Client({KEY!r}, base_url={server.url!r})
client.customers.retrieve("cus_1")
"""
    ran = subprocess.run([sys.executable, "-W", "default", "-c", script], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("cus_1\n", "", 0)


def test_a_program_that_ends_with_a_loop_still_open_ends_quietly(server: Server, transport: str) -> None:
    """What is left is collected when nothing can be imported any more."""
    script = f"""
import asyncio
import finsecure
client = finsecure.AsyncClient({KEY!r}, base_url={server.url!r}, transport={transport!r})
loop = asyncio.new_event_loop()
print(loop.run_until_complete(client.customers.retrieve("cus_1")).id)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("cus_1\n", "", 0)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # what it is about
def test_a_connection_that_is_collected_at_the_very_end_is_left_to_the_system(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No loop is asked to close it then, since a loop could only fail."""
    client = finsecure.AsyncClient(KEY, base_url=server.url)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(look(client))
    with monkeypatch.context() as ending:
        ending.setattr(sys, "is_finalizing", lambda: True)
        loop.run_until_complete(client.aclose())
        assert server.connections() == 1
    loop.close()
    del client, loop
    gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_leaves_its_parents_connections_alone(server: Server) -> None:
    """It neither uses nor closes them, so that the parent goes on with the same connection."""
    script = f"""
import asyncio, gc, os, warnings
import finsecure
warnings.simplefilter("ignore", DeprecationWarning)
client = finsecure.Client({KEY!r}, base_url={server.url!r})
aclient = finsecure.AsyncClient({KEY!r}, base_url={server.url!r})
client.customers.retrieve("cus_1")
loop = asyncio.new_event_loop()
loop.run_until_complete(aclient.customers.retrieve("cus_1"))
child = os.fork()
client.customers.retrieve("cus_1")
if child == 0:
    loop.close()
    asyncio.run(aclient.customers.retrieve("cus_1"))
    del client, aclient
    gc.collect()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.customers.retrieve("cus_1")
loop.run_until_complete(aclient.customers.retrieve("cus_1"))
loop.close()
"""
    ran = subprocess.run([sys.executable, "-W", "default", "-c", script], capture_output=True, text=True, check=False)
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert server.accepted == 4  # two of the parent, two of the child


# ------------------------------------------------------------------------------------------------------------------
# Event loops


def test_a_client_keeps_no_event_loop(server: Server, transport: Any, figure: Figure) -> None:
    """A hundred `asyncio.run` with one client leave neither a loop nor a connection."""
    client = finsecure.AsyncClient(KEY, base_url=server.url, transport=transport)
    loops: list[weakref.ref[Any]] = []

    async def main() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await look(client)

    for _ in range(100):
        asyncio.run(main())
    assert server.connections() == 0
    gc.collect()
    kept = [loop for loop in loops if loop() is not None]
    assert kept == []
    figure("one AsyncClient in 100 runs of asyncio.run", loops_kept=len(kept), connections_left=server.connections())


def test_a_loop_that_is_closed_by_hand_closes_its_connections(server: Server, transport: Any, figure: Figure) -> None:
    """No `shutdown_asyncgens`, nothing but `close()`; and nothing warns of a socket."""
    client = finsecure.AsyncClient(KEY, base_url=server.url, transport=transport)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(burst(client, 5))
    assert server.connections() > 0
    loop.close()
    assert server.connections() == 0
    kept = weakref.ref(loop)
    del loop
    assert gone(kept)
    figure("an event loop closed with loop.close()", loops_kept=0, connections_left=server.connections())


def test_a_loop_that_is_closed_under_a_call_closes_its_connection_too(server: Server) -> None:
    server.waiting = threading.Barrier(2)
    client = finsecure.AsyncClient(KEY, base_url=server.url)
    loop = asyncio.new_event_loop()
    task = loop.create_task(look(client))
    loop.run_until_complete(until(lambda: server.waiting.n_waiting))  # type: ignore[union-attr]
    assert server.connections() == 1
    loop.close()
    assert server.connections() == 0
    server.waiting.abort()
    task.get_coro().close()
    with suppress(asyncio.CancelledError, RuntimeError):
        task.cancel()
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_trio_run_that_is_over_leaves_neither_its_token_nor_a_connection(server: Server, transport: Any) -> None:
    client = finsecure.AsyncClient(KEY, base_url=server.url, transport=transport)
    tokens: list[weakref.ref[Any]] = []

    async def main() -> None:
        tokens.append(weakref.ref(trio.lowlevel.current_trio_token()))
        await burst(client, 3)
        assert server.connections() > 0

    for _ in range(5):
        trio.run(main)
    assert server.connections() == 0
    gc.collect()
    assert [token for token in tokens if token() is not None] == []


def test_a_closed_async_client_holds_no_loop(server: Server, backend: str) -> None:
    kept: list[weakref.ref[Any]] = []

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url) as client:
            await look(client)
            assert server.connections() == 1
        assert server.connections() == 0
        kept.append(
            weakref.ref(trio.lowlevel.current_trio_token() if backend == "trio" else asyncio.get_running_loop())
        )

    anyio.run(main, backend=backend)
    assert gone(kept[0])


def test_an_async_client_that_is_dropped_takes_its_connections_along(server: Server, backend: str) -> None:
    async def main() -> None:
        client = finsecure.AsyncClient(KEY, base_url=server.url)
        await look(client)
        del client
        gc.collect()
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert server.connections() == 0

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("close", [True, False], ids=["closed", "dropped"])
def test_a_client_lets_go_of_the_connections_of_other_loops_too(server: Server, backend: str, close: bool) -> None:
    """From another thread, while their loop runs and after it has stopped."""
    client = finsecure.AsyncClient(KEY, base_url=server.url)
    used, over = threading.Event(), threading.Event()
    ours: list[finsecure.AsyncClient] = [client]

    async def elsewhere() -> None:
        await look(ours[0])
        used.set()
        await until(over.is_set)
        assert server.connections() == 0

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(lambda: anyio.run(elsewhere, backend=backend))
        assert used.wait(5)
        if close:
            asyncio.run(client.aclose())
        ours.clear()
        del client
        gc.collect()
        server.soon(0)
        over.set()
        running.result(5)


def test_a_client_that_is_dropped_while_its_loop_stands_still_takes_its_connections_along(server: Server) -> None:
    client = finsecure.AsyncClient(KEY, base_url=server.url)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(look(client))
    del client
    gc.collect()
    assert server.connections() == 0
    loop.close()


def test_a_cancelled_aclose_loses_no_connection(server: Server, backend: str, figure: Figure) -> None:
    """Twenty connections, and a scope that is cancelled before the first of them is closed."""
    server.waiting = threading.Barrier(20)

    async def main() -> None:
        client = finsecure.AsyncClient(KEY, base_url=server.url)
        await burst(client, 20)
        assert server.connections() == 20
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.aclose()
        await anyio.lowlevel.checkpoint()
        assert server.connections() == 0

    anyio.run(main, backend=backend)
    figure("aclose() of 20 connections, canceled", connections_left=server.connections())


def test_a_call_that_is_under_way_when_its_client_closes_ends_with_its_answer(server: Server, backend: str) -> None:
    server.waiting = threading.Barrier(2)

    async def main() -> None:
        client = finsecure.AsyncClient(KEY, base_url=server.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look, client)
            await until(lambda: server.waiting.n_waiting)  # type: ignore[union-attr]
            await client.aclose()
            assert server.connections() == 1
            await anyio.to_thread.run_sync(server.waiting.wait)  # type: ignore[union-attr]
        await anyio.lowlevel.checkpoint()
        assert server.connections() == 0
        with pytest.raises(finsecure.APIConnectionError, match="closed"):
            await look(client)

    anyio.run(main, backend=backend)


# ------------------------------------------------------------------------------------------------------------------
# Pools and connections


def test_the_connections_of_a_burst_go_when_they_were_idle_for_long(
    server: Server, now: list[float], figure: Figure
) -> None:
    """The next call closes them, whichever host it goes to."""
    server.waiting = threading.Barrier(20)
    client = finsecure.Client(KEY, base_url=server.url)
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(client.customers.retrieve, ["cus_1"] * 20))
    server.waiting = None
    assert server.connections() == 20
    now[0] += KEEPALIVE
    with ExitStack() as other:
        elsewhere = Server()
        other.callback(elsewhere.close)
        client.with_options(base_url=elsewhere.url).customers.retrieve("cus_1")
        now[0] += 2
        client.with_options(base_url=elsewhere.url).customers.retrieve("cus_1")
    assert server.connections() == 0
    figure("20 connections, idle for 15 s", connections_left=server.connections())
    client.close()


def test_connections_that_the_server_closed_go_with_the_next_call(server: Server, now: list[float]) -> None:
    server.waiting = threading.Barrier(20)
    client = finsecure.Client(KEY, base_url=server.url)
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(client.customers.retrieve, ["cus_1"] * 20))
    server.waiting = None
    server.hang_up()
    time.sleep(0.05)
    now[0] += 1
    client.customers.retrieve("cus_1")
    assert server.connections() == 1
    client.close()


def test_a_timer_closes_what_is_idle_in_a_loop_and_ends_with_it(
    server: Server, backend: str, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without another call: those that the server closed soon, the others after their time."""
    monkeypatch.setattr("finsecure._transport.lifetime.LOOK", 0.02)
    server.waiting = threading.Barrier(20)

    async def left(connections: int) -> None:
        await until(lambda: server.connections() == connections)

    async def main() -> None:
        client = finsecure.AsyncClient(KEY, base_url=server.url)
        await burst(client, 20)
        for link in server.open[:15]:
            link.shutdown(socket.SHUT_RDWR)
        await left(5)
        now[0] += KEEPALIVE
        await left(0)
        server.waiting = None
        await anyio.sleep(0.05)  # the timer has ended; the next call begins another
        await look(client)
        assert server.connections() == 1
        now[0] += KEEPALIVE
        await left(0)

    anyio.run(main, backend=backend)


def _half_a_decline(server: Server) -> None:
    server.answer = ANSWER + b"HTTP/1.1 402 Payment Required\r\nContent-Length: 2\r\nX-Ignored: "


def test_what_follows_an_answer_closes_its_connection(server: Server, transport: Any) -> None:
    """Half a head of a 402 that came with one answer would make the next one, of a payment, a decline."""
    _half_a_decline(server)
    with finsecure.Client(KEY, base_url=server.url, transport=transport, max_retries=0) as client:
        for calls in (1, 2, 3):
            assert client.customers.retrieve("cus_1").id == "cus_1"
            assert server.accepted == calls
            assert server.connections() == 0


def test_what_follows_an_answer_closes_its_connection_in_async_code(
    server: Server, transport: Any, backend: str
) -> None:
    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url, transport=transport, max_retries=0) as client:
            for calls in (1, 2, 3):
                await look(client)
                assert server.accepted == calls

    _half_a_decline(server)
    anyio.run(main, backend=backend)


def test_what_follows_an_answer_closes_the_connection_of_a_ready_client(
    server: Server, transport: str, backend: str
) -> None:
    """The connections of your own httpx client are no exception."""

    async def main() -> None:
        async with library.AsyncClient() as http_client:
            client = finsecure.AsyncClient(KEY, base_url=server.url, http_client=http_client, max_retries=0)
            for _ in range(3):
                await look(client)

    library = pytest.importorskip(transport)
    _half_a_decline(server)
    with library.Client() as http_client:
        client = finsecure.Client(KEY, base_url=server.url, http_client=http_client, max_retries=0)
        for _ in range(3):
            assert client.customers.retrieve("cus_1").id == "cus_1"
    anyio.run(main, backend=backend)
    assert server.accepted == 6


def test_what_anyio_has_read_ahead_closes_its_connection_too(server: Server) -> None:
    """In asyncio bytes may have left the socket for anyio's queue before the call reads them."""

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url, max_retries=0) as client:
            await look(client)
            pools = next(iter(client._transport._pools._loops.values()))()._pools
            [stream] = next(iter(pools.values()))._slots[0].pool._connections._streams()
            queue = stream._stream._stream._protocol.read_queue
            assert not stream.has_unread()
            queue.append(b"HTTP/1.1 402 Pay")
            assert stream.has_unread()
            queue.clear()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("reads", "unread"),
    [(ssl.SSLWantReadError(), False), (ssl.SSLEOFError(), True), (b"H", True), (b"", True)],
    ids=["nothing", "a broken end", "a byte", "the end"],
)
def test_what_tls_has_decrypted_ahead_closes_its_connection_too(reads: Any, unread: bool) -> None:
    """In async code more than one record may have been taken from the socket."""

    class Secure:
        def read(self, _: int) -> bytes:
            if isinstance(reads, Exception):
                raise reads
            answer: bytes = reads
            return answer

    async def main() -> None:
        below = SimpleNamespace(_stream=SimpleNamespace(transport_stream=None))
        stream = AsyncStream(None, cast("Any", below), Deadline.of(1))
        stream._secure = Secure()
        assert stream.has_unread() is unread
        stream.closed = True

    asyncio.run(main())


def test_a_connection_that_outlives_its_trio_run_can_be_closed(server: Server) -> None:
    async def connect() -> tuple[Any, Any]:
        stream = await anyio.connect_tcp("127.0.0.1", server.port)
        return stream.extra(anyio.abc.SocketAttribute.raw_socket), trio.lowlevel.current_trio_token()

    link, token = trio.run(connect)
    drop_async(SimpleNamespace(get_extra_info={"socket": link}.get), token)
    assert server.connections() == 0


def test_a_loop_without_hooks_for_generators_is_as_good(server: Server) -> None:
    """Its connections close when it is closed."""
    client = finsecure.AsyncClient(KEY, base_url=server.url)

    async def main() -> None:
        sys.set_asyncgen_hooks(firstiter=None)
        await look(client)
        assert server.connections() == 1

    asyncio.run(main())
    assert server.connections() == 0


# ------------------------------------------------------------------------------------------------------------------
# A list

PAGE = json.dumps(
    {"object": "list", "url": "/v1/customers", "has_more": False, "data": [{"id": "cus_1", "object": "customer"}]}
).encode()


@pytest.mark.parametrize("walk", ["objects", "pages", "prefetch", "awaited", "awaited prefetch"])
def test_a_list_that_is_left_early_strands_nothing(server: Server, backend: str, walk: str) -> None:
    """trio warns of a generator that `break` leaves behind, and here each warning is an error."""
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url) as client:
            customers = client.customers.list()
            items: Any = {
                "objects": lambda: customers,
                "pages": customers.pages,
                "prefetch": customers.prefetch,
            }.get(walk)
            if items is None:
                page = await customers
                items = page.prefetch if walk == "awaited prefetch" else lambda: page
            async for _ in items():
                break
            del items
            gc.collect()
            await anyio.lowlevel.checkpoint()

    anyio.run(main, backend=backend)


def test_a_prefetch_that_is_closed_gives_no_more(server: Server, backend: str) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url) as client:
            for before in (0, 1):
                items = client.customers.list().prefetch()
                for _ in range(before):
                    await anext(items)
                await items.aclose()
                assert [item async for item in items] == []
            items = client.customers.list().prefetch()
            with pytest.raises(LookupError, match="mine"):
                await items.athrow(LookupError("mine"))
            assert [item.id async for item in client.customers.list().prefetch()] == ["cus_1"]

    anyio.run(main, backend=backend)


# ------------------------------------------------------------------------------------------------------------------
# A call


def test_a_call_that_is_interrupted_leaves_no_connection_and_the_next_one_has_its_own(server: Server) -> None:
    """As by Ctrl-C. What it was interrupted in may be half done, so nothing of it is used again."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    client = finsecure.Client(KEY, base_url=server.url)
    try:
        client.customers.retrieve("cus_1")
        server.waiting = threading.Barrier(2)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            client.customers.retrieve("cus_1")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert server.connections() == 0
    server.waiting.abort()
    server.waiting = None
    assert client.customers.retrieve("cus_1").id == "cus_1"
    assert server.connections() == 1
    client.close()


CARD: Any = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "cvc": "123"}


def _shown(exc: BaseException) -> str:
    """What a tool shows that takes the local variables of each frame along, those of this file apart."""
    waiting, seen, shown = [exc], {id(exc)}, list[str]()
    while waiting:
        one = waiting.pop()
        for other in (one.__cause__, one.__context__):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
        entry = one.__traceback__
        while entry is not None:
            if entry.tb_frame.f_globals["__name__"] != __name__:
                shown += [repr(value) for value in entry.tb_frame.f_locals.values()]
            entry = entry.tb_next
    return "\n".join(shown)


def test_an_interrupt_leaves_a_ready_client_with_fresh_pools(server: Server, transport: str) -> None:
    """It may have left one locked, or a connection of it, for which a later call would wait past its timeout."""
    interrupting = [False]

    def hook(_: object) -> None:
        if interrupting[0]:
            raise KeyboardInterrupt

    library = pytest.importorskip(transport)
    hooks = {"request": [hook]}
    with library.Client(event_hooks=hooks, mounts={"all://other.example": None}) as http_client:
        client = finsecure.Client(KEY, base_url=server.url, http_client=http_client)
        client.customers.retrieve("cus_1")
        before = http_client._transport._pool
        assert before._optional_thread_lock.acquire(blocking=False)  # as a call that is left between two steps does
        with ThreadPoolExecutor(1) as thread:
            busy = SimpleNamespace(is_idle=lambda: False)  # carries the call of another thread, which closes it
            before._connections.append(busy)
            interrupting[0] = True
            with pytest.raises(KeyboardInterrupt):
                client.customers.retrieve("cus_1")
            interrupting[0] = False
            assert server.connections() == 0
            assert thread.submit(client.customers.retrieve, "cus_1").result(5).id == "cus_1"
        before._connections.remove(busy)
        before._optional_thread_lock.release()
        assert http_client._transport._pool is not before
        assert server.connections() == 1


def test_a_call_of_another_thread_outlives_an_interrupt_of_a_ready_client_and_leaves_no_connection(
    server: Server, transport: str
) -> None:
    """It carries on over the pool that was replaced, which keeps nothing. A second client shares the pool's lock."""

    def hook(_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    library = pytest.importorskip(transport)
    with library.Client(event_hooks={"request": [hook]}) as http_client:
        client = finsecure.Client(KEY, base_url=server.url, http_client=http_client)
        lock = http_client._transport._pool._optional_thread_lock
        finsecure.Client(KEY, base_url=server.url, http_client=http_client)
        assert http_client._transport._pool._optional_thread_lock is lock
        server.waiting = threading.Barrier(2)
        with ThreadPoolExecutor(1) as thread:
            call = thread.submit(client.customers.retrieve, "cus_1")
            server.soon(1)
            with pytest.raises(KeyboardInterrupt):
                client.customers.retrieve("cus_2")
            server.waiting.wait(10)
            assert call.result(5).id == "cus_1"
        assert server.connections() == 0


@pytest.mark.parametrize("where", ["httpcore._backends.sync.SyncStream.write", "json.encoder.JSONEncoder.iterencode"])
@pytest.mark.parametrize("raised", [KeyboardInterrupt, TimeoutError])
def test_an_interrupted_call_shows_neither_key_nor_card(
    server: Server, monkeypatch: pytest.MonkeyPatch, where: str, raised: type[BaseException]
) -> None:
    """Neither where it is written, nor where its body is made."""

    def handler(*_: object) -> None:
        raise raised

    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with finsecure.Client(KEY, base_url=server.url, max_retries=0) as client:
            monkeypatch.setattr(where, interrupted)
            with pytest.raises(raised) as caught:
                client.payment_methods.create(type="card", card=CARD)
    finally:
        signal.signal(signal.SIGALRM, before)
    shown = _shown(caught.value)
    assert shown
    assert KEY not in shown
    assert "4242424242424242" not in shown


def test_a_cancelled_call_shows_neither_key_nor_card(server: Server, backend: str) -> None:
    server.waiting = threading.Barrier(2)
    cancelled: list[BaseException] = []

    async def pay(client: finsecure.AsyncClient) -> None:
        try:
            await client.payment_methods.create(type="card", card=CARD)
        except BaseException as exc:
            cancelled.append(exc)
            raise

    async def main() -> None:
        async with (
            finsecure.AsyncClient(KEY, base_url=server.url, max_retries=0) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(pay, client)
            await until(lambda: server.waiting.n_waiting)  # type: ignore[union-attr]
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    shown = _shown(cancelled[0])
    assert shown
    assert KEY not in shown
    assert "4242424242424242" not in shown
