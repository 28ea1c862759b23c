"""The client behind `finsecure.PaymentIntent.create(...)`: made when it is first needed, from what was configured."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from typing_extensions import Unpack

from . import _config, _runtime
from ._client import Client
from .error import AuthenticationError, without_frames

if TYPE_CHECKING:
    import httpx

    from ._config import ModuleOptions


class State(NamedTuple):
    """What was configured, and the client made of it; replaced as a whole."""

    options: dict[str, Any]
    api_key: str | None  # finsecure.api_key, when the client was made
    client: Client | None


NOTHING = State({}, None, None)
_state = NOTHING
_lock = threading.Lock()


@without_frames
def configure(
    *,
    http_client: httpx.Client | None = None,
    transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
    **options: Unpack[ModuleOptions],
) -> None:
    """Set up module-level use, `finsecure.PaymentIntent.create(...)`. Replaces what was configured before.

    Args:
        http_client: A ready `httpx.Client` to send with. Yours to close.
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
    _config.check_names(options)
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
        before, _state = _state, State(settings, api_key, made)
        module.api_key = api_key
    if before.client is not None:
        before.client.close()


def client() -> Client:
    """The default client. It is made anew when `finsecure.api_key` is another one than before."""
    global _state
    api_key: str | None = _module().api_key
    state = _state
    if state.client is not None and state.api_key == api_key:
        return state.client
    with _lock:
        if _state.client is None or _state.api_key != api_key:
            _state = State(_state.options, api_key, Client(api_key, **_state.options))
        return cast("Client", _state.client)


def _begin_anew() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it when the process forked


_runtime.in_child(_begin_anew)


def _module() -> Any:
    return sys.modules["finsecure"]
