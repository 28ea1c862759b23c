"""Whoever adds an operation, a resource or an event type is told here what else it needs.

docs/contributing.md lists the places; each test below names those that were forgotten.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import textwrap
from functools import cached_property
from importlib import import_module
from typing import Any, cast, get_args

import pytest

import finsecure
from finsecure import resources, webhooks
from finsecure._client import AnyClient
from finsecure._operation import Listing, Operation, Operations
from finsecure.resources.events import AnyEvent, Event, KnownObject, UnknownEvent
from finsecure.resources.webhook_endpoints import KnownEventType
from finsecure.sandbox._routes import ROUTES

MODULES = [
    import_module(f"finsecure.resources.{module.name}")
    for module in pkgutil.iter_modules(resources.__path__)
    if not module.name.startswith("_")
]


def groups(module: Any) -> list[type[Any]]:
    """The groups of operations that a file of `resources/` defines."""
    return [
        value
        for value in cast("dict[str, object]", vars(module)).values()
        if inspect.isclass(value)
        and issubclass(value, Operations)
        and Operations in value.__bases__
        and value.__module__ == module.__name__
    ]


RESOURCES = {module.__name__.rpartition(".")[2]: groups(module) for module in MODULES}


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_is_reached_from_both_clients_and_from_its_class(name: str) -> None:
    """A file of `resources/` is a group of the clients, and its class and object are public names."""
    (group,) = RESOURCES[name]
    assert isinstance(vars(AnyClient)[name], cached_property), f"add {name} to AnyClient in finsecure/_client.py"
    assert group.__name__ in finsecure.__all__, f"add {group.__name__} to finsecure/__init__.py"
    with_operations = [kind for kind in vars(import_module(group.__module__)).values() if is_object_of(kind, group)]
    assert len(with_operations) == 1
    assert with_operations[0].__name__ in finsecure.__all__, f"add {with_operations[0].__name__} to __init__.py"


def is_object_of(kind: object, group: type[Any]) -> bool:
    """Whether this class is the resource's object, which carries the operations."""
    return inspect.isclass(kind) and group in kind.__bases__


def test_the_clients_have_no_other_groups() -> None:
    """Each group of the clients is a file of `resources/`."""
    assert {name for name, value in vars(AnyClient).items() if isinstance(value, cached_property)} == {*RESOURCES}


def test_the_sandbox_has_every_operation_and_no_other() -> None:
    """An operation of the client is a route of the sandbox, with the same method and path."""

    def route(describe: Any) -> tuple[str, str]:
        """Method and path, as the operation's own source says them."""
        call = next(
            node
            for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(describe))))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"GET", "LIST", "POST", "PUT", "DELETE"}
        )
        method = ast.unparse(call.func).replace("LIST", "GET")
        return method, ast.literal_eval(call.args[0])

    described = {
        route(cast("Any", value).__wrapped__)
        for found in RESOURCES.values()
        for group in found
        for value in vars(group).values()
        if isinstance(value, (Operation, Listing))
    }
    assert described == {(each.method, each.path) for each in ROUTES}


def test_every_event_type_has_a_class() -> None:
    """A known event type has one class, which says so, in the union of all events and among the public names."""
    union: Any = get_args(get_args(get_args(AnyEvent)[0])[0])[0]
    classes = {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(union)}
    assert {*classes} == {*get_args(KnownEventType)}
    assert {kind.__name__ for kind in classes.values()} <= {*webhooks.__all__}, "add it to finsecure/webhooks"
    defined = {kind for kind in Event.__subclasses__() if kind is not UnknownEvent}
    assert {kind.__name__ for kind in classes.values()} == {kind.__name__ for kind in defined}


def test_every_object_is_known_to_events_of_unknown_types() -> None:
    """An object with operations is recognized in an event of a type that is not known yet, by its `object`."""
    arms: Any = get_args(KnownObject)[0]
    known = {kind.__name__ for kind in get_args(arms)}
    objects = {
        kind.__name__
        for found in RESOURCES.values()
        for group in found
        for kind in vars(import_module(group.__module__)).values()
        if is_object_of(kind, group)
    }
    assert objects - {"Event", "WebhookEndpoint"} <= known
