"""Events: what happened in your account. Reference: Webhooks, Event Types.

`Event` is the base class of all events, and has the operations. `AnyEvent` is the union of all event classes, which
`type` discriminates: after `if event.type == "payment_intent.succeeded"`, a type checker knows what `event.data.object`
is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import AfterValidator, Discriminator, Field, SerializeAsAny

from .._call import GET, LIST, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import CreatedFilter
from ._object import ABSENT, Json, Object, Part, Timestamp
from .charges import Charge
from .customers import Customer
from .payment_intents import PaymentIntent
from .payment_methods import PaymentMethod
from .refunds import Refund
from .webhook_endpoints import EventType, KnownEventType

O_co = TypeVar("O_co", covariant=True)

InvoiceStatus: TypeAlias = Literal["open", "paid"] | str
"""The status of an invoice. Values that are not yet known pass through."""

SubscriptionStatus: TypeAlias = Literal["active", "past_due", "canceled"] | str
"""The status of a subscription. Values that are not yet known pass through."""


class Events(Operations[D_co]):
    """Retrieve and list events. Reference: Webhooks."""

    @operation
    def retrieve(self, id: str) -> Call[AnyEvent]:
        """Retrieve an event.

        Args:
            id: The event's id (`evt_...`).

        Returns:
            The event.

        Raises:
            finsecure.InvalidRequestError: No event has this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.events.retrieve(event.id).type
            'payment_intent.succeeded'

        Reference: Webhooks, Webhook Event Example.
        """
        return GET("/v1/events/{id}", _answer(), id=id)

    @listing
    def list(
        self,
        *,
        type: EventType | None = None,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[AnyEvent]]:
        """List events, newest first. Iterate the page to get all of them.

        Args:
            type: Only those of this type, for example `payment_intent.succeeded`.
            created: Limits the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of events.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> for event in client.events.list(type="payment_intent.succeeded"):
            ...     print(event.id, event.created)

        Reference: Webhooks, Event Types.
        """
        return LIST(
            "/v1/events",
            _answer(),
            type=type,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class Invoice(Object):
    """An invoice of a subscription. Reference: Webhooks, Subscription Events."""

    object: Literal["invoice"] = "invoice"
    """Always `invoice`."""
    amount_due: int | None = None
    """The amount to pay, in the smallest currency unit."""
    amount_paid: int | None = None
    """The amount that was paid, in the smallest currency unit."""
    amount_remaining: int | None = None
    """The amount that is still to pay, in the smallest currency unit."""
    attempt_count: int | None = None
    """How often the payment was tried."""
    billing_reason: str | None = None
    """Why the invoice was made, for example `subscription_cycle`."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    currency: str = ABSENT
    """Three-letter ISO 4217 code, lower case."""
    customer: str | None = None
    """Id of the customer (`cus_...`)."""
    description: str | None = None
    """For your own records."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
    number: str | None = None
    """The number printed on it."""
    payment_intent: str | None = None
    """Id of the PaymentIntent (`pi_...`)."""
    period_end: Timestamp | None = None
    """When the billed period ends, in UTC."""
    period_start: Timestamp | None = None
    """When the billed period begins, in UTC."""
    status: InvoiceStatus = ABSENT
    """For example `open` or `paid`."""
    subscription: str | None = None
    """Id of the subscription."""


class Subscription(Object):
    """A subscription of a customer. Reference: Webhooks, Subscription Events."""

    object: Literal["subscription"] = "subscription"
    """Always `subscription`."""
    cancel_at_period_end: bool | None = None
    """Whether it ends with the current period."""
    canceled_at: Timestamp | None = None
    """When it was canceled, in UTC."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    currency: str = ABSENT
    """Three-letter ISO 4217 code, lower case."""
    current_period_end: Timestamp | None = None
    """When the current period ends, in UTC."""
    current_period_start: Timestamp | None = None
    """When the current period began, in UTC."""
    customer: str | None = None
    """Id of the customer (`cus_...`)."""
    default_payment_method: str | None = None
    """Id of the default payment method (`pm_...`)."""
    description: str | None = None
    """For your own records."""
    latest_invoice: str | None = None
    """Id of the latest invoice."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
    status: SubscriptionStatus = ABSENT
    """For example `active`."""


class EventRequest(Part):
    """The API request that caused an event, if one did."""

    id: str | None = None
    """The request's id (`req_...`); `None` if no request caused the event."""
    idempotency_key: str | None = None
    """The key that the request was sent with."""


class EventData(Part, Generic[O_co]):
    """What an event is about."""

    object: O_co
    """The object as it was then. It can be partial: a field that did not come is `None`."""
    previous_attributes: dict[str, Json] | None = None
    """The previous values of the fields that an update changed."""


# A class that is made from a generic model can only be pickled if a module creates it first, and not an annotation.
_KINDS_OF_DATA = (EventData[PaymentIntent], EventData[Customer], EventData[Invoice], EventData[Subscription])


class Event(Object, Events[None]):
    """Something that happened in your account. Reference: Webhooks, Webhook Event Example.

    The base class of all events. Annotate handlers with `finsecure.webhooks.Event`, the union of all event classes:
    then `event.type` tells a type checker what `event.data.object` is.
    """

    object: Literal["event"]
    """Always `event`."""
    type: str
    """What happened, for example `payment_intent.succeeded`."""
    data: Any
    """The object of the event, in `data.object`."""
    api_version: str | None = None
    """The API version of `data.object`."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    pending_webhooks: int | None = None
    """Deliveries that have not succeeded yet."""
    request: EventRequest | None = None
    """The API request that caused it."""


class PaymentIntentSucceeded(Event):
    """A payment succeeded."""

    type: Literal["payment_intent.succeeded"]
    data: EventData[PaymentIntent]


class PaymentIntentPaymentFailed(Event):
    """A payment failed."""

    type: Literal["payment_intent.payment_failed"]
    data: EventData[PaymentIntent]


class PaymentIntentRequiresAction(Event):
    """The customer has to authenticate a payment."""

    type: Literal["payment_intent.requires_action"]
    data: EventData[PaymentIntent]


class PaymentIntentCanceled(Event):
    """A payment was canceled."""

    type: Literal["payment_intent.canceled"]
    data: EventData[PaymentIntent]


class CustomerCreated(Event):
    """A customer was created."""

    type: Literal["customer.created"]
    data: EventData[Customer]


class CustomerUpdated(Event):
    """A customer was updated."""

    type: Literal["customer.updated"]
    data: EventData[Customer]


class CustomerDeleted(Event):
    """A customer was deleted."""

    type: Literal["customer.deleted"]
    data: EventData[Customer]


class InvoicePaymentSucceeded(Event):
    """A subscription payment succeeded."""

    type: Literal["invoice.payment_succeeded"]
    data: EventData[Invoice]


class InvoicePaymentFailed(Event):
    """A subscription payment failed."""

    type: Literal["invoice.payment_failed"]
    data: EventData[Invoice]


class CustomerSubscriptionCreated(Event):
    """A subscription was created."""

    type: Literal["customer.subscription.created"]
    data: EventData[Subscription]


class CustomerSubscriptionUpdated(Event):
    """A subscription was updated."""

    type: Literal["customer.subscription.updated"]
    data: EventData[Subscription]


KNOWN_TYPES: frozenset[str] = frozenset(get_args(KnownEventType))


def _not_known(type: str) -> str:
    if type in KNOWN_TYPES:
        raise ValueError("an event of a known type has the shape of that type")
    return type


KnownObject: TypeAlias = Annotated[
    PaymentIntent | Customer | Charge | Refund | PaymentMethod | Invoice | Subscription, Discriminator("object")
]

if TYPE_CHECKING:
    NotYetKnown: TypeAlias = Literal["(a type not yet known)"]
    """Stands for all other types, so that type checkers narrow the union when you compare `event.type`. At run time,
    `event.type` is the type that came. To check for it, use `isinstance(event, UnknownEvent)`."""
else:
    NotYetKnown = Annotated[str, AfterValidator(_not_known)]


class UnknownEventData(EventData[Any]):
    """The data of an event of an unknown type: a known object, identified by its `object` field, or a dict."""

    object: SerializeAsAny[Annotated[KnownObject | dict[str, Json], Field(union_mode="left_to_right")]]


class UnknownEvent(Event):
    """An event of a type that this version does not know. `str(event.type)` is the type that came."""

    type: NotYetKnown
    data: UnknownEventData


_KnownEvent: TypeAlias = (
    PaymentIntentSucceeded
    | PaymentIntentPaymentFailed
    | PaymentIntentRequiresAction
    | PaymentIntentCanceled
    | CustomerCreated
    | CustomerUpdated
    | CustomerDeleted
    | InvoicePaymentSucceeded
    | InvoicePaymentFailed
    | CustomerSubscriptionCreated
    | CustomerSubscriptionUpdated
)
if TYPE_CHECKING:
    AnyEvent: TypeAlias = _KnownEvent | UnknownEvent
else:
    # `SerializeAsAny`: otherwise pydantic looks for a class in the union that has all fields, and warns about partial
    # objects.
    AnyEvent = SerializeAsAny[
        Annotated[Annotated[_KnownEvent, Discriminator("type")] | UnknownEvent, Field(union_mode="left_to_right")]
    ]
"""Any event: one of the known event classes, or `UnknownEvent`."""


def _answer() -> type[AnyEvent]:
    # Type checkers do not accept a union as a `type`, but pydantic does.
    return AnyEvent  # type: ignore[return-value]
