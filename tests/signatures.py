"""Writes `tests/signatures.txt`: every public signature, as its source says it. `nox -s signatures`, or run this file.

Read from the source and not from what Python makes of it, so that the file is the same on every Python.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import finsecure

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "signatures.txt"
WIDTH = 120

OF_THE_CODE = {
    "without_frames",
    "names_itself",
    "functools.cache",
    "functools.lru_cache",
}  # decorators that change no signature
TYPE_VARIABLES = {"TYPE_CHECKING", "T", "D_co", "P", "E"}


@lru_cache
def parse(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8"))


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """What is written at the top of a module or class, and under its `if`s."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from statements([*statement.body, *statement.orelse])
        else:
            yield statement


def name_of(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return statement.name
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def find(module: str, name: str) -> tuple[str, list[ast.stmt]]:
    """Where a name is defined, and the definitions: more than one, if it is overloaded."""
    body = [*statements(parse(module).body)]
    definitions = [statement for statement in body if name_of(statement) == name]
    if definitions:
        return module, definitions
    for statement in body:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                source = _source(module, statement) if (alias.asname or alias.name) == name else None
                if source is not None and source != module:  # `from . import error` is a module
                    return find(source, alias.name)
    return module, []


def _source(module: str, statement: ast.ImportFrom) -> str | None:
    """The module that is imported from, if it is ours."""
    if not statement.level:
        return statement.module if (statement.module or "").startswith("finsecure") else None
    is_package = ROOT.joinpath(*module.split(".")).is_dir()
    parents = module.split(".")
    parents = parents[: len(parents) - statement.level + is_package]
    return ".".join([*parents, *([statement.module] if statement.module else [])])


def fixture_names(module: str) -> list[str]:
    """The pytest fixtures that a module gives."""
    functions = (each for each in parse(module).body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return [each.name for each in functions if any("fixture" in ast.unparse(mark) for mark in each.decorator_list)]


def signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    decorators = map(ast.unparse, function.decorator_list)
    before = "".join(f"@{each} " for each in decorators if each.partition("(")[0] not in OF_THE_CODE)
    before += f"{'async ' if isinstance(function, ast.AsyncFunctionDef) else ''}def {function.name}"
    after = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    shown = [*parameters(function.args)]
    line = f"{before}({', '.join(shown)}){after}"
    if len(line) <= WIDTH:
        return line
    return "\n    ".join([f"{before}(", *(f"{each}," for each in shown)]) + f"\n){after}"


def parameters(args: ast.arguments) -> Iterator[str]:
    """One parameter a line."""
    positional = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(positional) - len(args.defaults)) + [*args.defaults]
    for index, (arg, default) in enumerate(zip(positional, defaults, strict=True)):
        yield _parameter(arg, default)
        if index + 1 == len(args.posonlyargs):
            yield "/"
    if args.vararg:
        yield f"*{ast.unparse(args.vararg)}"
    elif args.kwonlyargs:
        yield "*"
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _parameter(arg, default)
    if args.kwarg:
        yield f"**{ast.unparse(args.kwarg)}"


def _parameter(arg: ast.arg, default: ast.expr | None) -> str:
    equals = " = " if arg.annotation else "="
    return ast.unparse(arg) + (f"{equals}{ast.unparse(default)}" if default else "")


def show(module: str, name: str, public: set[str]) -> str:
    """A name's definition without its code."""
    module, definitions = find(module, name)
    if not definitions:
        return f"{name}: module"
    first = definitions[0]
    if isinstance(first, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in [*first.bases, *first.keywords])
        lines = [f"class {name}({bases}):" if bases else f"class {name}:", *members(module, first, public)]
        return "\n    ".join(line.replace("\n", "\n    ") for line in lines)
    return "\n".join(_shown(definitions))


def _shown(definitions: list[ast.stmt]) -> Iterator[str]:
    """One name's definitions; of an overloaded function the overloads alone."""
    overloads = [each for each in definitions if "@overload" in _first_line(each)]
    for definition in overloads or definitions:
        yield _first_line(definition)


def _first_line(definition: ast.stmt) -> str:
    if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return signature(definition)
    return ast.unparse(definition)


def members(module: str, node: ast.ClassDef, public: set[str]) -> list[str]:
    """The public members: the class's own, what `__init__` sets, and those of bases that are not public themselves."""
    shown: dict[str, list[str]] = {}
    for name, group in itertools.groupby(statements(node.body), name_of):
        if name is not None and (name == "__init__" or not name.startswith(("_", "model_"))):
            shown.setdefault(name, []).extend(_shown([*group]))
    for each in ast.walk(node):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Attribute):
            name = each.target.attr
            if not name.startswith("_"):
                shown.setdefault(name, [f"{name}: {ast.unparse(each.annotation)}"])
    lines = [line for member in shown.values() for line in member]
    for base in node.bases:
        base_name = ast.unparse(base).partition("[")[0]
        source, definitions = find(module, base_name)
        if definitions and isinstance(definitions[0], ast.ClassDef) and base_name not in public:
            lines += [line for line in members(source, definitions[0], public) if not line.startswith("def __init__")]
    return lines


def own(module: str) -> list[str]:
    """The public names that a module defines itself."""
    names = dict.fromkeys(name_of(statement) for statement in statements(parse(module).body))
    return sorted(name for name in names if name and not name.startswith("_") and name not in TYPE_VARIABLES)


def exported(module: str) -> list[str]:
    """The names in a module's `__all__`."""
    for statement in parse(module).body:
        if name_of(statement) == "__all__" and isinstance(statement, ast.Assign):
            return sorted(ast.literal_eval(statement.value))
    return own(module)


def surface() -> str:
    """The whole list."""
    resources = sorted(path.stem for path in (ROOT / "finsecure" / "resources").glob("[!_]*.py"))
    modules = {
        "finsecure": sorted(finsecure.__all__),
        **{
            name: exported(name)
            for name in ("finsecure.error", "finsecure.money", "finsecure.testing", "finsecure.webhooks")
        },
        **{f"finsecure.resources.{name}": own(f"finsecure.resources.{name}") for name in resources},
        "finsecure._config": ["Options"],  # of `with_options` and `configure`
        "finsecure.sandbox": exported("finsecure.sandbox"),
        "finsecure.pytest_plugin": fixture_names("finsecure.pytest_plugin"),
    }
    public = {name for names in modules.values() for name in names}
    parts = ["# Every public signature. Written by `nox -s signatures`: a change here is a change for users."]
    seen = set[tuple[str, str]]()
    for module, names in modules.items():
        parts.append(f"# {module}")
        for name in names:
            home = (find(module, name)[0], name)
            if home not in seen:
                seen.add(home)
                parts.append(show(module, name, public))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    LIST.write_text(surface(), encoding="utf-8")
