"""Time, as a client sees it. Tests pass a clock of their own: `finsecure.sandbox.Clock`, say."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

monotonic: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""The seconds that timeouts are reckoned with. Libraries that freeze time in tests leave `clock_gettime` alone, which
only Windows does not have."""


class Clock(Protocol):
    """What measures and waits for a client."""

    def time(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def sleep_async(self, seconds: float) -> None:
        """Wait, without holding up other tasks."""
        ...


class SystemClock:
    """The computer's."""

    def time(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait, in asyncio and trio alike."""
        import anyio  # only needed once something failed

        await anyio.sleep(seconds)


SYSTEM = SystemClock()
