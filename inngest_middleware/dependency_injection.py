"""Gives handlers what they declare with `Annotated[T, Depends(f)]`: made once for each call, and closed after it.

The markers of FastAPI work as well, as long as what they name needs no request. There is one resolver, written with
`async def`; for sync functions it is run in one go, which is possible because nothing in it waits there.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
import typing
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Hashable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncContextDecorator,
    ContextDecorator,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from pydantic.fields import FieldInfo

from inngest_core.callables import innermost
from inngest_core.error_text import headline, kind_of
from inngest_core.errors import CONTROL, AsyncUnsupportedError, ConfigError, InngestError
from inngest_core.execution.context import ContextSync, contexts_in
from inngest_core.middleware.base import CallNext, Middleware, MiddlewarePair, MiddlewareSync
from inngest_core.middleware.values import CallInfo
from inngest_core.parameters import annotations_of, marker_of, read_parameters
from inngest_core.runtime.awaitable import at_once
from inngest_core.runtime.outcome import is_only

T = TypeVar("T")
Dependency = Callable[..., object]
Exit = Callable[[type[BaseException] | None, BaseException | None, types.TracebackType | None], object]
_WHAT = "a dependency of a sync function"
_LIMIT = "concurrency=[inngest.Concurrency(limit=...)]"
_PASSED_ON = (InngestError, asyncio.CancelledError, *CONTROL)
"""Errors of this SDK, and what ends a call or a task."""
_Entered = AbstractContextManager[object] | AbstractAsyncContextManager[object]


class DependencyError(InngestError):
    """What a handler depends on could not be made, or not be closed."""

    code = "dependency_failed"


@dataclass(frozen=True, slots=True)
class Depends:
    """Says in `Annotated[T, Depends(f)]` what makes the value of a parameter."""

    dependency: Dependency | None = None
    """A function, a generator function with one `yield`, a function that returns a context manager, or a class; the
    annotated class itself by default."""
    use_cache: bool = True
    """Share the value with all others of the same call that depend on the same; False makes another one."""


class DependencyInjection(MiddlewarePair):
    """Middleware that gives handlers what they declare; give an instance to a client or a function.

    overrides: what to use instead of a dependency, by that dependency, as in `{get_session: get_test_session}`. The
    attribute of this name may be changed, or replaced, at any time; it applies to the next call.
    """

    overrides: dict[Dependency, Dependency]

    def __init__(self, overrides: Mapping[Dependency, Dependency] | None = None) -> None:
        self.overrides = dict(overrides or {})
        super().__init__(partial(DependencyInjectionSync, self), partial(DependencyInjectionAsync, self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class DependencyInjectionSync(MiddlewareSync):
    """The hook for sync functions; its name, and that of the other one, is what messages show."""

    def __init__(self, given: DependencyInjection, client: Any, raw_request: object) -> None:
        super().__init__(client, raw_request)
        self._overrides = given.overrides

    def wrap_handler(self, call: CallInfo) -> Generator[None, object, None]:
        """Run the handler with what it depends on."""
        resolution = Resolution(call, self._overrides)
        try:
            at_once(resolution.fill(), _WHAT)
            yield
        except BaseException as error:
            at_once(resolution.close(error), _WHAT)
            raise
        at_once(resolution.close(None), _WHAT)


class DependencyInjectionAsync(Middleware):
    """The hook for async functions."""

    def __init__(self, given: DependencyInjection, client: Any, raw_request: object) -> None:
        super().__init__(client, raw_request)
        self._overrides = given.overrides

    async def wrap_handler(self, call: CallInfo, call_next: CallNext) -> object:
        """Run the handler with what it depends on."""
        resolution = Resolution(call, self._overrides)
        try:
            await resolution.fill()
            output: object = await call_next()
        except BaseException as error:
            await resolution.close(error)
            raise
        await resolution.close(None)
        return output


class Resolution:
    """The values of one call, and what must be closed after it."""

    def __init__(self, call: CallInfo, overrides: Mapping[Dependency, Dependency]) -> None:
        """call: whose handler gets them. overrides: what is used instead, by dependency."""
        self._call = call
        self._overrides = cast("Mapping[Hashable, Dependency]", overrides)
        self._values: dict[Hashable, object] = {}
        self._open: list[tuple[str, Exit]] = []

    async def fill(self) -> None:
        """Put what the handler declares into the arguments of the call, but for what other middleware has put there.

        Raises ConfigError, AsyncUnsupportedError, DependencyError; and errors of this SDK that a dependency raises.
        """
        handler = self._call.handler
        what = f"function {self._call.function.id}"
        for each, annotation, marker in _parameters_of(_Callable(handler)):
            if marker is not None and each.name not in self._call.arguments:
                value = await self._value_of(marker, annotation, f"{each.name} of {what}", ())
                self._call.arguments[each.name] = value

    async def close(self, error: BaseException | None) -> None:
        """Close what was opened, the last one first; all of it, also when one fails. It cannot silence *error*.

        error: what is raised in it. Raises what closing raised: as DependencyError, unless it is an error of this SDK.
        """
        failure: BaseException | None = None
        while self._open:
            name, leave = self._open.pop()
            try:
                left = leave(type(error) if error else None, error, error.__traceback__ if error else None)
                if isinstance(left, Awaitable):
                    await left
            except BaseException as raised:
                if not is_only(raised, error):
                    error = failure = _failure(f"closing {name}", raised)
        if failure is not None:
            raise failure

    async def _value_of(self, marker: object, annotation: object, what: str, path: tuple[Dependency, ...]) -> object:
        """Return the value of a parameter. what: names it. path: the dependencies that led to it."""
        declared = _declared(marker, annotation, what)
        dependency = self._overrides.get(_key_of(declared), declared)
        if not callable(dependency):
            raise ConfigError(
                f"overrides has {kind_of(dependency)} for {_name_of(declared)}; give a function or a class"
            )
        if dependency in path:
            circle = " -> ".join(_name_of(each) for each in (*path[path.index(dependency) :], dependency))
            raise ConfigError(f"{what} depends on itself: {circle}; break the circle")
        if getattr(marker, "max_concurrency", None) is not None:
            raise ConfigError(f"{what} has a max_concurrency, which is for routes only; limit the function by {_LIMIT}")
        shared = getattr(marker, "use_cache", True) is not False
        key = _key_of(dependency)
        if shared and key in self._values:
            return self._values[key]
        value = await self._make(dependency, (*path, dependency))
        if shared:
            self._values[key] = value
        return value

    async def _make(self, dependency: Dependency, path: tuple[Dependency, ...]) -> object:
        name, code = _name_of(dependency), _code_of(dependency)
        in_sync = isinstance(self._call.ctx, ContextSync)
        if in_sync and (inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code)):
            raise AsyncUnsupportedError(_async_in_sync(name, self._call.function.id))
        positional, keywords = await self._arguments_of(dependency, name, path)
        try:
            made = dependency(*positional, **keywords)
            if inspect.iscoroutine(made):
                if in_sync:
                    made.close()
                    raise AsyncUnsupportedError(_async_in_sync(name, self._call.function.id))
                made = cast("object", await made)
            manager = _manager_of(dependency, code, made)
            if manager is None:
                return made
            if isinstance(manager, AbstractAsyncContextManager) and not in_sync:  # also where it can be opened by both
                return self._keep(name, manager.__aexit__, await manager.__aenter__())
            if isinstance(manager, AbstractContextManager):
                return self._keep(name, manager.__exit__, manager.__enter__())
            raise AsyncUnsupportedError(_async_in_sync(name, self._call.function.id))
        except BaseException as error:
            failure = _failure(name, error)
        raise failure

    def _keep(self, name: str, leave: Exit, value: T) -> T:
        self._open.append((name, leave))
        return value

    async def _arguments_of(
        self, dependency: Dependency, name: str, path: tuple[Dependency, ...]
    ) -> tuple[list[object], dict[str, object]]:
        """Return what a dependency is called with: by position, and by name."""
        positional: list[object] = []
        keywords: dict[str, object] = {}
        for each, annotation, marker in _parameters_of(_Callable(dependency)):
            what = f"{each.name} of {name}"
            if marker is not None:
                value = await self._value_of(marker, annotation, what, path)
            elif contexts_in(annotation):
                value = self._context_for(annotation, what)
            elif isinstance(each.default, FieldInfo) and not each.default.is_required():  # as Query(1) of FastAPI
                value = each.default.get_default(call_default_factory=True, validated_data={})
            elif isinstance(each.default, FieldInfo):
                raise ConfigError(f"nothing gives {what}: {each.default!r} reads it from a request; give it a default")
            elif each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                continue
            else:
                raise ConfigError(
                    f"nothing gives {what}: it has no Depends, no default, and is not annotated with the context; "
                    "annotate it with inngest.Context or inngest.ContextSync, or with Annotated[T, Depends(...)]"
                )
            if each.kind is each.POSITIONAL_ONLY:
                positional.append(value)
            else:
                keywords[each.name] = value
        return positional, keywords

    def _context_for(self, annotation: object, what: str) -> object:
        ctx: object = self._call.ctx
        wanted = contexts_in(annotation)
        if not isinstance(ctx, wanted):
            names, its_own = " | ".join(each.__name__ for each in wanted), type(ctx).__name__
            is_special = any(issubclass(each, type(ctx)) for each in wanted)  # with fields that the function's has not
            fix = f"the function's own ctx with {names}" if is_special else f"the parameter with {names} | {its_own}"
            seen = f"{what} is annotated with {names}, but function {self._call.function.id} has {kind_of(ctx)}"
            raise ConfigError(f"{seen}; annotate {fix}")
        return ctx


@dataclass(frozen=True, slots=True, eq=False)
class _Callable:
    """A callable, told apart by identity, for not all have a hash."""

    given: Dependency

    def __hash__(self) -> int:
        return id(self.given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Callable) and other.given is self.given


@functools.lru_cache(maxsize=1024)
def _parameters_of(callable_: _Callable) -> list[tuple[inspect.Parameter, object, object | None]]:
    """Return each parameter with its annotation, and with the marker that says what it depends on."""
    given = callable_.given
    parameters = [] if _has_no_signature(given) else read_parameters(given, _name_of(given))
    annotations = annotations_of(_code_of(given), parameters)
    return [(each, annotations[each.name], marker_of(each, annotations[each.name])) for each in parameters]


def _declared(marker: object, annotation: object, what: str) -> Dependency:
    """Return the dependency that a marker names: the annotated class where it names none."""
    declared: object = getattr(marker, "dependency", None)
    if declared is None:
        declared = typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation
        if typing.get_origin(declared) in (typing.Union, types.UnionType):
            raise ConfigError(f"{what} is annotated with {declared}, which Depends() cannot make; name what can")
    if not callable(declared):
        raise ConfigError(f"{what} depends on {declared!r}; give Depends a function or a class")
    return declared


def _key_of(dependency: object) -> Hashable:
    try:
        hash(dependency)
    except TypeError:  # such as an instance of a dataclass that can be called
        return id(dependency)
    return dependency


def _manager_of(dependency: Dependency, code: object, made: object) -> _Entered | None:
    """Return what opens and closes a value; None for a value that is only made.

    What a plain function returns may be shared, so it is never closed, even where it is a context manager.
    """
    if inspect.isgenerator(made) and inspect.isgeneratorfunction(code):
        return contextmanager(lambda: cast("Generator[object]", made))()
    if inspect.isasyncgen(made) and inspect.isasyncgenfunction(code):
        return asynccontextmanager(lambda: cast("AsyncGenerator[object]", made))()
    decorated = isinstance(made, ContextDecorator | AsyncContextDecorator)  # by contextmanager, asynccontextmanager
    if not decorated and not isinstance(dependency, type):
        return None
    is_manager = isinstance(made, AbstractContextManager | AbstractAsyncContextManager)
    return cast("_Entered", made) if is_manager else None


def _code_of(dependency: Dependency) -> object:
    """Return the function whose annotations and kind count."""
    found = innermost(dependency, through_wrappers=True)
    return inspect.getattr_static(found, "__init__") if isinstance(found, type) else found


def _has_no_signature(dependency: Dependency) -> bool:
    """Tell whether it is one of those written in C that do not say what they take; it is called with nothing."""
    try:
        inspect.signature(dependency)
    except (TypeError, ValueError):
        return True
    return False


def _failure(what: str, error: BaseException) -> BaseException:
    """Return what to raise instead of an error."""
    if isinstance(error, _PASSED_ON):
        return error
    failure = DependencyError(f"dependency: {what} raised {headline(error)}")
    failure.__cause__ = error
    return failure


def _async_in_sync(name: str, function_id: str) -> str:
    return (
        f"function {function_id} is a sync function, and depends on {name}, which is async; "
        "make the function async def, or the dependency a plain one"
    )


def _name_of(dependency: Dependency) -> str:
    return str(getattr(dependency, "__qualname__", None) or repr(dependency))
