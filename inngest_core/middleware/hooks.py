"""The hooks of one call, or of one sending, and the order in which they run.

Hooks run inline, in the driver of the function (a hop to another thread costs more than a hook). The middleware of the
client comes before that of the function. `after…` and `transform_output` run in reverse; all else, `on_…` included,
runs in that order, and of the wrapping hooks the first is the outermost.
"""

from __future__ import annotations

import contextvars
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Any, cast

from inngest_core.error_text import kind_of
from inngest_core.errors import CONTROL, InngestError, MiddlewareError
from inngest_core.runtime.awaitable import begin, is_awaitable
from inngest_core.runtime.drivers import Resources
from inngest_core.runtime.effects import Call, Flow
from inngest_core.runtime.held_loop import HELD_LOOP_SECONDS, tell_if_held
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.runtime.stopwatch import ticks
from inngest_core.runtime.time_limit import TimeLimit

from .base import Middleware, MiddlewareFactory, MiddlewareSync
from .factories import failed, make
from .onion import Inner, awaiting_layer, raised_here, yielding_layer
from .values import StepInfo, TransformOutputResult

_NAMES = tuple(name for name, hook in vars(MiddlewareSync).items() if callable(hook) and not name.startswith("_"))
_BEFORE_NEW_CODE = frozenset({"after_memoization", "before_execution"})
_OF_STEPS = frozenset({"on_step_start", "wrap_step", "transform_output", "on_step_complete", "on_step_error"})
_BOTH_WAYS = ("transform_output", "transform_input")
_RECORDS_INPUTS = operator.attrgetter("records_step_inputs")


class Plan:
    """Which hooks some middleware has, and which of them."""

    __slots__ = (
        *("after_new_code", "around_function", "around_new_code", "before_new_code", "hooks", "of_steps"),
        "restores_outputs",
    )

    def __init__(self, hooks: Mapping[str, Sequence[tuple[int, str]]]) -> None:
        self.hooks = hooks
        """For every hook that is overridden: the positions of the middleware that does, each with the hook's name."""
        self.before_new_code = not _BEFORE_NEW_CODE.isdisjoint(hooks)
        self.after_new_code = "after_execution" in hooks
        self.around_new_code = self.before_new_code or self.after_new_code
        self.around_function = self.around_new_code or "wrap_handler" in hooks
        self.of_steps = not _OF_STEPS.isdisjoint(hooks)
        changing, reading = ({index for index, _ in hooks.get(name, ())} for name in _BOTH_WAYS)
        self.restores_outputs = not changing.isdisjoint(reading)
        """Whether a middleware has hooks for both ways of an output, as one that encrypts has."""


_NO_HOOKS = Plan({})


class Hooks:
    """The middleware instances of one call, or of one sending, and the order of their hooks."""

    __slots__ = (
        *("_asynchronous", "_client", "_factories", "_instances", "_prepared", "_raw_request", "_resources"),
        *("exist", "plan", "record_inputs"),
    )

    def __init__(
        self,
        factories: Sequence[MiddlewareFactory],
        client: Any,
        raw_request: object,
        resources: Resources,
        *,
        asynchronous: bool,
    ) -> None:
        """factories: in order. resources: those of the driver. asynchronous: whether the function, or sending, is."""
        self._factories = factories
        self.exist = bool(factories)
        """Whether there is any middleware; a call without any asks for nothing else."""
        self.plan = _NO_HOOKS
        """The hooks that there are; known when `prepare` was called."""
        self.record_inputs = True
        """Whether all middleware lets the arguments of steps be recorded; known when `prepare` was called."""
        self._client = client
        self._raw_request = raw_request
        self._resources = resources
        self._asynchronous = asynchronous
        self._instances: Sequence[Middleware | MiddlewareSync] = ()
        self._prepared = False

    def run(self, hook: str, *args: object) -> Flow[None]:
        """Run a hook of every middleware, in order; raises MiddlewareError that names it."""
        planned = self.plan.hooks.get(hook, ()) if self._prepared else self._planned(hook)
        return self._run(planned, hook, args)

    def run_reversed(self, hook: str, *args: object) -> Flow[None]:
        """Run a hook of every middleware, the last one first; raises MiddlewareError that names it."""
        return self._run(self._planned(hook)[::-1], hook, args)

    def prepare(self) -> None:
        """Make the instances, unless they are made; raises MiddlewareError that names the one that could not be."""
        if self._prepared:
            return
        self._prepared = True  # where one cannot be made, none has any hook
        if self._factories:
            made = make(self._factories, self._client, self._raw_request, asynchronous=self._asynchronous)
            self._instances = made
            self.plan = _plan_of(tuple(map(type, made)))
            self.record_inputs = all(map(_RECORDS_INPUTS, made))

    def any_async(self, hook: str) -> bool:
        """Tell whether this hook is `async def` in a middleware."""
        return any(isinstance(self._instances[index], Middleware) for index, _ in self._planned(hook))

    def transform(
        self, outcome: Outcome, check: Callable[[object], None], step: StepInfo | None = None
    ) -> Flow[Outcome]:
        """Return what the `transform_output` hooks make of what a step came to, or the function (step: None).

        check: raises when what was returned is not of its type; the hooks get that error and the value, to mend it.
        """
        result = TransformOutputResult(step=step)
        if isinstance(outcome, Raised):
            result.error = outcome.error
        else:
            result.output = outcome.value
            try:
                check(outcome.value)
            except Exception as error:  # a value, or a serializer of the user's, may raise anything
                result.error = error
        yield from self.run_reversed("transform_output", result)
        if result.error is not None and not isinstance(cast("object", result.error), BaseException):
            given = kind_of(result.error)
            raise MiddlewareError(f"a transform_output hook put {given} into result.error; give an exception, or None")
        return Returned(result.output) if result.error is None else Raised(result.error)

    def around(
        self, hook: str, given: object, inner: Inner, context: contextvars.Context | None = None
    ) -> Flow[Outcome]:
        """Run *inner* within a wrapping hook of every middleware, and return what came of it.

        given: what the hook gets. inner: what is inside; it gets the context variables to run in, or None when it
        runs in them already. context: the context variables that the hooks share with it.
        Raises MiddlewareError when a hook itself fails; an error of ours that a hook raises takes the place of the
        outcome.
        """
        planned = self.plan.hooks.get(hook)
        if planned is None:
            return inner(context)
        for index, name in reversed(planned[1:]):
            inner = partial(self._layer, hook, index, name, given, inner)
        index, name = planned[0]
        return self._layer(hook, index, name, given, inner, context)

    def _layer(
        self, hook: str, index: int, name: str, given: object, inner: Inner, context: contextvars.Context | None
    ) -> Flow[Outcome]:
        """Run *inner* within the wrapping hook of one middleware; as `around`."""
        instance = self._instances[index]
        wrap = getattr(instance, hook)
        if isinstance(instance, Middleware):
            return awaiting_layer(wrap, name, given, inner, self._resources, self._limit(), context)
        return yielding_layer(wrap, name, given, inner, self._asynchronous, context)

    def _limit(self) -> TimeLimit:
        """Return how long one hook may be awaited."""
        return TimeLimit(self._client.hook_timeout_seconds, "hook_timeout")

    def _planned(self, hook: str) -> Sequence[tuple[int, str]]:
        """Return who has this hook; instances are made for the first one, so that a failure is one of a hook."""
        if not self._prepared:
            self.prepare()
        return self.plan.hooks.get(hook, ())

    def _run(self, planned: Sequence[tuple[int, str]], hook: str, args: Sequence[object]) -> Flow[None]:
        """Run a hook of some middleware here, not by an effect, which costs more than they; a driver gets the rest."""
        instances, may_wait = self._instances, self._asynchronous
        started = ticks() if may_wait else 0.0
        for index, name in planned:
            try:
                result: object = getattr(instances[index], hook)(*args)
                if may_wait:
                    ended = ticks()
                    if ended - started > HELD_LOOP_SECONDS:
                        tell_if_held(name, ended - started)
                    started = ended
                    kind: type[object] = type(result)
                    if kind is CoroutineType:
                        result = begin(result)
            except InngestError:
                raise
            except Exception as error:
                raise failed(name, error) from error
            except BaseException as error:
                left = raised_here(error, name)
            else:
                if result is None or not is_awaitable(result):
                    continue
                left = Call(_itself, (result,), what=name, limit=self._limit())
            yield from _by_driver(left)
            started = ticks() if may_wait else 0.0


def _by_driver(left: Call) -> Flow[None]:
    """Let the driver await what a hook returned, or say what it means that it raised."""
    try:
        yield left
    except (InngestError, *CONTROL):
        raise
    except BaseException as error:
        raise failed(left.what, error) from error


def _itself(result: object) -> object:
    return result


NO_HOOKS = Hooks((), None, None, cast("Resources", None), asynchronous=False)
"""Those of every call without middleware: nothing in it is of one call, and making them is not for nothing."""


@functools.lru_cache(maxsize=256)
def _plan_of(kinds: tuple[type[Middleware] | type[MiddlewareSync], ...]) -> Plan:
    hooks: dict[str, list[tuple[int, str]]] = {}
    for index, kind in enumerate(kinds):
        base = Middleware if issubclass(kind, Middleware) else MiddlewareSync
        for name in _NAMES:
            if getattr(kind, name) is not getattr(base, name):
                hooks.setdefault(name, []).append((index, f"{kind.__name__}.{name}"))
    return Plan(hooks)
