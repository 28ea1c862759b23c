"""The sandbox on a loopback port: uvicorn in a thread. Needs `finsecure[sandbox]`."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._asgi import application, needs_extra
from ._background import Loop
from ._connection import PATIENCE, protocol
from ._http import Request, Response

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

HOST = "127.0.0.1"


_LONGEST = PATIENCE + 0.6
"""Seconds that `close` waits for the thread."""


class Server:
    """A sandbox that answers real HTTP on this machine until it is closed. Made by `Sandbox.serve`.

    Attributes:
        base_url: Where it listens, such as `http://127.0.0.1:40123`.
    """

    base_url: str

    def __init__(self, handle: Callable[[Request], Response], expects: Callable[[Request], bool], port: int) -> None:
        app = application(handle, expects)
        try:
            import uvicorn
        except ImportError as error:
            raise needs_extra(error) from None
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            # Longer than clients keep idle connections, so that none is closed as a request goes out on it.
            timeout_keep_alive=75,
        )
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server((HOST, port), backlog=128)
        # asyncio does so only for sockets that name their protocol; without it each answer waits 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.base_url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        # The socket listens already: whoever connects before the thread runs waits in its backlog.
        self._thread = threading.Thread(target=self._run, name="finsecure-sandbox-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer what is under way, then stop: within two seconds, whoever does not read or write meanwhile.

        Closing it twice is harmless.
        """
        self.stop()
        self._thread.join(_LONGEST)
        self._socket.close()

    def stop(self) -> None:
        """Begin to close."""
        self._server.should_exit = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        loop = Loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._server.serve(sockets=[self._socket]))
        finally:
            loop.close()
