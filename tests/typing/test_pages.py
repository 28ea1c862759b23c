"""Types are a promise: good.py is accepted and bad.py refused, line by line, by both type checkers.

In bad.py each line that ends in `# bad`, or `# bad: why` (of a statement of several lines: the last) must be reported
by mypy --strict and by pyright strict, and no other line by either.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BAD = re.compile(r"#\s*bad\b")

pytestmark = [pytest.mark.types]

Lines = dict[int, list[str]]


def mypy(pages: list[Path]) -> dict[str, Lines]:
    """What mypy --strict reports of each page, by line."""
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", *map(str, pages)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    reports: dict[str, Lines] = {page.stem: {} for page in pages}
    for file, line, message in re.findall(r"(?m)^(.*?\.py):(\d+): error: (.*)$", ran.stdout):
        reports[Path(file).stem].setdefault(int(line), []).append(message)
    assert any(reports.values()) == bool(ran.returncode), ran.stdout
    return reports


def pyright(pages: list[Path], folder: Path) -> dict[str, Lines]:
    """What pyright reports of each page in strict mode, by line."""
    for page in pages:  # into a project of its own: finsecure's leaves bad.py out
        if page.parent != folder:
            shutil.copy(page, folder)
    config = folder / "pyrightconfig.json"
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.10", "extraPaths": [str(ROOT)]}
    config.write_text(json.dumps(settings), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(config), "--pythonpath", sys.executable, "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
    )
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["summary"]["filesAnalyzed"] == len(pages), f"pyright did not look at all of {pages}"
    reports: dict[str, Lines] = {page.stem: {} for page in pages}
    for each in answer["generalDiagnostics"]:
        if each["severity"] != "information":
            lines = reports[Path(each["file"]).stem]
            lines.setdefault(each["range"]["start"]["line"] + 1, []).append(each["message"])
    return reports


def statements(source: str) -> dict[int, int]:
    """Line to line of each statement's end, where the mark is: a checker may point at any line of a long one."""
    ends: dict[int, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                ends[line] = node.end_lineno or node.lineno
    return ends


def mismatches(source: str, reports: dict[str, Lines]) -> list[str]:
    """Where what a checker reports is not what the page says."""
    text = source.splitlines()
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    bad = {token.start[0] for token in tokens if token.type == tokenize.COMMENT and BAD.match(token.string)}
    ends = statements(source)
    wrong: list[str] = []
    for checker, lines in reports.items():
        reported = {line if line in bad else ends.get(line, line) for line in lines}
        wrong += [f"{checker} accepts line {line}: {text[line - 1].strip()}" for line in sorted(bad - reported)]
        wrong += [
            f"{checker} refuses line {line}: {messages}"
            for line, messages in sorted(lines.items())
            if line not in bad and ends.get(line, line) not in bad
        ]
    return wrong


MISMATCHES = 'a: int = 1  # bad\nb: int = "b"\nc: int = (\n    "c"\n)  # bad\n'


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Lines]]:
    """What each checker reports of all pages, asked once, or a skip; nox's `types` session has both."""
    if "FINSECURE_REQUIRED" not in os.environ:
        pytest.importorskip("mypy", reason="mypy is not installed: `nox -s types` has it")
        pytest.importorskip("pyright", reason="pyright is not installed: `nox -s types` has it")
    folder = tmp_path_factory.mktemp("pages")
    mismatches = folder / "mismatches.py"
    mismatches.write_text(MISMATCHES, encoding="utf-8")
    pages = [HERE / "good.py", HERE / "bad.py", mismatches]
    return {"mypy": mypy(pages), "pyright": pyright(pages, folder)}


def test_good_uses_are_accepted(reports: dict[str, dict[str, Lines]]) -> None:
    """Both checkers accept every line of good.py."""
    assert {checker: pages["good"] for checker, pages in reports.items()} == {"mypy": {}, "pyright": {}}


def test_misuses_are_refused(reports: dict[str, dict[str, Lines]]) -> None:
    """Both checkers report each line of bad.py that is marked, and no other."""
    page = HERE / "bad.py"
    source = page.read_text(encoding="utf-8")
    assert "  # bad" in source
    assert mismatches(source, {checker: pages["bad"] for checker, pages in reports.items()}) == []


def test_the_harness_sees_both_kinds_of_mismatch(reports: dict[str, dict[str, Lines]]) -> None:
    """A marked line that is fine and a wrong line that is not marked are both found, in each checker."""
    wrong = mismatches(MISMATCHES, {checker: pages["mismatches"] for checker, pages in reports.items()})
    assert [each.split(":")[0] for each in wrong] == [
        "mypy accepts line 1",
        "mypy refuses line 2",
        "pyright accepts line 1",
        "pyright refuses line 2",
    ]
