"""What a handler is given: Context and ContextSync. Values only; the tools on them are in `step.py` and `group.py`.

The tools and the logger are made when they are asked for: a call without steps then costs a tenth less.
"""

from __future__ import annotations

import logging
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import typing_extensions

from inngest_core.events.event import Event

from .async_execution import AsyncExecution
from .execution import Execution
from .group import Group, GroupSync
from .services import Client
from .step import Step
from .step_sync import StepSync
from .sync_execution import SyncExecution

Late = tuple[Execution[Any], Client]
"""What the tools and the logger of a context are made from."""

E_co = typing_extensions.TypeVar("E_co", covariant=True, bound=Event, default=Event)


@dataclass(eq=False)
class BaseContext(Generic[E_co]):
    """What the contexts of sync and async functions have in common."""

    event: E_co
    """The event that started the run; the first one of a batch."""
    events: list[E_co]
    """All events of a batch; otherwise the one that started the run."""
    attempt: int
    """How often the function, or its current step, was tried before: 0 for the first try."""
    max_attempts: int | None
    """How many tries there are in all; None when the engine does not say."""
    run_id: str
    """The id of the run, the same in all its calls."""
    fn_id: str
    """The id of the function as the engine knows it: `<app_id>-<fn_id>`."""
    job_id: str | None
    """The id of the engine's job behind this call; None when the engine does not say."""
    request_id: str | None
    """The id of this call; None when the engine does not say."""
    logger: logging.Logger
    """The client's logger; silent while earlier steps are replayed, so that each line is logged once."""


def _make_late(ctx: BaseContext[Any], name: str) -> object:
    """Make what is not there yet."""
    late = ctx.__dict__.get("_late")
    if late is None or name not in _MADE_LATE:
        raise AttributeError(f"{type(ctx).__name__!r} object has no attribute {name!r}", name=name, obj=ctx)
    made = ctx.__dict__[name] = _MADE_LATE[name](*late)
    return made


# Not in the class: to type checkers, any name would then be an attribute.
setattr(BaseContext, "__getattr__", _make_late)  # noqa: B010


@dataclass(eq=False)
class Context(BaseContext[E_co]):
    """The context of an `async def` function; `Context[TypedEvent[Data]]` says what its events hold."""

    step: Step
    """The step tools: run, sleep, wait_for_event, invoke, send_event and others."""
    group: Group
    """Runs steps in parallel."""


@dataclass(eq=False)
class ContextSync(BaseContext[E_co]):
    """The context of a plain `def` function; `ContextSync[TypedEvent[Data]]` says what its events hold."""

    step: StepSync
    """The step tools: run, sleep, wait_for_event, invoke, send_event and others."""
    group: GroupSync
    """Runs steps in parallel."""


C = TypeVar("C", Context[Any], ContextSync[Any])


def make_context(base: type[C], annotated: object, fields: dict[str, object], late: Late) -> C:
    """Return a context for a handler: of the class that it annotates, if that is derived from *base*.

    Such a class only declares more fields, which middleware fills; the constructor of the base does all that is done.
    fields: those of `BaseContext`, by name, without the logger; the context keeps this very dictionary.
    late: what the others are made from.
    """
    kind = annotated if isinstance(annotated, type) and issubclass(annotated, base) else base
    ctx = kind.__new__(kind)
    if kind is base:
        fields["_late"] = late
    else:  # it may look for missing attributes in its own way
        fields.update((name, make(*late)) for name, make in _MADE_LATE.items())
    ctx.__dict__ = fields
    return ctx


_CONTEXTS: tuple[type, ...] = (Context, ContextSync)


def contexts_in(annotation: object) -> tuple[type, ...]:
    """Return the classes of contexts in an annotation, which may be a union."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kinds: list[object] = [
        typing.get_origin(each) or each for each in (typing.get_args(annotation) if is_union else (annotation,))
    ]
    classes = [each for each in kinds if isinstance(each, type)]
    return tuple([each for each in classes if issubclass(each, _CONTEXTS)])


class ReplayLogger(logging.Logger):
    """Passes on to the client's logger, except in code that has run in an earlier call: there it is silent."""

    def __init__(self, logger: logging.Logger, runs_new_code: Callable[[], bool]) -> None:
        super().__init__(logger.name)
        self.parent = logger
        self._logger = logger
        self._runs_new_code = runs_new_code

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the standard library's name
        """Tell whether a message of this level is logged now."""
        return self._runs_new_code() and self._logger.isEnabledFor(level)

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802  # the standard library's name
        """Make a record as the client's logger does, which may be of a class of its own."""
        return self._logger.makeRecord(*args, **kwargs)

    def handle(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        self._logger.handle(record)


def _step(execution: Execution[Any], client: Client) -> object:
    if isinstance(execution, AsyncExecution):
        return Step(execution, client.app_id)
    return StepSync(cast("SyncExecution", execution), client.app_id)


def _group(execution: Execution[Any], _: Client) -> object:
    return Group(execution) if isinstance(execution, AsyncExecution) else GroupSync(cast("SyncExecution", execution))


def _logger(execution: Execution[Any], client: Client) -> object:
    return ReplayLogger(client.logger, execution.runs_new_code)


_MADE_LATE: Mapping[str, Callable[[Execution[Any], Client], object]] = {
    "logger": _logger,
    "step": _step,
    "group": _group,
}
