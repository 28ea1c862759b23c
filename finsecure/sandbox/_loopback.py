"""Which hosts are this machine."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine, and no name that merely looks so.

    It is for 127.0.0.0/8, `::1`, `localhost`, and the names below that (RFC 6761).
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
