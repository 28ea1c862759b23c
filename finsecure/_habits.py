"""Habits of other SDKs, and what they are called here. Looked at only once something has failed."""

from __future__ import annotations

import re

_WITH_OPTIONS = "it is an option of the client: client.with_options({}=...).payment_intents.create(...)"
PARAMETERS = {
    "api_key": _WITH_OPTIONS.format("api_key"),
    "api_version": _WITH_OPTIONS.format("api_version"),
    "confirm": "create does not confirm: call payment_intents.confirm(intent.id, payment_method=...) after it",
    "expand": "objects are not expanded: retrieve the other one by its id",
    "extra_body": "client.request(method, path, params) sends parameters that have no name here",
    "extra_headers": "pass default_headers= to the client or to with_options",
    "extra_query": "client.request(method, path, params) sends parameters that have no name here",
    "headers": "pass default_headers= to the client or to with_options",
    "max_retries": _WITH_OPTIONS.format("max_retries"),
    "page_size": "pass limit=, the size of one page",
    "source": "pass payment_method= to payment_intents.confirm",
    "stripe_account": "one client has one key: client.with_options(api_key=...)",
    "timeout": _WITH_OPTIONS.format("timeout"),
}
ATTRIBUTES = {
    "Webhook": "finsecure.webhooks.construct_event(body, signature, secret)",
    "all": "list(...)",
    "auto_paging_iter": "iterate the page itself: for payment in page",
    "capture": "client.request('POST', path, params); payments are captured when they are confirmed",
    "construct_event": "finsecure.webhooks.construct_event(body, signature, secret)",
    "create_async": "an AsyncClient, whose create is awaited",
    "del_": "delete(id)",
    "has_next_page": "page.has_more",
    "modify": "update(id, ...)",
    "new": "create(...)",
    "refresh": "retrieve(id)",
    "retrieve_async": "an AsyncClient, whose retrieve is awaited",
    "save": "update(id, ...)",
    "search": "list(...) with filters",
    "to_dict_recursive": "to_dict()",
    "with_raw_response": "last_response, which every answer has",
}
_CREATE = {
    "Charge": "PaymentIntent.create and PaymentIntent.confirm make charges",
    "Charges": "payment_intents.create and payment_intents.confirm make charges",
    "Event": "events come from what happens; sandbox.emit makes them for tests",
    "Events": "events come from what happens; sandbox.emit makes them for tests",
}
_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")


def parameter(exc: BaseException) -> BaseException:
    """The error of a parameter that is not there, with what it is called here."""
    unexpected = _UNEXPECTED.search(str(exc)) if isinstance(exc, TypeError) else None
    advice = PARAMETERS.get(unexpected[1]) if unexpected else None
    return exc if advice is None else TypeError(f"{exc}: {advice}.")


def attribute(owner: str, name: str) -> str:
    """What to say of an attribute that is not there."""
    advice = _CREATE.get(owner) if name == "create" else ATTRIBUTES.get(name)
    return f"{owner} has no {name!r}" + (f". Here it is: {advice}." if advice else ".")
