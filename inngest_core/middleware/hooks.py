"""The hooks of one call, or of one sending, and the order in which they run.

Hooks run inline, in the driver of the function (a hop to another thread costs more than a hook). The middleware of the
client comes before that of the function. `after…` and `transform_output` run in reverse; all else, `on_…` included,
runs in that order, and of the wrapping hooks the first is the outermost.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from inngest_core.errors import CONTROL, InngestError
from inngest_core.runtime.awaitable import is_awaitable
from inngest_core.runtime.drivers import HELD_LOOP_SECONDS, Resources
from inngest_core.runtime.effects import Call, Flow
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.runtime.stopwatch import stopwatch

from .base import Middleware, MiddlewareFactory, MiddlewareSync
from .factories import failed, make
from .onion import Inner, layer
from .values import StepInfo, TransformOutputResult

_NAMES = tuple(name for name, hook in vars(MiddlewareSync).items() if callable(hook) and not name.startswith("_"))
_ALL_RUN = object()


class Hooks:
    """The middleware instances of one call, or of one sending, and the order of their hooks."""

    __slots__ = ("_asynchronous", "_client", "_factories", "_instances", "_plan", "_raw_request", "_resources", "exist")

    def __init__(
        self,
        factories: Iterable[MiddlewareFactory],
        client: object,
        raw_request: object,
        resources: Resources,
        *,
        asynchronous: bool,
    ) -> None:
        """factories: in order. resources: those of the driver. asynchronous: whether the function, or sending, is."""
        self._factories = list(factories)
        self.exist = bool(self._factories)
        """Whether there is any middleware; a call without any asks for nothing else."""
        self._client = client
        self._raw_request = raw_request
        self._resources = resources
        self._asynchronous = asynchronous
        self._instances: Sequence[Middleware | MiddlewareSync] = ()
        self._plan: Plan | None = None

    def run(self, hook: str, *args: object) -> Flow[None]:
        """Run a hook of every middleware, in order; raises MiddlewareError that names it."""
        return self._run(self._planned(hook), hook, args)

    def run_reversed(self, hook: str, *args: object) -> Flow[None]:
        """Run a hook of every middleware, the last one first; raises MiddlewareError that names it."""
        return self._run(self._planned(hook)[::-1], hook, args)

    def has(self, hook: str) -> bool:
        """Tell whether a middleware has this hook."""
        return bool(self._planned(hook))

    def may_record_inputs(self) -> bool:
        """Tell whether all middleware lets the arguments of steps be recorded."""
        if self._factories:
            self._planned("on_step_start")  # makes the instances
        return all(each.records_step_inputs for each in self._instances)

    def any_async(self, hook: str) -> bool:
        """Tell whether this hook is `async def` in a middleware."""
        return any(isinstance(self._instances[index], Middleware) for index, _ in self._planned(hook))

    def transform(
        self, outcome: Outcome, check: Callable[[object], None], step: StepInfo | None = None
    ) -> Flow[Outcome]:
        """Return what the `transform_output` hooks make of what a step came to, or the function (step: None).

        check: raises when what was returned is not of its type; the hooks get that error and the value, to mend it.
        """
        if not self.has("transform_output"):
            return outcome
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
        for index, name in self._planned(hook)[::-1]:
            inner = partial(layer, self._instances[index], hook, name, given, inner, self._resources)
        return inner(context)

    def _planned(self, hook: str) -> Sequence[tuple[int, str]]:
        """Return who has this hook; instances are made for the first one, so that a failure is one of a hook."""
        if self._plan is None:
            self._plan = {}  # where one cannot be made, none has any hook
            self._instances = [
                make(factory, self._client, self._raw_request, asynchronous=self._asynchronous)
                for factory in self._factories
            ]
            self._plan = _plan_of(tuple([type(each) for each in self._instances]))
        return self._plan.get(hook, ())

    def _run(self, planned: Sequence[tuple[int, str]], hook: str, args: Sequence[object]) -> Flow[None]:
        """Run a hook of some middleware; those with nothing to await share an effect, which costs more than they."""
        if not planned:
            return
        left = iter(planned)

        def go() -> object:
            """Run hooks up to the first that has to be awaited, or took long: the driver does, or says, so."""
            elapsed = stopwatch()
            for index, call.what in left:
                result = getattr(self._instances[index], hook)(*args)
                took_long = elapsed() > HELD_LOOP_SECONDS / 2
                if took_long or (result is not None and is_awaitable(result)):
                    return result
            return _ALL_RUN

        call = Call(go)
        try:
            while (yield call) is not _ALL_RUN:
                pass
        except (InngestError, *CONTROL):
            raise
        except BaseException as error:
            raise failed(call.what, error) from error
        finally:
            del call.callback  # which holds the call, too


Plan = Mapping[str, Sequence[tuple[int, str]]]
"""For every hook that a middleware overrides: the positions of those that do, each with the name of its hook."""


@functools.lru_cache(maxsize=256)
def _plan_of(kinds: tuple[type[Middleware] | type[MiddlewareSync], ...]) -> Plan:
    plan: dict[str, list[tuple[int, str]]] = {}
    for index, kind in enumerate(kinds):
        base = Middleware if issubclass(kind, Middleware) else MiddlewareSync
        for name in _NAMES:
            if getattr(kind, name) is not getattr(base, name):
                plan.setdefault(name, []).append((index, f"{kind.__name__}.{name}"))
    return plan
