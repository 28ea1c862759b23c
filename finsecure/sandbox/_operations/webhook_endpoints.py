"""WebhookEndpoints. Reference: Webhooks, "Webhook Endpoint Configuration".

Each endpoint has its own signing secret. Deliveries are also signed with the sandbox's secret, so that a test or a demo
can know a secret in advance.
"""

from __future__ import annotations

import secrets

import httpx

from finsecure._signature import clocks

from .. import _checks as check
from .._checks import Parameter
from .._json import Object
from .._problems import invalid
from .._store import Store
from .._work import EVERY_EVENT, Work
from .events import TYPES

_EVENTS = check.list_of(check.one_of(EVERY_EVENT, *TYPES))

CREATE = {
    "url": Parameter(check.webhook_url, required=True),
    "enabled_events": Parameter(_EVENTS, required=True),
}
LIST = check.listing()

_KEPT = 8
"""The largest number of secrets of an endpoint, including old ones. The number of signatures in a header is limited."""


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/webhook_endpoints. Only this response contains the secret."""
    _refuse_plain_http(work, params)
    secret = _new_secret(work)
    return work.create("webhook_endpoint", members(params), {"secrets": [[secret, None]]}) | {"secret": secret}


def members(params: Object) -> Object:
    """Return the members of an endpoint."""
    return {"status": "enabled", **params}


def update(work: Work, ident: str, params: Object) -> Object:
    """PUT /v1/webhook_endpoints/{id}."""
    endpoint = work.find("webhook_endpoint", ident) | params
    _refuse_plain_http(work, params)
    work.store.save(endpoint)
    return endpoint


def _refuse_plain_http(work: Work, params: Object) -> None:
    """Reference: Webhooks, Endpoint Requirements, "HTTPS Only"."""
    url = params.get("url", "https:")
    if httpx.URL(url).scheme != "https" and not work.hosts.may_receive(url):
        raise invalid(
            "url must use https: http is for this machine and for hosts that Sandbox(hosts=) or --allow-host names.",
            "url",
        )


def delete(work: Work, ident: str, _: Object) -> Object:
    """DELETE /v1/webhook_endpoints/{id}. Its pending deliveries are dropped."""
    work.find("webhook_endpoint", ident)
    work.store.forget_deliveries(ident)
    return work.delete("webhook_endpoint", ident)


def rotate_secret(work: Work, ident: str, overlap: float) -> str:
    """Rotate the secret of an endpoint. Deliveries are signed with the old one too, for `overlap` seconds.

    Returns:
        The new secret.
    """
    work.find("webhook_endpoint", ident)
    until = work.now + overlap
    kept = [[secret, until if end is None else end] for secret, end in _secrets(work.store, ident)]
    secret = _new_secret(work)
    work.store.keep_private(ident, {"secrets": [[secret, None], *kept][:_KEPT]})
    return secret


def signing_secrets(store: Store, ident: str, now: float) -> list[str]:
    """Return the secrets to sign deliveries to an endpoint with, newest first; none if there is no such endpoint."""
    return [secret for secret, until in _secrets(store, ident) if until is None or now < until]


def _secrets(store: Store, ident: str) -> list[tuple[str, float | None]]:
    """Return the secrets of an endpoint, each with the time when it expires; `None` for the current one."""
    return [(secret, until) for secret, until in store.private(ident).get("secrets", [])]


def _new_secret(work: Work) -> str:
    secret = new_secret()
    clocks[secret.encode()] = work.clock  # for `construct_event(tolerance=...)`
    return secret


def new_secret() -> str:
    """Return a new signing secret."""
    return "whsec_" + secrets.token_hex(16)
