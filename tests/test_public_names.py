"""The shop window: what `import finsecure` names, and what it costs."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import finsecure
import finsecure.error
import finsecure.webhooks

NAMES = [*finsecure.__all__]


def imported_for_type_checkers() -> dict[str, str]:
    """Name to module, of what the `if TYPE_CHECKING:` block imports."""
    tree = ast.parse(Path(inspect.getfile(finsecure)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: f".{statement.module}" if statement.module else ""
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.level
        for alias in statement.names
    }


def test_the_list_the_table_and_the_type_checkers_name_the_same() -> None:
    """`__all__`, the table of lazily loaded names, and what type checkers see are one list, from the same modules."""
    table = {name: module for module, names in vars(finsecure)["_FROM"].items() for name in names}
    assert table == imported_for_type_checkers()
    assert {*table, "api_key"} - {"__version__"} == {*NAMES} - {"__version__"} | {"api_key"}
    assert len(NAMES) == len({*NAMES})


@pytest.mark.parametrize("name", [*NAMES, "__version__", "api_key"])
def test_every_public_name_resolves(name: str) -> None:
    """Every public name is there, and listed by `dir`."""
    assert hasattr(finsecure, name)
    assert name in dir(finsecure)


def test_dir_shows_the_public_names_alone() -> None:
    """`dir(finsecure)` is what an interactive user may use, and nothing of how it is made."""
    assert {*dir(finsecure)} == {*NAMES, "__version__", "api_key"}
    assert dir(finsecure) == sorted(dir(finsecure))


def test_a_star_import_gives_the_public_names() -> None:
    """`from finsecure import *` works, and brings what `__all__` lists."""
    found: dict[str, Any] = {}
    exec("from finsecure import *", found)
    assert {*NAMES} <= {*found}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A wrong name fails as on any module, naming module and attribute."""
    with pytest.raises(AttributeError, match=r"module 'finsecure' has no attribute 'PaymentIntend'"):
        _ = finsecure.PaymentIntend  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert not hasattr(finsecure, "PaymentIntend")


def test_every_error_is_exported() -> None:
    """Each error of `finsecure.error` is importable from `finsecure` too, and is the same class."""
    errors = {
        name: found
        for name, found in vars(finsecure.error).items()
        if isinstance(found, type) and issubclass(found, Exception) and not name.startswith("_")
    }
    assert {name: getattr(finsecure, name) for name in errors} == errors
    assert {*errors} <= {*finsecure.error.__all__}


def test_the_webhooks_names_resolve() -> None:
    """Every name in `finsecure.webhooks.__all__` is there, all eleven kinds of event among them."""
    found = [getattr(finsecure.webhooks, name) for name in finsecure.webhooks.__all__]
    events = [kind for kind in found if isinstance(kind, type) and issubclass(kind, finsecure.Event)]
    assert len(events) == 11 + 1  # and UnknownEvent


@pytest.mark.parametrize("name", NAMES)
def test_a_public_class_or_function_is_documented(name: str) -> None:
    """What a person can reach from the shop window has a docstring."""
    found = getattr(finsecure, name)
    if inspect.isclass(found) or inspect.isfunction(found) or inspect.ismodule(found):
        assert found.__doc__


def loaded_by(program: str) -> set[str]:
    """The modules that a fresh interpreter loads for a program, beyond those that it starts with."""
    show = "import sys; before = {*sys.modules}; %s; print(*({*sys.modules} - before))" % program  # noqa: UP031
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # which loads modules too
    ran = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True, env=env)
    assert ran.stderr == ""
    return {*ran.stdout.split()}


def test_import_finsecure_loads_nothing_else() -> None:
    """`import finsecure` costs next to nothing: no third-party module, and of the standard library only `typing`."""
    extra = loaded_by("import typing, finsecure") - loaded_by("import typing")
    assert extra == {"__future__", "finsecure"}


@pytest.mark.parametrize(
    ("program", "never"),
    [
        ("finsecure.CardError", {"httpx", "httpcore", "pydantic", "asyncio", "ssl", "tenacity", "anyio"}),
        ("finsecure.to_minor_units", {"httpx", "httpcore", "pydantic", "asyncio", "ssl", "tenacity", "anyio"}),
        ("finsecure.webhooks.construct_event", {"httpx", "httpcore", "ssl", "tenacity", "anyio"}),
        ("finsecure.Client('sk_test_1')", {"httpx", "tenacity", "sqlite3", "rich", "starlette", "uvicorn"}),
        ("finsecure.AsyncClient('sk_test_1')", {"httpx", "tenacity", "sqlite3", "rich", "starlette", "uvicorn"}),
        ("finsecure.Client('sk_test_1').customers.list", {"finsecure._habits"}),
    ],
)
def test_a_part_loads_only_what_it_needs(program: str, never: set[str]) -> None:
    """An error, money, webhooks and the clients load what they use, not what another part of the package uses."""
    assert loaded_by(f"import finsecure; {program}") & never == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Handler", "MemoryInbox", "Outcome", "CaughtUp", "Inbox"])
def test_webhooks_load_no_database(name: str) -> None:
    """What needs no extra loads none, nor an event loop."""
    loaded = loaded_by(f"import finsecure.webhooks; finsecure.webhooks.{name}")
    assert loaded & {"sqlalchemy", "redis", "django", "asgiref", "asyncio", "anyio", "httpx"} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("SQLAlchemyInbox", "sqlalchemy", "sqlalchemy"),
        ("inbox_table", "sqlalchemy", "sqlalchemy"),
        ("RedisInbox", "redis", "redis"),
        ("DjangoInbox", "django", "django"),
        ("DjangoInbox", "asgiref", "django"),
    ],
)
def test_a_missing_extra_raises_an_error_that_says_what_to_install(name: str, package: str, extra: str) -> None:
    """An inbox whose package is not installed says what to pip install; the rest of webhooks works without it."""
    program = f"""
import sys
sys.modules[{package!r}] = None
from finsecure.webhooks import *
import finsecure.webhooks
try:
    finsecure.webhooks.{name}
except ImportError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"{name} needs a package that is not installed: pip install 'finsecure[{extra}]'"


def test_an_inbox_that_fails_to_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is missing besides is not taken for the extra."""
    monkeypatch.delitem(vars(finsecure.webhooks), "RedisInbox", raising=False)
    monkeypatch.delitem(sys.modules, "finsecure.webhooks.redis", raising=False)
    monkeypatch.setitem(sys.modules, "secrets", None)
    with pytest.raises(ModuleNotFoundError, match="secrets"):
        _ = finsecure.webhooks.RedisInbox


def test_a_name_that_webhooks_has_not_is_an_attribute_error() -> None:
    """As on any module."""
    webhooks: Any = finsecure.webhooks
    with pytest.raises(AttributeError, match=r"module 'finsecure.webhooks' has no attribute 'Handlers'"):
        _ = webhooks.Handlers


def test_the_version_is_that_of_the_package() -> None:
    """`finsecure.__version__` is a version, and the API's version is the reference's."""
    assert finsecure.__version__.count(".") == 2
    assert finsecure.API_VERSION == "2023-10-16"


def kinds_of(annotation: Any) -> Iterator[type]:
    """The classes that stand in an annotation."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for inner in get_args(annotation):
        yield from kinds_of(inner)


def test_the_type_of_each_field_is_public() -> None:
    """What a field holds can be named in an annotation of one's own."""
    public = {getattr(finsecure, name) for name in finsecure.__all__ if isinstance(getattr(finsecure, name), type)}
    public |= {getattr(finsecure.webhooks, name) for name in finsecure.webhooks.__all__}
    for model in [each for each in public if isinstance(each, type) and issubclass(each, BaseModel)]:
        for name, field in model.model_fields.items():
            for kind in kinds_of(field.annotation):
                if kind.__module__.startswith("finsecure") and "[" not in kind.__name__:
                    assert kind in public, f"{kind.__name__} of {model.__name__}.{name}"
