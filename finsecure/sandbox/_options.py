"""The options of `Sandbox(...)` and `Sandbox.serve(...)`, as tables of checks."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from typing import Any

from . import _checks as check
from . import _hosts
from ._checks import Check, Parameter, Schema
from ._clock import Clock
from ._problems import invalid

_KEY = re.compile(r"[!-~]{1,200}")


def _key(prefix: str) -> Check:
    """Return a check of a test key or a webhook secret. No message repeats the value."""

    def read(value: object, param: str) -> str:
        key = check.text(value, param)
        if key.startswith(("sk_live_", "pk_live_")):
            raise invalid(f"{param} is a live key: the sandbox takes only test keys.", param)
        rest = key.removeprefix(prefix)
        if rest == key or not _KEY.fullmatch(rest):
            raise invalid(
                f"{param} must be {prefix} followed by 1 to 200 printable ASCII characters, without spaces.", param
            )
        return key

    return read


def _path(value: object, param: str) -> str:
    try:
        path = os.fsdecode(os.fsencode(value))  # type: ignore[arg-type] # raises for anything that is not a path
    except (TypeError, ValueError):
        raise invalid(f"{param} must be a path (str or os.PathLike), not {_shown(value)}.", param) from None
    if not path:
        raise invalid(f"{param} must be a path: it is empty.", param)
    return path


def _settle_after(value: object, param: str) -> float:
    if not check.is_number(value) or not 0 <= value < math.inf:
        raise invalid(f"{param} must be zero or more seconds, not {_shown(value)}.", param)
    return value


def _rate(value: object, param: str) -> float:
    if not check.is_number(value) or not 0 < value < math.inf:
        raise invalid(f"{param} must be more than zero requests per second, not {_shown(value)}.", param)
    return value


def _clock(value: object, param: str) -> Clock:
    if not isinstance(value, Clock):
        raise invalid(f"{param} must be a finsecure.sandbox.Clock, not {_shown(value)}.", param)
    return value


def _function(value: object, param: str) -> Any:
    if not callable(value):
        raise invalid(f"{param} must be a function, not {_shown(value)}.", param)
    return value


def _shown(value: object) -> str:
    return repr(value) if type(value) in (int, float, bool) else f"a {type(value).__name__}"


SANDBOX: Schema = {
    "db": Parameter(_path),
    "clock": Parameter(_clock),
    "ids": Parameter(_function),
    "rate_limit": Parameter(_rate),
    "settle_after": Parameter(_settle_after),
    "ca_file": Parameter(_path),
    "secret_key": Parameter(_key("sk_test_")),
    "publishable_key": Parameter(_key("pk_test_")),
    "webhook_secret": Parameter(_key("whsec_")),
    "observer": Parameter(_function),
    "hosts": Parameter(_hosts.names),
}
"""The options of `Sandbox`."""


def _address(value: object, param: str) -> str:
    """Check an IP address to listen on, and normalize it."""
    address = "127.0.0.1" if value == "localhost" else check.text(value, param)
    try:
        if "%" not in address:  # a scoped address, such as fe80::1%eth0, is not valid in a URL or a certificate
            return str(ipaddress.ip_address(address))
    except ValueError:
        pass
    raise invalid(f"{param} must be an IP address to listen on, such as 127.0.0.1, 0.0.0.0 or ::.", param)


def _tls(value: object, param: str) -> str | bool:
    return value if isinstance(value, bool) else _path(value, param)


SERVE: Schema = {
    "port": Parameter(check.between(0, 65535), required=True),
    "host": Parameter(_address, required=True),
    "tls": Parameter(_tls, required=True),
}
"""The options of `Sandbox.serve`."""
