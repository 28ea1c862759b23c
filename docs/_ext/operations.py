"""Show operations in the reference as a person calls them.

An operation is written once, as a method that describes a call:

    @operation
    def create(self, *, amount: int) -> Call[PaymentIntent]: ...

and reached through a descriptor that removes `self` and sends the call. Left alone, autodoc sees the descriptor's
result: it takes the first parameter for `self`, drops it, and prints `Call[PaymentIntent]`. This hook goes back to the
one `def` and prints what a caller gets: `PaymentIntent`, or `Page[PaymentIntent]` for a listing.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from sphinx.util.inspect import stringify_signature

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DESCRIBES = re.compile(r"^(?:\w+\.)*Call\[(?P<answer>.+)\]$")


def definition(obj: object) -> Any:
    """The `def` behind what the descriptor returned."""
    found: Any = inspect.unwrap(obj) if callable(obj) else obj
    return getattr(found, "__func__", found)


def signature_of(obj: object) -> tuple[str, str] | None:
    """The parameters and the answer of an operation, or None for anything else."""
    function = definition(obj)
    if not inspect.isfunction(function):
        return None
    # Annotations stay the source's own text: evaluated, `Literal` and `TypedDict` aliases print as their whole value.
    described = DESCRIBES.match(str(function.__annotations__.get("return", "")))
    if described is None:
        return None
    signature = inspect.signature(function)
    parameters = [
        each.replace(annotation=_Source(each.annotation)) if each.annotation is not each.empty else each
        for each in list(signature.parameters.values())[1:]
    ]
    shown = signature.replace(parameters=parameters, return_annotation=signature.empty)
    return stringify_signature(shown, unqualified_typehints=True), described["answer"]


class _Source(str):
    """An annotation in the words of the source, printed without quotes."""

    def __repr__(self) -> str:
        return str(self)


def process_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, args: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """Sphinx's `autodoc-process-signature`."""
    return signature_of(obj) if what == "method" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's entry point for extensions."""
    app.connect("autodoc-process-signature", process_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
