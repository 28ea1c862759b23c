"""What jedi completes, which vim, Spyder, Jupyter and python-lsp ask."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

# Nothing is known of its types.
jedi: Any = pytest.importorskip("jedi")

SYNC = """\
import finsecure

client = finsecure.Client("sk_test_1")
intent = client.payment_intents.create(amount=1, currency="usd")
module = finsecure.PaymentIntent.create(amount=1, currency="usd")
page = client.customers.list()
for customer in page:
    pass
for listed in page.data:
    pass
following = page.next_page()
event = finsecure.webhooks.construct_event(b"", "", "")
def handle(given: finsecure.PaymentIntent, any_event: finsecure.AnyEvent): ...
"""
ASYNC = """\
import finsecure

async def main():
    client = finsecure.AsyncClient("sk_test_1")
    intent = await client.payment_intents.create(amount=1, currency="usd")
    page = await client.customers.list()
    async for customer in client.customers.list():
        pass
    {}
"""
GROUP = {"cancel", "confirm", "create", "list", "retrieve", "update"}
PAYMENT = {"id", "amount", "status", "client_secret", "created", "to_dict", "last_response"}
PAGE = {"data", "has_more", "next_page", "previous_page", "next_cursor", "to_dict"}

BOTH = [
    ("client.", {"payment_intents", "customers", "with_options", "request", "base_url"}),
    ("client.payment_intents.", GROUP),
    ("intent.", PAYMENT),
    ("page.", PAGE),
    ("customer.", {"id", "email", "created"}),
    ("page.data[0].", {"id", "email", "created"}),
    ("intent.last_response.", {"status_code", "request_id", "attempts", "headers"}),
]
PYDANTIC = {"model_dump", "model_fields", "json", "dict", "copy", "parse_obj"}
SYNC_ALONE = [
    ("intent.charges.data[0].", {"id", "paid"}),
    ("following.", PAGE),
    ("listed.", {"id", "email", "created"}),
    ("finsecure.", {"Client", "AsyncClient", "PaymentIntent", "CardError", "webhooks", "rows"}),
    ("module.", PAYMENT),
    ("event.", {"id", "type", "data"}),
    ("event.data.object.", {"id", "amount", "status"}),
]


def complete(program: str) -> Iterator[str]:
    """The names that are offered at the end of a program."""
    lines = program.splitlines()
    for completion in jedi.Script(program).complete(len(lines), len(lines[-1])):
        name: str = completion.name
        if not name.startswith("_"):
            yield name


@pytest.mark.parametrize(("written", "expected"), BOTH + SYNC_ALONE)
def test_jedi_completes(written: str, expected: set[str]) -> None:
    """The groups, their operations, and what they return, which is no generator or coroutine."""
    offered = {*complete(f"{SYNC}{written}")}
    assert offered >= expected
    assert not offered & {"send", "throw", "send_list", "fetched_by", "in_order", "call", "ids", "func", "attrname"}
    assert not offered & PYDANTIC


@pytest.mark.parametrize(("written", "expected"), BOTH)
def test_jedi_completes_async_code(written: str, expected: set[str]) -> None:
    """What is awaited is the answer."""
    offered = {*complete(ASYNC.format(written).rstrip())}
    assert offered >= expected
    assert not offered & {"send", "throw", "send_list", "fetched_by", "in_order", "call", "ids", "func", "attrname"}
    assert not offered & PYDANTIC


def test_jedi_completes_a_parameter_that_is_annotated() -> None:
    """In the function that has it."""
    assert {*complete(f"{SYNC.rstrip().removesuffix('...')}\n    given.")} >= PAYMENT
    assert {*complete(f"{SYNC.rstrip().removesuffix('...')}\n    any_event.")} >= {"id", "type", "data"}


NOTEBOOK = """
import finsecure, jedi
intent = finsecure.PaymentIntent(id="pi_1")
print(*(completion.name for completion in jedi.Interpreter("intent.", [{"intent": intent}]).complete()))
answered = finsecure.testing.payment_intent()
there = [{"answered": answered}]
print(*(completion.name for completion in jedi.Interpreter("answered.last_response.", there).complete()))
"""


def test_a_completion_in_a_notebook_goes_by_dir() -> None:
    """IPython asks jedi of the objects that are there."""
    asked = subprocess.run([sys.executable, "-c", NOTEBOOK], check=True, capture_output=True, text=True)
    offered = {*asked.stdout.split()}
    assert offered >= PAYMENT | {"status_code", "request_id", "attempts", "headers"}
    assert not {name for name in offered if name.startswith("model_")}
