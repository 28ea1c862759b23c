"""Webhooks: verify that an event came from FinSecure, and read it. Reference: Webhooks.

Example::

    signature = request.headers["FinSecure-Signature"]
    event = finsecure.webhooks.construct_event(request.body, signature, secret)
    if event.type == "payment_intent.succeeded":
        fulfil(event.data.object)  # a PaymentIntent, also for your type checker

Events are delivered at least once and in any order: act on each `event.id` once. The signature covers the body, not a
time, so an old delivery can be replayed; `tolerance` limits that by the signed `created`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._signature import sign
from ..error import EventInProgress, InboxError
from ..resources.events import (
    CustomerCreated,
    CustomerDeleted,
    CustomerSubscriptionCreated,
    CustomerSubscriptionUpdated,
    CustomerUpdated,
    InvoicePaymentFailed,
    InvoicePaymentSucceeded,
    PaymentIntentCanceled,
    PaymentIntentPaymentFailed,
    PaymentIntentRequiresAction,
    PaymentIntentSucceeded,
    UnknownEvent,
)
from .receive import Event, construct_event, parse_event, verify_signature

if TYPE_CHECKING:
    from .catch_up import CaughtUp
    from .django.inbox import DjangoInbox as DjangoInbox
    from .django.views import django_async_view as django_async_view
    from .django.views import django_view as django_view
    from .handler import Handler, Outcome
    from .inbox import AsyncInbox, Claim, Inbox, SyncInbox
    from .memory import MemoryInbox
    from .redis import RedisInbox as RedisInbox
    from .sqlalchemy import SQLAlchemyInbox as SQLAlchemyInbox
    from .sqlalchemy import inbox_table as inbox_table
else:

    def __getattr__(name: str) -> Any:
        import importlib

        home = _LATER.get(name)
        if home is None:
            from .._habits import of_module

            raise AttributeError(of_module(__name__, name, __dir__()), name=name, obj=None)
        try:
            value = getattr(importlib.import_module(home, __name__), name)
        except ModuleNotFoundError as exc:
            extra = home.split(".")[1]
            if (exc.name or "").partition(".")[0] not in {extra, "asgiref"}:
                raise
            raise ImportError(
                f"{name} needs a package that is not installed: pip install 'finsecure[{extra}]'"
            ) from None
        globals()[name] = value
        return value


_LATER = {  # loaded on first use, since most inboxes import a library
    "AsyncInbox": ".inbox",
    "CaughtUp": ".catch_up",
    "Claim": ".inbox",
    "DjangoInbox": ".django.inbox",
    "Handler": ".handler",
    "Inbox": ".inbox",
    "MemoryInbox": ".memory",
    "Outcome": ".handler",
    "RedisInbox": ".redis",
    "SQLAlchemyInbox": ".sqlalchemy",
    "SyncInbox": ".inbox",
    "django_async_view": ".django.views",
    "django_view": ".django.views",
    "inbox_table": ".sqlalchemy",
}


def __dir__() -> list[str]:
    return sorted({*__all__, *_LATER})


# Without the names that need an extra, so that `from finsecure.webhooks import *` works without extras.

__all__ = [
    "AsyncInbox",
    "CaughtUp",
    "Claim",
    "CustomerCreated",
    "CustomerDeleted",
    "CustomerSubscriptionCreated",
    "CustomerSubscriptionUpdated",
    "CustomerUpdated",
    "Event",
    "EventInProgress",
    "Handler",
    "Inbox",
    "InboxError",
    "InvoicePaymentFailed",
    "InvoicePaymentSucceeded",
    "MemoryInbox",
    "Outcome",
    "PaymentIntentCanceled",
    "PaymentIntentPaymentFailed",
    "PaymentIntentRequiresAction",
    "PaymentIntentSucceeded",
    "SyncInbox",
    "UnknownEvent",
    "construct_event",
    "parse_event",
    "sign",
    "verify_signature",
]
