"""WebhookEndpoints: the URLs that events are delivered to. Reference: Webhooks, Webhook Endpoint Configuration."""

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
"""The known event types, and `*` for all. Any other passes through. Reference: Webhooks, Event Types."""

WebhookEndpointStatus: TypeAlias = Literal["enabled", "disabled"] | str
"""The status of an endpoint: whether events are delivered to it."""


class WebhookEndpoints(Operations[D_co]):
    """Choose where events are delivered. Reference: Webhook Endpoint Configuration."""

    @operation
    def create(
        self, *, url: str, enabled_events: Sequence[EventType], idempotency_key: str | None = None
    ) -> Call[WebhookEndpoint]:
        """Create an endpoint, so that events are delivered to a URL.

        Args:
            url: The URL to deliver events to. HTTPS only.
            enabled_events: The event types to deliver, for example `["payment_intent.succeeded"]`, or `["*"]`.
            idempotency_key: Makes it safe to send this request again within 24 hours. Random by default.

        Returns:
            The endpoint. Its `secret` is returned only here: store it, and verify every webhook with it.

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
        """Retrieve an endpoint, without its `secret`.

        Args:
            id: The endpoint's id (`we_...`).

        Returns:
            The endpoint.

        Raises:
            finsecure.InvalidRequestError: No endpoint has this id (code `resource_missing`).
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
        """Update an endpoint. Parameters that you leave out keep their value.

        Args:
            id: The endpoint's id (`we_...`).
            url: The URL to deliver events to. HTTPS only.
            enabled_events: The event types to deliver from now on.

        Returns:
            The endpoint, with the new values.

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
        """Permanently delete an endpoint. No more events are delivered to it.

        Args:
            id: The endpoint's id (`we_...`).

        Returns:
            A WebhookEndpoint with only its `id`, and `deleted` true.

        Raises:
            finsecure.InvalidRequestError: No endpoint has this id (code `resource_missing`).
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
        """List endpoints, newest first. Iterate the page to get all of them.

        Args:
            created: Limits the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of endpoints.

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
    """Where events are delivered. Reference: Webhooks, Webhook Endpoint Configuration."""

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    """Always `webhook_endpoint`."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    deleted: bool | None = None
    """True if `delete` returned it."""
    enabled_events: list[EventType] | None = None
    """The event types that are delivered."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    secret: str | None = Field(default=None, exclude=True)
    """The signing secret, which only `create` returns."""
    status: WebhookEndpointStatus = ABSENT
    """`enabled` or `disabled`."""
    url: str | None = None
    """The URL that events are delivered to."""
