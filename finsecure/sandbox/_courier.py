"""The thread that delivers webhooks by itself, where the sandbox follows the system clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ._database import SandboxClosedError

_log = logging.getLogger("finsecure.sandbox")

_PAUSE = 1.0
"""Seconds before it goes on after a round that failed, such as on a full disk."""

_CLOSING = 0.3
"""Seconds that `close` waits for the round that is under way."""


class Courier:
    """Do a round of work whenever something is due or was changed, on a daemon thread that starts when first needed.

    Args:
        work: One round: do what is due; return the seconds until more is, or `None` where nothing is waiting.
    """

    def __init__(self, work: Callable[[], float | None]) -> None:
        self._work = work
        self._changed = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Say that something may have become due."""
        self._changed.set()
        with self._lock:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="finsecure-sandbox-webhooks", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Let the round that is under way end, and the thread with it."""
        with self._lock:
            self._closing = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(_CLOSING)

    def _run(self) -> None:
        while True:
            self._changed.clear()
            # Looked at between clear and wait, so that a close at any moment is seen.
            if self._closing:
                return
            self._changed.wait(self._round())

    def _round(self) -> float | None:
        try:
            return self._work()
        except SandboxClosedError:
            return None  # `close` follows
        except Exception:  # noqa: BLE001 - whatever it was, the next round may do
            _log.exception("The sandbox could not look for what is due. It goes on in %g seconds.", _PAUSE)
            return _PAUSE
