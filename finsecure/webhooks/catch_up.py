"""Catches up on events that were never delivered: reads the API's list of events, oldest first.

Rules: the inbox stores "the place", a time before which every event is done, and the next run resumes there. The place
never moves past an event whose function failed. Each run starts a little before it, since an event may appear in the
list later than its `created` says. Events that are already done are recognized by their ids. An event that cannot be
read does not block later ones. Whatever the list says, the place never moves into the future, and a page is only
continued from an event with an id.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, cast

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from .._call import LIST, Call
from .._pages import AsyncPage, Page, Walk
from ..error import APIError, WebhookPayloadError, WebhookUsageError
from .inbox import Inbox, SyncInbox
from .receive import Event, validated

if TYPE_CHECKING:
    from .._client import AsyncClient, Client
    from .._operation import Sender

logger: logging.Logger = logging.getLogger("finsecure")

OVERLAP = 600  # seconds
KEEP_EVERY = 100  # store the place after so many events, in case the run is killed

# The names of two times that the inbox stores: every event between them is done.
COVERED_SINCE = "catch_up since"
COVERED_UNTIL = "catch_up until"


class CaughtUp(NamedTuple):
    """The number of events by outcome, as `catch_up` returns it.

    Attributes:
        handled: Events whose functions were called.
        duplicate: Events that were already done.
        ignored: Events without a function.
        in_progress: Events that another worker was handling.
        failed: Events whose function raised. They are logged, and the next run starts before them.
        unreadable: Events that this version cannot read. They are passed to the function of `unreadable`, or logged and
            skipped.
    """

    handled: int = 0
    duplicate: int = 0
    ignored: int = 0
    in_progress: int = 0
    failed: int = 0
    unreadable: int = 0


class Unreadable:
    """An entry in the list of events that this version cannot read."""

    _numbers = itertools.count()

    def __init__(self, value: Any) -> None:
        given: Any = cast("dict[str, Any]", value).get("id") if isinstance(value, dict) else None
        self.has_id: bool = isinstance(given, str) and given != ""
        self.id: str = given if self.has_id else f"without an id ({next(self._numbers)})"
        self.body: bytes = json.dumps(value, ensure_ascii=False).encode()

    def error(self) -> WebhookPayloadError:
        """Return an error that says what is wrong with it."""
        return WebhookPayloadError(f"Event {self.id} in the list of events cannot be read: {validated(self.body)[1]}.")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls)


Listed: TypeAlias = Annotated[Event | Unreadable, Field(union_mode="left_to_right")]


class Run:
    """One run: where it starts, how many events had each outcome, and the time until which all are done.

    Args:
        since: Where to start, in Unix seconds.
        now: The current time, in Unix seconds.
        oldest: The earliest time from which the ids of events are still stored.
        covered: The start and end of the time in which earlier runs handled all events.
    """

    def __init__(self, since: float, now: float, oldest: float, covered: tuple[float | None, float | None]) -> None:
        covered_since, covered_until = covered
        self.begins: float = since
        self.covered_since: float = since
        if covered_until is not None and covered_until > now:  # a clock was wrong, so it is unknown how far a run got
            self.begins = max(min(since, now - OVERLAP), oldest)
        elif covered_until is not None and (covered_since is None or covered_since <= since):
            self.begins = max(covered_until - OVERLAP, oldest)
            self.covered_since = since if covered_since is None else covered_since
            if covered_until < oldest:
                logger.warning(
                    "catch_up leaves out %.1f days: the last run got that much further back than the inbox keeps ids. "
                    "Run it more often, or give the inbox a longer kept_for.",
                    (oldest - covered_until) / 86400,
                )
        self.until: float = self.begins
        self._now = now
        self._counts = dict.fromkeys(CaughtUp._fields, 0)
        self._is_held_up = False

    def add(self, event: Event | Unreadable, count: str) -> bool:
        """Count an event, and return whether to store the place now."""
        self._counts[count] += 1
        created: Any = getattr(event, "created", None)
        moment = created.timestamp() if isinstance(created, datetime) else self.until
        if count in {"in_progress", "failed"}:
            self._is_held_up = True
            self.until = min(self.until, moment)
        elif not self._is_held_up:
            self.until = max(self.until, min(moment, self._now))
        return sum(self._counts.values()) % KEEP_EVERY == 0

    def end(self) -> CaughtUp:
        """End the run: move the place to the current time if every event is done, and return the counts."""
        if not self._is_held_up:
            self.until = max(self.until, self._now)
        return CaughtUp(**self._counts)


def catch_up(inbox: SyncInbox, client: Client, since: Any, handle: Callable[[Event | Unreadable], str]) -> CaughtUp:
    """Read the list and call `handle` for each event; it returns the name of the count to increase."""
    now, oldest = _bounds(inbox, client)
    covered = inbox.place(COVERED_SINCE), inbox.place(COVERED_UNTIL)
    run = Run(check_since(since, now, oldest), now, oldest, covered)
    for event in _oldest_first(client, run.begins):
        if run.add(event, handle(event)):
            _keep(inbox, run)
    counts = run.end()
    _keep(inbox, run)
    return counts


async def catch_up_async(
    inbox: Inbox, client: AsyncClient, since: Any, handle: Callable[[Event | Unreadable], Awaitable[str]]
) -> CaughtUp:
    """Do the same as `catch_up`, in async code."""
    now, oldest = _bounds(inbox, client)
    covered = await _ask(inbox, "place", COVERED_SINCE), await _ask(inbox, "place", COVERED_UNTIL)
    run = Run(check_since(since, now, oldest), now, oldest, covered)
    async for event in _oldest_first_async(client, run.begins):
        if run.add(event, await handle(event)):
            await _keep_async(inbox, run)
    counts = run.end()
    await _keep_async(inbox, run)
    return counts


def _bounds(inbox: Inbox, client: Client | AsyncClient) -> tuple[float, float]:
    """Return the client's time, and the earliest time from which the inbox still knows which events are done."""
    now = client._config.clock.time()  # pyright: ignore[reportPrivateUsage]
    return now, now - inbox.kept_for


def _keep(inbox: SyncInbox, run: Run) -> None:
    inbox.keep_place(COVERED_UNTIL, run.until)
    inbox.keep_place(COVERED_SINCE, run.covered_since)


async def _keep_async(inbox: Inbox, run: Run) -> None:
    await _ask(inbox, "keep_place", COVERED_UNTIL, run.until)
    await _ask(inbox, "keep_place", COVERED_SINCE, run.covered_since)


async def _ask(inbox: Inbox, method: Literal["place", "keep_place"], *arguments: Any) -> Any:
    if inbox.style == "sync":
        return await cast("SyncInbox", inbox).threads.run_in_thread(getattr(inbox, method), *arguments)
    return await getattr(inbox, f"{method}_async")(*arguments)


def check_since(since: Any, now: float, oldest: float) -> float:
    """Check `since`, and convert it to Unix seconds."""
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise WebhookUsageError("since is a datetime without a time zone: pass an aware datetime, or Unix seconds.")
        since = since.timestamp()
    if isinstance(since, bool) or not isinstance(since, (int, float)) or not math.isfinite(since):
        raise WebhookUsageError(f"since is {since!r}: pass Unix seconds or an aware datetime.")
    if since > now:
        raise WebhookUsageError(f"since is {since!r}, which is in the future: pass Unix seconds (not milliseconds).")
    if since < oldest:
        days = (now - oldest) / 86400
        raise WebhookUsageError(
            f"since is {(now - since) / 86400:.1f} days ago, but the inbox remembers for only {days:g} days which "
            "events are done, so earlier events might be handled twice. Pass a later time, or create the inbox with a "
            "longer kept_for before you need it."
        )
    return float(since)


def _listing(begins: float, **cursor: str) -> Call[Page[Event | Unreadable]]:
    listed: Any = Listed  # a union, which type checkers do not accept as a `type`
    return LIST("/v1/events", listed, created={"gte": int(begins)}, limit=100, **cursor)


class OldestFirst:
    """Reads the list, which is newest first, from its last page back to its first.

    A page is only continued from an event with an id. If a page has a next one, the events after its last event with an
    id are skipped, since they come again on the next page.

    Attributes:
        call: The call for the next page; `None` at the end.
    """

    def __init__(self, begins: float) -> None:
        self.call: Call[Page[Event | Unreadable]] | None = _listing(begins)
        self._begins = begins
        self._before: list[Event | Unreadable] = []  # of the previous page, newest first
        self._pages = 0
        self._goes_back = True
        self._walk = Walk()

    def take(self, page: Page[Event | Unreadable] | AsyncPage[Event | Unreadable]) -> list[Event | Unreadable]:
        """Take a page, and return the events to handle now, oldest first."""
        events, cursor = self._part(page)
        if not self._goes_back:
            self.call = None if cursor is None else _listing(self._begins, ending_before=cursor)
            return events
        self._pages += 1
        if cursor is not None:
            self.call = _listing(self._begins, starting_after=cursor)
            self._before = events
            return []
        if self._pages <= 2 or not any(map(_has_id, events)):
            events = self._before + events
        if self._pages <= 2:  # the whole list was read
            self.call = None
            return events[::-1]
        self._goes_back = False
        self._walk = Walk()
        newest = next(index for index, event in enumerate(events) if _has_id(event))
        self.call = _listing(self._begins, ending_before=events[newest].id)
        return events[newest:][::-1]

    def _part(self, page: Any) -> tuple[list[Event | Unreadable], str | None]:
        """Return the events to take from a page, in the direction of reading, and the cursor of the next page."""
        events: list[Event | Unreadable] = page.data if self._goes_back else page.data[::-1]
        with_id = [index for index, event in enumerate(events) if _has_id(event)]
        if page.has_more and not with_id:
            raise APIError(
                "The list of events has a page on which no event has an id, so catch_up cannot go on from there. The "
                "next run begins where this one did; ask support with the request id.",
                http_status=page.last_response.status_code,
                request_id=page.last_response.request_id,
            )
        if page.has_more:
            events = events[: with_id[-1] + 1]
        cursor = events[-1].id if page.has_more else None
        self._walk.reach(page, [events[index].id for index in with_id], cursor)
        return events, cursor


def _has_id(event: Event | Unreadable) -> bool:
    return not isinstance(event, Unreadable) or event.has_id


def _oldest_first(client: Client, begins: float) -> Generator[Event | Unreadable]:
    """Yield every event since a time."""
    way = OldestFirst(begins)
    while way.call is not None:
        page: Any = cast("Sender", client).send_list(way.call)
        if not isinstance(page, Page):
            raise WebhookUsageError("catch_up was given an async client: pass a Client, or await catch_up_async.")
        yield from way.take(cast("Page[Event | Unreadable]", page))


async def _oldest_first_async(client: AsyncClient, begins: float) -> AsyncGenerator[Event | Unreadable]:
    """Do the same as `_oldest_first`, in async code."""
    way = OldestFirst(begins)
    while way.call is not None:
        page: Any = cast("Sender", client).send_list(way.call)
        if isinstance(page, Page):
            raise WebhookUsageError("catch_up_async was given a sync client: pass an AsyncClient, or call catch_up.")
        for event in way.take(await page):
            yield event
