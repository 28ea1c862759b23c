"""How a payment goes on once it is confirmed, and the events and charges that it leaves.

Reference: API Testing, "Test Card Numbers"; Webhooks, "Payment Events"; Error Handling, "Card Errors".
"""

from __future__ import annotations

from urllib.parse import quote

from ._checks import Object
from ._operations import charges, payment_methods
from ._problems import error, invalid
from ._work import Answer, Work
from .cards import DECLINES, SUCCEEDS, THREE_D_SECURE

PAGE = "/sandbox/3d_secure/"
"""Where the customer authorises a payment; the id of the PaymentIntent follows."""


def act(work: Work, intent: Object, outcome: str, return_url: str | None) -> Answer:
    """Carry a confirmation out, as the payment method's outcome says."""
    if outcome in DECLINES:
        return decline(work, intent, outcome)
    if outcome == THREE_D_SECURE:
        _ask_customer(work, intent, return_url)
    else:
        _TAKE[outcome](work, intent)
    return Answer(intent | {"charges": {"object": "list", "data": charges.of(work, intent["id"])}})


def succeed(work: Work, intent: Object) -> None:
    """The money is there."""
    charges.create(work, intent, "succeeded")
    _complete(work, intent)


def decline(work: Work, intent: Object, outcome: str) -> Answer:
    """The payment is refused; the intent waits for another payment method."""
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
    partial = {"id": intent["id"], "status": intent["status"]}
    return Answer({"error": failure | {"payment_intent": partial}}, 402)


def settle(work: Work) -> None:
    """Complete the bank payments whose time has come."""
    for (ident,) in work.store.run("select payment_intent from settlements where due <= ? order by due", work.now):
        intent = work.find("payment_intent", ident)
        charge = charges.of(work, ident)[0]
        work.store.save(charge | {"status": "succeeded", "paid": True})
        work.store.run("delete from settlements where payment_intent = ?", ident)
        _complete(work, intent)


def _process(work: Work, intent: Object) -> None:
    charges.create(work, intent, "pending")
    intent["status"] = "processing"
    work.store.save(intent)
    work.store.run("insert into settlements values (?, ?)", intent["id"], work.now + work.settle_after)


def _ask_customer(work: Work, intent: Object, return_url: str | None) -> None:
    if return_url is None:
        raise invalid("Missing required param: return_url (this card asks for 3D Secure)", "return_url")
    page = work.base_url + PAGE + quote(intent["id"], safe="")
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
    """What `setup_future_usage` asks for. The customer or the method may have gone while the bank was at work."""
    method = work.find("payment_method", intent["payment_method"])
    if method["customer"] is None and work.store.find("customer", intent["customer"]):
        payment_methods.attach(work, method, intent["customer"], "payment_method")


_TAKE = {SUCCEEDS: succeed, payment_methods.SETTLES: _process}
