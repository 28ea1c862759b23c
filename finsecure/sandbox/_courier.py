"""The thread that delivers webhooks automatically if the sandbox follows the system clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ._database import SandboxClosedError

_log = logging.getLogger("finsecure.sandbox")

_PAUSE = 1.0
"""Seconds to wait after a round that failed, such as on a full disk."""

_CLOSING = 0.3
"""Seconds that `close` waits for the current round."""


class Courier:
    """Runs a round of work when something is due or has changed, on a daemon thread that starts on first use.

    Args:
        work: Does what is due, and returns the seconds until the next time, or `None` if nothing is scheduled.
    """

    def __init__(self, work: Callable[[], float | None]) -> None:
        self._work = work
        self._changed = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Run a round soon, since something may be due."""
        self._changed.set()
        with self._lock:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="finsecure-sandbox-webhooks", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Wait briefly for the current round, after which the thread ends."""
        with self._lock:
            self._closing = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(_CLOSING)

    def _run(self) -> None:
        while True:
            self._changed.clear()
            # Checked after `clear`, so that a concurrent `close` is either seen here or ends the wait.
            if self._closing:
                return
            self._changed.wait(self._round())

    def _round(self) -> float | None:
        try:
            return self._work()
        except SandboxClosedError:
            return None  # `close` will end the thread
        except Exception:  # noqa: BLE001 - the next round may succeed
            _log.exception("The sandbox could not look for what is due. It goes on in %g seconds.", _PAUSE)
            return _PAUSE
