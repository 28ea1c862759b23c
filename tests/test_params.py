"""What is certainly wrong is refused by name before anything is sent; what only the server can know is sent."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

import finsecure
from finsecure import NOT_GIVEN, _wire
from finsecure._call import GET, POST
from finsecure._params import CHECKS

if TYPE_CHECKING:
    from tests.conftest import Door

Use = Callable[[Any], Any]

INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 1, "currency": "usd", "status": "succeeded"}
DEEP: list[Any] = []
DEEP.append(DEEP)


OBJECT = finsecure.Customer(id="cus_1", email="a@example.com", invoice_settings=finsecure.InvoiceSettings(footer="x"))


def create(**params: Any) -> Use:
    return lambda api: api.payment_intents.create(**{"amount": 2000, "currency": "usd", **params})


def confirm(payment_method: object) -> Use:
    return lambda api: api.payment_intents.confirm("pi_1", payment_method=payment_method)


def customer(**params: Any) -> Use:
    return lambda api: api.customers.create(**params)


def listing(**params: Any) -> Use:
    return lambda api: api.customers.list(**params)


def endpoint(**params: Any) -> Use:
    return lambda api: api.webhook_endpoints.create(**{"url": "https://a.b/", "enabled_events": ["*"], **params})


def retrieve(id: object) -> Use:
    return lambda api: api.payment_intents.retrieve(id)


HUGE = 10**5000  # more digits than Python writes


class Kind(str, Enum):
    """Constants as programs keep them; `str()` of one is its name."""

    CARD = "card"
    CREATED = "customer.created"
    CURRENCY = "USD"
    ID = "pi_1"
    KEY = "order_1"
    NAME = "name"
    AMOUNT = "2000"


class Plain(Enum):
    """Constants that are no `str`."""

    ADDRESS = "a@example.com"
    NUMBER = 1


class Size(int, Enum):
    """Constants that are an `int`."""

    TEN = 10


class Int64:
    """An integer that is no `int`, as numpy has them."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


class NoIndex:
    """What has `__index__` and is no integer, as numpy's arrays."""

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")


class Loud(str):
    """A `str` that writes itself in its own way."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"<{self!r}>"

    def __format__(self, spec: str) -> str:
        return str(self)


class Nowhere(tzinfo):
    """A time zone that does not say how far from UTC it is."""

    def utcoffset(self, moment: datetime | None) -> None:
        """Unknown."""

    def tzname(self, moment: datetime | None) -> None:
        """Unknown."""

    def dst(self, moment: datetime | None) -> None:
        """Unknown."""


none: Any = None  # what a type checker would refuse

REFUSED: dict[str, tuple[Use, str, str]] = {
    # what is called: (how, `param`, what the message says)
    "amount float": (
        create(amount=19.99),
        "amount",
        r'a float \(19.99\).*to_minor_units\(Decimal\("19.99"\)',
    ),
    "amount Decimal": (create(amount=Decimal("19.99")), "amount", r'to_minor_units\(Decimal\("19.99"\)'),
    "amount str": (create(amount="2000"), "amount", r'a str \(\'2000\'\).*Decimal\("2000"\)'),
    "amount whole str": (
        create(amount="2000"),
        "amount",
        r"pass 2000 as an int for .*\(\$20\.00\), or .*\(\$2000\.00\)",
    ),
    "amount whole Decimal": (create(amount=Decimal(500)), "amount", r"two amounts: pass 500 .*\(\$5\.00\).*\$500\.00"),
    "amount whole Fraction": (create(amount=Fraction(505)), "amount", r"two amounts: pass 505 .*\(\$5\.05\)"),
    "amount whole float": (
        create(amount=500.0),
        "amount",
        r"a float \(500\.0\), which could mean two amounts: pass 500 ",
    ),
    "amount str of an enum": (create(amount=Kind.AMOUNT), "amount", r"a Kind \('2000'\), which could mean two amounts"),
    "amount with points": (create(amount="19.99"), "amount", r'a str \(\'19\.99\'\): .*example .*Decimal\("19\.99"\)'),
    "amount with an underscore": (create(amount="1_0"), "amount", "amount is a str: pass an int"),
    "amount in full-width digits": (create(amount="\uff11\uff10"), "amount", "amount is a str: pass an int"),
    "amount of 5,000 digits": (create(amount=HUGE), "amount", "an integer of more than 30 digits: pass a positive"),
    "amount far below zero": (create(amount=-HUGE), "amount", "an integer of more than 30 digits: pass a positive"),
    "amount a huge fraction": (create(amount=Fraction(HUGE, 7)), "amount", "amount is a Fraction: pass an int"),
    "amount an array": (create(amount=NoIndex()), "amount", "amount is a NoIndex: pass an int"),
    "amount zero of numpy": (create(amount=Int64(0)), "amount", "amount is 0: pass a positive"),
    "limit of 5,000 digits": (listing(limit=HUGE), "limit", "an integer of more than 30 digits: pass 1 to 100"),
    "limit far below zero": (listing(limit=-HUGE), "limit", "an integer of more than 30 digits: pass 1 to 100"),
    "limit of numpy": (listing(limit=Int64(101)), "limit", "limit is 101"),
    "created of 5,000 digits": (listing(created={"gt": HUGE}), "created", "integer of more than 30 digits: pass"),
    "created far in the past": (listing(created={"lt": -HUGE}), "created", "integer of more than 30 digits: pass"),
    "number of 5,000 digits in a dict": (
        lambda api: api.payment_methods.create(type="card", card={"exp_year": HUGE}),
        "card",
        "an integer of more than 30 digits",
    ),
    "plain enum": (customer(email=Plain.ADDRESS), "email", "email is a Plain: pass its `.value`"),
    "plain enum without a str": (customer(email=Plain.NUMBER), "email", "email is a Plain: pass a str"),
    "NOT_GIVEN where all is new": (customer(email=NOT_GIVEN), "email", "leave it out: NOT_GIVEN is for update"),
    "metadata of NOT_GIVEN": (
        customer(metadata={"a": NOT_GIVEN}),
        "metadata",
        r"metadata\['a'\] is a NotGiven",
    ),
    "amount odd str": (create(amount="sk_test_1234"), "amount", r"amount is a str: pass an int"),
    "amount bool": (create(amount=True), "amount", "amount is a bool: pass an int"),
    "amount None": (create(amount=None), "amount", "amount is a NoneType: pass an int"),
    "currency None": (create(currency=None), "currency", "currency is a NoneType"),
    "confirm with None": (confirm(None), "payment_method", "payment_method is a NoneType"),
    "attach to None": (lambda api: api.payment_methods.attach("pm_1", customer=none), "customer", "a NoneType"),
    "type None": (lambda api: api.payment_methods.create(type=none), "type", "a NoneType: pass a str"),
    "refund of None": (lambda api: api.refunds.create(payment_intent=none), "payment_intent", "a NoneType"),
    "url None": (endpoint(url=None), "url", "a NoneType"),
    "events None": (endpoint(enabled_events=None), "enabled_events", "a NoneType"),
    "update amount to None": (lambda api: api.payment_intents.update("pi_1", amount=none), "amount", "a NoneType"),
    "update url to None": (lambda api: api.webhook_endpoints.update("we_1", url=none), "url", "a NoneType"),
    "key with spaces": (create(idempotency_key=" order_1"), "idempotency_key", "has spaces around it"),
    "amount fraction": (create(amount=Fraction(1, 3)), "amount", "amount is a Fraction"),
    "amount zero": (create(amount=0), "amount", "amount is 0: pass a positive"),
    "amount negative": (create(amount=-1), "amount", "amount is -1: pass a positive"),
    "refund of nothing": (lambda api: api.refunds.create(payment_intent="pi_1", amount=0), "amount", "positive"),
    "currency long": (create(currency="dollars"), "currency", "'dollars': pass a three-letter ISO code"),
    "currency digits": (create(currency="us1"), "currency", "three-letter"),
    "currency not ASCII": (create(currency="öre"), "currency", "three-letter"),
    "currency empty": (create(currency=""), "currency", "three-letter"),
    "currency int": (create(currency=840), "currency", "currency is an int: pass a three-letter"),
    "types str": (create(payment_method_types="card"), "payment_method_types", "a str: pass a list of strings"),
    "types set": (create(payment_method_types={"card"}), "payment_method_types", "a set: pass a list"),
    "types int": (create(payment_method_types=["card", 1]), "payment_method_types[1]", "an int: pass a str"),
    "customer empty": (create(customer=" "), "customer", "customer is empty: pass an id"),
    "customer object": (
        create(customer=finsecure.Customer(id="cus_1", object="customer")),
        "customer",
        r"customer is a Customer: pass its `.id`",
    ),
    "customer int": (create(customer=1), "customer", "customer is an int: pass the id as a str"),
    "description": (create(description=1), "description", "pass a str"),
    "metadata list": (create(metadata=[]), "metadata", "metadata is a list: pass a dict"),
    "metadata value": (create(metadata={"seats": 2}), "metadata", r"metadata\['seats'\] is an int.*str\(\.\.\.\)"),
    "metadata key": (
        create(metadata={1: "2"}),
        "metadata",
        "a key that is an int: pass a dict whose",
    ),
    "receipt_email": (create(receipt_email=b"a@b.c"), "receipt_email", "a bytes: pass a str"),
    "setup_future_usage": (create(setup_future_usage=True), "setup_future_usage", "a bool: pass a str"),
    "key blank": (create(idempotency_key=" "), "idempotency_key", "blank"),
    "key long": (create(idempotency_key="x" * 256), "idempotency_key", "too long"),
    "key newline": (create(idempotency_key="a\nb"), "idempotency_key", "not printable ASCII"),
    "key not ASCII": (create(idempotency_key="commande_é"), "idempotency_key", "not printable ASCII"),
    "key int": (create(idempotency_key=7), "idempotency_key", "an int: pass a str"),
    "method empty": (confirm(""), "payment_method", "empty"),
    "method int": (confirm(1), "payment_method", "pass the id as a str"),
    "method none": (lambda api: api.payment_methods.attach("pm_1", customer=""), "customer", "empty"),
    "card": (lambda api: api.payment_methods.create(type="card", card="4242"), "card", "card is a str: pass a dict"),
    "settings": (customer(invoice_settings=[]), "invoice_settings", "a list: pass a dict"),
    "surrogate": (customer(name="\ud800"), "name", "does not encode as UTF-8"),
    "not JSON": (
        customer(invoice_settings={"footer": object()}),
        "invoice_settings",
        "JSON cannot hold",
    ),
    "no number": (customer(invoice_settings={"footer": float("nan")}), "invoice_settings", "finite float"),
    "one of two": (customer(name="x", invoice_settings={"footer": b"x"}), "invoice_settings", "JSON cannot hold"),
    "object in a path": (retrieve(OBJECT), "id", r"id is a Customer: pass its `\.id`"),
    "object as a customer": (create(customer=OBJECT), "customer", r"a Customer: pass its `\.id`"),
    "object to confirm with": (confirm(OBJECT), "payment_method", r"a Customer: pass its `\.id`"),
    "object as a cursor": (listing(starting_after=OBJECT), "starting_after", r"a Customer: pass its `\.id`"),
    "object as an amount": (create(amount=OBJECT), "amount", r"a Customer: pass its `\.amount`"),
    "object as a currency": (create(currency=OBJECT), "currency", r"a Customer: pass its `\.currency`"),
    "object as an email": (create(receipt_email=OBJECT), "receipt_email", r"a Customer: pass its `\.id`"),
    "object as its own email": (customer(email=OBJECT), "email", r"a Customer: pass its `\.email`"),
    "object in metadata": (
        create(metadata={"customer": OBJECT}),
        "metadata",
        r"holds strings, pass its `\.id`",
    ),
    "object in a nested dict": (
        customer(invoice_settings={"default_payment_method": OBJECT}),
        "invoice_settings",
        r"invoice_settings\[default_payment_method\] is a Customer: pass its `\.id`",
    ),
    "object as settings": (customer(invoice_settings=OBJECT), "invoice_settings", r"pass its `\.invoice_settings`"),
    "object for details": (
        lambda api: api.payment_methods.create(type="card", billing_details=OBJECT),
        "billing_details",
        "a Customer: pass a dict",
    ),
    "card without a number": (
        lambda api: api.payment_methods.create(type="card", card=finsecure.Card(last4="4242")),
        "card",
        r"a Card, which has no number: .* by its `\.id`",
    ),
    "object in a raw call": (
        lambda api: api.request("POST", "/v1/refunds", {"payment_intent": OBJECT}),
        "payment_intent",
        r"a Customer: pass its `\.id`",
    ),
    "amount with a comma": (
        create(amount="19,99"),
        "amount",
        r"a comma \('19,99'\).*to_minor_units\('19.99'",
    ),
    "circle": (customer(invoice_settings={"footer": DEEP}), "invoice_settings", "contains itself"),
    "key of a nested dict": (
        customer(invoice_settings={"footer": {1: "x"}}),
        "invoice_settings",
        "a key that is an int: pass a dict whose",
    ),
    "set in a dict": (customer(invoice_settings={"footer": {"x"}}), "invoice_settings", "JSON cannot hold"),
    "surrogate in a query": (listing(email="\ud800"), "email", "does not encode as UTF-8"),
    "limit zero": (listing(limit=0), "limit", "limit is 0: pass 1 to 100"),
    "limit large": (listing(limit=101), "limit", "limit is 101.*Iterating fetches all pages"),
    "limit bool": (listing(limit=True), "limit", "a bool: pass an int from 1 to 100"),
    "limit str": (listing(limit="10"), "limit", "a str: pass an int from 1 to 100"),
    "both cursors": (listing(starting_after="cus_1", ending_before="cus_2"), "ending_before", "pass one"),
    "cursor empty": (listing(starting_after=""), "starting_after", "empty"),
    "cursor object": (listing(ending_before=1), "ending_before", "an int"),
    "created list": (listing(created=[1]), "created", "a list: pass a dict"),
    "created bound": (listing(created={"after": 1}), "created", "'after': pass gt, gte, lt or lte"),
    "created naive": (
        listing(created={"gt": datetime(2022, 1, 1)}),  # noqa: DTZ001 - the mistake that is meant
        "created",
        r"created\[gt\] has no time zone",
    ),
    "created in a zone that does not know": (
        listing(created={"gt": datetime(2022, 1, 1, tzinfo=Nowhere())}),
        "created",
        r"created\[gt\] has no time zone",
    ),
    "created str": (listing(created={"gt": "2022-01-01"}), "created", r"created\[gt\] is a str: pass an aware"),
    "created float": (listing(created={"gt": 1.5}), "created", "a float"),
    "created bool": (listing(created={"gt": True}), "created", "a bool"),
    "id empty": (retrieve(""), "id", "id is empty: pass an id from the API"),
    "id blank": (retrieve(" \n"), "id", "id is empty"),
    "id dot": (retrieve("."), "id", "id is '.': pass an id"),
    "id dots": (retrieve(".."), "id", "id is '..': pass an id"),
    "id none": (retrieve(None), "id", "id is .*None.*: pass the id"),
    "id object": (
        retrieve(finsecure.PaymentIntent(id="pi_1", object="payment_intent")),
        "id",
        "pass its `.id`",
    ),
    "id surrogate": (retrieve("pi_\ud800"), "id", "does not encode as UTF-8"),
    "url": (endpoint(url=1), "url", "pass a str"),
    "events": (endpoint(enabled_events="*"), "enabled_events", "pass a list"),
    "update amount": (lambda api: api.payment_intents.update("pi_1", amount=1.5), "amount", "to_minor_units"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_certain_mistake_is_refused_by_name_and_nothing_is_sent(
    wire: Door, server: respx.MockRouter, case: str
) -> None:
    use, param, says = REFUSED[case]
    with pytest.raises(finsecure.InvalidRequestError, match=says) as caught:
        wire.call(use)
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert (caught.value.http_status, caught.value.maybe_executed) == (None, False)
    assert len(server.calls) == 0


def test_a_refusal_that_no_one_parameter_is_to_blame_for_is_one_all_the_same() -> None:
    assert "Nothing was sent" in str(_wire._not_json({"name": "fine"}))


def test_a_refusal_shows_nothing_that_could_be_a_secret(wire: Door) -> None:
    secret = "4242424242424242"
    for use in (create(amount=secret), create(description=[secret]), confirm([secret]), listing(limit=secret)):
        with pytest.raises(finsecure.InvalidRequestError) as caught:
            wire.call(use)
        assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "params",
    [
        {"amount": 1},
        {"amount": 10**15},
        {"currency": "xyz"},
        {"payment_method_types": ("card", "something_new")},
        {"setup_future_usage": "something_new"},
        {"receipt_email": "no address"},
        {"description": ""},
        {"metadata": {}},
        {"metadata": {"naïve": "🙂"}},
    ],
    ids=str,
)
def test_what_the_server_owns_it_decides(wire: Door, server: respx.MockRouter, params: dict[str, Any]) -> None:
    server.route().respond(json=INTENT)
    wire.call(create(**params))
    expected = {"amount": 2000, "currency": "usd", **params}
    assert json.loads(server.calls.last.request.content) == json.loads(json.dumps(expected))


def test_a_currency_is_sent_as_the_api_spells_it(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json=INTENT)
    wire.call(create(currency="USD"))
    assert json.loads(server.calls.last.request.content)["currency"] == "usd"


def test_create_leaves_out_what_is_none(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json=INTENT)
    wire.call(create(description=None, metadata=None, idempotency_key=None))
    assert json.loads(server.calls.last.request.content) == {"amount": 2000, "currency": "usd"}


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({}, {}),
        ({"description": NOT_GIVEN}, {}),
        ({"description": None, "metadata": None}, {"description": None, "metadata": None}),
        ({"description": "Tea", "customer": None}, {"description": "Tea", "customer": None}),
        ({"metadata": {}}, {"metadata": {}}),
    ],
)
def test_update_sends_none_as_null_and_leaves_out_what_is_not_given(
    wire: Door, server: respx.MockRouter, params: dict[str, Any], sent: dict[str, Any]
) -> None:
    server.route().respond(json=INTENT)
    wire.call(lambda api: api.payment_intents.update("pi_1", **params))
    assert json.loads(server.calls.last.request.content) == sent


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "first pickle": lambda value: pickle.loads(pickle.dumps(value, 0)),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_not_given_is_not_given(copied: Callable[[Any], Any]) -> None:
    """Parameters are copied on their way through a program: what is to be left alone stays so."""
    assert copied(NOT_GIVEN) is NOT_GIVEN


@dataclasses.dataclass(frozen=True)
class Changes:
    """What a form of a program's own may change."""

    description: Any = NOT_GIVEN
    metadata: Any = NOT_GIVEN


def test_not_given_survives_dataclasses(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json=INTENT)
    changes = dataclasses.asdict(dataclasses.replace(Changes(), metadata={"a": "1"}))
    wire.call(lambda api: api.payment_intents.update("pi_1", **changes))
    assert json.loads(server.calls.last.request.content) == {"metadata": {"a": "1"}}


def test_not_given_comes_back_from_another_process() -> None:
    script = (
        "import pickle, sys; value = pickle.load(sys.stdin.buffer); import finsecure; "
        "assert value is finsecure.NOT_GIVEN; sys.stdout.buffer.write(pickle.dumps(value))"
    )
    there = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(NOT_GIVEN), capture_output=True, check=True
    )
    assert pickle.loads(there.stdout) is NOT_GIVEN


def test_a_member_that_is_not_given_is_left_out(wire: Door, server: respx.MockRouter) -> None:
    """An update changes the members that are given, also inside a dict."""
    server.route().respond(json={"id": "pm_1", "object": "payment_method"})
    owner: Any = {"name": NOT_GIVEN, "address": {"city": "Ulm", "line2": NOT_GIVEN}}
    wire.call(lambda api: api.payment_methods.update("pm_1", billing_details=owner))
    assert json.loads(server.calls.last.request.content) == {"billing_details": {"address": {"city": "Ulm"}}}


FILTERS: list[tuple[Use, dict[str, str]]] = [
    (lambda api: api.payment_methods.list(type=Kind.CARD), {"type": "card"}),
    (lambda api: api.events.list(type=Kind.CREATED, limit=Size.TEN), {"type": "customer.created", "limit": "10"}),
    (listing(limit=Int64(7), email=Loud("a@b.c")), {"limit": "7", "email": "a@b.c"}),
    (listing(starting_after=Kind.ID), {"starting_after": "pi_1"}),
    (listing(created={Loud("gt"): Size.TEN}), {"created[gt]": "10"}),
    (listing(created={"lte": Int64(9)}), {"created[lte]": "9"}),
]


@pytest.mark.parametrize(("use", "query"), FILTERS)
def test_a_filter_is_sent_as_its_value(wire: Door, server: respx.MockRouter, use: Use, query: dict[str, str]) -> None:
    """A constant of an enum filters by its value, not by its name, which would find nothing."""
    server.route().respond(json={"object": "list", "data": [], "has_more": False})
    wire.call(use)
    assert dict(server.calls.last.request.url.params) == query


@pytest.mark.parametrize(
    ("use", "sent"),
    [
        (create(amount=Int64(500), currency=Kind.CURRENCY), {"amount": 500, "currency": "usd"}),
        (create(amount=Size.TEN, customer=Loud("cus_1")), {"amount": 10, "currency": "usd", "customer": "cus_1"}),
        (
            create(metadata=MappingProxyType({Kind.NAME: Kind.CARD, Loud("a"): Loud("b")})),
            {"amount": 2000, "currency": "usd", "metadata": {"name": "card", "a": "b"}},
        ),
        (
            create(payment_method_types=(Kind.CARD, Loud("ach"))),
            {"amount": 2000, "currency": "usd", "payment_method_types": ["card", "ach"]},
        ),
        (
            confirm({"type": Kind.CARD, Loud("card"): OrderedDict({"exp_month": Size.TEN, "exp_year": Int64(2030)})}),
            {"payment_method": {"type": "card", "card": {"exp_month": 10, "exp_year": 2030}}},
        ),
        (
            confirm({"card": {"lines": (Kind.CARD, Size.TEN, [Int64(1), True, 1.5, None])}}),
            {"payment_method": {"card": {"lines": ["card", 10, [1, True, 1.5, None]]}}},
        ),
    ],
)
def test_a_body_has_plain_values_at_any_depth(
    wire: Door, server: respx.MockRouter, use: Use, sent: dict[str, Any]
) -> None:
    """Members of enums and whatever Python takes for an integer are sent as what they stand for."""
    server.route().respond(json=INTENT)
    wire.call(use)
    assert json.loads(server.calls.last.request.content) == sent


def test_an_id_and_a_key_are_sent_as_their_value(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json=INTENT)
    intent = wire.call(
        lambda api: api.payment_intents.confirm(Kind.ID, payment_method=Loud("pm_1"), idempotency_key=Kind.KEY)
    )
    request = server.calls.last.request
    assert request.url.path == "/v1/payment_intents/pi_1/confirm"
    assert request.headers["idempotency-key"] == "order_1"
    assert type(intent.last_response.idempotency_key) is str


@given(
    st.sampled_from(sorted(CHECKS)),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=9),
)
def test_whatever_is_passed_is_plain_json_or_an_error_of_ours(name: str, value: Any) -> None:
    with contextlib.suppress(finsecure.InvalidRequestError):
        assert json.loads(json.dumps(CHECKS[name](name, value))) is not None


def test_not_given_says_what_it_is_and_is_false() -> None:
    assert repr(NOT_GIVEN) == "NOT_GIVEN"
    assert not NOT_GIVEN


def test_the_callers_dicts_are_sent_as_they_are_and_not_changed(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(json={"id": "pm_1", "object": "payment_method"})
    owner: Any = {"name": "José", "address": {"city": None, "lines": [1, True, "x"]}}
    before = json.dumps(owner)
    wire.call(lambda api: api.payment_methods.create(type="card", billing_details=owner))
    assert json.loads(server.calls.last.request.content) == {"type": "card", "billing_details": owner}
    assert json.dumps(owner) == before


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("pi_1234567890abcdef", "/v1/payment_intents/pi_1234567890abcdef"),
        ("pi/../../v1/refunds", "/v1/payment_intents/pi%2F..%2F..%2Fv1%2Frefunds"),
        ("pi_1?limit=1#x", "/v1/payment_intents/pi_1%3Flimit%3D1%23x"),
        ("pi 1", "/v1/payment_intents/pi%201"),
        ("pi_%2F", "/v1/payment_intents/pi_%252F"),
        ("pi_é\r\n", "/v1/payment_intents/pi_%C3%A9%0D%0A"),
        ("...", "/v1/payment_intents/..."),
        ("{id}", "/v1/payment_intents/%7Bid%7D"),
    ],
)
def test_an_id_stays_one_part_of_the_path(wire: Door, server: respx.MockRouter, id: str, path: str) -> None:
    server.route().respond(json={**INTENT, "id": id})
    wire.call(retrieve(id))
    assert server.calls.last.request.url.raw_path.decode() == path


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_id_can_be_read_back_from_the_path(id: str) -> None:
    if id not in {".", ".."}:
        path = GET("/v1/customers/{id}", finsecure.Customer, id=id).path
        assert path.isascii()
        assert path.count("/") == 3
        assert unquote(path.removeprefix("/v1/customers/")) == id


@pytest.mark.parametrize(
    ("bound", "seconds"), [("gt", 1640995200), ("gte", 1640995201), ("lt", 1640995201), ("lte", 1640995200)]
)
def test_a_bound_between_two_seconds_keeps_its_meaning(
    wire: Door, server: respx.MockRouter, bound: str, seconds: int
) -> None:
    server.route().respond(json={"object": "list", "data": [], "has_more": False})
    moment = datetime(2022, 1, 1, 1, 0, 0, 500, tzinfo=timezone(timedelta(hours=1)))
    wire.call(listing(created={bound: moment}))
    assert dict(server.calls.last.request.url.params) == {f"created[{bound}]": str(seconds)}


@pytest.mark.parametrize(
    ("bound", "seconds"), [("gt", 1793577599), ("gte", 1793491200), ("lt", 1793491200), ("lte", 1793577599)]
)
@pytest.mark.parametrize("raw", [False, True])
def test_a_date_is_that_whole_day_in_utc(
    wire: Door, server: respx.MockRouter, bound: str, seconds: int, raw: bool
) -> None:
    """From 2026-11-01 on, until its end, before it, after it; in a raw call, too."""
    server.route().respond(json={"object": "list", "data": [], "has_more": False})
    created = {bound: date(2026, 11, 1)}
    wire.call(
        (lambda api: api.request_list("/v1/customers", {"created": created})) if raw else listing(created=created)
    )
    assert dict(server.calls.last.request.url.params) == {f"created[{bound}]": str(seconds)}


def test_a_part_of_an_object_is_a_dict(wire: Door, server: respx.MockRouter) -> None:
    """`billing_details=method.billing_details` sends what came, at any depth, in a raw call, too."""
    server.route().respond(json={"id": "pm_1", "object": "payment_method"})
    address = finsecure.Address(city="Paris", line2=None)
    details = finsecure.BillingDetails(name="Al", address=address)
    written = {"name": "Al", "address": {"city": "Paris", "line2": None}}
    wire.call(lambda api: api.payment_methods.update("pm_1", billing_details=details))
    assert json.loads(server.calls.last.request.content) == {"billing_details": written}
    wire.call(lambda api: api.payment_methods.update("pm_1", billing_details={"name": "Al", "address": address}))
    assert json.loads(server.calls.last.request.content) == {"billing_details": written}
    wire.call(lambda api: api.request("PUT", "/v1/payment_methods/pm_1", {"billing_details": details, "x": NOT_GIVEN}))
    assert json.loads(server.calls.last.request.content) == {"billing_details": written}


def test_the_repr_of_a_call_shows_no_parameters() -> None:
    card = {"number": "4242424242424242"}
    assert repr(POST("/v1/payment_methods", finsecure.PaymentMethod, card=card)) == "<Call POST /v1/payment_methods>"


def test_a_list_without_filters_has_no_query(
    wire: Door, server: respx.MockRouter, sent: Callable[[], list[httpx.Request]]
) -> None:
    server.route().respond(json={"object": "list", "data": [], "has_more": False})
    wire.call(listing())
    assert [request.url.raw_path for request in sent()] == [b"/v1/customers"]
