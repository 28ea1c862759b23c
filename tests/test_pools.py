"""Many small pools: which takes a call, and when one is closed; and how a name's several addresses are tried."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import contextlib
import socket
from itertools import count
from typing import Any

import pytest

import finsecure
from finsecure._transport.pools import CONNECTIONS, KEEPALIVE, POOLS, Pools, Slot


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [0.0]
    monkeypatch.setattr("finsecure._transport.pools.monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def pools(now: list[float]) -> Pools[int]:
    numbers = count()
    return Pools(lambda: next(numbers))


def taken(pools: Pools[int]) -> Slot[int]:
    slot = pools.take()
    assert slot is not None
    return slot


def test_one_call_after_another_uses_one_pool(pools: Pools[int]) -> None:
    for _ in range(3):
        slot = taken(pools)
        assert slot.pool == 0
        assert pools.give_back(slot) is None


def test_calls_at_once_are_spread_over_all_pools_and_then_evenly(pools: Pools[int]) -> None:
    slots = [taken(pools) for _ in range(POOLS * 2)]
    assert sorted(slot.pool for slot in slots) == sorted([*range(POOLS)] * 2)


def test_pools_that_busier_times_left_over_are_closed_one_by_one(pools: Pools[int], now: list[float]) -> None:
    busy = [taken(pools) for _ in range(3)]
    for slot in busy:
        pools.give_back(slot)
    now[0] = KEEPALIVE - 1
    assert pools.give_back(taken(pools)) is None
    now[0] = KEEPALIVE
    assert [pools.give_back(taken(pools)) for _ in range(3)] == [2, 1, None]


def test_a_pool_that_lost_count_is_closed_when_its_last_call_is_over(pools: Pools[int]) -> None:
    slots = [taken(pools) for _ in range(POOLS + 1)]
    stuck = next(slot for slot in slots if slot.in_flight == 2)
    pools.discard_if_stuck(stuck)
    pools.discard_if_stuck(stuck)
    assert pools.give_back(stuck) is None
    assert pools.give_back(stuck) == stuck.pool
    assert taken(pools).pool == POOLS


def test_a_pool_with_more_calls_than_connections_is_busy_and_not_stuck(pools: Pools[int]) -> None:
    slots = [taken(pools) for _ in range(POOLS * CONNECTIONS + 1)]
    pools.discard_if_stuck(next(slot for slot in slots if slot.in_flight > CONNECTIONS))
    assert [pools.give_back(slot) for slot in slots] == [None] * len(slots)
    assert len(pools.drain()) == POOLS


def test_a_pool_with_as_many_calls_as_connections_has_none_to_wait_for(pools: Pools[int]) -> None:
    slots = [taken(pools) for _ in range(POOLS * CONNECTIONS)]
    assert slots[0].in_flight == CONNECTIONS
    pools.discard_if_stuck(slots[0])
    assert taken(pools).pool == POOLS


def test_a_call_from_before_a_restart_does_not_cost_the_connections_made_after_it(pools: Pools[int]) -> None:
    first, second = taken(pools), taken(pools)
    assert pools.discard_all(first) == []  # the first of two calls finds its connection dead
    fresh = taken(pools)
    pools.give_back(fresh)
    assert pools.discard_all(second) == []  # the second does so later
    assert taken(pools).pool == fresh.pool


def test_nothing_is_taken_once_the_pools_are_drained(pools: Pools[int]) -> None:
    pools.give_back(taken(pools))
    assert pools.drain() == [0]
    assert pools.take() is None


def test_a_pool_that_is_drained_under_a_call_is_closed_after_it(pools: Pools[int]) -> None:
    slot = taken(pools)
    assert pools.drain() == []
    assert pools.give_back(slot) == 0


def test_a_name_with_a_dead_address_is_reached_at_its_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that refuses costs nothing but the look; the time is shared among those that are left."""
    with finsecure.sandbox.Sandbox() as sandbox, sandbox.serve() as server:
        port = int(server.base_url.rpartition(":")[2])

        def two(host: str, *_: object, **__: object) -> list[Any]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            addresses = ["127.0.0.2", "127.0.0.1"] if host == "localhost" else [host]
            return [(*kind, (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        with finsecure.Client(sandbox.secret_key, base_url=f"http://localhost:{port}", max_retries=0) as client:
            assert client.customers.create().object == "customer"


def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a name's addresses swallows whatever is sent to it."""
    with finsecure.sandbox.Sandbox() as sandbox, sandbox.serve() as server, contextlib.ExitStack() as open_sockets:
        port = int(server.base_url.rpartition(":")[2])
        silent = open_sockets.enter_context(socket.socket())
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        for _ in range(4):  # its queue is full
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", port))
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (2, 1)]

        def both(*_: object, **__: object) -> list[Any]:
            return addresses

        monkeypatch.setattr(socket, "getaddrinfo", both)
        url = f"http://localhost:{port}"
        with finsecure.Client(sandbox.secret_key, base_url=url, max_retries=0, timeout=2) as client:
            assert client.customers.create().object == "customer"


def test_a_name_that_is_not_known_was_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with finsecure.Client("sk_test_1", max_retries=0) as client:
        with pytest.raises(finsecure.APIConnectionError, match="not known") as caught:
            client.customers.create()
        assert not caught.value.maybe_executed


def test_a_name_without_an_address_was_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> list[Any]:
        return []

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with finsecure.Client("sk_test_1", max_retries=0) as client:
        with pytest.raises(finsecure.APIConnectionError, match="has no address") as caught:
            client.customers.create()
        assert not caught.value.maybe_executed
