"""The host names of a sandbox: those that it accepts requests for, and those that it may send webhooks to.

Any web page can make its own host name resolve to this machine (DNS rebinding), and the `Host` header becomes part of
the links in responses. So every request for an unknown host is refused. Webhooks may be sent to this machine, and to
the hosts that were given, such as other containers.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import cast

import httpx

from ._http import BASE_URL
from ._loopback import is_loopback
from ._problems import authentication, invalid

_NAME = r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]"
_HOST = re.compile(rf"({_NAME})(?::[0-9]{{1,5}})?", re.ASCII | re.IGNORECASE)

_OWN = (BASE_URL.removeprefix("https://"), "api-sandbox.finsecure.com", "testserver")
"""The hosts of the in-process transport, of the API's test mode, and of Starlette's TestClient."""


class Hosts:
    """The names of one sandbox.

    Args:
        names: More names, besides the sandbox's own and those of this machine.

    Attributes:
        given: The names that were given.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.given = frozenset(names)
        self._names = {*_OWN, *self.given}

    @contextmanager
    def added(self, names: Iterable[str]) -> Generator[None, None, None]:
        """Accept more names from now on. If the block raises, remove them again."""
        more = {_plain(name) for name in names} - self._names
        self._names |= more
        try:
            yield
        except BaseException:
            self._names -= more
            raise

    def check(self, host: str) -> None:
        """Refuse a request with an unknown `Host`.

        Raises:
            Problem: 403.
        """
        if not self.own(host):
            raise authentication(
                403,
                "Host must be a name of this machine or one that the sandbox was started with: "
                "Sandbox(hosts=[...]), --allow-host.",
            )

    def own(self, host: str) -> bool:
        """Whether a `Host` is a name of this sandbox, with or without a port."""
        matched = _HOST.fullmatch(host)
        name = _plain(matched[1]) if matched else ""
        return name in self._names or is_loopback(name)

    def may_receive(self, url: str) -> bool:
        """Whether webhooks may be sent to a URL: its host must be this machine or one that was given."""
        host = httpx.URL(url).raw_host.decode("ascii")
        return is_loopback(host) or _plain(host) in self.given


def names(value: object, param: str) -> list[str]:
    """Check the names in an option."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise invalid(f'{param} must be a list of host names, such as ["sandbox.test"].', param)
    return [_name(one, param) for one in cast("Iterable[object]", value)]


def _name(value: object, param: str) -> str:
    name = value if isinstance(value, str) else ""
    if not re.fullmatch(_NAME, name, re.ASCII | re.IGNORECASE):
        raise invalid(f"{param} must name hosts alone, without scheme, port or path, such as sandbox.test.", param)
    return _plain(name)


def _plain(name: str) -> str:
    """Normalize a name: lower case, without the brackets of an IPv6 address, without a trailing dot."""
    return name.lower().strip("[]").removesuffix(".")
