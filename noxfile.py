"""Every check, in one command that does its own set-up: `nox`. One of them: `nox -s docs`, `nox -s tests-3.12`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
PYTHONS = sorted({*SUPPORTED, HERE}, key=lambda version: int(version.split(".")[1]))
BIN = "Scripts" if os.name == "nt" else "bin"
PEERS = (
    "stripe",
    "lithic",
    "increase",
    "openai",
    "requests",
    "httpx",
    "httpx2",
    "pyreqwest",
    "standardwebhooks",
    "localstripe",
)
PROCESSES = ("-n", str(os.cpu_count() or 1))
PYTEST = (*PROCESSES, "--timeout=180")  # seconds for one test
PYPROJECT = nox.project.load_toml("pyproject.toml")

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv|virtualenv"  # uv where it is there: each session installs in seconds
nox.options.download_python = "never"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of hundreds of subprocesses compiles all that it imports
nox.options.error_on_missing_interpreters = False  # those who have one Python test with that one, CI included


def _is_there(version: str) -> bool:
    try:
        return subprocess.run([f"python{version}", "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


# Where coverage is measured: not on 3.11, which does not tell a tracer of exceptions that are thrown into coroutines,
# as anyio throws them at each connect. What runs after an `asyncio.run` seems not to run there.
COVERED = next((version for version in (HERE, *reversed(SUPPORTED)) if version != "3.11" and _is_there(version)), HERE)

OLDEST = next((version for version in SUPPORTED if _is_there(version)), HERE)
LOWEST = next((version for version in SUPPORTED[1:] if _is_there(version)), HERE)  # the oldest on which all extras run

# On a Python between the oldest and the newest, `tests-lowest` is run enough: it runs more than `tests` would there.
TESTED = [f"tests-{version}" for version in PYTHONS if version != LOWEST or version in {OLDEST, COVERED}]
nox.options.sessions = ["lint", "types", *TESTED, "tests-lowest", "contract", "docs", "package"]


def install(session: nox.Session, *groups: str, project: str = ".[sandbox]") -> None:
    """Install the project as a user would get it, and the tools of some dependency groups."""
    tools = [tool for group in groups for tool in nox.project.dependency_groups(PYPROJECT, group)]
    session.install(*([project] if project else []), *tools)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and the mistakes that can be seen without running anything."""
    install(session, "lint", project="")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Both type checkers, what they say of the public names, of right and wrong uses, and what an editor shows."""
    install(session, "test", "examples", "contract", "typing", "docs")
    session.env["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"  # or it asks on each start whether it is the newest
    session.env["FINSECURE_REQUIRED"] = "1"  # no test may be skipped for want of a type checker
    session.run("mypy")
    session.run("pyright")
    # Each file in one process: it asks each checker once.
    session.run("pytest", "-m", "types", *PROCESSES, "--dist=loadfile", "--timeout=600", *session.posargs)
    with session.chdir(session.create_tmp()):  # so that the installed package is looked at, not the working tree
        session.run("pyright", "--verifytypes", "finsecure", "--ignoreexternal")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests on each Python there is; on one also the slow ones, the documentation's, all transports, coverage."""
    if session.python != COVERED and not session.posargs:
        install(session, "test")
        # What a Python can break is broken on the oldest or on the newest; between them the client's tests are enough.
        paths = (
            ["tests"] if session.python == OLDEST else [*map(str, Path("tests").glob("test_*.py")), "tests/webhooks"]
        )
        session.run("pytest", *paths, "-m", "not types and not slow", *PYTEST, "--ignore=tests/docs")
        return
    install(session, "test", "examples", "docs")
    if session.posargs:
        session.run("pytest", "-m", "not types", *PYTEST, *session.posargs)
        return
    data = Path(session.create_tmp(), "coverage")
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    session.env["FINSECURE_TRANSPORTS"] = "httpx,httpx2,pyreqwest"
    session.env["COVERAGE_FILE"] = str(data / "coverage")  # absolute: subprocesses run in other folders
    # `coverage run` and not a pytest plugin: finsecure is one itself, and is imported before any plugin could measure.
    session.run("coverage", "run", str(Path(session.bin, "pytest")), "-m", "not types", *PYTEST)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", *([] if COVERED == "3.11" else ["--fail-under=100"]))


@nox.session(name="tests-lowest", python=LOWEST)
def tests_lowest(session: nox.Session) -> None:
    """The tests with the lowest version of each dependency that pyproject.toml allows."""
    session.install("uv")
    python = str(Path(session.bin, "python"))
    tools = nox.project.dependency_groups(PYPROJECT, "test")
    project = ".[sandbox,fast,otel,httpx2]"
    session.run("uv", "pip", "install", "--python", python, "--resolution", "lowest-direct", project, *tools)
    session.run("pytest", "-m", "not types and not slow", *PYTEST, "--ignore=tests/docs", *session.posargs)


@nox.session(default=False)
def signatures(session: nox.Session) -> None:
    """Write tests/signatures.txt anew, after a change of what is public."""
    session.install(".")
    session.run("python", "tests/signatures.py")


@nox.session
def contract(session: nox.Session) -> None:
    """Requests of all kinds, made up by schemathesis, to a served sandbox; `-- --full` for some minutes of them."""
    install(session, "contract")
    session.run("python", "-m", "tests.contract.run", *session.posargs)


@nox.session(default=False)
def openapi(session: nox.Session) -> None:
    """Write finsecure/sandbox/openapi.json anew, after a change of parameters or models."""
    session.install(".")
    session.run("python", "-m", "tests.contract.document")


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """The faults at full size, on each transport that is asked for; writes the figures of docs/reliability.md."""
    install(session, "test")
    session.run("python", "tests/faults/report.py", *session.posargs)


@nox.session(default=False)
def inbox(session: nox.Session) -> None:
    """Inboxes with real servers while workers are killed, for docs/webhooks.md; `-- --quick` only prints."""
    install(session, "test")
    session.run("python", "-m", "tests.webhooks.report", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Arbitrary answers and webhooks for about a minute: only our own errors may come out."""
    install(session, "test")
    session.env["FINSECURE_FUZZ"] = "6000"
    session.run("pytest", "tests/test_fuzz.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-E", "-b", "html", "docs", "docs/_build/html")


@nox.session
def package(session: nox.Session) -> None:
    """Build wheel and sdist, install each where nothing else is, and use it."""
    session.install("build[uv]", "virtualenv")
    work = Path(session.create_tmp()).resolve()
    shutil.rmtree(work)
    work.mkdir()
    session.run("python", "-m", "build", "--installer", "uv", "--outdir", str(work / "dist"))
    (wheel,) = work.glob("dist/*.whl")
    (sdist,) = work.glob("dist/*.tar.gz")
    with session.chdir(work):  # away from the source tree, which Python would import instead
        for name, built in [("sdist", str(sdist)), ("wheel", f"{wheel}[sandbox]")]:
            session.run("python", "-m", "virtualenv", "--quiet", name)
            python = str(work / name / BIN / "python")
            session.run(python, "-m", "pip", "install", "--quiet", built, external=True)
            session.run(python, "-c", "import finsecure; print(finsecure.__file__)", external=True)
        session.run(str(work / "wheel" / BIN / "finsecure"), "demo", external=True)


@nox.session(default=False, python=HERE if sys.version_info >= (3, 11) else "3.13")  # some peers need 3.11
def bench(session: nox.Session) -> None:
    """Measure side by side with the peers, for docs/performance.md; `-- --quick`, or `-- sync threads`, only print.

    `-- sandbox` measures the sandbox alone; it is a part of the whole, too.
    """
    session.install(".[sandbox,fast,httpx2]", *PEERS)
    clients = [each for each in session.posargs if each != "sandbox"]
    if "sandbox" not in session.posargs:
        session.run("python", "-m", "tests.benchmarks.run", *clients)
    if "sandbox" in session.posargs or not {*clients} - {"--quick"}:
        session.run("python", "-m", "tests.benchmarks.sandbox", *clients)
