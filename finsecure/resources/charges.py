"""Charges: the attempts to charge a payment method. Reference: Confirm Payment Intent."""

from __future__ import annotations

from typing import Literal, TypeAlias

from .._call import GET, LIST, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import CreatedFilter
from ._object import ABSENT, Object, Timestamp

ChargeStatus: TypeAlias = Literal["pending", "succeeded", "failed"] | str
"""The status of a charge. Values that are not yet known pass through."""


class Charges(Operations[D_co]):
    """Retrieve and list the charges of PaymentIntents."""

    @operation
    def retrieve(self, id: str) -> Call[Charge]:
        """Retrieve a charge.

        Args:
            id: The charge's id (`ch_...`).

        Returns:
            The charge.

        Raises:
            finsecure.InvalidRequestError: No charge has this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.charges.retrieve(charge.id).paid
            True

        Reference: Payment Intents, Confirm Payment Intent.
        """
        return GET("/v1/charges/{id}", Charge, id=id)

    @listing
    def list(
        self,
        *,
        payment_intent: str | None = None,
        customer: str | None = None,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[Charge]]:
        """List charges, newest first. Iterate the page to get all of them.

        Args:
            payment_intent: Only those of this PaymentIntent (`pi_...`).
            customer: Only those of this customer (`cus_...`).
            created: Limits the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of charges.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> for charge in client.charges.list(payment_intent=intent.id):
            ...     print(charge.id, charge.status)

        Reference: Consistency Standards, Pagination.
        """
        return LIST(
            "/v1/charges",
            Charge,
            payment_intent=payment_intent,
            customer=customer,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class Charge(Object, Charges[None]):
    """An attempt to charge a payment method.

    Attributes:
        amount: In the smallest currency unit.
        amount_refunded: What was refunded, in the smallest currency unit.
        created: When, in UTC.
        paid: Whether it succeeded.
        refunded: Whether all of it was refunded.
    """

    object: Literal["charge"] = "charge"
    amount: int = ABSENT
    amount_refunded: int | None = None
    created: Timestamp = ABSENT
    currency: str = ABSENT
    customer: str | None = None
    description: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    livemode: bool | None = None
    metadata: dict[str, str] | None = None
    paid: bool | None = None
    payment_intent: str | None = None
    payment_method: str | None = None
    receipt_email: str | None = None
    refunded: bool | None = None
    status: ChargeStatus = ABSENT
