"""The runs of a test engine, as snapshots that stay readable when the engine is gone. Reads its store; changes nothing.

Snapshots are taken on the engine's loop, of the runs that a test holds: whenever the engine has worked, and when a test
looks at one before that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from inngest_core.client import Inngest
from inngest_core.execution.replay import Memo
from inngest_core.execution.results import Results
from inngest_core.execution.tools import invoke_function
from inngest_core.function import Function
from inngest_devserver.engine import Engine
from inngest_devserver.http.waiting import waits_for
from inngest_devserver.storage.tables import RunRow

from .recording import Recorder
from .report import report
from .results import Result
from .snapshots import Snapshot, Status

__tracebackhide__ = True


class History:
    """recorder: what was seen of the runs in the app. on_loop: has something done on the engine's loop, and waits."""

    def __init__(self, engine: Engine, recorder: Recorder, on_loop: Callable[[Callable[[], None]], None]) -> None:
        self._engine = engine
        self._on_loop = on_loop
        self._recorder = recorder
        self._snapshots: dict[str, Snapshot] = {}
        self._results: dict[str, Result[Any]] = {}

    def of_event(self, internal_id: str) -> list[Result[Any]]:
        """Return the runs that an event started, alone or in a batch."""
        return [self.result(row.id) for row in self._engine.store.runs_of_event(internal_id)]

    def all(self, function: Function[Any] | None) -> list[Result[Any]]:
        """Return all runs, or those of a function."""
        results = [self.result(run_id) for run_id in self._engine.store.run_ids()]
        return [each for each in results if function is None or each.function_id == function.id]

    def result(self, run_id: str) -> Result[Any]:
        """Return a run; the same object each time."""
        found = self._results.get(run_id)
        if found is not None:
            return found
        record = self._recorder.of(run_id)
        result: Result[Any] = Result(
            run_id, record, lambda: self._look(run_id), lambda output: self._read(run_id, output), report
        )
        self._results[run_id] = result
        return result

    def check_own(self, run: Result[Any]) -> None:
        """Raise ValueError for a run of another engine, and TypeError for what is no run."""
        if not isinstance(cast("object", run), Result):
            raise TypeError(f"run is {run!r}; give a run, such as engine.runs_of(event)[0]")
        if self._results.get(run.id) is not run:
            raise ValueError(f"this is a run of another engine, which knows nothing of it here:\n{run!r}")

    def shown(self, run_id: str, step_id: str) -> str:
        """Return a run as people read it. step_id: of the step that was not as expected."""
        return report(self._look(run_id), self._recorder.of(run_id), step_id)

    def _look(self, run_id: str) -> Snapshot:
        if run_id not in self._snapshots:
            self._on_loop(lambda: self._take(run_id))
        return self._snapshots[run_id]

    def _read(self, run_id: str, output: object) -> Any:
        """Return the output of a run as whoever invokes the function gets it."""
        function = self._recorder.functions.get(self._snapshots[run_id].function)
        if function is None or not isinstance(function.client, Inngest):
            return output
        client = function.client
        tool = invoke_function("output", function, None, None, None)
        results = Results(function.id, client.logger, client.serializer, client.warned_of)
        return results.read(tool, Memo(data=output))

    def _event(self, internal_id: str) -> bytes:
        row = self._engine.store.event(internal_id)
        if row is None:
            raise AssertionError("the engine keeps the events of runs")
        return row.body

    def let_go(self) -> None:
        """Know no engine any more: snapshots of all results were taken, and stay."""
        self._results.clear()
        del self._engine, self._on_loop

    def refresh(self) -> None:
        """Take the snapshots of the runs that have not ended anew."""
        for run_id in self._results:
            snapshot = self._snapshots.get(run_id)
            if snapshot is None or snapshot.status is Status.RUNNING:
                self._take(run_id)

    def _take(self, run_id: str) -> None:
        row = self._engine.store.run(run_id)
        if row is None:
            raise AssertionError(f"the engine keeps all runs, but not {run_id}")
        self._snapshots[run_id] = self._snapshot(row)

    def _snapshot(self, row: RunRow) -> Snapshot:
        store = self._engine.store
        function = self._engine.registry.function(row.function_id)
        return Snapshot(
            run_id=row.id,
            function=row.function_id if function is None else function.slug,
            stored_event=self._event(row.event_id),
            status=Status(row.status.lower()),
            started_at=row.started_at,
            now=self._engine.clock.now(),
            ended_at=row.ended_at,
            stored_output=row.output,
            history=store.history(row.id),
            stored=dict(store.memos(row.id)),
            known=store.metadata(row.id),
            waits_for=waits_for(self._engine, row.id),
        )
