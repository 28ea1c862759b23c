"""Where the code runs: which event loop, if any, and what a forked child begins anew."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Protocol


def in_asyncio() -> bool:
    """Whether an event loop of asyncio's waits for us, and not trio's, or none."""
    import asyncio  # not for a sync client

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


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


def in_child(begin_anew: Callable[[], None]) -> None:
    """Have something done in each forked child, first thing."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=begin_anew)


def _forget() -> None:
    for transport in list(_transports):
        transport.forget()


in_child(_forget)
