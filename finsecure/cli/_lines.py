"""A line in the terminal for each request and each delivery of a sandbox.

Rules: a terminal that is not read must not hold up the sandbox, so a thread of its own writes the lines, and leaves out
those that it cannot keep up with. It writes past `sys.stderr`, whose lock it would else hold when the program ends.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from typing import TextIO, cast

from finsecure.sandbox import Delivery, LoggedRequest

_KEPT = 1000
"""How many lines may wait to be written."""

_PATIENCE = 0.5
"""Seconds that the last lines have to be written."""


class Lines:
    """Write a line for whatever a sandbox tells its observer, once it is told to start.

    Args:
        stream: Where to write. Nothing is written where it is no file, pipe or terminal.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(_KEPT)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Write from now on."""
        with suppress(AttributeError, OSError):  # there is no stream, or it is of another kind
            descriptor = cast("TextIO", self._stream).fileno()
            self._thread = threading.Thread(
                target=self._write, args=[descriptor], name="finsecure-sandbox-lines", daemon=True
            )
            self._thread.start()

    def __call__(self, happened: LoggedRequest | Delivery) -> None:
        """Write a line, in a moment."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._waiting.put_nowait(line(happened))

    def close(self) -> None:
        """Write what waits, unless nobody reads it."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._waiting.put_nowait(None)
            self._thread.join(_PATIENCE)

    def _write(self, descriptor: int) -> None:
        for text in iter(self._waiting.get, None):
            with suppress(OSError):  # nobody reads any more
                os.write(descriptor, f"{text}\n".encode())


def line(happened: LoggedRequest | Delivery) -> str:
    """What is said of a request or a delivery. Nothing of a body is in it, and no query, which may hold a secret."""
    words = _of_delivery(happened) if isinstance(happened, Delivery) else _of_request(happened)
    at = time.strftime("%H:%M:%S", time.localtime(happened.time))
    text = "  ".join([at, "---" if happened.status is None else str(happened.status), *words])
    return "".join(character if character.isprintable() else "?" for character in text)


def _of_request(request: LoggedRequest) -> list[str]:
    notes = {"replayed": request.replayed, "failed on purpose": request.fault}
    took = f"{request.duration * 1000:.0f} ms"
    return [f"{request.method:<4} {request.path}", took, request.id, *(note for note in notes if notes[note])]


def _of_delivery(delivery: Delivery) -> list[str]:
    again = [f"try {delivery.attempt}"] if delivery.attempt > 1 else []
    why = [delivery.error] if delivery.error else []
    return [f"{delivery.type} -> {delivery.url.partition('?')[0]}", delivery.event, *again, *why]
