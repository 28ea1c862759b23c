"""Writes a line to the terminal for each request to a sandbox and each delivery of a webhook.

A terminal that nobody reads must not block the sandbox, so a separate thread writes the lines, and drops those that it
cannot keep up with. It writes to the file descriptor and not to `sys.stderr`: if it were blocked there when the program
ends, it would hold a lock that the interpreter needs.
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
"""The most lines that wait to be written; more are dropped."""

_PATIENCE = 0.5
"""Seconds to wait on closing for the last lines to be written."""


class Lines:
    """An observer of a sandbox that writes a line for each request and delivery, once started.

    Args:
        stream: A file, pipe or terminal to write to. With anything else, nothing is written.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(_KEPT)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Write lines from now on."""
        with suppress(AttributeError, OSError):  # there is no stream, or it has no file descriptor
            descriptor = cast("TextIO", self._stream).fileno()
            self._thread = threading.Thread(
                target=self._write, args=[descriptor], name="finsecure-sandbox-lines", daemon=True
            )
            self._thread.start()

    def __call__(self, happened: LoggedRequest | Delivery) -> None:
        """Queue a line to be written."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._waiting.put_nowait(line(happened))

    def close(self) -> None:
        """Write the lines that are queued, unless nobody reads them."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._waiting.put_nowait(None)
            self._thread.join(_PATIENCE)

    def _write(self, descriptor: int) -> None:
        for text in iter(self._waiting.get, None):
            with suppress(OSError):  # nobody reads any more
                os.write(descriptor, f"{text}\n".encode())


def line(happened: LoggedRequest | Delivery) -> str:
    """Format a request or a delivery, without its body or query, which may hold secrets."""
    words = _of_delivery(happened) if isinstance(happened, Delivery) else _of_request(happened)
    at = time.strftime("%H:%M:%S", time.localtime(happened.time))
    text = "  ".join([at, "---" if happened.status is None else str(happened.status), *words])
    return "".join(character if character.isprintable() else "?" for character in text)


def _of_request(request: LoggedRequest) -> list[str]:
    notes = {"replayed": request.replayed, "injected fault": request.fault}
    took = f"{request.duration * 1000:.0f} ms"
    return [f"{request.method:<4} {request.path}", took, request.id, *(note for note in notes if notes[note])]


def _of_delivery(delivery: Delivery) -> list[str]:
    again = [f"try {delivery.attempt}"] if delivery.attempt > 1 else []
    why = [delivery.error] if delivery.error else []
    return [f"{delivery.type} -> {delivery.url.partition('?')[0]}", delivery.event, *again, *why]
