"""`prefetch()`: the next page comes while this one is used, and nothing is left of it when the loop is."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from contextvars import ContextVar
from typing import Any

import anyio
import httpx
import pytest

import finsecure

from .conftest import KEY

SOON = 10  # seconds until a test that would hang fails

IDS = [f"pi_{number}" for number in range(7)]
PAGES = [IDS[0:3], IDS[3:6], IDS[6:7]]


class FarEnd:
    """A list of seven in pages of three. `on[n]` is called when page n, counted from 1, is asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []  # the cursor of each request
        self.on: dict[int, Callable[[], httpx.Response | None]] = {}
        self.on_async: dict[int, Callable[[], Awaitable[None]]] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        self.asked.append(params.get("starting_after") or params.get("ending_before"))
        instead = self.on.get(len(self.asked), lambda: None)()
        return instead or page_after(params)

    async def answer_async(self, request: httpx.Request) -> httpx.Response:
        answer = self.answer(request)
        if len(self.asked) in self.on_async:
            await self.on_async[len(self.asked)]()
        return answer

    @property
    def client(self) -> finsecure.Client:
        http = httpx.Client(transport=httpx.MockTransport(self.answer))
        return finsecure.Client(KEY, http_client=http, max_retries=0)

    @property
    def async_client(self) -> finsecure.AsyncClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer_async))
        return finsecure.AsyncClient(KEY, http_client=http, max_retries=0)


def page_after(params: httpx.QueryParams) -> httpx.Response:
    if "ending_before" in params:
        end = IDS.index(params["ending_before"])
        return a_page(IDS[max(0, end - 3) : end], has_more=end > 3)
    start = IDS.index(params["starting_after"]) + 1 if "starting_after" in params else 0
    return a_page(IDS[start : start + 3], has_more=start + 3 < len(IDS))


def a_page(ids: list[str], *, has_more: bool) -> httpx.Response:
    intent = {"object": "payment_intent", "amount": 1, "currency": "usd", "status": "succeeded"}
    data = [{"id": one, **intent} for one in ids]
    return httpx.Response(200, json={"object": "list", "data": data, "has_more": has_more})


def refused() -> httpx.Response:
    return httpx.Response(500, json={"error": {"type": "api_error", "message": "no"}})


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("finsecure-prefetch")]


@pytest.fixture
def far() -> Iterator[FarEnd]:
    """A far end; no thread of ours is there when the test ends."""
    yield FarEnd()
    gc.collect()
    assert threads() == []


@pytest.fixture(params=["sync", "asyncio", "trio"])
def collect(request: pytest.FixtureRequest, far: FarEnd) -> Callable[..., list[str]]:
    """Prefetch a whole list at each door: its ids, put into `ids` as they come."""

    def collect(ids: list[str], **params: Any) -> list[str]:
        add = ids.append

        async def collect_async() -> None:
            async for intent in far.async_client.payment_intents.list(**params).prefetch():
                add(intent.id)

        if request.param == "sync":
            for intent in far.client.payment_intents.list(**params).prefetch():
                add(intent.id)
        else:
            anyio.run(collect_async, backend=request.param)
        return ids

    return collect


def test_the_same_objects_as_plain_iteration(far: FarEnd, collect: Callable[..., list[str]]) -> None:
    """Every object, in order, with the same requests."""
    assert collect([]) == IDS
    assert far.asked == [None, "pi_2", "pi_5"]


def test_backwards(far: FarEnd, collect: Callable[..., list[str]]) -> None:
    """After `ending_before` it goes away from the cursor, as plain iteration does."""
    assert collect([], ending_before="pi_6") == IDS[5::-1]
    assert far.asked == ["pi_6", "pi_3"]


def test_an_error_comes_where_its_page_would(far: FarEnd, collect: Callable[..., list[str]]) -> None:
    """Every object before a page that cannot be fetched is there first; then the error is raised."""
    far.on[3] = refused
    ids: list[str] = []
    with pytest.raises(finsecure.APIError) as caught:
        collect(ids)
    assert (ids, caught.value.http_status) == (IDS[:6], 500)


def test_a_circle_is_refused(far: FarEnd, collect: Callable[..., list[str]]) -> None:
    """Pages that run in a circle raise, as in plain iteration, and are not walked for ever."""
    far.on[3] = lambda: a_page(PAGES[0], has_more=True)
    ids: list[str] = []
    with pytest.raises(finsecure.APIError, match="circle"):
        collect(ids)
    assert ids == IDS[:6]


def test_sync_fetches_while_the_page_is_used(far: FarEnd) -> None:
    """The next page is asked for while the objects of this one are in use, and none after it."""
    asked = {2: threading.Event(), 3: threading.Event()}
    far.on.update({number: lambda event=event: event.set() for number, event in asked.items()})  # type: ignore[misc]
    for number, _ in enumerate(far.client.payment_intents.list().prefetch()):
        page = number // 3 + 1
        assert page == 3 or asked[page + 1].wait(SOON)
        assert len(far.asked) <= page + 1


def test_asyncio_fetches_while_the_page_is_used(far: FarEnd) -> None:
    """The same in asyncio, as soon as the loop that uses the page awaits something."""

    async def use() -> None:
        asked = {2: asyncio.Event(), 3: asyncio.Event()}
        far.on.update({number: lambda event=event: event.set() for number, event in asked.items()})  # type: ignore[misc]
        number = 0
        async for _ in far.async_client.payment_intents.list().prefetch():
            page = number // 3 + 1
            if page < 3:
                await asyncio.wait_for(asked[page + 1].wait(), SOON)
            assert len(far.asked) <= page + 1
            number += 1
        assert number == 7

    asyncio.run(use())


def test_trio_fetches_when_a_page_is_reached(far: FarEnd) -> None:
    """In trio no task lives outside a nursery, so there it is plain iteration."""

    async def use() -> None:
        number = 0
        async for _ in far.async_client.payment_intents.list().prefetch():
            assert len(far.asked) == number // 3 + 1
            number += 1

    anyio.run(use, backend="trio")


def test_nothing_is_fetched_before_it_is_used(far: FarEnd) -> None:
    """Sync, the first page is there already; async, not even that."""
    far.client.payment_intents.list().prefetch()
    assert far.asked == [None]
    far.async_client.payment_intents.list().prefetch()
    assert far.asked == [None]


@pytest.mark.parametrize("answer", [None, refused], ids=["a page", "an error"])
def test_sync_break_ends_the_request_that_is_under_way(
    far: FarEnd, answer: Callable[[], httpx.Response] | None
) -> None:
    """After `break` the thread is gone and the request over; what it brought, be it an error, is dropped."""
    asked, go_on = threading.Event(), threading.Event()

    def page_2() -> httpx.Response | None:
        asked.set()
        assert go_on.wait(SOON)
        return answer and answer()

    far.on[2] = page_2
    for _ in far.client.payment_intents.list().prefetch():
        assert asked.wait(SOON)
        assert len(threads()) == 1
        go_on.set()
        break
    assert threads() == []
    assert len(far.asked) == 2


def test_sync_close_before_the_first_object(far: FarEnd) -> None:
    """A prefetch that was never begun closes like any generator."""
    with closing(far.client.payment_intents.list().prefetch()):
        pass
    assert far.asked == [None]


def test_a_list_may_be_walked_in_any_thread(far: FarEnd) -> None:
    """The thread that makes a prefetch and those that go on with it need not be the same."""
    items = far.client.payment_intents.list().prefetch()
    ids: list[str] = []
    for _ in IDS:
        other = threading.Thread(target=lambda: ids.append(next(items).id))
        other.start()
        other.join(SOON)
    assert list(items) == []
    assert ids == IDS


def test_context_variables_are_those_of_the_caller(far: FarEnd) -> None:
    """A fetch sees the context of the loop that it is for: a trace id, say."""
    trace: ContextVar[str] = ContextVar("trace", default="none")
    seen: list[str] = []
    far.on.update(dict.fromkeys((2, 3), lambda: seen.append(trace.get())))
    trace.set("mine")
    list(far.client.payment_intents.list().prefetch())
    assert seen == ["mine", "mine"]


class Hanging:
    """A request that never ends by itself, and knows what became of it."""

    def __init__(self) -> None:
        self.asked, self.cancelled = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def first_object_then(far: FarEnd, go_on: Callable[[AsyncIterator[Any], Hanging], Awaitable[None]]) -> None:
    """Reach the first object while page 2 hangs, and go on from there; nothing may be left of it."""

    async def use() -> None:
        loop = asyncio.get_running_loop()
        complaints: list[Any] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        hanging = far.on_async[2] = Hanging()
        items = far.async_client.payment_intents.list().prefetch()
        await anext(items)
        await asyncio.wait_for(hanging.asked.wait(), SOON)
        await go_on(items, hanging)
        del items
        gc.collect()
        await asyncio.wait_for(hanging.cancelled.wait(), SOON)
        assert complaints == []

    asyncio.run(use())


def test_asyncio_close_cancels_the_request_that_is_under_way(far: FarEnd) -> None:
    """Once it is closed, the fetch is over, and no task is left."""

    async def close(items: Any, hanging: Hanging) -> None:
        async with aclosing(items):
            pass
        assert hanging.cancelled.is_set()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    first_object_then(far, close)


def test_asyncio_break_cancels_the_request_that_is_under_way(far: FarEnd) -> None:
    """A bare `break` cancels it too, once the generator is dropped."""

    async def leave(items: Any, hanging: Hanging) -> None:
        async for _ in items:
            break

    first_object_then(far, leave)


def test_asyncio_cancelling_the_loop_cancels_the_fetch(far: FarEnd) -> None:
    """A task that waits for a page and is cancelled takes the fetch with it."""

    async def cancel(items: Any, hanging: Hanging) -> None:
        async def rest() -> list[Any]:
            return [item async for item in items]

        task = asyncio.ensure_future(rest())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert hanging.cancelled.is_set()

    first_object_then(far, cancel)


def test_asyncio_drops_an_error_that_was_not_reached(far: FarEnd) -> None:
    """An error of a page that the loop did not get to is not reported by anybody, asyncio included."""

    async def use() -> None:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        failed = asyncio.Event()

        async def failing() -> None:
            failed.set()
            raise httpx.ConnectError("no")

        far.on_async[2] = failing
        async with aclosing(far.async_client.payment_intents.list().prefetch()) as items:
            async for _ in items:
                await asyncio.wait_for(failed.wait(), SOON)
                break
        gc.collect()
        assert complaints == []

    asyncio.run(use())


def test_from_an_awaited_page(far: FarEnd) -> None:
    """The first page that was awaited prefetches those after it."""

    async def use() -> list[str]:
        page = await far.async_client.payment_intents.list()
        return [intent.id async for intent in page.prefetch()]

    assert asyncio.run(use()) == IDS
