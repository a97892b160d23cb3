"""Routes about runs: their state for apps, what came of them, cancelling. Source: wire/engine-api.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver import fragments, ids
from inngest_devserver.engine import Engine
from inngest_devserver.runs.run import Run
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.tables import RunRow

from .answers import NO_ACCOUNT, APIError, empty_response, enveloped, raw_json_response
from .event_routes import page_size


class RunRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- the state that an app fetches when it is too large for a call request

    def actions(self, run_id: str) -> Response:
        return raw_json_response(self._active(run_id).steps_body())

    def batch(self, run_id: str) -> Response:
        return raw_json_response(self._active(run_id).events.batch)

    def _active(self, run_id: str) -> Run:
        self._check(run_id)
        run = self._engine.active.get(run_id)
        if run is None:
            if self._engine.store.run(run_id) is None:
                raise APIError(404, f"run not found: {run_id}")
            raise APIError(410, f"runtime state is no longer available for runID: {run_id}")
        return run

    # --- what came of runs

    def one(self, run_id: str) -> Response:
        return enveloped(_run(self._row(run_id)), self._engine.clock.now())

    def list(self, query: Mapping[str, str]) -> Response:
        rows = self._engine.store.runs(before=query.get("cursor") or None, limit=page_size(query))
        return enveloped([_run(row) for row in rows], self._engine.clock.now())

    def of_event(self, event_id: str) -> Response:
        event = self._engine.store.event(event_id)
        if event is None:
            raise APIError(404, f"event not found: {event_id}")
        rows = self._engine.store.runs_of_event(event.internal_id)
        return enveloped([_run(row) for row in rows], self._engine.clock.now())

    def jobs(self, run_id: str) -> Response:
        self._row(run_id)
        jobs = self._engine.store.jobs(run_id)
        found = [
            {"at": iso(job.due), "position": number, "kind": job.kind, "attempt": job.attempt}
            for number, job in enumerate(jobs)
        ]
        return enveloped(found, self._engine.clock.now())

    def history(self, run_id: str) -> Response:
        """Return what happened to a run, oldest first: an addition of this engine."""
        self._row(run_id)
        found = [
            {
                "at": iso(row.at),
                "type": row.kind,
                "step_id": row.step_id,
                "name": row.name,
                "attempt": row.attempt,
                "detail": row.detail,
            }
            for row in self._engine.store.history(run_id)
        ]
        return enveloped(found, self._engine.clock.now())

    def cancel(self, run_id: str) -> Response:
        """Cancel a run; one that has ended stays as it is."""
        self._row(run_id)
        run = self._engine.active.get(run_id)
        if run is not None:
            self._engine.executor.cancel(run, "asked for through the API")
        return empty_response()

    def _row(self, run_id: str) -> RunRow:
        self._check(run_id)
        row = self._engine.store.run(run_id)
        if row is None:
            raise APIError(404, f"run not found: {run_id}")
        return row

    def _check(self, run_id: str) -> None:
        if not ids.is_ulid(run_id):
            raise APIError(400, f"Invalid run ID: {run_id}")


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
