"""A run as rows on one scale of time: when each step stood in line, ran, failed and was tried again, slept or waited.

Reads the trace of a run and makes numbers of it; what draws them is a template, and a script while the run goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inngest_devserver.runs.run import PauseKind
from inngest_devserver.runs.trace import Span

from .states import State, state_of_step

_TICKS = 4
_NICE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_NICE_LONG = (3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800)
_SMALLEST = 0.001
"""Seconds that a scale has at least."""
KIND_WORDS = {
    PauseKind.PLANNED.value: "step",
    PauseKind.SLEEP.value: "sleep",
    PauseKind.WAIT.value: "wait for event",
    PauseKind.SIGNAL.value: "wait for signal",
    PauseKind.INVOKE.value: "invoke",
    PauseKind.FETCH.value: "fetch",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a row. kind: queued, running, failed, waiting, or completed. begin, end: seconds since the run began.

    end: None for what goes on. x, width: in percent of the scale.
    """

    kind: str
    begin: float
    end: float | None
    x: float
    width: float


@dataclass(slots=True)
class Row:
    """A step, or the function. group: where it is among those that were planned together: "", first, mid, last."""

    span: Span
    state: State
    kind: str
    pieces: list[Piece]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    seconds: float


@dataclass(slots=True)
class Timeline:
    """seconds: that its width stands for. goes_on: whether it grows."""

    began: float
    seconds: float
    goes_on: bool
    rows: list[Row] = field(default_factory=list[Row])
    ticks: list[Tick] = field(default_factory=list[Tick])


class _Scale:
    def __init__(self, began: float, end: float) -> None:
        self._began = began
        self.seconds = max(end - began, _SMALLEST)
        self._end = end

    def piece(self, kind: str, begin: float, end: float | None) -> Piece:
        first = self._percent(begin)
        last = self._percent(self._end if end is None else end)
        since = max(begin - self._began, 0.0)
        return Piece(kind, since, None if end is None else max(end - self._began, since), first, max(last - first, 0.0))

    def _percent(self, moment: float) -> float:
        return round(min(max((moment - self._began) / self.seconds, 0.0), 1.0) * 100, 3)


def timeline(root: Span, now: float, called: Iterable[str] = ()) -> Timeline:
    """Return the rows of a run. called: ids of the steps for which the app is being asked just now."""
    end = now if root.ended_at is None else root.ended_at
    scale, asked = _Scale(root.queued_at, end), set(called)
    found = Timeline(root.queued_at, scale.seconds, root.ended_at is None)
    for span in sorted((one for one in root.children if _is_shown(one)), key=lambda one: one.queued_at):
        state = state_of_step(span, is_called=span.step_id in asked)
        kind = KIND_WORDS.get(span.kind, span.kind) if span.step_id else "function"
        found.rows.append(Row(span, state, kind, list(_pieces(scale, span, state))))
    _group(found.rows)
    found.ticks = _ticks(scale.seconds)
    return found


def _is_shown(span: Span) -> bool:
    """Tell whether a span says more than the run does: attempts of the function do when one of them failed."""
    return bool(span.step_id) or bool(span.children)


def _pieces(scale: _Scale, span: Span, state: State) -> Iterable[Piece]:
    at = span.queued_at
    for attempt in span.children:
        began = attempt.queued_at
        if began > at:
            yield scale.piece("queued", at, began)
        yield scale.piece("failed" if attempt.status == "Failed" else attempt.status.lower(), began, attempt.ended_at)
        at = attempt.ended_at or began
    if span.children and span.ended_at is not None and at >= span.ended_at:
        return
    yield scale.piece(_last_kind(span, state), at, span.ended_at)


def _last_kind(span: Span, state: State) -> str:
    waits = span.kind not in ("", PauseKind.PLANNED, PauseKind.FETCH)
    if span.ended_at is None:
        return "waiting" if waits else "running" if state.key == "running" else "queued"
    if waits and state.key == "completed":
        return "waiting"
    return state.key


def _group(rows: Sequence[Row]) -> None:
    """Mark the steps that were planned in one turn: they run side by side."""
    for _, same in itertools.groupby(rows, key=lambda row: round(row.span.queued_at, 3)):
        together = list(same)
        if len(together) > 1:
            for row in together:
                row.group = "mid"
            together[0].group, together[-1].group = "first", "last"


def _ticks(seconds: float) -> list[Tick]:
    step = next((one for one in (*_NICE, *_NICE_LONG) if one * _TICKS >= seconds), seconds / _TICKS)
    count = int(seconds / step + 1e-9)
    return [Tick(round(number * step / seconds * 100, 3), number * step) for number in range(count + 1)]
