"""The states of a payment: every change of a PaymentIntent's status, with the charges and events that it leaves.

    requires_payment_method -> requires_confirmation -> requires_action -> processing -> succeeded
             ^----------------- a decline, or 3D Secure that failed -----------'
    canceled: from any but the last two.

Reference: Core Resources, "Payment Intents"; API Testing, "Test Card Numbers"; Webhooks, "Payment Events".
"""

from __future__ import annotations

from urllib.parse import quote

from ._json import Object
from ._operations import charges, payment_methods
from ._problems import error, invalid, unexpected_state
from ._work import Work
from .cards import DECLINES, SUCCEEDS, THREE_D_SECURE

BANK_PAGE = "/sandbox/3d_secure/"
"""Where the customer authorises a payment; the id of the PaymentIntent follows."""

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
"""A payment that can be confirmed and canceled."""

NOT_UNDER_WAY = OPEN[:2]
"""A payment whose amount and customer can be changed."""


def allow(intent: Object, statuses: tuple[str, ...], done: str, param: str | None = None) -> None:
    """Refuse what the status of a payment does not allow."""
    if intent["status"] not in statuses:
        raise unexpected_state(f"A PaymentIntent with status {intent['status']} cannot be {done}.", param)


def await_confirmation(intent: Object) -> None:
    """Set the status of a payment that is not under way: whether it has a payment method to confirm with."""
    intent["status"] = "requires_confirmation" if intent["payment_method"] else "requires_payment_method"


def confirm(work: Work, intent: Object, return_url: str | None) -> Object:
    """Pay with the intent's payment method, whose outcome decides how it ends."""
    outcome = work.store.private(intent["payment_method"])["outcome"]
    if outcome in DECLINES:
        return decline(work, intent, outcome)
    if outcome == THREE_D_SECURE:
        _ask_customer(work, intent, return_url)
    else:
        _TAKE[outcome](work, intent)
    return intent | {"charges": {"object": "list", "data": charges.of(work, intent["id"])}}


def cancel(work: Work, intent: Object) -> Object:
    """Give the payment up."""
    allow(intent, OPEN, "canceled")
    intent |= {"status": "canceled", "next_action": None}
    work.store.save(intent)
    work.emit("payment_intent.canceled", intent)
    return intent


def resolve_action(work: Work, intent: Object, *, succeed: bool) -> None:
    """Go on after the customer authorised a payment that waits for it, or failed to."""
    if succeed:
        _succeed(work, intent)
    else:
        decline(work, intent, "authentication_failed")


def decline(work: Work, intent: Object, outcome: str) -> Object:
    """Refuse the payment; it then waits for another payment method.

    Returns:
        The error to answer with. Reference: Error Handling, "Error Response Format".
    """
    reason = DECLINES[outcome]
    failure = error(
        "card_error", reason.message, code=reason.code, decline_code=reason.decline_code, param="payment_method"
    )
    charges.create(work, intent, "failed", failure)
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": failure,
    }
    work.store.save(intent)
    work.emit("payment_intent.payment_failed", intent)
    return {"error": failure | {"payment_intent": {"id": intent["id"], "status": intent["status"]}}}


def settle(work: Work) -> None:
    """Complete the bank payments whose time has come."""
    for ident in work.store.settlements(work.now):
        intent = work.find("payment_intent", ident)
        charge = charges.of(work, ident)[0]
        work.store.save(charge | {"status": "succeeded", "paid": True})
        work.store.settled(ident)
        _complete(work, intent)


def _succeed(work: Work, intent: Object) -> None:
    charges.create(work, intent, "succeeded")
    _complete(work, intent)


def _process(work: Work, intent: Object) -> None:
    charges.create(work, intent, "pending")
    intent["status"] = "processing"
    work.store.save(intent)
    work.store.settle_at(intent["id"], work.now + work.settle_after)


def _ask_customer(work: Work, intent: Object, return_url: str | None) -> None:
    if return_url is None:
        raise invalid("Missing required param: return_url (this card asks for 3D Secure)", "return_url")
    page = work.base_url + BANK_PAGE + quote(intent["id"], safe="")
    intent |= {
        "status": "requires_action",
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": return_url}},
    }
    work.store.save(intent)
    work.emit("payment_intent.requires_action", intent)


def _complete(work: Work, intent: Object) -> None:
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "next_action": None}
    work.store.save(intent)
    if intent["setup_future_usage"] and intent["customer"]:
        _keep_method(work, intent)
    work.emit("payment_intent.succeeded", intent)


def _keep_method(work: Work, intent: Object) -> None:
    """Save the payment method for the customer, as `setup_future_usage` asks; either may be gone by now."""
    method = work.find("payment_method", intent["payment_method"])
    if method["customer"] is None and work.store.find("customer", intent["customer"]):
        payment_methods.save_for(work, method, intent["customer"], "payment_method")


_TAKE = {SUCCEEDS: _succeed, payment_methods.SETTLES: _process}
