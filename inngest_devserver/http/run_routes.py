"""Routes about runs: their state for apps, what came of them, cancelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver import fragments, ids
from inngest_devserver.engine import Engine
from inngest_devserver.runs.run import Run, Status
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.run_pages import RunFilter, place_of, run_page
from inngest_devserver.storage.tables import RunRow

from .answers import NO_ACCOUNT, APIError, Call, empty_response, enveloped, raw_json_response, refuse_unknown
from .event_routes import page_size
from .waiting import waits_for


class RunRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- the state that an app fetches when it is too large for a call request

    def actions(self, call: Call) -> Response:
        return raw_json_response(self._active(call).steps_body())

    def batch(self, call: Call) -> Response:
        return raw_json_response(self._active(call).events.batch)

    def _active(self, call: Call) -> Run:
        row = self._row(call)
        run = self._engine.active.get(row.id)
        if run is None:
            raise APIError(410, f"runtime state is no longer available for runID: {row.id}")
        return run

    # --- what came of runs

    def one(self, call: Call) -> Response:
        row = self._row(call)
        reasons = waits_for(self._engine, row.id)
        return self._enveloped({**_run(row), **({"waits_for": reasons} if reasons else {})})

    def list(self, call: Call) -> Response:
        """List runs, newest first: of a status, of functions (engine's id or `<app>-<fn>`), before a run."""
        refuse_unknown(call, ("status", "function", "function_id", "limit", "cursor"))
        wanted = RunFilter(statuses=_statuses(call), functions=self._functions(call), after=self._before(call))
        rows = run_page(self._engine.store.database, wanted, page_size(call.query))
        return self._enveloped([_run(row) for row in rows])

    def _functions(self, call: Call) -> Sequence[str] | None:
        asked = call.all("function_id", "function")
        known = self._engine.registry.known()
        return [one.id for one in known if {one.id, one.slug} & set(asked)] if asked else None

    def _before(self, call: Call) -> tuple[float, str] | None:
        run_id = call.query.get("cursor")
        if not run_id:
            return None
        row = self._engine.store.run(run_id)
        if row is None:
            raise APIError(400, f"cursor is {run_id!r}; expected the run_id of the last run of the page before")
        return place_of(row, "QUEUED_AT")

    def of_event(self, call: Call) -> Response:
        event_id = call.path["event"]
        event = self._engine.store.event(event_id)
        if event is None:
            raise APIError(404, f"event not found: {event_id}")
        rows = self._engine.store.runs_of_event(event.internal_id)
        return self._enveloped([_run(row) for row in rows])

    def jobs(self, call: Call) -> Response:
        jobs = sorted(self._engine.scheduler.queue.jobs_of(self._row(call).id), key=lambda job: job.due)
        return self._enveloped(
            [
                {"at": iso(job.due), "position": number, "kind": job.kind, "attempt": job.attempt}
                for number, job in enumerate(jobs)
            ]
        )

    def history(self, call: Call) -> Response:
        """Return what happened to a run, oldest first: an addition of this engine."""
        return self._enveloped(
            [
                {
                    "at": iso(row.at),
                    "type": row.kind,
                    "step_id": row.step_id,
                    "name": row.name,
                    "attempt": row.attempt,
                    "detail": row.detail,
                }
                for row in self._engine.store.history(self._row(call).id)
            ]
        )

    def cancel(self, call: Call) -> Response:
        """Cancel a run; one that has ended stays as it is."""
        run = self._engine.active.get(self._row(call).id)
        if run is not None:
            self._engine.executor.cancel(run, "asked for through the API")
        return empty_response()

    def _row(self, call: Call) -> RunRow:
        run_id = call.path["run"]
        if not ids.is_ulid(run_id):
            raise APIError(400, f"Invalid run ID: {run_id}")
        row = self._engine.store.run(run_id)
        if row is None:
            raise APIError(404, f"run not found: {run_id}")
        return row

    def _enveloped(self, data: object) -> Response:
        return enveloped(data, self._engine.clock.now())


def _statuses(call: Call) -> Sequence[str]:
    known = {status.lower(): status.value for status in Status}
    asked = call.all("status")
    unknown = [text for text in asked if text.lower() not in known]
    if unknown:
        raise APIError(400, f"status is {unknown[0]!r}; expected one of {', '.join(known.values())}")
    return [known[text.lower()] for text in asked]


def _run(row: RunRow) -> dict[str, Any]:
    return {
        "run_id": row.id,
        "run_started_at": iso(row.started_at),
        "function_id": row.function_id,
        "function_version": 1,
        "environment_id": NO_ACCOUNT,
        "event_id": row.event_id,
        "status": row.status,
        "ended_at": None if row.ended_at is None else iso(row.ended_at),
        "output": None if row.output is None else fragments.load(row.output),
    }
