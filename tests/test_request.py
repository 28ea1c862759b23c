"""A way out: calls that have no method yet, headers of one's own, keys that rotate, options that can be read."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

import finsecure
from finsecure.sandbox import Sandbox

if TYPE_CHECKING:
    import respx

    from tests.conftest import Door

INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 500, "currency": "usd", "status": "succeeded"}


def ask(door: Door, *args: Any, **options: Any) -> Any:
    """`request` through any door."""
    if door.name == "module":
        return cast("Any", finsecure).request(*args, **options)
    return door.call(lambda api: cast("Any", api).request(*args, **options))


def ask_list(door: Door, *args: Any, **options: Any) -> Any:
    """`request_list` through any door."""
    if door.name == "module":
        return cast("Any", finsecure).request_list(*args, **options)
    return door.call(lambda api: cast("Any", api).request_list(*args, **options))


def test_an_operation_that_is_not_known_yet_is_called(wire: Door, server: respx.MockRouter) -> None:
    """The body is sent as it is, under a key, and the answer is the class that was asked for."""
    server.route().respond(json=INTENT)
    path = "/v1/payment_intents/pi_1/capture"
    given = {"amount": 500, "new": {"deep": [1, None]}}
    intent = ask(wire, "post", path, given, returns=finsecure.PaymentIntent, idempotency_key="order_1")
    request = server.calls.last.request
    assert (request.method, request.url.path) == ("POST", path)
    assert request.content == b'{"amount":500,"new":{"deep":[1,null]}}'
    assert request.headers["idempotency-key"] == intent.last_response.idempotency_key == "order_1"
    assert type(intent) is finsecure.PaymentIntent


def test_without_a_class_every_field_is_kept(wire: Door, server: respx.MockRouter) -> None:
    """Even an object without an id, or without a name for what it is."""
    server.route().respond(json={"balance": [{"amount": 5}], "id": None}, headers={"Request-Id": "req_1"})
    balance = ask(wire, "GET", "/v1/balance", {"expand": "a b", "live": True, "none": None})
    assert isinstance(balance, finsecure.Object)
    assert balance.to_dict() == {"balance": [{"amount": 5}], "id": None}
    assert balance.last_response.request_id == "req_1"
    assert server.calls.last.request.url.raw_path == b"/v1/balance?expand=a+b&live=true"
    server.route().respond(json={"deleted": True})
    gone = ask(wire, "DELETE", "/v1/things/th_1")
    assert gone.to_dict() == {"deleted": True}
    with pytest.raises(AttributeError, match="id did not come"):
        _ = gone.id
    assert "AnyObject" in repr(gone)


def test_a_list_that_is_not_known_yet_is_paged(door: Door) -> None:
    """`request_list` answers pages, as `list` does."""
    for _ in range(3):
        door.call(lambda api: api.customers.create())
    first = ask_list(door, "/v1/customers", {"limit": 2}, returns=finsecure.Customer)
    assert [type(item) for item in first.data] == [finsecure.Customer] * 2
    rest = door.call(lambda _: first.next_page())
    assert rest is not None
    assert (len(rest.data), rest.has_more) == (1, False)
    assert isinstance(ask_list(door, "/v1/customers").data[0], finsecure.Object)


def test_errors_and_retries_are_those_of_any_call(wire: Door, server: respx.MockRouter) -> None:
    """A refusal is typed; a failure is tried again under one key."""
    server.route().respond(404, json={"error": {"type": "invalid_request_error", "code": "resource_missing"}})
    with pytest.raises(finsecure.InvalidRequestError):
        ask(wire, "GET", "/v1/things/th_1")
    server.route().respond(503)
    with pytest.raises(finsecure.APIError) as caught:
        ask(wire, "POST", "/v1/things")
    keys = [call.request.headers.get("idempotency-key") for call in cast("list[Any]", server.calls)]
    assert keys[-3:] == [caught.value.idempotency_key] * 3


WRONG: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    (("PATCH", "/v1/x"), {}, "method"),
    ((5, "/v1/x"), {}, "method"),
    (("GET", "https://evil.example/v1/x"), {}, "path"),
    (("GET", "//evil.example/v1/x"), {}, "path"),
    (("GET", "/v1/../x"), {}, "path"),
    (("GET", "/v1/%2e%2E/x"), {}, "path"),
    (("GET", "/v1/x/.%2e"), {}, "path"),
    (("GET", "/v1/x?limit=1"), {}, "path"),
    (("GET", "/v1/"), {}, "path"),
    (("GET", "v1/x"), {}, "path"),
    (("GET", "/v1/x y"), {}, "path"),
    (("GET", None), {}, "path"),
    (("GET", "/v1/x", [1]), {}, "params"),
    (("GET", "/v1/x", {5: 1}), {}, "params"),
    (("GET", "/v1/x", {"a": [1]}), {}, "a"),
    (("GET", "/v1/x", {"a": {"gte": datetime(2026, 1, 1, tzinfo=timezone.utc)}}), {}, "a"),
    (("POST", "/v1/x", {"a": {1, 2}}), {}, "a"),
    (("PUT", "/v1/x"), {"idempotency_key": "order_1"}, "idempotency_key"),
    (("POST", "/v1/x"), {"idempotency_key": " "}, "idempotency_key"),
]


@pytest.mark.parametrize(("args", "options", "param"), WRONG, ids=str)
def test_what_cannot_be_sent_is_refused_by_name(
    wire: Door, server: respx.MockRouter, args: tuple[Any, ...], options: dict[str, Any], param: str
) -> None:
    """Another host, a query in the path, values that HTTP does not have: nothing is sent."""
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        ask(wire, *args, **options)
    assert (caught.value.param, len(server.calls)) == (param, 0)
    assert "path is a str" not in str(caught.value)


def test_a_publishable_key_may_ask_for_no_more_than_before(
    open_door: Callable[..., Door], server: respx.MockRouter
) -> None:
    """It creates payment methods, and nothing else."""
    door = open_door("pk_test_1")
    server.route().respond(json={"id": "pm_1", "object": "payment_method"})
    assert ask(door, "POST", "/v1/payment_methods", {"type": "card"}).id == "pm_1"
    with pytest.raises(finsecure.AuthenticationError, match="GET /v1/payment_methods needs a secret key"):
        ask(door, "GET", "/v1/payment_methods")


# ------------------------------------------------------------------------------------------------------------------
# Options


def test_headers_of_ones_own_are_sent(open_door: Callable[..., Door], server: respx.MockRouter) -> None:
    """With each request, beside the client's own; no `repr` shows them."""
    server.route().respond(json={"id": "cus_1", "object": "customer"})
    door = open_door(default_headers={"X-Gateway": "token one"})
    door.call(lambda api: api.customers.create())
    assert server.calls.last.request.headers["x-gateway"] == "token one"
    assert "token one" not in repr(door.api)
    if door.name != "module":
        door.api = door.api.with_options(default_headers={"traceparent": "00-1"})
        door.call(lambda api: api.customers.create())
        assert "x-gateway" not in server.calls.last.request.headers
        assert server.calls.last.request.headers["traceparent"] == "00-1"


@pytest.mark.parametrize(
    "headers",
    [
        [("a", "b")],
        {"Authorization": "Bearer x"},
        {"idempotency-key": "x"},
        {"Idempotency_Key": "x"},
        {"Keep-Alive": "1"},
        {"Host": "x"},
        {"CONTENT-TYPE": "x"},
        {"Range": "bytes=0-9"},
        {"If-None-Match": "*"},
        {"Cookie": "session=1"},
        {"Proxy-Authorization": "Basic x"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"a b": "x"},
        {5: "x"},
        {"a": "x\r\ny"},
        {"a": 5},
        {"": "x"},
    ],
    ids=str,
)
def test_headers_that_are_the_clients_are_refused(headers: Any) -> None:
    """So are those that would spoil a response, show a password to the API or change what a call does."""
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        finsecure.Client("sk_test_1", default_headers=headers)
    assert caught.value.param == "default_headers"


def test_a_key_that_rotates_is_asked_for_each_call(open_door: Callable[..., Door], server: respx.MockRouter) -> None:
    """`api_key` may be a function: each call is sent with the key of its moment."""
    server.route().respond(json={"id": "cus_1", "object": "customer"})
    keys = iter(["sk_test_one", "sk_test_one", "sk_test_two", "sk_test_two"])
    door = open_door(lambda: next(keys))
    for key in ("sk_test_one", "sk_test_two", "sk_test_two"):
        door.call(lambda api: api.customers.create())
        assert server.calls.last.request.headers["authorization"] == f"Bearer {key}"


async def no_key() -> str:
    """An async function, which no constructor can await."""
    return "sk_test_1"


@pytest.mark.parametrize(("function", "why"), [(no_key, "async function"), (lambda: None, "None"), (lambda: 5, "int")])
def test_a_function_that_gives_no_key_is_refused(function: Any, why: str) -> None:
    """What it returned is said, and nothing was sent; what it raises is the program's own."""
    with pytest.raises(finsecure.AuthenticationError, match=why):
        finsecure.Client(function)

    def broken() -> str:
        raise LookupError("the vault is sealed")

    with pytest.raises(LookupError, match="the vault is sealed"):
        finsecure.Client(broken)


@pytest.mark.parametrize("kind", ["sync", "async-asyncio"], indirect=True)
def test_options_can_be_read(open_door: Callable[..., Door]) -> None:
    """As they were given, the key only masked."""
    door = open_door(
        "sk_test_1234567890", timeout=5, max_retries=1, deadline=9, app_info="shop/1", max_response_size=99
    )
    api = door.api
    assert (api.timeout, api.max_retries, api.deadline, api.app_info, api.max_response_size) == (5, 1, 9, "shop/1", 99)
    assert (api.base_url, api.api_version) == ("https://api-sandbox.finsecure.com", finsecure.API_VERSION)
    assert api.api_key == "sk_test_[hidden]"
    assert not api.is_closed
    door.close()
    assert api.is_closed
    assert api.with_options(timeout=6).is_closed


TRANSPORTS: list[dict[str, Any]] = [
    {"transport": "httpx"},
    {"transport": "httpx2"},
    {"transport": "pyreqwest"},
    {"http_client": True},
]


@pytest.mark.parametrize("options", TRANSPORTS, ids=str)
def test_every_transport_says_whether_it_is_closed(options: dict[str, Any]) -> None:
    """Closed or not, sync and async, with the library's own connections and with yours."""
    pytest.importorskip("pyreqwest" if options.get("transport") == "pyreqwest" else "httpx")
    with httpx.Client() as http_client:
        given: dict[str, Any] = {"http_client": http_client} if "http_client" in options else options
        client: Any = finsecure.Client("sk_test_1", **given)
        assert not client.is_closed
        client.close()
        assert client.is_closed

    async def use() -> None:
        async with httpx.AsyncClient() as http_client:
            given: dict[str, Any] = {"http_client": http_client} if "http_client" in options else options
            async_client: Any = finsecure.AsyncClient("sk_test_1", **given)
            assert not async_client.is_closed
            await async_client.aclose()
            assert async_client.is_closed

    asyncio.run(use())


# ------------------------------------------------------------------------------------------------------------------
# Pages in both directions


def test_a_page_leads_back(door: Door) -> None:
    """`previous_page` asks for the newer objects, and the page that it gives leads on to this one."""
    customers = [door.call(lambda api: api.customers.create()).id for _ in range(5)][::-1]
    first = door.call(lambda api: api.customers.list(limit=2))
    second = door.call(lambda _: first.next_page())
    assert second is not None
    assert (first.next_cursor, second.previous_cursor) == (customers[1], customers[2])
    back = door.call(lambda _: second.previous_page())
    assert back is not None
    assert [item.id for item in back.data] == customers[:2]
    again = door.call(lambda _: back.next_page())
    assert again is not None
    assert [item.id for item in again.data] == customers[2:4]
    assert door.call(lambda _: first.previous_page()) is None
    last = door.call(lambda _: again.next_page())
    assert last is not None
    assert (last.has_more, last.next_cursor) == (False, None)


def test_a_page_towards_newer_objects_leads_back_to_older_ones(door: Door) -> None:
    """After `ending_before` the sides are exchanged."""
    customers = [door.call(lambda api: api.customers.create()).id for _ in range(5)][::-1]
    page = door.call(lambda api: api.customers.list(limit=2, ending_before=customers[3]))
    assert [item.id for item in page.data] == customers[1:3]
    assert (page.next_cursor, page.previous_cursor) == (customers[2], customers[1])
    older = door.call(lambda _: page.previous_page())
    assert older is not None
    assert [item.id for item in older.data] == customers[3:]
    newer = door.call(lambda _: older.next_page())
    assert newer is not None
    assert [item.id for item in newer.data] == customers[1:3]


def test_an_empty_page_leads_nowhere(door: Door) -> None:
    """Neither on nor back, and no request is made for it."""
    empty = door.call(lambda api: api.customers.list())
    assert (empty.next_cursor, empty.previous_cursor) == (None, None)
    assert door.call(lambda _: empty.previous_page()) is None


def test_a_page_becomes_a_dict_and_pickles(door: Door) -> None:
    """Its objects come along; the client does not, so that it fetches no more and says how to go on."""
    customer = door.call(lambda api: api.customers.create(email="a@example.com"))
    door.call(lambda api: api.customers.create())
    page = door.call(lambda api: api.customers.list(limit=1))
    assert page.to_dict()["data"] == [item.to_dict() for item in page.data]
    assert (page.to_dict()["object"], page.to_dict()["has_more"]) == ("list", True)
    copied = pickle.loads(pickle.dumps(page))
    assert copied.data == page.data
    with pytest.raises(finsecure.InvalidRequestError, match=f"starting_after={page.data[0].id!r}"):
        door.call(lambda _: copied.next_page())
    assert customer.id not in repr(copied)


# ------------------------------------------------------------------------------------------------------------------
# Rows


def test_rows_are_plain() -> None:
    """What pandas and polars read: no secret, a moment in time, amounts in both units, metadata in columns."""
    with Sandbox() as sandbox, sandbox.client() as client:
        for amount in (1999, 500):
            client.payment_intents.create(amount=amount, currency="usd", metadata={"order_id": str(amount)})
        second, first = finsecure.rows(client.payment_intents.list(limit=1))
        assert (first["amount"], first["amount_decimal"]) == (1999, Decimal("19.99"))
        assert (second["metadata.order_id"], type(second["created"])) == ("500", datetime)
        assert second["created"].tzinfo is not None
        assert not any("secret" in name for name in first)
        assert finsecure.rows(client.payment_intents.list(limit=1).data)[0]["amount"] == 500
        assert "created" not in finsecure.rows([finsecure.PaymentIntent(id="pi_1", amount=5)])[0]
        assert "amount_decimal" not in finsecure.rows([finsecure.PaymentIntent(id="pi_1", currency="usd")])[0]
        event = finsecure.rows([finsecure.testing.event("invoice.payment_failed")])[0]
        for name in ("amount_due", "amount_paid"):
            assert isinstance(event[f"data.object.{name}_decimal"], Decimal)
        for name in ("created", "data.object.created", "data.object.period_end"):
            assert type(event[name]) is datetime


@pytest.mark.parametrize("objects", [5, [1], finsecure.PaymentIntent(id="pi_1")], ids=str)
def test_what_is_no_object_makes_no_row(objects: Any) -> None:
    """Said by name, before a frame of tuples is made of it."""
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        finsecure.rows(objects)
    assert caught.value.param == "objects"


def test_no_log_shows_the_ids_of_a_raw_path(
    wire: Door, server: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """The template of a raw path has `{id}` where ids stand, also on the next page."""
    server.route().respond(json={"object": "list", "data": [{"id": "pm_1"}], "has_more": True})
    with caplog.at_level("DEBUG", "finsecure"):
        ask_list(wire, "/v1/customers/cus_1/payment_methods")
    assert "GET /v1/customers/{id}/payment_methods" in caplog.text
    assert "cus_1" not in caplog.text
    assert caplog.records[-1].__dict__["operation"] == "customers.payment_methods"


NO_CLASSES: list[Any] = [dict, "PaymentIntent", finsecure.Card, finsecure.Page, INTENT, list[finsecure.Refund]]


@pytest.mark.parametrize("returns", NO_CLASSES)
def test_what_is_no_class_of_objects_is_refused(wire: Door, server: respx.MockRouter, returns: Any) -> None:
    """Before anything is sent, and by its name."""
    with pytest.raises(finsecure.InvalidRequestError, match=r"finsecure\.PaymentIntent, or a subclass") as caught:
        ask(wire, "GET", "/v1/payment_intents/pi_1", returns=returns)
    assert caught.value.param == "returns"
    assert not server.calls


def test_a_class_of_ones_own_and_any_event_are_returned(wire: Door, server: respx.MockRouter) -> None:
    """A subclass of `Object`; `Event` and `AnyEvent` are the kind that came."""

    class Dispute(finsecure.Object):
        reason: str | None = None

    route = server.route().respond(json={"id": "dp_1", "object": "dispute", "reason": "fraudulent"})
    dispute = ask(wire, "GET", "/v1/disputes/dp_1", returns=Dispute)
    assert (type(dispute), dispute.reason) == (Dispute, "fraudulent")
    event = {"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {"id": "cus_1"}}}
    route.respond(json=event)
    for kind in (finsecure.Event, finsecure.AnyEvent):
        assert type(ask(wire, "GET", "/v1/events/evt_1", returns=kind)) is finsecure.webhooks.CustomerCreated


def test_default_headers_can_be_read_and_are_not_shown() -> None:
    """A gateway's key is no business of a repr."""
    client = finsecure.Client("sk_test_1", default_headers={"X-Gateway": "abc123"})
    assert client.default_headers["x-gateway"] == "abc123"
    assert "abc123" not in repr(client) + repr(client.default_headers)
