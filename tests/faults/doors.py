"""One promise, asked for at every door: `Client`, and `AsyncClient` under asyncio and under trio.

A test gives a function of a client, `lambda c: c.payment_intents.create(...)`. At a sync door that makes the call; at
an async one it makes a coroutine, which runs in an event loop of its own thread. Outcomes come back as values, an
error being one.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import anyio
import anyio.from_thread
import anyio.lowlevel
from typing_extensions import Self

import finsecure

API_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"  # made up
CLIENT: Any = finsecure.Client
ASYNC_CLIENT: Any = finsecure.AsyncClient

Ask: TypeAlias = Callable[[Any], Any]


class Outcome:
    """What became of one logical call."""

    def __init__(self, value: Any, error: BaseException | None, seconds: float) -> None:
        self.value = value
        self.error: Any = error
        self.seconds = seconds

    @property
    def kind(self) -> str:
        return "ok" if self.error is None else type(self.error).__name__


class Quick:
    """A clock whose waits cost no time, but are counted and added up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._skipped = 0.0
        self.waits: list[float] = []

    def time(self) -> float:
        return time.time() + self._skipped

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._skipped += seconds
            self.waits.append(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await anyio.lowlevel.checkpoint()


class Door:
    """A client, and a way to call it from an ordinary test."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def ask(self, ask: Ask) -> Outcome:
        """Make one call."""
        began = time.monotonic()
        try:
            value = ask(self.client)
        except Exception as exc:  # noqa: BLE001 - which errors come out is what the tests are about
            return Outcome(None, exc, time.monotonic() - began)
        return Outcome(value, None, time.monotonic() - began)

    def all(self, asks: Iterable[Ask], at_once: int) -> list[Outcome]:
        """Make many calls, some at once: threads at a sync door, tasks at an async one."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.ask, asks))

    def with_options(self, **options: Any) -> Door:
        other = copy.copy(self)
        other.client = self.client.with_options(**options)
        return other

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncDoor(Door):
    """The same for an `AsyncClient`."""

    portal: anyio.from_thread.BlockingPortal

    def ask(self, ask: Ask) -> Outcome:
        return self.portal.call(self._ask, ask)

    async def _ask(self, ask: Ask) -> Outcome:
        began = time.monotonic()
        try:
            value = await ask(self.client)
        except Exception as exc:  # noqa: BLE001 - which errors come out is what the tests are about
            return Outcome(None, exc, time.monotonic() - began)
        return Outcome(value, None, time.monotonic() - began)

    def all(self, asks: Iterable[Ask], at_once: int) -> list[Outcome]:
        return self.portal.call(self._all, list(asks), at_once)

    async def _all(self, asks: list[Ask], at_once: int) -> list[Outcome]:
        outcomes: list[Any] = [None] * len(asks)
        waiting = iter(enumerate(asks))

        async def worker() -> None:
            for index, ask in waiting:
                outcomes[index] = await self._ask(ask)

        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(worker)
        return outcomes

    def close(self) -> None:
        self.portal.call(self.client.aclose)
