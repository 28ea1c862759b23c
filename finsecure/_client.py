"""The two clients. They differ by `await`; what a call means is decided in `_exchange` and `_wire`, for both.

`send` makes a first attempt; only where that fails and another may help does tenacity come in to drive the rest.
Failures travel as values, so that an error is raised in one place and its traceback shows your line and two of ours.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, cast

from typing_extensions import Self, Unpack, override

from . import _config, _log, _telemetry, _wire
from ._exchange import Exchange
from ._http import Failure
from ._pages import AsyncPages
from ._resources import Resources
from ._retry import RetryBudget
from ._transport import open_async_transport, open_transport
from ._version import API_VERSION
from .error import without_frames

if TYPE_CHECKING:
    import httpx

    from ._call import Call
    from ._clock import Clock
    from ._config import Config, Options
    from ._pages import Page
    from ._transport import AsyncTransport, Transport

T = TypeVar("T")


class Client(Resources["Client"]):
    """Talk to FinSecure from ordinary code. Safe to share between threads; make one and keep it.

    Args:
        api_key: `sk_test_...` or `sk_live_...`; its mode picks the host. A publishable key may only create payment
            methods. By default `FINSECURE_SECRET_KEY`, else `FINSECURE_PUBLISHABLE_KEY`.
        base_url: Another host; by default `FINSECURE_BASE_URL`, else the host of the key's mode. HTTPS only, but for
            a loopback host.
        timeout: Seconds for one whole attempt, from connecting to the last byte.
        max_retries: How often a call is tried again after connection errors, 408, 429, 5xx and answers that are none.
            Declines are never retried.
        deadline: Seconds for a whole call, all attempts and waits included; `None` for no limit besides `timeout`.
        max_response_size: Bytes that an answer may have, decompressed; a larger one is refused as it comes.
        http_client: A ready `httpx.Client` to send with, for your own proxies or mocks. Yours to close. With it
            `timeout` bounds each read of an answer's headers, not all of them together.
        transport: The HTTP library to send with: `httpx`; `httpx2` (extra `httpx2`), its maintained successor; or
            `pyreqwest` (extra `fast`), the fastest.
        api_version: The API version to ask for (`FinSecure-Version`).
        app_info: Your application, added to the User-Agent, for example `"my-shop/1.2"`.
        clock: What measures and waits. For tests: `finsecure.sandbox.Clock`.

    Raises:
        finsecure.AuthenticationError: There is no usable key.
        finsecure.InvalidRequestError: An option is wrong; `param` names it.

    Example:
        >>> with finsecure.Client("sk_test_...", timeout=30, max_retries=2) as client:
        ...     intent = client.payment_intents.create(amount=2000, currency="usd")

    Reference: Authentication.
    """

    @without_frames
    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = _config.DEFAULT_TIMEOUT,
        max_retries: int = _config.DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        max_response_size: int = _config.DEFAULT_MAX_RESPONSE_SIZE,
        http_client: httpx.Client | None = None,
        transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
        api_version: str = API_VERSION,
        app_info: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        config = _config.Config.checked(
            api_key, base_url, timeout, max_retries, deadline, max_response_size, api_version, app_info, clock
        )
        self._begin(config, open_transport(transport, http_client), RetryBudget())
        _log.set_up_from_environment()

    def _begin(self, config: Config, transport: Transport, budget: RetryBudget) -> None:
        self._config = config
        self._transport = transport
        self._budget = budget

    @without_frames
    def with_options(self, **options: Unpack[Options]) -> Client:
        """This client with other options, on the same connections.

        Args:
            **options: Any of `api_key`, `base_url`, `timeout`, `max_retries`, `deadline`, `max_response_size`,
                `api_version`, `app_info` and `clock`, as for `Client`.

        Returns:
            A new client; this one stays as it is. Closing this one closes the connections of both.

        Raises:
            finsecure.InvalidRequestError: An option is wrong; `param` names it.

        Example:
            >>> patient = client.with_options(timeout=60, max_retries=5)
        """
        other = object.__new__(type(self))
        other._begin(self._config.replace(options), _Borrowed(self._transport), self._budget)
        return other

    def send(self, call: Call[T]) -> T:
        """Make a described call: what the resource methods do."""
        exchange = Exchange(call, _wire.encode(call, self._config), self._config, self._budget)
        outcome: Any = self._attempt(exchange)
        if exchange.delay is not None:
            import tenacity  # not before something failed

            sleep = self._config.clock.sleep
            sleep(exchange.delay)
            retrying = tenacity.Retrying(
                retry=lambda _: exchange.delay is not None, wait=lambda _: exchange.delay or 0.0, sleep=sleep
            )
            outcome = retrying(self._attempt, exchange)
        exchange.finish(outcome)
        _log.call_done(exchange, outcome)
        _telemetry.call_done(exchange, outcome)
        if isinstance(outcome, Failure):
            raise outcome.error
        return cast("T", outcome)

    def _attempt(self, exchange: Exchange) -> Any:
        response = self._transport.send(exchange.request, self._config.origin, exchange.begin_attempt())
        outcome = exchange.add_context(response) if isinstance(response, Failure) else _wire.decode(exchange, response)
        exchange.delay = exchange.plan_retry(outcome) if isinstance(outcome, Failure) else None
        _log.attempt_made(exchange, outcome)
        return outcome

    def page(self, call: Call[Page[T]]) -> Page[T]:
        """Make a described call for a page: what the `list` methods do."""
        return self.send(call).fetched_by(self)

    def close(self) -> None:
        """Close the connections. Calls from now on fail with `APIConnectionError`."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self).get('_config')!r})"

    def __copy__(self) -> Client:
        return self.with_options()

    def __deepcopy__(self, memo: dict[int, Any]) -> Client:
        return self.with_options()

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError(_NO_PICKLE)


class AsyncClient(Resources["AsyncClient"]):
    """Talk to FinSecure from async code, asyncio and trio alike. Make one and keep it, also over several event loops.

    Args:
        api_key: As for `Client`.
        base_url: As for `Client`.
        timeout: Seconds for one whole attempt, from connecting to the last byte.
        max_retries: As for `Client`.
        deadline: Seconds for a whole call, all attempts and waits included; `None` for no limit besides `timeout`.
        max_response_size: Bytes that an answer may have, decompressed; a larger one is refused as it comes.
        http_client: A ready `httpx.AsyncClient` to send with, for your own proxies or mocks. Yours to close.
        transport: The HTTP library to send with: `httpx`; `httpx2` (extra `httpx2`), its maintained successor; or
            `pyreqwest` (extra `fast`), the fastest.
        api_version: The API version to ask for (`FinSecure-Version`).
        app_info: Your application, added to the User-Agent, for example `"my-shop/1.2"`.
        clock: What measures and waits. For tests: `finsecure.sandbox.Clock`.

    Raises:
        finsecure.AuthenticationError: There is no usable key.
        finsecure.InvalidRequestError: An option is wrong; `param` names it.

    Example:
        >>> async with finsecure.AsyncClient("sk_test_...") as client:
        ...     intent = await client.payment_intents.create(amount=2000, currency="usd")

    Reference: Authentication.
    """

    @without_frames
    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = _config.DEFAULT_TIMEOUT,
        max_retries: int = _config.DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        max_response_size: int = _config.DEFAULT_MAX_RESPONSE_SIZE,
        http_client: httpx.AsyncClient | None = None,
        transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
        api_version: str = API_VERSION,
        app_info: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        config = _config.Config.checked(
            api_key, base_url, timeout, max_retries, deadline, max_response_size, api_version, app_info, clock
        )
        self._begin(config, open_async_transport(transport, http_client), RetryBudget())
        _log.set_up_from_environment()

    def _begin(self, config: Config, transport: AsyncTransport, budget: RetryBudget) -> None:
        self._config = config
        self._transport = transport
        self._budget = budget

    @without_frames
    def with_options(self, **options: Unpack[Options]) -> AsyncClient:
        """This client with other options, on the same connections.

        Args:
            **options: Any of `api_key`, `base_url`, `timeout`, `max_retries`, `deadline`, `max_response_size`,
                `api_version`, `app_info` and `clock`, as for `Client`.

        Returns:
            A new client; this one stays as it is. Closing this one closes the connections of both.

        Raises:
            finsecure.InvalidRequestError: An option is wrong; `param` names it.

        Example:
            >>> patient = client.with_options(timeout=60, max_retries=5)
        """
        other = object.__new__(type(self))
        other._begin(self._config.replace(options), _AsyncBorrowed(self._transport), self._budget)
        return other

    async def send(self, call: Call[T]) -> T:
        """Make a described call: what the resource methods do."""
        exchange = Exchange(call, _wire.encode(call, self._config), self._config, self._budget)
        outcome: Any = await self._attempt(exchange)
        if exchange.delay is not None:
            import tenacity  # not before something failed

            sleep = self._config.clock.sleep_async
            await sleep(exchange.delay)
            retrying = tenacity.AsyncRetrying(
                retry=lambda _: exchange.delay is not None, wait=lambda _: exchange.delay or 0.0, sleep=sleep
            )
            outcome = await retrying(self._attempt, exchange)
        exchange.finish(outcome)
        _log.call_done(exchange, outcome)
        _telemetry.call_done(exchange, outcome)
        if isinstance(outcome, Failure):
            raise outcome.error
        return cast("T", outcome)

    async def _attempt(self, exchange: Exchange) -> Any:
        response = await self._transport.send(exchange.request, self._config.origin, exchange.begin_attempt())
        outcome = exchange.add_context(response) if isinstance(response, Failure) else _wire.decode(exchange, response)
        exchange.delay = exchange.plan_retry(outcome) if isinstance(outcome, Failure) else None
        _log.attempt_made(exchange, outcome)
        return outcome

    def page(self, call: Call[Page[T]]) -> AsyncPages[T]:
        """A described call for a page, not made yet: what the `list` methods do."""
        return AsyncPages(self, call)

    async def aclose(self) -> None:
        """Close the connections. Calls from now on fail with `APIConnectionError`."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self).get('_config')!r})"

    def __copy__(self) -> AsyncClient:
        return self.with_options()

    def __deepcopy__(self, memo: dict[int, Any]) -> AsyncClient:
        return self.with_options()

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError(_NO_PICKLE)


_NO_PICKLE = (
    "A client holds an API key and open connections, so it is not pickled: make one in each process, "
    "for example from FINSECURE_SECRET_KEY. The objects that it returns can be pickled."
)


class _Borrowed:
    """The connections of another client, which that client closes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.send = transport.send

    def close(self) -> None:
        """Leave the connections to their owner."""


class _AsyncBorrowed:
    """The connections of another client, which that client closes."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.send = transport.send

    async def aclose(self) -> None:
        """Leave the connections to their owner."""
