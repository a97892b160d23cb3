"""One layer of a wrapping hook: a generator with a `yield`, or a coroutine function that awaits `call_next()`.

What is inside is a flow that returns an outcome. Its errors are raised in the hook; what the hook lets through is that
outcome again, what it raises itself is its own failure. The failure of a hook further in is raised in the hooks around
it, for their clean-up, and cannot be caught by them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Coroutine, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import Any, cast

from inngest_core.error_text import kind_of
from inngest_core.errors import CONTROL, InngestError, MiddlewareError, NonRetriableError, RetryAfterError
from inngest_core.runtime.drivers import Resources, run_async
from inngest_core.runtime.effects import Call, Flow
from inngest_core.runtime.held_loop import HELD_LOOP_SECONDS, tell_if_held
from inngest_core.runtime.outcome import Outcome, Raised, Returned, is_only
from inngest_core.runtime.stopwatch import ticks
from inngest_core.runtime.time_limit import TimeLimit

from .factories import failed

Inner = Callable[[contextvars.Context | None], Flow[Outcome]]
"""What is inside of a layer; given the context variables to run in, None for those that it is in already."""


class _Passed:
    """What came out of the inside. failure: of a hook further in."""

    __slots__ = ("failure", "outcome")

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.failure: BaseException | None = None


def awaiting_layer(
    wrap: Callable[..., object],
    name: str,
    given: object,
    inner: Inner,
    resources: Resources,
    limit: TimeLimit,
    context: contextvars.Context | None,
) -> Flow[Outcome]:
    """Run *inner* within a hook that awaits `call_next()`; as `Hooks.around`. name: of the hook. limit: for its own."""
    passed = _Passed()
    try:
        value: object = yield Call(wrap, (given, _call_next(inner, resources, limit, passed)), context, name, limit)
    except GeneratorExit:
        raise
    except BaseException as error:
        return _raised(error, passed.outcome, passed.failure, name)
    if isinstance(value, GeneratorType | AsyncGeneratorType):  # as a hook of MiddlewareSync is one, with its yield
        seen = kind_of(cast("object", value))
        raise MiddlewareError(f"{name} returned {seen}; write it with async def, and await call_next() in it")
    return _returned(value, passed.outcome, passed.failure)


def yielding_layer(
    wrap: Callable[..., object],
    name: str,
    given: object,
    inner: Inner,
    on_loop: bool,
    context: contextvars.Context | None,
) -> Flow[Outcome]:
    """Run *inner* whenever the hook yields; as `Hooks.around`. name: of the hook. on_loop: whether a loop drives this.

    The hook goes on here, not by an effect, and its generator is advanced without a function in between: two of either
    for each hook and step would cost more than most hooks.
    """
    run: Callable[..., Any] = _run_here if context is None else context.run
    outcome = None  # of the inside; not annotated, as basedpyright then loses its type
    failure: BaseException | None = None  # of a hook further in
    hook: Generator[None, object, object] | None = None
    is_open = has_returned = False  # is_open: the hook waits at a yield
    left: Call | None = None
    value: object = None
    started = 0.0
    try:
        try:
            while True:
                if on_loop:
                    started = ticks()
                left, is_open = None, False
                try:
                    if hook is None:
                        hook = _checked(run(wrap, given), name)
                        run(hook.send, None)
                    elif failure is not None:
                        run(hook.throw, failure)
                    elif isinstance(outcome, Returned):
                        run(hook.send, outcome.value)
                    elif outcome is not None:
                        run(hook.throw, outcome.error)
                    is_open = True
                except StopIteration as end:
                    has_returned, value = True, end.value
                except Exception:
                    raise
                except BaseException as error:
                    left = raised_here(error, name)
                if on_loop and ticks() - started > HELD_LOOP_SECONDS:
                    tell_if_held(name, ticks() - started)
                if has_returned:
                    return _returned(value, outcome, failure)
                if left is not None:  # what only the driver can judge
                    yield left
                if failure is not None:
                    raise failure
                try:
                    outcome = yield from inner(context)
                except Exception as raised:
                    failure = raised
        finally:  # also when nobody waits for the flow any more
            if is_open and hook is not None:
                run(hook.close)
    except GeneratorExit:
        raise
    except BaseException as error:  # what closing the hook raises, too
        return _raised(error, outcome, failure, name)


def raised_here(error: BaseException, what: str) -> Call:
    """Return what to yield where a hook has raised what is no Exception: the driver knows what that means."""
    return Call(_raise, (error,), None, what)


def _raise(error: BaseException) -> None:
    raise error


def _returned(value: object, outcome: Outcome | None, failure: BaseException | None) -> Outcome:
    """Return what a hook has made of what came out of the inside."""
    if failure is not None:
        raise failure
    if value is None and outcome is not None:
        return Returned(None) if isinstance(outcome, Raised) else outcome
    return Returned(value)


def _raised(error: BaseException, outcome: Outcome | None, failure: BaseException | None, name: str) -> Outcome:
    """Return what it means that a hook has raised."""
    if failure is not None:
        raise failure
    if isinstance(outcome, Raised) and _lets_through(error, outcome.error):
        return outcome
    if isinstance(error, NonRetriableError | RetryAfterError):
        return Raised(error)
    if isinstance(error, (InngestError, *CONTROL)):
        raise error
    raise failed(name, error) from error


def _lets_through(error: BaseException, inside: BaseException) -> bool:
    """Tell whether *error* was raised inside.

    No generator and no coroutine lets a StopIteration out as such. A task group around `call_next()` puts every error
    into a group, the Interrupt that ends a call included.
    """
    if isinstance(inside, StopIteration | StopAsyncIteration):
        return inside in (error, error.__cause__)
    return is_only(error, inside)


def _call_next(inner: Inner, resources: Resources, limit: TimeLimit, passed: _Passed) -> Callable[[], Any]:
    async def call_next() -> object:
        limit.pause()
        try:
            passed.outcome = await run_async(inner(None), resources)
        except Exception as failure:
            passed.failure = failure
            raise
        finally:
            limit.resume()
        return passed.outcome.unwrap()

    return call_next


def _run_here(function: Callable[..., object], *args: object) -> object:
    return function(*args)


def _checked(made: object, name: str) -> Generator[None, object, object]:
    """Return what a wrapping hook has returned, where it is a generator."""
    if not isinstance(made, GeneratorType) and not isinstance(made, Generator):  # an abstract class takes long to ask
        seen = kind_of(made)
        if isinstance(made, Coroutine):
            made.close()
        raise MiddlewareError(f"{name} returned {seen}; it wraps what stands at its yield, so it needs one")
    return cast("Generator[None, object, object]", made)
