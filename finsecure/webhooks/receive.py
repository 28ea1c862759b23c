"""Verifies the signature of a delivery, and reads its event.

The signature covers the body, not a time, so an old delivery can be replayed; `tolerance` limits that by the signed
`created`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID

from pydantic_core import SchemaValidator

from .._answer import BYTE_ORDER_MARK, without_half_pairs
from .._params import TOO_LARGE, as_int, shown
from .._signature import Payload, check_secrets, clocks, matching, parse_header, to_bytes
from ..error import SignatureVerificationError, WebhookPayloadError, WebhookUsageError, without_frames
from ..resources._object import Part, write_time
from ..resources._validate import checked, validator
from ..resources.events import AnyEvent
from ._mismatch import why_not

Event: TypeAlias = AnyEvent
"""Any event. Annotate your handlers with it; comparing `type` narrows it to one event class."""

Secrets: TypeAlias = str | bytes | Sequence[str | bytes]


@without_frames
def verify_signature(payload: Payload, signature: str | bytes | None, secret: Secrets | None = None) -> bool:
    """Check whether a webhook was signed with your secret.

    Args:
        payload: The raw body, exactly as it arrived, before any JSON parsing.
        signature: The `FinSecure-Signature` header, `sha256=...`; `None` if it is missing.
        secret: The endpoint's signing secret, or several while you rotate it: one match is enough. By default
            `FINSECURE_WEBHOOK_SECRET`.

    Returns:
        True if the signature matches. False otherwise, whatever header or body was sent.

    Raises:
        finsecure.WebhookUsageError: The secret is blank or the payload was already parsed. These are mistakes in the
            program.

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
    """Verify the signature of a webhook, and return its event.

    Args:
        payload: The raw body, exactly as it arrived, before any JSON parsing.
        signature: The `FinSecure-Signature` header, `sha256=...`; `None` if it is missing.
        secret: The endpoint's signing secret, or several while you rotate it: one match is enough. By default
            `FINSECURE_WEBHOOK_SECRET`.
        tolerance: How many seconds the event's signed `created` may be in the past or the future; `None` for no check.
            A repeated delivery keeps its `created`, so allow for your longest outage. With the secret of a sandbox in
            this process, the sandbox's clock is used.

    Returns:
        The event. `event.type` says what `event.data.object` is. An event of a type that this version does not know is
        an `UnknownEvent`.

    Raises:
        finsecure.SignatureVerificationError: It was not signed with your secret, or is too old. Respond with 400.
        finsecure.WebhookPayloadError: It was signed with your secret, but the body is not an event.
        finsecure.WebhookUsageError: The secret is blank or the payload was already parsed.

    Example:
        >>> event = construct_event(body, headers["FinSecure-Signature"], "whsec_...")

    Reference: Webhooks, Signature Verification.
    """
    secrets = check_secrets(secret)
    tolerance = check_tolerance(tolerance)
    body = to_bytes(payload)
    if not matching(body, parse_header(signature), secrets):
        raise SignatureVerificationError(why_not(body, signature, secrets))
    event = read_event(body)
    if tolerance is not None:
        _check_age(event, tolerance, _now(secrets))
    return event


@without_frames
def parse_event(stored: Payload | Mapping[str, Any]) -> Event:
    """Read an event that you stored, for example in a queue or a table. This checks no signature.

    Args:
        stored: The event as JSON text, or as a dict from a JSON column or `model_dump()`. In a dict, a `Decimal` is
            read as a number, and a datetime without a time zone as UTC.

    Returns:
        The event, as `construct_event` returns it.

    Raises:
        finsecure.WebhookPayloadError: `stored` is not an event.
        finsecure.WebhookUsageError: `stored` has another type, which is a mistake in the program.

    Example:
        >>> event = finsecure.webhooks.parse_event(row.payload)

    Reference: Webhooks, Webhook Event Example.
    """
    if isinstance(stored, Mapping):
        event, why = _validated_dict({**stored})
    elif isinstance(stored, _TEXT):
        event, why = validated(to_bytes(stored))
    else:
        raise WebhookUsageError(
            f"stored is of type {type(stored).__name__}: pass the event as JSON text (str or bytes) or as a dict."
        )
    if event is None:
        raise WebhookPayloadError(f"This is not an event: {why}.")
    return event


_TEXT: tuple[type[Any], ...] = (str, bytes, bytearray, memoryview)


@cache
def _validator() -> SchemaValidator:
    return validator(AnyEvent)  # cached, since hashing the union takes longer than reading an event


def read_event(body: bytes) -> Event:
    """Read the event in a verified body."""
    event, why = validated(body)
    if event is None:
        raise WebhookPayloadError(f"The webhook is signed with your secret, but its body is not an event: {why}.")
    return event


def validated(body: bytes) -> tuple[Event | None, str]:
    """Return the event, or say what is wrong. Not an exception, whose context would contain the body."""
    event, why = checked(_validator().validate_json, body)
    if event is None and (mended := without_half_pairs(body.removeprefix(BYTE_ORDER_MARK))) != body:
        event, why = checked(_validator().validate_json, mended)
    return event, why


def _validated_dict(stored: dict[str, Any]) -> tuple[Event | None, str]:
    try:
        body = json.dumps(stored, default=_as_json).encode()
    except (TypeError, ValueError, RecursionError):
        return None, "it has a value that JSON does not have"
    return validated(body)


def _as_json(value: Any) -> Any:
    """Convert a Python value from a database or `model_dump()` to one that JSON has."""
    for kind, write in _AS_JSON:
        if isinstance(value, kind):
            return write(value)
    raise TypeError


def _number(value: Decimal) -> float:
    number = float(value)  # first, since an int of 1E+999999 has a million digits
    return int(value) if number.is_integer() else number


_AS_JSON: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (datetime, write_time),
    (Decimal, _number),
    (Mapping, dict),
    ((bytes, bytearray, memoryview), lambda value: to_bytes(value).decode()),
    (Part, Part.to_dict),
    (UUID, str),
)


def check_tolerance(tolerance: object) -> float | None:
    """Check a tolerance, and return it in seconds."""
    seconds = tolerance if tolerance is None or isinstance(tolerance, float) else as_int(tolerance)
    if tolerance is not None and (seconds is None or not 0 <= seconds < TOO_LARGE):
        raise WebhookUsageError(f"tolerance is {shown(tolerance)}: pass seconds, 0 or more, or None for no check.")
    return seconds


def _now(secrets: list[bytes]) -> float:
    """Return the current time: from the sandbox with this secret, if it runs in this process."""
    return next((clock.time() for secret in secrets if (clock := clocks.get(secret))), time.time())


def _check_age(event: Event, tolerance: float, now: float) -> None:
    created: Any = event.created
    if not isinstance(created, datetime):
        raise SignatureVerificationError("The event has no created time, so its age cannot be checked.")
    age = now - created.timestamp()
    if abs(age) > tolerance:
        when = "ago" if age > 0 else "in the future"
        raise SignatureVerificationError(
            f"The event was created {abs(age):.0f} seconds {when}, and the tolerance is {tolerance:g} seconds."
        )
