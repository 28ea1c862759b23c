"""Charges: the attempts to charge a payment method. Reference: Confirm Payment Intent."""

from __future__ import annotations

from typing import Literal, TypeAlias

from .._call import GET, LIST, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import CreatedFilter
from ..error import ErrorCode
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
    """An attempt to charge a payment method."""

    object: Literal["charge"] = "charge"
    """Always `charge`."""
    amount: int = ABSENT
    """In the smallest currency unit."""
    amount_refunded: int | None = None
    """What was refunded, in the smallest currency unit."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    currency: str = ABSENT
    """Three-letter ISO 4217 code, lower case."""
    customer: str | None = None
    """Id of the customer (`cus_...`)."""
    description: str | None = None
    """For your own records."""
    failure_code: ErrorCode | None = None
    """Why it failed, for example `card_declined`."""
    failure_message: str | None = None
    """Why it failed, for a person."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
    paid: bool | None = None
    """Whether it succeeded."""
    payment_intent: str | None = None
    """Id of the PaymentIntent (`pi_...`)."""
    payment_method: str | None = None
    """Id of the payment method (`pm_...`)."""
    receipt_email: str | None = None
    """Email address for the receipt."""
    refunded: bool | None = None
    """Whether all of it was refunded."""
    status: ChargeStatus = ABSENT
    """`pending`, `succeeded` or `failed`."""
