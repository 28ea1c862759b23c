"""Every operation of the API in one table: method, path, parameters, function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ._checks import Object, Schema, read, read_changes, read_query
from ._operations import charges, customers, events, payment_intents, payment_methods, refunds, webhook_endpoints
from ._problems import Problem, shown
from ._work import Answer, Work

_ID = "/{id}"


@dataclass(frozen=True)
class Route:
    """One operation.

    Attributes:
        method: The HTTP method.
        path: The path, where `{id}` stands for any id.
        run: The operation on the id (empty where the path has none) and the parameters.
        schema: The parameters, in the query of a GET and in the body of anything else.
        read_body: How a body's parameters are read.
        publishable: Whether a publishable key may do it. Reference: Authentication, "Key Types".
    """

    method: str
    path: str
    run: Callable[[Work, str, Object], Answer]
    schema: Schema
    read_body: Callable[[Schema, Mapping[str, object]], Object] = read
    publishable: bool = False

    def answer(self, work: Work, ident: str, query: str, body: Object) -> Answer:
        """Read the parameters and carry the operation out."""
        of_query, of_body = (self.schema, _NONE) if self.method == "GET" else (_NONE, self.schema)
        return self.run(work, ident, read_query(of_query, query) | self.read_body(of_body, body))


_NONE: Schema = {}
_OnAll = Callable[[Work, Object], Answer]
_OnOne = Callable[[Work, str], Answer]
_WithParameters = Callable[[Work, str, Object], Answer]


def _create(url: str, run: _OnAll, schema: Schema) -> Route:
    return Route("POST", url, lambda work, _, params: run(work, params), schema)


def _list(url: str, run: _OnAll, schema: Schema) -> Route:
    return Route("GET", url, lambda work, _, params: run(work, params), schema)


def _retrieve(url: str, run: _OnOne) -> Route:
    return Route("GET", url + _ID, lambda work, ident, _: run(work, ident), _NONE)


def _delete(url: str, run: _OnOne) -> Route:
    return Route("DELETE", url + _ID, lambda work, ident, _: run(work, ident), _NONE)


def _update(url: str, run: _WithParameters, schema: Schema) -> Route:
    return Route("PUT", url + _ID, run, schema, read_changes)


def _act_alone(url: str, verb: str, run: _OnOne) -> Route:
    return Route("POST", f"{url}{_ID}/{verb}", lambda work, ident, _: run(work, ident), _NONE)


def _act(url: str, verb: str, run: _WithParameters, schema: Schema) -> Route:
    return Route("POST", f"{url}{_ID}/{verb}", run, schema)


_pi, _pm, _cus, _we = payment_intents, payment_methods, customers, webhook_endpoints

ROUTES = (
    _create(_pi.URL, _pi.create, _pi.CREATE),
    _retrieve(_pi.URL, _pi.retrieve),
    _update(_pi.URL, _pi.update, _pi.CREATE),
    _list(_pi.URL, _pi.list_all, _pi.LIST),
    _act(_pi.URL, "confirm", _pi.confirm, _pi.CONFIRM),
    _act_alone(_pi.URL, "cancel", _pi.cancel),
    replace(_create(_pm.URL, _pm.create_and_answer, _pm.CREATE), publishable=True),
    _retrieve(_pm.URL, _pm.retrieve),
    _update(_pm.URL, _pm.update, _pm.UPDATE),
    _list(_pm.URL, _pm.list_all, _pm.LIST),
    _act(_pm.URL, "attach", _pm.attach_and_answer, _pm.ATTACH),
    _act_alone(_pm.URL, "detach", _pm.detach),
    _create(_cus.URL, _cus.create, _cus.CREATE),
    _retrieve(_cus.URL, _cus.retrieve),
    _update(_cus.URL, _cus.update, _cus.CREATE),
    _delete(_cus.URL, _cus.delete),
    _list(_cus.URL, _cus.list_all, _cus.LIST),
    _create(refunds.URL, refunds.create, refunds.CREATE),
    _retrieve(refunds.URL, refunds.retrieve),
    _update(refunds.URL, refunds.update, refunds.UPDATE),
    _list(refunds.URL, refunds.list_all, refunds.LIST),
    _retrieve(charges.URL, charges.retrieve),
    _list(charges.URL, charges.list_all, charges.LIST),
    _retrieve(events.URL, events.retrieve),
    _list(events.URL, events.list_all, events.LIST),
    _create(_we.URL, _we.create, _we.CREATE),
    _retrieve(_we.URL, _we.retrieve),
    _update(_we.URL, _we.update, _we.CREATE),
    _delete(_we.URL, _we.delete),
    _list(_we.URL, _we.list_all, _we.LIST),
)


def find(method: str, path: str) -> tuple[Route, str]:
    """The operation and the id that a method and a percent-encoded path name.

    Raises:
        Problem: 404 for an unknown path, 405 (with `Allow`) for a method that the path does not take.
    """
    allowed: list[str] = []
    for route in ROUTES:
        ident = _match(route.path, path)
        if ident is not None:
            if route.method == method:
                return route, ident
            allowed.append(route.method)
    if allowed:
        names = ", ".join(allowed)
        message = f"{shown(method)} is not allowed here: use {names}."
        raise Problem(405, "invalid_request_error", message, headers={"Allow": names})
    message = f"Unrecognized request URL: {shown(path)}"
    raise Problem(404, "invalid_request_error", message, code="resource_missing")


def _match(pattern: str, path: str) -> str | None:
    """The id in a path of that pattern, "" where it has none; `None` where the path is not one of that pattern."""
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
