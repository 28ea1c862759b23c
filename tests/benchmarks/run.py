"""Runs the rows: `python -m tests.benchmarks.run [--quick] [--since COMMIT] [row ...]`, or `nox -s bench -- ...`.

A process for each client of a row, one slice at a time and never two at once, in an order that is shuffled anew in each
round. So what disturbs the machine disturbs all of them alike, and a ratio is that of two slices of the same round.
A full run writes docs/performance.md; a quick one, or one of some rows, only prints. `--since` measures finsecure only,
beside what it was at an earlier commit.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import report
from tests.benchmarks.rows import ROWS, Row
from tests.benchmarks.server import Server
from tests.benchmarks.worker import FRESH, Figures

ROOT = Path(__file__).parents[2]
SLICE, QUICK_SLICE = 0.3, 0.1  # seconds


# finsecure as it is installed, and not as somebody is just editing it: this folder comes last on their path.
PYTHON = [sys.executable, "-P", "-c"]
PATH = f"import sys; sys.path.append({str(ROOT)!r})\n"
FIRST = "import sys; sys.path.insert(0, {!r})\n"
STAGES = PATH + "import json; from tests.benchmarks.stages import stages; print(json.dumps(stages()))"
WORKER = "from tests.benchmarks.worker import main; main(*sys.argv[1:])"


class Wrong(Exception):  # noqa: N818 - it names what an answer was
    """A client failed or answered something else than it should."""


class Worker:
    """A client that waits for its turn."""

    def __init__(self, name: str, client: str, url: str, seconds: float, path: str = PATH) -> None:
        self.who = f"{client} in row {name!r}"
        self.process = subprocess.Popen(
            [*PYTHON, path + WORKER, name, client, url, str(seconds)],
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

    def __init__(self, row: Row, client: str, url: str, path: str = PATH) -> None:
        self.who = client
        function, *arguments = row.clients[client]
        if function != "library":
            arguments = [url, *arguments]
        self.command = [*PYTHON, path + FRESH, function, *arguments]
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


def run(name: str, row: Row, urls: dict[int, str], paths: dict[str, str], *, quick: bool) -> report.Result:
    """All rounds of one row; each client with each of the paths, its name followed by that of the path."""
    url, seconds = urls[row.delay], QUICK_SLICE if quick else SLICE
    rounds = max(3, row.rounds // 3) if quick else row.rounds
    with ExitStack() as running:
        workers: dict[str, Worker | Fresh] = {}
        for client in row.clients:
            for version, path in paths.items():
                fresh = row.kind == "fresh"
                worker = Fresh(row, client, url, path) if fresh else Worker(name, client, url, seconds, path)
                workers[client + version] = worker
                running.callback(worker.close)
        result: report.Result = {client: [] for client in workers}
        for _ in range(rounds):
            for client in random.sample(list(workers), len(workers)):
                result[client].append(workers[client].turn())
    return result


def since(commit: str, names: list[str], *, quick: bool) -> None:
    """Print what each client of ours takes beside itself at that commit, by that commit's own benchmark code."""
    package = Path(subprocess.check_output([*PYTHON, PATH + "import finsecure; print(finsecure.__file__)"], text=True))
    archive = subprocess.check_output(["git", "-C", str(ROOT), "archive", commit, "finsecure", "tests/benchmarks"])
    with TemporaryDirectory() as folder, Server() as urls:
        now, before = Path(folder, "now"), Path(folder, "before")
        shutil.copytree(package.parent, now / "finsecure")
        shutil.copytree(ROOT / "tests/benchmarks", now / "tests/benchmarks")
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(before, filter="data")
        paths = {"": FIRST.format(str(now)), report.BEFORE: FIRST.format(str(before))}
        sys.stdout.write(report.CHANGE_HEAD + "\n")
        for name in names:
            ours = {client: how for client, how in ROWS[name].clients.items() if client.startswith("finsecure")}
            row = replace(ROWS[name], clients=ours, goals=[])
            result = run(name, row, urls, paths, quick=quick)
            sys.stdout.write("".join(f"{line}\n" for line in report.changes(row, result)))
            sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter slices; nothing is written")
    parser.add_argument("--since", metavar="COMMIT", help="finsecure alone, beside itself at that commit")
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="only these; nothing is written")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start compiles what users have compiled
    if options.since:
        since(options.since, options.rows or list(ROWS), quick=options.quick)
        return
    began, load = time.time(), os.getloadavg()[0]
    results: dict[str, report.Result] = {}
    with Server() as urls:
        for name in options.rows or ROWS:
            results[name] = run(name, ROWS[name], urls, {"": PATH}, quick=options.quick)
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
