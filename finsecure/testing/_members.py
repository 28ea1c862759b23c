"""The members that each factory takes, for type checkers. Nested objects take only the members that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from typing_extensions import TypedDict

from ..resources.charges import ChargeStatus
from ..resources.payment_intents import PaymentIntentStatus, PaymentMethodType, SetupFutureUsage
from ..resources.payment_methods import PaymentMethodKind
from ..resources.refunds import RefundStatus
from ..resources.webhook_endpoints import EventType

Nested: TypeAlias = Mapping[str, Any]
Time: TypeAlias = datetime | int


class Common(TypedDict, total=False):
    """Members that every object has."""

    id: str
    created: Time
    livemode: bool


class WithMetadata(Common, total=False):
    """Members that every object with metadata has."""

    metadata: Mapping[str, str]


class PaymentIntentMembers(WithMetadata, total=False):
    """The members of a PaymentIntent."""

    amount: int
    amount_received: int
    currency: str
    status: PaymentIntentStatus
    charges: Nested
    client_secret: str
    customer: str | None
    description: str | None
    last_payment_error: Nested | None
    next_action: Nested | None
    payment_method: str | None
    payment_method_types: Sequence[PaymentMethodType]
    receipt_email: str | None
    setup_future_usage: SetupFutureUsage | None
    shipping: Nested | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    transfer_data: Nested | None
    transfer_group: str | None


class PaymentMethodMembers(WithMetadata, total=False):
    """The members of a PaymentMethod."""

    type: PaymentMethodKind
    card: Nested
    us_bank_account: Nested
    billing_details: Nested
    customer: str | None


class CustomerMembers(WithMetadata, total=False):
    """The members of a Customer."""

    default_source: str | None
    deleted: bool
    description: str | None
    email: str | None
    invoice_prefix: str
    invoice_settings: Nested
    name: str | None
    phone: str | None
    preferred_locales: Sequence[str]
    shipping: Nested | None
    tax_exempt: str


class RefundMembers(WithMetadata, total=False):
    """The members of a Refund."""

    amount: int
    charge: str
    currency: str
    payment_intent: str
    reason: str | None
    status: RefundStatus


class ChargeMembers(WithMetadata, total=False):
    """The members of a Charge."""

    amount: int
    amount_refunded: int
    currency: str
    customer: str | None
    description: str | None
    failure_code: str | None
    failure_message: str | None
    paid: bool
    payment_intent: str
    payment_method: str
    receipt_email: str | None
    refunded: bool
    status: ChargeStatus


class WebhookEndpointMembers(Common, total=False):
    """The members of a WebhookEndpoint."""

    deleted: bool
    enabled_events: Sequence[EventType]
    secret: str
    status: str
    url: str


class InvoiceMembers(WithMetadata, total=False):
    """The members of an Invoice."""

    amount_due: int
    amount_paid: int
    amount_remaining: int
    attempt_count: int
    billing_reason: str
    currency: str
    customer: str
    description: str | None
    number: str
    payment_intent: str | None
    period_end: Time
    period_start: Time
    status: str
    subscription: str | None


class SubscriptionMembers(WithMetadata, total=False):
    """The members of a Subscription."""

    cancel_at_period_end: bool
    canceled_at: Time | None
    currency: str
    current_period_end: Time
    current_period_start: Time
    customer: str
    default_payment_method: str | None
    description: str | None
    latest_invoice: str | None
    status: str


class EventMembers(Common, total=False):
    """The members of an event, except its type."""

    api_version: str
    data: Nested
    pending_webhooks: int
    request: Nested | None


class PaymentIntentEventMembers(EventMembers, PaymentIntentMembers, total=False):
    """The members of an event about a PaymentIntent, and of that PaymentIntent."""


class CustomerEventMembers(EventMembers, CustomerMembers, total=False):
    """The members of an event about a Customer, and of that Customer."""


class InvoiceEventMembers(EventMembers, InvoiceMembers, total=False):
    """The members of an event about an Invoice, and of that Invoice."""


class SubscriptionEventMembers(EventMembers, SubscriptionMembers, total=False):
    """The members of an event about a Subscription, and of that Subscription."""
