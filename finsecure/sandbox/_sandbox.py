"""`Sandbox`: the engine, its store, its doors and its webhooks, put together."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx

from ._asgi import application
from ._clock import Clock
from ._courier import Courier
from ._deliveries import Deliverer
from ._engine import Engine
from ._http import BASE_URL
from ._server import Server
from ._store import Delivery, Store
from ._transport import InProcessTransport

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.applications import Starlette
    from typing_extensions import Self

    from finsecure import AsyncClient, Client


class Sandbox:
    """A FinSecure of your own, in this process.

    Args:
        db: A file to keep the state in, keys included; opened again, it goes on where it was. `None` keeps it in
            memory.
        clock: The time. `None` follows the system clock, and webhooks are then delivered by themselves; with a clock
            that stands still `deliver()` delivers them.
        ids: Gives the part of an id after its prefix (`"pi"`, `"cus"`, `"req"`, …); each one only once. `None` makes
            random ones.
        rate_limit: Requests per second for each key, as many at once. `None` for no limit.
        settle_after: Seconds that a bank payment is `processing`, and a refund `pending`, before the outcome.

    Raises:
        sqlite3.Error: `db` cannot be opened or is not a database.
        ValueError: `rate_limit` is not more than zero, or `settle_after` is negative.

    Attributes:
        secret_key: `sk_test_…`.
        publishable_key: `pk_test_…`.
        webhook_secret: What every webhook of this sandbox is signed with.
        base_url: The base URL of the door without a socket, `transport`.
        clock: The time.
    """

    secret_key: str
    publishable_key: str
    webhook_secret: str
    base_url: str
    clock: Clock

    def __init__(
        self,
        *,
        db: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
        ids: Callable[[str], str] | None = None,
        rate_limit: float | None = None,
        settle_after: float = 2.0,
    ) -> None:
        if settle_after < 0:
            raise ValueError(f"settle_after must be zero or more seconds, not {settle_after!r}.")
        self.base_url = BASE_URL
        self.clock = clock or Clock()
        self._store = Store(db)
        try:
            self._engine = Engine(
                self._store, self.clock, ids or _random_id, rate_limit, settle_after, self._something_may_be_due
            )
        except BaseException:
            self._store.close()
            raise
        keys = self._engine.keys
        self.secret_key, self.publishable_key, self.webhook_secret = keys.secret, keys.publishable, keys.webhook
        self._transport = InProcessTransport(self._engine.handle)
        self._deliverer = Deliverer(self._store, self.clock, keys.webhook)
        self._courier = Courier(self._round)
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._http_clients: list[httpx.Client] = []
        self._async_http_clients: list[httpx.AsyncClient] = []
        self._something_may_be_due()

    def client(self, **options: Any) -> Client:
        """A `finsecure.Client` that talks to this sandbox without a socket, on the sandbox's clock.

        Args:
            options: Passed on to `finsecure.Client`.
        """
        import finsecure

        http_client = httpx.Client(transport=self._transport, trust_env=False)
        self._http_clients.append(http_client)
        given: dict[str, Any] = {"base_url": self.base_url, "http_client": http_client, "clock": self.clock, **options}
        return finsecure.Client(self.secret_key, **given)

    def async_client(self, **options: Any) -> AsyncClient:
        """A `finsecure.AsyncClient` that talks to this sandbox without a socket, on the sandbox's clock.

        Args:
            options: Passed on to `finsecure.AsyncClient`.
        """
        import finsecure

        http_client = httpx.AsyncClient(transport=self._transport, trust_env=False)
        self._async_http_clients.append(http_client)
        given: dict[str, Any] = {"base_url": self.base_url, "http_client": http_client, "clock": self.clock, **options}
        return finsecure.AsyncClient(self.secret_key, **given)

    @property
    def transport(self) -> InProcessTransport:
        """The transport for an `httpx.Client` or `httpx.AsyncClient` of your own; its base URL is `base_url`."""
        return self._transport

    @cached_property
    def app(self) -> Starlette:
        """The ASGI application, for a server or a test client of your own. Needs `finsecure[sandbox]`."""
        return application(self._engine.handle)

    def serve(self, port: int = 0) -> Server:
        """Answer real HTTP on 127.0.0.1, in a thread. Needs `finsecure[sandbox]`.

        Args:
            port: The port; 0 picks a free one.

        Returns:
            The server, with `base_url` and `close()`; also a context manager. `Sandbox.close` closes it too.

        Raises:
            ImportError: The extra is not installed.
            OSError: The port is taken.
            ValueError: It is no port.
        """
        server = Server(self._engine.handle, port)
        with self._lock:
            self._servers.append(server)
        return server

    def resolve_action(self, payment_intent_id: str, *, succeed: bool = True) -> None:
        """Be the customer who completes 3D Secure, or fails to.

        Args:
            payment_intent_id: A PaymentIntent with status `requires_action`.
            succeed: Whether the customer authorises the payment.

        Raises:
            LookupError: There is no such PaymentIntent.
            ValueError: It does not wait for the customer.
        """
        self._engine.resolve_action(payment_intent_id, succeed=succeed)

    def deliver(self) -> list[Delivery]:
        """Settle the bank payments and refunds whose time has come, and deliver the webhooks that are due.

        Returns:
            What was tried. A try that failed is due again 1, 5, 30 and 120 seconds later, by the sandbox's clock.
        """
        self._engine.settle()
        return self._deliverer.deliver_due()

    @property
    def deliveries(self) -> list[Delivery]:
        """Every try to deliver a webhook so far, oldest first."""
        return self._store.delivery_log()

    def close(self) -> None:
        """Stop the servers and the deliveries, and close the database. Closing it twice is harmless."""
        with self._lock:
            servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        self._courier.close()
        self._deliverer.close()
        for http_client in self._http_clients:
            http_client.close()
        for async_http_client in self._async_http_clients:
            # Over the in-process transport it has nothing to wait for, so one step runs it to its end.
            with suppress(StopIteration):
                async_http_client.aclose().send(None)
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _something_may_be_due(self) -> None:
        if not self.clock.frozen and self._store.next_due() is not None:
            self._courier.wake()

    def _round(self) -> float | None:
        self.deliver()
        due = self._store.next_due()
        return None if due is None else max(0.0, due - self.clock.time())


def _random_id(_: str) -> str:
    return secrets.token_hex(12)
