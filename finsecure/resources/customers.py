"""Customers: who pays, again and again. Reference: Customers."""

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
    """How a customer's invoices are made out."""

    custom_fields: list[dict[str, str]] | None
    default_payment_method: str | None
    footer: str | None


class Customers(Operations[D_co]):
    """Remember who pays. Reference: Customers."""

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
        """Remember a customer.

        Args:
            email: The customer's email address.
            name: The customer's full name.
            phone: The customer's phone number.
            description: For your own records.
            metadata: Up to you: string keys and string values.
            payment_method: Id of the default payment method (`pm_...`).
            invoice_settings: `default_payment_method`, `custom_fields`, `footer`.
            idempotency_key: Names this one request; random by default.

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
        """Look up one customer.

        Args:
            id: The customer's id (`cus_...`).

        Raises:
            finsecure.InvalidRequestError: There is none with this id, or it was deleted (code `resource_missing`).
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
        """Change a customer. What is left out stays as it is, also inside `invoice_settings`; `None` clears.

        Args:
            id: The customer's id (`cus_...`).
            email: The customer's email address.
            name: The customer's full name.
            phone: The customer's phone number.
            description: For your own records.
            metadata: Replaces all metadata.
            payment_method: Id of the default payment method (`pm_...`); `None` for no default.
            invoice_settings: `default_payment_method`, `custom_fields`, `footer`.

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
        """Forget a customer for good.

        Args:
            id: The customer's id (`cus_...`).

        Returns:
            A Customer with its `id` and `deleted` true, and nothing else.

        Raises:
            finsecure.InvalidRequestError: There is none with this id (code `resource_missing`).
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
        """List customers, newest first; iterate the answer for all of them.

        Args:
            email: Only those with this email address.
            created: Bounds on the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects a page, 1 to 100; the API's default is 10. It does not bound the iteration.
            starting_after: Id after which the page begins.
            ending_before: Id before which the page ends. Not together with `starting_after`.

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
    """How a customer's invoices are made out."""

    custom_fields: list[dict[str, Json]] | None = None
    default_payment_method: str | None = None
    footer: str | None = None


class Customer(Object, Customers[None]):
    """Someone who pays. Reference: Customers.

    Attributes:
        created: When, in UTC.
        deleted: True in the answer to `delete`.
        invoice_settings: Where the default payment method is.
    """

    object: Literal["customer"] = "customer"
    created: Timestamp = ABSENT
    default_source: str | None = None
    deleted: bool | None = None
    description: str | None = None
    email: str | None = None
    invoice_prefix: str | None = None
    invoice_settings: InvoiceSettings | None = None
    livemode: bool | None = None
    metadata: dict[str, str] | None = None
    name: str | None = None
    phone: str | None = None
    preferred_locales: list[str] | None = None
    shipping: dict[str, Json] | None = None
    tax_exempt: str | None = None
