"""The Python client for the FinSecure payments API: typed, safe to retry, with a sandbox for tests.

Example::

    import finsecure

    client = finsecure.Client("sk_test_...")
    intent = client.payment_intents.create(amount=2000, currency="usd")

Every public name is listed here and loaded on first use, so `import finsecure` costs next to nothing.
"""

from __future__ import annotations

# False at runtime. `typing.TYPE_CHECKING` would take longer to import than this whole module. A literal `False` would
# make jedi skip the block, and complete nothing.
TYPE_CHECKING = bool()  # noqa: UP018
if TYPE_CHECKING:
    from typing import Any

    from . import error, money, sandbox, testing, webhooks
    from ._call import LastResponse
    from ._client import AsyncClient, Client
    from ._clock import Clock
    from ._config import Options
    from ._default import configure, request, request_list
    from ._headers import Headers
    from ._pages import AsyncPage, AsyncPages, Page
    from ._params import NOT_GIVEN, CreatedFilter, NotGiven
    from ._rows import rows
    from ._version import API_VERSION, __version__
    from .error import (
        ADVICE,
        Advice,
        APIConnectionError,
        APIError,
        APITimeoutError,
        AuthenticationError,
        CardError,
        DeclineCode,
        ErrorCode,
        ErrorType,
        EventInProgress,
        FinSecureError,
        IdempotencyError,
        InboxError,
        InvalidRequestError,
        RateLimitError,
        SandboxError,
        SignatureVerificationError,
        WebhookPayloadError,
        WebhookUsageError,
    )
    from .money import from_minor_units, to_minor_units
    from .resources._object import ListObject, Object
    from .resources.charges import Charge, Charges, ChargeStatus
    from .resources.customers import Customer, Customers, InvoiceSettings, InvoiceSettingsParams
    from .resources.events import (
        AnyEvent,
        Event,
        EventData,
        EventRequest,
        Events,
        Invoice,
        InvoiceStatus,
        Subscription,
        SubscriptionStatus,
        UnknownEvent,
        UnknownEventData,
    )
    from .resources.payment_intents import (
        NextAction,
        NextActionType,
        PaymentError,
        PaymentIntent,
        PaymentIntents,
        PaymentIntentStatus,
        PaymentMethodType,
        RedirectToUrl,
        SetupFutureUsage,
    )
    from .resources.payment_methods import (
        AccountHolderType,
        AccountType,
        Address,
        AddressParams,
        BankAccount,
        BankAccountParams,
        BillingDetails,
        BillingDetailsParams,
        Card,
        CardBrand,
        CardChecks,
        CardFunding,
        CardNetworks,
        CardParams,
        CheckResult,
        InlinePaymentMethod,
        PaymentMethod,
        PaymentMethodKind,
        PaymentMethods,
        ThreeDSecureUsage,
    )
    from .resources.refunds import (
        Refund,
        RefundReason,
        Refunds,
        RefundStatus,
    )
    from .resources.webhook_endpoints import (
        EventType,
        WebhookEndpoint,
        WebhookEndpoints,
        WebhookEndpointStatus,
    )
else:  # hidden from type checkers, which would accept any name otherwise

    def __getattr__(name: str) -> Any:
        import importlib

        module = _HOME.get(name)
        if module is None:
            if name.startswith("_"):  # tools look these up on every module
                raise AttributeError(f"module 'finsecure' has no attribute {name!r}")
            from ._habits import of_module

            raise AttributeError(of_module(__name__, name, _HOME), name=name, obj=None)
        if module == "":
            return importlib.import_module(f".{name}", __name__)
        value = getattr(importlib.import_module(module, __name__), name)
        globals()[name] = value
        return value

    import sys

    _ModuleType = type(sys)

    class _Module(_ModuleType):
        """Refuses to set options that other SDKs have on their module, which would silently do nothing here."""

        def __setattr__(self, name: str, value: object) -> None:
            if name not in _HOME and name != "api_key" and not (name.startswith("_") or type(value) is _ModuleType):
                from ._habits import of_module
                from ._habits.attributes import OF_THE_MODULE

                if name in OF_THE_MODULE:
                    raise AttributeError(of_module(__name__, name, ()))
            super().__setattr__(name, value)

    sys.modules[__name__].__class__ = _Module
    del sys


api_key: str | None = None
"""The key for module-level calls such as `finsecure.PaymentIntent.create(...)`. By default `FINSECURE_SECRET_KEY`."""

_FROM = {
    "": ("error", "money", "sandbox", "testing", "webhooks"),
    "._call": ("LastResponse",),
    "._client": ("AsyncClient", "Client"),
    "._clock": ("Clock",),
    "._config": ("Options",),
    "._default": ("configure", "request", "request_list"),
    "._headers": ("Headers",),
    "._pages": ("AsyncPage", "AsyncPages", "Page"),
    "._params": ("NOT_GIVEN", "CreatedFilter", "NotGiven"),
    "._rows": ("rows",),
    "._version": ("API_VERSION", "__version__"),
    ".error": (
        "ADVICE",
        "APIConnectionError",
        "APIError",
        "APITimeoutError",
        "Advice",
        "AuthenticationError",
        "CardError",
        "DeclineCode",
        "ErrorCode",
        "ErrorType",
        "EventInProgress",
        "FinSecureError",
        "IdempotencyError",
        "InboxError",
        "InvalidRequestError",
        "RateLimitError",
        "SandboxError",
        "SignatureVerificationError",
        "WebhookPayloadError",
        "WebhookUsageError",
    ),
    ".money": ("from_minor_units", "to_minor_units"),
    ".resources._object": ("ListObject", "Object"),
    ".resources.charges": ("Charge", "ChargeStatus", "Charges"),
    ".resources.customers": ("Customer", "Customers", "InvoiceSettings", "InvoiceSettingsParams"),
    ".resources.events": (
        "AnyEvent",
        "Event",
        "EventData",
        "EventRequest",
        "Events",
        "Invoice",
        "InvoiceStatus",
        "Subscription",
        "SubscriptionStatus",
        "UnknownEvent",
        "UnknownEventData",
    ),
    ".resources.payment_intents": (
        "NextAction",
        "NextActionType",
        "PaymentError",
        "PaymentIntent",
        "PaymentIntentStatus",
        "PaymentIntents",
        "PaymentMethodType",
        "RedirectToUrl",
        "SetupFutureUsage",
    ),
    ".resources.payment_methods": (
        "AccountHolderType",
        "AccountType",
        "Address",
        "AddressParams",
        "BankAccount",
        "BankAccountParams",
        "BillingDetails",
        "BillingDetailsParams",
        "Card",
        "CardBrand",
        "CardChecks",
        "CardFunding",
        "CardNetworks",
        "CardParams",
        "CheckResult",
        "InlinePaymentMethod",
        "PaymentMethod",
        "PaymentMethodKind",
        "PaymentMethods",
        "ThreeDSecureUsage",
    ),
    ".resources.refunds": ("Refund", "RefundReason", "RefundStatus", "Refunds"),
    ".resources.webhook_endpoints": ("EventType", "WebhookEndpoint", "WebhookEndpointStatus", "WebhookEndpoints"),
}
_HOME = {name: module for module, names in _FROM.items() for name in names}


def __dir__() -> list[str]:
    return sorted({*_HOME, "api_key"})


__all__ = [
    "ADVICE",
    "API_VERSION",
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AccountHolderType",
    "AccountType",
    "Address",
    "AddressParams",
    "Advice",
    "AnyEvent",
    "AsyncClient",
    "AsyncPage",
    "AsyncPages",
    "AuthenticationError",
    "BankAccount",
    "BankAccountParams",
    "BillingDetails",
    "BillingDetailsParams",
    "Card",
    "CardBrand",
    "CardChecks",
    "CardError",
    "CardFunding",
    "CardNetworks",
    "CardParams",
    "Charge",
    "ChargeStatus",
    "Charges",
    "CheckResult",
    "Client",
    "Clock",
    "CreatedFilter",
    "Customer",
    "Customers",
    "DeclineCode",
    "ErrorCode",
    "ErrorType",
    "Event",
    "EventData",
    "EventInProgress",
    "EventRequest",
    "EventType",
    "Events",
    "FinSecureError",
    "Headers",
    "IdempotencyError",
    "InboxError",
    "InlinePaymentMethod",
    "InvalidRequestError",
    "Invoice",
    "InvoiceSettings",
    "InvoiceSettingsParams",
    "InvoiceStatus",
    "LastResponse",
    "ListObject",
    "NextAction",
    "NextActionType",
    "NotGiven",
    "Object",
    "Options",
    "Page",
    "PaymentError",
    "PaymentIntent",
    "PaymentIntentStatus",
    "PaymentIntents",
    "PaymentMethod",
    "PaymentMethodKind",
    "PaymentMethodType",
    "PaymentMethods",
    "RateLimitError",
    "RedirectToUrl",
    "Refund",
    "RefundReason",
    "RefundStatus",
    "Refunds",
    "SandboxError",
    "SetupFutureUsage",
    "SignatureVerificationError",
    "Subscription",
    "SubscriptionStatus",
    "ThreeDSecureUsage",
    "UnknownEvent",
    "UnknownEventData",
    "WebhookEndpoint",
    "WebhookEndpointStatus",
    "WebhookEndpoints",
    "WebhookPayloadError",
    "WebhookUsageError",
    "__version__",
    "configure",
    "error",
    "from_minor_units",
    "money",
    "request",
    "request_list",
    "rows",
    "sandbox",
    "testing",
    "to_minor_units",
    "webhooks",
]
