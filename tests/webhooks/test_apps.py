"""`webhook.asgi` and `webhook.wsgi`, over real sockets: what they answer, and what they read.

Each promise holds for uvicorn and for wsgiref, except where a server cannot be made to do it: there the application is
called as such a server would.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import anyio
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

import finsecure
from finsecure.webhooks import Handler, MemoryInbox, sign
from finsecure.webhooks.apps import LIMIT

SECRET = "whsec_obviously_fake"
PLANTED = "planted-in-the-body"
BODY = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "customer.created",
        "data": {"object": {"id": "cus_1", "object": "customer", "description": PLANTED}},
    }
).encode()
SIGNED = {"FinSecure-Signature": sign(BODY, SECRET)}


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_wsgi(app: Any) -> Generator[str]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serve_asgi(app: Any) -> Generator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


Serve = Callable[[Handler], Any]
WAYS: dict[str, Serve] = {
    "asgi": lambda webhook: serve_asgi(webhook.asgi),
    "starlette": lambda webhook: serve_asgi(Starlette(routes=[Route("/webhooks", webhook.asgi)])),
    "wsgi": lambda webhook: serve_wsgi(webhook.wsgi),
}


@pytest.fixture
def webhook() -> Handler:
    return Handler(SECRET, inbox=MemoryInbox())


@pytest.fixture
def handled(webhook: Handler) -> list[str]:
    """The ids of the events that the function was called for."""
    handled: list[str] = []

    @webhook.on("customer.created")
    def note(event: finsecure.webhooks.CustomerCreated) -> None:  # pyright: ignore[reportUnusedFunction]
        handled.append(event.id)

    return handled


@pytest.fixture(params=WAYS)
def served(request: pytest.FixtureRequest, webhook: Handler, handled: list[str]) -> Iterator[httpx.Client]:
    """A client of the application."""
    with WAYS[request.param](webhook) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_an_event_is_handled_once_and_answered_with_200(served: httpx.Client, handled: list[str]) -> None:
    answers = [served.post("/webhooks", content=BODY, headers=SIGNED) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b""), (200, b"")]
    assert handled == ["evt_1"]


@pytest.mark.parametrize("headers", [{}, {"FinSecure-Signature": sign(BODY, "whsec_another")}])
def test_what_is_not_signed_with_the_secret_is_refused(
    served: httpx.Client, handled: list[str], headers: dict[str, str]
) -> None:
    assert served.post("/webhooks", content=BODY, headers=headers).status_code == 400
    assert handled == []


def test_signatures_in_two_header_lines_are_both_looked_at(served: httpx.Client, handled: list[str]) -> None:
    """A proxy may split what is sent while a secret is rotated."""
    lines = [("FinSecure-Signature", sign(BODY, "whsec_old")), ("FinSecure-Signature", sign(BODY, SECRET))]
    assert served.post("/webhooks", content=BODY, headers=lines).status_code == 200
    assert handled == ["evt_1"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_is_allowed(served: httpx.Client, handled: list[str], method: str) -> None:
    answer = served.request(method, "/webhooks", headers=SIGNED)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert handled == []


def test_a_body_of_1_mib_is_read(served: httpx.Client, handled: list[str]) -> None:
    body = BODY + b" " * (LIMIT - len(BODY))
    answer = served.post("/webhooks", content=body, headers={"FinSecure-Signature": sign(body, SECRET)})
    assert answer.status_code == 200
    assert handled == ["evt_1"]


def test_a_function_that_raises_is_answered_with_500(caplog: pytest.LogCaptureFixture) -> None:
    webhook = Handler(SECRET, inbox=MemoryInbox())

    @webhook.on("customer.created")
    def fail(event: finsecure.webhooks.CustomerCreated) -> None:  # pyright: ignore[reportUnusedFunction]
        raise ValueError(event.id)

    for serve in WAYS.values():
        with serve(webhook) as url:
            assert httpx.post(f"{url}/webhooks", content=BODY, headers=SIGNED, trust_env=False).status_code == 500
    assert "Handling event evt_1 failed" in caplog.text


def test_the_log_has_no_body_header_or_secret(served: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "finsecure"):
        served.post("/webhooks", content=BODY, headers=SIGNED)
        served.post("/webhooks", content=BODY, headers={"FinSecure-Signature": "sha256=" + "0" * 64})
    ours = "".join(record.getMessage() for record in caplog.records if record.name == "finsecure")
    assert "A webhook was refused" in ours
    for secret in (PLANTED, SECRET, SIGNED["FinSecure-Signature"], "0" * 64):
        assert secret not in ours


# Too large -----------------------------------------------------------------------------------------------------------


def test_a_chunked_body_beyond_1_mib_is_refused_by_asgi(webhook: Handler, caplog: pytest.LogCaptureFixture) -> None:
    def parts() -> Iterator[bytes]:
        yield b" " * LIMIT
        yield b" "

    with serve_asgi(webhook.asgi) as url:
        answer = httpx.post(url, content=parts(), headers=SIGNED, trust_env=False)
    assert answer.status_code == 413
    assert "more than 1 MiB" in caplog.text


def test_a_declared_length_beyond_1_mib_is_refused_by_wsgi_before_it_is_read(webhook: Handler) -> None:
    with serve_wsgi(webhook.wsgi) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 0), timeout=10) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {LIMIT + 1}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.0 413 ")


# What these two servers do not do ----------------------------------------------------------------------


def call_wsgi(webhook: Handler, stream: Any, **environ: Any) -> str:
    """Call the application as a WSGI server does; the status it answers."""
    statuses: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        assert ("Content-Length", "0") in headers
        statuses.append(status)

    given = {"REQUEST_METHOD": "POST", "wsgi.input": stream, "HTTP_FINSECURE_SIGNATURE": sign(BODY, SECRET)}
    assert webhook.wsgi({**given, **environ}, start_response) == []
    return statuses[0][:3]


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, as a socket may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size or 7))


def test_wsgi_reads_a_chunked_body_that_the_server_decodes(webhook: Handler, handled: list[str]) -> None:
    assert call_wsgi(webhook, Trickle(BODY), **{"wsgi.input_terminated": True}) == "200"
    assert handled == ["evt_1"]


@pytest.mark.parametrize(
    ("body", "environ", "status"),
    [
        pytest.param(b" " * (LIMIT + 1), {"wsgi.input_terminated": True}, "413", id="chunked-and-too-large"),
        pytest.param(BODY, {}, "411", id="chunked-and-not-decoded"),
        pytest.param(BODY, {"CONTENT_LENGTH": "-1"}, "400", id="length-no-number"),
        pytest.param(BODY, {"CONTENT_LENGTH": "9" * 5000}, "413", id="length-of-5000-digits"),
        pytest.param(BODY[:-1], {"CONTENT_LENGTH": str(len(BODY))}, "400", id="cut-short"),
    ],
)
def test_wsgi_refuses_a_body_that_it_cannot_read_whole(
    webhook: Handler, handled: list[str], body: bytes, environ: dict[str, Any], status: str
) -> None:
    assert call_wsgi(webhook, io.BytesIO(body), **environ) == status
    assert handled == []


def call_asgi(webhook: Handler, scope: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    """Call the application as an ASGI server does; what it sends."""
    waiting, sent = list(messages), list[Any]()

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(webhook.asgi, scope, receive, send)
    return sent


def test_asgi_answers_nobody_where_the_sender_has_gone(webhook: Handler, handled: list[str]) -> None:
    part = {"type": "http.request", "body": BODY[:9], "more_body": True}
    scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": []}
    assert call_asgi(webhook, scope, part, {"type": "http.disconnect"}) == []
    assert handled == []


def test_asgi_closes_a_websocket(webhook: Handler) -> None:
    assert call_asgi(webhook, {"type": "websocket"}) == [{"type": "websocket.close"}]
