"""The benchmark's arithmetic and its page; what it measures is for a person to read."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from . import report
from .rows import ROWS, Goal, Row

# Two clients of one row, in rounds of which the second was disturbed: ratios are within a round.
RESULT: report.Result = {
    "bare": [{"wall": 1.0, "cpu": 1.0}, {"wall": 10.0, "cpu": 1.0}, {"wall": 1.0, "cpu": 1.0}],
    "ours": [{"wall": 0.5, "cpu": 0.4}, {"wall": 5.0, "cpu": 0.4}, {"wall": 0.6, "cpu": 0.4}],
}


@pytest.mark.parametrize(
    ("goal", "measured", "reached"),
    [
        (Goal("ours", "at most", 0.5, "bare"), 0.5, True),
        (Goal("ours", "at most", 0.49, "bare"), 0.5, False),
        (Goal("ours", "at least", 2, "bare"), 2, True),
        (Goal("ours", "at least", 2.1, "bare"), 2, False),
        (Goal("ours", "at most", 0.5, "bare", "cpu"), 0.4, True),
        (Goal("ours", "at most", 0.005, None), 0.6, False),
    ],
)
def test_goals(goal: Goal, measured: float, reached: bool) -> None:
    """A goal is judged by the median of what the rounds say, costs by `at most` and speeds by `at least`."""
    assert report.measured(goal, RESULT) == pytest.approx(measured)
    assert report.reached(goal, RESULT) is reached


@pytest.mark.parametrize(
    ("now", "verdict"),
    [([1.0, 1.2, 1.2, 1.3], "**slower**"), ([0.7, 0.8, 0.8, 1.1], "faster"), ([0.9, 1.0, 1.1, 1.1], "alike")],
)
def test_a_change_is_judged_by_three_quarters_of_the_rounds(now: list[float], verdict: str) -> None:
    """A client is slower or faster than before where the middle half of the rounds lies on that side of 1."""
    row = Row("a row", {"ours": ("finsecure",)}, [], kind="size")
    result = {"ours": [{"bytes": value} for value in now], "ours" + report.BEFORE: [{"bytes": 1.0}] * len(now)}
    (line,) = report.changes(row, result)
    assert line.endswith(f"| {verdict} |")


def test_goals_name_clients_of_their_row() -> None:
    """A goal compares clients that run in its row."""
    for name, row in ROWS.items():
        for goal in row.goals:
            assert {goal.client, goal.of or goal.client} <= set(row.clients), name


def test_the_page_keeps_what_was_written_by_hand(tmp_path: Path) -> None:
    """A run replaces what is between the markers, and draws a plot that is well-formed XML."""
    page = tmp_path / "performance.md"
    page.write_text(f"by hand\n{report.BEGIN}\nof another run\n{report.END}\nby hand, too\n", encoding="utf-8")
    figures = [{"wall": 1e-4, "cpu": 1e-4, "growth": 0.0, "bytes": 1000.0}]
    results = {name: dict.fromkeys(row.clients, figures) for name, row in ROWS.items()}
    report.write(tmp_path, results, {"encode": 3e-6}, "now")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("by hand\n")
    assert text.endswith(f"{report.END}\nby hand, too\n")
    assert "of another run" not in text
    assert "| encode | 3.0 µs |" in text
    assert all(row.title in text for row in ROWS.values())
    ET.fromstring((tmp_path / "performance.svg").read_text(encoding="utf-8"))
