"""The API keys of a sandbox. Reference: Authentication, "API Key Authentication"."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from ._problems import Problem, authentication
from ._store import Store

SECRET = "secret"  # noqa: S105 - the kind of a key, not a key
PUBLISHABLE = "publishable"


@dataclass(frozen=True)
class Keys:
    """The keys of one sandbox, which are stored in its database.

    Attributes:
        secret: The secret key (`sk_test_…`), for everything.
        publishable: The publishable key (`pk_test_…`), which can only create payment methods.
        webhook: The secret (`whsec_…`) that signs every webhook, in addition to the secret of its endpoint.
        hashing: The key to hash card numbers and bodies with, so that a hash is useless without the database.
    """

    secret: str = field(repr=False)
    publishable: str = field(repr=False)
    webhook: str = field(repr=False)
    hashing: bytes = field(repr=False)

    def kind(self, headers: Mapping[str, str]) -> str:
        """Return the kind of a request's API key: `SECRET` or `PUBLISHABLE`.

        Raises:
            Problem: 401 for a missing, an unknown or a live key.
        """
        scheme, _, key = headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            raise authentication(401, "No API key provided: send it as 'Authorization: Bearer sk_test_...'.")
        if key.startswith(("sk_live_", "pk_live_")):
            raise authentication(401, "The sandbox refuses live keys: use the test keys it was started with.")
        for kind, known in ((SECRET, self.secret), (PUBLISHABLE, self.publishable)):
            if hmac.compare_digest(key.encode(errors="replace"), known.encode()):
                return kind
        raise authentication(401, "Invalid API Key provided")

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether a request has one of these keys."""
        try:
            return bool(self.kind(headers))
        except Problem:
            return False

    def hash(self, content: bytes) -> str:
        """Return a keyed hash. The same content has the same hash only within one database."""
        return hmac.new(self.hashing, content, "sha256").hexdigest()


def of(store: Store, given: Mapping[str, str]) -> Keys:
    """Return the keys of a sandbox: the given ones, which are stored, or the stored ones, or new random ones."""

    def key(name: str, prefix: str) -> str:
        if name in given:
            store.set(name, given[name])
        return store.setting(name, lambda: prefix + secrets.token_hex(16))

    return Keys(
        key("secret_key", "sk_test_"),
        key("publishable_key", "pk_test_"),
        key("webhook_secret", "whsec_"),
        key("hashing_key", "").encode(),
    )
