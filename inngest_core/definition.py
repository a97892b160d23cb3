"""Defining functions: the types that `Inngest.create_function` takes and gives, and how its arguments are read.

Values and types only; what a function is, is in `function.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar, cast, overload

from .events.event import Event
from .events.event_types import EventType, as_trigger
from .execution.context import Context, ContextSync
from .execution.step import Step, StepSync
from .function import Function
from .options.options import Trigger

T = TypeVar("T")

AnyTrigger = Trigger | EventType[Any] | type[Event]

AsyncHandler = Callable[[Context[Any]], Awaitable[T]] | Callable[[Context[Any], Step], Awaitable[T]]
SyncHandler = (
    Callable[[ContextSync[Any]], T] | Callable[[ContextSync[Any], StepSync], T] | Callable[[Context[Any], StepSync], T]
)
"""The last form is that of the 0.4 release of the official SDK, which had one Context for sync and async functions."""


class FunctionDecorator(Protocol):
    """What `create_function` returns: it makes a Function of a handler."""

    @overload
    def __call__(self, handler: AsyncHandler[T], /) -> Function[T]: ...
    @overload
    def __call__(self, handler: SyncHandler[T], /) -> Function[T]: ...


def read_triggers(given: AnyTrigger | Sequence[AnyTrigger] | None) -> list[Trigger]:
    """Return the triggers that `create_function` was given, one or a list of them or none.

    given: what is neither a trigger nor a list of them is passed on as one trigger, which `Function` refuses.
    Raises ConfigError: an event class that does not say the name of its events.
    """
    if given is None:
        return []
    listed = given if isinstance(given, list | tuple) else (cast("AnyTrigger", given),)
    return [as_trigger(each) for each in listed]
