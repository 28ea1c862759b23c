"""Webhook deliveries that go wrong on purpose: `Sandbox.deliver(duplicates=, shuffle=, delay=, drop=)`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from . import _checks as check
from ._checks import Parameter
from ._problems import invalid
from ._store import Due


def _drop(value: object, param: str) -> int | float:
    number = check.whole(value)
    if number is not None and number >= 0:
        return number
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    raise invalid(f"{param} must be how many to lose (such as 1), or the share of them from 0.0 to 1.0.", param)


TROUBLE = {
    "duplicates": Parameter(check.between(1, 100)),
    "shuffle": Parameter(check.integer),
    "delay": Parameter(check.seconds),
    "drop": Parameter(_drop),
}


@dataclass(frozen=True)
class Send:
    """One delivery to make: its place in the round, and whether to lose it on purpose."""

    place: int
    due: Due
    lost: bool


@dataclass(frozen=True)
class Trouble:
    """What to do wrong in a round of deliveries. `Sandbox.deliver` describes each field."""

    duplicates: int = 1
    shuffle: int | None = None
    delay: float = 0.0
    drop: int | float = 0

    @staticmethod
    def read(given: Mapping[str, object]) -> Trouble:
        """Check the arguments of `Sandbox.deliver`.

        Raises:
            Problem: An argument is wrong.
        """
        return Trouble(**check.read(TROUBLE, given))

    def plan(self, due: list[Due]) -> list[Send]:
        """Return the deliveries to make, in order, and mark those to lose."""
        chance = random.Random(self.shuffle or 0)
        sends = [one for one in due for _ in range(self.duplicates)]
        if self.shuffle is not None:
            chance.shuffle(sends)
        if isinstance(self.drop, int):
            return [Send(place, one, place < self.drop) for place, one in enumerate(sends)]
        return [Send(place, one, chance.random() < self.drop) for place, one in enumerate(sends)]
