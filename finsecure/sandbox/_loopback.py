"""Recognizes the host names and addresses of this machine."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether the host of a URL is certainly this machine.

    True for 127.0.0.0/8, `::1`, `localhost`, and names under `.localhost` (RFC 6761).
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
