"""Who may reach the sandbox over HTTP, by which name, under which prefix, and how much of a body it reads."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import finsecure
from finsecure.sandbox import Clock, Sandbox

CARD = {"type": "card", "card": {"number": "4000002760003184", "exp_month": 12, "exp_year": 2030}}
AUTHORISE = {"outcome": "authorise"}


@pytest.fixture
def served(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    with sandbox.serve() as server, httpx.Client(base_url=server.base_url, headers=headers, trust_env=False) as client:
        yield client


def ask_for_3d_secure(client: httpx.Client, return_url: str = "https://shop.example/back") -> dict[str, Any]:
    """A payment that waits for its customer."""
    intent = client.post("/v1/payment_intents", json={"amount": 2000, "currency": "usd"}).json()["id"]
    body = {"payment_method": CARD, "return_url": return_url}
    answer = client.post(f"/v1/payment_intents/{intent}/confirm", json=body)
    assert answer.status_code == 200, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


FOREIGN = [
    "evil.example",
    "evil.example:8042",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evillocalhost",
    "evil.example@127.0.0.1",
    "127.0.0.1#@evil.example",
    "127.0.0.1/evil",
    "169.254.169.254",
    "0x7f.1",
    "xn--",
    "",
    " ",
]


class TestHost:
    """A request for a host that is nobody's here is refused, whatever it asks for."""

    @pytest.mark.parametrize("host", FOREIGN)
    @pytest.mark.parametrize("path", ["/v1/customers", "/sandbox/clock", "/sandbox/3d_secure/pi_1", "/health", "/"])
    def test_a_foreign_one_is_refused(self, api: httpx.Client, path: str, host: str) -> None:
        answer = api.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert answer.json()["error"]["message"].startswith("Host must be")

    @pytest.mark.parametrize("host", FOREIGN[:3])
    def test_over_http_as_well(self, sandbox: Sandbox, served: httpx.Client, host: str) -> None:
        body = {"payment_method": CARD, "return_url": "https://shop.example/back"}
        assert served.post("/v1/payment_intents/pi_1/confirm", json=body, headers={"Host": host}).status_code == 403
        assert sandbox.requests == []

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "127.9.9.9:80",
            "[::1]:8042",
            "localhost",
            "LOCALHOST:3000",
            "localhost.",
            "shop.localhost",
            "a.b.localhost:1",
        ],
    )
    def test_every_name_of_this_machine_is_its_own(self, api: httpx.Client, host: str) -> None:
        assert api.get("/v1/customers", headers={"Host": host}).status_code == 200

    def test_names_can_be_allowed(self, connect: Callable[[Sandbox], httpx.Client]) -> None:
        with Sandbox(clock=Clock(0), hosts=["Sandbox.Test", "10.0.0.7", "[fd00::7]"]) as sandbox:
            api = connect(sandbox)
            for host in ("sandbox.test", "sandbox.test:8042", "10.0.0.7", "[fd00::7]:80"):
                assert api.get("/v1/customers", headers={"Host": host}).status_code == 200
            assert api.get("/v1/customers", headers={"Host": "other.test"}).status_code == 403

    @pytest.mark.parametrize(
        "hosts", ["sandbox.test", 7, ["http://sandbox.test"], ["a b"], ["sandbox.test:80"], [7], [""]]
    )
    def test_what_is_no_list_of_names_is_refused(self, hosts: Any) -> None:
        with pytest.raises(ValueError, match="hosts must"):
            Sandbox(hosts=hosts)

    def test_links_lead_to_the_name_that_was_asked_for(self, served: httpx.Client) -> None:
        served.headers["Host"] = f"Shop.localhost:{served.base_url.port}"
        page = ask_for_3d_secure(served)["next_action"]["redirect_to_url"]["url"]
        assert page.startswith(f"http://shop.localhost:{served.base_url.port}/sandbox/3d_secure/pi_")


class TestReceivers:
    """Webhooks go to this machine, and to hosts that the sandbox was told of. Nothing else leaves it."""

    @pytest.mark.parametrize(
        "url", ["http://shop:8000/webhooks", "https://SHOP./", "http://[fd00::7]/", "http://10.0.0.7"]
    )
    def test_a_host_that_is_allowed_is_sent_to(
        self, connect: Callable[[Sandbox], httpx.Client], monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        """By its name, at any port, also over plain HTTP, as containers reach each other."""
        asked: list[str] = []

        async def answer(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            return httpx.Response(204)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)
        with Sandbox(clock=Clock(0), hosts=["Shop", "[fd00::7]", "10.0.0.7"]) as sandbox:
            api = connect(sandbox)
            endpoint = api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": ["*"]}).raise_for_status()
            api.put(f"/v1/webhook_endpoints/{endpoint.json()['id']}", json={"url": url}).raise_for_status()
            api.post("/v1/customers", json={})
            assert [tried.status for tried in sandbox.deliver()] == [204]
        assert asked == [str(httpx.URL(url))]

    @pytest.mark.parametrize(
        "host", ["shop.example", "shop", "10.0.0.7", "testserver", "sandbox.invalid", "xn--bcher-kva.example"]
    )
    def test_no_other_is(self, connect: Callable[[Sandbox], httpx.Client], host: str) -> None:
        with Sandbox(clock=Clock(0), hosts=["shop.test"]) as sandbox:
            api = connect(sandbox)
            params = {"url": f"http://{host}/hook", "enabled_events": ["*"]}
            answer = api.post("/v1/webhook_endpoints", json=params)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "url")
            endpoint = api.post("/v1/webhook_endpoints", json={**params, "url": f"https://{host}/hook"}).json()["id"]
            assert api.put(f"/v1/webhook_endpoints/{endpoint}", json={"url": params["url"]}).status_code == 400
            api.put(
                f"/v1/webhook_endpoints/{endpoint}", json={"enabled_events": ["customer.created"]}
            ).raise_for_status()
            api.post("/v1/customers", json={})
            (tried,) = sandbox.deliver()
        assert tried.status is None
        assert (tried.error or "").startswith("refused: the sandbox delivers only to this machine")

    def test_one_that_nobody_knows_is_in_the_log(
        self, connect: Callable[[Sandbox], httpx.Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look_up(*_: object, **__: object) -> list[object]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        with Sandbox(clock=Clock(0), hosts=["shop"]) as sandbox:
            params = {"url": "http://shop:8000/", "enabled_events": ["*"]}
            connect(sandbox).post("/v1/webhook_endpoints", json=params).raise_for_status()
            sandbox.emit("customer.created")
            monkeypatch.setattr(socket, "getaddrinfo", look_up)
            (tried,) = sandbox.deliver()
        assert tried.status is None
        assert "Name or service not known" in (tried.error or "")


class TestBody:
    """A body is read after the key, and at most 1 MiB of it."""

    @pytest.mark.parametrize("door", ["in process", "over HTTP"])
    def test_one_that_is_too_large_is_refused(self, request: pytest.FixtureRequest, door: str) -> None:
        client: httpx.Client = request.getfixturevalue("api" if door == "in process" else "served")
        for path in ("/v1/customers", "/sandbox/faults"):
            answer = client.post(path, content=b" " * (1024 * 1024 + 1), headers={"Content-Type": "application/json"})
            assert answer.status_code == 400
            assert "1048576 bytes" in answer.json()["error"]["message"]
        largest = json.dumps({"name": "Ada"}).encode().ljust(1024 * 1024)
        answer = client.post("/v1/customers", content=largest, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Bearer sk_test_wrong"}, {"Host": "evil.example"}],
        ids=["no key", "a wrong key", "a foreign host"],
    )
    def test_that_of_a_stranger_is_not_read(self, sandbox: Sandbox, headers: dict[str, str]) -> None:
        read: list[str] = []

        async def receive() -> dict[str, Any]:
            read.append("a piece")
            return {"type": "http.request", "body": b"x", "more_body": True}

        assert ask(sandbox.app, receive, headers)[0]["status"] in (401, 403)
        assert read == []

    def test_no_more_of_it_is_read_than_shows_that_it_is_too_large(self, sandbox: Sandbox) -> None:
        pieces: list[int] = []

        async def receive() -> dict[str, Any]:
            pieces.append(65536)
            return {"type": "http.request", "body": bytes(65536), "more_body": True}

        sent = ask(sandbox.app, receive, {"Authorization": f"Bearer {sandbox.secret_key}"})
        assert sent[0]["status"] == 400
        assert sum(pieces) == 1024 * 1024 + 65536

    def test_one_whose_sender_is_gone_is_not_answered(self, sandbox: Sandbox) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        assert ask(sandbox.app, receive, {"Authorization": f"Bearer {sandbox.secret_key}"}) == []
        assert sandbox.requests == []


def ask(
    app: Any, receive: Any, headers: dict[str, str], path: str = "/v1/customers", root_path: str = "", **more: Any
) -> list[dict[str, Any]]:
    """What an ASGI application sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    given = {"Host": "localhost", "Content-Type": "application/json", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "root_path": root_path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        **more,
    }
    asyncio.run(app(scope, receive, send))
    return sent


class TestPage:
    """The page of the bank: a form that only itself may send."""

    def test_it_stays_where_it_is_and_has_no_script(self, served: httpx.Client) -> None:
        asked = ask_for_3d_secure(served)
        page = httpx.get(asked["next_action"]["redirect_to_url"]["url"], trust_env=False)
        assert page.url.path == f"/sandbox/3d_secure/{asked['id']}"
        assert "<script" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "script-src" not in page.headers["content-security-policy"]
        assert served.head(f"/sandbox/3d_secure/{asked['id']}").status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_a_form_of_another_page_is_refused(self, served: httpx.Client, headers: dict[str, str]) -> None:
        asked = ask_for_3d_secure(served)
        path = f"/sandbox/3d_secure/{asked['id']}"
        assert served.post(path, data=AUTHORISE, headers=headers).status_code == 403
        assert served.get(path, headers=headers).status_code == 200  # a page may lead there
        assert served.get(f"/v1/payment_intents/{asked['id']}").json()["status"] == "requires_action"

    @pytest.mark.parametrize("browser", [True, False])
    def test_its_own_form_and_one_without_an_origin_pass(self, served: httpx.Client, *, browser: bool) -> None:
        headers = {"Origin": str(served.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"} if browser else {}
        path = f"/sandbox/3d_secure/{ask_for_3d_secure(served)['id']}"
        assert served.post(path, data=AUTHORISE, headers=headers).status_code == 303

    def test_of_many_who_press_a_button_at_once_one_decides(self, served: httpx.Client) -> None:
        path = f"/sandbox/3d_secure/{ask_for_3d_secure(served)['id']}"
        statuses: list[int] = []

        def press() -> None:
            statuses.append(served.post(path, data=AUTHORISE).status_code)

        threads = [threading.Thread(target=press) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [303, *[409] * 7]

    def test_whoever_is_late_between_the_look_and_the_decision_is_told(
        self, sandbox: Sandbox, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = ask_for_3d_secure(api)
        decide = sandbox._engine.resolve_action

        def late(ident: str, *, succeed: bool) -> object:
            decide(ident, succeed=succeed)
            return decide(ident, succeed=succeed)

        monkeypatch.setattr(sandbox._engine, "resolve_action", late)
        answer = api.post(f"/sandbox/3d_secure/{asked['id']}", data=AUTHORISE)
        assert answer.status_code == 409
        assert "has status succeeded" in answer.text


class TestReturnUrl:
    @pytest.mark.parametrize(
        ("back", "went"),
        [
            ("https://shop.example/back", "https://shop.example/back?payment_intent=ID"),
            ("https://shop.example/?a=1&a=2#end", "https://shop.example/?a=1&a=2&payment_intent=ID#end"),
            (
                "https://shop.example/?next=%2Fcart%3Fa&flag",
                "https://shop.example/?next=%2Fcart%3Fa&flag&payment_intent=ID",
            ),
            ("myshop://paid", "myshop://paid?payment_intent=ID"),
            ("myshop:///paid?order=1", "myshop:///paid?order=1&payment_intent=ID"),
            ("com.example.shop:/3ds", "com.example.shop:/3ds?payment_intent=ID"),
        ],
    )
    def test_a_customer_goes_back_to_a_page_or_an_app(self, api: httpx.Client, back: str, went: str) -> None:
        asked = ask_for_3d_secure(api, back)
        answer = api.post(f"/sandbox/3d_secure/{asked['id']}", data=AUTHORISE)
        assert answer.headers["location"] == went.replace("ID", asked["id"])

    @pytest.mark.parametrize(
        "back",
        [
            "javascript:alert(1)",
            "JavaScript://shop.example/%0aalert(1)",
            "java\nscript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "data://x/y",
            "vbscript:/x",
            "blob:https://shop.example/1",
            "file:///etc/passwd",
            "view-source:https://shop.example",
            "localhost:3000/back",
            "shop.example/back",
            "//shop.example/back",
            "/back",
            "https://",
            "https:///back",
            "https:/back",
            "https://xn--/",
            "https://xn--a/",
            "https://shop.example:99999/",
            "https://[::1/",
            "https://shop.example/\r\nSet-Cookie: a=b",
            "https://\u00ad/",
            "myshop",
            "://paid",
        ],
    )
    def test_what_is_neither_is_named(self, api: httpx.Client, back: str) -> None:
        intent = api.post("/v1/payment_intents", json={"amount": 2000, "currency": "usd"}).json()["id"]
        answer = api.post(f"/v1/payment_intents/{intent}/confirm", json={"payment_method": CARD, "return_url": back})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "return_url")

    @pytest.mark.parametrize("url", ["https://xn--/", "https://xn--a.example/", "myshop://paid", "javascript:alert(1)"])
    def test_a_webhook_goes_to_no_such_thing(self, api: httpx.Client, url: str) -> None:
        answer = api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": ["*"]})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "url")


class TestPrefix:
    """Mounted under a prefix it works, links included."""

    def test_under_another_application(self, sandbox: Sandbox) -> None:
        app = Starlette(routes=[Mount("/fin secure", sandbox.app)])

        async def main() -> None:
            transport = httpx.ASGITransport(app)
            headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost/fin%20secure") as client:
                client.headers.update(headers)
                intent = (await client.post("/v1/payment_intents", json={"amount": 2000, "currency": "usd"})).json()
                body = {"payment_method": CARD, "return_url": "https://shop.example/back"}
                asked = (await client.post(f"/v1/payment_intents/{intent['id']}/confirm", json=body)).json()
                page = asked["next_action"]["redirect_to_url"]["url"]
                assert page == f"http://localhost/fin%20secure/sandbox/3d_secure/{intent['id']}"
                own = {"Origin": "http://localhost"}
                assert (await client.post(page, data=AUTHORISE, headers=own)).status_code == 303
                assert (await client.get("/health")).status_code == 200
                assert (await client.get("/sandbox/clock", headers=own)).status_code == 200

        asyncio.run(main())

    def test_under_an_application_whose_proxy_takes_its_prefix_off(self, sandbox: Sandbox) -> None:
        """`FastAPI(root_path="/shop")` and a proxy that takes `/shop` off: links have it, paths do not."""
        app = Starlette(routes=[Mount("/fin secure", sandbox.app)])

        async def main() -> None:
            transport = httpx.ASGITransport(app, root_path="/shop")
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost/fin%20secure") as client:
                assert (await client.get("/health")).status_code == 200

        asyncio.run(main())

    def test_a_server_that_takes_the_prefix_off_or_gives_no_raw_path(self, sandbox: Sandbox) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"{}"}

        headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        assert ask(sandbox.app, receive, headers, root_path="/api")[0]["status"] == 200
        assert ask(sandbox.app, receive, headers, "/api/v1/customers", "/api")[0]["status"] == 200
        whole = {"raw_path": b"/api/v1/customers"}
        assert ask(sandbox.app, receive, headers, "/api/v1/customers", "/api", **whole)[0]["status"] == 200

    def test_a_client_by_its_base_url(self, sandbox: Sandbox) -> None:
        with httpx.Client(transport=sandbox.transport) as http_client:
            client = finsecure.Client(sandbox.secret_key, base_url=sandbox.base_url, http_client=http_client)
            assert client.customers.create().id.startswith("cus_")


class TestHealth:
    def test_it_answers_without_a_key(self, sandbox: Sandbox) -> None:
        with sandbox.serve() as server:
            host = server.base_url.removeprefix("http://")
            for method, body in (("GET", b'{"status":"ok"}'), ("HEAD", b"")):
                connection = http.client.HTTPConnection(host, timeout=5)
                connection.request(method, "/health")
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, body)
                connection.close()
        assert sandbox.requests == []

    def test_it_takes_nothing_else(self, api: httpx.Client) -> None:
        answer = api.post("/health")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("transport", ["httpx", "httpx2", "pyreqwest"])
def test_the_client_finds_names_below_localhost_on_this_machine(sandbox: Sandbox, transport: Any) -> None:
    pytest.importorskip(transport)
    with sandbox.serve() as server:
        base_url = server.base_url.replace("127.0.0.1", "shop.localhost")
        with finsecure.Client(sandbox.secret_key, base_url=base_url, transport=transport) as client:
            ident = client.customers.create().id

        async def main() -> str:
            async with finsecure.AsyncClient(sandbox.secret_key, base_url=base_url, transport=transport) as client:
                return (await client.customers.retrieve(ident)).id

        assert asyncio.run(main()) == ident


def test_a_webhook_finds_them_too(sandbox: Sandbox, api: httpx.Client) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        port = receiver.getsockname()[1]

        def answer() -> None:
            connection, _ = receiver.accept()
            asked.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://shop.localhost:{port}/hook"
        api.post("/v1/webhook_endpoints", json={"url": url, "enabled_events": ["*"]})
        api.post("/v1/customers", json={})
        (tried,) = sandbox.deliver()
        thread.join()
    assert (tried.status, tried.url) == (204, url)
    assert f"host: shop.localhost:{port}".encode() in asked[0].lower()
