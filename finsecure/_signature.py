"""The signature of a webhook: `sha256=` and the HMAC-SHA256 of the raw body, in lower-case hex.

Rules: a header is parsed strictly, digests are compared in constant time, and nothing that arrived from outside
can raise here. Reference: Webhooks, "Signature Verification".
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
"""The clocks of the sandboxes in this process, by the secrets that they sign with: their time may stand still."""

HEADER_LIMIT = 4096  # bytes; a longer header is refused unread
SIGNATURE_LIMIT = 16
_PRINTABLE = re.compile(rb"[!-~]+")
_USABLE = re.compile(rb"(?!(?:sk|pk)_(?:test|live)_|whsec_\Z)[!-~]+(?<!\.\.\.)")
_SIGNATURE = re.compile(rb"sha256=([0-9a-f]{64})")
_OTHER_SCHEME = re.compile(rb"[A-Za-z0-9_.-]+=[!-+\--~]+")  # printable ASCII but the comma


@without_frames
def sign(payload: Payload, secret: str | bytes) -> str:
    """Sign a body as FinSecure does, for tests of your own receiver.

    Args:
        payload: The raw body, exactly as it will be sent.
        secret: The endpoint's signing secret.

    Returns:
        The value of the `FinSecure-Signature` header: `sha256=` and 64 lower-case hex digits.

    Raises:
        finsecure.error.WebhookUsageError: The payload or the secret is not usable.

    Reference: Webhooks, "Signature Verification".
    """
    return "sha256=" + hmac.digest(check_secret(secret), to_bytes(payload), "sha256").hex()


def to_bytes(payload: object) -> bytes:
    """The raw body as bytes; anything that was parsed already is refused, since it cannot be verified."""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, bytearray):
        return bytes(payload)
    if isinstance(payload, memoryview):
        return _viewed(cast("memoryview", payload))
    if isinstance(payload, str):
        raw = _utf8(payload, "surrogateescape")  # as frameworks decode what is not UTF-8
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
    """`None` rather than an exception, which would carry the text as its context."""
    try:
        return text.encode(errors=errors)
    except UnicodeEncodeError:
        return None


def check_secret(secret: object) -> bytes:
    """One usable signing secret, as bytes."""
    if not isinstance(secret, (str, bytes)):
        raise WebhookUsageError(
            f"The webhook secret is of type {type(secret).__name__}: pass the endpoint's signing secret as a str."
        )
    raw = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    if _USABLE.fullmatch(raw):
        return raw  # as nearly every one is, for the cost of one look; the rest says what is wrong with the others
    if not raw.strip():
        raise WebhookUsageError("The webhook secret is empty or blank: pass the endpoint's signing secret.")
    # Bytes of another scheme may be any; text and what the API gave are printable ASCII.
    if (isinstance(secret, str) or raw.startswith(b"whsec_")) and not _PRINTABLE.fullmatch(raw):
        if any(character.isspace() for character in raw.decode("utf-8", "replace")):
            raise WebhookUsageError(
                "The webhook secret has white space or a newline in it, often from a file. Strip it, or copy it again."
            )
        raise WebhookUsageError(
            "The webhook secret has characters that no secret has, maybe invisible ones: copy it again from your "
            "dashboard."
        )
    if raw.startswith((b"sk_test_", b"sk_live_", b"pk_test_", b"pk_live_")):
        raise WebhookUsageError("An API key was passed as the webhook secret: pass the endpoint's signing secret.")
    if raw == b"whsec_" or raw.endswith(b"..."):
        raise WebhookUsageError(
            "The webhook secret is the placeholder of the documentation: pass the endpoint's signing secret."
        )
    return raw


def check_secrets(secret: object) -> list[bytes]:
    """One secret or several, each of them usable; that of the environment where none was given."""
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
    """The digests that a `FinSecure-Signature` header carries; none where it is not a strictly written one."""
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
    """Whether any digest is that of the payload under any secret. Every pair is compared, in constant time."""
    matched = False
    for secret in secrets:
        expected = hmac.digest(secret, payload, "sha256").hex().encode()
        for digest in digests:
            matched |= hmac.compare_digest(expected, digest)
    return matched
