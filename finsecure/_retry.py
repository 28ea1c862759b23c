"""The arithmetic of retries: how long to wait, how many a client may make, what is worth another try. Pure."""

from __future__ import annotations

import math
import re
from collections import deque
from datetime import timezone

from .error import CardError, FinSecureError

BASE_DELAY = 0.5  # seconds
MAX_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0
RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504})
REFUSED_UNDONE = frozenset({429})  # statuses after which the request was certainly not carried out, nor stored


class RetryBudget:
    """The retries that a client may still make: a token bucket, as in the standard mode of the AWS SDKs.

    A retry takes `COST` tokens. A call that comes through gives back what its last retry took, or one token if it took
    none. So retries are there for a few failures among many calls, and dry up where nothing comes through.
    """

    COST = 5
    FULL = 200  # so 40 retries, then as many as one call in five that comes through pays for

    def __init__(self) -> None:
        # Its methods are atomic, so threads share it without a lock, which a fork could find held.
        self._tokens = deque([None] * self.FULL, maxlen=self.FULL)

    def take(self) -> bool:
        """Take what a retry costs; whether there was enough."""
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
        """A call came through, after so many attempts."""
        self._tokens.extend([None] * (self.COST if attempts > 1 else 1))


def backoff(retry: int, uniform: float) -> float:
    """Exponential with full jitter: `uniform * min(MAX_DELAY, BASE_DELAY * 2 ** retry)`, the first retry being 0."""
    return uniform * min(MAX_DELAY, BASE_DELAY * 2.0 ** min(retry, 10))


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, from seconds or an HTTP date; `None` for junk."""
    if value is None:
        return None
    seconds = float(value) if _SECONDS.fullmatch(value) else _until(value, now)
    return seconds if 0 <= seconds < math.inf else None


_SECONDS = re.compile(r"\s*[0-9]+(\.[0-9]+)?([eE][0-9]+)?\s*")  # float() would also take 1_000 and nan


def _until(date: str, now: float) -> float:
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(date)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0.0, moment.timestamp() - now)  # a date in the past means now
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan


def is_transient(error: FinSecureError) -> bool:
    """Whether an answer of the API says that trying again can help."""
    if isinstance(error, CardError):
        return False  # whatever its status
    if error.http_status == 409:
        return error.code == "idempotency_key_in_use"
    return error.http_status in RETRIED_STATUSES
