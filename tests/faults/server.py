"""A far end that fails on purpose, over real sockets, and keeps the books of what it really did.

Rules: no code of the client, and nothing of it trusted. A request is numbered when its first byte comes; the server's
script says what becomes of that number. What is carried out is written in the `Ledger` first and answered after, so
that the ledger knows of every charge whatever the caller was told.

How: a thread a connection. A fault is a function of a `Visit`: it may carry the request out (`execute`), send what it
likes, or cut the line. A connection that a fault leaves open waits for its next request.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import select
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import Self

MIB = 1024 * 1024


class Request(NamedTuple):
    """One request as it came."""

    number: int
    connection: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")

    @property
    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = json.loads(self.body or b"{}")
        return params


class Answer(NamedTuple):
    """One answer, before anything happens to it."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def raw(self) -> bytes:
        return self.head(("Content-Length", str(len(self.body)))) + self.body

    def head(self, *more: tuple[str, str]) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *more)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Ledger:
    """What the server did."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.arrived = 0  # requests that began, those cut off unread among them
        self.connections = 0
        self.open = 0  # connections
        self.requests: list[Request] = []  # those read whole
        self.charges: dict[str, dict[str, Any]] = {}  # by id
        self.by_key: defaultdict[str | None, list[str]] = defaultdict(list)  # ids of charges
        self.by_order: defaultdict[str, list[str]] = defaultdict(list)  # the same, by `metadata.order`
        self.faults: Counter[str] = Counter()

    def keys_of(self, order: str) -> set[str | None]:
        """Every key that a logical call was sent with, whether it was carried out or not."""
        return {r.key for r in self.requests if r.method == "POST" and r.params["metadata"]["order"] == order}


class Visit:
    """One request on its way through a fault."""

    def __init__(self, server: FaultServer, connection: _Connection, request: Request) -> None:
        self.server = server
        self.request = request
        self._connection = connection

    def execute(self) -> Answer:
        """Do what the request asks for, and give the answer that belongs to it."""
        return self.server.api(self.request)

    def send(self, data: bytes) -> None:
        self._connection.send(data)

    def reset(self) -> None:
        self._connection.reset()

    def close(self) -> None:
        self._connection.close()

    def doom(self, end: Callable[[_Connection], None]) -> None:
        """Let the next request on this connection find it dead; that request is not numbered."""
        self._connection.doom = end

    def pause(self, seconds: float) -> bool:
        """Wait, unless the server closes or the caller goes away; whether there is still somebody."""
        return self._connection.pause(seconds)


Fault: TypeAlias = Callable[[Visit], None]
Script: TypeAlias = Callable[[int], Fault]


class _Gone(Exception):  # noqa: N818 - nothing is wrong with it
    """The connection is over."""


class _Connection:
    def __init__(self, server: FaultServer, sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        self.number = number
        self.doom: Callable[[_Connection], None] | None = None
        self._buffer = b""

    def serve(self) -> None:
        try:
            if self.server.tls is not None:
                self.sock.settimeout(10)
                self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
                self.sock.settimeout(None)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                self._one()
        except (_Gone, OSError, ValueError):
            pass
        finally:
            self.close_quietly()

    def _one(self) -> None:
        if not self._buffer:
            self._more()
        if self.doom is not None:
            self.doom(self)
        ledger = self.server.ledger
        with ledger.lock:
            ledger.arrived += 1
            number = ledger.arrived
        fault = self.server.script(number)
        with ledger.lock:
            ledger.faults[getattr(fault, "__name__", "?")] += 1
        if fault is unread:
            self.reset()
        request = self._read(number)
        with ledger.lock:
            ledger.requests.append(request)
        fault(Visit(self.server, self, request))

    def _read(self, number: int) -> Request:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length:
            self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        url = urlsplit(target)
        query = dict(parse_qsl(url.query))
        return Request(number, self.number, method, url.path, query, headers, body, time.monotonic())

    def _more(self) -> None:
        if self.server.sip:
            self.server.closing.wait(0.02)
        data = self.sock.recv(65536)
        if not data:
            raise _Gone
        self._buffer += data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise _Gone

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        raise _Gone

    def close_quietly(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.close()

    def pause(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while not self.server.closing.is_set() and (left := ends - time.monotonic()) > 0:
            readable, _, _ = select.select([self.sock], [], [], min(left, 0.05))
            if readable:  # the caller said more, which none of ours does, or went away
                raise _Gone
        return not self.server.closing.is_set()


class FaultServer:
    """The fault server.

    Args:
        script: What becomes of each request, counted from 1: a function of the number, or a list (then all is well).
        tls: To serve over TLS.
        sip: Read requests slowly, and let little of them wait.
    """

    def __init__(
        self, script: Script | Sequence[Fault] = (), *, tls: ssl.SSLContext | None = None, sip: bool = False
    ) -> None:
        self.script: Script = script if callable(script) else listed(script)
        self.tls = tls
        self.ledger = Ledger()
        self.closing = threading.Event()
        self.gone = threading.Event()  # set once it restarts
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.sip = sip
        self._stored: dict[str, tuple[bytes, Answer]] = {}
        self._in_use: set[str] = set()
        self._late: Counter[str | None] = Counter()
        self._connections: dict[int, _Connection] = {}
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        if sip:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # before anybody connects
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}" if self.tls is None else f"https://localhost:{self.port}"

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.ledger.lock:
                self.ledger.connections += 1
                self.ledger.open += 1
                number = self.ledger.connections
                connection = _Connection(self, sock, number)
                self._connections[number] = connection
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: _Connection) -> None:
        try:
            connection.serve()
        finally:
            with self.ledger.lock:
                self.ledger.open -= 1
                del self._connections[connection.number]

    def hang_up(self, *, reset: bool = False) -> None:
        """Cut every open connection now, as a server that is restarted does."""
        with self.ledger.lock:
            connections = list(self._connections.values())
        for connection in connections:
            with contextlib.suppress(OSError):
                if reset:
                    connection.doom = _Connection.reset
                else:
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def restart(self, seconds: float) -> None:
        """Be gone for a while, as a front is that is replaced: nobody listens, and every connection is cut."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        self.hang_up()
        self.gone.set()
        self.closing.wait(seconds)
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop, and wait until all threads have."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the API, as little of it as the scenarios need ------------------------------------------------------------

    def api(self, request: Request) -> Answer:
        """Carry a request out."""
        with self.ledger.lock:
            request_id = (("Request-Id", f"req_{request.number}"),)
            if request.method == "POST" and request.path.startswith("/v1/payment_intents"):
                return self._create(request)._replace(headers=request_id)
            if request.path in self.lists:
                return self._list(request)._replace(headers=request_id)
            found = self.ledger.charges.get(request.path.rpartition("/")[2])
            if request.method == "GET" and found is not None:
                return Answer(200, _json(found), request_id)
            return _refusal(404, "invalid_request_error", "resource_missing")._replace(headers=request_id)

    def _create(self, request: Request) -> Answer:
        key = request.key
        if key in self._in_use or self._late[key]:
            self._late[key] = max(0, self._late[key] - 1)
            return _refusal(409, "invalid_request_error", "idempotency_key_in_use")
        if key is not None and key in self._stored:
            body, answer = self._stored[key]
            if body != request.body:
                return _refusal(400, "idempotency_error", "idempotency_key_reused")
            return answer
        params = request.params
        intent = {
            "id": f"pi_{len(self.ledger.charges) + 1:06}",
            "object": "payment_intent",
            "status": "requires_payment_method",
            **params,
        }
        self.ledger.charges[intent["id"]] = intent
        self.ledger.by_key[key].append(intent["id"])
        self.ledger.by_order[params.get("metadata", {}).get("order", "")].append(intent["id"])
        answer = Answer(200, _json(intent))
        if key is not None:
            self._stored[key] = (request.body, answer)
        return answer

    @contextlib.contextmanager
    def in_use(self, key: str) -> Generator[None]:
        """As if a request with this key were still under way."""
        self._in_use.add(key)
        try:
            yield
        finally:
            self._in_use.remove(key)

    def finish_late(self, key: str | None, after: int) -> None:
        """As if the request with this key were under way until so many others have asked for it."""
        self._late[key] = after

    def _list(self, request: Request) -> Answer:
        every = self.lists[request.path]
        limit = int(request.query.get("limit", "10"))
        after = request.query.get("starting_after")
        begin = next((i + 1 for i, item in enumerate(every) if item["id"] == after), 0)
        page = every[begin : begin + limit]
        more = begin + limit < len(every)
        return Answer(200, _json({"object": "list", "data": page, "has_more": more, "url": request.path}))


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _refusal(status: int, type: str, code: str) -> Answer:
    return Answer(status, _json({"error": {"type": type, "code": code, "message": "Refused."}}))


# -- scripts -----------------------------------------------------------------------------------------------------------


def listed(faults: Sequence[Fault]) -> Script:
    """One fault for each request in turn; when they are used up, all is well."""
    return lambda number: faults[number - 1] if number <= len(faults) else well


def always(fault: Fault) -> Script:
    """The same for every request."""
    return lambda _: fault


def mixed(faults: Sequence[Fault], *, share: float, seed: int) -> Script:
    """Any of the faults for `share` of the requests, the same ones for the same seed."""

    def script(number: int) -> Fault:
        dice = random.Random(seed * 1_000_003 + number)
        return dice.choice(faults) if dice.random() < share else well

    return script


# -- faults ------------------------------------------------------------------------------------------------------------


def well(visit: Visit) -> None:
    """No fault."""
    visit.send(visit.execute().raw())


def unread(visit: Visit) -> None:
    """Reset before the request is read."""
    raise AssertionError("the connection does this one by itself")


def reset_before(visit: Visit) -> None:
    visit.reset()


def reset_after(visit: Visit) -> None:
    visit.execute()
    visit.reset()


def close_before(visit: Visit) -> None:
    visit.close()


def close_after(visit: Visit) -> None:
    visit.execute()
    visit.close()


def cut_length(visit: Visit) -> None:
    visit.send(visit.execute().raw()[:-9])
    visit.close()


def cut_chunked(visit: Visit) -> None:
    answer = visit.execute()
    visit.send(answer.head(("Transfer-Encoding", "chunked")) + b"%x\r\n" % len(answer.body) + answer.body[:-9])
    visit.close()


def cut_unframed(visit: Visit) -> None:
    """No length was promised, so HTTP cannot tell; the body can."""
    answer = visit.execute()
    visit.send(answer.head(("Connection", "close")) + answer.body[:-9])
    visit.close()


def cut_headers(visit: Visit) -> None:
    visit.send(visit.execute().raw()[:30])
    visit.close()


def slow(visit: Visit) -> None:
    """Carried out at once, answered long after anybody waits."""
    answer = visit.execute()
    visit.pause(30)
    visit.send(answer.raw())


def silence(visit: Visit) -> None:
    visit.pause(30)


def late(seconds: float) -> Fault:
    def late(visit: Visit) -> None:
        answer = visit.execute()
        if visit.pause(seconds):
            visit.send(answer.raw())

    return late


def _drip(visit: Visit, data: bytes, interval: float) -> None:
    for byte in data:
        visit.send(bytes([byte]))
        if not visit.pause(interval):
            return


def drip_headers(visit: Visit) -> None:
    _drip(visit, visit.execute().raw(), 0.02)


def drip_body(visit: Visit) -> None:
    answer = visit.execute()
    visit.send(answer.head(("Content-Length", "100000")))
    _drip(visit, b" " * 100_000, 0.02)


def drip_chunks(visit: Visit) -> None:
    visit.send(visit.execute().head(("Transfer-Encoding", "chunked")))
    for _ in range(100_000):
        visit.send(b"1\r\n \r\n")
        if not visit.pause(0.02):
            return


def endless_body(visit: Visit) -> None:
    visit.send(visit.execute().head(("Transfer-Encoding", "chunked")) + b'5\r\n{"a":\r\n')
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    while not visit.server.closing.is_set():
        visit.send(chunk)


def big_body(visit: Visit) -> None:
    visit.send(visit.execute().head(("Content-Length", str(96 * MIB))))
    for _ in range(96):
        visit.send(b" " * MIB)


@lru_cache
def bomb_bytes() -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    spaces = b" " * MIB
    return b"".join(pack.compress(spaces) for _ in range(256)) + pack.flush()


def gzip_bomb(visit: Visit) -> None:
    packed = bomb_bytes()
    visit.send(visit.execute().head(("Content-Encoding", "gzip"), ("Content-Length", str(len(packed)))) + packed)


def banner(visit: Visit) -> None:
    visit.execute()
    visit.send(b"220 mail.example ESMTP ready\r\n")
    visit.close()


def big_header(visit: Visit) -> None:
    answer = visit.execute()
    visit.send(answer._replace(headers=(("X-Big", "x" * 1_000_000),)).raw())


def stale_reset(visit: Visit) -> None:
    """All is well, but the next request on this connection is answered with a reset."""
    visit.doom(_Connection.reset)
    well(visit)


def stale_close(visit: Visit) -> None:
    """All is well, but the next request on this connection finds it closed, right when it comes."""
    visit.doom(_Connection.close)
    well(visit)


def idle_close(visit: Visit) -> None:
    """All is well, and the connection is closed, though it was not said to be."""
    well(visit)
    visit.close()


def answers(
    status: int, body: bytes, *headers: tuple[str, str], executed: bool = True, name: str | None = None
) -> Fault:
    """Any answer instead of the right one, whether the request was carried out or not."""

    def answer(visit: Visit) -> None:
        if executed:
            visit.execute()
        visit.send(Answer(status, body, headers).raw())

    answer.__name__ = name or f"answer_{status}"
    return answer


def alters(change: Callable[[dict[str, Any]], object], name: str) -> Fault:
    """The right answer, changed."""

    def altered(visit: Visit) -> None:
        answer = visit.execute()
        body = json.loads(answer.body)
        changed = change(body)
        visit.send(answer._replace(body=changed if isinstance(changed, bytes) else _json(changed)).raw())

    altered.__name__ = name
    return altered


def _without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def _gzipped(change: Callable[[bytes], bytes]) -> Fault:
    def fault(visit: Visit) -> None:
        answer = visit.execute()
        packed = change(gzip.compress(answer.body))
        visit.send(Answer(200, packed, (("Content-Encoding", "gzip"),)).raw())

    return fault


def _length(change: int) -> Fault:
    def fault(visit: Visit) -> None:
        answer = visit.execute()
        visit.send(answer.head(("Content-Length", str(len(answer.body) + change))) + answer.body)
        if change > 0:
            visit.close()

    return fault


def second_answer(visit: Visit) -> None:
    """The right answer, and behind it one to a request that nobody made."""
    raw = visit.execute().raw()
    junk = Answer(200, _json({"id": "pi_foreign", "object": "payment_intent", "amount": 1, "metadata": {"order": "x"}}))
    visit.send(raw + junk.raw())


def _splice(body: dict[str, Any], more: bytes) -> bytes:
    return _json(body)[:-1] + b', "more": ' + more + b"}"


MALFORMED: dict[str, Fault] = {
    "html": answers(200, b"<!doctype html><title>Maintenance</title>", ("Content-Type", "text/html")),
    "empty": answers(200, b""),
    "no content": answers(204, b""),
    "blank": answers(200, b"  \n"),
    "null": answers(200, b"null"),
    "list": alters(lambda body: [body], "list"),
    "string": answers(200, b'"pi_1"'),
    "number": answers(200, b"1"),
    "bad utf-8": alters(lambda body: _json(body).replace(b"payment_intent", b"payment_int\xff\xfent"), "bad_utf8"),
    "bad utf-8 elsewhere": alters(lambda body: _splice(body, b'"\xff\xfe"'), "bad_utf8_elsewhere"),
    "utf-16": alters(lambda body: json.dumps(body).encode("utf-16"), "utf16"),
    "wrong object": alters(lambda body: {**body, "object": "customer"}, "wrong_object"),
    "no object": alters(lambda body: _without(body, "object"), "no_object"),
    "no id": alters(lambda body: _without(body, "id"), "no_id"),
    "id null": alters(lambda body: {**body, "id": None}, "id_null"),
    "id a number": alters(lambda body: {**body, "id": 5}, "id_number"),
    "empty id": alters(lambda body: {**body, "id": ""}, "id_empty"),
    "amount a string": alters(lambda body: {**body, "amount": "2000"}, "amount_text"),
    "amount a float": alters(lambda body: {**body, "amount": 20.5}, "amount_float"),
    "amount true": alters(lambda body: {**body, "amount": True}, "amount_bool"),
    "status a list": alters(lambda body: {**body, "status": []}, "status_list"),
    "nan": alters(lambda body: _splice(body, b"NaN"), "nan"),
    "infinity": alters(lambda body: _splice(body, b"-Infinity"), "infinity"),
    "amount nan": alters(lambda body: _json(body).replace(b'"amount": ', b'"amount": NaN, "x": '), "amount_nan"),
    "100,000 deep": alters(lambda body: _splice(body, b"[" * 100_000 + b"]" * 100_000), "deep"),
    "100,000 deep, cut": alters(lambda body: _splice(body, b'{"a":' * 100_000), "deep_cut"),
    "5,000 digits": alters(lambda body: _splice(body, b"9" * 5000), "digits"),
    "amount of 5,000 digits": alters(
        lambda body: _json(body).replace(b'"amount": ', b'"amount": ' + b"9" * 5000), "amount_digits"
    ),
    "two objects": alters(lambda body: _json(body) * 2, "twice"),
    "trailing junk": alters(lambda body: _json(body) + b"<!-- served by proxy -->", "trailing"),
    "cut": alters(lambda body: _json(body)[:-9], "cut"),
    "cut by length": cut_length,
    "cut chunked": cut_chunked,
    "cut unframed": cut_unframed,
    "cut headers": cut_headers,
    "not gzip": _gzipped(lambda _: b"this is not gzip"),
    "bad gzip": _gzipped(lambda packed: packed[:20] + b"\xff\xff\xff" + packed[23:]),
    "cut gzip": _gzipped(lambda packed: packed[:-12]),
    "bytes after gzip": _gzipped(lambda packed: packed + b"{}"),
    "two gzips": _gzipped(lambda packed: packed * 2),
    "bad gzip checksum": _gzipped(lambda packed: packed[:-8] + b"\0" * 8),
    "unknown encoding": answers(200, b"\x1b\x00", ("Content-Encoding", "br")),
    "length too short": _length(-9),
    "length too long": _length(+9),
    "length no number": answers(200, b"{}", ("Content-Length", "many")),
    "bad chunk": answers(200, b"zz\r\n{}\r\n", ("Transfer-Encoding", "chunked")),
    "banner": banner,
    "big header": big_header,
    "error with status 200": answers(200, b'{"error": {"type": "api_error", "message": "no"}}'),
    "another kind of 2xx": answers(202, b'{"status": "queued"}'),
}

RATE_LIMITED = answers(
    429, b'{"error": {"type": "rate_limit_error", "message": "Slow down."}}', executed=False, name="rate_limited"
)
UNAVAILABLE = answers(503, b"upstream connect error", executed=False, name="unavailable")
UNAVAILABLE_AFTER = answers(502, b"<html>Bad Gateway</html>", name="bad_gateway_after")


def under_way(visit: Visit) -> None:
    """Lost while it is carried out: the next requests with its key are told that it is in use."""
    visit.execute()
    visit.server.finish_late(visit.request.key, 2)
    visit.reset()


STORM: tuple[Fault, ...] = (
    unread,
    reset_before,
    reset_after,
    close_before,
    close_after,
    cut_length,
    cut_chunked,
    cut_unframed,
    slow,
    MALFORMED["html"],
    MALFORMED["empty"],
    MALFORMED["bad utf-8"],
    RATE_LIMITED,
    UNAVAILABLE,
    UNAVAILABLE_AFTER,
    answers(500, b'{"error": {"type": "api_error", "message": "Oops."}}', name="oops_after"),
    answers(504, b"", executed=False, name="gateway_timeout"),
    answers(520, b"<html>Web server returned an unknown error</html>", name="unknown_error_after"),
    answers(409, b"<html>Conflict</html>", name="conflict_after"),
    under_way,
    stale_reset,
    stale_close,
    idle_close,
)
"""The mixed faults: each kind both before and after the server does the work."""


def _unknown(value: Callable[[], bytes]) -> Fault:
    """A payment that has an unknown field, of many bytes."""

    def fault(visit: Visit) -> None:
        body = _splice(json.loads(visit.execute().body), value())
        visit.send(Answer(200, body, (("Content-Type", "application/json"),)).raw())

    return fault


def _decline_with(value: Callable[[], bytes]) -> Fault:
    """A decline that has an unknown member, of many bytes."""

    def fault(visit: Visit) -> None:
        body = b'{"error": {"type": "card_error", "message": "No.", "x": ' + value() + b"}}"
        visit.send(Answer(402, body, (("Content-Type", "application/json"),)).raw())

    return fault


# Each within the 16 MiB that an answer may have, and of a shape that takes far more when it is read.
SWELLING: dict[str, Fault] = {
    "NaN": _unknown(lambda: b"[" + b"NaN," * 100_000 + b"NaN]"),
    "NaN by name": _unknown(lambda: b"{" + b",".join(b'"%x":NaN' % n for n in range(29_000)) + b"}"),
    "1e999": _unknown(lambda: b"[" + b"1e999," * 55_000 + b"1]"),
    "lists": _unknown(lambda: b"[" + b"[]," * (5 * MIB) + b"[]]"),
    "nested lists": _unknown(lambda: b"[" + b"[[[[]]]]," * MIB + b"[]]"),
    "objects": _unknown(lambda: b"[" + b'{"a":1},' * (2 * MIB - 1000) + b"{}]"),
    "numbers": _unknown(lambda: b"[" + b"1," * (8 * MIB - 1000) + b"1]"),
    "one wide character": _unknown(lambda: '"\U0001f600'.encode() + b"x" * (16 * MIB - 2000) + b'"'),
    "escapes, and no end": _unknown(lambda: b'"' + b"\\n" * (8 * MIB - 2000)),
    "a refusal's lists": _decline_with(lambda: b"[" + b"[]," * (5 * MIB) + b"[]]"),
    "a refusal's message": _decline_with(lambda: b'"' + b"x" * (10 * MIB) + b'"'),
}
