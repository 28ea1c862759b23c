"""Failing on purpose: the same through every door, for clients of this package and any other."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
import uvicorn

import finsecure
from finsecure.sandbox import Sandbox, _connection
from finsecure.sandbox._connection import Connection
from finsecure.sandbox._http import Response

if TYPE_CHECKING:
    from tests.conftest import Door

CREATE = "payment_intents.create"
PAYMENT = {"amount": 2000, "currency": "usd"}

Call = Callable[..., httpx.Response]


def _in_process(sandbox: Sandbox) -> httpx.Client:
    return httpx.Client(transport=sandbox.transport, base_url=sandbox.base_url, trust_env=False)


@pytest.fixture(params=["in process", "in process, async", "over HTTP", "over HTTP, async", "an ASGI application"])
def call(request: pytest.FixtureRequest, sandbox: Sandbox) -> Call:
    """Send one request with the secret key, through each door."""
    how: str = request.param
    server = sandbox.serve() if "HTTP" in how else None
    base_url = server.base_url if server else sandbox.base_url

    def send(method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sandbox.secret_key}", **options.pop("headers", {})}

        async def main() -> httpx.Response:
            app = httpx.ASGITransport(sandbox.app)
            transport = None if server else app if "ASGI" in how else sandbox.transport
            async with httpx.AsyncClient(transport=transport, base_url=base_url, trust_env=False) as client:
                return await client.request(method, path, headers=headers, **options)

        if "async" in how or "ASGI" in how:
            return anyio.run(main)
        transport = None if server else sandbox.transport
        with httpx.Client(transport=transport, base_url=base_url, trust_env=False) as client:
            return client.request(method, path, headers=headers, **options)

    return send


def create(call: Call, **options: Any) -> httpx.Response:
    return call("POST", "/v1/payment_intents", json=PAYMENT, **options)


def payments(sandbox: Sandbox) -> int:
    """How many PaymentIntents there are."""
    return len(list(sandbox.client().payment_intents.list()))


class TestStatus:
    def test_the_next_request_is_answered_with_the_status_and_not_carried_out(
        self, sandbox: Sandbox, call: Call
    ) -> None:
        sandbox.fail_next(CREATE, status=503, retry_after=7)
        answer = create(call)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
        assert answer.json()["error"]["type"] == "api_error"
        assert answer.headers["Request-Id"].startswith("req_")
        assert payments(sandbox) == 0
        assert create(call).status_code == 200

    def test_executed_does_the_work_and_keeps_its_own_answer_under_the_key(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, status=502, executed=True, times=2)
        headers = {"Idempotency-Key": "order-1"}
        assert [create(call, headers=headers).status_code for _ in range(2)] == [502, 502]
        replayed = create(call, headers=headers)
        assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (200, "true")
        assert payments(sandbox) == 1

    def test_what_is_not_executed_is_kept_under_no_key(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, status=402)
        headers = {"Idempotency-Key": "order-1"}
        assert create(call, headers=headers).json()["error"]["decline_code"] == "generic_decline"
        assert create(call, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("status", "raised"),
        [
            (400, finsecure.InvalidRequestError),
            (401, finsecure.AuthenticationError),
            (402, finsecure.CardError),
            (403, finsecure.AuthenticationError),
            (404, finsecure.InvalidRequestError),
            (409, finsecure.error.IdempotencyError),
            (429, finsecure.RateLimitError),
            (500, finsecure.APIError),
            (599, finsecure.APIError),
        ],
    )
    def test_each_status_has_the_error_that_the_contract_gives_it(
        self, sandbox: Sandbox, status: int, raised: type[finsecure.FinSecureError]
    ) -> None:
        sandbox.fail_next(status=status)
        with pytest.raises(raised) as caught:
            sandbox.client(max_retries=0).payment_intents.create(amount=2000, currency="usd")
        assert caught.value.http_status == status


class TestAnswers:
    @pytest.mark.parametrize(("answer", "carried_out"), [("lost", 1), ("dropped", 0)])
    def test_the_connection_closes(self, sandbox: Sandbox, call: Call, answer: Any, carried_out: int) -> None:
        sandbox.fail_next(CREATE, answer=answer)
        with pytest.raises(httpx.RemoteProtocolError):
            create(call)
        assert payments(sandbox) == carried_out
        assert create(call).status_code == 200

    def test_a_stalled_answer_never_comes(self, sandbox: Sandbox, call: Call, request: pytest.FixtureRequest) -> None:
        if "ASGI" in request.node.name:
            pytest.skip("httpx's ASGITransport knows no timeout")
        sandbox.fail_next(CREATE, answer="stalled")
        with pytest.raises(httpx.ReadTimeout):
            create(call, timeout=httpx.Timeout(10, read=0.3))
        assert payments(sandbox) == 1

    def test_a_truncated_answer_breaks_off_in_the_middle(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, answer="truncated")
        with pytest.raises(httpx.RemoteProtocolError):
            create(call)
        assert payments(sandbox) == 1

    def test_a_garbled_answer_is_html_with_status_200(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, answer="garbled")
        answer = create(call)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert answer.text.startswith("<!doctype html>")
        assert payments(sandbox) == 1

    @pytest.mark.parametrize("words", [{}, {"status": 500}, {"answer": "lost"}, {"answer": "truncated"}])
    def test_a_slow_answer_comes_too_late(
        self, sandbox: Sandbox, call: Call, request: pytest.FixtureRequest, words: dict[str, Any]
    ) -> None:
        if "ASGI" in request.node.name:
            pytest.skip("httpx's ASGITransport knows no timeout")
        sandbox.fail_next(CREATE, slow=30.0, **words)
        with pytest.raises(httpx.ReadTimeout):
            create(call, timeout=httpx.Timeout(10, read=0.3))
        assert payments(sandbox) == (0 if "status" in words else 1)

    def test_or_in_time(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, slow=0.01)
        sandbox.fail_next(CREATE, slow=0.01, status=500)
        assert [create(call, timeout=10).status_code for _ in range(3)] == [200, 500, 200]

    @pytest.mark.parametrize("answer", ["lost", "truncated"])
    def test_a_slow_answer_can_be_lost_or_cut_short_as_well(self, sandbox: Sandbox, call: Call, answer: Any) -> None:
        sandbox.fail_next(CREATE, slow=0.01, answer=answer)
        with pytest.raises(httpx.RemoteProtocolError):
            create(call, timeout=10)

    def test_waits_in_process_move_a_clock_that_stands_still_and_are_no_sleeps_of_the_client(
        self, sandbox: Sandbox
    ) -> None:
        before = sandbox.clock.time()
        sandbox.fail_next(slow=2.5)
        sandbox.client().customers.list()
        assert sandbox.clock.time() == before + 2.5
        assert sandbox.clock.sleeps == []

    def test_waits_in_process_take_their_time_where_the_clock_runs(self) -> None:
        with Sandbox() as sandbox:
            began = time.monotonic()
            for _ in range(2):
                sandbox.fail_next(slow=0.02)
            sandbox.client().customers.list()
            anyio.run(sandbox.async_client().customers.list)
            assert time.monotonic() - began >= 0.04

    def test_in_process_a_caller_without_a_timeout_is_not_stalled_for_ever(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(answer="stalled")
        with _in_process(sandbox) as client, pytest.raises(httpx.ReadTimeout):
            client.get("/v1/customers", headers={"Authorization": f"Bearer {sandbox.secret_key}"}, timeout=None)


class TestWhom:
    def test_a_fault_hits_an_operation_as_many_times_as_given(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, status=500, times=2)
        assert call("GET", "/v1/payment_intents").status_code == 200
        assert [create(call).status_code for _ in range(3)] == [500, 500, 200]

    def test_a_star_meets_any_request_even_one_that_names_no_operation(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(status=500, times=2)
        assert call("GET", "/v1/nothing").status_code == 500
        assert call("GET", "/v1/charges").status_code == 500
        assert call("GET", "/v1/charges").status_code == 200

    def test_a_request_without_a_key_neither_fails_nor_counts(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(status=500)
        with _in_process(sandbox) as client:
            assert client.get("/v1/customers").status_code == 401
        assert len(sandbox.faults) == 1

    def test_what_was_asked_for_first_comes_first(self, sandbox: Sandbox, call: Call) -> None:
        sandbox.fail_next(CREATE, status=500)
        sandbox.fail_next("*", status=501)
        sandbox.fail_next(CREATE, status=502)
        assert [create(call).status_code for _ in range(4)] == [500, 501, 502, 200]

    def test_a_share_is_chosen_by_its_seed_and_holds_until_it_is_cleared(self, sandbox: Sandbox) -> None:
        def statuses() -> list[int]:
            sandbox.clear_faults()
            sandbox.fail_next(share=0.2, seed=7, status=500)
            with _in_process(sandbox) as client:
                client.headers["Authorization"] = f"Bearer {sandbox.secret_key}"
                return [client.get("/v1/customers").status_code for _ in range(200)]

        first = statuses()
        assert first == statuses()
        assert 20 <= first.count(500) <= 60
        sandbox.clear_faults()
        assert sandbox.client().customers.list().data == []

    def test_a_share_that_goes_by_leaves_the_request_to_the_next_fault(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(share=1e-9, seed=7, status=500)
        sandbox.fail_next(status=502)
        with pytest.raises(finsecure.APIError) as caught:
            sandbox.client(max_retries=0).customers.list()
        assert caught.value.http_status == 502

    def test_numbers_may_be_members_of_an_enumeration(self, sandbox: Sandbox) -> None:
        fault = sandbox.fail_next(status=HTTPStatus.BAD_GATEWAY)
        assert type(fault.status) is int
        with pytest.raises(finsecure.APIError) as caught:
            sandbox.client(max_retries=0).customers.list()
        assert caught.value.http_status == 502

    def test_faults_that_wait_are_listed(self, sandbox: Sandbox, call: Call) -> None:
        fault = sandbox.fail_next(CREATE, status=503, retry_after=1, times=2)
        assert sandbox.faults == [fault]
        create(call)
        (left,) = sandbox.faults
        assert (left.operation, left.status, left.retry_after, left.times) == (CREATE, 503, 1, 1)
        create(call)
        assert sandbox.faults == []


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({"operation": "payment_intents.pay", "status": 500}, "operation must be one of"),
        ({"operation": None, "status": 500, "times": 0}, "times must be an integer from 1"),
        ({"status": 200}, "status must be an integer from 400 to 599"),
        ({"status": "503"}, "status must be"),
        ({"status": 503, "retry_after": -1}, "retry_after must be"),
        ({"status": 503, "executed": 1}, "executed must be true or false"),
        ({"answer": "gone"}, "answer must be one of lost, dropped, stalled, truncated, garbled"),
        ({"slow": "2"}, "slow must be a number of seconds"),
        ({"slow": float("nan")}, "slow must be"),
        ({"slow": -1}, "slow must be"),
        ({"status": 500, "share": 0}, "share must be a number above 0"),
        ({"status": 500, "share": True}, "share must be"),
        ({"status": 500, "share": 0.5, "seed": 1.5}, "seed must be an integer"),
        ({}, "status, or answer, or slow"),
        ({"status": 500, "answer": "lost"}, "answer cannot be used together with status"),
        ({"answer": "lost", "retry_after": 1}, "retry_after needs status"),
        ({"answer": "dropped", "executed": True}, "executed cannot be used together with answer dropped"),
        ({"status": 500, "share": 0.5, "times": 2}, "times cannot be used together with share"),
        ({"status": 500, "seed": 7}, "seed needs share"),
    ],
)
def test_a_wrong_word_is_named(sandbox: Sandbox, words: dict[str, Any], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        sandbox.fail_next(**words)
    assert sandbox.faults == []


class TestClientsOfThisPackage:
    """What a merchant rehearses: the same four lines through every door of the client."""

    @pytest.mark.parametrize(
        "words",
        [
            *({"answer": answer} for answer in ("lost", "dropped", "truncated", "garbled")),
            {"status": 502, "executed": True, "times": 2},
            {"status": 503, "retry_after": 1},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("over_http", [False, True])
    def test_whatever_becomes_of_the_answer_the_customer_is_charged_once(
        self,
        sandbox: Sandbox,
        door: Door,
        open_door: Callable[..., Door],
        words: dict[str, Any],
        over_http: bool,
    ) -> None:
        if over_http:
            server = sandbox.serve()
            door = open_door(sandbox.secret_key, base_url=server.base_url, clock=sandbox.clock)
        intent = door.call(lambda api: api.payment_intents.create(amount=2000, currency="usd"))
        sandbox.fail_next("payment_intents.confirm", **words)
        paid = door.call(lambda api: api.payment_intents.confirm(intent.id, payment_method=CARD))
        assert paid.status == "succeeded"
        assert len(sandbox.client().charges.list(payment_intent=intent.id).data) == 1
        door.close()

    def test_retry_after_is_waited_for(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("payment_intents.create", status=503, retry_after=1, times=2)
        sandbox.client().payment_intents.create(amount=2000, currency="usd")
        assert sandbox.clock.sleeps == [1.0, 1.0]

    def test_an_error_says_that_it_may_have_been_executed(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("payment_intents.create", answer="stalled")
        with pytest.raises(finsecure.APITimeoutError) as caught:
            sandbox.client(max_retries=0, timeout=1).payment_intents.create(amount=2000, currency="usd")
        assert caught.value.maybe_executed
        assert payments(sandbox) == 1


CARD: finsecure.InlinePaymentMethod = {
    "type": "card",
    "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"},
}


class TestServers:
    """Faults and the life of a server."""

    @pytest.mark.parametrize("words", [{"answer": "stalled"}, {"slow": 60.0}])
    def test_a_server_stops_at_once_though_an_answer_is_held_back(self, sandbox: Sandbox, words: Any) -> None:
        server = sandbox.serve()
        sandbox.fail_next(**words)
        ended: list[BaseException] = []

        def ask() -> None:
            headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
            try:
                httpx.get(f"{server.base_url}/v1/customers", headers=headers, trust_env=False, timeout=60)
            except httpx.HTTPError as error:
                ended.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not sandbox.requests:
            time.sleep(0.001)
        began = time.monotonic()
        server.close()
        asking.join()
        assert time.monotonic() - began < 20  # the answer is held back for longer
        assert [type(error) for error in ended] == [httpx.RemoteProtocolError]

    def test_one_that_is_about_to_be_held_back_then_is_not(self) -> None:
        closed: list[bool] = []
        connection = Connection(lambda: closed.append(True))
        connection.stop()
        assert closed == []

        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"} if closed else {"type": "http.request"}

        async def main() -> None:
            scope: Any = {"state": {_connection._STATE: connection}}
            nothing: Any = None
            await _connection.send_spoiled(Response(200, {}, b"", ending="stalled"), scope, receive, nothing)

        anyio.run(main)
        assert closed == [True]

    def test_closing_a_connection_on_purpose_logs_nothing(
        self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        with sandbox.serve() as server, httpx.Client(base_url=server.base_url, trust_env=False) as client:
            client.headers["Authorization"] = f"Bearer {sandbox.secret_key}"
            for answer in ("lost", "dropped", "truncated"):
                sandbox.fail_next(answer=answer)
                with pytest.raises(httpx.RemoteProtocolError):
                    client.get("/v1/customers")
            assert client.get("/v1/customers").status_code == 200
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ("lost", httpx.RemoteProtocolError),
            ("dropped", httpx.RemoteProtocolError),
            ("truncated", httpx.RemoteProtocolError),
            ("stalled", httpx.ReadTimeout),
        ],
    )
    def test_an_application_under_a_server_of_ones_own_fails_too(
        self, sandbox: Sandbox, answer: Any, error: type[Exception]
    ) -> None:
        config = uvicorn.Config(sandbox.app, log_config=None, ws="none", lifespan="off", timeout_graceful_shutdown=0)
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            sandbox.fail_next(answer=answer)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/customers"
            with pytest.raises(error):
                httpx.get(
                    url,
                    headers={"Authorization": f"Bearer {sandbox.secret_key}"},
                    trust_env=False,
                    timeout=httpx.Timeout(10, read=0.3),
                )
            server.should_exit = True
            thread.join()
