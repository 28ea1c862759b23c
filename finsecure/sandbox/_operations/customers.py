"""Customers. Reference: Core Resources, "Customers"."""

from __future__ import annotations

import hashlib

from .. import _checks as check
from .._checks import Parameter
from .._json import Object
from .._problems import invalid
from .._work import Work
from . import payment_methods

_CUSTOM_FIELD = {"name": Parameter(check.text, required=True), "value": Parameter(check.text, required=True)}
_INVOICE_SETTINGS = {
    "custom_fields": Parameter(check.list_of(check.nested(_CUSTOM_FIELD))),
    "default_payment_method": Parameter(check.text),
    "footer": Parameter(check.text),
}
CREATE = {
    "email": Parameter(check.email, cleared=None),
    "name": Parameter(check.text, cleared=None),
    "phone": Parameter(check.text, cleared=None),
    "description": Parameter(check.text, cleared=None),
    "metadata": Parameter(check.metadata, cleared={}),
    "payment_method": Parameter(check.text),
    "invoice_settings": Parameter(check.nested(_INVOICE_SETTINGS), cleared={}),
}
LIST = check.listing(email=check.text)

_NAMED_BY = {"payment_method": "payment_method", "invoice_settings": "invoice_settings.default_payment_method"}


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/customers."""
    customer = work.create(
        "customer",
        {
            "default_source": None,
            "description": None,
            "email": None,
            "invoice_prefix": None,
            "invoice_settings": dict.fromkeys(_INVOICE_SETTINGS),
            "metadata": {},
            "name": None,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
        },
    )
    customer["invoice_prefix"] = _invoice_prefix(customer["id"])
    _apply(work, customer, params)
    work.emit("customer.created", customer)
    return customer


def update(work: Work, ident: str, params: Object) -> Object:
    """PUT /v1/customers/{id}."""
    customer = work.find("customer", ident)
    _apply(work, customer, params)
    work.emit("customer.updated", customer)
    return customer


def delete(work: Work, ident: str, _: Object) -> Object:
    """DELETE /v1/customers/{id}. The customer's payment methods are detached."""
    customer = work.find("customer", ident)
    for method in work.store.objects("payment_method", equal={"customer": ident}):
        work.store.save(method | {"customer": None})
    answer = work.delete("customer", ident)
    work.emit("customer.deleted", customer)
    return answer


def _apply(work: Work, customer: Object, params: Object) -> None:
    """Set what was given. A default payment method, by either of its names, is attached."""
    defaults: dict[str, str] = {}
    if "invoice_settings" in params:
        settings: Object = {**dict.fromkeys(_INVOICE_SETTINGS), **params.pop("invoice_settings")}
        customer["invoice_settings"] = settings
        if settings["default_payment_method"]:
            defaults["invoice_settings"] = settings["default_payment_method"]
    if "payment_method" in params:
        defaults["payment_method"] = params.pop("payment_method")
    if len(set(defaults.values())) > 1:
        raise invalid("payment_method and invoice_settings name different default payment methods.", "payment_method")
    for name, ident in defaults.items():
        method = work.find("payment_method", ident, _NAMED_BY[name])
        payment_methods.save_for(work, method, customer["id"], _NAMED_BY[name])
        customer["invoice_settings"]["default_payment_method"] = ident
    customer |= params
    work.store.save(customer)


def _invoice_prefix(ident: str) -> str:
    """Four letters and three digits, such as ABCD123, that follow from the id."""
    number = int.from_bytes(hashlib.sha256(ident.encode()).digest()[:8], "big")
    letters = "".join(chr(ord("A") + number // 26**place % 26) for place in range(4))
    return f"{letters}{number // 26**4 % 1000:03d}"
