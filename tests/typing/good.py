"""Real uses, as users write them: mypy --strict and pyright strict accept every line."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import anyio
import finsecure
import httpx
import redis
import sqlalchemy
import sqlalchemy.orm
from finsecure import (
    NOT_GIVEN,
    AsyncClient,
    AsyncPage,
    AsyncPages,
    Charge,
    Client,
    Customer,
    Invoice,
    NotGiven,
    Page,
    PaymentIntent,
    PaymentMethod,
    Refund,
    Subscription,
    WebhookEndpoint,
    testing,
    webhooks,
)
from typing_extensions import assert_never, assert_type

# Configuration --------------------------------------------------------------------------------------------------------

finsecure.api_key = "sk_test_1"
finsecure.configure(api_key="sk_test_1", timeout=10, max_retries=3, deadline=None)
finsecure.configure(http_client=httpx.Client(), app_info="my-shop/1.2")
client = Client("sk_test_1", base_url="http://127.0.0.1:4010", timeout=30, max_retries=2, deadline=60.0)
aclient = AsyncClient("sk_test_1", http_client=httpx.AsyncClient(), api_version=finsecure.API_VERSION)
assert_type(Client(), Client)
assert_type(client.with_options(timeout=60, max_retries=5), Client)
assert_type(aclient.with_options(deadline=None), AsyncClient)
with Client() as opened:
    assert_type(opened, Client)
version: str = finsecure.__version__

# Every operation, through the client ----------------------------------------------------------------------------------

now = datetime.now(timezone.utc)
day = finsecure.CreatedFilter(gte=now - timedelta(days=1), lt=1640995200)

intent = client.payment_intents.create(
    amount=2000,
    currency="usd",
    payment_method_types=["card", "ach"],
    customer="cus_1",
    description="Premium",
    metadata={"order_id": "order_12345"},
    receipt_email="customer@example.com",
    setup_future_usage="off_session",
    idempotency_key="order_12345",
)
assert_type(intent, PaymentIntent)
assert_type(client.payment_intents.retrieve("pi_1"), PaymentIntent)
assert_type(client.payment_intents.retrieve(id="pi_1"), PaymentIntent)
assert_type(client.payment_intents.update("pi_1", description=None, metadata={"a": "b"}), PaymentIntent)
assert_type(
    client.payment_intents.confirm("pi_1", payment_method="pm_1", return_url="https://example.com"), PaymentIntent
)
assert_type(
    client.payment_intents.confirm(
        "pi_1",
        payment_method={"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}},
    ),
    PaymentIntent,
)
assert_type(client.payment_intents.cancel("pi_1", idempotency_key="cancel_1"), PaymentIntent)
assert_type(client.payment_intents.list(limit=100, created=day), Page[PaymentIntent])

method = client.payment_methods.create(
    type="card",
    card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"},
    billing_details={"name": "John Smith", "address": {"line1": "123 Main St", "country": "US"}},
    metadata={},
    idempotency_key="card_1",
)
assert_type(method, PaymentMethod)
assert_type(
    client.payment_methods.create(
        type="us_bank_account",
        us_bank_account={
            "routing_number": "110000000",
            "account_number": "000123456789",
            "account_holder_type": "individual",
            "account_type": "checking",
        },
    ),
    PaymentMethod,
)
assert_type(client.payment_methods.retrieve("pm_1"), PaymentMethod)
assert_type(client.payment_methods.update("pm_1", billing_details={"email": None}, metadata=None), PaymentMethod)
assert_type(client.payment_methods.attach("pm_1", customer="cus_1"), PaymentMethod)
assert_type(client.payment_methods.detach("pm_1"), PaymentMethod)
assert_type(client.payment_methods.list(customer="cus_1", type="card"), Page[PaymentMethod])

customer = client.customers.create(
    email="customer@example.com",
    name="John Smith",
    phone="+1-555-123-4567",
    description="Premium subscription customer",
    metadata={"signup_source": "website"},
    payment_method="pm_1",
    invoice_settings={"default_payment_method": "pm_1", "custom_fields": None},
    idempotency_key="customer_1",
)
assert_type(customer, Customer)
assert_type(client.customers.create(), Customer)
assert_type(client.customers.retrieve(customer.id), Customer)
assert_type(client.customers.update("cus_1", email=None, name="Jane"), Customer)
assert_type(client.customers.delete("cus_1").deleted, bool | None)
assert_type(client.customers.list(email="customer@example.com", starting_after="cus_1"), Page[Customer])

assert_type(client.refunds.create(payment_intent="pi_1"), Refund)
assert_type(client.refunds.create(payment_intent="pi_1", amount=500, reason="requested_by_customer"), Refund)
assert_type(client.refunds.retrieve("re_1"), Refund)
assert_type(client.refunds.update("re_1", metadata={"a": "b"}), Refund)
assert_type(client.refunds.list(payment_intent="pi_1"), Page[Refund])

assert_type(client.charges.retrieve("ch_1"), Charge)
assert_type(client.charges.list(payment_intent="pi_1", customer="cus_1"), Page[Charge])

assert_type(client.events.retrieve("evt_1"), webhooks.Event)
assert_type(client.events.list(type="payment_intent.succeeded"), Page[webhooks.Event])

endpoint = client.webhook_endpoints.create(url="https://example.com/hook", enabled_events=["*", "payout.paid"])
assert_type(endpoint, WebhookEndpoint)
assert_type(endpoint.secret, str | None)
assert_type(client.webhook_endpoints.retrieve("we_1"), WebhookEndpoint)
assert_type(client.webhook_endpoints.update("we_1", enabled_events=("customer.created",)), WebhookEndpoint)
assert_type(client.webhook_endpoints.delete("we_1"), WebhookEndpoint)
assert_type(client.webhook_endpoints.list(ending_before="we_1"), Page[WebhookEndpoint])


def describe(customer: str, description: str | NotGiven | None = NOT_GIVEN) -> Customer:
    """Pass on what may be left out, changed or cleared."""
    return client.customers.update(customer, description=description)


# Module level: the models carry the operations, and so do the resource classes -----------------------------------------

assert_type(PaymentIntent.create(amount=2000, currency="usd"), PaymentIntent)
assert_type(PaymentIntent.confirm("pi_1", payment_method="pm_1"), PaymentIntent)
assert_type(PaymentIntent.update("pi_1", amount=1), PaymentIntent)
assert_type(PaymentIntent.cancel("pi_1"), PaymentIntent)
assert_type(PaymentIntent.list(), Page[PaymentIntent])
assert_type(PaymentMethod.create(type="card"), PaymentMethod)
assert_type(PaymentMethod.attach("pm_1", customer="cus_1"), PaymentMethod)
assert_type(Customer.create(email="customer@example.com"), Customer)
assert_type(Customer.delete("cus_1"), Customer)
assert_type(Customer.list(), Page[Customer])
assert_type(Refund.create(payment_intent="pi_1"), Refund)
assert_type(Charge.list(), Page[Charge])
assert_type(finsecure.Event.retrieve("evt_1"), webhooks.Event)
assert_type(finsecure.Event.list(), Page[webhooks.Event])
assert_type(WebhookEndpoint.create(url="https://example.com", enabled_events=["*"]), WebhookEndpoint)
assert_type(finsecure.PaymentIntents.create(amount=2000, currency="usd"), PaymentIntent)
assert_type(finsecure.Customers.list(), Page[Customer])

look_up: Callable[[str], PaymentIntent] = client.payment_intents.retrieve
look_up_default: Callable[[str], PaymentIntent] = PaymentIntent.retrieve

# Pages ----------------------------------------------------------------------------------------------------------------

for payment in client.payment_intents.list(limit=100):
    assert_type(payment, PaymentIntent)
for each in Customer.list():
    assert_type(each, Customer)
page = client.payment_intents.list(limit=3)
assert_type(page.data, list[PaymentIntent])
assert_type(page.has_more, bool)
assert_type(page.next_page(), Page[PaymentIntent] | None)
assert_type([p.data[0].id for p in page.pages()], list[str])
assert_type(page.last_response, finsecure.LastResponse)
assert_type(sum(each.amount or 0 for each in page), int)


def all_customers(client: Client) -> Iterator[Customer]:
    yield from client.customers.list()


# Async ----------------------------------------------------------------------------------------------------------------


async def use(aclient: AsyncClient) -> None:
    assert_type(await aclient.payment_intents.create(amount=2000, currency="usd"), PaymentIntent)
    assert_type(await aclient.payment_intents.confirm("pi_1", payment_method="pm_1"), PaymentIntent)
    assert_type(await aclient.payment_methods.attach("pm_1", customer="cus_1"), PaymentMethod)
    assert_type(await aclient.customers.delete("cus_1"), Customer)
    assert_type(await aclient.refunds.create(payment_intent="pi_1"), Refund)
    assert_type(await aclient.charges.retrieve("ch_1"), Charge)
    assert_type(await aclient.events.retrieve("evt_1"), webhooks.Event)
    assert_type(await aclient.webhook_endpoints.retrieve("we_1"), WebhookEndpoint)

    pages: AsyncPages[Customer] = aclient.customers.list()
    assert_type(await pages, AsyncPage[Customer])
    async for customer in aclient.customers.list(limit=3):
        assert_type(customer, Customer)
    async for page in aclient.customers.list().pages():
        assert_type(page, AsyncPage[Customer])
    first = await aclient.customers.list()
    assert_type(first, AsyncPage[Customer])
    assert_type(first.data, list[Customer])
    assert_type(await first.next_page(), AsyncPage[Customer] | None)
    async for customer in first:
        assert_type(customer, Customer)
    assert_type([each.email async for each in aclient.customers.list()], list[str | None])

    intent, customer = await asyncio.gather(
        aclient.payment_intents.retrieve("pi_1"), aclient.customers.create(name="Jane")
    )
    assert_type(intent, PaymentIntent)
    assert_type(customer, Customer)
    assert_type(await asyncio.gather(*map(aclient.charges.retrieve, ["ch_1", "ch_2"])), list[Charge])
    task = asyncio.create_task(aclient.payment_intents.retrieve("pi_1"))
    assert_type(await task, PaymentIntent)
    assert_type(await asyncio.wait_for(aclient.payment_intents.retrieve("pi_1"), 3), PaymentIntent)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(aclient.payment_intents.retrieve, "pi_1")
    if sys.version_info >= (3, 11):
        async with asyncio.TaskGroup() as group:
            started = group.create_task(aclient.payment_intents.retrieve("pi_1"))
        assert_type(started.result(), PaymentIntent)

    async with AsyncClient() as opened:
        assert_type(opened, AsyncClient)
    await aclient.aclose()


async def every_customer(aclient: AsyncClient) -> AsyncIterator[Customer]:
    async for customer in aclient.customers.list():
        yield customer


assert_type(asyncio.run(aclient.payment_intents.retrieve("pi_1")), PaymentIntent)
look_up_async: Callable[[str], Coroutine[Any, Any, PaymentIntent]] = aclient.payment_intents.retrieve

# Models ---------------------------------------------------------------------------------------------------------------

assert_type(intent.id, str)
assert_type(intent.amount, int)
assert_type(intent.created, datetime)
assert_type(intent.metadata, dict[str, str] | None)
assert_type(intent.to_dict(), dict[str, Any])
assert_type(intent.to_json(), str)
assert_type(intent.last_response.status_code, int)
assert_type(intent.last_response.request_id, str | None)
assert_type(intent.last_response.attempts, int)
assert_type(intent.last_response.elapsed, float)
assert_type(intent.last_response.idempotent_replayed, bool)
if intent.status == "succeeded":
    print("paid")
elif intent.status == "a_status_not_yet_known":
    print("see the API reference")
if intent.next_action is not None and intent.next_action.redirect_to_url is not None:
    assert_type(intent.next_action.redirect_to_url.url, str | None)
if intent.charges is not None:
    assert_type(intent.charges.data, list[Charge] | None)
if method.card is not None:
    assert_type(method.card.last4, str | None)
kept: set[Customer] = {customer}

# Errors ---------------------------------------------------------------------------------------------------------------

try:
    PaymentIntent.confirm("pi_1", payment_method="pm_1")
except finsecure.CardError as error:
    assert_type(error.user_action, str)
    assert_type(error.resolution, str)
    assert_type(error.decline_code, finsecure.DeclineCode | None)
    assert_type(error.code, finsecure.ErrorCode | None)
    told: str | None = error.type
    assert_type(error.payment_intent, PaymentIntent | None)
except finsecure.RateLimitError as error:
    assert_type(error.retry_after, float | None)
except (finsecure.APITimeoutError, finsecure.APIConnectionError) as error:
    if error.maybe_executed and error.idempotency_key is not None:
        PaymentIntent.confirm("pi_1", payment_method="pm_1", idempotency_key=error.idempotency_key)
except finsecure.error.InvalidRequestError as error:
    assert_type(error.param, str | None)
except finsecure.FinSecureError as error:
    logging.getLogger("shop").error("%s (request %s, HTTP %s)", error.message, error.request_id, error.http_status)

# Webhooks -------------------------------------------------------------------------------------------------------------

header = webhooks.sign(b"{}", "whsec_1")
assert_type(header, str)
assert_type(webhooks.verify_signature(b"{}", header, "whsec_1"), bool)
assert_type(webhooks.verify_signature(bytearray(b"{}"), header.encode(), ["whsec_1", b"whsec_2"]), bool)
assert_type(webhooks.verify_signature(memoryview(b"{}"), None, ("whsec_1", "whsec_2")), bool)


def receive(body: bytes, headers: dict[str, str]) -> int:
    try:
        event = webhooks.construct_event(body, headers.get("FinSecure-Signature"), "whsec_1", tolerance=300)
    except finsecure.SignatureVerificationError:
        return 400
    assert_type(event, webhooks.Event)
    by_comparing(event)
    return 200


def by_comparing(event: webhooks.Event) -> None:
    assert_type(event.id, str)
    assert_type(event.created, datetime)
    if event.type == "payment_intent.succeeded":
        assert_type(event, webhooks.PaymentIntentSucceeded)
        assert_type(event.data.object, PaymentIntent)
    elif event.type == "customer.deleted":
        assert_type(event.data.object, Customer)
    elif event.type == "invoice.payment_failed" or event.type == "invoice.payment_succeeded":
        assert_type(event.data.object, Invoice)
    elif event.type == "customer.subscription.created":
        assert_type(event.data.object, Subscription)
    elif isinstance(event, finsecure.UnknownEvent):
        if str(event.type) == "payout.paid":
            print(event.data.object)
    elif event.type.startswith("customer."):
        print(event.id)


def by_matching_types(event: webhooks.Event) -> None:
    match event.type:
        case "payment_intent.succeeded" | "payment_intent.canceled":
            assert_type(event.data.object, PaymentIntent)
        case "payment_intent.payment_failed":
            assert_type(event.data.object.last_payment_error is None, bool)
        case "customer.created" | "customer.updated":
            assert_type(event.data.object, Customer)
        case "invoice.payment_failed":
            assert_type(event.data.object, Invoice)
        case "customer.subscription.updated":
            assert_type(event.data.object, Subscription)
        case other:
            print(other)


def by_matching_classes(event: webhooks.Event) -> None:
    match event:
        case webhooks.PaymentIntentSucceeded(data=data):
            assert_type(data.object, PaymentIntent)
        case webhooks.CustomerCreated() | webhooks.CustomerUpdated() | webhooks.CustomerDeleted():
            assert_type(event.data.object, Customer)
        case webhooks.InvoicePaymentSucceeded() | webhooks.InvoicePaymentFailed():
            assert_type(event.data.object, Invoice)
        case webhooks.CustomerSubscriptionCreated() | webhooks.CustomerSubscriptionUpdated():
            assert_type(event.data.object, Subscription)
        case webhooks.UnknownEvent():
            match event.data.object:
                case Refund(amount=amount):
                    assert_type(amount, int)
                case {"id": str(id)}:
                    print(id)
                case _:
                    pass
        case (
            webhooks.PaymentIntentPaymentFailed()
            | webhooks.PaymentIntentRequiresAction()
            | webhooks.PaymentIntentCanceled()
        ):
            assert_type(event.data.object, PaymentIntent)
        case _:
            assert_never(event)  # nothing is left


def log(event: finsecure.Event) -> None:
    """What all events have in common."""
    assert_type(event.type, str)
    print(event.type == "a_type_not_yet_known", event.data.object)


def receive_and_log(event: webhooks.Event) -> None:
    log(event)


Handler = Callable[[webhooks.PaymentIntentSucceeded], None]


def fulfil(event: webhooks.PaymentIntentSucceeded) -> None:
    print(event.data.object.amount)


handler: Handler = fulfil

# Money ----------------------------------------------------------------------------------------------------------------

assert_type(finsecure.to_minor_units(Decimal("19.99"), "usd"), int)
assert_type(finsecure.to_minor_units("19.99", "usd"), int)
assert_type(finsecure.to_minor_units(20, "usd"), int)
assert_type(finsecure.from_minor_units(1999, "usd"), Decimal)
assert_type(finsecure.money.to_minor_units("5", "jpy"), int)

# The sandbox ----------------------------------------------------------------------------------------------------------

with finsecure.sandbox.Sandbox(clock=finsecure.sandbox.Clock(1640995200)) as sandbox:
    assert_type(sandbox.client(), Client)
    assert_type(sandbox.client(max_retries=0).payment_intents.create(amount=1, currency="usd"), PaymentIntent)
    assert_type(sandbox.async_client(), AsyncClient)
    with sandbox.serve() as server:
        assert_type(Client(sandbox.secret_key, base_url=server.base_url), Client)
    httpx.Client(transport=sandbox.transport)


class StoppedClock:
    """A clock of one's own is anything that has these methods."""

    def time(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...

    async def sleep_async(self, seconds: float) -> None: ...


clock: finsecure.Clock = StoppedClock()
assert_type(Client(clock=clock), Client)


# A webhook handler ----------------------------------------------------------------------------------------------------

hooks = webhooks.Handler("whsec_1", inbox=webhooks.MemoryInbox(), tolerance=300)
webhooks.Handler(["whsec_1", b"whsec_2"])
webhooks.Handler(inbox=webhooks.SQLAlchemyInbox(sqlalchemy.create_engine("sqlite://")))
webhooks.Handler(inbox=webhooks.RedisInbox(redis.Redis(), lease=30))
webhooks.Handler(inbox=webhooks.DjangoInbox(using="default"))
assert_type(webhooks.inbox_table(sqlalchemy.MetaData()), sqlalchemy.Table)


@hooks.on("payment_intent.succeeded")
def hook_one(event: webhooks.PaymentIntentSucceeded) -> None:
    assert_type(event.data.object, PaymentIntent)


@hooks.on("payment_intent.payment_failed")
def hook_with_session(event: webhooks.PaymentIntentPaymentFailed, session: sqlalchemy.orm.Session) -> None:
    session.commit()


@hooks.on("customer.created")
@hooks.on("customer.updated")
async def hook_stacked(event: webhooks.CustomerCreated | webhooks.CustomerUpdated) -> None:
    assert_type(event.data.object, Customer)


@hooks.on("invoice.payment_failed")
def hook_for_all(event: webhooks.Event) -> int:
    return 1


@hooks.other
def hook_other(event: webhooks.Event) -> None: ...


@hooks.unreadable
def hook_unreadable(body: bytes, error: finsecure.WebhookPayloadError) -> None: ...


@hooks.defer
def hook_defer(message: str) -> None: ...


async def hook_answers() -> None:
    assert_type(hooks.handle(b"", None), webhooks.Outcome)
    assert_type(hooks.handle("", "sha256=").status, int)
    assert_type(await hooks.handle_async(b"", b"sha256="), webhooks.Outcome)
    assert_type(hooks.process("{}"), webhooks.Outcome)
    assert_type(hooks.catch_up(client, since=1640995200), webhooks.CaughtUp)
    assert_type(await hooks.catch_up_async(aclient, since=datetime.now(timezone.utc)), webhooks.CaughtUp)
    assert_type(await hook_stacked(cast("webhooks.CustomerCreated", None)), None)


# Objects and events for unit tests
def made_for_tests() -> None:
    assert_type(testing.payment_intent(status="succeeded", amount=500, metadata={"order_id": "1"}), PaymentIntent)
    assert_type(testing.payment_method(card={"brand": "visa"}), PaymentMethod)
    assert_type(testing.customer(created=datetime.now(timezone.utc)), Customer)
    assert_type(testing.refund(), Refund)
    assert_type(testing.charge(refunded=True), Charge)
    assert_type(testing.webhook_endpoint(enabled_events=["*"]), WebhookEndpoint)
    assert_type(testing.invoice(status="paid"), Invoice)
    assert_type(testing.subscription(), Subscription)
    assert_type(testing.event("payment_intent.succeeded", amount=500), webhooks.PaymentIntentSucceeded)
    assert_type(testing.event("customer.updated", id="evt_1", name="Jenny").data.object, Customer)
    body, headers = testing.signed(testing.event("invoice.payment_failed"), ["whsec_old", "whsec_new"])
    assert_type(webhooks.construct_event(body, headers["FinSecure-Signature"], "whsec_new"), webhooks.Event)
