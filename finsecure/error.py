"""Every error that this library raises on purpose.

The classes::

    FinSecureError
    ├── APIConnectionError           no response
    │   └── APITimeoutError          ... within `timeout` or `deadline`
    ├── CardError                    402: the payment method was declined
    ├── RateLimitError               429: too many requests
    ├── InvalidRequestError          400, 404, 405, 415, 422, or refused before sending
    ├── IdempotencyError             a key was used for another request, or is in use
    ├── AuthenticationError          401, 403, or a key that was refused before sending
    ├── APIError                     5xx, or a response that the API does not document
    ├── SignatureVerificationError   a webhook that was not signed with your secret
    ├── WebhookPayloadError          a signed webhook whose body is no event
    ├── WebhookUsageError            an unusable payload or secret (also a ValueError)
    ├── EventInProgress              another worker is handling this event
    ├── InboxError                   the inbox of a webhook handler cannot be used
    └── SandboxError                 the sandbox is closed, or its file cannot be used

Every error has all the attributes below, so `except FinSecureError as e: e.request_id` always works. Attributes that do
not apply are `None`. Reference: Error Handling.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeAlias, TypeVar, cast

from . import _error_fields, _redact
from ._headers import Headers

if TYPE_CHECKING:
    from .resources.payment_intents import PaymentIntent

__all__ = [
    "ADVICE",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "Advice",
    "AuthenticationError",
    "CardError",
    "DeclineCode",
    "ErrorCode",
    "ErrorType",
    "EventInProgress",
    "FinSecureError",
    "IdempotencyError",
    "InboxError",
    "InvalidRequestError",
    "RateLimitError",
    "SandboxError",
    "SignatureVerificationError",
    "WebhookPayloadError",
    "WebhookUsageError",
    "advice_for",
]


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # or every name would be one of this module to type checkers

    def __getattr__(name: str) -> Any:
        if name.startswith("_"):  # `from .error import ...` asks for __path__
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ._habits import of_module

        raise AttributeError(of_module(__name__, name, __all__), name=name, obj=None)


_E = TypeVar("_E", bound="FinSecureError")
_P = ParamSpec("_P")
_T = TypeVar("_T")

ErrorType: TypeAlias = (
    Literal[
        "api_error",
        "authentication_error",
        "card_error",
        "idempotency_error",
        "invalid_request_error",
        "rate_limit_error",
    ]
    | str
)
"""The known types of error. Others pass through. Reference: Error Types."""

ErrorCode: TypeAlias = (
    Literal[
        "card_declined",
        "incorrect_number",
        "resource_missing",
        "unexpected_state",
        "idempotency_key_in_use",
    ]
    | str
)
"""The known codes of errors. Others pass through."""

DeclineCode: TypeAlias = (
    Literal[
        "insufficient_funds",
        "expired_card",
        "incorrect_cvc",
        "processing_error",
        "lost_card",
        "stolen_card",
        "fraudulent",
        "authentication_failed",
        "generic_decline",
    ]
    | str
)
"""The known reasons for a decline. Others pass through. Reference: Card Errors; Test Card Numbers."""


class FinSecureError(Exception):
    """The base of every error that this library raises on purpose.

    `type(error)(*error.args)` keeps every attribute. Celery and other queues restore exceptions in this way.
    """

    def __init__(
        self,
        message: str = "",
        fields: str = "",
        *,
        type: str | None = None,
        code: str | None = None,
        decline_code: str | None = None,
        param: str | None = None,
        doc_url: str | None = None,
        payment_intent: PaymentIntent | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        maybe_executed: bool = False,
        retry_after: float | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        message = _redact.clean(message, _MESSAGE)  # it may quote a value, such as a key passed as the currency
        super().__init__(message)
        self.message: str = message
        """What went wrong, in a sentence."""
        self.type: ErrorType | None = _fact(type)
        """The API's type of error, for example `card_error`; `None` if the API sent none."""
        self.code: ErrorCode | None = _fact(code)
        """The API's code, for example `card_declined`."""
        self.decline_code: DeclineCode | None = _fact(decline_code)
        """Why the bank declined, for example `insufficient_funds`."""
        self.param: str | None = _fact(param)
        """The parameter that is wrong."""
        self.doc_url: str | None = _fact(doc_url)
        """Where the API documents the error."""
        self.payment_intent: PaymentIntent | None = payment_intent
        """The PaymentIntent that the error is about. It may be partial."""
        self.http_status: int | None = http_status
        """The HTTP status; `None` if there was no response."""
        self.request_id: str | None = _fact(request_id)
        """The API's id of the request (`req_...`), for support."""
        self.idempotency_key: str | None = idempotency_key
        """The key that every attempt was sent with. Use it again within 24 hours to ask for the outcome."""
        self.maybe_executed: bool = maybe_executed
        """Whether the server may have carried out the request. False for a GET, which changes nothing."""
        self.retry_after: float | None = retry_after
        """Seconds that the API asks to wait before the next request."""
        self.body: str | None = body and _redact.clean(body, _BODY)
        """The beginning of the response body, without secrets; `None` if there was none."""
        self.headers: Headers = _error_fields.shown_headers(headers or {})
        """The response headers, without secrets; empty if there were none."""
        self.extra: dict[str, Any] = _error_fields.shown_members(extra or {})
        """Other members of the API's error, by name. `error.name` works, too."""
        if fields:
            FinSecureError.__init__(self, message, **_brought_back(fields))

    @property
    def retryable(self) -> bool:
        """Whether sending the same call again can help: the network failed, or the API was busy or in trouble.

        It is False for a decline: the customer has to do something first. Send the call again with the same
        `idempotency_key` within 24 hours. After that, look for the result of the first call before you send it again.
        """
        if isinstance(self, APIConnectionError):
            return True
        return self.http_status is not None and (is_transient(self) or 200 <= self.http_status < 300)

    def __str__(self) -> str:
        facts = [
            self.decline_code or self.code,
            f"parameter {self.param}" if self.param else None,
            f"HTTP {self.http_status}" if self.http_status else None,
            f"request {self.request_id}" if self.request_id else None,
        ]
        shown = "; ".join(fact for fact in facts if fact)
        sentence = self.message or self.__class__.__name__
        if shown:
            sentence += f" ({shown})"
        if self.retry_after is not None:
            sentence += f" The API asks to wait {self.retry_after:g} seconds."
        if self.maybe_executed:
            sentence += " The server may have carried it out:"
            if self.idempotency_key is None:
                sentence += " look before you send it again."
            else:
                sentence += (
                    f" send it again with idempotency_key={self.idempotency_key!r} within 24 hours to learn the"
                    " outcome. After that, look before you send it again."
                )
        return sentence

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({str(self)!r})"

    @property  # pyright: ignore[reportIncompatibleVariableOverride]
    def args(self) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The current message, and the other attributes as JSON."""
        return self.message, _error_fields.write(self.__dict__)

    @args.setter
    def args(self, value: tuple[Any, ...]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.message = _redact.clean(str(value[0]), _MESSAGE) if value else ""

    if not TYPE_CHECKING:  # or every misspelt name would be an attribute to type checkers

        def __getattr__(self, name: str) -> Any:
            extra = self.__dict__.get("extra", {})
            if name in extra:
                return extra[name]
            from ._habits import advice
            from ._habits.attributes import OF_AN_ERROR

            told = advice(name, OF_AN_ERROR, [*self.__dict__, *extra])
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{told}", name=name, obj=None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.__class__, self.__dict__)


_MESSAGE = _BODY = 2000  # characters
_FACT = 255


def _fact(value: str | None) -> str | None:
    return value and _redact.clean(value, _FACT)


def _brought_back(fields: str) -> dict[str, Any]:
    attributes = _error_fields.read(fields)
    if "payment_intent" in attributes:
        from .resources.payment_intents import PaymentIntent  # heavy, and rarely needed

        try:
            attributes["payment_intent"] = PaymentIntent.model_validate(attributes["payment_intent"])
        except ValueError:
            del attributes["payment_intent"]
    return attributes


def _restore(kind: type[_E], attributes: dict[str, Any]) -> _E:
    error = kind.__new__(kind, attributes.get("message", ""))
    error.__dict__.update(attributes)
    return error


class APIConnectionError(FinSecureError):
    """No response arrived: the network, TLS or a proxy failed.

    `maybe_executed` says whether the request may have been carried out. The client has already retried.
    """


class APITimeoutError(APIConnectionError):
    """No complete response arrived within `timeout` (one attempt) or `deadline` (the whole call)."""


class CardError(FinSecureError):
    """The customer's payment method was declined: no money moved. The client never retries a decline.

    Reference: Error Types, Card Errors.
    """

    @property
    def user_action(self) -> str:
        """What to tell the customer."""
        return self._advice.user_action

    @property
    def resolution(self) -> str:
        """What you, the merchant, should do next."""
        return self._advice.resolution

    @property
    def _advice(self) -> Advice:
        return advice_for(self.decline_code, self.code)


class RateLimitError(FinSecureError):
    """The API refused the call and its retries, since there were too many requests.

    Reference: Error Types, Rate Limit Errors.
    """


class InvalidRequestError(FinSecureError):
    """A parameter is missing or wrong; `param` names it. Reference: Error Types, Invalid Request Errors.

    Also raised before anything is sent, if the client can see the mistake. Then `http_status` is `None`.
    """


class IdempotencyError(FinSecureError):
    """An idempotency key was used for another path or body, or its first request is still in progress."""


class AuthenticationError(FinSecureError):
    """The API key is missing, wrong or not allowed to do this. Reference: Error Types, Authentication Errors."""


class APIError(FinSecureError):
    """The API failed (5xx), or sent a response that it does not document. Reference: Error Types, API Errors."""


class SignatureVerificationError(FinSecureError):
    """A webhook was not signed with your secret: do not act on it. Reference: Webhooks, Signature Verification."""


class WebhookPayloadError(FinSecureError):
    """A webhook was signed with your secret, but its body is not an event."""


class WebhookUsageError(FinSecureError, ValueError, TypeError):  # pyright: ignore[reportIncompatibleVariableOverride] # args
    """A webhook cannot be verified with these arguments: a parsed body, a blank secret, or a wrong type."""


class EventInProgress(FinSecureError):  # noqa: N818 - it is a state, and reads well in `except EventInProgress`
    """Another worker is handling this event. Try again later."""


class InboxError(FinSecureError):
    """The inbox of a webhook handler cannot be used, so the event was not handled: FinSecure delivers it again."""


class SandboxError(FinSecureError):
    """The sandbox cannot be used: its file is locked, full or another program's, or the sandbox is closed."""


BY_TYPE: dict[str, type[FinSecureError]] = {
    "api_error": APIError,
    "authentication_error": AuthenticationError,
    "card_error": CardError,
    "idempotency_error": IdempotencyError,
    "invalid_request_error": InvalidRequestError,
    "rate_limit_error": RateLimitError,
}

# For responses whose body does not have the documented format.
BY_STATUS: dict[int, type[FinSecureError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: APIError,  # a decline has the type `card_error`
    403: AuthenticationError,
    404: InvalidRequestError,
    405: InvalidRequestError,
    409: IdempotencyError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
}

# The types that the API sends with each status. A response is the API's own only if the two agree: a gateway's page, an
# empty body or an undocumented type proves nothing about what was done.
DOCUMENTED: dict[int, frozenset[str]] = {
    400: frozenset({"invalid_request_error", "idempotency_error"}),
    401: frozenset({"authentication_error"}),
    402: frozenset({"card_error"}),
    403: frozenset({"authentication_error"}),
    404: frozenset({"invalid_request_error"}),
    405: frozenset({"invalid_request_error"}),
    409: frozenset({"invalid_request_error"}),
    415: frozenset({"invalid_request_error"}),
    422: frozenset({"invalid_request_error"}),
    429: frozenset({"rate_limit_error"}),
    **dict.fromkeys(range(500, 600), frozenset({"api_error"})),
}


class Advice(NamedTuple):
    """What a decline means for the customer and for the merchant."""

    user_action: str
    resolution: str


_ANOTHER_METHOD = "Please use a different payment method or contact your bank."
# Whoever holds the card must not learn that it was reported lost or stolen, or that fraud is suspected.
_SAY_NO_MORE = (
    "Request a different payment method. Do not tell the customer the reason, and do not try this card again."
)


def advice_for(decline_code: str | None, code: str | None) -> Advice:
    """Return the advice for a decline: by its decline code, or else by its code.

    Args:
        decline_code: The bank's reason, for example `insufficient_funds`; `None` if there is none.
        code: The API's code, for example `card_declined`.

    Returns:
        What to tell the customer (`user_action`), and what you do next (`resolution`).

    Reference: Error Types, Card Errors.
    """
    return ADVICE.get(decline_code or "") or ADVICE.get(code or "") or ADVICE["other"]


ADVICE: dict[str, Advice] = {
    "insufficient_funds": Advice(_ANOTHER_METHOD, "Request a different payment method."),
    "expired_card": Advice(
        "Please update your card information with a valid expiration date.", "Request updated card information."
    ),
    "incorrect_cvc": Advice("Please check your card's security code and try again.", "Request the correct CVC."),
    "incorrect_number": Advice("Please check your card number and try again.", "Request the correct card number."),
    "processing_error": Advice("Please try your payment again.", "Retry the payment, with a new idempotency key."),
    "lost_card": Advice(_ANOTHER_METHOD, _SAY_NO_MORE),
    "stolen_card": Advice(_ANOTHER_METHOD, _SAY_NO_MORE),
    "fraudulent": Advice(_ANOTHER_METHOD, _SAY_NO_MORE),
    "authentication_failed": Advice(
        "Please try again and confirm the payment with your bank, or use a different payment method.",
        "Confirm again, so that the customer can authenticate, or request a different payment method.",
    ),
    "generic_decline": Advice(_ANOTHER_METHOD, "Request a different payment method; only the bank knows the reason."),
    "card_declined": Advice(_ANOTHER_METHOD, "Request a different payment method."),
    "other": Advice("Please try a different payment method.", "Request a different payment method."),
}
"""The advice of `user_action` and `resolution` by decline code or code, for you to translate. `other` is the rest."""


def from_response(
    status: int,
    parsed: object,
    *,
    request_id: str | None,
    retry_after: float | None,
    payment_intent: PaymentIntent | None,
    otherwise: str | None = None,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> FinSecureError:
    """Return the error for a response.

    `parsed` is its JSON body, in any format; `otherwise` is the message if the body has none.
    """
    details = documented(parsed) or {}
    kind = BY_TYPE.get(details.get("type", ""))
    if kind is InvalidRequestError and status == 409:
        kind = IdempotencyError
    if kind is None or (status == 402 and kind is not CardError):
        kind = BY_STATUS.get(status, InvalidRequestError if 400 <= status < 500 else APIError)
    return kind(
        details.get("message") or otherwise or f"The API answered HTTP {status} without saying why.",
        type=details.get("type"),
        code=details.get("code"),
        decline_code=details.get("decline_code"),
        param=details.get("param"),
        doc_url=details.get("doc_url"),
        payment_intent=payment_intent,
        http_status=status,
        request_id=request_id,
        retry_after=retry_after,
        body=body,
        headers=headers,
        extra=_unknown(parsed),
    )


def is_documented(error: FinSecureError) -> bool:
    """Whether an error comes from the API itself: it documents this type for this status."""
    return error.type in DOCUMENTED.get(error.http_status or 0, ())


_KNOWN = frozenset({"type", "code", "decline_code", "message", "param", "doc_url", "payment_intent"})


def _unknown(parsed: object) -> dict[str, Any]:
    """Return the members of `{"error": {...}}` that no attribute holds."""
    return {name: value for name, value in _members(parsed).items() if name not in _KNOWN}


def _members(parsed: object) -> Mapping[str, object]:
    inner: object = cast("Mapping[str, object]", parsed).get("error") if isinstance(parsed, Mapping) else None
    return cast("Mapping[str, object]", inner) if isinstance(inner, Mapping) else {}


def documented(body: object) -> dict[str, str] | None:
    """Return the string fields of `{"error": {...}}`, or `None` if the body does not have the documented format."""
    fields = {name: value for name, value in _members(body).items() if isinstance(value, str)}
    return fields if "type" in fields or "message" in fields else None


def without_frames(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Remove a function's frames from its exceptions: their local variables hold a key or a card."""

    @functools.wraps(function)
    def outer(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except BaseException as exc:  # noqa: BLE001 - also a misspelt parameter, or an interrupt
            from ._habits import parameter  # only once something failed

            refusal = parameter(exc, function).with_traceback(None)
        del args, kwargs
        raise refusal

    return outer


RETRIED_STATUSES = frozenset({408, 409, 429, *range(500, 600)}) - {501, 505}
"""The statuses after which a retry may succeed. Gateways use their own 5xx, such as 520."""

KEY_IN_USE = "idempotency_key_in_use"
FINAL_CODES = frozenset({"unexpected_state", "resource_missing", *ADVICE})
"""The codes of a 409 that retrying cannot change. Other codes may pass with time, as `idempotency_key_in_use` does."""


def is_transient(error: FinSecureError) -> bool:
    """Whether retrying may succeed: by the status, unless the type or the code rules it out."""
    if isinstance(error, CardError):
        return False  # a decline is final, whatever its status
    if error.http_status == 409 and error.code in FINAL_CODES:
        return False
    return error.http_status in RETRIED_STATUSES
