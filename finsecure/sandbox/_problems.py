"""The errors of the API, and the bodies of their responses. Reference: Error Handling, "Error Response Format"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from finsecure import _redact

DOCS = "https://developers.finsecure.com/"
"""The URL of this package's documentation."""

_PAGES = {"card_error": "errors#declines", "idempotency_error": "retries#your-own-key"}
"""The page and heading of the documentation for a type of error. The others are on `_PAGE`."""

_PAGE = "errors#what-to-do"

_CARD_NUMBER = re.compile(r"\d(?:[ -]?\d){12,}")


class Problem(Exception):  # noqa: N818 - a response of the API, not an error of this program
    """Raised to respond with an error, without any change of the sandbox's state.

    A declined payment does change the state, so it is a normal result of its operation and not a `Problem`.
    """

    def __init__(
        self,
        status: int,
        type: str,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"error": error(type, message, param=param, code=code)}


def error(
    type: str, message: str, *, param: str | None = None, code: str | None = None, decline_code: str | None = None
) -> dict[str, Any]:
    """Return the `error` object of a response, without the members that do not apply."""
    members = {"type": type, "code": code, "decline_code": decline_code, "message": message, "param": param}
    return {name: value for name, value in members.items() if value is not None} | {
        "doc_url": DOCS + _PAGES.get(type, _PAGE)
    }


def invalid(message: str, param: str | None = None, *, code: str | None = None) -> Problem:
    """Return a 400: a parameter is wrong, or the state does not allow the operation."""
    return Problem(400, "invalid_request_error", message, param=param, code=code)


def unexpected_state(message: str, param: str | None = None) -> Problem:
    """Return a 400: the object's status does not allow the operation."""
    return invalid(message, param, code="unexpected_state")


def missing(kind: str, ident: str, param: str | None = None) -> Problem:
    """Return a 404: there is no such object."""
    message = f"No such {kind}: '{shown(ident)}'"
    return Problem(404, "invalid_request_error", message, param=param, code="resource_missing")


def not_allowed(method: str, *methods: str) -> Problem:
    """Return a 405, with the methods that the path accepts."""
    names = ", ".join(methods)
    message = f"{shown(method)} is not allowed here: use {names}."
    return Problem(405, "invalid_request_error", message, headers={"Allow": names})


def authentication(status: int, message: str) -> Problem:
    """Return a 401 for a key that is not accepted, or a 403 for one without permission."""
    return Problem(status, "authentication_error", message)


@contextmanager
def as_python_errors() -> Generator[None, None, None]:
    """Convert a `Problem` for a caller in Python: to a `LookupError` for a 404, otherwise to a `ValueError`."""
    try:
        yield
    except Problem as problem:
        error_class = LookupError if problem.status == 404 else ValueError
        raise error_class(str(problem)) from None


def holds_card_number(text: str) -> bool:
    """Whether a text contains a card number: a brand's prefix and length, and a valid Luhn digit, in any script."""
    if not text.isascii():
        text = "".join(str(unicodedata.digit(character, character)) for character in text)
    return _redact.has_card_number(text)


def shown(text: str) -> str:
    """Mask anything that looks like a card number, so that a text from a request can be repeated."""
    text = _CARD_NUMBER.sub("[number]", text)
    return "[number]" if holds_card_number(text) else text
