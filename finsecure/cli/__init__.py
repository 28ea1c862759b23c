"""The command line: `finsecure demo` and `finsecure sandbox`. Also `python -m finsecure`."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

from .._version import __version__

_COMMANDS = {
    "demo": "play a merchant's day against the sandbox and check the result of each step",
    "sandbox": "serve the sandbox over HTTP until you stop it",
}
_EXTRA = ("rich", "starlette", "uvicorn")


def main(argv: list[str] | None = None) -> int:
    """Run `finsecure`.

    Args:
        argv: The arguments after the program's name. By default, those of the process (`sys.argv[1:]`).

    Returns:
        The exit code: 0 for success, 1 if the command failed, 130 after Ctrl-C.

    Raises:
        SystemExit: With code 2 if the arguments are wrong, with 0 after printing help or the version.

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
            f"finsecure {options.command} needs {', '.join(missing)}. Install the extra: "
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
        return 130  # as shells report a program that SIGINT ended


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="finsecure",
        description="Run the FinSecure payments API on your own machine: no account, no network, no real money.",
        epilog="Run `finsecure COMMAND --help` for the options of a command. Try `finsecure demo` first.",
    )
    parser.add_argument("--version", action="version", version=f"finsecure {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name, summary in _COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)  # the command's own parser handles --help
    return parser
