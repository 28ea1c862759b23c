"""Catching up: what no delivery brought is handled from the list of events, once, and nothing is missed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

import finsecure
from finsecure import WebhookUsageError, webhooks
from finsecure.sandbox import Sandbox
from finsecure.webhooks import CaughtUp, Handler, InboxError, MemoryInbox
from finsecure.webhooks.catch_up import COVERED_UNTIL

from ..conftest import NOON
from .places import SECRET, Place

DAY = 24 * 3600
Catch = Callable[..., CaughtUp]


@pytest.fixture(params=["sync", "async"])
def catch_up(request: pytest.FixtureRequest, sandbox: Sandbox) -> Catch:
    """`catch_up` with a client of the sandbox, or `catch_up_async` with an async one."""
    options: Any = {"base_url": sandbox.base_url, "clock": sandbox.clock}

    def catch_up(webhook: Handler, since: Any, transport: Any = sandbox.transport) -> CaughtUp:
        with httpx.Client(transport=transport, trust_env=False) as http_client:
            client = finsecure.Client(sandbox.secret_key, http_client=http_client, **options)
            return webhook.catch_up(client, since=since)

    def catch_up_async(webhook: Handler, since: Any, transport: Any = sandbox.transport) -> CaughtUp:
        async def run() -> CaughtUp:
            async with httpx.AsyncClient(transport=transport, trust_env=False) as http_client:
                client = finsecure.AsyncClient(sandbox.secret_key, http_client=http_client, **options)
                return await webhook.catch_up_async(client, since=since)

        return asyncio.run(run())

    return catch_up if request.param == "sync" else catch_up_async


class Shop:
    """A handler that keeps the ids it was called with, over an inbox."""

    def __init__(self, sandbox: Sandbox, inbox: Any = None) -> None:
        self.sandbox = sandbox
        self.taken: list[str] = []
        self.failing: set[str] = set()
        self.inbox: Any = MemoryInbox(clock=sandbox.clock) if inbox is None else inbox
        self.webhook = Handler(SECRET, inbox=self.inbox)
        self.webhook.on("customer.created")(self._take)

    def _take(self, event: webhooks.CustomerCreated) -> None:
        if event.id in self.failing:
            raise RuntimeError(event.id)
        self.taken.append(event.id)

    @property
    def now(self) -> float:
        return self.sandbox.clock.time()

    def happen(self, count: int = 1, seconds: float = 0) -> list[str]:
        """So many customers are created, so many seconds apart."""
        client = self.sandbox.client()
        before = {event.id for event in client.events.list(limit=100)}
        for _ in range(count):
            self.sandbox.clock.advance(seconds)
            client.customers.create(email="someone@example.com")
        return [event.id for event in reversed(list(client.events.list(limit=100))) if event.id not in before]

    def deliver(self, id: str) -> str:
        body = self.sandbox.client().events.retrieve(id).to_json()
        return self.webhook.handle(body, webhooks.sign(body, SECRET)).result


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


@pytest.mark.parametrize("number", [0, 1, 100, 250])
def test_events_are_handled_oldest_first_over_all_pages(shop: Shop, catch_up: Catch, number: int) -> None:
    """The list is newest first and comes in pages; its events are handled in the order in which they happened."""
    begin = shop.now
    happened = shop.happen(number, seconds=1)
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=number)
    assert shop.taken == happened


def test_an_event_that_came_both_ways_is_handled_once(shop: Shop, catch_up: Catch) -> None:
    """A delivery before catching up and one after it are duplicates."""
    first, second = shop.happen(2)
    assert shop.deliver(first) == "handled"
    assert catch_up(shop.webhook, shop.now - DAY) == CaughtUp(handled=1, duplicate=1)
    assert shop.deliver(second) == "duplicate"
    assert shop.taken == [first, second]


def test_the_next_run_goes_on_from_its_place_with_an_overlap(shop: Shop, catch_up: Catch) -> None:
    """A run looks back ten minutes from where the last one ended, not to `since` again."""
    begin = shop.now
    shop.happen(3)
    shop.sandbox.clock.advance(3600)
    recent = shop.happen(2)
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=5)
    shop.sandbox.clock.advance(300)
    new = shop.happen(1)
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=1, duplicate=2)
    assert shop.taken[-3:] == recent + new


def test_a_gap_between_runs_is_not_missed(shop: Shop, catch_up: Catch) -> None:
    """Where cron did not run for days, the next run begins at the place, though `since` is later."""
    catch_up(shop.webhook, shop.now - 3600)
    missed = shop.happen(2, seconds=60)
    shop.sandbox.clock.advance(3 * DAY)
    assert catch_up(shop.webhook, shop.now - 3600) == CaughtUp(handled=2)
    assert shop.taken == missed


def test_a_moment_before_what_was_covered_is_walked_again(shop: Shop, catch_up: Catch) -> None:
    """Who asks for events of before the first run gets them."""
    begin = shop.now
    old = shop.happen(2)
    shop.sandbox.clock.advance(DAY)
    new = shop.happen(1)
    assert catch_up(shop.webhook, shop.now - 60) == CaughtUp(handled=1)
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=2, duplicate=1)
    assert shop.taken == new + old


def test_an_event_whose_function_fails_holds_the_place(
    shop: Shop, catch_up: Catch, caplog: pytest.LogCaptureFixture
) -> None:
    """Later events are handled, the log names the one that failed, and the next run tries it again however late."""
    begin = shop.now
    first, poison, last = shop.happen(3, seconds=3600)
    shop.failing = {poison}
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=2, failed=1)
    assert f"Handling event {poison} failed" in caplog.text
    shop.sandbox.clock.advance(2 * DAY)
    shop.failing = set()
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=1, duplicate=2)
    assert shop.taken == [first, last, poison]


def test_an_event_that_another_worker_has_holds_the_place(shop: Shop, catch_up: Catch) -> None:
    """It may fail there, so the next run looks at it again."""
    begin = shop.now
    (held,) = shop.happen(1)
    with shop.inbox.claim(held):
        assert catch_up(shop.webhook, begin) == CaughtUp(in_progress=1)
    shop.sandbox.clock.advance(DAY)
    assert catch_up(shop.webhook, begin) == CaughtUp(duplicate=1)


def test_events_without_a_function_are_counted(shop: Shop, catch_up: Catch) -> None:
    """They are ignored, as on delivery."""
    shop.sandbox.client().payment_intents.create(amount=2000, currency="usd")
    client = shop.sandbox.client()
    customer = client.customers.create(email="a@example.com")
    client.customers.update(customer.id, name="A")
    assert catch_up(shop.webhook, shop.now - 1) == CaughtUp(handled=1, ignored=1)


class Garbling(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A way to the sandbox on which the answers to lists are changed."""

    def __init__(self, sandbox: Sandbox, change: Callable[[bytes], bytes]) -> None:
        self.sandbox = sandbox
        self.change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.sandbox.transport.handle_request(request)
        return httpx.Response(response.status_code, content=self.change(response.read()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.sandbox.transport.handle_async_request(request)
        return httpx.Response(response.status_code, content=self.change(await response.aread()))


def damaged(sandbox: Sandbox, id: str, event: Any) -> Garbling:
    """The list has something else where this event was."""

    def change(body: bytes) -> bytes:
        page = json.loads(body)
        page["data"] = [event if each["id"] == id else each for each in page["data"]]
        return json.dumps(page).encode()

    return Garbling(sandbox, change)


UNREADABLE: dict[str, Any] = {
    "no type": {"id": "evt_odd", "object": "event"},
    "no event": {"id": "evt_odd", "object": "customer"},
    "no id": {"object": "event", "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}}},
    "a number for an id": {"id": 5, "object": "event"},
    "of a known type, but another object": {
        "id": "evt_odd",
        "object": "event",
        "type": "customer.created",
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    },
    "null": None,
    "text": "event",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_event_that_cannot_be_read_is_skipped(
    shop: Shop, catch_up: Catch, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and logged, the events after it are handled, and the next run does not begin before it."""
    begin = shop.now
    first, odd, last = shop.happen(3, seconds=3600)
    transport = damaged(shop.sandbox, odd, UNREADABLE[name])
    assert catch_up(shop.webhook, begin, transport) == CaughtUp(handled=2, unreadable=1)
    assert shop.taken == [first, last]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "in the list of events cannot be read: " in line
    assert "@webhook.unreadable" in line
    shop.sandbox.clock.advance(DAY)
    assert catch_up(shop.webhook, begin, transport) == CaughtUp(duplicate=1)  # of the overlap


def test_an_event_that_cannot_be_read_goes_to_the_function_for_such(shop: Shop, catch_up: Catch) -> None:
    begin = shop.now
    odd, last = shop.happen(2)
    taken: list[tuple[Any, str]] = []

    @shop.webhook.unreadable
    def take(body: bytes, error: finsecure.WebhookPayloadError) -> None:
        taken.append((json.loads(body), str(error)))

    given = UNREADABLE["no type"]
    assert catch_up(shop.webhook, begin, damaged(shop.sandbox, odd, given)) == CaughtUp(handled=1, unreadable=1)
    assert taken == [(given, taken[0][1])]
    assert taken[0][1].startswith("Event evt_odd in the list of events cannot be read: ")
    assert shop.taken == [last]


def test_where_the_function_for_such_fails_the_next_run_tries_again(
    shop: Shop, catch_up: Catch, caplog: pytest.LogCaptureFixture
) -> None:
    begin = shop.now
    odd, last = shop.happen(2)

    @shop.webhook.unreadable
    def fail(body: bytes) -> None:
        raise RuntimeError

    transport = damaged(shop.sandbox, odd, UNREADABLE["no type"])
    assert catch_up(shop.webhook, begin, transport) == CaughtUp(handled=1, failed=1)
    assert "Handling event evt_odd failed. The next run of catch_up tries it again." in caplog.text
    shop.sandbox.clock.advance(DAY)
    assert catch_up(shop.webhook, begin, transport) == CaughtUp(duplicate=1, failed=1)
    assert shop.taken == [last]


def test_half_a_surrogate_pair_does_not_hold_up_the_list(shop: Shop, catch_up: Catch) -> None:
    """It is read as U+FFFD, as in a delivery."""
    begin = shop.now
    happened = shop.happen(2)
    transport = Garbling(shop.sandbox, lambda body: body.replace(b"someone@", b"\\ud800@"))
    assert catch_up(shop.webhook, begin, transport) == CaughtUp(handled=2)
    assert shop.taken == happened


def test_a_run_that_is_killed_keeps_its_place_on_the_way(shop: Shop, catch_up: Catch) -> None:
    """The place is kept each hundred events, so that the next run does not begin at the beginning."""
    begin = shop.now
    happened = shop.happen(150, seconds=60)

    def die(event: webhooks.CustomerCreated) -> None:
        if event.id == happened[120]:
            raise KeyboardInterrupt

    dying = Handler(SECRET, inbox=shop.inbox)
    dying.on("customer.created")(die)
    with pytest.raises(KeyboardInterrupt):
        catch_up(dying, begin)
    counts = catch_up(shop.webhook, begin)
    assert counts.handled == 30
    assert counts.duplicate < 40


@pytest.mark.parametrize("kind", ["pysqlite", "django-sqlite"])
def test_async_code_catches_up_with_a_sync_inbox(
    kind: str, open_empty: Callable[[str], Place], sandbox: Sandbox, catch_up: Catch
) -> None:
    """The place of a sync inbox is kept in a thread."""
    shop = Shop(sandbox, open_empty(kind).inbox)
    happened = shop.happen(2)
    assert catch_up(shop.webhook, shop.now - 1) == CaughtUp(handled=2)
    assert catch_up(shop.webhook, shop.now - 1) == CaughtUp(duplicate=2)
    assert shop.taken == happened


def test_an_inbox_that_fails_ends_the_run(shop: Shop, catch_up: Catch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the inbox no event is done, so the run raises and does not go on."""
    shop.happen(2)

    def claim(*_: object) -> None:
        raise InboxError("down")

    monkeypatch.setattr(shop.inbox, "claim", claim)
    monkeypatch.setattr(shop.inbox, "claim_async", claim)
    with pytest.raises(InboxError):
        catch_up(shop.webhook, shop.now - 1)


def test_a_function_that_spoils_its_transaction_fails_alone(
    open_empty: Callable[[str], Place], sandbox: Sandbox, catch_up: Catch
) -> None:
    """The inbox itself is well, so the later events are handled."""
    shop = Shop(sandbox, open_empty("pysqlite").inbox)
    spoilt, last = shop.happen(2)
    webhook = Handler(SECRET, inbox=shop.inbox)

    @webhook.on("customer.created")
    def function(event: webhooks.CustomerCreated, session: Session) -> None:
        if event.id == spoilt:
            session.connection().commit()
        shop.taken.append(event.id)

    assert catch_up(webhook, shop.now - 1) == CaughtUp(handled=1, failed=1)
    assert shop.taken == [last]


def test_since_is_seconds_or_an_aware_datetime(shop: Shop, catch_up: Catch) -> None:
    """Both say the same moment."""
    shop.happen(1)
    assert catch_up(shop.webhook, datetime.fromtimestamp(shop.now - 5, timezone.utc)) == CaughtUp(handled=1)
    assert catch_up(shop.webhook, datetime.fromtimestamp(shop.now - 5, timezone(timedelta(hours=5)))).duplicate == 1
    assert catch_up(shop.webhook, int(shop.now) - 5).duplicate == 1


@pytest.mark.parametrize(
    ("since", "match"),
    [
        (None, "pass Unix seconds or an aware datetime"),
        (True, "pass Unix seconds or an aware datetime"),
        ("yesterday", "pass Unix seconds or an aware datetime"),
        (float("nan"), "pass Unix seconds or an aware datetime"),
        (datetime(2022, 1, 1), "without a time zone"),  # noqa: DTZ001 - the mistake
        (NOON * 1000, "milliseconds"),
        (NOON - 31 * DAY, "31.0 days ago, but the inbox remembers for only 30 days"),
        (0, "days ago"),
    ],
)
def test_a_since_that_cannot_be_is_refused(shop: Shop, catch_up: Catch, since: Any, match: str) -> None:
    """What is no moment, lies ahead, or longer ago than ids are kept is refused before anything is asked."""
    with pytest.raises(WebhookUsageError, match=match):
        catch_up(shop.webhook, since)


def test_catching_up_needs_an_inbox(sandbox: Sandbox, catch_up: Catch) -> None:
    """Without one, events that were delivered would be handled again."""
    with pytest.raises(WebhookUsageError, match="needs an inbox"):
        catch_up(Handler(SECRET), sandbox.clock.time())


def test_each_client_has_its_own_method(sandbox: Sandbox) -> None:
    """The wrong kind of client is refused with the method that it is for."""
    shop = Shop(sandbox)
    client: Any = finsecure.AsyncClient("sk_test_1", clock=sandbox.clock)
    with pytest.raises(WebhookUsageError, match="await catch_up_async"):
        shop.webhook.catch_up(client, since=shop.now)
    sync_client: Any = sandbox.client()
    with pytest.raises(WebhookUsageError, match="call catch_up"):
        asyncio.run(shop.webhook.catch_up_async(sync_client, since=shop.now))


def test_an_empty_last_page_is_no_trouble(sandbox: Sandbox, catch_up: Catch) -> None:
    """The list may say that there are more events where there are none any longer."""
    shop = Shop(sandbox)
    about = {"id": "cus_1", "object": "customer"}
    events = [
        {"id": name, "object": "event", "type": "customer.created", "data": {"object": about}, "created": NOON}
        for name in ("evt_2", "evt_1")
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        is_first = "starting_after" not in request.url.params
        page = {"object": "list", "data": events if is_first else [], "has_more": is_first, "url": "/v1/events"}
        return httpx.Response(200, json=page)

    assert catch_up(shop.webhook, shop.now - 60, httpx.MockTransport(answer)) == CaughtUp(handled=2)
    assert shop.taken == ["evt_1", "evt_2"]


class Listing:
    """A list of events with and without ids, newest first, that comes in pages of three whatever was asked for.

    Args:
        names: An id for each event, oldest first; `None` where it has none.
    """

    def __init__(self, names: list[str | None], created: Callable[[int], float] = lambda _: NOON) -> None:
        self.events: list[dict[str, Any]] = []
        for index, name in enumerate(names):
            about = {"id": "cus_1", "object": "customer"}
            event = {"object": "event", "type": "customer.created", "data": {"object": about}}
            self.events.insert(0, {**event, "created": created(index), **({} if name is None else {"id": name})})
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        ids = [event.get("id") for event in self.events]
        if "ending_before" in asked:
            newer = self.events[: ids.index(asked["ending_before"])]
            page, has_more = newer[-3:], len(newer) > 3
        else:
            older = self.events[ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0 :]
            page, has_more = older[:3], len(older) > 3
        return httpx.Response(200, json={"object": "list", "data": page, "has_more": has_more, "url": "/v1/events"})


@pytest.mark.parametrize("has_id", [*itertools.product([True, False], repeat=7)][::3])
def test_an_event_without_an_id_at_the_edge_of_a_page_ends_nothing(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, has_id: tuple[bool, ...]
) -> None:
    """Each event is handled once, oldest first, or the run says that it cannot go on and keeps its place."""
    caplog.set_level("CRITICAL")
    names = [f"evt_{index}" if named else None for index, named in enumerate(has_id)]
    shop = Shop(sandbox)
    with httpx.Client(transport=Listing(names).transport) as http_client:
        client = finsecure.Client(sandbox.secret_key, http_client=http_client, clock=sandbox.clock)
        if "FFF" not in "".join("T" if named else "F" for named in has_id[1:]):  # the last page leads nowhere
            counts = shop.webhook.catch_up(client, since=shop.now - 60)
            assert counts == CaughtUp(handled=sum(has_id), unreadable=7 - sum(has_id))
            assert shop.taken == [name for name in names if name]
        else:
            with pytest.raises(finsecure.APIError, match="no event has an id, so catch_up cannot go on"):
                shop.webhook.catch_up(client, since=shop.now - 60)
            assert shop.inbox.place(COVERED_UNTIL) is None


def test_events_without_an_id_are_no_end_in_async_code(shop: Shop, catch_up: Catch) -> None:
    """Both ways of the list are walked by events that have an id."""
    names = [None, "evt_1", None, None, "evt_4", "evt_5", None, "evt_7", None, None, "evt_10", None]
    counts = catch_up(shop.webhook, shop.now - 60, Listing(names).transport)
    assert counts == CaughtUp(handled=5, unreadable=7)
    assert shop.taken == [name for name in names if name]


def test_a_list_that_runs_in_a_circle_is_an_error(shop: Shop, catch_up: Catch) -> None:
    """The run ends with an error of the API, and keeps its place."""
    about = {"id": "cus_1", "object": "customer"}
    event = {"object": "event", "type": "customer.created", "data": {"object": about}, "created": NOON}

    def answer(request: httpx.Request) -> httpx.Response:
        other = "evt_2" if request.url.params.get("starting_after") == "evt_1" else "evt_1"
        return httpx.Response(200, json={"object": "list", "data": [{**event, "id": other}], "has_more": True})

    with pytest.raises(finsecure.APIError, match="run in a circle"):
        catch_up(shop.webhook, shop.now - 60, httpx.MockTransport(answer))
    assert shop.taken == []
    assert shop.inbox.place(COVERED_UNTIL) is None


def test_an_event_of_the_future_does_not_move_the_place_there(shop: Shop, catch_up: Catch) -> None:
    """The events between now and then would be missed."""
    begin = shop.now
    far = Listing(["evt_far"], lambda _: NOON + 400 * DAY)
    assert catch_up(shop.webhook, begin, far.transport) == CaughtUp(handled=1)
    missed = shop.happen(1)
    shop.sandbox.clock.advance(DAY)
    assert catch_up(shop.webhook, shop.now).handled == 1
    assert shop.taken == ["evt_far", *missed]


def test_an_event_that_fails_holds_the_place_in_a_list_that_is_not_sorted(shop: Shop, catch_up: Catch) -> None:
    """The place never goes past it."""
    listing = Listing(["evt_new", "evt_old"], lambda index: NOON - 7200 * index)
    shop.failing = {"evt_old"}
    assert catch_up(shop.webhook, shop.now - DAY, listing.transport) == CaughtUp(handled=1, failed=1)
    assert shop.inbox.place(COVERED_UNTIL) <= NOON - 7200


def test_a_place_in_the_future_is_not_believed(shop: Shop, catch_up: Catch) -> None:
    """The clock of an earlier run was ahead, so nobody knows what it covered: `since` says where to begin."""
    happened = shop.happen(1)
    begin = shop.now - 60
    shop.sandbox.clock.advance(DAY)
    shop.inbox.keep_place(COVERED_UNTIL, shop.now + 5 * DAY)
    assert catch_up(shop.webhook, begin) == CaughtUp(handled=1)
    assert shop.taken == happened
    assert shop.inbox.place(COVERED_UNTIL) == shop.now


def test_a_run_after_more_days_than_ids_are_kept_says_what_it_leaves_out(
    shop: Shop, catch_up: Catch, caplog: pytest.LogCaptureFixture
) -> None:
    """Events of that time might be handled twice, so they are not handled, and the log says so."""
    catch_up(shop.webhook, shop.now)
    assert "leaves out" not in caplog.text
    shop.happen(1, seconds=DAY)
    shop.sandbox.clock.advance(32 * DAY)
    assert catch_up(shop.webhook, shop.now - DAY) == CaughtUp()
    assert "catch_up leaves out 3.0 days: the last run" in caplog.text
