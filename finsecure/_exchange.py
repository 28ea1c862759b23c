"""One call in progress: its key, its attempts, and what is known of what the server did. Pure.

Rules: all attempts share one idempotency key and one frozen body. A request that was certainly not sent may always be
repeated; one that may have been carried out, only if it is idempotent (a GET, PUT or DELETE, or a POST with a key).
`Retry-After` is honored up to a minute; a longer one is left to the caller. Nothing waits past `deadline`. A client
whose calls all fail stops retrying (`RetryBudget`), so that it does not triple the load of an API in trouble.

`PROVES` says what an answer proves, `add_context` what that means for the call; `docs/errors.md` shows both as a table.
`plan_retry` decides whether to try again. tenacity only drives the attempts after the first one.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ._http import Failure
from ._retry import LONGEST_RETRY_AFTER, RESTART, backoff
from .error import KEY_IN_USE, is_documented, is_transient

if TYPE_CHECKING:
    from ._call import Call
    from ._config import Config
    from ._http import Request
    from ._retry import RetryBudget

Proof: TypeAlias = Literal["nothing", "not done", "stored"]
"""What an attempt proves: nothing, so that it may have been carried out; that it was not carried out itself; or, as the
answer stored under the key, that no attempt with that key was."""

PROVES: dict[int, Proof] = {
    **dict.fromkeys((400, 402, 404, 405, 415, 422), "stored"),
    **dict.fromkeys((401, 403, 409, 429), "not done"),
}
"""What an answer proves that is the API's own (`is_documented`), by its status; any other answer proves nothing."""


class Exchange:
    """One logical call under way."""

    __slots__ = (
        "_budget",
        "_first_failed",
        "_lost",
        "_may_be_done",
        "_retries",
        "_sent",
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
        self._retries = 0  # those that count against `max_retries`
        self._sent = False  # whether any attempt so far sent anything
        self._may_be_done = False  # whether any attempt so far may have been carried out
        self._lost: float | None = None  # when the last attempt failed of which nothing is known
        self._first_failed = 0.0  # when the first attempt failed

    def begin_attempt(self) -> float:
        """Count an attempt; the seconds it may take."""
        self.attempts += 1
        self.delay = None
        self.request.unsent = False
        timeout = self.config.timeout
        if self.config.deadline is not None:
            # Never zero: a wait that ran over the deadline ends in an attempt that times out at once.
            timeout = min(timeout, max(0.001, self.config.deadline - self.elapsed()))
        return timeout

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.config.clock.monotonic() - self.started

    def add_context(self, failure: Failure) -> Failure:
        """Put on an error what only the call as a whole knows: its key, and whether anything may have been done."""
        error = failure.error
        error.idempotency_key = self.request.idempotency_key
        proof = _proof(failure)
        # `_may_be_done` is about all attempts so far. Only a stored answer can set it back to False: it speaks for the
        # key, and so for the attempts before, while a 401 or a 429 speaks for its own attempt alone.
        if proof == "nothing":
            self._may_be_done = True
            self._lost = self.elapsed()
        elif _is_in_use(failure):
            self._may_be_done = True  # by whoever sent this key first, be it another process
        elif proof == "stored" and self.request.idempotency_key is not None and not _is_of_state(failure):
            self._may_be_done = False
        error.maybe_executed = self._may_be_done and self.call.method != "GET"
        if failure.kind not in ("not sent", "final"):
            self._sent = True
            return failure
        if not self._sent:
            error.message += " Nothing was sent."
        if failure.kind == "not sent":
            error.message += f" The host is {self.config.origin.url}."
            if self.config.origin.scheme == "http":
                error.message += " Is `finsecure sandbox` running? It picks a new port each start."
        return failure

    def plan_retry(self, failure: Failure) -> float | None:
        """Seconds to wait before the next attempt, paid for from the budget; `None`: this failure is the call's."""
        if self.attempts == 1:
            self._first_failed = self.elapsed()
        # What another attempt cannot change.
        if failure.kind == "final" or (failure.kind == "answer" and not is_transient(failure.error)):
            return None
        # What another attempt could do a second time.
        if self._may_be_done and not self.request.repeatable:
            return None
        stale = failure.kind == "stale" and self.attempts == 1  # the connection was old, the API is well
        # Our own lost attempt is still in progress on the server. Asking for its outcome is not a retry: it uses up
        # neither `max_retries` nor the budget, and goes on for `timeout` seconds after the loss.
        asks_until = self._lost + self.config.timeout if self._lost is not None and _is_in_use(failure) else None
        delay = 0.0 if stale else self._wait(failure, asks_until)
        deadline = math.inf if self.config.deadline is None else self.config.deadline
        # A wait that does not fit is not cut short: an attempt before `Retry-After` is over would be refused.
        if delay > LONGEST_RETRY_AFTER or self.elapsed() + delay >= deadline:
            return None
        if asks_until is not None:
            return delay
        # The budget is asked last, so that a retry that is not made costs nothing.
        if self._retries >= self.config.max_retries or not (stale or self._budget.take()):
            return None
        self._retries += 1
        return delay

    def note(self) -> str:
        """What an exception that leaves the call unfinished must not take with it: the key, and what may be done."""
        operation = f"finsecure: {self.call.method} {self.call.template}"
        key = self.request.idempotency_key
        if self.call.method == "GET":
            return f"{operation} was left before it was over; it changes nothing."
        under_way = self.delay is None  # rather than waiting for the next attempt
        executed = self._may_be_done or (under_way and not self.request.unsent)
        facts = f"{operation} was left before it was over: idempotency_key={key!r}, maybe_executed={executed}."
        if not executed:
            return f"{facts} It was not carried out."
        if key is None:
            return f"{facts} The server may have carried it out: look before you send it again."
        return (
            f"{facts} The server may have carried it out: send it again with this key within 24 hours to learn the "
            "outcome. After that, look before you send it again."
        )

    def _wait(self, failure: Failure, asks_until: float | None) -> float:
        """Seconds to wait after a failure; endless where it is too late to go on asking."""
        asked = failure.error.retry_after
        delay = asked or backoff(self.attempts - 1, random.random())
        # By default this is the last retry: it comes late enough to find a server that restarts within a second.
        if failure.kind == "not sent" and self._retries == 1:
            return max(delay, self._first_failed + RESTART - self.elapsed())
        if asks_until is None:
            return delay
        left = asks_until - self.elapsed()
        # One last question just before the end, rather than none because the next wait would go past it.
        return min(delay, left - 0.005) if left >= max(asked or 0.0, 0.01) else math.inf

    def finish(self, outcome: Any) -> None:
        """The call is over. Where the API did answer, be it with a refusal, retries are good for something."""
        if not isinstance(outcome, Failure) or (outcome.kind == "answer" and not is_transient(outcome.error)):
            self._budget.give_back(self.attempts)


def _proof(failure: Failure) -> Proof:
    if failure.kind in ("not sent", "final"):
        return "not done"
    if failure.kind == "answer" and is_documented(failure.error):
        return PROVES.get(failure.error.http_status or 0, "nothing")
    return "nothing"


def _is_in_use(failure: Failure) -> bool:
    """Whether a request with this key is still under way."""
    error = failure.error
    return error.code == KEY_IN_USE and error.http_status == 409 and is_documented(error)


def _is_of_state(failure: Failure) -> bool:
    """Whether the state refuses, which an attempt before may have brought about: it refunded the amount, say."""
    return failure.error.code == "unexpected_state" or failure.error.param == "amount"
