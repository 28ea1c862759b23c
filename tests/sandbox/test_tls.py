"""The sandbox over HTTPS, and beyond loopback."""

from __future__ import annotations

import builtins
import gc
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import finsecure
from finsecure.sandbox import Clock, Sandbox

HERE = socket.gethostname().lower()
ASK = "import sys, finsecure; print(finsecure.Client(max_retries=0, transport=sys.argv[1]).customers.create().id)"


def get(url: str, ca_file: Path | None, **headers: str) -> httpx.Response:
    context = ssl.create_default_context(cafile=ca_file)
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.get(url, headers=headers)


def names_in_the_certificate(url: str, ca_file: Path) -> set[str]:
    host, port = httpx.URL(url).host, httpx.URL(url).port
    with (
        socket.create_connection((host, port or 0), 10) as raw,
        ssl.create_default_context(cafile=ca_file).wrap_socket(raw, server_hostname=host) as connection,
    ):
        certificate = connection.getpeercert()
    alternatives: Any = certificate and certificate["subjectAltName"]
    return {name for _, name in alternatives}


class TestHTTPS:
    def test_the_ca_file_is_all_that_a_client_needs(
        self, sandbox: Sandbox, connect_over: Callable[[str, Path | None], finsecure.Client]
    ) -> None:
        with sandbox.serve(tls=True) as server:
            assert server.base_url.startswith("https://127.0.0.1:")
            client = connect_over(server.base_url, server.ca_file)
            assert client.customers.create().id == "cus_1"

    @pytest.mark.parametrize("transport", ["httpx", "httpx2"])
    def test_ssl_cert_file_trusts_it(self, sandbox: Sandbox, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with sandbox.serve(tls=True) as server:
            monkeypatch.setenv("FINSECURE_SECRET_KEY", sandbox.secret_key)
            monkeypatch.setenv("FINSECURE_BASE_URL", server.base_url)
            command = [sys.executable, "-c", ASK, transport]
            refused = subprocess.run(command, capture_output=True, text=True, check=False)
            assert "The server's certificate was not accepted" in refused.stderr
            monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
            trusted = subprocess.run(command, capture_output=True, text=True, check=False)
            assert trusted.stdout.startswith("cus_"), trusted.stderr

    def test_its_pages_are_linked_from_the_door_that_was_used(
        self, sandbox: Sandbox, connect_over: Callable[[str, Path | None], finsecure.Client]
    ) -> None:
        with sandbox.serve(tls=True) as server:
            client = connect_over(server.base_url, server.ca_file)
            intent = client.payment_intents.create(amount=2000, currency="usd")
            card: finsecure.CardParams = {"number": "4000002760003184", "exp_month": 12, "exp_year": 2030}
            intent = client.payment_intents.confirm(
                intent.id, payment_method={"type": "card", "card": card}, return_url="https://yoursite.com/"
            )
            assert intent.next_action
            assert intent.next_action.redirect_to_url
            page = intent.next_action.redirect_to_url.url
            assert page
            assert page.startswith(server.base_url)
            assert get(page, server.ca_file).status_code == 200

    def test_the_certificate_names_this_machine_and_its_hosts(self) -> None:
        with Sandbox(clock=Clock(0), hosts=["sandbox", "Shop.Test"]) as sandbox, sandbox.serve(tls=True) as server:
            assert server.ca_file
            named = names_in_the_certificate(server.base_url, server.ca_file)
        assert {"localhost", "127.0.0.1", "sandbox", "shop.test", HERE} <= named

    def test_connections_that_are_dropped_leave_no_warning(self, sandbox: Sandbox) -> None:
        """Whoever looks at the certificate and goes again: a transport that is not closed would warn."""
        with sandbox.serve(tls=True) as server:
            assert server.ca_file
            for _ in range(10):
                names_in_the_certificate(server.base_url, server.ca_file)
        gc.collect()

    def test_a_fault_closes_the_connection_there_too(
        self, sandbox: Sandbox, connect_over: Callable[[str, Path | None], finsecure.Client]
    ) -> None:
        with sandbox.serve(tls=True) as server:
            client = connect_over(server.base_url, server.ca_file)
            sandbox.fail_next("customers.create", answer="lost")
            assert client.customers.create().last_response.idempotent_replayed

    def test_it_ends_in_time_with_a_connection_that_is_kept(self, sandbox: Sandbox) -> None:
        server = sandbox.serve(tls=True)
        with httpx.Client(verify=ssl.create_default_context(cafile=server.ca_file), trust_env=False) as client:
            assert client.get(server.base_url + "/health").status_code == 200
            began = time.monotonic()
            server.close()
            assert time.monotonic() - began < 2


class TestCAFile:
    def test_it_goes_with_the_server(self, sandbox: Sandbox) -> None:
        with sandbox.serve(tls=True) as server:
            assert server.ca_file
            assert "PRIVATE" not in server.ca_file.read_text()
            folder = server.ca_file.parent
        assert not folder.exists()

    def test_without_tls_there_is_none(self, sandbox: Sandbox) -> None:
        with sandbox.serve() as server:
            assert server.ca_file is None

    def test_it_is_written_where_it_is_wanted_and_stays(self, sandbox: Sandbox, tmp_path: Path) -> None:
        path = tmp_path / "ca.pem"
        for _ in range(2):
            with sandbox.serve(tls=path) as server:
                assert server.ca_file == path
                assert get(server.base_url + "/health", path).status_code == 200
        assert path.exists()

    def test_a_database_keeps_its_ca(self, tmp_path: Path) -> None:
        """A program that trusts it once goes on to, when the sandbox starts again; another sandbox has another."""
        written: list[str] = []
        for db in ("one.db", "one.db", "two.db"):
            with Sandbox(db=tmp_path / db) as sandbox, sandbox.serve(tls=tmp_path / "ca.pem"):
                written.append((tmp_path / "ca.pem").read_text())
        assert written[0] == written[1] != written[2]

    def test_a_file_that_holds_something_else_is_left_alone(self, sandbox: Sandbox, tmp_path: Path) -> None:
        path = tmp_path / "notes"
        path.write_text("important")
        with pytest.raises(ValueError, match=r"tls names .*notes, which holds something else"):
            sandbox.serve(tls=path)
        assert path.read_text() == "important"

    def test_a_file_that_cannot_be_written_is_named(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"ca\.pem"):
            sandbox.serve(tls=tmp_path / "nowhere" / "ca.pem")

    def test_what_does_not_start_leaves_no_file(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        for tls in (True, False):
            with sandbox.serve(tls=tls) as server, pytest.raises(OSError, match="in use"):
                sandbox.serve(int(server.base_url.rpartition(":")[2]), tls=tls)
        assert [*tmp_path.iterdir()] == []


class TestHost:
    def test_beyond_loopback_it_is_called_by_the_name_of_this_machine(self, sandbox: Sandbox) -> None:
        with sandbox.serve(host="0.0.0.0", tls=True) as server:
            assert server.base_url.startswith("https://127.0.0.1:")
            assert get(server.base_url + "/health", server.ca_file).status_code == 200
            key = {"Authorization": f"Bearer {sandbox.secret_key}"}
            assert get(server.base_url + "/v1/customers", server.ca_file, Host=HERE, **key).status_code == 200
            assert get(server.base_url + "/v1/customers", server.ca_file, Host="evil.example", **key).status_code == 403

    def test_the_server_by_its_host_name(self, sandbox: Sandbox) -> None:
        try:
            socket.getaddrinfo(HERE, None)
        except OSError:
            pytest.skip("this machine does not know its own name")
        with sandbox.serve(host="0.0.0.0", tls=True) as server:
            port = server.base_url.rpartition(":")[2]
            assert get(f"https://{HERE}:{port}/health", server.ca_file).status_code == 200

    @pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
    @pytest.mark.parametrize(("host", "tls"), [("::1", False), ("::1", True), ("::", True)])
    def test_ipv6(self, sandbox: Sandbox, host: str, tls: bool) -> None:
        with sandbox.serve(host=host, tls=tls) as server:
            assert server.base_url.startswith(("https" if tls else "http") + "://[::1]:")
            assert get(server.base_url + "/health", server.ca_file).status_code == 200

    @pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
    def test_any_ipv6_address_stands_in_brackets(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        listen = socket.create_server
        addresses: list[str] = []

        def on_loopback(address: tuple[str, int], **options: Any) -> socket.socket:
            addresses.append(address[0])
            return listen(("::1", address[1]), **options)

        monkeypatch.setattr(socket, "create_server", on_loopback)
        with sandbox.serve(host="2001:db8::1", tls=True) as server:
            assert addresses == ["2001:db8::1"]
            assert httpx.URL(server.base_url).host == "2001:db8::1"

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
    def test_loopback_needs_no_tls(self, sandbox: Sandbox, host: str) -> None:
        with sandbox.serve(host=host) as server:
            assert server.base_url.startswith("http://127.0.0.")
            assert get(server.base_url + "/health", None).status_code == 200

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
    def test_beyond_loopback_it_does(self, sandbox: Sandbox, host: str) -> None:
        with pytest.raises(ValueError, match=r"host must be a loopback address.* Serve HTTPS"):
            sandbox.serve(host=host)

    def test_a_server_that_does_not_start_leaves_no_name_behind(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sandbox does not answer to a name that it never had."""
        monkeypatch.setattr(socket, "gethostname", lambda: "machine.test")
        key = {"Authorization": f"Bearer {sandbox.secret_key}", "Host": "machine.test"}

        def asked() -> int:
            with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url) as api:
                return api.get("/v1/customers", headers=key).status_code

        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            sandbox.serve(taken.getsockname()[1], host="0.0.0.0", tls=True)
        assert asked() == 403
        with sandbox.serve(host="0.0.0.0", tls=True):
            assert asked() == 200

    @pytest.mark.parametrize("host", ["", "sandbox", "*", "http://127.0.0.1", "fe80::1%eth0", "::1%lo", 7, None])
    def test_what_is_no_address_is_refused(self, sandbox: Sandbox, host: Any) -> None:
        with pytest.raises(ValueError, match=r"\bhost\b"):
            sandbox.serve(host=host, tls=True)

    @pytest.mark.parametrize("tls", ["", 7, b""])
    def test_what_is_no_path_is_refused(self, sandbox: Sandbox, tls: Any) -> None:
        with pytest.raises(ValueError, match="tls must be a path"):
            sandbox.serve(tls=tls)

    def test_a_name_that_no_certificate_can_hold_is_refused(self) -> None:
        with Sandbox(hosts=["finsecure_sandbox"]) as sandbox:
            with pytest.raises(ValueError, match="hosts has a name that cannot stand in a certificate"):
                sandbox.serve(tls=True)
            sandbox.serve().close()

    def test_a_machine_whose_own_name_cannot_stand_there_serves_all_the_same(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "my_machine")
        with sandbox.serve(tls=True) as server:
            assert get(server.base_url + "/health", server.ca_file).status_code == 200


def test_a_missing_extra_says_how_to_install_it(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "trustme":
            raise ImportError("No module named 'trustme'")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'finsecure\[sandbox\]'"):
        sandbox.serve(tls=True)


@pytest.fixture
def connect_over(sandbox: Sandbox) -> Any:
    """A client of the sandbox's over HTTPS, that trusts a file."""
    clients: list[httpx.Client] = []

    def connect_over(base_url: str, ca_file: Path | None) -> finsecure.Client:
        clients.append(httpx.Client(verify=ssl.create_default_context(cafile=ca_file), trust_env=False))
        return finsecure.Client(sandbox.secret_key, base_url=base_url, http_client=clients[-1])

    yield connect_over
    for client in clients:
        client.close()
