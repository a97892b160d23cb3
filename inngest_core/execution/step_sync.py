"""The step tools of a plain `def` handler: the same as in `step.py`, called without `await`."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, cast, overload

import typing_extensions

from inngest_core.events.event import Event
from inngest_core.events.event_types import EventType, TypedEvent
from inngest_core.function import Function
from inngest_core.signals import OnConflict, Signal

from . import signal_tools, tools
from .ai import AISync
from .fetch import Headers, Params, fetch
from .group import ParallelSync
from .realtime_tools import StepRealtimeSync
from .replay import NOT_RECALLED
from .sync_execution import SyncExecution

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
D = TypeVar("D")
E = TypeVar("E", bound=Event)

Duration = int | datetime.timedelta


class StepSync(ParallelSync):
    """The step tools of a plain `def` function. Each step runs once, however often the function is called.

    `parallel` does the same as `ctx.group.parallel`, under its older name.
    ai: the tools that ask models. realtime: publishing as a step.
    """

    def __init__(self, execution: SyncExecution, app_id: str) -> None:
        super().__init__(execution)
        self._meet = execution.meet
        self._recall = execution.recall
        self._app_id = app_id
        self.ai = AISync(self._meet)
        self.realtime = StepRealtimeSync(self._meet)

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
        """Run *handler* once and keep its result; when the function is called again, it gets that result.

        step_id: names the step, unique in the function; with the same id again it is the next repetition.
        handler: a plain function.
        handler_args: the positional arguments for it; bind keyword arguments with `functools.partial`.
        output_type: the type that the result is written as, and read as; by default the return annotation of *handler*
            where JSON alone would lose the type.
        Returns what *handler* returned.
        Raises StepError: it failed for good. Raises ConfigError: *handler* cannot be called.
        """
        result = self._recall(step_id, handler, output_type)
        if result is not NOT_RECALLED:
            return result
        return self._meet(tools.run(step_id, handler, handler_args, output_type))

    def sleep(self, step_id: str, duration: Duration) -> None:
        """Let the run sleep; nothing of the app runs or waits meanwhile.

        step_id: names the step, unique in the function.
        duration: milliseconds or a timedelta, 366 days at most.
        Raises ConfigError: another duration.
        """
        self._meet(tools.sleep(step_id, duration))

    def sleep_until(self, step_id: str, until: datetime.datetime) -> None:
        """Let the run sleep until a time; nothing of the app runs or waits meanwhile.

        step_id: names the step, unique in the function.
        until: when to go on; a naive datetime means local time.
        Raises ConfigError: it is not a datetime.
        """
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
        """Let the run wait for an event that arrives from now on.

        step_id: names the step, unique in the function.
        event: the name of the event, an event type, or a subclass of Event; the last two type the result.
        if_exp: a CEL expression that must hold, over `event` (what started the run) and `async` (what arrived).
        timeout: how long to wait; milliseconds or a timedelta, 366 days at most.
        Returns the event, or None when none came in time.
        Raises ConfigError: an argument that cannot be used. Raises EventInvalidError: data that its type refuses.
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
        """Run another function of this program as a run of its own, and wait for its result.

        step_id: names the step, unique in the function.
        function: what `create_function` made.
        data: the data of the event that it gets, as a dict or a model; or an Event, whose data and `v` are taken.
        timeout: how long to wait; milliseconds or a timedelta, 366 days at most; by default as long as it takes.
        v: the version of the event that it gets.
        Returns what the function returned.
        Raises StepError: it failed, or did not end in time. Raises ConfigError: an argument that cannot be used.
        """
        return cast("T", self._meet(tools.invoke_function(step_id, function, data, timeout, v)))

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
        """Run a function of any app as a run of its own, and wait for its result.

        step_id: names the step, unique in the function.
        app_id: the id of its app; this app by default.
        function_id: its fn_id in that app.
        data: the data of the event that it gets, as a dict or a model; or an Event, whose data and `v` are taken.
        timeout: how long to wait; milliseconds or a timedelta, 366 days at most; by default as long as it takes.
        v: the version of the event that it gets.
        output_type: the type that the result is read as; by default it stays JSON values.
        Returns what the function returned.
        Raises StepError: it failed, or did not end in time. Raises ConfigError: an argument that cannot be used.
        """
        app_id = app_id or self._app_id
        return self._meet(tools.invoke_by_id(step_id, app_id, function_id, data, timeout, v, output_type))

    def wait_for_signal(
        self, step_id: str, *, signal: str, timeout: Duration, on_conflict: OnConflict = "fail"
    ) -> Signal | None:
        """Let the run wait for a signal that is sent from now on.

        step_id: names the step, unique in the function.
        signal: the name of the signal; at any time, one run can wait for it.
        timeout: how long to wait; milliseconds or a timedelta, 366 days at most.
        on_conflict: what happens when another run waits for the signal already: "fail" fails this run, "replace" takes
            the signal over, and the other run waits until its time-out.
        Returns the signal, or None when none came in time.
        Raises ConfigError: an argument that cannot be used.
        """
        tool = signal_tools.wait_for_signal(step_id, signal, timeout, on_conflict)
        return cast("Signal | None", self._meet(tool))

    def send_signal(self, step_id: str, *, signal: str, data: object = None) -> str | None:
        """Send a signal once, however often the function is called.

        step_id: names the step, unique in the function.
        signal: its name; the run that waits for this name goes on.
        data: what comes with it; whatever can be written as JSON.
        Returns the id of the run that waited for it; None when no run did, and then the signal is lost.
        Raises StepError: it could not be sent. Raises ConfigError: no name.
        """
        return cast("str | None", self._meet(signal_tools.send_signal(step_id, signal, data)))

    def send_event(self, step_id: str, events: Event | Sequence[Event]) -> list[str]:
        """Send events once, however often the function is called.

        step_id: names the step, unique in the function.
        events: one event or a list of them.
        Returns the ids of the events, in order.
        Raises StepError: they could not be sent. Raises ConfigError: something else than events.
        """
        return cast("list[str]", self._meet(tools.send_event(step_id, events)))

    def fetch(
        self,
        step_id: str,
        url: str,
        *,
        method: str = "GET",
        params: Params | None = None,
        headers: Headers | None = None,
        json: object = None,
        content: str | bytes | None = None,
        data: Mapping[str, object] | None = None,
        timeout: Duration | None = None,
        offload: bool = True,
    ) -> httpx.Response:
        """Make one HTTP request, and keep the answer. The engine makes it: nothing of the app runs or waits meanwhile.

        step_id: names the step, unique in the function.
        url: where to; an absolute http or https URL.
        method: of the request.
        params: what is added to the URL as its query.
        headers: of the request; engines keep them with the run, secrets included.
        json, content, data: the body as JSON values or models, as a text or bytes, or as the fields of a form: one of
            them at most. An engine passes on JSON only, so a form and other content need offload=False.
        timeout: how long to wait for the answer; milliseconds or a timedelta. Only with offload=False, where it is 30
            seconds by default: otherwise the engine decides.
        offload: False makes the request in the app, as any step that runs there.
        Returns the answer, whatever its status: call its `raise_for_status` to have an error raised.
        Raises StepError: no answer came. Raises ConfigError: a request that cannot be made, or not by an engine.
        OutputUnserializableError: json that has no form as JSON.
        """
        tool = fetch(
            step_id,
            url,
            method=method,
            params=params,
            headers=headers,
            json=json,
            content=content,
            data=data,
            timeout=timeout,
            offload=offload,
        )
        return cast("httpx.Response", self._meet(tool))
