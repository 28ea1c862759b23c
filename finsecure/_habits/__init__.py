"""Errors for names from other SDKs, which say what to use instead, and the names that completion shows.

Only imported when needed, never by a call that works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, cast

from .attributes import ATTRIBUTES, BY_KIND, NOT_IN_THE_API, OF_A_CLIENT, OF_MODULES, OF_THE_MODULE
from .parameters import OF_A_FUNCTION, OPTIONS, PARAMETERS, RAW, RENAMED

_UNEXPECTED = re.compile(r"[\w.<>]+\(\) got an unexpected keyword argument '(\w+)'")
_POSITIONAL = re.compile(r"[\w.<>]+\(\) takes (?:from \d+ to )?\d+ positional arguments? but \d+ ")


def parameter(exc: BaseException, function: Callable[..., Any], group: str = "") -> BaseException:
    """Add advice to the TypeError of a call with wrong arguments; return any other exception as it is.

    Args:
        exc: The exception of the call.
        function: The function that was called.
        group: The attribute name of the function's group of operations on a client, if it is in one.
    """
    if not isinstance(exc, TypeError):
        return exc
    unexpected, positional = _UNEXPECTED.match(str(exc)), _POSITIONAL.match(str(exc))
    if not (unexpected or positional):
        return exc
    import inspect
    import traceback

    code = inspect.unwrap(function).__code__
    if any(frame.f_code is code for frame, _ in traceback.walk_tb(exc.__traceback__)):
        return exc  # raised inside the function
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
    names, by_name = [each.name for each in parameters], [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    constructor, name = function.__name__ == "__init__", function.__name__
    called = function.__qualname__.split(".")[-2] if constructor else name
    takes = f"{called} takes {', '.join(names)}"
    if positional:
        first = [each.name for each in parameters if each not in by_name]
        by_dict = f"pass parameters by name, or a dict as {called}({', '.join([*first, '**params'])})"
        return TypeError(f"{exc}: {by_dict if by_name else takes}.")
    given = cast("re.Match[str]", unexpected)[1]
    if group and given in _ids(group) and "id" in names:
        meant = "it is called id."
    else:
        place = f"{group}.{name}" if group else name
        table = OPTIONS if constructor else PARAMETERS | OF_A_FUNCTION.get(name, {})
        meant = _meant(given, names, table).replace("{place}", place) or f"{takes}{f'; {RAW}' if group else ''}."
    return TypeError(f"{cast('re.Match[str]', unexpected)[0]}: {meant}")


def option(name: str, names: Iterable[str]) -> str:
    """Return the message for an unknown option of a client with these options."""
    options = sorted(names)
    meant = _meant(name, options, OPTIONS)
    return f"Unknown option {name!r}: pass one of {', '.join(options)}.{meant and f' {meant[0].upper()}{meant[1:]}'}"


def _meant(name: str, names: Iterable[str], table: Mapping[str, str]) -> str:
    """Return a sentence about what an unknown parameter may mean, or an empty string."""
    renamed = next((each for each in RENAMED.get(name, ()) if each in names), None)
    if renamed is not None:
        return f"it is called {renamed}."
    if name in table:
        return f"{table[name]}."
    near = _near(name, names)
    return f"did you mean {near}?" if near else ""


def _ids(group: str) -> set[str]:
    """Return the names that people use for the id of an object: `payment_intent`, `payment_intent_id`, `intent_id`."""
    kind = group.removesuffix("s")
    last = kind.rpartition("_")[2]
    return {kind, f"{kind}_id", last, f"{last}_id", "id_", "object_id"}


def _near(name: str, names: Iterable[str]) -> str | None:
    """Return the closest of these names, or `None`."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, names, 1, 0.7)), None)


def public(owner: object) -> list[str]:
    """Return the names that `dir` shows: public ones, and those with double underscores, which Python needs."""
    return [name for name in object.__dir__(owner) if name.startswith("__") or not name.startswith("_")]


def attribute(owner: type[Any], name: str, habits: Mapping[str, str], names: Collection[str] = ()) -> str:
    """Return the message for a missing attribute of a class, and suggest one of `names` if it is similar."""
    kind = next((each.__name__ for each in owner.__mro__ if each.__name__ in BY_KIND), "")
    own = BY_KIND.get(kind, {}).get(name)
    return f"{owner.__name__} has no {name!r}{f'. Instead: {own}.' if own else advice(name, habits, names) or '.'}"


def of_module(module: str, name: str, names: Collection[str]) -> str:
    """Return the message for a missing name of a module with these names."""
    habits = OF_MODULES | OF_THE_MODULE
    return f"module {module!r} has no attribute {name!r}{not_in_the_api(name) or advice(name, habits, names)}"


def of_client(owner: type[Any], name: str, groups: Iterable[str], names: Collection[str]) -> str:
    """Return the message for a missing attribute of a client with these groups of operations and names."""
    flat = name.replace("_", "").lower()
    group = next((group for group in groups if group.replace("_", "") in {flat, f"{flat}s"}), None)
    if group is not None:
        return f"{owner.__name__} has no {name!r}. Instead: client.{group}."
    absent = not_in_the_api(name)
    return f"{owner.__name__} has no {name!r}{absent}" if absent else attribute(owner, name, OF_A_CLIENT, names)


def not_in_the_api(name: str) -> str:
    """Return the part of a message about a feature of other payment APIs that this one does not have."""
    flat = name.replace("_", "").lower()
    nearest = NOT_IN_THE_API.get(flat, NOT_IN_THE_API.get(flat.removesuffix("s")))
    if nearest is None:
        return ""
    instead = nearest or "client.request(method, path, params), once the API has it"
    return f": the API has no such thing. Instead: {instead}."


def advice(name: str, habits: Mapping[str, str], names: Collection[str]) -> str:
    """Return the part of a message about an unknown name: the name to use instead, or a similar one."""
    known = habits.get(name) or ATTRIBUTES.get(name)
    if known is not None:
        return f". Instead: {known}."
    near = _near(name, names) if names and not name.startswith("_") else None  # tools ask for names with `_`
    return f". Did you mean {near}?" if near else ""
