"""A run as rows on one scale of time: when each step stood in line, ran, failed and was tried again, slept or waited.

Reads the trace of a run and makes numbers of it; what draws them is a template, and a script while the run goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from inngest_devserver.runs.run import PauseKind
from inngest_devserver.runs.trace import Span

from .scale import Scale, Tick
from .states import State, state_of_step

_NARROWEST = 0.6
"""Percent of the scale: what took next to nothing is seen, too."""
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


@dataclass(slots=True)
class Timeline:
    """seconds: that its width stands for. goes_on: whether it grows. is_even: whether all of them are as wide."""

    began: float
    seconds: float
    goes_on: bool
    is_even: bool
    rows: list[Row] = field(default_factory=list[Row])
    ticks: list[Tick] = field(default_factory=list[Tick])


_Raw = tuple[str, float, float | None]
"""A piece before it is on a scale: kind, begin, end."""


def timeline(root: Span, now: float, called: Iterable[str] = ()) -> Timeline:
    """Return the rows of a run. called: ids of the steps for which the app is being asked just now."""
    end = now if root.ended_at is None else root.ended_at
    asked = set(called)
    spans = sorted((one for one in root.children if _is_shown(one)), key=lambda one: one.queued_at)
    states = [state_of_step(span, is_called=span.step_id in asked) for span in spans]
    raw = [list(_pieces(span, state)) for span, state in zip(spans, states, strict=True)]
    drawn = [(kind, (begin, end if over is None else over)) for row in raw for kind, begin, over in row]
    busy = [span for kind, span in drawn if kind != "waiting"]
    scale = Scale(root.queued_at, end, busy, [span for kind, span in drawn if kind == "waiting"])
    found = Timeline(root.queued_at, scale.seconds, root.ended_at is None, scale.is_even, ticks=scale.ticks())
    for span, state, pieces in zip(spans, states, raw, strict=True):
        kind = KIND_WORDS.get(span.kind, span.kind) if span.step_id else "function"
        # What happened is drawn over the time between, which would hide a very short attempt.
        drawn_last = sorted(pieces, key=lambda piece: piece[0] != "queued")
        found.rows.append(Row(span, state, kind, [_on(scale, root.queued_at, end, piece) for piece in drawn_last]))
    _group(found.rows)
    return found


def _on(scale: Scale, began: float, now: float, raw: _Raw) -> Piece:
    kind, begin, end = raw
    first = min(scale.percent(begin), 100 - _NARROWEST)
    last = scale.percent(now if end is None else end)
    since = max(begin - began, 0.0)
    width = round(max(last - first, _NARROWEST), 3)
    return Piece(kind, since, None if end is None else max(end - began, since), first, width)


def _is_shown(span: Span) -> bool:
    """Tell whether a span says more than the run does: attempts of the function do when one of them failed."""
    return bool(span.step_id) or bool(span.children)


def _pieces(span: Span, state: State) -> Iterator[_Raw]:
    at = span.queued_at
    for attempt in span.children:
        began = attempt.queued_at
        if began > at:
            yield "queued", at, began
        yield attempt.status.lower(), began, attempt.ended_at
        at = attempt.ended_at or began
    if span.children and span.ended_at is not None:
        return
    if not span.children and span.started_at is not None and span.started_at > at:
        yield "queued", at, span.started_at
        at = span.started_at
    yield _last_kind(span, state), at, span.ended_at


def _last_kind(span: Span, state: State) -> str:
    waits = span.kind not in ("", PauseKind.PLANNED, PauseKind.FETCH)
    if span.ended_at is None:
        return "waiting" if waits else "running" if state.key == "running" else "queued"
    if waits and state.key == "completed":
        return "waiting"
    return state.key


def _group(rows: Sequence[Row]) -> None:
    """Mark the steps that were reported together: they run side by side."""
    for _, same in itertools.groupby(rows, key=lambda row: row.span.position if row.span.in_group else -1):
        together = list(same)
        if together[0].span.in_group:
            for row in together:
                row.group = "mid"
            together[0].group, together[-1].group = "first", "last"
