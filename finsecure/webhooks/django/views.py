"""Django views of a handler. They accept only POST, with bodies up to 1 MiB.

They are exempt from CSRF checks, since the signature proves where a request comes from. They are exempt from
ATOMIC_REQUESTS, since the inbox commits its own transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from ..apps import LIMIT, too_large

if TYPE_CHECKING:
    from ..handler import Handler

View = TypeVar("View", bound=Callable[..., Any])


def django_view(webhook: Handler) -> Callable[[HttpRequest], HttpResponse]:
    """Return a Django view that passes each POST to `handle` and responds with the outcome's status.

    It is exempt from CSRF checks and from ATOMIC_REQUESTS. It responds with 413 to bodies above 1 MiB, and with 405 to
    other methods.

    Args:
        webhook: The handler.

    Returns:
        The view, for your URLconf.

    Example:
        >>> urlpatterns = [path("webhooks", django_view(webhook))]

    Reference: Webhooks.
    """

    def view(request: HttpRequest) -> HttpResponse:
        body = _body(request)
        return _answer(body if isinstance(body, int) else webhook.handle(body, _signature(request)).status)

    return _exempt(view)


def django_async_view(webhook: Handler) -> Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]:
    """Return an async Django view that passes each POST to `handle_async`. Otherwise like `django_view`.

    Args:
        webhook: The handler.

    Returns:
        The view, for your URLconf.

    Example:
        >>> urlpatterns = [path("webhooks", django_async_view(webhook))]

    Reference: Webhooks.
    """

    async def view(request: HttpRequest) -> HttpResponse:
        body = _body(request)
        return _answer(
            body if isinstance(body, int) else (await webhook.handle_async(body, _signature(request))).status
        )

    return _exempt(view)


def _body(request: HttpRequest) -> bytes | int:
    """Return the whole body, or the status to respond with if it cannot be read."""
    if request.method != "POST":
        return 405
    try:
        body: bytes = request.read(LIMIT + 1)
    except UnreadablePostError:
        return 400  # the sender disconnected
    return body if len(body) <= LIMIT else too_large()


def _signature(request: HttpRequest) -> str | None:
    return request.headers.get("FinSecure-Signature")


def _answer(status: int) -> HttpResponse:
    return HttpResponse(status=status, headers={"Allow": "POST"} if status == 405 else {})


def _exempt(view: View) -> View:
    exempt = csrf_exempt(view)
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(exempt)
    return exempt
