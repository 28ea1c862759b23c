"""One deadline for a whole attempt, where httpcore knows only a limit for each read.

How: httpcore passes the `timeout` of a request through to every read and write of its network backend. What is passed
here is a `Deadline`; the backends below turn it into what is left of it, at each read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import httpcore
from typing_extensions import override

if TYPE_CHECKING:
    import ssl


class Deadline(float):
    """Seconds for an attempt, and when they end. Also learns how far the attempt got."""

    at: float
    connected: bool  # whether a connection was made for it, rather than an old one used
    received: bool  # whether any of the answer came

    @classmethod
    def of(cls, seconds: float) -> Deadline:
        """Ends `seconds` from now."""
        deadline = cls(seconds)
        deadline.at = time.monotonic() + seconds
        deadline.connected = deadline.received = False
        return deadline

    def left(self, expired: type[Exception]) -> float:
        """Seconds that are left; raises `expired` where none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise expired("the time for this attempt is over")
        return left


def _left(timeout: float | None, expired: type[Exception]) -> float | None:
    return timeout.left(expired) if isinstance(timeout, Deadline) else timeout


class Stream(httpcore.NetworkStream):
    """A connection whose every read ends by the deadline of the request that it is for."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        if isinstance(timeout, Deadline) and data:
            timeout.received = True
        return data

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Makes connections that keep deadlines."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        if isinstance(timeout, Deadline):
            timeout.connected = True
        return Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))


class AsyncStream(httpcore.AsyncNetworkStream):
    """A connection whose every read ends by the deadline of the request that it is for."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        if isinstance(timeout, Deadline) and data:
            timeout.received = True
        return data

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, left))

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Makes connections that keep deadlines, in asyncio and trio alike."""

    def __init__(self) -> None:
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        if isinstance(timeout, Deadline):
            timeout.connected = True
        return AsyncStream(await self._inner.connect_tcp(host, port, left, local_address, socket_options))
