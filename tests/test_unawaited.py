"""A forgotten `await` names the operation; and what an operation returns is a coroutine to whoever asks."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import pydoc
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, cast

import pytest
import trio

import finsecure
from finsecure.sandbox import Sandbox

anyio = pytest.importorskip("anyio")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> finsecure.AsyncClient:
    return sandbox.async_client()


def test_reading_an_answer_that_was_not_awaited_names_the_operation(client: finsecure.AsyncClient) -> None:
    """In the error that follows, and in Python's own warning."""
    reads: list[Callable[[Any], Any]] = [lambda answer: answer.id, lambda answer: answer["id"], list, copy.copy]
    forgotten: Any = client.payment_intents.create(amount=2000, currency="usd")
    for read in reads:
        with pytest.raises((AttributeError, TypeError), match=r"await client\.payment_intents\.create\(\.\.\.\)"):
            read(forgotten)
    assert repr(forgotten) == "<AsyncClient.payment_intents.create(...), not awaited>"
    with pytest.warns(RuntimeWarning, match=r"coroutine 'AsyncClient\.payment_intents\.create' was never awaited"):
        forgotten = None


def test_a_client_of_ones_own_is_named(sandbox: Sandbox) -> None:
    """And its groups as a client calls them."""

    class Mine(finsecure.AsyncClient):
        pass

    forgotten: Any = Mine("sk_test_1").webhook_endpoints.retrieve("we_1")
    with pytest.raises(AttributeError, match=r"await client\.webhook_endpoints\.retrieve\(.*Mine is async"):
        _ = forgotten.url
    forgotten.close()


def test_a_raw_call_and_the_fetch_of_a_page_are_named(client: finsecure.AsyncClient) -> None:
    """As the operations are."""

    async def first() -> Any:
        return await client.customers.list()

    page = asyncio.run(first())
    forgotten: list[tuple[Any, str]] = [
        (client.request("GET", "/v1/customers"), r"await client\.request\(\.\.\.\)`, since AsyncClient"),
        (page.next_page(), r"await page\.next_page\(\.\.\.\)`, since AsyncPage"),
        (page.previous_page(), r"await page\.previous_page\(\.\.\.\)`"),
    ]
    for answer, why in forgotten:
        with pytest.raises(AttributeError, match=why):
            _ = answer.data
        answer.close()
    assert all(map(inspect.iscoroutine, [answer for answer, _ in forgotten]))


def test_it_is_a_coroutine_to_whoever_asks(client: finsecure.AsyncClient) -> None:
    """`inspect` and asyncio say so, and tools find the frame and the names of a coroutine."""
    forgotten: Any = client.customers.create()
    assert inspect.iscoroutine(forgotten)
    assert inspect.isawaitable(forgotten)
    assert asyncio.iscoroutine(forgotten)
    assert isinstance(forgotten, Coroutine)
    assert inspect.getcoroutinestate(forgotten) == "CORO_CREATED"
    assert forgotten.__qualname__ == "AsyncClient.customers.create"
    forgotten.close()
    with pytest.raises(KeyError):
        client.customers.create().throw(KeyError("x"))


def test_asyncio_drives_it(client: finsecure.AsyncClient) -> None:
    """Tasks, gather, wait_for, timeouts and threads."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        create = client.customers.create
        task = asyncio.create_task(create(name="task"))
        future = asyncio.ensure_future(create(name="future"))
        gathered = await asyncio.gather(create(name="a"), create(name="b"))
        waited = await asyncio.wait_for(create(name="waited"), 30)
        thread = await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(create(name="thread"), loop).result)
        from_thread = await asyncio.to_thread(thread)
        answers = [await task, await future, *gathered, waited, from_thread, await create(name="awaited")]
        return [cast("str", answer.name) for answer in answers]

    assert asyncio.run(main()) == ["task", "future", "a", "b", "waited", "thread", "awaited"]
    assert asyncio.run(client.customers.create(name="run")).name == "run"


def test_anyio_and_trio_drive_it(client: finsecure.AsyncClient) -> None:
    """Task groups and nurseries take the operation itself, and ask for a coroutine."""

    async def with_anyio() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(client.customers.retrieve, customer)

    async def with_trio() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.customers.retrieve, customer)

    customer = asyncio.run(client.customers.create()).id
    asyncio.run(with_anyio())
    trio.run(with_trio)


def test_a_task_is_cancelled(client: finsecure.AsyncClient) -> None:
    """The exception reaches the call."""

    async def main() -> None:
        task = asyncio.create_task(client.customers.create())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a task that never began awaits nothing
        asyncio.run(main())


HELP: list[tuple[Callable[[], Any], str]] = [
    (lambda: finsecure.Client("sk_test_1").payment_intents.create, "(*, amount: int, currency: str, "),
    (lambda: finsecure.PaymentIntent.create, "-> PaymentIntent"),
    (lambda: finsecure.Client("sk_test_1").payment_intents.retrieve, "(id: str) -> PaymentIntent"),
    (lambda: finsecure.AsyncClient("sk_test_1").payment_intents.retrieve, "-> Coroutine[object, None, PaymentIntent]"),
    (lambda: finsecure.Client("sk_test_1").refunds.list, "-> Page[Refund]"),
    (lambda: finsecure.Refund.list, "-> Page[Refund]"),
    (lambda: finsecure.AsyncClient("sk_test_1").refunds.list, "-> AsyncPages[Refund]"),
]


@pytest.mark.parametrize(("operation", "shown"), HELP, ids=[shown for _, shown in HELP])
def test_help_shows_what_an_operation_returns(operation: Callable[[], Any], shown: str) -> None:
    """And not the call that its method describes, in `help()` and in IPython's `?`."""
    assert shown in str(inspect.signature(operation()))
    told = pydoc.render_doc(operation(), renderer=cast("Any", pydoc).plaintext)
    assert "".join(shown.rpartition("(")[2].split()) in "".join(told.split())  # 3.13 gives each parameter a line


def test_an_operation_of_a_class_can_be_pickled() -> None:
    """A queue finds it again by its name."""
    assert pickle.loads(pickle.dumps(finsecure.Refund.create)) is finsecure.Refund.create
