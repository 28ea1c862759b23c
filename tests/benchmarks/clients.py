"""The clients: one function each. What they share is what is asked of them, so that they can be compared.

A function makes a client of a URL and gives what is measured, a callable that does it once and answers what came of it:
calls create a PaymentIntent and answer its id, amount and status; walks yield the ids of the whole list; parses answer
the objects of a page, from bytes that are there already. Libraries are imported by the function that needs them, as a
cold start does.
"""

from __future__ import annotations

from tests.benchmarks import data

TYPE_CHECKING = False  # as `typing` has it, which a cold start is not to import
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import Any, Literal, TypeAlias

    Call: TypeAlias = Callable[[], Any]
    AsyncCall: TypeAlias = Callable[[], Awaitable[Any]]
    Walk: TypeAlias = Callable[[], Iterator[str] | AsyncIterator[str]]
    Transport: TypeAlias = Literal["httpx", "httpx2", "pyreqwest"]

CREATED = (data.id_of(0), 2000, "requires_payment_method")
PARSED = (data.PAGE, data.id_of(1), data.id_of(data.PAGE))
VERIFIED = ("evt_1234567890abcdef", data.id_of(0))

BODY: dict[str, Any] = {**data.PARAMS, "metadata": data.METADATA}
PATH = "/v1/payment_intents"
BEARER = {"Authorization": f"Bearer {data.KEY}"}


def library(name: str) -> Any:
    """A peer, which the type checkers need not know."""
    return __import__(name, fromlist=["_"])


def _of(intent: Any) -> Any:
    return intent.id, intent.amount, intent.status


def _of_dict(intent: dict[str, Any]) -> Any:
    return intent["id"], intent["amount"], intent["status"]


# Calls


def finsecure(url: str, transport: Transport = "httpx") -> Call:
    """A key, checks, retries, a typed object."""
    import finsecure

    client = finsecure.Client(data.KEY, base_url=url, transport=transport)
    create = client.payment_intents.create
    return lambda: _of(create(amount=2000, currency="usd", description=BODY["description"], metadata=data.METADATA))


def finsecure_unshared(url: str) -> Call:
    """The same with a client for each thread: what is left over 1.0 between the two is what sharing one costs."""
    import threading

    own = threading.local()

    def call() -> Any:
        if not hasattr(own, "call"):
            own.call = finsecure(url)
        return own.call()

    return call


def httpx(url: str, name: Literal["httpx", "httpx2"] = "httpx") -> Call:
    """The bare client; a dict."""
    client = library(name).Client(base_url=url, headers=BEARER)
    return lambda: _of_dict(client.post(PATH, json=BODY).json())


def pyreqwest(url: str) -> Call:
    """The bare client; a dict."""
    client = library("pyreqwest.client").SyncClientBuilder().build()
    return lambda: _of_dict(client.post(url + PATH).headers(BEARER).body_json(BODY).build().send().json())


def requests(url: str) -> Call:
    """The bare session; a dict."""
    session = library("requests").Session()
    session.headers.update(BEARER)
    return lambda: _of_dict(session.post(url + PATH, json=BODY).json())


def stripe(url: str) -> Call:
    """As its documentation shows it, on requests."""
    create = _stripe(url).v1.payment_intents.create
    return lambda: _of(create(BODY))


def _stripe(url: str, **options: Any) -> Any:
    return library("stripe").StripeClient(data.KEY, base_addresses={"api": url}, **options)


def stainless(url: str, name: str) -> Call:
    """Lithic, Increase, OpenAI: SDKs that a generator writes, asked for a model of ours through their own machinery."""
    sdk = library(name)
    client = getattr(sdk, _CLASSES[name])(api_key=data.KEY, base_url=url)
    intent = _stainless_model(sdk)
    return lambda: _of(client.post(PATH, cast_to=intent, body=BODY))


_CLASSES = {"lithic": "Lithic", "increase": "Increase", "openai": "OpenAI"}


def _stainless_model(sdk: Any) -> Any:
    return library("pydantic").create_model("Intent", __base__=sdk.BaseModel, **_fields())


def _fields() -> dict[str, Any]:
    """The fields of a PaymentIntent for models that are not finsecure's."""
    from typing import Any

    texts = (
        "client_secret currency description payment_method receipt_email setup_future_usage "
        "statement_descriptor statement_descriptor_suffix status transfer_group"
    )
    objects = "last_payment_error next_action shipping transfer_data"
    return {
        "id": (str, ...),
        "object": (str, ...),
        **dict.fromkeys(("amount", "amount_received", "created"), (int | None, None)),
        **dict.fromkeys(texts.split(), (str | None, None)),
        **dict.fromkeys(objects.split(), (dict[str, Any] | None, None)),
        "livemode": (bool | None, None),
        "metadata": (dict[str, str] | None, None),
        "payment_method_types": (list[str] | None, None),
    }


# The same, awaited


def finsecure_async(url: str, transport: Transport = "httpx") -> AsyncCall:
    """A key, checks, retries, a typed object."""
    import finsecure

    client = finsecure.AsyncClient(data.KEY, base_url=url, transport=transport)
    create = client.payment_intents.create

    async def call() -> Any:
        return _of(await create(amount=2000, currency="usd", description=BODY["description"], metadata=data.METADATA))

    return call


def httpx_async(url: str, name: Literal["httpx", "httpx2"] = "httpx") -> AsyncCall:
    """The bare client with its default limits; a dict."""
    client = library(name).AsyncClient(base_url=url, headers=BEARER, timeout=60)

    async def call() -> Any:
        return _of_dict((await client.post(PATH, json=BODY)).json())

    return call


def pyreqwest_async(url: str) -> AsyncCall:
    """The bare client; a dict."""
    client = library("pyreqwest.client").ClientBuilder().build()

    async def call() -> Any:
        response = await client.post(url + PATH).headers(BEARER).body_json(BODY).build().send()
        return _of_dict(await response.json())

    return call


def stripe_async(url: str) -> AsyncCall:
    """As its documentation shows it, on httpx."""
    client = _stripe(url, http_client=library("stripe").HTTPXClient(timeout=60))
    create = client.v1.payment_intents.create_async

    async def call() -> Any:
        return _of(await create(BODY))

    return call


def stainless_async(url: str, name: str) -> AsyncCall:
    """Lithic, OpenAI."""
    sdk = library(name)
    client = getattr(sdk, f"Async{_CLASSES[name]}")(api_key=data.KEY, base_url=url)
    intent = _stainless_model(sdk)

    async def call() -> Any:
        return _of(await client.post(PATH, cast_to=intent, body=BODY))

    return call


# Walks over the whole list


def finsecure_walk(url: str, transport: Transport = "httpx", prefetch: bool = False) -> Walk:
    """`for intent in client.payment_intents.list(limit=100)`."""
    import finsecure

    client = finsecure.Client(data.KEY, base_url=url, transport=transport)

    def walk() -> Iterator[str]:
        first = client.payment_intents.list(limit=data.PAGE)
        for intent in first.prefetch() if prefetch else first:
            yield intent.id

    return walk


def finsecure_async_walk(url: str, prefetch: bool = False) -> Walk:
    """`async for intent in client.payment_intents.list(limit=100)`."""
    import finsecure

    client = finsecure.AsyncClient(data.KEY, base_url=url)

    async def walk() -> AsyncIterator[str]:
        pages = client.payment_intents.list(limit=data.PAGE)
        async for intent in pages.prefetch() if prefetch else pages:
            yield intent.id

    return walk


def httpx_walk(url: str) -> Walk:
    """The loop that people write: dicts, and the cursor by hand."""
    client = library("httpx").Client(base_url=url, headers=BEARER)

    def walk() -> Iterator[str]:
        params: dict[str, Any] = {"limit": data.PAGE}
        while True:
            page = client.get(PATH, params=params).json()
            for intent in page["data"]:
                yield intent["id"]
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]

    return walk


def stripe_walk(url: str) -> Walk:
    """`auto_paging_iter`."""
    client = _stripe(url)

    def walk() -> Iterator[str]:
        for intent in client.v1.payment_intents.list({"limit": data.PAGE}).auto_paging_iter():
            yield intent.id

    return walk


def lithic_walk(url: str) -> Walk:
    """Lithic's own pages, of a model that has the `token` which they go on from."""
    sdk, pagination = library("lithic"), library("lithic.pagination")
    client = sdk.Lithic(api_key=data.KEY, base_url=url)
    tokened = type("Tokened", (sdk.BaseModel,), {"token": property(lambda self: self.id)})
    model: Any = library("pydantic").create_model("Intent", __base__=tokened, **_fields())

    def walk() -> Iterator[str]:
        options: dict[str, Any] = {"params": {"limit": data.PAGE}}
        kind = pagination.SyncCursorPage[model]
        for one in client.get_api_list(PATH, page=kind, model=model, options=options):
            yield one.id

    return walk


# A page of a hundred, from bytes that are there


def _list_of(model: Any) -> Any:
    return list[model]


def finsecure_parse(_: str) -> Call:
    """What `Client.send` does with an answer."""
    from finsecure import _wire
    from finsecure._call import LIST
    from finsecure._config import Config
    from finsecure._exchange import Exchange
    from finsecure._http import Response
    from finsecure._retry import RetryBudget
    from finsecure.resources.payment_intents import PaymentIntent

    config = Config.checked(data.KEY)
    call = LIST(PATH, PaymentIntent, limit=data.PAGE)
    exchange = Exchange(call, _wire.encode(call, config), config, RetryBudget())
    answer = Response(200, {b"request-id": b"req_1"}, data.page(1))
    return lambda: _wire.decode(exchange, answer).data


def json_parse(_: str) -> Call:
    """`json.loads`: dicts."""
    import json

    body = data.page(1)
    return lambda: json.loads(body)["data"]


def pydantic_parse(_: str) -> Call:
    """`validate_json` of a bare model."""
    pydantic = library("pydantic")
    intent = pydantic.create_model("Intent", __config__={"extra": "allow"}, **_fields())
    page = pydantic.create_model("Page", data=(_list_of(intent), ...), has_more=(bool, ...), url=(str, ...))
    body = data.page(1)
    return lambda: page.model_validate_json(body).data


def stripe_parse(_: str) -> Call:
    """What stripe does with an answer."""
    response, convert = library("stripe").StripeResponse, library("stripe._util").convert_to_stripe_object
    body = data.page(1).decode()
    return lambda: convert(response(body, 200, {}), data.KEY, api_mode="V1").data


def lithic_parse(_: str) -> Call:
    """What Stainless-made SDKs do with an answer."""
    import json

    sdk, pydantic, models = library("lithic"), library("pydantic"), library("lithic._models")
    intent = _stainless_model(sdk)
    page = pydantic.create_model("Page", __base__=sdk.BaseModel, data=(_list_of(intent), ...), has_more=(bool, ...))
    body = data.page(1)
    return lambda: models.construct_type(type_=page, value=json.loads(body)).data


# A webhook of 2 KB

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def finsecure_webhook(_: str) -> Call:
    """Verified, and a typed event."""
    from finsecure import webhooks

    body = data.event()
    signature = webhooks.sign(body, SECRET)

    def call() -> Any:
        event: Any = webhooks.construct_event(body, signature, SECRET)
        return event.id, event.data.object.id

    return call


def bare_hmac(_: str) -> Call:
    """The HMAC alone, compared; nothing is parsed."""
    import hmac

    body, secret = data.event(), SECRET.encode()
    signature = hmac.digest(secret, body, "sha256").hex()

    def call() -> Any:
        matches = hmac.compare_digest(hmac.digest(secret, body, "sha256").hex(), signature)
        return VERIFIED if matches else None

    return call


def standardwebhooks(_: str) -> Call:
    """Verified, and a dict."""
    from datetime import datetime, timezone

    webhook = library("standardwebhooks").Webhook(SECRET)
    body, now = data.event().decode(), datetime.now(timezone.utc)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook.sign("msg_1", now, body),
    }

    def call() -> Any:
        event = webhook.verify(body, headers)
        return event["id"], event["data"]["object"]["id"]

    return call


def stripe_webhook(_: str) -> Call:
    """Verified, and an Event."""
    import hmac
    import time

    construct = library("stripe").Webhook.construct_event
    body, now = data.event(), int(time.time())
    signed = hmac.digest(SECRET.encode(), b"%d." % now + body, "sha256").hex()
    header = f"t={now},v1={signed}"

    def call() -> Any:
        event = construct(body, header, SECRET)
        return event.id, event.data.object.id

    return call
