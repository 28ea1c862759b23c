"""WebhookEndpoints: where events are delivered. Reference: Webhooks, Webhook Endpoint Configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from pydantic import Field

from .._call import DELETE, GET, LIST, POST, PUT, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import NOT_GIVEN, CreatedFilter, NotGiven
from ._object import ABSENT, Object, Timestamp

KnownEventType: TypeAlias = Literal[
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
]
"""The event types of the reference. Reference: Webhooks, Event Types."""

EventType: TypeAlias = KnownEventType | Literal["*"] | str
"""The event types that are known, and `*` for all; any other passes through. Reference: Webhooks, Event Types."""


class WebhookEndpoints(Operations[D_co]):
    """Say where events are delivered. Reference: Webhook Endpoint Configuration."""

    @operation
    def create(
        self, *, url: str, enabled_events: Sequence[EventType], idempotency_key: str | None = None
    ) -> Call[WebhookEndpoint]:
        """Have events delivered to a URL.

        Args:
            url: Where to; HTTPS only.
            enabled_events: The event types to deliver, for example `["payment_intent.succeeded"]`, or `["*"]`.
            idempotency_key: Names this one request; random by default.

        Returns:
            The endpoint. Only this one answer carries `secret`: keep it, and verify every webhook with it.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> endpoint = client.webhook_endpoints.create(
            ...     url="https://example.com/webhooks",
            ...     enabled_events=["payment_intent.succeeded"],
            ... )

        Reference: Webhooks, Webhook Endpoint Configuration.
        """
        return POST(
            "/v1/webhook_endpoints",
            WebhookEndpoint,
            required=("url", "enabled_events"),
            url=url,
            enabled_events=enabled_events,
            idempotency_key=idempotency_key,
        )

    @operation
    def retrieve(self, id: str) -> Call[WebhookEndpoint]:
        """Look up one endpoint; without its `secret`.

        Args:
            id: The endpoint's id (`we_...`).

        Raises:
            finsecure.InvalidRequestError: There is none with this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.webhook_endpoints.retrieve(endpoint.id).url
            'https://example.com/webhooks'

        Reference: Webhooks, Webhook Endpoint Configuration.
        """
        return GET("/v1/webhook_endpoints/{id}", WebhookEndpoint, id=id)

    @operation
    def update(
        self, id: str, *, url: str | NotGiven = NOT_GIVEN, enabled_events: Sequence[EventType] | NotGiven = NOT_GIVEN
    ) -> Call[WebhookEndpoint]:
        """Change an endpoint. What is left out stays as it is.

        Args:
            id: The endpoint's id (`we_...`).
            url: Where to; HTTPS only.
            enabled_events: The event types to deliver from now on.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> endpoint = client.webhook_endpoints.update(
            ...     endpoint.id, enabled_events=["*"]
            ... )

        Reference: Webhooks, Webhook Endpoint Configuration.
        """
        return PUT(
            "/v1/webhook_endpoints/{id}",
            WebhookEndpoint,
            id=id,
            required=("url", "enabled_events"),
            url=url,
            enabled_events=enabled_events,
        )

    @operation
    def delete(self, id: str) -> Call[WebhookEndpoint]:
        """Stop delivering to an endpoint, for good.

        Args:
            id: The endpoint's id (`we_...`).

        Returns:
            A WebhookEndpoint with its `id` and `deleted` true, and nothing else.

        Raises:
            finsecure.InvalidRequestError: There is none with this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.webhook_endpoints.delete(endpoint.id).deleted
            True

        Reference: Webhooks, Webhook Endpoint Configuration.
        """
        return DELETE("/v1/webhook_endpoints/{id}", WebhookEndpoint, id=id)

    @listing
    def list(
        self,
        *,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[WebhookEndpoint]]:
        """List endpoints, newest first; iterate the answer for all of them.

        Args:
            created: Bounds on the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects a page, 1 to 100; the API's default is 10. It does not bound the iteration.
            starting_after: Id after which the page begins.
            ending_before: Id before which the page ends. Not together with `starting_after`.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> urls = [endpoint.url for endpoint in client.webhook_endpoints.list()]

        Reference: Consistency Standards, Pagination.
        """
        return LIST(
            "/v1/webhook_endpoints",
            WebhookEndpoint,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class WebhookEndpoint(Object, WebhookEndpoints[None]):
    """Where events are delivered. Reference: Webhooks, Webhook Endpoint Configuration.

    Attributes:
        created: When, in UTC.
        deleted: True in the answer to `delete`.
        secret: The signing secret, in the answer to `create` alone.
        status: `enabled` or `disabled`.
    """

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    created: Timestamp = ABSENT
    deleted: bool | None = None
    enabled_events: list[EventType] | None = None
    livemode: bool | None = None
    secret: str | None = Field(default=None, exclude=True)
    status: str = ABSENT
    url: str | None = None
