"""Connections that die under us, are shared, cancelled, forked, closed or forgotten."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio

import finsecure

from ..conftest import KEY
from .conftest import Figure, Open, Serve
from .doors import Quick
from .server import (
    Fault,
    FaultServer,
    Visit,
    always,
    answers,
    idle_close,
    late,
    listed,
    mixed,
    slow,
    stale_close,
    stale_reset,
    well,
)
from .test_storm import FULL, create


@pytest.mark.parametrize("fault", [stale_reset, stale_close, idle_close])
def test_a_kept_connection_that_died_is_not_noticed(serve: Serve, connect: Open, figure: Figure, fault: Fault) -> None:
    """The same key goes out again at once on a fresh connection; nobody waits, nothing fails."""
    server = serve(always(fault))
    client = connect(server)
    outcomes = [client.ask(create(f"{n}", 1)) for n in range(40)]
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert len(server.ledger.charges) == 40
    mean = statistics.mean(outcome.seconds for outcome in outcomes)
    figure("stale kept-alive connections", fault=fault.__name__, mean_ms=round(mean * 1000, 1), failures=0)
    assert mean < 0.05


def busy_then_closed(visit: Visit) -> None:
    """The API is in trouble, and the next request on this connection finds it closed."""
    visit.doom(lambda connection: connection.close())
    answers(503, b"", executed=False)(visit)


def test_a_connection_that_died_in_an_outage_does_not_skip_the_wait(serve: Serve, connect: Open) -> None:
    """Only a first attempt is repeated at once; after an answer that says "in trouble" the next ones wait."""
    clock = Quick()
    outcome = connect(serve([busy_then_closed]), clock=clock).ask(create("a", 1))
    assert outcome.error is None
    assert outcome.value.last_response.attempts == 3
    assert [wait > 0 for wait in clock.waits] == [True, True]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_restarted_server_is_not_noticed(serve: Serve, connect: Open, reset: bool) -> None:
    """All kept connections die at once, as in a deployment, and all calls under way come through."""
    server = serve(always(late(0.02)))
    client = connect(server)
    for again in range(3):
        outcomes = client.ask_all([create(f"{again}.{n}", 1) for n in range(100)], at_once=50)
        assert [outcome.error for outcome in outcomes if outcome.error] == []
        server.hang_up(reset=reset)
    assert len(server.ledger.charges) == 300


@pytest.mark.parametrize("at_once", [16, 300])
def test_many_share_one_client(serve: Serve, connect: Open, figure: Figure, at_once: int) -> None:
    """Threads or tasks, more than there are connections: no error, and each gets its own answer."""
    server = serve(always(well if at_once == 16 else late(0.05)))
    client = connect(server, timeout=20)
    outcomes = client.ask_all([create(f"{n}", n + 1) for n in range(600)], at_once)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    right = sum(o.value.metadata == {"order": f"{n}"} and o.value.amount == n + 1 for n, o in enumerate(outcomes))
    assert right == 600
    assert server.ledger.arrived == 600
    figure("concurrent calls on one client", at_once=at_once, wrong_answers=600 - right)


def _run(door: str, main: Callable[[], Any]) -> Any:
    return asyncio.run(main()) if door == "asyncio" else trio.run(main)


@pytest.mark.parametrize("door", ["asyncio", "trio"])
def test_a_thousand_cancelled_calls_leave_a_client_that_works(
    serve: Serve, figure: Figure, door: str, transport: Any
) -> None:
    """Cancelled at any moment, calls leak no connection and mix up no answers."""
    calls = 1000 if FULL else 300
    server = serve(mixed((late(0.1), late(0.3), stale_reset), share=0.9, seed=3))

    async def main() -> tuple[int, int, list[Any]]:
        async with finsecure.AsyncClient(KEY, base_url=server.url, timeout=5, transport=transport) as client:
            cut = reached = 0

            async def cancelled(n: int, pace: int) -> None:
                nonlocal cut
                with anyio.move_on_after((n % 25) / 70 * pace) as scope:  # from at once to after the answer
                    await create(f"cancelled {pace} {n}", 1)(client)
                cut += scope.cancelled_caught

            for pace in (1, 2, 4, 8):  # a busy machine takes longer until the server has a call
                cut, before = 0, server.ledger.arrived
                for begin in range(0, calls, 50):
                    async with anyio.create_task_group() as tasks:
                        for n in range(begin, begin + 50):
                            tasks.start_soon(cancelled, n, pace)
                reached = server.ledger.arrived - before - (calls - cut)  # cancelled when the server already had them
                if reached > calls * 0.2:
                    break
            server.script = always(well)  # what was doomed before still is
            answers: list[Any] = [await create(f"{n}", n + 1)(client) for n in range(100)]
            return cut, reached, answers

    cut, reached, answers = _run(door, main)
    figure("calls canceled, then 100 more calls", calls=calls, canceled=cut, of_these_already_at_the_server=reached)
    assert cut > calls * 0.3
    assert reached > calls * 0.2  # or it was only connecting that was cancelled
    assert [(intent.metadata, intent.amount) for intent in answers] == [({"order": f"{n}"}, n + 1) for n in range(100)]
    assert not [made for made in server.ledger.by_order.values() if len(made) > 1]
    gc.collect()  # a call that is cancelled while tenacity drives it is a cycle
    _until(lambda: server.ledger.open == 0)
    figure("calls canceled, then 100 more calls", successful=100, connections_left=server.ledger.open)


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5
    while not true() and time.monotonic() < ends:
        time.sleep(0.01)
    assert true()


def test_a_cancelled_call_is_cancelled(serve: Serve, transport: Any) -> None:
    """`CancelledError` passes through, and the request is not tried again."""
    server = serve(always(slow))

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url, timeout=5, transport=transport) as client:
            task = asyncio.ensure_future(create("a", 1)(client))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert server.ledger.arrived == 1


def test_one_async_client_serves_several_event_loops(serve: Serve, transport: Any) -> None:
    """Made once, it is used in one `asyncio.run` after another, and in loops of several threads."""
    server = serve()
    clients = [finsecure.AsyncClient(KEY, base_url=server.url, transport=transport)]
    found: list[str] = []

    async def main(n: int) -> None:
        found.append((await create(f"{n}", 1)(clients[0])).metadata["order"])
        found.append((await create(f"{n}", 1)(clients[0])).metadata["order"])

    def in_thread(n: int) -> None:
        asyncio.run(main(n))

    for n in range(3):
        in_thread(n)
    in_thread(3) if transport == "pyreqwest" else trio.run(main, 3)
    threads = [threading.Thread(target=in_thread, args=(n,)) for n in (4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(f"{n}" for n in range(6) for _ in "ab")
    clients.clear()
    gc.collect()
    _until(lambda: server.ledger.open == 0)


def test_a_closed_client_says_so(serve: Serve, connect: Open) -> None:
    """Use after close is an error of ours that says what to do; closing twice is none."""
    server = serve()
    client = connect(server)
    assert client.ask(create("a", 1)).error is None
    client.close()
    client.close()
    error = client.ask(create("b", 1)).error
    assert isinstance(error, finsecure.APIConnectionError)
    assert "closed" in str(error)
    assert not error.maybe_executed
    assert server.ledger.arrived == 1
    _until(lambda: server.ledger.open == 0)


def test_a_client_closed_under_a_call_answers_or_says_so(serve: Serve, connect: Open) -> None:
    """A close while calls are under way: each has its answer, or an error that admits the charge."""
    server = serve(always(late(0.3)))
    client = connect(server)
    closing = threading.Timer(0.15, client.close)
    closing.start()
    outcomes = client.ask_all([create(f"{n}", 1) for n in range(8)], 8)
    closing.join()
    for n, outcome in enumerate(outcomes):
        if outcome.error is not None:
            assert isinstance(outcome.error, finsecure.APIConnectionError), outcome.error
            assert outcome.error.maybe_executed or f"{n}" not in server.ledger.by_order
    _until(lambda: server.ledger.open == 0)


def test_a_client_that_is_dropped_leaves_nothing(serve: Serve, transport: Any) -> None:
    """Never closed, only forgotten: its connections close, and nobody is warned."""
    server = serve()

    async def main() -> None:
        client = finsecure.AsyncClient(KEY, base_url=server.url, transport=transport)
        await create("a", 1)(client)
        del client
        gc.collect()
        await asyncio.sleep(0.05)

    async def in_trio() -> None:
        client = finsecure.AsyncClient(KEY, base_url=server.url, transport=transport)
        await create("a", 1)(client)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = finsecure.Client(KEY, base_url=server.url, transport=transport)
        create("b", 1)(client)
        del client
        asyncio.run(main())
        if transport != "pyreqwest":
            trio.run(in_trio)
        gc.collect()
    _until(lambda: server.ledger.open == 0)


FORKED = """
import os, random, sys
import finsecure

url = sys.argv[1]
client = finsecure.Client("sk_test_1", base_url=url, timeout=10, transport=sys.argv[2])
ids = [client.payment_intents.create(amount=n + 1, currency="usd", metadata={"order": f"parent {n}"}).id
       for n in range(20)]
def check(shift):
    for n in range(20):
        n = (n + shift) % 20
        found = client.payment_intents.retrieve(ids[n])
        assert (found.id, found.amount) == (ids[n], n + 1), (found, n)

check(0)  # the connection is idle at the fork, which is when a child would take it for its own
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        try:
            for again in range(3):
                check(child * 5)
            intent = client.payment_intents.create(
                amount=1, currency="usd", metadata={"order": f"child {child}", "jitter": str(random.random())}
            )
            assert intent.metadata["order"] == f"child {child}"
        except BaseException as exc:
            os.write(2, repr(exc).encode())
            os._exit(1)
        os._exit(0)
    children.append(pid)
for again in range(3):  # at the same time as the children
    check(again)
codes = [os.waitpid(pid, 0)[1] for pid in children]
check(0)
client.close()
sys.exit(any(codes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_workers_have_connections_keys_and_jitter_of_their_own(
    serve: Serve, figure: Figure, transport: str
) -> None:
    """A client used before a fork, as under gunicorn: no child reads another process's payment."""
    server = serve()
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, server.url, transport],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    made = [r for r in server.ledger.requests if r.method == "POST" and "child" in r.params["metadata"]["order"]]
    assert len({r.key for r in made}) == 4
    assert len({r.params["metadata"]["jitter"] for r in made}) == 4
    assert len({r.connection for r in made}) == 4
    figure("fork after the first call", children=4, wrong_answers=0)


PAGES = "/v1/payment_intents"


def _intents(count: int) -> list[dict[str, Any]]:
    intent = {"object": "payment_intent", "currency": "usd", "status": "succeeded"}
    return [{"id": f"pi_{n}", "amount": n + 1, **intent} for n in range(count)]


def _listing(client: Any, found: list[str]) -> Any:
    if isinstance(client, finsecure.Client):
        found.extend(item.id for item in client.payment_intents.list(limit=10))
        return None

    async def walk() -> None:
        async for item in client.payment_intents.list(limit=10):
            found.append(item.id)  # noqa: PERF401 - what was seen before an error counts

    return walk()


def _page(**page: Any) -> Fault:
    import json

    return answers(200, json.dumps({"object": "list", **page}).encode())


BAD_PAGES: dict[str, Fault] = {
    "empty with has_more": _page(data=[], has_more=True),
    "no data": _page(has_more=False),
    "data null": _page(data=None, has_more=False),
    "data an object": _page(data={}, has_more=False),
    "no has_more": _page(data=_intents(1)),
    "has_more a string": _page(data=_intents(1), has_more="yes"),
    "repeated cursor": _page(data=_intents(20)[10:20], has_more=True),
    "the first page again": _page(data=_intents(10), has_more=True),
    "an item of another kind": _page(data=[{"id": "cus_1", "object": "customer"}], has_more=False),
    "an item without id": _page(data=[{"object": "payment_intent"}], has_more=False),
    "an item null": _page(data=[None], has_more=False),
    "no list": _page(object="payment_intent", data=[], has_more=False),
    "html": _page(),
}


@pytest.mark.parametrize("name", BAD_PAGES)
def test_a_bad_page_ends_a_walk_with_an_error(serve: Serve, connect: Open, figure: Figure, name: str) -> None:
    """On page 3 of 5 the API goes wrong for good: what was seen is right and once, and then comes an error."""

    def bad_from_page_3(number: int) -> Fault:
        return well if number <= 2 else BAD_PAGES[name]

    server = serve(bad_from_page_3)
    server.lists[PAGES] = _intents(50)
    found: list[str] = []
    error = connect(server, clock=Quick()).ask(lambda c: _listing(c, found)).error
    assert isinstance(error, finsecure.APIError)
    assert found == [f"pi_{n}" for n in range(len(found))]
    assert len(found) in (20, 30)  # never a repeat
    assert server.ledger.arrived <= 8
    figure("malformed pages", name=name, repeated_objects=0)


@pytest.mark.parametrize("name", BAD_PAGES)
def test_a_page_that_goes_wrong_once_is_fetched_again(serve: Serve, connect: Open, name: str) -> None:
    """One fault on page 3: the walk goes on where it was, whole and without repeats, or it ends with an error."""
    server = serve([well, well, BAD_PAGES[name]])
    server.lists[PAGES] = _intents(50)
    found: list[str] = []
    error = connect(server, clock=Quick()).ask(lambda c: _listing(c, found)).error
    if name == "the first page again":  # a well-formed page that leads back: only its cursor can tell
        assert isinstance(error, finsecure.APIError)
    else:
        assert error is None
        assert found == [f"pi_{n}" for n in range(50)]


def test_cut_connections_on_every_page_are_not_noticed(serve: Serve, connect: Open) -> None:
    """Pages come whole and once through a storm."""

    def often(number: int) -> Fault:
        return [well, Visit.reset, Visit.close][number % 3]

    server: FaultServer = serve(often)
    server.lists[PAGES] = _intents(50)
    found: list[str] = []
    error = connect(server, clock=Quick()).ask(lambda c: _listing(c, found)).error
    assert error is None
    assert found == [f"pi_{n}" for n in range(50)]
    assert listed([])(1) is well


def test_a_pool_that_lost_count_of_its_connections_is_replaced(serve: Serve, connect: Open, transport: str) -> None:
    """A pool with no free connection and no call on any, as a cancellation can leave it, costs one attempt, no more."""
    if transport == "pyreqwest":
        pytest.skip("it keeps its own count")
    server = serve([well])
    client = connect(server, timeout=0.5)
    assert client.ask(create("a", 1)).error is None
    inside = client.api._transport._pools
    pools = next(iter((inside._pools if hasattr(inside, "_pools") else _only(inside._loops)()._pools).values()))
    stuck = pools._slots[0].pool
    stuck.http._max_connections = 0  # as if all were taken
    stuck.http._connections.clear()
    outcome = client.ask(create("b", 1))
    assert outcome.error is None
    assert outcome.value.last_response.attempts == 2
    assert all(slot.pool is not stuck for slot in pools._slots)


def _only(loops: Any) -> Any:
    return next(found for found in loops.values())
