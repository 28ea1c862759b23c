"""Types are a promise: good.py is accepted and bad.py refused, line by line, by both type checkers.

In bad.py each line that ends in `# bad`, or `# bad: why` (of a statement of several lines: the last) must be reported
by mypy --strict and by pyright strict, and no other line by either.
"""

from __future__ import annotations

import ast
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


def mypy(page: Path) -> Lines:
    """What mypy --strict reports, by line."""
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", str(page)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    lines: Lines = {}
    for file, line, message in re.findall(r"(?m)^(.*?\.py):(\d+): error: (.*)$", ran.stdout):
        assert Path(file).name == page.name, ran.stdout
        lines.setdefault(int(line), []).append(message)
    assert bool(lines) == bool(ran.returncode), ran.stdout
    return lines


def pyright(page: Path, folder: Path) -> Lines:
    """What pyright reports in strict mode, by line."""
    folder = folder / f"pyright-{page.stem}"  # a project of its own: finsecure's leaves bad.py out
    folder.mkdir()
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
    assert answer["summary"]["filesAnalyzed"], f"pyright did not look at {page}"
    lines: Lines = {}
    for each in answer["generalDiagnostics"]:
        if each["severity"] != "information":
            lines.setdefault(each["range"]["start"]["line"] + 1, []).append(each["message"])
    return lines


def reports(page: Path, folder: Path) -> dict[str, Lines]:
    return {"mypy": mypy(page), "pyright": pyright(page, folder)}


def statements(page: Path) -> dict[int, int]:
    """Line to line of each statement's end, where the mark is: a checker may point at any line of a long one."""
    ends: dict[int, int] = {}
    for node in ast.walk(ast.parse(page.read_text(encoding="utf-8"))):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                ends[line] = node.end_lineno or node.lineno
    return ends


def mismatches(page: Path, found: dict[str, Lines]) -> list[str]:
    """Where what a checker reports is not what the page says."""
    source = page.read_text(encoding="utf-8").splitlines()
    with page.open("rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    bad = {token.start[0] for token in tokens if token.type == tokenize.COMMENT and BAD.match(token.string)}
    ends = statements(page)
    wrong: list[str] = []
    for checker, lines in found.items():
        reported = {line if line in bad else ends.get(line, line) for line in lines}
        wrong += [f"{checker} accepts line {line}: {source[line - 1].strip()}" for line in sorted(bad - reported)]
        wrong += [
            f"{checker} refuses line {line}: {messages}"
            for line, messages in sorted(lines.items())
            if line not in bad and ends.get(line, line) not in bad
        ]
    return wrong


@pytest.fixture(autouse=True)
def checkers() -> None:
    """Both type checkers, or a skip; in nox's `types` session they must be there."""
    if "FINSECURE_REQUIRED" not in os.environ:
        pytest.importorskip("mypy", reason="mypy is not installed: `nox -s types` has it")
        pytest.importorskip("pyright", reason="pyright is not installed: `nox -s types` has it")


def test_good_uses_are_accepted(tmp_path: Path) -> None:
    """Both checkers accept every line of good.py."""
    assert reports(HERE / "good.py", tmp_path) == {"mypy": {}, "pyright": {}}


def test_misuses_are_refused(tmp_path: Path) -> None:
    """Both checkers report each line of bad.py that is marked, and no other."""
    page = HERE / "bad.py"
    assert "  # bad" in page.read_text(encoding="utf-8")
    assert mismatches(page, reports(page, tmp_path)) == []


def test_the_harness_sees_both_kinds_of_mismatch(tmp_path: Path) -> None:
    """A marked line that is fine and a wrong line that is not marked are both found, in each checker."""
    page = tmp_path / "page.py"
    page.write_text('a: int = 1  # bad\nb: int = "b"\nc: int = (\n    "c"\n)  # bad\n', encoding="utf-8")
    wrong = mismatches(page, reports(page, tmp_path))
    assert [each.split(":")[0] for each in wrong] == [
        "mypy accepts line 1",
        "mypy refuses line 2",
        "pyright accepts line 1",
        "pyright refuses line 2",
    ]
