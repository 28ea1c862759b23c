"""The client's clock. Tests pass one of their own, such as `finsecure.sandbox.Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

monotonic: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""The seconds that timeouts are measured in. Libraries that freeze time in tests leave `clock_gettime` alone; Windows
does not have it."""


class Clock(Protocol):
    """A clock the client reads and sleeps on."""

    def time(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def sleep_async(self, seconds: float) -> None:
        """Wait without blocking other tasks."""
        ...


class SystemClock:
    """The system clock."""

    def time(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait, on asyncio and trio."""
        import anyio  # only needed once something failed

        await anyio.sleep(seconds)


SYSTEM = SystemClock()
