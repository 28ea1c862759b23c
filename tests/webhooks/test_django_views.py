"""`django_view` and `django_async_view`: what they answer, and which of Django's habits they are exempt from.

The example under `examples/django_shop` is served over real sockets by `tests/test_examples.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from finsecure import webhooks
from finsecure.webhooks import Handler, MemoryInbox, django_async_view, django_view, sign
from finsecure.webhooks.apps import LIMIT

from . import django_app
from .places import SECRET, event_json

BODY = event_json("evt_1").encode()
SIGNED = {"FinSecure-Signature": sign(BODY, SECRET)}
Request = Callable[..., Any]


@pytest.fixture
def handled() -> list[str]:
    """The ids of the events that the function was called for."""
    return []


@pytest.fixture
def webhook(handled: list[str]) -> Handler:
    webhook = Handler(SECRET, inbox=MemoryInbox())

    @webhook.on("customer.created")
    def note(event: webhooks.CustomerCreated) -> None:  # pyright: ignore[reportUnusedFunction]
        handled.append(event.id)

    return webhook


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, webhook: Handler) -> Request:
    """Call a view with a request; the answer."""
    from django.test import AsyncRequestFactory, RequestFactory

    def ask(method: str = "POST", body: bytes = BODY, headers: Any = SIGNED, given: Any = None) -> Any:
        if request.param == "sync":
            made = RequestFactory().generic(method, "/", body, "application/json", headers=headers)
            return django_view(webhook)(given or made)
        made_async: Any = AsyncRequestFactory().generic(method, "/", body, "application/json", headers=headers)
        return anyio.run(django_async_view(webhook), given or made_async)

    return ask


def test_an_event_is_handled_once_and_answered_with_200(ask: Request, handled: list[str]) -> None:
    assert [ask().status_code for _ in range(2)] == [200, 200]
    assert handled == ["evt_1"]


def test_what_is_not_signed_is_refused(ask: Request, handled: list[str]) -> None:
    assert ask(headers={}).status_code == 400
    assert handled == []


def test_only_post_is_allowed(ask: Request, handled: list[str]) -> None:
    answer = ask("GET")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert handled == []


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
def test_a_body_has_at_most_1_mib(ask: Request, size: int, status: int) -> None:
    body = BODY + b" " * (size - len(BODY))
    assert ask(body=body, headers={"FinSecure-Signature": sign(body, SECRET)}).status_code == status


def test_a_sender_that_has_gone_is_answered_with_400(ask: Request, handled: list[str]) -> None:
    """Django raises where the body ends too early; there is nobody to read an error page."""
    from django.http import HttpRequest, UnreadablePostError

    class Gone(HttpRequest):
        def read(self, *args: object, **kwargs: object) -> bytes:
            raise UnreadablePostError("gone")

    gone = Gone()
    gone.method = "POST"
    assert ask(given=gone).status_code == 400
    assert handled == []


@pytest.mark.parametrize("make", [django_view, django_async_view])
def test_a_view_is_exempt_from_csrf_checks_and_atomic_requests(webhook: Handler, make: Any) -> None:
    """Of every database, not only the default one: an async view would be refused for any."""
    alias = django_app.add_database("sqlite:///:memory:")
    view = make(webhook)
    assert view.csrf_exempt is True
    assert {"default", alias} <= view._non_atomic_requests
