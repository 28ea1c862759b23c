"""The sandbox's file: it is nobody else's, nobody else reads it, several processes share it, errors name it."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import finsecure
from finsecure.sandbox import Clock, Sandbox, _database

ROOT = Path(__file__).parents[2]
Connect = Callable[[Sandbox], httpx.Client]


def a_shop(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table shop_order (id integer primary key, paid integer)")
    connection.close()


def a_table_called_settings(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table settings (id integer primary key, theme text)")
    connection.close()


def another_application(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("pragma application_id = 1196444487")  # a GeoPackage
    connection.close()


def a_database_that_crashed(path: Path) -> None:
    """One with a write-ahead log that the next who opens it for writing would put into the file."""
    code = (
        "import os, sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "connection.execute('pragma journal_mode = wal'); connection.execute('create table t (x)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a shop's database": a_shop,
    "tables that have our names": a_table_called_settings,
    "another application's": another_application,
    "a write-ahead log": a_database_that_crashed,
    "notes": lambda path: path.write_text("not a database, and longer than SQLite's header: " * 3),
    "one byte": lambda path: path.write_bytes(b"x"),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_another_program_is_refused_by_name_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = tmp_path / "db.sqlite3"
    make(path)
    before = contents(tmp_path)
    with pytest.raises(finsecure.error.SandboxError, match="another program's") as caught:
        Sandbox(db=path)
    assert str(path) in str(caught.value)
    assert contents(tmp_path) == before


def test_tables_that_appear_while_the_file_is_claimed_are_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "db.sqlite3"

    def too_early(file: str) -> None:
        a_shop(Path(file))

    monkeypatch.setattr(_database, "_refuse_others", too_early)
    with pytest.raises(finsecure.error.SandboxError, match="another program's"):
        Sandbox(db=path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == [("shop_order",)]
    connection.close()


def test_whoever_comes_second_to_make_the_tables_leaves_them(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with Sandbox(db=path) as sandbox:
        sandbox._store._database._make(["create table settings (name text)"])
    with Sandbox(db=path) as again:
        assert again.secret_key == sandbox.secret_key


@pytest.mark.parametrize(
    ("name", "why"), [(".", "another program's"), ("pipe", "another program's"), ("no/folder.db", "No such file")]
)
def test_an_error_names_the_file_that_cannot_be_opened(tmp_path: Path, name: str, why: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(finsecure.error.SandboxError, match=why) as caught:
        Sandbox(db=tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("db", ["", 5, "a\0b"])
def test_what_is_no_path_is_refused(db: Any) -> None:
    with pytest.raises(ValueError, match="db must be"):
        Sandbox(db=db)


def test_memory_goes_by_the_name_that_sqlite_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Sandbox(db=":memory:").close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    Sandbox(db=path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(finsecure.error.SandboxError, match=r"version 99, and this one has version 2") as caught:
        Sandbox(db=path)
    assert str(path) in str(caught.value)


def as_version_1_made_it(path: Path) -> None:
    """Take a file of this version back to the indexes of the first one."""
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute(
            "select name from sqlite_master where sql like 'create index%' and tbl_name in ('objects', 'settling')"
        ).fetchall():
            connection.execute(f"drop index {name}")
        for name, column in (
            ("kind", ""),
            ("payment", "json_extract(body, '$.payment_intent'), "),
            ("customer", "json_extract(body, '$.customer'), "),
        ):
            connection.execute(f"create index objects_by_{name} on objects (object, {column}seq)")
        connection.execute("pragma user_version = 1")
    connection.close()


def schema(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("select name, sql from sqlite_master where sql is not null order by name").fetchall()
    connection.close()
    return rows


def test_a_file_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with Sandbox(db=path) as sandbox, sandbox.client() as client:
        customer = client.customers.create(email="ada@example.com")
        new = schema(path)
    as_version_1_made_it(path)
    assert schema(path) != new
    with Sandbox(db=path) as again, again.client() as client:
        assert again.secret_key == sandbox.secret_key
        assert client.customers.list(email="ada@example.com").data == [customer]
    assert schema(path) == new


def test_a_file_that_another_process_brings_up_to_date_first_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sandbox.db"
    Sandbox(db=path).close()
    new = schema(path)
    as_version_1_made_it(path)
    upgrade = _database.Database._upgrade

    def late(database: _database.Database, upgrades: Any) -> None:
        upgrade(database, upgrades)
        upgrade(database, upgrades)

    monkeypatch.setattr(_database.Database, "_upgrade", late)
    Sandbox(db=path).close()
    assert schema(path) == new


def test_a_file_whose_log_was_half_moved_into_it_is_mended(tmp_path: Path) -> None:
    """As a kill or a full disk leaves it: the header counts pages that are in the write-ahead log alone."""
    path, left = tmp_path / "sandbox.db", tmp_path / "left.db"
    with Sandbox(db=path) as sandbox, sandbox.client() as client:
        size = path.stat().st_size
        made = [client.customers.create(description="x" * 1000).id for _ in range(30)]
        sandbox._store._database._connection.execute("pragma wal_checkpoint(passive)")
        left.write_bytes(path.read_bytes()[:size])
        Path(f"{left}-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    with Sandbox(db=left) as mended, mended.client() as client:
        assert [customer.id for customer in client.customers.list(limit=100)] == made[::-1]
        assert mended.secret_key == sandbox.secret_key


def test_a_file_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    Sandbox(db=path).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma application_id").fetchone() == (0x46696E53,)
        assert connection.execute("pragma user_version").fetchone() == (2,)
    connection.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
@pytest.mark.parametrize("there", [False, True], ids=["new", "made for all to read"])
def test_only_its_owner_reads_it(tmp_path: Path, connect: Connect, *, there: bool) -> None:
    path = tmp_path / "sandbox.db"
    if there:
        path.touch(0o644)
    with Sandbox(db=path) as sandbox:
        connect(sandbox).post("/v1/customers", json={})
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"sandbox.db": 0o600, "sandbox.db-wal": 0o600, "sandbox.db-shm": 0o600}


SHARE = """
import sys
from finsecure.sandbox import Sandbox
with Sandbox(db=sys.argv[1]) as sandbox, sandbox.client() as client:
    for _ in range(20):
        print(sandbox.secret_key, client.customers.create().id, flush=True)
"""


def test_processes_that_make_and_use_a_file_at_once_share_it(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    command = [sys.executable, "-c", SHARE, str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    lines = [line.split() for text in printed for line in text.splitlines()]
    assert len({key for key, _ in lines}) == 1
    with Sandbox(db=path) as sandbox, sandbox.client() as client:
        assert {customer.id for customer in client.customers.list(limit=100)} == {ident for _, ident in lines}
    assert len(lines) == 60


class TestErrors:
    """What SQLite says becomes our error, with the file's name, and leaves the sandbox usable."""

    def test_a_file_that_another_process_locks_is_waited_for(self, tmp_path: Path) -> None:
        path = tmp_path / "sandbox.db"
        with Sandbox(db=path) as sandbox, sandbox.client() as client:
            other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            other.execute("begin immediate")
            timer = threading.Timer(0.05, other.execute, ["rollback"])
            timer.start()
            assert client.customers.create().id
            timer.join()
            other.close()

    def test_a_file_that_stays_locked_is_reported(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_database, "_LOCKED_TRIES", 3)
        path = tmp_path / "sandbox.db"
        with Sandbox(db=path, clock=Clock(0)) as sandbox, sandbox.client() as client:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("begin immediate")
            with pytest.raises(finsecure.APIError, match="database is locked") as caught:
                client.customers.create()
            assert str(path) in caught.value.message
            assert caught.value.http_status == 503
            with pytest.raises(finsecure.error.SandboxError, match="database is locked"):
                sandbox.emit("invoice.payment_failed")
            other.close()
            assert client.customers.create().id

    def test_a_full_disk_loses_nothing_that_was_acknowledged(self, tmp_path: Path) -> None:
        path = tmp_path / "sandbox.db"
        with Sandbox(db=path, clock=Clock(0)) as sandbox, sandbox.client(max_retries=0) as client:
            connection = sandbox._store._database._connection
            (pages,) = connection.execute("pragma page_count").fetchone()
            connection.execute(f"pragma max_page_count = {pages + 2}")
            made: list[str] = []

            def fill() -> None:
                while True:
                    made.append(client.customers.create(description="x" * 900).id)

            with pytest.raises(finsecure.APIError, match="full") as caught:
                fill()
            assert str(path) in caught.value.message
            connection.execute("pragma max_page_count = 100000")
            made.append(client.customers.create().id)
            assert [customer.id for customer in client.customers.list(limit=100)] == made[::-1]

    def test_a_commit_that_fails_is_undone(self, tmp_path: Path) -> None:
        class Connection:
            """One whose commits fail."""

            def __init__(self, real: sqlite3.Connection) -> None:
                self.real = real

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

            def execute(self, sql: str, values: Any = ()) -> Any:
                if sql == "commit":
                    raise sqlite3.OperationalError("disk I/O error")
                return self.real.execute(sql, values)

        with Sandbox(db=tmp_path / "sandbox.db") as sandbox, sandbox.client(max_retries=0) as client:
            database: Any = sandbox._store._database
            real = database._connection
            database._connection = Connection(real)
            with pytest.raises(finsecure.APIError, match="disk I/O error"):
                client.customers.create()
            database._connection = real
            assert client.customers.list().data == []

    def test_a_damaged_file_is_reported(self, tmp_path: Path) -> None:
        path = tmp_path / "sandbox.db"
        Sandbox(db=path).close()
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 4000)
        with pytest.raises(finsecure.error.SandboxError, match="malformed") as caught:
            Sandbox(db=path)
        assert str(path) in str(caught.value)


class TestDeleted:
    """What is deleted is gone from the file, not only hidden."""

    def test_an_object(self, tmp_path: Path) -> None:
        with Sandbox(db=tmp_path / "sandbox.db") as sandbox, sandbox.client() as client:
            headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
            with httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, headers=headers) as api:
                body = {"url": "https://shop.example/a-secret-path", "enabled_events": ["*"]}
                endpoint = api.post("/v1/webhook_endpoints", json=body).json()["id"]
            assert b"a-secret-path" in everything(tmp_path)
            client.webhook_endpoints.delete(endpoint)
            assert b"a-secret-path" not in everything(tmp_path)

    def test_an_answer_whose_idempotency_key_is_forgotten(self, tmp_path: Path, connect: Connect) -> None:
        clock = Clock(0)
        with Sandbox(db=tmp_path / "sandbox.db", clock=clock) as sandbox:
            api = connect(sandbox)
            body = {"amount": 2000, "currency": "usd", "description": "a-secret-order"}
            intent = api.post("/v1/payment_intents", json=body, headers={"Idempotency-Key": "order_1"}).json()["id"]
            api.put(f"/v1/payment_intents/{intent}", json={"description": None})
            assert b"a-secret-order" in everything(tmp_path)
            clock.advance(25 * 3600)
            api.post("/v1/customers", json={}, headers={"Idempotency-Key": "order_2"})
            assert b"a-secret-order" not in everything(tmp_path)

    def test_all_of_it_after_a_reset(self, tmp_path: Path) -> None:
        with Sandbox(db=tmp_path / "sandbox.db") as sandbox, sandbox.client() as client:
            for number in range(50):
                client.customers.create(name="Ada Lovelace", description=f"{number}" * 400)
            assert b"Lovelace" in everything(tmp_path)
            sandbox.reset()
            assert b"Lovelace" not in everything(tmp_path)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


NUMBER = "4242424242424242"
NUMBERS = {
    "plain": NUMBER,
    "in a sentence": f"paid with {NUMBER}.",
    "in groups": "4242 4242 4242 4242",
    "with dashes": "5555-5555-5555-4444",
    "with dots": "4242.4242.4242.4242",
    "a real brand's": "378282246310005",
    "in wide digits": "\uff14\uff12" * 8,
    "in Arabic digits": "\u0664\u0662" * 8,
}
INTENT = {"amount": 2000, "currency": "usd"}
CARD = {"number": NUMBER, "exp_month": 12, "exp_year": 2030}
DOORS: dict[str, Callable[[str], tuple[str, str, object]]] = {
    "description": lambda number: ("POST", "/v1/payment_intents", {**INTENT, "description": number}),
    "metadata.note": lambda number: ("POST", "/v1/payment_intents", {**INTENT, "metadata": {"note": number}}),
    "metadata": lambda number: ("POST", "/v1/customers", {"metadata": {number: "x"}}),
    "metadata.number": lambda number: ("POST", "/v1/customers", {"metadata": {"number": number}}),
    "metadata.card.number": lambda number: ("POST", "/v1/customers", {"metadata": {"card.number": number}}),
    "name": lambda number: ("POST", "/v1/customers", {"name": number}),
    "phone": lambda number: ("POST", "/v1/customers", {"phone": number}),
    "invoice_settings.custom_fields.value": lambda number: (
        "POST",
        "/v1/customers",
        {"invoice_settings": {"custom_fields": [{"name": "x", "value": number}]}},
    ),
    "billing_details.address.line1": lambda number: (
        "POST",
        "/v1/payment_methods",
        {"type": "card", "card": CARD, "billing_details": {"address": {"line1": number}}},
    ),
    "return_url": lambda number: (
        "POST",
        "/v1/payment_intents/pi_1/confirm",
        {"payment_method": "pm_1", "return_url": f"https://shop.example/?n={number}"},
    ),
    "payment_method": lambda number: ("POST", "/v1/payment_intents/pi_1/confirm", {"payment_method": number}),
    "overrides.description": lambda number: (
        "POST",
        "/sandbox/events",
        {"emit": "invoice.payment_failed", "overrides": {"description": number}},
    ),
}


class TestCardNumbers:
    """A card number is accepted as the `card.number` of a payment method, and nowhere else."""

    @pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
    @pytest.mark.parametrize("param", DOORS)
    def test_they_are_refused_by_the_name_of_the_parameter(
        self, sandbox: Sandbox, api: httpx.Client, param: str, number: str
    ) -> None:
        method, path, body = DOORS[param](number)
        answer = api.request(method, path, json=body, headers={"Idempotency-Key": "order_1"})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param
        assert "card number" in answer.json()["error"]["message"]
        assert number not in answer.text
        assert number not in repr(sandbox.requests)
        assert api.get("/v1/customers").json()["data"] == api.get("/v1/payment_intents").json()["data"] == []

    @pytest.mark.parametrize("number", [NUMBER, "4242-4242-4242-4242"])
    def test_so_are_those_in_paths_queries_and_keys(self, sandbox: Sandbox, api: httpx.Client, number: str) -> None:
        answers = [
            api.get(f"/v1/customers/{number}"),
            api.get(f"/v1/customers/cus_{number}"),
            api.post(f"/v1/payment_intents/{number}/cancel", headers={"Idempotency-Key": "order_1"}),
            api.get("/v1/customers", params={"email": f"{number}@shop.example"}),
            api.post("/v1/customers", headers={"Idempotency-Key": f"order-{number}"}),
            api.post(f"/sandbox/actions/{number}"),
        ]
        for answer in answers:
            assert answer.status_code == 400
            assert "card number" in answer.json()["error"]["message"]
            assert number not in answer.text
        assert number not in repr(sandbox.requests)

    def test_so_are_those_in_events_that_are_made_up(self, sandbox: Sandbox) -> None:
        for value in (NUMBER, int(NUMBER), [NUMBER]):
            with pytest.raises(ValueError, match=r"overrides\.metadata\.note holds a card number"):
                sandbox.emit("invoice.payment_failed", {"metadata.note": value})

    def test_a_phone_number_with_its_country_is_none(self, api: httpx.Client) -> None:
        phone = "+4222222222222"  # the digits of a Visa of 13 digits
        assert api.post("/v1/customers", json={"phone": phone}).json()["phone"] == phone
        assert api.post("/v1/customers", json={"phone": phone[1:]}).status_code == 400

    def test_digits_that_are_none_are_accepted(self, api: httpx.Client) -> None:
        metadata = {"order": "4242424242424243", "id": f"x{NUMBER}"}
        assert api.post("/v1/customers", json={"metadata": metadata}).json()["metadata"] == metadata
