"""The rule of `maybe_executed`, once: the tests of each door and transport, and the docs, are held to this table.

    status x type x detail  ->  may it have been carried out, where no attempt before may have been;
                                where one may have been, for a POST (it has a key); for a PUT or DELETE (they have none)

A GET changes nothing, so it is never carried out in this sense.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row of the rule, as docs/errors.md shows it."""

    status: str
    type: str
    detail: str
    alone: bool
    after_post: bool
    after_other: bool


RULE = [
    Row("none", "", "nothing was sent", alone=False, after_post=True, after_other=True),
    Row("none", "", "sent, then lost", alone=True, after_post=True, after_other=True),
    Row("2xx", "", "not the requested object", alone=True, after_post=True, after_other=True),
    Row("400, 404, 405, 415, 422", "invalid_request_error", "", alone=False, after_post=False, after_other=True),
    Row(
        "400, 404, 405, 415, 422",
        "invalid_request_error",
        "`code` is `unexpected_state`, or `param` is `amount`",
        alone=False,
        after_post=True,
        after_other=True,
    ),
    Row("400", "idempotency_error", "", alone=False, after_post=False, after_other=True),
    Row("402", "card_error", "", alone=False, after_post=False, after_other=True),
    Row("401, 403", "authentication_error", "", alone=False, after_post=True, after_other=True),
    Row("409", "invalid_request_error", "", alone=False, after_post=True, after_other=True),
    Row(
        "409",
        "invalid_request_error",
        "`code` is `idempotency_key_in_use`",
        alone=True,
        after_post=True,
        after_other=True,
    ),
    Row("429", "rate_limit_error", "", alone=False, after_post=True, after_other=True),
    Row("5xx", "api_error", "", alone=True, after_post=True, after_other=True),
    Row("any other, or with another type or none", "", "", alone=True, after_post=True, after_other=True),
]

DETAILS: dict[str, list[dict[str, str]]] = {
    "": [{}],
    "`code` is `unexpected_state`, or `param` is `amount`": [{"code": "unexpected_state"}, {"param": "amount"}],
    "`code` is `idempotency_key_in_use`": [{"code": "idempotency_key_in_use"}],
}
SERVER_ERRORS = (500, 501, 502, 503, 504, 505, 520, 529, 599)
TYPES = sorted({row.type for row in RULE if row.type})


class Answer(NamedTuple):
    """An answer that falls under a row."""

    row: Row
    status: int
    body: bytes

    def may_be_done(self, method: str, *, opened: bool) -> bool:
        """What the rule says: `opened` where an attempt before may have been carried out."""
        if method == "GET":
            return False
        if not opened:
            return self.row.alone
        return self.row.after_post if method == "POST" else self.row.after_other


def error(type: object = None, **details: object) -> bytes:
    """The documented shape."""
    return json.dumps({"error": {"type": type, "message": "No.", **details}}).encode()


def documented() -> Iterator[Answer]:
    """Each status and type that agree, in each detail that matters."""
    for row in RULE:
        if row.type:
            statuses = SERVER_ERRORS if row.status == "5xx" else map(int, row.status.split(", "))
            for status in statuses:
                for detail in DETAILS[row.detail]:
                    yield Answer(row, status, error(row.type, **detail))


def undocumented() -> Iterator[Answer]:
    """What a gateway, a proxy or another program answers: the status of a refusal, and not the API's own shape."""
    agreed = {(answer.status, json.loads(answer.body)["error"]["type"]) for answer in documented()}
    for status in (300, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 415, 418, 422, 429, 451, *SERVER_ERRORS):
        for body in SHAPES:
            yield Answer(RULE[-1], status, body)
        for kind in TYPES:
            if (status, kind) not in agreed:
                yield Answer(RULE[-1], status, error(kind))


SHAPES: list[bytes] = [
    b"",
    b"<html><h1>Forbidden</h1></html>",
    b"null",
    b'["error"]',
    b'{"error": "invalid_request_error"}',
    b'{"type": "invalid_request_error", "message": "No."}',
    b'{"error": {"type": "invalid_request_error", "mess',
    error("not_found"),
    error(),
    error(["card_error"]),
    error(None, code="card_declined", decline_code="insufficient_funds"),
]


def answers() -> list[Answer]:
    """Every answer of the rule."""
    return [*documented(), *undocumented()]


def one_a_row() -> list[Answer]:
    """For tests over sockets: one answer a row and detail, and the undocumented ones that were seen to mislead."""
    seen: dict[Any, Answer] = {}
    for answer in documented():
        seen.setdefault((answer.row, answer.body), answer)
    misleading = [(403, SHAPES[1]), (404, error("not_found")), (402, SHAPES[0]), (429, SHAPES[1]), (400, SHAPES[5])]
    return [*seen.values(), *(Answer(RULE[-1], status, body) for status, body in misleading)]
