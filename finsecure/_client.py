"""The two clients. They differ only by `await`; `_exchange` and `_wire` decide what a call does, for both.

`send` makes a first attempt. tenacity drives the retries, and is only imported if one is needed. Failures are returned
as values, so an error is raised in one place and its traceback shows your line and two of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, cast, overload

from typing_extensions import Self, Unpack, override

from . import _log, _telemetry, _wire
from ._call import REQUEST
from ._config import DEFAULT_MAX_RESPONSE_SIZE, DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, OPTION_NAMES, Config
from ._exchange import Exchange
from ._headers import Headers
from ._http import Failure
from ._operation import Async, D_co, Operations, Sync
from ._pages import AsyncPage, AsyncPages, Page
from ._params import type_of, wrong
from ._redact import MASK
from ._retry import RetryBudget
from ._transport import open_async_transport, open_transport
from ._transport.whose import hide_network
from ._unawaited import names_itself
from ._version import API_VERSION
from .error import without_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ._call import Call
    from ._clock import Clock
    from ._config import Options
    from .resources._object import Object
    from .resources.charges import Charges
    from .resources.customers import Customers
    from .resources.events import Events
    from .resources.payment_intents import PaymentIntents
    from .resources.payment_methods import PaymentMethods
    from .resources.refunds import Refunds
    from .resources.webhook_endpoints import WebhookEndpoints

T = TypeVar("T")


class Group(cached_property[T]):
    """A group of operations, created when it is first used."""

    @override
    def __get__(self, client: object, owner: type | None = None) -> T:  # type: ignore[override]  # one type, for jedi
        # On the class, return a group without a client, so that `create_autospec(Client)` finds the operations.
        made: T = self.func(object.__new__(cast("type", owner))) if client is None else super().__get__(client, owner)
        return made


def group(make: Callable[[Any], T]) -> Group[T]:
    """Turn a method into a group. A function, since jedi does not infer the type of a class used as a decorator."""
    return Group(make)


def _model(returns: Any, otherwise: str) -> Any:
    """Return the model to parse the response of `request` into."""
    from .resources import _object

    if returns is None:
        return getattr(_object, otherwise)
    from .resources import events  # imports every model

    if returns is events.Event:
        return events.AnyEvent  # the union of all Event classes
    if returns is events.AnyEvent or (isinstance(returns, type) and issubclass(returns, _object.Object)):
        return returns
    raise wrong(
        "returns",
        f"returns is {returns.__name__ if isinstance(returns, type) else type_of(returns)}: pass a class of the API's "
        "objects, such as finsecure.PaymentIntent, or a subclass of finsecure.Object. Pages come from request_list.",
    )


class AnyClient(Generic[D_co]):
    """What both clients share: the groups of operations, each loaded on first use, and the settings.

    `D_co` is `Sync` or `Async`, and decides what the operations return.
    """

    def _begin(self, config: Config, transport: Any, budget: RetryBudget, *, owns_transport: bool) -> None:
        self._config = config
        self._transport = transport
        self._budget = budget
        self._owns_transport = owns_transport  # only the owner closes it, not a copy made by `with_options`

    @group
    def payment_intents(self) -> PaymentIntents[D_co]:
        """Create, confirm and retrieve payments. Reference: Payment Intents."""
        from .resources.payment_intents import PaymentIntents

        return PaymentIntents(self._sender)

    @group
    def payment_methods(self) -> PaymentMethods[D_co]:
        """Create payment methods and attach them to customers. Reference: Payment Methods."""
        from .resources.payment_methods import PaymentMethods

        return PaymentMethods(self._sender)

    @group
    def customers(self) -> Customers[D_co]:
        """Create and manage customers. Reference: Customers."""
        from .resources.customers import Customers

        return Customers(self._sender)

    @group
    def refunds(self) -> Refunds[D_co]:
        """Refund payments, or parts of them."""
        from .resources.refunds import Refunds

        return Refunds(self._sender)

    @group
    def charges(self) -> Charges[D_co]:
        """Retrieve and list the charges of PaymentIntents."""
        from .resources.charges import Charges

        return Charges(self._sender)

    @group
    def events(self) -> Events[D_co]:
        """Retrieve and list events. Reference: Webhooks."""
        from .resources.events import Events

        return Events(self._sender)

    @group
    def webhook_endpoints(self) -> WebhookEndpoints[D_co]:
        """Choose where events are delivered. Reference: Webhooks, Webhook Endpoint Configuration."""
        from .resources.webhook_endpoints import WebhookEndpoints

        return WebhookEndpoints(self._sender)

    @property
    def _sender(self) -> Any:  # this client, typed as a `Sender`, since only subclasses have `send`
        return self

    @without_frames
    def with_options(self, **options: Unpack[Options]) -> Self:
        """Return a client with other options that shares this one's connections.

        Args:
            **options: Any of `api_key`, `base_url`, `timeout`, `max_retries`, `deadline`, `max_response_size`,
                `api_version`, `app_info`, `default_headers` and `clock`, as for `Client`.

        Returns:
            A new client. This one does not change; closing it closes the connections of both.

        Raises:
            finsecure.AuthenticationError: `api_key` cannot be used.
            finsecure.InvalidRequestError: An option is wrong; `param` names it.

        Example:
            >>> patient = client.with_options(timeout=60, max_retries=5)
        """
        other = object.__new__(type(self))
        other.__dict__.update({name: value for name, value in vars(self).items() if not isinstance(value, Operations)})
        other._begin(self._config.replace(options), self._transport, self._budget, owns_transport=False)
        return other

    @property
    def base_url(self) -> str:
        """The URL that requests are sent to."""
        return self._config.base_url

    @property
    def timeout(self) -> float:
        """Seconds that one attempt may take."""
        return self._config.timeout

    @property
    def max_retries(self) -> int:
        """Retries after the first attempt."""
        return self._config.max_retries

    @property
    def deadline(self) -> float | None:
        """Seconds that a whole call may take; `None` for no limit besides `timeout`."""
        return self._config.deadline

    @property
    def max_response_size(self) -> int:
        """The largest response to accept, in bytes, decompressed."""
        return self._config.max_response_size

    @property
    def api_version(self) -> str:
        """The API version that the client requests."""
        return self._config.api_version

    @property
    def app_info(self) -> str | None:
        """Your application's name in the User-Agent; `None` if not set."""
        return self._config.app_info

    @property
    def api_key(self) -> str:
        """The masked key, for example `sk_test_[hidden]`."""
        return f"{self._config.api_key[:8]}{MASK}"

    @property
    def default_headers(self) -> Headers:
        """Your headers that are sent with each request, in addition to the client's own."""
        return Headers(self._config.default_headers.items())

    @property
    def is_closed(self) -> bool:
        """Whether the client's connections are closed."""
        closed: bool = self._transport.is_closed
        return closed

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise

        def __getattr__(self, name: str) -> Any:
            from ._habits import of_client

            groups = [group for group, made in vars(AnyClient).items() if isinstance(made, Group)]
            raise AttributeError(of_client(type(self), name, groups, dir(self)), name=name, obj=None)

    @override
    def __dir__(self) -> list[str]:
        from ._habits import public

        return [name for name in public(self) if name not in {"send", "send_list"}]

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self).get('_config')!r})"

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.with_options()

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A client holds an API key and open connections, so it cannot be pickled: create one in each process, "
            "for example from FINSECURE_SECRET_KEY. The objects that it returns can be pickled."
        )


class Client(AnyClient[Sync]):
    """A client for synchronous code. Create one and keep it: threads can share it.

    Args:
        api_key: `sk_test_...` or `sk_live_...`; its mode picks the host. A publishable key can only create payment
            methods. By default `FINSECURE_SECRET_KEY`, else `FINSECURE_PUBLISHABLE_KEY`. A function is called for each
            request, so that a key can be rotated.
        base_url: Another host; by default `FINSECURE_BASE_URL`, else the host of the key's mode. HTTPS only, except
            loopback.
        timeout: Seconds for one attempt, from connecting to the last byte.
        max_retries: Retries after the first attempt, for connection errors, 408, 409, 429, 5xx and malformed
            responses. Declines are never retried.
        deadline: Seconds for the whole call, with all attempts and waits; `None` for no limit besides `timeout`.
        max_response_size: The largest response to accept, in bytes, decompressed.
        http_client: Your own `httpx.Client`, for proxies or mocks. You close it. With it, `timeout` limits each read
            of the response headers, not all of them together.
        transport: The HTTP library to send with: `httpx`; `httpx2` (extra `httpx2`), its maintained successor; or
            `pyreqwest` (extra `fast`), the fastest.
        api_version: The API version to request (`FinSecure-Version`).
        app_info: Your application, added to the User-Agent, for example `"my-shop/1.2"`.
        default_headers: Headers to send with each request, for gateways and tracing. The client's own, such as
            `Authorization`, cannot be replaced.
        clock: The clock to read the time from and to sleep with. For tests: `finsecure.sandbox.Clock`.

    Raises:
        finsecure.AuthenticationError: The key is missing or cannot be used.
        finsecure.InvalidRequestError: An option is wrong; `param` names it.

    Example:
        >>> with finsecure.Client("sk_test_...", timeout=30, max_retries=2) as client:
        ...     intent = client.payment_intents.create(amount=2000, currency="usd")

    Reference: Authentication.
    """

    @without_frames
    def __init__(
        self,
        api_key: str | Callable[[], str] | None = None,
        *,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        max_response_size: int = DEFAULT_MAX_RESPONSE_SIZE,
        http_client: httpx.Client | None = None,
        transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
        api_version: str = API_VERSION,
        app_info: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        config = Config.checked(
            api_key,
            base_url,
            timeout,
            max_retries,
            deadline,
            max_response_size,
            api_version,
            app_info,
            default_headers,
            clock,
        )
        self._begin(config, open_transport(transport, http_client), RetryBudget(), owns_transport=True)
        _log.client_made(config)

    def _send(self, call: Call[T]) -> T:
        """Send a call that a resource method described."""
        config = self._config = self._config.current()
        exchange = Exchange(call, _wire.encode(call, config), config, self._budget)
        outcome: Any
        try:
            outcome = self._attempt(exchange)
            if exchange.delay is not None:
                import tenacity  # slow to import, and only needed for retries

                sleep = self._config.clock.sleep
                sleep(exchange.delay)
                retrying = tenacity.Retrying(
                    retry=lambda _: exchange.delay is not None, wait=lambda _: exchange.delay or 0.0, sleep=sleep
                )
                outcome = retrying(self._attempt, exchange)
            exchange.finish(outcome)
            _log.call_done(exchange, outcome)
            _telemetry.call_done(exchange, outcome)
        except BaseException as exc:  # noqa: BLE001 - raised again
            raise _left(exchange, exc)  # noqa: B904 - the same exception, with a note
        if isinstance(outcome, Failure):
            raise outcome.error
        return cast("T", outcome)

    def _attempt(self, exchange: Exchange) -> Any:
        response = self._transport.send(exchange.request, exchange.config.origin, exchange.begin_attempt())
        outcome = exchange.add_context(response) if isinstance(response, Failure) else _wire.decode(exchange, response)
        exchange.delay = exchange.plan_retry(outcome) if isinstance(outcome, Failure) else None
        _log.attempt_made(exchange, outcome)
        return outcome

    def _send_list(self, call: Call[Page[T]]) -> Page[T]:
        """Send a call for a list and return the first page."""
        page: Any = self._sender.send(call)
        return Page(call, page.data, page.has_more, page.url, page.last_response, self._sender.send_list)

    @overload
    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        returns: type[T],
        idempotency_key: str | None = None,
    ) -> T: ...
    @overload
    def request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Object: ...
    @without_frames
    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        returns: Any = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call an operation, or pass a parameter, that this version does not know.

        Retries, idempotency keys, errors and logs are the same as for any call. Parameters are sent as given.

        Args:
            method: `GET`, `POST`, `PUT` or `DELETE`.
            path: The path of the API, beginning with `/v1/`. The host is the client's.
            params: The JSON body of a POST or PUT; the query of a GET or DELETE, without those that are `None`.
            returns: The class of the returned object, for example `finsecure.PaymentIntent`. By default a
                `finsecure.Object`, which keeps every field.
            idempotency_key: Makes it safe to send this POST again within 24 hours. By default, a random key that is
                shared by the retries.

        Returns:
            The object, as an instance of `returns`.

        Raises:
            finsecure.InvalidRequestError: The method, the path or a parameter is not valid; `param` names it.
            finsecure.FinSecureError: As for any call; see `finsecure.error`.

        Example:
            >>> client.request("POST", "/v1/payment_intents/pi_1/capture", {"amount": 500},
            ...                returns=finsecure.PaymentIntent)

        Reference: RESTful Architecture.
        """
        return self._sender.send(
            REQUEST(method, path, params, _model(returns, "AnyObject"), idempotency_key=idempotency_key)
        )

    @overload
    def request_list(self, path: str, params: Mapping[str, Any] | None = None, *, returns: type[T]) -> Page[T]: ...
    @overload
    def request_list(self, path: str, params: Mapping[str, Any] | None = None) -> Page[Object]: ...
    @without_frames
    def request_list(self, path: str, params: Mapping[str, Any] | None = None, *, returns: Any = None) -> Any:
        """List objects of a kind that this version does not know; see `request`.

        Args:
            path: The path of the list, beginning with `/v1/`.
            params: The query, for example `{"limit": 100}`.
            returns: The class of each object. By default a `finsecure.Object`, which keeps every field.

        Returns:
            The first page. Iterate it for the objects of all pages.

        Raises:
            finsecure.InvalidRequestError: The path or a parameter is not valid; `param` names it.
            finsecure.FinSecureError: As for any call; see `finsecure.error`.

        Example:
            >>> page = client.request_list("/v1/customers", returns=finsecure.Customer)

        Reference: Consistency Standards, Pagination.
        """
        return self._sender.send_list(REQUEST("GET", path, params, _model(returns, "Object"), many=True))

    def close(self) -> None:
        """Close the connections. Later calls raise `APIConnectionError`."""
        if self._owns_transport:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    if not TYPE_CHECKING:  # type checkers refuse it by themselves

        @property
        def __aenter__(self) -> NoReturn:
            self.__getattr__("__aenter__")

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def share_connections(client: Client, owner: Client) -> None:
    """Make a client use the connections of another client, which closes them."""
    mine, its = vars(client), vars(owner)
    mine.update(_transport=its["_transport"], _budget=its["_budget"], _owns_transport=False)


class AsyncClient(AnyClient[Async]):
    """A client for async code, on asyncio and trio. Create one and keep it, even across event loops.

    Args:
        api_key: `sk_test_...`, `sk_live_...`, or a function that returns the key, as for `Client`.
        base_url: Another host, as for `Client`. HTTPS only, except loopback.
        timeout: Seconds for one attempt, from connecting to the last byte.
        max_retries: Retries after the first attempt, as for `Client`.
        deadline: Seconds for the whole call, with all attempts and waits; `None` for no limit besides `timeout`.
        max_response_size: The largest response to accept, in bytes, decompressed.
        http_client: Your own `httpx.AsyncClient`, for proxies or mocks. You close it.
        transport: The HTTP library to send with: `httpx`; `httpx2` (extra `httpx2`), its maintained successor; or
            `pyreqwest` (extra `fast`), the fastest.
        api_version: The API version to request (`FinSecure-Version`).
        app_info: Your application, added to the User-Agent, for example `"my-shop/1.2"`.
        default_headers: Headers to send with each request, for gateways and tracing. The client's own, such as
            `Authorization`, cannot be replaced.
        clock: The clock to read the time from and to sleep with. For tests: `finsecure.sandbox.Clock`.

    Raises:
        finsecure.AuthenticationError: The key is missing or cannot be used.
        finsecure.InvalidRequestError: An option is wrong; `param` names it.

    Example:
        >>> async with finsecure.AsyncClient("sk_test_...") as client:
        ...     intent = await client.payment_intents.retrieve("pi_1234567890abcdef")

    Reference: Authentication.
    """

    @without_frames
    def __init__(
        self,
        api_key: str | Callable[[], str] | None = None,
        *,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        max_response_size: int = DEFAULT_MAX_RESPONSE_SIZE,
        http_client: httpx.AsyncClient | None = None,
        transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
        api_version: str = API_VERSION,
        app_info: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        config = Config.checked(
            api_key,
            base_url,
            timeout,
            max_retries,
            deadline,
            max_response_size,
            api_version,
            app_info,
            default_headers,
            clock,
        )
        self._begin(config, open_async_transport(transport, http_client), RetryBudget(), owns_transport=True)
        _log.client_made(config)

    async def _send(self, call: Call[T]) -> T:
        """Send a call that a resource method described."""
        config = self._config = self._config.current()
        exchange = Exchange(call, _wire.encode(call, config), config, self._budget)
        outcome: Any
        try:
            outcome = await self._attempt(exchange)
            if exchange.delay is not None:
                import tenacity  # slow to import, and only needed for retries

                sleep = self._config.clock.sleep_async
                await sleep(exchange.delay)
                retrying = tenacity.AsyncRetrying(
                    retry=lambda _: exchange.delay is not None, wait=lambda _: exchange.delay or 0.0, sleep=sleep
                )
                outcome = await retrying(self._attempt, exchange)
            exchange.finish(outcome)
            _log.call_done(exchange, outcome)
            _telemetry.call_done(exchange, outcome)
        except BaseException as exc:  # noqa: BLE001 - raised again
            raise _left(exchange, exc)  # noqa: B904 - the same exception, with a note
        if isinstance(outcome, Failure):
            raise outcome.error
        return cast("T", outcome)

    async def _attempt(self, exchange: Exchange) -> Any:
        response = await self._transport.send(exchange.request, exchange.config.origin, exchange.begin_attempt())
        outcome = exchange.add_context(response) if isinstance(response, Failure) else _wire.decode(exchange, response)
        exchange.delay = exchange.plan_retry(outcome) if isinstance(outcome, Failure) else None
        _log.attempt_made(exchange, outcome)
        return outcome

    def _send_list(self, call: Call[Page[T]]) -> AsyncPages[T]:
        """Return a list that sends the call when it is awaited or iterated."""
        return AsyncPages(call, self._fetch_page)

    async def _fetch_page(self, call: Call[Page[T]]) -> AsyncPage[T]:
        page: Any = await self._sender.send(call)
        return AsyncPage(call, page.data, page.has_more, page.url, page.last_response, self._fetch_page)

    @overload
    async def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        returns: type[T],
        idempotency_key: str | None = None,
    ) -> T: ...
    @overload
    async def request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Object: ...
    @without_frames
    @names_itself
    async def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        returns: Any = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call an operation, or pass a parameter, that this version does not know; see `Client.request`.

        Args:
            method: `GET`, `POST`, `PUT` or `DELETE`.
            path: The path of the API, beginning with `/v1/`. The host is the client's.
            params: The JSON body of a POST or PUT; the query of a GET or DELETE, without those that are `None`.
            returns: The class of the returned object. By default a `finsecure.Object`, which keeps every field.
            idempotency_key: Makes it safe to send this POST again within 24 hours. By default, a random key that is
                shared by the retries.

        Returns:
            The object, as an instance of `returns`.

        Raises:
            finsecure.InvalidRequestError: The method, the path or a parameter is not valid; `param` names it.
            finsecure.FinSecureError: As for any call; see `finsecure.error`.

        Reference: RESTful Architecture.
        """
        return await self._sender.send(
            REQUEST(method, path, params, _model(returns, "AnyObject"), idempotency_key=idempotency_key)
        )

    @overload
    def request_list(
        self, path: str, params: Mapping[str, Any] | None = None, *, returns: type[T]
    ) -> AsyncPages[T]: ...
    @overload
    def request_list(self, path: str, params: Mapping[str, Any] | None = None) -> AsyncPages[Object]: ...
    @without_frames
    def request_list(self, path: str, params: Mapping[str, Any] | None = None, *, returns: Any = None) -> Any:
        """List objects of a kind that this version does not know; see `Client.request_list`.

        Args:
            path: The path of the list, beginning with `/v1/`.
            params: The query, for example `{"limit": 100}`.
            returns: The class of each object. By default a `finsecure.Object`, which keeps every field.

        Returns:
            The list. Iterate it with `async for`, or await it for the first page.

        Raises:
            finsecure.InvalidRequestError: The path or a parameter is not valid; `param` names it.

        Reference: Consistency Standards, Pagination.
        """
        return self._sender.send_list(REQUEST("GET", path, params, _model(returns, "Object"), many=True))

    async def aclose(self) -> None:
        """Close the connections. Later calls raise `APIConnectionError`."""
        if self._owns_transport:
            await self._transport.aclose()

    if not TYPE_CHECKING:  # type checkers refuse it by themselves

        @property
        def __enter__(self) -> NoReturn:
            self.__getattr__("__enter__")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def _with_options(name: str) -> Callable[[AnyClient[Any], object], NoReturn]:
    def refuse(client: AnyClient[Any], _: object) -> NoReturn:
        raise AttributeError(
            f"{type(client).__name__} does not change: client.with_options({name}=...) returns a new client that "
            "shares its connections."
        )

    return refuse


# Assigning to an option raises an error that says what to do. Type checkers and editors still see read-only options.
for _name in OPTION_NAMES & vars(AnyClient).keys():
    setattr(AnyClient, _name, vars(AnyClient)[_name].setter(_with_options(_name)))

# Tests replace `send`, for example with `mock.patch.object(finsecure.Client, "send")`. Both names are set here, outside
# the classes, so that editors do not offer them.
for _kind in (Client, AsyncClient):
    for _name in ("send", "send_list"):
        setattr(_kind, _name, vars(_kind)[f"_{_name}"])
del _kind, _name


def _left(exchange: Exchange, exc: BaseException) -> BaseException:
    """Log an exception that interrupts a call, and add a note about what may have been done.

    It is a KeyboardInterrupt, a cancellation, or the program's own exception. Python 3.10 does not support notes, so
    there the facts are only in the log.
    """
    note = exchange.note()
    add_note: Callable[[str], None] = getattr(exc, "add_note", lambda _: None)
    add_note(note)
    _log.call_left(exchange, exc, note)
    return hide_network(exc)
