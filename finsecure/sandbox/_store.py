"""The sandbox's state, in one SQLite database. All SQL of the sandbox is here and in `_tables.py`.

Rules: all work happens inside `transaction()`, which one thread at a time has; an acknowledged transaction is on the
disk (WAL with synchronous=FULL), so it survives `kill -9`. Objects are kept as the JSON that the API shows. A list is
in order of `created`, and within a second in order of insertion. Every filter has an index in that order, so that a
page costs the same among a hundred objects and among a million. Secrets are kept apart, in `private`. What is deleted
is overwritten.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias, cast

from ._database import Database
from ._json import Object
from ._tables import TABLES, UPGRADES, member

ANYBODY = ""
"""In place of an endpoint: the delivery is for whoever `Sandbox.deliver` is told to hand events to."""

_EARLIEST: Mapping[str, Callable[[float], int]] = {"gte": math.ceil, "gt": lambda seconds: math.floor(seconds) + 1}
_LATEST: Mapping[str, Callable[[float], int]] = {"lte": math.floor, "lt": lambda seconds: math.ceil(seconds) - 1}
"""The first and the last second within each bound on `created`, whose seconds are whole."""

_EVER = 2**62
"""Seconds before and after which nothing is created."""

Position: TypeAlias = tuple[int, int]
"""Where an object stands in a list: its `created`, and its `seq` among those of the same second."""


@dataclass(frozen=True)
class Kept:
    """The first answer under an idempotency key, and the hash of the request that it answered."""

    request_hash: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Due:
    """An event that waits to be delivered to an endpoint."""

    seq: int
    event: str
    endpoint: str
    attempts: int


@dataclass(frozen=True)
class Delivery:
    """One try to deliver an event.

    Attributes:
        event: The event's id.
        type: The event's type.
        url: Where it was sent. A path alone where it was handed over and there was no endpoint.
        attempt: 1 for the first try, up to 5.
        status: The receiver's HTTP status; `None` where it gave none.
        error: Why there is no status, or what the receiver that it was handed to raised; else `None`.
        time: When, in Unix seconds of the sandbox's clock.
    """

    event: str
    type: str
    url: str
    attempt: int
    status: int | None
    error: str | None
    time: float

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any 2xx. Reference: Webhooks, "Status Codes"."""
        return self.status is not None and 200 <= self.status < 300


class Store:
    """One database, in memory or in a file.

    Raises:
        SandboxError: The file cannot be opened, or is not one of a sandbox.
        ValueError: `path` is not the name of a file.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._database = Database(path, TABLES, UPGRADES)
        self._run = self._database.run
        self._deleted = False

    def close(self) -> None:
        """Close the database. Closing it twice is harmless."""
        self._database.close()

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of a transaction that can be undone alone."""
        return self._database.savepoint()

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """All of it or, after an exception, nothing of it."""
        with self._database.transaction():
            yield
        if self._deleted:
            self._deleted = False
            self._database.wipe()

    # Settings

    def setting(self, name: str, make: Callable[[], str]) -> str:
        """A value that the database keeps, made the first time."""
        with self.transaction():
            self._run("insert or ignore into settings values (?, ?)", name, make())
            return cast("str", self._run("select value from settings where name = ?", name)[0][0])

    def set(self, name: str, value: str) -> None:
        """Keep a value in place of the one before."""
        with self.transaction():
            self._run("insert or replace into settings values (?, ?)", name, value)

    def empty(self) -> None:
        """Forget everything but the settings."""
        for table in ("objects", "settling", "answers", "deliveries", "attempts"):
            self._run(f"delete from {table}")  # noqa: S608 - the names stand above
        self._deleted = True

    # Objects of the API

    def insert(self, body: Object, private: Mapping[str, object]) -> None:
        """Add an object."""
        self._run(
            "insert into objects (id, object, created, body, private) values (?, ?, ?, ?, ?)",
            *(body["id"], body["object"], body["created"], json.dumps(body), json.dumps(private)),
        )

    def save(self, body: Object) -> None:
        """Write a changed object back."""
        self._run("update objects set body = ? where id = ?", json.dumps(body), body["id"])

    def find(self, kind: str, ident: str) -> Object | None:
        """The object of that kind and id, unless it was deleted."""
        rows = self._run("select body from objects where id = ? and object = ? and not deleted", ident, kind)
        return cast("Object", json.loads(rows[0][0])) if rows else None

    def private(self, ident: str) -> Object:
        """What is kept about an object and never shown; nothing where there is no such object."""
        rows = self._run("select private from objects where id = ?", ident)
        return cast("Object", json.loads(rows[0][0])) if rows else {}

    def keep_private(self, ident: str, private: Mapping[str, object]) -> None:
        """Write back what is kept about an object and never shown."""
        self._run("update objects set private = ? where id = ?", json.dumps(private), ident)

    def delete(self, ident: str) -> None:
        """Forget an object. Its row stays, empty, so that it still serves as a cursor."""
        self._run("update objects set deleted = 1, body = '{}', private = '{}' where id = ?", ident)
        self._deleted = True

    def position(self, kind: str, ident: str) -> Position | None:
        """Where an object stands in the lists, deleted or not."""
        rows = self._run("select created, seq from objects where id = ? and object = ?", ident, kind)
        return cast("Position", rows[0]) if rows else None

    def objects(self, kind: str, equal: Mapping[str, object] | None = None) -> list[Object]:
        """All objects of a kind, the last one added first.

        Args:
            kind: Their `object`.
            equal: Members of the body and the value each must have.
        """
        where, values = _where(kind, equal or {})
        rows = self._run(f"select body from objects where {where} order by seq desc", *values)  # noqa: S608 - see _where
        return [cast("Object", json.loads(body)) for (body,) in rows]

    def page(
        self,
        kind: str,
        *,
        equal: Mapping[str, object],
        created: Mapping[str, float],
        after: Position | None,
        before: Position | None,
        count: int,
    ) -> list[Object]:
        """A part of a list, newest first.

        Args:
            kind: The `object` of its objects.
            equal: Members of the body and the value each must have.
            created: Bounds on `created`, by name: `gte`, `gt`, `lte`, `lt`.
            after: Only those older than this position.
            before: Only those newer than this position, the nearest to it.
            count: How many at most.
        """
        index = f"{kind}_by_{'_and_'.join(sorted(equal))}" if equal else "objects_by_time"
        where, values = _where(kind, equal)
        order, sign = ("asc", ">") if before else ("desc", "<")

        def select(condition: str, *more: int) -> list[tuple[str]]:
            return self._run(
                f"select body from objects indexed by {index} where {where} and {condition} "  # noqa: S608 - see _where
                f"order by created {order}, seq {order} limit ?",
                *(*values, *more, count - len(rows)),
            )

        low = max([-_EVER, *(_EARLIEST[name](created[name]) for name in _EARLIEST.keys() & created)])
        high = min([_EVER, *(_LATEST[name](created[name]) for name in _LATEST.keys() & created)])
        rows: list[tuple[str]] = []
        if cursor := before or after:
            second, _ = cursor
            if low <= second <= high:  # the rest of that second first: SQLite finds a place in it only by `=`
                rows = select(f"created = ? and seq {sign} ?", *cursor)
            low, high = (max(low, second + 1), high) if before else (low, min(high, second - 1))
        rows += select("created between ? and ?", low, high)
        objects = [cast("Object", json.loads(body)) for (body,) in rows]
        return objects[::-1] if before else objects

    # Money under way

    def settle_at(self, ident: str, due: float) -> None:
        """Remember when a payment or a refund is to be settled."""
        self._run("insert into settling values (?, ?)", ident, due)

    def settling(self, now: float) -> list[Object]:
        """The payments and refunds that are to be settled by now, oldest first."""
        rows = self._run("select body from settling join objects using (id) where due <= ? order by due, seq", now)
        return [cast("Object", json.loads(body)) for (body,) in rows]

    def settled(self, ident: str) -> None:
        """Forget a payment or a refund that was settled."""
        self._run("delete from settling where id = ?", ident)

    # Answers under idempotency keys

    def kept_answer(self, key: str) -> Kept | None:
        """The first answer under a key."""
        rows = self._run("select request_hash, status, headers, body from answers where key = ?", key)
        return next((Kept(hashed, status, json.loads(headers), body) for hashed, status, headers, body in rows), None)

    def keep_answer(self, key: str, now: float, answer: Kept) -> None:
        """Keep the first answer under a key."""
        self._run(
            "insert into answers values (?, ?, ?, ?, ?, ?)",
            *(key, answer.request_hash, now, answer.status, json.dumps(dict(answer.headers)), answer.body),
        )

    def forget_answers(self, until: float) -> None:
        """Forget the answers that were given by then."""
        self._run("delete from answers where created <= ?", until)
        self._deleted |= bool(self._run("select changes()")[0][0])

    # Webhooks

    def deliver_at(self, event: str, endpoint: str, due: float) -> None:
        """Have an event delivered to an endpoint."""
        self._run("insert into deliveries (event, endpoint, due) values (?, ?, ?)", event, endpoint, due)

    def has_endpoints(self) -> bool:
        """Whether there is any webhook endpoint."""
        return bool(self._run("select 1 from objects where object = 'webhook_endpoint' and not deleted limit 1"))

    def deliver_to_anybody(self, now: float) -> None:
        """Have every event delivered that never was, nor is to be."""
        with self.transaction():
            self._run(
                "insert into deliveries (event, endpoint, due) select id, ?, ? from objects where object = 'event' "
                "and not deleted and id not in (select event from deliveries) "
                "and id not in (select event from attempts) order by seq",
                *(ANYBODY, now),
            )

    def due_deliveries(self, now: float, *, to_anybody: bool, but: Collection[str] = ()) -> list[Due]:
        """What is to be delivered by now, oldest first.

        Args:
            now: The time.
            to_anybody: Whether what is for anybody is wanted too.
            but: Endpoints whose deliveries are not wanted.
        """
        rows = self._run(
            "select seq, event, endpoint, attempts from deliveries where due <= ? and (endpoint != ? or ?) "  # noqa: S608
            f"and endpoint not in ({_marks(but)}) order by due, seq",
            *(now, ANYBODY, to_anybody, *but),
        )
        return [Due(*row) for row in rows]

    def claim(self, due: Due, now: float, until: float) -> bool:
        """Keep others from making a delivery until then.

        Returns:
            Whether it was still to be made.
        """
        with self.transaction():
            self._run("update deliveries set due = ? where seq = ? and due <= ?", until, due.seq, now)
            return bool(self._run("select changes()")[0][0])

    def release(self, due: Due, time: float) -> None:
        """Give a claim up, so that the delivery is due again."""
        self._run("update deliveries set due = ? where seq = ?", time, due.seq)

    def deliver_again(self, due: Due, time: float) -> None:
        """Have a delivery tried again at that time."""
        self._run("update deliveries set due = ?, attempts = attempts + 1 where seq = ?", time, due.seq)

    def delivery_ended(self, due: Due) -> None:
        """Forget a delivery that was made or given up, and count what its event still waits for."""
        self._run("delete from deliveries where seq = ?", due.seq)
        left = self._run("select count(*) from deliveries where event = ?", due.event)[0][0]
        self._run("update objects set body = json_set(body, '$.pending_webhooks', ?) where id = ?", left, due.event)

    def forget_deliveries(self, endpoint: str) -> None:
        """Forget what is to be delivered to an endpoint; its events no longer wait for that."""
        self._run(
            "update objects set body = json_set(body, '$.pending_webhooks', (select count(*) from deliveries where "
            "event = objects.id and endpoint != ?)) where id in (select event from deliveries where endpoint = ?)",
            *(endpoint, endpoint),
        )
        self._run("delete from deliveries where endpoint = ?", endpoint)

    def log_delivery(self, tried: Delivery) -> None:
        """Add a try to the log."""
        self._run(
            "insert into attempts (event, type, url, attempt, status, error, time) values (?, ?, ?, ?, ?, ?, ?)",
            *(tried.event, tried.type, tried.url, tried.attempt, tried.status, tried.error, tried.time),
        )

    def delivery_log(self) -> list[Delivery]:
        """Every try so far, oldest first."""
        rows = self._run("select event, type, url, attempt, status, error, time from attempts order by seq")
        return [Delivery(*row) for row in rows]

    def next_due(self, but: Collection[str] = ()) -> float | None:
        """When there is something to deliver or to settle next, in Unix seconds; `None` for nothing.

        Args:
            but: Endpoints whose deliveries do not count.
        """
        without = [ANYBODY, *but]
        rows = self._run(
            "select min(due) from (select min(due) as due from settling union all select * from "  # noqa: S608
            f"(select due from deliveries where endpoint not in ({_marks(without)}) order by due limit 1))",
            *without,
        )
        return cast("float | None", rows[0][0])


def _where(kind: str, equal: Mapping[str, object]) -> tuple[str, list[object]]:
    """The condition that objects are of a kind and have these members, and its values.

    Kinds and names come from code, never from a request. The kind is part of the text, since an index for one kind is
    used only where SQLite sees it.
    """
    conditions = [f"object = '{kind}'", "not deleted", *(f"{member(name)} = ?" for name in equal)]
    return " and ".join(conditions), [*equal.values()]


def _marks(values: Collection[object]) -> str:
    """The placeholders of that many values."""
    return ", ".join("?" * len(values))
