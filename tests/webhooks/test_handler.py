"""A webhook handler: which function it calls, what it answers, and what the log says.

Each promise holds for `handle` and for `handle_async` under asyncio and trio: `deliver` is one of the three.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args, get_type_hints

import anyio
import anyio.lowlevel
import pytest
import redis
from typing_extensions import get_overloads

import finsecure
from finsecure import PaymentIntent, WebhookPayloadError, WebhookUsageError, webhooks
from finsecure.resources.events import KNOWN_TYPES
from finsecure.sandbox import Clock
from finsecure.webhooks import EventInProgress, Handler, MemoryInbox, Outcome
from finsecure.webhooks.registry import Registry

SECRET = "whsec_obviously_fake"
PLANTED = "planted-in-the-body"
Deliver = Callable[..., Outcome]


def event_json(id: str = "evt_1", type: str = "payment_intent.succeeded", **object: Any) -> str:
    """An event; a string is planted in it that must not be seen anywhere else."""
    names = {"payment_intent": "payment_intent", "customer": "customer", "invoice": "invoice"}
    kind = names.get(type.partition(".")[0], "payout")
    about = {"id": "x_1", "object": kind, "metadata": {"a": PLANTED}, **object}
    return json.dumps({"id": id, "object": "event", "type": type, "data": {"object": about}})


@pytest.fixture(params=["handle", "asyncio", "trio"])
def way(request: pytest.FixtureRequest) -> str:
    way: str = request.param
    return way


@pytest.fixture
def deliver(way: str) -> Deliver:
    """Deliver an event that is rightly signed, or a body and a header as they are."""

    def deliver(webhook: Handler, body: Any = None, signature: Any = "right", **event: Any) -> Outcome:
        body = event_json(**event).encode() if body is None else body
        header = webhooks.sign(body, SECRET) if signature == "right" else signature
        if way == "handle":
            return webhook.handle(body, header)
        return anyio.run(webhook.handle_async, body, header, backend=way)

    return deliver


def nothing(_: object) -> None:
    pass


def fails(_: object) -> None:
    raise KeyError("missing")


def takes_none() -> None:
    pass


def takes_three(a: object, b: object, c: object) -> None:
    pass


def takes_a_keyword(a: object, *, b: object) -> None:
    pass


@pytest.fixture
def webhook() -> Handler:
    return Handler(SECRET, inbox=MemoryInbox())


# Which function is called ------------------------------------------------------------------------------------------


def test_the_function_of_its_type_is_called_with_the_typed_event(webhook: Handler, deliver: Deliver) -> None:
    """An event goes to the function that was registered for its type, and to no other."""
    taken: list[webhooks.PaymentIntentSucceeded] = []

    @webhook.on("payment_intent.succeeded")
    def fulfil(event: webhooks.PaymentIntentSucceeded) -> None:
        taken.append(event)

    @webhook.on("payment_intent.canceled")
    def restock(event: webhooks.PaymentIntentCanceled) -> None:
        raise AssertionError

    assert deliver(webhook, amount=2000) == Outcome(200, "handled", "evt_1")
    (event,) = taken
    assert isinstance(event.data.object, PaymentIntent)
    assert event.data.object.amount == 2000


def test_several_types_are_stacked_and_the_function_stays_as_it_is(webhook: Handler, deliver: Deliver) -> None:
    """`on` can be stacked, and gives back the very function that it decorates."""
    taken: list[str] = []

    def changed(event: webhooks.CustomerCreated | webhooks.CustomerUpdated) -> None:
        taken.append(event.type)

    assert webhook.on("customer.created")(webhook.on("customer.updated")(changed)) is changed
    deliver(webhook, id="evt_1", type="customer.updated")
    deliver(webhook, id="evt_2", type="customer.created")
    assert taken == ["customer.updated", "customer.created"]


def test_several_functions_of_one_type_are_called_in_order(webhook: Handler, deliver: Deliver) -> None:
    """Each function of a type is called, in the order in which they were registered."""
    taken: list[int] = []

    def taking(number: int, event: webhooks.CustomerCreated) -> None:
        taken.append(number)

    for number in range(3):
        webhook.on("customer.created")(partial(taking, number))
    deliver(webhook, type="customer.created")
    assert taken == [0, 1, 2]


@pytest.mark.parametrize("type", ["payment_intent.canceled", "payout.paid"])
def test_other_takes_the_rest(webhook: Handler, deliver: Deliver, type: str) -> None:
    """Events without a function of their own go to `other`, those of a type not yet known as well."""
    taken: list[str] = []

    @webhook.on("payment_intent.succeeded")
    def fulfil(event: webhooks.PaymentIntentSucceeded) -> None:
        raise AssertionError

    @webhook.other
    def note(event: webhooks.Event) -> None:
        taken.append(str(event.type))

    assert deliver(webhook, type=type).result == "handled"
    assert taken == [type]


def test_without_other_the_rest_is_acknowledged_with_a_log_line(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that no function takes is answered with 200, and the log says so."""
    with caplog.at_level(logging.INFO, "finsecure"):
        assert deliver(webhook, type="payout.paid") == Outcome(200, "ignored", "evt_1")
    (record,) = caplog.records
    assert record.getMessage() == "Event evt_1 of type payout.paid is acknowledged: no function handles it"


def test_an_event_is_one_short_line_of_the_log(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its type is, it cannot begin another line, nor fill the log."""
    with caplog.at_level(logging.INFO, "finsecure"):
        deliver(webhook, type="payout\n2026-11-25 ERROR" + "x" * 10_000)
    (record,) = caplog.records
    assert record.getMessage().startswith("Event evt_1 of type payout 2026-11-25 ERRORxxx")
    assert len(record.getMessage()) < 400


async def async_function(event: webhooks.Event) -> None:
    await anyio.lowlevel.checkpoint()


class AsyncObject:
    async def __call__(self, event: webhooks.Event) -> None:
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("function", [async_function, partial(async_function), AsyncObject()], ids=type)
def test_handle_async_runs_sync_and_async_functions(function: Callable[..., Awaitable[None]]) -> None:
    """Both kinds of function are called; a sync one runs in a thread, so that it does not hold up the loop."""
    taken: list[str] = []
    webhook = Handler(SECRET, inbox=MemoryInbox())

    async def record() -> None:
        taken.append("in the loop, for a thread")

    def from_a_thread(event: webhooks.CustomerCreated) -> None:
        anyio.from_thread.run(record)

    webhook.on("customer.created")(from_a_thread)
    webhook.on("customer.created")(function)

    body = event_json(type="customer.created")
    outcome = anyio.run(webhook.handle_async, body, webhooks.sign(body, SECRET))
    assert outcome.status == 200
    assert taken == ["in the loop, for a thread"]

    with pytest.raises(WebhookUsageError, match=r'on\("customer.created"\) is a coroutine function: await handle_asy'):
        webhook.handle(body, webhooks.sign(body, SECRET))
    with pytest.raises(WebhookUsageError, match="process_async"):
        webhook.process(body)


def test_a_second_parameter_with_a_default_is_left_alone(webhook: Handler, deliver: Deliver) -> None:
    """Only a second parameter that must be given takes the inbox's session, which this inbox does not have."""
    taken: list[Any] = []

    @webhook.on("customer.created")
    def one(event: webhooks.CustomerCreated, mailer: str = "smtp") -> None:
        taken.append(mailer)

    class Unsigned:
        __signature__ = "none"  # as functions that are written in C

        def __call__(self, event: webhooks.Event) -> None:
            taken.append("unsigned")

    webhook.on("customer.created")(Unsigned())
    assert deliver(webhook, type="customer.created").status == 200
    assert taken == ["smtp", "unsigned"]


# What is no event of ours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [None, "", "sha256=" + "0" * 64, b"\xff", "t=1,v1=2"])
def test_what_is_not_signed_is_answered_with_400(
    webhook: Handler, deliver: Deliver, signature: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A forged or missing signature is 400 and a WARNING that says why; no function sees it."""
    webhook.other(fails)
    assert deliver(webhook, signature=signature) == Outcome(400, "forged")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("A webhook was refused: ")
    assert PLANTED not in caplog.text
    assert SECRET not in caplog.text


def test_an_unreadable_body_is_answered_with_400_and_an_error_in_the_log(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """A signed body that is no event is never acknowledged in silence."""
    assert deliver(webhook, body=json.dumps({"x": PLANTED})) == Outcome(400, "unreadable")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "not an event: id is missing" in record.getMessage()
    assert PLANTED not in caplog.text


def test_a_function_can_take_unreadable_bodies(deliver: Deliver) -> None:
    """`unreadable` is given the body, and the error where it has a second parameter; then the answer is 200."""
    taken: list[Any] = []
    webhook, other = Handler(SECRET, inbox=MemoryInbox()), Handler(SECRET, inbox=MemoryInbox())

    @webhook.unreadable
    def keep(body: bytes) -> None:
        taken.append(body)

    @other.unreadable
    def explain(body: bytes, error: WebhookPayloadError) -> None:
        taken.append(str(error))

    assert deliver(webhook, body="[]") == Outcome(200, "unreadable")
    assert deliver(other, body="[]") == Outcome(200, "unreadable")
    assert taken[0] == b"[]"
    assert "its body is not an event" in taken[1]


def test_an_unreadable_function_that_raises_is_answered_with_500(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be kept comes again."""
    webhook.unreadable(fails)
    assert deliver(webhook, body="[]") == Outcome(500, "failed")
    assert "a signed webhook that is not an event failed" in caplog.text


def test_a_parsed_body_is_a_mistake_of_the_program(webhook: Handler, deliver: Deliver) -> None:
    """A body that was parsed already raises, as `construct_event` does, and is not answered as if it were forged."""
    with pytest.raises(WebhookUsageError, match="of type dict"):
        deliver(webhook, body={"card": PLANTED}, signature="sha256=")


def test_an_old_event_is_refused_by_the_tolerance(deliver: Deliver, caplog: pytest.LogCaptureFixture) -> None:
    """`tolerance` is that of `construct_event`."""
    webhook = Handler([SECRET, "whsec_older"], inbox=MemoryInbox(), tolerance=300)
    body = json.dumps({**json.loads(event_json()), "created": 1})
    assert deliver(webhook, body=body).status == 400
    assert "seconds ago" in caplog.text


# Once --------------------------------------------------------------------------------------------------------------


def test_a_duplicate_calls_nothing(webhook: Handler, deliver: Deliver) -> None:
    """An event that is delivered again when it is done is 200, and no function is called."""
    taken: list[str] = []

    @webhook.other
    def take(event: webhooks.Event) -> None:
        taken.append(event.id)

    assert [deliver(webhook).result for _ in range(3)] == ["handled", "duplicate", "duplicate"]
    assert taken == ["evt_1"]


def test_a_function_that_raises_gives_the_event_back(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is 500, the log names the event and the error, and the event is handled when it comes again."""
    errors = [RuntimeError("the shop is closed")]

    @webhook.other
    def fail(event: webhooks.Event) -> None:
        if errors:
            raise errors.pop()

    assert deliver(webhook) == Outcome(500, "failed", "evt_1")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "evt_1" in record.getMessage()
    assert "the shop is closed" in caplog.text
    assert PLANTED not in caplog.text
    assert deliver(webhook) == Outcome(200, "handled", "evt_1")


def test_an_event_in_progress_is_retried_later(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """While one worker has an event, another delivery of it is answered with 409."""
    body = event_json()
    second: list[Outcome] = []

    @webhook.other
    def slow(event: webhooks.Event) -> None:
        second.append(webhook.handle(body, webhooks.sign(body, SECRET)))

    with caplog.at_level(logging.INFO, "finsecure"):
        assert deliver(webhook).status == 200
    assert second == [Outcome(409, "in_progress", "evt_1")]
    assert "Event evt_1 is being handled by another worker" in caplog.text


def test_without_an_inbox_one_warning_says_so(deliver: Deliver, caplog: pytest.LogCaptureFixture) -> None:
    """Without an inbox each delivery is handled, and one WARNING says so."""
    webhook = Handler(SECRET)
    taken: list[str] = []

    @webhook.other
    def take(event: webhooks.Event) -> None:
        taken.append(event.id)

    assert [deliver(webhook).result for _ in range(2)] == ["handled", "handled"]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "an event that is delivered twice is handled twice" in record.getMessage()


def test_what_is_done_is_forgotten_when_its_time_is_over(clock: Clock) -> None:
    """MemoryInbox keeps ids for 30 days, and no longer."""
    webhook = Handler(SECRET, inbox=MemoryInbox(clock=clock))
    webhook.other(nothing)
    assert webhook.process(event_json("evt_1")).result == "handled"
    clock.advance(30 * 24 * 3600 - 1)
    assert webhook.process(event_json("evt_2")).result == "handled"
    assert webhook.process(event_json("evt_1")).result == "duplicate"
    clock.advance(1)
    assert webhook.process(event_json("evt_2")).result == "duplicate"
    assert webhook.process(event_json("evt_1")).result == "handled"


def test_a_worker_that_is_gone_has_no_event() -> None:
    """An event is free when whoever had it is gone without a word, as a task that was dropped."""
    inbox = MemoryInbox()
    claim = inbox.claim("evt_1")
    claim.__enter__()
    with pytest.raises(EventInProgress, match="evt_1"), inbox.claim("evt_1"):
        pass
    del claim
    with inbox.claim("evt_1") as again:
        assert not again.is_done


@pytest.mark.parametrize("kept_for", [0, 86399, -1, True, "30 days", float("nan"), float("inf"), None])
def test_how_long_ids_are_kept_is_checked(kept_for: Any) -> None:
    """At least a day: FinSecure delivers again for longer than a process runs."""
    with pytest.raises(WebhookUsageError, match="kept_for"):
        MemoryInbox(kept_for=kept_for)


# Deferred ----------------------------------------------------------------------------------------------------------


def test_an_event_is_deferred_as_a_string_and_processed_from_it(webhook: Handler, deliver: Deliver) -> None:
    """`defer` is given the verified event as a string; `process` takes it to the same function and inbox, once."""
    queue: list[str] = []
    taken: list[webhooks.Event] = []
    webhook.other(taken.append)
    webhook.defer(queue.append)
    assert deliver(webhook, amount=5) == Outcome(200, "deferred", "evt_1")
    assert taken == []
    assert webhook.process(queue[0]) == Outcome(200, "handled", "evt_1")
    assert webhook.process(queue[0]) == Outcome(200, "duplicate", "evt_1")
    assert anyio.run(webhook.process_async, queue[0]) == Outcome(200, "duplicate", "evt_1")
    (event,) = taken
    assert json.loads(event.to_json()) == json.loads(event_json(amount=5))


def test_what_could_not_be_handed_over_is_answered_with_500(
    webhook: Handler, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that the queue did not take comes again."""

    @webhook.defer
    def enqueue(message: str) -> None:
        raise ConnectionError("the queue is down")

    assert deliver(webhook) == Outcome(500, "failed", "evt_1")
    assert "the queue is down" in caplog.text
    assert PLANTED not in caplog.text


def test_process_raises_what_the_function_raised(webhook: Handler, caplog: pytest.LogCaptureFixture) -> None:
    """In a worker the queue decides what to do about an error, and its log is enough."""
    webhook.other(fails)
    with pytest.raises(KeyError, match="missing"):
        webhook.process(event_json())
    with pytest.raises(KeyError, match="missing"):
        anyio.run(webhook.process_async, event_json())
    assert caplog.records == []


def test_process_raises_while_another_worker_has_the_event(webhook: Handler) -> None:
    """EventInProgress tells the queue to try again later."""

    @webhook.other
    def slow(event: webhooks.Event) -> None:
        with pytest.raises(EventInProgress, match="evt_1"):
            webhook.process(event_json())

    assert webhook.process(event_json()).status == 200


def test_a_message_that_is_not_an_event_raises(webhook: Handler) -> None:
    """What did not come from `defer` is refused."""
    with pytest.raises(WebhookPayloadError):
        webhook.process("[]")


# Mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "hint"),
    [
        ("payment_intent.succeded", "did you mean 'payment_intent.succeeded'"),
        ("payout.paid", "pass one of customer.created, "),
        (["customer.created"], "stack several"),
        (None, "not an event type"),
        (takes_none, r"write @webhook\.on\(\"payment_intent\.succeeded\"\)"),
    ],
)
def test_a_type_that_is_none_is_refused(webhook: Handler, type: Any, hint: str) -> None:
    """`on` refuses a misspelt type, and names the one that was meant."""
    with pytest.raises(WebhookUsageError, match=hint):
        webhook.on(type)


@pytest.mark.parametrize("function", [takes_none, takes_three, takes_a_keyword, 5, "f"])
@pytest.mark.parametrize("name", ["on", "other", "unreadable", "defer"])
def test_a_function_that_cannot_be_called_so_is_refused(webhook: Handler, name: str, function: Any) -> None:
    """A function that does not take what it will be given is refused when it is registered."""
    register: Any = webhook.on("customer.created") if name == "on" else getattr(webhook, name)
    with pytest.raises(WebhookUsageError, match=name):
        register(function)


class OwnInbox(MemoryInbox):
    """An inbox of a user's own, which has a session to give."""

    has_session = True


INBOXES: dict[str, tuple[Callable[[], Any], str]] = {
    "none": (lambda: None, "Without an inbox"),
    "memory": (MemoryInbox, "With MemoryInbox"),
    "redis": (lambda: webhooks.RedisInbox(redis.Redis()), "With RedisInbox"),
    "django": (webhooks.DjangoInbox, "With DjangoInbox"),
}


@pytest.mark.parametrize("name", ["on", "other"])
@pytest.mark.parametrize("inbox", INBOXES)
def test_a_session_is_refused_where_the_inbox_has_none(inbox: str, name: str) -> None:
    """A function with a second parameter would be given None: it is refused with a TypeError when it is registered."""
    make, match = INBOXES[inbox]
    webhook = Handler(SECRET, inbox=make())
    register: Any = webhook.on("customer.created") if name == "on" else webhook.other

    def takes_session(event: webhooks.Event, session: object) -> None: ...

    with pytest.raises(TypeError, match=rf"{match} the function given to {name}.*takes_session\(.*leave it out"):
        register(takes_session)


def test_an_inbox_of_your_own_may_have_a_session(deliver: Deliver) -> None:
    taken: list[object] = []
    webhook = Handler(SECRET, inbox=OwnInbox())

    @webhook.other
    def take(event: webhooks.Event, session: object) -> None:
        taken.append(session)

    assert deliver(webhook).status == 200
    assert taken == [None]


def test_a_function_of_defer_takes_the_message_alone(webhook: Handler) -> None:
    def takes_two(message: str, queue: str) -> None: ...

    given: Any = takes_two
    with pytest.raises(WebhookUsageError, match=r"defer is called with one argument:.*takes_two\(message"):
        webhook.defer(given)


@pytest.mark.parametrize("name", ["other", "unreadable", "defer"])
def test_there_is_one_function_for_the_rest(webhook: Handler, name: str) -> None:
    """A second function for the same would silently replace the first one."""
    getattr(webhook, name)(nothing)
    with pytest.raises(WebhookUsageError, match=f"function for {name} already"):
        getattr(webhook, name)(nothing)


def test_registering_after_the_first_event_is_refused(webhook: Handler, deliver: Deliver) -> None:
    """A function that is registered late has missed events, so the handler says so."""
    deliver(webhook, signature=None)
    for register in (webhook.on("customer.created"), webhook.other, webhook.unreadable, webhook.defer):
        with pytest.raises(WebhookUsageError, match="after the first event"):
            register(nothing)


def test_the_secret_is_that_of_the_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """`FINSECURE_WEBHOOK_SECRET` serves where none is given; without any, the handler is not made."""
    monkeypatch.setenv("FINSECURE_WEBHOOK_SECRET", SECRET)
    body = event_json()
    assert Handler(inbox=MemoryInbox()).handle(body, webhooks.sign(body, SECRET)).status == 200
    monkeypatch.delenv("FINSECURE_WEBHOOK_SECRET")
    with pytest.raises(WebhookUsageError, match="FINSECURE_WEBHOOK_SECRET"):
        Handler()


def test_what_is_no_inbox_is_refused_when_the_handler_is_made() -> None:
    """A set of ids, for example, which the first event would fail on."""
    ids: Any = {"evt_1"}
    with pytest.raises(WebhookUsageError, match=r"inbox is of type set, which is not an inbox: .*MemoryInbox"):
        Handler(SECRET, inbox=ids)


def test_the_class_of_an_inbox_is_refused_when_the_handler_is_made() -> None:
    """It looks like an inbox until the first event."""
    forgotten: Any = MemoryInbox
    with pytest.raises(WebhookUsageError, match=r"the class MemoryInbox: pass an object of it"):
        Handler(SECRET, inbox=forgotten)


def returns_a_coroutine(event: Any) -> Any:
    return async_function(event)


def yields(_: object) -> Any:
    yield


async def yields_async(_: object) -> Any:
    yield


@pytest.mark.parametrize("function", [returns_a_coroutine, yields, yields_async])
@pytest.mark.parametrize("name", ["other", "defer"])
def test_a_function_that_did_not_run_loses_no_event(
    deliver: Deliver, name: str, function: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody awaits or iterates has done nothing: the answer is 500, and the log says what to do."""
    webhook = Handler(SECRET, inbox=MemoryInbox())
    getattr(webhook, name)(function)
    assert [deliver(webhook, event_json()).result for _ in range(2)] == ["failed", "failed"]
    assert "so nothing was done: declare it `async def`" in caplog.text
    assert "Traceback" not in caplog.text


def test_concurrent_duplicates_of_a_done_event_are_recognized() -> None:
    """None of them waits for another."""
    inbox = MemoryInbox()
    with inbox.claim("evt_1"):
        pass
    with inbox.claim("evt_1") as first, inbox.claim("evt_1") as second:
        assert first.is_done
        assert second.is_done


def test_the_tolerance_is_checked_when_the_handler_is_made() -> None:
    with pytest.raises(WebhookUsageError, match="tolerance"):
        Handler(SECRET, tolerance=-1)


# Time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "lines"), [(5, 0), (5.5, 1)])
def test_a_slow_function_is_logged(
    clock: Clock, deliver: Deliver, seconds: float, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """More than half of what FinSecure waits is a WARNING that names the event and says what to do."""
    webhook = Handler(SECRET, inbox=MemoryInbox(), clock=clock)

    @webhook.other
    def work(event: webhooks.Event) -> None:
        clock.advance(seconds)

    assert deliver(webhook).status == 200
    assert len(caplog.records) == lines
    if lines:
        assert "event evt_1 took 5.5 seconds" in caplog.text
        assert "@webhook.defer" in caplog.text


def test_every_type_has_an_overload() -> None:
    """Each type that `events.py` knows has its overload of `on`, which tells type checkers its event."""
    overloads: dict[str, Any] = {}
    for overload in get_overloads(Registry.on):
        hints = get_type_hints(overload)
        (name,), ([variable], again) = get_args(hints["type"]), get_args(hints["return"])
        assert variable is again
        overloads[name] = get_args(get_args(variable.__bound__)[0])[0]
    kinds = [found for name in webhooks.__all__ if isinstance(found := getattr(webhooks, name), type)]
    events = [kind for kind in kinds if issubclass(kind, finsecure.Event) and kind is not finsecure.UnknownEvent]
    assert overloads == {get_args(kind.model_fields["type"].annotation)[0]: [kind] for kind in events}
    assert {*overloads} == KNOWN_TYPES
