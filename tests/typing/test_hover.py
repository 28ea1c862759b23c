"""What an editor shows: hover, parameter help and go-to-definition reach the one `def`, through all three doors.

Asked of pyright's language server, which is what Pylance, Neovim, Emacs and others run.
"""

from __future__ import annotations

import inspect
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 60.0  # for one answer; the first waits for the whole package to be read

pytestmark = [pytest.mark.types]

PROGRAM = """\
import finsecure

client = finsecure.Client("sk_test_1")
aclient = finsecure.AsyncClient("sk_test_1")

client.payment_intents.create(amount=2000, currency="usd")
aclient.payment_intents.create(amount=2000, currency="usd")
finsecure.PaymentIntent.create(amount=2000, currency="usd")

intent = client.payment_intents.retrieve("pi_1")
page = client.customers.list()
error = finsecure.CardError("")
intent.amount_received
intent.next_action
intent.last_response.attempts
page.has_more
error.decline_code
client.max_retries
"""
FIELDS = {
    "intent.amount_received": "The amount that was paid",
    "intent.next_action": "What the customer must do",
    "intent.last_response.attempts": "The number of requests that were sent",
    "page.has_more": "Whether there is another page",
    "error.decline_code": "Why the bank declined",
    "client.max_retries": "Retries after the first attempt",
}
DOORS = ["client.payment_intents.create", "aclient.payment_intents.create", "finsecure.PaymentIntent.create"]


class LanguageServer:
    """Just enough of the protocol to ask what an editor asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyright.langserver", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._last = 0
        self.ask(
            "initialize",
            processId=os.getpid(),
            rootUri=folder.as_uri(),
            workspaceFolders=[{"uri": folder.as_uri(), "name": folder.name}],
            capabilities={
                "workspace": {"configuration": True, "workspaceFolders": True},
                "textDocument": {"hover": {"contentFormat": ["markdown"]}},
            },
        )
        self.tell("initialized")

    def tell(self, method: str, **params: Any) -> None:
        self._write({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._last += 1
        self._write({"id": self._last, "method": method, "params": params})
        until = time.monotonic() + SECONDS
        while True:
            message = self._answers.get(timeout=max(0.0, until - time.monotonic()))
            assert message is not None, "the language server ended"
            if "method" in message:
                if "id" in message:  # the server has questions too
                    self._write({"id": message["id"], "result": self._settings(message)})
            elif message.get("id") == self._last:
                assert "error" not in message, message
                return message["result"]

    def close(self) -> None:
        self.ask("shutdown")
        self.tell("exit")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=SECONDS)
        self._reader.join(timeout=SECONDS)
        self._process.stdout.close()

    def _settings(self, message: dict[str, Any]) -> list[dict[str, Any] | None] | None:
        if message["method"] != "workspace/configuration":
            return None
        settings: dict[str, dict[str, Any]] = {
            "python": {"pythonPath": sys.executable, "analysis": {"extraPaths": [str(ROOT)]}},
            "python.analysis": {"extraPaths": [str(ROOT)]},
        }
        return [settings.get(item.get("section")) for item in message["params"]["items"]]

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = stream.readline()
            self._answers.put(json.loads(stream.read(length)))
        self._answers.put(None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LanguageServer, str]]:
    """A language server that has the program open."""
    if "FINSECURE_REQUIRED" not in os.environ:
        pytest.importorskip("pyright", reason="pyright is not installed: `nox -s types` has it")
    folder = tmp_path_factory.mktemp("editor")
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    server = LanguageServer(folder)
    server.tell(
        "textDocument/didOpen",
        textDocument={"uri": program.as_uri(), "languageId": "python", "version": 1, "text": PROGRAM},
    )
    yield server, program.as_uri()
    server.close()


def at(uri: str, door: str, after: str) -> dict[str, Any]:
    """The position just inside the last character of `after`, on the line of a door."""
    number, line = next(
        (number, line) for number, line in enumerate(PROGRAM.splitlines()) if line.startswith(f"{door}(")
    )
    return {
        "textDocument": {"uri": uri},
        "position": {"line": number, "character": line.index(after) + len(after) - 1},
    }


def definition() -> tuple[Path, int, str, list[str]]:
    """Where the one `def` is, what it says first, and its parameters."""
    import finsecure.resources.payment_intents as module

    source, lines = Path(inspect.getfile(module)), inspect.getsource(module).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("class PaymentIntents("))
    number = next(n for n, line in enumerate(lines) if n > start and line.lstrip().startswith("def create("))
    create = finsecure_create()
    assert create.__doc__
    return source, number, create.__doc__.strip().splitlines()[0], list(inspect.signature(create).parameters)


def finsecure_create() -> Any:
    import finsecure

    return finsecure.PaymentIntent.create


@pytest.mark.parametrize("door", DOORS)
def test_go_to_definition_reaches_the_one_def(server: tuple[LanguageServer, str], door: str) -> None:
    """Go-to-definition lands on `def create` in resources/payment_intents.py."""
    asked, uri = server
    _, number, _, _ = definition()
    found = asked.ask("textDocument/definition", **at(uri, door, f"{door}"))
    places = [(each["uri"].rpartition("/finsecure/")[2], each["range"]["start"]["line"]) for each in found]
    assert places == [("resources/payment_intents.py", number)]


@pytest.mark.parametrize("door", DOORS)
def test_hover_shows_the_sentence_and_the_parameters(server: tuple[LanguageServer, str], door: str) -> None:
    """Hover shows the docstring's first sentence, every parameter and what comes back."""
    asked, uri = server
    _, _, sentence, parameters = definition()
    shown = asked.ask("textDocument/hover", **at(uri, door, door))["contents"]["value"].replace("\\", "")
    assert sentence.strip("`") in shown.replace("&nbsp;", " ")
    missing = [name for name in parameters if f"{name}:" not in shown]
    assert missing == []
    assert ("Coroutine[object, None, PaymentIntent]" if door.startswith("a") else "-> PaymentIntent") in shown


@pytest.mark.parametrize("door", DOORS)
def test_parameter_help_names_every_parameter(server: tuple[LanguageServer, str], door: str) -> None:
    """Inside the parentheses, parameter help lists what may be given."""
    asked, uri = server
    _, _, _, parameters = definition()
    inside = at(uri, door, f"{door}(")
    inside["position"]["character"] += 1
    (signature,) = asked.ask("textDocument/signatureHelp", **inside)["signatures"]
    missing = [name for name in parameters if f"{name}:" not in signature["label"]]
    assert missing == []


@pytest.mark.parametrize("field", FIELDS)
def test_hover_shows_what_a_field_is(server: tuple[LanguageServer, str], field: str) -> None:
    """The sentence below the field, for objects, pages, errors and options."""
    asked, uri = server
    lines: list[str] = [*PROGRAM.splitlines()]
    place = {
        "textDocument": {"uri": uri},
        "position": {"line": lines.index(field), "character": len(field) - 1},
    }
    shown = asked.ask("textDocument/hover", **place)["contents"]["value"].replace("&nbsp;", " ")
    assert FIELDS[field] in shown
