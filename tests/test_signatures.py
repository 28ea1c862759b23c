"""No public signature changes unnoticed."""

from __future__ import annotations

import difflib

from . import signatures


def test_the_public_signatures_are_those_of_the_list() -> None:
    """`tests/signatures.txt` shows every public signature: whoever changes one sees what that means for users."""
    listed = signatures.LIST.read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        listed.splitlines(), signatures.surface().splitlines(), "listed", "now", n=1, lineterm=""
    )
    changes = "\n".join(lines)
    assert not changes, f"If this is meant, run `nox -s signatures` and say so in CHANGELOG.md:\n{changes}"


def test_the_list_has_all_kinds_of_names() -> None:
    """Clients, operations, fields, errors, webhooks, money, the sandbox and the fixtures are all there."""
    listed = signatures.LIST.read_text(encoding="utf-8")
    for line in [
        "class AsyncClient(",
        "    @operation def confirm(",
        "    client_secret: str | None = ",
        "class CardError(FinSecureError):",
        "    decline_code: str | None",
        "def construct_event(",
        "def to_minor_units(",
        "class Sandbox:",
        "def finsecure_client(",
        "    max_retries: int",
    ]:
        assert line in listed, line
