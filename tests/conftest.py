"""The doors: a test is written once, and holds for Client, AsyncClient (asyncio and trio) and module-level use.

    def test_a_payment_can_be_looked_up(door: Door) -> None:
        intent = door.call(lambda api: api.payment_intents.create(amount=2000, currency="usd"))
        assert door.call(lambda api: api.payment_intents.retrieve(intent.id)) == intent

`door` leads to a sandbox, for what comes of a call; `wire` to the mocked `server`, for what is sent. Time stands still
behind both: waits return at once and are kept in `clock.sleeps`.
`open_door` opens one with a key and options of the test's own.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import anyio
import httpx
import pytest
import respx
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, settings

import finsecure
from finsecure.sandbox import Clock, Sandbox

from . import servers

T = TypeVar("T")

# How long an example takes says more about the machine than about the code.
settings.register_profile("finsecure", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("finsecure")

NOON = 1640995200.0  # the reference's own moment: 2022-01-01T00:00:00Z
KEY = "sk_test_1234567890abcdef"
HOST = "https://api-sandbox.finsecure.com"
DOORS = ("sync", "async-asyncio", "async-trio", "module")


class Module:
    """Module-level use, under the names that a client has for it."""

    payment_intents = finsecure.PaymentIntent
    payment_methods = finsecure.PaymentMethod
    customers = finsecure.Customer
    refunds = finsecure.Refund
    charges = finsecure.Charge
    events = finsecure.Event
    webhook_endpoints = finsecure.WebhookEndpoint
    request = staticmethod(finsecure.request)
    request_list = staticmethod(finsecure.request_list)


class Outcome:
    """What became of one logical call, where errors are what a test is about."""

    def __init__(self, value: Any, error: BaseException | None, seconds: float) -> None:
        self.value = value
        self.error: Any = error
        self.seconds = seconds

    @property
    def kind(self) -> str:
        """`ok`, or the name of the error's class."""
        return "ok" if self.error is None else type(self.error).__name__


class Door:
    """One of the ways to call the API; what it answers is awaited where that is how this door answers.

    Args:
        name: One of `DOORS`.
        args: The key, as a client takes it.
        portal: An event loop that runs all along; without one, each call has a loop of its own.
        options: Those of the client.
    """

    def __init__(self, name: str, *args: Any, portal: BlockingPortal | None = None, **options: Any) -> None:
        self.name = name
        self.is_async = name.startswith("async")
        self._portal = portal
        self.api: Any = self._open(*args, **options)

    def _open(self, api_key: str | None = KEY, **options: Any) -> Any:
        if self.is_async:
            return finsecure.AsyncClient(api_key, **options)
        if self.name == "sync":
            return finsecure.Client(api_key, **options)
        finsecure.configure(api_key=api_key, **options)
        return Module

    def run(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Await in an event loop of this door."""
        if self._portal is not None:
            return self._portal.call(wait)
        return anyio.run(wait, backend=self.name.partition("-")[2])

    def call(self, use: Callable[[finsecure.Client], T]) -> T:
        """What an operation answers: an object, or the first page of a list."""
        return self.run(lambda: use(self.api)) if self.is_async else use(self.api)  # type: ignore[arg-type, return-value]

    def all(self, use: Callable[[finsecure.Client], finsecure.Page[T]]) -> list[T]:
        """Every object of a list, over all of its pages."""

        async def collect() -> list[T]:
            return [item async for item in cast("Any", use(self.api))]

        return self.run(collect) if self.is_async else list(use(self.api))

    def pages(self, use: Callable[[finsecure.Client], finsecure.Page[T]]) -> list[finsecure.Page[T]]:
        """Every page of a list."""

        async def collect() -> list[finsecure.Page[T]]:
            return [page async for page in cast("Any", use(self.api)).pages()]

        return self.run(collect) if self.is_async else list(use(self.api).pages())

    def ask(self, use: Callable[[Any], Any]) -> Outcome:
        """What becomes of a call: an error is a value here."""
        return self.ask_all([use], 1)[0]

    def ask_all(self, uses: Iterable[Callable[[Any], Any]], at_once: int) -> list[Outcome]:
        """What becomes of many calls, some at once: threads, or tasks where this door is async."""
        if self.is_async:
            return self.run(lambda: self._ask_tasks([*uses], at_once))
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self._ask_here, uses))

    def _ask_here(self, use: Callable[[Any], Any]) -> Outcome:
        began = time.monotonic()
        try:
            value = use(self.api)
        except Exception as exc:  # noqa: BLE001 - which errors come out is what the tests are about
            return Outcome(None, exc, time.monotonic() - began)
        return Outcome(value, None, time.monotonic() - began)

    async def _ask_tasks(self, uses: list[Callable[[Any], Any]], at_once: int) -> list[Outcome]:
        outcomes: list[Any] = [None] * len(uses)
        waiting = iter(enumerate(uses))

        async def worker() -> None:
            for index, use in waiting:
                began = time.monotonic()
                try:
                    value, error = await use(self.api), None
                except Exception as exc:  # noqa: BLE001 - as above
                    value, error = None, exc
                outcomes[index] = Outcome(value, error, time.monotonic() - began)

        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(worker)
        return outcomes

    def with_options(self, **options: Any) -> Door:
        """The same door with other options."""
        other = copy.copy(self)
        other.api = self.api.with_options(**options)
        return other

    def close(self) -> None:
        """Close it, as its users do."""
        if self.is_async:
            self.run(self.api.aclose)
        elif self.name == "sync":
            self.api.close()


Figure: TypeAlias = Callable[..., None]
FIGURES = os.environ.get("FINSECURE_CHAOS_FIGURES")  # read now: each test runs without such variables


def _is_impossible(item: pytest.Item) -> bool:
    """Whether it is about pyreqwest under trio, which is refused; test_libraries looks at that."""
    params: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    values = {value for value in params.values() if isinstance(value, str)}
    return "pyreqwest" in values and not values.isdisjoint({"trio", "async-trio"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that cannot be, so that none is skipped for it."""
    config.hook.pytest_deselected(items=[item for item in items if _is_impossible(item)])
    items[:] = [item for item in items if not _is_impossible(item)]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell of whoever runs the tests says about FinSecure, proxies or certificates stays out of them."""
    for name in os.environ:
        ours = name.startswith("FINSECURE_") and name != "FINSECURE_REQUIRED"
        if ours or name.lower().endswith("_proxy") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
            monkeypatch.delenv(name)


@contextmanager
def _or_skip() -> Generator[None, None, None]:
    """Without the program that a test needs the test is skipped; it fails where all tests have to run."""
    try:
        yield
    except servers.NotInstalledError as missing:
        if servers.REQUIRED:
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    """A PostgreSQL, the same one for all tests of this process."""
    with _or_skip(), servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[servers.Server]:
    """A MariaDB, the same one for all tests of this process."""
    with _or_skip(), servers.mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Server]:
    """A Redis, the same one for all tests of this process."""
    with _or_skip(), servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium or Chrome."""
    with _or_skip():
        return servers.chromium()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Note what was measured, for the table that `tests/faults/report.py` writes."""

    def figure(row: str, **measured: object) -> None:
        if FIGURES:
            where = {"transport": request.getfixturevalue("transport")} if "transport" in request.fixturenames else {}
            with Path(FIGURES).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"row": row, **where, "measured": measured}) + "\n")

    return figure


@pytest.fixture(params=DOORS)
def kind(request: pytest.FixtureRequest) -> str:
    """The name of the door."""
    name: str = request.param
    return name


@pytest.fixture
def open_door(kind: str) -> Iterator[Callable[..., Door]]:
    """Open the door with a key and options of the test's own; it is closed after the test."""
    opened: list[Door] = []

    def open_door(*args: Any, **options: Any) -> Door:
        opened.append(Door(kind, *args, **options))
        return opened[-1]

    yield open_door
    for door in opened:
        door.close()
    finsecure.api_key = None
    finsecure.configure()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still, at the reference's own moment."""
    return Clock(NOON)


@pytest.fixture
def count() -> Callable[[str], str]:
    """Ids that count up from 1, each prefix by itself."""
    counters: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
    return lambda prefix: str(next(counters[prefix]))


@pytest.fixture
def sandbox(clock: Clock, count: Callable[[str], str]) -> Iterator[Sandbox]:
    """A FinSecure in this process."""
    with Sandbox(clock=clock, ids=count) as sandbox:
        yield sandbox


@pytest.fixture
def door(kind: str, open_door: Callable[..., Door], sandbox: Sandbox) -> Door:
    """The door to the sandbox."""
    client = httpx.AsyncClient if kind.startswith("async") else httpx.Client
    http_client = client(transport=sandbox.transport, trust_env=False)
    return open_door(sandbox.secret_key, base_url=sandbox.base_url, http_client=http_client, clock=sandbox.clock)


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """A far end that answers what the test says, and remembers what it was asked (`server.calls`)."""
    with respx.mock(base_url=HOST, assert_all_called=False) as server:
        yield server


@pytest.fixture
def sent(server: respx.MockRouter) -> Callable[[], list[httpx.Request]]:
    """The requests that the mocked server has seen so far."""
    return lambda: [call.request for call in cast("list[respx.models.Call]", server.calls)]


@pytest.fixture
def wire(open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock) -> Door:
    """The door to the mocked server, over the client's own connections."""
    return open_door(clock=clock)
