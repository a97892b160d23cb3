"""A run as the engine has it at one moment, kept as the engine's rows. Reads nothing but these; changes nothing."""

from __future__ import annotations

import collections
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inngest_core.events.event import Event, parse_event
from inngest_devserver import fragments
from inngest_devserver.runs.journal import Happening
from inngest_devserver.storage.tables import HistoryRow, MetadataRow


class Status(enum.StrEnum):
    """The states of a run and of a step."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Line:
    """One thing that happened. at: seconds since the run began. name: of the step, empty for the run itself.

    kind: what it is, as the engine's journal says.
    """

    at: float
    name: str
    detail: str
    kind: str
    failed: bool = False


@dataclass
class Snapshot:
    """A run as the engine has it. Its parts are kept as the engine's rows: most tests look at few of them.

    stored: the memos of the steps that ended, by hashed id, as JSON. known: values by kind, of steps by hashed id.
    """

    run_id: str
    function: str
    stored_event: bytes
    status: Status
    started_at: float
    now: float
    ended_at: float | None
    stored_output: bytes | None
    history: Sequence[HistoryRow]
    stored: Mapping[str, bytes]
    known: Sequence[MetadataRow]
    waits_for: Sequence[str]

    @cached_property
    def event(self) -> Event:
        """The one that started it; the first one of a batch."""
        return parse_event(fragments.load(self.stored_event))

    @cached_property
    def output(self) -> object:
        """What the run came to, as JSON."""
        return None if self.stored_output is None else fragments.load(self.stored_output)

    @cached_property
    def attempts(self) -> int:
        """How often the function itself was tried."""
        return 1 + sum(row.kind == Happening.RUN_RETRIED for row in self.history)

    @cached_property
    def memos(self) -> Mapping[str, object]:
        """The memos of the steps that ended, by hashed id."""
        return {step: fragments.load(memo) for step, memo in self.stored.items()}

    @cached_property
    def metadata(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """What is known of each step, by its hashed id and by kind."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for row in self.known:
            of_step = found.setdefault(row.step_id, {})
            of_step[row.kind] = {**of_step.get(row.kind, {}), **fragments.load(row.body)}
        return found

    @cached_property
    def tries(self) -> Mapping[str, int]:
        """How often each step, by its hashed id, was tried without success and was to be tried again."""
        return collections.Counter(row.step_id for row in self.history if row.kind == Happening.STEP_RETRIED)

    @cached_property
    def lines(self) -> Sequence[Line]:
        """What happened, in order."""
        return [_line(row, self.started_at) for row in self.history]


def _line(row: HistoryRow, started: float) -> Line:
    failed = row.kind in (Happening.STEP_FAILED, Happening.STEP_RETRIED, Happening.RUN_RETRIED) or (
        row.kind == Happening.RUN_ENDED and row.detail.startswith("failed")
    )
    return Line(row.at - started, row.name, row.detail, row.kind, failed)
