"""The context of an operation, for one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ._checks import CREATED
from ._clock import Clock
from ._hosts import Hosts
from ._json import Object
from ._problems import invalid, missing
from ._store import ANYBODY, Position, Store

API_VERSION = "2023-10-16"
EVERY_EVENT = "*"

PREFIXES = {
    "payment_intent": "pi",
    "payment_method": "pm",
    "customer": "cus",
    "charge": "ch",
    "refund": "re",
    "event": "evt",
    "webhook_endpoint": "we",
    # The API has no operations on these.
    "invoice": "in",
    "subscription": "sub",
}
"""The prefix of the ids, by kind of object."""


def collection(kind: str) -> str:
    """Return the path of the list of a kind."""
    return f"/v1/{kind}s"


@dataclass(frozen=True)
class Maker:
    """Makes new objects.

    Attributes:
        now: The sandbox's time, in Unix seconds.
        new_id: Returns the part of an id after its prefix.
        fingerprint: Returns a keyed hash, to recognize a number without storing it.
        base_url: The base URL of the sandbox, for links.
    """

    now: float
    new_id: Callable[[str], str]
    fingerprint: Callable[[str], str]
    base_url: str

    def ident(self, prefix: str) -> str:
        """Return a new id."""
        return f"{prefix}_{self.new_id(prefix)}"

    def make(self, kind: str, members: Object) -> Object:
        """Return a new object: its id, kind, time and mode, then `members`."""
        return {
            "id": self.ident(PREFIXES[kind]),
            "object": kind,
            "created": int(self.now),
            "livemode": False,
            **members,
        }


@dataclass(frozen=True)
class Work(Maker):
    """The context of one request.

    Attributes:
        store: The state, inside a transaction.
        clock: The sandbox's clock.
        settle_after: Seconds until a bank payment or a pending refund settles.
        hosts: The hosts that webhooks may be sent to.
        request_id: The id of the request, for its events; `None` outside a request.
        idempotency_key: The `Idempotency-Key` of the request, if it has one.
        events: The events so far.
    """

    store: Store
    clock: Clock
    settle_after: float
    hosts: Hosts
    request_id: str | None = None
    idempotency_key: str | None = None
    events: list[Object] = field(default_factory=list[Object])

    def create(self, kind: str, members: Object, private: Mapping[str, object] | None = None) -> Object:
        """Create an object and store it."""
        body = self.make(kind, members)
        self.store.insert(body, private or {})
        return body

    def find(self, kind: str, ident: str, param: str | None = None) -> Object:
        """Return an object by its id.

        Raises:
            Problem: 404. It names `param`, if the id was sent as a parameter.
        """
        body = self.store.find(kind, ident)
        if body is None:
            raise missing(kind, ident, param)
        return body

    def delete(self, kind: str, ident: str) -> Object:
        """Delete an object.

        Returns:
            The body of the response.
        """
        self.store.delete(ident)
        return {"id": ident, "object": kind, "deleted": True}

    def page(self, kind: str, params: Object) -> Object:
        """Return a page of a list, newest first. Reference: Consistency Standards, "cursor-based pagination"."""
        if "starting_after" in params and "ending_before" in params:
            raise invalid("starting_after and ending_before cannot be used together.", "ending_before")
        size: int = params.get("limit", 10)
        objects = self.store.page(
            kind,
            equal={name: value for name, value in params.items() if name not in _PAGE and name not in CREATED},
            created={CREATED[name]: value for name, value in params.items() if name in CREATED},
            after=self._position(kind, params, "starting_after"),
            before=self._position(kind, params, "ending_before"),
            count=size + 1,
        )
        # Drop the extra object, which only tells whether there are more. It is the one farthest from the cursor: the
        # last of an older page, or the first of a newer page.
        data = objects[-size:] if "ending_before" in params else objects[:size]
        return {"object": "list", "data": data, "has_more": len(objects) > size, "url": collection(kind)}

    def emit(self, type: str, body: Object) -> Object:
        """Record an event, and schedule a delivery to each subscribed webhook endpoint. Reference: Webhooks.

        Returns:
            The event.
        """
        endpoints = self._endpoints(type)
        event = self.create("event", event_members(type, body, len(endpoints), self.request_id, self.idempotency_key))
        for endpoint in endpoints:
            self.store.deliver_at(event["id"], endpoint, self.now)
        self.events.append(event)
        return event

    def resend(self, event: Object) -> Object:
        """Schedule another delivery of an event to each subscribed endpoint, or to `ANYBODY` if there are no endpoints.

        Returns:
            The event.
        """
        endpoints = self._endpoints(event["type"]) if self.store.has_endpoints() else [ANYBODY]
        for endpoint in endpoints:
            self.store.deliver_at(event["id"], endpoint, self.now)
        event["pending_webhooks"] += len(endpoints)
        self.store.save(event)
        return event

    def _endpoints(self, type: str) -> list[str]:
        """Return the ids of the endpoints subscribed to a type of event, oldest first."""
        wanted = {type, EVERY_EVENT}
        endpoints = self.store.objects("webhook_endpoint")
        return [endpoint["id"] for endpoint in reversed(endpoints) if wanted & set(endpoint["enabled_events"])]

    def _position(self, kind: str, params: Object, name: str) -> Position | None:
        if name not in params:
            return None
        position = self.store.position(kind, params[name])
        if position is None:
            raise invalid(f"{name} must be the id of an existing {kind}.", name, code="resource_missing")
        return position


def event_members(
    type: str, body: Object, pending_webhooks: int, request_id: str | None, idempotency_key: str | None = None
) -> Object:
    """Return the members of an event."""
    return {
        "api_version": API_VERSION,
        "data": {"object": body},
        "pending_webhooks": pending_webhooks,
        "request": {"id": request_id, "idempotency_key": idempotency_key},
        "type": type,
    }


_PAGE = ("limit", "starting_after", "ending_before")
