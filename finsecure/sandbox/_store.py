"""The sandbox's state, in one SQLite database. All SQL of the sandbox is here and in `_tables.py`.

Rules: all work happens inside `transaction()`, which only one thread at a time can hold. A committed transaction is on
disk (WAL with synchronous=FULL), so it survives `kill -9`. Objects are stored as the JSON that the API returns. Lists
are in order of `created`, and within a second in order of insertion. Every filter has an index in that order, so that a
page takes as long with a million objects as with a hundred. Secrets are stored separately, in `private`. Deleted data
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
"""Used in place of an endpoint: the delivery is for the receiver that is passed to `Sandbox.deliver`."""

_EARLIEST: Mapping[str, Callable[[float], int]] = {"gte": math.ceil, "gt": lambda seconds: math.floor(seconds) + 1}
_LATEST: Mapping[str, Callable[[float], int]] = {"lte": math.floor, "lt": lambda seconds: math.ceil(seconds) - 1}
"""The first and the last whole second within each bound on `created`, which has no fractions."""

_EVER = 2**62
"""A bound, in Unix seconds, beyond any `created`."""

Position: TypeAlias = tuple[int, int]
"""The position of an object in a list: its `created`, then its `seq`, for objects of the same second."""


@dataclass(frozen=True)
class Kept:
    """The first response for an idempotency key, and the hash of its request."""

    request_hash: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Due:
    """An event that is due for delivery to an endpoint."""

    seq: int
    event: str
    endpoint: str
    attempts: int


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver an event.

    Attributes:
        event: The event's id (`evt_...`).
        type: The event's type, such as `payment_intent.succeeded`.
        url: The URL that it was sent to. Only a path if it went to a receiver in this process, without an endpoint.
        attempt: The number of the attempt, from 1 to 5.
        status: The receiver's HTTP status; `None` if it did not respond.
        error: Why there is no status, or the exception that the receiver in this process raised; otherwise `None`.
        time: When the attempt ended, in Unix seconds of the sandbox's clock.
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
        """Whether the receiver accepted the event, with a 2xx status. Reference: Webhooks, "Status Codes"."""
        return self.status is not None and 200 <= self.status < 300


class Store:
    """One database, in memory or in a file.

    Raises:
        SandboxError: The file cannot be opened, or is not a sandbox's database.
        ValueError: `path` is not a valid file name.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._database = Database(path, TABLES, UPGRADES)
        self._run = self._database.run
        self._deleted = False

    def close(self) -> None:
        """Close the database. Closing twice is harmless."""
        self._database.close()

    def savepoint(self) -> AbstractContextManager[None]:
        """Open a savepoint, which is rolled back if the block raises."""
        return self._database.savepoint()

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """Open a transaction, which is rolled back if the block raises."""
        with self._database.transaction():
            yield
        if self._deleted:
            self._deleted = False
            self._database.wipe()

    # Settings

    def setting(self, name: str, make: Callable[[], str]) -> str:
        """Return a setting, and store the value of `make` if there is none yet."""
        with self.transaction():
            self._run("insert or ignore into settings values (?, ?)", name, make())
            return cast("str", self._run("select value from settings where name = ?", name)[0][0])

    def set(self, name: str, value: str) -> None:
        """Store a setting."""
        with self.transaction():
            self._run("insert or replace into settings values (?, ?)", name, value)

    def empty(self) -> None:
        """Delete everything except the settings."""
        for table in ("objects", "settling", "answers", "deliveries", "attempts"):
            self._run(f"delete from {table}")  # noqa: S608 - the names are in the line above
        self._deleted = True

    # Objects of the API

    def insert(self, body: Object, private: Mapping[str, object]) -> None:
        """Add an object."""
        self._run(
            "insert into objects (id, object, created, body, private) values (?, ?, ?, ?, ?)",
            *(body["id"], body["object"], body["created"], json.dumps(body), json.dumps(private)),
        )

    def save(self, body: Object) -> None:
        """Store a changed object."""
        self._run("update objects set body = ? where id = ?", json.dumps(body), body["id"])

    def find(self, kind: str, ident: str) -> Object | None:
        """Return the object of this kind and id; `None` if there is none or it was deleted."""
        rows = self._run("select body from objects where id = ? and object = ? and not deleted", ident, kind)
        return cast("Object", json.loads(rows[0][0])) if rows else None

    def private(self, ident: str) -> Object:
        """Return the private data of an object, which the API never returns; empty if there is no such object."""
        rows = self._run("select private from objects where id = ?", ident)
        return cast("Object", json.loads(rows[0][0])) if rows else {}

    def keep_private(self, ident: str, private: Mapping[str, object]) -> None:
        """Store the private data of an object."""
        self._run("update objects set private = ? where id = ?", json.dumps(private), ident)

    def delete(self, ident: str) -> None:
        """Delete an object. Its row stays, emptied, so that its id still works as a cursor."""
        self._run("update objects set deleted = 1, body = '{}', private = '{}' where id = ?", ident)
        self._deleted = True

    def position(self, kind: str, ident: str) -> Position | None:
        """Return the position of an object in the lists, even if it was deleted."""
        rows = self._run("select created, seq from objects where id = ? and object = ?", ident, kind)
        return cast("Position", rows[0]) if rows else None

    def objects(self, kind: str, equal: Mapping[str, object] | None = None) -> list[Object]:
        """Return all objects of a kind, the most recently added first.

        Args:
            kind: The value of their `object` member.
            equal: Members of the body, with the value that each must have.
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
        """Return a part of a list, newest first.

        Args:
            kind: The value of the objects' `object` member.
            equal: Members of the body, with the value that each must have.
            created: Bounds on `created`, by name: `gte`, `gt`, `lte`, `lt`.
            after: Only objects older than this position.
            before: Only objects newer than this position, and of those the closest to it.
            count: The largest number of objects.
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
            if low <= second <= high:  # the rest of this second first: SQLite can only seek to a `seq` after `=`
                rows = select(f"created = ? and seq {sign} ?", *cursor)
            low, high = (max(low, second + 1), high) if before else (low, min(high, second - 1))
        rows += select("created between ? and ?", low, high)
        objects = [cast("Object", json.loads(body)) for (body,) in rows]
        return objects[::-1] if before else objects

    # Payments and refunds to settle

    def settle_at(self, ident: str, due: float) -> None:
        """Store when to settle a payment or a refund."""
        self._run("insert into settling values (?, ?)", ident, due)

    def settling(self, now: float) -> list[Object]:
        """Return the payments and refunds that are due to settle, oldest first."""
        rows = self._run("select body from settling join objects using (id) where due <= ? order by due, seq", now)
        return [cast("Object", json.loads(body)) for (body,) in rows]

    def settled(self, ident: str) -> None:
        """Remove a payment or a refund from those to settle."""
        self._run("delete from settling where id = ?", ident)

    # Responses for idempotency keys

    def kept_answer(self, key: str) -> Kept | None:
        """Return the first response for a key, or `None`."""
        rows = self._run("select request_hash, status, headers, body from answers where key = ?", key)
        return next((Kept(hashed, status, json.loads(headers), body) for hashed, status, headers, body in rows), None)

    def keep_answer(self, key: str, now: float, answer: Kept) -> None:
        """Store the first response for a key."""
        self._run(
            "insert into answers values (?, ?, ?, ?, ?, ?)",
            *(key, answer.request_hash, now, answer.status, json.dumps(dict(answer.headers)), answer.body),
        )

    def forget_answers(self, until: float) -> None:
        """Delete the responses that were stored at or before this time."""
        self._run("delete from answers where created <= ?", until)
        self._deleted |= bool(self._run("select changes()")[0][0])

    # Webhooks

    def deliver_at(self, event: str, endpoint: str, due: float) -> None:
        """Schedule the delivery of an event to an endpoint."""
        self._run("insert into deliveries (event, endpoint, due) values (?, ?, ?)", event, endpoint, due)

    def has_endpoints(self) -> bool:
        """Whether there are webhook endpoints."""
        return bool(self._run("select 1 from objects where object = 'webhook_endpoint' and not deleted limit 1"))

    def deliver_to_anybody(self, now: float) -> None:
        """Schedule the delivery of every event that has no delivery and no attempt yet."""
        with self.transaction():
            self._run(
                "insert into deliveries (event, endpoint, due) select id, ?, ? from objects where object = 'event' "
                "and not deleted and id not in (select event from deliveries) "
                "and id not in (select event from attempts) order by seq",
                *(ANYBODY, now),
            )

    def due_deliveries(self, now: float, *, to_anybody: bool, but: Collection[str] = ()) -> list[Due]:
        """Return the deliveries that are due, oldest first.

        Args:
            now: The time.
            to_anybody: Whether to include the deliveries to `ANYBODY`.
            but: Endpoints to leave out.
        """
        rows = self._run(
            "select seq, event, endpoint, attempts from deliveries where due <= ? and (endpoint != ? or ?) "  # noqa: S608
            f"and endpoint not in ({_marks(but)}) order by due, seq",
            *(now, ANYBODY, to_anybody, *but),
        )
        return [Due(*row) for row in rows]

    def claim(self, due: Due, now: float, until: float) -> bool:
        """Claim a delivery, so that nobody else makes it until `until`.

        Returns:
            Whether the delivery was still due.
        """
        with self.transaction():
            self._run("update deliveries set due = ? where seq = ? and due <= ?", until, due.seq, now)
            return bool(self._run("select changes()")[0][0])

    def release(self, due: Due, time: float) -> None:
        """Give up a claim, so that the delivery is due again."""
        self._run("update deliveries set due = ? where seq = ?", time, due.seq)

    def deliver_again(self, due: Due, time: float) -> None:
        """Schedule another attempt of a delivery."""
        self._run("update deliveries set due = ?, attempts = attempts + 1 where seq = ?", time, due.seq)

    def delivery_ended(self, due: Due) -> None:
        """Delete a delivery that succeeded or was given up, and update the event's `pending_webhooks`."""
        self._run("delete from deliveries where seq = ?", due.seq)
        left = self._run("select count(*) from deliveries where event = ?", due.event)[0][0]
        self._run("update objects set body = json_set(body, '$.pending_webhooks', ?) where id = ?", left, due.event)

    def forget_deliveries(self, endpoint: str) -> None:
        """Delete the deliveries to an endpoint, and update the `pending_webhooks` of their events."""
        self._run(
            "update objects set body = json_set(body, '$.pending_webhooks', (select count(*) from deliveries where "
            "event = objects.id and endpoint != ?)) where id in (select event from deliveries where endpoint = ?)",
            *(endpoint, endpoint),
        )
        self._run("delete from deliveries where endpoint = ?", endpoint)

    def log_delivery(self, tried: Delivery) -> None:
        """Add an attempt to the log."""
        self._run(
            "insert into attempts (event, type, url, attempt, status, error, time) values (?, ?, ?, ?, ?, ?, ?)",
            *(tried.event, tried.type, tried.url, tried.attempt, tried.status, tried.error, tried.time),
        )

    def delivery_log(self) -> list[Delivery]:
        """Return all attempts so far, oldest first."""
        rows = self._run("select event, type, url, attempt, status, error, time from attempts order by seq")
        return [Delivery(*row) for row in rows]

    def next_due(self, but: Collection[str] = ()) -> float | None:
        """Return when the next delivery or settlement is due, in Unix seconds; `None` if there is none.

        Args:
            but: Endpoints to leave out.
        """
        without = [ANYBODY, *but]
        rows = self._run(
            "select min(due) from (select min(due) as due from settling union all select * from "  # noqa: S608
            f"(select due from deliveries where endpoint not in ({_marks(without)}) order by due limit 1))",
            *without,
        )
        return cast("float | None", rows[0][0])


def _where(kind: str, equal: Mapping[str, object]) -> tuple[str, list[object]]:
    """Return the SQL condition for objects of a kind with these members, and its values.

    Kinds and names come from code, never from a request. The kind is part of the SQL text and not a parameter, because
    SQLite uses a partial index for a kind only if the text names that kind.
    """
    conditions = [f"object = '{kind}'", "not deleted", *(f"{member(name)} = ?" for name in equal)]
    return " and ".join(conditions), [*equal.values()]


def _marks(values: Collection[object]) -> str:
    """Return the SQL placeholders for these values."""
    return ", ".join("?" * len(values))
