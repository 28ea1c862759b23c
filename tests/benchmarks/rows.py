"""What is measured, and what it should show: the table of the docs, row by row.

Goals are about ratios of two clients that ran side by side. `at most` compares costs, `at least` compares speeds, so
"at most 0.5 of" and "at least 2 times" say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tests.benchmarks.clients import CREATED, PARSED, VERIFIED
from tests.benchmarks.data import PAGE

Metric: TypeAlias = Literal["wall", "cpu", "growth", "bytes"]
Kind: TypeAlias = Literal["fresh", "calls", "threads", "tasks", "walk", "parse", "size"]


@dataclass(frozen=True)
class Goal:
    """One client compared with another; with `of=None` its own figure, in seconds or bytes."""

    client: str
    compare: Literal["at most", "at least"]
    bound: float
    of: str | None
    metric: Metric = "wall"


@dataclass(frozen=True)
class Row:
    """Clients that do the same; the first is the one that the table's ratios are to.

    Attributes:
        title: What they do.
        clients: A function of `clients` by the name that the table shows, with its arguments after the URL.
        goals: What the figures should show.
        kind: How it is driven: see `worker`.
        expected: What each call has to answer.
        delay: Milliseconds that the server takes.
        at_once: Calls in flight, or threads.
        think: Seconds that the caller takes for each page.
        objects: How many of the list are walked.
        rounds: How often each client has its turn; a third of it, but at least 3, in a quick run.
    """

    title: str
    clients: dict[str, tuple[Any, ...]]
    goals: list[Goal]
    kind: Kind = "calls"
    expected: Any = CREATED
    delay: int = 0
    at_once: int = 1
    think: float = 0.0
    objects: int = 0
    rounds: int = 15


OURS = {
    "finsecure": ("finsecure",),
    "finsecure[httpx2]": ("finsecure", "httpx2"),
    "finsecure[fast]": ("finsecure", "pyreqwest"),
}
OURS_ASYNC = {
    "finsecure": ("finsecure_async",),
    "finsecure[httpx2]": ("finsecure_async", "httpx2"),
    "finsecure[fast]": ("finsecure_async", "pyreqwest"),
}
STRIPE = {"stripe": ("stripe",)}
LITHIC = {"lithic": ("stainless", "lithic")}
HTTPX = {"httpx.Client": ("httpx",)}
PEERS_ASYNC = {
    "httpx2.AsyncClient": ("httpx_async", "httpx2"),
    "pyreqwest": ("pyreqwest_async",),
    "stripe": ("stripe_async",),
    "lithic": ("stainless_async", "lithic"),
    "openai": ("stainless_async", "openai"),
}
BETTER = Goal("finsecure[httpx2]", "at most", 1.0, "finsecure")


def in_flight(at_once: int, delay: int, ours: float, fast: float | None) -> Row:
    """Async calls, so many in flight."""
    bare = "httpx.AsyncClient"
    goals = [Goal("finsecure", "at least", ours, bare)]
    goals += [] if fast is None else [Goal("finsecure[fast]", "at least", fast, bare)]
    server = f"each answered after {delay} ms" if delay else "each answered at once"
    return Row(
        f"{at_once} async calls at a time, {server}",
        {bare: ("httpx_async",), **OURS_ASYNC, **PEERS_ASYNC},
        [*goals, BETTER],
        kind="tasks",
        at_once=at_once,
        delay=delay,
        rounds=9,
    )


ROWS = {
    "import": Row(
        "Import",
        {
            "stripe": ("library", "stripe"),
            "finsecure": ("library", "finsecure"),
            "httpx": ("library", "httpx"),
            "lithic": ("library", "lithic"),
            "openai": ("library", "openai"),
        },
        [Goal("finsecure", "at most", 0.005, None), Goal("finsecure", "at most", 1 / 20, "stripe")],
        kind="fresh",
        expected=None,
    ),
    "cold": Row(
        "Cold start: import, client, first response",
        {**STRIPE, **OURS, **HTTPX, **LITHIC, "openai": ("stainless", "openai")},
        [
            Goal("finsecure", "at most", 1.0, "stripe"),
            Goal("finsecure", "at most", 0.4, "lithic"),
            Goal("finsecure[fast]", "at most", 0.8, "stripe"),
            BETTER,
        ],
        kind="fresh",
    ),
    "sync": Row(
        "One call, keep-alive",
        {
            **HTTPX,
            **OURS,
            "httpx2.Client": ("httpx", "httpx2"),
            "pyreqwest": ("pyreqwest",),
            "requests": ("requests",),
            **STRIPE,
            **LITHIC,
            "increase": ("stainless", "increase"),
            "openai": ("stainless", "openai"),
        },
        [
            Goal("finsecure", "at most", 0.68, "httpx.Client"),
            Goal("finsecure", "at most", 0.32, "stripe"),
            Goal("finsecure[fast]", "at most", 0.40, "httpx.Client"),
            BETTER,
        ],
    ),
    "threads": Row(
        "One call, 8 threads sharing one client",
        {
            **HTTPX,
            **OURS,
            "finsecure, one client for each thread": ("finsecure_unshared",),
            "pyreqwest": ("pyreqwest",),
            **STRIPE,
            **LITHIC,
        },
        [
            Goal("finsecure", "at most", 0.8, "httpx.Client"),
            Goal("finsecure", "at most", 1.05, "finsecure, one client for each thread"),
            BETTER,
        ],
        kind="threads",
        at_once=8,
    ),
    "async-50": in_flight(50, 0, 3, 10),
    "async-200": in_flight(200, 0, 3, 10),
    "async-200-slow": in_flight(200, 50, 4, 7),
    "async-50-slow": in_flight(50, 50, 1.25, None),
    "parse": Row(
        f"Parse a page of {PAGE}",
        {
            "json.loads": ("json_parse",),
            "finsecure": ("finsecure_parse",),
            "bare pydantic model": ("pydantic_parse",),
            "stripe": ("stripe_parse",),
            "lithic": ("lithic_parse",),
        },
        [Goal("finsecure", "at most", 1.15, "json.loads"), Goal("finsecure", "at least", 30, "stripe")],
        kind="parse",
        expected=PARSED,
    ),
    "pages": Row(
        "Auto-pagination of 100,000 objects",
        {
            "httpx + json": ("httpx_walk",),
            "finsecure": ("finsecure_walk",),
            "finsecure[httpx2]": ("finsecure_walk", "httpx2"),
            "finsecure[fast]": ("finsecure_walk", "pyreqwest"),
            "finsecure, prefetch": ("finsecure_walk", "httpx", True),
            "stripe": ("stripe_walk",),
            "lithic": ("lithic_walk",),
        },
        [
            Goal("finsecure", "at least", 1.0, "httpx + json"),
            Goal("finsecure", "at least", 12, "stripe"),
            Goal("finsecure", "at most", 1e6, None, "growth"),
            BETTER,
        ],
        kind="walk",
        objects=100_000,
        rounds=4,
    ),
    "prefetch": Row(
        "Pagination: 20 ms for each request, 20 ms of work on each page",
        {
            "finsecure": ("finsecure_walk",),
            "finsecure, prefetch": ("finsecure_walk", "httpx", True),
            "finsecure, async": ("finsecure_async_walk",),
            "finsecure, async, prefetch": ("finsecure_async_walk", True),
            "stripe": ("stripe_walk",),
        },
        [
            Goal("finsecure, prefetch", "at least", 1.9, "finsecure"),
            Goal("finsecure, async, prefetch", "at least", 1.9, "finsecure, async"),
        ],
        kind="walk",
        delay=20,
        think=0.02,
        objects=10_000,
        rounds=3,
    ),
    "webhook": Row(
        "Verify and parse a webhook of 2 KB",
        {
            "bare HMAC": ("bare_hmac",),
            "finsecure": ("finsecure_webhook",),
            "standardwebhooks": ("standardwebhooks",),
            "stripe": ("stripe_webhook",),
        },
        [Goal("finsecure", "at most", 4.5, "bare HMAC"), Goal("finsecure", "at least", 20, "stripe")],
        expected=VERIFIED,
    ),
    "memory": Row(
        "Memory of one object",
        {
            "bare pydantic model": ("pydantic_parse",),
            "finsecure": ("finsecure_parse",),
            "json.loads": ("json_parse",),
            "stripe": ("stripe_parse",),
            "lithic": ("lithic_parse",),
        },
        [Goal("finsecure", "at most", 1.1, "bare pydantic model", "bytes")],
        kind="size",
        expected=PARSED,
        rounds=3,
    ),
}
