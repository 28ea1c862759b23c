"""The engine: a request in, a response out, with the state in between.

A request passes, in this order: the API key, the rate limit, the route, what the key may do, the body, the idempotency
key, the operation. What is refused before the operation leaves no trace; what the operation did, its events and the
idempotency record are one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from urllib.parse import unquote

from . import _bank_page, _idempotency, _json, _keys, _payments, _routes
from ._clock import Clock
from ._http import BASE_URL, Request, Response
from ._json import Object
from ._problems import Problem, authentication, error
from ._rate_limit import RateLimit
from ._store import Kept, Scope, Store
from ._work import Work

_log = logging.getLogger("finsecure.sandbox")

_INTERNAL = {"error": error("api_error", "An error occurred while processing your request")}


class Engine:
    """The API over one store. Safe to call from several threads.

    Args:
        store: The state.
        clock: The time.
        new_id: Gives the part of an id after its prefix.
        rate_limit: Requests per second and key; `None` for no limit.
        settle_after: Seconds that a bank payment takes.
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
        """Complete the bank payments whose time has come."""
        if self._store.settlements(self._clock.time()):
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
        route, ident = _routes.find(request.method, request.path)
        if key_kind == _keys.PUBLISHABLE and not route.publishable:
            raise authentication(
                403, "A publishable key can only create payment methods: use the secret key, on your server."
            )
        if request.body and request.method != "GET":
            _check_content_type(request)
        body = _json.read(request.body)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        work = self._work(request.base_url, request_id, key)
        if key is None:
            with self._transaction():
                return self._carry_out(work, route, ident, request.query, body)
        _idempotency.check_key(key)
        scope = Scope(key_kind, request.path, key)
        body_hash = self.keys.hash(_json.canonical([request.query, body]))
        with self._claims.hold(scope), self._transaction():
            kept = _idempotency.recall(self._store, scope, body_hash, work.now)
            if kept is not None:
                return _response(kept.status, kept.body, {"Idempotent-Replayed": "true"})
            response = self._carry_out(work, route, ident, request.query, body)
            # No 409 or 429 comes here: they are given before anything is carried out.
            self._store.keep_answer(scope, work.now, Kept(body_hash, response.status, response.body))
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

    def _carry_out(self, work: Work, route: _routes.Route, ident: str, query: str, body: Object) -> Response:
        try:
            with self._store.savepoint():
                status, answer = route.answer(work, ident, query, body)
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


def _check_content_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        raise Problem(415, "invalid_request_error", "The request body must be sent as Content-Type: application/json.")


def _refusal(problem: Problem) -> Response:
    return _response(problem.status, _json.write(problem.body), problem.headers)


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, body)
