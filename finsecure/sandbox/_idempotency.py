"""Idempotency keys: a POST's first answer is kept for 24 hours and given again.

Rules: a key is claimed before anything is carried out, so that a second request that arrives meanwhile is told so (409)
and not made to wait; the answer is recorded in the transaction that did the work, so that the two cannot part. Of the
body only a keyed hash is kept. Keys are apart by API key and path.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from ._problems import Problem, invalid
from ._store import Kept, Scope, Store

KEPT_SECONDS = 24 * 3600

_LONGEST = 255


class Claims:
    """The keys whose first request is under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[Scope] = set()

    @contextmanager
    def hold(self, scope: Scope) -> Generator[None, None, None]:
        """Hold a key while its request is carried out.

        Raises:
            Problem: 409, another request holds it.
        """
        with self._lock:
            if scope in self._held:
                raise Problem(
                    409,
                    "invalid_request_error",
                    "Another request with this Idempotency-Key is under way: try again in a moment.",
                    code="idempotency_key_in_use",
                )
            self._held.add(scope)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(scope)


def check_key(key: str) -> None:
    """Refuse a key that cannot be kept."""
    if not key.strip() or len(key) > _LONGEST:
        raise invalid(f"Idempotency-Key must have 1 to {_LONGEST} characters.", "Idempotency-Key")


def recall(store: Store, scope: Scope, body_hash: str, now: float) -> Kept | None:
    """The answer kept for a key.

    Raises:
        Problem: The key came first with another body.
    """
    store.forget_answers(now - KEPT_SECONDS)
    kept = store.kept_answer(scope)
    if kept is not None and kept.body_hash != body_hash:
        raise Problem(
            400,
            "idempotency_error",
            "This Idempotency-Key was used with another body: keys belong to one request and its retries.",
        )
    return kept
