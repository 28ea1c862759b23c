"""The program's own exceptions leave a call at once and unchanged, with its key; the HTTP stack's never leave."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest

import finsecure

from ..conftest import KEY
from .conftest import Serve
from .doors import Quick
from .server import FaultServer, Visit, always, answers, reset_after, silence

DECLINE = b'{"error": {"type": "card_error", "code": "card_declined", "message": "No."}}'
CARD = "4242424242424242"


class JobTooLong(Exception):  # noqa: N818 - as Celery's and RQ's are named
    """What a task queue raises."""


class JobTimeout(TimeoutError):  # noqa: N818 - as above
    """One that looks like the network's."""


class OutOfOrder(ConnectionError):  # noqa: N818 - as above
    """Another one."""


class _Object:
    def __init__(self, raised: BaseException) -> None:
        self.raised = raised

    def method(self, *_: object) -> None:
        raise self.raised

    def __call__(self, *_: object) -> None:
        raise self.raised


def _function(raised: BaseException) -> Any:
    def handler(signum: int, frame: object) -> None:
        del signum, frame
        raise raised

    return handler


def _once(raised: BaseException) -> Any:
    def handler(*_: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        raise raised

    return handler


def _raise(raised: BaseException, *_: object) -> None:
    raise raised


def _partial(raised: BaseException) -> Any:
    return functools.partial(_raise, raised)


HANDLERS: dict[str, Callable[[BaseException], Any]] = {
    "function": _function,
    "method": lambda raised: _Object(raised).method,
    "object": _Object,
    "partial": _partial,
    "one that puts another in its place": _once,
}


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """Have a handler run when the time is up."""
    before = signal.getsignal(signal.SIGALRM)

    def alarm(handler: Any) -> None:
        signal.signal(signal.SIGALRM, handler)

    yield alarm
    signal.signal(signal.SIGALRM, before)


def strike() -> None:
    """The time is up: interrupt the main thread, which waits."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGALRM)


def too_late(visit: Visit) -> None:
    """A server that is silent for longer than the program has time."""
    strike()
    visit.pause(30)


@pytest.fixture(params=["default", "http_client", "module"])
def pay(request: pytest.FixtureRequest, transport: str) -> Iterator[Callable[..., Any]]:
    """Make a payment at a sync door, in the main thread, where signals are handled."""
    with httpx.Client() as http_client:

        def pay(server: FaultServer, **options: Any) -> Any:
            given: dict[str, Any] = {"base_url": server.url, "timeout": 25, **options}
            given |= {"http_client": http_client} if request.param == "http_client" else {"transport": transport}
            params: dict[str, Any] = {"amount": 1, "currency": "usd", "idempotency_key": "order-1"}
            params["metadata"] = {"order": "1"}
            if request.param == "module":
                finsecure.configure(api_key=KEY, **given)
                return finsecure.PaymentIntent.create(**params)
            with finsecure.Client(KEY, **given) as client:
                return client.payment_intents.create(**params)

        yield pay
    finsecure.api_key = None
    finsecure.configure()


def notes(exc: BaseException) -> str:
    """What was noted on an exception; the log says the same, also on Python 3.10."""
    return "\n".join(getattr(exc, "__notes__", ())) if sys.version_info >= (3, 11) else ""


def check_noted(exc: BaseException, caplog: pytest.LogCaptureFixture, *said: str) -> None:
    """The note and the log both say it."""
    for text in (notes(exc), caplog.text) if sys.version_info >= (3, 11) else (caplog.text,):
        for one in said:
            assert one in text


# Signal handlers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [JobTooLong, TimeoutError, JobTimeout, OutOfOrder, KeyboardInterrupt])
def test_what_a_signal_handler_raises_leaves_the_call_at_once(
    serve: Serve,
    pay: Callable[..., Any],
    alarm: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    kind: type[BaseException],
) -> None:
    """A time limit of the program's is neither swallowed nor retried, and does not take the key with it."""
    raised = kind()
    server = serve(always(too_late))
    alarm(_function(raised))
    began = time.monotonic()
    with pytest.raises(type(raised)) as caught:
        pay(server)
    assert caught.value is raised
    assert raised.__cause__ is None
    assert raised.__context__ is None
    assert time.monotonic() - began < 10  # not the timeout
    assert server.ledger.arrived == 1
    check_noted(raised, caplog, "POST /v1/payment_intents", "idempotency_key='order-1'", "maybe_executed=True")


@pytest.mark.parametrize("kind", HANDLERS)
def test_every_kind_of_handler_is_known(
    serve: Serve, pay: Callable[..., Any], alarm: Callable[..., None], kind: str
) -> None:
    """Whatever can be called can be a signal handler."""
    raised = JobTimeout()
    alarm(HANDLERS[kind](raised))
    with pytest.raises(JobTimeout) as caught:
        pay(serve(always(too_late)))
    assert caught.value is raised


@pytest.mark.parametrize("door", ["sync", "http_client", "async", "async http_client"])
def test_a_time_limit_that_strikes_while_the_request_is_written(
    serve: Serve, alarm: Callable[..., None], monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """httpcore takes a failed write for a server that hung up, and would wait for its answer."""
    raised = OutOfOrder()
    alarm(_function(raised))
    send = socket.socket.send

    def struck(sock: socket.socket, data: bytes, *flags: int) -> int:
        if threading.current_thread() is threading.main_thread() and b"payment_intents" in data:
            strike()
        return send(sock, data, *flags)

    server = serve(always(silence))
    options: Any = {"base_url": server.url, "timeout": 25}

    async def main() -> None:
        async with contextlib.AsyncExitStack() as opened:
            if "http_client" in door:
                options["http_client"] = await opened.enter_async_context(httpx.AsyncClient())
            client = await opened.enter_async_context(finsecure.AsyncClient(KEY, **options))
            await client.payment_intents.create(amount=1, currency="usd")

    def pay() -> None:
        with httpx.Client() as http_client:
            ready: dict[str, Any] = {"http_client": http_client} if door == "http_client" else {}
            with finsecure.Client(KEY, **options, **ready) as client:
                client.payment_intents.create(amount=1, currency="usd")

    monkeypatch.setattr(socket.socket, "send", struck)
    began = time.monotonic()
    with pytest.raises(OutOfOrder) as caught:
        asyncio.run(main()) if "async" in door else pay()
    assert caught.value is raised
    assert time.monotonic() - began < 10  # not the timeout


def test_a_time_limit_in_a_later_attempt_leaves_at_once_too(
    serve: Serve, pay: Callable[..., Any], alarm: Callable[..., None]
) -> None:
    """The retry that is under way is the last."""
    server = serve([reset_after, too_late])
    alarm(_function(JobTimeout()))
    with pytest.raises(JobTimeout):
        pay(server, clock=Quick(), max_retries=5)
    assert server.ledger.arrived == 2


def test_a_time_limit_ends_a_name_lookup(
    alarm: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It leaves at once, and nothing was carried out."""
    released = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        strike()
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    alarm(_function(JobTimeout()))
    began = time.monotonic()
    with finsecure.Client(KEY, base_url="https://api.example.invalid") as client, pytest.raises(JobTimeout):
        client.payment_intents.create(amount=1, currency="usd")
    released.set()
    assert time.monotonic() - began < 10  # not the lookup, which takes 30 seconds
    assert "maybe_executed=False" in caplog.text


def test_a_call_made_while_an_exception_is_handled_fails_by_itself(
    serve: Serve, pay: Callable[..., Any], alarm: Callable[..., None]
) -> None:
    """Cancelling after a time limit, where the network fails as well, is told of the network."""
    server = serve(always(too_late))
    gone = serve()
    gone.close()
    alarm(_function(JobTimeout()))
    try:
        pay(server)
    except JobTimeout:
        with pytest.raises(finsecure.APIConnectionError) as caught:
            pay(gone, max_retries=0)
        assert not caught.value.maybe_executed


def test_no_frame_that_is_left_holds_the_request(
    serve: Serve, alarm: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """A report of local variables, as error trackers make it, has neither key nor card in it."""
    caplog.set_level("DEBUG", "finsecure")
    card: Any = {"number": CARD, "exp_month": 1, "exp_year": 2030, "cvc": "123"}
    with finsecure.Client(KEY, base_url=serve(always(too_late)).url) as client:
        alarm(_function(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt) as caught:
            client.payment_methods.create(type="card", card=card)
    entries = list(traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack)
    assert [entry.name for entry in entries[1:]] == ["bound", "_send", "handler"]
    shown = "".join(str(entry.locals) for entry in entries[1:])
    assert KEY not in shown + caplog.text
    assert "Bearer" not in shown


def test_an_interrupted_wait_says_what_is_known(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Between two attempts it is known whether the first may have been carried out."""

    class Interrupted(Quick):
        def sleep(self, seconds: float) -> None:
            raise JobTooLong

    def interrupted(server: FaultServer, call: Callable[[finsecure.Client], object]) -> str:
        caplog.clear()
        with finsecure.Client(KEY, base_url=server.url, clock=Interrupted()) as client, pytest.raises(JobTooLong):
            call(client)
        return caplog.text

    lost, gone = serve(always(reset_after)), serve()
    gone.close()
    assert "maybe_executed=False. It was not" in interrupted(gone, lambda c: c.customers.create())
    assert "maybe_executed=True" in interrupted(lost, lambda c: c.customers.create())
    assert "idempotency_key=None, maybe_executed=True" in interrupted(lost, lambda c: c.customers.delete("cus_1"))
    assert interrupted(lost, lambda c: c.customers.retrieve("cus_1")) == ""  # nobody is warned of a GET
    caplog.set_level(logging.INFO)
    assert "changes nothing" in interrupted(lost, lambda c: c.customers.retrieve("cus_1"))


def test_an_interrupt_behind_an_answer_is_not_taken_for_one_before(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the first attempt reached nobody says nothing about the second."""

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    class Later(Quick):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            monkeypatch.undo()
            monkeypatch.setattr("finsecure._wire.decode", interrupt)

    monkeypatch.setattr("finsecure._transport.deadline.connect", refuse)
    with finsecure.Client(KEY, base_url=serve().url, clock=Later()) as client, pytest.raises(KeyboardInterrupt):
        client.payment_intents.create(amount=1, currency="usd", metadata={"order": "1"})
    assert "maybe_executed=True" in caplog.text


@pytest.mark.parametrize("is_async", [False, True])
def test_an_interrupt_while_the_result_is_logged_does_not_take_the_key_with_it(
    serve: Serve, caplog: pytest.LogCaptureFixture, is_async: bool
) -> None:
    """The payment is made, and the program has not got it yet."""

    class Interrupted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logger.removeHandler(self)
            raise KeyboardInterrupt

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url) as client:
            await client.customers.create(idempotency_key="order-1")

    server = serve()
    logger = logging.getLogger("finsecure")
    caplog.set_level("INFO", "finsecure")
    with finsecure.Client(KEY, base_url=server.url) as client:
        logger.addHandler(Interrupted())
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main()) if is_async else client.customers.create(idempotency_key="order-1")
    assert "idempotency_key='order-1', maybe_executed=True" in caplog.text


def test_a_time_limit_ends_async_code_with_its_key(
    serve: Serve, alarm: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """`asyncio.run` is left by what the handler raised; the key is on what left the call, a `CancelledError` mostly."""
    left: list[BaseException] = []

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=serve(always(too_late)).url) as client:
            try:
                await client.payment_intents.create(amount=1, currency="usd", idempotency_key="order-1")
            except BaseException as exc:
                left.append(exc)
                raise

    alarm(_function(JobTimeout()))
    with pytest.raises(JobTimeout):
        asyncio.run(main())
    check_noted(left[0], caplog, "idempotency_key='order-1'", "maybe_executed=True")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_call_does_not_take_its_key_with_it(
    serve: Serve, caplog: pytest.LogCaptureFixture, backend: str
) -> None:
    """Cancelled is cancelled, with the key on it."""
    cancelled: list[BaseException] = []
    server = serve(always(silence))

    async def main() -> None:
        async with finsecure.AsyncClient(KEY, base_url=server.url) as client:
            with anyio.move_on_after(0.2) as scope:
                try:
                    await client.payment_intents.create(amount=1, currency="usd", idempotency_key="order-1")
                except anyio.get_cancelled_exc_class() as exc:
                    cancelled.append(exc)
                    raise
            assert scope.cancelled_caught

    anyio.run(main, backend=backend)
    check_noted(cancelled[0], caplog, "POST /v1/payment_intents", "idempotency_key='order-1'", "maybe_executed=True")


# Event hooks of a ready client ----------------------------------------------------------------------------------------


@pytest.fixture(params=["sync", "asyncio", "trio"])
def hooked(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make a payment through an httpx client with a hook, which is a function of a request or a response."""

    def hooked(server: FaultServer, after: Any = None, before: Any = None, **options: Any) -> Any:
        given: dict[str, Any] = {"base_url": server.url, "timeout": 3, "max_retries": 1, **options}
        params: dict[str, Any] = {"amount": 1, "currency": "usd", "idempotency_key": "order-1"}
        params["metadata"] = {"order": "1"}
        if request.param == "sync":
            hooks = {"request": [before] if before else [], "response": [after] if after else []}
            with httpx.Client(event_hooks=hooks) as http:
                return finsecure.Client(KEY, http_client=http, **given).payment_intents.create(**params)

        async def main() -> Any:
            async def awaited(hook: Any, value: Any) -> None:
                if isinstance(value, httpx.Response) and getattr(hook, "reads", False):
                    await value.aread()
                hook(value)

            hooks: Any = {
                "request": [functools.partial(awaited, before)] if before else [],
                "response": [functools.partial(awaited, after)] if after else [],
            }
            async with httpx.AsyncClient(event_hooks=hooks) as http:
                client = finsecure.AsyncClient(KEY, http_client=http, **given)
                return await client.payment_intents.create(**params)

        return anyio.run(main, backend=request.param)

    return hooked


def reading(use: Callable[[httpx.Response], object]) -> Any:
    """A response hook that reads the body first."""

    def hook(response: httpx.Response) -> None:
        if not hasattr(response, "_content"):
            response.read()
        use(response)

    hook.reads = True  # type: ignore[attr-defined]
    return hook


def test_a_hook_may_read_the_body(serve: Serve, hooked: Callable[..., Any]) -> None:
    """httpx's own way to log a body works, and nothing is sent twice."""
    texts: list[str] = []
    server = serve()
    assert hooked(server, reading(lambda response: texts.append(response.text))).id == "pi_000001"
    assert (server.ledger.arrived, len(texts)) == (1, 1)
    assert "pi_000001" in texts[0]


@pytest.mark.parametrize("hook", [httpx.Response.raise_for_status, reading(httpx.Response.raise_for_status)])
def test_a_hook_that_raises_for_status_leaves_a_decline_one(
    serve: Serve, hooked: Callable[..., Any], hook: Any
) -> None:
    """What the answer says is what is raised, whether the hook has read it or not."""

    def raises(response: httpx.Response) -> None:
        hook(response)

    raises.reads = getattr(hook, "reads", False)  # type: ignore[attr-defined]
    server = serve(always(answers(402, DECLINE)))
    with pytest.raises(finsecure.CardError) as caught:
        hooked(server, raises)
    assert caught.value.code == "card_declined"
    assert server.ledger.arrived == 1


@pytest.mark.parametrize("kind", [LookupError, PermissionError, JobTooLong])
@pytest.mark.parametrize("where", ["before", "after"])
def test_what_a_hook_raises_is_the_programs_own(
    serve: Serve, hooked: Callable[..., Any], caplog: pytest.LogCaptureFixture, where: str, kind: type[Exception]
) -> None:
    """It leaves unchanged, with the key and with whether anything was sent."""
    raised = kind("mine")

    def hook(_: object) -> None:
        raise raised

    server = serve()
    with pytest.raises(type(raised)) as caught:
        hooked(server, **{where: hook})
    assert caught.value is raised
    assert server.ledger.arrived == (0 if where == "before" else 1)
    check_noted(raised, caplog, "idempotency_key='order-1'", f"maybe_executed={where == 'after'}")


def test_a_hook_that_uses_httpx_wrongly_is_an_error_of_ours(serve: Serve, hooked: Callable[..., Any]) -> None:
    """`ResponseNotRead` does not leave; the key does."""

    def hook(response: httpx.Response) -> str:
        return response.text

    with pytest.raises(finsecure.APIConnectionError, match="ResponseNotRead") as caught:
        hooked(serve(), hook, max_retries=0)
    assert (caught.value.idempotency_key, caught.value.maybe_executed) == ("order-1", True)


def test_a_request_hook_that_cannot_reach_its_own_server_sent_nothing(serve: Serve, hooked: Callable[..., Any]) -> None:
    """As one that fetches a token; an exception of httpx's is ours."""

    def hook(request: httpx.Request) -> None:
        raise httpx.ReadTimeout("no token", request=request)

    with pytest.raises(finsecure.APITimeoutError) as caught:
        hooked(serve(), before=hook, clock=Quick())
    assert not caught.value.maybe_executed


# httpx sends a body by an async generator, and trio warns of one that a failed write strands.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_breaks_the_rules_of_http_once_the_head_is_written_may_be_done(
    serve: Serve, hooked: Callable[..., Any]
) -> None:
    """httpcore blames the request for it, also where an answer breaks the rules of HTTP/2."""

    def without_a_body(request: httpx.Request) -> None:
        request.headers["Content-Length"] = "0"

    server = serve()
    with pytest.raises(finsecure.APIConnectionError, match="LocalProtocolError") as caught:
        hooked(server, before=without_a_body)
    assert caught.value.maybe_executed
    assert "Nothing was sent" not in str(caught.value)


def test_hooks_see_the_callers_own_requests_as_before(serve: Serve) -> None:
    """What the same httpx client sends for others is not read ahead."""
    read: list[bool] = []
    server = serve()

    def hook(response: httpx.Response) -> None:
        read.append(response.is_stream_consumed)

    with httpx.Client(event_hooks={"response": [hook]}) as http:
        client = finsecure.Client(KEY, http_client=http, base_url=server.url)
        client.payment_intents.create(amount=1, currency="usd")
        client.payment_intents.create(amount=2, currency="usd")
        http.get(f"{server.url}/v1/payment_intents/pi_000001")
    assert read == [False, False, False]


def test_async_hooks_see_the_callers_own_requests_as_before(serve: Serve) -> None:
    """The same, awaited; closing our client leaves theirs open."""
    read: list[bool] = []
    server = serve()

    async def hook(response: httpx.Response) -> None:
        read.append(response.is_stream_consumed)

    async def main() -> None:
        async with httpx.AsyncClient(event_hooks={"response": [hook]}) as http:
            async with finsecure.AsyncClient(KEY, http_client=http, base_url=server.url) as client:
                await client.payment_intents.create(amount=1, currency="usd")
            await http.get(f"{server.url}/v1/payment_intents/pi_000001")

    asyncio.run(main())
    assert read == [False, False]


def test_a_client_of_ones_own_may_read_the_body(serve: Serve) -> None:
    """As a company wraps `httpx.Client` to log what comes back, compressed or not."""

    class Logging(httpx.Client):
        def send(self, *args: Any, **options: Any) -> httpx.Response:
            response = super().send(*args, **options)
            response.read()
            return response

    with Logging() as http:
        client = finsecure.Client(KEY, http_client=http, base_url=serve().url, timeout=2, max_retries=0)
        assert client.payment_intents.create(amount=1, currency="usd").id == "pi_000001"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_an_httpx_client_of_a_loop_that_is_closed_says_so(serve: Serve) -> None:
    """`asyncio.run` a second time with the connections of the first: an error of ours, with the key, or an answer."""
    server = serve()
    errors: list[finsecure.APIConnectionError] = []

    def use() -> None:
        http = httpx.AsyncClient()
        client = finsecure.AsyncClient(KEY, http_client=http, base_url=server.url, clock=Quick())

        async def pay(key: str) -> None:
            await client.payment_intents.create(amount=1, currency="usd", idempotency_key=key)

        asyncio.run(pay("order-1"))
        try:
            asyncio.run(pay("order-2"))
        except finsecure.APIConnectionError as error:
            errors.append(error)

    use()
    gc.collect()  # now, while a connection that its loop left open is no warning
    assert [error.idempotency_key for error in errors] in ([], ["order-2"])
    assert len(server.ledger.by_key["order-2"]) <= 1


# Sockets that are forbidden -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("door", ["sync", "async", "http_client"])
def test_blocked_sockets_are_named_and_final(door: str) -> None:
    """pytest-socket's exceptions mean that nothing was sent, and no retry can help."""
    pytest.importorskip("pytest_socket")
    program = """
        import asyncio, sys, warnings
        import finsecure, httpx, pytest_socket
        warnings.simplefilter("ignore")
        options = {"base_url": "http://127.0.0.1:9", "max_retries": 5, "deadline": 20}

        async def pay():
            pytest_socket.disable_socket()
            async with finsecure.AsyncClient("sk_test_1", **options) as client:
                await client.payment_intents.create(amount=100, currency="usd")

        try:
            if sys.argv[1] == "async":
                asyncio.run(pay())
            pytest_socket.disable_socket()
            if sys.argv[1] == "http_client":
                options["http_client"] = httpx.Client()
            finsecure.Client("sk_test_1", **options).payment_intents.create(amount=100, currency="usd")
        except finsecure.APIConnectionError as error:
            print(error.maybe_executed, error)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), door], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.startswith("False"), ran
    assert "SocketBlockedError" in ran.stdout


@pytest.mark.parametrize("door", ["sync", "asyncio", "trio"])
def test_a_system_that_forbids_sockets_was_sent_nothing(monkeypatch: pytest.MonkeyPatch, door: str) -> None:
    """As seccomp does, whose reason is in the message."""

    def forbidden(self: object, *_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    async def pay_async() -> None:
        async with finsecure.AsyncClient(KEY, base_url="http://127.0.0.1:9", max_retries=0) as client:
            monkeypatch.setattr(socket.socket, "connect", forbidden)
            await client.payment_intents.create(amount=100, currency="usd")

    def pay() -> None:
        with finsecure.Client(KEY, base_url="http://127.0.0.1:9", max_retries=0) as client:
            monkeypatch.setattr(socket.socket, "connect", forbidden)
            client.payment_intents.create(amount=100, currency="usd")

    with pytest.raises(finsecure.APIConnectionError) as caught:
        pay() if door == "sync" else anyio.run(pay_async, backend=door)
    assert not caught.value.maybe_executed
    if door != "trio":  # which connects by other means
        assert "connect" in str(caught.value)
