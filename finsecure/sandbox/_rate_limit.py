"""The rate limit, with a token bucket for each key. Reference: Error Handling, "Rate Limit Errors"."""

from __future__ import annotations

import math
import threading

from ._problems import Problem


class RateLimit:
    """A rate limit for each key.

    Args:
        per_second: Requests per second, more than zero. The largest burst is the same number, but at least one.
    """

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._size = max(1.0, per_second)
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def reset(self) -> None:
        """Fill the buckets of all keys."""
        with self._lock:
            self._buckets.clear()

    def take(self, key: str, now: float) -> None:
        """Count one request of a key.

        Raises:
            Problem: 429, with the seconds until the next request in `Retry-After`, rounded up.
        """
        with self._lock:
            tokens, then = self._buckets.get(key, (self._size, now))
            tokens = min(self._size, tokens + max(0.0, now - then) * self._rate)
            # Allow for rounding errors, since waiting exactly Retry-After seconds must be enough.
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
