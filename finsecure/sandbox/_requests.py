"""The log of the requests that the sandbox answered, without the secrets that they held."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from ._json import Object
from ._problems import shown

KEPT = 1000
"""How many requests the log keeps: the last ones."""

_SECRET = {"number", "cvc", "account_number", "client_secret", "secret"}
_MASK = "[masked]"


@dataclass(frozen=True)
class LoggedRequest:
    """A request that the sandbox answered, or left unanswered on purpose.

    Attributes:
        id: Its `Request-Id`.
        time: When it came, in Unix seconds of the sandbox's clock.
        method: The HTTP method.
        path: The path, without the query.
        operation: What it asked for, such as `payment_intents.confirm`; `None` where there is no such operation.
        status: The status of the answer; `None` where none went out.
        idempotency_key: Its `Idempotency-Key`, if it had one.
        replayed: Whether the answer was one that was kept under that key.
        duration: Seconds that the answer took, waits that were asked for not included.
        fault: Whether a fault met it.
        body: The JSON that it carried. Card numbers and secrets are masked.
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
    """The last requests, oldest first.

    Args:
        observer: Called with each one.
    """

    def __init__(self, observer: Callable[[LoggedRequest], object]) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT)

    def add(self, request: LoggedRequest) -> None:
        """Add one."""
        with self._lock:
            self._requests.append(request)
        self._observer(request)

    def all(self) -> list[LoggedRequest]:
        """All that are kept."""
        with self._lock:
            return [*self._requests]

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._requests.clear()


def masked(value: object) -> object:
    """A JSON value as it may be shown: secrets by their name, card numbers by their shape."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {shown(name): _MASK if name in _SECRET else masked(member) for name, member in members.items()}
    if isinstance(value, list):
        return [masked(member) for member in cast("list[object]", value)]
    # A long number in place of a text is masked too: whoever sends a card number may send it without quotes.
    if type(value) in (str, int):
        text = str(value)
        return value if shown(text) == text else shown(text)
    return value
