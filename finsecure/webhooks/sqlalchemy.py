"""An inbox in your database: an event is marked as done in the same transaction that your function writes in.

How: a short transaction inserts the event's row, with `done` null. The transaction of your function then locks the row,
without waiting if another worker has locked it, and sets `done` before it commits. If the worker dies, the database
rolls the transaction back and unlocks the row. SQLite locks its whole file, so there the transaction begins with the
insert, which takes that lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Insert,
    MetaData,
    Select,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy import event as listeners
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.orm import Session

from .._clock import SYSTEM, Clock
from ..error import FinSecureError, InboxError, WebhookUsageError
from .inbox import (
    ANYIO,
    KEPT_FOR,
    SWEEP_EVERY,
    SWEEP_ROWS,
    Claim,
    LostTransactionError,
    Style,
    Threads,
    check_kept_for,
    first_line,
    has_no_savepoint,
    in_progress,
    is_aborted,
    is_locked,
    is_of_what_is_written,
    row_id,
    unusable,
)

if TYPE_CHECKING:  # it needs greenlet, which may not be installed for sync code
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

logger: logging.Logger = logging.getLogger("finsecure")

TABLE = "finsecure_inbox"
_DATABASES = {"postgresql", "mysql", "mariadb", "sqlite"}


def inbox_table(metadata: MetaData, *, name: str = TABLE, schema: str | None = None) -> Table:
    """Add the table of `SQLAlchemyInbox` to your metadata, so that Alembic and `create_all` find it.

    Args:
        metadata: The metadata of your tables.
        name: The table's name.
        schema: The table's schema, if it is not the default one.

    Returns:
        The table. If you chose its name or schema, pass it to `SQLAlchemyInbox`.

    Example:
        >>> inbox_table(Base.metadata)
        >>> Base.metadata.create_all(engine)
    """
    # MySQL ignores case by default, but event ids are case-sensitive.
    text = String(255).with_variant(mysql.VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
    return Table(
        name,
        metadata,
        Column("id", text, primary_key=True),
        Column("done", BigInteger, nullable=True, index=True, comment="Unix seconds; null while not handled yet"),
        schema=schema,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


class SQLAlchemyInbox:
    """An inbox in your database: each event is handled exactly once, if your function writes through its session.

    The function takes `(event, session)`; with an asyncio engine, a coroutine function gets an `AsyncSession`. Its
    writes are committed together with the mark that the event is done. `session.commit()` and `session.rollback()` only
    affect a savepoint of that transaction. For PostgreSQL, MySQL 8, MariaDB 10.3 and SQLite, or newer.

    Args:
        engine: Your engine, from `create_engine` or `create_async_engine`.
        table: The table that `inbox_table` returned, if you chose its name or schema.
        kept_for: How many seconds to remember that an event is done.
        clock: The clock to read the time from.

    Raises:
        finsecure.WebhookUsageError: The engine commits each statement, or is for another database.

    Example:
        >>> inbox = SQLAlchemyInbox(engine)
        >>> webhook = finsecure.webhooks.Handler("whsec_...", inbox=inbox)
        >>> @webhook.on("payment_intent.succeeded")
        ... def fulfil(event: PaymentIntentSucceeded, session: Session) -> None:
        ...     session.execute(...)
    """

    threads: Threads = ANYIO

    def __init__(
        self,
        engine: Engine | AsyncEngine,
        *,
        table: Table | None = None,
        kept_for: float = KEPT_FOR,
        clock: Clock = SYSTEM,
    ) -> None:
        sync_engine: Any = getattr(engine, "sync_engine", engine)
        if not isinstance(sync_engine, Engine):
            raise WebhookUsageError(
                f"SQLAlchemyInbox was given {type(engine).__name__}: pass the engine that create_engine or "
                "create_async_engine made."
            )
        if engine.dialect.name not in _DATABASES:
            raise WebhookUsageError(
                f"SQLAlchemyInbox does not know {engine.dialect.name}: use PostgreSQL, MySQL, MariaDB or SQLite."
            )
        if _commits_each_statement(engine):
            raise WebhookUsageError(_AUTOCOMMIT)
        self.style: Style = "sync" if sync_engine is engine else "async"
        self.kept_for: float = check_kept_for(kept_for)
        self._engine = engine
        self._clock = clock
        self._table: Table = inbox_table(MetaData()) if table is None else table
        self._next_sweep = 0.0

    @contextmanager
    def claim(self, id: str) -> Generator[Claim]:
        """Claim an event."""
        connection = self._connect()
        session = Session(connection, join_transaction_mode="create_savepoint")
        try:
            if self._take(connection, id):
                yield Claim(is_done=True)
            else:
                with _guarded(connection):
                    yield Claim(session=session)
                self._finish(connection, session, id)
        finally:
            _leave(connection, session)

    @asynccontextmanager
    async def claim_async(self, id: str) -> AsyncGenerator[Claim]:
        """Claim an event, in async code."""
        from sqlalchemy.ext.asyncio import AsyncSession

        connection = await self._connect_async()
        session = AsyncSession(connection, join_transaction_mode="create_savepoint")
        try:
            if await connection.run_sync(self._take, id):
                yield Claim(is_done=True)
            else:
                with _guarded(await connection.run_sync(_itself)):
                    yield Claim(session=session)
                await connection.run_sync(self._finish, session.sync_session, id)
        finally:
            await _leave_async(connection, session.sync_session)

    def place(self, name: str) -> float | None:
        """Return the time that is stored under this name, in Unix seconds."""
        connection = self._connect()
        try:
            return self._read_place(connection, name)
        finally:
            _leave(connection)

    def keep_place(self, name: str, moment: float) -> None:
        """Store a time under a name."""
        connection = self._connect()
        try:
            self._write_place(connection, name, moment)
        finally:
            _leave(connection)

    async def place_async(self, name: str) -> float | None:
        """Return the time that is stored under this name, in async code."""
        connection = await self._connect_async()
        try:
            return await connection.run_sync(self._read_place, name)
        finally:
            await _leave_async(connection)

    async def keep_place_async(self, name: str, moment: float) -> None:
        """Store a time under a name, in async code."""
        connection = await self._connect_async()
        try:
            await connection.run_sync(self._write_place, name, moment)
        finally:
            await _leave_async(connection)

    # Catch everything: drivers also raise their own errors, for example asyncpg for a wrong password.

    def _connect(self) -> Connection:
        try:
            return cast("Engine", self._engine).connect()
        except Exception as exc:
            raise _unusable(exc) from exc

    async def _connect_async(self) -> AsyncConnection:
        try:
            return await cast("AsyncEngine", self._engine).connect()
        except Exception as exc:
            raise _unusable(exc) from exc

    # The following methods run in sync code, and in async code with `run_sync`.

    def _take(self, connection: Connection, id: str) -> bool:
        """Begin the transaction that locks the event. Return whether the event is already done."""
        with self._explained(connection, id):
            _begin(connection)
            row = self._row(id)
            if connection.dialect.name == "sqlite":
                added = connection.execute(self._insert(connection, id, done=int(self._clock.time())))
                return added.rowcount == 0
            known = connection.execute(row).first()
            if known is None:
                connection.execute(self._insert(connection, id, done=None))
            elif known.done is not None:
                return True
            connection.commit()  # so that the transaction below reads the row as it is after locking
            _begin(connection)
            locked = connection.execute(row.with_for_update(nowait=True)).first()
            if locked is None:  # just deleted
                raise in_progress(id)
            return locked.done is not None

    def _finish(self, connection: Connection, session: Session, id: str) -> None:
        """Commit the writes of the function together with the mark that the event is done, or neither."""
        is_flushed = False
        try:
            session.flush()  # the function's objects, which may violate a constraint
            is_flushed = True
            session.commit()
            if connection.dialect.name != "sqlite":
                done = update(self._table).where(self._table.c.id == row_id(id)).values(done=int(self._clock.time()))
                connection.execute(done)
            connection.commit()
        except BaseException as exc:
            _abandon(connection)  # after a failed commit, SQLite still has a transaction, SQLAlchemy does not
            error = _not_finished(exc, is_flushed, id)
            if error is None:
                raise
            raise error from exc
        now = self._clock.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_EVERY
            self._sweep(connection)

    def _sweep(self, connection: Connection) -> None:
        """Delete old rows by their keys. In MySQL, deleting a range would block the inserts of other workers."""
        columns = self._table.c
        old = select(columns.id).where(columns.done < int(self._clock.time() - self.kept_for)).limit(SWEEP_ROWS)
        try:
            ids = connection.execute(old).scalars().all()
            connection.commit()
            connection.execute(delete(self._table).where(columns.id.in_(ids)))
            connection.commit()
        except Exception as exc:  # noqa: BLE001 - the event is done, so do not fail
            logger.warning("Old rows of %s were not deleted: %s", self._table.name, first_line(exc))

    def _read_place(self, connection: Connection, name: str) -> float | None:
        with self._explained(connection, name):
            row = connection.execute(self._row(f"place:{name}")).first()
            return None if row is None else float(row.done)

    def _write_place(self, connection: Connection, name: str, moment: float) -> None:
        with self._explained(connection, name):
            _begin(connection)
            connection.execute(self._insert(connection, f"place:{name}", done=int(moment)))
            row = self._table.c.id == row_id(f"place:{name}")
            connection.execute(update(self._table).where(row).values(done=int(moment)))
            connection.commit()

    def _row(self, id: str) -> Select[tuple[int | None]]:
        return select(self._table.c.done).where(self._table.c.id == row_id(id))

    def _insert(self, connection: Connection, id: str, done: int | None) -> Insert:
        """Return a statement that inserts a row if there is none with this id."""
        values = {"id": row_id(id), "done": done}
        if connection.dialect.name == "sqlite":
            return sqlite.insert(self._table).values(values).on_conflict_do_nothing()
        if connection.dialect.name == "postgresql":
            return postgresql.insert(self._table).values(values).on_conflict_do_nothing()
        return insert(self._table).values(values).prefix_with("IGNORE")

    @contextmanager
    def _explained(self, connection: Connection, id: str) -> Generator[None]:
        """Convert a database error to one that says what to do."""
        try:
            yield
        except FinSecureError:
            raise
        except Exception as exc:
            _abandon(connection)
            raise self._error(connection, exc, id) from exc

    def _error(self, connection: Connection, exc: Exception, id: str) -> FinSecureError:
        if is_locked(getattr(exc, "orig", None)):
            return in_progress(id)
        if isinstance(exc, DBAPIError) and not exc.connection_invalidated and not self._is_there(connection):
            return InboxError(
                f"There is no table {self._table.fullname}: create it with your migrations, to which "
                "inbox_table(metadata) adds it, or with metadata.create_all(engine)."
            )
        return _unusable(exc)

    def _is_there(self, connection: Connection) -> bool:
        try:
            connection.rollback()
            return inspect(connection).has_table(self._table.name, self._table.schema)
        except Exception:  # noqa: BLE001 - assume that it is
            return True


_AUTOCOMMIT = (
    "SQLAlchemyInbox needs transactions, and this engine commits each statement: pass one without "
    'isolation_level="AUTOCOMMIT", or engine.execution_options(isolation_level="READ COMMITTED").'
)


def _commits_each_statement(engine: Engine | AsyncEngine) -> bool:
    """Whether the engine is configured for AUTOCOMMIT. A listener could still set it on a connection."""
    level = engine.get_execution_options().get("isolation_level")
    return (level or getattr(engine.dialect, "_on_connect_isolation_level", None)) == "AUTOCOMMIT"


def _begin(connection: Connection) -> None:
    """Begin a transaction, and raise if the connection commits each statement."""
    connection.begin()
    driver: Any = connection.connection.dbapi_connection
    try:
        autocommit = connection.dialect.detect_autocommit_setting(driver)
    except NotImplementedError:
        return
    # A SQLite connection in the driver's autocommit mode is in a transaction if a listener has sent BEGIN.
    if autocommit and not getattr(connection.connection.driver_connection, "in_transaction", False):
        raise WebhookUsageError(_AUTOCOMMIT)


def _itself(connection: Connection) -> Connection:
    return connection


@contextmanager
def _guarded(connection: Connection) -> Generator[None]:
    """Prevent the function from ending the transaction. Its session only commits or rolls back a savepoint."""

    def refuse(_: Connection) -> None:
        raise LostTransactionError(_ENDED)

    for name in ("commit", "rollback"):
        listeners.listen(connection, name, refuse)
    try:
        yield
    finally:
        for name in ("commit", "rollback"):
            listeners.remove(connection, name, refuse)


def _not_finished(exc: BaseException, is_flushed: bool, id: str) -> FinSecureError | None:
    """Return our error for a failed commit; `None` if the function's writes caused it, to raise the original error."""
    orig = getattr(exc, "orig", None)
    if isinstance(exc, PendingRollbackError) or is_aborted(orig):
        return LostTransactionError(_SPOILT)
    if has_no_savepoint(orig):
        return LostTransactionError(_ENDED)
    if isinstance(exc, IntegrityError) or is_of_what_is_written(orig) or not isinstance(exc, Exception):
        return None
    if is_locked(orig):
        return in_progress(id)
    if (
        is_flushed
        or isinstance(exc, (OperationalError, InterfaceError))
        or getattr(exc, "connection_invalidated", False)
    ):
        return _unusable(exc)
    return None  # for example, an error of a listener of the session


_ENDED = (
    "The function ended the transaction in which its event is marked as done, so what it wrote and the mark are not "
    "committed together. Leave out COMMIT and ROLLBACK, commit() and rollback() of session.connection(), and in MySQL "
    "and MariaDB statements that commit, such as CREATE TABLE. session.commit() and session.rollback() are fine."
)
_SPOILT = (
    "The function caught an error of the database and went on, so its transaction cannot be committed, and nothing of "
    "it was. Run what may fail in `with session.begin_nested():`, or call session.rollback() before you go on."
)


def _leave(connection: Connection, session: Session | None = None) -> None:
    """Close the connection and session. Ignore database errors, which would hide an error of the function."""
    try:
        if session is not None:
            session.close()
        transaction = connection.get_transaction()
        if transaction is not None and not transaction.is_active:  # a failed commit, maybe still open
            _abandon(connection)
        connection.close()
    except Exception:  # noqa: BLE001 - the driver's connection is not reused
        connection.invalidate()
        connection.close()


async def _leave_async(connection: AsyncConnection, session: Session | None = None) -> None:
    """Do the same as `_leave`. Shielded, so that a cancelled task also releases the event."""
    await asyncio.shield(asyncio.ensure_future(connection.run_sync(_leave, session)))


def _abandon(connection: Connection) -> None:
    """Roll back the driver's transaction, so that the next user of the connection does not continue it."""
    try:
        connection.connection.rollback()
    except Exception:  # noqa: BLE001 - a driver's own error: do not reuse its connection
        connection.invalidate()


def _unusable(exc: BaseException) -> InboxError:
    return InboxError(unusable(getattr(exc, "orig", None) or exc))
