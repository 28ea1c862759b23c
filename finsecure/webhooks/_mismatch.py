"""Why a webhook is not verified, as far as that can be known: a sentence for the log, without any digest or secret.

Rules: what is said here decides nothing, the webhook is refused already. A stranger can make us ask, so the answer
must cost little: a large body is not written again to compare.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .._signature import HEADER_LIMIT, SIGNATURE_LIMIT, matching, parse_header

_BODY_LIMIT = 64 * 1024  # bytes
_FORM = "the FinSecure-Signature header is sha256= and 64 lower-case hex digits"

# What a header may be instead, the first that fits.
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
    """A sentence about a webhook that is not verified."""
    if signature is None:
        return "The webhook has no FinSecure-Signature header: it did not come from FinSecure."
    digests = parse_header(signature)
    if not digests:
        return _about_header(signature)
    if matching(payload, digests, [trimmed for secret in secrets for trimmed in _trimmed(secret)]):
        return (
            "The webhook secret has white space, a newline or quotes around it, often from reading a file: "
            "without them it matches. Strip it."
        )
    if len(payload) <= _BODY_LIMIT and any(matching(other, digests, secrets) for other in _written_again(payload)):
        return (
            "The payload is not the body as it arrived: it was parsed and written again, or its white space was "
            "changed. Pass the raw bytes of the request."
        )
    return (
        "The webhook was not signed with this secret: check that it is this endpoint's and the one in use now, and "
        "that the payload is the raw body as it arrived."
    )


def _about_header(signature: object) -> str:
    if isinstance(signature, bytes):
        signature = signature.decode("latin-1")
    if not isinstance(signature, str):
        return f"The signature is of type {type(signature).__name__}: pass the FinSecure-Signature header as a str."
    if len(signature) > HEADER_LIMIT:
        return f"The FinSecure-Signature header is longer than {HEADER_LIMIT} bytes, so it was not read."
    if signature.count(",") >= SIGNATURE_LIMIT:
        return f"The FinSecure-Signature header has more than {SIGNATURE_LIMIT} signatures, so it was not read."
    for form, sentence in _OTHER_HEADERS:
        if form.fullmatch(signature):
            return sentence if sentence.endswith(".") else f"{sentence}; {_FORM}."
    return "The FinSecure-Signature header is not of the form sha256=<64 lower-case hex digits>."


def _trimmed(secret: bytes) -> Iterator[bytes]:
    stripped = secret.strip()
    yield stripped
    if stripped[:1] in (b'"', b"'") and stripped[-1:] == stripped[:1]:
        yield stripped[1:-1]


def _written_again(payload: bytes) -> Iterator[bytes]:
    """What the body may have been, before a framework parsed it and wrote it again."""
    stripped = payload.removeprefix(b"\xef\xbb\xbf").strip()
    yield stripped
    yield stripped + b"\n"
    yield payload.replace(b"\r\n", b"\n")
    try:
        parsed = json.loads(payload)
        for ascii_only in (True, False):
            for indent, comma, colon in ((None, ",", ":"), (None, ", ", ": "), (2, ",", ": ")):
                written = json.dumps(parsed, ensure_ascii=ascii_only, indent=indent, separators=(comma, colon))
                yield written.encode()
    except (ValueError, RecursionError):
        return
