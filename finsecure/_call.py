"""One API call as a value: what to send, who may send it, and how to parse the response. No I/O here.

A resource method describes its call with `GET`, `LIST`, `POST`, `PUT` or `DELETE`. They refuse arguments that are
certainly wrong before anything is sent (`CHECKS`). Everything else is left to the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import override

from ._error_fields import shown_headers
from ._headers import Headers
from ._params import NotGiven, as_str, check_idempotency_key, check_params, check_raw, path_id, wrong
from .error import InvalidRequestError

if TYPE_CHECKING:
    from ._pages import Page

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)  # slots, so that the class itself has what jedi completes in a notebook
class LastResponse:
    """Facts about the response that an object or a page came with."""

    status_code: int
    """The HTTP status."""
    request_id: str | None
    """The API's id of the request (`req_...`), for support."""
    attempts: int
    """The number of requests that were sent, including the first."""
    elapsed: float
    """Seconds that the whole call took, including waits."""
    idempotency_key: str | None
    """The key that every attempt was sent with; `None` for calls without one."""
    idempotent_replayed: bool
    """Whether the API sent the stored response to an earlier request with this key."""
    _headers: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes], repr=False, compare=False)

    @property
    def headers(self) -> Headers:
        """The response headers: read-only, case-insensitive. Cookies are masked."""
        # Built on access, since most programs never read them.
        return shown_headers({name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers.items()})

    if not TYPE_CHECKING:  # or every name would be an attribute to type checkers

        def __getattr__(self, name: str) -> Any:
            from ._habits import attribute
            from ._habits.attributes import OF_A_RESPONSE

            raise AttributeError(attribute(type(self), name, OF_A_RESPONSE, dir(type(self))), name=name, obj=None)


class Call(Generic[T_co]):
    """A call that is described but not yet sent."""

    __slots__ = ("id", "idempotency_key", "many", "method", "params", "path", "publishable", "returns", "template")

    def __init__(
        self,
        method: str,
        template: str,
        returns: type[Any],
        params: dict[str, Any],
        *,
        id: str | None = None,
        path: str | None = None,
        many: bool = False,
        idempotency_key: str | None = None,
        publishable: bool = False,
    ) -> None:
        self.method: str = method
        self.template: str = template  # with "{id}", safe to log
        self.id: str | None = as_str(id)
        self.path: str = path or (template.replace("{id}", path_id(id)) if "{id}" in template else template)
        self.returns: Any = returns  # the model of the object, or of each object in a page; a union for events
        self.many: bool = many  # whether the API answers with a page
        self.params: dict[str, Any] = params
        self.idempotency_key: str | None = idempotency_key
        self.publishable: bool = publishable  # whether a publishable key may send it

    @override
    def __repr__(self) -> str:
        return f"<Call {self.method} {self.template}>"  # without the parameters, which may include a card

    def with_params(self, **params: Any) -> Call[T_co]:
        """Return this call with other parameters; `None` removes one."""
        changed = {name: value for name, value in {**self.params, **params}.items() if value is not None}
        return Call(self.method, self.template, self.returns, changed, path=self.path, many=self.many)


def REQUEST(
    method: str,
    path: str,
    params: Mapping[str, Any] | None,
    returns: Any,
    *,
    many: bool = False,
    idempotency_key: str | None = None,
) -> Call[Any]:
    """Describe a call by method, path and parameters, for operations that this version has no method for."""
    method, path, given = check_raw(method, path, params)
    if idempotency_key is not None:
        if method != "POST":
            raise wrong("idempotency_key", f"idempotency_key is only for POST, not for {method}: leave it out.")
        idempotency_key = check_idempotency_key(idempotency_key)
    publishable = (method, path) == ("POST", "/v1/payment_methods")
    places = path.split("/")
    places[3::2] = ["{id}"] * len(places[3::2])  # `/v1/customers/{id}/...`, so that no id is logged
    return Call(
        method,
        "/".join(places),
        returns,
        given,
        path=path,
        many=many,
        idempotency_key=idempotency_key,
        publishable=publishable,
    )


def GET(template: str, returns: type[T], *, id: str) -> Call[T]:
    """Describe retrieving one object."""
    return Call("GET", template, returns, {}, id=id)


def LIST(template: str, item: type[T], **params: Any) -> Call[Page[T]]:
    """Describe listing objects; parameters that are `None` are left out."""
    if params.get("starting_after") is not None and params.get("ending_before") is not None:
        raise InvalidRequestError(
            "Both starting_after and ending_before were given: pass one of them.",
            type="invalid_request_error",
            param="ending_before",
        )
    return Call("GET", template, item, check_params(params), many=True)


def POST(
    template: str,
    returns: type[T],
    *,
    id: str | None = None,
    idempotency_key: str | None = None,
    publishable: bool = False,
    required: tuple[str, ...] = (),
    **params: Any,
) -> Call[T]:
    """Describe a POST; parameters that are `None` are left out, or refused if `required`."""
    if idempotency_key is not None:
        idempotency_key = check_idempotency_key(idempotency_key)
    return Call(
        "POST",
        template,
        returns,
        check_params(params, required),
        id=id,
        idempotency_key=idempotency_key,
        publishable=publishable,
    )


def PUT(template: str, returns: type[T], *, id: str, required: tuple[str, ...] = (), **params: Any) -> Call[T]:
    """Describe updating an object: `NOT_GIVEN` is left out, `None` clears a field, or is refused if `required`."""
    given = {name: value for name, value in params.items() if not isinstance(value, NotGiven)}
    checked = check_params(given, required)
    return Call("PUT", template, returns, {name: checked.get(name) for name in given}, id=id)


def DELETE(template: str, returns: type[T], *, id: str) -> Call[T]:
    """Describe deleting an object."""
    return Call("DELETE", template, returns, {}, id=id)
