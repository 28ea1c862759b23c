"""PaymentIntents. Reference: Core Resources, "Payment Intents". The states of a payment are in `_payments`."""

from __future__ import annotations

from typing import cast

from .. import _checks as check
from .. import _payments
from .._checks import Parameter
from .._json import Object
from .._problems import invalid
from .._work import Work
from . import payment_methods

_SAME = {"ach": "us_bank_account"}
"""In `payment_method_types`, the reference uses `ach` for payment methods of type `us_bank_account`."""

CREATE = {
    "amount": Parameter(check.amount, required=True),
    "currency": Parameter(check.currency, required=True),
    "payment_method_types": Parameter(check.list_of(check.one_of("card", *_SAME, "us_bank_account"))),
    "customer": Parameter(check.text, cleared=None),
    "description": Parameter(check.free_text, cleared=None),
    "metadata": Parameter(check.metadata, cleared={}),
    "receipt_email": Parameter(check.email, cleared=None),
    "setup_future_usage": Parameter(check.one_of("on_session", "off_session"), cleared=None),
}
LIST = check.listing()

_INLINE = check.nested(payment_methods.CREATE)


@check.described(anyOf=[check.schema_of(check.text), check.schema_of(_INLINE)])
def _id_or_object(value: object, param: str) -> str | Object:
    if isinstance(value, dict):
        inline: Object = _INLINE(cast("object", value), param)
        return inline
    return check.text(value, param)


CONFIRM = {
    "payment_method": Parameter(_id_or_object, required=True),
    "return_url": Parameter(check.return_url),
    "receipt_email": Parameter(check.email),
}

_RECORDS = {"description", "metadata"}
"""The parameters that can still be changed after a payment is confirmed."""


def blank_intent() -> Object:
    """Return the members of a PaymentIntent without any details."""
    return {
        "amount": None,
        "amount_received": 0,
        "currency": None,
        "status": "requires_payment_method",
        "client_secret": None,
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "metadata": {},
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "receipt_email": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "transfer_data": None,
        "transfer_group": None,
    }


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/payment_intents."""
    intent = work.create("payment_intent", blank_intent())
    intent["client_secret"] = f"{intent['id']}_secret_{work.new_id('secret')}"
    intent |= params
    _check_customer(work, intent)
    work.store.save(intent)
    return intent


def update(work: Work, ident: str, params: Object) -> Object:
    """PUT /v1/payment_intents/{id}. After confirmation, only `description` and `metadata` can change."""
    intent = work.find("payment_intent", ident)
    payment = [name for name in params if name not in _RECORDS]
    allowed = _payments.CHANGEABLE if payment else _payments.RECORDS_CHANGEABLE
    _payments.allow(intent, allowed, "changed", next(iter([*payment, *params]), None))
    intent |= params
    if "customer" in params:
        _check_customer(work, intent)
    work.store.save(intent)
    return intent


def confirm(work: Work, ident: str, params: Object) -> Object:
    """POST /v1/payment_intents/{id}/confirm. The payment method determines the outcome."""
    intent = work.find("payment_intent", ident)
    _payments.allow(intent, _payments.OPEN, "confirmed")
    method = _method_to_confirm(work, params["payment_method"])
    _check_method(intent, method)
    intent |= {
        "payment_method": method["id"],
        "next_action": None,
        "last_payment_error": None,
        "receipt_email": params.get("receipt_email", intent["receipt_email"]),
    }
    return _payments.confirm(work, intent, params.get("return_url"))


def cancel(work: Work, ident: str, _: Object) -> Object:
    """POST /v1/payment_intents/{id}/cancel."""
    return _payments.cancel(work, work.find("payment_intent", ident))


def _check_customer(work: Work, intent: Object) -> None:
    if intent["customer"]:
        work.find("customer", intent["customer"], "customer")


def _method_to_confirm(work: Work, given: str | Object) -> Object:
    if isinstance(given, dict):
        return payment_methods.keep(work, given, "payment_method.")
    return work.find("payment_method", given, "payment_method")


def _check_method(intent: Object, method: Object) -> None:
    if method["type"] not in [_SAME.get(name, name) for name in intent["payment_method_types"]]:
        accepted = ", ".join(intent["payment_method_types"])
        raise invalid(f"This PaymentIntent accepts {accepted}, not {method['type']}.", "payment_method")
    if method["customer"] not in (None, intent["customer"]):
        raise invalid(
            "This payment method is saved for a customer, and pays only a PaymentIntent of that customer.",
            "payment_method",
        )
