"""What is masked and what is not: card numbers, credentials and ids, through errors and objects."""

from __future__ import annotations

import itertools
import random
import re
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

import finsecure
from finsecure._redact import has_card_number

CARD = "4242424242424242"
SEPARATORS = [" ", "-", ".", "_", "/", ":", ",", ", ", " - ", "--", "|", "*", "\u00a0", "\u2009", "\u2013", "\t", "\n"]


def shown(text: str) -> str:
    """What an error says where a server says `text`."""
    return finsecure.APIError(text).message


@pytest.mark.parametrize("separator", SEPARATORS, ids=repr)
def test_a_card_number_is_masked_with_any_separator(separator: str) -> None:
    """Groups of four, or single digits, with anything between them that is no letter or digit."""
    for groups in ([CARD[at : at + 4] for at in range(0, 16, 4)], list(CARD)):
        assert shown(f"It is {separator.join(groups)}, no?") == "It is [hidden], no?"


@pytest.mark.parametrize(
    "text",
    [
        "3782 822463 10005",
        "378282246310005",
        "30569309025904",
        "5555555555554444",
        "2223003122003222",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
        "6759649826438453",
        "4222222222222",
        "4242424242424242.0",
        "4.242424242424242e+15",
        "4.242424242424242E15",
        "402 4242424242424242",
        "12 4242 4242 4242 4242 3",
        "42\u200b42424242424242",
        "pay-4242424242424242",
        '{"last": 4242424242424242}',
    ],
)
def test_card_numbers_of_all_brands_are_masked_in_all_writings(text: str) -> None:
    """With the brand's own grouping, as floats, beside other numbers, and with invisible characters inside."""
    assert "[hidden]" in shown(text)
    assert "4242" not in shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "1234567890123456",
        "pi_4242424242424242",
        "a4242424242424242",
        "0.4242424242424242",
        "4.242424242424242",
        "4.1e15",
        "4.242424242424243e+15",
        "2026-11-30 13:52:43.123456",
        "order 2026112500012345",
        "4242 4242 and 4242 4242",
        "42424242424242424242",
        "use sk_test_... or sk_live_....",
        "the secret (whsec_...)",
        "pi_123_secret_...",
        "Basic plan",
        "basic authentication is not supported",
        "Bearer token is missing",
        "send it as 'Authorization: Bearer sk_test_...'.",
        "Reference number: 18.abc",
        '{"client_secret": null}',
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    """Ids, order numbers, decimals, dates, and sentences that speak of keys."""
    assert shown(text) == text


def test_ids_are_never_masked_and_order_numbers_only_where_they_could_be_cards() -> None:
    """Of 20,000 ids of each kind none is masked; of 20,000 order numbers no more than brand and Luhn let through."""
    rng = random.Random(1)
    for _ in range(20_000):
        made = uuid.UUID(int=rng.getrandbits(128), version=4)
        for text in (str(made), f"pi_{made.hex[:16]}", f"order_{rng.randrange(10**16):016}"):
            assert shown(text) == text
    masked = sum("[hidden]" in shown(f"order {rng.randrange(10**16):016}") for _ in range(20_000))
    assert masked < 20_000 * 0.03


@pytest.mark.parametrize(
    "text",
    [
        "Bearer abc.def7",
        "Basic dXNlcjpwYXNzYWJj",
        "sk_test_abc7",
        "whsec_abc7",
        "pi_1_secret_abc7",
        "https://me:abc7@proxy.example/",
        '{"cvc": "abc7"}',
        "{'cvc': abc7}",
        r"{\"cvc\":\"abc7\"}",
        "&quot;cvc&quot;:&quot;abc7&quot;",
        "cvc=abc7&amount=1",
        "card[number]=abc7&card[cvc]=abc7",
    ],
)
def test_credentials_are_masked_by_their_shape_or_name(text: str) -> None:
    """In headers, URLs, JSON of any writing and forms; and what is masked stays as it is when it is masked again."""
    once = shown(text)
    assert "abc7" not in once
    assert "dXNl" not in once
    assert shown(once) == once


def test_numbers_of_an_object_that_are_cards_are_masked() -> None:
    """An int or a float in an unknown field, as a server may send it."""
    customer = finsecure.Customer.model_validate(
        {
            "id": "cus_1",
            "object": "customer",
            "a": int(CARD),
            "b": float(CARD),
            "c": 1234567890123456,
            "d": 0.5,
            "e": [True],
        }
    )
    assert "a='[hidden]', b='[hidden]', c=1234567890123456, d=0.5, e=[True]" in repr(customer)


@pytest.mark.parametrize(
    "key",
    [CARD, f"pay-{CARD}", f"card_{CARD}", "4242 4242 4242 4242", "4242-4242-4242-4242_1", "pay_4.242424242424242e+15"],
)
def test_a_card_number_is_refused_as_an_idempotency_key(key: str) -> None:
    """Keys are stored and logged, so a card number in one is refused, unsent and unsaid."""
    with finsecure.Client("sk_test_1") as client, pytest.raises(finsecure.InvalidRequestError) as caught:
        client.customers.create(idempotency_key=key)
    assert caught.value.param == "idempotency_key"
    assert "card number" in str(caught.value)
    assert "4242" not in str(caught.value)


def test_text_from_outside_is_printable_and_bounded() -> None:
    """Control and bidirectional characters are taken out wherever text comes in, and long text is cut."""
    nasty = "a\x1b[31m\u202eb\u2066\nc\x00"
    error = finsecure.APIError(
        nasty,
        type=nasty,
        code=nasty,
        decline_code=nasty,
        param=nasty,
        doc_url=nasty,
        request_id=nasty,
        body=nasty,
        headers={"X-A": nasty},
        extra={nasty: nasty},
    )
    texts = [error.message, error.type, error.code, error.decline_code, error.param, error.doc_url, error.request_id]
    assert {*texts, error.body, error.headers["x-a"], *error.extra, *error.extra.values()} == {"a[31mb c"}
    long = finsecure.APIError("x" * 10**7, code="y" * 10**6, body="z" * 10**6)
    assert long.message == "x" * 1997 + "..."
    assert (len(long.code or ""), len(long.body or "")) == (255, 2000)
    assert finsecure.APIError(long.message).message == long.message


@given(st.integers(0, 60), st.integers(0, 12_000))
def test_where_a_long_text_is_cut_no_half_of_a_secret_shows(before: int, at: int) -> None:
    """Wherever the cut falls, not even a part of a card number stands before it."""
    text = "-" * before + " x" * at + f" {CARD} and so on" + " y" * 12_000
    assert "4242" not in shown(text)


BRANDS = [
    (("4",), (13, 16, 19)),
    ((*map(str, range(51, 56)), *map(str, range(2221, 2721))), (16,)),
    (("34", "37"), (15,)),
    (("6011", "644", "645", "646", "647", "648", "649", "65"), range(16, 20)),
    (("300", "301", "302", "303", "304", "305", "309", "36", "38", "39"), (14,)),
    (tuple(map(str, range(3528, 3590))), range(16, 20)),
    (("62", "81"), range(16, 20)),
    (("5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763"), range(12, 20)),
]


def is_card(digits: str) -> bool:
    total = sum(int(digit) for digit in digits[::-2]) + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    of_a_brand = any(digits.startswith(begin) and len(digits) in lengths for begin, lengths in BRANDS)
    return of_a_brand and total % 10 == 0


def holds_a_card(text: str) -> bool:
    """Whether some groups of digits, with the same separator between all of them, are a card number."""
    groups = [(group.start(), group.end()) for group in re.finditer("[0-9]+", text)]
    for first, last in itertools.combinations_with_replacement(range(len(groups)), 2):
        part = groups[first : last + 1]
        gaps = {text[end:start] for (_, end), (start, _) in itertools.pairwise(part)}
        one_separator = len(gaps) <= 1 and max(map(len, gaps), default=0) <= 3
        if one_separator and is_card("".join(text[start:end] for start, end in part)):
            return True
    return False


@st.composite
def digits_that_may_be_cards(draw: st.DrawFn) -> str:
    """The beginning of a brand, digits, and a check digit that is right or not."""
    beginnings, lengths = draw(st.sampled_from(BRANDS))
    beginning, length = draw(st.sampled_from(beginnings)), draw(st.sampled_from(lengths))
    digits = beginning + draw(st.text("0123456789", min_size=length, max_size=length))[len(beginning) : length - 1]
    return next(digits + check for check in "0123456789" if draw(st.booleans()) or is_card(digits + check))


@given(
    st.lists(
        st.tuples(
            st.one_of(st.text("0123456789", min_size=1, max_size=21), digits_that_may_be_cards()),
            st.integers(1, 20),
            st.sampled_from([" ", "-", " - ", "    ", "/"]),
            st.sampled_from([" ", "-", " - ", "    ", "/"]),
        ),
        max_size=3,
    )
)
def test_a_card_number_is_found_wherever_it_stands_among_digits(parts: list[tuple[str, int, str, str]]) -> None:
    """In groups of any size, beside others with the same separator or another: just where a plain search finds one."""
    text = "".join(
        separator.join(digits[at : at + size] for at in range(0, len(digits), size)) + after
        for digits, size, separator, after in parts
    )
    assert ("[hidden]" in shown(text)) == holds_a_card(text)


@pytest.mark.parametrize(
    "text", ["4 ", "4-", "1 2 3 ", "44 ", "4444 ", "4", "5 5/", "order 1234567 of 2026-11-25, "], ids=repr
)
def test_a_long_text_is_searched_in_one_go(text: str) -> None:
    """A body of single digits took half a minute a megabyte."""
    began = time.process_time()
    assert not has_card_number(text * (100_000 // len(text)))
    assert time.process_time() - began < 1


def test_many_card_numbers_in_a_long_text_are_masked_in_one_go() -> None:
    """The `repr` of an object took minutes where a field held megabytes of them."""
    customer = finsecure.Customer.model_validate(
        {"id": "cus_1", "object": "customer", "description": f"{CARD} " * 10_000 + "x" * 2_000_000}
    )
    began = time.process_time()
    assert repr(customer).count("[hidden]") == 10_000
    assert time.process_time() - began < 2
