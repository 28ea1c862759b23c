"""`finsecure sandbox`: serve the sandbox over HTTP until it is stopped."""

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

_BANNER = """FinSecure sandbox listening at {base_url} (state: {state}).
No real money moves. Press Ctrl-C to stop.

Point your program to it with these variables:

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
"""The environment variables that point a program to the sandbox, by the value that each one holds."""


def run(args: list[str]) -> int:
    """Serve the sandbox until SIGINT or SIGTERM.

    Args:
        args: The arguments after `finsecure sandbox`.

    Returns:
        The exit code: 0 once it is stopped, 1 if it cannot start.
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

    _check_hosts(options)
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
    with sandbox._engine.unlimited():  # pyright: ignore[reportPrivateUsage] # --rate-limit is for later requests
        if options.seed and not seed(sandbox, options.seed):
            print(f"finsecure sandbox: {options.db} already contains data, so --seed is skipped.", file=sys.stderr)
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
        state=db or "in memory, lost when it stops",
        exports="\n".join(f"    export {name}={shlex.quote(value)}" for name, value in exports.items()),
    )


def _check_hosts(options: argparse.Namespace) -> None:
    """Refuse names that are not host names, and receivers that the sandbox would not deliver to.

    Raises:
        ValueError: The message names the option.
    """
    from finsecure.sandbox._checks import webhook_url
    from finsecure.sandbox._hosts import Hosts, names
    from finsecure.sandbox._problems import as_python_errors, invalid

    with as_python_errors():
        hosts = Hosts(names(options.allow_host, "--allow-host"))
        for url in options.webhook:
            if not hosts.may_receive(webhook_url(url, "--webhook")):
                raise invalid(
                    "--webhook must be a URL on this machine, or on a host that you allow: "
                    "--allow-host shop --webhook http://shop:8000/webhooks."
                )


def _register(sandbox: Sandbox, urls: list[str]) -> None:
    """Create an endpoint for all events at each of these URLs that has none yet."""
    client = sandbox.client()
    known = {endpoint.url for endpoint in client.webhook_endpoints.list()}
    for url in dict.fromkeys(urls):
        if url not in known:
            client.webhook_endpoints.create(url=url, enabled_events=["*"])


def _fail(why: str) -> int:
    print(f"finsecure sandbox: {why}", file=sys.stderr)
    return 1


def _wait(announcement: str) -> None:
    """Print the announcement and wait for SIGINT or SIGTERM."""
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
    parser = argparse.ArgumentParser(
        prog="finsecure sandbox", description="Serve the FinSecure sandbox over HTTP until you stop it."
    )
    parser.add_argument("--port", type=int, default=0, help="listen on this port (default: a free one)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen on this address (default: 127.0.0.1); an address that other machines can reach requires --tls",
    )
    parser.add_argument(
        "--tls",
        nargs="?",
        const=True,
        default=False,
        metavar="CA_FILE",
        help="serve HTTPS; write the CA certificate that clients must trust to CA_FILE (default: a temporary file)",
    )
    parser.add_argument("--db", metavar="FILE", help="store the state in this SQLite file (default: in memory)")
    parser.add_argument(
        "--seed", metavar="FILE", help="run the requests in this JSON file first, if the state is empty"
    )
    parser.add_argument(
        "--webhook",
        metavar="URL",
        action="append",
        default=[],
        help="send all events to this URL; can be repeated",
    )
    parser.add_argument("--secret-key", metavar="KEY", help="the secret key to accept, sk_test_... (default: random)")
    parser.add_argument(
        "--publishable-key", metavar="KEY", help="the publishable key to accept, pk_test_... (default: random)"
    )
    parser.add_argument(
        "--webhook-secret", metavar="SECRET", help="the secret to sign webhooks with, whsec_... (default: random)"
    )
    parser.add_argument(
        "--settle-after",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="how long bank payments stay processing and refunds stay pending (default: 2)",
    )
    parser.add_argument(
        "--rate-limit",
        type=float,
        metavar="N",
        help="answer 429 to more than N requests per second (default: no limit)",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="also accept requests with this host name, and deliver webhooks to it; by default only localhost and "
        "loopback addresses are accepted; can be repeated",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the URL, the keys and the webhook secret as one line of JSON"
    )
    parser.add_argument("--quiet", action="store_true", help="do not print a line for each request and delivery")
    return parser
