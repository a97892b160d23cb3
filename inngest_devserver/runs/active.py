"""The runs that are under way, and by which events they are met. Kept in memory; the store has the same in rows.

Pure look-up: decides nothing, writes nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TypeVar

from inngest_devserver.apps.functions import Cancel
from inngest_devserver.storage.tables import PauseRow

from .run import PauseKind, Run

_K = TypeVar("_K", bound=Hashable)


class ActiveRuns:
    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._waits: dict[str, dict[tuple[str, str], None]] = {}
        self._cancels: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def get(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    def add(self, run: Run) -> None:
        self._runs[run.id] = run
        for cancel in run.function.cancels:
            self._cancels.setdefault(cancel.event, {})[run.id] = None
        for pause in run.pauses.values():
            self._index(pause)

    def remove(self, run: Run) -> None:
        self._runs.pop(run.id, None)
        for cancel in run.function.cancels:
            _discard(self._cancels, cancel.event, run.id)
        for pause in run.pauses.values():
            self._forget(pause)

    def add_pause(self, run: Run, pause: PauseRow) -> None:
        run.pauses[pause.step_id] = pause
        self._index(pause)

    def remove_pause(self, run: Run, step_id: str) -> PauseRow | None:
        run.expressions.pop(step_id, None)
        pause = run.pauses.pop(step_id, None)
        if pause is not None:
            self._forget(pause)
        return pause

    def waiting_for(self, event: str) -> list[tuple[Run, PauseRow]]:
        """Return the waits for an event of this name, oldest first."""
        keys = list(self._waits.get(event, ()))
        return [(self._runs[run_id], self._runs[run_id].pauses[step_id]) for run_id, step_id in keys]

    def cancelled_by(self, event: str) -> list[tuple[Run, Cancel]]:
        """Return the runs that an event of this name may cancel, each with its rule."""
        runs = [self._runs[run_id] for run_id in self._cancels.get(event, ())]
        return [(run, cancel) for run in runs for cancel in run.function.cancels if cancel.event == event]

    def _index(self, pause: PauseRow) -> None:
        if pause.kind == PauseKind.WAIT:
            self._waits.setdefault(pause.event, {})[(pause.run_id, pause.step_id)] = None

    def _forget(self, pause: PauseRow) -> None:
        if pause.kind == PauseKind.WAIT:
            _discard(self._waits, pause.event, (pause.run_id, pause.step_id))


def _discard(index: dict[str, dict[_K, None]], name: str, key: _K) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[name]
