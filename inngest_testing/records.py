"""What is kept of runs, of their calls and of their steps, as it was seen inside the app. Values only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from inngest_core.events.event import Event
from inngest_core.execution.replay import Found
from inngest_core.execution.tools import Tool
from inngest_core.protocol.wire import Opcode

_STEP_RUN = Opcode.STEP_RUN


@dataclass(slots=True)
class CallRecord:
    """One call of a run. stack: the hashed ids of the steps that have results. met: those that it met, by hashed id.

    Of a step that runs in the app and was recalled from its memo, `met` holds nothing but its id.
    """

    stack: Sequence[str] = ()
    met: Mapping[str, Found[Tool, Any] | str] = field(default_factory=dict[str, "Found[Tool, Any] | str"])

    def new(self, known: Sequence[str]) -> list[str]:
        """Return the ids of the steps that were met and are not known, as the function wrote them."""
        met = [each for step, each in self.met.items() if step not in known]
        return [each if isinstance(each, str) else each.step_id for each in met]

    def changed(self, steps: Mapping[str, StepRecord]) -> dict[str, Opcode]:
        """Return the steps that were met as another kind than in *steps*, and as which, by their hashed ids."""
        found: dict[str, Opcode] = {}
        for step, each in self.met.items():  # after every call, for all steps: without a call for each
            op = _STEP_RUN if each.__class__ is str else cast("Found[Tool, Any]", each).op
            if step in steps and steps[step].op is not op:
                found[step] = op
        return found


@dataclass(slots=True)
class StepRecord:
    """One step of a run.

    id: hashed. given: the arguments of what ran, or the data of an invocation. calls: how often its code ran.
    errors: what it raised, one for each try that failed. read: its memo, as JSON, as the function gets it.
    """

    id: str
    step_id: str
    index: int
    op: Opcode
    given: Sequence[object]
    opts: dict[str, Any]
    read: Callable[[object], object]
    calls: int = 0
    errors: list[BaseException] = field(default_factory=list[BaseException])


@dataclass(slots=True)
class RunRecord:
    """One run. steps: by hashed id, as they were met. errors: of the function's own attempts. calls: by their ids.

    memos: of its last call, as hooks have left them. returned: as JSON, before hooks changed it that would undo that.
    """

    function: str = ""
    memos: Mapping[str, object] = field(default_factory=dict[str, object])
    returned: bytes | None = None
    calls: dict[str, CallRecord] = field(default_factory=dict[str, CallRecord])
    steps: dict[str, StepRecord] = field(default_factory=dict[str, StepRecord])
    errors: list[BaseException] = field(default_factory=list[BaseException])
    events: list[Event] = field(default_factory=list[Event])
    logs: list[logging.LogRecord] = field(default_factory=list[logging.LogRecord])
