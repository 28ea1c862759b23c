"""What people try who know other SDKs: an error names what it is called here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

import finsecure
from finsecure.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Door

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


MISSPELT: list[tuple[Callable[[Any], Any], str]] = [
    (lambda api: api.payment_intents.create(amuont=1), r"'amuont': did you mean amount\?$"),
    (lambda api: api.payment_intents.create(amount=1, curency="usd"), r"'curency': did you mean currency\?$"),
    (lambda api: api.customers.list(limt=1), r"'limt': did you mean limit\?$"),
    (lambda api: api.customers.list(page_size=1), r"'page_size': it is called limit\.$"),
    (lambda api: api.payment_intents.retrieve(payment_intent="pi_1"), r"'payment_intent': it is called id\.$"),
    (lambda api: api.payment_intents.cancel("pi_1", cancellation_reason="x"), r"no reason is stored"),
    (
        lambda api: api.payment_intents.create(amount=1, currency="usd", statement_descriptor="x"),
        r"create takes amount, currency, .*idempotency_key; client\.request\(method, path, params\) sends",
    ),
    (lambda api: api.customers.list(timeout=1), r"client\.with_options\(timeout=\.\.\.\)\.customers\.list\("),
    (lambda api: api.payment_intents.confirm("pi_1", "pm_1"), r"a dict as confirm\(id, \*\*params\)\.$"),
    (lambda api: api.payment_intents.retrieve("pi_1", {"expand": []}), r"retrieve takes id\.$"),
    (lambda api: api.payment_intents.create(), r"missing 2 required keyword-only arguments: 'amount' and 'currency'$"),
]


@pytest.mark.parametrize(("use", "message"), MISSPELT, ids=[message for _, message in MISSPELT])
def test_a_misspelt_parameter_names_ours(door: Door, use: Callable[[Any], Any], message: str) -> None:
    """A parameter that is not there says which one may have been meant, or which there are."""
    with pytest.raises(TypeError, match=message):
        door.call(use)


CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: cast("Any", finsecure.Client)("sk_test_1", max_network_retries=3), "it is called max_retries"),
    (lambda: cast("Any", finsecure.AsyncClient)("sk_test_1", stripe_version="x"), "it is called api_version"),
    (lambda: cast("Any", finsecure.Client)("sk_test_1", proxies={}), r"http_client=.*HTTPS_PROXY"),
    (lambda: cast("Any", finsecure.Client)("sk_test_1", organization="org_1"), r"with_options\(api_key="),
    (lambda: cast("Any", finsecure.Client)("sk_test_1", time_out=3), r"did you mean timeout\?"),
    (lambda: cast("Any", finsecure.Client)("sk_test_1", nonsense=3), r"Client takes api_key, base_url, .*, clock\.$"),
    (lambda: cast("Any", finsecure.Client)("sk_test_1", "https://x.test"), r"a dict as Client\(api_key, \*\*params\)"),
    (lambda: cast("Any", finsecure.webhooks.construct_event)(b"", sig_header=""), "it is called signature"),
    (lambda: cast("Any", finsecure.webhooks.construct_event)(b"", "", endpoint_secret=""), "it is called secret"),
    (lambda: cast("Any", finsecure.webhooks.construct_event)(b"", "", api_key=""), "without an API key"),
    (lambda: cast("Any", finsecure.webhooks.construct_event)(b"", "", "", 1, ""), r"takes payload, .*, tolerance\.$"),
    (
        lambda: cast("Any", finsecure.webhooks.verify_signature)(b"", nonsense=""),
        r"takes payload, signature, secret\.$",
    ),
    (lambda: cast("Any", finsecure.webhooks.Handler)(signing_secret=""), "it is called secret"),
    (lambda: cast("Any", finsecure.webhooks.Handler("whsec_1").handle)(payload=b""), "it is called body"),
    (lambda: cast("Any", finsecure.Client("sk_test_1").request)("GET", "/v1/x", json={}), "it is called params"),
    (
        lambda: cast("Any", finsecure.AsyncClient("sk_test_1").request)("GET", "/v1/x", cast_to=1),
        "it is called returns",
    ),
    (lambda: cast("Any", finsecure.request)("GET", "/v1/x", timeout=1), r"with_options\(timeout=...\)\.request\("),
]


@pytest.mark.parametrize(("use", "message"), CALLS, ids=[message for _, message in CALLS])
def test_a_client_and_a_function_name_their_parameters(use: Callable[[], Any], message: str) -> None:
    """As operations do: what another SDK calls an option or a parameter, and what is misspelt. It stays a TypeError."""
    with pytest.raises(TypeError, match=message):
        use()


OPTIONS = [
    ("max_network_retries", "It is called max_retries"),
    ("proxy", "HTTPS_PROXY"),
    ("http_client", "pass it to a client of its own"),
    ("tiemout", r"Did you mean timeout\?"),
    ("nonsense", r"timeout\."),
]


@pytest.mark.parametrize(("option", "message"), OPTIONS)
def test_an_option_of_another_sdk_is_named_here(client: finsecure.Client, option: str, message: str) -> None:
    """Also where options are passed on."""
    for take in (client.with_options, finsecure.configure):
        with pytest.raises(finsecure.InvalidRequestError, match=message) as caught:
            cast("Any", take)(**{option: None})
        assert (caught.value.param, option in str(caught.value)) == (option, True)
        if option == "http_client":
            break  # which `configure` takes


def test_an_error_of_ones_own_stays_as_it_is() -> None:
    """What a function that was passed raises is not explained."""

    def key(**_: Any) -> Any:
        return cast("Any", key)(1)

    with pytest.raises(TypeError, match=r"key\(\) takes 0 positional arguments but 1 was given$"):
        finsecure.Client(key)


ATTRIBUTES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda client: client.charges.create, r"Charges has no 'create'\. Instead: payment_intents.create"),
    (lambda client: client.customers.modify, r"Instead: update\(id, ...\)"),
    (lambda client: client.customers.get, r"Customers has no 'get'\. Instead: retrieve\(id\)"),
    (lambda client: client.v1, r"Client has no 'v1'\. Instead: the same name without v1"),
    (lambda client: client.customers.nonsense, r"Customers has no 'nonsense'\.$"),
    (lambda client: client.customers.creat, r"Customers has no 'creat'\. Did you mean create\?$"),
    (lambda client: client.checkout, r"Client has no 'checkout': the API has no such thing. Instead: payment_intents"),
    (lambda client: client.invoices, r"the API has no such thing. Instead: events such as invoice\.payment_succeeded"),
    (lambda client: client.disputes, r"Instead: client\.request\(method, path, params\), once the API has it"),
    (lambda client: client.timout, r"Client has no 'timout'\. Did you mean timeout\?$"),
    (lambda _: cast("Any", finsecure).checkout, r"'checkout': the API has no such thing"),
    (lambda _: cast("Any", finsecure).SetupIntent, r"setup_future_usage"),
    (lambda _: cast("Any", finsecure).payment_intents, r"Instead: finsecure\.PaymentIntent"),
    (lambda _: cast("Any", finsecure.Subscription).create, r"Subscription has no 'create'. Instead: events such as"),
    (lambda _: cast("Any", finsecure.error).StripeError, r"Instead: finsecure\.FinSecureError"),
    (lambda _: cast("Any", finsecure.error).CardErorr, r"Did you mean CardError\?"),
    (lambda _: cast("Any", finsecure.CardError()).json_body, r"no attribute 'json_body'\. Instead: error\.body"),
    (lambda _: cast("Any", finsecure.APIError()).user_action, r"only a CardError has"),
    (lambda _: cast("Any", finsecure.APIError()).http_statsu, r"Did you mean http_status\?"),
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


def test_an_object_is_not_a_dict_and_says_how_to_read_a_field() -> None:
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
def test_a_client_says_our_name_for_another_sdks_attribute(client: finsecure.Client, name: str, why: str) -> None:
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


OBJECT_HABITS = [
    *(("refund", "refunds.create"), ("save", "update"), ("get", "to_dict"), ("nonsense", r"'nonsense'\.$")),
    *(("json", r"to_json\(\)"), ("dict", "to_dict"), ("copy", "never changes"), ("latest_charge", "charges.list")),
]


@pytest.mark.parametrize(("name", "why"), OBJECT_HABITS)
def test_an_object_says_our_name_for_another_sdks_attribute(name: str, why: str) -> None:
    """An object says what another SDK's habit is here; an operation says that objects cannot make calls."""
    with pytest.raises(AttributeError, match=why):
        getattr(INTENT, name)
    with pytest.raises(AttributeError, match=r"Objects can't make API calls: use PaymentIntent\.confirm"):
        cast("Any", INTENT).confirm()
    assert cast("Any", INTENT).new == {"deep": 1}


def test_an_object_cannot_be_changed_like_a_dict() -> None:
    """It says what changes one."""
    for change in (
        lambda: cast("Any", INTENT).__setitem__("amount", 1),
        lambda: cast("Any", INTENT).__delitem__("amount"),
        lambda: setattr(INTENT, "amount", 1),
        lambda: delattr(INTENT, "amount"),
    ):
        with pytest.raises((AttributeError, TypeError), match=r"read-only: .* Change it with update\(id, \.\.\.\)"):
            change()
    with pytest.raises(AttributeError, match=r"Nothing was changed\.$"):
        setattr(finsecure.PaymentError(), "code", "x")  # noqa: B010 - type checkers refuse it otherwise


BY_HAND: list[tuple[Callable[[], Any], str | None, str]] = [
    (cast("Any", finsecure.PaymentIntent), "id", "This is no PaymentIntent: id is missing"),
    (lambda: cast("Any", finsecure.PaymentIntent)(id=5), "id", "id has the wrong type"),
    (lambda: cast("Any", finsecure.Charge)(id="ch_1", amount="5"), "amount", "amount has the wrong type"),
]


@pytest.mark.parametrize(("build", "param", "why"), BY_HAND)
def test_an_object_that_is_built_by_hand_says_what_is_wrong(build: Callable[[], Any], param: str, why: str) -> None:
    """And what builds whole ones, in an error of ours."""
    with pytest.raises(finsecure.InvalidRequestError, match=rf"{why}\. .*finsecure\.testing") as caught:
        build()
    assert (caught.value.param, caught.value.__cause__, caught.value.__context__) == (param, None, None)


def test_an_object_takes_its_fields_by_name() -> None:
    """`PaymentIntent("pi_1")` does not look a payment up."""
    with pytest.raises(TypeError, match=r"PaymentIntent takes its fields by name\. Operations return objects"):
        cast("Any", finsecure.PaymentIntent)("pi_1")
    with pytest.raises(AttributeError, match=r"Instead: model_validate"):
        cast("Any", finsecure.PaymentIntent).parse_obj({})


def test_pages_and_responses_say_our_name_for_another_sdks_attribute() -> None:
    """As an object does."""
    with Sandbox() as sandbox, sandbox.client() as client:
        customer = client.customers.create()
        page: Any = client.customers.list()
    reads: list[tuple[Any, str, str]] = [
        (page, "total", r"len\(page\.data\)"),
        (page, "has_next_page", r"page\.has_more"),
        (page, "next_pag", r"Did you mean next_page\?"),
        (customer.last_response, "data", "to_dict"),
        (customer.last_response, "headrs", r"Did you mean headers\?"),
        (customer, "emial", r"Customer has no 'emial'\. Did you mean email\?$"),
    ]
    for place, name, why in reads:
        with pytest.raises(AttributeError, match=why):
            getattr(place, name)
    assert repr(page) == "Page(1 object, has_more=False)"


def test_an_option_of_a_client_is_not_assigned(client: finsecure.Client) -> None:
    """`with_options` makes another client."""
    for each in (client, finsecure.AsyncClient("sk_test_1")):
        for name in ("timeout", "api_key", "max_retries", "base_url"):
            with pytest.raises(AttributeError, match=rf"does not change: client\.with_options\({name}="):
                setattr(each, name, 1)


def test_each_client_says_how_it_is_entered(client: finsecure.Client) -> None:
    """`with` is not `async with`."""

    async def enter(client: Any) -> None:
        async with client:
            pass

    with (
        pytest.raises(AttributeError, match="Instead: async with client"),
        cast("Any", finsecure.AsyncClient("sk_test_1")),
    ):
        pass
    with pytest.raises(AttributeError, match="an AsyncClient for async with"):
        asyncio.run(enter(client))


def test_what_a_group_and_a_sandbox_show_of_themselves(client: finsecure.Client) -> None:
    """Names, and no address in memory."""
    assert repr(client.refunds) == "<refunds of Client: create, list, retrieve, update>"
    with Sandbox(clock=finsecure.sandbox.Clock(0)) as sandbox:
        assert repr(sandbox) == "<Sandbox in memory>"
        assert repr(sandbox.clock) == "<Clock 1970-01-01 00:00:00+00:00, frozen>"
    assert repr(sandbox) == "<Sandbox in memory, closed>"


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


def test_webhooks_say_our_name_for_another_sdks_function() -> None:
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


def test_a_raw_async_list_says_to_await_it() -> None:
    """By the call that lists what has no method yet."""
    pages: Any = finsecure.AsyncClient("sk_test_1").request_list("/v1/things")
    with pytest.raises(AttributeError, match=r"page = await client\.request_list\('/v1/things'\)\."):
        _ = pages.data


def test_an_async_list_has_no_other_names() -> None:
    """Habits of other SDKs are answered, what is misspelt is not there."""
    pages: Any = finsecure.AsyncClient("sk_test_1").customers.list()
    with pytest.raises(AttributeError, match="async for payment in client"):
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
    for module in (finsecure.error, finsecure.money, finsecure.sandbox, finsecure.testing):
        assert dir(module) == sorted(module.__all__)


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
    with pytest.raises(finsecure.InvalidRequestError, match=r"is an AsyncPage: .*Collect those of an async list first"):
        finsecure.rows(page)
