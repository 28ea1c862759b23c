"""A coroutine whose errors say that `await` was forgotten, if it is used like its result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from typing_extensions import override


class Unawaited:
    """Wraps a coroutine. Reading an attribute raises an error that names the operation and says to await it.

    `await`, tasks, asyncio, trio and anyio treat it like any coroutine. A wrapper is needed, since coroutines cannot
    have attributes. It adds no frame to tracebacks: awaiting it uses the coroutine's own iterator and methods.
    """

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: CoroutineType[Any, Any, Any], operation: str) -> None:
        self._coroutine = coroutine
        coroutine.__qualname__ = operation  # for Python's warning if it is never awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise

        @property
        def __class__(self) -> type:
            return CoroutineType  # for `inspect.iscoroutine`, which anyio uses

        @property
        def send(self) -> Any:
            return self._coroutine.send

        @property
        def throw(self) -> Any:
            return self._coroutine.throw

        @property
        def close(self) -> Any:
            return self._coroutine.close

        def __getattr__(self, name: str) -> Any:
            if name.startswith(("cr_", "__")):  # attributes of coroutines that tools read
                return getattr(self._coroutine, name)
            raise AttributeError(f"{self._forgotten()} Then read .{name}.", name=name, obj=None)

        def __getitem__(self, name: object) -> NoReturn:
            raise TypeError(self._forgotten())

        def __iter__(self) -> NoReturn:
            raise TypeError(self._forgotten())

        def __reduce__(self) -> NoReturn:  # copies and pickles would have no coroutine
            raise TypeError(self._forgotten())

    def _forgotten(self) -> str:
        client, _, operation = self._coroutine.__qualname__.partition(".")
        place = "page" if client == "AsyncPage" else "client"
        return f"This was not awaited. Write `await {place}.{operation}(...)`, since {client} is async."

    @override
    def __repr__(self) -> str:
        return f"<{self._coroutine.__qualname__}(...), not awaited>"


F = TypeVar("F", bound=Callable[..., Any])


def names_itself(method: F) -> F:
    """Decorate an async method so that an error names it if `await` was forgotten."""

    @functools.wraps(method)
    def outer(self: object, *args: Any, **kwargs: Any) -> Any:
        return Unawaited(method(self, *args, **kwargs), f"{type(self).__name__}.{method.__name__}")

    mark_as_coroutine_function(outer)
    return cast("F", outer)


# For mocks and frameworks that check what to await. Python has no public way to say it before 3.12.
mark_as_coroutine_function: Callable[[Any], Any] = getattr(inspect, "markcoroutinefunction", id)
