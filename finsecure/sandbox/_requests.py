"""The log of requests, with secrets masked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from ._json import Object
from ._problems import shown

KEPT = 1000
"""The size of the log. Older requests are dropped."""

_SECRET = {"number", "cvc", "account_number", "client_secret", "secret"}
_MASK = "[masked]"


@dataclass(frozen=True)
class LoggedRequest:
    """A request to the sandbox, as `Sandbox.requests` lists it.

    Attributes:
        id: The `Request-Id` of the response (`req_...`).
        time: When it arrived, in Unix seconds of the sandbox's clock.
        method: The HTTP method.
        path: The path, without the query. Card numbers are masked.
        operation: The operation, such as `payment_intents.confirm`; `None` if the method and path match none.
        status: The HTTP status of the response; `None` if a fault left the request without a response.
        idempotency_key: The `Idempotency-Key` header; `None` without one. Card numbers are masked.
        replayed: Whether the response was the one stored under that key.
        duration: Seconds that handling it took, without the delay of a fault.
        fault: Whether a fault was applied to it.
        body: The JSON body. Card numbers and secrets are masked.
    """

    id: str
    time: float
    method: str
    path: str
    operation: str | None
    status: int | None
    idempotency_key: str | None
    replayed: bool
    duration: float
    fault: bool
    body: Object


class RequestLog:
    """The log of the last requests.

    Args:
        observer: Called with each request that is added.
    """

    def __init__(self, observer: Callable[[LoggedRequest], object]) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT)

    def add(self, request: LoggedRequest) -> None:
        """Add a request, and call the observer with it."""
        with self._lock:
            self._requests.append(request)
        self._observer(request)

    def all(self) -> list[LoggedRequest]:
        """Return the requests in the log, oldest first."""
        with self._lock:
            return [*self._requests]

    def clear(self) -> None:
        """Remove all requests."""
        with self._lock:
            self._requests.clear()


def masked(value: object) -> object:
    """Mask the secrets in a JSON value, by their names, and the card numbers, by their format."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {shown(name): _MASK if name in _SECRET else masked(member) for name, member in members.items()}
    if isinstance(value, list):
        return [masked(member) for member in cast("list[object]", value)]
    # Integers are masked too, since a caller may send a card number without quotes.
    if type(value) in (str, int):
        text = str(value)
        return value if shown(text) == text else shown(text)
    return value
