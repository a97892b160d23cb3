"""One run: what it was given, what its steps did when, what came of it, and why it waits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver import ids
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call
from inngest_devserver.http.v2.event_views import EventViews
from inngest_devserver.http.v2.routes import V2Routes
from inngest_devserver.http.v2.run_actions import RunActions
from inngest_devserver.http.v2.shapes import CallView, LogView
from inngest_devserver.http.waiting import waits_of_steps
from inngest_devserver.model_usage import Usage, usage_of
from inngest_devserver.runs.metadata import shown
from inngest_devserver.runs.run import PauseKind
from inngest_devserver.runs.trace import Span
from inngest_devserver.stacks import ErrorText, error_of
from inngest_devserver.storage.run_pages import related_runs
from inngest_devserver.storage.tables import EventRow, RunRow

from . import rendering
from .asking import ask
from .examples import Example, event_body, example_of
from .notes import note_of
from .run_list import RunLine, line_of
from .timeline import Row, timeline

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_LINES = 500
_ONE_VALUE = {"data"}
_SKIPPABLE = (PauseKind.SLEEP, PauseKind.WAIT, PauseKind.SIGNAL)


@dataclass(slots=True)
class StepView:
    """A row of the timeline, and what is behind it. output: what the function got; absent is told by has_output.

    arguments: to be edited for a rerun from here. child: the run that it invoked. event: which one it waits for.
    usage: of a model. metadata: kinds with their values.
    """

    row: Row
    has_output: bool
    output: Any
    error: ErrorText | None
    arguments: Any
    has_arguments: bool
    child: RunLine | None
    reasons: list[str]
    may_skip: bool
    event: str
    example: Example
    attempts: list[tuple[Span, ErrorText | None]]
    usage: Usage | None
    metadata: list[tuple[str, dict[str, Any]]]

    @property
    def id(self) -> str:
        return self.row.span.step_id


class RunPage:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._api = V2Routes(engine)
        self._actions = RunActions(engine)
        self._views = EventViews(engine)

    async def show(self, call: Call) -> Response:
        engine, row = self._engine, self.row(call)
        run, related = engine.active.get(row.id), related_runs(engine.store.database, row.id)
        waits: dict[str, list[str]] = {}
        for step_id, reason in waits_of_steps(engine, row.id):
            waits.setdefault(step_id, []).append(reason)
        asked = {job.step_id for job in engine.scheduler.queue.jobs_of(row.id) if run and job.id in run.requests}
        root = engine.trace(row)
        found = timeline(root, engine.clock.now(), asked)
        output = self._masked(row.output)
        function = engine.registry.function(row.function_id)
        return rendering.page(
            "run.html",
            note=note_of(call),
            line=line_of(engine, row),
            run=row,
            timeline=found,
            steps=[self._step(row.id, each, related, waits) for each in found.rows],
            reasons=[reason for each in waits.values() for reason in each],
            calls=await self._calls(call),
            logs=await self._logs(call),
            error=error_of(output) if row.status != "Completed" else None,
            has_output=row.output is not None,
            output=output,
            events=self._events(row),
            parent=self._line(row.parent_run),
            original=self._line(row.rerun_of),
            again=[line_of(engine, each) for each in related if each.rerun_of == row.id],
            usage=self._usage(root.children),
            metadata=self._metadata(root),
            may_rerun=function is not None and engine.registry.by_slug(function.slug) is not None,
        )

    async def _calls(self, call: Call) -> list[CallView]:
        """Return what the engine asked of the app, the latest first."""
        answer = await ask(self._api.calls, call)
        found: list[CallView] = answer["data"]
        return found[::-1]

    async def _logs(self, call: Call) -> list[LogView]:
        """Return what the app has written in the run, the oldest first."""
        query = {"runId": [call.path["run"]], "limit": [str(_MOST_LINES)]}
        answer = await ask(self._views.logs, call, query=query)
        found: list[LogView] = answer["data"]
        return found

    async def export(self, call: Call) -> Response:
        """Return the run as a file, for tests that replay it; without what looks like a secret."""
        row = self.row(call)
        answer = await ask(self._actions.export, call)
        document = answer["data"]["document"]
        slug = _UNSAFE.sub("-", str(document["function"]))
        headers = {
            "content-type": "application/json",
            "content-disposition": f'attachment; filename="{slug}-{row.id[-6:]}.json"',
            "cache-control": "no-store",
        }
        return Response(
            200,
            headers,
            (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"),
        )

    def row(self, call: Call) -> RunRow:
        run_id = call.path["run"]
        row = self._engine.store.run(run_id) if ids.is_ulid(run_id) else None
        if row is None:
            raise APIError(404, f"There is no run {run_id}. Ended runs are removed after a while.")
        return row

    def _masked(self, body: bytes | None) -> Any:
        """Return a value as people may see it."""
        return None if body is None else self._engine.masking.mask_json(body)

    def _line(self, run_id: str) -> RunLine | None:
        row = self._engine.store.run(run_id) if run_id else None
        return None if row is None else line_of(self._engine, row)

    def _events(self, row: RunRow) -> list[tuple[EventRow, Any]]:
        found = [event for key in row.batch.split(",") if (event := self._engine.store.event(key)) is not None]
        return [(event, event_body(self._engine, event)) for event in found]

    @property
    def _is_dev(self) -> bool:
        return self._engine.options.server_kind == "dev"

    def _step(self, run_id: str, row: Row, related: list[RunRow], reasons: Mapping[str, list[str]]) -> StepView:
        span = row.span
        value = self._masked(span.output)
        failed = row.state.key == "failed"
        arguments = self._masked(span.arguments)
        run = self._engine.active.get(run_id) if row.state.key == "waiting" else None
        pause = None if run is None else run.pauses.get(span.step_id)
        event = pause.event if pause is not None and pause.kind == PauseKind.WAIT else ""
        child = next((one for one in related if span.invoked == one.id), None)
        return StepView(
            row=row,
            has_output=bool(span.step_id) and span.output is not None and not failed and span.kind != PauseKind.SLEEP,
            output=_unwrapped(value),
            error=error_of(value) if failed else None,
            arguments=arguments,
            has_arguments=arguments is not None,
            child=None if child is None else line_of(self._engine, child),
            reasons=reasons.get(span.step_id, []) if span.step_id else [],
            may_skip=self._is_dev and row.state.key in ("sleeping", "waiting") and span.kind in _SKIPPABLE,
            event=event,
            example=example_of(self._engine, event),
            attempts=[(each, error_of(self._masked(each.output))) for each in span.children],
            usage=self._usage([span]),
            metadata=self._metadata(span),
        )

    def _metadata(self, span: Span) -> list[tuple[str, dict[str, Any]]]:
        return [(row.kind, shown(row, self._engine.masking)) for row in span.metadata]

    def _usage(self, spans: Iterable[Span]) -> Usage | None:
        """Return what models were asked in steps."""
        found = [pair for span in spans for pair in self._metadata(span)]
        return usage_of({"kind": kind, "values": values} for kind, values in found)


def _unwrapped(value: Any) -> Any:
    """Return what a function got of a memo."""
    return value["data"] if isinstance(value, dict) and value.keys() == _ONE_VALUE else value  # pyright: ignore[reportUnknownVariableType] # JSON
