"""Webhooks: what is signed with your secret becomes a typed event, and nothing else does.

Reference: Webhooks; the rules of the header are those of `finsecure._signature`.
"""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import hmac
import json
import pickle
import subprocess
import sys
import time
import tracemalloc
from array import array
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import finsecure
from finsecure import (
    Customer,
    FinSecureError,
    Invoice,
    PaymentIntent,
    Refund,
    SignatureVerificationError,
    Subscription,
    WebhookPayloadError,
    WebhookUsageError,
    webhooks,
)
from finsecure.resources.events import KNOWN_TYPES

SECRET = "whsec_obviously_fake"
OLD_SECRET = "whsec_obviously_older"
CREATED = 1640995200  # the reference's example
SIGNED_AT = 1_700_000_000.0


def event_body(
    type: str = "payment_intent.succeeded", object: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """The reference's Webhook Event Example, or another event like it."""
    about = object or {
        "id": "pi_1234567890abcdef",
        "object": "payment_intent",
        "amount": 2000,
        "currency": "usd",
        "status": "succeeded",
        "metadata": {"order_id": "order_12345"},
    }
    return {
        "id": "evt_1234567890abcdef",
        "object": "event",
        "api_version": "2023-10-16",
        "created": CREATED,
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_1234567890abcdef", "idempotency_key": None},
        "type": type,
        **fields,
    }


BODY = json.dumps(event_body(), separators=(",", ":"), ensure_ascii=False).encode()
HEX = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()  # as the reference computes it
GOOD = f"sha256={HEX}"
WRONG = "sha256=" + "0" * 64


def received(body: str | bytes, **options: Any) -> webhooks.Event:
    """The event of a body that is rightly signed."""
    return webhooks.construct_event(body, webhooks.sign(body, SECRET), SECRET, **options)


def refused(
    body: Any = BODY, header: Any = GOOD, secret: Any = SECRET, *, by: type[FinSecureError] = SignatureVerificationError
) -> str:
    """What the error says where a webhook is refused."""
    with pytest.raises(FinSecureError) as caught:
        webhooks.construct_event(body, header, secret)
    assert type(caught.value) is by
    return str(caught.value)


# Signing -------------------------------------------------------------------------------------------------------------


def test_sign_writes_what_the_reference_computes() -> None:
    """`sign` is sha256= and the HMAC-SHA256 of the raw body in lower-case hex, as in the reference's sample."""
    assert webhooks.sign(BODY, SECRET) == GOOD


def test_a_signed_header_verifies() -> None:
    """What `sign` writes for a receiver's own tests, `verify_signature` accepts."""
    assert webhooks.verify_signature(b"{}", webhooks.sign(b"{}", SECRET), SECRET)


@pytest.mark.parametrize(
    "payload", [BODY, BODY.decode(), bytearray(BODY), memoryview(BODY)], ids=lambda p: type(p).__name__
)
def test_the_body_may_come_as_any_kind_of_text_or_bytes(payload: Any) -> None:
    """bytes, str, bytearray and memoryview of one body have one signature and are one event."""
    assert webhooks.sign(payload, SECRET) == GOOD
    assert webhooks.verify_signature(payload, GOOD, SECRET) is True
    assert webhooks.construct_event(payload, GOOD, SECRET) == received(BODY)


def test_a_view_of_a_part_of_a_buffer_is_that_part() -> None:
    """A memoryview that is a slice, with steps, or of larger items, stands for exactly the bytes that it shows."""
    padded = b"#" + BODY + b"#"
    assert webhooks.verify_signature(memoryview(padded)[1:-1], GOOD, SECRET)
    assert webhooks.verify_signature(memoryview(b"".join(bytes([b, 0]) for b in BODY))[::2], GOOD, SECRET)
    words = array("H", [1, 2, 3])
    assert webhooks.sign(memoryview(words), SECRET) == webhooks.sign(words.tobytes(), SECRET)


def test_a_secret_may_be_bytes() -> None:
    """A secret as bytes is the same secret as its UTF-8 text."""
    assert webhooks.sign(BODY, SECRET.encode()) == GOOD
    assert webhooks.verify_signature(BODY, GOOD, SECRET.encode())


def test_a_body_that_a_framework_decoded_with_escapes_is_its_bytes_again() -> None:
    """A str made of bytes that are not UTF-8 (`surrogateescape`) verifies as those bytes, and so never raises."""
    raw = b'{"name":"caf\xe9"}'
    text = raw.decode(errors="surrogateescape")
    assert webhooks.verify_signature(text, webhooks.sign(raw, SECRET), SECRET)
    assert not webhooks.verify_signature(text, GOOD, SECRET)


# The header ----------------------------------------------------------------------------------------------------------

SIXTEEN = ",".join([WRONG] * 15 + [GOOD])

ACCEPTED: dict[str, Any] = {
    "one": GOOD,
    "ASCII bytes": GOOD.encode(),
    "the first of two": f"{GOOD},{WRONG}",
    "the second of two": f"{WRONG},{GOOD}",
    "an optional space": f"{WRONG}, {GOOD}",
    "sixteen": SIXTEEN,
    "an unknown scheme before": f"sha512={'ab' * 64},{GOOD}",
    "an unknown scheme after": f"{GOOD}, ed25519=AbC+/==",
    "another scheme's time": f"t=1640995200,{GOOD}",
    "exactly 4 KiB": f"{GOOD},x=" + "y" * (4096 - len(GOOD) - 3),
}

REFUSED: dict[str, Any] = {
    "none": None,
    "empty": "",
    "empty bytes": b"",
    "a wrong digest": WRONG,
    "no scheme": HEX,
    "upper-case hex": f"sha256={HEX.upper()}",
    "upper-case scheme": f"SHA256={HEX}",
    "another scheme with the right digest": f"sha1={HEX}",
    "scheme twice": f"sha256=sha256={HEX}",
    "a digit short": GOOD[:-1],
    "a digit more": GOOD + "0",
    "no hex": "sha256=" + "g" * 64,
    "full-width digits": "sha256=" + "\uff10" * 64,
    "space before": f" {GOOD}",
    "space after": f"{GOOD} ",
    "newline after": f"{GOOD}\n",
    "newline between": f"{WRONG},\n{GOOD}",
    "tab between": f"{WRONG},\t{GOOD}",
    "two spaces between": f"{WRONG},  {GOOD}",
    "space before the comma": f"{GOOD} ,{WRONG}",
    "semicolon": f"{WRONG};{GOOD}",
    "trailing comma": f"{GOOD},",
    "leading comma": f",{GOOD}",
    "empty part": f"{GOOD},,{WRONG}",
    "one malformed among good": f"{GOOD},sha256=abc",
    "a word among good": f"{GOOD},hello",
    "a NUL": f"{GOOD}\0",
    "a control character in another scheme": f"{GOOD},x=\x07",
    "seventeen": f"{SIXTEEN},{GOOD}",
    "over 4 KiB": f"{GOOD},x=" + "y" * (4096 - len(GOOD) - 2),
    "over 4 KiB of signatures": ",".join([GOOD] * 60),
    "non-ASCII": f"{GOOD},x=é",
    "non-ASCII bytes": f"{GOOD},x=é".encode(),
    "no UTF-8": b"sha256=\xff",
    "UTF-16 bytes": GOOD.encode("utf-16"),
    "a lone surrogate": "sha256=\ud800",
    "a list": [GOOD],
    "a tuple": (GOOD,),
    "a dict": {"FinSecure-Signature": GOOD},
    "a number": 5,
    "True": True,
    "a bytearray": bytearray(GOOD.encode()),
    "another provider": f"t=1640995200,v1={HEX}",
    "another provider's v1": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}


@pytest.mark.parametrize("header", ACCEPTED.values(), ids=ACCEPTED)
def test_one_match_in_a_strictly_written_header_is_enough(header: Any) -> None:
    """Of up to 16 signatures one match is enough, and schemes that are not known are ignored."""
    assert webhooks.verify_signature(BODY, header, SECRET) is True
    assert webhooks.construct_event(BODY, header, SECRET).id == "evt_1234567890abcdef"


@pytest.mark.parametrize("header", REFUSED.values(), ids=REFUSED)
def test_any_other_signature_is_refused(header: Any) -> None:
    """Every other header answers False, and `construct_event` raises SignatureVerificationError alone."""
    assert webhooks.verify_signature(BODY, header, SECRET) is False
    refused(header=header)


def test_a_long_header_is_refused_unread() -> None:
    """A header of many megabytes costs nothing."""
    header = f"{GOOD}," * 500_000
    started = time.thread_time()
    assert not webhooks.verify_signature(BODY, header, SECRET)
    assert time.thread_time() - started < 0.1


@pytest.mark.parametrize("place", [0, len(BODY) // 2, len(BODY) - 1])
def test_a_body_that_differs_by_one_bit_is_refused(place: int) -> None:
    """One bit changed anywhere in the body, and it is not verified."""
    changed = bytearray(BODY)
    changed[place] ^= 1
    assert not webhooks.verify_signature(changed, GOOD, SECRET)


@settings(deadline=None)  # a busy machine is no failure
@given(payload=st.binary(), header=st.one_of(st.binary(), st.text(), st.none()))
def test_nothing_from_outside_raises_a_foreign_exception(payload: bytes, header: str | bytes | None) -> None:
    """For any bytes and any header, the question is answered and the act raises errors of ours alone."""
    assert webhooks.verify_signature(payload, header, SECRET) is False
    with pytest.raises(SignatureVerificationError):
        webhooks.construct_event(payload, header, SECRET)


@settings(deadline=None)  # a busy machine is no failure
@given(payload=st.binary())
def test_a_signed_body_is_an_event_or_a_payload_error(payload: bytes) -> None:
    """For any signed bytes, `construct_event` answers an event or raises WebhookPayloadError."""
    assert webhooks.verify_signature(payload, webhooks.sign(payload, SECRET), SECRET) is True
    with pytest.raises(WebhookPayloadError):
        received(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.fixed_dictionaries(
        {
            "id": st.one_of(st.just("evt_1"), JSON),
            "object": st.one_of(st.just("event"), JSON),
            "type": st.one_of(st.sampled_from(sorted(KNOWN_TYPES)), st.text(), JSON),
            "created": JSON,
            "data": st.one_of(st.fixed_dictionaries({"object": JSON}), JSON),
        }
    )
)
def test_signed_json_of_any_shape_is_an_event_or_a_payload_error(parsed: dict[str, Any]) -> None:
    """For any signed JSON, `construct_event` answers an event that can be written again, or WebhookPayloadError."""
    try:
        event = received(json.dumps(parsed))
    except WebhookPayloadError:
        return
    assert event.to_dict() == parsed
    assert repr(event).startswith(type(event).__name__)


def is_usable(secret: str | bytes) -> bool:
    raw = secret.encode() if isinstance(secret, str) else secret
    mistaken = (b"sk_test_", b"sk_live_", b"pk_test_", b"pk_live_")
    return bool(raw.strip()) and not raw.endswith(b"...") and not raw.startswith(mistaken)


@settings(deadline=None)  # a busy machine is no failure
@given(
    payload=st.binary(),
    secret=st.one_of(
        st.text(st.characters(min_codepoint=33, max_codepoint=126)).map("whsec_a{}".format).filter(is_usable),
        st.binary().filter(lambda raw: is_usable(raw) and not raw.startswith(b"whsec_")),
    ),
)
def test_any_body_signed_with_any_usable_secret_verifies(payload: bytes, secret: str | bytes) -> None:
    """`sign` and `verify_signature` agree for every body and every secret that is usable at all."""
    header = webhooks.sign(payload, secret)
    assert webhooks.verify_signature(payload, header, secret)
    assert not webhooks.verify_signature(payload + b"!", header, secret)


# Secrets and payloads of the caller's --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secrets",
    [[OLD_SECRET, SECRET], [SECRET, OLD_SECRET], (OLD_SECRET, SECRET), deque([OLD_SECRET, SECRET]), [b"x", SECRET]],
    ids=repr,
)
def test_one_match_with_any_of_several_secrets_is_enough(secrets: Any) -> None:
    """While a secret is rotated, both are given and either signs."""
    assert webhooks.verify_signature(BODY, GOOD, secrets)
    assert webhooks.construct_event(BODY, f"{WRONG},{GOOD}", secrets).id == "evt_1234567890abcdef"
    assert not webhooks.verify_signature(BODY, WRONG, secrets)


UNUSABLE_SECRETS: dict[str, Any] = {
    "None": None,
    "empty": "",
    "blank": "  ",
    "a newline alone": "\n",
    "empty bytes": b"",
    "blank bytes": b" \n",
    "NUL": "whsec_\0fake",
    "a lone surrogate": "whsec_\ud800",
    "a prefix alone": "whsec_",
    "a placeholder": "whsec_...",
    "a prefix in bytes": b"whsec_",
    "a placeholder in bytes": b"whsec_...",
    "a newline after it": f"{SECRET}\n",
    "a newline after bytes": f"{SECRET}\n".encode(),
    "a newline of Windows": f"{SECRET}\r\n",
    "a space before it": f" {SECRET}",
    "a space in it": "whsec_obviously fake",
    "a space that does not break": f"{SECRET}\xa0",
    "a zero-width space": f"{SECRET}\u200b",
    "nothing but zero-width text": "\u200b\ufeff",
    "a byte order mark": f"\ufeff{SECRET}",
    "a letter that no secret has": "whsec_fäke",
    "an escape": "whsec_\x1b[31m",
    "a number": 5,
    "a bytearray": bytearray(b"whsec_fake"),
    "no secrets": [],
    "no secrets in a tuple": (),
    "one blank among several": [SECRET, ""],
    "one None among several": [SECRET, None],
    "a list in a list": [[SECRET]],
    "a set": {SECRET},
    "a dict": {"secret": SECRET},
    "an iterator": iter([SECRET]),
}


@pytest.mark.parametrize("secret", UNUSABLE_SECRETS.values(), ids=UNUSABLE_SECRETS)
def test_a_secret_that_cannot_be_one_is_the_callers_mistake(secret: Any) -> None:
    """A blank or mistaken secret never verifies anything: it raises, whatever the header, and is not printed."""
    for header in (GOOD, WRONG, None):
        with pytest.raises(WebhookUsageError, match=r"secret") as caught:
            webhooks.verify_signature(BODY, header, secret)
        assert "whsec_" not in str(caught.value).replace("(whsec_...)", "")
        refused(header=header, secret=secret, by=WebhookUsageError)


def test_a_bytes_secret_may_hold_any_byte() -> None:
    """Bytes are taken as they are, unless they begin as the text of a secret does."""
    assert webhooks.verify_signature(BODY, webhooks.sign(BODY, b"a\0b"), b"a\0b")


RELEASED = memoryview(b"released")
RELEASED.release()

UNUSABLE_PAYLOADS: dict[str, Any] = {
    "a parsed event": event_body(),
    "a list": [],
    "None": None,
    "a number": 5,
    "a file": sys.stdin,
    "a lone surrogate": "\ud800",
    "a released view": RELEASED,
}


@pytest.mark.parametrize("payload", UNUSABLE_PAYLOADS.values(), ids=UNUSABLE_PAYLOADS)
def test_a_body_that_is_not_raw_is_the_callers_mistake(payload: Any) -> None:
    """A parsed body cannot be verified: the error says to pass the raw one, in all three functions."""
    with pytest.raises(WebhookUsageError, match=r"pass the raw .*body"):
        webhooks.verify_signature(payload, GOOD, SECRET)
    with pytest.raises(WebhookUsageError, match=r"pass the raw .*body"):
        webhooks.sign(payload, SECRET)
    refused(payload, by=WebhookUsageError)


def test_a_mistake_of_use_is_three_kinds_of_error() -> None:
    """WebhookUsageError is caught as ours, as a ValueError and as a TypeError."""
    assert issubclass(WebhookUsageError, (FinSecureError, ValueError, TypeError))
    for kind in (FinSecureError, ValueError, TypeError):
        with pytest.raises(kind):
            webhooks.verify_signature(BODY, GOOD, "")


# Why it was refused --------------------------------------------------------------------------------------------------

WRITTEN_AGAIN: dict[str, tuple[str, dict[str, Any], str]] = {
    "with spaces": ("", {}, ""),
    "indented": ("", {"indent": 2}, ""),
    "with another escaping": ("", {"separators": (",", ":")}, ""),
    "with a newline at its end": ("", {"separators": (",", ":"), "ensure_ascii": False}, "\n"),
    "with a byte order mark": ("\ufeff", {"separators": (",", ":"), "ensure_ascii": False}, ""),
}


@pytest.mark.parametrize(("before", "options", "after"), WRITTEN_AGAIN.values(), ids=WRITTEN_AGAIN)
def test_a_body_that_was_parsed_and_rewritten_is_refused_and_explained(
    before: str, options: dict[str, Any], after: str
) -> None:
    """The commonest mistake, verifying `json.dumps(request.json())`, is named."""
    parsed = event_body(description="Café")
    body = json.dumps(parsed, separators=(",", ":"), ensure_ascii=False)
    assert "parsed and written again" in refused(
        before + json.dumps(parsed, **options) + after, webhooks.sign(body, SECRET)
    )


@pytest.mark.parametrize(
    "body", [json.dumps(event_body()), json.dumps(event_body(), indent=2)], ids=["spaces", "indented"]
)
def test_a_compacted_body_is_explained(body: str) -> None:
    """It is named in the other direction too: sent with spaces, verified without."""
    compact = json.dumps(json.loads(body), separators=(",", ":"))
    assert "parsed and written again" in refused(compact, webhooks.sign(body, SECRET))


def test_changed_line_ends_are_explained() -> None:
    """A body whose line ends were changed on the way is named as changed white space."""
    body = json.dumps(event_body(), indent=1)
    assert "white space was changed" in refused(body.replace("\n", "\r\n"), webhooks.sign(body, SECRET))


@pytest.mark.parametrize("secret", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\r\n"], ids=repr)
def test_white_space_around_a_secret_is_said_to_be_there(secret: str) -> None:
    """A secret read from a file, newline included, is refused before anything is verified, and the error says why."""
    with pytest.raises(WebhookUsageError, match=r"white space or a newline.*strip it"):
        webhooks.verify_signature(BODY, GOOD, secret)


@pytest.mark.parametrize("secret", [f'"{SECRET}"', f"'{SECRET}'"], ids=repr)
def test_quotes_around_a_secret_are_explained(secret: str) -> None:
    """Quotes around the secret never verify, but are named as the reason."""
    assert not webhooks.verify_signature(BODY, GOOD, secret)
    assert "strip it" in refused(secret=secret)
    assert "strip it" in refused(secret=[OLD_SECRET, secret])


HEADERS_AND_REASONS = [
    (None, "has no FinSecure-Signature header"),
    ("", "header is empty"),
    (b"", "header is empty"),
    (" ", "header is empty"),
    (f"t=1640995200,v1={HEX}", "another provider"),
    (f"t=1640995200,v1={HEX},v0={HEX}", "another provider"),
    ("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", "another provider"),
    (f"v0={HEX}", "another provider"),
    ("sha1=" + "a" * 40, "another provider"),
    (HEX, "sha256= is missing"),
    (f"sha256={HEX.upper()}", "upper case"),
    (f"SHA256={HEX}", "upper case"),
    (f"{GOOD}\n", "white space around it"),
    (f" {GOOD}".encode(), "white space around it"),
    ("hello", "not of the form"),
    ("sha256=é", "not of the form"),
    (",".join([GOOD] * 17), "more than 16 signatures"),
    (GOOD + " " * 4096, "longer than 4096 bytes"),
    ([GOOD], "of type list"),
    (WRONG, "not signed with this secret"),
]


@pytest.mark.parametrize(("header", "reason"), HEADERS_AND_REASONS, ids=[why for _, why in HEADERS_AND_REASONS])
def test_the_error_says_what_is_wrong_with_the_header(header: Any, reason: str) -> None:
    """Where the header itself tells what went wrong, the error says so."""
    assert reason in refused(header=header)


@pytest.mark.parametrize("secret", ["sk_test_1234567890abcdef", "pk_test_1234567890abcdef"])
def test_an_api_key_given_as_the_secret_is_explained(secret: str) -> None:
    """An API key passed as the webhook secret is named, and not shown."""
    with pytest.raises(finsecure.WebhookUsageError, match="An API key was passed") as caught:
        webhooks.construct_event(BODY, GOOD, secret)
    assert secret not in str(caught.value)


def test_an_old_secret_that_is_given_too_is_no_mismatch() -> None:
    """A webhook signed with the older of two given secrets is verified; with that one not given, it is refused."""
    header = webhooks.sign(BODY, OLD_SECRET)
    assert webhooks.verify_signature(BODY, header, [SECRET, OLD_SECRET])
    assert "the one in use now" in refused(header=header)


def test_a_large_body_is_not_written_again_to_explain() -> None:
    """A stranger cannot make the explanation expensive: a large body gets the general sentence."""
    parsed = event_body(padding="x" * 70_000)
    body = json.dumps(parsed, separators=(",", ":"))
    assert "not signed with this secret" in refused(json.dumps(parsed), webhooks.sign(body, SECRET))


@pytest.mark.parametrize(
    "body", [b"[" * 20_000, b"[" * 50, b"9" * 5000, b"\xff", b'{"a":'], ids=lambda body: repr(body[:5])
)
def test_a_body_that_is_not_json_is_explained(body: bytes) -> None:
    """Junk under a well-written signature gets the general sentence, not a foreign exception."""
    assert "check that it is this endpoint's" in refused(body, WRONG)


ENCODED: list[tuple[bytes, str]] = [
    (b"", "the body is empty"),
    (b"\r\n", "the body is empty"),
    (gzip.compress(BODY, mtime=0), "the body is gzip"),
    (base64.b64encode(BODY), "the body is base64"),
    (base64.encodebytes(BODY), "the body is base64"),
    (base64.urlsafe_b64encode(b' {"id": "\xff\xfe\xff"}'), "the body is base64"),
    (base64.b64encode(gzip.compress(BODY, mtime=0)), "the body is base64"),
    (b"A" * 400, "check that it is this endpoint's"),
    (b"hello, world", "check that it is this endpoint's"),
]


@pytest.mark.parametrize(("body", "reason"), ENCODED, ids=[f"{body[:6]!r}" for body, _ in ENCODED])
def test_a_body_that_is_not_yet_json_is_named(body: bytes, reason: str) -> None:
    """An empty body, gzip and base64 are named with the wrong signature, since they are the likely reason."""
    assert reason in refused(body, WRONG)


SIZE = 2**20
SHAPES: dict[str, bytes] = {
    "lists": b"[" * SIZE,
    "closed lists": b"[" * (SIZE // 2) + b"]" * (SIZE // 2),
    "objects": b'{"a":' * (SIZE // 5),
    "closed objects": b'{"a":' * (SIZE // 6) + b"1" + b"}" * (SIZE // 6),
    "base64 look-alike": b"A" * SIZE,
    "base64": base64.b64encode(b"{" * (SIZE * 3 // 4)),
    "gzip bomb": gzip.compress(b"0" * SIZE, mtime=0) + b"0" * SIZE,
    "digits": b"9" * SIZE,
    "white space": b" " * SIZE,
    "line ends": b"\r\n" * (SIZE // 2),
    "escapes": b'"' + b"\\u00e9" * (SIZE // 6) + b'"',
    "many values": b"[" + b"1," * (SIZE // 2) + b"1]",
}


def fastest(act: Callable[[], object]) -> float:
    """Seconds that something takes at best, of several times, since other programs run too."""
    times: list[float] = []
    for _ in range(7):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return min(times)


@pytest.mark.parametrize(
    "header",
    [WRONG, ",".join([WRONG] * 16), f"{WRONG}{',' * SIZE}", b"\xff" * SIZE],
    ids=["one signature", "sixteen signatures", "commas", "bytes"],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_refusing_a_forged_webhook_costs_no_more_than_three_hmacs(shape: str, header: str | bytes) -> None:
    """Whatever a stranger sends, looking for the reason takes no longer than three HMACs, and next to no memory."""
    body = SHAPES[shape]
    hmacs = fastest(lambda: [hmac.digest(SECRET.encode(), body, "sha256") for _ in range(3)])
    assert fastest(lambda: refused(body, header)) < hmacs
    tracemalloc.start()
    refused(body, header)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024


@pytest.mark.parametrize("body", [b'{"a":' * 60 + b"1" + b"}" * 60, b"[" + b"1," * 600 + b"1]"], ids=["deep", "wide"])
def test_a_small_body_of_many_parts_is_not_written_again_either(body: bytes) -> None:
    """Indenting what is deep or wide is slow, and no event is either."""
    assert "check that it is this endpoint's" in refused(json.dumps(json.loads(body)), webhooks.sign(body, SECRET))


# Events --------------------------------------------------------------------------------------------------------------

KINDS: list[tuple[str, type[Any], str, type[Any]]] = [
    ("payment_intent.succeeded", webhooks.PaymentIntentSucceeded, "payment_intent", PaymentIntent),
    ("payment_intent.payment_failed", webhooks.PaymentIntentPaymentFailed, "payment_intent", PaymentIntent),
    ("payment_intent.requires_action", webhooks.PaymentIntentRequiresAction, "payment_intent", PaymentIntent),
    ("payment_intent.canceled", webhooks.PaymentIntentCanceled, "payment_intent", PaymentIntent),
    ("customer.created", webhooks.CustomerCreated, "customer", Customer),
    ("customer.updated", webhooks.CustomerUpdated, "customer", Customer),
    ("customer.deleted", webhooks.CustomerDeleted, "customer", Customer),
    ("invoice.payment_succeeded", webhooks.InvoicePaymentSucceeded, "invoice", Invoice),
    ("invoice.payment_failed", webhooks.InvoicePaymentFailed, "invoice", Invoice),
    ("customer.subscription.created", webhooks.CustomerSubscriptionCreated, "subscription", Subscription),
    ("customer.subscription.updated", webhooks.CustomerSubscriptionUpdated, "subscription", Subscription),
]
TYPES = [kind[0] for kind in KINDS]


def test_the_types_are_the_references_eleven() -> None:
    """The known types are those of the reference, and each has its class."""
    assert len(TYPES) == 11
    assert frozenset(TYPES) == KNOWN_TYPES


@pytest.mark.parametrize(("type", "kind", "name", "model"), KINDS, ids=TYPES)
def test_each_known_type_is_its_class_with_its_object(type: str, kind: Any, name: str, model: Any) -> None:
    """An event of a known type is an instance of that type's class, and `data.object` of its model."""
    event: Any = received(json.dumps(event_body(type, {"id": "x_1", "object": name, "new_field": [1]})))
    assert event.__class__ is kind
    assert issubclass(kind, finsecure.Event)
    assert event.type == type
    assert isinstance(event.data.object, model)
    assert event.to_dict()["data"]["object"] == {"id": "x_1", "object": name, "new_field": [1]}


def test_an_event_says_all_that_came() -> None:
    """The reference's example arrives with every field, `created` as an aware datetime, and writes itself again."""
    event = received(BODY)
    assert (event.id, event.api_version, event.livemode, event.pending_webhooks) == (
        "evt_1234567890abcdef",
        "2023-10-16",
        False,
        1,
    )
    assert event.created == datetime(2022, 1, 1, tzinfo=timezone.utc)
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == ("req_1234567890abcdef", None)
    assert event.to_dict() == event_body()
    assert json.loads(event.to_json()) == event_body()


@pytest.mark.parametrize("object", [{"id": "pi_1", "object": "payment_intent"}, {"id": "pi_1"}], ids=str)
def test_a_partial_object_says_what_did_not_come(object: dict[str, Any]) -> None:
    """The event's type names the class of its object; a field that every whole object has raises, another is None."""
    event = received(json.dumps(event_body(object=object)))
    assert event.type == "payment_intent.succeeded"
    intent = event.data.object
    assert isinstance(intent, PaymentIntent)
    assert (intent.charges, intent.description, intent.to_dict()) == (None, None, object)
    for name in ("amount", "currency", "status", "created"):
        assert not hasattr(intent, name)
        message = rf"^{name} did not come .* finsecure.PaymentIntent.retrieve\('pi_1'\)"
        with pytest.raises(AttributeError, match=message):
            getattr(intent, name)
    with pytest.raises(AttributeError, match=r"no last_response.*: finsecure\.PaymentIntent\.retrieve\('pi_1'\)"):
        _ = intent.last_response
    timeless = {name: value for name, value in event_body(object=object).items() if name != "created"}
    with pytest.raises(AttributeError, match=r"created did not come .* finsecure\.Event\.retrieve\("):
        _ = received(json.dumps(timeless)).created


def test_an_update_event_has_the_previous_attributes() -> None:
    """`previous_attributes` of an event are kept, and null clears a field of its object."""
    body = event_body("customer.updated", {"id": "cus_1", "object": "customer", "email": None, "created": None})
    body["data"]["previous_attributes"] = {"email": "old@example.com"}
    event = received(json.dumps(body))
    assert event.type == "customer.updated"
    assert (event.data.previous_attributes, event.data.object.email) == ({"email": "old@example.com"}, None)


def test_an_event_may_lack_all_but_what_makes_it_one() -> None:
    """id, object, type and data.object are enough."""
    minimal = {"id": "evt_1", "object": "event", "type": "customer.deleted"}
    event = received(json.dumps({**minimal, "data": {"object": {"id": "cus_1", "object": "customer"}}}))
    assert (event.request, event.api_version) == (None, None)
    with pytest.raises(AttributeError, match="created did not come"):
        _ = event.created


@pytest.mark.parametrize(
    ("object", "kind"),
    [
        ({"id": "pi_1", "object": "payment_intent", "amount": 5}, PaymentIntent),
        ({"id": "cus_1", "object": "customer"}, Customer),
        ({"id": "ch_1", "object": "charge"}, finsecure.Charge),
        ({"id": "re_1", "object": "refund"}, Refund),
        ({"id": "pm_1", "object": "payment_method"}, finsecure.PaymentMethod),
        ({"id": "in_1", "object": "invoice"}, Invoice),
        ({"id": "sub_1", "object": "subscription"}, Subscription),
        ({"id": "po_1", "object": "payout", "amount": 5}, dict),
        ({"id": 5, "object": "refund"}, dict),
        ({"anything": ["else"]}, dict),
        ({"x": 1}, dict),
    ],
    ids=str,
)
def test_an_unknown_type_arrives_with_a_known_or_an_unknown_object(object: dict[str, Any], kind: type[Any]) -> None:
    """An event of an unknown type is an UnknownEvent: a known object in it is its model, any other a dict."""
    event = received(json.dumps(event_body("payout.paid", object)))
    assert isinstance(event, finsecure.UnknownEvent)
    assert str(event.type) == "payout.paid"
    assert event.data.object.__class__ is kind
    assert event.to_dict()["data"]["object"] == object


@pytest.mark.parametrize("type", TYPES)
def test_a_known_type_with_another_object_is_refused(type: str) -> None:
    """A malformed event of a known type is an error, and does not slip through as one of an unknown type."""
    for other in ({"id": "po_1", "object": "payout"}, {"object": "payment_intent"}, {"a": 1}):
        refused_body(json.dumps(event_body(type, other)))


def refused_body(body: str | bytes) -> str:
    """What the error says where a signed body is no event."""
    return refused(body, webhooks.sign(body, SECRET), by=WebhookPayloadError)


def with_value(value: str) -> str:
    """An event with a JSON value, written as it is, in a field of its own, of its object and of a dict."""
    return json.dumps(event_body(new_field="@")).replace('"@"', value)


NO_EVENTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "no whole JSON"),
    "no JSON": ("hello", "no whole JSON"),
    "cut short": (BODY[:-1], "no whole JSON"),
    "something after": (BODY + b"x", "no whole JSON"),
    "no UTF-8": (BODY.replace(b"evt_", b"evt\xff"), "no whole JSON"),
    "UTF-16": (BODY.decode().encode("utf-16"), "no whole JSON"),
    "a byte order mark and no more": (b"\xef\xbb\xbf", "no whole JSON"),
    "byte order marks": (b"\xef\xbb\xbf" * 2000 + BODY, "no whole JSON"),
    "100,000 deep": ("[" * 100_000, "no whole JSON"),
    "100,000 deep in a field": (with_value("[" * 100_000 + "]" * 100_000), "no whole JSON"),
    "null": ("null", "it has the wrong type"),
    "a number": ("5", "it has the wrong type"),
    "a string": ('"event"', "it has the wrong type"),
    "an array": ("[]", "it has the wrong type"),
    "an array of events": (json.dumps([event_body()]), "it has the wrong type"),
    "an empty object": ("{}", "id is missing"),
    "no type": (json.dumps({k: v for k, v in event_body().items() if k != "type"}), "type is missing"),
    "a type that is no text": (json.dumps(event_body(type=5)), "type has the wrong type"),  # type: ignore[arg-type]
    "no id": (json.dumps({k: v for k, v in event_body().items() if k != "id"}), "id is missing"),
    "not an event": (json.dumps(event_body() | {"object": "x"}), "object has an unexpected value"),
    "no data": (json.dumps({k: v for k, v in event_body().items() if k != "data"}), "data is missing"),
    "no data.object": (json.dumps(event_body(data={})), "data.object is missing"),
    "data.object null": (json.dumps(event_body(data={"object": None})), "data.object has the wrong type"),
    "no data.object in an unknown type": (json.dumps(event_body("a.b", data={})), "data.object is missing"),
    "data.object a list in an unknown type": (
        json.dumps(event_body("a.b", data={"object": []})),
        "data.object has the wrong type",
    ),
    "an amount that is no int": (
        json.dumps(event_body(object={"id": "pi_1", "object": "payment_intent", "amount": "5"})),
        "data.object.amount has the wrong type",
    ),
    "NaN": (with_value("NaN"), "NaN, Infinity or a number too large"),
    "Infinity": (with_value("Infinity"), "NaN, Infinity or a number too large"),
    "-Infinity": (with_value("-Infinity"), "NaN, Infinity or a number too large"),
    "NaN deep inside": (with_value('{"a":[NaN]}'), "NaN, Infinity or a number too large"),
    "a float that overflows": (with_value("1e999"), "NaN, Infinity or a number too large"),
    "a negative one": (with_value("-1E+999"), "NaN, Infinity or a number too large"),
    "one of many digits": (with_value("9" * 400 + ".5"), "NaN, Infinity or a number too large"),
    "one of digits and exponent": (with_value("9" * 250 + "e99"), "NaN, Infinity or a number too large"),
    "4,300 digits": (with_value("9" * 4300), "NaN, Infinity or a number too large"),
    "4,301 digits": (with_value("9" * 4301), "no whole JSON"),
}


@pytest.mark.parametrize(("body", "reason"), NO_EVENTS.values(), ids=NO_EVENTS)
def test_a_signed_body_that_is_no_event_says_where_it_is_not(body: str | bytes, reason: str) -> None:
    """A body that is rightly signed but is no event raises WebhookPayloadError, which says where."""
    assert reason in refused_body(body)


def test_a_body_that_begins_with_a_byte_order_mark_is_read() -> None:
    """A byte order mark, which some servers write, is no part of the event."""
    assert received(b"\xef\xbb\xbf" + BODY) == received(BODY)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb"\ud800", "\ufffd"),
        (rb"\uDFFF", "\ufffd"),
        (rb"a\ud83d\ude00b", "a\U0001f600b"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\ude00\ud83d", "\ufffd\ufffd"),
        (rb"\ud800\n\"", '\ufffd\n"'),
        (rb"\\ud800 \ud800", "\\ud800 \ufffd"),
        (rb"\\\ud800", "\\\ufffd"),
        (b"\xed\xa0\x80", "\ufffd"),
        ("\ud7ff\u00e9".encode() + b"\xed\xbf\xbf", "\ud7ff\u00e9\ufffd"),
    ],
)
def test_a_lone_surrogate_becomes_the_replacement_character(written: bytes, text: str) -> None:
    """Half a surrogate pair, which no database stores, is read as U+FFFD; whole pairs and backslashes stay."""
    body = with_value('"@@"').encode().replace(b"@@", written)
    event = received(body)
    assert event.to_dict()["new_field"] == text
    assert json.loads(event.to_json())["new_field"] == text


@pytest.mark.parametrize(
    "value", ['"NaN"', '"Infinity and 1e999"', '"' + "9" * 500 + '"', "1.5e308", "1e-999", "9" * 300]
)
def test_numbers_that_can_be_held_and_text_about_others_are_fine(value: str) -> None:
    """Only numbers are refused for their size: text that reads like one is text."""
    assert received(with_value(value)).to_dict()["new_field"] == json.loads(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("pending_webhooks", "one"), ("api_version", 5), ("created", "yesterday"), ("request", "req_1")],
)
def test_a_secondary_field_of_another_shape_arrives_as_it_came(
    field: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not make an event one is kept as it came, with a warning in the log that does not show it."""
    event = received(json.dumps(event_body(**{field: value})))
    assert event.to_dict()[field] == value
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("finsecure", "WARNING")
    assert f".{field} has an unexpected shape" in record.getMessage()
    assert str(value) not in record.getMessage()


EVENTS = {
    **{kind: event_body(kind, {"id": "x_1", "object": name, "metadata": {"a": "b"}}) for kind, _, name, _ in KINDS},
    "an unknown one with a refund": event_body("refund.created", {"id": "re_1", "object": "refund"}),
    "an unknown one with a dict": event_body("payout.paid", {"id": "po_1", "object": "payout"}),
}


@pytest.mark.parametrize("body", EVENTS.values(), ids=EVENTS)
def test_events_compare_hash_copy_and_pickle(body: dict[str, Any]) -> None:
    """Two deliveries of one event are equal, and so is a copy or an unpickled one."""
    event = received(json.dumps(body))
    again = received(json.dumps(body, indent=2))
    for other in (again, copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert other == event
        assert hash(other) == hash(event)
        assert type(other) is type(event)
    assert event != received(json.dumps({**body, "id": "evt_2"}))


@pytest.mark.parametrize("whole", [True, False], ids=["an event", "its data alone"])
def test_an_event_unpickles_in_a_process_that_has_not_seen_one(whole: bool) -> None:
    """A worker that unpickles an event needs nothing but the installed package."""
    event = received(BODY)
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps(event if whole else event.data),
        capture_output=True,
        check=True,
    )
    assert ran.stdout.decode().strip() == str(event if whole else event.data)


def test_an_event_is_read_only() -> None:
    """What was signed is not changed by accident."""
    event: Any = received(BODY)
    with pytest.raises(AttributeError, match="read-only"):
        event.type = "customer.created"


# Tolerance -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time stands still."""
    monkeypatch.setattr("finsecure.webhooks.receive.time.time", lambda: SIGNED_AT)
    return SIGNED_AT


@pytest.mark.parametrize(
    ("created", "tolerance", "fine"),
    [
        (SIGNED_AT, 0, True),
        (SIGNED_AT - 300, 300, True),
        (SIGNED_AT + 300, 300, True),
        (SIGNED_AT - 301, 300, False),
        (SIGNED_AT + 301, 300, False),
        (SIGNED_AT - 0.5, 0.4, False),
        (SIGNED_AT - 301, None, True),
        (0, None, True),
        (0, 1e12, True),
        ("2023-11-14T22:13:20Z", 0, True),
        ("2023-11-14T22:13:19Z", 0.5, False),
    ],
)
def test_tolerance_bounds_the_signed_time_both_ways(now: float, created: Any, tolerance: Any, fine: bool) -> None:
    """With a tolerance, an event from longer ago or further ahead is refused; without one, none is."""
    body = json.dumps(event_body(created=created))
    if fine:
        assert received(body, tolerance=tolerance).id
    else:
        with pytest.raises(SignatureVerificationError, match=r"created .* seconds (ago|in the future)"):
            received(body, tolerance=tolerance)


@pytest.mark.parametrize("created", [None, "yesterday", [], 1e300])
def test_with_a_tolerance_an_event_must_say_when_it_was_created(now: float, created: Any) -> None:
    """An event without a readable `created` cannot be checked, so it is refused."""
    with pytest.raises(SignatureVerificationError, match="age cannot be checked"):
        received(json.dumps(event_body(created=created)), tolerance=300)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_tolerance_too_long_to_be_written_is_the_callers_mistake(sign: int) -> None:
    """An integer that Python does not write is refused as any other that is no number of seconds."""
    with pytest.raises(WebhookUsageError, match="tolerance is an integer of more than 30 digits"):
        webhooks.construct_event(BODY, WRONG, SECRET, sign * 10**5000)


@pytest.mark.parametrize("tolerance", [-1, -0.1, float("nan"), float("inf"), True, "300", [300]], ids=repr)
def test_a_tolerance_that_is_none_is_the_callers_mistake(tolerance: Any) -> None:
    """A tolerance that is not a number of seconds is refused before anything is verified."""
    with pytest.raises(WebhookUsageError, match="tolerance"):
        webhooks.construct_event(BODY, WRONG, SECRET, tolerance)


# Secrets -------------------------------------------------------------------------------------------------------------

CARD = "4242424242424242"


@pytest.mark.parametrize(
    ("body", "header", "secret"),
    [
        (BODY, WRONG, SECRET),
        (BODY, None, SECRET),
        (BODY, GOOD[:-1], SECRET),
        (BODY, GOOD, SECRET + "\n"),
        (json.dumps(json.loads(BODY), indent=2), GOOD, SECRET),
        (f'{{"card":"{CARD}","type":5}}', None, SECRET),
        (f'{{"card":"{CARD}"', None, SECRET),
        (f'{{"id":"{CARD}","type":"{CARD}","object":"{CARD}","data":{{"{CARD}":"{CARD}"}}}}', None, SECRET),
        (with_value(f'["{CARD}", NaN]'), None, SECRET),
        (BODY, GOOD, [SECRET, ""]),
        (BODY, GOOD, SECRET + "\0"),
        ({"card": CARD}, GOOD, SECRET),
        ("\ud800" + CARD, GOOD, SECRET),
    ],
)
@pytest.mark.parametrize("signed", [False, True], ids=["as it is", "rightly signed"])
def test_no_error_shows_the_body_a_digest_or_the_secret(body: Any, header: Any, secret: Any, signed: bool) -> None:
    """Neither an error nor what it was caused by holds anything of the body, of the secret or of a right digest."""
    if signed:
        try:
            header = webhooks.sign(body, SECRET)
        except WebhookUsageError:
            return
    error: BaseException | None = None
    try:
        webhooks.construct_event(body, header, secret)
    except FinSecureError as exc:
        error = exc
    while error is not None:
        shown = f"{error!s} {error!r} {vars(error)!r} {error.args!r}"
        for planted in (SECRET, CARD, "order_12345", HEX, "evt_1234567890abcdef", WRONG, webhooks.sign(BODY, SECRET)):
            assert planted not in shown
        error = error.__cause__ or error.__context__


def test_the_secret_of_the_environment_serves_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINSECURE_WEBHOOK_SECRET", "whsec_environment")
    body = b'{"not": "an event"}'
    assert finsecure.webhooks.verify_signature(body, finsecure.webhooks.sign(body, "whsec_environment"))
    assert not finsecure.webhooks.verify_signature(body, finsecure.webhooks.sign(body, "whsec_other"))


def test_without_any_secret_the_error_says_where_one_may_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FINSECURE_WEBHOOK_SECRET", raising=False)
    with pytest.raises(finsecure.WebhookUsageError, match="FINSECURE_WEBHOOK_SECRET"):
        finsecure.webhooks.construct_event(b"{}", "sha256=", None)
