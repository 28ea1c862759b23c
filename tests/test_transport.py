"""Requests on real sockets: connections that are kept, answers in every lawful form, a ready client of the caller's.

What goes wrong on the way is tested in tests/faults/.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import os
import socket
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from functools import partial
from inspect import isawaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpcore
import httpx
import pytest

import finsecure
from finsecure._http import Origin
from finsecure._transport.deadline import AsyncStream, Deadline, Stream
from finsecure._transport.httpcore import _check_is_ours  # pyright: ignore[reportPrivateUsage]  # what a far end cannot bring about any more
from finsecure._transport.proxy import proxy_for
from finsecure._transport.tls import tls_context

from .conftest import KEY

CUSTOMER = {"id": "cus_1", "object": "customer", "name": "Zoë 🦊"}
BODY = json.dumps(CUSTOMER).encode()
DOORS = ["sync", "asyncio", "trio"]


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, "", ""]).encode()


def plain(body: bytes = BODY, *headers: str, status: str = "200 OK") -> bytes:
    return head(f"Content-Length: {len(body)}", *headers, status=status) + body


class Server:
    """Answers each request with the next of its answers, the last of them for ever; an answer may come in pieces."""

    def __init__(self, *answers: bytes | list[bytes | float]) -> None:
        self.seen: list[tuple[int, bytes]] = []  # the connection, and the request that came on it
        self._answers = itertools.chain(answers[:-1], itertools.repeat(answers[-1]))
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for number in itertools.count(1):
                sock, _ = self._listener.accept()
                self._sockets.append(sock)
                self._threads.append(threading.Thread(target=self._serve, args=(number, sock)))
                self._threads[-1].start()

    def _serve(self, number: int, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as stream:
            while (request := self.read(stream)) is not None:
                with self._lock:
                    self.seen.append((number, request))
                    answer = next(self._answers)
                pieces: list[bytes | float] = [answer] if isinstance(answer, bytes) else answer
                for piece in pieces:
                    if isinstance(piece, bytes):
                        sock.sendall(piece)
                    else:
                        time.sleep(piece)
                if b"Connection: close" in request or not isinstance(answer, bytes):
                    return

    @staticmethod
    def read(stream: Any) -> bytes | None:
        lines = list(iter(stream.readline, b"\r\n")) if (first := stream.readline()) else []
        length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
        return b"".join([first, *lines, stream.read(length)]) if first else None

    @property
    def connections(self) -> list[int]:
        return [connection for connection, _ in self.seen]

    def close(self) -> None:
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with its answers; it stops with the test."""
    with contextlib.ExitStack() as running:

        def serve(*answers: bytes | list[bytes | float]) -> Server:
            server = Server(*answers)
            running.callback(server.close)
            return server

        yield serve


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    """The test runs once at each door."""
    name: str = request.param
    return name


async def done(answer: Any) -> Any:
    """What an operation answers, at whichever door."""
    return await answer if isawaitable(answer) else answer


def run(door: str, url: str, use: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Use a client at a door, and close it."""

    async def opened() -> Any:
        if door == "sync":
            with finsecure.Client(KEY, base_url=url, **options) as client:
                return await use(client)
        async with finsecure.AsyncClient(KEY, base_url=url, **options) as client:
            return await use(client)

    return anyio.run(opened, backend="asyncio" if door == "sync" else door)


async def look(client: Any) -> Any:
    return await done(client.customers.retrieve("cus_1"))


# Connections ----------------------------------------------------------------------------------------------------------


def test_calls_one_after_another_share_a_connection(door: str, serve: Serve) -> None:
    """A connection is kept and used again, also by clients made with `with_options`."""
    server = serve(plain())

    async def use(client: Any) -> None:
        for one in (client, client, client.with_options(timeout=5), client.with_options(max_retries=0)):
            await look(one)

    run(door, server.url, use)
    assert server.connections == [1, 1, 1, 1]


def test_a_request_leaves_in_one_piece(door: str) -> None:
    """Head and body are sent together: one packet, and one TLS record, where two would cost each call twice."""
    received: list[bytes] = []

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(2):
                received.append(connection.recv(65536))
                connection.sendall(plain())

    async def use(client: Any) -> None:
        await look(client)
        await done(client.customers.create(name="Zoë"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        run(door, f"http://127.0.0.1:{listener.getsockname()[1]}", use)
        thread.join(5)
    looked, created = received
    assert looked.endswith(b"\r\n\r\n")
    assert created.endswith('{"name":"Zoë"}'.encode())


def test_an_unasked_answer_is_not_read_where_the_next_request_breaks(door: str) -> None:
    """An answer that was left on a kept connection is not taken for that of a request which could not be written."""
    foreign = plain(json.dumps({**CUSTOMER, "id": "cus_foreign"}).encode())

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(plain() + foreign)
            connection.recv(1000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # resets
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            Server.read(stream)
            connection.sendall(plain())

    async def use(client: Any) -> str:
        await look(client)
        created: finsecure.Customer = await done(client.customers.create(description="x" * 8_000_000))
        return created.id

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        assert run(door, f"http://127.0.0.1:{listener.getsockname()[1]}", use) == "cus_1"
        thread.join(5)


def test_an_answer_that_is_a_refusal_keeps_its_connection(door: str, serve: Serve) -> None:
    """An error is read to its end, so that the next call goes out on the same connection."""
    error = json.dumps({"error": {"type": "invalid_request_error", "message": "No."}}).encode()
    server = serve(plain(error, status="400 Bad Request"), plain(b"<html>", status="404 Not Found"), plain())

    async def use(client: Any) -> None:
        for _ in range(2):
            with pytest.raises(finsecure.InvalidRequestError):
                await look(client)
        await look(client)

    run(door, server.url, use)
    assert server.connections == [1, 1, 1]


def test_a_connection_that_the_server_closes_is_not_used_again(door: str, serve: Serve) -> None:
    """`Connection: close` is heeded without an error or a second attempt."""
    server = serve([plain(BODY, "Connection: close")], plain())

    async def use(client: Any) -> None:
        for _ in range(2):
            assert (await look(client)).last_response.attempts == 1

    run(door, server.url, use)
    assert server.connections == [1, 2]


def test_calls_at_the_same_time_have_connections_of_their_own(serve: Serve) -> None:
    """Concurrent calls do not wait for each other; what they opened is used again."""
    server = serve([0.2, plain()], [0.2, plain()], [0.2, plain()], plain())

    async def use() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url) as client:
            await asyncio.gather(*(client.customers.retrieve("cus_1") for _ in range(3)))
            await client.customers.retrieve("cus_1")

    asyncio.run(use())
    assert len({*server.connections[:3]}) == 3


def test_a_frozen_clock_makes_no_timeouts(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `freeze_time(auto_tick_seconds=15)` does it, where each look at the clock takes 15 seconds."""
    server = serve(plain(), plain(), [0.7, plain()])
    ticks = itertools.count(0, 15)
    with finsecure.Client(KEY, base_url=server.url, max_retries=0) as client:
        monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
        answered = [client.customers.retrieve("cus_1") for _ in range(2)]
        with pytest.raises(finsecure.APITimeoutError):
            client.with_options(timeout=0.2).customers.retrieve("cus_1")
        monkeypatch.undo()
    assert [customer.last_response.attempts for customer in answered] == [1, 1]


# Answers --------------------------------------------------------------------------------------------------------------


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


FORMS: dict[str, bytes | list[bytes | float]] = {
    "with a length": plain(),
    "chunked": head("Transfer-Encoding: chunked") + chunked(BODY[:5], BODY[5:]),
    "until the connection ends": [head("Connection: close") + BODY],
    "by HTTP/1.0": [head("Connection: close").replace(b"HTTP/1.1", b"HTTP/1.0") + BODY],
    "gzip": plain(gzip.compress(BODY), "Content-Encoding: gzip"),
    "GZIP": plain(gzip.compress(BODY), "content-encoding: GZIP"),
    "deflate": plain(zlib.compress(BODY), "Content-Encoding: deflate"),
    "identity": plain(BODY, "Content-Encoding: identity"),
    "gzip in chunks": head("Content-Encoding: gzip", "Transfer-Encoding: chunked")
    + chunked(*(gzip.compress(BODY)[start : start + 7] for start in range(0, len(gzip.compress(BODY)), 7))),
    "after early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + plain(),
    "byte by byte": [bytes([byte]) for byte in plain()],
    "201 Created": plain(status="201 Created"),
    "with space around it": plain(b"\r\n " + BODY + b"\n"),
    "with a charset": plain().replace(b"application/json", b"application/json; charset=utf-8"),
    "without a type": plain().replace(b"Content-Type: application/json\r\n", b""),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_lawful_form_of_an_answer_is_read(door: str, serve: Serve, form: str) -> None:
    """However an answer is framed, compressed or cut into packets, it is the object that was asked for, at once."""
    server = serve(FORMS[form])
    customer = run(door, server.url, look)
    assert customer.to_dict() == CUSTOMER
    assert customer.last_response.attempts == 1


def test_text_of_any_language_arrives_as_it_was_written(door: str, serve: Serve) -> None:
    """Text is sent as UTF-8, with a length in bytes, and read as such."""
    server = serve(plain())

    async def use(client: Any) -> None:
        await done(client.customers.create(name="Zoë 🦊", metadata={"ключ": "значение"}))

    run(door, server.url, use)
    ((_, request),) = server.seen
    assert json.loads(request.partition(b"\r\n\r\n")[2] or request.splitlines()[-1]) == {
        "name": "Zoë 🦊",
        "metadata": {"ключ": "значение"},
    }


# The proxy ------------------------------------------------------------------------------------------------------------


def test_no_proxy_stands_between_us_and_this_machine(door: str, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox on loopback is reached directly, whatever proxy the environment names."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert run(door, serve(plain()).url, look).id == "cus_1"


PROXIES: list[tuple[dict[str, str], str | None]] = [
    ({}, None),
    ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
    ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
    ({"ALL_PROXY": "http://proxy.example"}, "http://proxy.example:80"),
    ({"HTTPS_PROXY": "https://proxy.example"}, "https://proxy.example:443"),
    ({"HTTPS_PROXY": "http://[::1]:3128"}, "http://[::1]:3128"),
    ({"HTTP_PROXY": "http://proxy.example:3128"}, None),
    ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "api.finsecure.com"}, None),
    ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": ".finsecure.com"}, None),
    ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "*"}, None),
    ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com"}, "http://proxy.example:3128"),
]


@pytest.mark.parametrize(("environment", "expected"), PROXIES, ids=[str(given) for given, _ in PROXIES])
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str | None
) -> None:
    """HTTPS_PROXY and ALL_PROXY name the proxy of the API, in either case, unless NO_PROXY leaves the host out."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(Origin("https", "api.finsecure.com", None, ""))
    assert (found and found.url) == expected


NETWORKS: list[tuple[str, str, bool]] = [
    ("10.1.2.3", "10.0.0.0/8", True),
    ("10.1.2.3", "localhost, 10.1.2.3/8 ,example.com", True),
    ("10.1.2.3", "192.168.0.0/16,10.2.0.0/16", False),
    ("10.1.2.3", "10.1.2.3", True),
    ("::1", "::1", True),
    ("::1", "[::1]", True),
    ("fd00::5", "fd00::/8", True),
    ("fd00::5", "10.0.0.0/8,::1", False),
    ("10.1.2.3", "10.0.0.0/99,network", False),
    ("api.finsecure.com", "10.0.0.0/8", False),
]


@pytest.mark.parametrize(("host", "no_proxy", "direct"), NETWORKS)
def test_no_proxy_takes_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, host: str, no_proxy: str, direct: bool
) -> None:
    """`NO_PROXY` leaves out an address, also one of IPv6, and all of a network."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_for(Origin("https", host, None, "")) is None) == direct


def test_a_proxys_password_is_read_as_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """User and password of a proxy's URL are percent-decoded, and no part of the URL that is kept."""
    monkeypatch.setenv("HTTPS_PROXY", "http://clerk:p%40ss%3Aword@proxy.example:3128")
    found = proxy_for(Origin("https", "api.finsecure.com", None, ""))
    assert found is not None
    assert (found.url, found.auth) == ("http://proxy.example:3128", ("clerk", "p@ss:word"))
    assert found.hidden_auth == (b"clerk", b"p@ss:word")
    assert "word" not in repr(found) + repr(found.hidden_auth)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://proxy.example",
        "ftp://proxy.example:21",
        "http://proxy.example:port",
        "http://[bad",
        "http://a:99999",
        "http://:3128",
        "http://proxy example:3128",
        "http://bücher.example:3128",
    ],
)
def test_an_unusable_proxy_is_reported_without_its_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A mistake in a proxy's URL is an error that says where to look, and does not show the URL."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(finsecure.InvalidRequestError, match="HTTPS_PROXY") as caught:
        proxy_for(Origin("https", "api.finsecure.com", None, ""))
    assert url not in str(caught.value)


def test_socks_without_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy needs httpx[socks], and the error says so."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")

    def nothing(_: str) -> None: ...

    monkeypatch.setattr("importlib.util.find_spec", nothing)
    with pytest.raises(finsecure.InvalidRequestError, match=r"httpx\[socks\]"):
        proxy_for(Origin("https", "api.finsecure.com", None, ""))


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_cannot_be_read_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there is an error that says so, not one of the network's."""
    monkeypatch.setenv(name, "/nowhere/at/all.pem")
    with pytest.raises(finsecure.InvalidRequestError, match=name) as caught:
        tls_context()
    assert caught.value.param == name


def test_one_folder_of_certificates_that_is_there_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`SSL_CERT_DIR` may name several, of which some systems have only one."""
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere/at/all{os.pathsep}{tmp_path}")
    assert tls_context().verify_mode.name == "CERT_REQUIRED"


# A ready client of the caller's ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def ready(door: str, **options: Any) -> AsyncGenerator[Any]:
    """An httpx client for a door."""
    if door == "sync":
        with httpx.Client(**options) as client:
            yield client
    else:
        async with httpx.AsyncClient(**options) as async_client:
            yield async_client


def given(door: str, url: str, use: Callable[[Any], Awaitable[Any]], options: dict[str, Any], **ours: Any) -> Any:
    """Use a client on the connections of an httpx client with these options."""

    async def opened() -> Any:
        async with ready(door, **options) as http_client:
            kind: Any = finsecure.Client if door == "sync" else finsecure.AsyncClient
            return await use(kind(KEY, base_url=url, http_client=http_client, **ours))

    return anyio.run(opened, backend="asyncio" if door == "sync" else door)


def test_a_bomb_that_comes_in_pieces_is_unpacked_no_further_than_one_in_a_piece() -> None:
    """What earlier pieces unpacked to counts: the last one is unpacked only as far as the limit still allows."""
    limit = 8 * 1024 * 1024
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    first = packer.compress(bytes(limit - 1000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    last = packer.compress(bytes(8 * limit)) + packer.flush()

    class Pieces(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter([first, last])

    def bomb(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Pieces())

    with httpx.Client(transport=httpx.MockTransport(bomb)) as http_client:
        client = finsecure.Client(KEY, http_client=http_client, max_response_size=limit, max_retries=0)
        tracemalloc.start()
        try:
            with pytest.raises(finsecure.APIError, match="is larger than 8388608 bytes"):
                client.customers.retrieve("cus_1")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2.5 * limit  # zlib joins the parts of a piece, which takes twice its size for a moment


def test_a_body_in_very_small_pieces_takes_no_more_memory_than_in_large_ones() -> None:
    """Pieces are joined as they come: 130,000 of two bytes would be twenty times their size."""
    body = json.dumps({"id": "cus_1", "object": "customer", "name": "x" * 2**18}).encode()

    class Pieces(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return (body[start : start + 2] for start in range(0, len(body), 2))

    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Pieces()))) as http_client:
        client = finsecure.Client(KEY, http_client=http_client, timeout=600, max_retries=0)
        tracemalloc.start()
        try:
            client.customers.retrieve("cus_1")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * len(body)


def test_settings_of_a_ready_client_do_not_reach_our_requests(door: str, serve: Serve) -> None:
    """Its auth, cookies, headers, parameters and base URL stay out of what is sent, byte for byte."""
    server = serve(plain(BODY, "Set-Cookie: tracked=1; Path=/"))

    async def twice(client: Any) -> None:
        await look(client)
        await look(client)

    run(door, server.url, twice)
    given(
        door,
        server.url,
        twice,
        {
            "auth": ("clerk", "password"),
            "cookies": {"session": "1"},
            "headers": {"X-Mine": "1", "Authorization": "Bearer mine", "User-Agent": "mine"},
            "params": {"mine": "1"},
            "base_url": "http://elsewhere.example/base",
        },
    )
    assert len({request for _, request in server.seen}) == 1
    assert b"mine" not in server.seen[-1][1]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_ready_client_that_follows_redirects_does_not(door: str, serve: Serve, status: str) -> None:
    """`follow_redirects=True` is not ours: neither key nor body goes anywhere else."""
    elsewhere = serve(plain())
    server = serve(plain(b"", f"Location: {elsewhere.url}/v1/customers/cus_1", status=status))
    with pytest.raises(finsecure.FinSecureError, match="redirect"):
        given(door, server.url, look, {"follow_redirects": True})
    assert elsewhere.seen == []


def test_hooks_of_a_ready_client_are_called(serve: Serve) -> None:
    """What a caller hangs into their client sees our requests: that is what it was given for."""
    seen: list[httpx.Request] = []
    server = serve(plain())
    with httpx.Client(event_hooks={"request": [seen.append]}) as http_client:
        finsecure.Client(KEY, base_url=server.url, http_client=http_client).customers.retrieve("cus_1")
    assert [request.method for request in seen] == ["GET"]


def test_the_timeout_is_ours_and_not_the_ready_clients(door: str, serve: Serve) -> None:
    """A ready client's own timeouts do not end a call, and a lack of them does not prolong one."""
    assert given(door, serve([0.3, plain()]).url, look, {"timeout": 0.05}).id == "cus_1"
    server = serve([head("Content-Length: 400"), *([b" ", 0.05] * 400)])
    started = time.monotonic()
    with pytest.raises(finsecure.APITimeoutError):
        given(door, server.url, look, {"timeout": None}, timeout=0.4, max_retries=0)
    assert time.monotonic() - started < 10  # the body takes 20 seconds


def test_a_closed_http_client_is_reported(door: str, serve: Serve) -> None:
    """Use after the caller closed their client is an error of ours, at once and without a retry."""
    server = serve(plain())

    async def use() -> None:
        async with ready(door) as http_client:
            pass
        kind: Any = finsecure.Client if door == "sync" else finsecure.AsyncClient
        with pytest.raises(finsecure.APIConnectionError, match="closed") as caught:
            await look(kind(KEY, base_url=server.url, http_client=http_client))
        assert not caught.value.maybe_executed

    anyio.run(use, backend="asyncio" if door == "sync" else door)
    assert server.seen == []


def test_a_ready_client_of_the_callers_own_class_serves(serve: Serve) -> None:
    """A subclass of `httpx.Client` is one; closing ours leaves it open."""

    class Mine(httpx.Client):
        """As a company wraps it."""

    server = serve(plain())
    with Mine() as http_client:
        with finsecure.Client(KEY, base_url=server.url, http_client=http_client) as client:
            assert client.customers.retrieve("cus_1").id == "cus_1"
        with pytest.raises(finsecure.APIConnectionError, match="closed"):
            client.customers.retrieve("cus_1")
        assert http_client.get(server.url).status_code == 200


def test_a_limit_of_a_ready_client_is_a_limit(serve: Serve) -> None:
    """More calls than a ready client has connections wait for one; one that waits too long is not sent."""
    server = serve([0.5, plain()], plain())

    async def use() -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(limits=limits) as http_client:
            client = finsecure.AsyncClient(KEY, base_url=server.url, http_client=http_client, max_retries=0)
            hurried = client.with_options(timeout=0.1)
            first, second = await asyncio.gather(
                client.customers.retrieve("cus_1"), hurried.customers.create(), return_exceptions=True
            )
            assert isinstance(first, finsecure.Customer)
            assert isinstance(second, finsecure.APITimeoutError)

    asyncio.run(use())
    assert len(server.seen) == 1


def test_an_answer_that_no_request_had_asked_for_is_refused() -> None:
    """What a connection held before the request went out is no answer to it."""
    deadline = Deadline.of(1)
    _check_is_ours(httpcore, deadline)
    deadline.sent = True
    with pytest.raises(httpcore.RemoteProtocolError, match="no request had asked for"):
        _check_is_ours(httpcore, deadline)
    deadline.received = True
    _check_is_ours(httpcore, deadline)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_write_that_breaks_is_the_networks_failure(kind: str) -> None:
    """What httpcore says of it goes on as it is, where no signal handler of the program raised."""

    def broken(*_: object) -> None:
        raise httpcore.WriteError("broken pipe")

    async def broken_async(*_: object) -> None:
        broken()

    deadline = Deadline.of(5)

    def write() -> None:
        stream: Any = Stream(httpcore, cast("Any", SimpleNamespace(write=broken, close=lambda: None)), deadline)
        stream.write(b"head", deadline)
        stream.write(b"body", deadline)

    async def write_async() -> None:
        stream: Any = AsyncStream(httpcore, cast("Any", SimpleNamespace(write=broken_async)), deadline)
        stream.closed = True  # there is no socket to close
        await stream.write(b"head", deadline)
        await stream.write(b"body", deadline)

    use: Callable[[], object] = write if kind == "sync" else partial(anyio.run, write_async)
    with pytest.raises(httpcore.WriteError, match="broken pipe"):
        use()
    assert deadline.sent
