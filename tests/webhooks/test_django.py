"""DjangoInbox: inside Django's own transactions, or refused with a sentence that says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from unittest.mock import MagicMock

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from finsecure import webhooks
from finsecure.sandbox import Clock
from finsecure.webhooks import DjangoInbox, Handler, Outcome

from .places import SECRET, Django

KINDS = ["django-sqlite", "django-async", "django-postgresql", "django-mysql"]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, open_empty: Callable[[str], Django]) -> Django:
    return open_empty(request.param)


def rows(place: Django) -> list[str]:
    from finsecure.webhooks.django.models import InboxRow

    return sorted(map(str, InboxRow._default_manager.using(place.alias)))  # pyright: ignore[reportPrivateUsage]


def test_the_migration_makes_the_table_as_the_model_says() -> None:
    """`makemigrations` finds nothing to add."""
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


def test_a_missing_table_is_a_sentence_that_says_what_to_do(place: Django, caplog: pytest.LogCaptureFixture) -> None:
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
def test_an_event_in_another_transaction_is_told_to_come_again(kind: str, open_empty: Callable[[str], Django]) -> None:
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
def test_a_row_that_is_deleted_in_between_is_told_to_come_again(
    kind: str, open_empty: Callable[[str], Django], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the insert and the lock another process may have deleted the row as an old one."""
    place = open_empty(kind)
    monkeypatch.setattr(DjangoInbox, "_insert", MagicMock())
    assert place.deliver(place.handler()).result == "in_progress"


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
