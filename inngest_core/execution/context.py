"""What a handler is given: Context and ContextSync. Values only; the tools on them are in `step_tools.py`, `groups.py`.

Source: protocol §7.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Generic

import typing_extensions

from inngest_core.events.event import Event

from .execution import Execution
from .group import Group, GroupSync
from .step import Step, StepSync

E_co = typing_extensions.TypeVar("E_co", covariant=True, bound=Event, default=Event)


@dataclass(eq=False)
class BaseContext(Generic[E_co]):
    """What both colours of context hold.

    event: the one that started the run. events: all of them, when the function takes batches.
    attempt: 0 for the first. max_attempts: None when the engine does not say. run_id: of the whole run.
    fn_id: the full function id, `<app_id>-<fn_id>`. logger: silent while earlier steps are replayed.
    """

    event: E_co
    events: list[E_co]
    attempt: int
    max_attempts: int | None
    run_id: str
    fn_id: str
    logger: logging.Logger


@dataclass(eq=False)
class Context(BaseContext[E_co]):
    """The context of an `async def` function; `Context[TypedEvent[Data]]` says what its events hold."""

    step: Step
    group: Group


@dataclass(eq=False)
class ContextSync(BaseContext[E_co]):
    """The context of a plain `def` function; `ContextSync[TypedEvent[Data]]` says what its events hold."""

    step: StepSync
    group: GroupSync


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
