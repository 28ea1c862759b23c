"""PostgreSQL, MariaDB and Redis on free loopback ports, for tests: each started when first used, and gone afterwards.

    with postgresql() as server:
        engine = sqlalchemy.create_engine(server.url("postgresql+psycopg"))

`tests/conftest.py` has a fixture of each, one server a test process; a test makes tables or databases of its own there.
`Server.stop` and `Server.start` take a server down and bring it up again, with its data.

Debian and Ubuntu have them as `postgresql`, `mariadb-server` and `redis-server`; Chromium, for the tests that need a
browser, as `chromium`. `.ci/run` installs them. A test whose server is missing is skipped, or fails if
FINSECURE_REQUIRED is set, as it is in CI.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import Self

HOST = "127.0.0.1"
USER = "finsecure"
DATABASE = "finsecure"
FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"]  # beside PATH: where Debian keeps mariadbd
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NOBODY = {"user": 65534, "group": 65534}
REQUIRED = bool(os.environ.get("FINSECURE_REQUIRED"))  # read now: each test runs without such variables


class NotInstalledError(Exception):
    """A program that a test needs is not on this machine."""


def find(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    installed = Path("/usr/lib/postgresql").glob("*/bin")  # Debian keeps PostgreSQL's programs out of PATH
    newest_first = sorted(map(str, installed), key=lambda path: -float(path.split("/")[-2]))
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *newest_first, *FOLDERS])
    for name in names:
        path = shutil.which(name, path=folders)
        if path is not None:
            return path
    raise NotInstalledError(f"{' or '.join(names)} is not installed")


def chromium() -> str:
    """The path of Chromium or Chrome. As root it starts only with `--no-sandbox`."""
    return find(*BROWSERS)


class Server:
    """A server that is running.

    Args:
        command: What starts it, on a port.
        is_ready: Whether the server on a port answers.
        folder: Where its data and its log are.
    """

    stop_signal = signal.SIGTERM

    def __init__(self, command: Callable[[int], list[str]], is_ready: Callable[[int], bool], folder: Path) -> None:
        self._command = command
        self._is_ready = is_ready
        self._log = folder / "log"
        self.folder = folder
        self.host = HOST
        self.port = 0
        self.user = USER
        self.database = DATABASE

    def url(self, scheme: str) -> str:
        """Where it is, for a driver: `server.url("postgresql+psycopg")`."""
        return f"{scheme}://{self.user}@{self.host}:{self.port}/{self.database}"

    def start(self) -> None:
        """Start it, on the port it had before if it ran before, and wait until it answers."""
        for _ in range(3):
            port = self.port or free_port()
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    self._command(port),
                    cwd=self.folder,
                    env=environment(self.folder),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **as_user(),
                )
            give_up = time.monotonic() + 60
            while self.process.poll() is None and time.monotonic() < give_up:
                if self._is_ready(port):
                    self.port = port
                    return
                time.sleep(0.02)
            self.stop()  # another program may have taken the port in between
        raise RuntimeError(f"{self._command(0)[0]} does not start:\n{self._log.read_text(errors='replace')}")

    def stop(self) -> None:
        """Stop it, as an administrator does; its data stays until the end of the `with` block."""
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def postgresql() -> Generator[Server, None, None]:
    """Start a PostgreSQL with one empty database."""
    initdb, postgres, createdb, pg_isready = map(find, ("initdb", "postgres", "createdb", "pg_isready"))
    with data_folder() as folder:
        data = str(folder / "data")
        run(folder, initdb, "--pgdata", data, "--username", USER, "--auth=trust", "--encoding=UTF8", "--no-sync")

        def command(port: int) -> list[str]:
            settings = {"listen_addresses": HOST, "unix_socket_directories": "", "fsync": "off", "max_connections": 200}
            options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
            return [postgres, "-D", data, "-p", str(port), *options]

        def is_ready(port: int) -> bool:
            asked = [pg_isready, "--quiet", "--host", HOST, "--port", str(port)]
            return subprocess.run(asked, check=False).returncode == 0

        with PostgreSQL(command, is_ready, folder) as server:
            run(folder, createdb, "--host", HOST, "--port", str(server.port), "--username", USER, DATABASE)
            yield server


class PostgreSQL(Server):
    """A PostgreSQL, which on SIGTERM would wait for its clients to leave."""

    stop_signal = signal.SIGINT


@contextmanager
def mariadb() -> Generator[Server, None, None]:
    """Start a MariaDB with one empty database."""
    install, mariadbd = find("mariadb-install-db", "mysql_install_db"), find("mariadbd")
    with data_folder() as folder:
        defaults = ["--no-defaults", f"--datadir={folder / 'data'}", "--innodb-log-file-size=16M"]
        run(folder, install, *defaults, "--auth-root-authentication-method=normal", "--skip-test-db")
        first = folder / "first.sql"
        first.write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'{HOST}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'{HOST}';\n"
        )
        first.chmod(0o644)  # the server runs as another user than root

        def command(port: int) -> list[str]:
            where = [f"--bind-address={HOST}", f"--port={port}", f"--socket={folder / 'socket'}"]
            quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0", "--skip-name-resolve"]
            return [mariadbd, *defaults, *where, *quick, f"--init-file={first}", f"--pid-file={folder / 'pid'}"]

        with Server(command, lambda port: answers(port, b"", b"\x00"), folder) as server:
            yield server


@contextmanager
def redis() -> Generator[Server, None, None]:
    """Start a Redis that is empty, and keeps nothing on disk."""
    program = find("redis-server", "valkey-server")
    with data_folder() as folder:

        def command(port: int) -> list[str]:
            return [program, "--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no"]

        with Redis(command, lambda port: answers(port, b"PING\r\n", b"+PONG"), folder) as server:
            yield server


class Redis(Server):
    """A Redis without users, whose databases are numbers."""

    def url(self, scheme: str) -> str:
        """Where it is: `server.url("redis")` is `redis://127.0.0.1:…/0`."""
        return f"{scheme}://{self.host}:{self.port}/0"


@contextmanager
def data_folder() -> Generator[Path, None, None]:
    """A folder that belongs to whom the servers run as.

    It is in `/tmp` itself: below pytest's and nox's folders another user than root could not reach it.
    """
    folder = Path(tempfile.mkdtemp(prefix="finsecure-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, **NOBODY)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_user() -> dict[str, Any]:
    """PostgreSQL and MariaDB refuse to run as root, which CI's containers often are."""
    return {**NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def environment(folder: Path) -> dict[str, str]:
    """The environment, with a folder for temporary files that another user than root can write in; nox's is not."""
    return {**os.environ, "TMPDIR": str(folder)}


def run(folder: Path, *command: str) -> None:
    """Run a program to its end; what it says is shown only if it fails."""
    ended = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, **as_user()
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{ended.stdout}{ended.stderr}")


def free_port() -> int:
    """A port that no program listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, question: bytes, answer: bytes) -> bool:
    """Whether a server on this port says this, once asked."""
    try:
        with socket.create_connection((HOST, port), 5) as connection:
            connection.sendall(question)
            return answer in connection.recv(1024)
    except OSError:
        return False
