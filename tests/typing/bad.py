"""Misuses: both type checkers refuse each line marked `# bad`, and no other."""

import finsecure
from finsecure import AsyncClient, Client, Customer, PaymentIntent, testing, webhooks

client = Client("sk_test_1")
aclient = AsyncClient("sk_test_1")

# Parameters
client.payment_intents.create(amount=1)  # bad: no currency
client.payment_intents.create(amount="1", currency="usd")  # bad: a str
client.payment_intents.create(amount=19.99, currency="usd")  # bad: a float
client.payment_intents.create(amount=None, currency="usd")  # bad: None
client.payment_intents.create(amount=1, currency="usd", colour="red")  # bad: no such parameter
client.payment_intents.create(amount=1, currency="usd", setup_future_usage="never")  # bad: no such literal
client.payment_intents.create(amount=1, currency="usd", metadata={"order": 5})  # bad: metadata holds strings
client.payment_intents.create(amount=1, currency="usd", payment_method_types=[1])  # bad: not strings
client.payment_intents.create(1, "usd")  # bad: by name only
PaymentIntent.create(1, "usd")  # bad: by name only
PaymentIntent.create(amount=1)  # bad: no currency
PaymentIntent.confirm(payment_method="pm_1")  # bad: no id
client.payment_intents.confirm("pi_1")  # bad: no payment method
client.payment_intents.confirm("pi_1", payment_method={"card": {"number": "4"}})  # bad: no type, no date
client.payment_intents.retrieve(5)  # bad: an id is a str
client.payment_intents.retrieve()  # bad: no id
client.payment_intents.list(limit="10")  # bad: a str
client.payment_intents.list(created={"since": 5})  # bad: no such bound
client.payment_intents.list(created={"gte": "yesterday"})  # bad: neither datetime nor int
client.payment_methods.create(type="cash")  # bad: no such type
client.payment_methods.create(type="card", card={"number": "4242424242424242"})  # bad: no expiry date
client.payment_methods.create(type="card", card={"number": "4", "exp_month": "12", "exp_year": 2030})  # bad: a str
client.payment_methods.attach("pm_1")  # bad: to whom
client.refunds.create()  # bad: of what
client.refunds.create(payment_intent=client.payment_intents.retrieve("pi_1"))  # bad: an object for its id
client.charges.create(amount=1)  # bad: no such operation
client.events.delete("evt_1")  # bad: no such operation
client.webhook_endpoints.create(url="https://example.com")  # bad: no events
client.webhook_endpoints.create(url="https://example.com", enabled_events=[1])  # bad: not strings
client.subscriptions.list()  # bad: no such resource

# None clears only what can be empty
client.payment_intents.update("pi_1", amount=None)  # bad
client.payment_intents.update("pi_1", currency=None)  # bad
client.payment_intents.update("pi_1", payment_method_types=None)  # bad
client.webhook_endpoints.update("we_1", url=None)  # bad
client.webhook_endpoints.update("we_1", enabled_events=None)  # bad
client.customers.update("cus_1", email=5)  # bad

# Configuration
Client(5)  # bad: a key is a str
Client("sk_test_1", "https://example.com")  # bad: by name only
Client("sk_test_1", retries=2)  # bad: no such option
Client("sk_test_1", timeout="30")  # bad: a str
Client("sk_test_1", max_retries=0.5)  # bad: a float
client.with_options(retries=2)  # bad: no such option
client.with_options(timeout="30")  # bad: a str
client.with_options(api_key=None)  # bad: whose key would that be?
client.with_options(http_client=None)  # bad: the connections stay the same
finsecure.configure(key="sk_test_1")  # bad: no such option
finsecure.PaymentIntend  # bad: no such name
finsecure.to_minor_units(19.99, "usd")  # bad: a float
finsecure.from_minor_units("1999", "usd")  # bad: a str

# Sync and async
aclient.payment_intents.create(amount=1, currency="usd").status  # bad: not awaited
for customer in aclient.customers.list():  # bad: async for
    pass
with AsyncClient("sk_test_1") as opened:  # bad: async with
    pass


async def use_async() -> None:
    await client.payment_intents.retrieve("pi_1")  # bad: nothing to await
    aclient.payment_intents.retrieve("pi_1")  # bad: never awaited
    async for customer in client.customers.list():  # bad: for
        pass
    async with client as opened:  # bad: with
        pass


# Objects: what the API answered, not a handle on it
intent = PaymentIntent.retrieve("pi_1")
intent.create(amount=1, currency="usd")  # bad: a verb on an object
intent.confirm("pi_2", payment_method="pm_1")  # bad: a verb on an object
intent.colour  # bad: no such field
intent.amount_received + 1  # bad: it may be None
intent["amount"]  # bad: no dict
intent.amount = 1  # bad: read-only
number: int = intent.id  # bad: a str
Customer.confirm("cus_1")  # bad: customers are not confirmed
customer_of: Customer = PaymentIntent.retrieve("pi_1")  # bad: another object
message: int = finsecure.error.FinSecureError("no").message  # bad: a message is a str

# Webhooks
webhooks.construct_event({"type": "customer.created"}, "sha256=", "whsec_1")  # bad: a parsed body
webhooks.sign(b"{}")  # bad: no secret
webhooks.construct_event(b"{}", ["sha256="], "whsec_1")  # bad: a list
webhooks.verify_signature(b"{}", "sha256=", 5)  # bad: no secret
webhooks.construct_event(b"{}", "sha256=", "whsec_1", tolerance="300")  # bad: a str


def handle(event: webhooks.Event) -> None:
    misspelt = event.type == "payment_intent.succeded"  # bad: never true
    print(misspelt)
    if event.type == "customer.created":
        event.data.object.amount  # bad: a Customer has none
    event.data.object.amount  # bad: of which kind is it


# A webhook handler
hooks = webhooks.Handler("whsec_1")
webhooks.Handler("whsec_1", inbox="redis://")  # bad: no inbox
hooks.on("payment_intent.succeded")  # bad: misspelt
hooks.on(["customer.created"])  # bad: one type to an `on`
hooks.handle({"parsed": 1}, None)  # bad: a parsed body
hooks.process(b"{}")  # bad: bytes
hooks.catch_up(aclient, since=0)  # bad: an async client
hooks.catch_up(client, since="yesterday")  # bad: a str
hooks.handle(b"", None).event  # bad: no such attribute


def takes_canceled(event: webhooks.PaymentIntentCanceled) -> None: ...
def takes_canceled_and_session(event: webhooks.PaymentIntentCanceled, session: object) -> None: ...
async def takes_created(event: webhooks.CustomerCreated) -> None: ...
def takes_three(event: webhooks.CustomerCreated, session: object, more: int) -> None: ...
def takes_nothing() -> None: ...


hooks.on("payment_intent.succeeded")(takes_canceled)  # bad: another event
hooks.on("payment_intent.succeeded")(takes_canceled_and_session)  # bad: another event
hooks.on("customer.updated")(takes_created)  # bad: another event
hooks.on("customer.created")(takes_three)  # bad: three parameters
hooks.on("customer.created")(takes_nothing)  # bad: no parameter
hooks.other(takes_canceled)  # bad: other events too
hooks.defer(takes_canceled)  # bad: a string
hooks.unreadable(takes_canceled)  # bad: bytes

# Objects and events for unit tests
testing.payment_intent(amonut=500)  # bad: no such field
testing.payment_intent(amount="500")  # bad: a str
testing.payment_intent(500)  # bad: by name only
testing.customer(created="yesterday")  # bad: neither datetime nor int
testing.event("payment_intent.succeeded", amonut=500)  # bad: no such field
testing.event("customer.created", amount=500)  # bad: a customer has no amount
testing.event(amount=500)  # bad: of what type
testing.signed("payment_intent.succeeded")  # bad: no event
