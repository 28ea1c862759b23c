"""Sends the head and body of a request in one packet. httpcore writes them separately."""

from __future__ import annotations


class Head:
    """Keeps the head of a request until its body is written, or until the response is read."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = b""

    def join(self, buffer: bytes) -> bytes:
        """Keep a head and return nothing, or return the kept head together with the buffer after it."""
        if not self.kept:
            self.kept = buffer
            return b""
        buffer, self.kept = self.kept + buffer, b""
        return buffer
