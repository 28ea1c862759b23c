"""Makes mocks of httpx work, although we do not send through httpx's clients.

VCR.py, pytest-httpx, respx and `mock.patch` replace methods of httpx. While one of these methods is replaced, requests
are sent through an `httpx.Client`, which calls the replacement; requests that it passes on are sent over our own pool.
Otherwise, a test that looks mocked would make real payments.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._http import Origin, Request
    from .deadline import Deadline

_SEND = ("send", "_send_single_request", "_transport_for_url")
SYNC = (*(("Client", name) for name in _SEND), ("HTTPTransport", "handle_request"))
CORE = (("ConnectionPool", "handle_request"), ("AsyncConnectionPool", "handle_async_request"))  # respx, in httpcore
ASYNC = (*(("AsyncClient", name) for name in _SEND), ("AsyncHTTPTransport", "handle_async_request"))

# Sentry wraps `Client.send` in production to time it, so a method of Sentry is not a mock. Wrappers of other tracing
# tools forward attributes to the method they wrap, and so look like httpx's own.
_NO_MOCKS = frozenset({"httpx", "httpx2", "httpcore", "sentry_sdk"})
_seen: dict[tuple[Any, Any], list[Any]] = {}  # the methods found not to be mocks when last checked


def mocked(names: tuple[str, ...], methods: tuple[tuple[str, str], ...]) -> Any:
    """Return the first of these modules with a mocked method; `None` if there is none."""
    for name in names:
        module = sys.modules.get(name)
        if module is not None and _is_mocked(module, methods):
            return module
    return None


def _is_mocked(module: Any, methods: tuple[tuple[str, str], ...]) -> bool:
    current = [getattr(getattr(module, owner), name) for owner, name in methods]
    if current == _seen.get((module, methods)):
        return False
    # Not `__module__`, which `functools.wraps` copies.
    homes = {getattr(method, "__globals__", {}).get("__name__", "").partition(".")[0] for method in current}
    if not homes <= _NO_MOCKS:
        return True
    _seen[module, methods] = current
    return False


def through_client(httpx: Any, pool: Any, request: Request, origin: Origin, deadline: Deadline) -> Any:
    """Send through an `httpx.Client` over this pool, and return its response."""
    with_pool = object.__new__(httpx.HTTPTransport)
    with_pool._pool = pool
    client = httpx.Client(transport=with_pool, trust_env=False)
    return client.send(_request(httpx, request, origin, deadline), stream=True, auth=None, follow_redirects=False)


async def through_async_client(httpx: Any, pool: Any, request: Request, origin: Origin, deadline: Deadline) -> Any:
    """Send through an `httpx.AsyncClient` over this pool, and return its response."""
    with_pool = object.__new__(httpx.AsyncHTTPTransport)
    with_pool._pool = pool
    client = httpx.AsyncClient(transport=with_pool, trust_env=False)
    made = _request(httpx, request, origin, deadline)
    return await client.send(made, stream=True, auth=None, follow_redirects=False)


def _request(httpx: Any, request: Request, origin: Origin, deadline: Deadline) -> Any:
    return httpx.Request(
        request.method,
        f"{origin.scheme}://{origin.authority}{request.target}",
        headers=request.headers,
        content=request.body,
        extensions={"timeout": dict.fromkeys(("pool", "connect", "write", "read"), deadline)},
    )
