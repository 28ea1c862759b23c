"""A thread that sends for the main thread, which only waits meanwhile.

pyreqwest aborts the process where a signal handler raises while it sends. Handlers run in the main thread, and a thread
that waits for another may be left by an exception at any time. It costs some 45 microseconds a call.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread, current_thread, main_thread
from typing import Any, TypeAlias, TypeVar

from .._runtime import in_child

T = TypeVar("T")
Jobs: TypeAlias = "SimpleQueue[tuple[Callable[[], Any], SimpleQueue[Any]] | None]"

_idle: list[Jobs] = []
in_child(_idle.clear)  # their threads are the parent's


def call_in_thread(function: Callable[[], T]) -> T:
    """Call a function that raises nothing: in the main thread by another thread, elsewhere in place."""
    if current_thread() is not main_thread():
        return function()
    jobs = _idle.pop() if _idle else _start()
    if jobs is None:
        return function()
    answers: SimpleQueue[T] = SimpleQueue()
    try:
        jobs.put((function, answers))
        answer = answers.get()
    except BaseException:
        jobs.put(None)  # it ends when its call is over
        raise
    _idle.append(jobs)
    return answer


def _start() -> Jobs | None:
    """A new thread, by its jobs; `None` where no thread can start, as in an `atexit` hook."""
    jobs: Jobs = SimpleQueue()
    try:
        Thread(target=_work, args=(jobs,), name="finsecure-pyreqwest", daemon=True).start()
    except RuntimeError:
        return None
    return jobs


def _work(jobs: Jobs) -> None:
    while (job := jobs.get()) is not None:
        function, answers = job
        answers.put(function())
        del job, function, answers  # or they would live until the next call
