"""The step tools of a handler: Step and StepSync, typed faces of one line each over `tools.py`.

What a step means is decided in `execution.py`. A type that a result is read as is given twice, as `type[T]` and as
`TypeForm[T]`: type checkers that do not know the second yet infer from classes all the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, TypeVarTuple, cast, overload

import typing_extensions

from inngest_core.events.event import Event
from inngest_core.events.event_types import EventType, TypedEvent, type_of_triggers
from inngest_core.function import Function

from . import tools
from .async_execution import AsyncExecution
from .group import Parallel, ParallelSync
from .sync_execution import SyncExecution
from .tools import Tool

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
D = TypeVar("D")
E = TypeVar("E", bound=Event)

Duration = int | datetime.timedelta


class Step(Parallel):
    """The step tools of an `async def` function. Each step runs once, however often the function is called.

    `parallel` does the same as `ctx.group.parallel`, under its older name.
    """

    def __init__(self, execution: AsyncExecution, app_id: str) -> None:
        super().__init__(execution)
        self._meet = execution.meet
        self._app_id = app_id

    @overload
    async def run(self, step_id: str, handler: Callable[[*Ts], Awaitable[T]], *handler_args: *Ts) -> T: ...
    @overload
    async def run(self, step_id: str, handler: Callable[[*Ts], T], *handler_args: *Ts) -> T: ...
    @overload
    async def run(
        self,
        step_id: str,
        handler: Callable[..., object],
        *handler_args: object,
        output_type: type[T],
    ) -> T: ...
    @overload
    async def run(
        self,
        step_id: str,
        handler: Callable[..., object],
        *handler_args: object,
        output_type: typing_extensions.TypeForm[T],
    ) -> T: ...
    async def run(
        self, step_id: str, handler: Callable[..., object], *handler_args: object, output_type: Any = None
    ) -> Any:
        """Run *handler*, sync or async, with the arguments; the result is what it returned.

        output_type: the type that the result is read as. Raises StepError when it failed for good.
        """
        return await self._meet(tools.run(step_id, handler, handler_args, output_type))

    async def sleep(self, step_id: str, duration: Duration) -> None:
        """Sleep durably; duration: milliseconds or a timedelta, 366 days at most."""
        await self._meet(tools.sleep(step_id, duration))

    async def sleep_until(self, step_id: str, until: datetime.datetime) -> None:
        """Sleep durably until a time; a naive datetime means local time."""
        await self._meet(tools.sleep_until(step_id, until))

    @overload
    async def wait_for_event(
        self, step_id: str, *, event: str, if_exp: str | None = None, timeout: Duration
    ) -> Event | None: ...
    @overload
    async def wait_for_event(
        self, step_id: str, *, event: EventType[D], if_exp: str | None = None, timeout: Duration
    ) -> TypedEvent[D] | None: ...
    @overload
    async def wait_for_event(
        self, step_id: str, *, event: type[E], if_exp: str | None = None, timeout: Duration
    ) -> E | None: ...
    async def wait_for_event(
        self, step_id: str, *, event: str | EventType[Any] | type[Event], if_exp: str | None = None, timeout: Duration
    ) -> Event | None:
        """Wait for an event; None when *timeout* passed first.

        if_exp: an expression over `event` (that of this run) and `async` (the one that came).
        """
        return cast("Event | None", await self._meet(tools.wait_for_event(step_id, event, if_exp, timeout)))

    async def invoke(
        self,
        step_id: str,
        *,
        function: Function[T],
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
    ) -> T:
        """Run another function and wait for what it returns; raises StepError when it failed."""
        return cast("T", await self._meet(_invoke(step_id, function, data, timeout, v)))

    @overload
    async def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: None = None,
    ) -> Any: ...
    @overload
    async def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: type[T],
    ) -> T: ...
    @overload
    async def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: typing_extensions.TypeForm[T],
    ) -> T: ...
    async def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: Any = None,
    ) -> Any:
        """Run another function, known by its id only; app_id: this app's own when not given.

        output_type: the type that the result is read as.
        """
        full_id = f"{app_id or self._app_id}-{function_id}"
        return await self._meet(tools.invoke(step_id, full_id, data, timeout, v, output_type))

    async def send_event(self, step_id: str, events: Event | Sequence[Event]) -> list[str]:
        """Send events once; the result is their ids."""
        return cast("list[str]", await self._meet(tools.send_event(step_id, events)))


class StepSync(ParallelSync):
    """The step tools of a plain `def` function. Each step runs once, however often the function is called.

    `parallel` does the same as `ctx.group.parallel`, under its older name.
    """

    def __init__(self, execution: SyncExecution, app_id: str) -> None:
        super().__init__(execution)
        self._meet = execution.meet
        self._app_id = app_id

    @overload
    def run(self, step_id: str, handler: Callable[[*Ts], T], *handler_args: *Ts) -> T: ...
    @overload
    def run(
        self,
        step_id: str,
        handler: Callable[..., object],
        *handler_args: object,
        output_type: type[T],
    ) -> T: ...
    @overload
    def run(
        self,
        step_id: str,
        handler: Callable[..., object],
        *handler_args: object,
        output_type: typing_extensions.TypeForm[T],
    ) -> T: ...
    def run(self, step_id: str, handler: Callable[..., object], *handler_args: object, output_type: Any = None) -> Any:
        """Run *handler* with the arguments; the result is what it returned.

        output_type: the type that the result is read as. Raises StepError when it failed for good.
        """
        return self._meet(tools.run(step_id, handler, handler_args, output_type))

    def sleep(self, step_id: str, duration: Duration) -> None:
        """Sleep durably; duration: milliseconds or a timedelta, 366 days at most."""
        self._meet(tools.sleep(step_id, duration))

    def sleep_until(self, step_id: str, until: datetime.datetime) -> None:
        """Sleep durably until a time; a naive datetime means local time."""
        self._meet(tools.sleep_until(step_id, until))

    @overload
    def wait_for_event(
        self, step_id: str, *, event: str, if_exp: str | None = None, timeout: Duration
    ) -> Event | None: ...
    @overload
    def wait_for_event(
        self, step_id: str, *, event: EventType[D], if_exp: str | None = None, timeout: Duration
    ) -> TypedEvent[D] | None: ...
    @overload
    def wait_for_event(
        self, step_id: str, *, event: type[E], if_exp: str | None = None, timeout: Duration
    ) -> E | None: ...
    def wait_for_event(
        self, step_id: str, *, event: str | EventType[Any] | type[Event], if_exp: str | None = None, timeout: Duration
    ) -> Event | None:
        """Wait for an event; None when *timeout* passed first.

        if_exp: an expression over `event` (that of this run) and `async` (the one that came).
        """
        return cast("Event | None", self._meet(tools.wait_for_event(step_id, event, if_exp, timeout)))

    def invoke(
        self,
        step_id: str,
        *,
        function: Function[T],
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
    ) -> T:
        """Run another function and wait for what it returns; raises StepError when it failed."""
        return cast("T", self._meet(_invoke(step_id, function, data, timeout, v)))

    @overload
    def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: None = None,
    ) -> Any: ...
    @overload
    def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: type[T],
    ) -> T: ...
    @overload
    def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: typing_extensions.TypeForm[T],
    ) -> T: ...
    def invoke_by_id(
        self,
        step_id: str,
        *,
        app_id: str | None = None,
        function_id: str,
        data: object = None,
        timeout: Duration | None = None,
        v: str | None = None,
        output_type: Any = None,
    ) -> Any:
        """Run another function, known by its id only; app_id: this app's own when not given.

        output_type: the type that the result is read as.
        """
        full_id = f"{app_id or self._app_id}-{function_id}"
        return self._meet(tools.invoke(step_id, full_id, data, timeout, v, output_type))

    def send_event(self, step_id: str, events: Event | Sequence[Event]) -> list[str]:
        """Send events once; the result is their ids."""
        return cast("list[str]", self._meet(tools.send_event(step_id, events)))


def _invoke(step_id: str, function: Function[Any], data: object, timeout: Duration | None, v: str | None) -> Tool:
    returns = function.handler.callback
    data_type = type_of_triggers(function.triggers)
    return tools.invoke(step_id, function.id, data, timeout, v, function.output_type, returns, data_type)
