"""Every code block of the README and of docs/ is true: it runs against the sandbox, and both type checkers accept it.

The rules for a page:
- Its `python` and `pycon` blocks run in order, in one process and one namespace, in which finsecure reaches a sandbox.
  `await`, `async with` and `async for` may stand at top level. `sk_test_...`, `pk_test_...` and `whsec_...` in quotes
  become the sandbox's own.
- Each command of a `bash` or `console` block is in the table COMMANDS, which says how it is checked.
- `json` and `toml` are parsed; `html` is opened in Chromium by a test of its own. `text`, `http` and `mermaid` are for
  people. Any other language, or none, is a mistake.
- An HTML comment before a block excuses it, with the reason: `<!-- runs: ... -->` from being run or parsed, and
  `<!-- types: ... -->` from being type-checked. EXCUSED counts them all.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
]
EXCUSED = 0  # how many blocks of all pages are not checked in full; each says why

ALIASES = {"py": "python", "python3": "python", "sh": "bash", "shell": "bash", "shell-session": "console"}
FOR_PEOPLE = {"text", "http", "mermaid"}
TESTED_ELSEWHERE = {"html"}  # tests/docs/test_browser_page.py opens it in Chromium
EXCUSE = re.compile(r"^\s*<!--\s*(?P<what>runs|types):\s*(?P<reason>.*?)\s*-->\s*$")
FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<info>.*?)\s*$")


# Reading a page


@dataclass(frozen=True)
class Block:
    """A fenced code block, `line` being that of its first line of code in the page."""

    page: Path
    line: int
    language: str
    text: str
    excuses: Mapping[str, str]

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    return list(_blocks(page, page.read_text(encoding="utf-8").splitlines(), 1))


def _blocks(page: Path, lines: list[str], first: int) -> Iterator[Block]:
    number = 0
    excuses: dict[str, str] = {}
    while number < len(lines):
        line = lines[number]
        number += 1
        if excuse := EXCUSE.match(line):
            assert excuse["reason"], f"{page.name}:{first + number - 1}: an excuse gives its reason"
            excuses[excuse["what"]] = excuse["reason"]
            continue
        opening = FENCE.match(line)
        if opening is None:
            if line.strip():
                excuses = {}
            continue
        start = number
        closing = re.compile(rf"^\s*{re.escape(opening['fence'][0])}{{{len(opening['fence'])},}}\s*$")
        while number < len(lines) and not closing.match(lines[number]):
            number += 1
        assert number < len(lines), f"{page.name}:{first + start - 1}: the block is never closed"
        body = lines[start:number]
        number += 1
        info = opening["info"]
        directive = re.match(r"\{(?P<name>[\w-]+)\}\s*(?P<argument>\S*)", info)
        if directive is None or directive["name"] in {"code-block", "code", "sourcecode"}:
            language = directive["argument"] if directive else info.split(" ")[0]
            while directive and body and re.match(r"\s*(:[\w-]+:.*)?$", body[0]):  # options are no code
                body, start = body[1:], start + 1
            text = textwrap.dedent("\n".join(body)) + "\n"
            yield Block(page, first + start, ALIASES.get(language, language), text, excuses)
        else:  # a note, an include: text, in which blocks may stand
            yield from _blocks(page, body, first + start)
        excuses = {}


# Running a page: this file is also the script that does it


def with_real_keys(text: str, environment: Mapping[str, str]) -> str:
    """The code with the sandbox's keys for the placeholders, which a person would replace as well."""
    for prefix, variable in [
        ("sk_test_", "FINSECURE_SECRET_KEY"),
        ("pk_test_", "FINSECURE_PUBLISHABLE_KEY"),
        ("whsec_", "FINSECURE_WEBHOOK_SECRET"),
    ]:
        if variable in environment:
            text = re.sub(rf"""(?<=["']){prefix}(\.\.\.|…)(?=["'])""", environment[variable], text)
    return text


def run_page(page: Path) -> None:
    """Run the page's Python in this process, line numbers of tracebacks being the page's own."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    loop = asyncio.new_event_loop()
    try:
        for block in blocks(page):
            if "runs" in block.excuses:
                continue
            text = with_real_keys(block.text, os.environ)
            if block.language == "python":
                tree = compile("\n" * (block.line - 1) + text, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                waiting = eval(tree, namespace)
                if asyncio.iscoroutine(waiting):
                    loop.run_until_complete(waiting)
            elif block.language == "pycon":
                test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), block.line - 1)
                test.globs = namespace
                runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
                if runner.run(test, clear_globs=False).failed:
                    raise SystemExit(f"{block.where}: the session above differs")
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def run(page: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", __file__, str(page)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},  # the same finsecure as here
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What a program needs in its environment to reach a sandbox of its own."""
    import finsecure.sandbox

    with finsecure.sandbox.Sandbox() as sandbox, sandbox.serve() as server:
        yield {
            "FINSECURE_SECRET_KEY": sandbox.secret_key,
            "FINSECURE_PUBLISHABLE_KEY": sandbox.publishable_key,
            "FINSECURE_WEBHOOK_SECRET": sandbox.webhook_secret,
            "FINSECURE_BASE_URL": server.base_url,
        }


def only(*languages: str, pages: list[Path] = PAGES) -> list[Any]:
    """The pages with such blocks, as parameters named after them."""
    return [
        pytest.param(page, id=page.name) for page in pages if any(block.language in languages for block in blocks(page))
    ]


@pytest.mark.parametrize("page", only("python", "pycon"))
def test_python_runs(page: Path, environment: dict[str, str]) -> None:
    """The page's Python runs from top to bottom against the sandbox."""
    if page.name == "month-end.md":
        pytest.importorskip("pandas", reason="pandas is not installed: `nox -s tests` has it where it can be")
    ran = run(page, environment)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"


# Commands


def _run_finsecure(command: str, environment: Mapping[str, str]) -> None:
    """Run it to its end."""
    ran = subprocess.run(
        _finsecure(command),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"


def _start_finsecure(command: str, environment: Mapping[str, str]) -> None:
    """Start it, see it say something, stop it as Ctrl-C would."""
    command = re.sub(r"--port[ =]\d+", "--port 0", command)  # the page's port may be taken
    with subprocess.Popen(
        _finsecure(command), env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        try:
            assert started.stdout.readline().strip(), command
        finally:
            started.send_signal(signal.SIGINT)
            started.stdout.read()
            ended = started.wait(timeout=30)
    assert ended in {0, 130, -signal.SIGINT}, f"{command} ended with {ended}"


def _finsecure(command: str) -> list[str]:
    """The command as the script that pip installed, or, in a tree that is not installed, as what the script calls."""
    words = shlex.split(command)
    words = words[[word.rpartition("/")[2] for word in words].index("finsecure") + 1 :]
    script = shutil.which("finsecure", path=str(Path(sys.executable).parent))
    start = [script] if script else [sys.executable, "-c", "import sys, finsecure.cli; sys.exit(finsecure.cli.main())"]
    return [*start, *words]


def _ci_runs_it(command: str, environment: Mapping[str, str]) -> None:
    """.ci/run is made of the same steps, in another folder."""
    steps = re.sub(r"\"?\$folder/|\"|--quiet ", "", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert command in steps, command


def _ci_installs_it(command: str, environment: Mapping[str, str]) -> None:
    """.ci/run installs the same."""
    installed = re.findall(r"missing\+=\(([\w-]+)\)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert command.split()[2:] == installed


def _package_session_runs_it(command: str, environment: Mapping[str, str]) -> None:
    """The `package` session of nox does the same with the wheel."""
    package = (ROOT / "noxfile.py").read_text(encoding="utf-8").partition("def package(")[2]
    assert "[sandbox]" in package
    assert '"demo"' in package


def _names_the_project(command: str, environment: Mapping[str, str]) -> None:
    """The name and its extras are the project's."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.findall(r"(finsecure|(?<=\s)\.|(?<=')\.)(?:\[([\w,-]+)\])?", command)
    assert wanted, command
    for name, extras in wanted:
        assert name == "." or f'name = "{name}"' in project
        for extra in filter(None, extras.split(",")):
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE), f"no extra {extra}"


def _sets_what_is_read(command: str, environment: Mapping[str, str]) -> None:
    """The package reads such a variable."""
    variable = re.search(r"FINSECURE_\w+", command)
    assert variable, command
    read = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "finsecure").rglob("*.py"))
    assert variable[0] in read, f"nothing reads {variable[0]}"


def _names_a_session(command: str, environment: Mapping[str, str]) -> None:
    """noxfile.py has the session."""
    for session in re.findall(r"-s\s+([\w.-]+)", command):
        assert f"def {session.partition('-')[0]}(" in (ROOT / "noxfile.py").read_text(encoding="utf-8"), session


def _is_tested(command: str, environment: Mapping[str, str]) -> None:
    """The example is there, and a test names it."""
    example = re.search(r"examples/[\w/]+\.py", command)
    assert example, command
    assert (ROOT / example[0]).is_file()
    tests = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "tests").rglob("test_*.py"))
    assert Path(example[0]).name in tests or Path(example[0]).stem in tests, f"no test runs {example[0]}"


Check = Callable[[str, Mapping[str, str]], None]
PYTHON = r"(\.venv/bin/)?python3?"
COMMANDS: dict[str, Check] = {  # each command that a page may show: how it is checked; the first that matches counts
    r"python3 -m venv \.venv && \.venv/bin/pip install 'nox\[uv\]' && \.venv/bin/nox": _ci_runs_it,
    r"python3 -m venv \.venv && \.venv/bin/pip install '\.\[sandbox\]' && \.venv/bin/finsecure demo": (
        _package_session_runs_it
    ),
    r"apt-get install [\w -]+": _ci_installs_it,
    r"(\.venv/bin/)?pip install (-e )?['\"]?(finsecure|\.)(\[[\w,]+\])?['\"]?": _names_the_project,
    r"(\.venv/bin/)?nox( -s [\w.-]+)*": _names_a_session,
    r"export FINSECURE_\w+=\S+": _sets_what_is_read,
    r"(\.venv/bin/)?finsecure sandbox( .*)?": _start_finsecure,
    r"(\.venv/bin/)?finsecure( .*)?": _run_finsecure,
    rf"(FINSECURE_\w+=\S+ )?{PYTHON} examples/[\w/]+\.py( .*)?": _is_tested,
}


def commands(block: Block) -> list[str]:
    """What a person would type."""
    text = block.text.replace("\\\n", " ")
    lines = text.splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
        assert lines, f"{block.where}: a console block shows commands after `$ `"
    typed = [re.sub(r"\s+#\s.*$", "", line).strip() for line in lines if not line.lstrip().startswith("#")]
    return [re.sub(r"\s+", " ", line) for line in typed if line]


def check_of(command: str) -> Check | None:
    return next((check for pattern, check in COMMANDS.items() if re.fullmatch(pattern, command)), None)


@pytest.mark.parametrize("page", only("bash", "console"))
def test_commands_are_checked(page: Path, environment: dict[str, str]) -> None:
    """Each command is known, and holds."""
    for block in blocks(page):
        if block.language in {"bash", "console"} and "runs" not in block.excuses:
            for command in commands(block):
                check = check_of(command)
                assert check, f"{block.where}: COMMANDS does not say how to check `{command}`"
                check(command, environment)


# Other languages


def parse(block: Block) -> None:
    """Refuse what does not parse, and what nothing knows how to check."""
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        tomllib.loads(block.text)
    else:
        known = {"python", "pycon", "bash", "console"} | FOR_PEOPLE | TESTED_ELSEWHERE
        assert block.language in known, f"{block.where}: nothing checks {block.language or 'a block of no'} language"


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_data_parses_and_no_language_is_unknown(page: Path) -> None:
    """json and toml parse; a block in a language that nothing checks is refused."""
    for block in blocks(page):
        if "runs" not in block.excuses:
            parse(block)


def test_excused_blocks_are_counted() -> None:
    """Nobody excuses a block without changing the number above."""
    excused = [f"{block.where}: {block.excuses}" for page in PAGES for block in blocks(page) if block.excuses]
    assert len(excused) == EXCUSED, "\n".join(excused)


# Types


def as_module(page: Path) -> str:
    """The page's Python as one async function, each line where it is in the page, for the type checkers."""
    lines = [""] * (len(page.read_text(encoding="utf-8").splitlines()) + 1)
    for block in blocks(page):
        if "types" in block.excuses:
            continue
        if block.language == "python":
            for number, line in enumerate(block.text.splitlines(), block.line - 1):
                lines[number] = line
        elif block.language == "pycon":
            for example in doctest.DocTestParser().get_examples(block.text):
                for number, line in enumerate(example.source.splitlines(), block.line - 1 + example.lineno):
                    lines[number] = line
    lines = [f"    {line}" if line else "" for line in lines]
    lines[0] = "async def page() -> None:"  # where a page has its title
    return "\n".join([*lines, "    ...", "# mypy: allow-redefinition", ""])


# What reads well on a page but not in a program: a bare expression, a name that nothing uses yet.
READS_WELL = ("UnusedExpression", "UnusedVariable", "UnusedImport", "UnusedFunction", "UnusedClass")


def type_errors(pages: list[Path], folder: Path) -> dict[str, list[str]]:
    """What mypy and pyright say of the pages, each asked once."""
    modules = [
        folder / f"page_{number}_{re.sub(r'[^A-Za-z0-9]', '_', page.stem)}.py" for number, page in enumerate(pages)
    ]
    for page, module in zip(pages, modules, strict=True):
        module.write_text(as_module(page), encoding="utf-8")
    names = {module.name: page.name for page, module in zip(pages, modules, strict=True)}

    config = folder / "pyrightconfig.json"
    settings: dict[str, object] = {f"report{name}": False for name in READS_WELL}
    settings |= {"typeCheckingMode": "strict", "pythonVersion": "3.10", "extraPaths": [str(ROOT)]}
    settings["reportMissingModuleSource"] = False  # the stubs know Django's tasks, which 5.2 does not have
    config.write_text(json.dumps(settings | {"include": [module.name for module in modules]}), encoding="utf-8")
    pyright = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(config), "--pythonpath", sys.executable, "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
    )
    mypy = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", *map(str, modules)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert mypy.returncode in {0, 1}, mypy.stdout + mypy.stderr
    assert pyright.returncode in {0, 1}, pyright.stdout + pyright.stderr
    said = re.findall(r"([^/\\\n]+\.py):(\d+): error: (.*)", mypy.stdout)
    if mypy.returncode and not said:
        said = [("mypy", "0", mypy.stdout)]
    return {
        "mypy": [f"{names.get(file, file)}:{line}: {message}" for file, line, message in said],
        "pyright": [
            f"{names[Path(each['file']).name]}:{each['range']['start']['line'] + 1}: {each['message']}"
            for each in json.loads(pyright.stdout)["generalDiagnostics"]
            if each["severity"] != "information"
        ],
    }


WRONG = """\
# A page

```python
import asyncio
number: int = await asyncio.sleep(0, "one")
number
```
<!-- types: wrong on purpose -->
```python
other: int = "two"
```
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each checker says of all pages and of a wrong one, or a skip; nox's `types` session has both."""
    if "FINSECURE_REQUIRED" not in os.environ:
        pytest.importorskip("mypy", reason="mypy is not installed: `nox -s types` has it")
        pytest.importorskip("pyright", reason="pyright is not installed: `nox -s types` has it")
    folder = tmp_path_factory.mktemp("pages")
    wrong = folder / "wrong.md"
    wrong.write_text(WRONG, encoding="utf-8")
    pages = [page for page in PAGES if any(block.language in {"python", "pycon"} for block in blocks(page))]
    return type_errors([*pages, wrong], folder)


@pytest.mark.types
def test_python_is_typed(reports: dict[str, list[str]]) -> None:
    """mypy --strict and pyright strict accept the Python of all pages."""
    assert [error for errors in reports.values() for error in errors if not error.startswith("wrong.md:")] == []


@pytest.mark.types
def test_a_wrongly_typed_block_fails(reports: dict[str, list[str]]) -> None:
    """Both checkers report it at the page's own line, and an excused one not at all."""
    for errors in reports.values():
        wrong = {error.split(": ")[0] for error in errors if error.startswith("wrong.md:")}
        assert wrong == {"wrong.md:5"}


# The harness itself


def page_of(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text("# A page\n\n" + textwrap.dedent(text), encoding="utf-8")
    return page


def test_a_failing_block_fails_and_tells_its_line(tmp_path: Path) -> None:
    """A block that raises ends the page, with the page's own line in the traceback."""
    page = page_of(
        tmp_path,
        """\
        ```python
        fine = 1
        ```
        ```python
        fine / 0
        ```
        """,
    )
    ran = run(page, {})
    assert ran.returncode == 1
    assert f'{page}", line 7' in ran.stderr
    assert "ZeroDivisionError" in ran.stderr


def test_a_differing_session_fails(tmp_path: Path) -> None:
    """A pycon block must show what Python shows."""
    ran = run(page_of(tmp_path, "```pycon\n>>> 1 + 1\n3\n```\n"), {})
    assert ran.returncode == 1
    assert "page.md:4" in ran.stderr


def test_blocks_share_names_await_and_get_real_keys(tmp_path: Path) -> None:
    """Names go from block to block, `await` may stand alone, and a placeholder becomes the sandbox's key."""
    page = page_of(
        tmp_path,
        """\
        ```python
        import asyncio
        key = "sk_test_..."
        await asyncio.sleep(0)
        ```
        :::{note}
        ```pycon
        >>> key
        'sk_test_real'
        ```
        :::
        ````{tip}
        ```python
        assert await asyncio.sleep(0, key) == "sk_test_" + "real"
        ```
        ````
        <!-- runs: it would fail -->

        ```python
        raise SystemExit(3)
        ```
        """,
    )
    ran = run(page, {"FINSECURE_SECRET_KEY": "sk_test_real"})
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("text", ["```json\n{,}\n```", "```toml\n= 1\n```", "```ruby\nputs 1\n```", "```\nwhat?\n```"])
def test_data_that_does_not_parse_and_unknown_languages_are_refused(tmp_path: Path, text: str) -> None:
    """json and toml must parse, and each block must say a known language."""
    (block,) = blocks(page_of(tmp_path, text))
    with pytest.raises((ValueError, AssertionError)):
        parse(block)


def test_an_unknown_command_is_known_to_be_unknown(tmp_path: Path) -> None:
    """A command that is not in the table has no check; comments and output are no commands."""
    (block,) = blocks(page_of(tmp_path, "```console\n$ make coffee  # black\n$ nox -s docs\ndone\n```"))
    coffee, docs = commands(block)
    assert coffee == "make coffee"
    assert check_of(coffee) is None
    assert check_of(docs) is _names_a_session


def test_an_excuse_needs_a_reason(tmp_path: Path) -> None:
    """An empty excuse is refused."""
    with pytest.raises(AssertionError, match="reason"):
        blocks(page_of(tmp_path, "<!-- runs: -->\n```python\n1\n```"))


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
