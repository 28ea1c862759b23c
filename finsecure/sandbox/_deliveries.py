"""Webhook delivery: signed, at least once, retried with growing delays. Reference: Webhooks.

Rules: nothing is sent to another machine unless its name was given (`Sandbox(hosts=)`); other deliveries are recorded
as refused. Redirects are not followed, and no proxy is used. The database is never locked while waiting for a receiver.
Due deliveries are stored in the database, so a sandbox that opens it later makes them. A delivery is claimed before it
is made, so that no two threads or processes make the same one at the same time.

Each endpoint has its own lane. Deliveries in a lane are sequential, and lanes do not wait for each other. A lane is a
generator that yields one parcel after the other to be sent, so that the sync and the async driver share its code.
Requests over sockets are sent in an event loop: the caller's, or one on a background thread. A function or a WSGI
application is called on the caller's thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import anyio
import httpx

from finsecure._signature import clocks, sign

from . import _json
from ._background import Background
from ._clock import Clock
from ._database import SandboxClosedError
from ._hosts import Hosts
from ._json import Object
from ._operations.webhook_endpoints import signing_secrets
from ._receivers import NOWHERE, Receiver, ReceiverError
from ._store import ANYBODY, Delivery, Due, Store
from ._trouble import Send, Trouble

_log = logging.getLogger("finsecure.sandbox")

TIMEOUT = 10.0
"""Seconds that a receiver has for its whole response. Reference: Webhooks, "Response Time"."""

WAITS = (1.0, 5.0, 30.0, 120.0)
"""Seconds before the second to the fifth attempt; after that, the delivery is given up."""

_CLAIM = 2 * TIMEOUT
"""Seconds that a claim is valid. It expires, since the process that made it may have died."""

_PAUSE = 1.0
"""Seconds to wait after an error of a lane itself, such as a full disk."""

Answer: TypeAlias = tuple[int | None, str | None]
"""A receiver's status, and the error; either can be `None`."""


@dataclass(frozen=True)
class Parcel:
    """The webhook request that delivers one event to one receiver."""

    url: str
    payload: bytes
    headers: Mapping[str, str]


class Deliverer:
    """Makes the deliveries that are due in a store.

    Args:
        store: The state.
        clock: The clock.
        secret: The secret to sign every delivery with, in addition to the secrets of its endpoint.
        ca_file: Certificates to trust, in addition to those that this machine trusts.
        hosts: The hosts that webhooks may be sent to.
        finished: Called when a lane that `start` started has ended.
        observer: Called with each attempt.

    Raises:
        ValueError: `ca_file` cannot be read.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        secret: str,
        ca_file: str | os.PathLike[str] | None,
        hosts: Hosts,
        finished: Callable[[], None],
        observer: Callable[[Delivery], object],
    ) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._trusted = None if ca_file is None else _trust(ca_file)
        self._hosts = hosts
        self._finished = finished
        self._observer = observer
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._client: httpx.AsyncClient | None = None
        self._background = Background(self._disconnect)

    def close(self) -> None:
        """Cancel the current deliveries, which stay due, and close the connections to receivers."""
        self._background.close()

    def start(self) -> set[str]:
        """Start the due deliveries to endpoints that are not busy, in the background.

        Returns:
            The endpoints that are busy now.
        """
        with self._lock:
            busy = set(self._busy)
        lanes = _lanes(Trouble().plan(self._store.due_deliveries(self._clock.time(), to_anybody=False, but=busy)))
        for endpoint, sends in lanes.items():
            with self._lock:
                self._busy.add(endpoint)
            self._background.start(self._deliver_by_itself(endpoint, sends))
        return busy | lanes.keys()

    def deliver(self, trouble: Trouble, receiver: Receiver | None = None) -> list[Delivery]:
        """Make one attempt at each due delivery, oldest first.

        Args:
            trouble: What to do wrong on purpose.
            receiver: The receiver in this process for all deliveries; `None` sends them to the webhook endpoints.
        """
        if receiver is None:
            return self._background.run(self._deliver_over(self._connections(), trouble))
        tried: dict[int, Delivery] = {}
        with (
            httpx.Client(transport=receiver.transport) as client,
            closing(self._lane(self._plan(trouble, receiver), receiver, tried)) as lane,
        ):
            try:
                parcel = next(lane)
                while True:
                    parcel = lane.send(_hand_over(client, parcel, receiver))
            except StopIteration:
                return [*tried.values()]

    async def deliver_async(self, trouble: Trouble, receiver: Receiver | None = None) -> list[Delivery]:
        """Like `deliver`, but in the caller's event loop."""
        if receiver is None:
            async with self._connect() as client:
                return await self._deliver_over(client, trouble)
        tried: dict[int, Delivery] = {}
        async with httpx.AsyncClient(transport=receiver.async_transport) as client:
            await _drive(client, self._lane(self._plan(trouble, receiver), receiver, tried), receiver)
        return [*tried.values()]

    async def _deliver_over(self, client: httpx.AsyncClient, trouble: Trouble) -> list[Delivery]:
        """Deliver to all webhook endpoints concurrently."""
        tried: dict[int, Delivery] = {}
        failures: list[Exception] = []

        async def drive(sends: list[Send]) -> None:
            try:
                await _drive(client, self._lane(sends, None, tried), None)
            except Exception as failure:  # noqa: BLE001 - raised below, after the other lanes have finished
                failures.append(failure)

        async with anyio.create_task_group() as lanes:
            for sends in _lanes(self._plan(trouble, None)).values():
                lanes.start_soon(drive, sends)
        if failures:
            raise failures[0]
        return [tried[place] for place in sorted(tried)]

    async def _deliver_by_itself(self, endpoint: str, sends: list[Send]) -> None:
        """Deliver to one endpoint in the background. Errors are logged, and deliveries go on."""
        try:
            await _drive(self._connections(), self._lane(sends, None, {}), None)
        except SandboxClosedError:  # its claimed deliveries are due again when the claims expire
            return
        except Exception:  # noqa: BLE001 - the next round may succeed
            _log.exception("Delivering webhooks to %s failed. It goes on in %g seconds.", endpoint, _PAUSE)
            await asyncio.sleep(_PAUSE)
        with self._lock:
            self._busy.discard(endpoint)
        self._finished()

    def _plan(self, trouble: Trouble, receiver: Receiver | None) -> list[Send]:
        now = self._clock.time()
        if receiver is not None and not self._store.has_endpoints():
            self._store.deliver_to_anybody(now)
        return trouble.plan(self._store.due_deliveries(now, to_anybody=receiver is not None))

    def _lane(
        self, sends: list[Send], receiver: Receiver | None, tried: dict[int, Delivery]
    ) -> Generator[Parcel, Answer, None]:
        """Make deliveries one after the other, and store each attempt in `tried` under its place."""
        began = self._clock.time()
        copies = Counter(send.due.seq for send in sends)
        claimed: dict[int, bool] = {}
        over: set[int] = set()
        for send in sends:
            due = send.due
            copies[due.seq] -= 1
            if due.seq not in claimed:
                claimed[due.seq] = self._store.claim(due, began, self._clock.time() + _CLAIM)
            if not claimed[due.seq]:
                continue
            delivery, final = yield from self._try(due, receiver, lost=send.lost)
            if delivery:
                tried[send.place] = delivery
            over |= {due.seq} if final else set()
            if not copies[due.seq]:
                self._end(due, over=due.seq in over)

    def _try(
        self, due: Due, receiver: Receiver | None, *, lost: bool
    ) -> Generator[Parcel, Answer, tuple[Delivery | None, bool]]:
        """Make one attempt at a delivery.

        Returns:
            The attempt, or `None` if the endpoint was deleted, and whether it is the last one.
        """
        event, url = self._store.find("event", due.event), self._url(due, receiver)
        if event is None or url is None:
            return None, True
        refused = receiver is None and not self._hosts.may_receive(url)
        answer: Answer = (
            None,
            "refused: the sandbox delivers only to this machine and to hosts of Sandbox(hosts=) or --allow-host",
        )
        if lost:
            answer = None, "dropped: deliver(drop=...) lost it on the way"
        elif not refused:
            try:
                answer = yield self._parcel(url, event, due.endpoint)
            except GeneratorExit:  # the driver was cancelled while it was sending
                self._store.release(due, self._clock.time())
                raise
        # Without an endpoint there is no real host to show, only a path.
        shown = url.removeprefix(NOWHERE) if due.endpoint == ANYBODY else url
        delivery = Delivery(due.event, event["type"], shown, due.attempts + 1, *answer, self._clock.time())
        self._store.log_delivery(delivery)
        self._observer(delivery)
        return delivery, refused or delivery.delivered

    def _end(self, due: Due, *, over: bool) -> None:
        with self._store.transaction():
            if over or due.attempts == len(WAITS):
                self._store.delivery_ended(due)
            else:
                self._store.deliver_again(due, self._clock.time() + WAITS[due.attempts])

    def _url(self, due: Due, receiver: Receiver | None) -> str | None:
        """Return the URL of a delivery; `None` if its endpoint was deleted."""
        if due.endpoint == ANYBODY:
            return NOWHERE + ((receiver and receiver.path) or "/")
        endpoint = self._store.find("webhook_endpoint", due.endpoint)
        if endpoint is None:
            return None
        url: str = endpoint["url"]
        return str(httpx.URL(url).join(receiver.path)) if receiver and receiver.path else url

    def _parcel(self, url: str, event: Object, endpoint: str) -> Parcel:
        payload = _json.write(event)
        secrets = [*signing_secrets(self._store, endpoint, self._clock.time()), self._secret]
        for secret in secrets:
            clocks[secret.encode()] = self._clock  # for `construct_event(tolerance=...)`
        headers = {
            "Content-Type": "application/json",
            "FinSecure-Signature": ",".join(sign(payload, secret) for secret in secrets),
            "User-Agent": "FinSecure-Sandbox",
        }
        return Parcel(url, payload, headers)

    def _connections(self) -> httpx.AsyncClient:
        """Return the HTTP client of the background loop."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> httpx.AsyncClient:
        """Create an HTTP client. Its connections are unlimited, so that no endpoint waits for another one's."""
        trusted = self._trusted or _trust(None)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        return httpx.AsyncClient(verify=trusted, trust_env=False, limits=limits, timeout=None)  # noqa: S113 - see _post

    async def _disconnect(self) -> None:
        await self._connections().aclose()


def _trust(ca_file: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Trust the CAs of this machine, those in `SSL_CERT_FILE` and `SSL_CERT_DIR`, and those in `ca_file`."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(os.fspath(ca_file))
        except OSError as error:
            raise ValueError(f"ca_file cannot be read ({error.strerror}): name a file of PEM certificates.") from None
    return context


def _lanes(sends: Iterable[Send]) -> dict[str, list[Send]]:
    """Group deliveries by endpoint."""
    lanes: dict[str, list[Send]] = {}
    for send in sends:
        lanes.setdefault(send.due.endpoint, []).append(send)
    return lanes


async def _drive(client: httpx.AsyncClient, lane: Generator[Parcel, Answer, None], receiver: Receiver | None) -> None:
    with closing(lane):
        try:
            parcel = next(lane)
            while True:
                parcel = lane.send(await _post(client, parcel, receiver))
        except StopIteration:
            return


def _way(parcel: Parcel) -> dict[str, Any]:
    """Return the arguments to send a parcel with httpx.

    Names under `.localhost` are this machine (RFC 6761), but not every resolver knows that, so connect to `localhost`.
    """
    url = httpx.URL(parcel.url)
    return {
        "url": url.copy_with(host="localhost") if url.host.endswith(".localhost") else url,
        "content": parcel.payload,
        "headers": {**parcel.headers, "Host": url.netloc.decode("ascii")},
        "extensions": {"sni_hostname": url.host},
    }


async def _post(client: httpx.AsyncClient, parcel: Parcel, receiver: Receiver | None) -> Answer:
    status = None
    try:
        with anyio.move_on_after(TIMEOUT):
            async with client.stream("POST", **_way(parcel)) as response:
                # Read and discard the body: the response only counts when all of it has arrived.
                async for _ in cast("AsyncIterable[bytes]", response.stream):
                    pass
            status = response.status_code
    except ReceiverError:
        raise
    except Exception as error:  # noqa: BLE001 - a receiver may raise anything
        return _failed(error, receiver)
    return status, None if status else f"TimeoutError: the whole answer did not come within {TIMEOUT:g} seconds"


def _hand_over(client: httpx.Client, parcel: Parcel, receiver: Receiver) -> Answer:
    try:
        with client.stream("POST", **_way(parcel)) as response:
            for _ in cast("Iterable[bytes]", response.stream):
                pass
            return response.status_code, None
    except ReceiverError:
        raise
    except Exception as error:  # noqa: BLE001 - a receiver may raise anything
        return _failed(error, receiver)


def _failed(error: Exception, receiver: Receiver | None) -> Answer:
    """Return the result of a delivery that raised. In this process, it is 500, as from a server whose code raises."""
    told = f"{type(error).__name__}: {error}"
    if receiver is not None:
        _log.warning("The receiver of a webhook raised.", exc_info=error)
        return 500, told
    return None, told
