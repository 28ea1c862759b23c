"""The arithmetic of retries: how long to wait, and how many a client may make. Pure."""

from __future__ import annotations

import re
import sys
from collections import deque
from datetime import timezone

BASE_DELAY = 0.5  # seconds
MAX_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0
RESTART = 1.26  # seconds, so at least 1.25 on any clock: a server that restarts within a second is back


class RetryBudget:
    """The retries that a client may still make: a token bucket, as in the standard mode of the AWS SDKs.

    A retry takes `COST` tokens. A successful call returns what its last retry took, or one token if it took none. So a
    client can retry a few failures among many calls, and stops retrying when every call fails.
    """

    COST = 5
    FULL = 200  # 40 retries; after that, one for every five successful calls

    def __init__(self) -> None:
        # Its methods are atomic, so threads share it without a lock, which a fork could find held.
        self._tokens = deque([None] * self.FULL, maxlen=self.FULL)

    def take(self) -> bool:
        """Take what a retry costs; return whether there was enough."""
        # Token by token, since `pop` is atomic and a test of the length is not. Whoever comes up short puts back.
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
        """Return tokens: a call succeeded, after so many attempts."""
        # `maxlen` drops what would be more than full.
        self._tokens.extend([None] * (self.COST if attempts > 1 else 1))


def backoff(retry: int, uniform: float) -> float:
    """Exponential with full jitter: `uniform * min(MAX_DELAY, BASE_DELAY * 2 ** retry)`, the first retry being 0."""
    return uniform * min(MAX_DELAY, BASE_DELAY * 2.0 ** min(retry, 10))


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, from seconds or an HTTP date; `None` for junk."""
    if value is None:
        return None
    value = value.strip(" \t")
    if _SECONDS.fullmatch(value):
        return min(float(value), sys.float_info.max)  # too many digits for a float are still a number of seconds
    return _until(value, now)


_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # float() would also take 1_000, 1e3 and nan


def _until(date: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(date)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0.0, moment.timestamp() - now)  # a date in the past means now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
