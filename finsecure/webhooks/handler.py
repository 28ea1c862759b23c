"""The webhook handler: verifies a delivery, calls your function for its event, and returns the status to respond with.

Example::

    webhook = finsecure.webhooks.Handler("whsec_...", inbox=MemoryInbox())

    @webhook.on("payment_intent.succeeded")
    def fulfil(event: PaymentIntentSucceeded) -> None: ...

    outcome = webhook.handle(request.body, request.headers.get("FinSecure-Signature"))

Rules: FinSecure delivers an event again after any status except 2xx, so an event that may still succeed gets another
status. No body, secret or header is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from .._clock import SYSTEM, Clock
from .._redact import clean
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

PATIENCE = 10  # seconds that FinSecure waits for a response
SLOW = 5  # seconds that a function may take before the log warns; the delivery itself takes time too


class Outcome(NamedTuple):
    """The outcome of a delivery.

    Attributes:
        status: The HTTP status to respond with.
        result: `handled`, `deferred` to the job queue, `ignored` because no function handles it, or `duplicate` because
            it was already done (200); `in_progress` in another worker (409); `failed` (500); `forged` (400);
            `unreadable` (400, or 200 if a function accepted it).
        event_id: The event's id; `None` if there is no event.
    """

    status: int
    result: Result
    event_id: str | None = None


class Handler(Registry):
    """Calls your function for each event, once.

    Args:
        secret: The endpoint's signing secret, or several while you rotate it. By default `FINSECURE_WEBHOOK_SECRET`,
            which is read for each delivery.
        inbox: Remembers which events are done, so that an event that is delivered twice is handled once.
        tolerance: How many seconds an event's signed `created` may be in the past or the future; `None` for no check.
        clock: The clock to measure how long a function takes.

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
                f"inbox is of type {type(inbox).__name__}, which is not an inbox: pass one from finsecure.webhooks, "
                "such as MemoryInbox()."
            )
        super().__init__(inbox)
        secrets = check_secrets(secret)
        # The environment is read for each delivery, so that tests can replace the secret.
        self._secrets = None if secret is None else secrets
        self._tolerance = check_tolerance(tolerance)
        self._inbox = inbox
        self._clock = clock

    @without_frames
    def handle(self, body: Payload, signature: str | bytes | None) -> Outcome:
        """Verify a delivery, and call the functions for its event.

        Args:
            body: The raw body, exactly as it arrived, before any JSON parsing.
            signature: The `FinSecure-Signature` header; `None` if it is missing.

        Returns:
            The outcome. Respond to the request with its `status`.

        Raises:
            finsecure.WebhookUsageError: The body was already parsed, or a function or the inbox is async. These are
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
        """Verify a delivery in async code, and call the functions for its event: sync functions in a thread.

        Args:
            body: The raw body, exactly as it arrived, before any JSON parsing.
            signature: The `FinSecure-Signature` header; `None` if it is missing.

        Returns:
            The outcome. Respond to the request with its `status`.

        Raises:
            finsecure.WebhookUsageError: The body was already parsed, which is a mistake in the program.

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
        """An ASGI application that passes each POST to `handle_async` and responds with the outcome's status.

        Serve it on its own, or as a route. It responds with 413 to bodies above 1 MiB, and with 405 to other methods.

        Example:
            >>> app = FastAPI()
            >>> app.add_route("/webhooks", webhook.asgi)
        """
        return ASGIApp(self.handle_async)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """A WSGI application that passes each POST to `handle` and responds with the outcome's status.

        It responds with 413 to bodies above 1 MiB, and with 405 to other methods.

        Args:
            environ: The WSGI environment of the request.
            start_response: The WSGI server's function that starts the response.

        Returns:
            The body of the response, which is empty.

        Raises:
            finsecure.WebhookUsageError: A function or the inbox is async, which is a mistake in the program.

        Example:
            >>> server = wsgiref.simple_server.make_server("", 8000, webhook.wsgi)
            >>> server.serve_forever()
        """
        return answer_wsgi(self.handle, environ, start_response)

    def process(self, message: str) -> Outcome:
        """Handle an event that `defer` passed to your job queue. Call this in the worker.

        It uses the same inbox, so an event that the queue delivers twice is handled once.

        Args:
            message: The string that `defer` passed to your function.

        Returns:
            The outcome: `handled`, `ignored` or a `duplicate`.

        Raises:
            finsecure.EventInProgress: Another worker is handling the event: let the queue try again later.
            finsecure.InboxError: The inbox cannot be used: let the queue try again later.
            finsecure.WebhookPayloadError: The message is not an event.
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
        """Handle an event that `defer` passed to your job queue, in async workers. See `process`.

        Args:
            message: The string that `defer` passed to your function.

        Returns:
            The outcome: `handled`, `ignored` or a `duplicate`.

        Raises:
            finsecure.EventInProgress: Another worker is handling the event: let the queue try again later.
            finsecure.InboxError: The inbox cannot be used: let the queue try again later.
            finsecure.WebhookPayloadError: The message is not an event.
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
        """Handle events that were not delivered, oldest first. Call it after an outage, or every hour.

        It reads the list of events, and uses the same functions and the same inbox, so an event that was also delivered
        is handled once. The inbox stores the place, and the next run resumes ten minutes before it. If a function
        raises, the error is logged, later events are handled, and the next run starts before that event. An event that
        this version cannot read is passed to the function of `unreadable`, or logged and skipped.

        Args:
            client: A client of the account that the events belong to.
            since: Where the first run starts, as Unix seconds or an aware datetime. Later runs resume at their place,
                unless `since` is earlier than the time that earlier runs covered.

        Returns:
            How many events were handled, already done, ignored, in progress elsewhere, failed and unreadable.

        Raises:
            finsecure.WebhookUsageError: There is no inbox, or `since` is longer ago than the inbox keeps ids.
            finsecure.InboxError: The inbox cannot be used.
            finsecure.FinSecureError: The list could not be fetched; see `finsecure.error`.

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
        """Handle events that were not delivered, oldest first, in async code. See `catch_up`.

        Args:
            client: A client of the account that the events belong to.
            since: Where the first run starts, as Unix seconds or an aware datetime. Later runs resume at their place,
                unless `since` is earlier than the time that earlier runs covered.

        Returns:
            How many events were handled, already done, ignored, in progress elsewhere, failed and unreadable.

        Raises:
            finsecure.WebhookUsageError: There is no inbox, or `since` is longer ago than the inbox keeps ids.
            finsecure.InboxError: The inbox cannot be used.
            finsecure.FinSecureError: The list could not be fetched; see `finsecure.error`.

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
            raise WebhookUsageError("catch_up needs an inbox, to know which events are done: pass inbox= to Handler.")
        return self._inbox

    def _begin(self, style: Literal["sync", "async"]) -> None:
        """Close the registry before the first event, and check that everything in it can be called from here."""
        if self._inbox is None and not self._has_begun:
            logger.warning(
                "This webhook handler has no inbox, so an event that is delivered twice is handled twice. Pass inbox=."
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
        """Verify a delivery and return the work to do, or the outcome if it is refused."""
        try:
            event = construct_event(body, signature, self._secrets, self._tolerance)
        except SignatureVerificationError as exc:
            logger.warning("A webhook was refused: %s", exc)
            return Outcome(400, "forged")
        except WebhookPayloadError as exc:
            if self._unreadable is None:
                logger.error("%s The response is 400; to handle it, use @webhook.unreadable.", exc)  # noqa: TRY400 - nothing to trace
                return Outcome(400, "unreadable")
            return Work("unreadable", [self._unreadable], to_bytes(body), exc)
        if self._defer is not None:
            return Work("deferred", [self._defer], event.to_json(), event_id=event.id)
        return self._of_event(event)

    def _of_listed(self, event: Event | Unreadable) -> Work:
        """Return the work to do for an event of the API's list."""
        if not isinstance(event, Unreadable):
            return self._of_event(event)
        error = event.error()
        if self._unreadable is None:
            logger.error("%s It is skipped; to handle it, use @webhook.unreadable.", error)
            return Work("unreadable", [], event.body)
        return Work("unreadable", [self._unreadable], event.body, error, event_id=event.id)

    def _of_event(self, event: Event) -> Work:
        functions = self._functions_for(event.type)
        if not functions:
            logger.info(
                "Event %s of type %s is acknowledged: no function handles it", _shown(event.id), _shown(event.type)
            )
            return Work("ignored", [], event, event_id=event.id)
        return Work("handled", functions, event, event_id=event.id, inbox=self._inbox)


def _shown(name: str) -> str:
    """Return an event's id or type for a line in the log."""
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else clean(name, _LONGEST_NAME)


_LONGEST_NAME = 255


def _succeeded(work: Work, result: Result, seconds: float) -> Outcome:
    if seconds > SLOW:
        logger.warning(
            "Handling event %s took %.1f seconds. After %d seconds, FinSecure considers the delivery failed and sends "
            "the event again: pass long work to a job queue with @webhook.defer.",
            _shown(work.event_id),
            seconds,
            PATIENCE,
        )
    return Outcome(200, result, work.event_id or None)


def _failed(work: Work, exc: Exception, then: str = "The response is 500, so that it is delivered again.") -> Outcome:
    """Log why the work is not done, and return the outcome."""
    about = f"event {_shown(work.event_id)}" if work.event_id else "a signed webhook that is not an event"
    if isinstance(exc, EventInProgress):
        logger.info(
            "Event %s is being handled by another worker, so the response is 409 and it is delivered again.",
            _shown(work.event_id),
        )
        return Outcome(409, "in_progress", work.event_id)
    if isinstance(exc, (InboxError, WebhookUsageError)):
        logger.error("Handling %s failed. %s %s", about, then, exc)
    else:
        logger.error("Handling %s failed. %s", about, then, exc_info=exc)
    return Outcome(500, "failed", work.event_id or None)


def _not_caught_up(work: Work, exc: Exception) -> str:
    """Return the count for an event that is not done. If the inbox fails, raise: no other event would succeed."""
    if isinstance(exc, (InboxError, WebhookUsageError)) and not isinstance(exc, LostTransactionError):
        raise exc
    return _failed(work, exc, "The next run of catch_up tries it again.").result
