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
from inngest_core.runtime.held_loop import tell_if_held
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.runtime.stopwatch import ticks

from .factories import failed

Inner = Callable[[contextvars.Context | None], Flow[Outcome]]
"""What is inside of a layer; given the context variables to run in, None for those that it is in already."""


@dataclass(slots=True)
class _Passed:
    """What came out of the inside. failure: of a hook further in."""

    outcome: Outcome | None = None
    failure: BaseException | None = None


def awaiting_layer(
    wrap: Callable[..., object],
    name: str,
    given: object,
    inner: Inner,
    resources: Resources,
    context: contextvars.Context | None,
) -> Flow[Outcome]:
    """Run *inner* within a hook that awaits `call_next()`; as `Hooks.around`. name: of the hook, for messages."""
    passed = _Passed()
    try:
        value: object = yield Call(wrap, (given, _call_next(inner, resources, passed)), context, name)
    except GeneratorExit:
        raise
    except BaseException as error:
        return _raised(error, passed, name)
    return _returned(value, passed)


def yielding_layer(
    wrap: Callable[..., object],
    name: str,
    given: object,
    inner: Inner,
    on_loop: bool,
    context: contextvars.Context | None,
) -> Flow[Outcome]:
    """Run *inner* whenever the hook yields; as `Hooks.around`. name: of the hook. on_loop: whether a loop drives this.

    The hook goes on here, not by an effect: two of them for each hook and step would cost more than most hooks.
    """
    hook = _GeneratorHook(wrap, given, name)
    try:
        try:
            while True:
                started = ticks() if on_loop else 0.0
                ended = hook.advance() if context is None else context.run(hook.advance)
                if on_loop:
                    tell_if_held(name, ticks() - started)
                if type(ended) is Call:  # what only the driver can judge
                    ended = yield ended
                if type(ended) is Returned:
                    return _returned(ended.value, hook)
                if hook.failure is not None:
                    raise hook.failure
                try:
                    hook.outcome = yield from inner(context)
                except Exception as failure:
                    hook.failure = failure
        finally:  # also when nobody waits for the flow any more
            if hook.is_open:
                hook.close(context)
    except GeneratorExit:
        raise
    except BaseException as error:  # what closing the hook raises, too
        return _raised(error, hook, name)


def raised_here(error: BaseException, what: str) -> Call:
    """Return what to yield where a hook has raised what is no Exception: the driver knows what that means."""
    return Call(_raise, (error,), None, what)


def _raise(error: BaseException) -> None:
    raise error


def _returned(value: object, passed: _Passed) -> Outcome:
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


class _GeneratorHook(_Passed):
    """A hook with a `yield`, as far as it has come."""

    __slots__ = ("_generator", "_given", "_name", "_wrap", "is_open")

    def __init__(self, wrap: Callable[..., object], given: object, name: str) -> None:
        self.outcome = self.failure = None
        self._wrap = wrap
        self._given = given
        self._name = name
        self._generator: Generator[None, object, object] | None = None
        self.is_open = False
        """Whether it waits at a yield."""

    def advance(self) -> Returned | Call | None:
        """Let the hook go on to its next yield; return what it returned when it has ended.

        Where it raised what is no Exception, that is what to yield to the driver, which knows what that means.
        """
        self.is_open = False
        try:
            if self._generator is None:
                next(self._begin())
            elif self.failure is not None:
                self._generator.throw(self.failure)
            elif isinstance(self.outcome, Raised):
                self._generator.throw(self.outcome.error)
            elif self.outcome is not None:
                self._generator.send(self.outcome.value)
        except StopIteration as end:
            return Returned(end.value)
        except Exception:
            raise
        except BaseException as error:
            return raised_here(error, self._name)
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

    def close(self, context: contextvars.Context | None) -> None:
        """End the hook where it waits. context: as it ran in."""
        if self._generator is None:
            return
        if context is None:
            self._generator.close()
        else:
            context.run(self._generator.close)
