"""Write docs/reliability.md: run the scenarios at full size, and put what they measured between its markers.

python tests/faults/report.py            run, then write (what `nox -s chaos` does)
python tests/faults/report.py FIGURES    write from figures that an earlier run left
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "reliability.md"
TRANSPORTS = ("httpx", "httpx2", "pyreqwest")
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def measure(path: Path) -> int:
    """Run every scenario at full size; what is measured goes to `path`, a line of JSON each."""
    environment = {
        **os.environ,
        "FINSECURE_TRANSPORTS": ",".join(TRANSPORTS),
        "FINSECURE_CHAOS": "full",
        "FINSECURE_CHAOS_FIGURES": str(path),
    }
    places = [HERE, HERE.parent / "test_connect.py", HERE.parent / "test_lifetime.py"]
    command = [sys.executable, "-m", "pytest", *map(str, places), "-q", "-p", "no:cacheprovider", *sys.argv[2:]]
    return subprocess.run(command, env=environment, check=False).returncode


INPUTS = {"calls", "seed", "status", "statuses", "at_once", "children", "attempts"}  # set, not measured


def table(lines: list[dict[str, Any]]) -> str:
    """One row for each promise and each thing measured: the least and the most, and how many times it was measured."""
    rows: dict[str, dict[str, list[tuple[str, float]]]] = {}
    for line in lines:
        measured = rows.setdefault(line["row"], {})
        for name, value in line["measured"].items():
            if name not in INPUTS and isinstance(value, (int, float)):
                shown = name.replace("_", " ").replace("maybe executed", "`maybe_executed`")
                measured.setdefault(shown, []).append((line.get("transport", TRANSPORTS[0]), value))
    text = f"| scenario | measured | {' | '.join(TRANSPORTS)} | times |\n|---|---|{'---|' * (len(TRANSPORTS) + 1)}\n"
    for row, measured in rows.items():
        shown = row
        for name, values in measured.items():
            spreads = [spread([value for where, value in values if where == one]) for one in TRANSPORTS]
            text += f"| {shown} | {name} | {' | '.join(spreads)} | {len(values)} |\n"
            shown = ""
    return text


def spread(values: list[float]) -> str:
    """The least and the most."""
    if not values:
        return ""
    least, most = min(values), max(values)
    return f"{most:g}" if least == most else f"{least:g} to {most:g}"


def write(lines: list[dict[str, Any]]) -> None:
    """Replace what is between the markers."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(lines)}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Run and write, or only write."""
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        path, code = Path(sys.argv[1]), 0
    else:
        folder = tempfile.mkdtemp()
        path = Path(folder, "figures.jsonl")
        code = measure(path)
        if code:  # a test that fails leaves out what it would have measured: such figures look better than they are
            print("A promise was not kept, so nothing was written.", file=sys.stderr)  # noqa: T201
            return code
    write([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    return code


if __name__ == "__main__":
    sys.exit(main())
