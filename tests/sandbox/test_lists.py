"""Lists: cursors, pages and filters. Reference: Consistency Standards, "cursor-based pagination"."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finsecure.sandbox import Clock, Sandbox
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


@pytest.mark.parametrize("query", ["", "&starting_after=pi_000000000000000000000150"])
def test_a_page_of_many_payments_is_the_same_work_as_one_of_few(query: str) -> None:
    """SQLite finds it by an index: it takes the same steps among 200 payments and among 5,000."""
    assert steps(5000, query) <= steps(200, query) * 1.1


def steps(count: int, query: str) -> int:
    """The steps that SQLite takes for a page of 100, in its virtual machine."""
    with Sandbox() as sandbox:
        fill(sandbox._store, count)
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
