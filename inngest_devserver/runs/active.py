"""The runs that are under way: what they know and wait for, and by which events they are met.

Every change of a run is made here, once, in memory and in the store. Decides nothing.

When there are many, a run that only sleeps is put to rest: the store has all that is known of it, and it is read again
when somebody asks for it. So a hundred thousand sleepers take little memory.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from inngest_devserver.apps.functions import Cancel
from inngest_devserver.matcher import Expression
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import PauseRow

from .run import PauseKind, Run, Status

_K = TypeVar("_K", bound=Hashable)
MOST_AWAKE = 1000
"""Runs in memory before those that only sleep are put to rest: to read one again takes longer than to keep it."""


class ActiveRuns:
    """read: reads a run from the store that was put to rest; set once, because it needs other parts of the engine."""

    read: Callable[[str], Run | None]

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[str, Run] = {}
        self._resting: set[str] = set()
        self._waits: dict[str, dict[tuple[str, str], None]] = {}
        self._cancels: dict[str, dict[str, None]] = {}
        self._signals: dict[str, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._runs) + len(self._resting)

    def __iter__(self) -> Iterator[Run]:
        """Yield every run; those at rest are read for it."""
        for run_id in [*self._runs, *self._resting]:
            run = self.get(run_id)
            if run is not None:
                yield run

    def awake(self) -> list[Run]:
        """Return the runs that are not at rest."""
        return list(self._runs.values())

    def awake_run(self, run_id: str) -> Run | None:
        """Return a run that is not at rest."""
        return self._runs.get(run_id)

    def __contains__(self, run: Run) -> bool:
        return self._runs.get(run.id) is run

    def get(self, run_id: str) -> Run | None:
        run = self._runs.get(run_id)
        if run is None and run_id in self._resting:
            run = self.read(run_id)
            return None if run is None else self.wake(run)
        return run

    def knows(self, run_id: str) -> bool:
        """Tell whether a run goes on, without reading it."""
        return run_id in self._runs or run_id in self._resting

    def wake(self, run: Run) -> Run:
        """Take a run that was read again for the one that was put to rest."""
        self._resting.discard(run.id)
        self._runs[run.id] = run
        return run

    def rest(self, run: Run) -> None:
        """Put a run to rest if there are many, and it only sleeps."""
        if len(self._runs) > MOST_AWAKE and run in self and run.only_sleeps():
            del self._runs[run.id]
            self._resting.add(run.id)

    def of_app(self, app_id: str) -> list[Run]:
        """Return the runs of an app that have not ended."""
        return [run for run in self if run.function.app_id == app_id]

    def waiting_for(self, event: str) -> list[tuple[Run, PauseRow]]:
        """Return the waits for an event of this name, oldest first."""
        keys = list(self._waits.get(event, ()))
        return [(self._runs[run_id], self._runs[run_id].pauses[step_id]) for run_id, step_id in keys]

    def waiting_for_signal(self, signal: str) -> tuple[Run, PauseRow] | None:
        """Return the one wait for a signal, if there is one."""
        key = self._signals.get(signal)
        return None if key is None else (self._runs[key[0]], self._runs[key[0]].pauses[key[1]])

    def cancelled_by(self, event: str) -> list[tuple[Run, Cancel]]:
        """Return the runs that an event of this name may cancel, each with its rule."""
        runs = [self._runs[run_id] for run_id in self._cancels.get(event, ())]
        return [(run, cancel) for run in runs for cancel in run.function.cancels if cancel.event == event]

    # --- changes

    def start(self, run: Run) -> None:
        self._store.add_run(run.row)
        self.restore(run)

    def restore(self, run: Run) -> None:
        """Take up a run that the store holds already, with its pauses."""
        self._runs[run.id] = run
        for cancel in run.function.cancels:
            self._cancels.setdefault(cancel.event, {})[run.id] = None
        for pause in run.pauses.values():
            self._index(pause)

    def end(self, run: Run, status: Status, now: float, output: bytes) -> None:
        self._store.end_run(run.id, status, now, output)
        del self._runs[run.id]
        for cancel in run.function.cancels:
            _discard(self._cancels, cancel.event, run.id)
        for pause in run.pauses.values():
            self._forget(pause)

    def remember(self, run: Run, step_id: str, memo: bytes, arguments: bytes | None = None) -> PauseRow | None:
        """Keep the memo of a step that is done, and its arguments; return the pause that ends with it, if any."""
        pause = self.end_pause(run, step_id)
        self._store.add_memo(run.id, run.remember(step_id, memo), step_id, memo)
        if arguments is not None:
            self._store.add_input(run.id, step_id, arguments)
        return pause

    def give_input(self, run: Run, step_id: str, arguments: bytes) -> None:
        """Keep arguments, a JSON array, for a step that has not run yet."""
        run.give_input(step_id, arguments)
        self._store.add_input(run.id, step_id, arguments)

    def pause(self, run: Run, pause: PauseRow, expression: Expression | None = None) -> None:
        self._store.add_pause(pause)
        run.pauses[pause.step_id] = pause
        if expression is not None:
            run.expressions[pause.step_id] = expression
        self._index(pause)

    def take_signal_from(self, run: Run, pause: PauseRow) -> None:
        """Let a wait have its signal no more: only its time-out ends it."""
        self._forget(pause)
        self._store.delete_pause(run.id, pause.step_id)
        self.pause(run, pause._replace(event=""))

    def end_pause(self, run: Run, step_id: str) -> PauseRow | None:
        """Forget the pause of a step, and return it, if there is one."""
        pause = run.pauses.pop(step_id, None)
        if pause is not None:
            self._store.delete_pause(run.id, step_id)
            run.expressions.pop(step_id, None)
            self._forget(pause)
        return pause

    def set_protocol(self, run: Run, version: int, *, plan_only: bool) -> None:
        """Keep the version of requests that the app speaks, and whether it is to plan all steps from now on."""
        if (run.version, run.plan_only) != (version, plan_only):
            run.version, run.plan_only = version, plan_only
            self._store.set_protocol(run.id, version, plan_only)

    # --- looking up by event and by signal

    def _index(self, pause: PauseRow) -> None:
        if pause.kind == PauseKind.WAIT:
            self._waits.setdefault(pause.event, {})[(pause.run_id, pause.step_id)] = None
        elif pause.kind == PauseKind.SIGNAL and pause.event:
            self._signals[pause.event] = (pause.run_id, pause.step_id)

    def _forget(self, pause: PauseRow) -> None:
        if pause.kind == PauseKind.WAIT:
            _discard(self._waits, pause.event, (pause.run_id, pause.step_id))
        elif pause.kind == PauseKind.SIGNAL and pause.event:
            del self._signals[pause.event]


def _discard(index: dict[str, dict[_K, None]], name: str, key: _K) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[name]
