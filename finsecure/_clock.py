"""The client's clock. Tests can pass another one, such as `finsecure.sandbox.Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

monotonic: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""The clock for timeouts. Libraries that freeze time in tests do not replace `clock_gettime`, which Windows lacks."""


class Clock(Protocol):
    """A clock the client reads and sleeps on."""

    def time(self) -> float:
        """Return the time in Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back, for measuring durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        ...

    async def sleep_async(self, seconds: float) -> None:
        """Wait for so many seconds without blocking other tasks."""
        ...


class SystemClock:
    """The system clock."""

    def time(self) -> float:
        """Return the time in Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back, for measuring durations."""
        return monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait for so many seconds, on asyncio and trio."""
        import anyio  # slow to import, and only needed for retries

        await anyio.sleep(seconds)


SYSTEM = SystemClock()
