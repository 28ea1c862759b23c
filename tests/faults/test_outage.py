"""A total outage: retries dry up instead of tripling the load, and come back with the API."""

from __future__ import annotations

import threading

import pytest

import finsecure

from ..conftest import Outcome
from .conftest import Figure, Open, Serve
from .doors import Quick
from .server import RATE_LIMITED, STORM, UNAVAILABLE, Fault, always, close_before, mixed, reset_before, unread, well
from .test_storm import FULL, create

OUTAGES = {"503": UNAVAILABLE, "reset": reset_before, "429": RATE_LIMITED, "unread": unread, "closed": close_before}


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 16] if FULL else [16])
@pytest.mark.parametrize("name", OUTAGES if FULL else ["503", "reset"])
def test_an_outage_is_not_made_worse(serve: Serve, connect: Open, figure: Figure, name: str, at_once: int) -> None:
    """500 calls into an outage send at most 1.1 requests each; when it is over, calls come through at once."""
    server = serve(always(OUTAGES[name]))
    client = connect(server, clock=Quick())
    outcomes = client.ask_all([create(f"{n}", 1) for n in range(500)], at_once)
    assert all(isinstance(outcome.error, finsecure.FinSecureError) for outcome in outcomes)
    figure("total outage, 500 calls", outage=name, requests_per_call=server.ledger.arrived / 500)
    assert server.ledger.arrived <= 550
    assert not server.ledger.charges

    server.script = always(well)
    after = client.ask_all([create(f"after {n}", 1) for n in range(200)], at_once)
    assert [outcome.error for outcome in after if outcome.error is not None] == []
    server.script = always(OUTAGES[name])
    before = server.ledger.arrived
    assert client.ask(create("alone", 1)).error is not None
    assert server.ledger.arrived - before == 3


@pytest.mark.parametrize("fault", [UNAVAILABLE, reset_before])
def test_a_lone_call_gets_all_its_attempts(serve: Serve, connect: Open, fault: Fault) -> None:
    """The quota is there for outages: one call that fails twice comes through."""
    server = serve([fault, fault])
    assert connect(server, clock=Quick()).ask(create("a", 1)).error is None
    assert server.ledger.arrived == 3


@pytest.mark.slow
def test_the_quota_is_shared_with_what_with_options_gives(serve: Serve, connect: Open) -> None:
    """`with_options` is no way around it: all clients on the same connections count together."""
    server = serve(always(UNAVAILABLE))
    client = connect(server, clock=Quick())
    for n in range(500):
        client.with_options(timeout=3 + n / 1000).ask(create(f"{n}", 1))
    assert server.ledger.arrived <= 550


@pytest.mark.slow
def test_a_storm_that_goes_on_does_not_use_the_quota_up(serve: Serve, connect: Open) -> None:
    """Where most calls come through, there are always retries for those that do not."""
    quick = tuple(fault for fault in STORM if fault.__name__ != "slow")
    server = serve(mixed(quick, share=0.2, seed=7))
    outcomes = connect(server, clock=Quick()).ask_all([create(f"{n}", 1) for n in range(400)], 4)
    assert sum(outcome.error is not None for outcome in outcomes) <= 400 * 0.02


def test_a_front_that_is_gone_for_a_second_is_not_noticed(serve: Serve, connect: Open, figure: Figure) -> None:
    """16 callers at work while the listener and all connections are gone for a second: every call comes through."""
    server = serve()
    client = connect(server, timeout=10)
    assert client.ask(create("before", 1)).error is None
    restart = threading.Thread(target=server.restart, args=(1.0,))
    outcomes: list[Outcome] = client.ask_all([create(f"warm {n}", 1) for n in range(16)], 16)
    restart.start()
    server.gone.wait(5)
    outcomes += client.ask_all([create(f"{n}", 1) for n in range(40)], 16)
    restart.join()
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    figure("a gateway gone for a second", calls=len(outcomes), failed=len(failed))
    assert failed == []
    assert max(outcome.seconds for outcome in outcomes) > 0.3  # that anybody met the gap
    assert len(server.ledger.charges) == len(outcomes) + 1
