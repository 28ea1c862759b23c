"""What goes wrong, as errors that say what, whose fault it is, and what to do. Reference: Error Handling."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import copy
import json
import pickle
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

import finsecure
from finsecure import error as errors
from finsecure.sandbox import Clock, Sandbox

from .conftest import KEY

if TYPE_CHECKING:
    from tests.conftest import Door

Error = finsecure.FinSecureError

PACKAGE = Path(finsecure.__file__).parent


def pay(api: Any) -> Any:
    return api.payment_intents.create(amount=2000, currency="usd", idempotency_key="order_1")


def look(api: Any) -> Any:
    return api.payment_intents.retrieve("pi_1")


def change(api: Any) -> Any:
    return api.payment_intents.update("pi_1", amount=2500)


def caught(door: Door, use: Callable[[Any], Any] = pay) -> Error:
    """The error that a call ends in."""
    with pytest.raises(Error) as raised:
        door.call(use)
    return raised.value


# ------------------------------------------------------------------------------------------------------------------
# Which class


KINDS: list[tuple[int, str | None, type[Error]]] = [
    (400, "invalid_request_error", finsecure.InvalidRequestError),
    (404, "invalid_request_error", finsecure.InvalidRequestError),
    (405, "invalid_request_error", finsecure.InvalidRequestError),
    (415, "invalid_request_error", finsecure.InvalidRequestError),
    (422, "invalid_request_error", finsecure.InvalidRequestError),
    (400, "idempotency_error", finsecure.IdempotencyError),
    (401, "authentication_error", finsecure.AuthenticationError),
    (403, "authentication_error", finsecure.AuthenticationError),
    (402, "card_error", finsecure.CardError),
    (409, "invalid_request_error", finsecure.IdempotencyError),
    (429, "rate_limit_error", finsecure.RateLimitError),
    *((status, "api_error", finsecure.APIError) for status in (500, 501, 502, 503, 504, 599)),
    # the type decides where it is known, the status where it is not
    (400, "rate_limit_error", finsecure.RateLimitError),
    (500, "card_error", finsecure.CardError),
    (402, "something_new", finsecure.APIError),
    (402, "invalid_request_error", finsecure.APIError),
    (402, None, finsecure.APIError),
    (401, None, finsecure.AuthenticationError),
    (418, "something_new", finsecure.InvalidRequestError),
    (429, None, finsecure.RateLimitError),
    (302, None, finsecure.APIError),
]


@pytest.mark.parametrize(("status", "type", "wanted"), KINDS)
def test_status_and_type_decide_the_class_and_every_attribute_arrives(
    open_door: Callable[..., Door],
    server: respx.MockRouter,
    clock: Clock,
    status: int,
    type: str | None,
    wanted: type[Error],
) -> None:
    body = {
        "error": {
            "type": type,
            "code": "some_code",
            "decline_code": "some_decline",
            "message": "What went wrong.",
            "param": "payment_method",
            "doc_url": "https://developers.finsecure.com/errors",
            "payment_intent": {"id": "pi_1", "status": "requires_payment_method"},
        }
    }
    server.route().respond(status, json=body, headers={"Request-Id": "req_1", "Retry-After": "7"})
    error = caught(open_door(clock=clock, max_retries=0))
    assert error.__class__ is wanted
    assert (error.type, error.code, error.decline_code) == (type, "some_code", "some_decline")
    assert (error.param, error.doc_url) == ("payment_method", "https://developers.finsecure.com/errors")
    assert (error.http_status, error.request_id, error.retry_after) == (status, "req_1", 7.0)
    assert error.idempotency_key == "order_1"
    assert error.payment_intent is not None
    assert error.payment_intent.to_dict()["status"] == "requires_payment_method"
    assert isinstance(error.payment_intent, finsecure.PaymentIntent)
    assert error.message == ("What went wrong." if status != 302 else error.message)


WRONG_BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"error"',
    b"7",
    b"{}",
    b'{"error": null}',
    b'{"error": "no"}',
    b'{"error": []}',
    b'{"error": {}}',
    b'{"error": {"type": 7, "message": null, "code": [], "payment_intent": 1}}',
    b'{"error": {"message": "x", "payment_intent": {"id": 7}}}',
    b'{"error": {"type": "x", "param": NaN}}',
    b'{"error": {"type',
    b"<html>Bad Gateway</html>",
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("status", [300, 400, 401, 402, 403, 404, 409, 418, 429, 500, 502, 503])
def test_a_body_of_any_shape_is_still_the_error_of_its_status(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, status: int
) -> None:
    door = open_door(clock=clock, max_retries=0)
    wanted = errors.BY_STATUS.get(status, finsecure.InvalidRequestError if 400 <= status < 500 else finsecure.APIError)
    for body in WRONG_BODIES:
        server.route().respond(status, content=body, headers={"Request-Id": "req_1"})
        error = caught(door)
        assert type(error) is wanted, body
        assert (error.http_status, error.request_id) == (status, "req_1")
        assert (error.payment_intent, error.code, error.param) == (None, None, None)
        assert str(error)


@given(
    st.integers(300, 599),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["error", "type", "message", "code", "param"]) | st.text(max_size=3), inner, max_size=4
            )
        ),
        max_leaves=6,
    ),
)
def test_no_body_can_break_an_error(status: int, body: Any) -> None:
    error = errors.from_response(status, body, request_id=None, retry_after=None, payment_intent=None)
    assert error.http_status == status
    assert str(error)
    assert {type(value) for value in (error.type, error.code, error.param, error.message)} <= {str, type(None)}


def test_an_error_of_a_shape_that_only_says_a_message_says_it(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(400, json={"error": {"message": "Missing required param: amount", "param": "amount"}})
    error = caught(wire, look)
    assert (type(error), error.param, error.type) == (finsecure.InvalidRequestError, "amount", None)
    assert str(error) == "Missing required param: amount (parameter amount; HTTP 400)"


def test_all_errors_are_finsecure_errors_and_importable_from_both_places() -> None:
    names = [name for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, Error)]
    assert len(names) == 15
    for name in names:
        assert getattr(finsecure, name) is getattr(errors, name)
    assert issubclass(finsecure.APITimeoutError, finsecure.APIConnectionError)


# ------------------------------------------------------------------------------------------------------------------
# Declines


ANOTHER = "Please use a different payment method or contact your bank."
ADVICE: list[tuple[str, str | None, str, str]] = [
    ("card_declined", "insufficient_funds", ANOTHER, "Request a different payment method."),
    (
        "card_declined",
        "expired_card",
        "Please update your card information with a valid expiration date.",
        "Request updated card information.",
    ),
    ("card_declined", "incorrect_cvc", "Please check your card's security code and try again.", "the correct CVC"),
    ("card_declined", "processing_error", "Please try your payment again.", "Retry the payment"),
    ("card_declined", "generic_decline", ANOTHER, "Request a different payment method"),
    ("card_declined", "lost_card", ANOTHER, "Do not tell the customer the reason"),
    ("card_declined", "stolen_card", ANOTHER, "Do not tell the customer the reason"),
    ("card_declined", "fraudulent", ANOTHER, "Do not tell the customer the reason"),
    ("incorrect_number", None, "Please check your card number and try again.", "the correct card number"),
    ("card_declined", None, ANOTHER, "Request a different payment method."),
    ("card_declined", "something_new", ANOTHER, "Request a different payment method."),
    ("expired_card", None, "Please update your card information with a valid expiration date.", "updated card"),
    ("something_new", "something_newer", "Please try a different payment method.", "Request a different"),
    ("something_new", None, "Please try a different payment method.", "Request a different"),
]


@pytest.mark.parametrize(("code", "decline_code", "user_action", "resolution"), ADVICE)
def test_a_decline_says_what_to_tell_the_customer_and_what_to_do(
    code: str, decline_code: str | None, user_action: str, resolution: str
) -> None:
    error = finsecure.CardError("No.", code=code, decline_code=decline_code)
    assert error.user_action == user_action
    assert resolution in error.resolution


DECLINES = {
    "4000000000000002": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4100000000000019": "fraudulent",
    "4000000000000127": "incorrect_cvc",
    "4000000000000069": "expired_card",
    "4000000000000259": "processing_error",
    "4000000000000341": "incorrect_number",
}


@pytest.mark.parametrize("number", DECLINES)
def test_every_declined_card_of_the_reference_has_advice_of_its_own(door: Door, number: str) -> None:
    intent = door.call(lambda api: api.payment_intents.create(amount=2000, currency="usd"))
    card = door.call(
        lambda api: api.payment_methods.create(type="card", card={"number": number, "exp_month": 12, "exp_year": 2030})
    )
    error = caught(door, lambda api: api.payment_intents.confirm(intent.id, payment_method=card.id))
    assert isinstance(error, finsecure.CardError)
    assert DECLINES[number] in {error.decline_code, error.code}
    assert (error.user_action, error.resolution) == errors.ADVICE[DECLINES[number]]
    assert (error.http_status, error.type, error.param) == (402, "card_error", "payment_method")
    assert error.payment_intent is not None
    assert (error.payment_intent.id, error.payment_intent.status) == (intent.id, "requires_payment_method")
    assert not error.maybe_executed
    after = door.call(lambda api: api.payment_intents.retrieve(intent.id))
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == error.decline_code


# ------------------------------------------------------------------------------------------------------------------
# In words


MAYBE = "The server may have carried it out:"
LATER = "After that, look before you send it again."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Error(), "FinSecureError"),
        (Error("No."), "No."),
        (
            finsecure.CardError(
                "Your card was declined.",
                code="card_declined",
                decline_code="insufficient_funds",
                param="payment_method",
                http_status=402,
                request_id="req_1",
            ),
            "Your card was declined. (insufficient_funds; parameter payment_method; HTTP 402; request req_1)",
        ),
        (finsecure.APIError("No.", code="some_code"), "No. (some_code)"),
        (finsecure.RateLimitError("Slow down.", retry_after=60.0), "Slow down. The API asks to wait 60 seconds."),
        (
            finsecure.APIError("Lost.", maybe_executed=True, idempotency_key="order_1"),
            f"Lost. {MAYBE} send it again with idempotency_key='order_1' within 24 hours to learn the outcome. {LATER}",
        ),
        (
            finsecure.APIError("Lost.", maybe_executed=True),
            f"Lost. {MAYBE} look before you send it again.",
        ),
    ],
)
def test_an_error_reads_as_a_sentence(error: Error, sentence: str) -> None:
    assert str(error) == sentence
    assert repr(error) == f"{type(error).__name__}({sentence!r})"


def test_an_answer_that_does_not_say_why_says_so(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(404, json={"error": {"type": "invalid_request_error"}})
    assert str(caught(wire, look)) == "The API answered HTTP 404 without saying why. (HTTP 404)"


def test_a_message_that_echoes_secrets_is_shown_without_them(wire: Door, server: respx.MockRouter) -> None:
    message = (
        f"Invalid API Key {KEY}; Bearer abc.def; card 4242 4242 4242 4242; pi_1_secret_xyz; "
        "whsec_xyz; https://me:password@proxy.example/"
    )
    server.route().respond(401, json={"error": {"type": "authentication_error", "message": message}})
    error = caught(wire)
    for shown in (str(error), repr(error), error.message, str(error.args)):
        assert not re.search(r"1234567890|abc\.def|4242|xyz|password", shown)
    assert "Invalid API Key sk_test_[hidden]" in error.message


# ------------------------------------------------------------------------------------------------------------------
# As Python objects


FULL = finsecure.CardError(
    "",
    type="card_error",
    code="",
    decline_code="insufficient_funds",
    param="payment_method",
    doc_url="https://x.example/",
    payment_intent=finsecure.PaymentIntent(id="pi_1", object="payment_intent"),
    http_status=402,
    request_id="req_1",
    idempotency_key="order_1",
    maybe_executed=True,
    retry_after=1.5,
)
WAYS: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [*errors.BY_TYPE.values(), finsecure.APITimeoutError, finsecure.WebhookUsageError])
def test_errors_are_copied_and_pickled_whole(kind: type[Error], way: Callable[[Any], Any]) -> None:
    for error in (kind(), kind("No.", request_id=""), FULL):
        again = way(error)
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert str(again) == str(error)
        assert again.args == error.args


def test_an_amount_that_is_refused_after_a_lost_attempt_may_be_our_own_doing(
    wire: Door, server: respx.MockRouter
) -> None:
    """A refund that was made leaves less to refund: the refusal of the next attempt does not say that none was."""
    refusal = {"type": "invalid_request_error", "param": "amount", "message": "More than is left."}
    server.route().side_effect = [httpcore.ReadError("reset"), httpx.Response(400, json={"error": refusal})]
    error = caught(wire, lambda api: api.refunds.create(payment_intent="pi_1", amount=2000))
    assert (error.param, error.maybe_executed) == ("amount", True)


# ------------------------------------------------------------------------------------------------------------------
# Where it comes from


HTML = httpx.Response(200, html="<h1>Hi</h1>")


def said(status: int, type: str | None = None, code: str | None = None) -> httpx.Response:
    error = {"type": type, "code": code, "message": "No."} if type else None
    return httpx.Response(status, json={"error": error})


DECLINED = said(402, "card_error", "card_declined")


OUTCOMES: dict[str, Any] = {
    "declined": DECLINED,
    "500": said(500, "api_error"),
    "lost": httpcore.ReadError("reset"),
    "refused": httpcore.ConnectError("refused"),
    "no JSON": HTML,
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("retries", [0, 2])
def test_a_traceback_shows_the_users_line_and_at_most_three_of_ours(
    open_door: Callable[..., Door], server: respx.MockRouter, clock: Clock, outcome: str, retries: int
) -> None:
    server.route().side_effect = [OUTCOMES[outcome]] * (retries + 1)
    error = caught(open_door(clock=clock, max_retries=retries))
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [file for file in files if PACKAGE in file.parents]
    assert 1 <= len(ours) <= 3
    assert files[-len(ours) :] == ours  # nothing of tenacity, httpcore or ours above the user's line
    assert not [file for file in files if "tenacity" in file.parts]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_cause_has_no_frames_whose_variables_hold_secrets(
    wire: Door, server: respx.MockRouter, outcome: str
) -> None:
    server.route().side_effect = [OUTCOMES[outcome]] * 3
    error = caught(wire)
    seen: BaseException | None = error.__cause__
    assert error.__context__ is None
    if seen is not None:
        assert (seen.__traceback__, seen.__cause__, seen.__context__) == (None, None, None)


def test_an_error_in_a_traceback_with_variables_shows_no_key(wire: Door, server: respx.MockRouter) -> None:
    server.route().respond(402, json={"error": {"type": "card_error", "message": "No."}})
    error = caught(wire)
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in report.stack if PACKAGE in Path(frame.filename).parents]
    assert "1234567890abcdef" not in json.dumps([frame.locals for frame in ours])


@pytest.mark.parametrize("kind", ["sync", "async-asyncio", "async-trio"], indirect=True)
def test_what_nobody_foresaw_is_an_error_of_ours_too(wire: Door, server: respx.MockRouter) -> None:
    """It may have happened after money moved, so it comes with the key, and without what it says of the request."""
    server.route().side_effect = ZeroDivisionError("a bug in a transport, with a key: sk_test_12345678")
    with pytest.raises(finsecure.APIConnectionError, match=r"failed unexpectedly \(ZeroDivisionError\)") as raised:
        wire.call(pay)
    assert raised.value.maybe_executed
    assert raised.value.idempotency_key is not None
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert "12345678" not in repr(raised.value)


def test_an_unknown_key_is_an_authentication_error(sandbox: Sandbox) -> None:
    with sandbox.client().with_options(api_key="sk_test_unknown") as client:
        with pytest.raises(finsecure.AuthenticationError, match="Invalid API Key provided") as raised:
            client.customers.list()
        assert (raised.value.http_status, raised.value.type) == (401, "authentication_error")
        assert raised.value.request_id is not None


def test_a_key_used_for_another_body_is_an_idempotency_error(door: Door) -> None:
    door.call(lambda api: api.customers.create(name="Ada", idempotency_key="order_1"))
    error = caught(door, lambda api: api.customers.create(name="Bob", idempotency_key="order_1"))
    assert isinstance(error, finsecure.IdempotencyError)
    assert (error.http_status, error.idempotency_key) == (400, "order_1")


def test_what_is_not_there_is_an_invalid_request(door: Door) -> None:
    error = caught(door, lambda api: api.refunds.retrieve("re_99"))
    assert isinstance(error, finsecure.InvalidRequestError)
    assert (error.http_status, error.code) == (404, "resource_missing")


def test_a_decline_is_not_tried_again_whatever_its_status(wire: Door, server: respx.MockRouter) -> None:
    server.route().mock(said(503, "card_error", "card_declined"))
    with pytest.raises(finsecure.CardError):
        wire.call(pay)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "text", ["is 4242424242424242.", "(4242 4242 4242 4242)", "4242-4242-4242-4242_", "=4242424242424242,"]
)
@pytest.mark.parametrize("field", ["message", "code", "param", "doc_url"])
def test_a_card_number_that_the_server_echoes_is_masked_wherever_it_stands(
    wire: Door, server: respx.MockRouter, text: str, field: str
) -> None:
    body = {"error": {"type": "card_error", "message": "No.", field: f"Your number {text}"}}
    server.route().respond(402, json=body)
    error = caught(wire, pay)
    assert "4242" not in str(error) + repr(vars(error))


# ------------------------------------------------------------------------------------------------------------------
# Whose answer it is


PAGE = b"<html><head><title>502 Bad\n Gateway</title></head><body><h1>Oops</h1></body></html>"
FOREIGN: list[tuple[int, bytes, dict[str, str], str]] = [
    (
        502,
        PAGE,
        {"Content-Type": "text/html; charset=utf-8", "Server": "nginx"},
        "HTTP 502, text/html, Server nginx, '502 Bad Gateway'",
    ),
    (
        403,
        b"<h1>Access <b>denied</b></h1>",
        {"Content-Type": "text/html", "Server": "WAF"},
        "HTTP 403, text/html, Server WAF, 'Access denied'",
    ),
    (503, b"<style>p {}</style><p>Busy</p>", {}, "HTTP 503, 'Busy'"),
    (
        403,
        b'{"message": "Forbidden"}',
        {"Content-Type": "application/json"},
        """HTTP 403, application/json, '{"message": "Forbidden"}'""",
    ),
    (404, b"", {"Server": "envoy"}, "HTTP 404, Server envoy, an empty body"),
    (200, PAGE, {"Content-Type": "text/html"}, "HTTP 200, text/html, '502 Bad Gateway'"),
]


@pytest.mark.parametrize(("status", "body", "headers", "facts"), FOREIGN, ids=[facts for *_, facts in FOREIGN])
def test_an_answer_that_is_not_the_apis_says_whose_it_is(
    open_door: Callable[..., Door],
    server: respx.MockRouter,
    clock: Clock,
    status: int,
    body: bytes,
    headers: dict[str, str],
    facts: str,
) -> None:
    """Status, kind, server and title are what support needs; nobody is told to look at a key that nobody looked at."""
    server.route().respond(status, content=body, headers=headers)
    error = caught(open_door(clock=clock, max_retries=0), look)
    assert f"not FinSecure's answer: {facts}." in str(error)
    assert "key" not in str(error)
    assert error.body == (" ".join(body.decode().split()) or None)
    assert {name: error.headers[name] for name in headers} == headers


def test_the_headers_of_an_error_are_read_in_any_case_and_hide_cookies(wire: Door, server: respx.MockRouter) -> None:
    """`error.headers` is a mapping that cannot be changed; cookies and keys in it are masked."""
    server.route().respond(400, headers=[("X-Trace", "1"), ("Set-Cookie", "session=abc"), ("X-Echo", KEY)])
    headers = caught(wire).headers
    assert headers["x-trace"] == headers["X-TRACE"] == headers.get("X-Trace") == "1"
    assert "X-TRACE" in headers
    assert "nothing" not in headers
    assert headers["set-cookie"] == "[hidden]"
    assert headers["x-echo"] == "sk_test_[hidden]"
    assert len(headers) == len(list(headers))
    assert "session" not in repr(headers) + str(dict(headers))
    with pytest.raises(TypeError):
        headers["x-trace"] = "2"  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


def test_repeated_headers_are_joined() -> None:
    """As HTTP reads them: with a comma."""
    from finsecure._headers import Headers

    assert dict(Headers([("Via", "a"), ("via", "b")])) == {"via": "a, b"}


def test_what_the_api_says_more_in_an_error_is_kept(wire: Door, server: respx.MockRouter) -> None:
    """Members that this version does not know are in `extra` and are attributes, bounded and without secrets."""
    said = {
        "type": "card_error",
        "message": "No.",
        "network_code": "05",
        "advice": {"cvc": "739", "tries": [1]},
        "long": [1] * 9999,
    }
    server.route().respond(402, json={"error": said})
    error: Any = caught(wire)
    assert error.extra["network_code"] == error.network_code == "05"
    assert error.advice == {"cvc": "[hidden]", "tries": [1]}
    assert len(error.long) == 2000
    assert "739" not in repr(cast("object", vars(error)))
    with pytest.raises(AttributeError, match="no attribute 'netwrok_code'"):
        _ = error.netwrok_code


@pytest.mark.parametrize(
    ("target", "said"), [("https://api.example.com/v2?token=1", " to https://api.example.com/v2,"), (None, ",")]
)
def test_a_redirect_names_where_to(wire: Door, server: respx.MockRouter, target: str | None, said: str) -> None:
    """Without its query, which may hold a token."""
    server.route().respond(302, headers={} if target is None else {"Location": target})
    assert f"HTTP 302, a redirect{said} which is not followed" in str(caught(wire))


def test_an_answer_with_a_byte_order_mark_is_read(wire: Door, server: respx.MockRouter) -> None:
    """As some gateways write it, in answers and in errors."""
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 1, "currency": "usd", "status": "succeeded"}
    server.route().respond(200, content=b"\xef\xbb\xbf" + json.dumps(intent).encode())
    assert wire.call(look).id == "pi_1"
    refusal = {"error": {"type": "invalid_request_error", "message": "No."}}
    server.route().respond(400, content=b"\xef\xbb\xbf" + json.dumps(refusal).encode())
    assert caught(wire).message == "No."


# ------------------------------------------------------------------------------------------------------------------
# Through a queue


def test_an_error_brought_back_from_its_args_keeps_its_fields(wire: Door, server: respx.MockRouter) -> None:
    """Celery and others write `args` as JSON and call the class with them."""
    body = {
        "error": {
            "type": "card_error",
            "code": "card_declined",
            "message": "No.",
            "network_code": "05",
            "payment_intent": {"id": "pi_1", "client_secret": "pi_1_secret_xyz"},
        }
    }
    server.route().respond(402, json=body, headers={"Request-Id": "req_1", "Retry-After": "0"})
    error = caught(wire)
    written = json.dumps(error.args)
    assert "xyz" not in written
    again = type(error)(*json.loads(written))
    assert str(again) == str(error)
    assert again.args == error.args
    assert again.payment_intent is not None
    assert again.payment_intent.id == "pi_1"
    fields = vars(error).keys() - {"payment_intent"}
    assert {name: vars(again)[name] for name in fields} == {name: vars(error)[name] for name in fields}


@pytest.mark.parametrize(
    "fields",
    ["", "no JSON", "[]", "[" * 100_000, "7", '{"type": 7, "unknown": 1}', '{"payment_intent": {"id": 7}}'],
    ids=lambda fields: fields[:20],
)
def test_args_that_are_not_ours_are_no_fields(fields: str) -> None:
    """Whatever a queue brings, an error can be made of it."""
    error = finsecure.CardError("No.", fields)
    assert vars(error) == vars(finsecure.CardError("No."))


def test_args_follow_the_attributes_and_can_be_set() -> None:
    """As they are now; programs that set `args`, as they may with any exception, set the message."""
    error = finsecure.APIError("No.")
    error.maybe_executed = True
    assert error.args == ("No.", '{"maybe_executed": true}')
    error.args = ("Yes.", 7)
    assert str(error).startswith("Yes.")
    error.args = ()
    assert error.message == ""
