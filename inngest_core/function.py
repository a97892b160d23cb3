"""A function: its id, its handlers, and its configuration on the wire. Pure values; nothing here calls a handler.

What an engine would refuse without saying why is refused here, with the function, the field, the value and the rule.
Follows docs/protocol.md, Function configuration.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from .by_hand import Caller, CallInput, CallResult, StartedBy, checked_caller, input_of
from .callables import innermost
from .error_text import kind_of
from .errors import ConfigError, FunctionConfigError
from .events.event_types import TypedTrigger
from .middleware.base import MiddlewareFactory
from .middleware.factories import is_async, problems_of_middleware
from .options.expressions import shorten
from .options.function_opts import FunctionOpts
from .options.options import Trigger, TriggerEvent
from .parameters import annotations_of, check_order, check_step, class_of, is_injected, read_parameters, takes_step
from .protocol.wire import STEP_ID_OF_DISCOVERY, EventName, Query
from .runtime.drivers import run_async, run_sync
from .runtime.effects import Flow
from .values.schema import TYPE_RULE, cannot_be_a_type

T_co = TypeVar("T_co", covariant=True)

FAILURE_SUFFIX = "-failure"


@dataclass(frozen=True, slots=True)
class Handler:
    """The body of a function, as the user wrote it.

    callback: what is called.
    is_async: it is `async def`, or calls something that is.
    takes_step: it is called as `(ctx, step)` instead of `(ctx)`.
    where: "file:line", for messages.
    output_type: the type of its result, None when not given.
    typed: its events are read as the types that its triggers declare.
    context: the class that its context is annotated with, None when that is not known.
    injected: the parameters that middleware is to fill.
    """

    callback: Callable[..., object]
    is_async: bool
    takes_step: bool
    where: str = ""
    output_type: object = None
    typed: bool = False
    context: object = None
    injected: Sequence[str] = ()


class Function(Generic[T_co]):
    """A function that an engine can run; made by `Inngest.create_function`. T is what its handler returns.

    id: `<app_id>-<fn_id>`, as the engine knows it; local_id: the fn_id alone.
    name: what the engine shows.
    handler, on_failure: the bodies; on_failure_fn_id: the id under which the engine calls the second.
    triggers: what starts it; empty for a function that is only invoked.
    output_type: the type of its result, None when not given.
    middleware: of this function alone, as the user gave it.
    client: the one that it was defined with, when it was made by `create_function`.
    around: an adapter's own; given the flow of a call, hooks included, it returns the one to run instead.
    """

    def __init__(
        self,
        *,
        app_id: str,
        opts: FunctionOpts,
        triggers: Sequence[Trigger],
        handler: Callable[..., object],
        on_failure: Callable[..., object] | None = None,
        output_type: object = None,
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> None:
        """Check everything that can be checked without an engine. Users call `Inngest.create_function` instead.

        app_id: the id of the client.
        opts, triggers, handler, on_failure, output_type, middleware: as `create_function` was given them.
        Raises FunctionConfigError: it names the function, the argument, its value and the rule.
        """
        self.local_id = opts.fn_id
        self.id = f"{app_id}-{opts.fn_id}"
        self.name = opts.name
        self.opts = opts
        self.triggers = tuple(triggers)
        self.output_type = output_type
        self.client: Caller | None = None
        self.around: Callable[[Flow[Any]], Flow[Any]] | None = None
        for field, value, rule in itertools.chain(
            opts.problems(self.triggers), problems_of_middleware(middleware), _problems_of_type(output_type)
        ):
            which = f'"{self.id}"' if self.id.isprintable() else repr(self.id)
            shown = shorten(value) if isinstance(value, str) else repr(value)
            raise FunctionConfigError(f"function {which}: {field} is {shown}; expected {rule}")
        self.middleware = tuple(middleware or ())
        typed = any(isinstance(trigger, TypedTrigger) for trigger in triggers)
        self.handler = replace(
            inspect_handler(handler, f'function "{self.id}": the handler'), output_type=output_type, typed=typed
        )
        self.on_failure: Handler | None = None
        self.on_failure_fn_id: str | None = None
        if on_failure is not None:
            self.on_failure = inspect_handler(on_failure, f'function "{self.id}": on_failure')
            self.on_failure_fn_id = self.id + FAILURE_SUFFIX
            _check_kinds(self.id, self.handler, self.on_failure)
        _check_hooks(self, self.middleware)

    def __repr__(self) -> str:
        return f"<Function {self.id}>"

    @property
    def is_handler_async(self) -> bool:
        """Tell whether the handler is `async def`."""
        return self.handler.is_async

    @property
    def is_on_failure_handler_async(self) -> bool | None:
        """Tell whether the failure handler is `async def`; None when there is none."""
        return None if self.on_failure is None else self.on_failure.is_async

    @property
    def handlers(self) -> dict[str, Handler]:
        """The bodies by the full ids that an engine calls: the function's own, and that of its failure handler."""
        if self.on_failure is None or self.on_failure_fn_id is None:
            return {self.id: self.handler}
        return {self.id: self.handler, self.on_failure_fn_id: self.on_failure}

    async def call(
        self,
        client: Caller,
        ctx: CallInput | StartedBy,
        fn_id: str | None = None,
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> CallResult:
        """Call the function once, as an engine does, and tell what that came to; for tools and tests.

        client: the one that the function was defined with.
        ctx: the event and the memos to call it with, as a CallInput; or the context of a function that is running.
        fn_id: `on_failure_fn_id`, to call the failure handler; by default the function itself.
        middleware: instead of that of the client and the function.
        Returns what it returned, raised or reported. A function of either kind can be called.
        Raises ConfigError: an argument of another kind. FunctionNotFoundError: another fn_id.
        OutputUnserializableError: data of an event that is not JSON.
        """
        flow = self._call(checked_caller(client), ctx, fn_id, middleware)
        return await run_async(flow, client.resources)

    def call_sync(
        self,
        client: Caller,
        ctx: CallInput | StartedBy,
        fn_id: str | None = None,
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> CallResult:
        """Call the function once, in this thread; otherwise as `call`.

        client, ctx, fn_id, middleware: as for `call`.
        Returns and raises what `call` does.
        """
        flow = self._call(checked_caller(client), ctx, fn_id, middleware)
        return run_sync(flow, client.resources)

    def _call(
        self,
        client: Caller,
        ctx: CallInput | StartedBy,
        fn_id: str | None,
        middleware: Sequence[MiddlewareFactory] | None,
    ) -> Flow[CallResult]:
        for field, value, rule in problems_of_middleware(middleware):
            raise ConfigError(f"{field} is {value!r}; give {rule}")
        return client.call_flow(self, input_of(ctx), fn_id, middleware)

    def get_id(self) -> str:
        """Return the id as the engine knows it."""
        return self.id

    def get_config(self, app_url: str) -> list[dict[str, object]]:
        """Return the configuration on the wire, then the failure handler's own function if there is one.

        app_url: the URL that the engine shall call, as it is advertised.
        No key of the result holds None.
        """
        main = _dump_main(self.id, self.name, self.triggers, self.opts.retries, app_url)
        configs = [{**main, **self.opts.to_wire()}]
        if self.on_failure_fn_id is not None:
            name, trigger = f"{self.name} (failure)", failure_trigger(self.id)
            configs.append(_dump_main(self.on_failure_fn_id, name, (trigger,), 0, app_url))
        return configs


def index_functions(
    functions: Iterable[Function[Any]], middleware: Sequence[MiddlewareFactory] = ()
) -> dict[str, tuple[Function[Any], Handler]]:
    """Return, by every full id that an engine may call, the function and the handler to run.

    middleware: that of the client, which all functions share.
    Raises FunctionConfigError: two functions share an id, or a sync function has async middleware.
    """
    index: dict[str, tuple[Function[Any], Handler]] = {}
    for function in functions:
        _check_hooks(function, middleware)
        for fn_id, handler in function.handlers.items():
            if fn_id in index:
                raise FunctionConfigError(duplicate_message(fn_id, index[fn_id][1], handler))
            index[fn_id] = (function, handler)
    return index


def duplicate_message(fn_id: str, first: Handler, second: Handler) -> str:
    return (
        f'function "{fn_id}" is defined twice, at {first.where} and at {second.where}; '
        "give each function its own fn_id, and list it once"
    )


def inspect_handler(handler: Callable[..., object], what: str) -> Handler:
    """Return what *handler* is: sync or async, and its form.

    handler: partials, bound methods, callable objects and pass-through decorators are looked through.
    what: names it in messages.
    Raises FunctionConfigError: not callable, a class, a generator, or it cannot be called as `(ctx)` or `(ctx, step)`.
    """
    _check_type(handler, what)
    code = innermost(handler, through_wrappers=False)
    if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        raise FunctionConfigError(f"{what} is a generator; return a value instead of yielding")
    parameters = read_parameters(handler, what)
    annotations = annotations_of(innermost(handler, through_wrappers=True), parameters)
    injected = [each for each in parameters if is_injected(each, annotations[each.name])]
    own = [each for each in parameters if each not in injected]
    check_order(parameters, injected, what)
    check_step(own, annotations, what)
    return Handler(
        callback=handler,
        is_async=inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(code),
        takes_step=takes_step(own, what),
        where=_where(code),
        context=class_of(annotations[own[0].name]) if own else None,
        injected=[each.name for each in injected],
    )


def _check_type(handler: object, what: str) -> None:
    if isinstance(handler, Function):
        raise FunctionConfigError(f'{what} is the function "{handler.id}"; give a handler that is not decorated yet')
    if inspect.isclass(handler):
        raise FunctionConfigError(
            f"{what} is {kind_of(handler)}; give a function, a bound method such as "
            f"{handler.__name__}().method, or an instance that has __call__"
        )
    if not callable(handler):
        raise FunctionConfigError(f"{what} is {kind_of(handler)}; give a function")


def _where(code: object) -> str:
    code_object = getattr(code, "__code__", None)
    if code_object is None:
        return repr(code)
    return f"{code_object.co_filename}:{code_object.co_firstlineno}"


def _problems_of_type(output_type: object) -> Iterator[tuple[str, object, str]]:
    if cannot_be_a_type(output_type):
        yield "output_type", output_type, TYPE_RULE


def _check_kinds(fn_id: str, handler: Handler, on_failure: Handler) -> None:
    if handler.is_async != on_failure.is_async:
        kinds = {True: "async def", False: "a plain def"}
        raise FunctionConfigError(
            f'function "{fn_id}": on_failure is {kinds[on_failure.is_async]}, '
            f"but the handler is {kinds[handler.is_async]}; make both the same"
        )


def _check_hooks(function: Function[Any], middleware: Sequence[MiddlewareFactory]) -> None:
    if function.is_handler_async:
        return
    for factory in middleware:
        if is_async(factory):
            name = getattr(factory, "__name__", type(factory).__name__)
            raise FunctionConfigError(
                f'function "{function.id}": the handler is a plain def, but the hooks of the middleware {name} are '
                "async def; derive it from inngest.MiddlewareSync, or make the handler async def"
            )


def failure_trigger(fn_id: str) -> TriggerEvent:
    """Return what starts the failure handler of a function."""
    return TriggerEvent(event=EventName.FUNCTION_FAILED.value, expression=f"event.data.function_id == '{fn_id}'")


def _dump_main(
    fn_id: str, name: str, triggers: Sequence[Trigger], retries: int | None, app_url: str
) -> dict[str, object]:
    url = step_url(app_url, fn_id)
    step: dict[str, object] = {
        "id": STEP_ID_OF_DISCOVERY,
        "name": STEP_ID_OF_DISCOVERY,
        "runtime": {"type": "ws" if url.startswith(("ws:", "wss:")) else "http", "url": url},
    }
    if retries is not None:
        step["retries"] = {"attempts": retries}
    return {
        "id": fn_id,
        "name": name,
        "triggers": [trigger.to_wire() for trigger in triggers],
        "steps": {"step": step},
    }


@functools.lru_cache(maxsize=1024)
def step_url(app_url: str, fn_id: str) -> str:
    """Return the URL that an engine calls for a function; what the query of *app_url* holds already is kept."""
    parts = urllib.parse.urlsplit(app_url)
    asked = {Query.FUNCTION_ID.value: fn_id, Query.STEP_ID.value: STEP_ID_OF_DISCOVERY}
    kept = [pair for pair in urllib.parse.parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in asked]
    query = urllib.parse.urlencode([*kept, *asked.items()], quote_via=urllib.parse.quote)
    return urllib.parse.urlunsplit(parts._replace(query=query, fragment=""))
