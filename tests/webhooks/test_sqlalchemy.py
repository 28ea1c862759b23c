"""SQLAlchemyInbox: what its function may do with the session, what is refused, and what is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import sqlalchemy
from sqlalchemy import event as listeners
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from finsecure import EventInProgress, InboxError, WebhookUsageError, webhooks
from finsecure.sandbox import Clock
from finsecure.webhooks import Handler, Outcome, SQLAlchemyInbox, inbox_table

from .conftest import SQLS
from .places import EFFECTS, INBOX, METADATA, SECRET, SQL, event_json, nothing


@pytest.fixture(params=SQLS)
def sql(request: pytest.FixtureRequest, open_empty: Callable[[str], SQL]) -> SQL:
    """Each database and driver."""
    return open_empty(request.param)


def handler(sql: SQL, act: Callable[[Session, str], object]) -> Handler:
    """A handler whose function acts on the session: in async code a sync function is lent the sync one."""
    webhook = Handler(SECRET, inbox=sql.inbox)

    @webhook.on("customer.created")
    def function(event: webhooks.CustomerCreated, session: Session) -> None:
        act(session, event.id)

    return webhook


def write(session: Session, id: str) -> None:
    session.execute(sqlalchemy.insert(EFFECTS).values(event=id))


def test_a_commit_of_the_function_commits_nothing_by_itself(sql: SQL) -> None:
    """`session.commit()` reaches to a savepoint: if the function then fails, what it committed is gone as well."""

    def act(session: Session, id: str) -> None:
        write(session, id)
        session.commit()
        write(session, id)
        session.commit()
        raise RuntimeError

    assert sql.deliver(handler(sql, act)).status == 500
    assert sql.effects() == []


def test_a_rollback_in_the_function_is_not_a_failure(sql: SQL) -> None:
    """After `session.rollback()` the function goes on, and only what it rolled back is gone."""

    def act(session: Session, id: str) -> None:
        write(session, id)
        session.rollback()
        write(session, id)

    assert sql.deliver(handler(sql, act)).status == 200
    assert sql.effects() == ["evt_1"]


class Base(DeclarativeBase):
    metadata = METADATA


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)


def test_objects_that_were_added_are_written(sql: SQL) -> None:
    """The function need not flush."""
    assert sql.deliver(handler(sql, lambda session, _: session.add(Order(id=7)))).status == 200
    assert sql.run(orders) == [7]


def orders(connection: sqlalchemy.Connection) -> list[int]:
    return list(connection.execute(sqlalchemy.select(Order.id)).scalars().all())


def test_a_function_may_take_the_event_alone(sql: SQL) -> None:
    """It is called once; what it writes elsewhere is its own affair."""
    taken: list[str] = []
    webhook = Handler(SECRET, inbox=sql.inbox)

    @webhook.other
    def take(event: webhooks.Event) -> None:
        taken.append(event.id)

    assert [sql.deliver(webhook).result for _ in range(2)] == ["handled", "duplicate"]
    assert taken == ["evt_1"]


@pytest.mark.parametrize("kind", ["pysqlite", "psycopg"])
def test_async_code_can_use_a_sync_engine(kind: str, open_empty: Callable[[str], SQL]) -> None:
    """`handle_async` uses it in a thread; a coroutine function runs in the event loop in the meantime."""
    sql = open_empty(kind)
    webhook = Handler(SECRET, inbox=sql.inbox)
    threads: list[str] = []

    @webhook.on("customer.created")
    def write_sync(event: webhooks.CustomerCreated, session: Session) -> None:
        threads.append(threading.current_thread().name)
        write(session, event.id)

    @webhook.on("customer.created")
    async def write_async(event: webhooks.CustomerCreated, session: Session) -> None:
        await asyncio.sleep(0)
        threads.append(threading.current_thread().name)
        write(session, event.id)

    body = event_json("evt_1")
    header = webhooks.sign(body, SECRET)
    assert asyncio.run(webhook.handle_async(body, header)).result == "handled"
    assert asyncio.run(webhook.handle_async(body, header)).result == "duplicate"
    assert threads[0] != threads[1] == "MainThread"
    assert sql.effects() == ["evt_1", "evt_1"]


def test_a_task_that_is_cancelled_gives_the_event_back(open_empty: Callable[[str], SQL]) -> None:
    """What it had written is gone, and the event is handled when it comes again."""
    sql = open_empty("aiosqlite")
    webhook = Handler(SECRET, inbox=sql.inbox)

    @webhook.on("customer.created")
    async def hang(event: webhooks.CustomerCreated, session: AsyncSession) -> None:
        await session.execute(sqlalchemy.insert(EFFECTS).values(event=event.id))
        tasks[0].cancel()
        await asyncio.sleep(60)

    tasks: list[asyncio.Future[Outcome]] = []

    async def run() -> None:
        body = event_json("evt_1")
        tasks.append(asyncio.ensure_future(webhook.handle_async(body, webhooks.sign(body, SECRET))))
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]

    asyncio.run(run())
    assert sql.effects() == []
    assert sql.deliver(sql.handler()).result == "handled"


def test_an_async_engine_is_for_async_code(open_empty: Callable[[str], SQL]) -> None:
    """`handle` says what to call instead."""
    sql = open_empty("aiosqlite")
    with pytest.raises(WebhookUsageError, match="SQLAlchemyInbox is for async code: await handle_async"):
        sql.handler().handle("{}", None)


# A function that ends the transaction, and a database that fails ------------------------------------------------------


def process(sql: SQL, webhook: Handler) -> Outcome:
    if sql.is_async:
        return asyncio.run(webhook.process_async(event_json("evt_1")))
    return webhook.process(event_json("evt_1"))


def own_commit(session: Session) -> None:
    session.connection().commit()


def own_rollback(session: Session) -> None:
    session.connection().rollback()


def own_close(session: Session) -> None:
    session.connection().close()


@pytest.mark.parametrize("kind", ["pysqlite", "aiosqlite", "psycopg", "pymysql"])
def test_a_function_that_ends_the_transaction_is_refused_before_it_does(
    kind: str, open_empty: Callable[[str], SQL], caplog: pytest.LogCaptureFixture
) -> None:
    """Else what it wrote would be committed, and not that the event is done: nothing of it is, and the log says why."""
    sql = open_empty(kind)
    for end in (own_commit, own_rollback, own_close):
        caplog.clear()

        def act(session: Session, id: str, end: Callable[[Session], None] = end) -> None:
            write(session, id)
            end(session)

        assert sql.deliver(handler(sql, act)).result == "failed"
        assert "The function ended the transaction in which its event is marked as done" in caplog.text
        assert "Traceback" not in caplog.text
        assert sql.effects() == []
    assert sql.deliver(sql.handler()).result == "handled"


@pytest.mark.parametrize("kind", ["pysqlite", "psycopg", "asyncpg", "pymysql"])
def test_a_commit_in_sql_is_found_afterwards(kind: str, open_empty: Callable[[str], SQL]) -> None:
    """Nobody can take it back, so the error says what to leave out."""
    sql = open_empty(kind)
    with pytest.raises(WebhookUsageError, match="Leave out COMMIT and ROLLBACK"):
        process(sql, handler(sql, lambda session, _: session.execute(sqlalchemy.text("COMMIT"))))


@pytest.mark.parametrize("kind", ["psycopg", "asyncpg"])
def test_an_error_that_the_function_caught_in_an_aborted_transaction_is_told(
    kind: str, open_empty: Callable[[str], SQL]
) -> None:
    """PostgreSQL commits nothing of it, so the event is not done, and the error names begin_nested()."""
    sql = open_empty(kind)

    def act(session: Session, id: str) -> None:
        write(session, id)
        with contextlib.suppress(DBAPIError):
            session.execute(sqlalchemy.text("SELECT nonsense"))

    with pytest.raises(WebhookUsageError, match=r"caught an error of the database and .*begin_nested") as raised:
        process(sql, handler(sql, act))
    assert isinstance(raised.value.__cause__, DBAPIError)
    assert sql.effects() == []
    assert sql.deliver(sql.handler()).result == "handled"


@pytest.mark.parametrize("kind", ["pysqlite", "aiosqlite"])
def test_an_error_of_a_flush_that_the_function_caught_is_told(kind: str, open_empty: Callable[[str], SQL]) -> None:
    """The session needs a rollback first; with one the function may go on."""
    sql = open_empty(kind)
    sql.run(lambda connection: connection.execute(sqlalchemy.insert(Order).values(id=7)))

    def act(session: Session, _: str, goes_on: bool = False) -> None:
        session.add(Order(id=7))
        with contextlib.suppress(IntegrityError):
            session.flush()
        if goes_on:
            session.rollback()

    with pytest.raises(WebhookUsageError, match=r"call session\.rollback\(\) before you go on"):
        process(sql, handler(sql, act))
    assert process(sql, handler(sql, lambda session, name: act(session, name, goes_on=True))).result == "handled"


def end_connection(sql: SQL, session: Session) -> None:
    """The server ends the connection, as when it restarts."""
    if session.connection().dialect.name == "postgresql":
        mine, end = "SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"
    else:
        mine, end = "SELECT connection_id()", "KILL {}"
    number = session.execute(sqlalchemy.text(mine)).scalar()
    driver = {"asyncpg": "psycopg", "aiomysql": "pymysql"}.get(sql.kind, sql.kind)
    other = sqlalchemy.create_engine(
        sqlalchemy.make_url(sql.url).set(drivername=f"{sql.url.partition('+')[0]}+{driver}")
    )
    with other.connect() as connection:
        connection.execute(sqlalchemy.text(end.format(number)))
    other.dispose()


@pytest.mark.parametrize("kind", ["psycopg", "asyncpg", "pymysql", "aiomysql"])
def test_a_connection_that_is_lost_is_an_error_of_ours_or_hides_none(
    kind: str, open_empty: Callable[[str], SQL]
) -> None:
    """What the inbox cannot do is InboxError with the driver's error behind it; what the function raised is its own."""
    sql = open_empty(kind)

    def lose(session: Session, id: str) -> None:
        write(session, id)
        end_connection(sql, session)

    def lose_and_leave(session: Session, id: str) -> None:
        lose(session, id)
        session.add(Order(id=7))  # written when the function has returned

    def lose_and_raise(session: Session, id: str) -> None:
        lose(session, id)
        raise LookupError(id)

    for act in (lose, lose_and_leave):
        with pytest.raises(InboxError, match="The database of the inbox cannot be used: ") as raised:
            process(sql, handler(sql, act))
        assert isinstance(raised.value.__cause__, DBAPIError)
    with pytest.raises(LookupError) as own:
        process(sql, handler(sql, lose_and_raise))
    assert own.value.args == ("evt_1",)
    assert sql.effects() == []
    assert sql.deliver(sql.handler()).result == "handled"


def test_a_drivers_own_error_at_connecting_never_leaves() -> None:
    """asyncpg for example has errors that SQLAlchemy lets through: here the driver raises one."""

    async def connect() -> None:
        raise LookupError("of the driver")

    inbox = SQLAlchemyInbox(create_async_engine("postgresql+asyncpg://", async_creator=connect))
    webhook = Handler(SECRET, inbox=inbox)
    webhook.other(nothing)
    for use in (lambda: webhook.process_async(event_json("evt_1")), lambda: inbox.place_async("x")):
        with pytest.raises(
            InboxError, match=r"cannot be used: LookupError: of the driver\. See that it runs"
        ) as raised:
            asyncio.run(use())
        assert isinstance(raised.value.__cause__, LookupError)


@pytest.mark.parametrize("kind", ["psycopg", "asyncpg"])
def test_what_a_trigger_refuses_at_the_commit_is_the_functions_own_error(
    kind: str, open_empty: Callable[[str], SQL]
) -> None:
    """PostgreSQL runs a deferred trigger at the commit: its error leaves `process` as it is."""
    sql = open_empty(kind)

    def create(connection: sqlalchemy.Connection) -> None:
        each_row = "FOR EACH ROW EXECUTE FUNCTION refuse()"
        body = "BEGIN RAISE EXCEPTION 'out of stock'; END"
        for statement in (
            f"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            ("CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON effects INITIALLY DEFERRED " + each_row),
        ):
            connection.execute(sqlalchemy.text(statement))

    sql.run(create)
    with pytest.raises(DBAPIError, match="out of stock"):
        process(sql, handler(sql, write))
    assert sql.rows() == {"evt_1": None}


def test_an_error_of_a_listener_to_the_session_is_the_functions_own(open_empty: Callable[[str], SQL]) -> None:
    """It runs when the objects that the function added are written, after the function has returned."""
    sql = open_empty("pysqlite")

    def refuse(*_: object) -> None:
        raise LookupError

    def act(session: Session, _: str) -> None:
        session.add(Order(id=7))
        listeners.listen(session, "before_flush", refuse)

    with pytest.raises(LookupError):
        process(sql, handler(sql, act))
    assert sql.rows() == {}


@pytest.mark.parametrize("kind", ["psycopg", "pymysql"])
def test_a_duplicate_does_not_wait_for_another_one(kind: str, open_empty: Callable[[str], SQL]) -> None:
    """An event that is done is a duplicate to everybody at the same time."""
    sql = open_empty(kind)
    inbox: Any = sql.inbox
    sql.deliver(sql.handler())
    with inbox.claim("evt_1") as first, inbox.claim("evt_1") as second:
        assert first.is_done
        assert second.is_done


# What is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite://", None, Session()], ids=lambda each: type(each).__name__)
def test_what_is_no_engine_is_refused(engine: Any) -> None:
    with pytest.raises(WebhookUsageError, match="pass the engine"):
        SQLAlchemyInbox(engine)


def test_another_database_is_refused() -> None:
    """Its locks were not tried."""
    engine = sqlalchemy.create_engine("sqlite://")
    engine.dialect.name = "mssql"
    with pytest.raises(WebhookUsageError, match="does not know mssql"):
        SQLAlchemyInbox(engine)


def test_an_engine_that_commits_each_statement_is_refused(tmp_path: Path) -> None:
    """In AUTOCOMMIT there is no transaction to share."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    made_so = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    engine = sqlalchemy.create_engine(url)
    for each in (made_so, engine.execution_options(isolation_level="AUTOCOMMIT")):
        with pytest.raises(WebhookUsageError, match="commits each statement"):
            SQLAlchemyInbox(each)
    with pytest.raises(WebhookUsageError, match="commits each statement"):
        SQLAlchemyInbox(
            create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}", isolation_level="AUTOCOMMIT")
        )
    SQLAlchemyInbox(made_so.execution_options(isolation_level="SERIALIZABLE"))


@pytest.mark.parametrize("begins", [False, True], ids=["autocommit", "a listener that begins"])
def test_a_driver_that_commits_each_statement_is_refused(
    tmp_path: Path, begins: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What a listener set on the connection is seen as well; one that begins transactions itself is fine."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")

    @listeners.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None

    if begins:

        @listeners.listens_for(engine, "begin")
        def began(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    METADATA.create_all(engine)
    webhook = Handler(SECRET, inbox=SQLAlchemyInbox(engine))
    webhook.other(nothing)
    body = event_json("evt_1")
    status = webhook.handle(body, webhooks.sign(body, SECRET)).status
    assert status == (200 if begins else 500)
    assert ("commits each statement" in caplog.text) is not begins
    engine.dispose()


def test_a_missing_table_raises_an_error_that_says_what_to_do(sql: SQL, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is 500, so that the event comes again when the table is there."""
    sql.run(INBOX.drop)
    assert sql.deliver(sql.handler()) == Outcome(500, "failed", "evt_1")
    assert "There is no table finsecure_inbox: create it with your migrations" in caplog.text
    assert "Traceback" not in caplog.text
    sql.run(METADATA.create_all)
    assert sql.deliver(sql.handler()).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://127.0.0.1:1/shop",
        "postgresql+asyncpg://127.0.0.1:1/shop",
        "mysql+pymysql://127.0.0.1:1/shop",
        "sqlite:////nowhere/shop.db",
    ],
)
def test_a_database_that_is_down_is_a_sentence(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is 500, the log says that the database cannot be used, and `process` raises InboxError."""
    sql = SQL(sqlalchemy.make_url(url).drivername.partition("+")[2] or "pysqlite", url)
    webhook = sql.handler()
    assert sql.deliver(webhook) == Outcome(500, "failed", "evt_1")
    assert "The database of the inbox cannot be used: " in caplog.text
    assert "Traceback" not in caplog.text
    with pytest.raises(InboxError, match="cannot be used"):
        asyncio.run(webhook.process_async(event_json("evt_1")))


@pytest.mark.parametrize("can_look", [True, False], ids=["the table is there", "nobody can look"])
def test_a_database_that_cannot_be_written_is_a_sentence(
    open_empty: Callable[[str], SQL],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    can_look: bool,
) -> None:
    """Where the table is there, the log says what the database said."""

    def fail(_: object) -> None:
        raise OperationalError("", {}, Exception("gone"))

    path = open_empty("pysqlite").url.partition("///")[2]
    if not can_look:
        monkeypatch.setattr("finsecure.webhooks.sqlalchemy.inspect", fail)
    sql = SQL("pysqlite", f"sqlite:///file:{path}?mode=ro&uri=true")
    assert sql.deliver(sql.handler()) == Outcome(500, "failed", "evt_1")
    assert "cannot be used: OperationalError: attempt to write a readonly database" in caplog.text
    sql.close()


def test_a_driver_that_cannot_tell_is_believed(
    open_empty: Callable[[str], SQL], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every driver says whether it commits each statement."""

    def unknown(_: object) -> bool:
        raise NotImplementedError

    sql = open_empty("pysqlite")
    monkeypatch.setattr(sql.engine.dialect, "detect_autocommit_setting", unknown)
    assert sql.deliver(sql.handler()).status == 200


def test_a_locked_file_is_retried_later(open_empty: Callable[[str], SQL], tmp_path: Path) -> None:
    """SQLite locks its whole file: while another program writes, the answer is 409."""
    sql = open_empty("pysqlite")
    engine = sqlalchemy.create_engine(sql.url, connect_args={"timeout": 0})
    webhook = Handler(SECRET, inbox=SQLAlchemyInbox(engine))
    webhook.other(nothing)
    body = event_json("evt_1")
    with engine.connect() as other:
        other.execute(sqlalchemy.insert(EFFECTS).values(event="x"))
        assert webhook.handle(body, webhooks.sign(body, SECRET)) == Outcome(409, "in_progress", "evt_1")
    assert webhook.handle(body, webhooks.sign(body, SECRET)).status == 200
    engine.dispose()


def test_an_event_whose_commit_fails_is_not_taken_for_done(open_empty: Callable[[str], SQL], tmp_path: Path) -> None:
    """A reader of the SQLite file holds up the commit: what the function wrote is undone, and the event comes again."""
    sql = open_empty("pysqlite")
    engine = sqlalchemy.create_engine(sql.url, connect_args={"timeout": 0})
    webhook = Handler(SECRET, inbox=SQLAlchemyInbox(engine))
    sql.register(webhook, nothing)
    body = event_json("evt_1")
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as reader:
        rows = reader.execute("SELECT * FROM sqlite_master")
        assert rows.fetchone()  # there are more, so it keeps its lock
        for _ in range(2):
            assert webhook.handle(body, webhooks.sign(body, SECRET)) == Outcome(409, "in_progress", "evt_1")
        with pytest.raises(EventInProgress):
            webhook.process(body)
        rows.close()
    assert sql.effects() == []
    assert webhook.handle(body, webhooks.sign(body, SECRET)).result == "handled"
    assert sql.effects() == ["evt_1"]
    engine.dispose()


@pytest.mark.parametrize("kind", ["pysqlite", "aiosqlite"])
@pytest.mark.parametrize("undone", [True, False])
def test_a_constraint_that_is_checked_at_the_commit_is_the_functions_own_error(
    kind: str, undone: bool, open_empty: Callable[[str], SQL], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves `process` as it is, and the event is not done, also where the driver cannot roll back."""
    sql = open_empty(kind)

    def act(session: Session, _: str) -> None:
        session.execute(sqlalchemy.text("PRAGMA defer_foreign_keys = ON"))
        session.execute(sqlalchemy.text("INSERT INTO lines VALUES (7)"))

    def broken(_: object) -> None:
        raise OSError

    def check_constraints(driver: Any, _: object) -> None:
        driver.execute("PRAGMA foreign_keys = ON")

    def create(connection: sqlalchemy.Connection) -> None:
        connection.execute(sqlalchemy.text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        connection.execute(sqlalchemy.text("CREATE TABLE lines (parent INTEGER REFERENCES parents (id))"))

    sql.run(create)
    sql.close()  # so that the next connection is a new one
    engine = getattr(sql.engine, "sync_engine", sql.engine)
    listeners.listen(engine, "connect", check_constraints)
    if not undone:
        monkeypatch.setattr("sqlalchemy.pool.base._ConnectionFairy.rollback", broken, raising=False)
    webhook = handler(sql, act)
    assert [sql.deliver(webhook).result for _ in range(2)] == ["failed", "failed"]
    assert sql.rows() == {}


@pytest.mark.parametrize("kind", ["psycopg", "asyncpg", "pymysql", "aiomysql"])
def test_a_row_that_is_deleted_in_between_is_retried_later(
    kind: str, open_empty: Callable[[str], SQL], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the insert and the lock another process may have deleted the row as an old one."""
    sql = open_empty(kind)

    def insert(*_: object, **__: object) -> object:
        return sqlalchemy.text("SELECT 1")

    monkeypatch.setattr(SQLAlchemyInbox, "_insert", insert)
    assert sql.deliver(sql.handler()).result == "in_progress"


# What is forgotten -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pysqlite", "aiosqlite", "psycopg", "pymysql"])
def test_what_is_done_is_forgotten_after_30_days(kind: str, open_empty: Callable[[str], SQL], clock: Clock) -> None:
    """Old rows are deleted by the way, at most once a minute; what is younger stays."""
    sql = open_empty(kind)
    sql.inbox = SQLAlchemyInbox(sql.engine, clock=clock)
    webhook = sql.handler()
    sql.deliver(webhook, "evt_1")
    clock.advance(30 * 24 * 3600 - 30)
    sql.deliver(webhook, "evt_2")
    assert {*sql.rows()} == {"evt_1", "evt_2"}
    clock.advance(31)
    sql.deliver(webhook, "evt_3")
    assert {*sql.rows()} == {"evt_1", "evt_2", "evt_3"}  # not yet a minute later
    clock.advance(30)
    sql.deliver(webhook, "evt_4")
    assert {*sql.rows()} == {"evt_2", "evt_3", "evt_4"}


def test_a_failed_deletion_does_not_undo_the_event(
    open_empty: Callable[[str], SQL], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The event is done; old rows are deleted another time."""
    sql = open_empty("pysqlite")
    nowhere = MagicMock()
    nowhere.return_value.where.return_value = sqlalchemy.text("DELETE FROM nowhere")
    monkeypatch.setattr("finsecure.webhooks.sqlalchemy.delete", nowhere)
    assert sql.deliver(sql.handler()).status == 200
    assert "Old rows of finsecure_inbox were not deleted: " in caplog.text
    assert sql.deliver(sql.handler()).result == "duplicate"


def test_the_table_can_have_a_name_of_its_own(tmp_path: Path) -> None:
    """`inbox_table` takes a name, and the inbox the table."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    metadata = sqlalchemy.MetaData()
    table = inbox_table(metadata, name="seen")
    metadata.create_all(engine)
    webhook = Handler(SECRET, inbox=SQLAlchemyInbox(engine, table=table))
    webhook.other(nothing)
    webhook.process(event_json("evt_1"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.select(table.c.id)).scalars().all() == ["evt_1"]
    engine.dispose()


def test_neither_the_statement_nor_the_event_is_in_an_error(sql: SQL, caplog: pytest.LogCaptureFixture) -> None:
    """An error of the inbox shows no values."""
    sql.run(INBOX.drop)
    sql.deliver(sql.handler(), "evt_obviously_long_id")
    assert "SELECT" not in caplog.text
    assert json.loads(event_json("x"))["data"]["object"]["id"] not in caplog.text
