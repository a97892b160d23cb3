"""A whole run as one JSON document: what it was called with, and the results of its steps in their order. Reads rows.

Tests replay it against today's code; the format has a number, which changes when a reader has to know. What must not be
in a repository is taken out here, for the API, the command line and the page alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from inngest_devserver import fragments
from inngest_devserver.masking import SECRETS, Masking
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import RunRow

FORMAT = 1
REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class Exported:
    """A run as a document. redacted: how many values were taken out of it."""

    document: dict[str, Any]
    redacted: int


def export_for_tests(
    store: Store, run: RunRow, function: str, patterns: Iterable[str] = (), *, payloads: bool = True
) -> Exported:
    """Return a run as tests replay it, without what looks like a secret.

    patterns: names of more fields to redact. payloads: whether texts and numbers are kept at all.
    """
    document = export_run(store, run, function)
    redactor = _Redactor([*SECRETS, *patterns], payloads=payloads)
    for event in document["events"]:
        event["data"] = redactor.redact(event.get("data"))
        event.pop("user", None)
    for step in document["steps"]:
        step["memo"] = redactor.redact(step["memo"])
    document["output"] = redactor.redact(document["output"])
    return Exported(document, redactor.count)


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


class _Redactor:
    """Replaces values; count: of those that were. Keys, lengths of lists and kinds of values stay as they are."""

    def __init__(self, patterns: Iterable[str], *, payloads: bool) -> None:
        self._masking = Masking(patterns)
        self._payloads = payloads
        self.count = 0

    def redact(self, value: object) -> Any:
        if isinstance(value, dict):
            given = cast("dict[str, object]", value)
            return {
                key: self._hide(each) if self._masking.hides(key) else self.redact(each) for key, each in given.items()
            }
        if isinstance(value, list):
            return [self.redact(each) for each in cast("list[object]", value)]
        return value if self._payloads or value is None or isinstance(value, bool) else self._hide(value)

    def _hide(self, value: object) -> object:
        if value is None:
            return None
        self.count += 1
        return 0 if isinstance(value, int | float) and not isinstance(value, bool) else REDACTED
