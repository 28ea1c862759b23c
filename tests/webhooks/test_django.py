"""DjangoInbox: inside Django's own transactions, or refused with a sentence that says what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connections, transaction

from finsecure import InboxError, WebhookUsageError, webhooks
from finsecure.sandbox import Clock
from finsecure.webhooks import DjangoInbox, Handler, Outcome

from .places import SECRET, Django, event_json

KINDS = ["django-sqlite", "django-async", "django-postgresql", "django-mysql"]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, open_empty: Callable[[str], Django]) -> Django:
    return open_empty(request.param)


def rows(place: Django) -> list[str]:
    from finsecure.webhooks.django.models import InboxRow

    return sorted(map(str, InboxRow._default_manager.using(place.alias)))  # pyright: ignore[reportPrivateUsage]


def test_the_migration_makes_the_table_as_the_model_says() -> None:
    """`makemigrations` finds nothing to add."""
    Django("django", "sqlite:///:memory:")
    call_command("makemigrations", "finsecure_webhooks", check=True, dry_run=True, verbosity=0)


def test_an_atomic_block_of_the_function_is_a_savepoint(place: Django) -> None:
    """A block inside the function may fail on its own, and what the function wrote besides is kept."""
    webhook = Handler(SECRET, inbox=place.inbox)

    @webhook.on("customer.created")
    def function(event: webhooks.CustomerCreated) -> None:
        place.app.effects(place.alias).create(event="before")
        with contextlib.suppress(RuntimeError), transaction.atomic(using=place.alias):
            place.app.effects(place.alias).create(event="inside")
            raise RuntimeError

    assert place.deliver(webhook).status == 200
    assert place.effects() == ["before"]


def test_code_in_a_transaction_already_is_refused(
    open_empty: Callable[[str], Django], caplog: pytest.LogCaptureFixture
) -> None:
    """Under ATOMIC_REQUESTS the event would not be committed with what was written: the log says what to do."""
    place = open_empty("django-sqlite")
    with transaction.atomic(using=place.alias):
        assert place.deliver(place.handler()) == Outcome(500, "failed", "evt_1")
    assert "decorate the view with @transaction.non_atomic_requests" in caplog.text
    assert "Traceback" not in caplog.text


def test_connections_that_never_commit_by_themselves_are_refused(
    open_empty: Callable[[str], Django], caplog: pytest.LogCaptureFixture
) -> None:
    """With AUTOCOMMIT off Django does not end transactions."""
    place = open_empty("django-sqlite")
    connections[place.alias].set_autocommit(False)
    assert place.deliver(place.handler()).status == 500
    connections[place.alias].set_autocommit(True)
    assert "do not set AUTOCOMMIT to False" in caplog.text


def test_a_missing_table_raises_an_error_that_says_what_to_do(place: Django, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is 500, so that the event comes again when the table is there."""
    call_command("migrate", "finsecure_webhooks", "zero", database=place.alias, verbosity=0)
    assert place.deliver(place.handler()) == Outcome(500, "failed", "evt_1")
    assert 'add "finsecure.webhooks.django" to INSTALLED_APPS, and run manage.py migrate' in caplog.text
    assert "Traceback" not in caplog.text
    place.set_up()
    assert place.deliver(place.handler()).status == 200


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/shop.db", "postgresql://u@127.0.0.1:1/shop", "mysql://u@127.0.0.1:1/shop"]
)
def test_a_database_that_is_down_is_a_sentence(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is 500, and the log says that the database cannot be used."""
    place = Django("django", url)
    assert place.deliver(place.handler()) == Outcome(500, "failed", "evt_1")
    assert "The database of the inbox cannot be used: OperationalError: " in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("kind", ["django-postgresql", "django-mysql"])
def test_an_event_in_another_transaction_is_retried_later(kind: str, open_empty: Callable[[str], Django]) -> None:
    """The row is locked there, and nobody waits for it."""
    place = open_empty(kind)
    second: list[Outcome] = []

    def meanwhile(_: str) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def deliver() -> Outcome:
            try:
                return place.deliver(place.handler())
            finally:
                connections[place.alias].close()

        with ThreadPoolExecutor(1) as thread:  # which has a connection of its own
            second.append(thread.submit(deliver).result())

    assert place.deliver(place.handler(meanwhile)).status == 200
    assert second == [Outcome(409, "in_progress", "evt_1")]
    assert place.effects() == ["evt_1"]


@pytest.mark.parametrize("kind", ["django-postgresql", "django-mysql"])
def test_a_row_that_is_deleted_in_between_is_retried_later(
    kind: str, open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the insert and the lock another process may have deleted the row as an old one."""
    place = open_empty(kind)
    monkeypatch.setattr(DjangoInbox, "_is_known", MagicMock(return_value=False))
    assert place.deliver(place.handler()).result == "in_progress"


@pytest.mark.parametrize("kind", ["django-sqlite", "django-postgresql"])
def test_an_event_that_is_done_in_between_is_a_duplicate(
    kind: str, open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look at the row and its lock another worker may have handled the event."""
    place = open_empty(kind)
    assert place.deliver(place.handler()).result == "handled"
    monkeypatch.setattr(DjangoInbox, "_is_known", MagicMock(return_value=False))
    assert place.deliver(place.handler()).result == "duplicate"
    assert place.effects() == ["evt_1"]


# A function that spoils the transaction, and a database that fails ----------------------------------------------------


def acting(place: Django, act: Callable[[], object]) -> Handler:
    """A handler whose function writes an effect and then acts."""
    webhook = Handler(SECRET, inbox=place.inbox)

    @webhook.on("customer.created")
    def function(event: webhooks.CustomerCreated) -> None:
        place.app.effects(place.alias).create(event=event.id)
        act()

    return webhook


def done(place: Django) -> list[str]:
    from finsecure.webhooks.django.models import InboxRow

    written: Any = InboxRow._default_manager.using(place.alias)  # pyright: ignore[reportPrivateUsage]
    return sorted(map(str, written.exclude(done=None)))


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError])
def test_a_commit_that_fails_is_an_error_of_ours(
    open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    """Also one that is no DatabaseError to Django; the driver's error is behind it, and the event comes again."""
    place = open_empty("django-sqlite")
    connection: Any = connections[place.alias]

    def fail() -> None:
        connection._rollback()
        raise failure("gone")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", fail)
        with pytest.raises(InboxError, match=f"cannot be used: {failure.__name__}: gone. See that it runs") as raised:
            acting(place, int).process(event_json("evt_1"))
        assert isinstance(raised.value.__cause__, failure)
    assert (place.effects(), done(place)) == ([], [])
    assert place.deliver(place.handler()).result == "handled"


def test_a_file_that_is_locked_at_the_commit_is_retried_later(open_empty: Callable[[str], Django]) -> None:
    """A reader of the SQLite file holds up the commit."""
    place = open_empty("django-sqlite")
    with contextlib.closing(sqlite3.connect(place.url.partition("///")[2])) as reader:
        rows = reader.execute("SELECT * FROM sqlite_master")
        webhook = acting(place, lambda: (place.run_sql("PRAGMA busy_timeout = 0"), rows.fetchone()))
        assert place.deliver(webhook) == Outcome(409, "in_progress", "evt_1")
        rows.close()
    place.run_sql("PRAGMA busy_timeout = 5000")
    assert (place.effects(), done(place)) == ([], [])
    assert place.deliver(place.handler()).result == "handled"


@pytest.mark.parametrize("kind", ["django-postgresql", "django-mysql"])
def test_a_connection_that_is_lost_is_an_error_of_ours_or_hides_none(
    kind: str, open_empty: Callable[[str], Django]
) -> None:
    """What the inbox cannot do is InboxError with Django's error behind it; what the function raised is its own."""
    place = open_empty(kind)

    def lose() -> None:
        mine = "SELECT pg_backend_pid()" if kind == "django-postgresql" else "SELECT connection_id()"
        end = "SELECT pg_terminate_backend({})" if kind == "django-postgresql" else "KILL {}"
        number = place.run_sql(mine)
        with contextlib.suppress(OperationalError):  # which ends the connection that says it
            place.run_sql(end.format(number))

    def lose_and_raise() -> None:
        lose()
        raise LookupError("mine")

    with pytest.raises(InboxError, match="cannot be used: ") as raised:
        acting(place, lose).process(event_json("evt_1"))
    assert isinstance(raised.value.__cause__, DatabaseError)
    with pytest.raises(LookupError, match="mine"):
        acting(place, lose_and_raise).process(event_json("evt_1"))
    assert (place.effects(), done(place)) == ([], [])
    assert place.deliver(place.handler()).result == "handled"


def test_a_server_that_is_gone_hides_no_error_of_the_function(
    open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django fails at the end of the block then; what the function raised leaves as it was."""
    place = open_empty("django-sqlite")
    connection: Any = connections[place.alias]

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    def raise_own() -> None:
        connection._rollback()
        connection.connection.close()
        patch.setattr(connection, "_rollback", fail)
        patch.setattr(connection, "connect", fail)
        patch.setattr(connection, "close", lambda: setattr(connection, "connection", None))
        raise LookupError("mine")

    with monkeypatch.context() as patch, pytest.raises(LookupError, match="mine"):
        acting(place, raise_own).process(event_json("evt_1"))
    assert (place.effects(), done(place)) == ([], [])
    assert place.deliver(place.handler()).result == "handled"


def test_a_function_that_breaks_the_transaction_is_reported(open_empty: Callable[[str], Django]) -> None:
    """Nothing of it is committed, so the event is not done: the error says what to do."""
    place = open_empty("django-sqlite")
    with pytest.raises(WebhookUsageError, match=r"called set_rollback\(True\)"):
        acting(place, lambda: transaction.set_rollback(True, using=place.alias)).process(event_json("evt_1"))
    with pytest.raises(WebhookUsageError, match="Leave out COMMIT and ROLLBACK"):
        acting(place, lambda: place.run_sql("ROLLBACK")).process(event_json("evt_1"))
    with pytest.raises(transaction.TransactionManagementError, match="forbidden"):
        acting(place, lambda: transaction.commit(using=place.alias)).process(event_json("evt_1"))
    assert (place.effects(), done(place)) == ([], [])
    assert place.deliver(place.handler()).result == "handled"


def test_an_error_that_the_function_caught_in_an_aborted_transaction_is_told(
    open_empty: Callable[[str], Django],
) -> None:
    """PostgreSQL commits nothing of it; the error names atomic()."""
    place = open_empty("django-postgresql")

    def act() -> None:
        with contextlib.suppress(DatabaseError):
            place.run_sql("SELECT nonsense")

    with pytest.raises(WebhookUsageError, match=r"caught an error .*transaction\.atomic\(\)"):
        acting(place, act).process(event_json("evt_1"))
    assert (place.effects(), done(place)) == ([], [])


@pytest.mark.parametrize("kind", ["django-sqlite", "django-postgresql"])
def test_what_fails_after_the_commit_is_the_functions_own_error(kind: str, open_empty: Callable[[str], Django]) -> None:
    """The event is done, so what `on_commit` called is not called again."""
    place = open_empty(kind)

    def fail() -> None:
        raise OperationalError("of a hook")

    with pytest.raises(OperationalError, match="of a hook"):
        acting(place, lambda: transaction.on_commit(fail, using=place.alias)).process(event_json("evt_1"))
    assert place.deliver(place.handler()).result == "duplicate"
    assert place.effects() == ["evt_1"]


def test_a_constraint_that_is_checked_at_the_commit_is_the_functions_own_error(
    open_empty: Callable[[str], Django],
) -> None:
    """As Django makes foreign keys."""
    place = open_empty("django-postgresql")
    place.run_sql("DROP TABLE IF EXISTS lines")
    place.run_sql("CREATE TABLE lines (id int PRIMARY KEY, of int REFERENCES lines DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(IntegrityError):
        acting(place, lambda: place.run_sql("INSERT INTO lines VALUES (1, 2)")).process(event_json("evt_1"))
    assert (place.effects(), done(place)) == ([], [])


def test_another_runtime_error_is_not_taken_for_one_of_a_transaction(
    open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest-django for example raises one where a test may not use the database."""
    place = open_empty("django-sqlite")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("not allowed")

    monkeypatch.setattr("django.db.models.query.QuerySet.first", refuse)
    with pytest.raises(RuntimeError, match="not allowed"):
        place.handler().process(event_json("evt_1"))


def test_what_is_done_is_forgotten_after_30_days(place: Django, clock: Clock) -> None:
    """Old rows are deleted by the way, at most once a minute; what is younger stays."""
    place.inbox = DjangoInbox(using=place.alias, clock=clock)
    webhook = place.handler()
    place.deliver(webhook, "evt_1")
    clock.advance(30 * 24 * 3600 - 30)
    place.deliver(webhook, "evt_2")
    clock.advance(31)
    place.deliver(webhook, "evt_3")
    assert rows(place) == ["evt_1", "evt_2", "evt_3"]  # not yet a minute later
    clock.advance(30)
    place.deliver(webhook, "evt_4")
    assert rows(place) == ["evt_2", "evt_3", "evt_4"]


def test_a_failed_deletion_does_not_undo_the_event(
    open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The event is done; old rows are deleted another time."""
    place = open_empty("django-sqlite")
    monkeypatch.setattr("finsecure.webhooks.django.inbox.SWEEP_ROWS", 2**70)  # more than SQLite can count
    monkeypatch.setattr("django.db.models.query.QuerySet.values_list", _fails)
    assert place.deliver(place.handler()).status == 200
    assert "Old rows of the inbox were not deleted: " in caplog.text
    assert place.deliver(place.handler()).result == "duplicate"


def _fails(*_: object, **__: object) -> None:
    from django.db import DatabaseError

    raise DatabaseError("disk full")
