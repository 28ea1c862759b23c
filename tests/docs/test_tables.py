"""The tables of the documentation say what the code says."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import finsecure
from finsecure import money
from finsecure.error import ADVICE, FINAL_CODES, RETRIED_STATUSES
from finsecure.sandbox._problems import error
from finsecure.sandbox.cards import (
    ACCOUNTS,
    BOUNCES,
    CARDS,
    DECLINED_ONCE,
    DECLINES,
    OWN_CARDS,
    REFUND_BOUNCES,
    REFUND_SETTLES,
    REFUNDED,
    SUCCEEDS,
)
from tests import verdicts

ROOT = Path(__file__).resolve().parents[2]


REFUNDS = {
    REFUNDED: "succeeds",
    REFUND_SETTLES: "is `pending`, then succeeds",
    REFUND_BOUNCES: "is `pending`, then fails",
}


def rows(page: str, heading: str) -> Iterator[list[str]]:
    """The cells of the first table after a heading, or after the page's beginning."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(heading)[2]
    found = re.search(r"^\|[^\n]*\n\| ---[^\n]*\n((?:\|[^\n]*\n)+)", text, re.MULTILINE)
    assert found, f"{page} has no table after {heading!r}"
    for line in found[1].splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_declines_and_their_advice() -> None:
    """docs/errors.md shows each decline with the advice that CardError gives."""
    shown = {
        code: finsecure.error.Advice(user_action, resolution)
        for codes, user_action, resolution in rows("docs/errors.md", "## Declines")
        for code in names(codes)
        if code != "code"
    }
    assert shown == ADVICE


def contract() -> Any:
    """The document that describes the API."""
    return json.loads((ROOT / "finsecure" / "sandbox" / "openapi.json").read_text(encoding="utf-8"))


def test_operations() -> None:
    """docs/wire.md shows each operation of openapi.json: its request, its parameters and its answer."""
    described = [
        [
            f"`{operation['operationId'].replace('s_', 's.', 1)}`",
            f"{method.upper()} `{path}`",
            ", ".join(parameters(operation)),
            operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2],
        ]
        for path, operations in contract()["paths"].items()
        for method, operation in operations.items()
    ]
    assert list(rows("docs/wire.md", "## Operations")) == described


def parameters(operation: Any) -> Iterator[str]:
    """The parameters of an operation, those that can be left out with a question mark; not those of every list."""
    for parameter in operation["parameters"]:
        if parameter.get("in") == "query":
            yield f"`{parameter['name']}`?"
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        body = contract()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for name in body["properties"]:
            yield f"`{name}`" if name in body.get("required", []) else f"`{name}`?"


def test_filters() -> None:
    """docs/pagination.md shows the filters of each list of openapi.json."""
    described = {
        path: [name.strip("`?") for name in parameters(operations["get"])]
        for path, operations in contract()["paths"].items()
        if "get" in operations and "{id}" not in path
    }
    shown = {
        f"/v1/{names(which)[0].split('.')[-2]}": names(filters)
        for which, filters in rows("docs/pagination.md", "## Filters")
    }
    assert shown == described


def test_test_cards() -> None:
    """docs/testing.md shows each test card with what the sandbox does."""
    shown = {number: outcome for number, _, outcome in rows("docs/testing.md", "## Test cards")}
    assert shown.keys() == CARDS.keys()
    for number, card in CARDS.items():
        decline = DECLINES.get(card.outcome)
        if decline is not None:
            assert names(shown[number]) == [decline.decline_code or decline.code]
        else:
            assert (shown[number] == "succeeds") == (card.outcome == SUCCEEDS), number


def test_the_sandboxs_own_cards_and_accounts() -> None:
    """docs/testing.md shows each card and bank account that is the sandbox's own, with what it does."""
    shown = {
        number: (payment, refund) for number, payment, refund in rows("docs/testing.md", "The sandbox adds three cards")
    }
    assert shown.keys() == OWN_CARDS.keys()
    for number, card in OWN_CARDS.items():
        assert shown[number][0].startswith("declined once" if card.outcome == DECLINED_ONCE else "succeeds"), number
        assert shown[number][1] == REFUNDS[card.refund], number
    *accounts, (any_other, *does) = rows("docs/testing.md", "## Test bank accounts")
    assert [number for number, *_ in accounts] == list(ACCOUNTS)
    assert (any_other, does) == ("any other of 4 to 17 digits", ["succeeds", "is `pending`, then succeeds"])
    for number, payment, refund in accounts:
        account = ACCOUNTS[number]
        if account.outcome == BOUNCES:
            assert (names(payment), refund) == ([DECLINES[BOUNCES].decline_code], "")
        else:
            assert (payment, refund) == ("succeeds", REFUNDS[account.refund])


def test_errors_lead_to_pages() -> None:
    """The `doc_url` of each type of error is a page of docs/ and a heading on it."""
    for kind in ("api_error", "card_error", "invalid_request_error", "idempotency_error", "rate_limit_error"):
        page, _, anchor = error(kind, "")["doc_url"].removeprefix("https://developers.finsecure.com/").partition("#")
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, kind


def test_currencies() -> None:
    """docs/money.md shows each currency that has not two decimal places."""
    shown = {
        currency: int(places)
        for places, currencies in rows("docs/money.md", "# Money")
        for currency in currencies.split(", ")
        if len(currency) == 3
    }
    codes = ["".join(letters) for letters in product(ascii_uppercase, repeat=3)]
    assert shown == {code: places for code in codes if (places := money.minor_digits(code)) != 2}


def test_options() -> None:
    """README.md and docs/configuration.md show each option of a client, with its default."""
    defaults = {
        name: f"{each.default:g}" if isinstance(each.default, float) else repr(each.default)
        for name, each in inspect.signature(finsecure.Client).parameters.items()
    }
    for page, heading in [("README.md", "## Configuration"), ("docs/configuration.md", "# Configuration")]:
        shown = {names(row[0])[0]: row[2].strip("`").replace('"', "'") for row in rows(page, heading) if names(row[0])}
        assert shown.keys() == defaults.keys() - ({"clock"} if page == "README.md" else set()), page
        for name, default in shown.items():
            if re.fullmatch(r"[0-9]+|'.*'", default):
                assert defaults[name] == default, name


def test_what_an_answer_proves() -> None:
    """docs/errors.md shows the rule of `maybe_executed` as the tests of each door and transport hold it."""
    rule = [
        [row.status, f"`{row.type}`" if row.type else "", row.detail, *(f"`{each}`" for each in row[3:])]
        for row in verdicts.RULE
    ]
    assert list(rows("docs/errors.md", "### What an answer proves")) == rule


def test_what_is_tried_again() -> None:
    """docs/retries.md shows the statuses after which a call is tried again, and the codes that make a 409 final."""
    cells = [what for what, _ in rows("docs/retries.md", "## What is retried")]
    (statuses,) = (cell.split("every 5xx but") for cell in cells if "5xx" in cell)
    named, but = ({int(status) for status in re.findall(r"[0-9]{3}", part)} for part in statuses)
    assert {409, *named, *range(500, 600)} - but == RETRIED_STATUSES
    (conflict,) = (cell for cell in cells if cell.startswith("409"))
    assert {*names(conflict)} - {"code"} == FINAL_CODES - ADVICE.keys()
