"""The decorators of a `Handler`, which register the functions that handle events.

The overloads of `Registry.on` tell type checkers the event class of each type. A new type needs a type variable and an
overload here.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from typing_extensions import overload

from ..error import WebhookPayloadError, WebhookUsageError
from ..resources import events
from ..resources.events import KNOWN_TYPES, AnyEvent
from .inbox import Inbox

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])
Function: TypeAlias = Callable[[T], object] | Callable[[T, Any], object]
"""A function that handles an event; its second parameter, if it has one, is the session of the inbox."""

_TYPES = sorted(KNOWN_TYPES)

# A bound cannot be generic, so each type has its own variable.
OnPaymentIntentSucceeded = TypeVar("OnPaymentIntentSucceeded", bound=Function[events.PaymentIntentSucceeded])
OnPaymentIntentPaymentFailed = TypeVar(
    "OnPaymentIntentPaymentFailed", bound=Function[events.PaymentIntentPaymentFailed]
)
OnPaymentIntentRequiresAction = TypeVar(
    "OnPaymentIntentRequiresAction", bound=Function[events.PaymentIntentRequiresAction]
)
OnPaymentIntentCanceled = TypeVar("OnPaymentIntentCanceled", bound=Function[events.PaymentIntentCanceled])
OnCustomerCreated = TypeVar("OnCustomerCreated", bound=Function[events.CustomerCreated])
OnCustomerUpdated = TypeVar("OnCustomerUpdated", bound=Function[events.CustomerUpdated])
OnCustomerDeleted = TypeVar("OnCustomerDeleted", bound=Function[events.CustomerDeleted])
OnInvoicePaymentSucceeded = TypeVar("OnInvoicePaymentSucceeded", bound=Function[events.InvoicePaymentSucceeded])
OnInvoicePaymentFailed = TypeVar("OnInvoicePaymentFailed", bound=Function[events.InvoicePaymentFailed])
OnCustomerSubscriptionCreated = TypeVar(
    "OnCustomerSubscriptionCreated", bound=Function[events.CustomerSubscriptionCreated]
)
OnCustomerSubscriptionUpdated = TypeVar(
    "OnCustomerSubscriptionUpdated", bound=Function[events.CustomerSubscriptionUpdated]
)
OnOther = TypeVar("OnOther", bound=Function[AnyEvent])
OnUnreadable = TypeVar("OnUnreadable", bound=Callable[[bytes], object] | Callable[[bytes, WebhookPayloadError], object])
OnDefer = TypeVar("OnDefer", bound=Callable[[str], object])


class Registered(NamedTuple):
    """A function, and how to call it."""

    function: Callable[..., Any]
    takes: int  # arguments
    is_async: bool


class Registry:
    """The functions of a handler. They are registered when the program starts, before the first event."""

    def __init__(self, inbox: Inbox | None) -> None:
        has_session: bool = inbox is not None and getattr(inbox, "has_session", True)
        self._no_session = (
            None if has_session else "Without an inbox" if inbox is None else f"With {type(inbox).__name__}"
        )
        self._functions: dict[str, list[Registered]] = {}
        self._other: Registered | None = None
        self._unreadable: Registered | None = None
        self._defer: Registered | None = None
        self._coroutine_function: str | None = None  # the first one, to name it in an error
        self._has_begun = False

    @overload
    def on(
        self, type: Literal["payment_intent.succeeded"]
    ) -> Callable[[OnPaymentIntentSucceeded], OnPaymentIntentSucceeded]: ...

    @overload
    def on(
        self, type: Literal["payment_intent.payment_failed"]
    ) -> Callable[[OnPaymentIntentPaymentFailed], OnPaymentIntentPaymentFailed]: ...

    @overload
    def on(
        self, type: Literal["payment_intent.requires_action"]
    ) -> Callable[[OnPaymentIntentRequiresAction], OnPaymentIntentRequiresAction]: ...

    @overload
    def on(
        self, type: Literal["payment_intent.canceled"]
    ) -> Callable[[OnPaymentIntentCanceled], OnPaymentIntentCanceled]: ...

    @overload
    def on(self, type: Literal["customer.created"]) -> Callable[[OnCustomerCreated], OnCustomerCreated]: ...

    @overload
    def on(self, type: Literal["customer.updated"]) -> Callable[[OnCustomerUpdated], OnCustomerUpdated]: ...

    @overload
    def on(self, type: Literal["customer.deleted"]) -> Callable[[OnCustomerDeleted], OnCustomerDeleted]: ...

    @overload
    def on(
        self, type: Literal["invoice.payment_succeeded"]
    ) -> Callable[[OnInvoicePaymentSucceeded], OnInvoicePaymentSucceeded]: ...

    @overload
    def on(
        self, type: Literal["invoice.payment_failed"]
    ) -> Callable[[OnInvoicePaymentFailed], OnInvoicePaymentFailed]: ...

    @overload
    def on(
        self, type: Literal["customer.subscription.created"]
    ) -> Callable[[OnCustomerSubscriptionCreated], OnCustomerSubscriptionCreated]: ...

    @overload
    def on(
        self, type: Literal["customer.subscription.updated"]
    ) -> Callable[[OnCustomerSubscriptionUpdated], OnCustomerSubscriptionUpdated]: ...

    def on(self, type: str) -> Callable[[Any], Any]:
        """Register a function for the events of one type.

        The function takes the event, and with an inbox that shares its transaction also the session:
        `(event, session)`. With `handle_async` it may be a coroutine function. For several types, stack several `on`.
        Functions for the same type are called in the order in which they were registered; if one raises, all of them
        are called again when the event is delivered again.

        Args:
            type: The event's type, for example `payment_intent.succeeded`.

        Returns:
            A decorator that returns the function unchanged.

        Raises:
            finsecure.WebhookUsageError: The type is unknown, the function does not accept an event, it expects a
                session but the inbox has none, or the handler has already handled an event.

        Example:
            >>> @webhook.on("payment_intent.succeeded")
            ... def fulfil(event: PaymentIntentSucceeded) -> None: ...

        Reference: Webhooks, Event Types.
        """
        if type not in _TYPES:  # not a set: a list has no hash, but gets the same error
            raise WebhookUsageError(_no_such_type(type))

        def register(function: F) -> F:
            self._functions.setdefault(type, []).append(self._registered(function, f'on("{type}")'))
            return function

        return register

    def other(self, function: OnOther) -> OnOther:
        """Register a function for all events without a function of their own. By default, they are logged and accepted.

        Args:
            function: A function that takes the event, as for `on`.

        Returns:
            The function, unchanged.

        Raises:
            finsecure.WebhookUsageError: Such a function is already registered, or the handler has already handled an
                event.

        Example:
            >>> @webhook.other
            ... def note(event: finsecure.webhooks.Event) -> None: ...
        """
        self._other = self._only(self._other, function, "other")
        return function

    def unreadable(self, function: OnUnreadable) -> OnUnreadable:
        """Register a function for bodies that are signed with your secret, but are not a readable event.

        When it returns, the response is 200. Without such a function, they are logged and the response is 400.

        Args:
            function: A function that takes the body, and optionally a `WebhookPayloadError` that says what is wrong.

        Returns:
            The function, unchanged.

        Raises:
            finsecure.WebhookUsageError: Such a function is already registered, or the handler has already handled an
                event.

        Example:
            >>> @webhook.unreadable
            ... def keep(body: bytes, error: finsecure.WebhookPayloadError) -> None: ...
        """
        self._unreadable = self._only(self._unreadable, function, "unreadable")
        return function

    def defer(self, function: OnDefer) -> OnDefer:
        """Register a function that passes each verified event to your job queue. When it returns, the response is 200.

        In the worker, pass the string to `process`, which calls the functions of `on` and `other`.

        Args:
            function: A function that takes the event as a string.

        Returns:
            The function, unchanged.

        Raises:
            finsecure.WebhookUsageError: Such a function is already registered, or the handler has already handled an
                event.

        Example:
            >>> @webhook.defer
            ... def enqueue(message: str) -> None:
            ...     work_off.delay(message)
        """
        self._defer = self._only(self._defer, function, "defer")
        return function

    def _only(self, before: Registered | None, function: Callable[..., Any], name: str) -> Registered:
        if before is not None:
            raise WebhookUsageError(f"There is a function for {name} already: a handler has only one.")
        return self._registered(function, name)

    def _registered(self, function: Callable[..., Any], name: str) -> Registered:
        if self._has_begun:
            raise WebhookUsageError(
                f"{name} was called after the first event, which this function has missed: register all functions when "
                "the program starts, before it handles requests."
            )
        if not callable(function):
            raise WebhookUsageError(f"{name} was given {function!r}: decorate a function with it.")
        registered = Registered(function, self._parameters(function, name), _is_async(function))
        if registered.is_async and self._coroutine_function is None:
            self._coroutine_function = f"The function of {name}"
        return registered

    def _parameters(self, function: Callable[..., Any], name: str) -> int:
        """Return how many arguments to call a function with, 1 or 2."""
        count = _needed(function)
        shown = f"{getattr(function, '__qualname__', function)}{_signature(function) or ''}"
        if count > 2 or (count == 2 and name == "defer"):
            most = "one argument" if name == "defer" else "one argument, or two where it has a second parameter"
            raise WebhookUsageError(f"The function given to {name} is called with {most}: {shown} does not take that.")
        if count == 2 and name != "unreadable" and self._no_session is not None:
            raise WebhookUsageError(
                f"{self._no_session} the function given to {name} is called with the event alone, and {shown} has a "
                "second parameter: leave it out. Only SQLAlchemyInbox has a session to give."
            )
        return count

    def _functions_for(self, type: str) -> list[Registered]:
        return self._functions.get(type) or ([] if self._other is None else [self._other])


def _no_such_type(type: object) -> str:
    if isinstance(type, (list, tuple, set, frozenset)):
        return "on() takes one type: stack several on() on the function, one for each type."
    if callable(type):
        return 'on() needs the type of event: write @webhook.on("payment_intent.succeeded") above the function.'
    close = difflib.get_close_matches(str(type), _TYPES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"pass one of {', '.join(_TYPES)}."
    return f"on() was given {type!r}, which is not an event type that this version knows: {hint}"


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None  # written in C


def _needed(function: Callable[..., Any]) -> int:
    """Return how many positional arguments a function needs, at least 1; 3 if it cannot be called with only those."""
    signature = _signature(function)
    if signature is None:
        return 1
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    needed = [each for each in signature.parameters.values() if each.kind in positional and each.default is each.empty]
    count = max(1, len(needed))
    try:
        signature.bind(*range(count))
    except TypeError:
        return 3
    return count


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    called = function if inspect.isroutine(function) else type(function).__call__
    return inspect.iscoroutinefunction(called)
