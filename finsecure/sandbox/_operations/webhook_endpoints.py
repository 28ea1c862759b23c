"""WebhookEndpoints. Reference: Webhooks, "Webhook Endpoint Configuration".

Every endpoint of a sandbox has the sandbox's one signing secret, so that a test or a demo knows it beforehand.
"""

from __future__ import annotations

from .. import _checks as check
from .._checks import Parameter
from .._json import Object
from .._work import API_VERSION, EVERY_EVENT, Work
from .events import TYPES

_EVENTS = check.list_of(check.one_of(EVERY_EVENT, *TYPES))

CREATE = {
    "url": Parameter(check.webhook_url, required=True),
    "enabled_events": Parameter(_EVENTS, required=True),
    "description": Parameter(check.free_text, cleared=None),
    "metadata": Parameter(check.metadata, cleared={}),
}
LIST = check.listing()


def create(work: Work, _: str, params: Object) -> Object:
    """POST /v1/webhook_endpoints. Only this answer carries the secret."""
    endpoint = work.create(
        "webhook_endpoint",
        {"api_version": API_VERSION, "description": None, "metadata": {}, "status": "enabled", **params},
    )
    return endpoint | {"secret": work.webhook_secret}


def update(work: Work, ident: str, params: Object) -> Object:
    """PUT /v1/webhook_endpoints/{id}."""
    endpoint = work.find("webhook_endpoint", ident) | params
    work.store.save(endpoint)
    return endpoint


def delete(work: Work, ident: str, _: Object) -> Object:
    """DELETE /v1/webhook_endpoints/{id}. What was still to be delivered to it is not."""
    work.find("webhook_endpoint", ident)
    return work.delete("webhook_endpoint", ident)
