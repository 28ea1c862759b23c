"""Lists: cursors, pages and filters. Reference: Consistency Standards, "cursor-based pagination"."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finsecure.sandbox import Clock, Sandbox
from finsecure.sandbox._checks import CREATED
from finsecure.sandbox._routes import ROUTES
from finsecure.sandbox._work import _PAGE
from tests.benchmarks.sandbox import fill


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


@pytest.fixture
def customers(api: httpx.Client) -> list[str]:
    """Twelve customers of the same second, newest first."""
    return [api.post("/v1/customers", json={}).json()["id"] for _ in range(12)][::-1]


def test_a_page_is_ten_newest_first(api: httpx.Client, customers: list[str]) -> None:
    body = api.get("/v1/customers").json()
    assert ids(api.get("/v1/customers")) == customers[:10]
    assert (body["object"], body["has_more"], body["url"]) == ("list", True, "/v1/customers")


def test_starting_after_gives_the_older_ones(api: httpx.Client, customers: list[str]) -> None:
    answer = api.get(f"/v1/customers?starting_after={customers[9]}")
    assert ids(answer) == customers[10:]
    assert answer.json()["has_more"] is False


def test_ending_before_gives_the_newer_ones_nearest_first(api: httpx.Client, customers: list[str]) -> None:
    answer = api.get(f"/v1/customers?limit=3&ending_before={customers[5]}")
    assert ids(answer) == customers[2:5]
    assert answer.json()["has_more"] is True
    assert api.get(f"/v1/customers?limit=5&ending_before={customers[5]}").json()["has_more"] is False


def test_a_cursor_that_was_deleted_still_marks_its_place(api: httpx.Client, customers: list[str]) -> None:
    api.delete(f"/v1/customers/{customers[9]}")
    assert ids(api.get(f"/v1/customers?starting_after={customers[9]}")) == customers[10:]


def test_what_is_added_between_pages_is_not_seen_twice(api: httpx.Client, customers: list[str]) -> None:
    first = ids(api.get("/v1/customers?limit=6"))
    api.post("/v1/customers", json={})
    assert first + ids(api.get(f"/v1/customers?limit=6&starting_after={first[-1]}")) == customers


@settings(max_examples=40, deadline=None)
@given(total=st.integers(0, 23), limit=st.integers(1, 12), gaps=st.lists(st.integers(0, 1), min_size=23, max_size=23))
def test_walking_the_pages_either_way_meets_everything_once(total: int, limit: int, gaps: list[int]) -> None:
    with (
        Sandbox(clock=Clock(0)) as sandbox,
        httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as api,
    ):
        api.headers["Authorization"] = f"Bearer {sandbox.secret_key}"
        made: list[str] = []
        for gap in gaps[:total]:
            sandbox.clock.advance(gap)
            made.insert(0, api.post("/v1/customers", json={}).json()["id"])

        forward: list[str] = []
        more = True
        while more:
            cursor = {"starting_after": forward[-1]} if forward else {}
            page = api.get("/v1/customers", params={"limit": limit, **cursor})
            forward += ids(page)
            more = page.json()["has_more"]
        assert forward == made

        backward = made[-1:]
        more = bool(made)
        while more:
            page = api.get("/v1/customers", params={"limit": limit, "ending_before": backward[0]})
            backward = ids(page) + backward
            more = page.json()["has_more"]
        assert backward == made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("created[gte]=1640995210", ["cus_3", "cus_2"]),
        ("created[gt]=1640995210", ["cus_3"]),
        ("created[lte]=1640995210", ["cus_2", "cus_1"]),
        ("created[lt]=1640995210", ["cus_1"]),
        ("created[gt]=1640995200&created[lt]=1640995220", ["cus_2"]),
        ("created%5Bgte%5D=2022-01-01T00:00:10Z", ["cus_3", "cus_2"]),
        ("created[gt]=2022-01-01T01:00:10%2B01:00", ["cus_3"]),
        ("created[gt]=2022-01-01T00:00:10", ["cus_3"]),
        ("created[gte]=2022-01-02", []),
        ("created[gt]=1640995209.5", ["cus_3", "cus_2"]),
        ("created[gte]=-1&limit=1", ["cus_3"]),
    ],
)
def test_created_filters_by_unix_time_and_iso_8601(
    sandbox: Sandbox, api: httpx.Client, query: str, expected: list[str]
) -> None:
    for _ in range(3):
        api.post("/v1/customers", json={})
        sandbox.clock.advance(10)
    assert ids(api.get(f"/v1/customers?{query}")) == expected


def test_each_resource_has_its_filters(
    api: httpx.Client, paid: dict[str, Any], intent: Callable[..., dict[str, Any]], card: Callable[..., str]
) -> None:
    method = card()
    params = {"email": "a@example.com", "payment_method": method}
    customer = api.post("/v1/customers", json=params).json()["id"]
    api.post("/v1/customers", json={"email": "b@example.com"})
    second = intent(customer=customer)["id"]
    api.post(f"/v1/payment_intents/{second}/confirm", json={"payment_method": method})
    refund = api.post("/v1/refunds", json={"payment_intent": second}).json()["id"]
    api.post("/v1/refunds", json={"payment_intent": paid["id"]})

    assert ids(api.get("/v1/customers?email=a@example.com")) == [customer]
    assert ids(api.get(f"/v1/payment_methods?customer={customer}&type=card")) == [method]
    assert ids(api.get("/v1/payment_methods?type=us_bank_account")) == []
    assert ids(api.get(f"/v1/charges?payment_intent={second}")) == ["ch_2"]
    assert ids(api.get(f"/v1/charges?customer={customer}")) == ["ch_2"]
    assert ids(api.get(f"/v1/refunds?payment_intent={second}")) == [refund]
    assert {e["type"] for e in api.get("/v1/events?type=customer.created").json()["data"]} == {"customer.created"}
    assert ids(api.get("/v1/customers?email=nobody@example.com")) == []


def test_a_filter_goes_on_over_the_pages(api: httpx.Client) -> None:
    for number in range(6):
        api.post("/v1/customers", json={"email": f"{'ab'[number % 2]}@example.com"})
    first = api.get("/v1/customers?email=a@example.com&limit=2")
    assert (ids(first), first.json()["has_more"]) == (["cus_5", "cus_3"], True)
    rest = api.get("/v1/customers?email=a@example.com&limit=2&starting_after=cus_3")
    assert (ids(rest), rest.json()["has_more"]) == (["cus_1"], False)


KINDS = {
    route.kind: {name: "x" for name in route.schema if name not in _PAGE and name not in CREATED}
    for route in ROUTES
    if route.verb == "list"
}
"""The filters of each list but those on time, and a value for each."""

FILTERS = [
    (kind, {name: filters[name] for name in names})
    for kind, filters in KINDS.items()
    for count in range(len(filters) + 1)
    for names in itertools.combinations(filters, count)
]
TIMES: list[dict[str, str]] = [{}, *({bound: "5"} for bound in CREATED), {"created[gte]": "0", "created[lt]": "9"}]
CURSORS: list[dict[str, str]] = [{}, {"starting_after": "x_5"}, {"ending_before": "x_5"}]


@pytest.mark.parametrize(("kind", "filters"), FILTERS, ids=[" ".join([kind, *filters]) for kind, filters in FILTERS])
def test_every_filter_has_an_index(sandbox: Sandbox, api: httpx.Client, kind: str, filters: dict[str, str]) -> None:
    """SQLite goes right to the place in an index of just these filters, in the order of the list: it sorts nothing."""
    sandbox._store.insert({"id": "x_5", "object": kind, "created": 5}, {})
    connection = sandbox._store._database._connection
    statements: list[str] = []
    for times, cursor in itertools.product(TIMES, CURSORS):
        connection.set_trace_callback(statements.append)
        api.get(f"/v1/{kind}s", params={**filters, **times, **cursor}).raise_for_status()
        connection.set_trace_callback(None)
    pages = {statement for statement in statements if statement.startswith("select body from") and "limit" in statement}
    plans = {tuple(step for *_, step in connection.execute(f"explain query plan {page}")) for page in pages}
    plans = {tuple(step.replace("SEARCH TABLE", "SEARCH") for step in plan) for plan in plans}  # so before SQLite 3.36
    place = " AND ".join(["<expr>=?"] * len(filters)) or "object=?"
    ranges = ("created>? AND created<?", "created=? AND rowid<?", "created=? AND rowid>?")
    index = f"{kind}_by_{'_and_'.join(sorted(filters))}" if filters else "objects_by_time"
    assert plans == {(f"SEARCH objects USING INDEX {index} ({place} AND {span})",) for span in ranges}


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_page_is_what_a_list_of_everything_would_give(data: st.DataObject) -> None:
    """Whatever the time did, backwards included: in order of `created`, then of insertion, with every filter."""
    seconds = st.integers(0, 4)
    rows = data.draw(st.lists(st.tuples(seconds, st.sampled_from("ab"), st.booleans()), min_size=1, max_size=12))
    bounds: dict[str, float] = data.draw(
        st.dictionaries(st.sampled_from([*CREATED]), st.sampled_from([-1, 0, 1, 1.5, 2, 3, 9]))
    )
    cursor = data.draw(st.one_of(st.none(), st.integers(0, len(rows) - 1)))
    direction = data.draw(st.sampled_from(["starting_after", "ending_before"]))
    email: str | None = data.draw(st.sampled_from([None, "a"]))
    limit = data.draw(st.integers(1, 13))

    order = sorted(range(len(rows)), key=lambda number: (rows[number][0], number), reverse=True)
    compare = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}
    wanted = [
        f"cus_{number}"
        for place, number in enumerate(order)
        if not rows[number][2]
        and email in (None, rows[number][1])
        and all(compare[CREATED[name]](rows[number][0], bound) for name, bound in bounds.items())
        and (cursor is None or (place > order.index(cursor)) == (direction == "starting_after"))
        and number != cursor
    ]
    backwards = cursor is not None and direction == "ending_before"
    with Sandbox(clock=Clock(0)) as sandbox:
        for number, (created, letter, _) in enumerate(rows):
            body = {"id": f"cus_{number}", "object": "customer", "created": created, "email": letter}
            sandbox._store.insert(body, {})
        for number, (*_, deleted) in enumerate(rows):
            if deleted:
                sandbox._store.delete(f"cus_{number}")
        params: dict[str, Any] = {"limit": limit, **bounds}
        params |= {} if email is None else {"email": email}
        params |= {} if cursor is None else {direction: f"cus_{cursor}"}
        headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as api:
            page = api.get("/v1/customers", params=params)
    assert ids(page) == (wanted[-limit:] if backwards else wanted[:limit])
    assert page.json()["has_more"] == (len(wanted) > limit)


FAR = ["", "&starting_after=pi_000000000000000000000150", "&created[lt]=1640995400", "&created[gte]=1640995200"]
AT_ONCE = ["", "&starting_after=pi_000000000000000000000150", "&created[lte]=1640995200"]


@pytest.mark.parametrize(
    ("query", "apart"), [*((query, 1) for query in FAR), *((query, 0) for query in AT_ONCE)], ids=str
)
def test_a_page_of_many_payments_is_the_same_work_as_one_of_few(query: str, apart: int) -> None:
    """SQLite finds it by an index: it takes the same steps among 200 payments and 2,000, of one second or many."""
    assert steps(2000, query, apart) <= steps(200, query, apart) * 1.1


def steps(count: int, query: str, apart: int) -> int:
    """The steps that SQLite takes for a page of 100, in its virtual machine.

    Args:
        count: How many payments there are.
        query: What is asked for.
        apart: The seconds from one payment to the next.
    """
    with Sandbox() as sandbox:
        fill(sandbox._store, count, apart)
        taken = 0

        def step() -> int:
            nonlocal taken
            taken += 1
            return 0

        headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as api:
            sandbox._store._database._connection.set_progress_handler(step, 1)
            page = api.get(f"/v1/payment_intents?limit=100{query}")
            sandbox._store._database._connection.set_progress_handler(None, 1)
        assert len(page.json()["data"]) == 100
        return taken
