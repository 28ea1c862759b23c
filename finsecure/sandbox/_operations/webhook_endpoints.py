"""WebhookEndpoints. Reference: Webhooks, "Webhook Endpoint Configuration".

Every endpoint of a sandbox has the sandbox's one signing secret, so that a test or a demo knows it beforehand.
"""

from __future__ import annotations

from .. import _checks as check
from .._checks import Object, Parameter
from .._work import API_VERSION, EVERY_EVENT, Answer, Work
from .events import TYPES

URL = "/v1/webhook_endpoints"

_EVENTS = check.list_of(check.one_of(EVERY_EVENT, *TYPES))

CREATE = {
    "url": Parameter(check.webhook_url, required=True),
    "enabled_events": Parameter(_EVENTS, required=True),
    "description": Parameter(check.text, cleared=None),
    "metadata": Parameter(check.metadata, cleared={}),
}
LIST = check.listing()


def create(work: Work, params: Object) -> Answer:
    """POST /v1/webhook_endpoints. Only this answer carries the secret."""
    endpoint = work.create(
        "webhook_endpoint",
        {"api_version": API_VERSION, "description": None, "metadata": {}, "status": "enabled", **params},
    )
    return Answer(endpoint | {"secret": work.webhook_secret})


def retrieve(work: Work, ident: str) -> Answer:
    """GET /v1/webhook_endpoints/{id}."""
    return Answer(work.find("webhook_endpoint", ident))


def update(work: Work, ident: str, params: Object) -> Answer:
    """PUT /v1/webhook_endpoints/{id}."""
    endpoint = work.find("webhook_endpoint", ident) | params
    work.store.save(endpoint)
    return Answer(endpoint)


def delete(work: Work, ident: str) -> Answer:
    """DELETE /v1/webhook_endpoints/{id}. What was still to be delivered to it is not."""
    work.find("webhook_endpoint", ident)
    work.store.delete(ident)
    return Answer({"id": ident, "object": "webhook_endpoint", "deleted": True})


def list_all(work: Work, params: Object) -> Answer:
    """GET /v1/webhook_endpoints."""
    return work.page("webhook_endpoint", URL, params)
