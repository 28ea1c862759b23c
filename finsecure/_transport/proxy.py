"""Finds the proxy for a host in the environment."""

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
    """The URL of a proxy, and the credentials for it."""

    url: str
    auth: tuple[str, str] | None

    @override
    def __repr__(self) -> str:
        return f"<Proxy {self.url}>"  # without the credentials

    @property
    def hidden_auth(self) -> tuple[bytes, bytes] | None:
        """The user and the password, with a masked `repr`."""
        return None if self.auth is None else (_Hidden(self.auth[0].encode()), _Hidden(self.auth[1].encode()))


class _Hidden(bytes):
    @override
    def __repr__(self) -> str:
        return "[hidden]"


def unusable_proxy() -> InvalidRequestError:
    """Return the error for a proxy that cannot be used."""
    return InvalidRequestError(
        "The proxy URL in the environment (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) cannot be used: write it as "
        "http://host:port, or as socks5://host:port after pip install 'httpx[socks]'.",
        type="invalid_request_error",
        param="proxy",
    )


def proxy_for(origin: Origin) -> Proxy | None:
    """Find the proxy for a host: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, or the system's settings."""
    if origin.scheme == "http":
        return None  # always a loopback host, such as a sandbox, which no proxy can reach
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None  # the usual case, without the import below
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
    """Whether `NO_PROXY` has a host's address or network, which `urllib` does not support."""
    import ipaddress  # slow to import, and only needed with a proxy

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        with contextlib.suppress(ValueError):  # an entry may be a host name
            if address in ipaddress.ip_network(entry.strip().strip("[]"), strict=False):
                return True
    return False


_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
