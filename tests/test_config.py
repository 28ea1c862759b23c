"""How a client is set up: keys, hosts, options, connections, and what it refuses before anything is sent."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
import respx

import finsecure
from finsecure import _clock, _default
from finsecure.resources import _validate
from finsecure.sandbox import Clock, Sandbox

from .conftest import KEY

if TYPE_CHECKING:
    from tests.conftest import Door

OpenDoor = Callable[..., "Door"]

CUSTOMER = {"id": "cus_1", "object": "customer"}


class Places(str, Enum):
    """Settings as programs keep them; `str()` of one is its name."""

    PROXY = "https://proxy.example"
    SHOP = "my-shop/1.2"
    VERSION = "2024-01-01"
    KEY = "sk_test_of_an_enum"


class Five:
    """An integer that is no `int`, as numpy has them."""

    def __index__(self) -> int:
        return 5


@pytest.fixture
def anywhere() -> Iterator[respx.MockRouter]:
    """A server that is every host at once."""
    with respx.mock(assert_all_called=False) as server:
        server.route().respond(json=CUSTOMER)
        yield server


def asked(door: Door, server: respx.MockRouter) -> httpx.Request:
    """The request that a call through this door sends."""
    door.call(lambda api: api.customers.retrieve("cus_1"))
    return server.calls.last.request


# ------------------------------------------------------------------------------------------------------------------
# Keys


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, r"There is no API key\. Pass api_key= or set FINSECURE_SECRET_KEY\. .* set finsecure\.api_key\."),
        ("", "blank"),
        (" \n", "blank"),
        ("sk_test_12345678\n", "white space or a newline"),
        (" sk_test_12345678", "white space"),
        ("sk_test_1234 5678", "white space"),
        ("sk_test_12345678é", "non-ASCII or invisible characters"),
        ("sk_test_12345678\x7f", "non-ASCII or invisible characters"),
        ("whsec_12345678", "a webhook signing secret"),
        ("rk_live_12345678", "begin with sk_test_, sk_live_, pk_test_ or pk_live_"),
        ("12345678", "not a FinSecure API key"),
        ("sk_test_", "not a FinSecure API key"),
        ("sk_test_...", "the placeholder from the documentation"),
        ("SK_TEST_12345678", "not a FinSecure API key"),
        (b"sk_test_12345678", "a bytes, not a str"),
        ("\u200b", "non-ASCII or invisible characters"),
    ],
)
def test_an_unusable_key_is_refused_and_never_shown(open_door: OpenDoor, key: object, says: str) -> None:
    with pytest.raises(finsecure.AuthenticationError, match=says) as caught:
        open_door(key).call(lambda api: api.customers.list())
    assert "Nothing was sent" in str(caught.value)
    assert (caught.value.param, caught.value.http_status) == ("api_key", None)
    assert "1234" not in repr(caught.value)


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        ({"FINSECURE_SECRET_KEY": "sk_test_1", "FINSECURE_PUBLISHABLE_KEY": "pk_test_2"}, "sk_test_1"),
        ({"FINSECURE_SECRET_KEY": "", "FINSECURE_PUBLISHABLE_KEY": "pk_test_2"}, "pk_test_2"),
        ({"FINSECURE_PUBLISHABLE_KEY": "pk_test_2"}, "pk_test_2"),
    ],
)
def test_the_key_comes_from_the_environment_where_none_is_given(
    open_door: OpenDoor,
    anywhere: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    key: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    anywhere.route().respond(json={"id": "pm_1", "object": "payment_method"})
    open_door(None).call(lambda api: api.payment_methods.create(type="card"))
    assert anywhere.calls.last.request.headers["authorization"] == f"Bearer {key}"


def test_a_given_key_wins_over_the_environment(
    open_door: OpenDoor, anywhere: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINSECURE_SECRET_KEY", "sk_test_2")
    assert asked(open_door("sk_test_1"), anywhere).headers["authorization"] == "Bearer sk_test_1"


NEEDS_A_SECRET_KEY: list[Callable[[Any], Any]] = [
    lambda api: api.payment_methods.retrieve("pm_1"),
    lambda api: api.payment_methods.list(),
    lambda api: api.payment_intents.create(amount=2000, currency="usd"),
    lambda api: api.customers.delete("cus_1"),
    lambda api: api.customers.update("cus_1", name="x"),
]


@pytest.mark.parametrize("use", NEEDS_A_SECRET_KEY)
def test_a_publishable_key_may_not_do_what_needs_a_secret_key(
    open_door: OpenDoor, anywhere: respx.MockRouter, use: Callable[[Any], Any]
) -> None:
    with pytest.raises(
        finsecure.AuthenticationError, match=r"(GET|POST|PUT|DELETE) /v1/\w+\S* needs a secret key \(sk_\.\.\.\)"
    ) as caught:
        open_door("pk_test_12345678").call(use)
    assert "1234" not in str(caught.value)
    assert len(anywhere.calls) == 0


def test_a_publishable_key_creates_payment_methods(sandbox: Sandbox) -> None:
    with sandbox.client().with_options(api_key=sandbox.publishable_key) as client:
        card = client.payment_methods.create(
            type="card", card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2025}
        )
        assert card.id


# ------------------------------------------------------------------------------------------------------------------
# Hosts


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("sk_test_1", "https://api-sandbox.finsecure.com"),
        ("pk_test_1", "https://api-sandbox.finsecure.com"),
        ("sk_live_1", "https://api.finsecure.com"),
        ("pk_live_1", "https://api.finsecure.com"),
    ],
)
def test_the_keys_mode_picks_the_host(open_door: OpenDoor, anywhere: respx.MockRouter, key: str, host: str) -> None:
    anywhere.route().respond(json={"id": "pm_1", "object": "payment_method"})
    open_door(key).call(lambda api: api.payment_methods.create(type="card"))
    assert str(anywhere.calls.last.request.url) == f"{host}/v1/payment_methods"
    assert anywhere.calls.last.request.headers["host"] == host.removeprefix("https://")


@pytest.mark.parametrize(
    ("base_url", "url", "host"),
    [
        ("https://proxy.example", "https://proxy.example/v1/customers/cus_1", "proxy.example"),
        ("https://proxy.example:443/", "https://proxy.example/v1/customers/cus_1", "proxy.example"),
        ("https://proxy.example:8443", "https://proxy.example:8443/v1/customers/cus_1", "proxy.example:8443"),
        ("https://proxy.example/pay/", "https://proxy.example/pay/v1/customers/cus_1", "proxy.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/customers/cus_1", "127.0.0.1:8000"),
        ("http://localhost:80", "http://localhost/v1/customers/cus_1", "localhost"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/customers/cus_1", "[::1]:8000"),
    ],
)
def test_base_url_overrides_the_host(
    open_door: OpenDoor, anywhere: respx.MockRouter, base_url: str, url: str, host: str
) -> None:
    request = asked(open_door(base_url=base_url), anywhere)
    assert (str(request.url), request.headers["host"]) == (url, host)


def test_base_url_comes_from_the_environment_where_none_is_given(
    open_door: OpenDoor, anywhere: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINSECURE_BASE_URL", "https://environment.example")
    assert asked(open_door(), anywhere).url.host == "environment.example"
    assert asked(open_door(base_url="https://given.example"), anywhere).url.host == "given.example"


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("", "not an http or https URL"),
        ("api.finsecure.com", "not an http or https URL"),
        ("ftp://api.finsecure.com", "not an http or https URL"),
        ("https://", "not an http or https URL"),
        ("https://api finsecure.com", "not an http or https URL"),
        ("https://api.finsecure.com\r\nX: y", "not a URL"),
        ("https://api.finsecure.com:port", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://bücher.example", "not a URL"),
        ("https://api..example.com", "not an http or https URL"),
        (f"https://{'a' * 64}.example", "not an http or https URL"),
        ("https://evil.example\\.api.finsecure.com", "a DNS name or an IP address"),
        ("https://evil.example\\@api.finsecure.com", "a DNS name or an IP address|a user"),
        ("https://api.finsecure.com%2f.evil.example", "a DNS name or an IP address"),
        ("https://api.finsecure.com;evil.example", "a DNS name or an IP address"),
        ("https://api.finsecure.com,evil.example", "a DNS name or an IP address"),
        ("https://-api.finsecure.com", "a DNS name or an IP address"),
        ("https://api-.finsecure.com", "a DNS name or an IP address"),
        ("https://*.finsecure.com", "a DNS name or an IP address"),
        ("https://.", "a DNS name or an IP address"),
        ("https://0x7f.1", "a DNS name or an IP address"),
        ("https://2130706433", "a DNS name or an IP address"),
        ("https://127.1", "a DNS name or an IP address"),
        ("https://1.2.3.256", "a DNS name or an IP address"),
        ("https://[fe80::1%25eth0]", "a DNS name or an IP address"),
        ("https://[fe80::1%eth0]", "a DNS name or an IP address"),
        (f"https://{'a.' * 127}com", "a DNS name or an IP address"),
        ("https://api.finsecure.com/\\evil.example", "not encoded"),
        ("https://api.finsecure.com/ü", "not ASCII"),
        ("https://user:password@api.finsecure.com", "a user, query or fragment"),
        ("https://api.finsecure.com?a=b", "a user, query or fragment"),
        ("https://api.finsecure.com#a", "a user, query or fragment"),
        ("https://api.finsecure.com/v1", "ends in /v1"),
        ("https://api.finsecure.com/v1/", "ends in /v1"),
        ("https://api.finsecure.com/é", "not ASCII"),
        ("http://api-sandbox.finsecure.com", "plain http: use https"),
        ("http://127.0.0.1.example", "only for loopback, not 127.0.0.1.example"),
        ("http://192.168.0.1", "only for loopback"),
        ("http://localhost.example", "only for loopback"),
        (7, "base_url is an int"),
    ],
)
def test_a_base_url_that_could_leak_or_lead_astray_is_refused(open_door: OpenDoor, base_url: object, says: str) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match=says) as caught:
        open_door(base_url=base_url)
    assert caught.value.param == "base_url"
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://API.example.com.", "api.example.com."),
        ("https://payments_1.internal", "payments_1.internal"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://a", "a"),
        ("https://0xygen", "0xygen"),
        ("https://1.2.3.4", "1.2.3.4"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
        (Places.PROXY, "proxy.example"),
    ],
)
def test_a_name_or_an_address_is_a_host(
    open_door: OpenDoor, anywhere: respx.MockRouter, base_url: str, host: str
) -> None:
    assert asked(open_door(base_url=base_url), anywhere).headers["host"] == host


FOREIGN = "https://proxy.example:8443"


@pytest.mark.parametrize(
    ("key", "given", "environment", "warned"),
    [
        ("sk_live_1", None, FOREIGN, True),
        ("pk_live_1", None, "https://finsecure.com.example", True),
        ("sk_live_1", None, "https://127.0.0.1", True),
        ("sk_live_1", None, "https://eu.finsecure.com", False),
        ("sk_live_1", None, "https://finsecure.com.", False),
        ("sk_live_1", None, "", False),
        ("sk_live_1", FOREIGN, "https://other.example", False),
        ("sk_test_1", None, FOREIGN, False),
    ],
)
def test_a_live_key_that_the_environment_sends_elsewhere_is_warned_of_once(
    open_door: OpenDoor,
    anywhere: respx.MockRouter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    given: str | None,
    environment: str,
    warned: bool,
) -> None:
    """A test's FINSECURE_BASE_URL that was left in a shop's environment is said when the client is made."""
    monkeypatch.setenv("FINSECURE_BASE_URL", environment)
    anywhere.route().respond(json={"id": "pm_1", "object": "payment_method"})
    door = open_door(key, base_url=given)
    for _ in range(2):
        door.call(lambda api: api.payment_methods.create(type="card"))
    if door.name != "module":
        door.api.with_options(timeout=5)
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(messages) == warned
    assert all("FINSECURE_BASE_URL" in message and key not in message for message in messages)


@pytest.mark.parametrize("base_url", ["http://localhost:8000", "http://api.finsecure.com"])
def test_a_live_key_never_goes_over_http(open_door: OpenDoor, base_url: str) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match="a live key: use https"):
        open_door("sk_live_12345678", base_url=base_url)


# ------------------------------------------------------------------------------------------------------------------
# Options


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("timeout", value) for value in (0, -1, float("nan"), float("inf"), True, "30", None)),
        *(("deadline", value) for value in (0, -0.1, float("nan"), float("inf"), False, "30")),
        *(("max_retries", value) for value in (-1, True, 1.5, "2", None)),
        *(("max_response_size", value) for value in (0, -1, True, 1.5, "2", None)),
        *(("api_version", value) for value in ("", "2023\n", "é", 20231016)),
        *(("app_info", value) for value in ("", "shop\r\nX: y", "café", 7, "sk_test_12345678")),
        *(("http_client", value) for value in ("httpx", httpx, object())),
    ],
)
def test_a_wrong_option_is_refused_by_name_when_the_client_is_made(
    open_door: OpenDoor, option: str, value: object
) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match=option) as caught:
        open_door(**{option: value})
    assert caught.value.param == option


@pytest.mark.parametrize("option", ["timeout", "deadline", "max_retries", "max_response_size"])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_too_long_to_be_written_is_refused_by_name(open_door: OpenDoor, option: str, sign: int) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match=f"{option} is an integer of more than 30 digits: pass"):
        open_door(**{option: sign * 10**5000})


def test_options_may_be_whatever_stands_for_a_str_or_an_int(open_door: OpenDoor, anywhere: respx.MockRouter) -> None:
    numbers: dict[str, Any] = dict.fromkeys(("timeout", "deadline", "max_retries"), Five())
    door = open_door(Places.KEY, base_url=Places.PROXY, app_info=Places.SHOP, api_version=Places.VERSION, **numbers)
    request = asked(door, anywhere)
    assert request.url.host == "proxy.example"
    assert request.headers["authorization"] == "Bearer sk_test_of_an_enum"
    assert request.headers["user-agent"].endswith(" my-shop/1.2")
    assert request.headers["finsecure-version"] == "2024-01-01"


def test_a_client_of_the_other_door_is_refused_as_http_client(kind: str, open_door: OpenDoor) -> None:
    wrong = httpx.Client() if kind.startswith("async") else httpx.AsyncClient()
    wanted = "AsyncClient" if kind.startswith("async") else "Client"
    with pytest.raises(finsecure.InvalidRequestError, match=rf"pass an httpx\.{wanted} here"):
        open_door(http_client=wrong)


def test_app_info_and_api_version_are_sent(open_door: OpenDoor, anywhere: respx.MockRouter) -> None:
    request = asked(open_door(app_info="my-shop/1.2", api_version="2024-01-01"), anywhere)
    assert request.headers["user-agent"].endswith(" my-shop/1.2")
    assert request.headers["user-agent"].startswith(f"finsecure-python/{finsecure.__version__} ")
    assert request.headers["finsecure-version"] == "2024-01-01"


def test_a_ready_http_client_sends_and_stays_open(kind: str, open_door: OpenDoor) -> None:
    """Its proxies, hooks and mocks are used; its own headers, auth and cookies stay out, and closing it is not ours."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=CUSTOMER)

    client = httpx.AsyncClient if kind.startswith("async") else httpx.Client
    mine: Any = client(
        transport=httpx.MockTransport(answer), headers={"X-Mine": "1"}, auth=("me", "x"), cookies={"a": "b"}
    )
    door = open_door(http_client=mine)
    door.call(lambda api: api.customers.retrieve("cus_1"))
    door.close()
    assert not mine.is_closed
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert {"x-mine", "cookie"}.isdisjoint(seen[0].headers)


# ------------------------------------------------------------------------------------------------------------------
# Other options on the same connections


CLIENTS = [finsecure.Client, finsecure.AsyncClient]
either = pytest.mark.parametrize("client_type", CLIENTS)


@either
def test_with_options_changes_what_is_given_and_keeps_the_rest(client_type: type[Any]) -> None:
    client = client_type(KEY, timeout=5, deadline=7, app_info="shop/1", base_url="https://proxy.example")
    other = client.with_options(max_retries=9, deadline=None)
    assert type(other) is client_type
    assert (other._config.timeout, other._config.max_retries, other._config.deadline) == (5.0, 9, None)
    assert (other._config.app_info, other._config.base_url) == ("shop/1", "https://proxy.example")
    assert (client._config.max_retries, client._config.deadline) == (2, 7)


@either
def test_with_options_refuses_what_is_no_option(client_type: type[Any]) -> None:
    client = client_type(KEY)
    with pytest.raises(finsecure.InvalidRequestError, match="Unknown option 'retries': pass one of api_key,"):
        client.with_options(retries=3)
    with pytest.raises(finsecure.InvalidRequestError, match="http_client"):
        client.with_options(http_client=httpx.Client())
    with pytest.raises(finsecure.InvalidRequestError, match="timeout is 0"):
        client.with_options(timeout=0)


@either
@pytest.mark.parametrize("option", ["api_key", "base_url", "clock", "max_retries", "max_response_size", "timeout"])
def test_none_is_no_option_of_another_client(
    client_type: type[Any], monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """A key that is missing does not become that of the environment, which may be another account's."""
    monkeypatch.setenv("FINSECURE_SECRET_KEY", "sk_test_of_another_account")
    monkeypatch.setenv("FINSECURE_BASE_URL", "https://elsewhere.example")
    client = client_type(KEY, base_url="https://proxy.example")
    with pytest.raises(finsecure.InvalidRequestError, match=f"{option} is None: leave it out") as caught:
        client.with_options(**{option: None})
    assert caught.value.param == option


@either
def test_another_keys_mode_picks_its_host_unless_one_was_chosen(client_type: type[Any]) -> None:
    live = client_type(KEY).with_options(api_key="sk_live_1")
    assert live._config.origin.host == "api.finsecure.com"
    kept = client_type(KEY, base_url="https://proxy.example").with_options(api_key="sk_live_1")
    assert kept._config.origin.host == "proxy.example"


@either
def test_a_live_key_is_refused_over_the_http_of_the_client_before(client_type: type[Any]) -> None:
    client = client_type(KEY, base_url="http://127.0.0.1:1")
    with pytest.raises(finsecure.InvalidRequestError, match="a live key: use https"):
        client.with_options(api_key="sk_live_1")


def test_with_options_shares_connections_which_their_owner_closes(anywhere: respx.MockRouter) -> None:
    client = finsecure.Client(KEY)
    with client.with_options(timeout=1) as other:
        other.customers.retrieve("cus_1")
    client.customers.retrieve("cus_1")  # closing the other one left the connections open
    client.close()
    for one in (client, other):
        with pytest.raises(finsecure.APIConnectionError, match="This client is closed"):
            one.customers.retrieve("cus_1")
    assert len(anywhere.calls) == 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_so_does_an_async_client(anywhere: respx.MockRouter, backend: str) -> None:
    async def main() -> None:
        client = finsecure.AsyncClient(KEY)
        async with client.with_options(timeout=1) as other:
            await other.customers.retrieve("cus_1")
        await client.customers.retrieve("cus_1")
        await client.aclose()
        for one in (client, other):
            with pytest.raises(finsecure.APIConnectionError, match="This client is closed"):
                await one.customers.retrieve("cus_1")

    anyio.run(main, backend=backend)
    assert len(anywhere.calls) == 2


@pytest.mark.parametrize("kind", ["sync", "async-asyncio", "async-trio"], indirect=True)
def test_a_closed_client_sends_nothing(open_door: OpenDoor, anywhere: respx.MockRouter) -> None:
    door = open_door()
    door.close()
    door.close()
    with pytest.raises(finsecure.APIConnectionError, match="This client is closed") as caught:
        door.call(lambda api: api.customers.create())
    assert (caught.value.maybe_executed, len(anywhere.calls)) == (False, 0)


def test_leaving_the_with_block_closes(anywhere: respx.MockRouter) -> None:
    with finsecure.Client(KEY) as client:
        client.customers.retrieve("cus_1")
    with pytest.raises(finsecure.APIConnectionError, match="closed"):
        client.customers.retrieve("cus_1")


@either
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_the_same_options_on_the_same_connections(
    client_type: type[Any], copied: Callable[[Any], Any]
) -> None:
    client = client_type(KEY, timeout=5)
    other = copied(client)
    assert other is not client
    assert other._config == client._config
    assert other._transport.send == client._transport.send


@either
def test_a_client_is_not_pickled_and_says_why(client_type: type[Any]) -> None:
    with pytest.raises(TypeError, match="create one in each process"):
        pickle.dumps(client_type(KEY))


@either
def test_a_clients_repr_has_its_settings_and_not_its_key(client_type: type[Any]) -> None:
    shown = repr(client_type(KEY, timeout=5, app_info="shop/1"))
    assert shown.startswith(f"{client_type.__name__}(")
    assert "timeout=5.0" in shown
    assert "1234" not in shown
    assert "sk_" not in shown


# ------------------------------------------------------------------------------------------------------------------
# Module-level use


@pytest.fixture
def _module() -> Iterator[None]:
    yield
    finsecure.api_key = None
    finsecure.configure()


@pytest.mark.usefixtures("_module")
def test_module_level_use_needs_only_a_key(anywhere: respx.MockRouter) -> None:
    finsecure.api_key = "sk_test_1"
    finsecure.Customer.retrieve("cus_1")
    assert anywhere.calls.last.request.headers["authorization"] == "Bearer sk_test_1"
    assert _default.client() is _default.client()


@pytest.mark.usefixtures("_module")
def test_another_api_key_is_used_from_the_next_call_on_with_the_other_options_kept(
    anywhere: respx.MockRouter,
) -> None:
    finsecure.configure(api_key="sk_test_1", app_info="shop/1")
    assert finsecure.api_key == "sk_test_1"
    finsecure.Customer.retrieve("cus_1")
    finsecure.api_key = "sk_test_2"
    finsecure.Customer.retrieve("cus_1")
    headers = anywhere.calls.last.request.headers
    assert headers["authorization"] == "Bearer sk_test_2"
    assert headers["user-agent"].endswith("shop/1")


@pytest.mark.usefixtures("_module")
def test_configure_replaces_what_was_configured_before(anywhere: respx.MockRouter) -> None:
    finsecure.configure(api_key="sk_test_1", app_info="shop/1", timeout=5)
    finsecure.configure(api_version="2024-01-01")
    finsecure.Customer.retrieve("cus_1")
    headers = anywhere.calls.last.request.headers
    assert headers["finsecure-version"] == "2024-01-01"
    assert not headers["user-agent"].endswith("shop/1")
    assert headers["authorization"] == "Bearer sk_test_1"


@pytest.mark.usefixtures("_module")
def test_configure_refuses_a_key_that_cannot_be_used_at_once() -> None:
    with pytest.raises(finsecure.AuthenticationError, match="webhook signing secret"):
        finsecure.configure(api_key="whsec_1")


@pytest.mark.usefixtures("_module")
def test_the_key_can_be_set_after_the_options(anywhere: respx.MockRouter) -> None:
    finsecure.configure(app_info="shop/1")
    finsecure.api_key = "sk_test_1"
    finsecure.Customer.retrieve("cus_1")
    assert anywhere.calls.last.request.headers["user-agent"].endswith("shop/1")


@pytest.mark.usefixtures("_module")
def test_two_threads_that_begin_at_once_share_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    finsecure.api_key = "sk_test_1"

    class Overtaken:
        """A lock that another thread got first."""

        def __enter__(self) -> None:
            monkeypatch.setattr(_default, "_lock", threading.Lock())
            self.others = _default.client()

        def __exit__(self, *_: object) -> None:
            pass

    lock = Overtaken()
    monkeypatch.setattr(_default, "_lock", lock)
    assert _default.client() is lock.others


@pytest.mark.usefixtures("_module")
def test_an_earlier_key_gets_its_client_back() -> None:
    """A program that switches between the keys of its accounts makes one client for each."""
    clients: list[finsecure.Client] = []
    for finsecure.api_key in ("sk_test_1", "sk_test_2", "sk_test_1"):
        clients.append(_default.client())
    assert clients[0] is clients[2] is not clients[1]


# ------------------------------------------------------------------------------------------------------------------
# Time and the log


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_without_a_clock_of_its_own_a_client_uses_the_computers(backend: str) -> None:
    clock = _clock.SYSTEM
    assert finsecure.Client(KEY)._config.clock is clock
    before = clock.monotonic()
    clock.sleep(0)
    anyio.run(clock.sleep_async, 0, backend=backend)
    assert before <= clock.monotonic()
    assert clock.time() > 1640995200


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """The log of the package, as it is before anybody sets it up."""
    logger = logging.getLogger("finsecure")
    handlers, level = logger.handlers[:], logger.level
    logger.handlers.clear()
    yield logger
    logger.propagate = True
    logger.handlers[:] = handlers
    logger.setLevel(level)


@either
@pytest.mark.parametrize(
    ("asked_for", "level"), [("debug", logging.DEBUG), ("INFO", logging.INFO), ("", None), ("loud", None)]
)
def test_the_environment_shows_the_log(
    log: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    client_type: type[Any],
    asked_for: str,
    level: int | None,
) -> None:
    monkeypatch.setenv("FINSECURE_LOG", asked_for)
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest's own
    for _ in range(2):  # twice does not show it twice
        client_type(KEY)
    assert len(log.handlers) == (0 if level is None else 1)
    assert log.level == (level or logging.NOTSET)


def test_the_log_has_one_line_a_call_and_one_an_attempt_and_nothing_of_what_was_sent(
    wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "finsecure")
    server.route().side_effect = [
        httpx.Response(503, headers={"Retry-After": "2"}),
        httpx.Response(200, json={"id": "cus_secret", "object": "customer"}, headers={"Request-Id": "req_1"}),
    ]
    wire.call(lambda api: api.customers.update("cus_secret", name="Jane Secret"))
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "finsecure"]
    assert lines == [
        ("DEBUG", "PUT /v1/customers/{id} attempt=1 status=503 request_id=None error=APIError retry_in=2.000s"),
        ("DEBUG", "PUT /v1/customers/{id} attempt=2 status=200 request_id=req_1"),
        ("INFO", "PUT /v1/customers/{id} status=200 request_id=req_1 attempts=2 ms=2000"),
    ]


def test_a_quiet_log_costs_nothing_and_says_nothing(
    wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "finsecure")
    server.route().respond(json=CUSTOMER)
    wire.call(lambda api: api.customers.retrieve("cus_1"))
    assert [record for record in caplog.records if record.name == "finsecure"] == []


def test_elapsed_is_measured_by_the_clients_clock(wire: Door, server: respx.MockRouter, clock: Clock) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        clock.advance(1.5)
        return httpx.Response(200, json=CUSTOMER)

    server.route().mock(side_effect=answer)
    found = wire.call(lambda api: api.customers.retrieve("cus_1"))
    assert found.last_response is not None
    assert found.last_response.elapsed == 1.5


# ------------------------------------------------------------------------------------------------------------------
# What another client of the same settings talks to


@pytest.mark.parametrize("kind", ["sync", "async-asyncio"], indirect=True)
def test_a_host_that_was_chosen_stays_whatever_else_changes(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_door(base_url="https://api.finsecure.com").api  # with a test key: chosen, not picked by its mode
    monkeypatch.setenv("FINSECURE_BASE_URL", "https://elsewhere.example")
    for other in (client.with_options(timeout=5), client.with_options(api_key="sk_test_2"), copy.copy(client)):
        assert "https://api.finsecure.com'" in repr(other)


def test_a_host_that_the_mode_picked_follows_the_key_and_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    client = finsecure.Client(KEY)
    monkeypatch.setenv("FINSECURE_BASE_URL", "https://elsewhere.example")
    assert "api-sandbox.finsecure.com" in repr(client.with_options(timeout=5))
    live = client.with_options(api_key="sk_live_1")
    assert "https://api.finsecure.com'" in repr(live)
    assert "api-sandbox.finsecure.com" in repr(live.with_options(api_key="sk_test_2"))


def test_configure_names_an_option_that_there_is_not() -> None:
    with pytest.raises(finsecure.InvalidRequestError, match="Unknown option 'retries': pass one of api_key"):
        finsecure.configure(retries=3)  # type: ignore[call-arg]


@either
def test_a_value_that_is_a_secret_is_not_shown(client_type: type[Any]) -> None:
    """A key in the wrong place is an error that does not repeat it."""
    with pytest.raises(finsecure.InvalidRequestError, match="timeout is a str: pass") as caught:
        client_type(KEY, timeout="sk_test_12345678")
    assert "12345678" not in repr(caught.value)


@either
def test_a_ready_client_and_a_transport_are_one_too_many(client_type: type[Any]) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match="pass only one") as caught:
        client_type(KEY, http_client=object(), transport="httpx2")
    assert caught.value.param == "transport"


def test_options_that_are_refused_leave_what_was_configured(anywhere: respx.MockRouter) -> None:
    finsecure.configure(api_key=KEY, app_info="shop/1")
    with pytest.raises(finsecure.InvalidRequestError):
        finsecure.configure(timeout=-1)
    with pytest.raises(finsecure.AuthenticationError):
        finsecure.configure(api_key="sk_test_a b")
    assert finsecure.api_key == KEY
    finsecure.Customer.retrieve("cus_1")
    assert anywhere.calls.last.request.headers["user-agent"].endswith("shop/1")
    finsecure.configure(api_key=None)


def test_a_misspelt_option_leaves_no_key_in_the_frames_of_its_traceback() -> None:
    wrong: Any = {"api_key": KEY, "timeot": 3}
    with pytest.raises(TypeError, match="timeot") as caught:
        finsecure.Client(**wrong)
    frames = caught.tb.tb_next
    assert frames is not None
    while frames is not None:
        assert KEY not in repr(frames.tb_frame.f_locals)
        frames = frames.tb_next


@pytest.mark.parametrize("option", ["app_info", "api_version"])
def test_spaces_around_what_is_sent_as_a_header_are_refused(open_door: OpenDoor, option: str) -> None:
    with pytest.raises(finsecure.InvalidRequestError, match="spaces around it"):
        open_door(**{option: "shop/1 "})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_a_thread_begins_can_begin_as_well() -> None:
    script = (
        "import os, signal, threading\n"
        "import finsecure\n"
        "from finsecure import _default\n"
        "from finsecure.resources import _validate\n"
        "client = finsecure.Client('sk_test_1')\n"
        "with _validate._building, _default._lock:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        signal.alarm(20)\n"
        "        _validate.validator(finsecure.PaymentIntent)\n"
        "        finsecure.api_key = 'sk_test_1'\n"
        "        _default.client()\n"
        "        os._exit(7)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_thread_that_waited_for_a_model_takes_the_one_that_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    class Overtaken:
        """A lock that another thread got first."""

        def __enter__(self) -> None:
            monkeypatch.setattr(_validate, "_building", threading.Lock())
            self.others = _validate.validator(finsecure.Refund)

        def __exit__(self, *_: object) -> None:
            pass

    lock = Overtaken()
    monkeypatch.setattr(_validate, "_validators", {})
    monkeypatch.setattr(_validate, "_building", lock)
    assert _validate.validator(finsecure.Refund) is lock.others
