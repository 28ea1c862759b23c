"""From figures to tables and a plot: medians, and ratios of two slices of the same round."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import TypeAlias
from xml.sax.saxutils import escape

from tests.benchmarks.rows import ROWS, Goal, Metric, Row

Result: TypeAlias = dict[str, list[dict[str, float]]]  # by client, the figures of each round

BEGIN, END = "<!-- bench: begin, written by `nox -s bench` -->", "<!-- bench: end -->"
LIBRARIES = ("stripe", "lithic", "increase", "openai", "httpx", "httpx2", "pyreqwest", "requests", "standardwebhooks")


def typical(result: Result, client: str, metric: Metric) -> float:
    """The median of a client's slices."""
    return median(figures[metric] for figures in result[client])


def ratio(result: Result, client: str, of: str, metric: Metric) -> float:
    """The median of what the rounds say, each by itself."""
    pairs = zip(result[client], result[of], strict=True)
    return median(mine[metric] / theirs[metric] for mine, theirs in pairs)


def measured(goal: Goal, result: Result) -> float:
    """The figure that the goal is about."""
    if goal.of is None:
        return typical(result, goal.client, goal.metric)
    found = ratio(result, goal.client, goal.of, goal.metric)
    return found if goal.compare == "at most" else 1 / found


def reached(goal: Goal, result: Result) -> bool:
    """Whether the goal is met."""
    found = measured(goal, result)
    return found <= goal.bound if goal.compare == "at most" else found >= goal.bound


def in_units(metric: Metric, value: float) -> str:
    """A figure for people."""
    if metric == "bytes":
        return f"{value:,.0f} B"
    if metric == "growth":
        return f"{value / 1e6:.1f} MB"
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} µs"


def of_goal(goal: Goal, value: float) -> str:
    """A figure as the goal puts it."""
    if goal.of is None:
        return in_units(goal.metric, value)
    return f"{value:.2f} of" if goal.compare == "at most" else f"{value:.2f} times"


TITLES = {"wall": "wall", "cpu": "CPU", "growth": "memory grew", "bytes": "memory"}
METRICS: dict[str, tuple[Metric, ...]] = {"walk": ("wall", "cpu", "growth"), "size": ("bytes",)}


def row_table(row: Row, result: Result) -> str:
    """Every client of a row, its figures and their ratios to the first one's."""
    base = next(iter(result))
    metrics = METRICS.get(row.kind, ("wall", "cpu"))
    lines = [f"### {row.title}", ""]
    lines += ["| |" + "".join(f" {TITLES[metric]} | |" for metric in metrics)]
    lines += ["| --- |" + " ---: | ---: |" * len(metrics)]
    for client in result:
        cells = [client]
        for metric in metrics:
            cells += [in_units(metric, typical(result, client, metric))]
            cells += ["" if metric == "growth" else f"{ratio(result, client, base, metric):.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


BEFORE = ", before"
CHANGE_HEAD = "| row | client | | ratio to before | half of the rounds | |\n| --- | --- | --- | ---: | ---: | --- |"


def changes(row: Row, result: Result) -> list[str]:
    """A line for each client and metric: now beside before. Slower is what three quarters of the rounds call slower."""
    lines: list[str] = []
    for client in row.clients:
        for metric in METRICS.get(row.kind, ("wall", "cpu")):
            if metric == "growth":
                continue  # it is near zero, where a ratio says nothing
            pairs = zip(result[client], result[client + BEFORE], strict=True)
            ratios = [now[metric] / then[metric] for now, then in pairs]
            low, middle, high = quantiles(ratios, n=4, method="inclusive")
            verdict = "**slower**" if low > 1 else "faster" if high < 1 else "alike"
            figures = f"{middle:.3f} | {low:.3f} to {high:.3f}"
            lines.append(f"| {row.title} | {client} | {TITLES[metric]} | {figures} | {verdict} |")
    return lines


def goal_table(results: dict[str, Result]) -> str:
    """Every goal, and whether it is reached."""
    lines = ["| measurement | client | goal | measured | |", "| --- | --- | --- | ---: | --- |"]
    for name, result in results.items():
        for goal in ROWS[name].goals:
            what = f"{goal.compare} {of_goal(goal, goal.bound)} {goal.of or ''}".strip()
            verdict = "reached" if reached(goal, result) else "**not reached**"
            found = of_goal(goal, measured(goal, result)).removesuffix(" of").removesuffix(" times")
            lines.append(f"| {ROWS[name].title} | {goal.client} | {what} | {found} | {verdict} |")
    return "\n".join(lines)


def stage_table(stages: dict[str, float]) -> str:
    """Where our own time goes."""
    lines = ["| stage | time |", "| --- | ---: |"]
    return "\n".join(lines + [f"| {stage} | {in_units('wall', seconds)} |" for stage, seconds in stages.items()])


def about(load: float, seconds: float) -> str:
    """On what, and when."""
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    busy = f"load average {load:.1f} at the start" + (": **the machine was busy**" if load > 0.7 else "")
    peers = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{datetime.now(timezone.utc):%Y-%m-%d}, {machine}, {seconds / 60:.0f} minutes, {busy}. {peers}."


def write(docs: Path, results: dict[str, Result], stages: dict[str, float], about: str) -> None:
    """Put the figures between the markers of docs/performance.md, and the plot beside it."""
    (docs / "performance.svg").write_text(plot(results), encoding="utf-8")
    page = docs / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    tables = "\n\n".join(row_table(ROWS[name], result) for name, result in results.items())
    figures = "![The time or memory of each client, relative to the first client of its row](performance.svg)"
    page.write_text(
        f"{before}{BEGIN}\n\n{about}\n\n## Goals\n\n{goal_table(results)}\n\n{figures}\n\n## Figures\n\n{tables}\n\n"
        f"## Where finsecure spends its time\n\n{stage_table(stages)}\n\n"
        f"{END}{after}",
        encoding="utf-8",
    )


WIDTH, NAMES, BAR = 760, 250, 16


def plot(results: dict[str, Result]) -> str:
    """A bar for each client of each row: its ratio to the first. Too long a bar is cut, its figure is not."""
    drawn: list[str] = []
    y = 8
    for name, result in results.items():
        metric: Metric = "bytes" if ROWS[name].kind == "size" else "wall"
        base = next(iter(result))
        ratios = {client: ratio(result, client, base, metric) for client in result}
        longest = min(max(ratios.values()), 4 * min(1.0, max(ratios.values())))
        y += BAR + 8
        drawn.append(f'<text class="t" x="0" y="{y - 4}">{escape(ROWS[name].title)}</text>')
        for client, value in ratios.items():
            wide = (WIDTH - NAMES - 60) * min(value / longest, 1.0)
            kind = "o" if client.startswith("finsecure") else "p"
            drawn.append(
                f'<text x="{NAMES - 8}" y="{y + BAR - 4}" text-anchor="end">{escape(client)}</text>'
                f'<rect class="{kind}" x="{NAMES}" y="{y + 2}" width="{max(wide, 1):.0f}" height="{BAR - 4}"/>'
                f'<text x="{NAMES + wide + 6:.0f}" y="{y + BAR - 4}">{value:.2f}{" ⟶" * (value > longest)}</text>'
            )
            y += BAR
    style = "text{font:12px sans-serif;fill:#555}.t{font-weight:bold}.o{fill:#2563eb}.p{fill:#b6bcc6}"
    size = f'viewBox="0 0 {WIDTH} {y + 8}" width="{WIDTH}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{style}</style>\n' + "\n".join(drawn) + "\n</svg>\n"
    )
