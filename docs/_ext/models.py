"""Show the fields of a class as one list, each with its type and what is written below it in the source.

One list and no target a field: targets called `type` and `object` would catch what means the builtins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel
from sphinx.pycode import ModuleAnalyzer

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def fields(kind: type) -> dict[str, tuple[str, list[str]]]:
    """The fields that a class itself defines: name to type and words."""
    analyzer = ModuleAnalyzer.for_module(kind.__module__)
    analyzer.analyze()
    own = kind.__qualname__
    words = {
        name: lines
        for (owner, name), lines in analyzer.attr_docs.items()
        if owner == own
    }
    types = {
        name: text
        for (owner, name), text in analyzer.annotations.items()
        if owner == own
    }
    named = (
        [*vars(kind).get("__annotations__", {})] if issubclass(kind, BaseModel) else []
    )
    shown = dict.fromkeys(
        [*(name for name in named if not name.startswith(("_", "model_"))), *words]
    )
    return {
        name: (
            types.get(name, ""),
            [line for line in words.get(name, []) if line] or [""],
        )
        for name in shown
    }


def complete(kind: type, lines: list[str]) -> list[str]:
    """The docstring with a line or more for each field."""
    section: list[str] = []
    for name, (source, (first, *rest)) in fields(kind).items():
        annotation = re.sub(r"\s+", " ", source)
        section += [
            f"    {name} ({annotation}): {first}",
            *(f"        {line}" for line in rest),
        ]
    return [*lines, "", "Attributes:", *section, ""] if section else lines


def process_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Sphinx's `autodoc-process-docstring`."""
    if isinstance(obj, type) and obj.__module__.startswith("finsecure"):
        lines[:] = complete(obj, lines)


def skip_member(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Sphinx's `autodoc-skip-member`: fields, which are listed; pydantic's `EventData[Customer]`."""
    if type(obj).__module__.startswith(
        "sphinx."
    ):  # stands for what no class has, a field
        return True
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
