"""Refunds: give money back. Reference: Basic Integration Testing, "Process refunds correctly"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from .._call import GET, LIST, POST, PUT, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import NOT_GIVEN, CreatedFilter, NotGiven
from ._object import ABSENT, Object, Timestamp

RefundStatus: TypeAlias = Literal["pending", "succeeded", "failed", "canceled"] | str
"""The status of a refund. Values that are not yet known pass through."""

RefundReason: TypeAlias = Literal["duplicate", "fraudulent", "requested_by_customer"] | str
"""The reason for a refund. Any other text passes through."""


class Refunds(Operations[D_co]):
    """Refund payments, or parts of them."""

    @operation
    def create(
        self,
        *,
        payment_intent: str,
        amount: int | None = None,
        reason: RefundReason | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Refund]:
        """Refund a payment, or a part of it.

        Args:
            payment_intent: Id of the paid PaymentIntent (`pi_...`).
            amount: In the smallest currency unit. By default, everything that is left.
            reason: The reason, for example `requested_by_customer`.
            metadata: Your own keys and values, both strings.
            idempotency_key: Your name for this refund: the same key never refunds twice within 24 hours. After that,
                look for the refund with `list(payment_intent=...)` first. By default, a random key for each call,
                which its retries share.

        Returns:
            The refund: `succeeded`, or `pending`, for example to a bank account. Retrieve a pending refund later: it
            can still fail.

        Raises:
            finsecure.InvalidRequestError: The amount is more than is left (`param` is `amount`), or nothing was paid.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> refund = client.refunds.create(payment_intent=intent.id, amount=500)

        Reference: Basic Integration Testing.
        """
        return POST(
            "/v1/refunds",
            Refund,
            required=("payment_intent",),
            payment_intent=payment_intent,
            amount=amount,
            reason=reason,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )

    @operation
    def retrieve(self, id: str) -> Call[Refund]:
        """Retrieve a refund.

        Args:
            id: The refund's id (`re_...`).

        Returns:
            The refund.

        Raises:
            finsecure.InvalidRequestError: No refund has this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.refunds.retrieve(refund.id).status
            'succeeded'

        Reference: Basic Integration Testing.
        """
        return GET("/v1/refunds/{id}", Refund, id=id)

    @operation
    def update(self, id: str, *, metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN) -> Call[Refund]:
        """Update the metadata of a refund; `None` clears it.

        Args:
            id: The refund's id (`re_...`).
            metadata: Replaces all metadata; `None` clears it.

        Returns:
            The refund, with the new values.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> refund = client.refunds.update(refund.id, metadata={"ticket": "4711"})

        Reference: Basic Integration Testing.
        """
        return PUT("/v1/refunds/{id}", Refund, id=id, metadata=metadata)

    @listing
    def list(
        self,
        *,
        payment_intent: str | None = None,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[Refund]]:
        """List refunds, newest first. Iterate the page to get all of them.

        Args:
            payment_intent: Only those of this PaymentIntent (`pi_...`).
            created: Limits the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of refunds.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> refunds = client.refunds.list(payment_intent=intent.id)
            >>> refunded = sum(refund.amount for refund in refunds)

        Reference: Consistency Standards, Pagination.
        """
        return LIST(
            "/v1/refunds",
            Refund,
            payment_intent=payment_intent,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class Refund(Object, Refunds[None]):
    """A refund."""

    object: Literal["refund"] = "refund"
    """Always `refund`."""
    amount: int = ABSENT
    """In the smallest currency unit."""
    charge: str | None = None
    """Id of the refunded charge (`ch_...`)."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    currency: str = ABSENT
    """Three-letter ISO 4217 code, lower case."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
    payment_intent: str | None = None
    """Id of the refunded PaymentIntent (`pi_...`)."""
    reason: RefundReason | None = None
    """The reason, for example `requested_by_customer`."""
    status: RefundStatus = ABSENT
    """`pending`, `succeeded`, `failed` or `canceled`."""
