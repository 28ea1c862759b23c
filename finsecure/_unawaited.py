"""The coroutine of an operation, which says what was forgotten when it is used as if it were its answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from typing_extensions import override


class Unawaited:
    """A coroutine like any other to `await`, tasks, asyncio, trio and anyio. Reading an attribute names the operation.

    A coroutine cannot have attributes of its own, hence this one around it. It adds no frame to a traceback: whoever
    drives it gets the coroutine's own iterator and methods.
    """

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: CoroutineType[Any, Any, Any], operation: str) -> None:
        self._coroutine = coroutine
        coroutine.__qualname__ = operation  # what Python calls it where it is never awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    if not TYPE_CHECKING:  # or every name would be an attribute to type checkers

        @property
        def __class__(self) -> type:
            return CoroutineType  # `inspect.iscoroutine`, by which anyio goes, asks for no less

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
            if name.startswith(("cr_", "__")):  # what tools ask a coroutine for
                return getattr(self._coroutine, name)
            raise AttributeError(f"{self._forgotten()} Then read .{name}.", name=name, obj=None)

        def __getitem__(self, name: object) -> NoReturn:
            raise TypeError(self._forgotten())

        def __iter__(self) -> NoReturn:
            raise TypeError(self._forgotten())

        def __reduce__(self) -> NoReturn:  # for copy and pickle, which would make one without a coroutine
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
    """Have an async method name itself where its answer is used without `await`."""

    @functools.wraps(method)
    def outer(self: object, *args: Any, **kwargs: Any) -> Any:
        return Unawaited(method(self, *args, **kwargs), f"{type(self).__name__}.{method.__name__}")

    mark_as_coroutine_function(outer)
    return cast("F", outer)


# For mocks and frameworks that ask what is to be awaited; before Python 3.12 there is no public way to say it.
mark_as_coroutine_function: Callable[[Any], Any] = getattr(inspect, "markcoroutinefunction", id)
