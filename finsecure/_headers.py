"""Response headers, as a case-insensitive mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from typing_extensions import override


class Headers(Mapping[str, str]):
    """Response headers: read-only and case-insensitive. Iterating yields the names in lower case.

    Example:
        >>> Headers([("Content-Type", "text/html")])["content-type"]
        'text/html'
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, str] = {}
        for name, value in pairs:
            lower = name.lower()
            values[lower] = f"{values[lower]}, {value}" if lower in values else value
        self._values = values

    @override
    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @override
    def __len__(self) -> int:
        return len(self._values)

    @override
    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._values)}>"  # the values may hold secrets

    @override
    def __reduce__(self) -> tuple[type[Headers], tuple[list[tuple[str, str]]]]:
        return Headers, (list(self._values.items()),)
