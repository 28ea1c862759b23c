"""Functions that build events, and sign them as for a delivery."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, overload

from typing_extensions import Unpack

from .._signature import check_secrets, sign
from ..resources._object import Object
from ..resources.customers import Customer
from ..resources.events import (
    AnyEvent,
    CustomerCreated,
    CustomerDeleted,
    CustomerSubscriptionCreated,
    CustomerSubscriptionUpdated,
    CustomerUpdated,
    Event,
    EventData,
    Invoice,
    InvoicePaymentFailed,
    InvoicePaymentSucceeded,
    PaymentIntentCanceled,
    PaymentIntentPaymentFailed,
    PaymentIntentRequiresAction,
    PaymentIntentSucceeded,
    Subscription,
)
from ..resources.payment_intents import PaymentIntent
from ..sandbox import _samples
from ..sandbox._work import PREFIXES, event_members
from ._build import as_dict, body, check, maker, merge, plain, typed
from ._members import (
    CustomerEventMembers,
    EventMembers,
    InvoiceEventMembers,
    PaymentIntentEventMembers,
    SubscriptionEventMembers,
)


@overload
def event(
    type: Literal["payment_intent.succeeded"], **members: Unpack[PaymentIntentEventMembers]
) -> PaymentIntentSucceeded: ...
@overload
def event(
    type: Literal["payment_intent.payment_failed"], **members: Unpack[PaymentIntentEventMembers]
) -> PaymentIntentPaymentFailed: ...
@overload
def event(
    type: Literal["payment_intent.requires_action"], **members: Unpack[PaymentIntentEventMembers]
) -> PaymentIntentRequiresAction: ...
@overload
def event(
    type: Literal["payment_intent.canceled"], **members: Unpack[PaymentIntentEventMembers]
) -> PaymentIntentCanceled: ...
@overload
def event(type: Literal["customer.created"], **members: Unpack[CustomerEventMembers]) -> CustomerCreated: ...
@overload
def event(type: Literal["customer.updated"], **members: Unpack[CustomerEventMembers]) -> CustomerUpdated: ...
@overload
def event(type: Literal["customer.deleted"], **members: Unpack[CustomerEventMembers]) -> CustomerDeleted: ...
@overload
def event(
    type: Literal["invoice.payment_succeeded"], **members: Unpack[InvoiceEventMembers]
) -> InvoicePaymentSucceeded: ...
@overload
def event(type: Literal["invoice.payment_failed"], **members: Unpack[InvoiceEventMembers]) -> InvoicePaymentFailed: ...
@overload
def event(
    type: Literal["customer.subscription.created"], **members: Unpack[SubscriptionEventMembers]
) -> CustomerSubscriptionCreated: ...
@overload
def event(
    type: Literal["customer.subscription.updated"], **members: Unpack[SubscriptionEventMembers]
) -> CustomerSubscriptionUpdated: ...
@overload
def event(type: str, **members: Unpack[EventMembers]) -> AnyEvent: ...
def event(type: str, **members: Any) -> Any:
    """Build an event. Its object has the status that the type implies.

    Args:
        type: The type of the event, such as `payment_intent.succeeded`. A type that this version does not know needs
            `data={"object": ...}`, and the event is an `UnknownEvent`.
        members: The fields to set. `id`, `created`, `livemode`, `api_version`, `pending_webhooks`, `request` and
            `data` are fields of the event; any other is a field of its object. `data={"object": ...}` takes an object
            that you have, or a dict with the fields that differ.

    Returns:
        The event, of the class for its type, with all other fields filled in.

    Raises:
        TypeError: Neither the event nor its object has such a field; the message names it.
        ValueError: A field cannot have that value, or the status of the object contradicts the type.

    Example:
        >>> event("payment_intent.succeeded", amount=500).data.object.amount_received
        500

    Reference: Webhooks, Webhook Event Example.
    """
    given = {name: plain(value) for name, value in members.items()}
    own = {name: given.pop(name) for name in EventMembers.__optional_keys__ if name in given}
    data = as_dict(own.pop("data", {}), "data")
    check(EventData, data, "data.")
    about: dict[str, Any] = {**as_dict(data.get("object", {}), "data.object"), **given}
    if "created" in own:
        about.setdefault("created", own["created"])
    source = maker()
    whole = source.make("event", event_members(type, _object(type, about), 1, source.ident("req")))
    check(Event, own)
    if str(own.get("id", "evt_")).partition("_")[0] in {*PREFIXES.values()} - {"evt"}:
        raise ValueError('id is that of the event (evt_...): give its object one with data={"object": {"id": ...}}.')
    whole["data"] |= {name: value for name, value in data.items() if name != "object"}
    return typed(AnyEvent, merge(whole, own))


_MODELS: dict[str, builtins.type[Object]] = {
    "payment_intent": PaymentIntent,
    "customer": Customer,
    "invoice": Invoice,
    "subscription": Subscription,
}


def _object(type: str, about: dict[str, Any]) -> dict[str, Any]:
    """Build the object of an event of this type, with these members."""
    if type not in _samples.EVENTS:
        if "object" not in about:
            raise ValueError(
                f"type must be one of {', '.join(_samples.EVENTS)}; any other needs data={{'object': ...}}."
            )
        return about
    kind, state = _samples.EVENTS[type]
    if about.pop("object", kind) != kind:
        raise ValueError(f"data.object must be a {kind}: that is what {type} is about.")
    whole = body(_MODELS[kind], kind, state | about, answered=False)
    status = state.get("status", "requires_payment_method")
    if kind == "payment_intent" and whole["status"] != status:
        raise ValueError(f"status must be {status} in a {type}, not {whole['status']}.")
    return whole


class SignedEvent(NamedTuple):
    """A signed event, as FinSecure delivers it. Unpack it into `body, headers`.

    Attributes:
        body: The raw body, as bytes.
        headers: The `Content-Type`, and the `FinSecure-Signature` of that body.
    """

    body: bytes
    headers: dict[str, str]


def signed(event: Event, secret: str | bytes | Sequence[str | bytes] | None = None) -> SignedEvent:
    """Sign an event as FinSecure does when it delivers one to your endpoint.

    Args:
        event: The event.
        secret: The endpoint's signing secret (`whsec_...`), or a list of several, to sign with each of them. By
            default, `FINSECURE_WEBHOOK_SECRET`.

    Returns:
        The raw body and its headers.

    Raises:
        finsecure.WebhookUsageError: There is no secret, or it cannot be used.

    Example:
        >>> body, headers = signed(event("payment_intent.succeeded"), "whsec_1")
        >>> webhook.handle(body, headers["FinSecure-Signature"]).status
        200

    Reference: Webhooks, Signature Verification.
    """
    payload = event.to_json().encode()
    signature = ",".join(sign(payload, one) for one in check_secrets(secret))
    return SignedEvent(payload, {"Content-Type": "application/json", "FinSecure-Signature": signature})
