"""`finsecure demo`: play a merchant's day over real HTTP against the sandbox, and check each step."""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable
from contextlib import ExitStack
from textwrap import dedent
from time import perf_counter

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from finsecure import _redact
from finsecure.sandbox import Sandbox

from ._day import STEPS, Day, Fact, Facts


def run(args: list[str]) -> int:
    """Play the day.

    Args:
        args: The arguments after `finsecure demo`.

    Returns:
        The exit code: 0 if every check passed, else 1.
    """
    _parser().parse_args(args)
    logging.getLogger("finsecure").addHandler(logging.NullHandler())  # the output shows what the log would
    paper = Paper()
    checked: list[Fact] = []
    started = perf_counter()
    with ExitStack() as until_evening:
        sandbox = until_evening.enter_context(Sandbox())
        base_url = until_evening.enter_context(sandbox.serve()).base_url
        paper.heading("A merchant's day")
        paper.say(
            f"Every step talks real HTTP to a FinSecure sandbox at {base_url}, with the key {sandbox.secret_key} and "
            f"the webhook secret {sandbox.webhook_secret}. No real money moves."
        )
        for fact in play(Day(sandbox, base_url, until_evening), paper):
            paper.fact(fact)
            checked += [fact] if fact.is_checked else []
    failed = sum(fact.differs for fact in checked)
    paper.heading("Result")
    if failed:
        paper.say(f"{failed} of {len(checked)} checks failed.", "bold red")
        return 1
    took = perf_counter() - started
    paper.say(f"{len(STEPS)} steps, {len(checked)} checks: all passed in {took:.1f} s.", "bold green")
    paper.say("Next, run `finsecure sandbox` to serve a sandbox like this one to your own code.")
    return 0


def play(day: Day, paper: Paper) -> Facts:
    """Run each step, after printing its title and its code. A step that raises ends the day."""
    for number, step in enumerate(STEPS, 1):
        paper.title(number, (step.__doc__ or "").rstrip("."))
        paper.code(shown(step))
        try:
            yield from step(day)
        except Exception as error:  # noqa: BLE001 - whatever it is, later steps need this one
            yield Fact("failed", f"{type(error).__name__}: {error}", "no error")
            return


def shown(step: Callable[[Day], Facts]) -> str:
    """Return the code of a step to print: its source without the first part and the last."""
    body = inspect.getsource(step).split('"""', 2)[2]
    return dedent("\n\n".join(body.rstrip().split("\n\n")[1:-1]))


class Paper:
    """Prints to a terminal of any width, or to a file. Masks secrets."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        ascii_only = self._console.options.ascii_only
        self._yes, self._no, self._told, self._bar = ("ok", "!!", "- ", "|") if ascii_only else ("✓", "✗", "·", "│")

    def heading(self, text: str) -> None:
        """Print a heading, with a line across the terminal."""
        self._console.print()
        self._console.rule(Text(text, "bold"), align="left", style="cyan")

    def say(self, text: str, style: str = "") -> None:
        """Print a paragraph."""
        self._hang(Text(), Text(_redact.text(text), style))

    def title(self, number: int, text: str) -> None:
        """Print the title of a step."""
        self._console.print()
        self._hang(Text.assemble((f"{number:2} ", "bold cyan")), Text(text, "bold"))

    def code(self, text: str) -> None:
        """Print the code of a step."""
        code = Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text)
        code.rstrip()
        code.no_wrap = False
        self._hang(Text.assemble((f"   {self._bar} ", "bright_black")), code, repeat=True)

    def fact(self, fact: Fact) -> None:
        """Print a result of a step."""
        mark, style = (self._yes, "green") if fact.is_checked else (self._told, "bright_black")
        text = Text(_redact.text(str(fact.value)))
        if fact.differs:
            mark, style = self._no, "bold red"
            text.stylize("red")
            text.append(f" (should be: {fact.expected})")
        self._hang(Text.assemble("   ", (mark, style), " ", (f"{fact.label:<13}", "cyan")), text)

    def _hang(self, indent: Text, text: Text, *, repeat: bool = False) -> None:
        """Print text after an indent, and wrap it under itself. `repeat` prints the indent on each line."""
        width = max(20, self._console.width - indent.cell_len)
        following = indent if repeat else Text(" " * indent.cell_len)
        for number, line in enumerate(text.wrap(self._console, width)):
            printed = (following if number else indent) + line
            printed.rstrip()
            self._console.print(printed, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="finsecure demo",
        description="Play a merchant's day over real HTTP against the sandbox, on a free loopback port. Exits with 1 "
        "if a check fails.",
    )
