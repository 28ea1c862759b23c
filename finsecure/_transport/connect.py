"""Connects in sync code: limits the time of a name lookup, and tries several addresses.

Python cannot interrupt a name lookup, so it runs in a thread, which we abandon if it takes too long. We try addresses
as in RFC 8305 ("happy eyeballs"): the next one when the previous one fails or has not connected after a quarter of a
second. The first that connects is used. In async code, anyio does the same.
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
"""The family of a socket, and the address to connect it to."""

CHANCE = 0.25  # seconds before the next address is tried as well


def resolvable(host: str) -> str:
    """Return the name to look up. Names below localhost mean this machine (RFC 6761), but few resolvers know them."""
    return "localhost" if host.endswith(".localhost") else host


def look_up(host: str, port: int, seconds: float) -> list[Address]:
    """Return the addresses of a host. If it has both IPv4 and IPv6 addresses, the first two are one of each.

    Args:
        host: A host name or an IP address.
        port: The port.
        seconds: How long the lookup may take.

    Raises:
        TimeoutError: The lookup took too long.
        OSError: The host has no addresses.
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
    except RuntimeError:  # no thread can start: Python is ending, or the system forbids it
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
    """Return a socket that is connected to the first address that accepts.

    Args:
        addresses: The addresses, in the order to try them.
        left: Returns the seconds left, or raises if there are none.

    Returns:
        A blocking socket. The caller has to close it.

    Raises:
        OSError: Connecting to all addresses failed.
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
