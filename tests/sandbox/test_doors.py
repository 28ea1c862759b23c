"""The ways in: a transport without a socket, an ASGI application, real HTTP on loopback."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import builtins
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

import finsecure
from finsecure.sandbox import Clock, Sandbox
from finsecure.sandbox._http import Request

CARD: finsecure.CardParams = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}


def authorised(sandbox: Sandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.secret_key}"}


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("finsecure-sandbox")]


def test_a_request_shows_neither_its_key_nor_its_body(sandbox: Sandbox) -> None:
    request = Request("POST", "/v1/customers", headers=authorised(sandbox), body=b"4242424242424242")
    assert sandbox.secret_key not in repr(request)
    assert "4242" not in repr(request)
    assert sandbox.secret_key not in repr(sandbox._engine.keys)


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_the_transport_is_asynchronous_too(sandbox: Sandbox, run: Callable[..., Any]) -> None:
    async def main() -> int:
        async with httpx.AsyncClient(transport=sandbox.transport, base_url=sandbox.base_url) as client:
            return (await client.get("/v1/customers?limit=1", headers=authorised(sandbox))).status_code

    # asyncio.run takes the coroutine, trio.run the function.
    assert run(main() if run is asyncio.run else main) == 200


def test_the_asgi_application_is_the_same_api(sandbox: Sandbox) -> None:
    async def main() -> list[int]:
        transport = httpx.ASGITransport(sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url=sandbox.base_url) as client:
            client.headers.update(authorised(sandbox))
            made = await client.post("/v1/customers", json={"name": "Ada"})
            retrieved = await client.get(f"/v1/customers/{made.json()['id']}")
            missing = await client.get("/v1/customers/a%2Fb")
            assert retrieved.json() == made.json()
            assert missing.json()["error"]["message"] == "No such customer: 'a/b'"
            return [made.status_code, retrieved.status_code, missing.status_code]

    assert asyncio.run(main()) == [200, 200, 404]
    assert sandbox.app is sandbox.app


class TestClients:
    """`client()` and `async_client()`: the package's own, ready to use."""

    def test_a_client_talks_to_this_sandbox_on_its_clock(self, sandbox: Sandbox) -> None:
        client = sandbox.client(max_retries=0)
        customer = client.customers.create(email="customer@example.com")
        assert client.customers.retrieve(customer.id).email == "customer@example.com"
        assert customer.created == datetime(2022, 1, 1, tzinfo=timezone.utc)

    @pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
    def test_so_does_an_async_client(self, sandbox: Sandbox, run: Callable[..., Any]) -> None:
        client = sandbox.async_client(max_retries=0)

        async def main() -> str | None:
            return (await client.customers.create(email="customer@example.com")).email

        assert run(main() if run is asyncio.run else main) == "customer@example.com"

    def test_they_show_a_host_that_nobody_takes_for_the_network(self, sandbox: Sandbox) -> None:
        for client in (sandbox.client(), sandbox.async_client()):
            assert client.base_url == sandbox.base_url == "https://sandbox.invalid"
            assert "sandbox.invalid" in repr(client)

    def test_options_that_are_given_win(self, sandbox: Sandbox) -> None:
        clock = Clock(5)
        client = sandbox.client(
            api_key=sandbox.publishable_key, base_url="https://api-sandbox.finsecure.com", clock=clock, timeout=3
        )
        assert (client.base_url, client.timeout) == ("https://api-sandbox.finsecure.com", 3)
        with pytest.raises(finsecure.AuthenticationError, match="publishable"):
            client.customers.list()
        assert client.payment_methods.create(type="card", card=CARD).id.startswith("pm_")

    def test_an_http_client_that_is_given_is_used(self, sandbox: Sandbox) -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "cus_7", "object": "customer"}))
        with httpx.Client(transport=transport) as http_client:
            assert sandbox.client(http_client=http_client).customers.retrieve("cus_7").id == "cus_7"

    def test_with_a_transport_they_talk_to_a_server(self, sandbox: Sandbox) -> None:
        with (
            sandbox.serve() as server,
            sandbox.client(transport="httpx2", base_url=server.base_url) as client,
        ):
            assert client.customers.create().id == "cus_1"
        with pytest.raises(ValueError, match="base_url is missing"):
            sandbox.async_client(transport="httpx2")

    def test_options_that_say_what_is_the_default_change_nothing(self, sandbox: Sandbox) -> None:
        assert sandbox.client(transport="httpx", http_client=None).customers.create().id == "cus_1"


class TestServe:
    def test_it_answers_real_http_on_a_free_loopback_port(self, sandbox: Sandbox) -> None:
        with sandbox.serve() as server:
            assert server.base_url.startswith("http://127.0.0.1:")
            with httpx.Client(base_url=server.base_url, headers=authorised(sandbox), trust_env=False) as client:
                made = client.post("/v1/customers", json={"name": "Ada"})
                assert made.headers["request-id"] == "req_1"
                assert client.get(f"/v1/customers/{made.json()['id']}").json()["name"] == "Ada"
        assert threads() == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.base_url, trust_env=False)

    def test_one_connection_takes_many_requests(self, sandbox: Sandbox) -> None:
        with sandbox.serve() as server:
            host, port = server.base_url.removeprefix("http://").split(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=30)
            connection.connect()
            sock = connection.sock
            for _ in range(3):
                connection.request("GET", "/v1/customers", headers=authorised(sandbox))
                assert connection.getresponse().read()
                assert connection.sock is sock
            connection.close()

    def test_its_pages_are_linked_from_the_door_that_was_used(self, sandbox: Sandbox) -> None:
        with (
            sandbox.serve() as server,
            httpx.Client(base_url=server.base_url, headers=authorised(sandbox), trust_env=False) as client,
        ):
            intent = client.post("/v1/payment_intents", json={"amount": 100, "currency": "usd"}).json()["id"]
            card = {"type": "card", "card": {"number": "4000002760003184", "exp_month": 1, "exp_year": 2030}}
            body = {"payment_method": card, "return_url": "https://shop.example/"}
            asked = client.post(f"/v1/payment_intents/{intent}/confirm", json=body).json()
            page = asked["next_action"]["redirect_to_url"]["url"]
            assert page == f"{server.base_url}/sandbox/3d_secure/{intent}"
            assert httpx.get(page, trust_env=False).status_code == 200
            assert httpx.post(page, data={"outcome": "authorise"}, trust_env=False).status_code == 303
            assert client.get(f"/v1/payment_intents/{intent}").json()["status"] == "succeeded"

    def test_several_doors_open_at_once_on_one_state(self, sandbox: Sandbox) -> None:
        one, two = sandbox.serve(), sandbox.serve()
        made = httpx.post(one.base_url + "/v1/customers", headers=authorised(sandbox), json={}, trust_env=False).json()
        url = f"{two.base_url}/v1/customers/{made['id']}"
        assert httpx.get(url, headers=authorised(sandbox), trust_env=False).json() == made
        one.close()
        one.close()
        assert httpx.get(url, headers=authorised(sandbox), trust_env=False).status_code == 200
        sandbox.close()
        assert threads() == []

    def test_it_opens_while_an_event_loop_runs(self, sandbox: Sandbox) -> None:
        async def main() -> int:
            with sandbox.serve() as server:
                async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
                    return (await client.get("/v1/customers", headers=authorised(sandbox))).status_code

        assert asyncio.run(main()) == 200

    def test_many_requests_at_once(self, sandbox: Sandbox) -> None:
        with (
            sandbox.serve() as server,
            httpx.Client(base_url=server.base_url, headers=authorised(sandbox), trust_env=False) as client,
            ThreadPoolExecutor(16) as pool,
        ):
            posts = [pool.submit(client.post, "/v1/customers", json={}) for _ in range(64)]
            assert len({post.result().json()["id"] for post in posts}) == 64

    def test_a_port_that_is_taken_is_an_error(self, sandbox: Sandbox) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            sandbox.serve(taken.getsockname()[1])

    def test_it_can_be_closed_before_it_has_answered_anything(self, sandbox: Sandbox) -> None:
        for _ in range(3):
            sandbox.serve().close()
        assert threads() == []


@pytest.mark.parametrize("module", ["starlette", "uvicorn"])
def test_a_missing_extra_says_how_to_install_it(sandbox: Sandbox, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == module:
            raise ImportError(f"No module named {name!r}")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'finsecure\[sandbox\]'"):
        sandbox.serve()


def test_importing_the_sandbox_loads_no_server() -> None:
    code = "import sys, finsecure.sandbox; print([m for m in ('starlette', 'uvicorn') if m in sys.modules])"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert printed.stdout == "[]\n"
