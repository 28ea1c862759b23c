"""`finsecure`, `finsecure demo` and `python -m finsecure`."""

from __future__ import annotations

import importlib
import inspect
import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import finsecure
from finsecure.cli import _day, _demo, _sandbox, main
from finsecure.sandbox import cards

ROOT = Path(__file__).parents[2]
TITLE = re.compile(r"^([ \d]\d) ([A-Z\d].+)$", re.MULTILINE)
PROMISED = [  # the steps that the README lists, in order
    "A customer signs up",
    "She saves a card",
    "She pays",
    "declined",
    "sent again and charges once",
    "A partial refund",
    "3D Secure",
    "A signed webhook arrives",
    "Too many requests",
    "250 payments",
]


def command(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "finsecure", *args],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


# The demo


def test_the_demo_plays_every_step_of_the_day() -> None:
    """As a program: every step runs, in order, every check passes, and the exit code is 0.

    A proxy in the environment, as in many offices, is not used for requests to this machine.
    """
    done = command("demo", HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (0, "")
    titles = TITLE.findall(done.stdout)
    assert len(titles) == len(PROMISED)
    for (number, title), promised, expected in zip(titles, PROMISED, range(1, 11), strict=True):
        assert int(number) == expected
        assert promised in title
    assert "all passed" in done.stdout
    assert "✗" not in done.stdout


@pytest.fixture(scope="module")
def printed() -> str:
    """What the demo prints, in this process."""
    with redirect_stdout(io.StringIO()) as paper:
        assert main(["demo"]) == 0
    return paper.getvalue()


def test_the_demo_shows_the_code_it_runs(printed: str) -> None:
    """Each printed line of code is a line of the step."""
    for step in _day.STEPS:
        code = _demo.shown(step).splitlines()
        assert code
        source = [line.strip() for line in inspect.getsource(step).splitlines()]
        for line in code:
            assert f"   │ {line}".rstrip() in printed.splitlines()
            assert line.strip() in source


def test_the_demo_masks_keys_and_secrets(printed: str) -> None:
    assert "sk_test_[hidden]" in printed
    assert "whsec_[hidden]" in printed
    assert not re.search(r"(sk|pk)_test_\w|whsec_[0-9a-f]|_secret_\w{8}", printed)


@pytest.mark.parametrize(("number", "steps"), [("4000000000009995", 10), ("4242424242424242", 3)])
def test_a_failed_check_is_printed_and_makes_the_exit_code_1(
    number: str, steps: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A card that behaves differently fails a check; if the step then raises, the day ends there."""
    swapped = {"4000000000009995": cards.Card("visa"), "4242424242424242": cards.Card("visa", "lost_card")}
    monkeypatch.setitem(cards.CARDS, number, swapped[number])
    monkeypatch.setattr(_demo, "STEPS", (*_day.STEPS[:8], _quick, _quick))
    assert main(["demo"]) == 1
    printed = capsys.readouterr().out
    assert len(TITLE.findall(printed)) == steps
    assert "✗" in printed
    assert "should be: " in printed
    assert "checks failed" in printed
    assert "all passed" not in printed


def _quick(day: _day.Day) -> _day.Facts:
    """A step in place of a slow one."""
    del day

    answer = 6 * 7

    yield _day.Fact("answer", answer, 42)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_demo_prints_at_any_width_and_in_any_encoding(
    columns: int, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is wider than the terminal, none ends in blanks, and no text is lost."""
    raw = io.BytesIO()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    paper = _demo.Paper()
    paper.heading("A merchant's day")
    paper.title(1, "A customer signs up and then does a number of other things")
    paper.code("def receive(body: bytes, signature: str | None) -> int:\n    return 200 if body else 400")
    paper.fact(_day.Fact("a label", "word " * 30 + "x" * 100))
    paper.fact(_day.Fact("right", 1, 1))
    paper.fact(_day.Fact("wrong", 1, 2))
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    for line in text.splitlines():
        assert len(line) <= columns
        assert line == line.rstrip()
    assert text.count("x") == 100
    assert "signature:" in text.replace("\n", "")
    assert "1 (should be: 2)" in text


def test_every_shown_line_fits_a_terminal_of_80_columns() -> None:
    for step in _day.STEPS:
        for line in _demo.shown(step).splitlines():
            assert len("   │ " + line) <= 80, line


@pytest.mark.parametrize("given", [{}, {"next_action": None}, {"next_action": {"type": "other"}}])
def test_a_payment_without_a_redirect_has_no_bank_page(given: dict[str, Any]) -> None:
    """A missing field fails a check of the demo, and does not crash it."""
    intent = finsecure.PaymentIntent.model_validate({"id": "pi_1", "object": "payment_intent", **given})
    assert _day.bank_page(intent) == ""


# The command line around it


def test_without_a_command_it_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "usage: finsecure" in printed
    assert re.search(r"^ +demo +play a merchant's day", printed, re.MULTILINE)
    assert re.search(r"^ +sandbox +serve the sandbox", printed, re.MULTILINE)


def test_it_prints_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"finsecure {finsecure.__version__}\n"


@pytest.mark.parametrize("name", ["demo", "sandbox"])
def test_each_command_answers_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: finsecure {name}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["shop"], ["--colour"], ["demo", "--colour"], ["sandbox", "--colour"]])
def test_an_unknown_argument_is_named(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert argv[-1] in capsys.readouterr().err


def test_sandbox_gets_the_arguments_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[list[str]] = []
    monkeypatch.setattr(_sandbox, "run", got.append)
    main(["sandbox", "--port", "8080", "--json"])
    assert got == [["--port", "8080", "--json"]]


@pytest.mark.parametrize("name", ["demo", "sandbox"])
@pytest.mark.parametrize("missing", ["rich", "starlette", "uvicorn"])
def test_a_missing_extra_is_reported_with_what_to_install(
    name: str, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main([name]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert missing in printed.err
    assert printed.err.endswith("pip install 'finsecure[sandbox]'\n")


def test_ctrl_c_ends_it_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(args: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "run", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_python_m_finsecure_is_the_command_line() -> None:
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: finsecure" in done.stdout


def test_importing_the_main_module_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Documentation builders and type checkers import it."""
    sys.modules.pop("finsecure.__main__", None)
    importlib.import_module("finsecure.__main__")
    assert capsys.readouterr() == ("", "")
