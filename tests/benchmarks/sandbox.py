"""Measures the sandbox, beside localstripe where it can do the same: `nox -s bench -- sandbox`.

Both are served as their users serve them, in a process of their own, and asked by one connection at a time. It writes
its section of docs/performance.md; `--quick` does a tenth of it and only prints.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from finsecure.sandbox import Clock, Sandbox
from finsecure.sandbox._operations.payment_intents import blank_intent
from finsecure.sandbox._store import Store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- sandbox: begin, written by `nox -s bench -- sandbox` -->", "<!-- sandbox: end -->"
STARTS = 5


@contextmanager
def served(command: list[str], url: str, folder: str) -> Generator[tuple[int, float]]:
    """A server in a process of its own: its process id, and the seconds to its first answer."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(url):
            time.sleep(0.005)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def ours(port: int, *options: str) -> list[str]:
    keys = ("--secret-key", "sk_test_1234567890abcdef")
    return [sys.executable, "-m", "finsecure", "sandbox", "--port", str(port), "--quiet", *keys, *options]


def localstripe(port: int) -> list[str]:
    return [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]


def memory(pid: int) -> float:
    """The resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def payments(url: str, count: int, form: str) -> float:
    """Create payments one after the other; the requests a second."""
    headers = {"Authorization": "Bearer sk_test_1234567890abcdef"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as api:
        content: dict[str, Any] = {form: {"amount": 2000, "currency": "usd"}}
        api.post("/v1/payment_intents", **content).raise_for_status()
        began = time.perf_counter()
        for _ in range(count):
            api.post("/v1/payment_intents", **content).raise_for_status()
        return count / (time.perf_counter() - began)


def side_by_side(count: int) -> dict[str, list[str]]:
    """What both can do: start, create payments, keep them."""
    names = ("from start to first response", f"{count:,} payments, one after the other", "memory after that")
    rows: dict[str, list[str]] = {name: [] for name in names}
    servers: list[tuple[Callable[[int], list[str]], str]] = [
        (ours, "json"),
        (lambda port: ours(port, "--db", "sandbox.db"), "json"),
        (localstripe, "data"),
    ]
    for command, form in servers:
        with TemporaryDirectory() as folder:
            starts: list[float] = []
            for _ in range(STARTS):
                port = free_port()
                with served(command(port), f"http://127.0.0.1:{port}/", folder) as (_, seconds):
                    starts.append(seconds)
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            with served(command(port), url, folder) as (pid, _):
                speed = payments(url, count, form)
                used = memory(pid)
        cells = (f"{median(starts):.2f} s", f"{speed:,.0f} a second", f"{used:,.0f} MB")
        for cell, row in zip(cells, rows.values(), strict=True):
            row.append(cell)
    return rows


def fill(store: Store, count: int, apart: int = 1) -> None:
    """Keep payments as `payment_intents.create` does, so many seconds from one to the next."""
    blank = blank_intent() | {"amount": 2000, "currency": "usd", "description": "Payment for Premium Subscription"}
    with store.transaction():
        for number in range(count):
            ident = f"pi_{number:024}"
            body = {"id": ident, "object": "payment_intent", "livemode": False, **blank}
            body["created"] = 1640995200 + number * apart
            store.insert(body | {"client_secret": f"{ident}_secret_{number:024}"}, {})


def page_times(count: int, folder: str) -> tuple[list[float], float]:
    """Milliseconds for a page of 100: the newest, one in the middle, the oldest; and the MB of the file."""
    path = Path(folder, f"{count}.db")
    with Sandbox(db=path) as sandbox:
        fill(sandbox._store, count)
        headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as api:
            times: list[float] = []
            for after in (None, count // 2, 101):
                params = {"limit": "100", **({"starting_after": f"pi_{after:024}"} if after is not None else {})}
                taken: list[float] = []
                for _ in range(5):
                    began = time.perf_counter()
                    page = api.get("/v1/payment_intents", params=params).raise_for_status()
                    taken.append(time.perf_counter() - began)
                    assert len(page.json()["data"]) == 100
                times.append(median(taken) * 1e3)
        return times, path.stat().st_size / 1e6


MEMORY = """
import os, sys
from finsecure.sandbox import Sandbox
from tests.benchmarks.sandbox import fill, memory
with Sandbox() as sandbox:
    before = memory(os.getpid())
    fill(sandbox._store, int(sys.argv[1]))
    print(memory(os.getpid()) - before)
"""


def memory_of(count: int) -> float:
    """The MB that payments take in memory."""
    command = [sys.executable, "-c", MEMORY, str(count)]
    return float(subprocess.check_output(command, cwd=PAGE.parents[1], text=True))


class Receiver(BaseHTTPRequestHandler):
    """Takes every webhook."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def deliveries(count: int) -> float:
    """Deliveries a second to one endpoint over HTTP, the events being there already."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Sandbox(clock=Clock(1640995200)) as sandbox, sandbox.client() as client:
        client.webhook_endpoints.create(
            url=f"http://127.0.0.1:{server.server_port}/", enabled_events=["customer.created"]
        )
        for _ in range(count):
            sandbox.emit("customer.created")
        began = time.perf_counter()
        done = sandbox.deliver()
        seconds = time.perf_counter() - began
        assert len(done) == count
        assert all(delivery.delivered for delivery in done)
    server.shutdown()
    server.server_close()
    return count / seconds


def measure(share: int) -> str:
    """All of it, or one part in `share`, as a section of the page."""
    load = os.getloadavg()[0]
    both = side_by_side(2000 // share)
    few, many = 1000, 1_000_000 // share
    with TemporaryDirectory() as folder:
        short, _ = page_times(few, folder)
        times, size = page_times(many, folder)
    held, tried = 100_000 // share, 10_000 // share
    now = datetime.now(timezone.utc).date()
    lines = [
        f"{now}, Python {sys.version.split()[0]}, load average {load:.1f} at the start.",
        "",
        "| compared with localstripe | sandbox | sandbox with `--db` | localstripe |",
        "| --- | --- | --- | --- |",
        *(f"| {what} | {' | '.join(cells)} |" for what, cells in both.items()),
        "",
        "| the sandbox alone | measured |",
        "| --- | --- |",
        f"| a page of 100 of {few:,} payments: newest, middle, oldest | {in_ms(short)} |",
        f"| a page of 100 of {many:,} payments: newest, middle, oldest | {in_ms(times)} |",
        f"| a file with {many:,} payments | {size:,.0f} MB |",
        f"| memory for {held:,} payments | {memory_of(held):,.0f} MB |",
        f"| {tried:,} deliveries to one endpoint | {deliveries(tried):,.0f} a second |",
    ]
    return "\n".join(lines)


def in_ms(times: list[float]) -> str:
    return ", ".join(f"{each:.1f} ms" for each in times)


def main(*, quick: bool) -> None:
    section = measure(10 if quick else 1)
    sys.stdout.write(f"{section}\n")
    if not quick:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{section}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
