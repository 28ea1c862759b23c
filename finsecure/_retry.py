"""The arithmetic of retries: how long to wait, and how many retries a client may make. Pure."""

from __future__ import annotations

import re
import sys
from collections import deque
from datetime import timezone

BASE_DELAY = 0.5  # seconds
MAX_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0
RESTART = 1.26  # seconds, so at least 1.25 on any clock: enough for a server that restarts within a second


class RetryBudget:
    """The retries that a client may still make: a token bucket, as in the standard mode of the AWS SDKs.

    A retry takes `COST` tokens. A successful call returns what its last retry took, or one token if it took none. So a
    client can retry a few failures among many calls, and stops retrying when every call fails.
    """

    COST = 5
    FULL = 200  # 40 retries; after that, one for every five successful calls

    def __init__(self) -> None:
        # A deque's methods are atomic, so threads need no lock, which might be held when the process forks.
        self._tokens = deque([None] * self.FULL, maxlen=self.FULL)

    def take(self) -> bool:
        """Take the tokens for one retry, and return whether there were enough."""
        # Pop one token at a time: checking the length first would be a race. Put them back if there are too few.
        taken = 0
        try:
            while taken < self.COST:
                self._tokens.pop()
                taken += 1
        except IndexError:
            self._tokens.extend([None] * taken)
            return False
        return True

    def give_back(self, attempts: int) -> None:
        """Return tokens after a call that succeeded, with so many attempts."""
        # `maxlen` drops tokens above the limit.
        self._tokens.extend([None] * (self.COST if attempts > 1 else 1))


def backoff(retry: int, uniform: float) -> float:
    """Return an exponential delay with full jitter, in seconds; the first `retry` is 0.

    The formula is `uniform * min(MAX_DELAY, BASE_DELAY * 2 ** retry)`.
    """
    return uniform * min(MAX_DELAY, BASE_DELAY * 2.0 ** min(retry, 10))


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, as seconds or an HTTP date; `None` if invalid."""
    if value is None:
        return None
    value = value.strip(" \t")
    if _SECONDS.fullmatch(value):
        return min(float(value), sys.float_info.max)  # instead of infinity
    return _until(value, now)


_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # float() would also accept 1_000, 1e3 and nan


def _until(date: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(date)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0.0, moment.timestamp() - now)  # a date in the past means now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
