"""`finsecure sandbox`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

from finsecure.cli import _sandbox

ROOT = Path(__file__).parents[2]
RUN = "import sys; from finsecure.cli._sandbox import run; sys.exit(run(sys.argv[1:]))"


@contextmanager
def command(*args: str) -> Generator[tuple[subprocess.Popen[str], IO[str]], None, None]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(number: signal.Signals) -> None:
    with command("--json", "--quiet") as (process, printed):
        facts = json.loads(printed.readline())
        assert set(facts) == {"base_url", "secret_key", "publishable_key", "webhook_secret"}
        headers = {"Authorization": f"Bearer {facts['secret_key']}"}
        url = facts["base_url"] + "/v1/customers"
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_its_banner_says_how_to_use_it() -> None:
    with command() as (process, printed):
        banner = "".join(printed.readline() for _ in range(11))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert "http://127.0.0.1:" in banner
    for name in ("SECRET_KEY=sk_test_", "PUBLISHABLE_KEY=pk_test_", "WEBHOOK_SECRET=whsec_", "BASE_URL=http://127"):
        assert f"export FINSECURE_{name}" in banner
    assert "in memory" in banner


def test_a_file_keeps_its_keys(tmp_path: Path) -> None:
    keys: list[str] = []
    for _ in range(2):
        with command("--json", "--db", str(tmp_path / "s.db"), "--rate-limit", "1") as (process, printed):
            facts = json.loads(printed.readline())
            keys.append(facts["secret_key"])
            url, headers = facts["base_url"] + "/v1/customers", {"Authorization": f"Bearer {facts['secret_key']}"}
            statuses = [httpx.get(url, headers=headers, trust_env=False).status_code for _ in range(2)]
            assert statuses == [200, 429]
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert keys[0] == keys[1]


def test_in_a_process_that_goes_on_it_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []

    def stop_once_printed(text: str, *, flush: bool) -> None:
        assert flush
        printed.append(text)
        os.kill(os.getpid(), signal.SIGTERM)

    threads = {*threading.enumerate()}  # a transport of another test may keep one
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(_sandbox, "print", stop_once_printed, raising=False)
    assert _sandbox.run(["--json"]) == 0
    assert json.loads(printed[0])["base_url"].startswith("http://127.0.0.1:")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert not [thread for thread in {*threading.enumerate()} - threads if thread.name.startswith("finsecure")]


@pytest.mark.parametrize("args", [["--db", "/"], ["--rate-limit", "0"], ["--port", "70000"], ["--port", "-1"]])
def test_what_cannot_be_served_is_said_in_one_line(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _sandbox.run(args) == 1
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith("finsecure sandbox: ")
    assert errors.count("\n") == 1


def test_a_port_in_use_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert _sandbox.run(["--port", str(taken.getsockname()[1])]) == 1
    assert "in use" in capsys.readouterr().err


def test_it_accepts_an_allowed_host_name() -> None:
    with command("--json", "--quiet", "--allow-host", "shop.test") as (process, printed):
        url = json.loads(printed.readline())["base_url"] + "/health"
        statuses = [
            httpx.get(url, headers={"Host": host}, trust_env=False).status_code for host in ("shop.test", "other.test")
        ]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert statuses == [200, 403]


def test_a_name_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert _sandbox.run(["--allow-host", "http://shop.test"]) == 1
    assert "--allow-host must name hosts alone" in capsys.readouterr().err
