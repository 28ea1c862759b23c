"""The sandbox's time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import trio

import finsecure
from finsecure.sandbox import Clock, Sandbox


def test_a_standing_clock_moves_only_when_moved() -> None:
    clock = Clock(1640995200)
    assert (clock.time(), clock.time()) == (1640995200, 1640995200)
    clock.advance(1.5)
    assert clock.time() == 1640995201.5
    assert clock.monotonic() == clock.time()
    assert clock.frozen


def test_it_starts_at_a_datetime() -> None:
    assert Clock(datetime(2022, 1, 1, tzinfo=timezone.utc)).time() == 1640995200


def test_a_datetime_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Clock(datetime(2022, 1, 1))  # noqa: DTZ001 - the mistake that is meant


def test_a_bool_is_refused_as_a_time() -> None:
    with pytest.raises(ValueError, match="Unix seconds"):
        Clock(True)


def test_time_does_not_go_back() -> None:
    clock = Clock(0)
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(1, minutes=-1)
    assert clock.time() == 0


@pytest.mark.parametrize(
    "parts",
    [
        {"days": 1},
        {"weeks": 2, "hours": 1.5, "minutes": 2, "seconds": 0.25},
        {"milliseconds": 1500, "microseconds": 250},
        {"minutes": 1, "seconds": -30},
        {},
    ],
)
def test_it_moves_by_the_keywords_of_timedelta(parts: dict[str, float]) -> None:
    by_keyword, by_timedelta = Clock(0), Clock(0)
    by_keyword.advance(**parts)
    by_timedelta.advance(timedelta(**parts))
    assert by_keyword.time() == pytest.approx(timedelta(**parts).total_seconds())
    assert by_timedelta.time() == timedelta(**parts).total_seconds()


@pytest.mark.parametrize("name", ["seconds", "weeks", "days", "hours", "minutes", "milliseconds", "microseconds"])
@pytest.mark.parametrize("wrong", ["1", None, float("nan"), float("inf"), 10**40])
def test_what_is_no_number_of_them_is_named(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"a number of {name}"):
        Clock(0).advance(**{name: wrong})


def test_a_sleep_moves_a_standing_clock_and_returns_at_once() -> None:
    clock = Clock(0)
    clock.sleep(60)
    clock.sleep(-1)
    assert (clock.time(), clock.sleeps) == (60, [60, -1])


@pytest.mark.parametrize("on_trio", [False, True], ids=["asyncio", "trio"])
def test_so_does_an_asynchronous_sleep(on_trio: bool) -> None:
    clock = Clock(0)
    if on_trio:
        trio.run(clock.sleep_async, 60)
    else:
        asyncio.run(clock.sleep_async(60))
    assert (clock.time(), clock.sleeps) == (60, [60])


def test_without_a_start_it_follows_the_system() -> None:
    clock = Clock()
    before = time.time()
    assert before <= clock.time() <= time.time()
    before = time.monotonic()
    clock.sleep(0)
    asyncio.run(clock.sleep_async(0))
    assert before <= clock.monotonic() <= time.monotonic()
    assert clock.sleeps == []
    assert not clock.frozen


def test_a_system_clock_can_be_moved_too() -> None:
    clock = Clock()
    clock.advance(86400)
    assert clock.time() > time.time() + 86000


@pytest.mark.parametrize("days", [0, 1, 400])
def test_the_age_of_an_event_goes_by_the_clock_of_the_sandbox_that_signed_it(sandbox: Sandbox, days: int) -> None:
    sandbox.clock.advance(days * 86400)
    sandbox.emit("customer.created")

    def receive(body: bytes, headers: Mapping[str, str]) -> int:
        secrets = ["whsec_another", sandbox.webhook_secret]
        finsecure.webhooks.construct_event(body, headers["FinSecure-Signature"], secrets, tolerance=300)
        return 200

    assert [tried.status for tried in sandbox.deliver(to=receive)] == [200]
    sandbox.emit("customer.created")
    (late,) = sandbox.deliver(to=receive, delay=301)
    assert "301 seconds ago" in (late.error or "")
