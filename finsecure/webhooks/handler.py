"""A handler: from the body of a delivery to the function that handles its event, and to the status to answer.

    webhook = finsecure.webhooks.Handler("whsec_...", inbox=MemoryInbox())

    @webhook.on("payment_intent.succeeded")
    def fulfil(event: PaymentIntentSucceeded) -> None: ...

    outcome = webhook.handle(request.body, request.headers.get("FinSecure-Signature"))

Rules: every answer but 2xx brings the event again, so whatever may still succeed is answered with another status. No
body, secret or header is logged.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from .._clock import SYSTEM, Clock
from .._signature import Payload, check_secrets, to_bytes
from ..error import (
    EventInProgress,
    InboxError,
    SignatureVerificationError,
    WebhookPayloadError,
    WebhookUsageError,
    without_frames,
)
from .inbox import ANYIO, Claim, Inbox
from .receive import Event, Secrets, check_tolerance, construct_event, read_event
from .registry import Registered, Registry

logger = logging.getLogger("finsecure")

PATIENCE = 10  # seconds that FinSecure waits for an answer

Result: TypeAlias = Literal[
    "handled", "deferred", "ignored", "duplicate", "in_progress", "failed", "forged", "unreadable"
]


class Outcome(NamedTuple):
    """What came of a delivery.

    Attributes:
        status: The HTTP status to answer with.
        result: `handled`, `deferred` to the job queue, `ignored` for want of a function, or a `duplicate` of an event
            that is done (200); `in_progress` in another worker (409); `failed` (500); `forged` (400); `unreadable`
            (400, or 200 where a function took it).
        event_id: The event's id; `None` where there is no event.
    """

    status: int
    result: Result
    event_id: str | None = None


class Handler(Registry):
    """Calls your function for each event, once.

    Args:
        secret: The endpoint's signing secret, or several while you rotate it. By default `FINSECURE_WEBHOOK_SECRET`.
        inbox: Remembers which events are done, so that one that is delivered twice is handled once.
        tolerance: Seconds that an event's signed `created` may lie in the past or the future; `None` for no check.
        clock: What measures how long a function takes.

    Raises:
        finsecure.WebhookUsageError: The secret or the tolerance cannot be used.

    Example:
        >>> webhook = finsecure.webhooks.Handler("whsec_...", inbox=finsecure.webhooks.MemoryInbox())

    Reference: Webhooks.
    """

    @without_frames
    def __init__(
        self,
        secret: Secrets | None = None,
        *,
        inbox: Inbox | None = None,
        tolerance: float | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__()
        self._secrets = check_secrets(secret)
        self._tolerance = check_tolerance(tolerance)
        self._inbox = inbox
        self._clock = clock

    @without_frames
    def handle(self, body: Payload, signature: str | bytes | None) -> Outcome:
        """Verify a delivery, and call the functions that its event is for.

        Args:
            body: The raw body, exactly as it arrived, before any JSON parsing.
            signature: The `FinSecure-Signature` header; `None` where none came.

        Returns:
            The outcome; answer the request with its `status`.

        Raises:
            finsecure.WebhookUsageError: The body was parsed already, or a function or the inbox is async: these are
                mistakes in the program.

        Example:
            >>> webhook.handle(request.body, request.headers.get("FinSecure-Signature")).status
            200

        Reference: Webhooks.
        """
        self._begin("sync")
        work = self._received(body, signature)
        del body, signature
        if isinstance(work, Outcome):
            return work
        began = self._clock.monotonic()
        try:
            result = _do(work)
        except Exception as exc:  # noqa: BLE001 - whatever a function raises
            return _failed(work, exc)
        return _succeeded(work, result, self._clock.monotonic() - began)

    async def handle_async(self, body: Payload, signature: str | bytes | None) -> Outcome:
        """The same as `handle`, for async code: it runs coroutine functions too, and sync ones in a thread.

        Args:
            body: The raw body, exactly as it arrived, before any JSON parsing.
            signature: The `FinSecure-Signature` header; `None` where none came.

        Returns:
            The outcome; answer the request with its `status`.

        Raises:
            finsecure.WebhookUsageError: The body was parsed already: a mistake in the program.

        Example:
            >>> (await webhook.handle_async(await request.body(), request.headers.get("FinSecure-Signature"))).status
            200

        Reference: Webhooks.
        """
        self._begin("async")
        work = self._received(body, signature)
        del body, signature
        if isinstance(work, Outcome):
            return work
        began = self._clock.monotonic()
        try:
            result = await _do_async(work)
        except Exception as exc:  # noqa: BLE001 - whatever a function raises
            return _failed(work, exc)
        return _succeeded(work, result, self._clock.monotonic() - began)

    def process(self, message: str) -> Outcome:
        """Handle an event that `defer` handed to your job queue: call this in the worker.

        It goes through the same inbox, so an event that the queue brings twice is handled once.

        Args:
            message: The string that the function of `defer` was given.

        Returns:
            The outcome: `handled`, `ignored` or a `duplicate`.

        Raises:
            finsecure.EventInProgress: Another worker has the event: have the queue try again later.
            finsecure.InboxError: The inbox cannot be used: have the queue try again later.
            finsecure.WebhookPayloadError: The message is no event.
            Exception: What your function raised.

        Example:
            >>> webhook.process(message).result
            'handled'
        """
        self._begin("sync")
        work = self._of_event(read_event(to_bytes(message)))
        del message
        return Outcome(200, _do(work), work.event_id)

    async def process_async(self, message: str) -> Outcome:
        """The same as `process`, for a job queue whose workers are async.

        Args:
            message: The string that the function of `defer` was given.

        Returns:
            The outcome: `handled`, `ignored` or a `duplicate`.

        Raises:
            finsecure.EventInProgress: Another worker has the event: have the queue try again later.
            finsecure.InboxError: The inbox cannot be used: have the queue try again later.
            finsecure.WebhookPayloadError: The message is no event.
            Exception: What your function raised.

        Example:
            >>> (await webhook.process_async(message)).result
            'handled'
        """
        self._begin("async")
        work = self._of_event(read_event(to_bytes(message)))
        del message
        return Outcome(200, await _do_async(work), work.event_id)

    def _begin(self, style: Literal["sync", "async"]) -> None:
        """Before an event is handled: close the registry, and see whether everything in it can be called from here."""
        if self._inbox is None and not self._has_begun:
            logger.warning(
                "This webhook handler has no inbox: an event that is delivered twice is handled twice. Pass inbox=."
            )
        self._has_begun = True
        if style == "sync":
            if self._inbox is not None and self._inbox.style == "async":
                raise WebhookUsageError(
                    f"This {type(self._inbox).__name__} is for async code: await handle_async or process_async."
                )
            if self._coroutine_function is not None:
                raise WebhookUsageError(
                    f"{self._coroutine_function} is a coroutine function: await handle_async or process_async."
                )

    def _received(self, body: Payload, signature: str | bytes | None) -> _Work | Outcome:
        """What there is to do for a delivery, or the refusal to answer."""
        try:
            event = construct_event(body, signature, self._secrets, self._tolerance)
        except SignatureVerificationError as exc:
            logger.warning("A webhook was refused: %s", exc)
            return Outcome(400, "forged")
        except WebhookPayloadError as exc:
            if self._unreadable is None:
                logger.error("%s It is answered with 400; @webhook.unreadable can take it.", exc)  # noqa: TRY400 - nothing to trace
                return Outcome(400, "unreadable")
            return _Work("unreadable", [self._unreadable], to_bytes(body), exc)
        if self._defer is not None:
            return _Work("deferred", [self._defer], event.to_json(), event_id=event.id)
        return self._of_event(event)

    def _of_event(self, event: Event) -> _Work:
        functions = self._functions_for(event.type)
        if not functions:
            logger.info("Event %s of type %s is acknowledged: no function handles it", event.id, event.type)
            return _Work("ignored", [], event, event_id=event.id)
        return _Work("handled", functions, event, event_id=event.id, inbox=self._inbox)


@dataclass(frozen=True, repr=False)  # its values may be a body
class _Work:
    """Functions to call, what they are given, and the inbox to claim the event in."""

    result: Result
    functions: list[Registered]
    first: Any
    second: Any = None
    event_id: str = ""
    inbox: Inbox | None = None

    def claim(self) -> AbstractContextManager[Claim]:
        if self.inbox is None:
            return nullcontext(Claim(session=self.second))
        return self.inbox.claim(self.event_id)

    def claim_async(self) -> AbstractAsyncContextManager[Claim]:
        if self.inbox is None:
            return nullcontext(Claim(session=self.second))
        return self.inbox.claim_async(self.event_id)


def _do(work: _Work, wait: Callable[..., Any] | None = None) -> Result:
    """Call the functions. In a worker thread of an event loop, `wait` runs a coroutine function in the loop."""
    with work.claim() as claim:
        if claim.is_done:
            return "duplicate"
        for each in work.functions:
            arguments = (work.first, claim.session)[: each.takes]
            if each.is_async and wait is not None:
                wait(each.function, *arguments)
            else:
                each.function(*arguments)
    return work.result


async def _do_async(work: _Work) -> Result:
    if work.inbox is not None and work.inbox.style == "sync":
        threads = work.inbox.threads
        result: Result = await threads.run_in_thread(_do, work, threads.wait_in_loop)
        return result
    async with work.claim_async() as claim:
        if claim.is_done:
            return "duplicate"
        for each in work.functions:
            await _call_async(each, (work.first, claim.session)[: each.takes])
    return work.result


async def _call_async(called: Registered, arguments: tuple[Any, ...]) -> None:
    if called.is_async:
        await called.function(*arguments)
    elif called.takes == 2 and hasattr(arguments[1], "run_sync"):  # an AsyncSession, which lends its sync one
        event, session = arguments
        await session.run_sync(functools.partial(called.function, event))
    else:
        await ANYIO.run_in_thread(called.function, *arguments)


def _succeeded(work: _Work, result: Result, seconds: float) -> Outcome:
    if seconds > PATIENCE:
        logger.warning(
            "Handling event %s took %.1f seconds. FinSecure waits for %d seconds, then takes the delivery for failed "
            "and sends the event again: hand long work to a job queue with @webhook.defer.",
            work.event_id,
            seconds,
            PATIENCE,
        )
    return Outcome(200, result, work.event_id or None)


def _failed(work: _Work, exc: Exception) -> Outcome:
    """The answer where the work is not done, and a line in the log for whoever mends it."""
    about = f"event {work.event_id}" if work.event_id else "a signed webhook that is no event"
    if isinstance(exc, EventInProgress):
        logger.info("%s It is answered with 409, so that FinSecure delivers it again.", exc)
        return Outcome(409, "in_progress", work.event_id)
    if isinstance(exc, InboxError):
        logger.error("Handling %s failed; it is answered with 500, so that it comes again. %s", about, exc)
    else:
        logger.error("Handling %s failed; it is answered with 500, so that it comes again.", about, exc_info=exc)
    return Outcome(500, "failed", work.event_id or None)
