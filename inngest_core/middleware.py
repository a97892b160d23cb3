"""Middleware: hooks around a call and around sending events, and the order in which they run.

Hooks run inline, in the driver of the function (a hop to another thread costs more than a hook). The hooks of the
client come before those of the function; `before…` and `transform_input` run in that order, `after…` and
`transform_output` in reverse.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .error_text import headline
from .errors import CONTROL, InngestError, MiddlewareError
from .events.event import Event
from .protocol.wire import Opcode
from .runtime.effects import Call, Flow
from .runtime.outcome import Outcome, Raised, Returned


@dataclass(slots=True)
class SendEventsResult:
    """What came of sending events."""

    ids: list[str]
    """The ids of the events that were sent."""
    error: Exception | None = None
    """Why not all were sent; None when they were."""


@dataclass(frozen=True, slots=True)
class StepInfo:
    """The step whose output is transformed. id: as the user wrote it."""

    id: str
    op: Opcode
    opts: Mapping[str, object]


@dataclass(slots=True)
class TransformOutputResult:
    """What a step or a function returned or raised; a hook may change it."""

    error: BaseException | None = None
    """What it raised; None when it returned."""
    output: object = None
    """What it returned."""
    step: StepInfo | None = None
    """The step; None for the function's own result."""

    def has_output(self) -> bool:
        """Tell whether it returned (None is something, too) instead of raising."""
        return self.error is None


class StepMemo:
    """The memo of one finished step; what is written to it is what the function will get."""

    __slots__ = ("_key", "_memos")

    def __init__(self, memos: dict[str, Any], key: str) -> None:
        self._memos = memos
        self._key = key

    @property
    def data(self) -> Any:
        raw = self._memos[self._key]
        return cast("dict[str, Any]", raw).get("data") if isinstance(raw, dict) else None

    @data.setter
    def data(self, value: object) -> None:
        raw = self._memos[self._key]
        if isinstance(raw, dict):
            self._memos[self._key] = {**cast("dict[str, Any]", raw), "data": value}

    @property
    def error(self) -> Any:
        raw = self._memos[self._key]
        return cast("dict[str, Any]", raw).get("error") if isinstance(raw, dict) else None


class StepMemos:
    """The memos of a run, as `transform_input` sees them."""

    def __init__(self, memos: dict[str, Any]) -> None:
        self._memos = memos

    @property
    def size(self) -> int:
        """How many steps are memoized."""
        return len(self._memos)

    def values(self) -> Iterator[StepMemo]:
        """Iterate over the memos; what is written to one is what the function gets."""
        return iter([StepMemo(self._memos, key) for key in self._memos])


class MiddlewareSync:
    """Base of middleware whose hooks are plain functions; it works in sync and in async functions.

    Give the class itself, or a factory `(client, raw_request) -> instance`, to a client or a function. One instance
    is made for each call and for each sending of events.

    client: the Inngest client that the function belongs to.
    raw_request: the framework's own request; None outside of a call.
    """

    def __init__(self, client: Any, raw_request: object) -> None:
        self.client = client
        self.raw_request = raw_request

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Change what the function gets, before it runs.

        ctx: its context; events may be replaced and fields added.
        function: the Function that is called.
        steps: the memos of its finished steps.
        """

    def before_execution(self) -> None:
        """Run before the function does."""

    def after_execution(self) -> None:
        """Run after the step that ran in this call, or after the function returned, raised or was interrupted."""

    def transform_output(self, result: TransformOutputResult) -> None:
        """Change what a step or the function returned or raised.

        result: the outcome; assign to its `output` or `error`.
        """

    def before_response(self) -> None:
        """Run last, before the answer is sent."""

    def before_send_events(self, events: list[Event]) -> None:
        """Change events before they are sent.

        events: the list that is sent; change it in place.
        """

    def after_send_events(self, result: SendEventsResult) -> None:
        """Look at what came of sending.

        result: the ids of the events that were sent, and the error if not all were.
        """


class Middleware:
    """Base of middleware whose hooks are `async def`; it works in async functions and with `client.send`.

    It has the same hooks as `MiddlewareSync`.

    client: the Inngest client that the function belongs to.
    raw_request: the framework's own request; None outside of a call.
    """

    def __init__(self, client: Any, raw_request: object) -> None:
        self.client = client
        self.raw_request = raw_request

    async def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Change what the function gets, before it runs.

        ctx: its context; events may be replaced and fields added.
        function: the Function that is called.
        steps: the memos of its finished steps.
        """

    async def before_execution(self) -> None:
        """Run before the function does."""

    async def after_execution(self) -> None:
        """Run after the step that ran in this call, or after the function returned, raised or was interrupted."""

    async def transform_output(self, result: TransformOutputResult) -> None:
        """Change what a step or the function returned or raised.

        result: the outcome; assign to its `output` or `error`.
        """

    async def before_response(self) -> None:
        """Run last, before the answer is sent."""

    async def before_send_events(self, events: list[Event]) -> None:
        """Change events before they are sent.

        events: the list that is sent; change it in place.
        """

    async def after_send_events(self, result: SendEventsResult) -> None:
        """Look at what came of sending.

        result: the ids of the events that were sent, and the error if not all were.
        """


MiddlewareFactory = Middleware | MiddlewareSync | Callable[[Any, Any], Middleware | MiddlewareSync]
"""A middleware class, a function `(client, raw_request)` that makes an instance of one, or an instance to share."""


MIDDLEWARE_RULE = "a middleware class, or a function (client, raw_request) that returns an instance of one"


def problems_of_middleware(given: object) -> Iterator[tuple[str, object, str]]:
    """Yield what cannot be middleware in the argument *middleware* of a client or a function: field, value and rule."""
    if given is None:
        return
    if not isinstance(given, list | tuple):
        yield "middleware", given, f"a list; each item is {MIDDLEWARE_RULE}"
        return
    for number, factory in enumerate(cast("Sequence[object]", given)):
        if not isinstance(factory, Middleware | MiddlewareSync) and not _makes_middleware(factory):
            yield f"middleware[{number}]", factory, MIDDLEWARE_RULE


def is_async(factory: MiddlewareFactory) -> bool:
    """Tell whether the hooks are `async def`; unknown, and so False, for a function that makes an instance."""
    kind = factory if isinstance(factory, type) else type(factory)
    return issubclass(kind, Middleware)


def _makes_middleware(factory: object) -> bool:
    """Tell whether *factory* may be called with a client and a request."""
    if not callable(factory):
        return False
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some callables have none
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True


class Hooks:
    """The middleware instances of one call, or of one sending, and the order of their hooks."""

    def __init__(self, factories: Iterable[MiddlewareFactory], client: object, raw_request: object) -> None:
        self._factories = list(factories)
        self._client = client
        self._raw_request = raw_request
        self._instances: list[Middleware | MiddlewareSync] | None = None

    def __bool__(self) -> bool:
        return bool(self._factories)

    def run(self, hook: str, *args: object) -> Flow[None]:
        """Run a hook of every middleware, in order; raises MiddlewareError that names it."""
        return self._run(self._made(), hook, args)

    def run_reversed(self, hook: str, *args: object) -> Flow[None]:
        """Run a hook of every middleware, the last one first; raises MiddlewareError that names it."""
        return self._run(self._made()[::-1], hook, args)

    def _made(self) -> list[Middleware | MiddlewareSync]:
        """Return the instances; they are made for the first hook, so that a failure is one of a hook."""
        if self._instances is None:
            self._instances = [_make(factory, self._client, self._raw_request) for factory in self._factories]
        return self._instances

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
        return Returned(result.output) if result.error is None else Raised(result.error)

    def _run(self, instances: Sequence[Middleware | MiddlewareSync], hook: str, args: Sequence[object]) -> Flow[None]:
        for instance in instances:
            name = f"{type(instance).__name__}.{hook}"
            try:
                yield Call(getattr(instance, hook), args, what=name)
            except (InngestError, *CONTROL):
                raise
            except BaseException as error:
                raise _failed(name, error) from error


def _make(factory: MiddlewareFactory, client: object, raw_request: object) -> Middleware | MiddlewareSync:
    if isinstance(factory, Middleware | MiddlewareSync):
        return factory
    try:
        return factory(client, raw_request)
    except (InngestError, *CONTROL):
        raise
    except BaseException as error:
        raise _failed(getattr(factory, "__name__", repr(factory)), error) from error


def _failed(name: str, error: BaseException) -> MiddlewareError:
    return MiddlewareError(f"{name} raised {headline(error)}")
