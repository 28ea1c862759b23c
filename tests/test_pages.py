"""Lists: one page at a time, all of them in order, and never in a circle. Reference: Pagination."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
import respx

import finsecure
from finsecure.sandbox import Clock

from .conftest import KEY

if TYPE_CHECKING:
    from tests.conftest import Door

Requests = Callable[[], list[httpx.Request]]


def page(*ids: str, more: bool = False, **rest: object) -> httpx.Response:
    """A page of customers."""
    data = [{"id": name, "object": "customer"} for name in ids]
    return httpx.Response(200, json={"object": "list", "data": data, "has_more": more, "url": "/v1/customers", **rest})


def ids(customers: Iterable[finsecure.Customer]) -> list[str]:
    return [customer.id for customer in customers]


def queries(requests: list[httpx.Request]) -> list[dict[str, str]]:
    return [dict(request.url.params) for request in requests]


def next_page(door: Door, page: finsecure.Page[finsecure.Customer]) -> finsecure.Page[finsecure.Customer] | None:
    return door.call(lambda _: page.next_page())


# ------------------------------------------------------------------------------------------------------------------
# One page


def test_a_page_has_the_objects_of_the_response(wire: Door, server: respx.MockRouter) -> None:
    server.get("/v1/customers").mock(page("cus_3", "cus_2", more=True))
    first = wire.call(lambda api: api.customers.list(limit=2))
    assert (ids(first.data), first.has_more, first.url) == (["cus_3", "cus_2"], True, "/v1/customers")
    assert not hasattr(first.data[0], "last_response")
    assert (first.last_response.status_code, first.last_response.attempts) == (200, 1)
    assert repr(first) == f"{type(first).__name__}(2 objects, has_more=True)"
    assert isinstance(first, finsecure.AsyncPage if wire.is_async else finsecure.Page)


def test_an_empty_list_is_one_empty_page(wire: Door, server: respx.MockRouter) -> None:
    server.route().mock(page())
    empty = wire.call(lambda api: api.customers.list())
    assert (empty.data, empty.has_more, bool(empty)) == ([], False, False)
    assert next_page(wire, empty) is None
    assert wire.all(lambda api: api.customers.list()) == []


def test_a_page_with_an_object_is_true_and_has_no_length(wire: Door, server: respx.MockRouter) -> None:
    """`if client.customers.list(email=...)` asks whether there is one; `len` would not be what iterating yields."""
    server.route().mock(page("cus_1"))
    first: Any = wire.call(lambda api: api.customers.list())
    assert first
    with pytest.raises(TypeError, match=r"use len\(page\.data\)"):
        len(first)
    assert first.data[0] in first.data


def test_an_async_list_that_was_not_awaited_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="await it for its first page"):
        bool(finsecure.AsyncClient(KEY).customers.list())


def test_a_page_without_a_url_is_a_page(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json={"object": "list", "data": [], "has_more": False, "new": 1})
    assert wire.call(lambda api: api.customers.list()).url is None


def test_next_page_goes_on_after_the_last_object_with_all_filters(
    wire: Door, server: respx.MockRouter, sent: Requests
) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), page("cus_1")]
    filters = {"email": "a@b.c", "limit": "2", "created[gte]": "1640995200"}
    since = datetime(2022, 1, 1, tzinfo=timezone.utc)
    first = wire.call(lambda api: api.customers.list(email="a@b.c", limit=2, created={"gte": since}))
    second = next_page(wire, first)
    assert second is not None
    assert (ids(second.data), second.has_more) == (["cus_1"], False)
    assert queries(sent()) == [filters, {**filters, "starting_after": "cus_2"}]


def test_there_is_no_next_page_after_the_last_and_nothing_is_asked(wire: Door, server: respx.MockRouter) -> None:
    server.route().mock(page("cus_1"))
    only = wire.call(lambda api: api.customers.list())
    assert next_page(wire, only) is None
    assert len(server.calls) == 1


def test_a_cursor_of_the_callers_gives_way_to_the_next_one(
    wire: Door, server: respx.MockRouter, sent: Requests
) -> None:
    server.route().side_effect = [page("cus_8", more=True), page("cus_7")]
    wire.all(lambda api: api.customers.list(starting_after="cus_9"))
    assert queries(sent()) == [{"starting_after": "cus_9"}, {"starting_after": "cus_8"}]


# ------------------------------------------------------------------------------------------------------------------
# All pages


def test_iterating_yields_every_object_in_order(wire: Door, server: respx.MockRouter, sent: Requests) -> None:
    server.route().side_effect = [page("cus_5", "cus_4", more=True), page("cus_3", "cus_2", more=True), page("cus_1")]
    assert ids(wire.all(lambda api: api.customers.list(limit=2))) == ["cus_5", "cus_4", "cus_3", "cus_2", "cus_1"]
    assert [query.get("starting_after") for query in queries(sent())] == [None, "cus_4", "cus_2"]


def test_pages_yields_every_page(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), page("cus_1")]
    assert [ids(one.data) for one in wire.pages(lambda api: api.customers.list())] == [["cus_3", "cus_2"], ["cus_1"]]


def test_after_ending_before_the_order_is_away_from_the_cursor(
    wire: Door, server: respx.MockRouter, sent: Requests
) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), page("cus_5", "cus_4")]
    found = wire.all(lambda api: api.customers.list(ending_before="cus_1", limit=2))
    assert ids(found) == ["cus_2", "cus_3", "cus_4", "cus_5"]
    assert queries(sent()) == [
        {"ending_before": "cus_1", "limit": "2"},
        {"ending_before": "cus_3", "limit": "2"},
    ]


def test_a_page_can_be_iterated_twice(server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_2", more=True), page("cus_1"), page("cus_1")]
    first = finsecure.Client(KEY).customers.list()
    assert ids(first) == ids(first) == ["cus_2", "cus_1"]


def test_a_page_is_fetched_only_when_it_is_reached(server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), page("cus_1")]
    customers = iter(finsecure.Client(KEY).customers.list())
    assert len(server.calls) == 1
    assert ids([next(customers), next(customers)]) == ["cus_3", "cus_2"]
    assert len(server.calls) == 1
    assert ids(customers) == ["cus_1"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_list_asks_nothing_before_it_is_awaited_or_iterated(server: respx.MockRouter, backend: str) -> None:
    server.route().side_effect = [page("cus_2", more=True), page("cus_1"), page("cus_2", more=True), page("cus_1")]

    async def main() -> None:
        customers = finsecure.AsyncClient(KEY).customers.list()
        assert isinstance(customers, finsecure.AsyncPages)
        assert repr(customers) == "<AsyncPages /v1/customers: use `async for`, or `await` it for the first page>"
        assert len(server.calls) == 0
        first = await customers
        assert len(server.calls) == 1
        assert [customer.id async for customer in first] == ["cus_2", "cus_1"]
        assert [customer.id async for customer in customers] == ["cus_2", "cus_1"]

    anyio.run(main, backend=backend)


def test_every_payment_is_listed_once_through_the_pages(door: Door) -> None:
    def pay(amount: int) -> int | None:
        return door.call(lambda api: api.payment_intents.create(amount=amount, currency="usd")).amount

    made = [pay(amount) for amount in range(1, 26)]
    listed = door.all(lambda api: api.payment_intents.list(limit=4))
    assert [intent.amount for intent in listed] == made[::-1]


# ------------------------------------------------------------------------------------------------------------------
# What goes wrong


def test_a_fault_on_the_third_page_is_survived_without_loss_or_repetition(
    wire: Door, server: respx.MockRouter, clock: Clock
) -> None:
    server.route().side_effect = [
        page("cus_3", more=True),
        page("cus_2", more=True),
        httpx.Response(429, headers={"Retry-After": "2"}),
        httpx.ReadError("reset"),
        page("cus_1"),
    ]
    assert ids(wire.all(lambda api: api.customers.list())) == ["cus_3", "cus_2", "cus_1"]
    assert clock.sleeps[0] == 2.0


def test_after_a_page_that_failed_the_one_before_can_be_asked_again(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_2", more=True), httpx.Response(401), page("cus_1")]
    first = wire.call(lambda api: api.customers.list())
    with pytest.raises(finsecure.AuthenticationError):
        next_page(wire, first)
    again = next_page(wire, first)
    assert again is not None
    assert ids(again.data) == ["cus_1"]


MALFORMED: dict[str, tuple[httpx.Response, str]] = {
    "an empty page with more": (page(more=True), "the page is empty, but has_more is true"),
    "no list": (httpx.Response(200, json={"object": "customer", "id": "cus_1"}), "page of Customer objects"),
    "no data": (httpx.Response(200, json={"object": "list", "has_more": False}), r"data is missing"),
    "no has_more": (httpx.Response(200, json={"object": "list", "data": []}), "has_more is missing"),
    "data is no list": (page(data={}), "data has the wrong type"),
    "another object in it": (
        page(data=[{"id": "pi_1", "object": "payment_intent"}]),
        r"data\.object has an unexpected value",
    ),
    "no id": (page(data=[{"object": "customer"}]), r"data\.id is missing"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_page_that_is_none_is_asked_for_again_and_then_an_error(
    wire: Door, server: respx.MockRouter, case: str
) -> None:
    wrong, says = MALFORMED[case]
    server.route().side_effect = [wrong, wrong, page("cus_1"), wrong, wrong, wrong]
    assert ids(wire.all(lambda api: api.customers.list())) == ["cus_1"]
    with pytest.raises(finsecure.APIError, match=says) as caught:
        wire.all(lambda api: api.customers.list())
    assert (caught.value.http_status, caught.value.maybe_executed, len(server.calls)) == (200, False, 6)


@pytest.mark.parametrize(
    ("cursor", "answered"),
    [({"starting_after": "cus_2"}, ("cus_3", "cus_2")), ({"ending_before": "cus_2"}, ("cus_2", "cus_1"))],
)
def test_a_page_that_ends_where_it_began_is_refused(
    wire: Door, server: respx.MockRouter, cursor: dict[str, str], answered: tuple[str, str]
) -> None:
    server.route().mock(page(*answered, more=True))
    with pytest.raises(finsecure.APIError, match="repeats the object that it should continue from"):
        wire.all(lambda api: api.customers.list(**cursor))  # type: ignore[arg-type]
    assert len(server.calls) == 3


@pytest.mark.parametrize("cursor", [{}, {"ending_before": "cus_0"}])
def test_pages_that_run_in_a_circle_end(wire: Door, server: respx.MockRouter, cursor: dict[str, str]) -> None:
    round_and_round = [page("cus_3", more=True), page("cus_2", more=True), page("cus_1", more=True)]
    server.route().side_effect = round_and_round * 3
    with pytest.raises(finsecure.APIError, match="run in a circle") as caught:
        wire.all(lambda api: api.customers.list(**cursor))  # type: ignore[arg-type]
    assert (len(server.calls), caught.value.http_status) == (4, 200)


def test_objects_that_come_or_go_meanwhile_disturb_no_others(door: Door) -> None:
    made = [door.call(lambda api: api.customers.create()).id for _ in range(4)]
    first = door.call(lambda api: api.customers.list(limit=2))
    door.call(lambda api: api.customers.create())
    door.call(lambda api: api.customers.delete(made[1]))
    second = next_page(door, first)
    assert second is not None
    assert (ids(first.data), ids(second.data)) == ([made[3], made[2]], [made[0]])


def test_a_cursor_that_is_not_there_is_the_servers_to_refuse(door: Door) -> None:
    with pytest.raises(finsecure.InvalidRequestError) as caught:
        door.call(lambda api: api.customers.list(starting_after="cus_99"))
    assert caught.value.param == "starting_after"


def test_later_pages_are_asked_for_with_the_same_key(
    open_door: Callable[..., Door], server: respx.MockRouter, sent: Requests, clock: Clock
) -> None:
    server.route().side_effect = [page("cus_2", more=True), page("cus_1")]
    open_door("sk_test_other", clock=clock).all(lambda api: api.customers.list())
    assert [request.headers["authorization"] for request in sent()] == ["Bearer sk_test_other"] * 2


def test_a_last_page_that_repeats_the_one_before_is_refused(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), *[page("cus_3", "cus_2")] * 3]
    with pytest.raises(finsecure.APIError, match="repeats the object that it should continue from"):
        wire.all(lambda api: api.customers.list())


def test_a_page_that_overlaps_the_one_before_is_refused(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), page("cus_3", "cus_1")]
    with pytest.raises(finsecure.APIError, match="repeat themselves"):
        wire.all(lambda api: api.customers.list())


def test_sorting_the_objects_of_a_page_does_not_move_its_cursor(wire: Door, server: respx.MockRouter) -> None:
    server.route().side_effect = [page("cus_3", "cus_2", more=True), page("cus_1")]
    first = wire.call(lambda api: api.customers.list())
    first.data.reverse()
    following = first.next_page()
    if wire.is_async:
        wire.run(lambda: following)  # type: ignore[arg-type, return-value]
    assert server.calls.last.request.url.params["starting_after"] == "cus_2"


def test_a_page_offers_only_our_names(wire: Door, server: respx.MockRouter) -> None:
    """Completion shows what a page has and can do, and nothing of its insides."""
    server.route().respond(200, json={"object": "list", "data": [], "has_more": False, "url": "/v1/customers"})
    offered = {*dir(wire.call(lambda api: api.customers.list()))}
    assert offered >= {"data", "has_more", "next_page", "to_dict"}
    assert not {name for name in offered if name.startswith("_") and not name.startswith("__")}
