"""The states of a payment: every change of a PaymentIntent's status, with the charges and events that it creates.

The states::

    requires_payment_method -> requires_action -> processing -> succeeded
             ^--- a decline, or 3D Secure that failed ---'
    canceled: from requires_payment_method and requires_action.

Only `confirm` takes a payment method, so no PaymentIntent ever has the status `requires_confirmation`.

Reference: Core Resources, "Payment Intents"; API Testing, "Test Card Numbers"; Webhooks, "Payment Events".
"""

from __future__ import annotations

from urllib.parse import quote

from ._json import Object
from ._operations import charges, payment_methods, refunds
from ._problems import error, invalid, unexpected_state
from ._work import Work
from .cards import BOUNCES, DECLINED_ONCE, DECLINES, SETTLES, SUCCEEDS, THREE_D_SECURE

BANK_PAGE = "/sandbox/3d_secure/"
"""The path of the page where the customer completes 3D Secure, without the id of the PaymentIntent at its end."""

OPEN = ("requires_payment_method", "requires_action")
"""The statuses in which a payment can be confirmed or canceled."""

CHANGEABLE = ("requires_payment_method",)
"""The statuses in which all parameters of a payment can be changed."""

RECORDS_CHANGEABLE = (*CHANGEABLE, "processing", "succeeded", "canceled")
"""The statuses in which the description and metadata of a payment can be changed."""


def allow(intent: Object, statuses: tuple[str, ...], done: str, param: str | None = None) -> None:
    """Refuse an operation that the status of a payment does not allow."""
    if intent["status"] not in statuses:
        raise unexpected_state(f"A PaymentIntent with status {intent['status']} cannot be {done}.", param)


def confirm(work: Work, intent: Object, return_url: str | None) -> Object:
    """Attempt the payment with the intent's payment method. Its test card or account determines the outcome."""
    outcome: str = work.store.private(intent["payment_method"])["outcome"]
    if outcome == DECLINED_ONCE:
        outcome = SUCCEEDS if _was_declined(work, intent) else "processing_error"
    if outcome in _DECLINES_AT_ONCE:
        return _decline(work, intent, outcome)
    if outcome == THREE_D_SECURE:
        _ask_customer(work, intent, return_url)
    else:
        _TAKE[outcome](work, intent)
    return intent | {"charges": {"object": "list", "data": charges.of(work, intent["id"])}}


def cancel(work: Work, intent: Object) -> Object:
    """Cancel the payment."""
    allow(intent, OPEN, "canceled")
    intent |= {"status": "canceled", "next_action": None}
    work.store.save(intent)
    work.emit("payment_intent.canceled", intent)
    return intent


def resolve_action(work: Work, intent: Object, *, succeed: bool) -> None:
    """Continue a payment after the customer completed or failed 3D Secure."""
    if succeed:
        _succeed(work, intent)
    else:
        _decline(work, intent, "authentication_failed")


def settle(work: Work) -> None:
    """Settle the payments and refunds that are due."""
    for settling in work.store.settling(work.now):
        _SETTLE[settling["object"]](work, settling)


def _settle_payment(work: Work, intent: Object) -> None:
    outcome = work.store.private(intent["payment_method"])["outcome"]
    end_processing(work, intent, succeed=outcome != BOUNCES)


def end_processing(work: Work, intent: Object, *, succeed: bool) -> None:
    """Settle a payment that is `processing`: the bank pays, or refuses to."""
    work.store.settled(intent["id"])
    charge = charges.of(work, intent["id"])[0]
    if succeed:
        work.store.save(charge | {"status": "succeeded", "paid": True})
        _complete(work, intent)
    else:
        reason = failure(BOUNCES)
        work.store.save(charge | charges.failed(reason))
        _await_another_method(work, intent, reason)


def _decline(work: Work, intent: Object, outcome: str) -> Object:
    """Decline the payment.

    Returns:
        The body of the error response. Reference: Error Handling, "Error Response Format".
    """
    reason = failure(outcome)
    charges.create(work, intent, "failed", reason)
    _await_another_method(work, intent, reason)
    return {"error": reason | {"payment_intent": {"id": intent["id"], "status": intent["status"]}}}


def failure(outcome: str) -> Object:
    """Return the error object for a decline."""
    reason = DECLINES[outcome]
    return error(
        "card_error", reason.message, code=reason.code, decline_code=reason.decline_code, param="payment_method"
    )


def _was_declined(work: Work, intent: Object) -> bool:
    """Whether this payment, or this payment method, has already had its processing error."""
    tries = [*charges.of(work, intent["id"]), *charges.with_method(work, intent["payment_method"])]
    return any(charge["failure_code"] == "processing_error" for charge in tries)


def _await_another_method(work: Work, intent: Object, reason: Object) -> None:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": reason,
    }
    work.store.save(intent)
    work.emit("payment_intent.payment_failed", intent)


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
    """Save the payment method, for `setup_future_usage`.

    Do nothing if it has a customer already, or if the customer was deleted.
    """
    method = work.find("payment_method", intent["payment_method"])
    if method["customer"] is None and work.store.find("customer", intent["customer"]):
        payment_methods.save_for(work, method, intent["customer"], "payment_method")


_TAKE = {SUCCEEDS: _succeed, SETTLES: _process, BOUNCES: _process}
_SETTLE = {"payment_intent": _settle_payment, "refund": refunds.settle}
_DECLINES_AT_ONCE = DECLINES.keys() - {BOUNCES}
