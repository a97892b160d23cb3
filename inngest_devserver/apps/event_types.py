"""The events that functions wait for and that have come: their JSON schemas, and an example of each for who sends one.

A schema is the one that an app has told, or else is made from the latest events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from inngest_devserver.json_parts import mapping

_DEEPEST = 8
_DEEPEST_SCHEMA = 20
_FORMATS = {
    "date-time": "2027-01-15T08:00:00Z",
    "date": "2027-01-15",
    "time": "08:00:00",
    "email": "someone@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com",
}


def schema_of(examples: Iterable[object]) -> dict[str, Any]:
    """Return the JSON schema that all of these values meet; a field is required that every object has.

    What is nested deeper than people read may be anything.
    """
    return _schema_of(examples, _DEEPEST_SCHEMA)


def _schema_of(examples: Iterable[object], levels: int) -> dict[str, Any]:
    if not levels:
        return {}
    values = list(examples)
    kinds: dict[str, list[object]] = {}
    for value in values:
        kinds.setdefault(_kind(value), []).append(value)
    if {"integer", "number"} <= kinds.keys():
        kinds["number"] += kinds.pop("integer")
    found = [_of_kind(kind, of_kind, levels - 1) for kind, of_kind in kinds.items()]
    if len(found) == 1:
        return found[0]
    return {"anyOf": found} if found else {}


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, types in (("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return kind
    return "object"


def _of_kind(kind: str, values: Sequence[object], levels: int) -> dict[str, Any]:
    if kind == "array":
        items = _schema_of((item for value in values for item in cast("list[object]", value)), levels)
        return {"type": kind, "items": items} if items else {"type": kind}
    if kind != "object":
        return {"type": kind}
    objects = [cast("dict[str, object]", value) for value in values]
    names = list(dict.fromkeys(name for each in objects for name in each))
    properties = {name: _schema_of((each[name] for each in objects if name in each), levels) for name in names}
    required = [name for name in names if all(name in each for each in objects)]
    return {"type": kind, "properties": properties, **({"required": required} if required else {})}


def example_of(schema: Mapping[str, Any]) -> Any:
    """Return a value that meets a JSON schema, as far as that can be seen: what it names, else something short."""
    return _Example(schema).of(schema, 0)


class _Example:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def of(self, schema: Mapping[str, Any], depth: int) -> Any:
        schema = self._resolved(schema)
        if depth > _DEEPEST:
            return None
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("examples", "enum"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        for key in ("anyOf", "oneOf"):
            options = [one for one in _schemas(schema.get(key)) if one.get("type") != "null"]
            if options:
                return self.of(options[0], depth + 1)
        parts = _schemas(schema.get("allOf"))
        if parts:
            values = [self.of(part, depth + 1) for part in parts]
            objects = [cast("dict[str, Any]", value) for value in values if isinstance(value, dict)]
            return {name: value for each in objects for name, value in each.items()} if objects else values[0]
        return self._of_type(schema, depth)

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            kind = next((one for one in cast("list[str]", kind) if one != "null"), "null")
        match kind:
            case "object":
                properties = cast("Mapping[str, Any]", schema.get("properties") or {})
                return {name: self.of(each, depth + 1) for name, each in properties.items()}
            case "array":
                items = schema.get("items")
                count = 1 if isinstance(items, dict) and items and depth < _DEEPEST else 0
                return [self.of(cast("dict[str, Any]", items), depth + 1)] * max(count, int(schema.get("minItems", 0)))
            case "string":
                text = _FORMATS.get(str(schema.get("format")), "text")
                return text.ljust(int(schema.get("minLength", 0)), "x")[: int(schema.get("maxLength", 10_000))]
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case _:
                return None

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_DEEPEST):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            schema = self._root
            for part in reference[2:].split("/"):
                schema = mapping(schema.get(part))
        return schema


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    step = schema.get("multipleOf") or 1
    lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
    value = lowest if lowest is not None else min(1, schema.get("maximum", schema.get("exclusiveMaximum", 1)))
    if value == schema.get("exclusiveMinimum"):
        value += step
    if value == schema.get("exclusiveMaximum"):
        value -= step
    return int(value) if whole else value


def _schemas(value: object) -> list[Mapping[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, dict)]


class EventTypes:
    """The schemas that apps have told."""

    def __init__(self) -> None:
        self._told: dict[str, Mapping[str, Mapping[str, Any]]] = {}

    def tell(self, app: str, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in the schemas of an app, by the names of events; they replace what it told before."""
        self._told[app] = schemas

    def told(self, name: str) -> Mapping[str, Any] | None:
        """Return the schema of the data of an event that an app has told."""
        return next((schemas[name] for schemas in self._told.values() if name in schemas), None)


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except RecursionError:  # it is nested as deeply as can just be read, and this is called from deeper down
        return None


def data_of(bodies: Iterable[bytes]) -> list[Any]:
    """Return the data of events, without what is the engine's own."""
    found = [mapping(mapping(_loaded(body)).get("data")) for body in bodies]
    return [{name: value for name, value in data.items() if name != "_inngest"} for data in found]
