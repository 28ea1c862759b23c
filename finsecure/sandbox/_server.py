"""The sandbox on a loopback port: uvicorn in a thread. Needs `finsecure[sandbox]`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._asgi import application, needs_extra
from ._connection import protocol
from ._http import Request, Response

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

HOST = "127.0.0.1"


class Server:
    """A sandbox that answers real HTTP on this machine until it is closed. Made by `Sandbox.serve`.

    Attributes:
        base_url: Where it listens, such as `http://127.0.0.1:40123`.
    """

    base_url: str

    def __init__(self, handle: Callable[[Request], Response], port: int) -> None:
        app = application(handle)
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
            timeout_graceful_shutdown=5,
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
        """Answer what is under way, then stop. Closing it twice is harmless."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
