"""Customers: people who pay again. Reference: Customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from typing_extensions import TypedDict

from .._call import DELETE, GET, LIST, POST, PUT, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import NOT_GIVEN, CreatedFilter, NotGiven
from ._object import ABSENT, Json, Object, Part, Timestamp


class InvoiceSettingsParams(TypedDict, total=False):
    """Settings for a customer's invoices."""

    custom_fields: list[dict[str, str]] | None
    """Extra lines on the invoice."""
    default_payment_method: str | None
    """Id of the default payment method (`pm_...`)."""
    footer: str | None
    """Text at the end of the invoice."""


class Customers(Operations[D_co]):
    """Create and manage customers. Reference: Customers."""

    @operation
    def create(
        self,
        *,
        email: str | None = None,
        name: str | None = None,
        phone: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        payment_method: str | None = None,
        invoice_settings: InvoiceSettingsParams | InvoiceSettings | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Customer]:
        """Create a customer.

        Args:
            email: The customer's email address.
            name: The customer's full name.
            phone: The customer's phone number.
            description: For your own records.
            metadata: Your own keys and values, both strings.
            payment_method: Id of the default payment method (`pm_...`).
            invoice_settings: `default_payment_method`, `custom_fields`, `footer`.
            idempotency_key: Makes it safe to send this request again within 24 hours. Random by default.

        Returns:
            The customer.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> customer = client.customers.create(
            ...     email="customer@example.com", metadata={"signup_source": "website"}
            ... )

        Reference: Customers, Create Customer.
        """
        return POST(
            "/v1/customers",
            Customer,
            email=email,
            name=name,
            phone=phone,
            description=description,
            metadata=metadata,
            payment_method=payment_method,
            invoice_settings=invoice_settings,
            idempotency_key=idempotency_key,
        )

    @operation
    def retrieve(self, id: str) -> Call[Customer]:
        """Retrieve a customer.

        Args:
            id: The customer's id (`cus_...`).

        Returns:
            The customer.

        Raises:
            finsecure.InvalidRequestError: No customer has this id, or it was deleted (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.customers.retrieve(customer.id).email
            'customer@example.com'

        Reference: Customers.
        """
        return GET("/v1/customers/{id}", Customer, id=id)

    @operation
    def update(
        self,
        id: str,
        *,
        email: str | NotGiven | None = NOT_GIVEN,
        name: str | NotGiven | None = NOT_GIVEN,
        phone: str | NotGiven | None = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        payment_method: str | NotGiven | None = NOT_GIVEN,
        invoice_settings: InvoiceSettingsParams | InvoiceSettings | NotGiven | None = NOT_GIVEN,
    ) -> Call[Customer]:
        """Update a customer.

        Parameters that you leave out keep their value, also inside `invoice_settings`; `None` clears one.

        Args:
            id: The customer's id (`cus_...`).
            email: The customer's email address.
            name: The customer's full name.
            phone: The customer's phone number.
            description: For your own records.
            metadata: Replaces all metadata; `None` clears it.
            payment_method: Id of the default payment method (`pm_...`); `None` for no default.
            invoice_settings: `default_payment_method`, `custom_fields`, `footer`.

        Returns:
            The customer, with the new values.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> customer = client.customers.update(customer.id, name="Jo", phone=None)

        Reference: Customers.
        """
        return PUT(
            "/v1/customers/{id}",
            Customer,
            id=id,
            email=email,
            name=name,
            phone=phone,
            description=description,
            metadata=metadata,
            payment_method=payment_method,
            invoice_settings=invoice_settings,
        )

    @operation
    def delete(self, id: str) -> Call[Customer]:
        """Permanently delete a customer.

        Args:
            id: The customer's id (`cus_...`).

        Returns:
            A Customer with only its `id`, and `deleted` true.

        Raises:
            finsecure.InvalidRequestError: No customer has this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.customers.delete(customer.id).deleted
            True

        Reference: Customers.
        """
        return DELETE("/v1/customers/{id}", Customer, id=id)

    @listing
    def list(
        self,
        *,
        email: str | None = None,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[Customer]]:
        """List customers, newest first. Iterate the page to get all of them.

        Args:
            email: Only those with this email address.
            created: Limits the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of customers.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> for customer in client.customers.list(email="customer@example.com"):
            ...     print(customer.id)

        Reference: Consistency Standards, Pagination.
        """
        return LIST(
            "/v1/customers",
            Customer,
            email=email,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class InvoiceSettings(Part):
    """Settings for a customer's invoices."""

    custom_fields: list[dict[str, Json]] | None = None
    """Extra lines on the invoice."""
    default_payment_method: str | None = None
    """Id of the default payment method (`pm_...`)."""
    footer: str | None = None
    """Text at the end of the invoice."""


class Customer(Object, Customers[None]):
    """A customer. Reference: Customers."""

    object: Literal["customer"] = "customer"
    """Always `customer`."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    default_source: str | None = None
    """Always `None`: the default is `invoice_settings.default_payment_method`."""
    deleted: bool | None = None
    """True if `delete` returned it."""
    description: str | None = None
    """For your own records."""
    email: str | None = None
    """Email address."""
    invoice_prefix: str | None = None
    """The prefix of the customer's invoice numbers."""
    invoice_settings: InvoiceSettings | None = None
    """Settings for invoices, with the default payment method."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
    name: str | None = None
    """Full name."""
    phone: str | None = None
    """Phone number."""
    preferred_locales: list[str] | None = None
    """The customer's languages, the preferred one first."""
    shipping: dict[str, Json] | None = None
    """Where the goods are shipped."""
    tax_exempt: str | None = None
    """Whether the customer is exempt from taxes; `none` if not."""
