"""A whole run as one JSON document: what it was called with, and the results of its steps in their order. Reads rows.

Tests replay it against today's code; the format has a number, which changes when a reader has to know.
"""

from __future__ import annotations

from typing import Any

from inngest_devserver import fragments
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import RunRow

FORMAT = 1


def export_run(store: Store, run: RunRow, function: str) -> dict[str, Any]:
    """Return a run. function: its id, `<app>-<function>`."""
    events = [row for key in run.batch.split(",") if (row := store.event(key)) is not None]
    history = store.history(run.id)
    names = {row.step_id: row.name for row in history if row.step_id}
    kinds = {row.step_id: row.op for row in history if row.step_id and row.op}
    return {
        "format": FORMAT,
        "run_id": run.id,
        "function": function,
        "status": run.status,
        "started_at": iso(run.started_at),
        "ended_at": None if run.ended_at is None else iso(run.ended_at),
        "events": [fragments.load(row.body) for row in events],
        "steps": [
            {"id": step, "name": names.get(step, ""), "kind": kinds.get(step, ""), "memo": fragments.load(memo)}
            for step, memo in store.memos(run.id)
        ],
        "output": None if run.output is None else fragments.load(run.output),
    }
