"""Over HTTP all that Python can: `/sandbox/faults` and its like."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from finsecure.sandbox import Clock, Sandbox

CONFIRM = "payment_intents.confirm"


@pytest.fixture(params=["in process", "over HTTP"])
def control(request: pytest.FixtureRequest, sandbox: Sandbox, api: httpx.Client) -> Iterator[httpx.Client]:
    """The control routes, through both doors."""
    if request.param == "in process":
        yield api
        return
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    with sandbox.serve() as server, httpx.Client(base_url=server.base_url, headers=headers, trust_env=False) as client:
        yield client


def refused(answer: httpx.Response, status: int = 400) -> str:
    """The parameter that an answer refuses."""
    assert answer.status_code == status, answer.text
    param: str = answer.json()["error"]["param"]
    return param


class TestFaults:
    def test_the_same_words_as_json(self, sandbox: Sandbox, control: httpx.Client) -> None:
        words = {"operation": CONFIRM, "status": 503, "retry_after": 1, "times": 2}
        assert control.post("/sandbox/faults", json=words).json() == words
        assert control.get("/sandbox/faults").json() == {"object": "list", "data": [words]}
        assert control.post("/v1/payment_intents/pi_1/confirm", json={}).status_code == 503
        assert control.get("/sandbox/faults").json()["data"] == [words | {"times": 1}]
        assert control.delete("/sandbox/faults").json()["data"] == []
        assert sandbox.faults == []

    @pytest.mark.parametrize(
        "words",
        [
            {"answer": "lost"},
            {"status": 500, "executed": True},
            {"slow": 0.5, "share": 0.2, "seed": 7},
            {"status": 503, "retry_after": 0, "share": 0.2, "seed": 0},
            {"operation": None, "status": 500, "times": None},
        ],
    )
    def test_all_of_them(self, control: httpx.Client, words: dict[str, Any]) -> None:
        shown = {"operation": "*", **({} if "share" in words else {"times": 1})}
        given = {name: value for name, value in words.items() if value is not None}
        assert control.post("/sandbox/faults", json=words).json() == shown | given

    def test_a_wrong_word_is_named(self, control: httpx.Client) -> None:
        assert refused(control.post("/sandbox/faults", json={"status": "503"})) == "status"
        assert refused(control.post("/sandbox/faults", json={"status": 503, "after": 1})) == "after"
        assert refused(control.post("/sandbox/faults", json={"status": 503, "answer": "lost"})) == "answer"

    def test_a_fault_meets_the_api_and_not_the_controls(self, control: httpx.Client) -> None:
        control.post("/sandbox/faults", json={"status": 503})
        assert control.get("/sandbox/faults").status_code == 200
        assert control.get("/v1/customers").status_code == 503


class TestClock:
    def test_it_is_advanced_and_set_and_what_is_due_then_is_settled(
        self, sandbox: Sandbox, control: httpx.Client
    ) -> None:
        assert control.get("/sandbox/clock").json() == {"now": 1640995200.0, "frozen": True}
        answer = control.post("/sandbox/clock", json={"advance": 3600})
        assert (answer.status_code, answer.json()["now"]) == (200, 1640998800.0)
        assert control.post("/sandbox/clock", json={"set": 1641000000}).json()["now"] == 1641000000
        assert control.post("/sandbox/clock", json={"set": "2022-01-02T00:00:00Z"}).json()["now"] == 1641081600
        assert sandbox.clock.time() == 1641081600

    def test_a_bank_payment_settles_as_time_is_moved(self, control: httpx.Client) -> None:
        params = {"amount": 2000, "currency": "usd", "payment_method_types": ["ach"]}
        ident = control.post("/v1/payment_intents", json=params).json()["id"]
        account = {"routing_number": "110000000", "account_number": "000123456789"}
        method = {"type": "us_bank_account", "us_bank_account": account}
        control.post(f"/v1/payment_intents/{ident}/confirm", json={"payment_method": method})
        control.post("/sandbox/clock", json={"advance": 2})
        assert control.get(f"/v1/payment_intents/{ident}").json()["status"] == "succeeded"

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ({}, "advance"),
            ({"advance": 1, "set": 1}, "advance"),
            ({"advance": -1}, "advance"),
            ({"advance": "1"}, "advance"),
            ({"set": 0}, "set"),
            ({"set": "tomorrow"}, "set"),
            ({"set": True}, "set"),
            ({"set": 900_000_000_000}, "set"),
            ({"set": "900000000000"}, "set"),
            ({"forward": 1}, "forward"),
        ],
    )
    def test_a_wrong_move_is_named(self, sandbox: Sandbox, control: httpx.Client, given: Any, param: str) -> None:
        assert refused(control.post("/sandbox/clock", json=given)) == param
        assert sandbox.clock.time() == 1640995200

    def test_a_clock_that_runs_can_be_moved_forward_too(self, connect: Callable[[Sandbox], httpx.Client]) -> None:
        with Sandbox() as sandbox:
            before = sandbox.clock.time()
            answer = connect(sandbox).post("/sandbox/clock", json={"advance": 3600}).json()
            assert answer["frozen"] is False
            assert answer["now"] >= before + 3600


class TestEvents:
    def test_emit(self, control: httpx.Client) -> None:
        given = {"emit": "invoice.payment_failed", "overrides": {"amount_due": 500}}
        event = control.post("/sandbox/events", json=given).json()
        assert event["data"]["object"]["amount_due"] == 500
        assert control.get(f"/v1/events/{event['id']}").json() == event
        assert control.post("/sandbox/events", json={"emit": "customer.created"}).status_code == 200

    def test_trigger(self, control: httpx.Client) -> None:
        ident = control.post("/sandbox/events", json={"trigger": "payment_intent.requires_action"}).json()
        ident = ident["data"]["object"]["id"]
        given = {"trigger": "payment_intent.succeeded", "id": ident}
        assert control.post("/sandbox/events", json=given).json()["type"] == "payment_intent.succeeded"
        assert control.get(f"/v1/payment_intents/{ident}").json()["status"] == "succeeded"
        assert refused(control.post("/sandbox/events", json=given)) == "id"
        assert refused(control.post("/sandbox/events", json=given | {"id": "pi_none"}), 404) == "id"

    def test_resend_and_deliver(self, sandbox: Sandbox, control: httpx.Client) -> None:
        control.post("/v1/webhook_endpoints", json={"url": "https://shop.example/", "enabled_events": ["*"]})
        event = control.post("/sandbox/events", json={"trigger": "customer.created"}).json()
        (tried,) = control.post("/sandbox/deliveries", json={"delay": 60}).json()["data"]
        assert (tried["event"], tried["status"], tried["time"]) == (event["id"], None, 1640995260)
        control.post("/sandbox/events", json={"resend": event["id"]})
        assert len(control.post("/sandbox/deliveries", json={"duplicates": 2}).json()["data"]) == 2
        assert len(control.get("/sandbox/deliveries").json()["data"]) == len(sandbox.deliveries) == 3

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ({}, "emit"),
            ({"emit": "customer.created", "trigger": "customer.created"}, "emit"),
            ({"emit": "customer.paid"}, "emit"),
            ({"trigger": ""}, "trigger"),
            ({"emit": "customer.created", "id": "cus_1"}, "id"),
            ({"trigger": "customer.created", "overrides": {}}, "overrides"),
            ({"emit": "customer.created", "overrides": {"mail": "x"}}, "overrides.mail"),
            ({"emit": "customer.created", "overrides": 7}, "overrides"),
        ],
    )
    def test_what_is_wrong_is_named(self, control: httpx.Client, given: Any, param: str) -> None:
        assert refused(control.post("/sandbox/events", json=given)) == param

    def test_an_event_that_is_not_there_is_named(self, control: httpx.Client) -> None:
        assert refused(control.post("/sandbox/events", json={"resend": "evt_none"}), 404) == "resend"

    def test_a_wrong_way_to_deliver_is_named(self, control: httpx.Client) -> None:
        assert refused(control.post("/sandbox/deliveries", json={"duplicates": 0})) == "duplicates"


class TestRequests:
    def test_each_request_is_in_the_log_without_its_secrets(self, sandbox: Sandbox, control: httpx.Client) -> None:
        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "987"}
        body = {"type": "card", "card": card, "metadata": {"note": "4242 4242 4242 4242", "a": "b"}}
        for _ in range(2):
            control.post("/v1/payment_methods", json=body, headers={"Idempotency-Key": "order-1"})
        control.get("/v1/customers/4242424242424242")
        first, again, missing = control.get("/sandbox/requests").json()["data"]
        assert (first["operation"], first["status"], first["time"]) == ("payment_methods.create", 400, 1640995200)
        assert (first["idempotency_key"], first["replayed"], again["replayed"]) == ("order-1", False, True)
        assert 0 < first["duration"] < 30
        assert first["body"]["card"] == {"number": "[masked]", "exp_month": 12, "exp_year": 2030, "cvc": "[masked]"}
        assert first["body"]["metadata"] == {"note": "[number]", "a": "b"}
        assert (missing["operation"], missing["status"]) == ("customers.retrieve", 400)
        told = json.dumps([first, again, missing]) + repr(sandbox.requests)
        assert "4242" not in told
        assert '"987"' not in told  # as a value; ids and times may hold the digits
        assert sandbox.secret_key not in told

    def test_numbers_and_lists_are_masked_too(self, sandbox: Sandbox, control: httpx.Client) -> None:
        control.post("/v1/customers", json={"name": 4242424242424242, "list": ["4242424242424242", 7, 1.5, None]})
        (logged,) = sandbox.requests
        assert logged.body == {"name": "[number]", "list": ["[number]", 7, 1.5, None]}

    def test_what_is_no_json_no_operation_or_not_allowed_is_logged_as_well(
        self, sandbox: Sandbox, control: httpx.Client
    ) -> None:
        control.post("/v1/customers", content=b"{")
        control.get("/v1/nothing")
        control.get("/v1/customers", headers={"Authorization": "Bearer sk_test_wrong"})
        assert [(one.operation, one.status, one.body) for one in sandbox.requests] == [
            ("customers.create", 415, {}),
            (None, 404, {}),
            ("customers.list", 401, {}),
        ]

    @pytest.mark.parametrize(("answer", "status"), [("lost", None), ("stalled", None), ("garbled", 200)])
    def test_a_request_that_met_a_fault_is_marked(
        self, sandbox: Sandbox, control: httpx.Client, answer: Any, status: int | None
    ) -> None:
        sandbox.fail_next(answer=answer)
        with nullcontext() if status else pytest.raises(httpx.TransportError):
            control.get("/v1/customers", timeout=httpx.Timeout(10, read=0.3))
        (logged,) = sandbox.requests
        assert (logged.status, logged.fault, logged.method, logged.path) == (status, True, "GET", "/v1/customers")


class TestReset:
    def test_everything_is_forgotten_but_the_keys_and_the_time(
        self, control: httpx.Client, connect: Callable[[Sandbox], httpx.Client], sandbox: Sandbox
    ) -> None:
        control.post("/v1/customers", json={}, headers={"Idempotency-Key": "order-1"})
        control.post("/sandbox/faults", json={"status": 503, "operation": CONFIRM})
        control.post("/sandbox/clock", json={"advance": 60})
        assert control.post("/sandbox/reset").json() == {"now": 1640995260.0, "frozen": True}
        for path in ("/sandbox/faults", "/sandbox/requests", "/sandbox/deliveries", "/v1/customers", "/v1/events"):
            assert control.get(path).json()["data"] == []
        answer = control.post("/v1/customers", json={"name": "Ada"}, headers={"Idempotency-Key": "order-1"})
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)

    def test_the_allowance_of_the_rate_limit_is_whole_again(self, connect: Callable[[Sandbox], httpx.Client]) -> None:
        with Sandbox(clock=Clock(0), rate_limit=1) as sandbox:
            api = connect(sandbox)
            assert [api.get("/v1/customers").status_code for _ in range(2)] == [200, 429]
            sandbox.reset()
            assert api.get("/v1/customers").status_code == 200


class TestActions:
    def test_the_customer_authorises_a_payment_or_fails_to(self, control: httpx.Client) -> None:
        for given, status in (({}, "succeeded"), ({"succeed": False}, "requires_payment_method")):
            event = control.post("/sandbox/events", json={"trigger": "payment_intent.requires_action"}).json()
            ident = event["data"]["object"]["id"]
            answer = control.post(f"/sandbox/actions/{ident}", json=given)
            assert (answer.status_code, answer.json()["status"]) == (200, status)
            again = control.post(f"/sandbox/actions/{ident}", json=given)
            assert (again.status_code, again.json()["error"]["code"]) == (400, "unexpected_state")

    def test_what_is_wrong_is_told(self, control: httpx.Client) -> None:
        assert control.post("/sandbox/actions/pi_none").status_code == 404
        assert "'a/b'" in control.post("/sandbox/actions/a%2Fb").json()["error"]["message"]
        assert refused(control.post("/sandbox/actions/pi_none", json={"succeed": "yes"})) == "succeed"


class TestWhoMay:
    PATHS = ("faults", "clock", "events", "requests", "deliveries", "reset", "actions/pi_1")

    @pytest.mark.parametrize("path", PATHS)
    def test_only_the_secret_key(self, sandbox: Sandbox, control: httpx.Client, path: str) -> None:
        for key, status in ((sandbox.publishable_key, 403), ("sk_test_wrong", 401)):
            for method in ("GET", "POST"):
                answer = control.request(method, f"/sandbox/{path}", headers={"Authorization": f"Bearer {key}"})
                assert (answer.status_code, answer.json()["error"]["type"]) == (status, "authentication_error")

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Host": "evil.example"},
            {"Host": "localhost.evil.example"},
            {"Host": "127.0.0.1.evil.example:80"},
            {"Host": "a b"},
            {"Host": "localhost:port"},
            {"Host": "[::1"},
            {"Host": ""},
        ],
    )
    def test_no_page_of_another_origin_and_no_foreign_host(
        self, control: httpx.Client, path: str, headers: dict[str, str]
    ) -> None:
        answer = control.post(f"/sandbox/{path}", headers=headers)
        assert answer.status_code in (400, 403)
        if answer.status_code == 403:
            assert next(iter(headers)) in answer.json()["error"]["message"]
        else:  # no HTTP at all, says the server
            assert headers["Host"] == ""

    @pytest.mark.parametrize("host", ["localhost:8042", "127.0.0.1", "[::1]:80"])
    def test_names_of_this_machine_are_its_own(self, control: httpx.Client, host: str) -> None:
        assert control.get("/sandbox/clock", headers={"Host": host}).status_code == 200

    def test_a_page_of_its_own_origin_may(self, control: httpx.Client) -> None:
        headers = {"Origin": str(control.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        assert control.get("/sandbox/clock", headers=headers).status_code == 200


def test_what_is_not_there_or_not_understood_is_told(control: httpx.Client) -> None:
    assert control.get("/sandbox/nothing").status_code == 404
    assert control.get("/sandbox/actions/pi_1/more").status_code == 404
    answer = control.put("/sandbox/faults", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST, DELETE")
    assert control.post("/sandbox/clock", content=b'{"advance": 1}').status_code == 415
    assert control.post("/sandbox/clock", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert refused(control.get("/sandbox/requests?limit=1")) == "limit"
