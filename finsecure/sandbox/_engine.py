"""The engine: takes a request, reads and changes the state, and returns a response.

A request goes through these steps, in this order: the API key (a web page must not send a secret key), the faults, the
rate limit, the permissions of the key, the idempotency key, the route, the version, the body, the operation. A refused
request changes nothing, except that its response may be stored under the idempotency key. The changes of an operation,
its events and that stored response are one transaction.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import cast
from urllib.parse import unquote

from finsecure.error import SandboxError

from . import _bank_page, _browser, _idempotency, _json, _keys, _payments, _routes, _samples, _trigger
from . import _checks as check
from ._clock import Clock
from ._database import SandboxClosedError
from ._faults import Faults
from ._hosts import Hosts
from ._http import BASE_URL, Request, Response
from ._json import Object
from ._operations import webhook_endpoints
from ._problems import Problem, authentication, error, invalid, not_allowed, shown, unexpected_state
from ._rate_limit import RateLimit
from ._requests import LoggedRequest, RequestLog, masked
from ._store import Kept, Store
from ._work import API_VERSION, Work

_log = logging.getLogger("finsecure.sandbox")

HEALTH = "/health"
"""The path for health checks."""

_INTERNAL = {"error": error("api_error", "An error occurred while processing your request")}


class Engine:
    """The API over one store. Safe to call from several threads.

    Args:
        store: The state.
        clock: The clock.
        new_id: Returns the part of an id after its prefix.
        rate_limit: Requests per second for each key; `None` for no limit.
        settle_after: Seconds until a bank payment or a pending refund settles.
        changed: Called after each transaction, since it may have made something due.
        keys: The API keys.
        hosts: The hosts that webhooks may be sent to.
        observer: Called with each request after its response.

    Attributes:
        keys: The API keys.
        faults: The faults to apply to requests.
        log: The requests so far.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: Callable[[str], str],
        rate_limit: float | None,
        settle_after: float,
        changed: Callable[[], None],
        keys: _keys.Keys,
        hosts: Hosts,
        observer: Callable[[LoggedRequest], object],
    ) -> None:
        self.keys = keys
        self.faults = Faults()
        self.log = RequestLog(observer)
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._rate_limit = None if rate_limit is None else RateLimit(rate_limit)
        self._settle_after = settle_after
        self._changed = changed
        self._hosts = hosts
        self._claims = _idempotency.Claims()

    def handle(self, request: Request) -> Response:
        """Handle one request. No content of a request can make this raise.

        Raises:
            SandboxClosedError: The sandbox is closed.
        """
        request_id = "req_" + self._new_id("req")
        if request.path.startswith(_payments.BANK_PAGE):
            response = safely(lambda: self._bank_page(request), request_id)
        elif request.path == HEALTH:
            response = safely(lambda: self._health(request), request_id)
        elif _browser.asks_first(request):
            response = _browser.permission()
        else:
            response = _browser.readable(request, self._answer(request, request_id))
        return replace(response, headers={**response.headers, "Request-Id": request_id})

    def identified(self, response: Response) -> Response:
        """Add a `Request-Id` to a response that `handle` did not make. Reference: wire contract, "Headers"."""
        return replace(response, headers={"Request-Id": "req_" + self._new_id("req"), **response.headers})

    def settle(self) -> None:
        """Settle the payments and refunds that are due."""
        if self._store.settling(self._clock.time()):
            with self._store.transaction():
                _payments.settle(self._work())

    def time_moved(self) -> None:
        """Settle what is due after the clock moved, and report that deliveries may be due."""
        self.settle()
        self._changed()

    def resolve_action(self, ident: str, *, succeed: bool) -> Object:
        """Complete 3D Secure as the customer, or fail it.

        Returns:
            The PaymentIntent.

        Raises:
            Problem: No PaymentIntent has this id, or its status is not `requires_action`.
        """
        with self._transaction():
            work = self._work()
            intent = work.find("payment_intent", ident)
            if intent["status"] != "requires_action":
                raise unexpected_state(f"PaymentIntent {ident} has status {intent['status']}, not requires_action.")
            _payments.resolve_action(work, intent, succeed=succeed)
            return work.find("payment_intent", ident)

    def emit(self, type: str, overrides: Mapping[str, object]) -> Object:
        """Record an event about an invented object.

        Returns:
            The event.

        Raises:
            Problem: The type or an override is wrong.
        """
        check.refuse_card_numbers(dict(overrides), "overrides")
        with self._transaction():
            return _samples.emit(self._work(), type, overrides)

    def trigger(self, type: str, ident: str | None) -> Object:
        """Cause an event by making the API calls that lead to it.

        Returns:
            The event.

        Raises:
            Problem: The type is wrong, no object has this id, or its state does not allow it.
        """
        with self._transaction():
            return _trigger.trigger(self._work(), type, ident)

    def resend(self, ident: str, param: str | None = None) -> Object:
        """Deliver an event again, to every webhook endpoint that is subscribed to it.

        Args:
            ident: The event's id.
            param: The name of the parameter that the id came in, for the error message.

        Returns:
            The event.

        Raises:
            Problem: No event has this id.
        """
        with self._transaction():
            work = self._work()
            return work.resend(work.find("event", ident, param))

    def rotate_secret(self, ident: str, overlap: float) -> str:
        """Rotate the secret of a webhook endpoint.

        Returns:
            The new secret.

        Raises:
            Problem: No endpoint has this id.
        """
        with self._transaction():
            return webhook_endpoints.rotate_secret(self._work(), ident, overlap)

    def reset(self) -> None:
        """Delete everything except the keys and the time."""
        with self._store.transaction():
            self._store.empty()
        self.faults.clear()
        self.log.clear()
        if self._rate_limit:
            self._rate_limit.reset()

    @contextmanager
    def unlimited(self) -> Generator[None, None, None]:
        """Turn the rate limit off in this block, for the requests that prepare a sandbox before it is used."""
        limit, self._rate_limit = self._rate_limit, None
        try:
            yield
        finally:
            self._rate_limit = limit

    def _answer(self, request: Request, request_id: str) -> Response:
        """Handle a request for the API, and log it."""
        began, now = time.perf_counter(), self._clock.time()
        operation = _routes.name_of(request.method, request.path)
        fault = None
        body: Object | Problem = {}
        try:
            key_kind = self.keys.kind(request.headers)
            _browser.refuse_secret_key(request)
        except Problem as problem:
            response = refusal(problem)
        else:
            body = _read(request)
            fault = self.faults.take(operation)

            def carry_out() -> Response:
                return safely(lambda: self._admit(request, body, request_id, key_kind), request_id)

            response = fault.strike(carry_out) if fault else carry_out()
        self.log.add(
            LoggedRequest(
                id=request_id,
                time=now,
                method=request.method,
                path=shown(request.path),
                operation=operation,
                status=None if response.ending in ("closed", "stalled") else response.status,
                idempotency_key=_shown_key(request),
                replayed="Idempotent-Replayed" in response.headers,
                duration=time.perf_counter() - began,
                fault=fault is not None,
                body=cast("Object", masked({} if isinstance(body, Problem) else body)),
            )
        )
        return response

    def _admit(self, request: Request, body: Object | Problem, request_id: str, key_kind: str) -> Response:
        if self._rate_limit:
            self._rate_limit.take(key_kind, self._clock.monotonic())
        if key_kind == _keys.PUBLISHABLE and not _routes.open_to_publishable(request.method, request.path):
            raise authentication(
                403, "A publishable key can only create payment methods: use the secret key, on your server."
            )
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        work = self._work(request.base_url, request_id, key)
        if key is None:
            with self._transaction():
                return self._carry_out(work, request, body)
        _idempotency.check_key(key)
        request_hash = self.keys.hash(_idempotency.identity(request, body))
        with self._claims.hold(key), self._transaction():
            kept = _idempotency.recall(self._store, key, request_hash, work.now)
            if kept is not None:
                return Response(kept.status, {**kept.headers, "Idempotent-Replayed": "true"}, kept.body)
            response = self._carry_out(work, request, body)
            # Every response that the contract requires to be stored gets here. 401, 403, 409 and 429 are returned
            # before this line, and a 500 after it.
            first = Kept(request_hash, response.status, response.headers, response.body)
            self._store.keep_answer(key, work.now, first)
            return response

    def _health(self, request: Request) -> Response:
        """Respond with 200 if the database can be read. Needs no API key, since health checks have none."""
        if request.method not in ("GET", "HEAD"):
            raise not_allowed(request.method, "GET", "HEAD")
        self._store.has_endpoints()
        return json_response(200, {"status": "ok"})

    def _bank_page(self, request: Request) -> Response:
        ident = unquote(request.path.removeprefix(_payments.BANK_PAGE))
        intent = self._store.find("payment_intent", ident)

        def resolve(succeed: bool) -> None:
            self.resolve_action(ident, succeed=succeed)

        return _bank_page.answer(request, intent, resolve)

    @contextmanager
    def _transaction(self) -> Generator[None, None, None]:
        self.settle()
        with self._store.transaction():
            yield
        with suppress(SandboxError):  # the transaction is committed, even if the sandbox was closed since
            self._changed()

    def _carry_out(self, work: Work, request: Request, body: Object | Problem) -> Response:
        try:
            check.refuse_card_numbers(unquote(request.path))
            route, ident = _routes.find(request.method, request.path)
            _check_version(request)
            if request.body and request.method != "GET":
                check_content_type(request)
            if isinstance(body, Problem):
                raise body
            check.refuse_card_numbers(body)
            with self._store.savepoint():
                status, answer = route.answer(work, ident, request.query, body)
        except Problem as problem:
            return refusal(problem)
        return json_response(status, answer)

    def _work(self, base_url: str = BASE_URL, request_id: str | None = None, key: str | None = None) -> Work:
        return Work(
            store=self._store,
            clock=self._clock,
            now=self._clock.time(),
            new_id=self._new_id,
            fingerprint=lambda number: self.keys.hash(number.encode())[:16],
            settle_after=self._settle_after,
            hosts=self._hosts,
            base_url=base_url,
            request_id=request_id,
            idempotency_key=key,
        )


def safely(answer: Callable[[], Response], request_id: str) -> Response:
    """Return the response, or an error response if `answer` raises.

    Raises:
        SandboxClosedError: The sandbox is closed.
    """
    try:
        return answer()
    except Problem as problem:
        return refusal(problem)
    except SandboxClosedError:
        raise
    except SandboxError as failure:  # the transaction was rolled back, so the caller can retry
        _log.warning("The sandbox failed on %s: %s", request_id, failure)
        return json_response(503, {"error": error("api_error", str(failure))})
    except Exception:  # noqa: BLE001 - a server responds with 500 and goes on
        _log.exception("The sandbox failed on %s", request_id)
        return json_response(500, _INTERNAL)


def _shown_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return None if key is None else shown(key)


def _read(request: Request) -> Object | Problem:
    try:
        return _json.read(request.body)
    except Problem as problem:
        return problem


def _check_version(request: Request) -> None:
    if request.headers.get("finsecure-version", API_VERSION).strip() != API_VERSION:
        raise invalid(f"FinSecure-Version must be {API_VERSION}, the one version of this API.", "FinSecure-Version")


def check_content_type(request: Request) -> None:
    """Refuse a body with a content type other than JSON."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        raise Problem(415, "invalid_request_error", "The request body must be sent as Content-Type: application/json.")


def refusal(problem: Problem) -> Response:
    """Return the response for a refused request."""
    return json_response(problem.status, problem.body, problem.headers)


def json_response(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a JSON body."""
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, _json.write(body))
