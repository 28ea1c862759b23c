"""Where the code runs: in which event loop, if any, and in a forked child."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any


def in_asyncio() -> bool:
    """Whether the code runs in an asyncio event loop, and not in trio or in none."""
    import asyncio  # slow to import, and only needed by async clients

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def running_loop() -> Any:
    """Return the running asyncio loop or trio token; `None` if there is none."""
    import asyncio  # slow to import, and only needed by async clients

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
    try:
        return None if trio is None else trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None


def in_child(begin_anew: Callable[[], None]) -> None:
    """Call a function at the start of each forked child."""
    if hasattr(os, "register_at_fork"):  # Windows does not have it
        os.register_at_fork(after_in_child=begin_anew)
