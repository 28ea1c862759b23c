"""What went wrong on the way, as ours: one table from the exceptions of the httpx family to a `Failure`.

By class name, since httpx, httpcore and their successors use the same names, and none of them has to be imported.
"""

from __future__ import annotations

import re
import ssl
from typing import Any, cast

from .._http import Failure, Kind
from ..error import RETRIED_STATUSES, APIConnectionError, APITimeoutError, FinSecureError

_TABLE: dict[str, tuple[Kind, str]] = {
    "PoolTimeout": ("not sent", "No connection became free in time"),
    "ConnectTimeout": ("not sent", "The connection was not made in time"),
    "ConnectError": ("not sent", "The connection could not be made"),
    "ProxyError": ("not sent", "The proxy refused the connection"),
    "ReadTimeout": ("lost", "No whole answer came in time"),
    "WriteTimeout": ("lost", "The request could not be written in time"),
    "TimeoutException": ("lost", "No whole answer came in time"),
    "TimeoutError": ("lost", "No whole answer came in time"),
    "SOCKSError": ("not sent", "The proxy did not answer as SOCKS asks"),
    "RemoteProtocolError": ("lost", "The connection was closed, or the answer was no HTTP"),
    "LocalProtocolError": ("final", "The request could not be written as HTTP"),
    "H2Error": ("lost", "The answer was no HTTP/2"),
    "HPACKError": ("lost", "The answer was no HTTP/2"),
    "HyperframeError": ("lost", "The answer was no HTTP/2"),
    "InvalidURL": ("final", "The URL cannot be used"),
    "SocketBlockedError": ("final", "Sockets are forbidden here, so nothing was written"),
    "SocketConnectBlockedError": ("final", "This host is forbidden here, so nothing was written"),
    "UnsupportedProtocol": ("final", "The URL's scheme is not supported"),
    "NetworkError": ("lost", "The connection broke"),
    "TransportError": ("lost", "The connection broke"),
    "HTTPError": ("lost", "The connection broke"),
    "StreamError": ("lost", "The answer could not be read"),
    "ClosedResourceError": ("lost", "The connection was closed"),
    "BrokenResourceError": ("lost", "The connection broke"),
    "BusyResourceError": ("lost", "The connection was in use by another task"),
    "OSError": ("lost", "The connection broke"),
    "ReadError": ("lost", "The connection broke"),
    "WriteError": ("lost", "The connection broke"),
    "CloseError": ("lost", "The connection broke"),
}


def failure(exc: Exception, *, connection_was_old: bool = False) -> Failure | None:
    """The `Failure` that an exception of the network stands for; `None` for any other exception."""
    while getattr(
        exc, "exceptions", ()
    ):  # anyio connects in a group of tasks, and raises what it did not expect as one
        exc = cast("Any", exc).exceptions[0]
    certificate = _certificate_problem(exc)
    if certificate is not None:
        return certificate_refused(certificate)
    for kind_of in type(exc).__mro__:
        if kind_of.__name__ in _TABLE:
            kind, sentence = _TABLE[kind_of.__name__]
            break
    else:
        return None
    if kind == "lost" and connection_was_old and not _is_timeout(exc):
        kind = "stale"
    if type(exc).__name__ == "ProxyError" and _proxy_refuses(str(exc)):
        kind = "final"
    error = APITimeoutError if _is_timeout(exc) else APIConnectionError
    detail = str(exc).strip().rstrip(".")
    ours = error(f"{sentence} ({type(exc).__name__}{': ' if detail else ''}{detail}).")
    ours.__cause__ = _bare(exc)
    return Failure(kind, ours)


def unforeseen(exc: Exception) -> Failure:
    """An exception that nobody foresaw. It is not kept as the cause: what it says may hold a request."""
    if str(exc) == "Event loop is closed":
        why = "The connection belongs to an event loop that is closed: make an http_client in the loop that uses it"
    else:
        why = "The transport failed in a way that was not foreseen"
    return Failure("lost", APIConnectionError(f"{why} ({type(exc).__name__})."))


def certificate_refused(why: str) -> Failure:
    """What a server whose certificate is wrong answers: nothing, and trying again would not help."""
    return Failure(
        "final",
        APIConnectionError(
            f"The server's certificate was not accepted: {why}. Check base_url, the clock and the certificates of this "
            "machine; SSL_CERT_FILE names others."
        ),
    )


def unusable(refusal: FinSecureError) -> Failure:
    """What a setting of the environment's stands for with which no connection can be made."""
    return Failure("final", refusal.with_traceback(None))


def closed() -> Failure:
    """What a closed client answers."""
    return Failure("final", APIConnectionError("This client is closed: make a new one."))


def _is_timeout(exc: Exception) -> bool:
    return any("Timeout" in kind.__name__ for kind in type(exc).__mro__)


def _certificate_problem(exc: BaseException) -> str | None:
    """Why a certificate was refused, where that is why no connection was made.

    Only what a `ConnectError` stems from counts: further up there can be an exception that the caller is just handling.
    """
    reason: BaseException | None = exc
    for _ in range(3):  # httpx's stems from httpcore's
        if reason is not None and type(reason).__name__ == "ConnectError":
            reason = reason.__cause__ or reason.__context__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return reason.verify_message or "it could not be verified"
    return None


_SAYS_NO = {"Invalid username/password", "Proxy Server could not connect: Connection not allowed by ruleset."}  # SOCKS


def _proxy_refuses(said: str) -> bool:
    """Whether a proxy says no for good, rather than that it cannot reach the API now: by the status that it answers."""
    status = re.match(r"[0-9]{3}\b", said)
    return said in _SAYS_NO if status is None else int(status[0]) not in RETRIED_STATUSES


def _bare(exc: Exception) -> Exception:
    """The cause without its frames, whose local variables hold headers and bodies."""
    exc.__cause__ = exc.__context__ = None
    return exc.with_traceback(None)
