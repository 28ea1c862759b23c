"""Converts network exceptions to a `Failure`, with one table for the exceptions of the httpx family.

The table has class names, since httpx, httpcore and their successors use the same names, and this way none of them has
to be imported.
"""

from __future__ import annotations

import re
import ssl
from typing import Any, cast

from .._http import Failure, Kind
from ..error import RETRIED_STATUSES, APIConnectionError, APITimeoutError, FinSecureError

_TABLE: dict[str, tuple[Kind, str]] = {
    "PoolTimeout": ("not sent", "No connection became free in time"),
    "ConnectTimeout": ("not sent", "Could not connect in time"),
    "ConnectError": ("not sent", "Could not connect"),
    "ProxyError": ("not sent", "The proxy refused the connection"),
    "ReadTimeout": ("lost", "No complete response arrived in time"),
    "WriteTimeout": ("lost", "The request could not be written in time"),
    "TimeoutException": ("lost", "No complete response arrived in time"),
    "TimeoutError": ("lost", "No complete response arrived in time"),
    "SOCKSError": ("not sent", "The proxy did not respond as SOCKS requires"),
    "RemoteProtocolError": ("lost", "The connection was closed, or the response was not HTTP"),
    "LocalProtocolError": ("final", "The request could not be written as HTTP"),
    "H2Error": ("lost", "The response was not HTTP/2"),
    "HPACKError": ("lost", "The response was not HTTP/2"),
    "HyperframeError": ("lost", "The response was not HTTP/2"),
    "InvalidURL": ("final", "The URL cannot be used"),
    "SocketBlockedError": ("final", "pytest-socket blocks sockets here, so nothing was written"),
    "SocketConnectBlockedError": ("final", "pytest-socket blocks this host here, so nothing was written"),
    "UnsupportedProtocol": ("final", "The URL's scheme is not supported"),
    "NetworkError": ("lost", "The connection broke"),
    "TransportError": ("lost", "The connection broke"),
    "HTTPError": ("lost", "The connection broke"),
    "StreamError": ("lost", "The response could not be read"),
    "ClosedResourceError": ("lost", "The connection was closed"),
    "BrokenResourceError": ("lost", "The connection broke"),
    "BusyResourceError": ("lost", "The connection was in use by another task"),
    "OSError": ("lost", "The connection broke"),
    "ReadError": ("lost", "The connection broke"),
    "WriteError": ("lost", "The connection broke"),
    "CloseError": ("lost", "The connection broke"),
}


def failure(exc: Exception, *, connection_was_old: bool = False) -> Failure | None:
    """Convert a network exception to a `Failure`; `None` for any other exception."""
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
    """Convert an unexpected exception. It does not become the cause, since its text may contain a request."""
    if str(exc) == "Event loop is closed":
        why = "The connection belongs to an event loop that is closed: create the http_client in the loop that uses it"
    else:
        why = "The transport failed unexpectedly"
    return Failure("lost", APIConnectionError(f"{why} ({type(exc).__name__})."))


def certificate_refused(why: str) -> Failure:
    """Return the failure for a certificate that was not accepted. Trying again would not help."""
    return Failure(
        "final",
        APIConnectionError(
            f"The server's certificate was not accepted: {why}. Check base_url, and this machine's clock and "
            "certificates. To trust other certificates, set SSL_CERT_FILE."
        ),
    )


def unusable(refusal: FinSecureError) -> Failure:
    """Return the failure for a setting in the environment that makes connecting impossible."""
    return Failure("final", refusal.with_traceback(None))


def closed() -> Failure:
    """Return the failure of a closed client."""
    return Failure("final", APIConnectionError("This client is closed: create a new one."))


def _is_timeout(exc: Exception) -> bool:
    return any("Timeout" in kind.__name__ for kind in type(exc).__mro__)


def _certificate_problem(exc: BaseException) -> str | None:
    """Return why a certificate was refused, if that is why connecting failed.

    Only looks at the cause of a `ConnectError`: further up there may be an exception that the caller is handling.
    """
    reason: BaseException | None = exc
    for _ in range(3):  # httpx's is caused by httpcore's
        if reason is not None and type(reason).__name__ == "ConnectError":
            reason = reason.__cause__ or reason.__context__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return reason.verify_message or "it could not be verified"
    return None


_SAYS_NO = {"Invalid username/password", "Proxy Server could not connect: Connection not allowed by ruleset."}  # SOCKS


def _proxy_refuses(said: str) -> bool:
    """Whether a proxy refuses for good, and not because it cannot reach the API now, by the status in its response."""
    status = re.match(r"[0-9]{3}\b", said)
    return said in _SAYS_NO if status is None else int(status[0]) not in RETRIED_STATUSES


def _bare(exc: Exception) -> Exception:
    """Remove an exception's frames, whose local variables hold headers and bodies."""
    exc.__cause__ = exc.__context__ = None
    return exc.with_traceback(None)
