"""What inboxes keep when workers are killed, and what they cost, with real servers; written into docs/webhooks.md.

python -m tests.webhooks.report            run at full size, then write (what `nox -s inbox` does)
python -m tests.webhooks.report --quick    run a tenth of it, and only print

Each of 2,000 events is delivered three times, in random order, to 8 processes. 20 times one of them is killed with
SIGKILL in the middle of its work, and started again. As FinSecure does it, a delivery that was not answered with 2xx is
made again. Then the effects of each event are counted. By hand, the same work is done as tutorials show it: verify,
look for the id in a set, handle.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import platform
import random
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from finsecure import webhooks

from .. import servers
from . import places, worker

PAGE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
BEGIN, END = "<!-- inbox: begin, written by `nox -s inbox` -->", "<!-- inbox: end -->"
EVENTS, DELIVERIES, WORKERS, KILLS = 2000, 3, 8, 20
AT_ONCE = 8  # deliveries of an async worker
SEED = 13
FORKS = multiprocessing.get_context("forkserver")  # so that a worker that was killed is replaced at once
FORKS.set_forkserver_preload([worker.__name__])

KINDS = {  # where events are handled: what the table says
    "psycopg": "`SQLAlchemyInbox`, PostgreSQL",
    "pymysql": "`SQLAlchemyInbox`, MariaDB",
    "django-postgresql": "`DjangoInbox`, PostgreSQL",
    "redis": "`RedisInbox`",
    "hand-before": "by hand: add to the set, then handle",
    "hand-after": "by hand: handle, then add to the set",
}
SCHEMES = {
    "psycopg": "postgresql+psycopg",
    "asyncpg": "postgresql+asyncpg",
    "pymysql": "mysql+pymysql",
    "aiomysql": "mysql+aiomysql",
    "django-postgresql": "postgresql",
}


# The sender ---------------------------------------------------------------------------------------------------------


class Sender:
    """Delivers until every delivery was answered with 2xx, to workers of which it kills some."""

    def __init__(self, kind: str, url: str, events: int, kills: int) -> None:
        self._arguments = kind, url
        ids = [f"evt_{number}" for number in range(events)] * DELIVERIES
        random.Random(SEED).shuffle(ids)
        self._waiting = deque(ids)
        self._unanswered = len(ids)
        self._total = len(ids)
        self._kill_at = deque(len(ids) * number // (kills + 1) for number in range(kills, 0, -1))
        self._lock = threading.Lock()
        self.again = 0  # deliveries that were made once more
        self.killed: dict[int, float] = {}  # process, and the moment at which it was gone
        self.failures: list[BaseException] = []

    def run(self) -> None:
        """Deliver everything."""
        threads = [threading.Thread(target=self._deliver) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _deliver(self) -> None:
        try:
            process, connection = self._start()
            while self._unanswered > 0:
                if not process.is_alive():
                    process, connection = self._start()
                event, kills = self._next()
                if event is None:
                    time.sleep(0.01)
                    continue
                if self._send(process, connection, event, kills):
                    with self._lock:
                        self._unanswered -= 1
                    continue
                with self._lock:
                    self.again += 1
                    self._waiting.append(event)
            connection.close()
            process.join()
        except BaseException as exc:  # noqa: BLE001 - raised again by `run`
            self.failures.append(exc)
            self._unanswered = 0

    def _start(self) -> tuple[Any, Connection]:
        ours, its = FORKS.Pipe()
        process = FORKS.Process(target=worker.work, args=(*self._arguments, its))
        process.start()
        its.close()
        return process, ours

    def _next(self) -> tuple[str | None, bool]:
        """An event, and whether the worker that gets it is to be killed."""
        with self._lock:
            event = self._waiting.popleft() if self._waiting else None
            kills = event is not None and bool(self._kill_at) and self._unanswered <= self._kill_at[0]
            if kills:
                self._kill_at.popleft()
            return event, kills

    def _send(self, process: Any, connection: Connection, event: str, kills: bool) -> bool:
        body = places.event_json(event)
        connection.send((body, webhooks.sign(body, places.SECRET)))
        if kills:
            time.sleep(random.Random(event).uniform(0, 2 * worker.WORK))  # before, in the middle of, or after its work
            process.kill()
            process.join()
            self.killed[process.pid] = time.monotonic()
        try:
            answer: int = connection.recv()  # one that was killed may have answered before
        except (EOFError, ConnectionResetError):
            if not kills:
                raise RuntimeError(f"a worker died by itself: {process.exitcode}") from None
            return False
        return answer == 200


# The verdict --------------------------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """What became of the events."""

    once: int
    lost: int
    more: int
    at_once: int | None  # events that two workers had at the same time, where that can be told
    again: int


def count(events: int, effects: Iterable[str]) -> tuple[int, int, int]:
    """Events with exactly one effect, with none, and with several."""
    each = Counter(effects)
    once = sum(number == 1 for number in each.values())
    return once, events - len(each), len(each) - once


def overlapping(begun: Iterable[Any], ended: Iterable[Any], killed: dict[int, float]) -> int:
    """Events that two workers had at the same time; who was killed had them until then."""
    ends = {(event, pid, start): end for event, pid, start, end in ended}
    spans: dict[str, list[tuple[float, float]]] = {}
    for event, pid, start in begun:
        spans.setdefault(event, []).append((start, ends.get((event, pid, start)) or killed[pid]))
    return sum(
        any(later[0] < earlier[1] for earlier, later in zip(sorted(each), sorted(each)[1:], strict=False))
        for each in spans.values()
    )


def survive(kind: str, url: str, events: int, kills: int) -> Kept:
    """Deliver to a kind of inbox, kill, and count."""
    place = worker.open_place(kind, url)
    place.set_up()
    sender = Sender(kind, url, events, kills)
    sender.run()
    at_once = None
    if isinstance(place, places.Redis):
        store: Any = place.client
        begun, ended = ([json.loads(each) for each in store.lrange(name, 0, -1)] for name in ("begun", "ended"))
        at_once = overlapping(begun, ended, sender.killed)
    kept = Kept(*count(events, place.effects()), at_once, sender.again)
    place.close()
    return kept


# Speed --------------------------------------------------------------------------------------------------------------


class Speed(NamedTuple):
    """Of one process: events a second, and seconds from a delivery to its 200."""

    events: float
    typical: float
    slow: float  # 99 of 100 are faster


def measured(began: float, times: list[float]) -> Speed:
    return Speed(len(times) / (time.perf_counter() - began), median(times), quantiles(times, n=100)[98])


def speed(kind: str, url: str, events: int) -> Speed:
    """Sync code, one delivery after another."""
    place = places.open_place(kind, url)
    place.set_up()
    webhook = place.handler()
    times: list[float] = []
    bodies = [(body, webhooks.sign(body, places.SECRET)) for body in map(places.event_json, map(str, range(events)))]
    began = time.perf_counter()
    for body, signature in bodies:
        start = time.perf_counter()
        if webhook.handle(body, signature).status != 200:
            raise RuntimeError(kind)
        times.append(time.perf_counter() - start)
    kept = measured(began, times)
    place.close()
    return kept


def speed_async(kind: str, url: str, events: int) -> Speed:
    """Async code, with several deliveries at once, and a pool of connections."""
    place = places.open_place(kind, url)
    place.set_up()

    async def run() -> Speed:
        engine: Any = None
        if isinstance(place, places.Redis):
            webhook = place.handler()
        else:
            engine = create_async_engine(url, pool_size=AT_ONCE)
            webhook = webhooks.Handler(places.SECRET, inbox=webhooks.SQLAlchemyInbox(engine))

            @webhook.on("customer.created")
            async def write(event: webhooks.CustomerCreated, session: AsyncSession) -> None:  # pyright: ignore[reportUnusedFunction]
                await session.execute(places.EFFECTS.insert().values(event=event.id))

        waiting = deque(map(places.event_json, map(str, range(events))))
        times: list[float] = []

        async def deliver() -> None:
            while waiting:
                body = waiting.popleft()
                start = time.perf_counter()
                if (await webhook.handle_async(body, webhooks.sign(body, places.SECRET))).status != 200:
                    raise RuntimeError(kind)
                times.append(time.perf_counter() - start)

        began = time.perf_counter()
        await asyncio.gather(*(deliver() for _ in range(AT_ONCE)))
        kept = measured(began, times)
        if engine is not None:
            await engine.dispose()
        return kept

    try:
        return place.run_async(run)
    finally:
        place.close()


# The report ---------------------------------------------------------------------------------------------------------


def kept_table(rows: dict[str, Kept], events: int, kills: int) -> str:
    text = (
        f"{events:,} events, each delivered {DELIVERIES} times, in random order, to {WORKERS} processes. {kills} times "
        "a process was killed with `SIGKILL` while it worked. Deliveries without a 2xx were repeated.\n\n"
        "| inbox | exactly one effect | lost | more than one | two workers at once | repeated deliveries |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n"
    )
    for name, kept in rows.items():
        at_once = "" if kept.at_once is None else f"{kept.at_once:,}"
        text += f"| {name} | {kept.once:,} | {kept.lost:,} | {kept.more:,} | {at_once} | {kept.again:,} |\n"
    return text


def speed_table(rows: dict[str, Speed]) -> str:
    text = (
        "Measured in one process, from the call of `handle` to its outcome with status 200. The function makes one "
        f"write. Async code handles {AT_ONCE} deliveries at a time.\n\n"
        "| inbox | events a second | median time | 99 of 100 within |\n| --- | ---: | ---: | ---: |\n"
    )
    for name, of in rows.items():
        text += f"| {name} | {of.events:,.0f} | {of.typical * 1e3:.1f} ms | {of.slow * 1e3:.1f} ms |\n"
    return text


def write(page: Path, text: str) -> None:
    """Replace what is between the markers."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main(is_quick: bool) -> int:
    """Run everything; whether each inbox kept its promise decides about the exit status."""
    events, kills = (EVENTS // 10, KILLS // 5) if is_quick else (EVENTS, KILLS)
    load, began = os.getloadavg()[0], time.monotonic()
    with ExitStack() as stack:
        running = {
            "postgresql": stack.enter_context(servers.postgresql()),
            "mysql": stack.enter_context(servers.mariadb()),
            "redis": stack.enter_context(servers.redis()),
        }

        def url(kind: str) -> str:
            scheme = SCHEMES.get(kind, "redis")
            return running[scheme.partition("+")[0]].url(scheme)

        kept: dict[str, Kept] = {}
        for kind, name in KINDS.items():
            kept[name] = survive(kind, url(kind), events, kills)
            say(f"{time.monotonic() - began:.0f} s, {name}: {kept[name]}")
        measure: dict[str, tuple[str, Callable[[str, str, int], Speed]]] = {
            "`SQLAlchemyInbox`, PostgreSQL, sync (psycopg)": ("psycopg", speed),
            "`SQLAlchemyInbox`, PostgreSQL, async (asyncpg)": ("asyncpg", speed_async),
            "`SQLAlchemyInbox`, MariaDB, sync (pymysql)": ("pymysql", speed),
            "`SQLAlchemyInbox`, MariaDB, async (aiomysql)": ("aiomysql", speed_async),
            "`DjangoInbox`, PostgreSQL, sync": ("django-postgresql", speed),
            "`RedisInbox`, sync": ("redis", speed),
            "`RedisInbox`, async": ("redis-asyncio", speed_async),
        }
        speeds: dict[str, Speed] = {}
        for name, (kind, how) in measure.items():
            speeds[name] = how(kind, url(kind), events)
            say(f"{time.monotonic() - began:.0f} s, {name}: {speeds[name]}")
    busy = f"load average {load:.1f} at the start" + (": **the machine was busy**" if load > 0.7 else "")
    about = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}, {busy}.\n"
    text = "\n".join([about, kept_table(kept, events, kills), speed_table(speeds)])
    say(text)
    broken = [name for name, of in kept.items() if "by hand" not in name and not keeps_its_promise(of)]
    if broken:
        say(f"A promise was not kept, so nothing was written: {', '.join(broken)}")
    elif not is_quick:
        write(PAGE, text)
    return len(broken)


def keeps_its_promise(kept: Kept) -> bool:
    """In SQL each event has exactly one effect; in Redis at least one, and no event is with two workers at once."""
    return kept.lost == 0 and (kept.more == 0 if kept.at_once is None else kept.at_once == 0)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv))
