"""A sandbox that is killed, or whose disk is full, loses nothing that it acknowledged.

`FINSECURE_KILLS=100 pytest tests/sandbox/test_kills.py` kills it a hundred times.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from finsecure.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("FINSECURE_KILLS", "3"))

PAY = """
import resource, signal, sys
import httpx
from finsecure.sandbox import Sandbox

card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}
with Sandbox(db=sys.argv[1]) as sandbox, httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as api:
    if len(sys.argv) > 2:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    api.headers["Authorization"] = f"Bearer {sandbox.secret_key}"
    while True:
        answer = api.post("/v1/payment_intents", json={"amount": 2000, "currency": "usd"})
        if answer.status_code == 200:
            intent = answer.json()["id"]
            headers = {"Idempotency-Key": f"pay {intent}"}
            body = {"payment_method": {"type": "card", "card": card}}
            answer = api.post(f"/v1/payment_intents/{intent}/confirm", json=body, headers=headers)
        if answer.status_code != 200:
            print("refused", answer.status_code, answer.json()["error"]["message"], flush=True)
            break
        print(intent, flush=True)
"""


def test_nothing_acknowledged_is_lost_when_it_is_killed_at_any_moment(tmp_path: Path) -> None:
    """Each payment that was answered is there with its one charge, its one event, and its answer under the key."""
    path = tmp_path / "sandbox.db"
    acknowledged: list[str] = []
    chance = random.Random(1)
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", PAY, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            killer = threading.Timer(chance.random() * 0.2, process.send_signal, [signal.SIGKILL])
            killer.start()
            lines += process.stdout
            killer.join()
        assert process.returncode == -signal.SIGKILL
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
    check(path, acknowledged, KILLS)


def test_nothing_acknowledged_is_lost_when_the_disk_is_full(tmp_path: Path) -> None:
    """A write that the system refuses is answered with an error that names the file."""
    path = tmp_path / "sandbox.db"
    limit = str(512 * 1024)
    command = [sys.executable, "-c", PAY, str(path), limit]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True, timeout=60)
    *acknowledged, last = done.stdout.splitlines()
    refused, status, *message = last.split()
    assert (refused, status) == ("refused", "503")
    assert str(path) in " ".join(message)
    check(path, acknowledged, 1)


def check(path: Path, acknowledged: list[str], cut_off: int) -> None:
    """The file is sound, and every payment in it is whole; as many as were cut off may be there besides."""
    assert acknowledged
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()
    with Sandbox(db=path) as sandbox, sandbox.client() as client:
        paid = {intent.id: intent for intent in client.payment_intents.list(limit=100)}
        assert {intent for intent in acknowledged if paid[intent].status != "succeeded"} == set()
        assert len(paid) <= len(acknowledged) + cut_off
        charged = [charge.payment_intent for charge in client.charges.list(limit=100)]
        listed = client.events.list(type="payment_intent.succeeded", limit=100)
        events = [event.data.object.id for event in listed if event.type == "payment_intent.succeeded"]
        succeeded = sorted(ident for ident, intent in paid.items() if intent.status == "succeeded")
        assert sorted(map(str, charged)) == sorted(events) == succeeded
        with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as api:
            body = {"payment_method": {"type": "card", "card": CARD}}
            for intent in acknowledged[-20:]:
                headers = {"Authorization": f"Bearer {sandbox.secret_key}", "Idempotency-Key": f"pay {intent}"}
                again = api.post(f"/v1/payment_intents/{intent}/confirm", json=body, headers=headers)
                assert (again.json()["id"], again.headers["idempotent-replayed"]) == (intent, "true")


CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030}
