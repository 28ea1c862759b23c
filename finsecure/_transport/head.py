"""A request's head and body in one packet: httpcore writes one after the other."""

from __future__ import annotations


class Head:
    """Keeps a request's head back until its body comes, or until an answer is read for."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = b""

    def join(self, buffer: bytes) -> bytes:
        """What to write now: a head is kept, and what follows goes out behind it."""
        if not self.kept:
            self.kept = buffer
            return b""
        buffer, self.kept = self.kept + buffer, b""
        return buffer
