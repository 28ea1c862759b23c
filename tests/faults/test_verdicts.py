"""Whether it may have been done, over real sockets: the rule of `tests/verdicts.py` at each door, on each transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import verdicts

from .conftest import Figure, Open, Serve
from .doors import Quick
from .server import RATE_LIMITED, UNAVAILABLE_AFTER, Fault, answers, close_after, reset_after, unread

USES: dict[str, Callable[[Any], Any]] = {
    "POST": lambda c: c.refunds.create(payment_intent="pi_1"),
    "PUT": lambda c: c.customers.update("cus_1", name="Ada"),
    "DELETE": lambda c: c.customers.delete("cus_1"),
    "GET": lambda c: c.customers.retrieve("cus_1"),
}
BEFORE: dict[str, tuple[list[Fault], bool]] = {
    # what becomes of the attempts before; whether any of them may have been carried out
    "nothing": ([], False),
    "rate limited": ([RATE_LIMITED], False),
    "reset unread": ([unread], True),
    "reset": ([reset_after], True),
    "closed": ([close_after], True),
    "a bad gateway": ([UNAVAILABLE_AFTER], True),
}


@pytest.mark.slow
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("method", USES)
def test_an_answer_proves_what_the_rule_says(
    serve: Serve, connect: Open, figure: Figure, method: str, before: str
) -> None:
    """A status alone proves nothing; what an attempt before may have done is not forgotten."""
    faults, opened = BEFORE[before]
    wrong = 0
    for answer in verdicts.one_a_row():
        last = answers(answer.status, answer.body, executed=False)
        server = serve([*faults, *[last] * 20])  # a key in use is asked for until the time is over
        client = connect(server, clock=Quick(), max_retries=len(faults), timeout=5)
        error = client.ask(USES[method]).error
        assert error.http_status == answer.status
        wrong += error.maybe_executed is not answer.may_be_done(method, opened=opened)
    figure("what an answer proves", method=method, before=before, maybe_executed_wrong=wrong)
    assert wrong == 0
