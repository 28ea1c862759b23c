"""Inboxes over real databases, and the effects of a function on them, for tests and for the processes that tests kill.

python places.py KIND URL ID    handles an event, says `begun` once the function has written, and then hangs
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import redis
import redis.asyncio
import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from finsecure import webhooks
from finsecure.webhooks import DjangoInbox, Handler, Outcome, RedisInbox, SQLAlchemyInbox, inbox_table
from finsecure.webhooks.inbox import row_id

SECRET = "whsec_obviously_fake"
LEASE = 1.5  # seconds
METADATA = sqlalchemy.MetaData()
INBOX = inbox_table(METADATA)
EFFECTS = sqlalchemy.Table("effects", METADATA, sqlalchemy.Column("event", sqlalchemy.String(255)))
ASYNC = {"aiosqlite", "asyncpg", "psycopg_async", "aiomysql", "redis-asyncio", "django-async"}
Hook = Callable[[str], object]
T = TypeVar("T")


def nothing(_: object) -> None:
    """A function or a hook that does nothing."""


def event_json(id: str, type: str = "customer.created") -> str:
    about = {"id": "cus_1", "object": "customer"}
    return json.dumps({"id": id, "object": "event", "type": type, "data": {"object": about}, "created": 1640995200})


class Place:
    """Where an inbox is, and where functions write. Each kind says how."""

    inbox: webhooks.Inbox

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url
        self.is_async = kind in ASYNC

    def set_up(self) -> None:
        """Make it empty."""
        raise NotImplementedError

    def effects(self) -> list[str]:
        """What functions wrote, and what was committed of it."""
        raise NotImplementedError

    def register(self, webhook: Handler, hook: Hook, before: Hook = nothing) -> None:
        """Have a function call `before`, write an effect, and then call the hook."""
        raise NotImplementedError

    def close(self) -> None:
        """Close its connections."""

    def handler(self, hook: Hook = nothing, before: Hook = nothing) -> Handler:
        webhook = Handler(SECRET, inbox=self.inbox)
        self.register(webhook, hook, before)
        return webhook

    def deliver(self, webhook: Handler, id: str = "evt_1") -> Outcome:
        body = event_json(id)
        if self.is_async:
            return self.run_async(lambda: webhook.handle_async(body, webhooks.sign(body, SECRET)))
        return webhook.handle(body, webhooks.sign(body, SECRET))

    def run_async(self, use: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run async code in an event loop of its own."""
        return asyncio.run(use())


class SQL(Place):
    """A database, through SQLAlchemy; with an async driver the async way."""

    def __init__(self, kind: str, url: str, **options: Any) -> None:
        super().__init__(kind, url)
        self.engine: Engine | AsyncEngine = (
            create_async_engine(url, poolclass=NullPool) if self.is_async else sqlalchemy.create_engine(url)
        )
        self.inbox = SQLAlchemyInbox(self.engine, **options)

    def set_up(self) -> None:
        self.run(METADATA.drop_all)
        self.run(METADATA.create_all)

    def run(self, use: Callable[[sqlalchemy.Connection], Any]) -> Any:
        """Use a connection, and commit."""
        if isinstance(self.engine, Engine):
            with self.engine.begin() as connection:
                return use(connection)

        async def run(engine: AsyncEngine) -> Any:
            async with engine.begin() as connection:
                return await connection.run_sync(use)

        return asyncio.run(run(self.engine))

    def effects(self) -> list[str]:
        written = sqlalchemy.select(EFFECTS.c.event).order_by(EFFECTS.c.event)
        return list(self.run(lambda connection: connection.execute(written).scalars().all()))

    def rows(self) -> dict[str, int | None]:
        """The table of the inbox."""
        both = sqlalchemy.select(INBOX.c.id, INBOX.c.done)
        rows: list[Any] = self.run(lambda connection: connection.execute(both).all())
        return dict(rows)

    def register(self, webhook: Handler, hook: Hook, before: Hook = nothing) -> None:
        def write(event: webhooks.CustomerCreated, session: Session) -> None:
            before(event.id)
            session.execute(sqlalchemy.insert(EFFECTS).values(event=row_id(event.id)))
            hook(event.id)

        async def write_async(event: webhooks.CustomerCreated, session: AsyncSession) -> None:
            before(event.id)
            await session.execute(sqlalchemy.insert(EFFECTS).values(event=row_id(event.id)))
            hook(event.id)

        webhook.on("customer.created")(write_async if self.is_async else write)

    def close(self) -> None:
        if isinstance(self.engine, Engine):
            self.engine.dispose()


class Redis(Place):
    """A Redis. What functions write is there at once."""

    def __init__(self, kind: str, url: str) -> None:
        super().__init__(kind, url)
        sync_client: Any = redis.Redis
        async_client: Any = redis.asyncio.Redis
        self.client = sync_client.from_url(url, decode_responses=True)
        self.used = (async_client if self.is_async else sync_client).from_url(url)
        self.inbox = RedisInbox(self.used, lease=LEASE)

    def set_up(self) -> None:
        self.client.flushall()

    def effects(self) -> list[str]:
        effects: Any = self.client.lrange("effects", 0, -1)
        return sorted(effects)

    def register(self, webhook: Handler, hook: Hook, before: Hook = nothing) -> None:
        @webhook.on("customer.created")
        def write(event: webhooks.CustomerCreated) -> None:
            before(event.id)
            self.client.rpush("effects", row_id(event.id))
            hook(event.id)

    def run_async(self, use: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async def run() -> T:
            async with self.used:  # its connections belong to this event loop
                return await use()

        return asyncio.run(run())

    def close(self) -> None:
        self.client.close()
        if not self.is_async:
            self.used.close()


class Django(Place):
    """A database, through Django; in async code functions use the async methods of models."""

    def __init__(self, kind: str, url: str) -> None:
        super().__init__(kind, url)
        from . import django_app

        self.app = django_app
        self.alias = django_app.add_database(url)
        self.inbox = DjangoInbox(using=self.alias)

    def set_up(self) -> None:
        self.app.migrate(self.alias)

    def effects(self) -> list[str]:
        return sorted(self.app.effects(self.alias).values_list("event", flat=True))

    def register(self, webhook: Handler, hook: Hook, before: Hook = nothing) -> None:
        def write(event: webhooks.CustomerCreated) -> None:
            before(event.id)
            self.app.effects(self.alias).create(event=row_id(event.id))
            hook(event.id)

        async def write_async(event: webhooks.CustomerCreated) -> None:
            before(event.id)
            await self.app.effects(self.alias).acreate(event=row_id(event.id))
            hook(event.id)

        webhook.on("customer.created")(write_async if self.is_async else write)

    def run_sql(self, statement: str) -> Any:
        """Run a statement in the transaction that there is; the first value of what it gives."""
        from django.db import connections

        connection: Any = connections[self.alias]
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None

    def close(self) -> None:
        from django.db import connections

        connections[self.alias].close()


def open_place(kind: str, url: str) -> Place:
    """The place of a kind: `redis`, `redis-asyncio`, `django`, `django-async`, or the name of a driver."""
    family = kind.partition("-")[0]
    kinds: dict[str, type[Place]] = {"redis": Redis, "django": Django}
    return kinds.get(family, SQL)(kind, url)


def hang(_: str) -> None:
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        time.sleep(60)


if __name__ == "__main__":
    opened = open_place(*sys.argv[1:3])
    opened.deliver(opened.handler(hang), sys.argv[3])
