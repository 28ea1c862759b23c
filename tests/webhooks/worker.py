"""A worker that `report.py` starts, delivers to, and kills."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from finsecure import webhooks

from . import places

WORK = 0.005  # seconds that a function takes: half of them before it writes its effect, half after
webhooks.parse_event(places.event_json("evt_0"))  # what reading an event needs is there before workers are forked


class ByHand(places.Redis):
    """What tutorials show: verify, look for the id in a set, handle. The set is in Redis, and so are the effects."""

    def __init__(self, kind: str, url: str) -> None:
        super().__init__("redis", url)
        self._marks_first = kind == "hand-before"

    def receive(self, body: str, signature: str, hook: places.Hook, before: places.Hook) -> int:
        event = webhooks.construct_event(body, signature, places.SECRET)
        if self.client.sismember("seen", event.id):
            return 200
        if self._marks_first:
            self.client.sadd("seen", event.id)
        before(event.id)
        self.client.rpush("effects", event.id)
        hook(event.id)
        if not self._marks_first:
            self.client.sadd("seen", event.id)
        return 200


def open_place(kind: str, url: str) -> places.Place:
    return ByHand(kind, url) if kind.startswith("hand") else places.open_place(kind, url)


def work(kind: str, url: str, sender: Connection) -> None:
    """Answer deliveries with their status until there are no more."""
    place = open_place(kind, url)

    begun = 0.0

    def before(event: str) -> None:
        """The first half of the work. Where the effects are in Redis, so is from when until when it was done."""
        nonlocal begun
        begun = time.monotonic()
        note("begun", event)
        time.sleep(WORK / 2)

    def hook(event: str) -> None:
        """The second half."""
        time.sleep(WORK / 2)
        note("ended", event, time.monotonic())

    def note(name: str, event: str, *moments: float) -> None:
        if isinstance(place, places.Redis):
            place.client.rpush(name, json.dumps([event, os.getpid(), begun, *moments]))

    webhook = place.handler(hook, before)
    if isinstance(place, ByHand):
        receive: Any = partial(place.receive, hook=hook, before=before)
    else:
        receive = webhook.handle
    with suppress(EOFError):
        while True:
            outcome: Any = receive(*sender.recv())
            sender.send(outcome if isinstance(outcome, int) else outcome.status)
