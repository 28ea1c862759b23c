"""OpenTelemetry: a client span for each call, as in the HTTP semantic conventions. No bodies, ids in paths, or keys.

This module does not import OpenTelemetry. If your application has imported it, calls are recorded with your provider. A
span is written when its call ends, with the start time of the call. Its parent is the current span at that time.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from ._http import Failure
from ._version import __version__

if TYPE_CHECKING:
    from ._exchange import Exchange

logger = logging.getLogger("finsecure")


def call_done(exchange: Exchange, outcome: Any) -> None:
    """Record a call that has ended."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return
    try:
        _write_span(trace, exchange, outcome)
    except Exception:
        logger.warning("The OpenTelemetry span of a call could not be recorded", exc_info=True)


def _write_span(trace: Any, exchange: Exchange, outcome: Any) -> None:
    call, origin = exchange.call, exchange.config.origin
    ended = int(exchange.config.clock.time() * 1e9)
    span = trace.get_tracer("finsecure", __version__).start_span(
        f"{call.method} {call.template}",
        kind=trace.SpanKind.CLIENT,
        start_time=ended - int(exchange.elapsed() * 1e9),
        attributes={
            "http.request.method": call.method,
            "url.template": call.template,
            "url.scheme": origin.scheme,
            "server.address": origin.host,
            "server.port": origin.port or (443 if origin.scheme == "https" else 80),
        },
    )
    if exchange.attempts > 1:
        span.set_attribute("http.request.resend_count", exchange.attempts - 1)
    if isinstance(outcome, Failure):
        error = outcome.error
        status, request_id = error.http_status, error.request_id
        span.set_attribute("error.type", type(error).__name__ if status is None else str(status))
        span.set_status(trace.StatusCode.ERROR)
    else:
        status, request_id = outcome.last_response.status_code, outcome.last_response.request_id
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if request_id is not None:
        span.set_attribute("http.response.header.request-id", [request_id])
    span.end(end_time=ended)
