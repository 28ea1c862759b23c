"""Fault servers, and clients at every door."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeAlias

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ..conftest import KEY, Door, Figure
from .server import FaultServer

Serve: TypeAlias = Callable[..., FaultServer]
Open: TypeAlias = Callable[..., Door]

__all__ = ["Figure", "Open", "Serve"]

TRANSPORTS = os.environ.get("FINSECURE_TRANSPORTS", "httpx").split(",")
"""What goes to `Client(transport=...)`; the session that measures coverage, and `nox -s chaos`, ask for all three."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a fault server with a script; it stops with the test."""
    with ExitStack() as running:

        def serve(*args: Any, **options: Any) -> FaultServer:
            return running.enter_context(FaultServer(*args, **options))

        yield serve


@pytest.fixture(scope="session")
def portals() -> Iterator[Callable[[str], BlockingPortal]]:
    """Event loops in threads, one of each kind."""
    with ExitStack() as running:
        started: dict[str, BlockingPortal] = {}

        def portal(kind: str) -> BlockingPortal:
            if kind not in started:
                started[kind] = running.enter_context(start_blocking_portal(kind))
            return started[kind]

        yield portal


@pytest.fixture(params=["sync", "asyncio", "trio"])
def door(request: pytest.FixtureRequest) -> str:
    """The test runs once at each door."""
    kind: str = request.param
    return kind


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """The test runs once on each transport."""
    kind: str = request.param
    pytest.importorskip(kind)
    return kind


@pytest.fixture
def connect(door: str, transport: str, portals: Callable[[str], BlockingPortal]) -> Iterator[Open]:
    """Make a client of a fault server, at this test's door and on its transport."""
    with ExitStack() as opened:

        def connect(server: FaultServer, **options: Any) -> Door:
            given: dict[str, Any] = {"base_url": server.url, "timeout": 5, "transport": transport, **options}
            is_sync = door == "sync"
            name = door if is_sync else f"async-{door}"
            return opened.enter_context(closing(Door(name, KEY, portal=None if is_sync else portals(door), **given)))

        yield connect
