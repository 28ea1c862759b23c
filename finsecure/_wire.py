"""Encodes a `Call` as an HTTP request, and decodes the response. No I/O here."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from pydantic import ValidationError
from pydantic_core import from_json

from . import _answer, error
from ._call import Call, LastResponse
from ._http import Failure, Request, Response
from ._retry import retry_after
from .resources._validate import NO_JSON, PageData, checked, missing, validator

if TYPE_CHECKING:
    from ._config import Config
    from ._exchange import Exchange
    from .resources.payment_intents import PaymentIntent


@error.without_frames
def encode(call: Call[Any], config: Config) -> Request:
    """Encode a call as a request, with its idempotency key."""
    config.check_allowed(call)
    target = config.origin.prefix + call.path
    # Refuse bad values first: the local variables below hold secrets, which a traceback may show.
    query = "" if call.method in _WITH_BODY else _query(call.params)
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
    key = call.idempotency_key or os.urandom(16).hex()  # the system's randomness, which forked processes do not share
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
        return urlencode([(name, str(value).lower() if isinstance(value, bool) else value) for name, value in pairs])
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
    """Return an error that names the parameter, and does not show its value."""
    for name, value in params.items():
        try:
            _ENCODER.encode(value).encode()
        except UnicodeEncodeError:
            why = "has text that does not encode as UTF-8 (a lone surrogate)"
        except (TypeError, ValueError, RecursionError):
            why = "has a value that JSON cannot hold (only dict, list, str, int, finite float, bool and None)"
        else:
            continue
        return error.InvalidRequestError(
            f"{name} {why}: pass plain values. Nothing was sent.", type="invalid_request_error", param=name
        )
    return error.InvalidRequestError("A parameter is not a JSON value. Nothing was sent.", type="invalid_request_error")


def decode(exchange: Exchange, response: Response) -> Any:
    """Decode a response: return the requested object or page data, or a `Failure`."""
    if response.body.startswith(_answer.BYTE_ORDER_MARK):
        response = response._replace(body=response.body.removeprefix(_answer.BYTE_ORDER_MARK))
    if 200 <= response.status < 300:
        return _success(exchange, response)
    return exchange.add_context(Failure("answer", _error(exchange, response)))


def _success(exchange: Exchange, response: Response) -> Any:
    call = exchange.call
    if _answer.is_too_much(response.body, exchange.request.max_response_size):
        return _malformed(exchange, response, "it has more values or longer texts than any response of the API")
    validate = validator(call.returns, call.many).validate_json
    value, why = checked(validate, response.body)
    if value is None and (mended := _answer.without_half_pairs(response.body)) != response.body:
        value, why = checked(validate, mended)
    if value is None:
        return _malformed(exchange, response, why)
    last_response = LastResponse(
        status_code=response.status,
        request_id=response.header(b"request-id"),
        attempts=exchange.attempts,
        elapsed=exchange.elapsed(),
        idempotency_key=exchange.request.idempotency_key,
        idempotent_replayed=response.headers.get(b"idempotent-replayed") == b"true",
        _headers=response.headers,
    )
    misleading = _leads_nowhere(call, value) if call.many else _is_another(call, value)
    if misleading is not None:
        return _malformed(exchange, response, misleading)
    value.__dict__["_last_response"] = last_response
    return value


def _is_another(call: Call[Any], value: Any) -> str | None:
    """Say why an object is not the requested one; `None` if it is."""
    if call.id is not None and value.id != call.id:
        return "it has another id"
    name = missing(value)
    return None if name is None else f"{name} is missing"


def _leads_nowhere(call: Call[Any], value: PageData[Any]) -> str | None:
    """Say why the next page cannot be fetched after this one; `None` if it can."""
    if value.has_more and not value.data:
        return "the page is empty, but has_more is true"
    cursor = call.params.get("starting_after") or call.params.get("ending_before")
    if cursor is not None and any(item.id == cursor for item in value.data):
        return "the page repeats the object that it should continue from"
    return None


def _malformed(exchange: Exchange, response: Response, why: str) -> Failure:
    sentence = f"The API answered HTTP {response.status}, but not with the requested {_wanted(exchange.call)}: {why}."
    if why == NO_JSON and response.body[:64].lstrip()[:1] not in {b"{", b"["}:
        sentence += f" {_answer.not_ours(response)}"
    failure = Failure(
        "malformed",
        error.APIError(
            sentence,
            http_status=response.status,
            request_id=response.header(b"request-id"),
            body=_answer.text(response),
            headers=_answer.headers(response),
        ),
    )
    return exchange.add_context(failure)


def _wanted(call: Call[Any]) -> str:
    returns: Any = call.returns
    name = returns.__name__ if isinstance(returns, type) else "Event"  # the union of events has no name
    return f"page of {name} objects" if call.many else name


def _error(exchange: Exchange, response: Response) -> error.FinSecureError:
    parsed = _parsed(response.body, exchange.request.max_response_size)
    refusal = error.from_response(
        response.status,
        parsed,
        otherwise=_answer.not_ours(response) if error.documented(parsed) is None else None,
        request_id=response.header(b"request-id"),
        retry_after=retry_after(response.header(b"retry-after"), exchange.config.clock.time()),
        payment_intent=_payment_intent(parsed),
        body=_answer.text(response),
        headers=_answer.headers(response),
    )
    if 300 <= response.status < 400:
        target = refusal.headers.get("location", "").partition("?")[0]
        where = f" to {target}" if target else ""
        refusal.message = (
            f"The API answered HTTP {response.status}, a redirect{where}, which is not followed: check base_url."
        )
    return refusal


def _parsed(body: bytes, limit: int) -> Any:
    if _answer.is_too_much(body, limit):
        return None
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return None


def _payment_intent(body: Any) -> PaymentIntent | None:
    """Return the PaymentIntent of an error. It has only a few fields, and not even `object`."""
    from .resources.payment_intents import PaymentIntent  # slow to import, and only needed for errors

    try:
        partial: Any = body["error"]["payment_intent"]
        value: PaymentIntent = validator(PaymentIntent).validate_python(partial)
    except (TypeError, KeyError, ValidationError):
        return None
    return value
