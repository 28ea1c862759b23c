"""A fast API on loopback, in a process of its own: `with Server() as urls`. Run as a program, it prints its ports.

Fast is what lets it be out of the figures: answers are ready bytes, and a request is looked at only as far as it takes
to tell which of them it wants. A server that took longer than its clients would measure itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import TracebackType

from typing_extensions import override

from tests.benchmarks import data

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CURSOR = re.compile(rb"after=pi_(\d+)")  # `starting_after`, or the `after` of OpenAI's lists


def answer(body: bytes) -> bytes:
    """A whole HTTP answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRequest-Id: req_1\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


INTENT = answer(data.intent())


@cache
def page_after(number: int) -> bytes:
    """The page after an object."""
    return answer(data.page(number + 1))


class Api(asyncio.Protocol):
    """One connection; requests come one after the other, in one packet or in several."""

    transport: asyncio.Transport

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.buffer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            if self.buffer.startswith(b"POST "):
                length = LENGTH.search(self.buffer, 0, head)
                end = head + 4 + (int(length[1]) if length else 0)
                if len(self.buffer) < end:
                    return
                self.send(INTENT)
            else:
                end = head + 4
                cursor = CURSOR.search(self.buffer, 0, head)
                self.send(page_after(int(cursor[1]) if cursor else 0))
            self.buffer = self.buffer[end:]

    def send(self, answer: bytes) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def serve() -> None:
    """Serve one port for each delay, until stdin is closed."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda ms=ms: Api(ms / 1000), "127.0.0.1", 0, backlog=4096)  # type: ignore[misc]
        for ms in data.DELAYS
    ]
    for first in range(0, data.LISTED, data.PAGE):
        page_after(first)
    sys.stdout.write(json.dumps([server.sockets[0].getsockname()[1] for server in servers]) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


class Server:
    """The server in a process of its own; gives its URL for each delay in milliseconds."""

    def __enter__(self) -> dict[int, str]:
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.server"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        ports = json.loads(self.process.stdout.readline())
        return {ms: f"http://127.0.0.1:{port}" for ms, port in zip(data.DELAYS, ports, strict=True)}

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.communicate()  # closes its stdin, and waits


if __name__ == "__main__":
    asyncio.run(serve())
