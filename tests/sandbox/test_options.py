"""What a sandbox is made with, and what it says of a wrong value: each of these errors names the option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

import finsecure
from finsecure.sandbox import Clock, Sandbox

KEYS: dict[str, Any] = {
    "secret_key": "sk_test_1234567890abcdef",
    "publishable_key": "pk_test_1234567890abcdef",
    "webhook_secret": "whsec_1234567890abcdef",
}
"""The keys of the reference."""


WRONG: list[Callable[[Sandbox, Any], object]] = [
    lambda sandbox, wrong: sandbox.resolve_action(wrong),
    lambda sandbox, wrong: sandbox.resend(wrong),
    lambda sandbox, wrong: sandbox.trigger("payment_intent.succeeded", id=wrong),
    lambda sandbox, wrong: sandbox.trigger("customer.updated", id=wrong),
    lambda sandbox, wrong: sandbox.trigger(wrong),
    lambda sandbox, wrong: sandbox.emit(wrong),
    lambda sandbox, wrong: sandbox.emit("customer.created", wrong),
    lambda sandbox, wrong: sandbox.fail_next(wrong, status=503),
    lambda sandbox, wrong: sandbox.fail_next(status=wrong),
    lambda sandbox, wrong: sandbox.deliver(duplicates=wrong),
    lambda sandbox, wrong: sandbox.deliver(to=wrong),
    lambda sandbox, wrong: sandbox.resolve_action("pi_1", succeed=wrong),
]
"""What takes an id, a name or a number, given something else."""

ASKED: list[Callable[[Sandbox], object]] = [
    lambda sandbox: sandbox.client(),
    lambda sandbox: sandbox.async_client(),
    lambda sandbox: sandbox.serve(),
    lambda sandbox: sandbox.resolve_action("pi_1"),
    lambda sandbox: sandbox.emit("customer.created"),
    lambda sandbox: sandbox.trigger("customer.created"),
    lambda sandbox: sandbox.resend("evt_1"),
    lambda sandbox: sandbox.deliver(),
    lambda sandbox: sandbox.fail_next(status=503),
    lambda sandbox: sandbox.deliveries,
    lambda sandbox: sandbox.reset(),
    lambda sandbox: sandbox.__enter__(),
]
"""What a sandbox can be asked for."""


def kept(sandbox: Sandbox) -> dict[str, str]:
    return {name: getattr(sandbox, name) for name in KEYS}


class TestKeys:
    def test_the_keys_of_the_reference_work(self) -> None:
        with Sandbox(clock=Clock(0), **KEYS) as sandbox:
            assert kept(sandbox) == KEYS
            client = sandbox.client()
            client.customers.create(email="customer@example.com")
            headers = {"Authorization": "Bearer sk_test_1234567890abcdef"}
            with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as http:
                assert http.get("/v1/customers").status_code == 200
            signed: list[str] = []

            def receive(body: bytes, headers: Mapping[str, str]) -> int:
                event = finsecure.webhooks.construct_event(
                    body, headers["FinSecure-Signature"], KEYS["webhook_secret"], tolerance=5
                )
                signed.append(event.type)
                return 200

            sandbox.deliver(to=receive)
            assert signed == ["customer.created"]

    def test_one_alone_may_be_given(self) -> None:
        with Sandbox(secret_key=KEYS["secret_key"]) as sandbox:
            assert sandbox.secret_key == KEYS["secret_key"]
            assert sandbox.publishable_key.startswith("pk_test_")
            assert sandbox.publishable_key != KEYS["publishable_key"]

    def test_a_file_keeps_those_that_were_given_last(self, tmp_path: Path) -> None:
        path = tmp_path / "sandbox.db"
        with Sandbox(db=path) as sandbox:
            first = kept(sandbox)
        with Sandbox(db=path, **KEYS) as sandbox:
            assert kept(sandbox) == KEYS
            client = sandbox.client(api_key=first["secret_key"])
            with pytest.raises(finsecure.AuthenticationError):
                client.customers.list()
        with Sandbox(db=path) as sandbox:
            assert kept(sandbox) == KEYS

    @pytest.mark.parametrize("name", KEYS)
    @pytest.mark.parametrize(
        "value",
        [
            "",
            "sk_test_",
            "pk_test_",
            "whsec_",
            "key_1234567890abcdef",
            "{key} ",
            "{key}\n",
            "{key}\0",
            "{key}é",
            "{key}\ud800",
            "sk_live_1234567890abcdef",
            "pk_live_1234567890abcdef",
            b"sk_test_1234567890abcdef",
            7,
        ],
    )
    def test_what_is_no_key_is_refused_and_not_repeated(self, name: str, value: object) -> None:
        given = value.format(key=KEYS[name]) if isinstance(value, str) else value
        with pytest.raises(ValueError, match=f"^{name} ") as caught:
            Sandbox(**{name: given})  # type: ignore[arg-type]
        assert "1234567890abcdef" not in str(caught.value)

    def test_a_live_key_is_refused_with_the_reason(self) -> None:
        with pytest.raises(ValueError, match="secret_key is a live key"):
            Sandbox(secret_key="sk_live_1234567890abcdef")


class TestOptions:
    @pytest.mark.parametrize("value", [object(), "2", b"2", [2], True, float("nan"), float("inf"), -1])
    @pytest.mark.parametrize("name", ["settle_after", "rate_limit"])
    def test_numbers(self, name: str, value: object) -> None:
        with pytest.raises(ValueError, match=f"^{name} must be (more than zero|zero or more)"):
            Sandbox(**{name: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("db", 7),
            ("db", ["sandbox.db"]),
            ("db", "\ud800"),
            ("clock", 1640995200),
            ("clock", "now"),
            ("ids", "cus_1"),
            ("ids", 1),
        ],
    )
    def test_others(self, name: str, value: object) -> None:
        with pytest.raises(ValueError, match=f"^{name} must be a "):
            Sandbox(**{name: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize("port", ["8042", None, 80.0, True, -1, 65536])
    def test_a_port(self, sandbox: Sandbox, port: Any) -> None:
        with pytest.raises(ValueError, match="port"):
            sandbox.serve(port)

    @pytest.mark.parametrize("start", ["now", [], 1e12, float("nan"), float("inf")])
    def test_a_clocks_start(self, start: Any) -> None:
        with pytest.raises(ValueError, match="aware datetime or Unix seconds"):
            Clock(start)

    @pytest.mark.parametrize("seconds", ["60", None, 1e300, 10**30, float("nan")])
    def test_a_clock_moves_by_these_durations(self, seconds: Any) -> None:
        with pytest.raises(ValueError, match="seconds"):
            Clock(0).advance(seconds)

    def test_a_clock_stays_within_what_a_datetime_can_say(self) -> None:
        clock = Clock(datetime(9999, 12, 31, tzinfo=timezone.utc))
        with pytest.raises(ValueError, match="beyond the year 9999"):
            clock.advance(24 * 3600)
        clock.advance(3600)


class TestWrongTypes:
    """An object in place of an id, and its like, never get as far as the database."""

    @pytest.mark.parametrize("act", WRONG)
    @pytest.mark.parametrize("kind", ["an object", "a number", "half a surrogate pair", "bytes"])
    def test_each_is_an_error_of_ours(self, sandbox: Sandbox, act: Callable[[Sandbox, Any], object], kind: str) -> None:
        intent = sandbox.client().payment_intents.create(amount=2000, currency="usd")
        wrong = {"an object": intent, "a number": 0.5, "half a surrogate pair": "pi_\ud800", "bytes": b"pi_1"}[kind]
        with pytest.raises(ValueError):
            act(sandbox, wrong)

    def test_an_object_passed_as_an_id_is_explained(self, sandbox: Sandbox) -> None:
        intent = sandbox.client().payment_intents.create(amount=2000, currency="usd")
        with pytest.raises(ValueError, match="must be a string, the id of an object, not a PaymentIntent"):
            sandbox.resolve_action(intent)  # type: ignore[arg-type]


class TestClosed:
    """A sandbox that is closed says so, whatever it is asked for."""

    @pytest.mark.parametrize("act", ASKED)
    def test_to_python(self, act: Callable[[Sandbox], object]) -> None:
        sandbox = Sandbox()
        sandbox.close()
        with pytest.raises(RuntimeError, match="This sandbox is closed: make a new one"):
            act(sandbox)

    def test_to_its_clients(self) -> None:
        with Sandbox(clock=Clock(0)) as sandbox:
            client = sandbox.client()
        with pytest.raises(finsecure.APIConnectionError, match="This sandbox is closed") as caught:
            client.customers.create()
        assert not caught.value.maybe_executed

    def test_to_whoever_still_serves_its_application(self) -> None:
        with Sandbox(clock=Clock(0)) as sandbox:
            application = sandbox.app
            headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        with httpx.Client(transport=_Served(application), base_url="http://127.0.0.1", headers=headers) as http:
            answer = http.get("/v1/customers")
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "api_error")
        assert "closed" in answer.json()["error"]["message"]


class _Served(httpx.BaseTransport):
    """An ASGI application for a synchronous client."""

    def __init__(self, application: Any) -> None:
        self._application = httpx.ASGITransport(application)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        import asyncio

        async def ask() -> httpx.Response:
            answer = await self._application.handle_async_request(request)
            return httpx.Response(answer.status_code, content=await answer.aread())

        return asyncio.run(ask())
