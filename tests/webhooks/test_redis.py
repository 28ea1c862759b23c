"""RedisInbox: leases that are renewed while a function runs, and what the log says where Redis is not there."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
import redis

from finsecure import InboxError, WebhookUsageError, webhooks
from finsecure.webhooks import EventInProgress, Handler, Outcome, RedisInbox

from .places import SECRET, Redis, event_json, nothing

CLAIM_KEY = "finsecure:webhooks:event:evt_1"


@pytest.fixture(params=["redis", "redis-asyncio"])
def place(request: pytest.FixtureRequest, open_empty: Callable[[str], Redis]) -> Redis:
    return open_empty(request.param)


def with_lease(place: Redis, seconds: float, **options: Any) -> Redis:
    place.inbox = RedisInbox(place.used, lease=seconds, **options)
    return place


def waiting(place: Redis, wait: Callable[[], bool]) -> Handler:
    """A handler whose function runs until something has come true."""
    webhook = Handler(SECRET, inbox=place.inbox)

    def function(event: webhooks.Event) -> None:
        pause = threading.Event()
        for _ in range(500):
            if wait():
                return
            pause.wait(0.02)
        raise AssertionError("it did not come true")

    webhook.other(function)
    return webhook


def test_a_lease_is_renewed_while_the_function_runs(place: Redis) -> None:
    """A function may take longer than the lease: nobody else gets the event."""
    with_lease(place, 0.3)
    seen: list[int] = []

    def renewed() -> bool:
        """Whether the time that was left has grown twice."""
        left: Any = place.client.pttl(CLAIM_KEY)
        seen.append(left)
        return sum(after > before for before, after in pairwise(seen)) == 2

    assert place.deliver(waiting(place, renewed)).result == "handled"
    assert min(seen) > 0
    assert place.client.get(CLAIM_KEY) == "done"


def test_an_expired_lease_is_logged(place: Redis, caplog: pytest.LogCaptureFixture) -> None:
    """Where the lease was lost, as in a Redis that forgot it, the log says that another worker may have the event."""
    with_lease(place, 0.3)

    def lost() -> bool:
        place.client.delete(CLAIM_KEY)
        return "another worker may handle the event too" in caplog.text

    assert place.deliver(waiting(place, lost)).status == 200


def test_two_claims_of_one_event_in_a_process_end_each_by_itself(open_empty: Callable[[str], Redis]) -> None:
    """Once a lease was lost, another thread of the same process may have the event as well."""
    place = open_empty("redis")
    inbox = RedisInbox(place.used)
    with inbox.claim("evt_1"):
        place.client.delete(CLAIM_KEY)
        with inbox.claim("evt_1"):
            pass
    assert place.client.get(CLAIM_KEY) == "done"


def test_a_renewal_that_fails_is_tried_again(
    place: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of Redis does not end the renewals."""
    with_lease(place, 0.3)
    monkeypatch.setattr("finsecure.webhooks.redis._RENEW", "return redis.call('nope')")

    def failed_twice() -> bool:
        return caplog.text.count("could not be renewed, and will be tried again: ResponseError") >= 2

    assert place.deliver(waiting(place, failed_twice)).status == 200


def test_what_is_done_is_kept_for_30_days(place: Redis) -> None:
    """Redis forgets it by itself then."""
    place.deliver(place.handler())
    left: Any = place.client.pttl(CLAIM_KEY)
    assert 30 * 86400_000 - 60_000 < left <= 30 * 86400_000


def test_the_keys_have_a_prefix(place: Redis) -> None:
    """Two shops can share a Redis."""
    with_lease(place, 60, prefix="shop-2:")
    place.deliver(place.handler())
    assert place.client.get("shop-2:event:evt_1") == "done"


def test_a_client_that_decodes_is_fine(place: Redis) -> None:
    """`decode_responses=True` gives text for bytes."""
    client: Any = place.client
    webhook = Handler(SECRET, inbox=RedisInbox(client))
    webhook.other(nothing)
    assert [webhook.process(event_json("evt_1")).result for _ in range(2)] == ["handled", "duplicate"]


def test_a_repeated_claim_of_the_same_worker_is_its_own(place: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-py sends a command again when the answer is lost: its own token then is no other worker's."""
    monkeypatch.setattr("finsecure.webhooks.redis.secrets.token_hex", MagicMock(return_value="mine"))
    place.client.set(CLAIM_KEY, "mine")
    assert place.deliver(place.handler()).result == "handled"


def test_a_redis_that_is_down_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """The answer is 500, so that the event comes again, and `process` raises InboxError."""
    client: Any = redis.Redis
    webhook = Handler(SECRET, inbox=RedisInbox(client.from_url("redis://127.0.0.1:1", retry=None)))
    webhook.other(nothing)
    body = event_json("evt_1")
    assert webhook.handle(body, webhooks.sign(body, SECRET)) == Outcome(500, "failed", "evt_1")
    assert "The Redis of the inbox cannot be used: ConnectionError: " in caplog.text
    assert "Traceback" not in caplog.text
    with pytest.raises(InboxError, match="cannot be used"):
        webhook.process(body)


def test_a_redis_that_goes_down_on_the_way_is_a_failure(
    place: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be marked as done, or given back, comes again when the lease ends."""
    monkeypatch.setattr("finsecure.webhooks.redis.DONE", {})  # which redis-py does not send
    assert place.deliver(place.handler()).status == 500
    assert "The Redis of the inbox cannot be used: DataError" in caplog.text
    place.set_up()
    monkeypatch.undo()
    monkeypatch.setattr("finsecure.webhooks.redis._GIVE_BACK", "return redis.call('nope')")
    assert place.deliver(place.handler(lambda event: {"a": 1}[event])).status == 500
    assert place.deliver(place.handler()).status == 409


def test_a_client_of_another_event_loop_is_a_sentence(place: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where each task of a queue runs `asyncio.run`: the error is ours, with that of the event loop behind it."""
    fail = (AsyncMock if place.is_async else MagicMock)(side_effect=RuntimeError("Event loop is closed"))
    monkeypatch.setattr(place.used, "eval", fail)
    webhook, message = place.handler(), event_json("evt_1")

    def process() -> Outcome:
        return place.run_async(lambda: webhook.process_async(message)) if place.is_async else webhook.process(message)

    with pytest.raises(InboxError, match="in one event loop only") as raised:
        process()
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_an_async_task_that_is_cancelled_gives_the_event_back(open_empty: Callable[[str], Redis]) -> None:
    """The event is free at once, not only when the lease ends."""
    place = open_empty("redis-asyncio")

    async def cancelled() -> None:
        with pytest.raises(asyncio.CancelledError):
            async with place.inbox.claim_async("evt_1"):  # type: ignore[union-attr]
                raise asyncio.CancelledError

    place.run_async(cancelled)
    assert place.client.get(CLAIM_KEY) is None


def test_a_forked_process_renews_its_own_leases(open_empty: Callable[[str], Redis]) -> None:
    """A fork has neither the thread of its parent nor its leases."""
    place = with_lease(open_empty("redis"), 0.3)
    inbox: Any = place.inbox
    with inbox.claim("evt_parent"):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with pytest.raises(EventInProgress), inbox.claim("evt_parent"):
                    pass
                with inbox.claim("evt_1"):
                    threading.Event().wait(0.7)
                    status = 0 if place.client.get(CLAIM_KEY) not in {None, "done"} else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert place.client.get(CLAIM_KEY) == "done"


@pytest.mark.parametrize("client", ["redis://", None, 5], ids=repr)
def test_what_is_no_client_is_refused(client: Any) -> None:
    with pytest.raises(WebhookUsageError, match=r"pass a redis\.Redis or"):
        RedisInbox(client)


@pytest.mark.parametrize("lease", [0, -1, 0.05, 3601, float("nan"), True, "60", None])
def test_a_lease_that_is_none_is_refused(lease: Any) -> None:
    with pytest.raises(WebhookUsageError, match="lease"):
        RedisInbox(redis.Redis(), lease=lease)
