"""Idempotency keys: a POST's first answer is kept for 24 hours and given again.

Rules: a key is claimed before anything is carried out, so that a second request that arrives meanwhile is told so (409)
and not made to wait; the answer is recorded in the transaction that did the work, so that the two cannot part. Of the
body only a keyed hash is kept. Keys are apart by API key and path.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from ._problems import Problem, invalid
from ._store import Store

KEPT_SECONDS = 24 * 3600

_LONGEST = 255


@dataclass(frozen=True)
class Scope:
    """What a key belongs to: the kind of API key, the path, and the key itself."""

    key_kind: str
    path: str
    key: str


@dataclass(frozen=True)
class Kept:
    """A first answer."""

    status: int
    body: bytes


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
    store.run("delete from idempotency where created <= ?", now - KEPT_SECONDS)
    rows = store.run(
        "select body_hash, status, answer from idempotency where key_kind = ? and path = ? and key = ?",
        *(scope.key_kind, scope.path, scope.key),
    )
    if not rows:
        return None
    first_hash, status, answer = rows[0]
    if first_hash != body_hash:
        raise Problem(
            400,
            "idempotency_error",
            "This Idempotency-Key was used with another body: keys belong to one request and its retries.",
        )
    return Kept(status, answer)


def keep(store: Store, scope: Scope, body_hash: str, now: float, answer: Kept) -> None:
    """Keep a first answer. No 409 or 429 comes here: they are given before anything is carried out."""
    store.run(
        "insert into idempotency values (?, ?, ?, ?, ?, ?, ?)",
        *(scope.key_kind, scope.path, scope.key, body_hash, now, answer.status, answer.body),
    )
