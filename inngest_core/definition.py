"""Defining functions: the types that `Inngest.create_function` takes and gives, and how its arguments are read.

Values and types only; what a function is, is in `function.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Concatenate, Protocol, TypeVar, cast, overload

from .errors import FunctionConfigError
from .events.event import Event
from .events.event_types import EventType, as_trigger
from .execution.context import Context, ContextSync
from .execution.step import Step
from .execution.step_sync import StepSync
from .function import Function
from .options.options import Trigger

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])
C = TypeVar("C", bound=Context[Any])
S = TypeVar("S", bound=ContextSync[Any])

AnyTrigger = Trigger | EventType[Any] | type[Event]

AsyncHandler = Callable[[Context[Any]], Awaitable[T]] | Callable[[Context[Any], Step], Awaitable[T]]
SyncHandler = (
    Callable[[ContextSync[Any]], T] | Callable[[ContextSync[Any], StepSync], T] | Callable[[Context[Any], StepSync], T]
)
"""The last form is that of the 0.4 release of the official SDK, which had one Context for sync and async functions."""


_CALL_IT_FIRST = 'call it with names, also as a decorator: @client.create_function(fn_id="welcome", trigger=...)'


class FunctionDecorator(Protocol):
    """What `create_function` returns: it makes a Function of a handler.

    The last two forms are of handlers to which middleware gives more: fields of the context, or parameters.
    """

    @overload
    def __call__(self, handler: AsyncHandler[T], /) -> Function[T]: ...
    @overload
    def __call__(self, handler: SyncHandler[T], /) -> Function[T]: ...
    @overload
    def __call__(self, handler: Callable[Concatenate[C, ...], Awaitable[T]], /) -> Function[T]: ...
    @overload
    def __call__(self, handler: Callable[Concatenate[S, ...], T], /) -> Function[T]: ...


def keywords_only(define: F) -> F:
    """Return `create_function` with a helpful message for callers who leave out the parentheses or a name.

    It has the type of what it wraps, so that editors find the docstring of each argument.
    """

    @functools.wraps(define)
    def checked(*args: object, **kwargs: object) -> object:
        if len(args) > 1:
            raise FunctionConfigError(f"create_function was given {_shown(args[1])} without a name; {_CALL_IT_FIRST}")
        return define(*args, **kwargs)

    return cast("F", checked)


def _shown(given: object) -> str:
    name: object = getattr(given, "__qualname__", None)
    return repr(given) if name is None else f"{name}"


def read_triggers(given: AnyTrigger | Sequence[AnyTrigger] | None) -> list[Trigger]:
    """Return the triggers that `create_function` was given, one or a list of them or none.

    given: what is neither a trigger nor a list of them is passed on as one trigger, which `Function` refuses.
    Raises ConfigError: an event class that does not say the name of its events.
    """
    if given is None:
        return []
    listed = given if isinstance(given, list | tuple) else (cast("AnyTrigger", given),)
    return [as_trigger(each) for each in listed]
