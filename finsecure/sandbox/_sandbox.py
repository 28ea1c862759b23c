"""`Sandbox`: combines the engine, the store, the transports and the webhooks."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import httpx

from finsecure._signature import clocks

from . import _checks as check
from . import _keys, _openapi, _receivers
from ._asgi import application
from ._clock import Clock, wait, wait_async
from ._control import PREFIX, Control
from ._courier import Courier
from ._database import CLOSED, SandboxClosedError
from ._deliveries import Deliverer
from ._engine import Engine, refusal, safely
from ._faults import Fault
from ._hosts import Hosts
from ._http import BASE_URL, Request, Response
from ._loopback import is_loopback
from ._options import SANDBOX, SERVE
from ._payments import BANK_PAGE
from ._problems import Problem, as_python_errors, invalid
from ._receivers import ASGIApp, Function, Receiver, WSGIApp
from ._requests import LoggedRequest
from ._server import Server
from ._store import Delivery, Store
from ._tls import Certificates, machine
from ._transport import InProcessTransport
from ._trouble import Trouble

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.applications import Starlette
    from typing_extensions import Self

    from finsecure import AsyncClient, Client


class Sandbox:
    """An in-process FinSecure: the whole API, with state.

    Args:
        db: A file to store the state in, including the keys. A sandbox that opens it again continues from there. `None`
            keeps the state in memory.
        clock: The clock. `None` follows the system clock, and webhooks are delivered as they happen. With a clock that
            stands still, call `deliver()`.
        ids: A function that takes a prefix (`"pi"`, `"cus"`, `"req"`, …) and returns the rest of an id, unique each
            time. By default, ids are random.
        rate_limit: Requests per second for each key, and the largest burst. `None` for no limit.
        settle_after: Seconds that a bank payment stays `processing`, and a refund `pending`.
        ca_file: A file of PEM certificates, to trust webhook receivers with a certificate from your own CA. The CAs
            that this machine trusts, and those in `SSL_CERT_FILE`, are trusted too.
        secret_key: The secret key (`sk_test_...`) to accept, such as the one your program already uses.
        publishable_key: The publishable key (`pk_test_...`) to accept.
        webhook_secret: The secret (`whsec_...`) to sign webhooks with.
        observer: A function that is called with each request after its response, and with each attempt to deliver a
            webhook, on the same thread. It must return quickly, and not raise.
        hosts: Host names of your own, besides this machine's. The sandbox accepts HTTP requests for them, and delivers
            webhooks to them: `shop` for a container at `http://shop:8000/webhooks`, for example.

    Raises:
        SandboxError: `db` cannot be opened, or belongs to another program.
        ValueError: An option is wrong, or `ca_file` cannot be read; the message names it.

    Attributes:
        secret_key: The secret key (`sk_test_…`): the given one, or the one stored in `db`, or a random one.
        publishable_key: The publishable key (`pk_test_…`), chosen in the same way.
        webhook_secret: The secret that signs every webhook of this sandbox, in addition to the secret of its endpoint.
            Chosen in the same way.
        base_url: The base URL for `transport`, which uses no socket: `https://sandbox.invalid`.
        clock: The clock.
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
        ca_file: str | os.PathLike[str] | None = None,
        secret_key: str | None = None,
        publishable_key: str | None = None,
        webhook_secret: str | None = None,
        observer: Callable[[LoggedRequest | Delivery], object] | None = None,
        hosts: Iterable[str] = (),
    ) -> None:
        given = {
            "db": db,
            "clock": clock,
            "ids": ids,
            "rate_limit": rate_limit,
            "settle_after": settle_after,
            "ca_file": ca_file,
            "secret_key": secret_key,
            "publishable_key": publishable_key,
            "webhook_secret": webhook_secret,
            "observer": observer,
            "hosts": hosts,
        }
        with as_python_errors():
            options = check.read(SANDBOX, given)
        self._place = "in memory" if db is None else f"in {os.fspath(db)!r}"
        self.base_url = BASE_URL
        self.clock = clock or Clock()
        self._observer = observer or _ignore
        self._closed = threading.Event()
        self._hosts = Hosts(options["hosts"])
        self._store = Store(db)
        try:
            keys = _keys.of(self._store, options)
            self._engine = Engine(
                self._store,
                self.clock,
                ids or _random_id,
                rate_limit,
                settle_after,
                self._something_may_be_due,
                keys,
                self._hosts,
                self._observer,
            )
            self._deliverer = Deliverer(
                self._store, self.clock, keys.webhook, ca_file, self._hosts, self._something_may_be_due, self._observer
            )
        except BaseException:
            self._store.close()
            raise
        self.secret_key, self.publishable_key, self.webhook_secret = keys.secret, keys.publishable, keys.webhook
        clocks[self.webhook_secret.encode()] = self.clock  # for `construct_event(tolerance=...)`
        self._transport = InProcessTransport(self._handle_here, self.clock)
        self._control = Control(self._engine, self.clock, self._deliver, self._store.delivery_log)
        self._courier = Courier(self._round)
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._something_may_be_due()

    def client(self, **options: Any) -> Client:
        """Create a `finsecure.Client` for this sandbox, without sockets and on the sandbox's clock.

        Args:
            options: Options of `finsecure.Client`. They override the sandbox's `api_key`, `base_url`, `clock` and
                `http_client`. For a client that talks to a server, pass `transport` and the server's `base_url`.

        Returns:
            The client. The sandbox closes it.

        Raises:
            SandboxError: The sandbox is closed.
        """
        import finsecure

        return finsecure.Client(**self._options(httpx.Client, options))

    def async_client(self, **options: Any) -> AsyncClient:
        """Create a `finsecure.AsyncClient` for this sandbox, without sockets and on the sandbox's clock.

        Args:
            options: Options of `finsecure.AsyncClient`, as for `client`.

        Returns:
            The client. The sandbox closes it.

        Raises:
            SandboxError: The sandbox is closed.
        """
        import finsecure

        return finsecure.AsyncClient(**self._options(httpx.AsyncClient, options))

    @property
    def transport(self) -> InProcessTransport:
        """The transport for your own `httpx.Client` or `httpx.AsyncClient`. Its base URL is `base_url`."""
        return self._transport

    @cached_property
    def app(self) -> Starlette:
        """The ASGI application, for your own server or test client. Needs `finsecure[sandbox]`."""
        return application(self._handle, self._expects)

    def serve(self, port: int = 0, *, host: str = "127.0.0.1", tls: bool | str | os.PathLike[str] = False) -> Server:
        """Serve this sandbox over HTTP, in a thread. Needs `finsecure[sandbox]`.

        Args:
            port: The port to listen on; 0 picks a free one.
            host: The address to listen on. An address that other machines can reach, such as `0.0.0.0`, needs `tls`.
            tls: Serve HTTPS, with a certificate for `localhost`, this machine's name and `hosts`, signed by the
                sandbox's own CA. A `db` always has the same CA. Pass the path of a file to write the CA certificate to,
                for clients to trust; `True` writes a temporary file, deleted with the server.

        Returns:
            The server, with `base_url`, `ca_file` and `close()`. It is a context manager, and closes with the sandbox.

        Raises:
            ImportError: The extra is not installed.
            OSError: The port is in use, the address is not this machine's, or the file cannot be written.
            SandboxError: The sandbox is closed.
            ValueError: An argument is wrong; the message names it.

        Example:
            >>> with sandbox.serve(tls=True) as server:
            ...     print(server.base_url, server.ca_file)
        """
        with self._asked():
            options = check.read(SERVE, {"port": port, "host": host, "tls": tls})
            certificates = self._certificates(options["host"], options["tls"])
        try:
            with self._hosts.added([] if is_loopback(options["host"]) else [options["host"], *machine()]):
                server = Server(self._handle, self._expects, options["host"], port, certificates)
        except BaseException:
            if certificates:
                certificates.close()
            raise
        with self._lock:
            self._servers.append(server)
        if self._closed.is_set():  # closed since the check, perhaps after `close` collected the servers to stop
            server.close()
            raise SandboxClosedError(CLOSED)
        return server

    def resolve_action(self, payment_intent_id: str, *, succeed: bool = True) -> None:
        """Complete 3D Secure as the customer, or fail it.

        Args:
            payment_intent_id: A PaymentIntent with status `requires_action`.
            succeed: Whether the customer authorizes the payment.

        Raises:
            LookupError: No PaymentIntent has this id.
            ValueError: Its status is not `requires_action`, or an argument is wrong.
        """
        with self._asked():
            ident = check.ident(payment_intent_id, "payment_intent_id")
            self._engine.resolve_action(ident, succeed=check.boolean(succeed, "succeed"))

    def fail_next(
        self,
        operation: str = "*",
        *,
        status: int | None = None,
        retry_after: int | None = None,
        times: int | None = None,
        executed: bool = False,
        answer: Literal["lost", "dropped", "stalled", "truncated", "garbled"] | None = None,
        slow: float | None = None,
        share: float | None = None,
        seed: int | None = None,
    ) -> Fault:
        """Make the next requests fail, as networks and gateways do.

        It affects in-process clients and HTTP alike. Over HTTP, use `POST /sandbox/faults`. Requests with a wrong API
        key do not count. If several faults match a request, it gets the one that was added first.

        Args:
            operation: The operation that fails, such as `payment_intents.confirm`; `*` for any.
            status: Respond with this HTTP status, from 400 to 599, and the error that the API documents for it. The
                request is not carried out, and no response is stored under its idempotency key.
            retry_after: The value of the `Retry-After` header, in seconds.
            times: How many requests fail; one by default.
            executed: Carry out the request before responding with `status`, as if a gateway failed after the API. The
                API's own response is stored under the idempotency key, so a retry gets it.
            answer: What happens to the API's response. `lost`: the request is carried out, then the connection closes.
                `dropped`: the connection closes before. `stalled`: carried out, but there is no response. `truncated`:
                carried out, but the response is cut off. `garbled`: carried out, but the response is HTML with
                status 200.
            slow: Seconds to delay the response; alone, or with any of the above. Over HTTP this takes real time.
            share: The share of requests that fail, above 0 and up to 1, instead of `times`. It applies until
                `clear_faults`.
            seed: A seed to choose the requests of a `share`. The same seed makes the same choice.

        Returns:
            The fault, as `faults` lists it.

        Raises:
            ValueError: An argument is wrong or contradicts another one; the message names it.

        Example:
            >>> sandbox.fail_next("payment_intents.confirm", status=503, times=2)
        """
        given = {
            "operation": operation,
            "status": status,
            "retry_after": retry_after,
            "times": times,
            "executed": executed,
            "answer": answer,
            "slow": slow,
            "share": share,
            "seed": seed,
        }
        with self._asked():
            return self._engine.faults.add(given)

    @property
    def faults(self) -> list[Fault]:
        """The faults that have not happened yet, in the order in which they were added."""
        return self._engine.faults.waiting()

    def clear_faults(self) -> None:
        """Remove the faults that have not happened yet."""
        self._engine.faults.clear()

    def emit(self, type: str, overrides: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Create an event about an invented object: complete, but unknown to the API.

        The event is stored, listed and delivered like any other. For payments and customers that exist, see `trigger`.

        Args:
            type: One of the eleven types, such as `invoice.payment_failed`.
            overrides: Values of the object to set, by their path, such as
                `{"amount_due": 500, "metadata.order_id": "order_12345"}`.

        Returns:
            The event, as the API returns it.

        Raises:
            ValueError: The type or an override is wrong; the message names it.
        """
        with self._asked():
            return self._engine.emit(type, check.mapping({} if overrides is None else overrides, "overrides"))

    def trigger(self, type: str, *, id: str | None = None) -> dict[str, Any]:
        """Cause an event by making the API calls that lead to it.

        `trigger("payment_intent.succeeded")` creates a PaymentIntent and confirms it. The sandbox has no invoices and
        subscriptions, so for their four types it does the same as `emit`.

        Args:
            type: One of the eleven types, such as `payment_intent.succeeded`.
            id: The PaymentIntent or Customer to cause it for; `None` creates one.

        Returns:
            The event, as the API returns it.

        Raises:
            LookupError: No object has this id.
            ValueError: The type is wrong, or the object's state does not allow it; the message names its id.
        """
        with self._asked():
            return self._engine.trigger(type, id)

    def resend(self, event_id: str) -> None:
        """Deliver an event again, to every webhook endpoint that is subscribed to it.

        Args:
            event_id: The event's id (`evt_...`).

        Raises:
            LookupError: No event has this id.
        """
        with self._asked():
            self._engine.resend(check.ident(event_id, "event_id"))

    def rotate_secret(self, endpoint_id: str, *, overlap: float = 24 * 3600) -> str:
        """Rotate the secret of a webhook endpoint, as in a dashboard.

        Until `overlap` has passed, deliveries are signed with both secrets, so that a receiver can verify them with
        either one.

        Args:
            endpoint_id: The WebhookEndpoint's id (`we_...`).
            overlap: Seconds to keep signing with the old secret too, by the sandbox's clock.

        Returns:
            The new secret (`whsec_...`).

        Raises:
            LookupError: No endpoint has this id.
            ValueError: An argument is wrong; the message names it.

        Example:
            >>> new_secret = sandbox.rotate_secret(endpoint.id, overlap=3600)
        """
        with self._asked():
            ident, seconds = check.ident(endpoint_id, "endpoint_id"), check.seconds(overlap, "overlap")
            return self._engine.rotate_secret(ident, seconds)

    def deliver(
        self,
        to: Function | ASGIApp | None = None,
        *,
        wsgi: WSGIApp | None = None,
        path: str | None = None,
        duplicates: int = 1,
        shuffle: int | None = None,
        delay: float = 0.0,
        drop: float = 0,
    ) -> list[Delivery]:
        """Settle the bank payments and refunds that are due, and deliver the webhooks that are due.

        Webhooks are sent to the endpoints over HTTP, to all of them at the same time. With `to` or `wsgi`, they go to a
        receiver in this process, without sockets. It gets everything that is due for any endpoint or, if there are no
        endpoints, every event that it has not received yet. A receiver that raises counts as one that responds with
        500.

        Args:
            to: A function `(body, headers) -> status`, or an ASGI application.
            wsgi: A WSGI application.
            path: The path to request from the application. `None` uses the path of the endpoint, or `/`.
            duplicates: How many times to deliver each event: 2 for twice.
            shuffle: A seed for a random order. `None` delivers the oldest first.
            delay: Seconds to wait before delivering, by the sandbox's clock.
            drop: How many of the first deliveries to lose, as an int, or the share to lose, as a float from 0.0 to 1.0.
                The receiver does not get them, and they are retried as if it had not responded.

        Returns:
            The attempts. A failed delivery is retried 1, 5, 30 and 120 seconds later, by the sandbox's clock.

        Raises:
            SandboxError: The sandbox is closed, or its database cannot be used.
            ValueError: An argument is wrong, or the receiver is asynchronous and an event loop is running in this
                thread: use `await deliver_async(...)` there.
        """
        trouble = self._trouble(duplicates=duplicates, shuffle=shuffle, delay=delay, drop=drop)
        receiver = _receivers.receiver(to, wsgi, path)
        if receiver is None or receiver.transport is not None:
            return self._deliver(trouble, receiver)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._deliver_async(trouble, receiver))
        raise ValueError("to is asynchronous and an event loop runs here: use `await sandbox.deliver_async(to=...)`.")

    async def deliver_async(
        self,
        to: Function | ASGIApp | None = None,
        *,
        path: str | None = None,
        duplicates: int = 1,
        shuffle: int | None = None,
        delay: float = 0.0,
        drop: float = 0,
    ) -> list[Delivery]:
        """Like `deliver`, but in the caller's event loop (asyncio or trio). The receiver may be asynchronous.

        Args:
            to: As for `deliver`; the function may be asynchronous.
            path: As for `deliver`.
            duplicates: As for `deliver`.
            shuffle: As for `deliver`.
            delay: As for `deliver`.
            drop: As for `deliver`.

        Returns:
            The attempts, as for `deliver`.

        Raises:
            SandboxError: The sandbox is closed, or its database cannot be used.
            ValueError: An argument is wrong; the message names it.
        """
        trouble = self._trouble(duplicates=duplicates, shuffle=shuffle, delay=delay, drop=drop)
        return await self._deliver_async(trouble, _receivers.receiver(to, None, path))

    @property
    def deliveries(self) -> list[Delivery]:
        """All attempts to deliver a webhook so far, oldest first.

        Raises:
            SandboxError: The sandbox is closed.
        """
        self._check_open()
        return self._store.delivery_log()

    @property
    def requests(self) -> list[LoggedRequest]:
        """The last 1000 requests, oldest first, including those that a fault left without a response."""
        return self._engine.log.all()

    def reset(self) -> None:
        """Delete all objects, events, deliveries, idempotency keys, faults and logged requests.

        The API keys and the time stay as they are.

        Raises:
            SandboxError: The sandbox is closed.
        """
        self._check_open()
        self._engine.reset()

    def close(self) -> None:
        """Stop the servers and the deliveries, and close the database.

        It takes less than two seconds. Calls in progress fail with an error, and pending deliveries stay due in `db`.
        Closing twice is harmless.
        """
        self._closed.set()
        with self._lock:
            servers, self._servers = self._servers, []
        for server in servers:
            server.stop()
        self._deliverer.close()
        self._store.close()  # requests in progress now fail, so the servers need not wait for them
        for server in servers:
            server.close()
        self._courier.close()

    def __repr__(self) -> str:
        closed = ", closed" if self._closed.is_set() else ""
        return f"<Sandbox {self._place}{closed}>"

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _something_may_be_due(self) -> None:
        if not self.clock.frozen and self._store.next_due() is not None:
            self._courier.wake()

    def _handle(self, request: Request) -> Response:
        """Handle one HTTP request."""
        try:
            return self._answer(request)
        except SandboxClosedError as closed:
            return self._engine.identified(refusal(Problem(503, "api_error", closed.message)))

    def _handle_here(self, request: Request) -> Response:
        """Handle one in-process request. A closed sandbox raises `ConnectError`, like a server that is gone."""
        try:
            return self._answer(request)
        except SandboxClosedError as closed:
            raise httpx.ConnectError(closed.message) from None

    def _answer(self, request: Request) -> Response:
        self._check_open()
        try:
            self._hosts.check(request.headers.get("host", ""))
        except Problem as problem:
            return self._engine.identified(refusal(problem))
        if request.path == _openapi.PATH:
            return self._engine.identified(safely(lambda: _openapi.answer(request), request.path))
        if request.path.startswith(PREFIX) and not request.path.startswith(BANK_PAGE):
            return self._engine.identified(self._control.handle(request))
        return self._engine.handle(request)

    def _expects(self, request: Request) -> bool:
        """Whether to read the body of a request: not for a foreign `Host` or, except on the bank page, a wrong key."""
        if not self._hosts.own(request.headers.get("host", "")):
            return False
        return request.path.startswith(BANK_PAGE) or self._engine.keys.knows(request.headers)

    def _certificates(self, host: str, tls: str | bool) -> Certificates | None:
        """Return the certificates for a server on this address; `None` for plain HTTP."""
        if not is_loopback(host) and not tls:
            raise invalid(
                "host must be a loopback address, 127.0.0.1 or ::1. Serve HTTPS (tls=True, --tls) for others.", "host"
            )
        if not tls:
            return None
        return Certificates(self._store, {host, *machine(), *self._hosts.given}, tls if isinstance(tls, str) else None)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise SandboxClosedError(CLOSED)

    @contextmanager
    def _asked(self) -> Generator[None, None, None]:
        """Check that the sandbox is open, and convert a `Problem` to a Python exception."""
        self._check_open()
        with as_python_errors():
            yield

    def _options(self, http_client: type[httpx.Client | httpx.AsyncClient], given: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a client: the given ones, and the sandbox's for the rest."""
        self._check_open()
        ours: dict[str, Any] = {"api_key": self.secret_key, "base_url": self.base_url, "clock": self.clock}
        if given.get("transport", "httpx") != "httpx":
            if "base_url" not in given:
                raise ValueError(
                    "base_url is missing: with transport=, a client talks to a server (`sandbox.serve()`)."
                )
        elif given.get("http_client") is None:
            given = {**given, "http_client": http_client(transport=self._transport, trust_env=False)}
        return ours | given

    def _trouble(self, **given: object) -> Trouble:
        with self._asked():
            return Trouble.read(given)

    def _deliver(self, trouble: Trouble, receiver: Receiver | None = None) -> list[Delivery]:
        wait(self.clock, trouble.delay, self._closed)
        self._engine.settle()
        return self._deliverer.deliver(trouble, receiver)

    async def _deliver_async(self, trouble: Trouble, receiver: Receiver | None) -> list[Delivery]:
        await wait_async(self.clock, trouble.delay)
        self._engine.settle()
        return await self._deliverer.deliver_async(trouble, receiver)

    def _round(self) -> float | None:
        self._engine.settle()
        due = self._store.next_due(self._deliverer.start())
        return None if due is None else max(0.0, due - self.clock.time())


def _ignore(_: object) -> None:
    """The default observer, which does nothing."""


def _random_id(_: str) -> str:
    return secrets.token_hex(12)
