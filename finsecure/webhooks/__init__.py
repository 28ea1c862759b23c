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
from typing import Any, Union, cast

from pydantic import ValidationError
from pydantic_core import from_json
from typing_extensions import TypeAlias

from .._wire import validator
from ..error import SignatureVerificationError, WebhookPayloadError, WebhookUsageError
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
from ._signature import Payload, check_secrets, matching, parse_header, sign, to_bytes

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

Secrets: TypeAlias = Union[str, bytes, Sequence[Union[str, bytes]]]


def verify_signature(payload: Payload, signature: str | bytes | None, secret: Secrets) -> bool:
    """Whether a webhook was signed with your secret.

    Args:
        payload: The raw body, exactly as it arrived, before any JSON parsing.
        signature: The `FinSecure-Signature` header, `sha256=...`; `None` where none came.
        secret: The endpoint's signing secret, or several while you rotate it: one match is enough.

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


def construct_event(
    payload: Payload, signature: str | bytes | None, secret: Secrets, tolerance: float | None = None
) -> Event:
    """The event that a webhook carries, once its signature is verified.

    Args:
        payload: The raw body, exactly as it arrived, before any JSON parsing.
        signature: The `FinSecure-Signature` header, `sha256=...`; `None` where none came.
        secret: The endpoint's signing secret, or several while you rotate it: one match is enough.
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
        raise SignatureVerificationError(_why_not(signature))
    event = _read(body)
    if tolerance is not None:
        _check_age(event, tolerance)
    return event


def _read(body: bytes) -> Event:
    try:
        if b"NaN" in body or b"Infinity" in body:
            from_json(body, allow_inf_nan=False)
        return cast("Event", validator(AnyEvent).validate_json(body))
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        why = f"{first['type']} at {'.'.join(map(str, first['loc'])) or 'the top'}"
    except ValueError:
        why = "NaN or Infinity, which JSON does not have"
    raise WebhookPayloadError(f"The webhook is signed with your secret, but its body is not an event: {why}.")


def _why_not(signature: object) -> str:
    if signature is None or signature in ("", b""):
        return "The webhook has no FinSecure-Signature header: it did not come from FinSecure."
    if not parse_header(signature):
        return "The FinSecure-Signature header is not of the form sha256=<64 lower-case hex digits>."
    return (
        "The webhook was not signed with this secret: check that it is this endpoint's, and that the payload is the "
        "raw body as it arrived."
    )


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
