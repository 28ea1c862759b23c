"""One call under way: its key, its attempts, and what is known of what the server did. Pure.

Rules: one idempotency key and one frozen body for all attempts. What was certainly not sent may always be tried again;
what may have been carried out, only where doing it twice is the same as once (a GET, PUT or DELETE, or a POST with a
key). `Retry-After` is honoured up to a minute; a longer one is the caller's to decide. Nothing waits past `deadline`.
A client whose calls all fail stops retrying (`RetryBudget`), so that it does not triple the load of an API in trouble.

`plan_retry` decides. tenacity only drives the attempts after the first one.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ._http import Failure
from ._retry import LONGEST_RETRY_AFTER, REFUSED_UNDONE, backoff, is_transient
from .error import CardError, FinSecureError, IdempotencyError, InvalidRequestError

if TYPE_CHECKING:
    import tenacity

    from ._call import Call
    from ._config import Config
    from ._http import Request
    from ._retry import RetryBudget

_STORED = (CardError, InvalidRequestError, IdempotencyError)


class Exchange:
    """One logical call under way."""

    __slots__ = (
        "_budget",
        "_unresolved",
        "_unstored_answer",
        "attempts",
        "call",
        "config",
        "delay",
        "request",
        "started",
    )

    def __init__(self, call: Call[Any], request: Request, config: Config, budget: RetryBudget) -> None:
        self.call = call
        self.request = request
        self.config = config
        self._budget = budget
        self.attempts = 0
        self.started = config.clock.monotonic()
        self.delay: float | None = None  # seconds to wait before the next attempt; `None`: there is none
        self._unresolved = False  # whether an attempt before may have been carried out
        self._unstored_answer = False  # whether an attempt before got an answer that the API does not store

    def begin_attempt(self) -> float:
        """Count an attempt; the seconds it may take."""
        self.attempts += 1
        self.delay = None
        timeout = self.config.timeout
        if self.config.deadline is not None:
            timeout = min(timeout, max(0.001, self.config.deadline - self.elapsed()))
        return timeout

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.config.clock.monotonic() - self.started

    def add_context(self, failure: Failure) -> Failure:
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
            self._unstored_answer = True
            return True
        if status in {408, 409}:
            return True
        # The API's own refusal under our key is the stored answer to it, so no attempt before was carried out. But a
        # 5xx is not stored, and what the state refuses, our own attempt before may have brought about. A decline
        # settles it all the same: what was paid already is not charged again, but refused by its state.
        settled = self.request.idempotency_key is not None and isinstance(error, _STORED) and error.type is not None
        by_state = error.code == "unexpected_state" or error.param == "amount"
        if not isinstance(error, CardError) and (self._unstored_answer or by_state):
            settled = False
        return self._unresolved and not settled

    def plan_retry(self, failure: Failure) -> float | None:
        """Seconds to wait before the next attempt, paid for from the budget; `None`: this failure is the call's."""
        if failure.kind == "final" or self.attempts > self.config.max_retries:
            return None
        error = failure.error
        if failure.kind == "answer" and not is_transient(error):
            return None
        if failure.kind != "not sent" and not self.request.repeatable and error.http_status not in REFUSED_UNDONE:
            return None
        stale = failure.kind == "stale" and self.attempts == 1  # the connection was old, the API is well
        delay = 0.0 if stale else backoff(self.attempts - 1, random.random())
        if error.retry_after is not None:
            delay = error.retry_after
            if delay > LONGEST_RETRY_AFTER:
                return None
        if self.config.deadline is not None and self.elapsed() + delay >= self.config.deadline:
            return None
        return delay if stale or self._budget.take() else None

    def retry_options(self) -> dict[str, Any]:
        """How tenacity drives the attempts after the first: as `delay` says."""

        def is_planned(_: tenacity.RetryCallState) -> bool:
            return self.delay is not None

        def wait(_: tenacity.RetryCallState) -> float | None:
            return self.delay

        return {"retry": is_planned, "wait": wait}

    def note(self) -> str:
        """What an exception that leaves the call unfinished must not take with it: the key, and what may be done."""
        operation = f"finsecure: {self.call.method} {self.call.template}"
        key = self.request.idempotency_key
        if self.call.method == "GET":
            return f"{operation} was left before it was over; it changes nothing."
        under_way = self.delay is None  # rather than waiting for the next attempt
        executed = self._unresolved or (under_way and not self.request.unsent)
        facts = f"{operation} was left before it was over: idempotency_key={key!r}, maybe_executed={executed}."
        if not executed:
            return f"{facts} It was not carried out."
        if key is None:
            return f"{facts} The server may have carried it out: look before you send it again."
        return f"{facts} The server may have carried it out: send it again with this key to learn the outcome safely."

    def finish(self, outcome: Any) -> None:
        """The call is over. Where the API did answer, be it with a refusal, retries are good for something."""
        if not isinstance(outcome, Failure) or (outcome.kind == "answer" and not is_transient(outcome.error)):
            self._budget.give_back(self.attempts)
