"""A whole run as one JSON document: what it was called with, and the results of its steps in their order. Reads rows.

Tests replay it against today's code; the format has a number, which changes when a reader has to know. What must not be
in a repository is taken out here, for the API, the command line and the page alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_devserver import fragments
from inngest_devserver.masking import SECRETS, Masking
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import RunRow

from .metadata import counts_in
from .run import PauseKind

FORMAT = 1
_OF_EVENTS = frozenset({"name", "id", "ts", "v"})
"""What is kept of an event as it is, beside its data: all but `user`, and what an app adds."""
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
    document["events"] = [redactor.redact_event(event) for event in document["events"]]
    for step in document["steps"]:
        redact = redactor.redact_event if step["kind"] == PauseKind.WAIT else redactor.redact
        step["memo"] = redact(step["memo"])
        for each in step.get("metadata", ()):
            redactor.redact_metadata(each)
    for each in document.get("metadata", ()):
        redactor.redact_metadata(each)
    document["output"] = redactor.redact(document["output"])
    return Exported(document, redactor.count)


def export_run(store: Store, run: RunRow, function: str) -> dict[str, Any]:
    """Return a run. function: its id, `<app>-<function>`."""
    events = [row for key in run.batch.split(",") if (row := store.event(key)) is not None]
    history = store.history(run.id)
    names = {row.step_id: row.name for row in history if row.step_id}
    kinds = {row.step_id: row.op for row in history if row.step_id and row.op}
    described: dict[str, list[dict[str, Any]]] = {}
    for each in store.metadata(run.id):
        described.setdefault(each.step_id, []).append(
            {"kind": each.kind, "scope": each.scope, "values": fragments.load(each.body)}
        )
    return {
        "format": FORMAT,
        "run_id": run.id,
        "function": function,
        "status": run.status,
        "started_at": iso(run.started_at),
        "ended_at": None if run.ended_at is None else iso(run.ended_at),
        "events": [fragments.load(row.body) for row in events],
        "steps": [
            {
                "id": step,
                "name": names.get(step, ""),
                "kind": kinds.get(step, ""),
                "memo": fragments.load(memo),
                **_metadata(described, step),
            }
            for step, memo in store.memos(run.id)
        ],
        "output": None if run.output is None else fragments.load(run.output),
        **_metadata(described, ""),
    }


def _metadata(described: Mapping[str, list[dict[str, Any]]], step: str) -> dict[str, Any]:
    """Return the field with what is known of a step, or of the run; none where that is nothing."""
    return {"metadata": described[step]} if step in described else {}


_TEXTS_OF_ERRORS = frozenset({"message", "stack"})
"""Keys whose texts may hold fields, as in `password=x`: of errors."""


class _Redactor:
    """Replaces values; count: of those that were. Keys, lengths of lists and kinds of values stay as they are.

    Truth values stay, too: they are not secret, and often decide which way a function goes.
    """

    def __init__(self, patterns: Iterable[str], *, payloads: bool) -> None:
        self._masking = Masking(patterns)
        self._payloads = payloads
        self.count = 0

    def redact_event(self, event: object) -> Any:
        """Return an event with its data redacted, and without its user; whatever else there is, redacted."""
        if not isinstance(event, dict):
            return self.redact(event)
        fields = cast("dict[str, object]", event)
        kept = {key: each for key, each in fields.items() if key in _OF_EVENTS}
        return {**kept, "data": self.redact(fields.get("data"))}

    def redact(self, value: object) -> Any:
        if isinstance(value, dict):
            return {key: self._redact_field(key, each) for key, each in cast("dict[str, object]", value).items()}
        if isinstance(value, list):
            return [self.redact(each) for each in cast("list[object]", value)]
        return value if self._payloads or value is None or isinstance(value, bool) else self._hide(value)

    def redact_metadata(self, entry: dict[str, Any]) -> None:
        """Redact the values of metadata; numbers of tokens stay, unless no numbers do."""
        given: dict[str, Any] = entry["values"]
        counts = counts_in(entry["kind"], given) if self._payloads else {}
        entry["values"] = {
            name: value if name in counts else self._redact_field(name, value) for name, value in given.items()
        }

    def _redact_field(self, key: str, value: object) -> Any:
        if self._masking.hides(key):
            return self._hide(value)
        if key in _TEXTS_OF_ERRORS and isinstance(value, str) and self._payloads:
            text = self._masking.mask_line(value)
            self.count += text != value
            return text
        return self.redact(value)

    def _hide(self, value: object) -> object:
        if value is None or isinstance(value, bool):
            return value
        self.count += 1
        return 0 if isinstance(value, int | float) else REDACTED
