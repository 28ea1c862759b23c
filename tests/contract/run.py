"""schemathesis against a served sandbox: no 5xx, every answer as `openapi.json` describes it. `nox -s contract`.

The same requests each time; `--full` makes up more, and follows the links from one answer to the next request.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from finsecure.sandbox import Sandbox
from tests.contract import examples

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--no-shrink")
FULL = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "100")
# `hooks` has a stricter check of what is right; the one required header is the key, which `ignored_auth` leaves out.
CHECKS = ("--checks", "all", "--exclude-checks", "positive_data_acceptance,missing_required_header")


def objects(sandbox: Sandbox, base_url: str) -> dict[str, str]:
    """An object of each kind, by the path of its list."""
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    with httpx.Client(base_url=base_url, headers=headers) as api:

        def new(path: str, body: examples.Json) -> str:
            ident: str = api.post(f"/v1/{path}", json=body).raise_for_status().json()["id"]
            return ident

        new("customers", examples.CUSTOMER)
        new("webhook_endpoints", {"url": "https://example.com/", "enabled_events": ["payment_intent.succeeded"]})
        card = new("payment_methods", examples.CARD)
        intent = new("payment_intents", examples.PAYMENT)
        new(f"payment_intents/{intent}/confirm", {"payment_method": card})
        new("refunds", {"payment_intent": intent, "amount": 500})
        kinds = ("charges", "customers", "events", "payment_intents", "payment_methods", "refunds", "webhook_endpoints")
        return {f"/v1/{kind}": api.get(f"/v1/{kind}").json()["data"][0]["id"] for kind in kinds}


def main(arguments: list[str]) -> int:
    options = FULL if "--full" in arguments else SAMPLE
    with Sandbox() as sandbox, sandbox.serve() as server, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.base_url}/openapi.json"]
        command += ["--url", server.base_url, "--header", f"Authorization: Bearer {sandbox.secret_key}"]
        command += ["--seed", "1", "--generation-deterministic"]
        command += ["--warnings", "off", *CHECKS, *options, *(each for each in arguments if each != "--full")]
        environment = {
            **os.environ,
            "FINSECURE_OBJECTS": json.dumps(objects(sandbox, server.base_url)),
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.contract.hooks",
        }
        return subprocess.run(command, env=environment, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
