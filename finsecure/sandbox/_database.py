"""The SQLite database of a store: checks that the file is ours, serializes access, and converts errors.

Rules: a file of another program is recognized before SQLite opens it for writing, so that not a byte of it changes.
Only the user can read our files. Several processes can share one: while it is locked, a process retries for ten seconds
or until its sandbox is closed. No exception of sqlite3 leaves this file.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from finsecure.error import SandboxError

APPLICATION_ID = 0x46696E53
"""The `application_id` in the SQLite header of our files, which tells them from other programs' files: "FinS"."""

VERSION = 2
"""The version of the tables, stored in the file as `user_version`."""

_LOCKED_TRIES = 220
"""How often to try a locked file, which takes ten seconds. A count and not a time, since tests may freeze clocks."""

_CLOSING = 0.3
"""Seconds that `close` waits for the current transaction."""


CLOSED = "This sandbox is closed: make a new one."


class SandboxClosedError(SandboxError, RuntimeError):  # pyright: ignore[reportIncompatibleVariableOverride] # args
    """The sandbox is closed."""


class Database:
    """One database, in memory or in a file.

    Args:
        path: The file; `None` for memory.
        tables: The statements that create the tables in a new file.
        upgrades: The statements that upgrade the tables of an earlier version, by that version.

    Raises:
        SandboxError: The file cannot be opened, or is not a sandbox's database.
        ValueError: `path` is not a valid file name.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, tables: Iterable[str], upgrades: Mapping[int, Iterable[str]]
    ) -> None:
        file = _file_name(path)
        self._name = "in memory" if file is None else file
        self._lock = threading.RLock()
        self._closing = threading.Event()
        with self._errors():
            if file is not None:
                _refuse_others(file)
            # `timeout=0`, since `_execute` waits for a locked file itself: close() can end that wait.
            self._connection = sqlite3.connect(
                file or ":memory:", isolation_level=None, check_same_thread=False, timeout=0
            )
            try:
                self._set_up(tables, upgrades)
            except BaseException:
                self._connection.close()
                raise

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute one statement and return its rows."""
        with self._lock, self._errors():
            return self._execute(sql, values)

    @contextmanager
    def transaction(self, kind: str = "immediate") -> Generator[None, None, None]:
        """Open a transaction, which is rolled back if the block raises."""
        with self._lock:
            self.run(f"begin {kind}")
            try:
                yield
                self.run("commit")
            except BaseException:
                if self._can_undo():
                    with self._errors():
                        self._connection.execute("rollback")
                raise
            finally:
                if self._closing.is_set():  # close() may have timed out and left the connection open
                    self._connection.close()

    @contextmanager
    def savepoint(self) -> Generator[None, None, None]:
        """Open a savepoint, which is rolled back if the block raises."""
        self.run("savepoint part")
        try:
            yield
        except BaseException:
            if self._can_undo():
                self.run("rollback to part")
                self.run("release part")
            raise
        self.run("release part")

    def wipe(self) -> None:
        """Remove deleted data from the write-ahead log too, unless another process is using it."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        """Wait briefly for the current transaction, and close the database. Closing twice is harmless."""
        self._closing.set()
        if self._lock.acquire(timeout=_CLOSING):
            try:
                self._connection.close()
            finally:
                self._lock.release()

    def _can_undo(self) -> bool:
        """Whether a transaction is open. SQLite itself rolls it back if the disk is full."""
        try:
            return self._connection.in_transaction
        except sqlite3.ProgrammingError:  # a signal handler on this thread closed the connection meanwhile
            return False

    def _set_up(self, tables: Iterable[str], upgrades: Mapping[int, Iterable[str]]) -> None:
        for pragma in ("synchronous = full", "secure_delete = on"):
            self._execute(f"pragma {pragma}")
        if self._pragma("application_id") != APPLICATION_ID:
            # Before switching to WAL, so that the header has our application id from the first write on.
            with self.transaction("exclusive"):
                self._make(tables)
        if self._pragma("user_version") in upgrades:
            with self.transaction("exclusive"):
                self._upgrade(upgrades)
        version = self._pragma("user_version")
        if version != VERSION:
            raise SandboxError(
                f"{self._name} was made by another version of finsecure: its tables are of version {version}, and this "
                f"one has version {VERSION}. Name another file."
            )
        self._execute("pragma journal_mode = wal")

    def _make(self, tables: Iterable[str]) -> None:
        if self._pragma("application_id") == APPLICATION_ID:
            return  # another process has created the tables meanwhile
        if self._execute("select 1 from sqlite_master"):
            raise _another_program(self._name)
        self._execute(f"pragma application_id = {APPLICATION_ID}")
        self._become(tables)

    def _upgrade(self, upgrades: Mapping[int, Iterable[str]]) -> None:
        # Reads the version again, since another process may have upgraded the tables meanwhile.
        self._become(upgrades.get(self._pragma("user_version"), ()))

    def _become(self, statements: Iterable[str]) -> None:
        """Execute the statements, and store this version as the version of the tables."""
        for statement in statements:
            self._execute(statement)
        self._execute(f"pragma user_version = {VERSION}")

    def _pragma(self, name: str) -> int:
        number: int = self._execute(f"pragma {name}")[0][0]
        return number

    def _execute(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        tries = 0
        while True:
            if self._closing.is_set() and not self._connection.in_transaction:
                raise SandboxClosedError(CLOSED)
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                tries += 1
                if "locked" not in str(error) or tries == _LOCKED_TRIES or self._connection.in_transaction:
                    raise
            self._closing.wait(min(0.05, 0.001 * 2**tries))

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._closing.is_set():
                raise SandboxClosedError(CLOSED) from None
            raise SandboxError(f"The sandbox's database {self._name} cannot be used: {error}.") from None


def _file_name(path: str | os.PathLike[str] | None) -> str | None:
    """Return the absolute path of the file; `None` for memory."""
    if path is None or path == ":memory:":
        return None
    name = os.fsdecode(path)
    if not name or "\0" in name:
        raise ValueError("db must be the path of a file, or None to keep the state in memory.")
    return str(Path(name).absolute())


def _refuse_others(file: str) -> None:
    """Create the file, readable only by its owner, or check that an existing one is ours.

    Raises:
        SandboxError: The file belongs to another program.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        status = Path(file).stat()
        is_ours = stat.S_ISREG(status.st_mode) and (not status.st_size or _application_id(file) == APPLICATION_ID)
    except OSError as error:
        raise SandboxError(f"The sandbox's database {file} cannot be used: {error.strerror}.") from None
    if not is_ours:
        raise _another_program(file)
    with suppress(OSError):  # the file belongs to another user, who lets us use it
        for part in (file, file + "-wal", file + "-shm"):
            Path(part).chmod(0o600)


def _application_id(file: str) -> int:
    """Return the application id in the header. `immutable=1` makes SQLite read without locks, log or writes."""
    connection = sqlite3.connect(f"{Path(file).as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        number: int = connection.execute("pragma application_id").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            return 0
        # The file is shorter than its header says, because a kill or a full disk interrupted a checkpoint. SQLite will
        # repair it from the log, so read the header directly. Only do so here: closing a file drops the SQLite locks
        # that this process holds on it.
        with Path(file).open("rb") as raw:
            number = int.from_bytes(raw.read(72)[68:], "big")
    finally:
        connection.close()
    return number


def _another_program(file: str) -> SandboxError:
    return SandboxError(
        f"{file} is not a file of the sandbox but another program's, and was left as it is. Name a file that does not "
        "exist yet, or one that a sandbox of this version made."
    )
