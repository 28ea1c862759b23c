"""The control API: the methods of `Sandbox` over HTTP, at `/sandbox/faults` and similar paths, with JSON.

Rules: these paths need the secret key, and refuse web pages of another origin.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from . import _checks as check
from . import _json, _keys
from ._browser import foreign
from ._checks import Parameter, Schema
from ._clock import Clock
from ._engine import Engine, check_content_type, json_response, safely
from ._faults import SCHEMA, Fault
from ._http import Request, Response
from ._json import Object
from ._problems import Problem, authentication, invalid, not_allowed, shown
from ._samples import check_type
from ._store import Delivery
from ._trouble import TROUBLE, Trouble

PREFIX = "/sandbox/"

_Action = Callable[["Control", Object], object]


@dataclasses.dataclass(frozen=True)
class _Route:
    """One action: its parameters, and the function that carries it out."""

    schema: Schema
    run: _Action


class Control:
    """The control API of one sandbox."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        deliver: Callable[[Trouble], list[Delivery]],
        deliveries: Callable[[], list[Delivery]],
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.deliver = deliver
        self.deliveries = deliveries

    def handle(self, request: Request) -> Response:
        """Handle one request."""
        return safely(lambda: self._answer(request), request.path)

    def _answer(self, request: Request) -> Response:
        self._admit(request)
        check.refuse_card_numbers(unquote(request.path))
        route, ident = _find(request)
        if request.body:
            check_content_type(request)
        check.read_query({}, request.query)
        body = _json.read(request.body)
        check.refuse_card_numbers(body)
        params = check.read(route.schema, body)
        return json_response(200, route.run(self, params | ident))

    def _admit(self, request: Request) -> None:
        if header := foreign(request):
            raise authentication(403, f"{header} is foreign: a page of another origin may not control the sandbox.")
        if self.engine.keys.kind(request.headers) != _keys.SECRET:
            raise authentication(403, "Controlling the sandbox needs its secret key.")


def _time(control: Control) -> Object:
    return {"now": control.clock.time(), "frozen": control.clock.frozen}


def _move_clock(control: Control, params: Object) -> Object:
    if len(params) != 1:
        raise invalid("advance or set is required: seconds to move by, or the Unix time to move to.", "advance")
    ((name, value),) = params.items()
    seconds = value - control.clock.time() if name == "set" else value
    if seconds < 0:
        raise invalid("set must not be in the past: a clock only moves forward.", "set")
    try:
        control.clock.advance(seconds)
    except ValueError as error:  # beyond the last time that a clock supports
        raise invalid(f"{name}: {error}", name) from None
    control.engine.time_moved()
    return _time(control)


def _fault(fault: Fault) -> Object:
    """Convert a fault to JSON, without the arguments that have their default. A `seed` of 0 is not a default."""
    defaults = {"executed": False, "slow": 0.0}
    arguments = dataclasses.asdict(fault).items()
    return {name: value for name, value in arguments if value is not None and value != defaults.get(name)}


def _list(objects: list[Object]) -> Object:
    return {"object": "list", "data": objects}


def _list_faults(control: Control, _: Object) -> Object:
    return _list([_fault(fault) for fault in control.engine.faults.waiting()])


def _clear_faults(control: Control, _: Object) -> Object:
    control.engine.faults.clear()
    return _list([])


def _happen(control: Control, params: Object) -> Object:
    verbs = [name for name in _VERBS if name in params]
    if len(verbs) != 1:
        raise invalid("emit, trigger or resend is required, one of them.", "emit")
    verb = verbs[0]
    takes, action = _VERBS[verb]
    for name in params.keys() - {verb, takes}:
        raise invalid(f"{name} does not go with {verb}.", name)
    return action(control.engine, params[verb], params.get(takes))


_Verb = Callable[[Engine, str, Any], Object]

_VERBS: dict[str, tuple[str, _Verb]] = {
    "emit": ("overrides", lambda engine, name, overrides: engine.emit(name, overrides or {})),
    "trigger": ("id", lambda engine, name, ident: engine.trigger(name, ident)),
    "resend": ("", lambda engine, ident, _: engine.resend(ident, "resend")),
}
"""The actions on events, by name: the optional parameter of each, and its function."""


def _reset(control: Control, _: Object) -> Object:
    control.engine.reset()
    return _time(control)


def _resolve(control: Control, params: Object) -> Object:
    return control.engine.resolve_action(params["intent"], succeed=params.get("succeed", True))


def _rotate(control: Control, params: Object) -> Object:
    secret = control.engine.rotate_secret(params["endpoint"], params.get("overlap", 24 * 3600))
    return {"id": params["endpoint"], "secret": secret}


def _deliver(control: Control, params: Object) -> Object:
    return _list([dataclasses.asdict(tried) for tried in control.deliver(Trouble(**params))])


_NONE: Schema = {}

_ROUTES: dict[str, Mapping[str, _Route]] = {
    "faults": {
        "GET": _Route(_NONE, _list_faults),
        "POST": _Route(
            SCHEMA,
            lambda control, params: _fault(control.engine.faults.add(params)),
        ),
        "DELETE": _Route(_NONE, _clear_faults),
    },
    "clock": {
        "GET": _Route(_NONE, lambda control, _: _time(control)),
        "POST": _Route({"advance": Parameter(check.seconds), "set": Parameter(check.unix_time)}, _move_clock),
    },
    "events": {
        "POST": _Route(
            {
                "emit": Parameter(check_type),
                "trigger": Parameter(check_type),
                "resend": Parameter(check.text),
                "overrides": Parameter(check.mapping),
                "id": Parameter(check.text),
            },
            _happen,
        ),
    },
    "requests": {
        "GET": _Route(_NONE, lambda control, _: _list([dataclasses.asdict(one) for one in control.engine.log.all()])),
    },
    "deliveries": {
        "GET": _Route(_NONE, lambda control, _: _list([dataclasses.asdict(one) for one in control.deliveries()])),
        "POST": _Route(TROUBLE, _deliver),
    },
    "reset": {"POST": _Route(_NONE, _reset)},
    "actions/{intent}": {"POST": _Route({"succeed": Parameter(check.boolean)}, _resolve)},
    "rotations/{endpoint}": {"POST": _Route({"overlap": Parameter(check.seconds)}, _rotate)},
}
"""The actions, by path and method."""

_IDS = {"actions": "intent", "rotations": "endpoint"}
"""The paths that end in an id, and the name of the parameter for it."""


def _find(request: Request) -> tuple[_Route, Object]:
    """Return the action of a request, and the parameters in its path."""
    path, params = request.path.removeprefix(PREFIX), dict[str, Any]()
    first, _, ident = path.partition("/")
    if first in _IDS and "/" not in ident:
        path, params = f"{first}/{{{_IDS[first]}}}", {_IDS[first]: unquote(ident)}
    routes = _ROUTES.get(path)
    if routes is None:
        message = f"Unrecognized request URL: {shown(request.path)}"
        raise Problem(404, "invalid_request_error", message, code="resource_missing")
    if request.method not in routes:
        raise not_allowed(request.method, *routes)
    return routes[request.method], params
