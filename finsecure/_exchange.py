"""One call in progress: its key, its attempts, and whether the server may have carried it out. Pure.

Rules: all attempts share one idempotency key and one body. A request that was certainly not sent can always be sent
again. One that may have been carried out is sent again only if it is idempotent: a GET, PUT or DELETE, or a POST with a
key. `Retry-After` is followed up to a minute; if the API asks for more, the caller gets the error. No wait goes past
`deadline`. A client whose calls all fail stops retrying (`RetryBudget`), so that it does not triple the load on an API
in trouble.

`PROVES` says what a response proves about one attempt, and `add_context` what that means for the call; `docs/errors.md`
shows both as a table. `plan_retry` decides whether to try again. tenacity only drives the attempts after the first.
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
"""What an attempt proves. "nothing": it may have been carried out. "not done": this attempt was not carried out.
"stored": the API stored this response under the key, so no attempt with that key was carried out."""

PROVES: dict[int, Proof] = {
    **dict.fromkeys((400, 402, 404, 405, 415, 422), "stored"),
    **dict.fromkeys((401, 403, 409, 429), "not done"),
}
"""What a response proves, by its status, if it is the API's own (`is_documented`). Others prove nothing."""


class Exchange:
    """One call in progress, with all its attempts."""

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
        self.delay: float | None = None  # seconds to wait before the next attempt; `None` if there is none
        self._retries = 0  # counted against `max_retries`
        self._sent = False  # whether any attempt so far sent anything
        self._may_be_done = False  # whether any attempt so far may have been carried out
        self._lost: float | None = None  # when the last attempt with an unknown outcome failed
        self._first_failed = 0.0  # when the first attempt failed

    def begin_attempt(self) -> float:
        """Count an attempt and return the seconds that it may take."""
        self.attempts += 1
        self.delay = None
        self.request.unsent = False
        timeout = self.config.timeout
        if self.config.deadline is not None:
            # Never zero: if a wait overran the deadline, the attempt times out at once with the usual error.
            timeout = min(timeout, max(0.001, self.config.deadline - self.elapsed()))
        return timeout

    def elapsed(self) -> float:
        """Return the seconds since the call began."""
        return self.config.clock.monotonic() - self.started

    def add_context(self, failure: Failure) -> Failure:
        """Add facts about the whole call to an error: its key, and whether it may have been carried out."""
        error = failure.error
        error.idempotency_key = self.request.idempotency_key
        proof = _proof(failure)
        # `_may_be_done` is about all attempts so far. Only a stored response can set it back to False: the API stores
        # one response per key, so it is about earlier attempts too. A 401 or a 429 is only about its own attempt.
        if proof == "nothing":
            self._may_be_done = True
            self._lost = self.elapsed()
        elif _is_in_use(failure):
            self._may_be_done = True  # by whoever sent this key first, maybe another process
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
        """Return the seconds to wait before the next attempt, or `None` to give up. Takes a retry from the budget."""
        if self.attempts == 1:
            self._first_failed = self.elapsed()
        # Another attempt would get the same failure.
        if failure.kind == "final" or (failure.kind == "answer" and not is_transient(failure.error)):
            return None
        # Another attempt could do the work twice.
        if self._may_be_done and not self.request.repeatable:
            return None
        # The server had closed an idle connection, which says nothing about the API.
        stale = failure.kind == "stale" and self.attempts == 1
        # An attempt whose response was lost is still in progress on the server. Asking for its outcome is not a retry:
        # it counts against neither `max_retries` nor the budget, and goes on for `timeout` seconds after the loss.
        asks_until = self._lost + self.config.timeout if self._lost is not None and _is_in_use(failure) else None
        delay = 0.0 if stale else self._wait(failure, asks_until)
        deadline = math.inf if self.config.deadline is None else self.config.deadline
        # Do not shorten a wait to fit the deadline: the API would refuse an attempt before `Retry-After` is over.
        if delay > LONGEST_RETRY_AFTER or self.elapsed() + delay >= deadline:
            return None
        if asks_until is not None:
            return delay
        # Check the budget last, so that it only pays for retries that are made.
        if self._retries >= self.config.max_retries or not (stale or self._budget.take()):
            return None
        self._retries += 1
        return delay

    def note(self) -> str:
        """Describe an interrupted call: its key, and whether it may have been carried out."""
        operation = f"finsecure: {self.call.method} {self.call.template}"
        key = self.request.idempotency_key
        if self.call.method == "GET":
            return f"{operation} was interrupted. It changes nothing."
        in_attempt = self.delay is None  # and not waiting for the next one
        executed = self._may_be_done or (in_attempt and not self.request.unsent)
        facts = f"{operation} was interrupted: idempotency_key={key!r}, maybe_executed={executed}."
        if not executed:
            return f"{facts} It was not carried out."
        if key is None:
            return f"{facts} The server may have carried it out: look before you send it again."
        return (
            f"{facts} The server may have carried it out: send it again with this key within 24 hours to learn the "
            "outcome. After that, look before you send it again."
        )

    def _wait(self, failure: Failure, asks_until: float | None) -> float:
        """Return the seconds to wait after a failure; infinite if it is too late to go on asking."""
        asked = failure.error.retry_after
        delay = asked or backoff(self.attempts - 1, random.random())
        # With the default settings this is the last retry. Wait long enough for a server that restarts within a second.
        if failure.kind == "not sent" and self._retries == 1:
            return max(delay, self._first_failed + RESTART - self.elapsed())
        if asks_until is None:
            return delay
        left = asks_until - self.elapsed()
        # Shorten the last wait, to ask once more just before the time is up.
        return min(delay, left - 0.005) if left >= max(asked or 0.0, 0.01) else math.inf

    def finish(self, outcome: Any) -> None:
        """Refill the budget if the API gave an answer, even an error that retrying does not change."""
        if not isinstance(outcome, Failure) or (outcome.kind == "answer" and not is_transient(outcome.error)):
            self._budget.give_back(self.attempts)


def _proof(failure: Failure) -> Proof:
    if failure.kind in ("not sent", "final"):
        return "not done"
    if failure.kind == "answer" and is_documented(failure.error):
        return PROVES.get(failure.error.http_status or 0, "nothing")
    return "nothing"


def _is_in_use(failure: Failure) -> bool:
    """Whether a request with this key is still in progress."""
    error = failure.error
    return error.code == KEY_IN_USE and error.http_status == 409 and is_documented(error)


def _is_of_state(failure: Failure) -> bool:
    """Whether the object's state caused the error. An earlier attempt may have changed it, for example by a refund."""
    return failure.error.code == "unexpected_state" or failure.error.param == "amount"
