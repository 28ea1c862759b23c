"""docs/architecture.md tells the truth about the rooms of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "finsecure"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LOOKS_BACK = {("_operation", "_default"), ("error", "resources")}  # late; the page names both


def block_after(words: str) -> list[str]:
    """The lines of the first block after these words of the page."""
    return PAGE.split(words, 1)[1].split("```text\n", 1)[1].split("```", 1)[0].splitlines()


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The rooms that a file imports from when it runs, late imports included."""
    depth = len(path.relative_to(PACKAGE).parts)
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if node.level == 0 and module.partition(".")[0] == "finsecure":
            module = module.partition(".")[2]
        elif node.level != depth:
            continue
        yield from [module.partition(".")[0]] if module else [alias.name for alias in node.names]


def test_rooms_import_only_from_above() -> None:
    """Each line of the page's order imports only from the lines above it."""
    order = {
        name: place
        for place, line in enumerate(block_after("A module may import only"))
        for name in line.replace(",", " ").split()
    }
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in imported(path)
        if name != room(path) and order[name] >= order[room(path)] and (room(path), name) not in LOOKS_BACK
    ]
    assert wrong == []


def module(path: Path) -> str:
    """The dotted name of a file, below `finsecure`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in PACKAGE.rglob("*.py")}


def arrows(path: Path) -> Iterator[tuple[str, str]]:
    """What a file imports, wherever it stands in it: when it is loaded, late, or for type checkers alone."""
    package = [*module(path).split("."), *(["__init__"] if path.name == "__init__.py" else [])][:-1]
    package = [name for name in package if name != "__init__"]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("finsecure.")):
            start = package[: len(package) - node.level + 1] if node.level else []
            parts = (node.module or "").removeprefix("finsecure.").split(".") if node.module else []
            for alias in node.names:
                names = [".".join([*start, *parts, alias.name]), ".".join([*start, *parts])]
                target = next((name for name in names if name in MODULES), None)
                if target not in (None, module(path)):
                    yield module(path), str(target)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The files that are left when those that import nothing that is left are taken away, again and again."""
    left = dict(graph)
    while free := [name for name, imports in left.items() if not imports & {*left}]:
        for name in free:
            del left[name]
    return sorted(left)


def test_no_file_imports_in_a_circle() -> None:
    """Over all imports, late ones and those for types included, the only arrows that go back are the page's three."""
    back = [tuple(line.split()[:3:2]) for line in block_after("No file imports in a circle")]
    every = {arrow for path in MODULES.values() for arrow in arrows(path)}
    assert {*back} <= every, "the page names an arrow that is not there"
    # `__init__` names everything, lazily; what imports the package imports all of it.
    graph: dict[str, set[str]] = {name: set() for name in MODULES if name != "__init__"}
    for source, target in every - {*back}:
        if "__init__" not in (source, target):
            graph[source].add(target)
    assert circle(graph) == []


def test_sandbox_knows_only_what_is_no_part_of_the_api() -> None:
    """The sandbox imports of the client only signing, currencies, the time, the look of card numbers and its error."""
    assert {name for path in (PACKAGE / "sandbox").rglob("*.py") for name in imported(path)} - {"sandbox"} <= {
        "_signature",
        "_currencies",
        "_clock",
        "_redact",
        "error",
    } | {path.stem for path in (PACKAGE / "sandbox").rglob("*.py")} | {"_operations"}


def test_every_room_is_drawn() -> None:
    """Each file and folder of the package is in the page's drawing, and no other; those of _transport as well."""
    drawing = block_after("## Modules")[1:]
    left_out = {"__pycache__", "_version.py", "py.typed"}
    assert drawn(drawing, 2) == {path.name for path in PACKAGE.iterdir()} - left_out
    inside = {path.name for path in (PACKAGE / "_transport").glob("*.py")}
    assert drawn(drawing, 4) == inside - {"__init__.py"}


def drawn(drawing: list[str], indent: int) -> set[str]:
    """The names at one depth of the drawing."""
    lines = [line for line in drawing if len(line) - len(line.lstrip()) == indent]
    return {line.split()[0].rstrip("/") for line in lines}
