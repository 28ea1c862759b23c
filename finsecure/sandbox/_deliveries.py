"""Webhook delivery: signed, at least once, tried again with longer and longer waits. Reference: Webhooks.

Rules: nothing is ever sent to another machine, so a delivery to one is recorded as refused; no redirect is followed and
no proxy used; the database is never locked while a receiver is being waited for. What is due is kept in the database,
so that it is delivered by whoever opens it next.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import cast

import httpx

from finsecure._signature import sign

from . import _json
from ._checks import Object
from ._clock import Clock
from ._loopback import is_loopback
from ._store import Store

TIMEOUT = 10.0
"""Seconds a receiver has to answer. Reference: Webhooks, "Response Time"."""

WAITS = (1.0, 5.0, 30.0, 120.0)
"""Seconds before the second to the fifth try; after that the delivery is given up."""


@dataclass(frozen=True)
class Delivery:
    """One try to deliver an event.

    Attributes:
        event: The event's id.
        type: The event's type.
        url: Where it was sent.
        attempt: 1 for the first try, up to 5.
        status: The receiver's HTTP status; `None` where it gave none.
        error: Why there is no status; `None` where there is one.
        time: When, in Unix seconds of the sandbox's clock.
    """

    event: str
    type: str
    url: str
    attempt: int
    status: int | None
    error: str | None
    time: float

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any 2xx. Reference: Webhooks, "Status Codes"."""
        return self.status is not None and 200 <= self.status < 300


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
            rows = self._store.run(
                "select seq, event, endpoint, attempts from deliveries where due <= ? order by due, seq",
                self._clock.time(),
            )
            tried = [self._try(*row) for row in rows]
        return [delivery for delivery in tried if delivery is not None]

    def next_due(self) -> float | None:
        """When there is something to deliver or to settle next, in Unix seconds; `None` for nothing."""
        rows = self._store.run(
            "select min(due) from (select due from deliveries union all select due from settlements)"
        )
        return cast("float | None", rows[0][0])

    def log(self) -> list[Delivery]:
        """Every try so far, oldest first."""
        return [
            Delivery(*row)
            for row in self._store.run(
                "select event, type, url, attempt, status, error, time from attempts order by seq"
            )
        ]

    def _try(self, seq: int, event_id: str, endpoint_id: str, attempts: int) -> Delivery | None:
        event = cast("Object", self._store.find("event", event_id))
        endpoint = self._store.find("webhook_endpoint", endpoint_id)
        if endpoint is None:
            self._finish(seq, event_id)
            return None
        url: str = endpoint["url"]
        local = is_loopback(httpx.URL(url).host)
        if local:
            status, error = self._send(url, _json.write(event))
        else:
            status, error = None, "refused: the sandbox delivers to this machine alone (a loopback host)"
        tried = Delivery(event_id, event["type"], url, attempts + 1, status, error, self._clock.time())
        with self._store.transaction():
            self._store.run(
                "insert into attempts (event, type, url, attempt, status, error, time) values (?, ?, ?, ?, ?, ?, ?)",
                *(tried.event, tried.type, tried.url, tried.attempt, tried.status, tried.error, tried.time),
            )
            if local and not tried.delivered and attempts < len(WAITS):
                due = tried.time + WAITS[attempts]
                self._store.run("update deliveries set due = ?, attempts = attempts + 1 where seq = ?", due, seq)
            else:
                self._finish(seq, event_id)
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

    def _finish(self, seq: int, event_id: str) -> None:
        self._store.run("delete from deliveries where seq = ?", seq)
        event = cast("Object", self._store.find("event", event_id))
        left = self._store.run("select count(*) from deliveries where event = ?", event_id)[0][0]
        self._store.save(event | {"pending_webhooks": left})
