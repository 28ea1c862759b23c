"""A handler: from the body of a delivery to the function that handles its event, and to the status to answer.

Example::

    webhook = finsecure.webhooks.Handler("whsec_...", inbox=MemoryInbox())

    @webhook.on("payment_intent.succeeded")
    def fulfil(event: PaymentIntentSucceeded) -> None: ...

    outcome = webhook.handle(request.body, request.headers.get("FinSecure-Signature"))

Rules: every answer but 2xx brings the event again, so whatever may still succeed is answered with another status. No
body, secret or header is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

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
from .apps import ASGIApp, answer_wsgi
from .catch_up import CaughtUp, Unreadable, catch_up, catch_up_async
from .inbox import Inbox, LostTransactionError, SyncInbox
from .receive import Event, Secrets, check_tolerance, construct_event, parse_event
from .registry import Registry
from .work import Result, Work, do, do_async

if TYPE_CHECKING:
    from .._client import AsyncClient, Client

logger: logging.Logger = logging.getLogger("finsecure")

PATIENCE = 10  # seconds that FinSecure waits for an answer
SLOW = 5  # seconds that a function may take before the log warns: the delivery itself takes time, too


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
        secret: The endpoint's signing secret, or several while you rotate it. By default `FINSECURE_WEBHOOK_SECRET`,
            read for each delivery.
        inbox: Remembers which events are done, so that one that is delivered twice is handled once.
        tolerance: Seconds that an event's signed `created` may lie in the past or the future; `None` for no check.
        clock: A clock that measures how long a function takes.

    Raises:
        finsecure.WebhookUsageError: The secret, the inbox or the tolerance cannot be used.

    Example:
        >>> inbox = finsecure.webhooks.MemoryInbox()
        >>> webhook = finsecure.webhooks.Handler("whsec_...", inbox=inbox)

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
        if isinstance(inbox, type):
            raise WebhookUsageError(
                f"inbox is the class {inbox.__name__}: pass an object of it, such as MemoryInbox()."
            )
        if inbox is not None and not hasattr(inbox, "style"):
            raise WebhookUsageError(
                f"inbox is of type {type(inbox).__name__}, which is no inbox: pass one of finsecure.webhooks, such as "
                "MemoryInbox()."
            )
        super().__init__(inbox)
        secrets = check_secrets(secret)
        # That of the environment is read for each delivery, so that tests can replace it.
        self._secrets = None if secret is None else secrets
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
            >>> signature = request.headers.get("FinSecure-Signature")
            >>> webhook.handle(request.body, signature).status
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
            result = do(work)
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
            >>> signature = request.headers.get("FinSecure-Signature")
            >>> (await webhook.handle_async(await request.body(), signature)).status
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
            result = await do_async(work)
        except Exception as exc:  # noqa: BLE001 - whatever a function raises
            return _failed(work, exc)
        return _succeeded(work, result, self._clock.monotonic() - began)

    @property
    def asgi(self) -> Callable[..., Any]:  # Starlette's `add_route` takes such an application, but does not declare it
        """An ASGI application that passes each POST to `handle_async` and answers with the outcome's status.

        Serve it by itself, or as a route. It takes bodies of up to 1 MiB (413 beyond), and other methods get 405.

        Example:
            >>> app = FastAPI()
            >>> app.add_route("/webhooks", webhook.asgi)
        """
        return ASGIApp(self.handle_async)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """A WSGI application that passes each POST to `handle` and answers with the outcome's status.

        It takes bodies of up to 1 MiB (413 beyond), and other methods get 405.

        Args:
            environ: The request, as the WSGI server gives it.
            start_response: What begins the answer, as the WSGI server gives it.

        Returns:
            The body of the answer, which is empty.

        Raises:
            finsecure.WebhookUsageError: A function or the inbox is async: these are mistakes in the program.

        Example:
            >>> server = wsgiref.simple_server.make_server("", 8000, webhook.wsgi)
            >>> server.serve_forever()
        """
        return answer_wsgi(self.handle, environ, start_response)

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
        work = self._of_event(parse_event(message))
        del message
        return Outcome(200, do(work), work.event_id)

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
        work = self._of_event(parse_event(message))
        del message
        return Outcome(200, await do_async(work), work.event_id)

    def catch_up(self, client: Client, *, since: float | datetime) -> CaughtUp:
        """Handle the events that no delivery brought, oldest first: call it after an outage, or every hour.

        It walks the list of events through the same functions and the same inbox, so an event that also was delivered
        is handled once. The inbox keeps the place: the next run goes on from there, with an overlap of ten minutes. If
        a function raises, the error is logged, the later events are handled, and the next run begins before that event.
        An event that this version cannot read goes to the function of `unreadable`, or is skipped with a log line.

        Args:
            client: The client of the account whose events the handler takes.
            since: Where the first run begins, as Unix seconds or an aware datetime. Later runs go on from their place,
                unless this lies before what the earlier runs covered.

        Returns:
            How many events were handled, done already, ignored, in progress elsewhere, failed and unreadable.

        Raises:
            finsecure.WebhookUsageError: There is no inbox, or `since` is longer ago than the inbox keeps ids.
            finsecure.InboxError: The inbox cannot be used.
            finsecure.FinSecureError: The list cannot be had; see `finsecure.error`.

        Example:
            >>> webhook.catch_up(client, since=time.time() - 24 * 3600).failed
            0

        Reference: Webhooks, Event Types.
        """
        self._begin("sync")

        def handle(event: Event | Unreadable) -> str:
            work = self._of_listed(event)
            try:
                return do(work)
            except Exception as exc:  # noqa: BLE001 - whatever a function raises
                return _not_caught_up(work, exc)

        return catch_up(cast("SyncInbox", self._inbox_to_catch_up()), client, since, handle)

    async def catch_up_async(self, client: AsyncClient, *, since: float | datetime) -> CaughtUp:
        """The same as `catch_up`, for async code.

        Args:
            client: The client of the account whose events the handler takes.
            since: Where the first run begins, as Unix seconds or an aware datetime. Later runs go on from their place,
                unless this lies before what the earlier runs covered.

        Returns:
            How many events were handled, done already, ignored, in progress elsewhere, failed and unreadable.

        Raises:
            finsecure.WebhookUsageError: There is no inbox, or `since` is longer ago than the inbox keeps ids.
            finsecure.InboxError: The inbox cannot be used.
            finsecure.FinSecureError: The list cannot be had; see `finsecure.error`.

        Example:
            >>> (await webhook.catch_up_async(client, since=time.time() - 24 * 3600)).failed
            0

        Reference: Webhooks, Event Types.
        """
        self._begin("async")

        async def handle(event: Event | Unreadable) -> str:
            work = self._of_listed(event)
            try:
                return await do_async(work)
            except Exception as exc:  # noqa: BLE001 - whatever a function raises
                return _not_caught_up(work, exc)

        return await catch_up_async(self._inbox_to_catch_up(), client, since, handle)

    def _inbox_to_catch_up(self) -> Inbox:
        if self._inbox is None:
            raise WebhookUsageError("catch_up needs an inbox, which knows the events that are done: pass inbox=.")
        return self._inbox

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

    def _received(self, body: Payload, signature: str | bytes | None) -> Work | Outcome:
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
            return Work("unreadable", [self._unreadable], to_bytes(body), exc)
        if self._defer is not None:
            return Work("deferred", [self._defer], event.to_json(), event_id=event.id)
        return self._of_event(event)

    def _of_listed(self, event: Event | Unreadable) -> Work:
        """What there is to do for an event of the API's list."""
        if not isinstance(event, Unreadable):
            return self._of_event(event)
        error = event.error()
        if self._unreadable is None:
            logger.error("%s It is skipped; @webhook.unreadable can take it.", error)
            return Work("unreadable", [], event.body)
        return Work("unreadable", [self._unreadable], event.body, error, event_id=event.id)

    def _of_event(self, event: Event) -> Work:
        functions = self._functions_for(event.type)
        if not functions:
            logger.info("Event %s of type %s is acknowledged: no function handles it", event.id, event.type)
            return Work("ignored", [], event, event_id=event.id)
        return Work("handled", functions, event, event_id=event.id, inbox=self._inbox)


def _succeeded(work: Work, result: Result, seconds: float) -> Outcome:
    if seconds > SLOW:
        logger.warning(
            "Handling event %s took %.1f seconds. FinSecure waits for %d seconds, then takes the delivery for failed "
            "and sends the event again: hand long work to a job queue with @webhook.defer.",
            work.event_id,
            seconds,
            PATIENCE,
        )
    return Outcome(200, result, work.event_id or None)


def _failed(work: Work, exc: Exception, then: str = "It is answered with 500, so that it comes again.") -> Outcome:
    """The answer where the work is not done, and a line in the log for whoever mends it."""
    about = f"event {work.event_id}" if work.event_id else "a signed webhook that is no event"
    if isinstance(exc, EventInProgress):
        logger.info("Event %s is being handled by another worker, so it is left to come again.", work.event_id)
        return Outcome(409, "in_progress", work.event_id)
    if isinstance(exc, (InboxError, WebhookUsageError)):
        logger.error("Handling %s failed. %s %s", about, then, exc)
    else:
        logger.error("Handling %s failed. %s", about, then, exc_info=exc)
    return Outcome(500, "failed", work.event_id or None)


def _not_caught_up(work: Work, exc: Exception) -> str:
    """How to count an event that is not done. Without the inbox no other event would be done either."""
    if isinstance(exc, (InboxError, WebhookUsageError)) and not isinstance(exc, LostTransactionError):
        raise exc
    return _failed(work, exc, "The next run of catch_up tries it again.").result
