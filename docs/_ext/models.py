"""Show every field of a model with its type, described or not.

A model's docstring describes the fields that need words, under `Attributes:`. This hook completes that section, before
napoleon reads it, with the types, and with the fields whose name says it all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FIELD = re.compile(r"^    (?P<name>\w+): (?P<words>.*)$")


def complete(model: type[BaseModel], lines: list[str]) -> list[str]:
    """The docstring with one line or more for each field that the model itself defines."""
    own = [
        name
        for name in vars(model).get("__annotations__", {})
        if name in model.model_fields
    ]
    if not own:
        return lines
    start = lines.index("Attributes:") if "Attributes:" in lines else len(lines)
    end = next(
        (
            n
            for n in range(start + 1, len(lines))
            if lines[n] and not lines[n].startswith(" ")
        ),
        len(lines),
    )
    described: dict[str, list[str]] = {}
    name = ""
    for line in lines[start + 1 : end]:
        if field := FIELD.match(line):
            name = field["name"]
            described[name] = [field["words"]]
        elif line.strip() and name:
            described[name].append(line)
    section = ["", "Attributes:"]
    for name in [*own, *(each for each in described if each not in own)]:
        source = re.sub(r"\s+", " ", str(vars(model)["__annotations__"].get(name, "")))
        words = described.get(name, [""])
        section += [
            f"    {name} ({source}): {words[0]}"
            if source
            else f"    {name}: {words[0]}",
            *words[1:],
        ]
    return [*lines[:start], *section, "", *lines[end:]]


def process_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Sphinx's `autodoc-process-docstring`."""
    if isinstance(obj, type) and issubclass(obj, BaseModel):
        lines[:] = complete(obj, lines)


def skip_member(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Sphinx's `autodoc-skip-member`: pydantic leaves `EventData[Customer]` in the module of `EventData`."""
    made = (
        isinstance(obj, type)
        and issubclass(obj, BaseModel)
        and obj.__pydantic_generic_metadata__["origin"]
    )
    return True if made else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's entry point for extensions."""
    app.connect(
        "autodoc-process-docstring", process_docstring, priority=100
    )  # before napoleon's 500
    app.connect("autodoc-skip-member", skip_member)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
