"""One deadline for a whole attempt, where httpcore knows only a limit for each read.

How: httpcore passes the `timeout` of a request through to every read and write of its network backend. What is passed
here is a `Deadline`; the backends below turn it into what is left of it, at each read. They stand in for those of
httpcore and of httpcore2 alike.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

    import httpcore


_PIECE = 16 * 1024  # bytes


class Deadline(float):
    """Seconds for an attempt, and when they end. Also learns how far the attempt got."""

    at: float
    connected: bool  # whether a connection was made for it, rather than an old one used
    sent: bool  # whether any of the request was written
    received: bool  # whether any of the answer came

    @classmethod
    def of(cls, seconds: float) -> Deadline:
        """Ends `seconds` from now."""
        deadline = cls(seconds)
        deadline.at = time.monotonic() + seconds
        deadline.connected = deadline.sent = deadline.received = False
        return deadline

    def left(self, expired: type[Exception]) -> float:
        """Seconds that are left; raises `expired` where none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise expired("the time for this attempt is over")
        return left


def _left(timeout: float | None, expired: type[Exception]) -> float | None:
    """What is left of a `Deadline`; a SOCKS handshake is made without one."""
    return timeout.left(expired) if isinstance(timeout, Deadline) else timeout


class Stream:
    """A connection whose every read and write ends by the deadline of the request that it is for."""

    def __init__(self, core: Any, stream: httpcore.NetworkStream) -> None:
        self._core = core
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what comes next."""
        data = self._stream.read(max_bytes, _left(timeout, self._core.ReadTimeout))
        if data and isinstance(timeout, Deadline):
            timeout.received = True
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        # In pieces, since httpcore gives each `send` the whole time, and a slow reader takes up many.
        for begin in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[begin : begin + _PIECE], _left(timeout, self._core.WriteTimeout))
        if isinstance(timeout, Deadline):
            timeout.sent = True

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Go on with TLS."""
        left = _left(timeout, self._core.ConnectTimeout)
        return Stream(self._core, self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


class Backend:
    """Makes connections that keep deadlines."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._backend: httpcore.NetworkBackend = core.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: Deadline, **options: Any) -> Stream:
        """Connect."""
        timeout.connected = True
        left = _left(timeout, self._core.ConnectTimeout)
        return Stream(self._core, self._backend.connect_tcp(host, port, left, **options))


class AsyncStream:
    """A connection whose every read and write ends by the deadline of the request that it is for."""

    def __init__(self, core: Any, stream: httpcore.AsyncNetworkStream) -> None:
        self._core = core
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what comes next."""
        data = await self._stream.read(max_bytes, _left(timeout, self._core.ReadTimeout))
        if data and isinstance(timeout, Deadline):
            timeout.received = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        await self._stream.write(buffer, _left(timeout, self._core.WriteTimeout))
        if isinstance(timeout, Deadline):
            timeout.sent = True

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncStream:
        """Go on with TLS."""
        left = _left(timeout, self._core.ConnectTimeout)
        return AsyncStream(self._core, await self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


class AsyncBackend:
    """Makes connections that keep deadlines, in asyncio and trio alike."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._backend: httpcore.AsyncNetworkBackend = core.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, timeout: Deadline, **options: Any) -> AsyncStream:
        """Connect."""
        timeout.connected = True
        left = _left(timeout, self._core.ConnectTimeout)
        return AsyncStream(self._core, await self._backend.connect_tcp(host, port, left, **options))
