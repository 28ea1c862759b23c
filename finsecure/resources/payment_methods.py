"""PaymentMethods: how a customer pays. Reference: Payment Methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from typing_extensions import NotRequired, Required, TypedDict

from .._call import GET, LIST, POST, PUT, Call
from .._operation import D_co, Operations, listing, operation
from .._pages import Page
from .._params import NOT_GIVEN, CreatedFilter, NotGiven
from ._object import ABSENT, Json, Object, Part, Timestamp

PaymentMethodKind: TypeAlias = Literal["card", "us_bank_account"] | str
"""The types of payment method that can be created. Any other passes through."""

CardBrand: TypeAlias = Literal["visa", "mastercard"] | str
"""The known card brands. Any other passes through."""

CardFunding: TypeAlias = Literal["credit", "debit", "prepaid", "unknown"] | str
"""How a card is funded."""

CheckResult: TypeAlias = Literal["pass", "fail", "unavailable", "unchecked"] | str
"""The result of the bank's check of a detail."""

AccountHolderType: TypeAlias = Literal["individual", "company"] | str
"""The kind of owner of a bank account."""

AccountType: TypeAlias = Literal["checking", "savings"] | str
"""The type of a bank account."""


class CardParams(TypedDict):
    """The details of a card. If possible, keep them off your servers. They are never logged.

    `exp_month` is 1 to 12 and `exp_year` has four digits.
    """

    number: str
    """The card number. With a secret key, sending it brings your server into the scope of PCI DSS."""
    exp_month: int
    """Month of expiry, 1 to 12."""
    exp_year: int
    """Year of expiry, four digits."""
    cvc: NotRequired[str]
    """The security code, three or four digits."""


class BankAccountParams(TypedDict):
    """The details of a US bank account."""

    routing_number: str
    """Routing number of the bank, nine digits."""
    account_number: str
    """Account number."""
    account_holder_type: NotRequired[Literal["individual", "company"]]
    """`individual` or `company`."""
    account_type: NotRequired[Literal["checking", "savings"]]
    """`checking` or `savings`."""


class AddressParams(TypedDict, total=False):
    """A postal address; `country` is a two-letter ISO code."""

    line1: str | None
    """Street and number."""
    line2: str | None
    """Apartment, floor or the like."""
    city: str | None
    """City."""
    state: str | None
    """State, county or province."""
    postal_code: str | None
    """ZIP or postal code."""
    country: str | None
    """Two-letter ISO 3166 code, for example `US`."""


class BillingDetailsParams(TypedDict, total=False):
    """The owner of the payment method."""

    name: str | None
    """Full name."""
    email: str | None
    """Email address."""
    phone: str | None
    """Phone number."""
    address: AddressParams | Address | None
    """The address."""


class InlinePaymentMethod(TypedDict, total=False):
    """The details of a payment method, in place of its id."""

    type: Required[Literal["card", "us_bank_account"]]
    """The type. Pass the details under the key of the same name."""
    card: CardParams
    """`number`, `exp_month`, `exp_year` and `cvc`."""
    us_bank_account: BankAccountParams
    """`routing_number`, `account_number`, `account_holder_type` and `account_type`."""
    billing_details: BillingDetailsParams | BillingDetails
    """Name, email, phone and address of its owner."""
    metadata: Mapping[str, str]
    """Your own key-value pairs."""


class PaymentMethods(Operations[D_co]):
    """Create payment methods and attach them to customers. Reference: Payment Methods."""

    @operation
    def create(
        self,
        *,
        type: Literal["card", "us_bank_account"],
        card: CardParams | None = None,
        us_bank_account: BankAccountParams | None = None,
        billing_details: BillingDetailsParams | BillingDetails | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[PaymentMethod]:
        """Create a payment method. This is the only operation that a publishable key may call.

        Args:
            type: `card` or `us_bank_account`. Pass the details in the parameter of the same name.
            card: `number`, `exp_month` (1 to 12), `exp_year` (four digits), `cvc`.
            us_bank_account: `routing_number`, `account_number`, `account_holder_type` (`individual` or `company`),
                `account_type` (`checking` or `savings`).
            billing_details: `name`, `email`, `phone` and `address` of the owner, or another payment method's.
            metadata: Your own keys and values, both strings.
            idempotency_key: Makes it safe to send this request again within 24 hours. Random by default.

        Returns:
            The payment method, with the brand and the last four digits of a card, never its number.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> card = client.payment_methods.create(
            ...     type="card",
            ...     card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2030},
            ... )
            >>> card.card.last4
            '4242'

        Reference: Payment Methods, Create Payment Method.
        """
        return POST(
            "/v1/payment_methods",
            PaymentMethod,
            publishable=True,
            required=("type",),
            type=type,
            card=card,
            us_bank_account=us_bank_account,
            billing_details=billing_details,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )

    @operation
    def retrieve(self, id: str) -> Call[PaymentMethod]:
        """Retrieve a payment method.

        Args:
            id: The payment method's id (`pm_...`).

        Returns:
            The payment method.

        Raises:
            finsecure.InvalidRequestError: No payment method has this id (code `resource_missing`).
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.payment_methods.retrieve(card.id).type
            'card'

        Reference: Payment Methods, Retrieve Payment Method.
        """
        return GET("/v1/payment_methods/{id}", PaymentMethod, id=id)

    @operation
    def update(
        self,
        id: str,
        *,
        billing_details: BillingDetailsParams | BillingDetails | NotGiven | None = NOT_GIVEN,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
    ) -> Call[PaymentMethod]:
        """Update a payment method.

        Parameters that you leave out keep their value, also inside `billing_details`; `None` clears one.

        Args:
            id: The payment method's id (`pm_...`).
            billing_details: `name`, `email`, `phone` and `address` of the owner, or another payment method's.
            metadata: Replaces all metadata; `None` clears it.

        Returns:
            The payment method, with the new values.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> card = client.payment_methods.update(card.id, metadata={"use": "travel"})

        Reference: Payment Methods.
        """
        return PUT("/v1/payment_methods/{id}", PaymentMethod, id=id, billing_details=billing_details, metadata=metadata)

    @operation
    def attach(self, id: str, *, customer: str, idempotency_key: str | None = None) -> Call[PaymentMethod]:
        """Attach a payment method to a customer, who can then pay with it again.

        Args:
            id: The payment method's id (`pm_...`).
            customer: The customer's id (`cus_...`).
            idempotency_key: Makes it safe to send this request again within 24 hours. Random by default.

        Returns:
            The payment method, with its `customer`.

        Raises:
            finsecure.InvalidRequestError: One of them does not exist, or it belongs to another customer.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> card = client.payment_methods.attach(card.id, customer=customer.id)

        Reference: Payment Methods.
        """
        return POST(
            "/v1/payment_methods/{id}/attach",
            PaymentMethod,
            id=id,
            required=("customer",),
            customer=customer,
            idempotency_key=idempotency_key,
        )

    @operation
    def detach(self, id: str, *, idempotency_key: str | None = None) -> Call[PaymentMethod]:
        """Detach a payment method from its customer.

        Args:
            id: The payment method's id (`pm_...`).
            idempotency_key: Makes it safe to send this request again within 24 hours. Random by default.

        Returns:
            The payment method. Its `customer` is `None`.

        Raises:
            finsecure.InvalidRequestError: It does not exist, or is not attached to a customer.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> client.payment_methods.detach(card.id).customer is None
            True

        Reference: Payment Methods.
        """
        return POST("/v1/payment_methods/{id}/detach", PaymentMethod, id=id, idempotency_key=idempotency_key)

    @listing
    def list(
        self,
        *,
        customer: str | None = None,
        type: PaymentMethodKind | None = None,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Call[Page[PaymentMethod]]:
        """List payment methods, newest first. Iterate the page to get all of them.

        Args:
            customer: Only those of this customer (`cus_...`).
            type: Only those of this type, for example `card`.
            created: Limits the creation time: `gt`, `gte`, `lt`, `lte`.
            limit: Objects per page, 1 to 100; 10 by default. Iterating fetches every page.
            starting_after: Start after the object with this id.
            ending_before: End before the object with this id. Cannot be combined with `starting_after`.

        Returns:
            A page of payment methods.

        Raises:
            finsecure.InvalidRequestError: A parameter is wrong; `param` names it.
            finsecure.FinSecureError: Any other failure; see `finsecure.error`.

        Example:
            >>> cards = list(client.payment_methods.list(customer=customer.id, type="card"))

        Reference: Consistency Standards, Pagination.
        """
        return LIST(
            "/v1/payment_methods",
            PaymentMethod,
            customer=customer,
            type=type,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )


class Address(Part):
    """A postal address."""

    city: str | None = None
    """City."""
    country: str | None = None
    """Two-letter ISO 3166 code, for example `US`."""
    line1: str | None = None
    """Street and number."""
    line2: str | None = None
    """Apartment, floor or the like."""
    postal_code: str | None = None
    """ZIP or postal code."""
    state: str | None = None
    """State, county or province."""


class BillingDetails(Part):
    """Whom a payment method belongs to."""

    address: Address | None = None
    """The address."""
    email: str | None = None
    """Email address."""
    name: str | None = None
    """Full name."""
    phone: str | None = None
    """Phone number."""


class CardChecks(Part):
    """What the bank said about the details: `pass`, `fail`, `unavailable`, `unchecked`."""

    address_line1_check: CheckResult | None = None
    """Whether the street is right: `pass`, `fail`, `unavailable` or `unchecked`."""
    address_postal_code_check: CheckResult | None = None
    """Whether the postal code is right."""
    cvc_check: CheckResult | None = None
    """Whether the CVC is right."""


class CardNetworks(Part):
    """The networks that a card can be charged on."""

    available: list[CardBrand] | None = None
    """The networks, for example `visa`."""
    preferred: CardBrand | None = None
    """The network to use, if the customer chose one."""


class ThreeDSecureUsage(Part):
    """Whether a card can be authenticated with 3D Secure."""

    supported: bool | None = None
    """Whether the card can be authenticated with 3D Secure."""


class Card(Part):
    """A card, without its number."""

    brand: CardBrand | None = None
    """For example `visa`."""
    checks: CardChecks | None = None
    """The results of the bank's checks of the details."""
    country: str | None = None
    """Two-letter ISO 3166 code of the bank's country."""
    exp_month: int | None = None
    """Month of expiry, 1 to 12."""
    exp_year: int | None = None
    """Year of expiry, four digits."""
    fingerprint: str | None = None
    """A value that is the same for each payment method with the same card number."""
    funding: CardFunding | None = None
    """`credit`, `debit`, `prepaid` or `unknown`."""
    last4: str | None = None
    """The last four digits."""
    networks: CardNetworks | None = None
    """The networks that the card can be charged on."""
    three_d_secure_usage: ThreeDSecureUsage | None = None
    """Whether it can be authenticated with 3D Secure."""
    wallet: dict[str, Json] | None = None
    """The wallet that the card came from."""


class BankAccount(Part):
    """A US bank account, without its number."""

    account_holder_type: AccountHolderType | None = None
    """`individual` or `company`."""
    account_type: AccountType | None = None
    """`checking` or `savings`."""
    bank_name: str | None = None
    """The name of the bank."""
    fingerprint: str | None = None
    """A value that is the same for each payment method with the same account number."""
    last4: str | None = None
    """The last four digits."""
    routing_number: str | None = None
    """Routing number of the bank, nine digits."""


class PaymentMethod(Object, PaymentMethods[None]):
    """How a customer pays. Reference: Payment Methods."""

    object: Literal["payment_method"] = "payment_method"
    """Always `payment_method`."""
    type: PaymentMethodKind | None = None
    """The type. The attribute of the same name has the details."""
    card: Card | None = None
    """The card, if `type` is `card`."""
    us_bank_account: BankAccount | None = None
    """The bank account, if `type` is `us_bank_account`."""
    billing_details: BillingDetails | None = None
    """Name, email, phone and address of its owner."""
    created: Timestamp = ABSENT
    """When it was created, in UTC."""
    customer: str | None = None
    """Id of the customer that it is attached to (`cus_...`)."""
    livemode: bool | None = None
    """Whether it is real money; false in test mode."""
    metadata: dict[str, str] | None = None
    """Your own key-value pairs."""
