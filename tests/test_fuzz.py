"""Nothing that comes from outside gets past our own errors: arbitrary answers and arbitrary webhooks.

A hundred examples each in the ordinary run; `nox -s fuzz` tries for about a minute, `FINSECURE_FUZZ` examples each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

import finsecure
from finsecure.webhooks import construct_event, sign

from .conftest import KEY

SECRET = "whsec_fuzz"
fuzzed = settings(max_examples=int(os.environ.get("FINSECURE_FUZZ", "100")))

FIELDS = "id object amount currency status created metadata charges data type error message has_more url code card"
NAMES = st.sampled_from([*FIELDS.split(), "payment_intent", "last_payment_error", "next_action"])
KINDS = "pi_1 payment_intent list event customer card_error customer.created payment_intent.succeeded"
WORDS = st.sampled_from(KINDS.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner, max_size=8)
)
OBJECTS = st.fixed_dictionaries(
    {"id": st.just("pi_1") | SCALARS, "object": WORDS | SCALARS, "type": WORDS, "data": VALUES},
    optional={"amount": SCALARS, "created": SCALARS, "metadata": VALUES, "charges": VALUES, "status": SCALARS},
)
ERRORS = st.fixed_dictionaries({"error": VALUES})
JSON = (VALUES | OBJECTS | ERRORS).map(lambda value: json.dumps(value).encode())


def refused(use: Callable[[], object]) -> finsecure.FinSecureError | None:
    """The error of ours that this raises, if it does; any other goes through."""
    try:
        use()
    except finsecure.FinSecureError as error:
        return error
    return None


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """JSON with a few of its bytes changed, cut or doubled."""
    body = bytearray(draw(JSON))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(body)))
        body[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(body)


BODIES = st.binary() | JSON | damaged()


@fuzzed
@given(body=BODIES, status=st.integers(200, 599), headers=st.dictionaries(
    st.sampled_from(["Request-Id", "Retry-After", "Content-Encoding", "Idempotent-Replayed", "Content-Type"]),
    st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])),
))  # fmt: skip
def test_an_answer_is_an_object_a_page_or_an_error_of_ours(body: bytes, status: int, headers: dict[str, str]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(body))

    with httpx.Client(transport=httpx.MockTransport(answer)) as http_client:
        client = finsecure.Client(KEY, http_client=http_client, max_retries=0)
        error = refused(lambda: client.payment_intents.create(amount=1, currency="usd").to_json())
        assert error is None or (str(error) and error.idempotency_key)
        error = refused(lambda: list(client.events.list().data))
        assert error is None or (str(error) and not error.maybe_executed)


@fuzzed
@given(body=BODIES)
def test_a_signed_webhook_is_an_event_or_an_error_of_ours(body: bytes) -> None:
    error = refused(lambda: construct_event(body, sign(body, SECRET), SECRET, tolerance=60).to_json())
    assert error is None or SECRET not in str(error)


@fuzzed
@given(header=st.binary() | st.text(), body=st.binary())
def test_a_header_of_anyones_making_verifies_nothing(header: bytes | str, body: bytes) -> None:
    assert not finsecure.webhooks.verify_signature(body, header, SECRET)
