"""examples/docker: what its files name is there, and its commands do what they say.

No container runs here. The commands do, with a folder in place of the volume, a free port in place of theirs, and the
name of the service leading to this machine.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

import finsecure
from finsecure.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")

RESOLVE = """
import socket

look_up = socket.getaddrinfo
here = dict.fromkeys(("sandbox", b"sandbox", "receiver", b"receiver"), "127.0.0.1")
socket.getaddrinfo = lambda host, *args, **more: look_up(here.get(host, host), *args, **more)
"""
"""What Compose's own DNS does."""


def instruction(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


class Machine:
    """Where the commands of the services run: a folder for the volume, and a port for each that listens."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, self.port_of_receiver = (str(probe.getsockname()[1]) for probe in (one, other))
        self._folder = folder
        (folder / "ca").mkdir()
        (folder / "sitecustomize.py").write_text(RESOLVE)

    def here(self, word: str) -> str:
        """A word of a service as it is on this machine."""
        word = word.replace("/ca/", f"{self._folder}/ca/").replace("0.0.0.0", "127.0.0.1")
        return word.replace("8443", self.port).replace("8001", self.port_of_receiver)

    def command(self, words: list[str]) -> list[str]:
        program, *rest = map(self.here, words)
        programs = {"finsecure": [sys.executable, "-m", "finsecure"], "python": [sys.executable]}
        return [*programs[program], *rest]

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        path = os.pathsep.join([str(self._folder), str(ROOT)])
        given = {name: self.here(value) for name, value in service.get("environment", {}).items()}
        return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **given}

    def run(self, service: dict[str, Any], words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words),
            env=self.environment(service),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def running(self, service: dict[str, Any], words: list[str]) -> Generator[IO[str], None, None]:
        """A service that runs; what it prints."""
        with subprocess.Popen(
            self.command(words), env=self.environment(service), cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            try:
                yield process.stdout
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) in (0, -signal.SIGTERM)
            finally:
                process.kill()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_shop_pays_at_the_sandbox_by_its_name_over_tls_and_the_receiver_is_told(machine: Machine) -> None:
    """The very commands of the compose file: the sandbox's, its health check's, the shop's, the receiver's."""
    sandbox, shop, receiver = (COMPOSE["services"][name] for name in ("sandbox", "shop", "receiver"))
    kind, *check = sandbox["healthcheck"]["test"]
    assert kind == "CMD"
    with (
        machine.running(receiver, receiver["entrypoint"]) as told,
        machine.running(sandbox, ["finsecure", *sandbox["command"]]) as printed,
    ):
        banner = "".join(printed.readline() for _ in range(7))
        assert f"https://127.0.0.1:{machine.port}" in banner
        for name in ("FINSECURE_SECRET_KEY", "FINSECURE_PUBLISHABLE_KEY"):
            assert f"export {name}={shop['environment'][name]}" in banner
        healthy = machine.run(sandbox, check)
        assert healthy.returncode == 0, healthy.stderr
        paid = machine.run(shop, [*shop["entrypoint"], *shop["command"]])
        assert paid.returncode == 0, paid.stderr
        assert re.fullmatch(r"pi_\w+ succeeded: 20\.00 USD received\n", paid.stdout)
        ident = paid.stdout.partition(" ")[0]
        lines = (line for line in told if not line.startswith("INFO:"))  # uvicorn's
        assert [next(lines), next(lines)] == ["welcome: customer@example.com\n", f"ship: {ident}, 2000 usd\n"]
    sick = machine.run(sandbox, check)
    assert sick.returncode != 0


def test_its_rules_are_those_of_the_client() -> None:
    """The base URL that the shop has is one that the client takes, and its host is one that the sandbox answers to."""
    sandbox, shop = COMPOSE["services"]["sandbox"], COMPOSE["services"]["shop"]
    base_url = shop["environment"]["FINSECURE_BASE_URL"]
    with finsecure.Client(shop["environment"]["FINSECURE_SECRET_KEY"], base_url=base_url) as client:
        assert client.base_url == "https://sandbox:8443"
    assert {"--allow-host=sandbox", "--allow-host=receiver"} <= {*sandbox["command"]}
    options = dict(word.partition("=")[::2] for word in sandbox["command"])
    with Sandbox(
        secret_key=options["--secret-key"],
        publishable_key=options["--publishable-key"],
        webhook_secret=options["--webhook-secret"],
    ) as sandbox_here:
        assert sandbox_here.secret_key == shop["environment"]["FINSECURE_SECRET_KEY"]


def test_the_services_share_the_certificate_and_no_more() -> None:
    sandbox, shop = COMPOSE["services"]["sandbox"], COMPOSE["services"]["shop"]
    assert (sandbox["volumes"], shop["volumes"]) == (["ca:/ca"], ["ca:/ca:ro"])
    assert [*COMPOSE["volumes"]] == ["ca"]
    assert f"--tls={shop['environment']['SSL_CERT_FILE']}" in sandbox["command"]
    assert shop["depends_on"] == {"sandbox": {"condition": "service_healthy"}}
    assert not [service for service in (sandbox, shop) if "ports" in service]  # nothing is open to the host's network


def test_the_image_is_built_of_what_is_there() -> None:
    build = COMPOSE["services"]["sandbox"]["build"]
    context = (FOLDER / build["context"]).resolve()
    assert context == ROOT
    assert context / build["dockerfile"] == FOLDER / "Dockerfile"
    for copied in instruction("COPY"):
        *sources, _ = copied.split()
        assert not [source for source in sources if not (context / source).exists()]
    (base,) = instruction("FROM")
    assert f'"Programming Language :: {base.removesuffix("-slim").replace("python:", "Python :: ")}"' in (
        ROOT / "pyproject.toml"
    ).read_text(encoding="utf-8")
    assert "'.[sandbox]'" in DOCKERFILE
    assert instruction("ENTRYPOINT") == ['["finsecure"]']
    assert instruction("USER") == ["65534:65534"]  # not root
