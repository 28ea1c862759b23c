"""The signature of a webhook: `sha256=` and the HMAC-SHA256 of the raw body, in lower-case hex.

Rules: headers are parsed strictly, digests are compared in constant time, and no input from outside can raise an
exception. Reference: Webhooks, "Signature Verification".
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Sequence
from typing import TypeAlias, cast
from weakref import WeakValueDictionary

from ._clock import Clock
from .error import WebhookUsageError, without_frames

Payload: TypeAlias = bytes | bytearray | memoryview | str

clocks: WeakValueDictionary[bytes, Clock] = WeakValueDictionary()
"""The clocks of the sandboxes in this process, by webhook secret. A sandbox's clock may stand still."""

HEADER_LIMIT = 4096  # bytes; longer headers are refused without parsing
SIGNATURE_LIMIT = 16
_PRINTABLE = re.compile(rb"[!-~]+")
_USABLE = re.compile(rb"(?!(?:sk|pk)_(?:test|live)_|whsec_\Z)[!-~]+(?<!\.\.\.)")
_SIGNATURE = re.compile(rb"sha256=([0-9a-f]{64})")
_OTHER_SCHEME = re.compile(rb"[A-Za-z0-9_.-]+=[!-+\--~]+")  # printable ASCII except the comma


@without_frames
def sign(payload: Payload, secret: str | bytes) -> str:
    """Sign a webhook body as FinSecure does, to test your own receiver.

    Args:
        payload: The raw body, exactly as it will be sent. A str is encoded as UTF-8.
        secret: The endpoint's signing secret (`whsec_...`).

    Returns:
        The value of the `FinSecure-Signature` header: `sha256=` and 64 lower-case hex digits.

    Raises:
        finsecure.error.WebhookUsageError: The payload or the secret cannot be used.

    Reference: Webhooks, "Signature Verification".
    """
    return "sha256=" + hmac.digest(check_secret(secret), to_bytes(payload), "sha256").hex()


def to_bytes(payload: object) -> bytes:
    """Return the raw body as bytes. A parsed body is refused, since it cannot be verified."""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, bytearray):
        return bytes(payload)
    if isinstance(payload, memoryview):
        return _viewed(cast("memoryview", payload))
    if isinstance(payload, str):
        raw = _utf8(payload, "surrogateescape")  # frameworks decode invalid UTF-8 this way
        if raw is None:
            raise WebhookUsageError(
                "The webhook payload is a str that does not encode as UTF-8: pass the raw body as bytes."
            )
        return raw
    raise WebhookUsageError(
        f"The webhook payload is of type {type(payload).__name__}: pass the raw request body (bytes or str) as it "
        "arrived, before any JSON parsing."
    )


def _viewed(payload: memoryview) -> bytes:
    try:
        return payload.tobytes()
    except ValueError:
        raise WebhookUsageError("The webhook payload is a released memoryview: pass the raw body as bytes.") from None


def _utf8(text: str, errors: str) -> bytes | None:
    """Encode a text; `None` on failure, since the exception would contain the text."""
    try:
        return text.encode(errors=errors)
    except UnicodeEncodeError:
        return None


def check_secret(secret: object) -> bytes:
    """Check one signing secret and return it as bytes."""
    if not isinstance(secret, (str, bytes)):
        raise WebhookUsageError(
            f"The webhook secret is of type {type(secret).__name__}: pass the endpoint's signing secret as a str."
        )
    raw = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    if _USABLE.fullmatch(raw):
        return raw  # the usual case; the rest finds out what is wrong
    if not raw.strip():
        raise WebhookUsageError("The webhook secret is empty or blank: pass the endpoint's signing secret.")
    # Secrets from the API, and secrets given as text, must be printable ASCII. Other bytes may have any value.
    if (isinstance(secret, str) or raw.startswith(b"whsec_")) and not _PRINTABLE.fullmatch(raw):
        if any(character.isspace() for character in raw.decode("utf-8", "replace")):
            raise WebhookUsageError(
                "The webhook secret contains white space or a newline, often from a file: strip it, or copy it again."
            )
        raise WebhookUsageError(
            "The webhook secret contains non-ASCII or invisible characters: copy it again from your dashboard."
        )
    if raw.startswith((b"sk_test_", b"sk_live_", b"pk_test_", b"pk_live_")):
        raise WebhookUsageError("An API key was passed as the webhook secret: pass the endpoint's signing secret.")
    if raw == b"whsec_" or raw.endswith(b"..."):
        raise WebhookUsageError(
            "The webhook secret is the placeholder from the documentation: pass the endpoint's signing secret."
        )
    return raw


def check_secrets(secret: object) -> list[bytes]:
    """Check one secret or several; by default, read the environment."""
    if secret is None:
        secret = os.environ.get("FINSECURE_WEBHOOK_SECRET")
        if secret is None:
            raise WebhookUsageError(
                "There is no webhook secret: pass the endpoint's signing secret, or set FINSECURE_WEBHOOK_SECRET."
            )
    if not _several(secret):
        return [check_secret(secret)]
    secrets = [check_secret(one) for one in cast("Sequence[object]", secret)]
    if not secrets:
        raise WebhookUsageError("The list of webhook secrets is empty: pass at least one signing secret.")
    return secrets


def _several(secret: object) -> bool:
    return not isinstance(secret, (str, bytes, bytearray, memoryview)) and isinstance(secret, Sequence)


def parse_header(signature: object) -> list[bytes]:
    """Return the digests in a `FinSecure-Signature` header; an empty list if it is not well-formed."""
    if not isinstance(signature, (str, bytes)) or len(signature) > HEADER_LIMIT or not signature.isascii():
        return []
    header = signature.encode() if isinstance(signature, str) else signature
    parts = header.split(b",")
    if len(parts) > SIGNATURE_LIMIT:
        return []
    digests: list[bytes] = []
    for index, part in enumerate(parts):
        one = part.removeprefix(b" ") if index else part
        if match := _SIGNATURE.fullmatch(one):
            digests.append(match[1])
        elif one.startswith(b"sha256=") or not _OTHER_SCHEME.fullmatch(one):
            return []
    return digests


def matching(payload: bytes, digests: list[bytes], secrets: list[bytes]) -> bool:
    """Whether any digest matches the payload with any secret. Compares every pair, in constant time."""
    matched = False
    for secret in secrets:
        expected = hmac.digest(secret, payload, "sha256").hex().encode()
        for digest in digests:
            matched |= hmac.compare_digest(expected, digest)
    return matched
