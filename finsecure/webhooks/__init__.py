"""Webhooks: know that an event came from FinSecure, and what it says. Reference: Webhooks.

    event = finsecure.webhooks.construct_event(request.body, request.headers["FinSecure-Signature"], secret)
    if event.type == "payment_intent.succeeded":
        fulfil(event.data.object)  # a PaymentIntent, to you and to your type checker

Deliveries come at least once and in any order: act on each `event.id` once. The signature covers the body, not a time,
so an old delivery can be replayed; `tolerance` bounds that by the signed `created`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias, cast

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from .._signature import Payload, check_secrets, matching, parse_header, sign, to_bytes
from ..error import SignatureVerificationError, WebhookPayloadError, WebhookUsageError, without_frames
from ..resources._validate import validator, what_is_wrong
from ..resources.events import (
    AnyEvent,
    CustomerCreated,
    CustomerDeleted,
    CustomerSubscriptionCreated,
    CustomerSubscriptionUpdated,
    CustomerUpdated,
    InvoicePaymentFailed,
    InvoicePaymentSucceeded,
    PaymentIntentCanceled,
    PaymentIntentPaymentFailed,
    PaymentIntentRequiresAction,
    PaymentIntentSucceeded,
    UnknownEvent,
)
from ._mismatch import why_not

__all__ = [
    "CustomerCreated",
    "CustomerDeleted",
    "CustomerSubscriptionCreated",
    "CustomerSubscriptionUpdated",
    "CustomerUpdated",
    "Event",
    "InvoicePaymentFailed",
    "InvoicePaymentSucceeded",
    "PaymentIntentCanceled",
    "PaymentIntentPaymentFailed",
    "PaymentIntentRequiresAction",
    "PaymentIntentSucceeded",
    "UnknownEvent",
    "construct_event",
    "sign",
    "verify_signature",
]

Event: TypeAlias = AnyEvent
"""Any event, told apart by `type`: the type to annotate your handlers with."""

Secrets: TypeAlias = str | bytes | Sequence[str | bytes]


@without_frames
def verify_signature(payload: Payload, signature: str | bytes | None, secret: Secrets | None = None) -> bool:
    """Whether a webhook was signed with your secret.

    Args:
        payload: The raw body, exactly as it arrived, before any JSON parsing.
        signature: The `FinSecure-Signature` header, `sha256=...`; `None` where none came.
        secret: The endpoint's signing secret, or several while you rotate it: one match is enough. By default
            `FINSECURE_WEBHOOK_SECRET`.

    Returns:
        True or False; False for any header or body that a stranger may send.

    Raises:
        finsecure.WebhookUsageError: The secret is blank or the payload was parsed already: mistakes of the caller's.

    Example:
        >>> verify_signature(b"{}", sign(b"{}", "whsec_1"), "whsec_1")
        True

    Reference: Webhooks, Signature Verification.
    """
    secrets = check_secrets(secret)
    return matching(to_bytes(payload), parse_header(signature), secrets)


@without_frames
def construct_event(
    payload: Payload, signature: str | bytes | None, secret: Secrets | None = None, tolerance: float | None = None
) -> Event:
    """The event that a webhook carries, once its signature is verified.

    Args:
        payload: The raw body, exactly as it arrived, before any JSON parsing.
        signature: The `FinSecure-Signature` header, `sha256=...`; `None` where none came.
        secret: The endpoint's signing secret, or several while you rotate it: one match is enough. By default
            `FINSECURE_WEBHOOK_SECRET`.
        tolerance: Seconds that the event's signed `created` may lie in the past or the future; `None` for no check.
            A delivery that is tried again keeps its `created`, so allow for your longest outage.

    Returns:
        The event. `event.type` tells its kind, and with it what `event.data.object` is; a type that this version does
        not know arrives as `UnknownEvent`.

    Raises:
        finsecure.SignatureVerificationError: It was not signed with your secret, or is too old: answer 400.
        finsecure.WebhookPayloadError: It was, but the body is not an event.
        finsecure.WebhookUsageError: The secret is blank or the payload was parsed already.

    Example:
        >>> event = construct_event(body, headers["FinSecure-Signature"], "whsec_...")

    Reference: Webhooks, Signature Verification.
    """
    secrets = check_secrets(secret)
    if tolerance is not None:
        _check_tolerance(tolerance)
    body = to_bytes(payload)
    if not matching(body, parse_header(signature), secrets):
        raise SignatureVerificationError(why_not(body, signature, secrets))
    event = _read(body)
    if tolerance is not None:
        _check_age(event, tolerance)
    return event


@cache
def _validator() -> SchemaValidator:
    return validator(AnyEvent)  # found once: a union takes longer to look up by its hash than an event to read


def _read(body: bytes) -> Event:
    try:
        return cast("Event", _validator().validate_json(body))
    except ValidationError as exc:
        why = what_is_wrong(exc)
    # Raised here and not above, so that no context holds the body.
    raise WebhookPayloadError(f"The webhook is signed with your secret, but its body is not an event: {why}.")


def _check_tolerance(tolerance: Any) -> None:
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 <= tolerance < math.inf:
        raise WebhookUsageError(f"tolerance is {tolerance!r}: pass seconds, 0 or more, or None for no check.")


def _check_age(event: Event, tolerance: float) -> None:
    created: Any = event.created
    if not isinstance(created, datetime):
        raise SignatureVerificationError("The event does not say when it was created, so its age cannot be checked.")
    age = time.time() - created.timestamp()
    if abs(age) > tolerance:
        when = "ago" if age > 0 else "in the future"
        raise SignatureVerificationError(
            f"The event was created {abs(age):.0f} seconds {when}, and the tolerance is {tolerance:g} seconds."
        )
