"""A pool a process: in a forked child every transport forgets what its parent had open."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forgetful(Protocol):
    """A transport that can begin anew."""

    def forget(self) -> None:
        """Leave the parent's connections alone and begin anew."""
        ...


_transports: weakref.WeakSet[Forgetful] = weakref.WeakSet()
_kept: list[object] = []


def watch(transport: Forgetful) -> None:
    """Have a transport told of forks, for as long as it lives."""
    _transports.add(transport)


def keep(connections: object) -> None:
    """Never close these: they are the parent's, and closing takes locks that may have been held when it forked."""
    _kept.append(connections)


def _after_fork() -> None:
    for transport in list(_transports):
        transport.forget()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)
