"""Pages: lists that fetch pages on demand.

A list call returns a `Page`. Iterating it yields every object of the whole list, page by page. In async code a list
call returns `AsyncPages`: iterate it with `async for`, or await it for the first `AsyncPage`. Only one page is in
memory at a time, with `prefetch` two. Reference: Consistency Standards, Pagination.
"""

# The iterators in this file use private methods of pages, which are private so that editors do not offer them.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeAlias, TypeVar, cast, get_args

from typing_extensions import Self, override

from ._runtime import in_asyncio
from ._unawaited import names_itself
from .error import APIError, InvalidRequestError

if TYPE_CHECKING:
    from ._call import Call, LastResponse

_OF_A_PAGE = frozenset({"data", "has_more", "url", "last_response"})  # attributes that are not on its class

T = TypeVar("T")
F = TypeVar("F")

FetchAsync: TypeAlias = "Callable[[Call[Page[T]]], Coroutine[Any, Any, AsyncPage[T]]]"


class _PageOf(Generic[T, F]):
    """What sync and async pages share: everything except fetching."""

    # Annotated here and not where they are set, so that jedi knows what `page.data[0]` is.
    data: list[T]
    has_more: bool
    url: str | None
    last_response: LastResponse

    def __init__(
        self,
        call: Call[Page[T]],
        data: list[T],
        has_more: bool,
        url: str | None,
        last_response: LastResponse,
        fetch: F,
    ) -> None:
        self.data = data
        self.has_more = has_more
        self.url = url
        self.last_response = last_response
        self._call = call
        self._fetch: F | None = fetch  # fetches the page of another call
        items: list[Any] = data
        # Read now, since the program may sort or clear `data`.
        self._ids: list[str] = [item.id for item in items]

    @override
    def __repr__(self) -> str:
        objects = "1 object" if len(self.data) == 1 else f"{len(self.data)} objects"
        return f"{type(self).__name__}({objects}, has_more={self.has_more})"

    def __bool__(self) -> bool:
        """Whether this page has any objects."""
        return bool(self.data)

    @override
    def __dir__(self) -> list[str]:
        from ._habits import public

        return public(self)

    if not TYPE_CHECKING:  # type checkers already refuse this

        def __len__(self) -> NoReturn:
            raise TypeError(
                "A page has no len(), since iterating it yields the objects of all pages: use len(page.data) for those "
                "of this page."
            )

        def __getitem__(self, index: object) -> NoReturn:
            raise TypeError(
                "A page is not a list: read page.data[0], or iterate the page for the objects of all pages."
            )

    def _following(self) -> Call[Page[T]] | None:
        """Return the call for the next page, in the direction of the first call; `None` if there is none."""
        if not self.has_more:
            return None
        if self._backwards:
            return self._call.with_params(ending_before=self._ids[0])
        return self._call.with_params(starting_after=self._ids[-1])

    def _preceding(self) -> Call[Page[T]] | None:
        """Return the call for the page before this one; `None` if this page is empty."""
        if not self._ids:
            return None
        if self._backwards:
            return self._call.with_params(ending_before=None, starting_after=self._ids[-1])
        return self._call.with_params(starting_after=None, ending_before=self._ids[0])

    @property
    def next_cursor(self) -> str | None:
        """The id to pass as `starting_after` for the page of older objects; `None` if there is none."""
        older = bool(self._ids) and (self.has_more or self._backwards)
        return self._ids[-1] if older else None

    @property
    def previous_cursor(self) -> str | None:
        """The id to pass as `ending_before` for the page of newer objects; `None` on an empty page.

        It does not mean that there are newer objects: only a request can tell.
        """
        return self._ids[0] if self._ids else None

    @property
    def _backwards(self) -> bool:
        """Whether the list is read towards newer objects, as with `ending_before`."""
        return "ending_before" in self._call.params

    def _in_order(self) -> Iterator[T]:
        """Yield the objects in reading order: newest first, or oldest first after `ending_before`."""
        return reversed(self.data) if self._backwards else iter(self.data)

    def _reached(self, walk: Walk) -> None:
        leads_on = self.has_more and bool(self._ids)
        walk.reach(self, self._ids, (self._ids[0] if self._backwards else self._ids[-1]) if leads_on else None)

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise

        def __getattr__(self, name: str) -> Any:
            from ._habits import attribute, public
            from ._habits.attributes import OF_A_PAGE

            raise AttributeError(attribute(type(self), name, OF_A_PAGE, public(self)), name=name, obj=None)

    def to_dict(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return this page as the API sent it, as plain dicts, lists and JSON values. It includes secrets.

        Args:
            exclude_none: Leave out fields of the objects that are `None`.

        Returns:
            A dict with `object`, `data`, `has_more` and `url`.

        Reference: Consistency Standards, Pagination.
        """
        objects: list[Any] = self.data
        data = [item.to_dict(exclude_none=exclude_none) for item in objects]
        return {"object": "list", "data": data, "has_more": self.has_more, "url": self.url}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Tell pydantic and FastAPI how to write a page, for routes that return `finsecure.Page[finsecure.Refund]`."""
        from pydantic_core import core_schema  # rarely needed

        (kind, *_) = get_args(source) or (Any,)
        fields: dict[str, Any] = {
            "object": core_schema.literal_schema(["list"]),
            "data": core_schema.list_schema(handler.generate_schema(kind)),
            "has_more": core_schema.bool_schema(),
            "url": core_schema.nullable_schema(core_schema.str_schema()),
        }
        written = core_schema.typed_dict_schema(
            {name: core_schema.typed_dict_field(schema) for name, schema in fields.items()}
        )
        write = core_schema.plain_serializer_function_ser_schema(cls._written, return_schema=written)
        return core_schema.is_instance_schema(cls, serialization=write)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return handler(schema["serialization"]["return_schema"])

    def _written(self) -> dict[str, Any]:
        return {"object": "list", "data": self.data, "has_more": self.has_more, "url": self.url}

    def _turned(self, call: Call[Page[T]]) -> Self | None:
        """Return this page with the direction of another call; `None` if it is empty."""
        if not self._ids:
            return None
        self._call = call.with_params(starting_after=None)
        self.has_more = True  # at least the page that this one was fetched from
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_fetch": None}  # it refers to a client, with its key and connections

    def _unpickled(self) -> InvalidRequestError:
        return InvalidRequestError(
            "This page was pickled or copied, so it has no client to fetch other pages with: list again with "
            f"starting_after={self.next_cursor!r}.",
            type="invalid_request_error",
        )


class Page(_PageOf[T, "Callable[[Call[Page[T]]], Page[T]]"], Generic[T]):
    """One page of a list.

    Iterating a page yields its objects and those of all following pages, which it fetches on demand. After
    `ending_before`, iterating yields oldest first.

    Reference: Consistency Standards, Pagination.
    """

    data: list[T]
    """The objects of this page, newest first."""
    has_more: bool
    """Whether there is another page."""
    url: str | None
    """The path of the list."""
    last_response: LastResponse
    """Facts about the response: status, request id, attempts."""

    def next_page(self) -> Page[T] | None:
        """Fetch the page after this one.

        Returns:
            The next page; `None`, without a request, if `has_more` is false.

        Raises:
            finsecure.FinSecureError: As for any call. This page stays usable, so you can try again.
        """
        return self._fetched(self._following())

    def previous_page(self) -> Page[T] | None:
        """Fetch the page before this one: newer objects, or older ones after `ending_before`.

        Returns:
            The page; its `next_page()` is this one. `None` if there are no such objects. Each call sends a request,
            since new objects may have been created.

        Raises:
            finsecure.FinSecureError: As for any call. This page stays usable, so you can try again.

        Example:
            >>> newer = page.previous_page()
        """
        page = self._fetched(self._preceding())
        return None if page is None else page._turned(self._call)

    def _fetched(self, call: Call[Page[T]] | None) -> Page[T] | None:
        if call is None:
            return None
        if self._fetch is None:
            raise self._unpickled()
        return self._fetch(call)

    def pages(self) -> Iterator[Page[T]]:
        """Yield this page and all following ones, fetched on demand.

        Returns:
            The pages. Only one of them is in memory at a time.

        Raises:
            finsecure.APIError: The API led back to an earlier page.
            finsecure.FinSecureError: A page could not be fetched.
        """
        page: Page[T] | None = self
        walk = Walk()
        while page is not None:
            page._reached(walk)
            yield page
            page = page.next_page()

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page._in_order()

    def __contains__(self, item: object) -> bool:
        """Whether an object is in the whole list. This fetches pages on demand."""
        if isinstance(item, str):
            raise TypeError("A page contains objects, not ids: use any(each.id == id for each in page).")
        return any(item == each for each in self)

    def prefetch(self) -> Generator[T, None, None]:
        """Yield every object of the whole list, and fetch the next page while you use this one.

        A slow loop then does not have to wait for the API as well. A thread fetches at most one page ahead. If you
        leave the loop early, the thread finishes its request and ends; errors of a page that you did not reach are
        ignored.

        Returns:
            The objects, in the same order as iterating the page.

        Raises:
            finsecure.FinSecureError: A page could not be fetched. Raised after the last object of the previous page.

        Example:
            >>> for intent in client.payment_intents.list(limit=100).prefetch():
            ...     export(intent)

        Reference: Consistency Standards, Pagination.
        """
        page: Page[T] | None = self
        walk = Walk()
        with _one_thread() as begin:
            while page is not None:
                page._reached(walk)
                following: Callable[[], Page[T] | None] = begin(page.next_page)
                yield from page._in_order()
                page = following()


class AsyncPage(_PageOf[T, "FetchAsync[T]"], Generic[T]):
    """One page of a list, for async code.

    Reference: Consistency Standards, Pagination.
    """

    data: list[T]
    """The objects of this page, newest first."""
    has_more: bool
    """Whether there is another page."""
    url: str | None
    """The path of the list."""
    last_response: LastResponse
    """Facts about the response: status, request id, attempts."""

    @names_itself
    async def next_page(self) -> AsyncPage[T] | None:
        """Fetch the page after this one.

        Returns:
            The next page; `None`, without a request, if `has_more` is false.

        Raises:
            finsecure.FinSecureError: As for any call. This page stays usable, so you can try again.
        """
        return await self._fetched(self._following())

    @names_itself
    async def previous_page(self) -> AsyncPage[T] | None:
        """Fetch the page before this one: newer objects, or older ones after `ending_before`.

        Returns:
            The page; its `next_page()` is this one. `None` if there are no such objects. Each call sends a request,
            since new objects may have been created.

        Raises:
            finsecure.FinSecureError: As for any call. This page stays usable, so you can try again.

        Example:
            >>> newer = await page.previous_page()
        """
        page = await self._fetched(self._preceding())
        return None if page is None else page._turned(self._call)

    async def _fetched(self, call: Call[Page[T]] | None) -> AsyncPage[T] | None:
        if call is None:
            return None
        if self._fetch is None:
            raise self._unpickled()
        return await self._fetch(call)

    def pages(self) -> AsyncIterator[AsyncPage[T]]:
        """Yield this page and all following ones, fetched on demand.

        Returns:
            The pages. Only one of them is in memory at a time.

        Raises:
            finsecure.APIError: The API led back to an earlier page.
            finsecure.FinSecureError: A page could not be fetched.
        """
        return _EachPage(self._itself)

    def __aiter__(self) -> AsyncIterator[T]:
        return _EachObject(self.pages())

    def prefetch(self) -> AsyncGenerator[T, None]:
        """Yield every object of the whole list, and fetch the next page while you use this one.

        Like `Page.prefetch`, with a task instead of a thread. The task runs while your loop awaits something, and is
        cancelled if you leave the loop early. On trio, which has no tasks outside nurseries, pages are fetched on
        demand.

        Returns:
            The objects, in the same order as iterating the page.

        Raises:
            finsecure.FinSecureError: A page could not be fetched. Raised after the last object of the previous page.

        Reference: Consistency Standards, Pagination.
        """
        return _Prefetch(self._itself)

    async def _itself(self) -> AsyncPage[T]:
        return self

    if not TYPE_CHECKING:  # type checkers already refuse this

        def __iter__(self) -> NoReturn:
            raise TypeError("Iterate this page with `async for`, or read page.data for its own objects.")


class AsyncPages(Generic[T]):
    """A list, for async code: `async for` yields every object, `await` returns the first page.

    It does not fetch anything before you do one of these.

    Reference: Consistency Standards, Pagination.
    """

    def __init__(self, call: Call[Page[T]], fetch: FetchAsync[T]) -> None:
        self._call = call
        self._fetch = fetch

    if not TYPE_CHECKING:  # type checkers already refuse this

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or not (hasattr(AsyncPage, name) or name in _OF_A_PAGE):
                from ._habits import attribute
                from ._habits.attributes import OF_A_PAGE

                raise AttributeError(attribute(type(self), name, OF_A_PAGE), name=name, obj=None)
            raise AttributeError(f"Nothing is fetched yet. {self._how} Then read page.{name}.", name=name, obj=None)

        def __iter__(self) -> NoReturn:
            raise TypeError(f"Nothing is fetched yet: iterate with `async for`. {self._how}")

        def __len__(self) -> NoReturn:
            raise TypeError(f"Nothing is fetched yet. {self._how} Then read len(page.data).")

        def __getitem__(self, index: object) -> NoReturn:
            raise TypeError(f"Nothing is fetched yet. {self._how} Then read page.data[0].")

    @property
    def _how(self) -> str:
        group = self._call.template.rpartition("/")[2]
        client: object = getattr(self._fetch, "__self__", None)
        listed = f"{group}.list(...)" if hasattr(client, group) else f"request_list({self._call.template!r})"
        return f"Await the first page: page = await client.{listed}."

    @override
    def __repr__(self) -> str:
        return f"<AsyncPages {self._call.template}: use `async for`, or `await` it for the first page>"

    @override
    def __dir__(self) -> list[str]:
        from ._habits import public

        return public(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "Nothing is fetched yet, so whether the list is empty is not known: await it for its first page, which is "
            "false if it is empty."
        )

    def __await__(self) -> Generator[Any, Any, AsyncPage[T]]:
        return self._first().__await__()

    def pages(self) -> AsyncIterator[AsyncPage[T]]:
        """Yield every page, fetched on demand.

        Returns:
            The pages. Only one of them is in memory at a time.

        Raises:
            finsecure.APIError: The API led back to an earlier page.
            finsecure.FinSecureError: A page could not be fetched.
        """
        return _EachPage(self._first)

    def __aiter__(self) -> AsyncIterator[T]:
        return _EachObject(self.pages())

    def prefetch(self) -> AsyncGenerator[T, None]:
        """Yield every object of the whole list, and fetch the next page while you use this one.

        A slow loop then does not have to wait for the API as well. A task fetches at most one page ahead. It runs while
        your loop awaits something, and is cancelled if you leave the loop early; errors of a page that you did not
        reach are ignored. On trio, which has no tasks outside nurseries, pages are fetched on demand.

        Returns:
            The objects, in the same order as iterating the list. As with any async generator, use
            `contextlib.aclosing` to cancel a request in progress when you leave the loop.

        Raises:
            finsecure.FinSecureError: A page could not be fetched. Raised after the last object of the previous page.

        Example:
            >>> async for intent in client.payment_intents.list(limit=100).prefetch():
            ...     await export(intent)

        Reference: Consistency Standards, Pagination.
        """
        return _Prefetch(self._first)

    async def _first(self) -> AsyncPage[T]:
        return await self._fetch(self._call)


# Iterators, not generators: `break` leaves an async generator suspended, and trio warns about those.
class _EachPage(AsyncIterator[AsyncPage[T]]):
    """Iterates pages, and fetches each one on demand."""

    def __init__(self, first: Callable[[], Coroutine[Any, Any, AsyncPage[T]]]) -> None:
        self._next: Callable[[], Coroutine[Any, Any, AsyncPage[T] | None]] = first
        self._walk = Walk()

    @override
    async def __anext__(self) -> AsyncPage[T]:
        page = await self._next()
        if page is None:
            raise StopAsyncIteration
        page._reached(self._walk)
        self._next = page.next_page
        return page


class _EachObject(AsyncIterator[T]):
    """Iterates the objects of pages."""

    def __init__(self, pages: AsyncIterator[AsyncPage[T]]) -> None:
        self._pages = pages
        self._objects: Iterator[T] = iter(())

    @override
    async def __anext__(self) -> T:
        while True:
            for item in self._objects:
                return item
            self._objects = (await anext(self._pages))._in_order()


class _Prefetch(AsyncGenerator[T, None]):
    """Iterates the objects of pages. On asyncio, fetches the next page ahead; on trio, on demand."""

    def __init__(self, first: Callable[[], Coroutine[Any, Any, AsyncPage[T]]]) -> None:
        self._first = first
        self._objects: AsyncIterator[T] | None = None
        self._closed = False

    @override
    async def asend(self, value: None, /) -> T:
        if self._closed:
            raise StopAsyncIteration
        if self._objects is None:
            self._objects = _fetched_ahead(self._first) if in_asyncio() else _EachObject(_EachPage(self._first))
        return await anext(self._objects)

    @override
    async def athrow(self, typ: Any, val: Any = None, tb: Any = None, /) -> T:
        self._closed = True
        objects: Any = self._objects
        if isinstance(objects, AsyncGeneratorType):
            await cast("AsyncGenerator[Any, None]", objects).aclose()
        raise typ if val is None else val


async def _fetched_ahead(first: Callable[[], Coroutine[Any, Any, AsyncPage[T]]]) -> AsyncGenerator[T, None]:
    import asyncio

    page: AsyncPage[T] | None = await first()
    walk = Walk()
    while page is not None:
        page._reached(walk)
        following = asyncio.create_task(page.next_page())
        try:
            for item in page._in_order():
                yield item
            page = await following
        finally:
            following.cancel()
            # Ignore the error of a page that was not reached.
            await asyncio.gather(following, return_exceptions=True)


@contextmanager
def _one_thread() -> Generator[Callable[[Callable[[], Any]], Callable[[], Any]], None, None]:
    """Yield a function that starts a fetch in a thread and returns a function that waits for it.

    The thread ends with the block. After the main thread has ended, Python starts no threads: then each fetch starts
    when its result is needed.
    """
    with ExitStack() as running:
        try:
            from concurrent.futures import ThreadPoolExecutor  # slow to import, and only needed here

            thread = running.enter_context(ThreadPoolExecutor(1, "finsecure-prefetch"))
            thread.submit(int).result()
        except RuntimeError:
            yield lambda fetch: fetch
        else:
            yield lambda fetch: thread.submit(copy_context().run, fetch).result


class Walk:
    """Detects a list that repeats an object or leads back to an earlier page."""

    def __init__(self) -> None:
        self._cursors: set[str] = set()
        self._before: list[str] = []

    def reach(self, page: _PageOf[Any, Any], ids: list[str], cursor: str | None) -> None:
        """Record a page with these ids, and the cursor of the next page if there is one."""
        again = not set(self._before).isdisjoint(ids)
        self._before = ids
        if cursor is not None:
            again = again or cursor in self._cursors
            self._cursors.add(cursor)
        if again:
            raise APIError(
                "The API's pages repeat themselves or run in a circle: a page has an object of an earlier page. "
                "Nothing was skipped so far. Contact support with the request id.",
                http_status=page.last_response.status_code,
                request_id=page.last_response.request_id,
            )
