"""Functions that build objects, one for each kind."""

from __future__ import annotations

from typing_extensions import Unpack

from ..resources.charges import Charge
from ..resources.customers import Customer
from ..resources.events import Invoice, Subscription
from ..resources.payment_intents import PaymentIntent
from ..resources.payment_methods import PaymentMethod
from ..resources.refunds import Refund
from ..resources.webhook_endpoints import WebhookEndpoint
from ._build import made
from ._members import (
    ChargeMembers,
    CustomerMembers,
    InvoiceMembers,
    PaymentIntentMembers,
    PaymentMethodMembers,
    RefundMembers,
    SubscriptionMembers,
    WebhookEndpointMembers,
)


def payment_intent(**members: Unpack[PaymentIntentMembers]) -> PaymentIntent:
    """Build a PaymentIntent: by default $20, with status `requires_payment_method`.

    With `status="succeeded"` it has a payment method, `amount_received` and a charge, as `confirm` returns it. With
    `requires_action` it has a `next_action`, and with `processing` a pending charge. For a declined payment, pass
    `last_payment_error={"decline_code": "lost_card"}`.

    Args:
        members: The fields to set; for a nested object, a dict with those that differ from the default.

    Returns:
        The PaymentIntent, with all other fields filled in.

    Raises:
        TypeError: A PaymentIntent has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> payment_intent(status="succeeded", amount=500).amount_received
        500

    Reference: Payment Intents.
    """
    return made(PaymentIntent, "payment_intent", members)


def payment_method(**members: Unpack[PaymentMethodMembers]) -> PaymentMethod:
    """Build a PaymentMethod: a Visa card, or with `type="us_bank_account"` a bank account.

    Args:
        members: The fields to set; for a nested object, a dict with those that differ from the default.

    Returns:
        The PaymentMethod, with all other fields filled in.

    Raises:
        TypeError: A PaymentMethod has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> payment_method(card={"brand": "mastercard"}).card.last4
        '4444'

    Reference: Payment Methods.
    """
    details = {"card", "us_bank_account"} & members.keys()
    kind = members.get("type") or "".join(sorted(details)[-1:])
    for other in details - {kind}:
        raise ValueError(f"{other} does not go with type {kind}.")
    return made(PaymentMethod, "payment_method", members)


def customer(**members: Unpack[CustomerMembers]) -> Customer:
    """Build a Customer; with `deleted=True`, as `delete` returns it.

    Args:
        members: The fields to set; for a nested object, a dict with those that differ from the default.

    Returns:
        The Customer, with all other fields filled in.

    Raises:
        TypeError: A Customer has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> customer(email="jenny@example.com").email
        'jenny@example.com'

    Reference: Customers.
    """
    return made(Customer, "customer", members)


def refund(**members: Unpack[RefundMembers]) -> Refund:
    """Build a Refund of $20 that succeeded.

    Args:
        members: The fields to set.

    Returns:
        The Refund, with all other fields filled in.

    Raises:
        TypeError: A Refund has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> refund(amount=500, status="pending").status
        'pending'

    Reference: Basic Integration Testing, "Process refunds correctly".
    """
    return made(Refund, "refund", members)


def charge(**members: Unpack[ChargeMembers]) -> Charge:
    """Build a Charge of $20 that succeeded; with `status="failed"` it has a failure code and message.

    Args:
        members: The fields to set.

    Returns:
        The Charge, with all other fields filled in.

    Raises:
        TypeError: A Charge has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> charge(refunded=True).amount_refunded
        2000

    Reference: Payment Intents, Confirm Payment Intent.
    """
    return made(Charge, "charge", members)


def webhook_endpoint(**members: Unpack[WebhookEndpointMembers]) -> WebhookEndpoint:
    """Build a WebhookEndpoint with its `secret`, as `create` returns it; with `deleted=True`, as `delete` returns it.

    Args:
        members: The fields to set.

    Returns:
        The WebhookEndpoint, with all other fields filled in.

    Raises:
        TypeError: A WebhookEndpoint has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> webhook_endpoint(url="https://shop.example/webhooks").status
        'enabled'

    Reference: Webhook Endpoint Configuration.
    """
    return made(WebhookEndpoint, "webhook_endpoint", members)


def invoice(**members: Unpack[InvoiceMembers]) -> Invoice:
    """Build an open Invoice of $20; with `status="paid"` it is paid in full.

    Args:
        members: The fields to set.

    Returns:
        The Invoice, with all other fields filled in.

    Raises:
        TypeError: An Invoice has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> invoice(status="paid", amount_due=500).amount_paid
        500

    Reference: Webhooks, Subscription Events.
    """
    return made(Invoice, "invoice", members)


def subscription(**members: Unpack[SubscriptionMembers]) -> Subscription:
    """Build an active Subscription. Its current period ends in 30 days.

    Args:
        members: The fields to set.

    Returns:
        The Subscription, with all other fields filled in.

    Raises:
        TypeError: A Subscription has no such field; the message names it.
        ValueError: A field cannot have that value; the message names it.

    Example:
        >>> subscription(status="canceled").status
        'canceled'

    Reference: Webhooks, Subscription Events.
    """
    return made(Subscription, "subscription", members)
