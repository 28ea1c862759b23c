"""A token bucket a key. Reference: Error Handling, "Rate Limit Errors"."""

from __future__ import annotations

import math
import threading

from ._problems import Problem


class RateLimit:
    """So many requests a second for each key, and as many at once (at least one).

    Args:
        per_second: Requests a second. More than zero.
    """

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._size = max(1.0, per_second)
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def reset(self) -> None:
        """Give every key its whole allowance again."""
        with self._lock:
            self._buckets.clear()

    def take(self, key: str, now: float) -> None:
        """Take one request of a key's allowance.

        Raises:
            Problem: 429, with the whole seconds until the next one in `Retry-After`.
        """
        with self._lock:
            tokens, then = self._buckets.get(key, (self._size, now))
            tokens = min(self._size, tokens + max(0.0, now - then) * self._rate)
            # A wait of exactly Retry-After must be enough, whatever floating point makes of the sum.
            if tokens < 1 - 1e-6:
                self._buckets[key] = (tokens, now)
                wait = max(1, math.ceil((1 - tokens) / self._rate))
                raise Problem(
                    429,
                    "rate_limit_error",
                    "Too many requests made to the API too quickly",
                    headers={"Retry-After": str(wait)},
                )
            self._buckets[key] = (tokens - 1, now)
