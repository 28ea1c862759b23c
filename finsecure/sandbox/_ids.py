"""Where ids and secrets come from when a test does not bring its own source."""

from __future__ import annotations

import secrets


def random_id(prefix: str) -> str:
    """The part of an id after its prefix: 24 hex digits, the same for every prefix."""
    del prefix
    return secrets.token_hex(12)
