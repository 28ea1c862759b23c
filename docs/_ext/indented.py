"""Show an indented paragraph of a docstring as it was typed: a drawn tree, a few lines of code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def literal(lines: list[str]) -> list[str]:
    """The docstring with `::` before what is indented after an empty line; the lines of `Args:` follow none."""
    shown: list[str] = []
    last = "::"  # the last line that is not empty
    for number, line in enumerate(lines):
        starts = line.startswith("    ") and number > 0 and not lines[number - 1].strip()
        if starts and not last.startswith((" ", "..", "-", "*", ">>>")) and not last.endswith("::"):
            shown += ["::", ""]
        shown.append(line)
        last = line if line.strip() else last
    return shown


def process_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Sphinx's `autodoc-process-docstring`."""
    lines[:] = literal(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's entry point for extensions."""
    app.connect("autodoc-process-docstring", process_docstring, priority=50)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
