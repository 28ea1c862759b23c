"""Tells the program's own exceptions from those of the network, if sending a request fails.

A signal handler raises wherever the program happens to be, most often deep in the HTTP stack; Celery, RQ and
`signal.alarm` implement time limits this way. httpx also calls the program's event hooks. Their exceptions must leave a
call at once and unchanged, even if the HTTP stack has converted one to a `ReadTimeout`. So after a failure, we check
the whole chain of causes and contexts:

1. An exception raised by a signal handler or an event hook is the program's own. But if a hook misuses the HTTP stack,
   the error that the HTTP stack raises is not.
2. The exception that we caught is also the program's own if its class is not from Python or the HTTP stack, and is not
   an `OSError`.
3. An exception that was already being handled when the call was made is not part of the chain.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from types import CodeType, FrameType, TracebackType
from typing import Any, cast

_HTTP_STACK = frozenset(
    {
        *("httpx", "httpx2", "httpcore", "httpcore2", "h11", "socksio", "idna", "certifi", "pyreqwest"),
        *("h2", "hpack", "hyperframe", "python_socks", "httpx_socks"),
        *("anyio", "sniffio", "trio", "outcome", "uvloop", "exceptiongroup", "pytest_socket"),
    }
)
_CARRIERS = _HTTP_STACK | {"finsecure", "tenacity", "ssl", "socket", "selectors", "asyncio", "concurrent", "contextlib"}


def raise_own(exc: BaseException, hooks: Iterable[object] = ()) -> None:
    """Raise the program's own exception, if `exc` is one or was caused by one. Otherwise return.

    Args:
        exc: The exception that was caught while sending.
        hooks: The event hooks that may have been called.
    """
    own = programs_own(exc, hooks)
    if own is not None:
        context = own.__context__
        try:
            raise own
        finally:
            own.__context__ = context  # without the HTTP stack's exception, which `raise` has added


def programs_own(exc: BaseException, hooks: Iterable[object] = ()) -> BaseException | None:
    """Return the program's own exception, if `exc` is one or was caused by one; `None` if it is the network's."""
    handlers = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    raised = {id(member) for member in _members(exc)}
    for one in _chain(exc):
        is_http = any(_package(kind) in _HTTP_STACK for kind in type(one).__mro__)
        is_foreign = id(one) in raised and _is_foreign(type(one))
        if _handled_a_signal(one, handlers) or (not is_http and (is_foreign or raised_in(one, hooks))):
            return one
    return None


def raised_in(exc: BaseException, functions: Iterable[object]) -> bool:
    """Whether an exception was raised in a call of one of these functions."""
    codes = {_code(function) for function in functions}
    return any(frame.f_code in codes for frame in _frames(exc))


def hide_network(exc: BaseException) -> BaseException:
    """Remove the frames of the network and this client from a traceback: their local variables hold the request."""
    for one in _chain(exc):
        entries: list[TracebackType] = []
        in_program = False  # whether the frame is in the program's code, not the network's
        for entry in _entries(one):
            package = _top(entry.tb_frame.f_globals.get("__name__"))
            in_program = package not in _CARRIERS and (in_program or package not in sys.stdlib_module_names)
            if in_program:
                entries.append(entry)
        traceback: TracebackType | None = None
        for entry in reversed(entries):
            traceback = TracebackType(traceback, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        one.__traceback__ = traceback
    return exc


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and the causes and contexts that were raised since the call began."""
    first = exc.__traceback__
    around: set[FrameType] = set()  # the callers, which may be handling an exception from before the call
    frame = None if first is None else first.tb_frame.f_back
    while frame is not None:
        around.add(frame)
        frame = frame.f_back
    waiting, seen = [exc], {id(exc)}
    while waiting:
        one = waiting.pop(0)
        yield one
        for other in (one.__cause__, one.__context__, *_members(one)):
            if other is None or id(other) in seen or other.__traceback__ is None:
                continue
            if other.__traceback__.tb_frame not in around:
                seen.add(id(other))
                waiting.append(other)


def _members(exc: BaseException) -> list[BaseException]:
    """Return the exceptions in an exception group, or the exception itself."""
    grouped: Any = getattr(exc, "exceptions", None)
    if not isinstance(grouped, tuple):
        return [exc]
    return [member for one in cast("tuple[BaseException, ...]", grouped) for member in _members(one)]


def _entries(exc: BaseException) -> Iterator[TracebackType]:
    entry = exc.__traceback__
    while entry is not None:
        yield entry
        entry = entry.tb_next


def _frames(exc: BaseException) -> Iterator[FrameType]:
    return (entry.tb_frame for entry in _entries(exc))


def _handled_a_signal(exc: BaseException, handlers: set[CodeType | None]) -> bool:
    """Whether a signal handler raised it: an installed handler, or a function called with the interrupted frame."""
    interrupted: FrameType | None = None
    for frame in _frames(exc):
        if frame.f_code in handlers:
            return True
        for value in frame.f_locals.values() if interrupted is not None else ():
            given = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
            if any(one is interrupted for one in given):
                return True  # a handler that has since been replaced
        interrupted = frame
    return False


def _code(function: object) -> CodeType | None:
    """Return the code object that runs when this is called; `None` if it is not a Python function."""
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__"):
        function = getattr(type(function), "__call__", None)  # noqa: B004 - of an object that can be called
    code: object = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _is_foreign(kind: type[BaseException]) -> bool:
    return not issubclass(kind, OSError) and _package(kind) not in sys.stdlib_module_names


def _package(kind: type) -> str:
    return _top(kind.__module__)


def _top(module: object) -> str:
    return str(module).partition(".")[0]
