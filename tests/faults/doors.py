"""What the tests of faults pass through a door, and the clock they do it by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import anyio.lowlevel

Ask: TypeAlias = Callable[[Any], Any]
"""A call, as a function of the client: `lambda c: c.payment_intents.create(...)`."""


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
