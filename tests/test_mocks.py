"""Mocks that look in force are in force: a test that replaces something never makes a payment."""

from __future__ import annotations

import functools
import inspect
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import anyio
import httpx
import httpx2
import pytest
import respx

import finsecure
from finsecure.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Door

OpenDoor = Callable[..., "Door"]

CUSTOMER = {"id": "cus_mock", "object": "customer"}


def create(api: Any) -> Any:
    return api.customers.create()


@pytest.fixture
def served(sandbox: Sandbox) -> Iterator[Any]:
    """A sandbox on a port, which counts what reaches it."""
    with sandbox.serve() as server:
        yield server


@pytest.fixture(params=["httpx", "httpx2", "pyreqwest"])
def transport(request: pytest.FixtureRequest, kind: str) -> str:
    """The name of a transport, where it runs."""
    name: str = request.param
    if name == "pyreqwest" and (kind == "async-trio" or sys.version_info < (3, 11)):
        pytest.skip("pyreqwest runs in asyncio, from Python 3.11 on")
    return name


@pytest.fixture
def real(transport: str, open_door: OpenDoor, sandbox: Sandbox, served: Any) -> Door:
    """A door that has sent over each transport before the test replaces anything."""
    door = open_door(sandbox.secret_key, base_url=served.base_url, transport=transport, max_retries=0)
    assert door.call(create).id == "cus_1"
    return door


def made(sandbox: Sandbox) -> int:
    """How many customers there are."""
    return len(sandbox.client().customers.list(limit=100).data)


def answer() -> httpx.Response:
    return httpx.Response(200, json=CUSTOMER)


# ------------------------------------------------------------------------------------------------------------------
# Mocks of httpx


def replace_transports(patch: pytest.MonkeyPatch, library: Any, handle: Callable[[Any], Any]) -> None:
    """As VCR.py and pytest-httpx do it."""
    sync, asynchronous = library.HTTPTransport.handle_request, library.AsyncHTTPTransport.handle_async_request

    @functools.wraps(sync)
    def handle_request(transport: Any, request: Any) -> Any:
        return handle(request) or sync(transport, request)

    @functools.wraps(asynchronous)
    async def handle_async_request(transport: Any, request: Any) -> Any:
        return handle(request) or await asynchronous(transport, request)

    patch.setattr(library.HTTPTransport, "handle_request", handle_request)
    patch.setattr(library.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def test_a_replaced_transport_answers_in_the_servers_place(
    real: Door, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VCR.py and pytest-httpx see every request, and nothing goes out."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer()

    with monkeypatch.context() as patch:
        replace_transports(patch, httpx, handle)
        assert real.call(create).id == "cus_mock"
    assert [(request.method, request.url.path) for request in seen] == [("POST", "/v1/customers")]
    assert seen[0].headers["idempotency-key"]
    assert made(sandbox) == 1
    assert real.call(create).id == "cus_2"


def test_what_a_replaced_transport_lets_through_is_sent_once(
    real: Door, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VCR.py records what the server answers."""
    with monkeypatch.context() as patch:
        replace_transports(patch, httpx, lambda request: None)
        assert real.call(create).id == "cus_2"
    assert made(sandbox) == 2


def test_a_mock_of_httpx2_sees_what_httpx2_sends(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    door = open_door(base_url="http://127.0.0.1:9", transport="httpx2", max_retries=0)
    replace_transports(monkeypatch, httpx2, lambda request: httpx2.Response(200, json=CUSTOMER))
    assert door.call(create).id == "cus_mock"


def test_an_exception_of_a_mock_leaves_the_call_unchanged(real: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """VCR.py raises its own where a cassette has no answer."""

    class NothingRecordedError(Exception):
        pass

    def handle(request: httpx.Request) -> httpx.Response:
        raise NothingRecordedError

    replace_transports(monkeypatch, httpx, handle)
    with pytest.raises(NothingRecordedError):
        real.call(create)


def test_a_timeout_of_a_mock_is_ours(real: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-httpx raises one where no answer is registered."""

    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer was registered", request=request)

    replace_transports(monkeypatch, httpx, handle)
    with pytest.raises(finsecure.APITimeoutError):
        real.call(create)


@pytest.mark.parametrize("using", ["httpx", "httpcore"])
def test_respx_answers_in_the_servers_place(real: Door, sandbox: Sandbox, using: str) -> None:
    """At httpx or at httpcore, over each transport: also over httpx2, of whose httpcore2 it does not know."""
    with respx.mock(using=using) as router:
        router.post(path="/v1/customers").respond(json=CUSTOMER)
        assert real.call(create).id == "cus_mock"
    assert made(sandbox) == 1


def test_a_patched_send_of_httpx_is_in_force(real: Door, sandbox: Sandbox) -> None:
    with (
        mock.patch.object(httpx.Client, "send", return_value=answer()) as send,
        mock.patch.object(httpx.AsyncClient, "send", return_value=answer()) as send_async,
    ):
        assert real.call(create).id == "cus_mock"
    assert send.call_count + send_async.call_count == 1
    assert made(sandbox) == 1


# ------------------------------------------------------------------------------------------------------------------
# Mocks of this package


def result(door: Door, value: Any) -> Any:
    """A replacement that answers as this door's operations do."""
    return mock.AsyncMock(return_value=value) if door.is_async else mock.Mock(return_value=value)


def test_an_operation_that_is_replaced_on_its_class_is_so_for_clients_that_were_used_before(
    door: Door, sandbox: Sandbox
) -> None:
    door.call(create)
    with mock.patch.object(finsecure.Customers, "create", new=result(door, "mocked")):
        assert door.call(create) == "mocked"
        assert made(sandbox) == 1
    assert door.call(create).id == "cus_2"


def test_so_is_send(kind: str, door: Door, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    door.call(create)
    client = finsecure.AsyncClient if door.is_async else finsecure.Client
    with monkeypatch.context() as patch:
        patch.setattr(client, "send", result(door, "mocked"))
        assert door.call(create) == "mocked"
    if kind != "module":
        with monkeypatch.context() as patch:
            patch.setattr(door.api, "send", result(door, "mocked"))
            assert door.call(create) == "mocked"
    assert made(sandbox) == 1


def test_a_list_that_is_replaced_is_so_too(sandbox: Sandbox) -> None:
    client = sandbox.client()
    client.customers.list()
    with mock.patch.object(finsecure.Customers, "list", return_value=["mocked"]):
        assert client.customers.list() == ["mocked"]  # type: ignore[comparison-overlap]
        assert finsecure.Customer.list() == ["mocked"]  # type: ignore[comparison-overlap]


def test_an_autospec_of_an_operation_knows_its_parameters(sandbox: Sandbox) -> None:
    client: Any = sandbox.client()
    with mock.patch.object(finsecure.PaymentIntents, "create", autospec=True, return_value="mocked") as replaced:
        assert client.payment_intents.create(amount=1, currency="usd") == "mocked"
        with pytest.raises(TypeError, match="amount"):
            client.payment_intents.create(amout=1, currency="usd")
    replaced.assert_called_once_with(amount=1, currency="usd")


def test_an_operation_that_is_replaced_on_a_client_is_so_for_that_client_alone(sandbox: Sandbox) -> None:
    client, other = sandbox.client(), sandbox.client()
    with mock.patch.object(client.customers, "create", autospec=True, return_value="mocked"):
        assert client.customers.create() == "mocked"
        assert other.customers.create().id == "cus_1"
    assert client.customers.create().id == "cus_2"


@pytest.mark.parametrize("client_type", [finsecure.Client, finsecure.AsyncClient])
def test_an_autospec_of_a_client_has_its_operations(client_type: type[Any]) -> None:
    """Of the class or of a client; what it does not have, or what an operation does not take, is refused."""
    for client in (mock.create_autospec(client_type)(), mock.create_autospec(client_type("sk_test_1"))):
        client.payment_intents.create(amount=2000, currency="usd").close()  # a coroutine, of an AsyncClient
        client.customers.list(limit=3)
        with pytest.raises(TypeError, match="amount"):
            client.payment_intents.create(amout=2000, currency="usd")
        with pytest.raises(AttributeError, match="creat"):
            client.payment_intents.creat(amount=2000, currency="usd")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs inspect.markcoroutinefunction")
def test_an_autospec_of_an_async_client_is_awaited() -> None:
    client = mock.create_autospec(finsecure.AsyncClient, instance=True)
    client.customers.create.return_value = "mocked"

    async def main() -> Any:
        return await client.customers.create()

    assert anyio.run(main) == "mocked"
    real = finsecure.AsyncClient("sk_test_1")
    assert inspect.iscoroutinefunction(real.customers.create)
    assert not inspect.iscoroutinefunction(real.customers.list)


def test_module_level_operations_pickle_by_name() -> None:
    """A job queue takes `finsecure.Customer.retrieve` as it takes any function."""
    for function in (finsecure.Customer.retrieve, finsecure.PaymentIntents.create, finsecure.Refund.list):
        assert pickle.loads(pickle.dumps(function)) is function
    assert finsecure.Customer.retrieve.__qualname__ == "Customer.retrieve"
