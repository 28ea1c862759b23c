"""Show operations in the reference as a person calls them.

An operation is written once, as a method that describes a call:

    @operation
    def create(self, *, amount: int) -> Call[PaymentIntent]: ...

and reached through a descriptor whose function sends the call and has no `self` any more. Left alone, autodoc takes the
first parameter for `self`, drops it, and prints `Call[PaymentIntent]`. This hook prints what that function says itself.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from sphinx.util.inspect import stringify_signature

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class _Source(str):
    """An annotation in the words of the source, printed without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def signature_of(obj: object) -> tuple[str, str] | None:
    """The parameters and the answer of an operation, or None for anything else."""
    if not inspect.isfunction(obj):
        return None
    # Annotations stay the source's own text: evaluated, an alias prints as everything that it stands for.
    signature = inspect.signature(obj)
    if "self" in signature.parameters:
        return None
    parameters = [
        each
        if each.annotation is each.empty
        else each.replace(annotation=_Source(each.annotation))
        for each in signature.parameters.values()
    ]
    shown = signature.replace(parameters=parameters, return_annotation=signature.empty)
    return stringify_signature(shown, unqualified_typehints=True), str(
        signature.return_annotation
    )


def process_signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    args: str | None,
    returns: str | None,
) -> tuple[str, str] | None:
    """Sphinx's `autodoc-process-signature`."""
    return signature_of(obj) if what == "method" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's entry point for extensions."""
    app.connect("autodoc-process-signature", process_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
