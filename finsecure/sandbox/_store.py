"""The sandbox's state, in one SQLite database.

Rules: all work happens inside `transaction()`, which one thread at a time has; an acknowledged transaction is on the
disk (WAL with synchronous=FULL), so it survives `kill -9`. Objects are kept as the JSON that the API shows, in order of
insertion, which is what cursors count in. What must not be shown stands apart, in `private`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from ._checks import CREATED, Object

_TABLES = """
create table if not exists settings (name text primary key, value text not null);
create table if not exists objects (
    seq integer primary key autoincrement, id text not null unique, object text not null, created integer not null,
    deleted integer not null default 0, body text not null, private text not null);
create index if not exists objects_by_kind on objects (object, seq);
create index if not exists objects_by_payment on objects (object, json_extract(body, '$.payment_intent'), seq);
create index if not exists objects_by_customer on objects (object, json_extract(body, '$.customer'), seq);
create table if not exists settlements (payment_intent text primary key, due real not null);
create table if not exists idempotency (
    key_kind text not null, path text not null, key text not null, body_hash text not null, created real not null,
    status integer not null, answer blob not null, primary key (key_kind, path, key));
create index if not exists idempotency_by_age on idempotency (created);
create table if not exists deliveries (
    seq integer primary key autoincrement, event text not null, endpoint text not null, due real not null,
    attempts integer not null default 0);
create index if not exists deliveries_by_due on deliveries (due);
create index if not exists deliveries_by_event on deliveries (event);
create table if not exists attempts (
    seq integer primary key autoincrement, event text not null, type text not null, url text not null,
    attempt integer not null, status integer, error text, time real not null);
"""


class Store:
    """One database, in memory or in a file.

    Raises:
        sqlite3.Error: The file cannot be opened or is not a database.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            ":memory:" if path is None else os.fspath(path), isolation_level=None, check_same_thread=False, timeout=30
        )
        try:
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.executescript(_TABLES)
        except sqlite3.Error:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the database. Closing it twice is harmless."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """All of it or, after an exception, nothing of it."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    @contextmanager
    def savepoint(self) -> Generator[None, None, None]:
        """A part of a transaction that can be undone alone."""
        self._connection.execute("savepoint part")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback to part")
            raise
        finally:
            self._connection.execute("release part")

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """One statement and its rows."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def setting(self, name: str, make: Callable[[], str]) -> str:
        """A value that the database keeps, made the first time."""
        with self.transaction():
            self.run("insert or ignore into settings values (?, ?)", name, make())
            return cast("str", self.run("select value from settings where name = ?", name)[0][0])

    def insert(self, body: Object, private: Mapping[str, object]) -> None:
        """Add an object."""
        self.run(
            "insert into objects (id, object, created, body, private) values (?, ?, ?, ?, ?)",
            *(body["id"], body["object"], body["created"], json.dumps(body), json.dumps(private)),
        )

    def save(self, body: Object) -> None:
        """Write a changed object back."""
        self.run("update objects set body = ? where id = ?", json.dumps(body), body["id"])

    def find(self, kind: str, ident: str) -> Object | None:
        """The object of that kind and id, unless it was deleted."""
        rows = self.run("select body from objects where id = ? and object = ? and not deleted", ident, kind)
        return cast("Object", json.loads(rows[0][0])) if rows else None

    def private(self, ident: str) -> Object:
        """What is kept about an object and never shown."""
        return cast("Object", json.loads(self.run("select private from objects where id = ?", ident)[0][0]))

    def delete(self, ident: str) -> None:
        """Hide an object. Its row stays, so that it still serves as a cursor."""
        self.run("update objects set deleted = 1 where id = ?", ident)

    def position(self, kind: str, ident: str) -> int | None:
        """Where an object stands in the order of insertion, deleted or not."""
        rows = self.run("select seq from objects where id = ? and object = ?", ident, kind)
        return cast("int", rows[0][0]) if rows else None

    def objects(
        self,
        kind: str,
        *,
        equal: Mapping[str, object] | None = None,
        created: Mapping[str, float] | None = None,
        after: int | None = None,
        before: int | None = None,
        count: int = -1,
    ) -> list[Object]:
        """Objects, newest first.

        Args:
            kind: Their `object`.
            equal: Members of the body and the value each must have. Names come from code, never from a request.
            created: Bounds on `created`, by the name of their parameter.
            after: Only those older than this position.
            before: Only those newer than this position, the nearest to it.
            count: How many at most; -1 for all.
        """
        where, values = ["object = ? and not deleted"], [kind]
        conditions: list[tuple[str, object]] = [
            *((f"json_extract(body, '$.{name}') = ?", value) for name, value in (equal or {}).items()),
            *((f"created {CREATED[name]} ?", value) for name, value in (created or {}).items()),
        ]
        if after is not None:
            conditions.append(("seq < ?", after))
        if before is not None:
            conditions.append(("seq > ?", before))
        where += [condition for condition, _ in conditions]
        order = "desc" if before is None else "asc"
        rows = self.run(
            f"select body from objects where {' and '.join(where)} order by seq {order} limit ?",  # noqa: S608 - see `equal`
            *values,
            *(value for _, value in conditions),
            count,
        )
        found = [cast("Object", json.loads(body)) for (body,) in rows]
        return found if before is None else found[::-1]
