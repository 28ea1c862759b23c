"""A thread that sends for the main thread, while the main thread waits.

pyreqwest aborts the process if a signal handler raises while it sends. Handlers run in the main thread, where an
exception can safely interrupt waiting for another thread. It costs about 45 microseconds per call.
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
in_child(_idle.clear)  # their threads do not exist in the child


def call_in_thread(function: Callable[[], T]) -> T:
    """Call a function that raises nothing: from the main thread in another thread, from other threads directly."""
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
        jobs.put(None)  # so that the thread ends after this call
        raise
    _idle.append(jobs)
    return answer


def _start() -> Jobs | None:
    """Start a thread and return its queue of jobs; `None` if no thread can start, as in an `atexit` hook."""
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
        del job, function, answers  # else they would stay in memory until the next call
