"""Faults: late, wrong, truncated or lost responses, as networks and gateways cause them.

A fault acts in front of the API, as a gateway does. If the request is carried out anyway, the API stores its own
response under the idempotency key, so a retry gets that one. The response of a fault is never stored.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from . import _checks as check
from . import _json
from ._checks import Parameter
from ._http import Response
from ._json import Object
from ._problems import error, invalid
from ._routes import ROUTES

EVERY = "*"

_HTML = b"<!doctype html><html><head><title>Please wait</title></head><body><h1>Please wait</h1></body></html>"

_Alter = Callable[[Response], Response]

_ANSWERS: dict[str, _Alter] = {
    "lost": lambda answer: replace(answer, ending="closed"),
    "dropped": lambda answer: replace(answer, ending="closed"),
    "stalled": lambda answer: replace(answer, ending="stalled"),
    "truncated": lambda answer: replace(answer, ending="truncated"),
    "garbled": lambda _: Response(200, {"Content-Type": "text/html; charset=utf-8"}, _HTML),
}
"""How each kind of fault changes the API's response. Only with `dropped` is the request not carried out."""

_NOTHING = Response(503, {}, b"")

SCHEMA = {
    "operation": Parameter(check.one_of(EVERY, *(route.name for route in ROUTES))),
    "status": Parameter(check.between(400, 599)),
    "retry_after": Parameter(check.between(0, 24 * 3600)),
    "executed": Parameter(check.boolean),
    "answer": Parameter(check.one_of(*_ANSWERS)),
    "slow": Parameter(check.seconds),
    "times": Parameter(check.between(1, 1_000_000)),
    "share": Parameter(check.share),
    "seed": Parameter(check.integer),
}

_BY_STATUS = {
    401: error("authentication_error", "Invalid API Key provided"),
    402: error(
        "card_error",
        "Your card was declined.",
        code="card_declined",
        decline_code="generic_decline",
        param="payment_method",
    ),
    403: error("authentication_error", "This API key may not do this."),
    404: error("invalid_request_error", "There is no such object.", code="resource_missing"),
    409: error(
        "invalid_request_error",
        "Another request with this Idempotency-Key is under way: try again in a moment.",
        code="idempotency_key_in_use",
    ),
    429: error("rate_limit_error", "Too many requests made to the API too quickly"),
}
"""Reference: Error Handling, "Error Types". Any other 4xx is an invalid request, and any 5xx an API error."""


@dataclass(frozen=True)
class Fault:
    """A fault that `Sandbox.fail_next` added. See there for details.

    Attributes:
        operation: The operation that fails, such as `payment_intents.confirm`, or `*` for any.
        status: The HTTP status to respond with, from 400 to 599; `None` to keep the API's response.
        retry_after: The value of the `Retry-After` header, in seconds; `None` for no header.
        executed: Whether the request is carried out before responding with `status`.
        answer: What happens to the API's response: `lost`, `dropped`, `stalled`, `truncated` or `garbled`; `None` for
            nothing.
        slow: Seconds to delay the response.
        times: How many more requests fail; `None` with a `share`.
        share: The share of requests that fail, above 0 and up to 1; `None` with `times`.
        seed: The seed to choose the requests of a `share`; `None` for a random choice.
    """

    operation: str = EVERY
    status: int | None = None
    retry_after: int | None = None
    executed: bool = False
    answer: str | None = None
    slow: float = 0.0
    times: int | None = None
    share: float | None = None
    seed: int | None = None

    def strike(self, carry_out: Callable[[], Response]) -> Response:
        """Apply this fault to one request.

        Args:
            carry_out: Carries out the request, and returns the API's response.

        Returns:
            The response to send.
        """
        # A fault without `status` changes the API's response, so it needs one.
        carried_out = self.answer != "dropped" and (self.executed or self.status is None)
        answer = carry_out() if carried_out else _NOTHING
        if self.status is not None:
            answer = self._refusal(self.status)
        elif self.answer is not None:
            answer = _ANSWERS[self.answer](answer)
        return replace(answer, delay=self.slow)

    def _refusal(self, status: int) -> Response:
        otherwise = (
            error("invalid_request_error", "The request was refused.")
            if status < 500
            else error("api_error", "An error occurred while processing your request")
        )
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        body = _json.write({"error": _BY_STATUS.get(status, otherwise)})
        return Response(status, {"Content-Type": "application/json", **headers}, body)


@dataclass
class _Waiting:
    """A fault that has not happened yet, and its random generator for a `share`."""

    fault: Fault
    chance: random.Random = field(default_factory=random.Random)


class Faults:
    """The faults that have not happened yet, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def add(self, given: Mapping[str, object]) -> Fault:
        """Add a fault.

        Args:
            given: The arguments of `Sandbox.fail_next`, by name.

        Raises:
            Problem: An argument is wrong or contradicts another one.
        """
        words = check.read(SCHEMA, given)
        for name, contradicts, message in _RULES:
            if contradicts(words):
                raise invalid(message, name)
        if "share" not in words:
            words.setdefault("times", 1)
        fault = Fault(**words)
        with self._lock:
            self._waiting.append(_Waiting(fault, random.Random(fault.seed)))
        return fault

    def take(self, operation: str | None) -> Fault | None:
        """Return the first fault that matches a request, or `None`, and count it as used."""
        with self._lock:
            return next((fault for waiting in [*self._waiting] if (fault := self._meet(waiting, operation))), None)

    def waiting(self) -> list[Fault]:
        """Return the faults that have not happened yet."""
        with self._lock:
            return [waiting.fault for waiting in self._waiting]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def _meet(self, waiting: _Waiting, operation: str | None) -> Fault | None:
        fault = waiting.fault
        if fault.operation not in (EVERY, operation):
            return None
        if fault.share is not None:
            return fault if waiting.chance.random() < fault.share else None
        left = (fault.times or 0) - 1
        waiting.fault = replace(fault, times=left)
        if not left:
            self._waiting.remove(waiting)
        return fault


_Contradiction = Callable[[Object], bool]

_RULES: tuple[tuple[str, _Contradiction, str], ...] = (
    (
        "status",
        lambda words: not words.keys() & {"status", "answer", "slow"},
        "Missing required param: status, or answer, or slow, says how the request fails.",
    ),
    (
        "answer",
        lambda words: "answer" in words and "status" in words,
        "answer cannot be used together with status: one of them is the answer.",
    ),
    (
        "retry_after",
        lambda words: "retry_after" in words and "status" not in words,
        "retry_after needs status: it is a header of that answer.",
    ),
    (
        "executed",
        lambda words: words.get("executed", False) and words.get("answer") == "dropped",
        "executed cannot be used together with answer dropped, which is not carried out: use answer lost.",
    ),
    (
        "times",
        lambda words: "times" in words and "share" in words,
        "times cannot be used together with share: a fault goes by a count or by a share.",
    ),
    (
        "seed",
        lambda words: "seed" in words and "share" not in words,
        "seed needs share: it chooses which requests fail.",
    ),
)
"""Rules for the arguments: the parameter to name in the error, a test for the contradiction, and the message."""
