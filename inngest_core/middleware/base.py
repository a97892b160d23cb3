"""The two base classes of middleware. Both have the same hooks; in one they are `def`, in the other `async def`.

A hook that is not overridden costs nothing. The order of the hooks is in docs/middleware.md, and is made in `hooks.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from inngest_core.events.event import Event

from .values import (
    CallInfo,
    Invocation,
    Registration,
    SendEventsResult,
    StepInfo,
    StepMemos,
    TransformOutputResult,
)

CallNext = Callable[[], Awaitable[Any]]
"""What a wrapping hook awaits to go on to what is inside."""


class MiddlewareSync:
    """Base of middleware whose hooks are plain functions; it works in sync and in async functions.

    Give the class itself, or a factory `(client, raw_request) -> instance`, to a client or a function. One instance
    is made for each call and for each sending of events.

    client: the Inngest client that the function belongs to.
    raw_request: the framework's own request; None outside of a call.
    """

    keeps_call: bool = False
    """Whether an instance keeps what belongs to one call, so that one instance cannot be given for all calls."""
    records_step_inputs: bool = True
    """Whether engines may be told the arguments of steps, which they show, and which can be edited for a rerun."""

    def __init__(self, client: Any, raw_request: object) -> None:
        self.client = client
        self.raw_request = raw_request

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Change what the function gets, before it runs.

        ctx: its context; events may be replaced and fields added.
        function: the Function that is called.
        steps: the memos of its finished steps.
        """

    def after_memoization(self) -> None:
        """Run when the results of all finished steps were given to the function, just before new code runs."""

    def before_execution(self) -> None:
        """Run before new code does."""

    def on_step_start(self, step: StepInfo) -> None:
        """Look at a step that is about to run.

        step: the step.
        """

    def on_step_complete(self, step: StepInfo, output: Any) -> None:
        """Look at a step that has run.

        step: the step.
        output: what it gave, before any `transform_output`.
        """

    def on_step_error(self, step: StepInfo, error: BaseException, final: bool) -> None:
        """Look at a step that has failed.

        step: the step.
        error: what it raised, or what a hook made of that.
        final: whether this was the last attempt.
        """

    def after_execution(self) -> None:
        """Run after the step that ran in this call, or after the function returned, raised or was interrupted."""

    def transform_output(self, result: TransformOutputResult) -> None:
        """Change what a step or the function returned or raised.

        result: the outcome; assign to its `output` or `error`.
        """

    def on_function_complete(self, output: Any) -> None:
        """Look at a function that has returned.

        output: what it returned, before any `transform_output`.
        """

    def on_function_error(self, error: BaseException, final: bool) -> None:
        """Look at an attempt of the function that has failed.

        error: what it raised, or a hook did.
        final: whether this was the last attempt.
        """

    def before_response(self) -> None:
        """Run last, before the answer is sent."""

    def before_invoke(self, invocation: Invocation) -> None:
        """Change the data that another function is invoked with.

        invocation: the step; assign to its `data`.
        """

    def before_send_events(self, events: list[Event]) -> None:
        """Change events before they are sent.

        events: the list that is sent; change it in place.
        """

    def after_send_events(self, result: SendEventsResult) -> None:
        """Look at what came of sending.

        result: the ids of the events that were sent, and the error if not all were.
        """

    def on_register(self, registration: Registration) -> None:
        """Look at, or change, what an engine is told about the functions of the app. Client middleware only.

        registration: the URL of the app, and the configuration of each function.
        """

    def wrap_step(self, step: StepInfo) -> Iterator[None]:
        """Run around the step: up to the `yield` before it, the rest after it.

        step: the step.
        The `yield` gives its output, or raises what was raised. What the hook returns, unless None,
        takes its place.
        """
        yield

    def wrap_handler(self, call: CallInfo) -> Iterator[None]:
        """Run around the function's own code: up to the `yield` before it, the rest after it.

        call: the context, the handler and its arguments.
        The `yield` gives what the function returned, or raises what was raised. What the hook returns, unless None,
        takes its place.
        """
        yield

    def wrap_request(self, call: CallInfo) -> Iterator[None]:
        """Run around a whole call, the other hooks included: up to the `yield` before it, the rest after it.

        call: the request, and what it calls.
        The `yield` gives the answer, which has a `status`. What the hook returns, unless None, takes its place.
        """
        yield


class Middleware:
    """Base of middleware whose hooks are `async def`; it works in async functions and with `client.send`.

    It has the same hooks as `MiddlewareSync`.

    client: the Inngest client that the function belongs to.
    raw_request: the framework's own request; None outside of a call.
    """

    keeps_call: bool = False
    """Whether an instance keeps what belongs to one call, so that one instance cannot be given for all calls."""
    records_step_inputs: bool = True
    """Whether engines may be told the arguments of steps, which they show, and which can be edited for a rerun."""

    def __init__(self, client: Any, raw_request: object) -> None:
        self.client = client
        self.raw_request = raw_request

    async def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Change what the function gets, before it runs.

        ctx: its context; events may be replaced and fields added.
        function: the Function that is called.
        steps: the memos of its finished steps.
        """

    async def after_memoization(self) -> None:
        """Run when the results of all finished steps were given to the function, just before new code runs."""

    async def before_execution(self) -> None:
        """Run before new code does."""

    async def on_step_start(self, step: StepInfo) -> None:
        """Look at a step that is about to run.

        step: the step.
        """

    async def on_step_complete(self, step: StepInfo, output: Any) -> None:
        """Look at a step that has run.

        step: the step.
        output: what it gave, before any `transform_output`.
        """

    async def on_step_error(self, step: StepInfo, error: BaseException, final: bool) -> None:
        """Look at a step that has failed.

        step: the step.
        error: what it raised, or what a hook made of that.
        final: whether this was the last attempt.
        """

    async def after_execution(self) -> None:
        """Run after the step that ran in this call, or after the function returned, raised or was interrupted."""

    async def transform_output(self, result: TransformOutputResult) -> None:
        """Change what a step or the function returned or raised.

        result: the outcome; assign to its `output` or `error`.
        """

    async def on_function_complete(self, output: Any) -> None:
        """Look at a function that has returned.

        output: what it returned, before any `transform_output`.
        """

    async def on_function_error(self, error: BaseException, final: bool) -> None:
        """Look at an attempt of the function that has failed.

        error: what it raised, or a hook did.
        final: whether this was the last attempt.
        """

    async def before_response(self) -> None:
        """Run last, before the answer is sent."""

    async def before_invoke(self, invocation: Invocation) -> None:
        """Change the data that another function is invoked with.

        invocation: the step; assign to its `data`.
        """

    async def before_send_events(self, events: list[Event]) -> None:
        """Change events before they are sent.

        events: the list that is sent; change it in place.
        """

    async def after_send_events(self, result: SendEventsResult) -> None:
        """Look at what came of sending.

        result: the ids of the events that were sent, and the error if not all were.
        """

    async def on_register(self, registration: Registration) -> None:
        """Look at, or change, what an engine is told about the functions of the app. Client middleware only.

        registration: the URL of the app, and the configuration of each function.
        """

    async def wrap_step(self, step: StepInfo, call_next: CallNext) -> object:
        """Run around the step.

        step: the step.
        call_next: await it to go on; it gives its output, or raises what was raised.
        What the hook returns, unless None, takes its place.
        """
        return await call_next()

    async def wrap_handler(self, call: CallInfo, call_next: CallNext) -> object:
        """Run around the function's own code, finished steps included.

        call: the context, the handler and its arguments.
        call_next: await it to go on; it gives what the function returned, or raises what was raised.
        What the hook returns, unless None, takes its place.
        """
        return await call_next()

    async def wrap_request(self, call: CallInfo, call_next: CallNext) -> object:
        """Run around a whole call, the other hooks included.

        call: the request, and what it calls.
        call_next: await it to go on; it gives the answer, which has a `status`, or raises what was raised.
        What the hook returns, unless None, takes its place.
        """
        return await call_next()


@dataclass(frozen=True)  # without slots, with which classes that derive from it could have no attributes of their own
class MiddlewarePair:
    """Two middleware that do the same: one for sync functions, one for async functions, each where it fits."""

    sync: type[MiddlewareSync] | MiddlewareSync | Callable[[Any, Any], MiddlewareSync]
    """For sync functions and `client.send_sync`: a class, a factory or an instance."""
    asynchronous: type[Middleware] | Middleware | Callable[[Any, Any], Middleware | MiddlewareSync]
    """For async functions and `client.send`: a class, a factory or an instance."""


MiddlewareFactory = Middleware | MiddlewareSync | MiddlewarePair | Callable[[Any, Any], Middleware | MiddlewareSync]
"""A middleware class, a function `(client, raw_request)` that makes an instance of one, or an instance to share."""
