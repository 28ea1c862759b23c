"""What a page in a browser may do: create payment methods with the publishable key, and nothing else.

Rules: cross-origin resource sharing (CORS) is for the operations that a publishable key may call, and for no other. A
secret key that comes from a page is refused, since everybody who opens the page can read it. A browser asks first, with
a request (`OPTIONS`) that carries no key, whether the page may send one. Reference: Authentication, "Key Types".
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
"""The answer to a browser that asks first. Without cookies any origin may: the key says whose page it is."""

_READABLE = {**_ANYWHERE, "Access-Control-Expose-Headers": "Idempotent-Replayed, Request-Id, Retry-After"}
"""What lets a page read an answer, and which of its headers."""


def asks_first(request: Request) -> bool:
    """Whether a browser asks for something that a page may do."""
    method = request.headers.get("access-control-request-method", "")
    is_question = request.method == "OPTIONS" and "origin" in request.headers
    return is_question and open_to_publishable(method, request.path)


def permission() -> Response:
    """Yes, it may."""
    return Response(204, _PERMISSION, b"")


def refuse_secret_key(request: Request) -> None:
    """Refuse a secret key that a page sends. Browsers alone send these headers, and no page can leave them out.

    Raises:
        Problem: 403.
    """
    if _has_secret_key(request) and ("origin" in request.headers or "sec-fetch-site" in request.headers):
        raise authentication(
            403, "A secret key must not be in a page, where anybody can read it: use the publishable key (pk_test_...)."
        )


def foreign(request: Request) -> str | None:
    """The header that says that a page of another origin asks. Browsers alone send these headers."""
    if request.headers.get("origin", request.origin) != request.origin:
        return "Origin"
    return None if request.headers.get("sec-fetch-site", "none") in ("same-origin", "none") else "Sec-Fetch-Site"


def readable(request: Request, response: Response) -> Response:
    """An answer that the page that asked can read, where it may."""
    may = "origin" in request.headers and open_to_publishable(request.method, request.path)
    if not may or _has_secret_key(request):
        return response
    return replace(response, headers={**response.headers, **_READABLE})


def _has_secret_key(request: Request) -> bool:
    return request.headers.get("authorization", "").partition(" ")[2].strip().startswith("sk_")
