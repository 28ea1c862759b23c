"""The client behind `finsecure.PaymentIntent.create(...)`: made when it is first needed, from what was configured."""

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
    """What was configured, and the client made of it; replaced as a whole."""

    options: dict[str, Any]
    api_key: str | None  # finsecure.api_key, when the client was made
    client: Client | None
    owner: Client | None  # whose connections the clients of all keys share
    others: dict[str, Client]  # of the keys before, for programs that alternate them


KEYS = 100  # so many clients are kept

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
    """Set the options of module-level calls, `finsecure.PaymentIntent.create(...)`. Replaces earlier ones.

    Args:
        http_client: Your own `httpx.Client`. You close it.
        transport: The HTTP library to send with, as for `finsecure.Client`.
        **options: Any of `api_key`, `base_url`, `timeout`, `max_retries`, `deadline`, `max_response_size`,
            `api_version`, `app_info` and `clock`, as for `finsecure.Client`. An `api_key` given here becomes
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
        made = Client(api_key, **settings)  # so that a wrong option is refused here, not at the first payment
    except AuthenticationError:
        if options.get("api_key") is not None:
            raise  # where no key was given, it may still come
    with _lock:
        before, _state = _state, State(settings, api_key, made, made, {})
        module.api_key = api_key
    if before.owner is not None:
        before.owner.close()


def client() -> Client:
    """The default client: one for each `finsecure.api_key`, all on the same connections."""
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
    # Without a key the environment is asked again, which may have another one by now.
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
    """Make a call that this version has no method for, with the default client; see `Client.request`.

    Args:
        method: `GET`, `POST`, `PUT` or `DELETE`.
        path: The path of the API, beginning with `/v1/`. The host is the client's.
        params: The JSON body of a POST or PUT; the query of a GET or DELETE, without those that are `None`.
        returns: The class of the returned object. By default a `finsecure.Object`, which keeps every field.
        idempotency_key: Names this POST, for 24 hours; by default a random key, shared by its retries.

    Returns:
        The object, of the class that `returns` names.

    Raises:
        finsecure.InvalidRequestError: The method, the path or a parameter cannot be sent; `param` names it.
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
    """List objects that this version has no method for, with the default client; see `Client.request_list`.

    Args:
        path: The path of the list, beginning with `/v1/`.
        params: The query, for example `{"limit": 100}`.
        returns: The class of each object. By default a `finsecure.Object`, which keeps every field.

    Returns:
        The first page, as `list` methods return it.

    Raises:
        finsecure.InvalidRequestError: The path or a parameter cannot be sent; `param` names it.
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
