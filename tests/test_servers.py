"""The servers that other tests use: each starts, keeps its data over a restart, and is gone afterwards."""

from __future__ import annotations

import socket
import subprocess
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from . import servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Server

pytestmark = pytest.mark.slow

FIXTURES = {"postgresql": "postgresql", "mariadb": "mariadb", "redis": "redis_server"}


def psql(server: Server, sql: str) -> str:
    command = [servers.find("psql"), "--no-psqlrc", "-At", server.url("postgresql"), "-c", sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def mysql(server: Server, sql: str) -> str:
    where = ["--no-defaults", f"--host={server.host}", f"--port={server.port}", f"--user={server.user}"]
    command = [servers.find("mariadb"), *where, "--batch", "--skip-column-names", server.database, "-e", sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def redis_cli(server: Server, command: str) -> str:
    with socket.create_connection((server.host, server.port), 5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(1024).decode().strip()


def test_a_postgresql_starts(postgresql: Server) -> None:
    psql(postgresql, "create table started (at int); insert into started values (1)")
    assert psql(postgresql, "select at from started") == "1"
    psql(postgresql, "drop table started")


def test_a_mariadb_starts(mariadb: Server) -> None:
    mysql(mariadb, "create table started (at int); insert into started values (1)")
    assert mysql(mariadb, "select at from started") == "1"
    mysql(mariadb, "drop table started")


def test_a_redis_starts(redis_server: Server) -> None:
    assert redis_cli(redis_server, "SET started 1") == "+OK"
    assert redis_cli(redis_server, "GET started").split() == ["$1", "1"]
    assert redis_cli(redis_server, "DEL started") == ":1"


def test_a_chromium_is_found(chromium: str) -> None:
    version = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=True).stdout
    assert "Chrom" in version


@pytest.mark.parametrize("name", FIXTURES)
def test_a_server_comes_back_on_its_port_and_leaves_nothing_behind(name: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(FIXTURES[name])  # skipped where it is not installed
    start: Callable[[], AbstractContextManager[Server]] = getattr(servers, name)
    with start() as server:
        port = server.port
        server.stop()
        assert not servers.answers(port, b"PING\r\n", b"")
        server.start()
        assert server.port == port
    assert server.process.returncode is not None
    assert not server.folder.exists()


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(servers.NotInstalledError, match="no-such-program or nor-this-one is not installed"):
        servers.find("no-such-program", "nor-this-one")
