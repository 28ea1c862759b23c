"""Where the code runs: which event loop, if any, and what a forked child begins anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any


def in_asyncio() -> bool:
    """Whether an event loop of asyncio's waits for us, and not trio's, or none."""
    import asyncio  # not for a sync client

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def running_loop() -> Any:
    """The running loop of asyncio, or the token of the running trio; `None` where nothing runs."""
    import asyncio  # not for a sync client, which has no loop to look for

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
    try:
        return None if trio is None else trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None


def in_child(begin_anew: Callable[[], None]) -> None:
    """Have something done in each forked child, first thing."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=begin_anew)
