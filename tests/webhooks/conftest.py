"""The places that an inbox is tested in: SQLite always, the servers where they are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .places import Place, open_place

# By kind: the scheme of its address, and the fixture of its server.
PLACES = {
    "pysqlite": ("sqlite+pysqlite", None),
    "aiosqlite": ("sqlite+aiosqlite", None),
    "psycopg": ("postgresql+psycopg", "postgresql"),
    "psycopg_async": ("postgresql+psycopg_async", "postgresql"),
    "asyncpg": ("postgresql+asyncpg", "postgresql"),
    "pymysql": ("mysql+pymysql", "mariadb"),
    "aiomysql": ("mysql+aiomysql", "mariadb"),
    "redis": ("redis", "redis_server"),
    "redis-asyncio": ("redis", "redis_server"),
    "django-sqlite": ("sqlite", None),
    "django-async": ("sqlite", None),
    "django-postgresql": ("postgresql", "postgresql"),
    "django-mysql": ("mysql", "mariadb"),
}
SQLS = [kind for kind, (scheme, _) in PLACES.items() if "+" in scheme]
TRANSACTIONS = [kind for kind in PLACES if not kind.startswith("redis")]


@pytest.fixture
def open_empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Open an empty place of a kind."""
    opened: list[Place] = []

    def open_empty(kind: str) -> Place:
        scheme, server = PLACES[kind]
        path = tmp_path / "shop.db"
        url = f"{scheme}:///{path}" if server is None else request.getfixturevalue(server).url(scheme)
        place = open_place(kind, url)
        place.set_up()
        opened.append(place)
        return place

    yield open_empty
    for place in opened:
        place.close()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, open_empty: Callable[[str], Place]) -> Place:
    """Each place."""
    return open_empty(request.param)
