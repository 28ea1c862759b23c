"""The default client, behind `finsecure.PaymentIntent.create(...)`: created on first use, as configured."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast, overload

from typing_extensions import Unpack

from . import _runtime
from ._client import Client, share_connections
from ._config import check_names
from .error import AuthenticationError, without_frames

if TYPE_CHECKING:
    import httpx

    from ._config import ModuleOptions
    from ._pages import Page
    from .resources._object import Object


T = TypeVar("T")


class State(NamedTuple):
    """The configured options and the client made with them. Replaced as a whole, so that readers need no lock."""

    options: dict[str, Any]
    api_key: str | None  # `finsecure.api_key` when the client was made
    client: Client | None
    owner: Client | None  # the client whose connections all the others share
    others: dict[str, Client]  # by earlier keys, for programs that switch between keys


KEYS = 100  # the most clients to keep

NOTHING = State({}, None, None, None, {})
_state = NOTHING
_lock = threading.Lock()


@without_frames
def configure(
    *,
    http_client: httpx.Client | None = None,
    transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
    **options: Unpack[ModuleOptions],
) -> None:
    """Set the options of module-level calls such as `finsecure.PaymentIntent.create(...)`.

    Calling it again replaces all options; those that you leave out go back to their defaults.

    Args:
        http_client: Your own `httpx.Client`. You close it.
        transport: The HTTP library to send with, as for `finsecure.Client`.
        **options: Any of `api_key`, `base_url`, `timeout`, `max_retries`, `deadline`, `max_response_size`,
            `api_version`, `app_info`, `default_headers` and `clock`, as for `finsecure.Client`. `api_key` also sets
            `finsecure.api_key`.

    Raises:
        finsecure.AuthenticationError: The key cannot be used.
        finsecure.InvalidRequestError: An option is wrong; `param` names it.

    Example:
        >>> finsecure.configure(api_key="sk_test_...", timeout=10, max_retries=3)
    """
    global _state
    check_names(options)
    given: dict[str, Any] = dict(options)
    module = _module()
    api_key: str | None = given.pop("api_key", module.api_key)
    settings: dict[str, Any] = {**given, "http_client": http_client, "transport": transport}
    made: Client | None = None
    try:
        made = Client(api_key, **settings)  # so that a wrong option is refused here, not by the first payment
    except AuthenticationError:
        if options.get("api_key") is not None:
            raise  # without one here, the program may still set `finsecure.api_key`
    owner = made
    with _lock:
        before = _state
        if made is not None and before.owner is not None and before.options == settings:
            owner = before.owner  # another key, or the same once more: on the same connections
            share_connections(made, owner)
        _state = State(settings, api_key, made, owner, {})
        module.api_key = api_key
    if before.owner is not None and before.owner is not owner:
        before.owner.close()


def client() -> Client:
    """Return the default client: one for each `finsecure.api_key`, all sharing their connections."""
    global _state
    api_key: str | None = _module().api_key
    state = _state
    if state.client is not None and state.api_key == api_key:
        return state.client
    with _lock:
        if _state.client is None or _state.api_key != api_key:
            _state = _switch(_state, api_key)
        return cast("Client", _state.client)


def _switch(state: State, api_key: str | None) -> State:
    others = dict(list(state.others.items())[1 - KEYS :])
    if state.client is not None and state.api_key is not None:
        others[state.api_key] = state.client
    # Without a key, make a new client each time: the environment may have another key by now.
    made = None if api_key is None else others.get(api_key)
    if made is None:
        made = Client(api_key, **state.options)
        if state.owner is not None:
            share_connections(made, state.owner)
    return State(state.options, api_key, made, state.owner or made, others)


@overload
def request(
    method: str,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    returns: type[T],
    idempotency_key: str | None = None,
) -> T: ...
@overload
def request(
    method: str, path: str, params: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
) -> Object: ...
@without_frames
def request(
    method: str,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    returns: Any = None,
    idempotency_key: str | None = None,
) -> Any:
    """Call an operation, or pass a parameter, that this version does not know; see `Client.request`.

    It uses the default client.

    Args:
        method: `GET`, `POST`, `PUT` or `DELETE`.
        path: The path of the API, beginning with `/v1/`. The host is the client's.
        params: The JSON body of a POST or PUT; the query of a GET or DELETE, without those that are `None`.
        returns: The class of the returned object. By default a `finsecure.Object`, which keeps every field.
        idempotency_key: Makes it safe to send this POST again within 24 hours. By default, a random key that is shared
            by the retries.

    Returns:
        The object, as an instance of `returns`.

    Raises:
        finsecure.InvalidRequestError: The method, the path or a parameter is not valid; `param` names it.
        finsecure.FinSecureError: As for any call; see `finsecure.error`.

    Example:
        >>> finsecure.request("GET", "/v1/customers/cus_1", returns=finsecure.Customer)

    Reference: RESTful Architecture.
    """
    return client().request(method, path, params, returns=returns, idempotency_key=idempotency_key)


@overload
def request_list(path: str, params: Mapping[str, Any] | None = None, *, returns: type[T]) -> Page[T]: ...
@overload
def request_list(path: str, params: Mapping[str, Any] | None = None) -> Page[Object]: ...
@without_frames
def request_list(path: str, params: Mapping[str, Any] | None = None, *, returns: Any = None) -> Any:
    """List objects of a kind that this version does not know; see `Client.request_list`.

    It uses the default client.

    Args:
        path: The path of the list, beginning with `/v1/`.
        params: The query, for example `{"limit": 100}`.
        returns: The class of each object. By default a `finsecure.Object`, which keeps every field.

    Returns:
        The first page. Iterate it for the objects of all pages.

    Raises:
        finsecure.InvalidRequestError: The path or a parameter is not valid; `param` names it.
        finsecure.FinSecureError: As for any call; see `finsecure.error`.

    Reference: Consistency Standards, Pagination.
    """
    return client().request_list(path, params, returns=returns)


def _begin_anew() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it when the process forked


_runtime.in_child(_begin_anew)


def _module() -> Any:
    return sys.modules["finsecure"]
