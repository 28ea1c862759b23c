"""All operations of the API, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from ._checks import Schema, read, read_changes, read_query
from ._json import Object
from ._operations import charges, customers, events, payment_intents, payment_methods, refunds, webhook_endpoints
from ._problems import Problem, not_allowed, shown
from ._work import Work, collection

_ID = "/{id}"

_VERBS = {
    "create": ("POST", ""),
    "retrieve": ("GET", _ID),
    "update": ("PUT", _ID),
    "delete": ("DELETE", _ID),
    "list": ("GET", ""),
}
"""The method and the end of the path, by verb. Any other verb is a POST to `/{id}/verb`."""

Operation = Callable[[Work, str, Object], Object]
"""An operation: takes the id (empty if the path has none) and the checked parameters, and returns the response object.

For a declined payment it returns `{"error": ...}`, and its changes are kept. For other errors it raises a `Problem`,
and its changes are rolled back.
"""


@dataclass(frozen=True)
class Route:
    """One operation of the API.

    Attributes:
        kind: The kind of its object.
        verb: The verb, such as `confirm`.
        run: The function that carries it out.
        schema: The parameters: in the query of a GET, otherwise in the body.
        publishable: Whether a publishable key may call it. Reference: Authentication, "Key Types".
    """

    kind: str
    verb: str
    run: Operation
    schema: Schema
    publishable: bool = False

    @cached_property
    def method(self) -> str:
        """The HTTP method."""
        return self._place[0]

    @cached_property
    def path(self) -> str:
        """The path, with `{id}` as the placeholder of an id."""
        return collection(self.kind) + self._place[1]

    @cached_property
    def name(self) -> str:
        """The name of the operation, such as `payment_intents.confirm`."""
        return f"{self.kind}s.{self.verb}"

    @property
    def _place(self) -> tuple[str, str]:
        return _VERBS.get(self.verb, ("POST", f"{_ID}/{self.verb}"))

    def answer(self, work: Work, ident: str, query: str, body: Mapping[str, object]) -> tuple[int, Object]:
        """Check the parameters and carry out the operation.

        Returns:
            The HTTP status, which is 402 for a declined payment and otherwise 200, and the object of the response.
        """
        of_query, of_body = (self.schema, _NONE) if self.method == "GET" else (_NONE, self.schema)
        read_body = read_changes if self.verb == "update" else read
        answer = self.run(work, ident, read_query(of_query, query) | read_body(of_body, body))
        return (402 if "error" in answer else 200), answer


_NONE: Schema = {}


def _retrieve(kind: str) -> Route:
    return Route(kind, "retrieve", lambda work, ident, _: work.find(kind, ident), _NONE)


def _list(kind: str, schema: Schema) -> Route:
    return Route(kind, "list", lambda work, _, params: work.page(kind, params), schema)


_pi, _pm, _cus, _we = payment_intents, payment_methods, customers, webhook_endpoints

ROUTES = (
    Route("payment_intent", "create", _pi.create, _pi.CREATE),
    _retrieve("payment_intent"),
    Route("payment_intent", "update", _pi.update, _pi.CREATE),
    _list("payment_intent", _pi.LIST),
    Route("payment_intent", "confirm", _pi.confirm, _pi.CONFIRM),
    Route("payment_intent", "cancel", _pi.cancel, _NONE),
    Route("payment_method", "create", _pm.create, _pm.CREATE, publishable=True),
    _retrieve("payment_method"),
    Route("payment_method", "update", _pm.update, _pm.UPDATE),
    _list("payment_method", _pm.LIST),
    Route("payment_method", "attach", _pm.attach, _pm.ATTACH),
    Route("payment_method", "detach", _pm.detach, _NONE),
    Route("customer", "create", _cus.create, _cus.CREATE),
    _retrieve("customer"),
    Route("customer", "update", _cus.update, _cus.CREATE),
    Route("customer", "delete", _cus.delete, _NONE),
    _list("customer", _cus.LIST),
    Route("refund", "create", refunds.create, refunds.CREATE),
    _retrieve("refund"),
    Route("refund", "update", refunds.update, refunds.UPDATE),
    _list("refund", refunds.LIST),
    _retrieve("charge"),
    _list("charge", charges.LIST),
    _retrieve("event"),
    _list("event", events.LIST),
    Route("webhook_endpoint", "create", _we.create, _we.CREATE),
    _retrieve("webhook_endpoint"),
    Route("webhook_endpoint", "update", _we.update, _we.CREATE),
    Route("webhook_endpoint", "delete", _we.delete, _NONE),
    _list("webhook_endpoint", _we.LIST),
)


def find(method: str, path: str) -> tuple[Route, str]:
    """Return the operation for a method and a percent-encoded path, and the id in the path.

    Raises:
        Problem: 404 for an unknown path, 405 (with `Allow`) for a method that the path does not accept.
    """
    allowed: list[str] = []
    for route in ROUTES:
        ident = _match(route.path, path)
        if ident is not None:
            if route.method == method:
                return route, ident
            allowed.append(route.method)
    if allowed:
        raise not_allowed(method, *allowed)
    message = f"Unrecognized request URL: {shown(path)}"
    raise Problem(404, "invalid_request_error", message, code="resource_missing")


def name_of(method: str, path: str) -> str | None:
    """Return the name of the operation for a method and a path; `None` if there is none."""
    try:
        return find(method, path)[0].name
    except Problem:
        return None


def open_to_publishable(method: str, path: str) -> bool:
    """Whether a publishable key may call the operation for a method and a path."""
    return any(
        route.publishable and route.method == method and _match(route.path, path) is not None for route in ROUTES
    )


def _match(pattern: str, path: str) -> str | None:
    """Return the id in a path, or "" if the pattern has none; `None` if the path does not match the pattern."""
    parts, wanted = path.split("/"), pattern.split("/")
    if len(parts) != len(wanted):
        return None
    ident = ""
    for part, want in zip(parts, wanted, strict=True):
        if want == _ID[1:] and part:
            ident = unquote(part)
        elif part != want:
            return None
    return ident
