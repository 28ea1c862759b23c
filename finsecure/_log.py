"""Logs to `finsecure`: an INFO line for each call, a DEBUG line for each attempt. Never a body, a header or an id.

`FINSECURE_LOG=info` or `debug` shows the log on stderr without further setup.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from ._http import Failure

if TYPE_CHECKING:
    from ._config import Config
    from ._exchange import Exchange

logger = logging.getLogger("finsecure")


def client_made(config: Config) -> None:
    """Set up the log for a new client, and warn if FINSECURE_BASE_URL sends its live key elsewhere."""
    _set_up_from_environment()
    if config.live_key_goes_astray():
        logger.warning(
            "FINSECURE_BASE_URL sends this client's live key to %s, which is not FinSecure's: unset the variable, or "
            "pass base_url= if this is intended",
            config.origin.url,
        )


def _set_up_from_environment() -> None:
    """Show the log on stderr if `FINSECURE_LOG` asks for it, unless the program has set up logging."""
    asked = os.environ.get("FINSECURE_LOG", "").lower()
    level = {"debug": logging.DEBUG, "info": logging.INFO}.get(asked)
    if level is not None:
        logger.setLevel(level)
        if not logger.hasHandlers():
            logger.propagate = False  # else a handler that the program adds later would show each line twice
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
            logger.addHandler(handler)
    elif asked:
        logger.warning("FINSECURE_LOG is ignored, since it is neither info nor debug")


def attempt_made(exchange: Exchange, outcome: Any) -> None:
    """Log an attempt that has ended."""
    if logger.isEnabledFor(logging.DEBUG):
        facts = _facts(exchange, outcome)
        wait = "" if exchange.delay is None else f" retry_in={exchange.delay:.3f}s"
        text = f"attempt={exchange.attempts} {_result(facts)}{wait}"
        _write(logging.DEBUG, text, facts | {"attempt": exchange.attempts, "wait": exchange.delay})


def call_done(exchange: Exchange, outcome: Any) -> None:
    """Log a call that has ended."""
    if logger.isEnabledFor(logging.INFO):
        facts, elapsed = _facts(exchange, outcome), exchange.elapsed()
        text = f"{_result(facts)} attempts={exchange.attempts} ms={round(elapsed * 1000)}"
        _write(logging.INFO, text, facts | {"attempts": exchange.attempts, "duration": elapsed})


def call_left(exchange: Exchange, exc: BaseException, note: str) -> None:
    """Log a call that an exception of another library or the program interrupted.

    As a warning, so that the idempotency key is not lost. A GET has no key and changes nothing, so it is only INFO.
    """
    level = logging.INFO if exchange.call.method == "GET" else logging.WARNING
    facts = {**_what(exchange), "error": type(exc).__name__, "idempotency_key": exchange.request.idempotency_key}
    _log(level, f"{note} ({type(exc).__name__})", facts)


def _write(level: int, text: str, facts: dict[str, Any]) -> None:
    _log(level, f"{facts['method']} {facts['path']} {text}", facts)


def _log(level: int, text: str, facts: dict[str, Any]) -> None:
    try:
        logger.log(level, text, extra=facts, stacklevel=4)
    except KeyError:  # the program's own log records already have an attribute of that name, for example `request_id`
        logger.log(level, text, stacklevel=4)


def _what(exchange: Exchange) -> dict[str, Any]:
    method, template = exchange.call.method, exchange.call.template
    return {"operation": _operation(method, template), "method": method, "path": template}


def _operation(method: str, template: str) -> str:
    """Return the name of the method, for example `payment_intents.confirm`."""
    group, *rest = template.split("/")[2:]
    return f"{group}.{rest[1] if len(rest) > 1 else _NAMES.get((method, bool(rest)), method.lower())}"


_NAMES = {
    ("DELETE", True): "delete",
    ("GET", False): "list",
    ("GET", True): "retrieve",
    ("POST", False): "create",
    ("PUT", True): "update",
}


def _facts(exchange: Exchange, outcome: Any) -> dict[str, Any]:
    """Return the attributes of a log record, for JSON logging."""
    facts = _what(exchange)
    if not isinstance(outcome, Failure):
        return facts | {"status": outcome.last_response.status_code, "request_id": outcome.last_response.request_id}
    error = outcome.error
    facts |= {"status": error.http_status, "request_id": error.request_id, "error": type(error).__name__}
    return facts | {"code": error.code, "decline_code": error.decline_code}


def _result(facts: dict[str, Any]) -> str:
    error = f" error={facts['error']}" if "error" in facts else ""
    return f"status={facts['status']} request_id={facts['request_id']}{error}"
