"""The engine: a request in, a response out, with the state in between.

A request passes, in this order: the API key, the rate limit, what the key may do, the idempotency key, the route, the
version, the body, the operation. What is refused leaves no trace but its answer under the idempotency key. What the
operation did, its events and that answer are one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote

from . import _bank_page, _idempotency, _json, _keys, _payments, _routes
from ._clock import Clock
from ._http import BASE_URL, Request, Response
from ._json import Object
from ._problems import Problem, authentication, error, invalid
from ._rate_limit import RateLimit
from ._store import Kept, Store
from ._work import API_VERSION, Work

_log = logging.getLogger("finsecure.sandbox")

_INTERNAL = {"error": error("api_error", "An error occurred while processing your request")}


class Engine:
    """The API over one store. Safe to call from several threads.

    Args:
        store: The state.
        clock: The time.
        new_id: Gives the part of an id after its prefix.
        rate_limit: Requests per second and key; `None` for no limit.
        settle_after: Seconds that a bank payment, or a refund that is pending, takes.
        changed: Called after each transaction, which may have made something due.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: Callable[[str], str],
        rate_limit: float | None,
        settle_after: float,
        changed: Callable[[], None],
    ) -> None:
        self.keys = _keys.of(store)
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._rate_limit = None if rate_limit is None else RateLimit(rate_limit)
        self._settle_after = settle_after
        self._changed = changed
        self._claims = _idempotency.Claims()

    def handle(self, request: Request) -> Response:
        """Answer one request. Nothing that a request holds makes this raise."""
        request_id = "req_" + self._new_id("req")
        try:
            response = self._answer(request, request_id)
        except Problem as problem:
            response = _refusal(problem)
        except Exception:  # noqa: BLE001 - a server answers 500 and lives on
            _log.exception("The sandbox failed on %s %s", request.method, request_id)
            response = _response(500, _json.write(_INTERNAL))
        return Response(response.status, {**response.headers, "Request-Id": request_id}, response.body)

    def settle(self) -> None:
        """Settle the payments and refunds whose time has come."""
        if self._store.settling(self._clock.time()):
            with self._store.transaction():
                _payments.settle(self._work())

    def resolve_action(self, ident: str, *, succeed: bool) -> None:
        """The customer authorises a payment, or fails to.

        Raises:
            LookupError: There is no such PaymentIntent.
            ValueError: It does not wait for the customer.
        """
        with self._transaction():
            intent = self._store.find("payment_intent", ident)
            if intent is None:
                raise LookupError(f"No such payment_intent: {ident!r}")
            if intent["status"] != "requires_action":
                raise ValueError(f"PaymentIntent {ident} has status {intent['status']}, not requires_action.")
            _payments.resolve_action(self._work(), intent, succeed=succeed)

    def _answer(self, request: Request, request_id: str) -> Response:
        if request.path.startswith(_payments.BANK_PAGE):
            return self._bank_page(request)
        key_kind = self.keys.kind(request.headers)
        if self._rate_limit:
            self._rate_limit.take(key_kind, self._clock.monotonic())
        if key_kind == _keys.PUBLISHABLE and not _routes.open_to_publishable(request.method, request.path):
            raise authentication(
                403, "A publishable key can only create payment methods: use the secret key, on your server."
            )
        body = _read(request)
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
            # Whatever the contract keeps comes by here. 401, 403, 409 and 429 are given before, a 500 after.
            first = Kept(request_hash, response.status, response.headers, response.body)
            self._store.keep_answer(key, work.now, first)
            return response

    def _bank_page(self, request: Request) -> Response:
        ident = unquote(request.path.removeprefix(_payments.BANK_PAGE))
        intent = self._store.find("payment_intent", ident)
        return _bank_page.answer(request, intent, lambda succeed: self.resolve_action(ident, succeed=succeed))

    @contextmanager
    def _transaction(self) -> Generator[None, None, None]:
        self.settle()
        with self._store.transaction():
            yield
        self._changed()

    def _carry_out(self, work: Work, request: Request, body: Object | Problem) -> Response:
        try:
            route, ident = _routes.find(request.method, request.path)
            _check_version(request)
            if request.body and request.method != "GET":
                _check_content_type(request)
            if isinstance(body, Problem):
                raise body
            with self._store.savepoint():
                status, answer = route.answer(work, ident, request.query, body)
        except Problem as problem:
            return _refusal(problem)
        return _response(status, _json.write(answer))

    def _work(self, base_url: str = BASE_URL, request_id: str | None = None, key: str | None = None) -> Work:
        return Work(
            store=self._store,
            now=self._clock.time(),
            new_id=self._new_id,
            fingerprint=lambda number: self.keys.hash(number.encode())[:16],
            webhook_secret=self.keys.webhook,
            settle_after=self._settle_after,
            base_url=base_url,
            request_id=request_id,
            idempotency_key=key,
        )


def _read(request: Request) -> Object | Problem:
    try:
        return _json.read(request.body)
    except Problem as problem:
        return problem


def _check_version(request: Request) -> None:
    if request.headers.get("finsecure-version", API_VERSION) != API_VERSION:
        raise invalid(f"FinSecure-Version must be {API_VERSION}, the one version of this API.", "FinSecure-Version")


def _check_content_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        raise Problem(415, "invalid_request_error", "The request body must be sent as Content-Type: application/json.")


def _refusal(problem: Problem) -> Response:
    return _response(problem.status, _json.write(problem.body), problem.headers)


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, body)
