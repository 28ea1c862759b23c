"""`finsecure demo`: a merchant's day, played over real HTTP against the sandbox, and checked step by step."""

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
        The exit code: 0 where everything came out as it should, else 1.
    """
    _parser().parse_args(args)
    logging.getLogger("finsecure").addHandler(logging.NullHandler())  # the paper tells what the log would
    paper = Paper()
    checked: list[Fact] = []
    started = perf_counter()
    with ExitStack() as until_evening:
        sandbox = until_evening.enter_context(Sandbox())
        base_url = until_evening.enter_context(sandbox.serve()).base_url
        paper.heading("A merchant's day")
        paper.say(
            f"Over real HTTP, with the key {sandbox.secret_key} and the webhook secret {sandbox.webhook_secret} "
            f"of a FinSecure sandbox at {base_url}. No real money moves."
        )
        for fact in play(Day(sandbox, base_url, until_evening), paper):
            paper.fact(fact)
            checked += [fact] if fact.is_checked else []
    wrong = sum(fact.differs for fact in checked)
    paper.heading("The day is over")
    if wrong:
        paper.say(f"{wrong} of {len(checked)} checks came out differently than they should.", "bold red")
        return 1
    took = f"in {perf_counter() - started:.1f} s"
    paper.say(f"{len(STEPS)} steps, {len(checked)} checks, everything as it should be, {took}.", "bold green")
    paper.say("Next: `finsecure sandbox` serves a FinSecure like this one to your own code.")
    return 0


def play(day: Day, paper: Paper) -> Facts:
    """Each step in turn, its title and code printed before it runs. A step that breaks ends the day."""
    for number, step in enumerate(STEPS, 1):
        paper.title(number, (step.__doc__ or "").rstrip("."))
        paper.code(shown(step))
        try:
            yield from step(day)
        except Exception as error:  # noqa: BLE001 - whatever broke is what differs, and later steps build on it
            yield Fact("broke off", f"{type(error).__name__}: {error}", "no error")
            return


def shown(step: Callable[[Day], Facts]) -> str:
    """The code of a step: its source without the first paragraph and the last."""
    body = inspect.getsource(step).split('"""', 2)[2]
    return dedent("\n\n".join(body.rstrip().split("\n\n")[1:-1]))


class Paper:
    """What the day is printed on: a terminal of any width, or a file. Nothing that looks like a secret gets on it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        ascii_only = self._console.options.ascii_only
        self._yes, self._no, self._told, self._bar = ("ok", "!!", "- ", "|") if ascii_only else ("✓", "✗", "·", "│")

    def heading(self, text: str) -> None:
        """A line across the paper."""
        self._console.print()
        self._console.rule(Text(text, "bold"), align="left", style="cyan")

    def say(self, text: str, style: str = "") -> None:
        """A paragraph."""
        self._hang(Text(), Text(_redact.text(text), style))

    def title(self, number: int, text: str) -> None:
        """What a step is about."""
        self._console.print()
        self._hang(Text.assemble((f"{number:2} ", "bold cyan")), Text(text, "bold"))

    def code(self, text: str) -> None:
        """What a step does."""
        code = Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text)
        code.rstrip()
        code.no_wrap = False
        self._hang(Text.assemble((f"   {self._bar} ", "bright_black")), code, repeat=True)

    def fact(self, fact: Fact) -> None:
        """What came of it."""
        mark, style = (self._yes, "green") if fact.is_checked else (self._told, "bright_black")
        text = Text(_redact.text(str(fact.value)))
        if fact.differs:
            mark, style = self._no, "bold red"
            text.stylize("red")
            text.append(f" (should be: {fact.expected})")
        self._hang(Text.assemble("   ", (mark, style), " ", (f"{fact.label:<13}", "cyan")), text)

    def _hang(self, indent: Text, text: Text, *, repeat: bool = False) -> None:
        """Print a text beside its indent; what does not fit goes on below, beside the indent or as much space."""
        width = max(20, self._console.width - indent.cell_len)
        following = indent if repeat else Text(" " * indent.cell_len)
        for number, line in enumerate(text.wrap(self._console, width)):
            printed = (following if number else indent) + line
            printed.rstrip()
            self._console.print(printed, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="finsecure demo",
        description="Play a merchant's day over real HTTP against the sandbox, on a free loopback port. The exit code "
        "is 1 if anything comes out differently than it should.",
    )
