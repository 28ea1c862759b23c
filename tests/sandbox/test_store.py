"""State in a file, and what is never in it. Reference: Security Testing, "PCI DSS compliance"."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from finsecure.sandbox import Clock, Sandbox

DETAILS = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025, "cvc": "987"}
CARD = {"type": "card", "card": DETAILS}
ACCOUNT = {
    "type": "us_bank_account",
    "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
}
Connect = Callable[[Sandbox], httpx.Client]

ACKNOWLEDGE_AND_DIE = """
import os, signal, sys
import httpx
from finsecure.sandbox import Sandbox

sandbox = Sandbox(db=sys.argv[1])
client = httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url)
client.headers["Authorization"] = f"Bearer {sandbox.secret_key}"
while True:
    answer = client.post("/v1/customers", json={}, headers={"Idempotency-Key": "k" + str(os.urandom(8).hex())})
    print(answer.json()["id"], answer.request.headers["idempotency-key"], flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, connect: Connect) -> None:
    db = tmp_path / "sandbox.db"
    command = [sys.executable, "-c", ACKNOWLEDGE_AND_DIE, str(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().split() for _ in range(25)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.split() for line in process.stdout if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL

    with Sandbox(db=db) as sandbox:
        api = connect(sandbox)
        for ident, key in acknowledged:
            assert api.get(f"/v1/customers/{ident}").status_code == 200
            again = api.post("/v1/customers", json={}, headers={"Idempotency-Key": key})
            assert (again.json()["id"], again.headers["idempotent-replayed"]) == (ident, "true")


def test_a_reopened_file_goes_on(tmp_path: Path, connect: Connect) -> None:
    db = tmp_path / "sandbox.db"
    with Sandbox(db=db, clock=Clock(0)) as first:
        api = connect(first)
        method = api.post("/v1/payment_methods", json=CARD).json()
        intent = api.post("/v1/payment_intents", json={"amount": 100, "currency": "eur"}).json()
        keys = (first.secret_key, first.publishable_key, first.webhook_secret)
    with Sandbox(db=str(db), clock=Clock(10)) as second:
        api = connect(second)
        assert (second.secret_key, second.publishable_key, second.webhook_secret) == keys
        assert api.get(f"/v1/payment_methods/{method['id']}").json() == method
        paid = api.post(f"/v1/payment_intents/{intent['id']}/confirm", json={"payment_method": method["id"]}).json()
        assert (paid["status"], paid["created"]) == ("succeeded", 0)
        same = api.post("/v1/payment_methods", json=CARD).json()
        assert same["card"]["fingerprint"] == method["card"]["fingerprint"]


def test_two_sandboxes_may_share_a_file(tmp_path: Path, connect: Connect) -> None:
    db = tmp_path / "sandbox.db"
    with Sandbox(db=db) as one, Sandbox(db=db) as two:
        assert one.secret_key == two.secret_key
        made = [connect(sandbox).post("/v1/customers", json={}).json()["id"] for sandbox in (one, two, one)]
        assert [item["id"] for item in connect(two).get("/v1/customers").json()["data"]] == made[::-1]


def test_numbers_are_nowhere_in_the_file_nor_in_an_answer(tmp_path: Path, connect: Connect) -> None:
    db = tmp_path / "sandbox.db"
    with Sandbox(db=db) as sandbox:
        api = connect(sandbox)
        answers = [
            api.post("/v1/payment_methods", json=body, headers={"Idempotency-Key": key})
            for key, body in (("card", CARD), ("account", ACCOUNT), ("card", CARD))
        ]
        refused = {"type": "card", "card": {**DETAILS, "number": "4111111111111111"}}
        answers.append(api.post("/v1/payment_methods", json=refused, headers={"Idempotency-Key": "refused"}))
        intent = api.post("/v1/payment_intents", json={"amount": 100, "currency": "eur"}).json()["id"]
        answers.append(api.post(f"/v1/payment_intents/{intent}/confirm", json={"payment_method": CARD}))
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    files += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"payment_intent" in files
    for number in (b"4242424242424242", b"000123456789", b"4111111111111111", b'"987"'):
        assert number not in files
        assert not any(number in answer.content for answer in answers)


def test_closing_twice_is_harmless() -> None:
    sandbox = Sandbox()
    sandbox.close()
    sandbox.close()


def test_bank_payments_cannot_settle_before_they_start() -> None:
    with pytest.raises(ValueError, match="settle_after must be zero or more"):
        Sandbox(settle_after=-1)
