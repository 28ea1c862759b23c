"""`finsecure sandbox`: the embedded FinSecure on a loopback port, until it is stopped."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from types import FrameType

_BANNER = """FinSecure sandbox at {base_url} (state: {state}). No real money moves. Stop it with Ctrl-C.

    export FINSECURE_SECRET_KEY={secret_key}
    export FINSECURE_PUBLISHABLE_KEY={publishable_key}
    export FINSECURE_WEBHOOK_SECRET={webhook_secret}
    export FINSECURE_BASE_URL={base_url}

Then, in Python:

    import finsecure
    intent = finsecure.PaymentIntent.create(amount=2000, currency="usd")
"""


def run(args: list[str]) -> int:
    """Serve the sandbox until SIGINT or SIGTERM.

    Args:
        args: The arguments after `finsecure sandbox`.

    Returns:
        The exit code: 0 once it was stopped, 1 where it cannot start.
    """
    options = _parser().parse_args(args)
    from finsecure.error import SandboxError
    from finsecure.sandbox import Sandbox

    try:
        with Sandbox(db=options.db, rate_limit=options.rate_limit) as sandbox, sandbox.serve(options.port) as server:
            facts = {
                "base_url": server.base_url,
                "secret_key": sandbox.secret_key,
                "publishable_key": sandbox.publishable_key,
                "webhook_secret": sandbox.webhook_secret,
            }
            state = options.db or "in memory, gone when it stops"
            _wait(json.dumps(facts) if options.json else _BANNER.format(state=state, **facts))
    except (ImportError, OSError, ValueError, SandboxError) as error:
        print(f"finsecure sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _wait(announcement: str) -> None:
    """Say that it serves, and come back once it is told to stop."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        print(announcement, flush=True)
        stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="finsecure sandbox", description="Serve the FinSecure sandbox on loopback.")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0, the default, picks a free one")
    parser.add_argument("--db", metavar="FILE", help="keep the state in this file (default: in memory)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON with the URL, keys and secret")
    parser.add_argument(
        "--rate-limit", type=float, metavar="N", help="answer 429 above N requests per second (default: no limit)"
    )
    return parser
