"""The resources of a client, each loaded when it is first used: most programs need two of the seven."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from .resources.charges import Charges
    from .resources.customers import Customers
    from .resources.events import Events
    from .resources.payment_intents import PaymentIntents
    from .resources.payment_methods import PaymentMethods
    from .resources.refunds import Refunds
    from .resources.webhook_endpoints import WebhookEndpoints

C_co = TypeVar("C_co", covariant=True)


class Resources(Generic[C_co]):
    """What `Client` and `AsyncClient` offer; `C_co` is which of them."""

    @cached_property
    def payment_intents(self) -> PaymentIntents[C_co]:
        """Create, confirm and look up payments. Reference: Payment Intents."""
        from .resources.payment_intents import PaymentIntents

        return PaymentIntents(self._sender)

    @cached_property
    def payment_methods(self) -> PaymentMethods[C_co]:
        """Create payment methods and keep them for customers. Reference: Payment Methods."""
        from .resources.payment_methods import PaymentMethods

        return PaymentMethods(self._sender)

    @cached_property
    def customers(self) -> Customers[C_co]:
        """Remember who pays. Reference: Customers."""
        from .resources.customers import Customers

        return Customers(self._sender)

    @cached_property
    def refunds(self) -> Refunds[C_co]:
        """Give money back, all of it or a part."""
        from .resources.refunds import Refunds

        return Refunds(self._sender)

    @cached_property
    def charges(self) -> Charges[C_co]:
        """Look up the attempts to take the money of PaymentIntents."""
        from .resources.charges import Charges

        return Charges(self._sender)

    @cached_property
    def events(self) -> Events[C_co]:
        """Look up what happened. Reference: Webhooks."""
        from .resources.events import Events

        return Events(self._sender)

    @cached_property
    def webhook_endpoints(self) -> WebhookEndpoints[C_co]:
        """Say where events are delivered. Reference: Webhooks, Webhook Endpoint Configuration."""
        from .resources.webhook_endpoints import WebhookEndpoints

        return WebhookEndpoints(self._sender)

    @property
    def _sender(self) -> Any:  # this very client, which is a `C_co`
        return self
