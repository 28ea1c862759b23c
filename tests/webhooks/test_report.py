"""What the figures of docs/webhooks.md are counted with."""

from __future__ import annotations

from pathlib import Path

import pytest

from .report import BEGIN, END, PAGE, Kept, Speed, count, keeps_its_promise, kept_table, overlapping, speed_table, write


def test_effects_are_counted_by_event() -> None:
    """One event has one effect, one has two, one has three, and two of five have none."""
    assert count(5, ["a", "b", "b", "c", "c", "c"]) == (1, 2, 2)


@pytest.mark.parametrize(
    ("begun", "ended", "killed", "number"),
    [
        pytest.param([["a", 1, 0.0], ["a", 2, 5.0]], [["a", 1, 0.0, 4.0], ["a", 2, 5.0, 9.0]], {}, 0, id="in-turn"),
        pytest.param([["a", 1, 0.0], ["a", 2, 3.0]], [["a", 1, 0.0, 4.0], ["a", 2, 3.0, 9.0]], {}, 1, id="at-once"),
        pytest.param([["a", 1, 0.0], ["a", 2, 3.0]], [["a", 2, 3.0, 9.0]], {1: 2.0}, 0, id="after-a-kill"),
        pytest.param([["a", 1, 0.0], ["a", 2, 3.0]], [["a", 2, 3.0, 9.0]], {1: 4.0}, 1, id="before-a-kill"),
        pytest.param([["a", 1, 0.0], ["b", 2, 1.0]], [["a", 1, 0.0, 4.0], ["b", 2, 1.0, 9.0]], {}, 0, id="others"),
    ],
)
def test_two_workers_at_once_are_seen(
    begun: list[list[object]], ended: list[list[object]], killed: dict[int, float], number: int
) -> None:
    """Spans of one event must not overlap; that of a worker that was killed ends when it was gone."""
    assert overlapping(begun, ended, killed) == number


@pytest.mark.parametrize(
    ("kept", "keeps"),
    [
        (Kept(once=10, lost=0, more=0, at_once=None, again=3), True),
        (Kept(once=9, lost=1, more=0, at_once=None, again=3), False),
        (Kept(once=9, lost=0, more=1, at_once=None, again=3), False),
        (Kept(once=9, lost=0, more=1, at_once=0, again=3), True),
        (Kept(once=9, lost=0, more=1, at_once=1, again=3), False),
        (Kept(once=9, lost=1, more=0, at_once=0, again=3), False),
    ],
)
def test_a_broken_promise_is_seen(kept: Kept, keeps: bool) -> None:
    """SQL: exactly one effect. Redis: at least one, and no event with two workers at once."""
    assert keeps_its_promise(kept) is keeps


def test_the_tables_stand_between_the_markers(tmp_path: Path) -> None:
    """Written twice, they are there once, and the rest of the page is as it was."""
    page = tmp_path / "webhooks.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    tables = kept_table({"one": Kept(10, 0, 0, None, 3)}, 10, 2) + speed_table({"one": Speed(1234.5, 0.0012, 0.01)})
    for _ in range(2):
        write(page, tables)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert text.count("| one | 10 | 0 | 0 |  | 3 |") == 1
    assert "| one | 1,234 | 1.2 ms | 10.0 ms |" in text
    assert "old" not in text


def test_the_page_has_the_markers() -> None:
    assert PAGE.read_text(encoding="utf-8").count(BEGIN) == 1
    assert PAGE.read_text(encoding="utf-8").count(END) == 1
