"""`finsecure sandbox`: the embedded FinSecure on a loopback port, until it is stopped."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finsecure.sandbox import Sandbox

_BANNER = """FinSecure sandbox at {base_url} (state: {state}). No real money moves. Stop it with Ctrl-C.

{exports}

Then, in Python:

    import finsecure
    intent = finsecure.PaymentIntent.create(amount=2000, currency="usd")
"""

_VARIABLES = {
    "secret_key": "FINSECURE_SECRET_KEY",
    "publishable_key": "FINSECURE_PUBLISHABLE_KEY",
    "webhook_secret": "FINSECURE_WEBHOOK_SECRET",
    "base_url": "FINSECURE_BASE_URL",
    "ca_file": "SSL_CERT_FILE",
}
"""The variables that lead a program to the sandbox, by what each of them says."""


def run(args: list[str]) -> int:
    """Serve the sandbox until SIGINT or SIGTERM.

    Args:
        args: The arguments after `finsecure sandbox`.

    Returns:
        The exit code: 0 once it was stopped, 1 where it cannot start.
    """
    options = _parser().parse_args(args)
    from finsecure.error import FinSecureError

    try:
        with ExitStack() as until_stopped:
            _serve(options, until_stopped)
    except (ImportError, OSError, ValueError) as error:
        return _fail(str(error))
    except FinSecureError as error:
        return _fail(error.message)
    return 0


def _serve(options: argparse.Namespace, until_stopped: ExitStack) -> None:
    from finsecure.sandbox import Sandbox

    from ._lines import Lines
    from ._seed import seed

    lines = Lines(sys.stderr)
    until_stopped.callback(lines.close)
    sandbox = until_stopped.enter_context(
        Sandbox(
            db=options.db,
            rate_limit=options.rate_limit,
            settle_after=options.settle_after,
            secret_key=options.secret_key,
            publishable_key=options.publishable_key,
            webhook_secret=options.webhook_secret,
            observer=lines,
            hosts=options.allow_host,
        )
    )
    if options.seed and not seed(sandbox, options.seed):
        print(f"finsecure sandbox: {options.db} holds something already: it is not seeded again.", file=sys.stderr)
    if options.webhook:
        _register(sandbox, options.webhook)
    server = until_stopped.enter_context(sandbox.serve(options.port, host=options.host, tls=options.tls))
    facts = {
        "secret_key": sandbox.secret_key,
        "publishable_key": sandbox.publishable_key,
        "webhook_secret": sandbox.webhook_secret,
        "base_url": server.base_url,
    }
    if server.ca_file:
        facts["ca_file"] = str(server.ca_file)
    if not options.quiet:
        lines.start()
    _wait(json.dumps(facts) if options.json else _banner(facts, options.db))


def _banner(facts: dict[str, str], db: str | None) -> str:
    exports = {_VARIABLES[name]: value for name, value in facts.items()}
    return _BANNER.format(
        base_url=facts["base_url"],
        state=db or "in memory, gone when it stops",
        exports="\n".join(f"    export {name}={shlex.quote(value)}" for name, value in exports.items()),
    )


def _register(sandbox: Sandbox, urls: list[str]) -> None:
    """Have all events delivered to these URLs, if they are not yet."""
    client = sandbox.client()
    known = {endpoint.url for endpoint in client.webhook_endpoints.list()}
    for url in dict.fromkeys(urls):
        if url not in known:
            client.webhook_endpoints.create(url=url, enabled_events=["*"])


def _fail(why: str) -> int:
    print(f"finsecure sandbox: {why}", file=sys.stderr)
    return 1


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
    parser.add_argument("--port", type=int, default=0, help="the port; 0, the default, picks a free one")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1); one that other machines reach needs --tls",
    )
    parser.add_argument(
        "--tls",
        nargs="?",
        const=True,
        default=False,
        metavar="CA_FILE",
        help="serve HTTPS with a certificate of a CA of its own, whose own certificate is written to this file",
    )
    parser.add_argument("--db", metavar="FILE", help="keep the state in this file (default: in memory)")
    parser.add_argument("--seed", metavar="FILE", help="send it the requests of this JSON file first")
    parser.add_argument(
        "--webhook",
        metavar="URL",
        action="append",
        default=[],
        help="deliver all events to this URL (repeatable)",
    )
    parser.add_argument("--secret-key", metavar="KEY", help="take this secret key: sk_test_... (default: a random one)")
    parser.add_argument("--publishable-key", metavar="KEY", help="take this publishable key: pk_test_...")
    parser.add_argument("--webhook-secret", metavar="SECRET", help="sign webhooks with this secret: whsec_...")
    parser.add_argument(
        "--settle-after",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="how long a bank payment is processing, and a refund pending (default: 2)",
    )
    parser.add_argument(
        "--rate-limit", type=float, metavar="N", help="answer 429 above N requests per second (default: no limit)"
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="answer to this host name too (repeatable); requests for others than this machine's are refused",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON with the URL, keys and secret")
    parser.add_argument("--quiet", action="store_true", help="do not print a line for each request and each delivery")
    return parser
