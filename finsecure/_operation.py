"""Write an operation once; call it from a Client, an AsyncClient or a class.

A resource method only *describes* a call: it turns arguments into a `Call[T]`. `operation` checks how the method was
accessed, and hands the call to the client that sends it::

    client.payment_intents.create(...)    that Client         -> T
    aclient.payment_intents.create(...)   that AsyncClient    -> a coroutine of T
    PaymentIntent.create(...)             the default Client  -> T

`listing` does the same for a method that returns pages. This module does not import the clients: it knows them as
`Sender`, and by the markers of their groups, `Operations[Sync]` and `Operations[Async]`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine
from types import CoroutineType, MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

# Under another name, so that jedi, which cannot tell these overloads apart, skips them and reads the implementation.
from typing import overload as for_type_checkers

from typing_extensions import override

from ._unawaited import Unawaited, mark_as_coroutine_function

if TYPE_CHECKING:
    from ._call import Call
    from ._pages import AsyncPages, Page

P = ParamSpec("P")
T = TypeVar("T")
D_co = TypeVar("D_co", covariant=True)


class Sync:
    """Marks the operations whose call returns the object."""


class Async:
    """Marks the operations whose call returns a coroutine of the object."""


class Sender(Protocol):
    """The methods of a client that its operations need."""

    def send(self, call: Call[Any]) -> Any:
        """Send a call and return an object, or a coroutine of it."""
        ...

    def send_list(self, call: Call[Page[Any]]) -> Any:
        """Send a call for a list and return its first page, or an `AsyncPages`."""
        ...


class Operations(Generic[D_co]):
    """A group of operations, bound to the client that sends them."""

    def __init__(self, client: Sender) -> None:
        self._client = client
        self._bound: dict[str, Callable[..., Any]] = {}  # the operations used so far, by name

    @override
    def __dir__(self) -> list[str]:
        from ._habits import public

        return public(self)

    @override
    def __repr__(self) -> str:
        names = [name for name in dir(self) if not name.startswith("_")]
        return f"<{_group_name(type(self))} of {type(self._client).__name__}: {', '.join(names)}>"

    if not TYPE_CHECKING:  # type checkers would accept any name otherwise

        def __getattr__(self, name: str) -> Any:
            from ._habits import attribute, public
            from ._habits.attributes import OF_A_GROUP

            raise AttributeError(attribute(type(self), name, OF_A_GROUP, public(self)), name=name, obj=None)


class _Described(Generic[P]):
    """What `operation` and `listing` share: they make one bound function for each group and class, and keep it.

    It is not stored on the group under its own name, where it would hide a mock that a test sets on the class.
    """

    _send: str  # the client's method that sends the call

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[Any]]) -> None:
        functools.update_wrapper(cast("Any", self), describe)  # name, docstring and source, for help() and the docs
        self._describe = describe
        self._of_classes: dict[type, Callable[P, Any]] = {}
        self._signatures: dict[bool, inspect.Signature] = {}  # by whether it is awaited

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner  # the group, such as PaymentIntents
        self._name = name

    @property
    def __call__(self) -> Callable[P, Any]:
        """The function of the class, so that `mock.patch.object(PaymentIntents, "create", autospec=True)` works."""
        return self._of_class(self._owner)

    def _of_class(self, owner: type) -> Callable[P, Any]:
        function = self._of_classes.get(owner)
        if function is None:
            function = self._of_classes[owner] = self._bind(None, owner)
            function.__module__ = owner.__module__
            function.__qualname__ = f"{owner.__qualname__}.{self._name}"  # for pickle, which looks it up by name
        return function

    def _of_group(self, group: Any) -> Callable[P, Any]:
        bound: dict[str, Callable[P, Any]] | None = getattr(group, "_bound", None)
        if bound is None:
            raise AttributeError(
                f"Objects can't make API calls: use {type(group).__name__}.{self._name}(...) or a client's method."
            )
        function = bound.get(self._name)
        if function is None:
            client: Sender = group._client
            awaited = f"{type(client).__name__}.{_group_name(self._owner)}.{self._name}" if _is_async(client) else None
            function = bound[self._name] = self._bind(client, group, awaited)
            if inspect.iscoroutinefunction(getattr(type(client), self._send)):
                mark_as_coroutine_function(function)
        return function

    def _bind(self, client: Sender | None, place: object, awaited: str | None = None) -> Callable[P, Any]:
        method: Callable[P, Call[Any]] = MethodType(self._describe, place)
        send = self._send

        @functools.wraps(method)  # docstring, source and a signature without `self`
        def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
            # Delete the arguments before anything is raised: they may hold a card, and tracebacks can show variables.
            try:
                call = method(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - also a misspelt parameter, or an interrupt
                error = self._named_here(exc).with_traceback(None)
            else:
                del args, kwargs
                sender = _default_client() if client is None else client
                answer: Any = getattr(sender, send)(call)  # looked up on each call, since a test may replace it
                if awaited and type(answer) is CoroutineType:
                    return Unawaited(cast("Any", answer), awaited)
                return answer
            del args, kwargs
            raise error

        signature = self._signatures.get(awaited is not None)
        if signature is None:
            signature = self._signatures[awaited is not None] = self._signature(awaited=awaited is not None)
        cast("Any", bound).__signature__ = signature
        return bound

    def _named_here(self, exc: BaseException) -> BaseException:
        from ._habits import parameter  # only once something failed

        return parameter(exc, self._describe, _group_name(self._owner))

    def _signature(self, *, awaited: bool) -> inspect.Signature:
        """Return the signature that `help` shows, with the type that the caller gets instead of a `Call`."""
        described = inspect.signature(self._describe)
        _, *parameters = described.parameters.values()
        answer: str = described.return_annotation.removeprefix("Call[")[:-1]
        if awaited:
            answer = _AWAITED[self._send].format(answer.removeprefix("Page"))
        shown = [parameter.replace(annotation=_Shown(parameter.annotation)) for parameter in parameters]
        return inspect.Signature(shown, return_annotation=_Shown(answer))


class _Shown(str):
    """An annotation that `help` shows without quotes."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return str(self)


_AWAITED = {"send": "Coroutine[object, None, {}]", "send_list": "AsyncPages{}"}


def _is_async(client: Sender) -> bool:
    return inspect.iscoroutinefunction(getattr(type(client), "send", None))


def _group_name(kind: type) -> str:
    """Return a group's attribute name on a client: `payment_intents` for PaymentIntents."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _default_client() -> Sender:
    from ._default import client  # here, since it imports the resources, which import this module

    return cast("Sender", client())


class Operation(_Described[P], Generic[T, P]):
    """A method that returns one object."""

    _send = "send"

    @for_type_checkers
    def __get__(self, group: None, owner: type) -> Callable[P, T]: ...
    @for_type_checkers
    def __get__(self, group: Operations[Sync], owner: type) -> Callable[P, T]: ...
    @for_type_checkers
    def __get__(self, group: Operations[Async], owner: type) -> Callable[P, Coroutine[object, None, T]]: ...
    def __get__(self, group: Operations[Any] | None, owner: type) -> Callable[..., T | Awaitable[T]]:
        return self._of_class(owner) if group is None else self._of_group(group)


class Listing(_Described[P], Generic[T, P]):
    """A method that returns pages of objects."""

    _send = "send_list"

    @for_type_checkers
    def __get__(self, group: None, owner: type) -> Callable[P, Page[T]]: ...
    @for_type_checkers
    def __get__(self, group: Operations[Sync], owner: type) -> Callable[P, Page[T]]: ...
    @for_type_checkers
    def __get__(self, group: Operations[Async], owner: type) -> Callable[P, AsyncPages[T]]: ...
    def __get__(self, group: Operations[Any] | None, owner: type) -> Callable[..., Page[T] | AsyncPages[T]]:
        return self._of_class(owner) if group is None else self._of_group(group)


# Functions, since jedi does not infer the types of classes used as decorators.
def operation(describe: Callable[Concatenate[Any, P], Call[T]]) -> Operation[T, P]:
    """Turn a method that describes a call into an operation."""
    return Operation(describe)


def listing(describe: Callable[Concatenate[Any, P], Call[Page[T]]]) -> Listing[T, P]:
    """Turn a method that describes a call for a list into an operation."""
    return Listing(describe)
