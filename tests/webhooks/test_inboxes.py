"""What every inbox promises, in each place that there is one for; workers are killed with -9 to prove it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from finsecure.webhooks import Outcome

from .conftest import TRANSACTIONS
from .places import LEASE, Place

TESTS = Path(__file__).resolve().parents[1]


def test_an_event_that_is_delivered_again_is_handled_once(place: Place) -> None:
    """What the function wrote is there, once, however often the event comes."""
    webhook = place.handler()
    assert [place.deliver(webhook).result for _ in range(3)] == ["handled", "duplicate", "duplicate"]
    assert place.effects() == ["evt_1"]


def test_a_function_that_raises_gives_the_event_back(place: Place) -> None:
    """The answer is 500, and the event is handled when it comes again."""
    assert place.deliver(place.handler(lambda event: {"a": 1}[event])) == Outcome(500, "failed", "evt_1")
    if place.kind in TRANSACTIONS:
        assert place.effects() == []  # what it had written is rolled back
    assert place.deliver(place.handler()).result == "handled"
    assert place.effects()[-1] == "evt_1"


@pytest.mark.parametrize("id", ["evt_" + "x" * 1000, "evt_\0", "evt_1 ", "évt"])
def test_an_id_that_a_database_might_not_keep_is_handled_once(place: Place, id: str) -> None:
    """Long ids, NUL and trailing spaces are kept apart as well."""
    assert [place.deliver(place.handler(), each).result for each in (id, id.strip(), id)] == [
        "handled",
        "handled" if id.strip() != id else "duplicate",
        "duplicate",
    ]


def test_ids_that_differ_in_case_are_two_events(place: Place) -> None:
    """Which MySQL by itself takes for one."""
    assert [place.deliver(place.handler(), each).result for each in ("evt_a", "evt_A")] == ["handled", "handled"]


def test_a_moment_is_kept_for_the_next_process(place: Place) -> None:
    """What is kept under a name can be read again, and changed."""
    inbox: Any = place.inbox

    async def keep(moment: float) -> list[float | None]:
        await inbox.keep_place_async("x", moment)
        return [await inbox.place_async("x"), await inbox.place_async("y")]

    def keep_sync(moment: float) -> list[float | None]:
        inbox.keep_place("x", moment)
        return [inbox.place("x"), inbox.place("y")]

    for moment in (1640995200.0, 1640995300.0):
        kept = place.run_async(partial(keep, moment)) if inbox.style == "async" else keep_sync(moment)
        assert kept == [moment, None]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pysqlite", "psycopg", "pymysql", "redis", "django-sqlite"])
def test_a_killed_worker_gives_the_event_back(kind: str, open_empty: Callable[[str], Place]) -> None:
    """A worker is killed with -9 after its function wrote: another worker handles the event.

    While the first one runs, the event is told to come again, and others are handled. In a transaction the effect is
    there exactly once in the end; with a lease at least once.
    """
    place = open_empty(kind)
    program = "import sys; from webhooks import places; place = places.open_place(*sys.argv[1:]); "
    program += "place.deliver(place.handler(places.hang))"
    command = [sys.executable, "-c", program, kind, place.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TESTS) as worker:
        assert worker.stdout is not None
        try:
            assert worker.stdout.readline() == b"begun\n"
            if "sqlite" not in kind:  # which would wait for the lock
                assert place.deliver(place.handler()) == Outcome(409, "in_progress", "evt_1")
                assert place.deliver(place.handler(), "evt_2").result == "handled"
        finally:
            worker.kill()
    if kind in TRANSACTIONS:
        assert "evt_1" not in place.effects()
    webhook = place.handler()
    give_up = time.monotonic() + 10 * LEASE  # a database frees the row as soon as it notices, Redis after the lease
    while (outcome := place.deliver(webhook)).result == "in_progress" and time.monotonic() < give_up:
        time.sleep(0.02)
    assert outcome == Outcome(200, "handled", "evt_1")
    assert place.effects().count("evt_1") == (1 if kind in TRANSACTIONS else 2)
