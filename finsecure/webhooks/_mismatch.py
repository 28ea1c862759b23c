"""Explains why a webhook could not be verified, in a sentence for the log, without any digest or secret.

Rules: this decides nothing, since the webhook is already refused. Strangers can trigger it, so it must be cheap: it
reads only the beginning of a large body, and hashes it again only if the secret has white space or quotes around it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

from .._signature import HEADER_LIMIT, SIGNATURE_LIMIT, matching, parse_header

_BODY_LIMIT = 8 * 1024  # bytes; a body with more, or with more commas and brackets than below, is not compared
_COMMA_LIMIT = 500
_BRACKET_LIMIT = 50  # also limits the nesting, so that indenting stays cheap
_GZIP = b"\x1f\x8b"
_BASE64 = re.compile(rb"\s*([A-Za-z0-9+/_-]{8,256})")
_FORM = "the FinSecure-Signature header is sha256= and 64 lower-case hex digits"

# What a header may be instead; the first match counts.
_OTHER_HEADERS = (
    (re.compile(r"\s*"), "The FinSecure-Signature header is empty: FinSecure always sends one."),
    (re.compile(r"t=\d+,(.*,)?v\d=.*"), "This is the header of another provider (t=...,v1=..., as Stripe writes it)"),
    (re.compile(r"v\d+[,=].*"), "This is the header of another provider (v1,... or v0=..., as Svix or Slack write it)"),
    (re.compile(r"sha1=.*"), "This is the header of another provider (sha1=..., as GitHub writes it)"),
    (re.compile(r"[0-9a-fA-F]{64}"), "The header's sha256= is missing, as if it had been cut off: pass all of it"),
    (re.compile(r"(?i)sha256=[0-9a-f]{64}"), "The header is written in upper case: pass it as it arrived"),
    (re.compile(r"(?s)\s*sha256=[0-9a-f]{64}\s*"), "The header has white space around it: pass it as it arrived"),
)


def why_not(payload: bytes, signature: object, secrets: list[bytes]) -> str:
    """Return a sentence about why a webhook could not be verified."""
    if signature is None:
        return "The webhook has no FinSecure-Signature header: it did not come from FinSecure."
    digests = parse_header(signature)
    if not digests:
        return _about_header(signature)
    encoded = _encoding(payload)
    if encoded is not None:
        return f"The webhook was not signed with this secret, and the body is {encoded}."
    stripped = [bare for secret in secrets if (bare := _stripped(secret)) != secret]
    if stripped and matching(payload, digests, stripped):
        return (
            "The webhook secret has white space, a newline or quotes around it, often from a file. Without them it "
            "matches: strip it."
        )
    if any(matching(other, digests, secrets) for other in _written_again(payload)):
        return (
            "The payload is not the body as it arrived: it was parsed and written again, or its white space was "
            "changed. Pass the raw bytes of the request."
        )
    return (
        "The webhook was not signed with this secret: check that it is this endpoint's and the one in use now, and "
        "that the payload is the raw body as it arrived."
    )


def _encoding(payload: bytes) -> str | None:
    """Say how a body is encoded, if it is not JSON, from its first bytes: a compressed bomb is never unpacked."""
    if not payload[:64].strip() and len(payload) <= 64:
        return "empty: it was already read, or not passed on"
    if payload.startswith(_GZIP):
        return "gzip: decompress it first, since FinSecure signs the plain body"
    text = _BASE64.match(payload[:300])
    if text is not None:
        start = text[1].translate(_URL_SAFE)
        decoded = base64.b64decode(start[: len(start) // 4 * 4]).lstrip()
        if decoded.startswith((b"{", _GZIP)):
            return "base64: decode it first; AWS API Gateway marks such a body with isBase64Encoded"
    return None


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _about_header(signature: object) -> str:
    if not isinstance(signature, (str, bytes)):
        return f"The signature is of type {type(signature).__name__}: pass the FinSecure-Signature header as a str."
    if len(signature) > HEADER_LIMIT:
        return f"The FinSecure-Signature header is longer than {HEADER_LIMIT} bytes, so it was not read."
    if isinstance(signature, bytes):
        signature = signature.decode("latin-1")
    if signature.count(",") >= SIGNATURE_LIMIT:
        return f"The FinSecure-Signature header has more than {SIGNATURE_LIMIT} signatures, so it was not read."
    for form, sentence in _OTHER_HEADERS:
        if form.fullmatch(signature):
            return sentence if sentence.endswith(".") else f"{sentence}; {_FORM}."
    return "The FinSecure-Signature header is not of the form sha256=<64 lower-case hex digits>."


def _stripped(secret: bytes) -> bytes:
    """Remove white space and quotes around a secret."""
    bare = secret.strip()
    return bare[1:-1] if bare[:1] in (b'"', b"'") and bare[-1:] == bare[:1] else bare


def _written_again(payload: bytes) -> Iterator[bytes]:
    """Yield what the body may have been before a framework parsed it and wrote it again."""
    if len(payload) > _BODY_LIMIT:
        return
    stripped = payload.removeprefix(b"\xef\xbb\xbf").strip()
    yield stripped
    yield stripped + b"\n"
    yield payload.replace(b"\r\n", b"\n")
    if payload.count(b",") > _COMMA_LIMIT or payload.count(b"[") + payload.count(b"{") > _BRACKET_LIMIT:
        return
    try:
        parsed = json.loads(payload)
        for ascii_only in (True, False):
            for indent, comma, colon in ((None, ",", ":"), (None, ", ", ": "), (2, ",", ": ")):
                written = json.dumps(parsed, ensure_ascii=ascii_only, indent=indent, separators=(comma, colon))
                yield written.encode()
    except (ValueError, RecursionError):
        return
