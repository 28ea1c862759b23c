"""One deadline for a whole attempt, although httpcore only limits each read.

How: httpcore passes the `timeout` of a request, untouched, to every read and write of its network backend. We pass a
`Deadline`; the backends below turn it into the time that is left, at each read. They replace those of httpcore and of
httpcore2.
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
    """Seconds for an attempt, and when they end. Also learns how far the attempt got.

    A float, so that httpcore passes it on like any other timeout.
    """

    at: float
    connected: bool  # whether a connection was made for it, rather than an old one used
    sent: bool  # whether any of the request was written
    received: bool  # whether any of the answer came
    tls_started: bool  # whether TLS was begun for it

    @classmethod
    def of(cls, seconds: float) -> Deadline:
        """Ends `seconds` from now."""
        deadline = cls(seconds)
        deadline.at = monotonic() + seconds
        deadline.connected = deadline.sent = deadline.received = deadline.tls_started = False
        return deadline

    def left(self, expired: type[Exception]) -> float:
        """Seconds that are left; raises `expired` where none are."""
        left = self.at - monotonic()
        if left <= 0:
            raise expired("the time for this attempt is over")
        return left


def _of(timeout: float | None, connecting: Deadline) -> Deadline:
    """The deadline that came as a timeout; a SOCKS handshake comes without one, and is part of connecting."""
    return timeout if isinstance(timeout, Deadline) else connecting


class Stream:
    """A connection whose every read and write ends by the deadline of the request that it is for."""

    closed = True  # until there is one

    def __init__(self, core: Any, stream: httpcore.NetworkStream, connecting: Deadline) -> None:
        self._core = core
        self._stream = stream
        self._connecting = connecting
        self._head = Head()
        self.closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what comes next."""
        # A head that was kept back, to be sent together with a body, goes out now: there was no body.
        if self._head.kept:
            self.write(b"", timeout)
        deadline = _of(timeout, self._connecting)
        data = self._stream.read(max_bytes, deadline.left(self._core.ReadTimeout))
        if data:
            deadline.received = True
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, with what was kept back."""
        buffer = self._head.join(buffer)
        if not buffer:
            return
        # In pieces, since httpcore gives each `send` the whole time, and sending to a slow reader takes many of them.
        deadline = _of(timeout, self._connecting)
        for begin in range(0, len(buffer), _PIECE):
            left = deadline.left(self._core.WriteTimeout)
            # Before writing, since part of a failed write may have arrived. httpcore goes on to read after one.
            deadline.sent = True
            try:
                self._stream.write(buffer[begin : begin + _PIECE], left)
            except self._core.WriteError as exc:
                raise_own(exc)  # what a signal handler raised: httpcore would drop it and read on
                raise

    def close(self) -> None:
        """Close the connection; also when nobody holds it any more."""
        if not self.closed:
            self.closed = True
            self._stream.close()

    drop = __del__ = close

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Go on with TLS."""
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
        """What httpcore asks about the socket."""
        return True if self.closed and info == "is_readable" else self._stream.get_extra_info(info)


class Backend:
    """Makes connections that keep deadlines."""

    def __init__(self, core: Any) -> None:
        self._core = core
        # Its own backend would look the name up without a limit, and give each address the whole time.
        self._stream: Any = importlib.import_module(f"{core.__name__}._backends.sync").SyncStream

    def connect_tcp(self, host: str, port: int, timeout: Deadline, **_: Any) -> Stream:
        """Connect."""
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
    """The same, awaited."""

    closed = True  # until there is one

    def __init__(self, core: Any, stream: httpcore.AsyncNetworkStream, connecting: Deadline) -> None:
        self._loop = running_loop()
        self._core = core
        self._stream = stream
        self._connecting = connecting
        self._head = Head()
        self._secure: Any = None  # what decrypts, once there is TLS
        self.closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what comes next."""
        if self._head.kept:
            await self.write(b"", timeout)
        deadline = _of(timeout, self._connecting)
        data = await self._stream.read(max_bytes, deadline.left(self._core.ReadTimeout))
        if data:
            deadline.received = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, with what was kept back."""
        buffer = self._head.join(buffer)
        if not buffer:
            return
        deadline = _of(timeout, self._connecting)
        left = deadline.left(self._core.WriteTimeout)
        deadline.sent = True  # now, since httpcore reads on where a write fails
        try:
            await self._stream.write(buffer, left)
        except self._core.WriteError as exc:
            raise_own(exc)  # as above
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        self.closed = True
        await self._stream.aclose()

    def drop(self) -> None:
        """Close the connection without waiting; also when nobody holds it any more."""
        if not self.closed:
            self.closed = True
            drop_async(self._stream, self._loop)

    __del__ = drop

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncStream:
        """Go on with TLS."""
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
        """What httpcore asks about the socket."""
        return True if self.closed and info == "is_readable" else self._stream.get_extra_info(info)

    def has_unread(self) -> bool:
        """Whether bytes were received that are no longer on the socket."""
        return has_unread(self._stream, self._secure)


def has_unread(network: Any, secure: Any) -> bool:
    """Whether bytes were received that are no longer on the socket, but in TLS's buffer or (asyncio) in anyio's queue.

    Args:
        network: The network stream of an async httpcore connection.
        secure: The SSL object that decrypts it; `None` without TLS.
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
            return True  # a byte, or the end
    return bool(getattr(getattr(stream, "_protocol", None), "read_queue", None))


class AsyncBackend:
    """Makes connections that keep deadlines, in asyncio and trio alike."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._backend: httpcore.AsyncNetworkBackend = core.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, timeout: Deadline, **options: Any) -> AsyncStream:
        """Connect."""
        timeout.connected = True
        left = timeout.left(self._core.ConnectTimeout)
        host = resolvable(host)
        try:
            stream = await self._backend.connect_tcp(host, port, left, **options)
        except RuntimeError:  # no thread can start to look the name up, as Python is ending: look it up in place
            (_, (address, *_)), *_ = look_up(host, port, left)
            stream = await self._backend.connect_tcp(str(address), port, left, **options)
        return AsyncStream(self._core, stream, timeout)
