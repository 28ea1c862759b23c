"""What people try who know other SDKs: an error names what it is called here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

import finsecure
from finsecure.sandbox import Sandbox

INTENT = finsecure.PaymentIntent.model_validate(
    {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2000,
        "currency": "usd",
        "status": "requires_payment_method",
        "client_secret": "pi_1_secret_abc",
        "created": 1640995200,
        "description": None,
        "new": {"deep": 1},
        "charges": {"object": "list", "data": [{"id": "ch_1", "object": "charge", "amount": 2000}]},
        "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
    }
)


@pytest.fixture
def client() -> finsecure.Client:
    """A client that never sends."""
    return finsecure.Client("sk_test_1")


PARAMETERS = ["timeout", "api_key", "expand", "confirm", "extra_headers", "extra_body", "stripe_account", "max_retries"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_of_another_sdk_is_named_here(client: finsecure.Client, name: str) -> None:
    """An unexpected parameter says where that is said here."""
    with pytest.raises(TypeError, match=rf"'{name}': .*(client|confirm|retrieve|default_headers)"):
        cast("Any", client.payment_intents.create)(amount=1, currency="usd", **{name: 1})


def test_a_misspelt_parameter_is_pythons_own_error(client: finsecure.Client) -> None:
    """No advice where there is none."""
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'amuont'(\. Did you mean .*)?$"):
        cast("Any", client.payment_intents.create)(amuont=1)


ATTRIBUTES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda client: client.charges.create, r"Charges has no 'create'\. Instead: payment_intents.create"),
    (lambda client: client.customers.modify, r"Instead: update\(id, ...\)"),
    (lambda client: client.customers.get, r"Customers has no 'get'\. Instead: retrieve\(id\)"),
    (lambda client: client.v1, r"Client has no 'v1'\. Instead: the same name without v1"),
    (lambda client: client.customers.nonsense, r"Customers has no 'nonsense'\.$"),
    (lambda _: cast("Any", finsecure.Charge).create, r"Instead: PaymentIntent.create"),
    (lambda _: cast("Any", finsecure.Customer).modify, r"Instead: update"),
    (lambda _: cast("Any", finsecure.Customer).__nonsense__, r"__nonsense__"),
    (lambda _: cast("Any", finsecure).Webhook, r"Instead: finsecure.webhooks.construct_event"),
    (lambda _: cast("Any", finsecure).Wehbook, r"no attribute 'Wehbook'$"),
    (lambda _: cast("Any", INTENT).confirm, r"Objects can't make API calls: use PaymentIntent.confirm"),
]


@pytest.mark.parametrize(("use", "message"), ATTRIBUTES, ids=[message for _, message in ATTRIBUTES])
def test_a_name_of_another_sdk_is_named_here(client: finsecure.Client, use: Callable[[Any], Any], message: str) -> None:
    """An attribute that is not there says what it is here."""
    with pytest.raises(AttributeError, match=message):
        use(client)


def test_a_page_is_iterated_itself() -> None:
    """`auto_paging_iter` is iterating the page."""
    with Sandbox() as sandbox, sandbox.client() as client:
        page = client.customers.list()
        with pytest.raises(AttributeError, match="iterate the page itself"):
            _ = cast("Any", page).auto_paging_iter


def test_an_object_is_asked_for_a_field_and_is_no_dict() -> None:
    """`in` answers for the fields that came, and `[...]` says how to read them."""
    assert "amount" in INTENT
    assert "new" in INTENT
    assert "receipt_email" not in INTENT
    with pytest.raises(TypeError, match=r"read \.id, or to_dict\(\)"):
        _ = cast("Any", INTENT)["id"]
    with pytest.raises(TypeError, match="read an attribute"):
        _ = cast("Any", INTENT)[0]
    charges = INTENT.charges
    assert charges is not None
    assert next(iter(charges)) in charges
    with pytest.raises(TypeError, match=r"charges\.data\[0\]"):
        _ = cast("Any", charges)[0]


def test_a_printed_object_has_a_field_a_line() -> None:
    """`print` is for people, `repr` stays one line, and neither shows a secret."""
    lines = str(INTENT).splitlines()
    assert lines[:4] == ["PaymentIntent:", "  id: pi_1", "  object: payment_intent", "  amount: 2000"]
    assert "  charges:" in lines
    assert "      id: ch_1" in lines
    assert "\n" not in repr(INTENT)
    assert "secret_abc" not in str(INTENT) + repr(INTENT)


def test_a_decline_that_came_by_webhook_has_words() -> None:
    """`last_payment_error` says what a `CardError` says."""
    failed = INTENT.last_payment_error
    assert failed is not None
    error = finsecure.CardError(code="card_declined", decline_code="insufficient_funds")
    assert (failed.user_action, failed.resolution) == (error.user_action, error.resolution)
    assert finsecure.PaymentError().user_action


RETRYABLE: list[tuple[finsecure.FinSecureError, bool]] = [
    (finsecure.APIConnectionError(), True),
    (finsecure.APITimeoutError(), True),
    (finsecure.RateLimitError(http_status=429), True),
    (finsecure.APIError(http_status=503), True),
    (finsecure.APIError(http_status=200), True),
    (finsecure.APIError(http_status=501), False),
    (finsecure.CardError(http_status=402), False),
    (finsecure.InvalidRequestError(), False),
    (finsecure.InvalidRequestError(http_status=404), False),
    (finsecure.AuthenticationError(http_status=401), False),
]


@pytest.mark.parametrize(("error", "retryable"), RETRYABLE, ids=repr)
def test_an_error_says_whether_sending_again_can_help(error: finsecure.FinSecureError, retryable: bool) -> None:
    """What failed on the way or in the API may pass; what was refused will be refused again."""
    assert error.retryable is retryable


CLIENT_HABITS: list[tuple[str, str]] = [
    ("PaymentIntent", r"Client has no 'PaymentIntent'\. Instead: client\.payment_intents\."),
    ("paymentIntents", r"client\.payment_intents"),
    ("customer", r"client\.customers"),
    ("get", r"client\.request\('GET', path, params\)"),
    ("webhooks", r"finsecure\.webhooks"),
    ("copy", r"with_options"),
    ("nonsense", r"Client has no 'nonsense'\.$"),
    ("_nonsense", r"Client has no '_nonsense'\.$"),
]


@pytest.mark.parametrize(("name", "why"), CLIENT_HABITS)
def test_a_client_names_what_it_is_called_here(client: finsecure.Client, name: str, why: str) -> None:
    """A group by another name, a method of another SDK's client."""
    with pytest.raises(AttributeError, match=why):
        getattr(client, name)


def test_each_client_says_how_it_is_closed(client: finsecure.Client) -> None:
    """`close` and `aclose` are not the same client's."""
    with pytest.raises(AttributeError, match=r"await client\.aclose\(\)"):
        cast("Any", finsecure.AsyncClient("sk_test_1")).close()
    with pytest.raises(AttributeError, match=r"client\.close\(\)"):
        cast("Any", client).aclose()


def test_positional_parameters_are_refused_by_name(client: finsecure.Client) -> None:
    """`create(2000, "usd")` says that parameters have names."""
    with pytest.raises(TypeError, match=r"pass parameters by name, or a dict as create\(\*\*params\)"):
        cast("Any", client.payment_intents).create(2000, "usd")


OBJECT_HABITS = [("refund", "refunds.create"), ("save", "update"), ("get", "to_dict"), ("nonsense", r"'nonsense'\.$")]


@pytest.mark.parametrize(("name", "why"), OBJECT_HABITS)
def test_an_object_names_what_it_is_called_here(name: str, why: str) -> None:
    """An object says what another SDK's habit is here; an operation says that objects cannot make calls."""
    with pytest.raises(AttributeError, match=why):
        getattr(INTENT, name)
    with pytest.raises(AttributeError, match=r"Objects can't make API calls: use PaymentIntent\.confirm"):
        cast("Any", INTENT).confirm()
    assert cast("Any", INTENT).new == {"deep": 1}


@pytest.mark.parametrize("name", ["max_network_retries", "api_base", "timeout"])
def test_a_setting_of_another_sdks_module_is_refused(name: str) -> None:
    """It would have no effect, and nobody would see that."""
    with pytest.raises(AttributeError, match=r"finsecure\.configure\("):
        setattr(finsecure, name, 1)
    with pytest.raises(AttributeError, match=r"finsecure\.configure\("):
        getattr(finsecure, name)


def test_any_other_name_of_the_module_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests replace what they like."""
    monkeypatch.setattr(finsecure, "Client", 1)
    monkeypatch.setattr(finsecure, "my_own", 1, raising=False)
    assert cast("Any", finsecure).my_own == 1


def test_webhooks_name_what_it_is_called_here() -> None:
    """`Webhook.construct_event` is a function here."""
    with pytest.raises(AttributeError, match=r"finsecure\.webhooks\.construct_event"):
        _ = cast("Any", finsecure.webhooks).Webhook


TOO_EARLY: list[Callable[[Any], Any]] = [
    lambda pages: pages.data,
    lambda pages: pages.has_more,
    lambda pages: pages.next_page(),
    len,
    list,
    lambda pages: pages[0],
]


@pytest.mark.parametrize("read", TOO_EARLY, ids=range(len(TOO_EARLY)))
def test_an_async_list_says_to_await_it(read: Callable[[Any], Any]) -> None:
    """Nothing is fetched before it is awaited, so there is nothing to read."""
    pages = finsecure.AsyncClient("sk_test_1").customers.list()
    with pytest.raises((AttributeError, TypeError), match=r"page = await client\.customers\.list\("):
        read(pages)


def test_an_async_list_has_no_other_names() -> None:
    """Habits of other SDKs are answered, what is misspelt is not there."""
    pages: Any = finsecure.AsyncClient("sk_test_1").customers.list()
    with pytest.raises(AttributeError, match="for payment in page"):
        pages.auto_paging_iter()
    with pytest.raises(AttributeError, match="AsyncPages has no '_secret'"):
        _ = pages._secret


def test_ids_in_a_page_and_in_a_list() -> None:
    """An id is found in a list inside an object; in a page, which holds objects, asking for one raises."""
    charges = INTENT.charges
    assert charges is not None
    assert "ch_1" in charges
    assert "ch_2" not in charges
    with Sandbox() as sandbox:
        client = sandbox.client()
        customers = [client.customers.create() for _ in range(3)]
        page = client.customers.list(limit=2)
        assert customers[0] in page  # on the second page
        assert INTENT not in page
        with pytest.raises(TypeError, match="objects, not ids"):
            _ = customers[0].id in page
        with pytest.raises(TypeError, match=r"page\.data\[0\]"):
            _ = cast("Any", page)[0]


def shown(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("__")}


def test_completion_shows_what_is_ours(client: finsecure.Client) -> None:
    """`dir`, which IPython completes by, has no name of pydantic's, none of our own machinery, and no operation that an
    object cannot call."""
    fields = {*finsecure.PaymentIntent.model_fields}
    assert shown(INTENT) == fields | {"new", "last_response", "to_dict", "to_json"}
    assert shown(finsecure.Refund) == {"create", "list", "retrieve", "update", "last_response", "to_dict", "to_json"}
    assert shown(finsecure.PaymentError()) >= {"user_action", "resolution", "decline_code"}
    assert shown(client.refunds) == {"create", "list", "retrieve", "update"}
    assert {"payment_intents", "request", "with_options"} < shown(client)
    pages = finsecure.AsyncClient("sk_test_1").customers.list()
    assert shown(pages) == {"pages", "prefetch"}
    for each in (client, pages, client.refunds):
        assert not [name for name in shown(each) if name.startswith("_") or name in {"send", "send_list"}]
    assert {*dir(finsecure.webhooks)} >= {*finsecure.webhooks.__all__}
    assert not [name for name in dir(finsecure.webhooks) if name.startswith("_") or name in {"Any", "annotations"}]


def test_times_are_in_utc_and_say_so() -> None:
    """`UTC`, whichever library read the time."""
    assert repr(INTENT.created).endswith("tzinfo=datetime.timezone.utc)")
    assert "created=datetime.datetime(2022, 1, 1, 0, 0, tzinfo=UTC)" in repr(INTENT)
    assert "created: 2022-01-01 00:00:00+00:00" in str(INTENT)


def test_an_async_page_is_iterated_with_async_for() -> None:
    """And its own objects are a list."""

    async def first(client: finsecure.AsyncClient) -> Any:
        return await client.customers.list()

    with Sandbox() as sandbox:
        page = asyncio.run(first(sandbox.async_client()))
    with pytest.raises(TypeError, match="async for"):
        list(page)
    with pytest.raises(finsecure.InvalidRequestError, match="Collect async pages first"):
        finsecure.rows(page)
