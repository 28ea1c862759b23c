"""What the API refuses, and the body it says it with. Reference: Error Handling, "Error Response Format"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from finsecure import _redact

DOCS = "https://developers.finsecure.com/"
"""Where the documentation of this package is published."""

_PAGES = {"card_error": "errors#declines", "idempotency_error": "retries#your-own-key"}
"""The page that explains a type of error, and its heading; `_PAGE` explains the others."""

_PAGE = "errors#what-to-do"

_CARD_NUMBER = re.compile(r"\d(?:[ -]?\d){12,}")


class Problem(Exception):  # noqa: N818 - an answer of the API, not an error of this program
    """A request that is answered with an error and leaves no trace in the sandbox's state.

    (A declined payment does leave one, so it is an answer and not a `Problem`.)
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
    """The object under `error`, without the members that do not apply."""
    members = {"type": type, "code": code, "decline_code": decline_code, "message": message, "param": param}
    return {name: value for name, value in members.items() if value is not None} | {
        "doc_url": DOCS + _PAGES.get(type, _PAGE)
    }


def invalid(message: str, param: str | None = None, *, code: str | None = None) -> Problem:
    """400: a parameter is wrong, or the state does not allow what was asked."""
    return Problem(400, "invalid_request_error", message, param=param, code=code)


def unexpected_state(message: str, param: str | None = None) -> Problem:
    """400: the object's status does not allow the operation."""
    return invalid(message, param, code="unexpected_state")


def missing(kind: str, ident: str, param: str | None = None) -> Problem:
    """404: there is no such object."""
    message = f"No such {kind}: '{shown(ident)}'"
    return Problem(404, "invalid_request_error", message, param=param, code="resource_missing")


def not_allowed(method: str, *methods: str) -> Problem:
    """405: the path takes other methods."""
    names = ", ".join(methods)
    message = f"{shown(method)} is not allowed here: use {names}."
    return Problem(405, "invalid_request_error", message, headers={"Allow": names})


def authentication(status: int, message: str) -> Problem:
    """401 for a key that is not accepted, 403 for one that may not do this."""
    return Problem(status, "authentication_error", message)


@contextmanager
def as_python_errors() -> Generator[None, None, None]:
    """Tell a caller in Python what a request would be told: a `LookupError` for 404, else a `ValueError`."""
    try:
        yield
    except Problem as problem:
        error_class = LookupError if problem.status == 404 else ValueError
        raise error_class(str(problem)) from None


def holds_card_number(text: str) -> bool:
    """Whether a card number is in a text: a brand's prefix and length and the Luhn digit, in any script's digits."""
    if not text.isascii():
        text = "".join(str(unicodedata.digit(character, character)) for character in text)
    return _redact.has_card_number(text)


def shown(text: str) -> str:
    """Text from outside as it may be repeated: whatever looks like a card number is masked."""
    text = _CARD_NUMBER.sub("[number]", text)
    return "[number]" if holds_card_number(text) else text
