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
"""How far a refund has got; any status not yet known passes through."""


class Refunds(Operations[D_co]):
    """Give money back, all of it or a part."""

    @operation
    def create(
        self,
        *,
        payment_intent: str,
        amount: int | None = None,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Refund]:
        """Give back what a PaymentIntent received, or a part of it.

        Args:
            payment_intent: Id of the paid PaymentIntent (`pi_...`).
            amount: In the smallest currency unit; by default all that is left. Never more than was paid.
            reason: Why, for example `requested_by_customer`.
            metadata: Up to you: string keys and string values.
            idempotency_key: Names this one refund: the same key never refunds twice within 24 hours. After that, look
                for the refund with `list(payment_intent=...)` first. By default a random key for each call, shared by
                its retries.

        Returns:
            The refund: `succeeded`, or `pending` where the money takes its time, as it does to a bank account. Look a
            pending one up later: it can still fail.

        Raises:
            finsecure.InvalidRequestError: More than is left (`param` is `amount`), or nothing was paid.
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
        """Look up one refund.

        Args:
            id: The refund's id (`re_...`).

        Raises:
            finsecure.InvalidRequestError: There is none with this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.refunds.retrieve(refund.id).status
            'succeeded'

        Reference: Basic Integration Testing.
        """
        return GET("/v1/refunds/{id}", Refund, id=id)

    @operation
    def update(self, id: str, *, metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN) -> Call[Refund]:
        """Change a refund's metadata; `None` clears it.

        Args:
            id: The refund's id (`re_...`).
            metadata: Replaces all metadata.

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
        """List refunds, newest first; iterate the answer for all of them.

        Args:
            payment_intent: Only those of this PaymentIntent (`pi_...`).
            created: Bounds on the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects a page, 1 to 100; the API's default is 10. It does not bound the iteration.
            starting_after: Id after which the page begins.
            ending_before: Id before which the page ends. Not together with `starting_after`.

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
    """Money given back.

    Attributes:
        amount: In the smallest currency unit.
        charge: Id of the charge it was taken from (`ch_...`).
        created: When, in UTC.
        payment_intent: Id of the PaymentIntent (`pi_...`).
    """

    object: Literal["refund"] = "refund"
    amount: int = ABSENT
    charge: str | None = None
    created: Timestamp = ABSENT
    currency: str = ABSENT
    livemode: bool | None = None
    metadata: dict[str, str] | None = None
    payment_intent: str | None = None
    reason: str | None = None
    status: RefundStatus = ABSENT
