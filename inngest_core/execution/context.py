"""What a handler is given: Context and ContextSync. Values only; the tools on them are in `step.py` and `group.py`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Generic

import typing_extensions

from inngest_core.events.event import Event

from .execution import Execution
from .group import Group, GroupSync
from .step import Step
from .step_sync import StepSync

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
    logger: logging.Logger
    """The client's logger; silent while earlier steps are replayed, so that each line is logged once."""


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


class ReplayLogger:
    """Passes on to the user's logger, except while earlier steps are replayed: then it is silent."""

    _SILENCED = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"})

    def __init__(self, logger: logging.Logger, execution: Execution) -> None:
        self._logger = logger
        self._execution = execution

    def __getattr__(self, name: str) -> Any:
        if name in self._SILENCED and self._execution.replay.replaying:
            return _ignore
        return getattr(self._logger, name)


def _ignore(*_: object, **__: object) -> None:
    pass
