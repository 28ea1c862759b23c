"""Whether to try again, and how long to wait before: pure, one small machine for each logical call.

Rules: one idempotency key and one frozen body for all attempts. What was certainly not sent may always be tried again;
what may have been carried out, only where doing it twice is the same as once (a GET, PUT or DELETE, or a POST with a
key). `Retry-After` is honoured up to a minute; a longer one is the caller's to decide. Nothing waits past `deadline`.
And a client whose calls all fail stops retrying (`Quota`), so that it does not triple the load of an API that is down.

tenacity drives the attempts, with `Exchange.wants_retry` and `Exchange.wait` as its callbacks; it decides nothing.
"""

from __future__ import annotations

import math
import random
import re
from collections import deque
from datetime import timezone
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .error import CardError, FinSecureError, IdempotencyError, InvalidRequestError

if TYPE_CHECKING:
    import tenacity

    from ._call import Call
    from ._config import Config
    from ._wire import Request

BASE_DELAY = 0.5  # seconds
MAX_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0
RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504})
_STORED = (CardError, InvalidRequestError, IdempotencyError)
REFUSED_UNDONE = frozenset({429})  # statuses after which the request was certainly not carried out, nor stored

Kind = Literal["not sent", "stale", "lost", "malformed", "answer", "final"]
"""How an attempt failed: nothing was sent; a kept connection was closed under us; the answer was lost, or was not
what the API documents; the API answered with an error; or trying again can never help."""


class Quota:
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


class Failure(NamedTuple):
    """An attempt that failed, and the error to raise if it was the last."""

    kind: Kind
    error: FinSecureError


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


class Exchange:
    """One logical call under way: its key, its attempts, and what is known of what the server did."""

    __slots__ = (
        "_at_hand",
        "_delay",
        "_forgotten",
        "_quota",
        "_unresolved",
        "attempts",
        "call",
        "config",
        "request",
        "started",
    )

    def __init__(self, call: Call[Any], request: Request, config: Config, quota: Quota) -> None:
        self.call = call
        self.request = request
        self.config = config
        self._quota = quota
        self.attempts = 0
        self.started = config.clock.monotonic()
        self._unresolved = False  # whether an attempt before may have been carried out
        self._forgotten = False  # whether an attempt before was answered in a way that the API does not store
        self._delay = 0.0
        self._at_hand: Failure | None = None

    def begin_attempt(self) -> float:
        """Count an attempt; the seconds it may take."""
        self.attempts += 1
        timeout = self.config.timeout
        if self.config.deadline is not None:
            timeout = min(timeout, max(0.001, self.config.deadline - self.elapsed()))
        return timeout

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.config.clock.monotonic() - self.started

    def judge(self, failure: Failure) -> Failure:
        """Put on an error what only the call as a whole knows: its key, and whether anything may have been done."""
        error = failure.error
        error.idempotency_key = self.request.idempotency_key
        changes = self.call.method != "GET"
        if failure.kind in ("stale", "lost", "malformed"):
            executed = True
        elif failure.kind == "answer":
            executed = self._executed(error)
        else:
            executed = self._unresolved
            if failure.kind == "not sent":
                error.message += f" The host is {self.config.origin.url}."  # an attempt before may have reached it
                if self.config.origin.scheme == "http":
                    error.message += " Is `finsecure sandbox` running? Its port is another one at each start."
        error.maybe_executed = changes and executed
        self._unresolved = self._unresolved or executed
        return failure

    def _executed(self, error: FinSecureError) -> bool:
        status = error.http_status or 0
        if not 400 <= status < 500:
            self._forgotten = True
            return True
        if status in {408, 409}:
            return True
        # The API's own refusal under our key is the stored answer to it, so no attempt before was carried out. But a
        # 5xx is not stored, and what the state refuses, our own attempt before may have brought about. A decline
        # settles it all the same: what was paid already is not charged again, but refused by its state.
        settled = self.request.idempotency_key is not None and isinstance(error, _STORED) and error.type is not None
        by_state = error.code == "unexpected_state" or error.param == "amount"
        if not isinstance(error, CardError) and (self._forgotten or by_state):
            settled = False
        return self._unresolved and not settled

    def wants_retry(self, failure: Failure) -> bool:
        """Whether to try again after this failure; works out how long to wait first."""
        if failure.kind == "final" or self.attempts > self.config.max_retries:
            return False
        error = failure.error
        if failure.kind == "answer" and not _passing(error):
            return False
        if failure.kind != "not sent" and not self.request.repeatable and not _refused(error):
            return False
        stale = failure.kind == "stale" and self.attempts == 1  # the connection was old, the API is well
        delay = 0.0 if stale else backoff(self.attempts - 1, random.random())
        if error.retry_after is not None:
            delay = error.retry_after
            if delay > LONGEST_RETRY_AFTER:
                return False
        if self.config.deadline is not None and self.elapsed() + delay >= self.config.deadline:
            return False
        self._delay = delay
        return stale or self._quota.take()

    def finish(self, outcome: Any) -> None:
        """The call is over. Where the API did answer, be it with a refusal, retries are good for something."""
        if not isinstance(outcome, Failure) or (outcome.kind == "answer" and not _passing(outcome.error)):
            self._quota.give_back(self.attempts)

    def retry_with(self, failure: Failure) -> dict[str, Any]:
        """What tenacity needs to go on from a first attempt that failed."""
        import tenacity  # not before something failed: it costs every cold start

        self._at_hand = failure
        return {
            "retry": self._retry_callback,
            "wait": self._wait_callback,
            "stop": tenacity.stop_never,
        }

    def at_hand(self) -> Failure | None:
        """The failed first attempt, once: it has been made already when tenacity comes in."""
        failure, self._at_hand = self._at_hand, None
        return failure

    def _retry_callback(self, state: tenacity.RetryCallState) -> bool:
        if state.attempt_number == 1:
            return True  # the failure at hand: asked about, and its retry paid for, before tenacity came in
        outcome = state.outcome.result() if state.outcome is not None else None
        return isinstance(outcome, Failure) and self.wants_retry(outcome)

    def _wait_callback(self, _: tenacity.RetryCallState) -> float:
        return self._delay


def _passing(error: FinSecureError) -> bool:
    if isinstance(error, CardError):
        return False  # whatever its status
    if error.http_status == 409:
        return error.code == "idempotency_key_in_use"
    return error.http_status in RETRIED_STATUSES


def _refused(error: FinSecureError) -> bool:
    return error.http_status in REFUSED_UNDONE
