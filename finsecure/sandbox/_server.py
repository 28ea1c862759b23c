"""The sandbox's HTTP server: uvicorn in a thread. Needs `finsecure[sandbox]`."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ._asgi import application, needs_extra
from ._background import Loop
from ._connection import PATIENCE, protocol
from ._http import Request, Response
from ._tls import Certificates

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a key to look up, not an address to listen on
"""The address for clients on this machine, if the server listens on all addresses."""

_LONGEST = PATIENCE + 0.5
"""Seconds that `close` waits for the thread."""


class Server:
    """A server that `Sandbox.serve` started. It runs until it is closed.

    Attributes:
        base_url: The base URL for clients on this machine, such as `http://127.0.0.1:40123`.
        ca_file: The file with the certificate of the sandbox's CA, for clients to trust, with `SSL_CERT_FILE` for
            example; `None` without TLS.
    """

    base_url: str
    ca_file: Path | None

    def __init__(
        self,
        handle: Callable[[Request], Response],
        expects: Callable[[Request], bool],
        host: str,
        port: int,
        certificates: Certificates | None,
    ) -> None:
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
            # Longer than clients keep idle connections, so that the server never closes one while a client writes.
            timeout_keep_alive=75,
        )
        config.load()
        config.ssl = certificates.context if certificates else None
        self._server = uvicorn.Server(config)
        self._certificates = certificates
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=128)
        # asyncio sets this only for sockets created with a protocol number. Without it, each response waits 40 ms for
        # an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        scheme = "https" if certificates else "http"
        name = _HERE.get(host, host)
        self.base_url = f"{scheme}://{f'[{name}]' if ':' in name else name}:{self._socket.getsockname()[1]}"
        self.ca_file = certificates.file if certificates else None
        # The socket is listening already: connections wait in its backlog until the thread runs.
        self._thread = threading.Thread(target=self._run, name="finsecure-sandbox-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the requests in progress, then stop.

        It takes less than two seconds, even if a client neither reads nor writes. Closing twice is harmless.
        """
        self.stop()
        self._thread.join(_LONGEST)
        self._socket.close()
        if self._certificates:
            self._certificates.close()

    def stop(self) -> None:
        """Start to close, without waiting."""
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
