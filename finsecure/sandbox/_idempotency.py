"""Idempotency keys: a POST's first answer is kept for 24 hours and given again.

Rules: a key belongs to one request of the account, its path and its body, whichever API key it came with. The key is
claimed before anything is carried out, so that a second request that arrives meanwhile is told so (409) and not made to
wait; the answer is recorded in the transaction that did the work, so that the two cannot part. Of the request only a
keyed hash is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from . import _json
from ._http import Request
from ._json import Object
from ._problems import Problem, holds_card_number, invalid
from ._store import Kept, Store

KEPT_SECONDS = 24 * 3600

_LONGEST = 255


class Claims:
    """The keys whose first request is under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Generator[None, None, None]:
        """Hold a key while its request is carried out.

        Raises:
            Problem: 409, another request holds it.
        """
        with self._lock:
            if key in self._held:
                raise Problem(
                    409,
                    "invalid_request_error",
                    "Another request with this Idempotency-Key is under way: try again in a moment.",
                    code="idempotency_key_in_use",
                )
            self._held.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(key)


def check_key(key: str) -> None:
    """Refuse a key that cannot be kept."""
    if not key.strip() or len(key) > _LONGEST:
        raise invalid(f"Idempotency-Key must have 1 to {_LONGEST} characters.", "Idempotency-Key")
    if holds_card_number(key):
        raise invalid(
            "Idempotency-Key holds a card number, and keys are kept: name the payment, not the card.", "Idempotency-Key"
        )


def identity(request: Request, body: Object | Problem) -> bytes:
    """What tells a request from another one: its path, its query and its body, however the JSON is spelled."""
    return _json.canonical([request.path, request.query, request.body.hex() if isinstance(body, Problem) else body])


def recall(store: Store, key: str, request_hash: str, now: float) -> Kept | None:
    """The answer kept for a key.

    Raises:
        Problem: The key belongs to another request.
    """
    store.forget_answers(now - KEPT_SECONDS)
    kept = store.kept_answer(key)
    if kept is not None and kept.request_hash != request_hash:
        raise Problem(
            400,
            "idempotency_error",
            "This Idempotency-Key was used with another path or body: a key belongs to one request and its retries.",
        )
    return kept
