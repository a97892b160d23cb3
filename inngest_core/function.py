"""A function: its id, its handlers, and its configuration on the wire. Pure values; nothing here calls a handler.

What an engine would refuse without saying why is refused here, with the function, the field, the value and the rule.
Source: protocol §5.
"""

from __future__ import annotations

import functools
import inspect
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from inngest_core.protocol.limits import MAX_TRIGGER_NAME

from .errors import FunctionConfigError
from .events.event_types import TypedTrigger
from .middleware import MiddlewareFactory
from .options.expressions import shorten
from .options.function_opts import FunctionOpts
from .options.options import Trigger, TriggerEvent
from .protocol.wire import STEP_ID_OF_DISCOVERY, EventName, Query
from .runtime.effects import Flow

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
    """

    callback: Callable[..., object]
    is_async: bool
    takes_step: bool
    where: str = ""
    output_type: object = None
    typed: bool = False


class Function(Generic[T_co]):
    """A function that an engine can run; made by `Inngest.create_function`. T is what its handler returns.

    handler, on_failure: the bodies. triggers: empty for a function that is only invoked. output_type: None when not
    given. middleware: of this function alone, as the user gave it. around: an adapter's own; given the flow of a
    call, hooks included, it returns the one to run instead.
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
        middleware: Sequence[MiddlewareFactory] = (),
    ) -> None:
        """Check everything that can be checked without an engine; raises FunctionConfigError."""
        self.local_id = opts.fn_id
        self.id = f"{app_id}-{opts.fn_id}"
        self.name = opts.name or opts.fn_id
        self.opts = opts
        self.triggers = tuple(triggers)
        self.output_type = output_type
        self.middleware = tuple(middleware)
        self.around: Callable[[Flow[Any]], Flow[Any]] | None = None
        for field, value, rule in opts.problems(self.triggers):
            which = f'"{self.id}"' if self.id.isprintable() else repr(self.id)
            shown = shorten(value) if isinstance(value, str) else repr(value)
            raise FunctionConfigError(f"function {which}: {field} is {shown}; expected {rule}")
        typed = any(isinstance(trigger, TypedTrigger) for trigger in triggers)
        self.handler = replace(
            inspect_handler(handler, f'function "{self.id}": the handler'), output_type=output_type, typed=typed
        )
        self.on_failure: Handler | None = None
        self.on_failure_fn_id: str | None = None
        if on_failure is not None:
            self.on_failure = inspect_handler(on_failure, f'function "{self.id}": on_failure')
            self.on_failure_fn_id = self.id + FAILURE_SUFFIX
            _check_colours(self.id, self.handler, self.on_failure)
            _check_length(self.id)

    def __repr__(self) -> str:
        return f"<Function {self.id}>"

    @property
    def is_handler_async(self) -> bool:
        return self.handler.is_async

    @property
    def is_on_failure_handler_async(self) -> bool | None:
        """None when there is no failure handler."""
        return None if self.on_failure is None else self.on_failure.is_async

    @property
    def handlers(self) -> dict[str, Handler]:
        """The bodies by the full ids that an engine calls: the function's own, and that of its failure handler."""
        if self.on_failure is None or self.on_failure_fn_id is None:
            return {self.id: self.handler}
        return {self.id: self.handler, self.on_failure_fn_id: self.on_failure}

    def get_id(self) -> str:
        return self.id

    def get_config(self, app_url: str) -> list[dict[str, object]]:
        """Return the configuration on the wire, then the failure handler's own function if there is one.

        app_url: the advertised serve URL. No key holds null. Source: protocol §5.
        """
        main = _dump_main(self.id, self.name, self.triggers, self.opts.retries, app_url)
        configs = [{**main, **self.opts.to_wire()}]
        if self.on_failure_fn_id is not None:
            name, trigger = f"{self.name} (failure)", failure_trigger(self.id)
            configs.append(_dump_main(self.on_failure_fn_id, name, (trigger,), 0, app_url))
        return configs


def index_functions(functions: Iterable[Function[Any]]) -> dict[str, tuple[Function[Any], Handler]]:
    """Return, by every full id that an engine may call, the function and the handler to run.

    Raises FunctionConfigError: two functions share an id.
    """
    index: dict[str, tuple[Function[Any], Handler]] = {}
    for function in functions:
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
    """Return what *handler* is: its colour and its form. *what* names it in messages.

    Sees through partials, bound methods, callable objects and pass-through decorators.
    Raises FunctionConfigError: not callable, a generator, or it cannot be called as `(ctx)` or `(ctx, step)`.
    """
    if not callable(handler):
        raise FunctionConfigError(f"{what} is a {type(handler).__name__}; give a function")
    code = _innermost(handler)
    if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        raise FunctionConfigError(f"{what} is a generator; return a value instead of yielding")
    return Handler(
        callback=handler,
        is_async=inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(code),
        takes_step=_takes_step(handler, what),
        where=_where(code),
    )


def _innermost(handler: object) -> object:
    """Return the plain function behind partials, bound methods and callable objects."""
    while True:
        if isinstance(handler, functools.partial):
            handler = cast("functools.partial[object]", handler).func
        elif inspect.ismethod(handler):
            handler = handler.__func__
        elif inspect.isfunction(handler) or inspect.isbuiltin(handler) or inspect.isclass(handler):
            return handler
        else:
            call = type(handler).__call__
            if not inspect.isfunction(call):
                return handler
            handler = call


def _takes_step(handler: Callable[..., object], what: str) -> bool:
    try:
        parameters = _parameters(handler)
    except (TypeError, ValueError):
        raise FunctionConfigError(f"{what} has no readable signature; wrap it in a def (ctx) or (ctx, step)") from None
    required = [parameter for parameter in parameters if parameter.default is inspect.Parameter.empty]
    positional = [p.name for p in required if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = [p.name for p in required if p.kind is p.KEYWORD_ONLY]
    if keywords:
        raise FunctionConfigError(
            f"{what} requires the keyword arguments {', '.join(keywords)}, which are never given; "
            "bind them with functools.partial, or give them defaults"
        )
    if len(positional) not in (1, 2):
        raise FunctionConfigError(
            f"{what} requires {len(positional)} positional parameters ({', '.join(positional)}); "
            "expected (ctx) or (ctx, step)"
        )
    return len(positional) == 2


def _parameters(handler: Callable[..., object]) -> list[inspect.Parameter]:
    """Return what *handler* itself takes; a wrapper that takes *args passes on, so what it wraps decides."""
    own = list(inspect.signature(handler, follow_wrapped=False).parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in own):
        return list(inspect.signature(handler).parameters.values())
    return own


def _where(code: object) -> str:
    code_object = getattr(code, "__code__", None)
    if code_object is None:
        return repr(code)
    return f"{code_object.co_filename}:{code_object.co_firstlineno}"


def _check_colours(fn_id: str, handler: Handler, on_failure: Handler) -> None:
    if handler.is_async != on_failure.is_async:
        colours = {True: "async def", False: "a plain def"}
        raise FunctionConfigError(
            f'function "{fn_id}": on_failure is {colours[on_failure.is_async]}, '
            f"but the handler is {colours[handler.is_async]}; make both the same"
        )


def _check_length(fn_id: str) -> None:
    most = MAX_TRIGGER_NAME - len(failure_trigger("").expression or "")
    if len(fn_id) > most:
        raise FunctionConfigError(
            f'function "{fn_id}": the id has {len(fn_id)} characters; expected at most {most}, because it stands in '
            "the trigger of on_failure"
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


def step_url(app_url: str, fn_id: str) -> str:
    """Return the URL that an engine calls for a function; what the query of *app_url* holds already is kept."""
    parts = urllib.parse.urlsplit(app_url)
    asked = {Query.FUNCTION_ID.value: fn_id, Query.STEP_ID.value: STEP_ID_OF_DISCOVERY}
    kept = [pair for pair in urllib.parse.parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in asked]
    query = urllib.parse.urlencode([*kept, *asked.items()], quote_via=urllib.parse.quote)
    return urllib.parse.urlunsplit(parts._replace(query=query, fragment=""))
