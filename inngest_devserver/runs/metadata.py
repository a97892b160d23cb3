"""What is known of a step or a run besides its result: how changes of it add up, and how it is shown. Keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inngest_core.protocol.limits import MAX_METADATA_BYTES, MAX_RUN_METADATA_BYTES, in_words
from inngest_devserver import fragments
from inngest_devserver.calls.metadata import RUN_SCOPE, Entry, MetadataRefusedError
from inngest_devserver.masking import Masking
from inngest_devserver.model_usage import KIND
from inngest_devserver.storage.tables import MetadataRow

_ROW_BYTES = 64
"""What a row counts beside its kind and its body, so that their number is bounded, too."""


def size_of(row: MetadataRow) -> int:
    """Return how many bytes a row counts."""
    return len(row.body) + len(row.kind) + _ROW_BYTES


class Known:
    """What is known of a step and of its run, while it changes.

    rows: of the step, and those of the run itself. count, size: how many there are of the run and all of its steps, and
    the bytes of their kinds and bodies.
    """

    def __init__(self, rows: Iterable[MetadataRow], count: int, size: int) -> None:
        self._rows = {row[:4]: row for row in rows}
        self._run_bytes = count * _ROW_BYTES + size

    def change(self, run_id: str, step_id: str, entry: Entry, now: float) -> MetadataRow:
        """Return the row that is kept after an entry; with an empty body when nothing is left.

        step_id: of the step that reported it. Raises MetadataRefusedError: that would be too much.
        """
        of = "" if entry.scope == RUN_SCOPE else step_id
        row = MetadataRow(run_id, of, entry.scope, entry.kind, b"", now)
        before = self._rows.get(row[:4])
        values = _applied({} if before is None else fragments.load(before.body), entry)
        if values:
            row = row._replace(body=_body(values, entry))
        self._make_room(row, before)
        return row

    def _make_room(self, row: MetadataRow, before: MetadataRow | None) -> None:
        more = (size_of(row) if row.body else 0) - (0 if before is None else size_of(before))
        of_same = sum(size_of(each) for each in self._rows.values() if each.step_id == row.step_id)
        if of_same + more > MAX_METADATA_BYTES:
            raise MetadataRefusedError(f"{row.kind}: at most {in_words(MAX_METADATA_BYTES)} are kept for a step")
        if self._run_bytes + more > MAX_RUN_METADATA_BYTES:
            raise MetadataRefusedError(f"{row.kind}: at most {in_words(MAX_RUN_METADATA_BYTES)} are kept for a run")
        self._run_bytes += more
        if row.body:
            self._rows[row[:4]] = row
        else:
            self._rows.pop(row[:4], None)


def _body(values: Mapping[str, Any], entry: Entry) -> bytes:
    try:
        return fragments.dump(values)
    except ValueError:
        raise MetadataRefusedError(f"{entry.kind}: a sum in it is no number of JSON") from None


def _applied(known: Mapping[str, Any], entry: Entry) -> Mapping[str, Any]:
    given = entry.values
    match entry.change:
        case "set":
            return given
        case "delete":
            return {name: value for name, value in known.items() if given and name not in given}
        case "add":
            return {**known, **{name: _sum(known.get(name), value) for name, value in given.items()}}
        case _:
            return {**known, **given}


def _sum(one: object, other: object) -> object:
    return one + other if _is_number(one) and _is_number(other) else other  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def counts_in(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that tell of a model, such as `input_tokens`: their names look like those of secrets."""
    return {name: value for name, value in values.items() if kind == KIND and _is_number(value)}


def shown(row: MetadataRow, masking: Masking) -> dict[str, Any]:
    """Return the values of a row as people may see them."""
    return {**masking.mask_json(row.body), **counts_in(row.kind, fragments.load(row.body))}
