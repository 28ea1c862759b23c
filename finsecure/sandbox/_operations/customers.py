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
INVOICE_SETTINGS = {
    "custom_fields": Parameter(check.list_of(check.nested(_CUSTOM_FIELD)), cleared=None),
    "default_payment_method": Parameter(check.text, cleared=None),
    "footer": Parameter(check.free_text, cleared=None),
}
CREATE = {
    "email": Parameter(check.email, cleared=None),
    "name": Parameter(check.free_text, cleared=None),
    "phone": Parameter(check.free_text, cleared=None),
    "description": Parameter(check.free_text, cleared=None),
    "metadata": Parameter(check.metadata, cleared={}),
    "payment_method": Parameter(check.text, cleared=None),
    "invoice_settings": check.part(INVOICE_SETTINGS),
}
LIST = check.listing(email=check.text)


def blank_customer() -> Object:
    """Return the members of a Customer without any details."""
    return {
        "default_source": None,
        "description": None,
        "email": None,
        "invoice_prefix": None,
        "invoice_settings": check.blank(INVOICE_SETTINGS),
        "metadata": {},
        "name": None,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
    }


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/customers."""
    customer = work.create("customer", blank_customer())
    customer["invoice_prefix"] = invoice_prefix(customer["id"])
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
    for method in work.store.objects("payment_method", {"customer": ident}):
        work.store.save(method | {"customer": None})
    answer = work.delete("customer", ident)
    work.emit("customer.deleted", customer)
    return answer


def _apply(work: Work, customer: Object, params: Object) -> None:
    """Set the given parameters. A default payment method, given by either of its two names, is attached."""
    settings: Object = params.get("invoice_settings", {})
    name = "invoice_settings.default_payment_method"
    if "payment_method" in params:
        default, name = params.pop("payment_method"), "payment_method"
        if settings.setdefault("default_payment_method", default) != default:
            raise invalid("payment_method and invoice_settings name different default payment methods.", name)
        params["invoice_settings"] = settings
    if settings.get("default_payment_method"):
        method = work.find("payment_method", settings["default_payment_method"], name)
        payment_methods.save_for(work, method, customer["id"], name)
    check.merge(CREATE, customer, params)
    work.store.save(customer)


def invoice_prefix(ident: str) -> str:
    """Return a prefix derived from the id: four letters and three digits, such as ABCD123."""
    number = int.from_bytes(hashlib.sha256(ident.encode()).digest()[:8], "big")
    letters = "".join(chr(ord("A") + number // 26**place % 26) for place in range(4))
    return f"{letters}{number // 26**4 % 1000:03d}"
