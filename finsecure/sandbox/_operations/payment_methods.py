"""PaymentMethods. Reference: Core Resources, "Payment Methods".

The number and CVC of a card and the number of an account are only used here and never stored. Instead, the sandbox
stores the last four digits, a fingerprint, and the outcomes of the documented test card or account.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import _checks as check
from .._checks import Parameter
from .._json import Object
from .._problems import invalid, unexpected_state
from .._work import Maker, Work
from ..cards import ACCOUNTS, CARDS, OWN_CARDS, Account, Card

ADDRESS = {
    name: Parameter(check.free_text, cleared=None)
    for name in ("city", "country", "line1", "line2", "postal_code", "state")
}
BILLING_DETAILS = {
    "address": check.part(ADDRESS),
    "email": Parameter(check.email, cleared=None),
    "name": Parameter(check.free_text, cleared=None),
    "phone": Parameter(check.free_text, cleared=None),
}
CARD = {
    "number": Parameter(check.matching("[0-9]{12,19}", "a card number, as a string of digits alone"), required=True),
    "exp_month": Parameter(check.between(1, 12), required=True),
    "exp_year": Parameter(check.between(1000, 9999), required=True),
    "cvc": Parameter(check.matching("[0-9]{3,4}", "a string of 3 or 4 digits")),
}
BANK_ACCOUNT = {
    "routing_number": Parameter(check.matching("[0-9]{9}", "a string of 9 digits"), required=True),
    "account_number": Parameter(check.matching("[0-9]{4,17}", "a string of 4 to 17 digits"), required=True),
    "account_holder_type": Parameter(check.one_of("individual", "company")),
    "account_type": Parameter(check.one_of("checking", "savings")),
}
CREATE = {
    "type": Parameter(check.one_of("card", "us_bank_account"), required=True),
    "card": Parameter(check.nested(CARD)),
    "us_bank_account": Parameter(check.nested(BANK_ACCOUNT)),
    "billing_details": check.part(BILLING_DETAILS),
    "metadata": Parameter(check.metadata),
}
UPDATE = {
    "billing_details": check.part(BILLING_DETAILS),
    "metadata": Parameter(check.metadata, cleared={}),
}
ATTACH = {"customer": Parameter(check.text, required=True)}
LIST = check.listing(customer=check.text, type=check.text)


def keep(work: Work, params: Object, prefix: str = "") -> Object:
    """Store a payment method. `prefix` completes the names of parameters that are nested in another one."""
    members, acts = describe(work, params, prefix)
    return work.create("payment_method", members, {"outcome": acts.outcome, "refund": acts.refund})


def describe(maker: Maker, params: Object, prefix: str = "") -> tuple[Object, Card | Account]:
    """Return the members of a payment method, and the test card or account with its outcomes."""
    kind: str = params["type"]
    for other in _DETAILS.keys() - {kind}:
        if other in params:
            raise invalid(f"{prefix}{other} does not go with type {kind}.", prefix + other)
    if kind not in params:
        raise invalid(f"Missing required param: {prefix}{kind}", prefix + kind)
    billing_details = check.merge(BILLING_DETAILS, check.blank(BILLING_DETAILS), params.get("billing_details", {}))
    details, acts = _DETAILS[kind](maker, params[kind], billing_details["address"], prefix)
    return {
        "type": kind,
        kind: details,
        "billing_details": billing_details,
        "customer": None,
        "metadata": params.get("metadata", {}),
    }, acts


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/payment_methods."""
    return keep(work, params)


def update(work: Work, ident: str, params: Object) -> Object:
    """PUT /v1/payment_methods/{id}. The card or account itself cannot be changed."""
    method = work.find("payment_method", ident)
    check.merge(UPDATE, method, params)
    work.store.save(method)
    return method


def attach(work: Work, ident: str, params: Object) -> Object:
    """POST /v1/payment_methods/{id}/attach."""
    customer = work.find("customer", params["customer"], "customer")
    return save_for(work, work.find("payment_method", ident), customer["id"], "customer")


def save_for(work: Work, method: Object, customer: str, param: str) -> Object:
    """Attach a payment method to a customer. It must not be attached to another one."""
    if method["customer"] not in (None, customer):
        raise unexpected_state("This payment method is attached to another customer: detach it first.", param)
    method["customer"] = customer
    work.store.save(method)
    return method


def detach(work: Work, ident: str, _: Object) -> Object:
    """POST /v1/payment_methods/{id}/detach. If it was the customer's default, there is no default afterwards."""
    method = work.find("payment_method", ident)
    if method["customer"] is None:
        raise unexpected_state("This payment method is not attached to a customer.")
    customer = work.find("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == ident:
        customer["invoice_settings"]["default_payment_method"] = None
        work.store.save(customer)
        work.emit("customer.updated", customer)
    method["customer"] = None
    work.store.save(method)
    return method


def _card(maker: Maker, params: Object, address: Object, prefix: str) -> tuple[Object, Card | Account]:
    number: str = params["number"]
    card = CARDS.get(number) or OWN_CARDS.get(number)
    if card is None:
        raise invalid(
            f"{prefix}card.number is not a documented test card, and the sandbox accepts no other: use one of the "
            "reference's test card numbers (API Testing, Test Card Numbers).",
            f"{prefix}card.number",
        )
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": "pass" if address["line1"] else None,
            "address_postal_code_check": "pass" if address["postal_code"] else None,
            "cvc_check": ("fail" if card.outcome == "incorrect_cvc" else "pass") if "cvc" in params else None,
        },
        "country": "US",
        "exp_month": params["exp_month"],
        "exp_year": params["exp_year"],
        "fingerprint": maker.fingerprint(number),
        "funding": card.funding,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }, card


def _bank_account(maker: Maker, params: Object, address: Object, prefix: str) -> tuple[Object, Card | Account]:
    del address, prefix
    account: str = params["account_number"]
    return {
        "account_holder_type": params.get("account_holder_type", "individual"),
        "account_type": params.get("account_type", "checking"),
        "bank_name": "FinSecure Test Bank",
        "fingerprint": maker.fingerprint(params["routing_number"] + "/" + account),
        "last4": account[-4:],
        "routing_number": params["routing_number"],
    }, ACCOUNTS.get(account, Account())


_Details = Callable[[Maker, Object, Object, str], tuple[Object, Card | Account]]
_DETAILS: dict[str, _Details] = {"card": _card, "us_bank_account": _bank_account}
