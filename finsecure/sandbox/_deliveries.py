"""Webhook delivery: signed, at least once, tried again with longer and longer waits. Reference: Webhooks.

Rules: nothing is ever sent to another machine, so a delivery to one is recorded as refused; no redirect is followed and
no proxy used; the database is never locked while a receiver is being waited for. What is due is kept in the database,
so that it is delivered by whoever opens it next.
"""

from __future__ import annotations

import threading
from typing import cast

import httpx

from finsecure._signature import sign

from . import _json
from ._clock import Clock
from ._json import Object
from ._loopback import is_loopback
from ._store import Delivery, Due, Store

TIMEOUT = 10.0
"""Seconds a receiver has to answer. Reference: Webhooks, "Response Time"."""

WAITS = (1.0, 5.0, 30.0, 120.0)
"""Seconds before the second to the fifth try; after that the delivery is given up."""


class Deliverer:
    """Deliver what a store holds as due."""

    def __init__(self, store: Store, clock: Clock, secret: str) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._one_at_a_time = threading.Lock()
        self._client: httpx.Client | None = None

    def close(self) -> None:
        """Close the connections to receivers."""
        with self._one_at_a_time:
            if self._client is not None:
                self._client.close()

    def deliver_due(self) -> list[Delivery]:
        """Try everything that is due once, oldest first."""
        with self._one_at_a_time:
            tried = [self._try(due) for due in self._store.due_deliveries(self._clock.time())]
        return [delivery for delivery in tried if delivery is not None]

    def _try(self, due: Due) -> Delivery | None:
        event = cast("Object", self._store.find("event", due.event))
        endpoint = self._store.find("webhook_endpoint", due.endpoint)
        if endpoint is None:
            self._store.delivery_ended(due)
            return None
        url: str = endpoint["url"]
        local = is_loopback(httpx.URL(url).host)
        if local:
            status, error = self._send(url, _json.write(event))
        else:
            status, error = None, "refused: the sandbox delivers to this machine alone (a loopback host)"
        tried = Delivery(due.event, event["type"], url, due.attempts + 1, status, error, self._clock.time())
        with self._store.transaction():
            self._store.log_delivery(tried)
            if local and not tried.delivered and due.attempts < len(WAITS):
                self._store.deliver_again(due, tried.time + WAITS[due.attempts])
            else:
                self._store.delivery_ended(due)
        return tried

    def _send(self, url: str, payload: bytes) -> tuple[int | None, str | None]:
        if self._client is None:
            self._client = httpx.Client(trust_env=False, follow_redirects=False, timeout=TIMEOUT)
        headers = {
            "Content-Type": "application/json",
            "FinSecure-Signature": sign(payload, self._secret),
            "User-Agent": "FinSecure-Sandbox",
        }
        try:
            # The body of the answer says nothing, so it is not read.
            with self._client.stream("POST", url, content=payload, headers=headers) as response:
                return response.status_code, None
        except httpx.HTTPError as error:
            return None, f"{type(error).__name__}: {error}"
