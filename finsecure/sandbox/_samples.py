"""Objects that are made up for an event: complete, of each type of the reference. Reference: Webhooks, "Event Types".

The API does not know them, since invoices and subscriptions have no operations; `_trigger` brings about what has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from . import _checks as check
from . import _json
from ._json import Object
from ._operations.customers import blank_customer, invoice_prefix
from ._operations.events import TYPES
from ._operations.payment_intents import blank_intent
from ._payments import BANK_PAGE, failure
from ._problems import Problem, invalid, shown
from ._work import Work

_MONTH = 30 * 24 * 3600

check_type = check.one_of(*TYPES)
"""One of the reference's types."""


def emit(work: Work, type: str, overrides: Mapping[Any, object]) -> Object:
    """Record an event about an object that is made up.

    Args:
        work: The request, or what stands for it.
        type: One of the reference's types.
        overrides: Values by the path of a member, such as `metadata.order_id`.

    Returns:
        The event.

    Raises:
        Problem: The type or an override is wrong.
    """
    body = sample(work, check_type(type, "type"))
    for path, value in overrides.items():
        if not isinstance(path, str):
            raise invalid("Each path in overrides must be a string, such as metadata.order_id.", "overrides")
        name = f"overrides.{shown(path)}"
        if not _json.known(value):
            raise invalid(f"{name} must be a value that JSON knows.", name)
        _set(body, path.split("."), value, name)
    return work.emit(type, body)


def sample(work: Work, type: str) -> Object:
    """A complete object as an event of that type carries it."""
    kind, changes = _SAMPLES[type]
    prefix, make = _KINDS[kind]
    ident = f"{prefix}_{work.new_id(prefix)}"
    whole: Object = {"id": ident, "object": kind, "created": int(work.now), "livemode": False, **make(work, ident)}
    return whole | changes(work, ident)


def _payment_intent(work: Work, ident: str) -> Object:
    return blank_intent() | {
        "amount": 2000,
        "currency": "usd",
        "client_secret": f"{ident}_secret_{work.new_id('secret')}",
        "description": "Payment for Premium Subscription",
        "receipt_email": "customer@example.com",
    }


def _customer(_: Work, ident: str) -> Object:
    return blank_customer() | {
        "invoice_prefix": invoice_prefix(ident),
        "description": "Premium subscription customer",
        "email": "customer@example.com",
        "name": "John Smith",
        "phone": "+1-555-123-4567",
    }


def _invoice(work: Work, _: str) -> Object:
    return {
        "amount_due": 2000,
        "amount_paid": 0,
        "amount_remaining": 2000,
        "attempt_count": 1,
        "billing_reason": "subscription_cycle",
        "currency": "usd",
        "customer": f"cus_{work.new_id('cus')}",
        "description": None,
        "metadata": {},
        "number": "ABCD123-0001",
        "payment_intent": f"pi_{work.new_id('pi')}",
        "period_end": int(work.now),
        "period_start": int(work.now) - _MONTH,
        "status": "open",
        "subscription": f"sub_{work.new_id('sub')}",
    }


def _subscription(work: Work, _: str) -> Object:
    return {
        "cancel_at_period_end": False,
        "canceled_at": None,
        "currency": "usd",
        "current_period_end": int(work.now) + _MONTH,
        "current_period_start": int(work.now),
        "customer": f"cus_{work.new_id('cus')}",
        "default_payment_method": None,
        "description": None,
        "latest_invoice": f"in_{work.new_id('in')}",
        "metadata": {},
        "status": "active",
    }


def _asked(work: Work, ident: str) -> Object:
    return {
        "status": "requires_action",
        "payment_method": f"pm_{work.new_id('pm')}",
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "url": work.base_url + BANK_PAGE + ident,
                "return_url": "https://yoursite.com/payment/return",
            },
        },
    }


def _succeeded(work: Work, _: str) -> Object:
    return {"status": "succeeded", "amount_received": 2000, "payment_method": f"pm_{work.new_id('pm')}"}


def _as_it_is(_: Work, __: str) -> Object:
    return {}


_Make = Callable[[Work, str], Object]

_KINDS: dict[str, tuple[str, _Make]] = {
    "payment_intent": ("pi", _payment_intent),
    "customer": ("cus", _customer),
    "invoice": ("in", _invoice),
    "subscription": ("sub", _subscription),
}

_SAMPLES: dict[str, tuple[str, _Make]] = {
    "payment_intent.succeeded": ("payment_intent", _succeeded),
    "payment_intent.payment_failed": (
        "payment_intent",
        lambda _, __: {"last_payment_error": failure("insufficient_funds")},
    ),
    "payment_intent.requires_action": ("payment_intent", _asked),
    "payment_intent.canceled": ("payment_intent", lambda _, __: {"status": "canceled"}),
    "customer.created": ("customer", _as_it_is),
    "customer.updated": ("customer", _as_it_is),
    "customer.deleted": ("customer", _as_it_is),
    "invoice.payment_succeeded": (
        "invoice",
        lambda _, __: {"status": "paid", "amount_paid": 2000, "amount_remaining": 0},
    ),
    "invoice.payment_failed": ("invoice", _as_it_is),
    "customer.subscription.created": ("subscription", _as_it_is),
    "customer.subscription.updated": ("subscription", _as_it_is),
}


def _set(members: Object, path: list[str], value: object, name: str) -> None:
    """Set one member by its path. The value that it replaces says what it may be."""
    first, *rest = path
    if first not in members:
        raise _unknown(name)
    before: object = members[first]
    if first == "metadata":
        whole = {**(_members(before) or {}), ".".join(rest): value} if rest else value
        members[first] = check.metadata(whole, name.removesuffix("." + ".".join(rest)))
    elif rest:
        _set(_members(before) or {}, rest, value, name)
    elif (inside := _members(before)) is not None and (given := _members(value)) is not None:
        for member, inner in given.items():
            _set(inside, [member], inner, f"{name}.{shown(member)}")
    else:
        members[first] = _replacement(before, value, name)


def _members(value: object) -> Object | None:
    return cast("Object", value) if isinstance(value, dict) else None


def _replacement(before: object, value: object, name: str) -> object:
    kept = _FIXED.get(name)
    if kept == "object" and value != before:
        raise invalid(f"{name} must stay {before}: the type of the event says what it is about.", name)
    if before is None or type(value) is type(before) or (value is None and kept is None):
        return value
    raise invalid(f"{name} must be {_NAMES[type(before)]}.", name)


_FIXED = {"overrides.id": "id", "overrides.object": "object"}
"""The members that cannot be `null`."""

_NAMES: dict[type, str] = {str: "a string", int: "an integer", bool: "true or false", dict: "an object", list: "a list"}


def _unknown(name: str) -> Problem:
    return invalid(f"Unknown param: {name}. The object of this event has no such member.", name)
