"""The sandbox's clock, which a test can stop and move."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import cast

_YEAR_9999 = 253_402_300_800


class Clock:
    """A clock for a sandbox, and for a client's `clock=`.

    Args:
        start: The time at which the clock stands still, as an aware `datetime` or Unix seconds. Then only `advance`,
            `sleep` and `sleep_async` move it, and sleeping returns at once. `None` follows the system clock.

    Raises:
        ValueError: `start` is a `datetime` without a time zone, or not a time up to the year 9999.

    Attributes:
        sleeps: The seconds of each sleep, in order, if the clock stands still.
    """

    sleeps: list[float]

    def __init__(self, start: datetime | float | None = None) -> None:
        if isinstance(start, datetime):
            if start.tzinfo is None:
                raise ValueError("Clock(start=...) needs a time zone: pass datetime(..., tzinfo=timezone.utc).")
            start = start.timestamp()
        if start is not None and not _is_time(start):
            raise ValueError("Clock(start=...) must be an aware datetime or Unix seconds, up to the year 9999.")
        self.sleeps = []
        self._standing = None if start is None else float(start)
        self._offset = 0.0
        self._lock = threading.Lock()

    @property
    def frozen(self) -> bool:
        """Whether this clock stands still, that is, was created with a `start`."""
        return self._standing is not None

    def time(self) -> float:
        """Return the time in Unix seconds, with fractions."""
        return self._offset + (time.time() if self._standing is None else self._standing)

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring durations. Only differences have a meaning."""
        return self._offset + (time.monotonic() if self._standing is None else self._standing)

    def advance(
        self,
        seconds: float | timedelta = 0.0,
        *,
        weeks: float = 0.0,
        days: float = 0.0,
        hours: float = 0.0,
        minutes: float = 0.0,
        milliseconds: float = 0.0,
        microseconds: float = 0.0,
    ) -> None:
        """Move the clock forward, by the sum of the arguments. They are those of `datetime.timedelta`.

        Args:
            seconds: Seconds, or a `timedelta`.
            weeks: Weeks.
            days: Days of 24 hours.
            hours: Hours.
            minutes: Minutes.
            milliseconds: Milliseconds.
            microseconds: Microseconds.

        Raises:
            ValueError: An argument is not a number, the sum is negative, or the new time would be after the year 9999.

        Example:
            >>> sandbox.clock.advance(days=1, hours=12)
        """
        parts: list[tuple[str, object, float]] = [
            ("seconds", seconds.total_seconds() if isinstance(seconds, timedelta) else seconds, 1),
            ("weeks", weeks, 7 * 86400),
            ("days", days, 86400),
            ("hours", hours, 3600),
            ("minutes", minutes, 60),
            ("milliseconds", milliseconds, 1e-3),
            ("microseconds", microseconds, 1e-6),
        ]
        for name, number, _ in parts:
            if not _is_time(number):
                raise ValueError(f"advance() takes a number of {name}, such as advance(3600) or advance(days=1).")
        total = sum(cast("float", number) * unit for _, number, unit in parts if number)
        if total < 0:
            raise ValueError(f"A clock only moves forward: {total:g} seconds would move it back.")
        with self._lock:
            if not _is_time(self.time() + total):
                raise ValueError(f"{total:g} seconds would move the clock beyond the year 9999.")
            self._offset += total

    def sleep(self, seconds: float) -> None:
        """Wait. A clock that stands still moves forward instead, and returns at once.

        Args:
            seconds: The seconds to wait.
        """
        if self.frozen:
            self._skip(seconds)
        else:
            time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Like `sleep`, for asyncio and trio.

        Args:
            seconds: The seconds to wait.
        """
        import anyio
        import anyio.lowlevel

        if self.frozen:
            self._skip(seconds)
            await anyio.lowlevel.checkpoint()
        else:
            await anyio.sleep(seconds)

    def __repr__(self) -> str:
        now = datetime.fromtimestamp(self.time(), timezone.utc)
        return f"<Clock {now}{', frozen' if self.frozen else ''}>"

    def _skip(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(max(0.0, seconds))


def _is_time(value: object) -> bool:
    """Whether a value is Unix seconds that a `datetime` can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_YEAR_9999 < value < _YEAR_9999


def wait(clock: Clock, seconds: float, ended: threading.Event | None = None) -> None:
    """Wait for a fault or a late delivery. Unlike `Clock.sleep`, this is not recorded in `sleeps`.

    Args:
        clock: The clock to move or to follow.
        seconds: The seconds to wait.
        ended: An event that ends the wait early.
    """
    if clock.frozen:
        clock.advance(seconds)
    else:
        (ended or threading.Event()).wait(seconds)


async def wait_async(clock: Clock, seconds: float) -> None:
    """Like `wait`, for asyncio and trio."""
    import anyio

    if clock.frozen:
        clock.advance(seconds)
    else:
        await anyio.sleep(seconds)
