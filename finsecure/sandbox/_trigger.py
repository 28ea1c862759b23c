"""Causes real events, on a new or an existing object. Reference: Webhooks, "Event Types".

All steps that lead to the event are carried out as the API does, with the charges and the events of each step.
"""

from __future__ import annotations

from collections.abc import Callable

from . import _checks as check
from . import _payments, _samples
from ._json import Object
from ._operations import customers, payment_intents
from ._problems import Problem, invalid, shown, unexpected_state
from ._work import Work

_RETURN_URL = "https://yoursite.com/payment/return"

_PAYS, _ASKS, _IS_DECLINED = "4242424242424242", "4000002760003184", "4000000000000002"

Step = Callable[[Work, Object], object]


def trigger(work: Work, type: str, ident: str | None) -> Object:
    """Cause an event.

    Args:
        work: The context to work in.
        type: One of the reference's types.
        ident: The object to cause it for; `None` creates one.

    Returns:
        The event.

    Raises:
        Problem: The type is wrong, no object has this id, or its state does not allow it.
    """
    _samples.check_type(type, "type")
    if type in _PAYMENTS:
        _drive_payment(work, type, ident)
    elif type in _CUSTOMERS:
        _CUSTOMERS[type](work, ident)
    elif ident is None:
        return _samples.emit(work, type, {})
    else:
        raise invalid(
            f"id must be left out: the sandbox stores no objects of the kind that {type} is about, such as "
            f"{shown(check.ident(ident, 'id'))}.",
            "id",
        )
    return next(event for event in reversed(work.events) if event["type"] == type)


def _drive_payment(work: Work, type: str, ident: str | None) -> None:
    if ident is None:
        intent = payment_intents.create(work, "", {"amount": 2000, "currency": "usd"})
    else:
        intent = work.find("payment_intent", check.ident(ident, "id"), "id")
    step = _PAYMENTS[type].get(intent["status"])
    if step is None:
        raise _unreachable(intent["id"], type, f"its status is {intent['status']}")
    step(work, intent)


def _unreachable(ident: str, type: str, why: str) -> Problem:
    return unexpected_state(f"{type} cannot be brought about on {ident}: {why}.", "id")


def _takes_cards(intent: Object) -> bool:
    return "card" in intent["payment_method_types"]


def _confirm(work: Work, intent: Object, method: Object) -> Object:
    payment_intents.confirm(work, intent["id"], {"payment_method": method, "return_url": _RETURN_URL})
    return work.find("payment_intent", intent["id"])


def _confirm_with_card(work: Work, intent: Object, number: str) -> None:
    card = {"number": number, "exp_month": 12, "exp_year": 2035, "cvc": "123"}
    _confirm(work, intent, {"type": "card", "card": card})


def _confirm_with_bank(work: Work, intent: Object, *, succeed: bool) -> None:
    account = {"routing_number": "110000000", "account_number": "000123456789"}
    intent = _confirm(work, intent, {"type": "us_bank_account", "us_bank_account": account})
    _payments.end_processing(work, intent, succeed=succeed)


def _pay(work: Work, intent: Object) -> None:
    if _takes_cards(intent):
        _confirm_with_card(work, intent, _PAYS)
    else:
        _confirm_with_bank(work, intent, succeed=True)


def _fail(work: Work, intent: Object) -> None:
    if _takes_cards(intent):
        _confirm_with_card(work, intent, _IS_DECLINED)
    else:
        _confirm_with_bank(work, intent, succeed=False)


def _ask_customer(work: Work, intent: Object) -> None:
    if not _takes_cards(intent):
        raise _unreachable(
            intent["id"], "payment_intent.requires_action", "3D Secure is for cards, and it accepts none"
        )
    _confirm_with_card(work, intent, _ASKS)


_PAYMENTS: dict[str, dict[str, Step]] = {
    "payment_intent.succeeded": {
        "requires_payment_method": _pay,
        "requires_action": lambda work, intent: _payments.resolve_action(work, intent, succeed=True),
        "processing": lambda work, intent: _payments.end_processing(work, intent, succeed=True),
    },
    "payment_intent.payment_failed": {
        "requires_payment_method": _fail,
        "requires_action": lambda work, intent: _payments.resolve_action(work, intent, succeed=False),
        "processing": lambda work, intent: _payments.end_processing(work, intent, succeed=False),
    },
    "payment_intent.requires_action": {"requires_payment_method": _ask_customer},
    "payment_intent.canceled": dict.fromkeys(_payments.OPEN, _payments.cancel),
}
"""By event and status, the step that causes the event. From other statuses it is impossible."""


def _create_customer(work: Work, ident: str | None) -> str:
    if ident is not None:
        raise _unreachable(ident, "customer.created", "it is for customers that do not exist yet")
    customer = customers.create(work, "", {"email": "customer@example.com", "name": "John Smith"})
    created: str = customer["id"]
    return created


def _update_customer(work: Work, ident: str | None) -> None:
    customer = _find_customer(work, ident)
    customers.update(work, customer, {})


def _delete_customer(work: Work, ident: str | None) -> None:
    customers.delete(work, _find_customer(work, ident), {})


def _find_customer(work: Work, ident: str | None) -> str:
    """Return the id of an existing customer, or of a new one if `ident` is `None`."""
    if ident is None:
        return _create_customer(work, None)
    customer: str = work.find("customer", check.ident(ident, "id"), "id")["id"]
    return customer


_CUSTOMERS: dict[str, Callable[[Work, str | None], object]] = {
    "customer.created": _create_customer,
    "customer.updated": _update_customer,
    "customer.deleted": _delete_customer,
}
