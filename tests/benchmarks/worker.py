"""One client of one row, in a process of its own: for each line on stdin a slice is run, and its figures printed.

A slice is as many calls as fill its time, found out while warming up. Every answer is compared with what it has to be;
a wrong one ends the run. `FRESH` is the other way: a program for a whole new process, for imports and cold starts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from itertools import islice
from typing import Any

from tests.benchmarks import clients, data
from tests.benchmarks.rows import ROWS, Row

FRESH = """
from time import perf_counter, process_time
from tests.benchmarks import clients
function, arguments = getattr(clients, sys.argv[1]), sys.argv[2:]
wall, cpu = perf_counter(), process_time()
made = function(*arguments)
answer = made() if callable(made) else None
wall, cpu = perf_counter() - wall, process_time() - cpu
assert answer == (clients.CREATED if callable(made) else None), f"a wrong answer: {answer}"
print('{"wall": %r, "cpu": %r}' % (wall, cpu))
"""


Figures = dict[str, float]


def same(answer: Any, expected: Any) -> None:
    """Refuse a wrong answer."""
    if answer != expected:
        raise SystemExit(f"a wrong answer: {answer!r} and not {expected!r}")


def calls(row: Row, call: Any, times: int) -> Figures:
    """One call after the other."""
    for _ in range(times):
        same(call(), row.expected)
    return {}


def threads(row: Row, call: Any, times: int) -> Figures:
    """The calls shared out among threads."""
    with ThreadPoolExecutor(row.at_once) as pool:
        for done in [pool.submit(calls, row, call, times // row.at_once) for _ in range(row.at_once)]:
            done.result()
    return {}


def tasks(row: Row, call: Any, times: int) -> Figures:
    """The calls shared out among tasks."""
    waiting = iter(range(times))

    async def one_by_one() -> None:
        for _ in waiting:
            same(await call(), row.expected)

    async def together() -> None:
        await asyncio.gather(*(one_by_one() for _ in range(row.at_once)))

    LOOP.run_until_complete(together())
    return {}


class Progress:
    """What a walk has seen: in the end all objects, the right one last, and how much the peak of memory grew."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.seen = 0
        self.early = 0.0

    def page(self, ids: list[str]) -> bool:
        """Note a page; whether to go on."""
        self.seen += len(ids)
        same(ids[-1:], [data.id_of(self.seen)])
        if self.seen == self.row.objects // 10:
            self.early = peak()
        return self.seen < self.row.objects

    def figures(self) -> Figures:
        same(self.seen, self.row.objects)
        return {"growth": peak() - self.early}


def walk(row: Row, call: Any, _: int) -> Figures:
    """Every object of the list, or as many as the row asks for, by `for` or by `async for`."""
    progress, ids = Progress(row), call()
    if hasattr(ids, "__aiter__"):
        LOOP.run_until_complete(walk_async(row, ids, progress))
        return progress.figures()
    with closing(ids):
        while progress.page(list(islice(ids, data.PAGE))):
            time.sleep(row.think)
    return progress.figures()


async def walk_async(row: Row, ids: Any, progress: Progress) -> None:
    """The same with `async for`."""
    page: list[str] = []
    async with aclosing(ids):
        async for one in ids:
            page.append(one)
            if len(page) == data.PAGE:
                if not progress.page(page):
                    return
                page.clear()
                await asyncio.sleep(row.think)


def parse(row: Row, call: Any, times: int) -> Figures:
    """A page after the other."""
    for _ in range(times):
        same(ends(call()), row.expected)
    return {}


def ends(objects: list[Any]) -> Any:
    """How many there are, the first and the last."""
    first, last = objects[0], objects[-1]
    return len(objects), *((first["id"], last["id"]) if isinstance(first, dict) else (first.id, last.id))


def size(row: Row, call: Any, _: int) -> Figures:
    """Bytes of the heap for each object of a page, the page itself being gone."""
    gc.collect()
    tracemalloc.start()
    kept = call()
    gc.collect()
    traced, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    same(ends(kept), row.expected)
    return {"bytes": traced / len(kept)}


DRIVERS: dict[str, Callable[[Row, Any, int], Figures]] = {
    "calls": calls,
    "threads": threads,
    "tasks": tasks,
    "walk": walk,
    "parse": parse,
    "size": size,
}
ONCE = {"walk", "size"}  # a slice is one of these, however long it takes
LOOP = asyncio.new_event_loop()


def peak() -> float:
    """The most memory that the process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def a_slice(row: Row, call: Any, times: int) -> Figures:
    """Seconds for each call, or for each object of a walk; wall and CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    more = DRIVERS[row.kind](row, call, times)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    each = row.objects or times
    return {"wall": wall / each, "cpu": cpu / each, **more}


def times_for(row: Row, call: Any, seconds: float) -> int:
    """Warm up, and find out how many calls fill a slice: by the fastest of three, the first of all being slow."""
    if row.kind in ONCE:
        return 1
    times, took = row.at_once, seconds
    for _ in range(20):
        took = min(a_slice(row, call, times)["wall"] * times for _ in range(3))
        if took > seconds / 4:
            break
        times *= 2
    return max(2 * row.at_once, round(times * seconds / took / row.at_once) * row.at_once)


def main(name: str, client: str, url: str, seconds: str) -> None:
    """Run slices for as long as there are lines on stdin."""
    row = ROWS[name]
    function, *arguments = row.clients[client]
    call = getattr(clients, function)(url, *arguments)
    times = times_for(row, call, float(seconds))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(a_slice(row, call, times)) + "\n")
        sys.stdout.flush()
