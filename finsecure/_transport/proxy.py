"""The proxy that the environment names for a host."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from typing_extensions import override

from ..error import InvalidRequestError

if TYPE_CHECKING:
    from .._http import Origin


class Proxy(NamedTuple):
    """Where a proxy is, and who we are to it."""

    url: str
    auth: tuple[str, str] | None

    @override
    def __repr__(self) -> str:
        return f"<Proxy {self.url}>"  # the rest is secret

    @property
    def hidden_auth(self) -> tuple[bytes, bytes] | None:
        """User and password, which no log shows that writes their `repr`."""
        return None if self.auth is None else (_Hidden(self.auth[0].encode()), _Hidden(self.auth[1].encode()))


class _Hidden(bytes):
    @override
    def __repr__(self) -> str:
        return "[hidden]"


def unusable_proxy() -> InvalidRequestError:
    """The error of a proxy that cannot be used."""
    return InvalidRequestError(
        "The proxy that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) is no URL that can be used: "
        "write it as http://host:port; socks5://host:port needs pip install 'httpx[socks]'.",
        type="invalid_request_error",
        param="proxy",
    )


def proxy_for(origin: Origin) -> Proxy | None:
    """The proxy for a host: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, or the system's settings."""
    if origin.scheme == "http":
        return None  # only ever a loopback host, such as a sandbox on this machine, which no proxy can reach
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None  # the usual case, which spares the import below
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or proxy_bypass(origin.authority) or _is_in_network(origin.host, proxies.get("no", "")):
        return None
    target, auth = "", None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host = parts.hostname or ""
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
        target = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        usable = parts.scheme in _PORTS and bool(host) and host.isascii() and host.isprintable() and " " not in host
        if parts.scheme.startswith("socks"):
            usable = usable and importlib.util.find_spec("socksio") is not None
    except (ValueError, KeyError):
        usable = False
    if not usable:
        raise unusable_proxy()
    return Proxy(target, auth)


def _is_in_network(host: str, no_proxy: str) -> bool:
    """Whether `NO_PROXY` leaves a host out as an address or by its network, which `urllib` knows nothing of."""
    import ipaddress  # not without a proxy

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        with contextlib.suppress(ValueError):  # the name of a host
            if address in ipaddress.ip_network(entry.strip().strip("[]"), strict=False):
                return True
    return False


_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
