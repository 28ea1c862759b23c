"""Idempotency keys: the first response to a POST is stored for 24 hours, and returned again for the same key.

Rules: a key belongs to one path and body, regardless of the API key. It is claimed before the request is carried out,
so that a second request with the same key gets a 409 meanwhile, instead of waiting. The response is stored in the same
transaction as the changes, so that there is never one without the other. Only a keyed hash of the request is stored.
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
    """The keys with a request in progress in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Generator[None, None, None]:
        """Claim a key while its request is carried out.

        Raises:
            Problem: 409, another request with this key is in progress.
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
    """Refuse a key that cannot be stored."""
    if not key.strip() or len(key) > _LONGEST:
        raise invalid(f"Idempotency-Key must have 1 to {_LONGEST} characters.", "Idempotency-Key")
    if holds_card_number(key):
        raise invalid(
            "Idempotency-Key holds a card number, and keys are kept: name the payment, not the card.", "Idempotency-Key"
        )


def identity(request: Request, body: Object | Problem) -> bytes:
    """Return the bytes that identify a request: its path, query and body, regardless of how the JSON is formatted."""
    return _json.canonical([request.path, request.query, request.body.hex() if isinstance(body, Problem) else body])


def recall(store: Store, key: str, request_hash: str, now: float) -> Kept | None:
    """Return the stored response for a key; `None` if there is none.

    Raises:
        Problem: The key was used with another request.
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
