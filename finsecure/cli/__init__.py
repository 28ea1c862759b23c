"""The command line: `finsecure demo` and `finsecure sandbox`. Also `python -m finsecure`."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

from .._version import __version__

_COMMANDS = {
    "demo": "play a merchant's day against the sandbox, and check that each step comes out right",
    "sandbox": "serve the sandbox on a loopback port until it is stopped",
}
_EXTRA = ("rich", "starlette", "uvicorn")


def main(argv: list[str] | None = None) -> int:
    """Run `finsecure`.

    Args:
        argv: The arguments after the program's name; by default those that it was started with.

    Returns:
        The exit code: 0 for success, 1 where the command failed, 130 after Ctrl-C.

    Raises:
        SystemExit: The arguments are wrong (2), or asked only for help or the version (0).

    Example:
        >>> main(["demo"])  # doctest: +SKIP
        0
    """
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    if options.command is None:
        if rest:
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        parser.print_help()
        return 0
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        print(
            f"finsecure {options.command} needs an extra that is not installed ({', '.join(missing)}): "
            "pip install 'finsecure[sandbox]'",
            file=sys.stderr,
        )
        return 1
    try:
        if options.command == "demo":
            from . import _demo

            return _demo.run(rest)
        from . import _sandbox

        return _sandbox.run(rest)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130  # what a shell reports for a program that SIGINT ended


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="finsecure",
        description="The FinSecure payments API on your own machine. No account, no network, no real money.",
        epilog="`finsecure COMMAND --help` tells more of a command. Try `finsecure demo` first.",
    )
    parser.add_argument("--version", action="version", version=f"finsecure {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name, summary in _COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)  # its own parser answers --help
    return parser
