"""One deadline for a whole attempt, although httpcore only limits each read.

How: httpcore passes the `timeout` of a request unchanged to every read and write of its network backend. We pass a
`Deadline`, and the backends below convert it to the time left at each read and write. They replace the backends of
httpcore and httpcore2.
"""

from __future__ import annotations

import importlib
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

from .._clock import monotonic
from .._runtime import running_loop
from .connect import connect, look_up, resolvable
from .head import Head
from .lifetime import drop_async
from .whose import raise_own

if TYPE_CHECKING:
    import httpcore


_PIECE = 16 * 1024  # bytes


class Deadline(float):
    """The timeout of an attempt, the time when it ends, and how far the attempt got.

    A float, so that httpcore passes it on like any other timeout.
    """

    at: float
    connected: bool  # whether a new connection was opened, and not an old one reused
    sent: bool  # whether any byte of the request was written
    received: bool  # whether any byte of the response arrived
    tls_started: bool  # whether a TLS handshake was completed

    @classmethod
    def of(cls, seconds: float) -> Deadline:
        """Create a deadline that ends `seconds` from now."""
        deadline = cls(seconds)
        deadline.at = monotonic() + seconds
        deadline.connected = deadline.sent = deadline.received = deadline.tls_started = False
        return deadline

    def left(self, expired: type[Exception]) -> float:
        """Return the seconds left; raise `expired` if there are none."""
        left = self.at - monotonic()
        if left <= 0:
            raise expired("the time for this attempt is over")
        return left


def _of(timeout: float | None, connecting: Deadline) -> Deadline:
    """Return the deadline of a read or write. A SOCKS handshake has no timeout, and counts as connecting."""
    return timeout if isinstance(timeout, Deadline) else connecting


class Stream:
    """A connection that limits each read and write by the deadline of its request."""

    closed = True  # in case `__init__` fails: `__del__` then has nothing to close

    def __init__(self, core: Any, stream: httpcore.NetworkStream, connecting: Deadline) -> None:
        self._core = core
        self._stream = stream
        self._connecting = connecting
        self._head = Head()
        self.closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to `max_bytes`."""
        # The head was kept to send it together with the body, but there is no body: send it now.
        if self._head.kept:
            self.write(b"", timeout)
        deadline = _of(timeout, self._connecting)
        data = self._stream.read(max_bytes, deadline.left(self._core.ReadTimeout))
        if data:
            deadline.received = True
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of the buffer, after a head that was kept."""
        buffer = self._head.join(buffer)
        if not buffer:
            return
        # In pieces: httpcore applies the timeout to each `send`, and a slow server needs many of them.
        deadline = _of(timeout, self._connecting)
        for begin in range(0, len(buffer), _PIECE):
            left = deadline.left(self._core.WriteTimeout)
            # Set before writing, since part of a failed write may arrive. httpcore ignores a failed write and reads on.
            deadline.sent = True
            try:
                self._stream.write(buffer[begin : begin + _PIECE], left)
            except self._core.WriteError as exc:
                raise_own(exc)  # an exception from a signal handler, which httpcore would drop to read on
                raise

    def close(self) -> None:
        """Close the connection. Also runs when it is garbage-collected."""
        if not self.closed:
            self.closed = True
            self._stream.close()

    drop = __del__ = close

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Start TLS on this connection."""
        deadline = _of(timeout, self._connecting)
        left = deadline.left(self._core.ConnectTimeout)
        try:
            self._stream = self._stream.start_tls(ssl_context, server_hostname, left)
        except BaseException:
            self.close()
            raise
        deadline.tls_started = True
        self._connecting = deadline
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return information about the socket to httpcore."""
        return True if self.closed and info == "is_readable" else self._stream.get_extra_info(info)


class Backend:
    """Opens connections with deadlines."""

    def __init__(self, core: Any) -> None:
        self._core = core
        # httpcore's own backend has no time limit for the name lookup, and applies the timeout to each address.
        self._stream: Any = importlib.import_module(f"{core.__name__}._backends.sync").SyncStream

    def connect_tcp(self, host: str, port: int, timeout: Deadline, **_: Any) -> Stream:
        """Open a connection."""
        timeout.connected = True
        left = partial(timeout.left, self._core.ConnectTimeout)
        try:
            sock = connect(look_up(resolvable(host), port, left()), left)
        except TimeoutError as exc:
            raise self._core.ConnectTimeout(str(exc)) from exc
        except (OSError, UnicodeError) as exc:
            raise self._core.ConnectError(str(exc)) from exc
        return Stream(self._core, self._stream(sock), timeout)


class AsyncStream:
    """`Stream` for async code."""

    closed = True  # in case `__init__` fails: `__del__` then has nothing to close

    def __init__(self, core: Any, stream: httpcore.AsyncNetworkStream, connecting: Deadline) -> None:
        self._loop = running_loop()
        self._core = core
        self._stream = stream
        self._connecting = connecting
        self._head = Head()
        self._secure: Any = None  # the SSL object, after `start_tls`
        self.closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to `max_bytes`."""
        if self._head.kept:
            await self.write(b"", timeout)
        deadline = _of(timeout, self._connecting)
        data = await self._stream.read(max_bytes, deadline.left(self._core.ReadTimeout))
        if data:
            deadline.received = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of the buffer, after a head that was kept."""
        buffer = self._head.join(buffer)
        if not buffer:
            return
        deadline = _of(timeout, self._connecting)
        left = deadline.left(self._core.WriteTimeout)
        deadline.sent = True  # before writing, as in `Stream`
        try:
            await self._stream.write(buffer, left)
        except self._core.WriteError as exc:
            raise_own(exc)  # as in `Stream`
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        self.closed = True
        await self._stream.aclose()

    def drop(self) -> None:
        """Close the connection without waiting. Also runs when it is garbage-collected."""
        if not self.closed:
            self.closed = True
            drop_async(self._stream, self._loop)

    __del__ = drop

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncStream:
        """Start TLS on this connection."""
        deadline = _of(timeout, self._connecting)
        left = deadline.left(self._core.ConnectTimeout)
        try:
            self._stream = await self._stream.start_tls(ssl_context, server_hostname, left)
        except BaseException:
            self.drop()
            raise
        deadline.tls_started = True
        self._connecting = deadline
        self._secure = self._stream.get_extra_info("ssl_object")
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return information about the socket to httpcore."""
        return True if self.closed and info == "is_readable" else self._stream.get_extra_info(info)

    def has_unread(self) -> bool:
        """Whether received bytes are waiting in a buffer, no longer on the socket."""
        return has_unread(self._stream, self._secure)


def has_unread(network: Any, secure: Any) -> bool:
    """Whether received bytes are waiting in a buffer, no longer on the socket: TLS's, or anyio's queue on asyncio.

    Args:
        network: The network stream of an async httpcore connection.
        secure: Its SSL object; `None` without TLS.
    """
    stream: Any = getattr(network, "_stream", None)
    if secure is not None:
        try:
            secure.read(1)
        except ssl.SSLWantReadError:
            stream = stream.transport_stream
        except ssl.SSLError:
            return True
        else:
            return True  # a byte, or the end of the stream
    return bool(getattr(getattr(stream, "_protocol", None), "read_queue", None))


class AsyncBackend:
    """Opens connections with deadlines, on asyncio and trio."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._backend: httpcore.AsyncNetworkBackend = core.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, timeout: Deadline, **options: Any) -> AsyncStream:
        """Open a connection."""
        timeout.connected = True
        left = timeout.left(self._core.ConnectTimeout)
        host = resolvable(host)
        try:
            stream = await self._backend.connect_tcp(host, port, left, **options)
        except RuntimeError:  # no thread can start, since Python is ending: look the name up here
            (_, (address, *_)), *_ = look_up(host, port, left)
            stream = await self._backend.connect_tcp(str(address), port, left, **options)
        return AsyncStream(self._core, stream, timeout)
