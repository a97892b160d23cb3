"""Metadata that apps report with steps: read leniently, as a step counts without it. Keeps nothing.

What metadata is and how much of it there may be: docs/protocol.md, "Metadata".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.protocol.limits import MAX_METADATA_BYTES, in_words
from inngest_core.protocol.wire import json_kind

RUN_SCOPE, STEP_SCOPE = "run", "step"
_SCOPES = (RUN_SCOPE, STEP_SCOPE, "step_attempt", "extended_trace")
_CHANGES = ("merge", "set", "delete", "add")
_LONGEST_KIND = 128
_DEEPEST = 32
"""Objects and lists within each other."""
_MOST_REFUSED = 3
"""Reasons that are told of one step."""
_MOST_ENTRIES = 100
"""Entries of one step."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of what is known of a step or a run under a kind. change: merge, set, delete or add."""

    scope: str
    kind: str
    change: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an app says of a step. refused: why some of it is not taken, a sentence for each."""

    entries: tuple[Entry, ...] = ()
    refused: tuple[str, ...] = ()


NO_METADATA = Metadata()


class MetadataRefusedError(ValueError):
    """An entry that is not taken; the text says why."""


def read_metadata(value: object, scope: str = STEP_SCOPE) -> Metadata:
    """Return the metadata in an op. What cannot be taken is left out, with the reason. scope: of entries without."""
    if value is None:
        return NO_METADATA
    if not isinstance(value, list):
        return Metadata(refused=(f"it is a JSON {json_kind(value)}; expected an array",))
    items = cast("list[object]", value)
    entries: list[Entry] = []
    refused = [] if len(items) <= _MOST_ENTRIES else [f"only {_MOST_ENTRIES} entries of {len(items)} are read"]
    for item in items[:_MOST_ENTRIES]:
        try:
            entries.append(read_entry(item, scope))
        except MetadataRefusedError as error:
            refused.append(str(error))
    return Metadata(tuple(entries), tuple(refused))


def in_short(reasons: Sequence[str]) -> str:
    """Return reasons in one line: the first ones, and how many more there are."""
    more = len(reasons) - _MOST_REFUSED
    return "; ".join([*reasons[:_MOST_REFUSED], *([f"and {more} more"] if more > 0 else [])])


def read_entry(item: object, usual_scope: str) -> Entry:
    """Return one entry; raises MetadataRefusedError."""
    if not isinstance(item, dict):
        raise MetadataRefusedError(f"an entry is a JSON {json_kind(item)}; expected an object")
    fields = cast("dict[str, Any]", item)
    kind, values = fields.get("kind"), fields.get("values")
    if not isinstance(kind, str) or not 0 < len(kind) <= _LONGEST_KIND or not is_unicode(kind):
        raise MetadataRefusedError(f"the kind of an entry is no text of 1 to {_LONGEST_KIND} characters")
    scope, change = fields.get("scope") or usual_scope, fields.get("op") or "merge"
    if scope not in _SCOPES:
        raise MetadataRefusedError(f"{kind}: its scope is none of {', '.join(_SCOPES)}")
    if change not in _CHANGES:
        raise MetadataRefusedError(f"{kind}: its op is none of {', '.join(_CHANGES)}")
    if values is None and change == "delete":
        values = {}
    if not isinstance(values, dict):
        raise MetadataRefusedError(f"{kind}: values is a JSON {json_kind(values)}; expected an object")
    given = cast("dict[str, Any]", values)
    _check(kind, given)
    return Entry(scope, kind, change, given)


def _check(kind: str, values: Mapping[str, Any]) -> None:
    """Refuse what could not be shown; raises MetadataRefusedError."""
    if _is_deeper(values, _DEEPEST):
        raise MetadataRefusedError(f"{kind}: values is nested more than {_DEEPEST} levels deep")
    try:
        size = len(json.dumps(values, ensure_ascii=False, allow_nan=False).encode())
    except UnicodeEncodeError:
        raise MetadataRefusedError(f"{kind}: values holds half of a surrogate pair, which is no character") from None
    except ValueError:
        raise MetadataRefusedError(f"{kind}: values holds a number that JSON does not have") from None
    if size > MAX_METADATA_BYTES:
        raise MetadataRefusedError(
            f"{kind}: values has {size} bytes; at most {in_words(MAX_METADATA_BYTES)} are kept for a step"
        )


def is_unicode(text: str) -> bool:
    """Tell whether a text is without halves of surrogate pairs, which JSON allows and UTF-8 does not."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _is_deeper(value: object, levels: int) -> bool:
    """Tell whether there are more objects and lists within each other than so many."""
    inside: list[object] = [value]
    for _ in range(levels + 1):
        inside = [each for one in inside for each in _parts(one)]
        if not inside:
            return False
    return True


def _parts(value: object) -> list[object]:
    """Return the objects and lists in an object or a list."""
    parts = cast("Mapping[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return [each for each in parts if isinstance(each, dict | list)]
