"""What pyproject.toml promises, and what is tested, are the same."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PYTHONS = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
OPTIONAL = {
    "asgiref": "django",
    "django": "django",
    "redis": "redis",
    "sqlalchemy": "sqlalchemy",  # imported only where the extra is installed, or by whoever has it
    "httpx2": "httpx2",
    "httpcore2": "httpx2",
    "opentelemetry": "otel",
    "pyreqwest": "fast",
    "rich": "sandbox",
    "starlette": "sandbox",
    "trustme": "sandbox",
    "uvicorn": "sandbox",
}
OF_OTHERS = {"pytest", "trio", "sniffio"}  # imported only inside what they run
COMES_WITH = {"pydantic_core": "pydantic"}  # which requires one exact version of it


def test_the_same_pythons_everywhere() -> None:
    """The classifiers, nox, .ci/run, the workflow and the documentation name the same Pythons."""
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    supported = re.search(r"^SUPPORTED = (\(.*\))$", noxfile, re.MULTILINE)
    assert supported
    assert list(ast.literal_eval(supported[1])) == PYTHONS
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^ +(3\.\d+)$", workflow, re.MULTILINE)) == PYTHONS
    pattern = re.search(r"grep -E '(.+?)'", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert pattern
    assert [python for python in PYTHONS if not re.match(pattern[1], f"{python}.1")] == []
    first, last = PYTHONS[0], PYTHONS[-1]
    assert PROJECT["requires-python"] == f">={first}"
    assert f"from {first} to {last}" in (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    assert f"Python {first} to {last}" in (ROOT / "docs" / "support.md").read_text(encoding="utf-8")


def test_every_import_is_declared() -> None:
    """What the package imports is a dependency, or an extra's, with the lowest version that works."""
    extras = PROJECT["optional-dependencies"]
    declared = {"": {required(line) for line in PROJECT["dependencies"]}}
    declared |= {extra: {required(line) for line in lines} for extra, lines in extras.items()}
    for module in sorted(imported() - set(sys.stdlib_module_names) - {"finsecure"} - OF_OTHERS):
        name = COMES_WITH.get(module, module).replace("_", "-")
        extra = OPTIONAL.get(module, "")
        wanted = {"opentelemetry": "opentelemetry-api", "httpcore2": "httpx2"}.get(name, name)
        assert wanted in declared[extra], f"{module} is imported, and not declared"


def imported() -> set[str]:
    modules = set[str]()
    for path in (ROOT / "finsecure").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.partition(".")[0])
    return modules


def required(line: str) -> str:
    """The package's name; without a floor there is no telling what would be installed."""
    match = re.match(r"([A-Za-z0-9-]+)>=\d", line)
    assert match, f"{line!r} has no lowest version"
    return match[1]


def test_actions_are_pinned() -> None:
    """Each action of a workflow is named by its commit, so that nobody can change it under us."""
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: (.+)", workflow.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_the_package_index_shows_no_dead_link() -> None:
    """Links into `docs/` lead nowhere on the package index: its page has their text alone."""
    (substitution,) = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "](docs/" in readme
    shown = re.sub(substitution["pattern"], substitution["replacement"], readme)
    assert re.findall(r"\]\((?!https://).*?\)", shown) == []
    assert "More: errors." in shown


def test_the_metadata_says_who_and_where() -> None:
    metadata = importlib.metadata.metadata("finsecure")
    if "Author" not in metadata:
        pytest.skip("installed before the project said so")
    assert metadata["Author"] == "FinSecure"
    assert "Homepage, https://developers.finsecure.com" in metadata.get_all("Project-URL", [])
