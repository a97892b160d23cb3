"""Ends a sleep or a wait before its time, when a developer asks for it. Decides only what can be skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_devserver import fragments
from inngest_devserver.storage.tables import PauseRow

from . import memos
from .executor import Executor
from .journal import Happening, Journal
from .run import PauseKind, Run

_SKIPPABLE = {PauseKind.SLEEP: "sleep", PauseKind.WAIT: "wait for an event", PauseKind.SIGNAL: "wait for a signal"}


class NotSkippableError(ValueError):
    """The step is neither a sleep nor a wait, or cannot be ended as it was asked for."""


def skip(executor: Executor, journal: Journal, run: Run, pause: PauseRow, event: Mapping[str, Any] | None) -> None:
    """End a pause now: a sleep as if its time had passed, a wait as if nothing had come, or with *event*.

    Raises NotSkippableError.
    """
    kind = PauseKind(pause.kind)
    if kind not in _SKIPPABLE:
        raise NotSkippableError(f'step "{pause.name}" is neither a sleep nor a wait, and cannot be skipped')
    if event is not None and kind is not PauseKind.WAIT:
        raise NotSkippableError(f'step "{pause.name}" is a {_SKIPPABLE[kind]}, which no event ends')
    memo = memos.SLEPT if kind is PauseKind.SLEEP else memos.TIMED_OUT
    if event is not None:
        memo = fragments.dump({**event, "user": event.get("user") or {}})
    journal.step(
        run,
        Happening.STEP_PAUSED,
        pause.step_id,
        pause.name,
        f"{_SKIPPABLE[kind]} is skipped by hand",
        op=kind,
        since=pause.since,
        queued=pause.since,
        position=pause.position,
    )
    executor.resume(run, pause, memo)
