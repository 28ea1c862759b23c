"""`deliver(to=...)`: webhooks handed to a receiver in this process, and the trouble that can be made on the way."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import finsecure
from finsecure.sandbox import Clock, Delivery, Sandbox, _deliveries

Received = list[dict[str, Any]]

SHOP = {"url": "https://shop.example/", "enabled_events": ["*"]}


def taken(_body: bytes, _headers: Mapping[str, str]) -> int:
    return 200


def refused(_body: bytes, _headers: Mapping[str, str]) -> int:
    return 500


class Shop:
    """A receiver in each of its forms. It answers with `status`, and keeps what it was sent."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.status = 200
        self.paths: list[str] = []
        self.received: Received = []

    def function(self, body: bytes, headers: Mapping[str, str]) -> int:
        signature = headers["FinSecure-Signature"]
        assert headers["finsecure-signature"] == signature
        assert headers["content-type"] == "application/json"
        finsecure.webhooks.construct_event(body, signature, self.secret)
        self.received.append(json.loads(body))
        return self.status

    async def async_function(self, body: bytes, headers: Mapping[str, str]) -> int:
        await anyio.lowlevel.checkpoint()
        return self.function(body, headers)

    @property
    def asgi(self) -> Starlette:
        async def hook(request: Request) -> Response:
            self.paths.append(request.url.path)
            status = self.function(await request.body(), request.headers)

            async def body() -> AsyncIterator[bytes]:
                await anyio.lowlevel.checkpoint()
                yield b"thank you"

            return StreamingResponse(body(), status)

        return Starlette(routes=[Route("/{path:path}", hook, methods=["POST"])])

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.paths.append(environ["PATH_INFO"])
        headers = {"content-type": environ["CONTENT_TYPE"]}
        headers["FinSecure-Signature"] = headers["finsecure-signature"] = environ["HTTP_FINSECURE_SIGNATURE"]
        status = self.function(environ["wsgi.input"].read(), headers)
        start_response(f"{status} Done", [("Content-Type", "text/plain")])
        return [b"thank you"]


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox.webhook_secret)


def _asynchronously(receiver: str, run: Callable[..., Any]) -> Callable[..., list[Delivery]]:
    def deliver(sandbox: Sandbox, shop: Shop, **options: Any) -> list[Delivery]:
        async def main() -> list[Delivery]:
            return await sandbox.deliver_async(to=getattr(shop, receiver), **options)

        tried: list[Delivery] = run(main() if run is asyncio.run else main)
        return tried

    return deliver


def _synchronously(receiver: str, argument: str = "to") -> Callable[..., list[Delivery]]:
    def deliver(sandbox: Sandbox, shop: Shop, **options: Any) -> list[Delivery]:
        return sandbox.deliver(**{argument: getattr(shop, receiver)}, **options)

    return deliver


WAYS: dict[str, Callable[..., list[Delivery]]] = {
    "a function": _synchronously("function"),
    "an async function": _synchronously("async_function"),
    "ASGI": _synchronously("asgi"),
    "WSGI": _synchronously("wsgi", "wsgi"),
    "a function, in asyncio": _asynchronously("function", asyncio.run),
    "an async function, in trio": _asynchronously("async_function", trio.run),
    "ASGI, in asyncio": _asynchronously("asgi", asyncio.run),
    "ASGI, in trio": _asynchronously("asgi", trio.run),
}


@pytest.fixture(params=WAYS)
def deliver(request: pytest.FixtureRequest, sandbox: Sandbox, shop: Shop) -> Callable[..., list[Delivery]]:
    return partial(WAYS[request.param], sandbox, shop)


Deliver = Callable[..., list[Delivery]]


class TestWithoutEndpoints:
    def test_every_event_is_handed_over_once(self, sandbox: Sandbox, shop: Shop, deliver: Deliver) -> None:
        for name in ("customer.created", "invoice.payment_failed"):
            sandbox.emit(name)
        tried = deliver()
        assert [event["type"] for event in shop.received] == ["customer.created", "invoice.payment_failed"]
        assert [(one.url, one.attempt, one.status, one.error, one.delivered) for one in tried] == [
            ("/", 1, 200, None, True)
        ] * 2
        assert deliver() == []
        sandbox.emit("customer.updated")
        assert [one.type for one in deliver()] == ["customer.updated"]
        assert len(sandbox.deliveries) == 3

    def test_what_is_not_taken_is_handed_over_again_as_to_an_endpoint(
        self, sandbox: Sandbox, shop: Shop, deliver: Deliver
    ) -> None:
        sandbox.emit("customer.created")
        shop.status = 500
        assert [one.status for one in deliver()] == [500]
        assert deliver() == []
        for attempt, wait in enumerate((1, 5, 30, 120), start=2):
            sandbox.clock.advance(wait)
            assert [one.attempt for one in deliver()] == [attempt]
        sandbox.clock.advance(10_000)
        assert deliver() == []

    def test_an_application_is_asked_for_a_path(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.emit("customer.created")
        (one,) = sandbox.deliver(wsgi=shop.wsgi, path="/hooks/finsecure")
        assert shop.paths == ["/hooks/finsecure"] == [one.url]

    def test_no_socket_is_opened_for_it_later(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.emit("customer.created")
        shop.status = 500
        sandbox.deliver(to=shop.function)
        sandbox.clock.advance(3600)
        assert sandbox.deliver() == []
        shop.status = 200
        assert [one.attempt for one in sandbox.deliver(to=shop.function)] == [2]

    def test_resend_hands_an_event_over_again(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.emit("customer.created")
        sandbox.deliver(to=shop.function)
        sandbox.resend("evt_1")
        assert [one.event for one in sandbox.deliver(to=shop.function)] == ["evt_1"]
        assert len(shop.received) == 2

    def test_a_running_clock_wakes_nobody_for_it(self) -> None:
        with Sandbox() as sandbox:
            shop = Shop(sandbox.webhook_secret)
            shop.status = 500
            sandbox.emit("customer.created")
            assert [one.status for one in sandbox.deliver(to=shop.function)] == [500]
            assert sandbox._store.next_due() is None


class TestWithEndpoints:
    def test_what_is_due_is_handed_over_at_the_endpoints_path(
        self, sandbox: Sandbox, api: httpx.Client, shop: Shop, deliver: Deliver
    ) -> None:
        sandbox.emit("customer.created")  # before there was an endpoint, so it is for none
        params = {"url": "http://localhost:8000/hooks?from=finsecure", "enabled_events": ["customer.updated"]}
        api.post("/v1/webhook_endpoints", json=params)
        for name in ("customer.updated", "customer.deleted"):
            sandbox.emit(name)
        (one,) = deliver()
        assert (one.type, one.url, one.status) == ("customer.updated", params["url"], 200)
        assert set(shop.paths) <= {"/hooks"}
        assert deliver() == []

    def test_a_path_of_ones_own_goes_before_it(self, sandbox: Sandbox, api: httpx.Client, shop: Shop) -> None:
        api.post("/v1/webhook_endpoints", json={"url": "https://shop.example/hooks", "enabled_events": ["*"]})
        sandbox.emit("customer.created")
        sandbox.deliver(to=shop.asgi, path="/elsewhere")
        assert shop.paths == ["/elsewhere"]

    def test_a_receiver_in_the_callers_own_event_loop_is_reached_over_a_socket(self, sandbox: Sandbox) -> None:
        async def main() -> list[Delivery]:
            received = asyncio.Event()

            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"}}")
                received.set()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                writer.close()

            async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, sandbox.async_client() as client:
                port = server.sockets[0].getsockname()[1]
                await client.webhook_endpoints.create(url=f"http://127.0.0.1:{port}/", enabled_events=["*"])
                await client.customers.create(email="customer@example.com")
                tried = await sandbox.deliver_async()
                assert received.is_set()
                return tried

        assert [one.status for one in asyncio.run(main())] == [204]

    def test_one_that_is_not_there_is_an_error_in_the_log(self, sandbox: Sandbox, api: httpx.Client) -> None:
        api.post("/v1/webhook_endpoints", json={"url": "http://127.0.0.1:1/", "enabled_events": ["*"]})
        sandbox.emit("customer.created")
        (one,) = asyncio.run(sandbox.deliver_async())
        assert one.status is None
        assert (one.error or "").startswith("ConnectError")

    def test_a_delivery_is_made_once_by_whoever_claims_it_first(
        self, sandbox: Sandbox, api: httpx.Client, shop: Shop
    ) -> None:
        api.post("/v1/webhook_endpoints", json=SHOP)
        sandbox.emit("customer.created")
        inside: list[list[Delivery]] = []

        def receive(body: bytes, headers: Mapping[str, str]) -> int:
            inside.append(sandbox.deliver(to=shop.function))
            return shop.function(body, headers)

        assert len(sandbox.deliver(to=receive)) == 1
        assert inside == [[]]
        assert len(shop.received) == 1

    def test_what_another_round_takes_meanwhile_is_left_to_it(self, sandbox: Sandbox, shop: Shop) -> None:
        for _ in range(2):
            sandbox.emit("customer.created")
        inside: list[list[Delivery]] = []

        def receive(*_: object) -> int:
            inside.append(sandbox.deliver(to=shop.function))
            return 200

        assert [one.event for one in sandbox.deliver(to=receive)] == ["evt_1"]
        assert [[one.event for one in tried] for tried in inside] == [["evt_2"]]

    def test_an_endpoint_or_event_that_is_gone_meanwhile_gets_nothing(
        self, sandbox: Sandbox, api: httpx.Client, shop: Shop
    ) -> None:
        for _ in range(2):
            sandbox.emit("customer.created")

        def receive(*_: object) -> int:
            sandbox.reset()
            return 200

        # The second event was forgotten while the first one was being delivered.
        assert len(sandbox.deliver(to=receive)) == 1
        assert shop.received == []

        ident = api.post("/v1/webhook_endpoints", json=SHOP).json()["id"]
        sandbox.emit("customer.created")

        def unsubscribe(*_: object) -> int:
            return api.delete(f"/v1/webhook_endpoints/{ident}").status_code

        # The endpoint was deleted before the second copy.
        assert [one.status for one in sandbox.deliver(to=unsubscribe, duplicates=2)] == [200]

    def test_what_waited_for_a_deleted_endpoint_is_for_anybody_without_another_one(
        self, sandbox: Sandbox, api: httpx.Client
    ) -> None:
        ident = api.post("/v1/webhook_endpoints", json=SHOP).json()["id"]
        sandbox.emit("customer.created")
        sandbox.deliver(to=taken)
        event = sandbox.emit("customer.created")["id"]
        api.delete(f"/v1/webhook_endpoints/{ident}")
        assert api.get(f"/v1/events/{event}").json()["pending_webhooks"] == 0
        assert [one.event for one in sandbox.deliver(to=taken)] == [event]


class TestReceiversThatFail:
    def test_one_that_raises_counts_as_one_that_answers_500(
        self, sandbox: Sandbox, shop: Shop, deliver: Deliver, caplog: pytest.LogCaptureFixture
    ) -> None:
        sandbox.emit("customer.created")
        shop.secret = "whsec_another"
        with caplog.at_level(logging.WARNING, "finsecure.sandbox"):
            (one,) = deliver()
        assert one.status == 500
        assert (one.error or "").startswith("SignatureVerificationError: ")
        assert "The receiver of a webhook raised." in caplog.text
        sandbox.clock.advance(1)
        shop.secret = sandbox.webhook_secret
        assert [one.status for one in deliver()] == [200]

    def test_one_in_an_event_loop_has_10_seconds(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_deliveries, "TIMEOUT", 0.05)
        sandbox.emit("customer.created")

        async def sleep(*_: object) -> int:
            await anyio.sleep(60)
            return 200

        (one,) = sandbox.deliver(to=sleep)
        assert (one.status, (one.error or "").partition(":")[0]) == (None, "TimeoutError")

    @pytest.mark.parametrize(
        ("answer", "says"),
        [(None, "not NoneType"), (True, "not bool"), ("200", "not str"), (99, "not 99"), (600, "600")],
    )
    def test_a_receiver_without_a_status_is_reported_and_the_event_stays_due(
        self, sandbox: Sandbox, shop: Shop, answer: Any, says: str
    ) -> None:
        sandbox.emit("customer.created")

        def receive(*_: object) -> Any:
            return answer

        async def receive_async(*_: object) -> Any:
            return answer

        for receiver in (receive, receive_async):
            with pytest.raises(ValueError, match=f"to must return .*{says}"):
                sandbox.deliver(to=receiver)
        assert len(sandbox.deliver(to=shop.function)) == 1


class TestTrouble:
    def test_duplicates(self, sandbox: Sandbox, shop: Shop, deliver: Deliver) -> None:
        for _ in range(2):
            sandbox.emit("customer.created")
        assert [one.event for one in deliver(duplicates=2)] == ["evt_1", "evt_1", "evt_2", "evt_2"]
        assert [event["id"] for event in shop.received] == ["evt_1", "evt_1", "evt_2", "evt_2"]
        assert deliver() == []

    def test_a_duplicate_that_is_taken_is_enough(self, sandbox: Sandbox) -> None:
        statuses = [500, 200, 200, 500]
        answers = iter(statuses)
        for _ in range(2):
            sandbox.emit("customer.created")
            sandbox.deliver(to=lambda _body, _headers: next(answers), duplicates=2)
            sandbox.clock.advance(3600)
            assert sandbox.deliver(to=taken) == []
        assert [one.status for one in sandbox.deliveries] == statuses

    def test_duplicates_that_fail_count_as_one_try(self, sandbox: Sandbox) -> None:
        sandbox.emit("customer.created")
        sandbox.deliver(to=refused, duplicates=2)
        sandbox.clock.advance(1)
        assert [one.attempt for one in sandbox.deliver(to=taken)] == [2]

    def test_an_order_that_a_seed_chooses(self, sandbox: Sandbox, shop: Shop, deliver: Deliver) -> None:
        orders: list[list[str]] = []
        for _ in range(2):
            sandbox.reset()
            types = [sandbox.emit("customer.created", {"name": str(place)}) for place in range(6)]
            assert len(types) == 6
            shop.received.clear()
            deliver(shuffle=7)
            orders.append([event["data"]["object"]["name"] for event in shop.received])
        assert orders[0] == orders[1]
        assert sorted(orders[0]) == [*"012345"] != orders[0]

    def test_a_delay_by_the_clock(self, sandbox: Sandbox, shop: Shop, deliver: Deliver) -> None:
        sandbox.emit("customer.created")
        (one,) = deliver(delay=60)
        assert one.time == 1640995200 + 60
        assert shop.received[0]["created"] == 1640995200

    def test_a_delay_takes_its_time_where_the_clock_runs(self) -> None:
        with Sandbox() as sandbox:
            began = time.monotonic()
            sandbox.deliver(to=taken, delay=0.02)
            asyncio.run(sandbox.deliver_async(to=taken, delay=0.02))
            assert time.monotonic() - began >= 0.04

    @pytest.mark.parametrize(("drop", "arrive"), [(0, 4), (1, 3), (9, 0), (0.0, 4), (1.0, 0)])
    def test_what_is_dropped_does_not_arrive_and_is_tried_again(
        self, sandbox: Sandbox, shop: Shop, drop: float, arrive: int
    ) -> None:
        for _ in range(4):
            sandbox.emit("customer.created")
        tried = sandbox.deliver(to=shop.function, drop=drop)
        assert len(shop.received) == arrive
        assert [one.status for one in tried] == [None] * (4 - arrive) + [200] * arrive
        assert all((one.error or "").startswith("dropped") for one in tried if one.status is None)
        sandbox.clock.advance(1)
        assert [one.attempt for one in sandbox.deliver(to=shop.function)] == [2] * (4 - arrive)
        assert len(shop.received) == 4

    def test_a_share_is_dropped_as_the_seed_says(self, sandbox: Sandbox, shop: Shop) -> None:
        for _ in range(100):
            sandbox.emit("customer.created")
        tried = sandbox.deliver(to=shop.function, drop=0.3, shuffle=7)
        assert 15 <= sum(one.status is None for one in tried) <= 45

    def test_all_of_it_works_to_endpoints_too(self, sandbox: Sandbox, api: httpx.Client) -> None:
        api.post("/v1/webhook_endpoints", json={"url": "http://127.0.0.1:1/", "enabled_events": ["*"]})
        sandbox.emit("customer.created")
        assert [(one.error or "").partition(":")[0] for one in sandbox.deliver(duplicates=2, drop=1)] == [
            "dropped",
            "ConnectError",
        ]


def _wsgi(environ: object, start_response: object) -> object:
    raise AssertionError("it was asked")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"to": "http://127.0.0.1"}, "to must be a function .* not str"),
        ({"to": _wsgi}, "pass it as wsgi"),
        ({"wsgi": "app"}, "wsgi must be a WSGI application, not str"),
        ({"wsgi": Starlette()}, "Pass an ASGI application as to"),
        ({"to": len}, r"to must take \(body, headers\)"),
        ({"to": print, "wsgi": _wsgi}, "to and wsgi cannot be used together"),
        ({"path": "/"}, "path needs to or wsgi"),
        ({"to": print, "path": "hooks"}, "path must begin with a slash"),
        ({"to": print, "path": 7}, "path must begin with a slash"),
        ({"to": print, "path": "//other.example/"}, "path must be the path of a URL"),
        ({"to": print, "path": "/\0"}, "path must be the path of a URL"),
        ({"to": print, "path": "/\ud800"}, "path must be the path of a URL"),
        ({"wsgi": _wsgi, "path": "/" + "x" * 2000}, "path must be the path of a URL"),
        ({"duplicates": 0}, "duplicates must be an integer from 1"),
        ({"duplicates": True}, "duplicates must be"),
        ({"shuffle": "7"}, "shuffle must be an integer"),
        ({"delay": -1}, "delay must be a number of seconds"),
        ({"drop": -1}, "drop must be how many"),
        ({"drop": 1.5}, "drop must be how many"),
        ({"drop": True}, "drop must be how many"),
    ],
)
def test_a_wrong_argument_is_named(sandbox: Sandbox, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        sandbox.deliver(**options)


def test_a_receiver_that_does_not_say_what_it_takes_is_taken_for_a_function(sandbox: Sandbox) -> None:
    class Silent:
        __signature__ = "none"

        def __call__(self, *_: object) -> int:
            return 202

    sandbox.emit("customer.created")
    assert [one.status for one in sandbox.deliver(to=Silent())] == [202]


def test_an_asynchronous_receiver_in_a_running_loop_is_led_to_deliver_async(sandbox: Sandbox, shop: Shop) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="use `await"):
            sandbox.deliver(to=shop.asgi)

    asyncio.run(main())


def test_a_function_that_returns_a_coroutine_is_asynchronous_too(sandbox: Sandbox, shop: Shop) -> None:
    """A lambda or a decorator can hide that a receiver is asynchronous."""

    def receive(body: bytes, headers: Mapping[str, str]) -> Awaitable[int]:
        return shop.async_function(body, headers)

    sandbox.emit("customer.created")
    with pytest.raises(ValueError, match="use `await"):
        sandbox.deliver(to=receive)

    async def main() -> list[Delivery]:
        return await sandbox.deliver_async(to=receive)

    assert [one.status for one in asyncio.run(main())] == [200]


def test_a_file_remembers_events_that_were_not_delivered(tmp_path: Any) -> None:
    """What was not handed over when a file was closed is handed over when it is opened again."""
    db = tmp_path / "sandbox.db"
    with Sandbox(db=db, clock=Clock(0)) as first:
        first.emit("customer.created")
    with Sandbox(db=db, clock=Clock(0)) as again:
        assert [one.status for one in again.deliver(to=taken)] == [200]
