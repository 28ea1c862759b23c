"""For people and their tools: habits of other SDKs and what they are called here, and what completion shows.

Loaded when one of these is asked for, and never by a call that works.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WITH_OPTIONS = "it is an option of the client: client.with_options({}=...).payment_intents.create(...)"
_CONFIRM = "it is a parameter of payment_intents.confirm"
_RAW = "client.request(method, path, params) sends parameters that have no name here"
PARAMETERS = {
    "api_key": _WITH_OPTIONS.format("api_key"),
    "api_version": _WITH_OPTIONS.format("api_version"),
    "automatic_payment_methods": "pass payment_method_types=, for example ['card']",
    "capture_method": "payments are captured when they are confirmed",
    "charge": "pass payment_intent=, the id of the payment",
    "confirm": "create does not confirm: call payment_intents.confirm(intent.id, payment_method=...) after it",
    "confirmation_method": "payments are confirmed by payment_intents.confirm",
    "deadline": _WITH_OPTIONS.format("deadline"),
    "default_headers": _WITH_OPTIONS.format("default_headers"),
    "expand": "objects are not expanded: retrieve the other one by its id",
    "extra_body": _RAW,
    "extra_headers": "pass default_headers= to the client or to with_options",
    "extra_query": _RAW,
    "headers": "pass default_headers= to the client or to with_options",
    "customer": "charges.list and payment_methods.list can be filtered by customer",
    "idempotency_id": "it is called idempotency_key",
    "max_network_retries": _WITH_OPTIONS.format("max_retries"),
    "max_retries": _WITH_OPTIONS.format("max_retries"),
    "off_session": "setup_future_usage='off_session' in create saves the payment method for later payments",
    "offset": "pass starting_after=, or iterate the list for the objects of all pages",
    "options": "options belong to the client: client.with_options(timeout=...), and idempotency_key= to the call",
    "page": "pass starting_after=, or iterate the list for the objects of all pages",
    "page_size": "pass limit=, the size of one page",
    "params": "parameters are passed by name: create(**params)",
    "payment_method": _CONFIRM,
    "payment_method_data": "pass the dict as payment_method= to payment_intents.confirm",
    "request_options": "options belong to the client: client.with_options(timeout=...)",
    "request_timeout": _WITH_OPTIONS.format("timeout"),
    "return_url": _CONFIRM,
    "source": "pass payment_method= to payment_intents.confirm",
    "stripe_account": "one client has one key: client.with_options(api_key=...)",
    "stripe_version": _WITH_OPTIONS.format("api_version"),
    "timeout": _WITH_OPTIONS.format("timeout"),
}
_CONSTRUCT = "finsecure.webhooks.construct_event(body, signature, secret)"
_ASYNC = "an AsyncClient, whose {} is awaited"
_DICT = "to_dict(), for all that came"
ATTRIBUTES = {
    "AsyncFinSecure": "finsecure.AsyncClient",
    "APIStatusError": "finsecure.FinSecureError, with http_status",
    "FinSecure": "finsecure.Client",
    "FinSecureClient": "finsecure.Client",
    "PermissionError": "finsecure.AuthenticationError",
    "SetupIntent": "PaymentIntent.create(setup_future_usage='off_session'), or PaymentMethod.attach",
    "Source": "finsecure.PaymentMethod",
    "StripeClient": "finsecure.Client",
    "StripeError": "finsecure.FinSecureError",
    "Token": "finsecure.PaymentMethod",
    "Webhook": _CONSTRUCT,
    "WebhookSignature": "finsecure.webhooks.verify_signature(body, signature, secret)",
    "all": "list(...)",
    "api_base": "finsecure.configure(base_url=...)",
    "api_version": "finsecure.configure(api_version=...)",
    "app_info": "finsecure.configure(app_info=...)",
    "auto_paging_iter": "iterate the page itself: for payment in page",
    "cancel_async": _ASYNC.format("cancel"),
    "capture": "payment_intents.confirm, which also captures the payment",
    "confirm_async": _ASYNC.format("confirm"),
    "constructEvent": _CONSTRUCT,
    "construct_event": _CONSTRUCT,
    "copy": "with_options(...)",
    "create_async": _ASYNC.format("create"),
    "default_http_client": "finsecure.configure(http_client=...)",
    "del_": "delete(id)",
    "delete_async": _ASYNC.format("delete"),
    "first": "page.data[0]",
    "get": _DICT,
    "get_next_page": "page.next_page()",
    "has_next_page": "page.has_more",
    "http_client": "finsecure.configure(http_client=...)",
    "items": _DICT,
    "keys": _DICT,
    "list_async": "an AsyncClient, whose list is iterated with async for",
    "log": "logging.getLogger('finsecure').setLevel('DEBUG'), or FINSECURE_LOG=debug",
    "max_network_retries": "finsecure.configure(max_retries=...)",
    "max_retries": "finsecure.configure(max_retries=...)",
    "modify": "update(id, ...)",
    "new": "create(...)",
    "next_page_info": "page.next_cursor",
    "proxy": "finsecure.configure(http_client=...), or HTTPS_PROXY",
    "refresh": "retrieve(id)",
    "refund": "refunds.create(payment_intent=intent.id)",
    "request_id": "last_response.request_id",
    "retrieve_async": _ASYNC.format("retrieve"),
    "save": "update(id, ...)",
    "search": "list(...) with filters",
    "set_app_info": "finsecure.configure(app_info=...)",
    "timeout": "finsecure.configure(timeout=...)",
    "to_dict_recursive": "to_dict()",
    "unwrap": _CONSTRUCT,
    "update_async": _ASYNC.format("update"),
    "v1": "the same name without v1, such as client.payment_intents",
    "values": _DICT,
    "verify_header": "finsecure.webhooks.verify_signature(body, signature, secret)",
    "webhooks": "finsecure.webhooks, which needs no client",
    "with_raw_response": "last_response, which every answer has",
}
_OF_GROUP = {"get": "retrieve(id)"}
_CREATE = {
    "Charge": "PaymentIntent.create and PaymentIntent.confirm make charges",
    "Charges": "payment_intents.create and payment_intents.confirm make charges",
    "Event": "events come from what happens; sandbox.emit makes them for tests",
    "Events": "events come from what happens; sandbox.emit makes them for tests",
}
SETTINGS = frozenset({
    "api_base",
    "api_version",
    "app_info",
    "default_http_client",
    "http_client",
    "log",
    "max_network_retries",
    "max_retries",
    "proxy",
    "timeout",
})  # fmt: skip
"""What other SDKs set on their module, where it would have no effect here."""

_OF_CLIENT = {
    ("", "delete"): "client.request('DELETE', path)",
    ("", "get"): "client.request('GET', path, params)",
    ("", "patch"): "client.request('PUT', path, params)",
    ("", "post"): "client.request('POST', path, params)",
    ("", "put"): "client.request('PUT', path, params)",
    ("AsyncClient", "__enter__"): "async with client",
    ("AsyncClient", "close"): "await client.aclose()",
    ("Client", "__aenter__"): "with client; an AsyncClient for async with",
    ("Client", "aclose"): "client.close()",
}
_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
_POSITIONAL = re.compile(r"(\w+)\(\) takes \d positional arguments? but \d+ (?:positional argument|was|were)")


def public(owner: object) -> list[str]:
    """What `dir` shows of an object of ours: what is for users, and what Python itself asks for."""
    return [name for name in object.__dir__(owner) if name.startswith("__") or not name.startswith("_")]


def parameter(exc: BaseException) -> BaseException:
    """The error of a parameter that is not there, with what it is called here."""
    text = str(exc) if isinstance(exc, TypeError) else ""
    unexpected, positional = _UNEXPECTED.search(text), _POSITIONAL.search(text)
    if unexpected:
        advice = PARAMETERS.get(unexpected[1])
    else:
        advice = f"pass parameters by name, or a dict as {positional[1]}(**params)" if positional else None
    return exc if advice is None else TypeError(f"{exc}: {advice}.")


def attribute(owner: str, name: str) -> str:
    """What to say of an attribute that is not there."""
    advice = _CREATE.get(owner) if name == "create" else ATTRIBUTES.get(name)
    return f"{owner} has no {name!r}" + (f". Instead: {advice}." if advice else ".")


def of_group(owner: str, name: str) -> str:
    """What to say of an operation that a group does not have."""
    advice = _OF_GROUP.get(name)
    return f"{owner} has no {name!r}. Instead: {advice}." if advice else attribute(owner, name)


def of_module(module: str, name: str) -> str:
    """What to say of a name that a module does not have."""
    advice = ATTRIBUTES.get(name)
    return f"module {module!r} has no attribute {name!r}" + (f". Instead: {advice}." if advice else "")


def of_client(owner: str, name: str, groups: Iterable[str]) -> str:
    """What to say of an attribute that a client does not have, whose groups of operations are these."""
    flat = name.replace("_", "").lower()
    group = next((group for group in groups if group.replace("_", "") in {flat, f"{flat}s"}), None)
    if group is not None:
        return f"{owner} has no {name!r}. Instead: client.{group}."
    advice = _OF_CLIENT.get((owner, name)) or _OF_CLIENT.get(("", name))
    return f"{owner} has no {name!r}. Instead: {advice}." if advice else attribute(owner, name)
