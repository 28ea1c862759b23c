"""Invented objects: complete, and as the API would return them in their state.

`Sandbox.emit` and `finsecure.testing` use them. The API does not know them; for events of real objects, see `_trigger`.
Reference: Core Resources; Webhooks, "Event Types".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from . import _checks as check
from . import _json
from ._json import Object
from ._operations import charges, payment_methods, refunds, webhook_endpoints
from ._operations.customers import blank_customer, invoice_prefix
from ._operations.events import TYPES
from ._operations.payment_intents import blank_intent
from ._payments import BANK_PAGE, failure
from ._problems import Problem, invalid, shown
from ._work import EVERY_EVENT, Maker, Work
from .cards import CARDS, DECLINES

_MONTH = 30 * 24 * 3600

check_type = check.one_of(*TYPES)
"""Checks a type of event: one of the reference's types."""


def emit(work: Work, type: str, overrides: Mapping[Any, object]) -> Object:
    """Record an event about an invented object.

    Args:
        work: The context to work in.
        type: One of the reference's types.
        overrides: Values to set, by the path of a member, such as `metadata.order_id`.

    Returns:
        The event.

    Raises:
        Problem: The type or an override is wrong.
    """
    body = sample_for(work, check_type(type, "type"), {})
    _override(body, overrides)
    whole = {name: body[name] for name in {"id", *(path.partition(".")[0] for path in overrides)}}
    # Build it again, so that members that depend on the overrides agree with them.
    body = sample_for(work, type, whole)
    _override(body, overrides)
    return work.emit(type, body)


def _override(body: Object, overrides: Mapping[Any, object]) -> None:
    for path, value in overrides.items():
        if not isinstance(path, str):
            raise invalid("Each path in overrides must be a string, such as metadata.order_id.", "overrides")
        name = f"overrides.{shown(path)}"
        try:
            plain = _json.plain(value)
        except ValueError:
            raise invalid(f"{name} must be a value that JSON knows.", name) from None
        _set(body, path.split("."), plain, name)


def sample(maker: Maker, kind: str, given: Object) -> Object:
    """Build a complete object of a kind.

    Args:
        maker: Makes the object.
        kind: The value of its `object` member.
        given: Members to set. Others that depend on them agree: the state with `status`, sums with `amount`, and so on.
    """
    whole = maker.make(kind, {name: given[name] for name in _HEAD if name in given})
    flat = {name: value for name, value in given.items() if name == "metadata" or not isinstance(value, dict)}
    return whole | _KINDS[kind](maker, whole["id"], given) | flat


def sample_for(maker: Maker, type: str, given: Object) -> Object:
    """Build a complete object, as an event of this type contains it."""
    kind, state = EVENTS[type]
    return sample(maker, kind, state | given)


def confirmed(maker: Maker, intent: Object) -> Object:
    """Add the charges to a payment, as `confirm` returns them."""
    if intent["status"] not in _CHARGES:
        return intent
    data = [maker.make("charge", charges.members(intent, status)) for status in _CHARGES[intent["status"]]]
    return intent | {"charges": {"object": "list", "data": data}}


_CHARGES = {"requires_action": [], "processing": ["pending"], "succeeded": ["succeeded"]}
"""The statuses of the charges after `confirm`, by the resulting status of the payment."""

_HEAD = ("id", "created", "livemode")


def _payment_intent(maker: Maker, ident: str, given: Object) -> Object:
    intent: Object = blank_intent() | {
        "amount": 2000,
        "currency": "usd",
        "client_secret": f"{ident}_secret_{maker.new_id('secret')}",
        "description": "Payment for Premium Subscription",
        "receipt_email": "customer@example.com",
    }
    intent |= {name: given[name] for name in ("amount", "status") if name in given}
    change = STATES.get(intent["status"], _as_it_is)
    return intent | change(maker, ident, intent | given)


def _waits(_: Maker, __: str, intent: Object) -> Object:
    error = intent["last_payment_error"]
    if error is None:
        return {}
    wanted = error.get("decline_code") or error.get("code")
    outcomes = [name for name, decline in DECLINES.items() if wanted and wanted in (decline.decline_code, decline.code)]
    return {"last_payment_error": failure([*outcomes, "insufficient_funds"][0])}


def _paid_with(maker: Maker, _: str, __: Object) -> Object:
    return {"payment_method": maker.ident("pm")}


def _asks(maker: Maker, ident: str, _: Object) -> Object:
    redirect = {"url": maker.base_url + BANK_PAGE + ident, "return_url": "https://yoursite.com/payment/return"}
    return {
        "payment_method": maker.ident("pm"),
        "next_action": {"type": "redirect_to_url", "redirect_to_url": redirect},
    }


def _processes(maker: Maker, _: str, __: Object) -> Object:
    return {"payment_method": maker.ident("pm"), "payment_method_types": ["us_bank_account"]}


def _succeeded(maker: Maker, _: str, intent: Object) -> Object:
    return {"payment_method": maker.ident("pm"), "amount_received": intent["amount"]}


def _as_it_is(_: Maker, __: str, ___: Object) -> Object:
    return {}


_Make = Callable[[Maker, str, Object], Object]

STATES: dict[str, _Make] = {
    "requires_payment_method": _waits,
    "requires_confirmation": _paid_with,
    "requires_action": _asks,
    "processing": _processes,
    "succeeded": _succeeded,
    "canceled": _as_it_is,
}
"""By status, the function that returns the members in which a payment differs from a blank one."""


def _charge(maker: Maker, _: str, given: Object) -> Object:
    amount, status = given.get("amount", 2000), given.get("status", "succeeded")
    refunded = given.get("amount_refunded", amount if given.get("refunded") else 0)
    paid_with = {"id": maker.ident("pi"), "payment_method": maker.ident("pm"), "amount": amount}
    intent = sample(maker, "payment_intent", {"status": "succeeded", **paid_with})
    reason = failure("generic_decline") if status == "failed" else None
    made = charges.members(intent, status, reason)
    return made | {"amount_refunded": refunded, "refunded": refunded == amount}


def _refund(maker: Maker, _: str, given: Object) -> Object:
    charge = {"id": maker.ident("ch"), "currency": "usd", "payment_intent": maker.ident("pi")}
    return refunds.members(charge, 2000, {}, given.get("status", "succeeded"))


def _payment_method(maker: Maker, _: str, given: Object) -> Object:
    kind = given.get("type", "us_bank_account" if "us_bank_account" in given else "card")
    card: Object = given.get("card") or {}
    details: dict[str, Object] = {
        "card": {"number": _test_card(card), "exp_month": 12, "exp_year": 2030, "cvc": "123"},
        "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
    }
    address = {"line1": "123 Main St", "city": "San Francisco", "state": "CA", "postal_code": "94105", "country": "US"}
    owner = {"name": "John Smith", "email": "john.smith@example.com", "address": address}
    members, _acts = payment_methods.describe(maker, {"type": kind, kind: details[kind], "billing_details": owner})
    if "brand" in card:
        members["card"]["networks"]["available"] = [card["brand"]]
    return members


def _test_card(card: Object) -> str:
    """Return the first test card with the given brand (by default Visa) and last four digits, or 4242…4242."""
    fits = (
        number
        for number, test_card in CARDS.items()
        if number.endswith(card.get("last4", "")) and test_card.brand == card.get("brand", "visa")
    )
    return next(fits, "4242424242424242")


def _webhook_endpoint(_: Maker, __: str, ___: Object) -> Object:
    params = {"url": "https://example.com/webhooks", "enabled_events": [EVERY_EVENT]}
    return webhook_endpoints.members(params) | {"secret": webhook_endpoints.new_secret()}


def _customer(_: Maker, ident: str, __: Object) -> Object:
    return blank_customer() | {
        "invoice_prefix": invoice_prefix(ident),
        "description": "Premium subscription customer",
        "email": "customer@example.com",
        "name": "John Smith",
        "phone": "+1-555-123-4567",
    }


def _invoice(maker: Maker, _: str, given: Object) -> Object:
    due, status = given.get("amount_due", 2000), given.get("status", "open")
    paid = given.get("amount_paid", due if status == "paid" else 0)
    return {
        "amount_due": due,
        "amount_paid": paid,
        "amount_remaining": due - paid,
        "attempt_count": 1,
        "billing_reason": "subscription_cycle",
        "currency": "usd",
        "customer": maker.ident("cus"),
        "description": None,
        "metadata": {},
        "number": "ABCD123-0001",
        "payment_intent": maker.ident("pi"),
        "period_end": int(maker.now),
        "period_start": int(maker.now) - _MONTH,
        "status": status,
        "subscription": maker.ident("sub"),
    }


def _subscription(maker: Maker, _: str, given: Object) -> Object:
    status = given.get("status", "active")
    return {
        "cancel_at_period_end": False,
        "canceled_at": int(maker.now) if status == "canceled" else None,
        "currency": "usd",
        "current_period_end": int(maker.now) + _MONTH,
        "current_period_start": int(maker.now),
        "customer": maker.ident("cus"),
        "default_payment_method": None,
        "description": None,
        "latest_invoice": maker.ident("in"),
        "metadata": {},
        "status": status,
    }


_KINDS: dict[str, _Make] = {
    "payment_intent": _payment_intent,
    "charge": _charge,
    "refund": _refund,
    "payment_method": _payment_method,
    "webhook_endpoint": _webhook_endpoint,
    "customer": _customer,
    "invoice": _invoice,
    "subscription": _subscription,
}

EVENTS: dict[str, tuple[str, Object]] = {
    "payment_intent.succeeded": ("payment_intent", {"status": "succeeded"}),
    "payment_intent.payment_failed": ("payment_intent", {"last_payment_error": {}}),
    "payment_intent.requires_action": ("payment_intent", {"status": "requires_action"}),
    "payment_intent.canceled": ("payment_intent", {"status": "canceled"}),
    "customer.created": ("customer", {}),
    "customer.updated": ("customer", {}),
    "customer.deleted": ("customer", {}),
    "invoice.payment_succeeded": ("invoice", {"status": "paid"}),
    "invoice.payment_failed": ("invoice", {"status": "open"}),
    "customer.subscription.created": ("subscription", {"status": "active"}),
    "customer.subscription.updated": ("subscription", {"status": "active"}),
}
"""The kind of object of each type of event, and the members that the event implies."""


def _set(members: Object, path: list[str], value: object, name: str) -> None:
    """Set one member by its path. The new value must have the type of the one that it replaces."""
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
