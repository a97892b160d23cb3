"""One run: what it was given, what its steps did when, what came of it, and why it waits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver import fragments, ids
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call
from inngest_devserver.http.waiting import waits_for
from inngest_devserver.runs.export import export_for_tests
from inngest_devserver.runs.run import PauseKind
from inngest_devserver.stacks import ErrorText, error_of
from inngest_devserver.storage.run_pages import related_runs
from inngest_devserver.storage.tables import EventRow, RunRow

from . import json_text, rendering
from .notes import note_of
from .run_list import RunLine, line_of
from .timeline import Row, timeline

_ONE_VALUE = {"data"}


@dataclass(slots=True)
class StepView:
    """A row of the timeline, and what is behind it. output: what the function got; absent is told by has_output.

    arguments: JSON to be edited for a rerun from here. child: the run that it invoked.
    """

    row: Row
    has_output: bool
    output: Any
    error: ErrorText | None
    arguments: str
    has_arguments: bool
    child: RunLine | None
    may_skip: bool

    @property
    def id(self) -> str:
        return self.row.span.step_id


class RunPage:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def show(self, call: Call) -> Response:
        engine, row = self._engine, self.row(call)
        run, related = engine.active.get(row.id), related_runs(engine.store.database, row.id)
        asked = {job.step_id for job in engine.scheduler.queue.jobs_of(row.id) if run and job.id in run.requests}
        found = timeline(engine.trace(row), engine.clock.now(), asked)
        output = json_text.loaded(row.output)
        function = engine.registry.function(row.function_id)
        return rendering.page(
            "run.html",
            note=note_of(call),
            line=line_of(engine, row),
            run=row,
            timeline=found,
            steps=[self._step(each, related) for each in found.rows],
            reasons=waits_for(engine, row.id),
            error=error_of(output) if row.status != "Completed" else None,
            has_output=row.output is not None,
            output=output,
            events=self._events(row),
            parent=self._line(row.parent_run),
            original=self._line(row.rerun_of),
            again=[line_of(engine, each) for each in related if each.rerun_of == row.id],
            may_rerun=function is not None and engine.registry.by_slug(function.slug) is not None,
        )

    def export(self, call: Call) -> Response:
        """Return the run as a file, for tests that replay it."""
        row = self.row(call)
        function = self._engine.registry.function(row.function_id)
        slug = row.function_id if function is None else function.slug
        text = json.dumps(export_for_tests(self._engine.store, row, slug).document, indent=2, ensure_ascii=False)
        headers = {
            "content-type": "application/json",
            "content-disposition": f'attachment; filename="{slug}-{row.id[-6:]}.json"',
            "cache-control": "no-store",
        }
        return Response(200, headers, (text + "\n").encode())

    def row(self, call: Call) -> RunRow:
        run_id = call.path["run"]
        row = self._engine.store.run(run_id) if ids.is_ulid(run_id) else None
        if row is None:
            raise APIError(404, f"There is no run {run_id}. Ended runs are removed after a while.")
        return row

    def _line(self, run_id: str) -> RunLine | None:
        row = self._engine.store.run(run_id) if run_id else None
        return None if row is None else line_of(self._engine, row)

    def _events(self, row: RunRow) -> list[tuple[EventRow, Any]]:
        found = [event for key in row.batch.split(",") if (event := self._engine.store.event(key)) is not None]
        return [(event, fragments.load(event.body)) for event in found]

    def _step(self, row: Row, related: list[RunRow]) -> StepView:
        span = row.span
        value = json_text.loaded(span.output)
        failed = row.state.key == "failed"
        arguments = json_text.loaded(span.arguments)
        child = next((one for one in related if span.step_id and one.parent_step == span.step_id), None)
        return StepView(
            row=row,
            has_output=bool(span.step_id) and span.output is not None and not failed and span.kind != PauseKind.SLEEP,
            output=_unwrapped(value),
            error=error_of(value) if failed else None,
            arguments="" if arguments is None else json_text.pretty(arguments),
            has_arguments=arguments is not None,
            child=None if child is None else line_of(self._engine, child),
            may_skip=False,
        )


def _unwrapped(value: Any) -> Any:
    """Return what a function got of a memo."""
    return value["data"] if isinstance(value, dict) and value.keys() == _ONE_VALUE else value  # pyright: ignore[reportUnknownVariableType] # JSON
