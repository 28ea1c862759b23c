"""Runs the rows: `python -m tests.benchmarks.run [--quick] [row ...]`, or `nox -s bench -- ...`.

A process for each client of a row, one slice at a time and never two at once, in an order that is shuffled anew in each
round. So what disturbs the machine disturbs all of them alike, and a ratio is that of two slices of the same round.
A full run writes docs/performance.md; a quick one, or one of some rows, only prints.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.rows import ROWS, Row
from tests.benchmarks.server import Server
from tests.benchmarks.worker import FRESH, Figures

ROOT = Path(__file__).parents[2]
SLICE, QUICK_SLICE = 0.3, 0.1  # seconds


# finsecure as it is installed, and not as somebody is just editing it: this folder comes last on their path.
PYTHON = [sys.executable, "-P", "-c"]
PATH = f"import sys; sys.path.append({str(ROOT)!r})\n"
STAGES = PATH + "import json; from tests.benchmarks.stages import stages; print(json.dumps(stages()))"
WORKER = PATH + "from tests.benchmarks.worker import main; main(*sys.argv[1:])"


class Wrong(Exception):  # noqa: N818 - it names what an answer was
    """A client failed or answered something else than it should."""


class Worker:
    """A client that waits for its turn."""

    def __init__(self, name: str, client: str, url: str, seconds: float) -> None:
        self.who = f"{client} in row {name!r}"
        self.process = subprocess.Popen(
            [*PYTHON, WORKER, name, client, url, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.line()  # it is warm

    def line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise Wrong(self.who)
        return line

    def turn(self) -> Figures:
        """Run a slice."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        figures: Figures = json.loads(self.line())
        return figures

    def close(self) -> None:
        self.process.communicate()


class Fresh:
    """A client whose every turn is a new process."""

    def __init__(self, row: Row, client: str, url: str) -> None:
        self.who = client
        function, *arguments = row.clients[client]
        if function != "library":
            arguments = [url, *arguments]
        self.command = [*PYTHON, PATH + FRESH, function, *arguments]
        self.turn()  # compiles what it imports

    def turn(self) -> Figures:
        """Start, and take what it measured of itself."""
        done = subprocess.run(self.command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise Wrong(self.who)
        figures: Figures = ast.literal_eval(done.stdout)
        return figures

    def close(self) -> None:
        """Nothing is left of it."""


def run(name: str, row: Row, urls: dict[int, str], *, quick: bool) -> report.Result:
    """All rounds of one row."""
    url, seconds = urls[row.delay], QUICK_SLICE if quick else SLICE
    rounds = max(3, row.rounds // 3) if quick else row.rounds
    result: report.Result = {client: [] for client in row.clients}
    with ExitStack() as running:
        workers: dict[str, Worker | Fresh] = {}
        for client in row.clients:
            workers[client] = Fresh(row, client, url) if row.kind == "fresh" else Worker(name, client, url, seconds)
            running.callback(workers[client].close)
        for _ in range(rounds):
            for client in random.sample(list(workers), len(workers)):
                result[client].append(workers[client].turn())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter slices; nothing is written")
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="only these; nothing is written")
    options = parser.parse_args()
    began, load = time.time(), os.getloadavg()[0]
    results: dict[str, report.Result] = {}
    with Server() as urls:
        for name in options.rows or ROWS:
            results[name] = run(name, ROWS[name], urls, quick=options.quick)
            sys.stdout.write(report.row_table(ROWS[name], results[name]) + "\n\n")
            sys.stdout.flush()
    about = report.about(load, time.time() - began)
    sys.stdout.write(f"{report.goal_table(results)}\n\n{about}\n")
    if not options.rows:
        stages = json.loads(subprocess.check_output([*PYTHON, STAGES]))
        sys.stdout.write(f"{report.stage_table(stages)}\n")
        if not options.quick:
            report.write(ROOT / "docs", results, stages, about)


if __name__ == "__main__":
    main()
