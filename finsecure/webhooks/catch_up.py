"""Catching up: the events of the API's list that no delivery brought, oldest first, from where the last run ended.

Rules: the place is a moment before which every event is done. It never goes past an event whose function failed, and
each run begins a little before it, since an event may appear in the list later than its `created` says. Events that
are done already are known by their ids. An event that cannot be read does not hold up those after it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, cast

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from .._call import LIST, Call
from .._pages import AsyncPage, Page
from ..error import WebhookPayloadError, WebhookUsageError
from .inbox import Inbox, SyncInbox
from .receive import Event, validated

if TYPE_CHECKING:
    from .._client import AsyncClient, Client
    from .._operation import Sender

OVERLAP = 600  # seconds
KEEP_EVERY = 100  # events after which the place is kept, as a run may be killed

# What an inbox keeps: every event between the two moments is done.
COVERED_SINCE = "catch_up since"
COVERED_UNTIL = "catch_up until"


class CaughtUp(NamedTuple):
    """What came of catching up.

    Attributes:
        handled: Events whose functions were called.
        duplicate: Events that were done already.
        ignored: Events that no function is for.
        in_progress: Events that another worker had at that moment.
        failed: Events whose functions raised, which the log names. The next run begins before them.
        unreadable: Events that this version cannot read: given to the function of `unreadable`, or skipped with a line
            in the log.
    """

    handled: int = 0
    duplicate: int = 0
    ignored: int = 0
    in_progress: int = 0
    failed: int = 0
    unreadable: int = 0


class Unreadable:
    """Something in the list of events that is no event this version can read."""

    _numbers = itertools.count()

    def __init__(self, value: Any) -> None:
        given: Any = cast("dict[str, Any]", value).get("id") if isinstance(value, dict) else None
        self.id: str = given if isinstance(given, str) and given else f"without an id ({next(self._numbers)})"
        self.body: bytes = json.dumps(value, ensure_ascii=False).encode()

    def error(self) -> WebhookPayloadError:
        """What is wrong with it."""
        return WebhookPayloadError(f"Event {self.id} in the list of events cannot be read: {validated(self.body)[1]}.")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls)


Listed: TypeAlias = Annotated[Event | Unreadable, Field(union_mode="left_to_right")]


class Walk:
    """One run: where it begins, what came of each event, and how far everything is done.

    Args:
        since: Where it is to begin, in Unix seconds.
        now: The time.
        oldest: The earliest moment whose events' ids are still kept.
        covered: From when and until when earlier runs saw to it that everything is done.
    """

    def __init__(self, since: float, now: float, oldest: float, covered: tuple[float | None, float | None]) -> None:
        covered_since, covered_until = covered
        self.begins: float = since
        self.covered_since: float = since
        if covered_until is not None and (covered_since is None or covered_since <= since):
            self.begins = max(covered_until - OVERLAP, oldest)
            self.covered_since = since if covered_since is None else covered_since
        self.until: float = self.begins
        self._now = now
        self._counts = dict.fromkeys(CaughtUp._fields, 0)
        self._is_held_up = False

    def add(self, event: Event | Unreadable, count: str) -> bool:
        """Count an event; whether it is time to keep the place."""
        self._counts[count] += 1
        created: Any = getattr(event, "created", None)
        self._is_held_up = self._is_held_up or count in {"in_progress", "failed"}
        if not self._is_held_up and isinstance(created, datetime):
            self.until = max(self.until, created.timestamp())
        return sum(self._counts.values()) % KEEP_EVERY == 0

    def end(self) -> CaughtUp:
        """The list is walked: what came of it, and the place is now, unless an event is not done."""
        if not self._is_held_up:
            self.until = max(self.until, self._now)
        return CaughtUp(**self._counts)


def catch_up(inbox: SyncInbox, client: Client, since: Any, handle: Callable[[Event | Unreadable], str]) -> CaughtUp:
    """Walk the list; `handle` gives the name of the count that each event belongs to."""
    now, oldest = _bounds(inbox, client)
    covered = inbox.place(COVERED_SINCE), inbox.place(COVERED_UNTIL)
    walk = Walk(check_since(since, now, oldest), now, oldest, covered)
    for event in _oldest_first(client, walk.begins):
        if walk.add(event, handle(event)):
            _keep(inbox, walk)
    counts = walk.end()
    _keep(inbox, walk)
    return counts


async def catch_up_async(
    inbox: Inbox, client: AsyncClient, since: Any, handle: Callable[[Event | Unreadable], Awaitable[str]]
) -> CaughtUp:
    """The same as `catch_up`, in async code."""
    now, oldest = _bounds(inbox, client)
    covered = await _ask(inbox, "place", COVERED_SINCE), await _ask(inbox, "place", COVERED_UNTIL)
    walk = Walk(check_since(since, now, oldest), now, oldest, covered)
    async for event in _oldest_first_async(client, walk.begins):
        if walk.add(event, await handle(event)):
            await _keep_async(inbox, walk)
    counts = walk.end()
    await _keep_async(inbox, walk)
    return counts


def _bounds(inbox: Inbox, client: Client | AsyncClient) -> tuple[float, float]:
    """The client's time, and the earliest moment whose events are still known to be done."""
    now = client._config.clock.time()  # pyright: ignore[reportPrivateUsage]
    return now, now - inbox.kept_for


def _keep(inbox: SyncInbox, walk: Walk) -> None:
    inbox.keep_place(COVERED_UNTIL, walk.until)
    inbox.keep_place(COVERED_SINCE, walk.covered_since)


async def _keep_async(inbox: Inbox, walk: Walk) -> None:
    await _ask(inbox, "keep_place", COVERED_UNTIL, walk.until)
    await _ask(inbox, "keep_place", COVERED_SINCE, walk.covered_since)


async def _ask(inbox: Inbox, method: Literal["place", "keep_place"], *arguments: Any) -> Any:
    if inbox.style == "sync":
        return await cast("SyncInbox", inbox).threads.run_in_thread(getattr(inbox, method), *arguments)
    return await getattr(inbox, f"{method}_async")(*arguments)


def check_since(since: Any, now: float, oldest: float) -> float:
    """The Unix seconds that `since` stands for."""
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise WebhookUsageError("since is a datetime without a time zone: pass an aware one, or Unix seconds.")
        since = since.timestamp()
    if isinstance(since, bool) or not isinstance(since, (int, float)) or not math.isfinite(since):
        raise WebhookUsageError(f"since is {since!r}: pass Unix seconds or an aware datetime.")
    if since > now:
        raise WebhookUsageError(f"since is {since!r}, which lies in the future: pass Unix seconds (not milliseconds).")
    if since < oldest:
        days = (now - oldest) / 86400
        raise WebhookUsageError(
            f"since lies {(now - since) / 86400:.1f} days back, and the inbox remembers for {days:g} days which events "
            "are done: events before that might be handled twice. Pass a later moment, or give the inbox a longer "
            "kept_for before you need it."
        )
    return float(since)


def _listing(begins: float, **cursor: str) -> Call[Page[Event | Unreadable]]:
    listed: Any = Listed  # a union, which is no `type` to type checkers
    return LIST("/v1/events", listed, created={"gte": int(begins)}, limit=100, **cursor)


def _oldest_first(client: Client, begins: float) -> Generator[Event | Unreadable]:
    """Every event since a moment. The list is newest first, so its last page is looked for first."""
    first: Any = cast("Sender", client).send_list(_listing(begins))
    if not isinstance(first, Page):
        raise WebhookUsageError("catch_up was given an async client: pass a Client, or await catch_up_async.")
    pages = cast("Page[Event | Unreadable]", first).pages()
    last: Page[Event | Unreadable] = deque((page for page in pages if page.data or page is first), maxlen=1).pop()
    yield from reversed(last.data)
    if last is not first:
        yield from cast("Sender", client).send_list(_listing(begins, ending_before=last.data[0].id))


async def _oldest_first_async(client: AsyncClient, begins: float) -> AsyncGenerator[Event | Unreadable]:
    """The same as `_oldest_first`, in async code."""
    listed: Any = cast("Sender", client).send_list(_listing(begins))
    if isinstance(listed, Page):
        raise WebhookUsageError("catch_up_async was given a sync client: pass an AsyncClient, or call catch_up.")
    first: AsyncPage[Event | Unreadable] = await listed
    last = first
    async for page in first.pages():
        last = page if page.data else last
    for event in reversed(last.data):
        yield event
    if last is not first:
        async for event in cast("Sender", client).send_list(_listing(begins, ending_before=last.data[0].id)):
            yield event
