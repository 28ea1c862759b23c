"""The pages fit a screen, and show programs as they are."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

import finsecure
from finsecure._habits.attributes import ATTRIBUTES
from finsecure._habits.parameters import PARAMETERS
from tests.docs.test_code_blocks import PAGES, ROOT, blocks

COLUMNS = 90  # what a code block shows on a screen of 1280 pixels without scrolling
COLUMNS_OF_DOCSTRING = 82  # the same in the API reference, which indents it


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_no_code_block_is_cut_off(page: Path) -> None:
    """Each line of each code block fits."""
    wide = [
        f"{block.page.name}:{number}: {len(line)} columns"
        for block in blocks(page)
        for number, line in enumerate(block.text.splitlines(), block.line)
        if len(line) > COLUMNS
    ]
    assert wide == []


def docstrings() -> list[tuple[str, str]]:
    """The docstrings of the package, each with the place it is at."""
    return [
        (f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node) or "")
        for path in sorted((ROOT / "finsecure").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def test_no_example_of_the_api_reference_is_cut_off() -> None:
    """Each line of an example in a docstring fits."""
    wide = [
        f"{place}: {line}"
        for place, text in docstrings()
        for line in map(str.strip, text.splitlines())
        if line.startswith((">>> ", "... ")) and len(line) > COLUMNS_OF_DOCSTRING
    ]
    assert wide == []


def definitions(text: str) -> dict[str, str]:
    """Functions and classes of a program, by their name, however the code is laid out."""
    nodes = ast.parse(text).body
    return {node.name: ast.unparse(node) for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))}


def test_month_end_shows_the_example() -> None:
    """What docs/month-end.md defines is in examples/month_end.py, word for word."""
    program = definitions((ROOT / "examples" / "month_end.py").read_text(encoding="utf-8"))
    page = [block for block in blocks(ROOT / "docs" / "month-end.md") if block.language == "python"]
    shown = definitions("\n".join(block.text for block in page))
    assert shown
    assert {name: program.get(name) for name in shown} == shown


HABITS = (
    *("PermissionError", "StripeClient", "StripeError", "Webhook", "auto_paging_iter", "capture", "construct_event"),
    *("create_async", "max_network_retries", "modify", "refresh", "save", "search", "set_app_info"),
    *("confirm", "expand", "source", "stripe_account", "timeout"),
)


@pytest.mark.parametrize("habit", HABITS)
def test_coming_from_stripe_shows_each_habit(habit: str) -> None:
    """A habit of stripe-python is on the page, and an error explains it, too."""
    page = (ROOT / "docs" / "coming-from-stripe.md").read_text(encoding="utf-8")
    assert re.search(rf"\b{habit}\b", page)
    assert habit in {*PARAMETERS, *ATTRIBUTES}


def test_each_operation_says_what_it_returns() -> None:
    """Each docstring of an operation has `Args:` where it takes any, `Returns:`, `Raises:` and an example."""
    unsaid = [
        f"{path.name}: {node.name} has no {section}"
        for path in sorted((ROOT / "finsecure" / "resources").glob("[a-z]*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and {ast.unparse(decorator) for decorator in node.decorator_list} & {"operation", "listing"}
        for section in ("Args:", "Returns:", "Raises:", "Example:")
        if section not in (ast.get_docstring(node) or "")
    ]
    assert unsaid == []


def test_the_reference_of_the_site_shows_all_of_an_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sphinx takes the first parameter of a method for `self`: the hook of the site keeps it."""
    monkeypatch.setattr("sys.path", [str(ROOT / "docs" / "_ext"), *sys.path])
    hook = importlib.import_module("operations")
    assert hook.signature_of(finsecure.Charges.retrieve) == ("(id: str)", "Charge")
    assert hook.signature_of(finsecure.Client.close) is None
