"""Steps without a `step` to pass around: a decorator, and the current step tools. Built on the current call."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError

from .current import current
from .step import Step
from .step_sync import StepSync
from .tools import check_step_id

P = ParamSpec("P")
T = TypeVar("T")

_given: contextvars.ContextVar[Step | StepSync | None] = contextvars.ContextVar("inngest_given_step", default=None)


def get_step_context() -> Step | StepSync:
    """Return the step tools of the function that is running, or those of the `set_step_context` around this code.

    Raises NoCurrentCallError: there are none.
    """
    given = _given.get()
    return current().step if given is None else given


@contextlib.contextmanager
def set_step_context(step: Step | StepSync) -> Generator[None]:
    """Make `get_step_context` return *step* inside the block, as where no function is running or in a test.

    step: the step tools of a function, such as `ctx.step`.
    Raises ConfigError: it is something else.
    """
    if isinstance(step, type) or not callable(getattr(step, "run", None)):  # a test may have a double of them
        raise ConfigError(f"set_step_context was given {kind_of(step)}; give the step tools of a function: ctx.step")
    before = _given.set(step)
    try:
        yield
    finally:
        _given.reset(before)


class StepDecorator(Protocol):
    """What `step` returns: it makes every call of a function a step."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> Callable[P, T]: ...


def step(step_id: str) -> StepDecorator:
    """Return a decorator that makes every call of a function a step of the run that is current.

    A plain `def` can be decorated for plain `def` functions, an `async def` for `async def` functions.

    step_id: names the step; further calls in one run are further steps, as with every id that is met again.
    Raises ConfigError: step_id is not a text; or, when the decorated function is called, it is of the other kind than
    the running function. NoCurrentCallError, when it is called: no function is running there.
    """
    if not isinstance(cast("object", step_id), str):
        raise ConfigError(f"step was given {step_id!r}; give the id of the step: @inngest.experimental.step(id)")
    check_step_id(step_id)

    def decorate(function: Callable[..., Any], /) -> Callable[..., Any]:
        if not callable(function):
            raise ConfigError(f'step "{step_id}" decorates {kind_of(function)}; give a function')

        make = _async_step if inspect.iscoroutinefunction(function) else _sync_step
        return make(step_id, function)

    return cast("StepDecorator", decorate)


def _sync_step(step_id: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        tools = get_step_context()
        if isinstance(tools, Step):
            raise ConfigError(
                f'step "{step_id}": {_name_of(function)} is a plain def, but the running function is async def; make '
                "it async def, or use step.run, which takes both"
            )
        return tools.run(step_id, functools.partial(function, *args, **kwargs))

    return call


def _async_step(step_id: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: object, **kwargs: object) -> object:
        tools = get_step_context()
        if isinstance(tools, StepSync):
            raise ConfigError(
                f'step "{step_id}": {_name_of(function)} is async def, but the running function is a plain def; make '
                "both the same kind"
            )
        return await tools.run(step_id, functools.partial(function, *args, **kwargs))

    return call


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", repr(function)))
