"""Webhook delivery: signed, at least once, tried again with longer and longer waits. Reference: Webhooks.

Rules: nothing is ever sent to another machine, so a delivery to one is recorded as refused; no redirect is followed and
no proxy used; the database is never locked while a receiver is being waited for. What is due is kept in the database,
so that it is delivered by whoever opens it next. Whoever makes a delivery claims it first, so that nobody else does.

A round is a generator that asks for one parcel after another to be sent, so that it is written once:
`Deliverer.deliver` sends on the caller's thread, `Deliverer.deliver_async` in the caller's event loop.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import TypeAlias, cast

import anyio
import httpx

from finsecure._signature import sign

from . import _checks as check
from . import _json
from ._checks import Parameter
from ._clock import Clock
from ._json import Object
from ._loopback import is_loopback
from ._problems import invalid
from ._receivers import NOWHERE, Receiver, ReceiverError
from ._store import ANYBODY, Delivery, Due, Store

_log = logging.getLogger("finsecure.sandbox")

TIMEOUT = 10.0
"""Seconds a receiver has to answer. Reference: Webhooks, "Response Time"."""

WAITS = (1.0, 5.0, 30.0, 120.0)
"""Seconds before the second to the fifth try; after that the delivery is given up."""

_CLAIM = 2 * TIMEOUT
"""Seconds that a delivery is left to whoever claimed it, who may have died meanwhile."""

Answer: TypeAlias = tuple[int | None, str | None]
"""A receiver's status, and what went wrong."""


def _drop(value: object, param: str) -> int | float:
    if type(value) is float and 0 <= value <= 1:
        return value
    if type(value) is int and value >= 0:
        return value
    raise invalid(f"{param} must be how many to lose (such as 1), or the share of them from 0.0 to 1.0.", param)


TROUBLE = {
    "duplicates": Parameter(check.between(1, 100)),
    "shuffle": Parameter(check.integer),
    "delay": Parameter(check.seconds),
    "drop": Parameter(_drop),
}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in a round of deliveries. `Sandbox.deliver` says what each word means."""

    duplicates: int = 1
    shuffle: int | None = None
    delay: float = 0.0
    drop: int | float = 0

    @staticmethod
    def read(given: Mapping[str, object]) -> Trouble:
        """The words of `Sandbox.deliver`.

        Raises:
            Problem: One of them is wrong.
        """
        return Trouble(**check.read(TROUBLE, given))

    def plan(self, due: list[Due]) -> list[tuple[Due, bool]]:
        """What to send, in which order, and which of it gets lost."""
        chance = random.Random(self.shuffle or 0)
        sends = [one for one in due for _ in range(self.duplicates)]
        if self.shuffle is not None:
            chance.shuffle(sends)
        if isinstance(self.drop, int):
            return [(one, place < self.drop) for place, one in enumerate(sends)]
        return [(one, chance.random() < self.drop) for one in sends]


@dataclass(frozen=True)
class Parcel:
    """One event on its way to one receiver."""

    url: str
    payload: bytes
    headers: Mapping[str, str]


class Deliverer:
    """Deliver what a store holds as due."""

    def __init__(self, store: Store, clock: Clock, secret: str) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def close(self) -> None:
        """Close the connections to receivers."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def deliver(self, trouble: Trouble, receiver: Receiver | None = None) -> list[Delivery]:
        """Try everything that is due once, oldest first.

        Args:
            trouble: What goes wrong on the way.
            receiver: Who is handed everything in this process; `None` sends it to the webhook endpoints.
        """
        with closing(self._round(trouble, receiver)) as steps, self._connections(receiver) as client:
            try:
                parcel = next(steps)
                while True:
                    parcel = steps.send(_post(client, parcel, receiver))
            except StopIteration as end:
                return cast("list[Delivery]", end.value)

    async def deliver_async(self, trouble: Trouble, receiver: Receiver | None = None) -> list[Delivery]:
        """`deliver` in the caller's event loop."""
        with closing(self._round(trouble, receiver)) as steps:
            async with _async_connections(receiver) as client:
                try:
                    parcel = next(steps)
                    while True:
                        parcel = steps.send(await _post_async(client, parcel, receiver))
                except StopIteration as end:
                    return cast("list[Delivery]", end.value)

    def _round(self, trouble: Trouble, receiver: Receiver | None) -> Generator[Parcel, Answer, list[Delivery]]:
        now = self._clock.time()
        if receiver is not None and not self._store.has_endpoints():
            self._store.deliver_to_anybody(now)
        sends = trouble.plan(self._store.due_deliveries(now, to_anybody=receiver is not None))
        copies = Counter(due.seq for due, _ in sends)
        claimed: dict[int, bool] = {}
        over: set[int] = set()
        tried: list[Delivery] = []
        for due, lost in sends:
            copies[due.seq] -= 1
            if due.seq not in claimed:
                claimed[due.seq] = self._store.claim(due, now, self._clock.time() + _CLAIM)
            if not claimed[due.seq]:
                continue
            delivery, final = yield from self._try(due, receiver, lost=lost)
            tried += [delivery] if delivery else []
            over |= {due.seq} if final else set()
            if not copies[due.seq]:
                self._end(due, over=due.seq in over)
        return tried

    def _try(
        self, due: Due, receiver: Receiver | None, *, lost: bool
    ) -> Generator[Parcel, Answer, tuple[Delivery | None, bool]]:
        """Try one delivery.

        Returns:
            The try, unless its endpoint is gone, and whether it is the last one.
        """
        event, url = self._store.find("event", due.event), self._url(due, receiver)
        if event is None or url is None:
            return None, True
        refused = receiver is None and not is_loopback(httpx.URL(url).host)
        answer: Answer = None, "refused: the sandbox delivers to this machine alone (a loopback host)"
        if lost:
            answer = None, "dropped: deliver(drop=...) lost it on the way"
        elif not refused:
            try:
                answer = yield self._parcel(url, event)
            except GeneratorExit:  # whoever sends was stopped, so it was not delivered
                self._store.release(due, self._clock.time())
                raise
        # A receiver without an endpoint has a path and no host.
        shown = url.removeprefix(NOWHERE)
        delivery = Delivery(due.event, event["type"], shown, due.attempts + 1, *answer, self._clock.time())
        self._store.log_delivery(delivery)
        return delivery, refused or delivery.delivered

    def _end(self, due: Due, *, over: bool) -> None:
        with self._store.transaction():
            if over or due.attempts == len(WAITS):
                self._store.delivery_ended(due)
            else:
                self._store.deliver_again(due, self._clock.time() + WAITS[due.attempts])

    def _url(self, due: Due, receiver: Receiver | None) -> str | None:
        """Where a delivery goes; `None` where its endpoint was deleted."""
        if due.endpoint == ANYBODY:
            return NOWHERE + ((receiver and receiver.path) or "/")
        endpoint = self._store.find("webhook_endpoint", due.endpoint)
        if endpoint is None:
            return None
        url: str = endpoint["url"]
        return str(httpx.URL(url).join(receiver.path)) if receiver and receiver.path else url

    def _parcel(self, url: str, event: Object) -> Parcel:
        payload = _json.write(event)
        headers = {
            "Content-Type": "application/json",
            "FinSecure-Signature": sign(payload, self._secret),
            "User-Agent": "FinSecure-Sandbox",
        }
        return Parcel(url, payload, headers)

    def _connections(self, receiver: Receiver | None) -> AbstractContextManager[httpx.Client]:
        if receiver is not None:
            return httpx.Client(transport=receiver.transport)
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(trust_env=False, follow_redirects=False, timeout=TIMEOUT)
            return nullcontext(self._client)


def _async_connections(receiver: Receiver | None) -> httpx.AsyncClient:
    if receiver is not None:
        return httpx.AsyncClient(transport=receiver.async_transport)
    return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT)


def _post(client: httpx.Client, parcel: Parcel, receiver: Receiver | None) -> Answer:
    try:
        # The body of the answer says nothing, so it is not read.
        with client.stream("POST", parcel.url, content=parcel.payload, headers=parcel.headers) as response:
            return response.status_code, None
    except ReceiverError:
        raise
    except Exception as error:  # noqa: BLE001 - a receiver may raise anything
        return _failed(error, receiver)


async def _post_async(client: httpx.AsyncClient, parcel: Parcel, receiver: Receiver | None) -> Answer:
    try:
        with anyio.fail_after(TIMEOUT):
            async with client.stream("POST", parcel.url, content=parcel.payload, headers=parcel.headers) as response:
                return response.status_code, None
    except ReceiverError:
        raise
    except Exception as error:  # noqa: BLE001 - a receiver may raise anything
        return _failed(error, receiver)


def _failed(error: Exception, receiver: Receiver | None) -> Answer:
    """What a delivery that raised counts as. A server answers 500 for a receiver that raises."""
    told = f"{type(error).__name__}: {error}"
    if receiver is not None and not isinstance(error, TimeoutError):
        _log.warning("The receiver of a webhook raised.", exc_info=error)
        return 500, told
    return None, told
