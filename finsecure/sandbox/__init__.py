"""The FinSecure sandbox: the payments API with real state, on your machine, without a network.

Example::

    with finsecure.sandbox.Sandbox() as sandbox:
        client = sandbox.client()
        intent = client.payment_intents.create(amount=2000, currency="usd")

It is written from the API reference alone. Apart from webhook signing, it does not use the client's code, so that a
mistake in one of them shows as a disagreement with the other. Serving real HTTP (`Sandbox.serve`, `Sandbox.app`) needs
`finsecure[sandbox]`.
"""

from ._clock import Clock
from ._faults import Fault
from ._requests import LoggedRequest
from ._sandbox import Sandbox
from ._store import Delivery

__all__ = ["Clock", "Delivery", "Fault", "LoggedRequest", "Sandbox"]


def __dir__() -> list[str]:
    return __all__
