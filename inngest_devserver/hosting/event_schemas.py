"""Which events a hosted app has types for, and their JSON schemas: what people are shown who send one."""

from __future__ import annotations

import importlib
from typing import Any, cast

from .loading import Loaded


def event_types(loaded: Loaded) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of the data of each event that a function has a type for, by the event's name.

    A type for which there is no schema is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for served in loaded.served:
        for function in cast("list[Any]", getattr(served, "functions", [])):
            for trigger in function.triggers:
                schema = _schema_of(trigger)
                if schema is not None:
                    found[str(trigger.event)] = schema
    return found


def _schema_of(trigger: Any) -> dict[str, Any] | None:
    kind = getattr(trigger, "kind", None)
    if kind is None:
        return None
    # Late: it needs more of the core than this room does.
    type_of_data = importlib.import_module("inngest_core.events.event_data").type_of_data
    pydantic = importlib.import_module("pydantic")
    typ = type_of_data(kind)
    if typ is None:
        return None
    try:
        return cast("dict[str, Any]", pydantic.TypeAdapter(typ).json_schema())
    except Exception:  # types of other libraries, and what validators of users raise
        return None
