"""Data to begin with in a form: made from the schema of an event's type, or taken from the last event of that name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from inngest_devserver import fragments
from inngest_devserver.apps.event_types import example_of as example_from
from inngest_devserver.engine import Engine
from inngest_devserver.storage.tables import EventRow

from . import json_text

_INTERNAL = "inngest/"


@dataclass(frozen=True, slots=True)
class Example:
    """source: where it is from, in words, if anywhere. schema: JSON schema of the data, if an app has one.

    like: id of the event whose data it is, if it is that of one.
    """

    data: Any
    source: str = ""
    schema: str = ""
    like: str = ""


def event_body(engine: Engine, row: EventRow) -> dict[str, Any]:
    """Return an event as people may see it: without secrets, and without what the engine has put into its data."""
    body = engine.masking.mask_event(row.body)
    data = body.get("data")
    if isinstance(data, dict):
        given = cast("dict[str, Any]", data)
        body["data"] = {name: value for name, value in given.items() if name != "_inngest"}
    return body


def event_names(engine: Engine) -> list[str]:
    """Return the names of the events that start something here."""
    names = {trigger.event for one in engine.registry.functions() for trigger in one.triggers if trigger.event}
    return sorted(name for name in names if not name.startswith(_INTERNAL))


def example_of(engine: Engine, name: str) -> Example:
    """Return data for an event of a name."""
    if not name:
        return Example({})
    told = engine.event_types.told(name)
    if told is not None:
        return Example(example_from(told), "made of the schema that the app has for it", json_text.pretty(dict(told)))
    earlier = engine.store.events(name=name, before=None, internal=False, limit=1)
    if earlier:
        return like_event(engine, earlier[0], "as in the last event of this name")
    return Example({})


def like_event(engine: Engine, row: EventRow, source: str) -> Example:
    """Return the data of an event as an example."""
    return Example(event_body(engine, row).get("data", {}), source, like=row.internal_id)


def restored(engine: Engine, data: dict[str, Any], like: str) -> dict[str, Any]:
    """Return what somebody made of an example, with what was not shown of the event that it is like.

    like: its id; empty, or that of an event which is not kept any more, when there is nothing to be taken from.
    """
    row = engine.store.event(like) if like else None
    if row is None:
        return data
    original = cast("dict[str, Any]", fragments.load(row.body)).get("data")
    return cast("dict[str, Any]", engine.masking.restore(data, original))
