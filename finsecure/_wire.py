"""Between our values and HTTP: encode a `Call`, decode an answer. No I/O here."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, cast
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, from_json
from typing_extensions import override

from . import _forks, error
from ._call import Call, LastResponse
from ._pages import Page
from ._retry import Exchange, Failure, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._config import Config
    from .resources.payment_intents import PaymentIntent

T = TypeVar("T")


class Request:
    """One HTTP request, made once and sent as often as it takes."""

    __slots__ = ("body", "headers", "idempotency_key", "max_response_size", "method", "repeatable", "target")

    def __init__(
        self,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
        idempotency_key: str | None,
        max_response_size: int,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.idempotency_key = idempotency_key
        self.max_response_size = max_response_size  # bytes, decompressed
        self.repeatable = idempotency_key is not None or method != "POST"  # doing it twice is the same as once

    @override
    def __repr__(self) -> str:
        return f"<Request {self.method}>"  # headers and body hold secrets


class Answer(NamedTuple):
    """One HTTP response, read to its end."""

    status: int
    headers: dict[bytes, bytes]  # by lower-case name
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"<Answer {self.status}>"  # the body may hold secrets

    def header(self, name: bytes) -> str | None:
        """A header's value, where it came."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def lower_names(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by lower-case name."""
    return {name.lower(): value for name, value in headers}


def encode(call: Call[Any], config: Config) -> Request:
    """The request that a call stands for, key and all."""
    config.check_allowed(call)
    target = config.origin.prefix + call.path
    # What may be refused comes first: from here on there are secrets in local variables, which a traceback may show.
    query = _query(call.params) if call.method == "GET" else ""
    body = _json(call.params) if call.method in _WITH_BODY else b""
    if query is None or body is None:
        raise _not_json(call.params)
    headers = list(config.headers)
    limit = config.max_response_size
    if call.method not in _WITH_BODY:
        return Request(call.method, f"{target}?{query}" if query else target, headers, None, None, limit)
    headers.append((b"Content-Type", b"application/json"))
    headers.append((b"Content-Length", b"%d" % len(body)))
    if call.method != "POST":
        return Request(call.method, target, headers, body, None, limit)
    key = call.idempotency_key or os.urandom(16).hex()  # random, and never the same in a forked process
    headers.append((b"Idempotency-Key", key.encode()))
    return Request("POST", target, headers, body, key, limit)


def _query(params: dict[str, Any]) -> str | None:
    pairs: list[tuple[str, Any]] = []
    for name, value in params.items():
        if isinstance(value, dict):
            pairs.extend((f"{name}[{key}]", inner) for key, inner in cast("dict[str, Any]", value).items())
        else:
            pairs.append((name, value))
    try:
        return urlencode(pairs)
    except UnicodeEncodeError:
        return None


def _json(params: dict[str, Any]) -> bytes | None:
    try:
        return _ENCODER.encode(params).encode()
    except (TypeError, ValueError, RecursionError):
        return None


_WITH_BODY = frozenset({"POST", "PUT"})
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _not_json(params: dict[str, Any]) -> error.InvalidRequestError:
    """Says which parameter it is, never what is in it."""
    for name, value in params.items():
        try:
            _ENCODER.encode(value).encode()
        except UnicodeEncodeError:
            why = "has text that does not encode as UTF-8 (a lone surrogate)"
        except (TypeError, ValueError, RecursionError):
            why = "has a value that JSON does not have (only dict, list, str, int, finite float, bool and None)"
        else:
            continue
        return error.InvalidRequestError(
            f"{name} {why}: pass plain values. Nothing was sent.", type="invalid_request_error", param=name
        )
    return error.InvalidRequestError("A parameter is no JSON value. Nothing was sent.", type="invalid_request_error")


def decode(exchange: Exchange, answer: Answer) -> Any:
    """What an answer becomes: the object or page that was asked for, or a `Failure`."""
    if 200 <= answer.status < 300:
        return _success(exchange, answer)
    return exchange.judge(Failure("answer", _error(exchange, answer)))


def _success(exchange: Exchange, answer: Answer) -> Any:
    call = exchange.call
    try:
        found = validator(call.returns, call.many).validate_json(answer.body)
    except ValidationError as exc:
        return _malformed(exchange, answer, what_is_wrong(exc))
    response = LastResponse(
        status_code=answer.status,
        request_id=answer.header(b"request-id"),
        attempts=exchange.attempts,
        elapsed=exchange.elapsed(),
        idempotency_key=exchange.request.idempotency_key,
        idempotent_replayed=answer.headers.get(b"idempotent-replayed") == b"true",
    )
    if not call.many:
        if call.id is not None and found.id != call.id:
            return _malformed(exchange, answer, "it has another id")
        found.__dict__["_last_response"] = response
        return found
    why = _leads_nowhere(call, found)
    if why is not None:
        return _malformed(exchange, answer, why)
    return Page(call, found.data, found.has_more, found.url, response)


def _leads_nowhere(call: Call[Any], found: _List[Any]) -> str | None:
    """Why a page cannot be followed by another, where it says that one follows."""
    if found.has_more and not found.data:
        return "an empty page says that more follows"
    cursor = call.params.get("starting_after") or call.params.get("ending_before")
    if cursor is not None and any(item.id == cursor for item in found.data):
        return "the page has the object again that it was to go on from"
    return None


def _malformed(exchange: Exchange, answer: Answer, why: str) -> Failure:
    failure = Failure(
        "malformed",
        error.APIError(
            f"The API answered HTTP {answer.status}, but not with the {_wanted(exchange.call)} that was asked for: "
            f"{why}.",
            http_status=answer.status,
            request_id=answer.header(b"request-id"),
        ),
    )
    return exchange.judge(failure)


def _wanted(call: Call[Any]) -> str:
    returns: Any = call.returns
    name = returns.__name__ if isinstance(returns, type) else "Event"  # a union, whose own name tells nothing
    return f"page of {name} objects" if call.many else name


def what_is_wrong(exc: ValidationError) -> str:
    """Where and how an answer is not what it should be; never what it holds."""
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return "it is no whole JSON text in UTF-8, or one too deeply nested"
    if any(error["type"] in _NUMBERS for error in errors):
        return "it has NaN, Infinity or a number too large to hold"
    # Of a union the known arms come first; their names are no part of the place.
    first = next((error for error in errors if not error["type"].startswith("union_tag")), errors[0])
    place = ".".join(str(step) for step in first["loc"] if str(step).isidentifier() and str(step).islower())
    return f"{place or 'it'} is not what it should be ({first['type']})"


_NUMBERS = frozenset({"finite_number", "greater_than", "less_than"})


def _error(exchange: Exchange, answer: Answer) -> error.FinSecureError:
    try:
        body: Any = from_json(answer.body, allow_inf_nan=False)
    except ValueError:
        body = None
    found = error.from_response(
        answer.status,
        body,
        request_id=answer.header(b"request-id"),
        retry_after=retry_after(answer.header(b"retry-after"), exchange.config.clock.time()),
        payment_intent=_payment_intent(body),
    )
    if 300 <= answer.status < 400:
        found.message = f"The API answered HTTP {answer.status}, a redirect, which is never followed: check base_url."
    return found


def _payment_intent(body: Any) -> PaymentIntent | None:
    """The PaymentIntent of an error, which carries only a few of its fields and not even its `object`."""
    from .resources.payment_intents import PaymentIntent  # most programs never see a decline

    try:
        partial: Any = body["error"]["payment_intent"]
        found: PaymentIntent = validator(PaymentIntent).validate_python({"object": "payment_intent", **partial})
    except (TypeError, KeyError, ValidationError):
        return None
    return found


class _List(BaseModel, Generic[T]):
    """A page as the API sends it. Reference: Consistency Standards, Pagination."""

    model_config = ConfigDict(strict=True)

    object: Literal["list"]
    data: list[T]
    has_more: bool
    url: str | None = None


_validators: dict[tuple[Any, bool], SchemaValidator] = {}
_building = threading.Lock()


def _begin_anew() -> None:
    global _building
    _building = threading.Lock()  # another thread may have held it when the process forked


_forks.in_child(_begin_anew)


def validator(returns: Any, many: bool = False) -> SchemaValidator:
    """The validator of a model, or of a page of them; built once, by one thread."""
    found = _validators.get((returns, many))
    if found is None:
        with _building:
            found = _validators.get((returns, many))  # it may have been built while this thread waited
            if found is not None:
                return found
            page: Any = _List  # of what is only known here, which no type checker can read
            adapter: TypeAdapter[Any] = TypeAdapter(page[returns] if many else returns)
            adapter.rebuild(force=True)
            found = cast("SchemaValidator", adapter.validator)
            _validators[returns, many] = found
    return found
