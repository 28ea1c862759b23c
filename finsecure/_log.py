"""The log, under `finsecure`: one INFO line for a call, one DEBUG line for an attempt. Never a body, a header or an id.

`FINSECURE_LOG=info` or `debug` shows it on stderr without any other set-up.
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
    """A client was made with these settings."""
    _set_up_from_environment()
    if config.live_key_goes_astray():
        logger.warning(
            "FINSECURE_BASE_URL sends this client's live key to %s, which is not FinSecure's: pass base_url= if that "
            "is meant, or unset the variable",
            config.origin.url,
        )


def _set_up_from_environment() -> None:
    """Show the log on stderr where `FINSECURE_LOG` asks for it and nothing else does."""
    asked = os.environ.get("FINSECURE_LOG", "").lower()
    level = {"debug": logging.DEBUG, "info": logging.INFO}.get(asked)
    if level is not None:
        logger.setLevel(level)
        if not logger.hasHandlers():
            logger.propagate = False  # or a handler that the program sets up later would show each line twice
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
            logger.addHandler(handler)
    elif asked:
        logger.warning("FINSECURE_LOG is neither info nor debug: it is ignored")


def attempt_made(exchange: Exchange, outcome: Any) -> None:
    """An attempt is over."""
    if logger.isEnabledFor(logging.DEBUG):
        wait = "" if exchange.delay is None else f" retry_in={exchange.delay:.3f}s"
        logger.debug("%s attempt=%d %s%s", _what(exchange), exchange.attempts, _result(outcome), wait)


def call_done(exchange: Exchange, outcome: Any) -> None:
    """A call is over."""
    if logger.isEnabledFor(logging.INFO):
        milliseconds = round(exchange.elapsed() * 1000)
        logger.info("%s %s attempts=%d ms=%d", _what(exchange), _result(outcome), exchange.attempts, milliseconds)


def call_left(exc: BaseException, note: str) -> None:
    """A call was left by an exception that is not this library's. Its key must not be lost, so this is a warning."""
    logger.warning("%s (%s)", note, type(exc).__name__)


def _what(exchange: Exchange) -> str:
    return f"{exchange.call.method} {exchange.call.template}"


def _result(outcome: Any) -> str:
    if isinstance(outcome, Failure):
        error = outcome.error
        return f"status={error.http_status} request_id={error.request_id} error={type(error).__name__}"
    return f"status={outcome.last_response.status_code} request_id={outcome.last_response.request_id}"
