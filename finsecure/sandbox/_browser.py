"""Requests from web pages, which may create payment methods with the publishable key, and nothing else.

Rules: cross-origin resource sharing (CORS) is only for the operations that a publishable key may call. A secret key
from a page is refused, since everybody who opens the page can read it. A browser first sends a preflight request
(`OPTIONS`), which has no key. Reference: Authentication, "Key Types".
"""

from __future__ import annotations

from dataclasses import replace

from ._http import Request, Response
from ._problems import authentication
from ._routes import open_to_publishable

_ANYWHERE = {"Access-Control-Allow-Origin": "*"}

_PERMISSION = {
    **_ANYWHERE,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, FinSecure-Version, Idempotency-Key",
    "Access-Control-Max-Age": "600",
}
"""The headers of a preflight response. Any origin is allowed: there are no cookies, and the key identifies the page."""

_READABLE = {**_ANYWHERE, "Access-Control-Expose-Headers": "Idempotent-Replayed, Request-Id, Retry-After"}
"""The headers that let a page read a response, and some of its headers."""


def asks_first(request: Request) -> bool:
    """Whether this is a preflight request for an operation that a page may call."""
    method = request.headers.get("access-control-request-method", "")
    is_question = request.method == "OPTIONS" and "origin" in request.headers
    return is_question and open_to_publishable(method, request.path)


def permission() -> Response:
    """Return the response to a preflight request."""
    return Response(204, _PERMISSION, b"")


def refuse_secret_key(request: Request) -> None:
    """Refuse a secret key from a web page. Only browsers send these headers, and a page cannot remove them.

    Raises:
        Problem: 403.
    """
    if _has_secret_key(request) and ("origin" in request.headers or "sec-fetch-site" in request.headers):
        raise authentication(
            403, "A secret key must not be in a page, where anybody can read it: use the publishable key (pk_test_...)."
        )


def foreign(request: Request) -> str | None:
    """Return the name of the header that shows that a page of another origin sent this request.

    Returns:
        `Origin`, `Sec-Fetch-Site`, or `None` if the request is not from such a page. Only browsers send these headers.
    """
    if request.headers.get("origin", request.origin) != request.origin:
        return "Origin"
    return None if request.headers.get("sec-fetch-site", "none") in ("same-origin", "none") else "Sec-Fetch-Site"


def readable(request: Request, response: Response) -> Response:
    """Add the CORS headers to a response, if the page may read it."""
    may = "origin" in request.headers and open_to_publishable(request.method, request.path)
    if not may or _has_secret_key(request):
        return response
    return replace(response, headers={**response.headers, **_READABLE})


def _has_secret_key(request: Request) -> bool:
    return request.headers.get("authorization", "").partition(" ")[2].strip().startswith("sk_")
