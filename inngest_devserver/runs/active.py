"""The runs that are under way: what they know and wait for, and by which events they are met.

Every change of a run is made here, once, in memory and in the store. Decides nothing.

When there are many, a run that only waits is put to rest, whether it sleeps or stands in line: the store has all that
is known of it, and it is read again when its turn comes or somebody asks for it. So a hundred thousand sleepers take
little memory. Of one that an event may concern, what the event is to meet stays here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from inngest_devserver.apps.functions import Cancel, Function
from inngest_devserver.calls.metadata import Entry, MetadataRefusedError
from inngest_devserver.matcher import Expression
from inngest_devserver.scheduling.placement import Placement
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import PauseRow

from .metadata import Known
from .run import PauseKind, Run, Status

_K = TypeVar("_K", bound=Hashable)
MOST_AWAKE = 1000
"""Runs in memory before those that only wait are put to rest: to read one again takes longer than to keep it."""
Meets = Callable[[Expression | None, Mapping[str, Any]], bool]
"""Whether an event meets an expression, given this and the event that started the run."""
Cancels = Callable[[Cancel, float, Mapping[str, Any]], bool]
"""Whether an event cancels a run by a rule, given this, when the run began, and the event that started it."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is kept of a run at rest, and what is compared with events for one run.

    first: the event that started it. expressions: of its waits. placement: if it stands in line, where.
    """

    function: Function
    started_at: float = 0.0
    first: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    expressions: Mapping[str, Expression] = field(default_factory=lambda: _NOTHING)
    placement: Placement | None = None


class ActiveRuns:
    """read: reads a run from the store that was put to rest; set once, because it needs other parts of the engine."""

    read: Callable[[str], Run | None]

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[str, Run] = {}
        self._resting: dict[str, _Watched] = {}
        self._unwatched: dict[str, _Watched] = {}
        """By function, what all of its resting runs share that no event concerns."""
        self._waits: dict[str, dict[tuple[str, str], None]] = {}
        self._cancels: dict[str, dict[str, None]] = {}
        self._signals: dict[str, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._runs) + len(self._resting)

    def awake(self) -> list[Run]:
        """Return the runs that are not at rest."""
        return list(self._runs.values())

    def awake_run(self, run_id: str) -> Run | None:
        """Return a run that is not at rest."""
        return self._runs.get(run_id)

    def __contains__(self, run: Run) -> bool:
        return self._runs.get(run.id) is run

    def look_at(self, run_id: str) -> Run | None:
        """Return a run to read it only: one at rest stays so."""
        return self._runs.get(run_id) or (self.read(run_id) if run_id in self._resting else None)

    def get(self, run_id: str) -> Run | None:
        run = self._runs.get(run_id)
        if run is None and run_id in self._resting:
            run = self.read(run_id)
            return None if run is None else self.wake(run)
        return run

    def knows(self, run_id: str) -> bool:
        """Tell whether a run goes on, without reading it."""
        return run_id in self._runs or run_id in self._resting

    def rests_in_line(self, run_id: str) -> bool:
        """Tell whether a run is at rest until its turn comes."""
        watched = self._resting.get(run_id)
        return watched is not None and watched.placement is not None

    def wake(self, run: Run) -> Run:
        """Take a run that was read again for the one that was put to rest."""
        watched = self._resting.pop(run.id, None)
        if watched is not None and watched.function is not run.function:  # it was registered anew meanwhile
            self._forget_cancels(watched.function, run.id)
            self._index_cancels(run)
        if watched is not None and watched.placement is not None:
            run.placement = watched.placement  # it stands in line there, whatever has changed since
        self._runs[run.id] = run
        return run

    def placement(self, run_id: str) -> Placement | None:
        """Return where the calls of a run stand in line; None when it has ended."""
        watched = self._resting.get(run_id)
        if watched is not None and watched.placement is not None:
            return watched.placement
        run = self.get(run_id)
        return None if run is None else run.placement

    def rest(self, run: Run) -> None:
        """Put a run to rest if there are many, and it only waits, once the store has all of it."""
        if self._may_rest(run):
            self._store.database.when_kept(lambda: self._put_to_rest(run))

    def _may_rest(self, run: Run) -> bool:
        return len(self._runs) > MOST_AWAKE and run in self and run.only_waits()

    def _put_to_rest(self, run: Run) -> None:
        if not self._may_rest(run):
            return
        del self._runs[run.id]
        placement = None if run.discovery is None else run.placement
        if run.expressions or run.function.cancels:
            self._resting[run.id] = _watched(run, placement)
        elif placement is not None:
            self._resting[run.id] = _Watched(run.function, placement=placement)
        else:
            self._resting[run.id] = self._unwatched.setdefault(run.function.id, _Watched(run.function))

    def of_app(self, app_id: str) -> Iterator[Run]:
        """Yield the runs of an app that have not ended, each as it is then; those at rest are read for it."""
        return self._of(lambda function: function.app_id == app_id)

    def of_function(self, function_id: str) -> Iterator[Run]:
        """Yield the runs of a function that have not ended, each as it is then; those at rest are read for it."""
        return self._of(lambda function: function.id == function_id)

    def _of(self, is_meant: Callable[[Function], bool]) -> Iterator[Run]:
        awake = [run.id for run in self._runs.values() if is_meant(run.function)]
        resting = [run_id for run_id, watched in self._resting.items() if is_meant(watched.function)]
        for run_id in (*awake, *resting):
            run = self.get(run_id)
            if run is not None:
                yield run

    def waiting_for(self, event: str, meets: Meets) -> Iterator[tuple[Run, PauseRow]]:
        """Yield the waits that an event of this name ends, oldest first; they may end meanwhile."""
        for run_id, step_id in list(self._waits.get(event, ())):
            watched = self._watched(run_id)
            if watched is None or not meets(watched.expressions.get(step_id), watched.first):
                continue
            run = self.get(run_id)
            if run is not None and step_id in run.pauses:
                yield run, run.pauses[step_id]

    def waiting_for_signal(self, signal: str) -> tuple[Run, PauseRow] | None:
        """Return the one wait for a signal, if there is one."""
        run_id, step_id = self._signals.get(signal, ("", ""))
        run = self.get(run_id)
        return None if run is None else (run, run.pauses[step_id])

    def cancelled_by(self, event: str, cancels: Cancels) -> Iterator[Run]:
        """Yield the runs that an event of this name cancels; they may end meanwhile."""
        for run_id in list(self._cancels.get(event, ())):
            watched = self._watched(run_id)
            rules = () if watched is None else (each for each in watched.function.cancels if each.event == event)
            if watched is None or not any(cancels(rule, watched.started_at, watched.first) for rule in rules):
                continue
            run = self.get(run_id)
            if run is not None:
                yield run

    def _watched(self, run_id: str) -> _Watched | None:
        run = self._runs.get(run_id)
        return self._resting.get(run_id) if run is None else _watched(run)

    # --- changes

    def start(self, run: Run) -> None:
        self._store.add_run(run.row)
        self.restore(run)

    def restore(self, run: Run) -> None:
        """Take up a run that the store holds already, with its pauses."""
        self._runs[run.id] = run
        self._index_cancels(run)
        for pause in run.pauses.values():
            self._index(pause)

    def end(self, run: Run, status: Status, now: float, output: bytes) -> None:
        self._store.end_run(run.id, status, now, output)
        del self._runs[run.id]
        self._forget_cancels(run.function, run.id)
        for pause in run.pauses.values():
            self._forget(pause)

    def set_function(self, run: Run, function: Function) -> None:
        """Let a run go on as its app has registered the function since it began."""
        if function is not run.function:
            self._forget_cancels(run.function, run.id)
            run.function = function
            self._index_cancels(run)

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

    def describe(self, run_id: str, step_id: str, entries: Iterable[Entry], now: float) -> list[str]:
        """Keep what is said of a step, or of the run, with what was said before; return why some of it is not kept.

        The run may have ended.
        """
        store, refused = self._store, list[str]()
        known = Known(store.metadata_of_step(run_id, step_id), *store.metadata_size(run_id))
        for entry in entries:
            try:
                store.put_metadata(known.change(run_id, step_id, entry, now))
            except MetadataRefusedError as error:
                refused.append(str(error))
        return refused

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

    def _index_cancels(self, run: Run) -> None:
        for cancel in run.function.cancels:
            self._cancels.setdefault(cancel.event, {})[run.id] = None

    def _forget_cancels(self, function: Function, run_id: str) -> None:
        for cancel in function.cancels:
            _discard(self._cancels, cancel.event, run_id)

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


def _watched(run: Run, placement: Placement | None = None) -> _Watched:
    return _Watched(run.function, run.row.started_at, run.events.first, run.expressions, placement)


def _discard(index: dict[str, dict[_K, None]], name: str, key: _K) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[name]
