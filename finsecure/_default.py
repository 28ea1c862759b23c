"""The client behind `finsecure.PaymentIntent.create(...)`: made when it is first needed, from what was configured."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import Unpack

from ._client import Client
from .error import AuthenticationError, without_frames

if TYPE_CHECKING:
    import httpx

    from ._config import Options

_lock = threading.Lock()
_options: dict[str, Any] = {}
_client: Client | None = None
_made_with: str | None = None  # finsecure.api_key, when the client was made


@without_frames
def configure(
    *,
    http_client: httpx.Client | None = None,
    transport: Literal["httpx", "httpx2", "pyreqwest"] = "httpx",
    **options: Unpack[Options],
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
    global _client, _options
    given: dict[str, Any] = dict(options)
    if "api_key" in given:
        _module().api_key = given.pop("api_key")
    with _lock:
        _options = {**given, "http_client": http_client, "transport": transport}
        if _client is not None:
            _client.close()
        _client = None
    if options or http_client is not None or transport != "httpx":
        try:
            client()  # so that a wrong option is refused here, not at the first payment
        except AuthenticationError:
            if "api_key" in options:
                raise  # where no key was given, it may still come


def client() -> Client:
    """The default client. It is made anew when `finsecure.api_key` is another one than before."""
    global _client, _made_with
    api_key: str | None = _module().api_key
    if _client is None or api_key != _made_with:
        with _lock:
            if _client is None or api_key != _made_with:
                _client = Client(api_key, **_options)
                _made_with = api_key
    return _client


def _module() -> Any:
    return sys.modules["finsecure"]
