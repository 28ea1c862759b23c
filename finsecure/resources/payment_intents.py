"""PaymentIntents: collect a payment. Reference: Payment Intents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from .._call import GET, LIST, POST, PUT, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import NOT_GIVEN, CreatedFilter, NotGiven
from ..error import DeclineCode, ErrorCode, ErrorType, advice_for
from ._object import ABSENT, Json, ListObject, Object, Part, Timestamp
from .charges import Charge

if TYPE_CHECKING:
    from .payment_methods import InlinePaymentMethod

PaymentMethodType: TypeAlias = Literal["card", "ach", "us_bank_account"] | str
"""The known types of payment method. Any other passes through."""

SetupFutureUsage: TypeAlias = Literal["on_session", "off_session"] | str
"""Whether the customer is present when the payment method is used again."""

PaymentIntentStatus: TypeAlias = (
    Literal[
        "requires_payment_method", "requires_confirmation", "requires_action", "processing", "succeeded", "canceled"
    ]
    | str
)
"""The status of a payment. Values that are not yet known pass through."""

NextActionType: TypeAlias = Literal["redirect_to_url"] | str
"""The kinds of action that a customer can be asked for. Any other passes through."""


class PaymentIntents(Operations[D_co]):
    """Create, confirm and retrieve payments. Reference: Payment Intents."""

    @operation
    def create(
        self,
        *,
        amount: int,
        currency: str,
        payment_method_types: Sequence[PaymentMethodType] | None = None,
        customer: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        receipt_email: str | None = None,
        setup_future_usage: Literal["on_session", "off_session"] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[PaymentIntent]:
        """Create a PaymentIntent.

        Args:
            amount: In the smallest currency unit, so `2000` is $20.00, and ¥2000. See `finsecure.to_minor_units`.
            currency: Three-letter ISO 4217 code, for example `usd`.
            payment_method_types: The payment methods you accept; `["card"]` by default.
            customer: Id of the customer (`cus_...`) whose saved payment methods may be used.
            description: For your own records.
            metadata: Your own keys and values, both strings.
            receipt_email: Where to send the receipt.
            setup_future_usage: Save the payment method for later payments, with the customer present (`on_session`)
                or not (`off_session`).
            idempotency_key: Your name for this payment, for example your order's id. The same key never charges twice
                within 24 hours; after that, retrieve the id that you stored. By default, a random key for each call,
                which its retries share.

        Returns:
            The PaymentIntent, with status `requires_payment_method`: confirm it next.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.IdempotencyError: The key was used for another operation or other parameters.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> intent = client.payment_intents.create(
            ...     amount=2000, currency="usd", idempotency_key="order_12345"
            ... )

        Reference: Payment Intents, Create Payment Intent.
        """
        return POST(
            "/v1/payment_intents",
            PaymentIntent,
            required=("amount", "currency"),
            amount=amount,
            currency=currency,
            payment_method_types=payment_method_types,
            customer=customer,
            description=description,
            metadata=metadata,
            receipt_email=receipt_email,
            setup_future_usage=setup_future_usage,
            idempotency_key=idempotency_key,
        )

    @operation
    def retrieve(self, id: str) -> Call[PaymentIntent]:
        """Retrieve a PaymentIntent.

        Args:
            id: The PaymentIntent's id (`pi_...`).

        Returns:
            The PaymentIntent.

        Raises:
            finsecure.InvalidRequestError: No PaymentIntent has this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.payment_intents.retrieve(intent.id).status
            'requires_payment_method'

        Reference: Payment Intents.
        """
        return GET("/v1/payment_intents/{id}", PaymentIntent, id=id)

    @operation
    def update(
        self,
        id: str,
        *,
        amount: int | NotGiven = NOT_GIVEN,
        currency: str | NotGiven = NOT_GIVEN,
        payment_method_types: Sequence[PaymentMethodType] | NotGiven = NOT_GIVEN,
        customer: str | NotGiven | None = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        receipt_email: str | NotGiven | None = NOT_GIVEN,
        setup_future_usage: Literal["on_session", "off_session"] | NotGiven | None = NOT_GIVEN,
    ) -> Call[PaymentIntent]:
        """Update a PaymentIntent. Parameters that you leave out keep their value; `None` clears one.

        You can change everything until the first `confirm`, nothing while the status is `requires_action`, and
        only `description` and `metadata` afterwards.

        Args:
            id: The PaymentIntent's id (`pi_...`).
            amount: In the smallest currency unit.
            currency: Three-letter ISO 4217 code.
            payment_method_types: The payment methods you accept.
            customer: Id of the customer (`cus_...`).
            description: For your own records.
            metadata: Replaces all metadata; `None` clears it.
            receipt_email: Where to send the receipt.
            setup_future_usage: `on_session` or `off_session`.

        Returns:
            The PaymentIntent, with the new values.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong, or the status does not allow this
                (code `unexpected_state`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> intent = client.payment_intents.update(
            ...     intent.id, description="Two tickets", receipt_email=None
            ... )

        Reference: Payment Intents.
        """
        return PUT(
            "/v1/payment_intents/{id}",
            PaymentIntent,
            id=id,
            required=("amount", "currency", "payment_method_types"),
            amount=amount,
            currency=currency,
            payment_method_types=payment_method_types,
            customer=customer,
            description=description,
            metadata=metadata,
            receipt_email=receipt_email,
            setup_future_usage=setup_future_usage,
        )

    @operation
    def confirm(
        self,
        id: str,
        *,
        payment_method: str | InlinePaymentMethod,
        return_url: str | None = None,
        receipt_email: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[PaymentIntent]:
        """Confirm a PaymentIntent: attempt the payment with a payment method.

        Args:
            id: The PaymentIntent's id (`pi_...`).
            payment_method: Id of a payment method (`pm_...`), or its details as for `PaymentMethod.create`.
            return_url: Where the customer returns after authenticating; required for payment methods that may ask
                for it, such as cards with 3D Secure.
            receipt_email: Where to send the receipt. Replaces the email address of the PaymentIntent.
            idempotency_key: Your name for this attempt: the same key never charges twice within 24 hours. By default,
                a random key for each call, which its retries share.

        Returns:
            The PaymentIntent: `succeeded`, `processing`, or `requires_action` with a `next_action`.

        Raises:
            finsecure.CardError: Declined; `decline_code`, `user_action` and `resolution` say what to do.
            finsecure.InvalidRequestError: A parameter is wrong, or the status does not allow this
                (code `unexpected_state`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> intent = client.payment_intents.confirm(intent.id, payment_method=card.id)
            >>> intent.status
            'succeeded'

        Reference: Payment Intents, Confirm Payment Intent.
        """
        return POST(
            "/v1/payment_intents/{id}/confirm",
            PaymentIntent,
            id=id,
            required=("payment_method",),
            payment_method=payment_method,
            return_url=return_url,
            receipt_email=receipt_email,
            idempotency_key=idempotency_key,
        )

    @operation
    def cancel(self, id: str, *, idempotency_key: str | None = None) -> Call[PaymentIntent]:
        """Cancel a PaymentIntent that has not succeeded.

        Args:
            id: The PaymentIntent's id (`pi_...`).
            idempotency_key: Makes it safe to send this request again within 24 hours. Random by default.

        Returns:
            The PaymentIntent, with status `canceled`.

        Raises:
            finsecure.InvalidRequestError: It is processing or has succeeded (code `unexpected_state`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.payment_intents.cancel(intent.id).status
            'canceled'

        Reference: Payment Intents.
        """
        return POST("/v1/payment_intents/{id}/cancel", PaymentIntent, id=id, idempotency_key=idempotency_key)

    @listing
    def list(
        self,
        *,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[PaymentIntent]]:
        """List PaymentIntents, newest first. Iterate the page to get all of them.

        Args:
            created: Limits the creation time, for example `{"gte": datetime(2026, 1, 1, tzinfo=timezone.utc)}`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of PaymentIntents.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> for intent in client.payment_intents.list(limit=100):
            ...     print(intent.id, intent.amount, intent.status)

        Reference: Consistency Standards, Pagination.
        """
        return LIST(
            "/v1/payment_intents",
            PaymentIntent,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class RedirectToUrl(Part):
    """Where to send the customer."""

    url: str | None = None
    """The page to send the customer to."""
    return_url: str | None = None
    """The URL that the customer returns to."""


class NextAction(Part):
    """What the customer must do before the payment can continue."""

    type: NextActionType | None = None
    """The kind of action, for example `redirect_to_url`."""
    redirect_to_url: RedirectToUrl | None = None
    """Where to send the customer."""


class PaymentError(Part):
    """Why the last attempt failed. Reference: Error Response Format."""

    type: ErrorType | None = None
    """The kind of error, for example `card_error`."""
    code: ErrorCode | None = None
    """The API's code, for example `card_declined`."""
    decline_code: DeclineCode | None = None
    """Why the bank declined, for example `insufficient_funds`."""
    message: str | None = None
    """What went wrong, for a person."""
    param: str | None = None
    """The parameter that is wrong."""
    doc_url: str | None = None
    """Where the API documents the error."""

    @property
    def user_action(self) -> str:
        """What to tell the customer."""
        return advice_for(self.decline_code, self.code).user_action

    @property
    def resolution(self) -> str:
        """What you, the merchant, should do next."""
        return advice_for(self.decline_code, self.code).resolution


_Charges = ListObject[Charge]  # can only be pickled if a module creates it first, and not an annotation


class PaymentIntent(Object, PaymentIntents[None]):
    """A payment, from creation to success. Reference: Payment Intents."""

    object: Literal["payment_intent"] = "payment_intent"
    """Always `payment_intent`."""
    amount: int = ABSENT
    """In the smallest currency unit."""
    amount_received: int | None = None
    """The amount that was paid, in the smallest currency unit."""
    currency: str = ABSENT
    """Three-letter ISO 4217 code, lower case."""
    status: PaymentIntentStatus = ABSENT
    """The status, for example `succeeded`."""
    charges: ListObject[Charge] | None = None
    """The attempts to charge, as returned by `confirm`."""
    client_secret: str | None = Field(default=None, exclude=True)
    """Lets your front end continue this payment. Never log it."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    customer: str | None = None
    """Id of the customer (`cus_...`)."""
    description: str | None = None
    """For your own records."""
    last_payment_error: PaymentError | None = None
    """Why the last attempt failed."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
    next_action: NextAction | None = None
    """What the customer must do while the status is `requires_action`."""
    payment_method: str | None = None
    """Id of the payment method (`pm_...`)."""
    payment_method_types: list[PaymentMethodType] | None = None
    """The payment methods that you accept."""
    receipt_email: str | None = None
    """Email address for the receipt."""
    setup_future_usage: SetupFutureUsage | None = None
    """`on_session` or `off_session`: whether the customer is present when the payment method is used again."""
    shipping: dict[str, Json] | None = None
    """Where the goods are shipped."""
    statement_descriptor: str | None = None
    """The text on the customer's statement."""
    statement_descriptor_suffix: str | None = None
    """The text that is added to `statement_descriptor`."""
    transfer_data: dict[str, Json] | None = None
    """Where the money is transferred to."""
    transfer_group: str | None = None
    """The name of the group of transfers that this payment belongs to."""
