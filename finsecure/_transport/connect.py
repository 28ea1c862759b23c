"""Connecting in sync code: a name lookup that ends in time, and a second address that soon gets its chance.

Python cannot interrupt a name lookup, so a thread does it, which is left alone where it takes too long. The addresses
are tried as RFC 8305 says ("happy eyeballs"): the next one begins where the one before has failed, or has not answered
for a quarter of a second, and the first to connect wins. Async code has the same from anyio.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, cast

Address: TypeAlias = "tuple[socket.AddressFamily, tuple[Any, ...]]"
"""The family of a socket, and what it connects to."""

CHANCE = 0.25  # seconds that an address has before the next one is tried as well


def resolvable(host: str) -> str:
    """The name to look up: names below localhost are this machine (RFC 6761), and few resolvers know them."""
    return "localhost" if host.endswith(".localhost") else host


def look_up(host: str, port: int, seconds: float) -> list[Address]:
    """The addresses of a host, the second one of another family than the first where there is one.

    Raises:
        TimeoutError: They were not found in time.
        OSError: There are none.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return [(family, (host, port))]
    answers: SimpleQueue[list[Any] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as exc:
            answers.put(exc)

    try:
        Thread(target=ask, name="finsecure-lookup", daemon=True).start()
    except RuntimeError:  # none can start, since Python is ending or the system forbids it
        ask()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError("the name was not looked up in time") from None
    if isinstance(answer, Exception):
        raise answer
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in answer))
    other = next((index for index, (family, _) in enumerate(addresses) if family != addresses[0][0]), 0)
    if other:
        addresses.insert(1, addresses.pop(other))
    return addresses


def connect(addresses: list[Address], left: Callable[[], float]) -> socket.socket:
    """A socket that is connected to the first of the addresses that answers.

    Args:
        addresses: Where to connect to, the most likely first.
        left: Tells the seconds that are left, or raises where none are.

    Raises:
        OSError: None of them can be connected to.
    """
    waiting = addresses[::-1]
    failed = OSError("the name has no address")
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                if waiting:
                    try:
                        selector.register(_begin(waiting.pop()), selectors.EVENT_WRITE)
                    except OSError as exc:
                        failed = exc
                        continue
                for key, _ in selector.select(min(left(), CHANCE) if waiting else left()):
                    sock = cast("socket.socket", key.fileobj)
                    selector.unregister(sock)
                    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not error:
                        sock.setblocking(True)
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        return sock
                    failed = OSError(error, os.strerror(error))
                    sock.close()
        finally:
            for key in selector.get_map().values():
                cast("socket.socket", key.fileobj).close()
    raise failed


def _begin(address: Address) -> socket.socket:
    family, target = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        with suppress(BlockingIOError):
            sock.connect(target)
    except BaseException:
        sock.close()
        raise
    return sock
