"""What happened in a run as a tree of spans: the run, its steps, their attempts. Made of rows; keeps nothing.

A step is one span, from the moment it was reported until its memo came; it is started when its first attempt is. Its
attempts are its children, if one of them failed. The attempts of the function itself are the children of a span
"Finalization", which other engines call so, too.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inngest_devserver.storage.tables import HistoryRow, MetadataRow, PauseRow, RunRow

from .journal import Happening
from .run import PauseKind, Status

_STATUSES = {Happening.STEP_DONE: Status.COMPLETED, Happening.STEP_FAILED: Status.FAILED}


@dataclass(slots=True)
class Span:
    """Times are Unix seconds. kind: of the step, see PauseKind; empty when this is not a step.

    started_at: None before anything was done. output: JSON. arguments: those of the step as a JSON array, if they are
    known. position: how many steps were done when it was reported, -1 if that is not known. in_group: others were
    reported at that time, too. invoked: the run that the step started. metadata: of the step; of the root, of the run.
    """

    id: str
    name: str
    status: str
    queued_at: float
    started_at: float | None
    ended_at: float | None = None
    step_id: str = ""
    kind: str = ""
    attempt: int = 0
    output: bytes | None = None
    arguments: bytes | None = None
    detail: str = ""
    position: int = -1
    in_group: bool = False
    is_attempt: bool = False
    invoked: str = ""
    metadata: list[MetadataRow] = field(default_factory=list[MetadataRow])
    children: list[Span] = field(default_factory=list["Span"])

    def walk(self) -> Iterable[Span]:
        """Yield this span and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def span_id(run_id: str, *parts: object) -> str:
    """Return the id of a span, which is the same each time it is asked for."""
    return hashlib.sha256("\n".join([run_id, *map(str, parts)]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Material:
    """What a trace is made of, besides the run.

    memos, inputs: of steps, by id; inputs are arguments. pauses: of the steps that are not done. invoked: the runs that
    steps started. running: when the calls began that run steps now.
    """

    history: Sequence[HistoryRow]
    memos: Mapping[str, bytes]
    inputs: Mapping[str, bytes]
    pauses: Iterable[PauseRow]
    metadata: Sequence[MetadataRow] = ()
    invoked: Mapping[str, str] = field(default_factory=dict[str, str])
    running: Mapping[str, float] = field(default_factory=dict[str, float])


def trace(run: RunRow, of: Material) -> Span:
    """Return the root span of a run."""
    history = of.history
    started = next((row.since for row in history if row.since is not None), run.started_at)
    root = Span(span_id(run.id), "Run", run.status, run.started_at, started, run.ended_at, output=run.output)
    described: dict[str, list[MetadataRow]] = {}
    for each in of.metadata:
        described.setdefault(each.step_id, []).append(each)
    root.metadata = described.get("", [])
    steps: dict[str, Span] = {}
    for row in history:
        if row.step_id:
            span = steps.get(row.step_id) or steps.setdefault(row.step_id, _step(run, row))
            _happened(run, span, row, of.memos)
    for pause in of.pauses:
        if pause.step_id not in steps:
            steps[pause.step_id] = _planned(run, pause, of.running.get(pause.step_id))
    ended = run.status != Status.RUNNING
    together = collections.Counter(span.position for span in steps.values() if span.position >= 0)
    for step_id, span in steps.items():
        span.arguments, span.invoked = of.inputs.get(step_id), of.invoked.get(step_id, "")
        span.metadata = described.get(step_id, [])
        span.in_group = together[span.position] > 1
        if ended and span.ended_at is None:  # the run was cancelled, or failed, beside it
            span.status, span.ended_at = Status.CANCELLED, run.ended_at
    root.children = [*steps.values(), *_finalization(run, history)]
    return root


def _step(run: RunRow, row: HistoryRow) -> Span:
    began = row.at if row.since is None else row.since
    return Span(
        span_id(run.id, row.step_id),
        row.name,
        Status.RUNNING,
        began if row.queued is None else row.queued,
        began,
        step_id=row.step_id,
        kind=row.op or PauseKind.PLANNED,
        position=row.position,
    )


def _planned(run: RunRow, pause: PauseRow, running: float | None) -> Span:
    """Return the span of a step to which nothing has happened yet, or that runs for the first time."""
    span = Span(span_id(run.id, pause.step_id), pause.name, Status.RUNNING, pause.since, running)
    span.step_id, span.kind, span.position = pause.step_id, pause.kind, pause.position
    return span


def _happened(run: RunRow, span: Span, row: HistoryRow, memos: Mapping[str, bytes]) -> None:
    span.name = row.name
    match row.kind:
        case Happening.STEP_RETRIED:
            span.children.append(_attempt(run, row, span))
        case Happening.STEP_DONE | Happening.STEP_FAILED:
            span.status, span.ended_at = _STATUSES[Happening(row.kind)], row.at
            span.output = memos.get(row.step_id)
            span.position = row.position
            if span.children:
                span.children.append(_attempt(run, row, span, span.status))
            elif row.since is not None:
                span.started_at = row.since
        case Happening.STEP_NOTED:
            span.detail = f"{span.detail}; {row.detail}" if span.detail else row.detail
        case _:
            span.kind, span.detail = row.op or span.kind, row.detail


def _attempt(run: RunRow, row: HistoryRow, step: Span | None = None, status: str = Status.FAILED) -> Span:
    began = row.at if row.since is None else row.since
    of = step.step_id if step else ""
    kind = step.kind if step else ""
    name = f"Attempt {row.attempt}"
    return Span(
        span_id(run.id, of, "attempt", row.attempt),
        name,
        status,
        began,
        began,
        row.at,
        of,
        kind,
        row.attempt,
        output=row.error,
        detail=row.detail,
        is_attempt=True,
    )


def _finalization(run: RunRow, history: Sequence[HistoryRow]) -> list[Span]:
    """Return the span of the function's own attempts; none while it has neither failed nor ended."""
    failed = [_attempt(run, row) for row in history if row.kind == Happening.RUN_RETRIED and row.since is not None]
    last = next((row for row in history if row.kind == Happening.RUN_ENDED), None)
    if last is None and not failed:
        return []
    if last is not None and last.since is not None:
        failed.append(_attempt(run, last, status=run.status))
    began = failed[0].queued_at if failed else run.started_at
    span = Span(span_id(run.id, "finalization"), "Finalization", run.status, began, began, run.ended_at)
    span.output = run.output
    span.children = failed if len(failed) > 1 or last is None else []
    return [span]
