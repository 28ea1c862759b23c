"""Many small pools: which takes a call, and when one is closed; and how a name's several addresses are tried."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

import finsecure
from finsecure._transport.pools import CONNECTIONS, KEEPALIVE, POOLS, SWEEP, Pools, Ticket


class Numbered:
    """A pool that does nothing but know its number and whether it is closed."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = False
        self.alive = True

    def close(self) -> None:
        self.closed = True

    def close_dead(self) -> bool:
        return self.alive


class Numbers(Pools[Numbered]):
    """Pools that know all they ever opened."""

    def __init__(self) -> None:
        self.opened: list[Numbered] = []
        super().__init__(self._next)

    def _next(self) -> Numbered:
        self.opened.append(Numbered(len(self.opened)))
        return self.opened[-1]

    def begin(self) -> Ticket[Numbered]:
        """A call, until it is given back or dropped."""
        ticket: Ticket[Numbered] = Ticket()
        assert self.take(ticket) is number(ticket)
        return ticket

    def closed(self) -> list[int]:
        return [pool.number for pool in self.opened if pool.closed]


def number(ticket: Ticket[Numbered]) -> Numbered:
    assert ticket.slot is not None
    return ticket.slot.pool


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [0.0]
    monkeypatch.setattr("finsecure._transport.pools.monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def pools(now: list[float]) -> Numbers:
    return Numbers()


def test_one_call_after_another_uses_one_pool(pools: Numbers) -> None:
    for _ in range(3):
        call = pools.begin()
        assert number(call).number == 0
        pools.give_back(call)


def test_calls_at_once_are_spread_over_all_pools_and_then_evenly(pools: Numbers) -> None:
    calls = [pools.begin() for _ in range(POOLS * 2)]
    assert sorted(number(call).number for call in calls) == sorted([*range(POOLS)] * 2)


def test_pools_that_busier_times_left_over_are_closed_by_the_next_call(pools: Numbers, now: list[float]) -> None:
    busy = [pools.begin() for _ in range(3)]
    for call in busy:
        pools.give_back(call)
    now[0] = KEEPALIVE - 1
    pools.give_back(pools.begin())
    assert pools.closed() == []
    now[0] = KEEPALIVE
    pools.give_back(pools.begin())
    assert pools.closed() == [1, 2]


def test_pools_whose_connections_the_server_closed_are_closed_within_a_second(pools: Numbers, now: list[float]) -> None:
    for call in [pools.begin() for _ in range(3)]:
        pools.give_back(call)
    pools.opened[1].alive = pools.opened[2].alive = False
    now[0] = SWEEP - 0.1
    pools.give_back(pools.begin())
    assert pools.closed() == []
    now[0] = SWEEP
    pools.give_back(pools.begin())
    assert pools.closed() == [1, 2]


def test_a_sweep_says_when_there_may_be_something_to_close_again(pools: Numbers, now: list[float]) -> None:
    """An event loop has a timer for it, which ends with the last connection."""
    assert pools.sweep() is None
    call = pools.begin()
    assert pools.sweep() == KEEPALIVE
    pools.give_back(call)
    now[0] = 5.0
    assert pools.sweep() == KEEPALIVE - 5
    call = pools.begin()
    pools.discard(call)
    assert pools.sweep() == SWEEP
    pools.give_back(call)
    assert pools.sweep() is None


def test_a_pool_that_lost_count_is_closed_when_its_last_call_is_over(pools: Numbers) -> None:
    calls = [pools.begin() for _ in range(POOLS + 1)]
    first, second = (call for call in calls if number(call) is number(calls[-1]))
    pools.discard_if_stuck(first)
    pools.discard_if_stuck(first)
    pools.give_back(first)
    assert pools.closed() == []
    pools.give_back(second)
    assert pools.closed() == [number(first).number]
    assert number(pools.begin()).number == POOLS


def test_a_pool_with_more_calls_than_connections_is_busy_and_not_stuck(pools: Numbers) -> None:
    """Five connections: five calls and none free means that one is lost, six calls do not."""
    calls = [pools.begin() for _ in range(POOLS * CONNECTIONS + 1)]
    pools.discard_if_stuck(calls[-1])
    for call in calls:
        pools.give_back(call)
    assert pools.closed() == []
    calls = [pools.begin() for _ in range(POOLS * CONNECTIONS)]
    pools.discard_if_stuck(calls[0])
    for call in calls:
        pools.give_back(call)
    assert pools.closed() == [0]


def test_an_old_generation_of_pools_is_no_reason_to_discard_the_new_one(pools: Numbers) -> None:
    first, second = pools.begin(), pools.begin()
    pools.discard_all(first)
    fresh = pools.begin()
    pools.discard_all(second)
    for call in (first, second, fresh):
        pools.give_back(call)
    assert pools.closed() == [0, 1]


def test_nothing_is_taken_once_the_pools_are_drained(pools: Numbers) -> None:
    pools.give_back(pools.begin())
    pools.drain()
    assert pools.closed() == [0]
    assert pools.take(Ticket()) is None


def test_a_pool_that_is_drained_under_a_call_is_closed_after_it(pools: Numbers) -> None:
    call = pools.begin()
    pools.drain()
    assert pools.closed() == []
    pools.give_back(call)
    assert pools.closed() == [0]


def test_pools_whose_loop_has_ended_are_closed_whatever_they_carry(pools: Numbers) -> None:
    calls = [pools.begin(), pools.begin(), pools.begin()]
    pools.discard(calls[0])
    pools.give_back(calls[1])
    pools.close()
    assert pools.closed() == [0, 1, 2]


def test_a_call_that_was_interrupted_before_it_could_end_leaves_no_pool_busy(pools: Numbers) -> None:
    """An interrupt may come in between any two lines, so what counts is that the call is gone."""
    call = pools.begin()
    del call
    pools.give_back(pools.begin())
    assert len(pools.opened) == 1


def test_the_pool_of_a_call_that_was_interrupted_is_not_used_again(pools: Numbers) -> None:
    call = pools.begin()
    pools.discard(call)
    assert number(pools.begin()).number == 1
    pools.give_back(call)
    assert pools.closed() == [0]
    untaken: Ticket[Numbered] = Ticket()
    pools.discard(untaken)
    pools.discard_if_stuck(untaken)
    pools.give_back(untaken)
    assert pools.closed() == [0]


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
