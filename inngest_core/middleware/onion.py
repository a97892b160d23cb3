"""One layer of a wrapping hook: a generator with a `yield`, or a coroutine function that awaits `call_next()`.

What is inside is a flow that returns an outcome. Its errors are raised in the hook; what the hook lets through is that
outcome again, what it raises itself is its own failure. The failure of a hook further in is raised in the hooks around
it, for their clean-up, and cannot be caught by them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, cast

from inngest_core.error_text import kind_of
from inngest_core.errors import CONTROL, InngestError, MiddlewareError, NonRetriableError, RetryAfterError
from inngest_core.runtime.drivers import Resources, run_async
from inngest_core.runtime.effects import Call, Flow
from inngest_core.runtime.outcome import Outcome, Raised, Returned

from .base import Middleware, MiddlewareSync
from .factories import failed

Inner = Callable[[contextvars.Context | None], Flow[Outcome]]
"""What is inside of a layer; given the context variables to run in, None for those that it is in already."""


@dataclass(slots=True)
class _Passed:
    """What came out of the inside. failure: of a hook further in."""

    outcome: Outcome | None = None
    failure: BaseException | None = None


def layer(
    instance: Middleware | MiddlewareSync,
    hook: str,
    name: str,
    given: object,
    inner: Inner,
    resources: Resources,
    context: contextvars.Context | None,
) -> Flow[Outcome]:
    """Run *inner* within the hook of one middleware; as `Hooks.around`. name: of the hook, for messages."""
    wrap: Callable[..., object] = getattr(instance, hook)
    passed = _Passed()
    try:
        if isinstance(instance, Middleware):
            value: object = yield Call(wrap, (given, _call_next(inner, resources, passed)), context, name)
        else:
            value = yield from _between_yields(wrap, given, inner, passed, name, context)
    except GeneratorExit:
        raise
    except BaseException as error:
        return _raised(error, passed, name)
    if passed.failure is not None:
        raise passed.failure
    if value is None and passed.outcome is not None:
        return Returned(None) if isinstance(passed.outcome, Raised) else passed.outcome
    return Returned(value)


def _raised(error: BaseException, passed: _Passed, name: str) -> Outcome:
    if passed.failure is not None:
        raise passed.failure
    if isinstance(passed.outcome, Raised) and _lets_through(error, passed.outcome.error):
        return passed.outcome
    if isinstance(error, NonRetriableError | RetryAfterError):
        return Raised(error)
    if isinstance(error, (InngestError, *CONTROL)):
        raise error
    raise failed(name, error) from error


def _lets_through(error: BaseException, inside: BaseException) -> bool:
    """Tell whether *error* was raised inside; no generator and no coroutine lets a StopIteration out as such."""
    if isinstance(inside, StopIteration | StopAsyncIteration):
        return inside in (error, error.__cause__)
    return error is inside


def _call_next(inner: Inner, resources: Resources, passed: _Passed) -> Callable[[], Any]:
    async def call_next() -> object:
        try:
            passed.outcome = await run_async(inner(None), resources)
        except Exception as failure:
            passed.failure = failure
            raise
        return passed.outcome.unwrap()

    return call_next


def _between_yields(
    wrap: Callable[..., object],
    given: object,
    inner: Inner,
    passed: _Passed,
    name: str,
    context: contextvars.Context | None,
) -> Flow[object]:
    """Run *inner* whenever the generator yields; return what the generator returns, raise what it raises."""
    hook = _GeneratorHook(wrap, given, passed, name)
    advance = Call(hook.advance, (), context, name)
    try:
        while True:
            ended: Returned | None = yield advance
            if ended is not None:
                return ended.value
            if passed.failure is not None:
                return None
            try:
                passed.outcome = yield from inner(context)
            except Exception as failure:
                passed.failure = failure
    finally:  # also when nobody waits for the flow any more
        if hook.is_open and context is None:
            hook.close()
        elif hook.is_open and context is not None:
            context.run(hook.close)


class _GeneratorHook:
    """A hook with a `yield`, as far as it has come."""

    __slots__ = ("_generator", "_given", "_name", "_passed", "_wrap", "is_open")

    def __init__(self, wrap: Callable[..., object], given: object, passed: _Passed, name: str) -> None:
        self._wrap = wrap
        self._given = given
        self._passed = passed
        self._name = name
        self._generator: Generator[None, object, object] | None = None
        self.is_open = False
        """Whether it waits at a yield."""

    def advance(self) -> Returned | None:
        """Let the hook go on to its next yield; return what it returned when it has ended."""
        passed, self.is_open = self._passed, False
        try:
            if self._generator is None:
                next(self._begin())
            elif passed.failure is not None:
                self._generator.throw(passed.failure)
            elif isinstance(passed.outcome, Raised):
                self._generator.throw(passed.outcome.error)
            elif passed.outcome is not None:
                self._generator.send(passed.outcome.value)
        except StopIteration as end:
            return Returned(end.value)
        self.is_open = True
        return None

    def _begin(self) -> Generator[None, object, object]:
        made = self._wrap(self._given)
        if not isinstance(made, GeneratorType | Generator):  # the second, an abstract class, takes long to ask
            seen = kind_of(made)
            if isinstance(made, Coroutine):
                made.close()
            raise MiddlewareError(f"{self._name} returned {seen}; it wraps what stands at its yield, so it needs one")
        self._generator = cast("Generator[None, object, object]", made)
        return self._generator

    def close(self) -> None:
        """End the hook where it waits."""
        if self._generator is not None:
            self._generator.close()
