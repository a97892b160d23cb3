"""Whether JSON is all that a value stands for; and unions, whose members JSON may confuse.

A value *fits* when writing it gives what it was read from. A member of a union fits in the same sense; when several
do, nobody can tell which of them was written, so none is taken. No I/O, no knowledge of steps.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pydantic
from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

from .json_text import LARGEST_INT, as_body, is_settled_as, parse_value

CONFIG: dict[str, Any] = {"ser_json_bytes": "base64", "val_json_bytes": "base64", "ser_json_inf_nan": "constants"}
NOT_SCHEMAS = frozenset({"metadata", "config", "cls", "default", "members", "expected", "function"})
"""The keys of a schema that hold none."""
_JSON_NODES = frozenset({"str", "int", "float", "bool", "none", "any", "literal", "nullable", "list", "dict"})
_TEXTS = frozenset({"str", "any", "literal"})
OF_PYDANTIC = frozenset({"lax-or-strict", "json-or-python"})
"""Schemas that pydantic makes of one class, such as Path; a union within is not the user's."""


def build(kind: Any, schema: Any) -> Any:
    """Build a validator or a serializer; not of those that the classes in the schema have already."""
    try:
        return kind(schema, CONFIG, _use_prebuilt=False)
    except TypeError:  # an older pydantic
        return kind(schema, CONFIG)


class Reading:
    """The schema for reading: a TypedDict has only its own keys, and, when exact, a union is a `_OneOf`."""

    def __init__(self, root: Any, *, exact: bool, round_trip: bool) -> None:
        self.found = False
        """Whether there was such a union."""
        self._exact = exact
        self._round_trip = round_trip
        self._definitions: list[Any] = []
        self._written: list[Any] = []
        self.schema = self._replace(root)

    def _replace(self, node: Any) -> Any:
        if isinstance(node, list | tuple):
            return type(cast("list[Any]", node))(map(self._replace, cast("list[Any]", node)))
        if not isinstance(node, dict):
            return node
        schema = cast("dict[str, Any]", node)
        kind = schema.get("type")
        if kind in OF_PYDANTIC:
            return schema
        made = {key: value if key in NOT_SCHEMAS else self._replace(value) for key, value in schema.items()}
        if kind == "definitions":
            self._definitions.extend(made["definitions"])
            self._written.extend(schema["definitions"])
        if kind == "typed-dict":
            made["extra_behavior"] = "ignore"
        if kind != "union" or not self._exact:
            return made
        return self._one_of(schema, made)

    def _one_of(self, written: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        pairs = list(zip(map(_choice, made["choices"]), map(_choice, written["choices"]), strict=True))
        plain = [read for read, _ in pairs if _is_plain(read)]
        rich = [(read, write) for read, write in pairs if not _is_plain(read)]
        if not rich:
            return made
        self.found = True
        return cast(
            "dict[str, Any]",
            core_schema.no_info_plain_validator_function(
                _OneOf(plain, rich, self._definitions, self._written, round_trip=self._round_trip).read,
            ),
        )


def _choice(choice: object) -> Any:
    return cast("tuple[object]", choice)[0] if isinstance(choice, tuple) else choice


def _is_plain(schema: Mapping[str, Any]) -> bool:
    """Tell whether JSON values are of a schema as they are."""
    if schema.get("type") not in _JSON_NODES or "serialization" in schema:
        return False
    if schema.get("keys_schema", {}).get("type", "str") not in _TEXTS:
        return False
    inner = [schema[key] for key in ("schema", "items_schema", "values_schema") if key in schema]
    return all(map(_is_plain, inner))


class _OneOf:
    """Reads a union: what its plain members take stays as it is, else exactly one of the others must fit."""

    def __init__(
        self,
        plain: Sequence[Any],
        rich: Sequence[tuple[Any, Any]],
        read: Sequence[Any],
        written: Sequence[Any],
        *,
        round_trip: bool,
    ) -> None:
        """plain, rich: the schemas of the members, the rich ones also for writing. read, written: definitions.

        round_trip: values are written without what is computed.
        """
        self._round_trip = round_trip
        self._schemas = (plain, rich)
        self._definitions = (read, written)
        self._built: tuple[list[SchemaValidator], list[tuple[SchemaValidator, SchemaSerializer]]] | None = None

    def _build(self) -> tuple[list[SchemaValidator], list[tuple[SchemaValidator, SchemaSerializer]]]:
        """Build once all definitions are known."""
        plain, rich = self._schemas
        read, written = self._definitions
        return (
            [build(SchemaValidator, _with(each, read)) for each in plain],
            [
                (build(SchemaValidator, _with(one, read)), build(SchemaSerializer, _with(other, written)))
                for one, other in rich
            ],
        )

    def read(self, data: object) -> object:
        self._built = self._built or self._build()
        plain, rich = self._built
        body = as_body(data)
        for validator in plain:
            try:
                return validator.validate_json(body, strict=True)
            except pydantic.ValidationError:
                continue
        found: list[object] = []
        for validator, serializer in rich:
            with contextlib.suppress(Exception):  # whatever it is, it is no member that fits
                value = validator.validate_json(body)
                again = serializer.to_json(value, by_alias=True, round_trip=self._round_trip, warnings="error")
                if covers(again, body):
                    found.append(value)
        if not found:
            raise ValueError("no member of the union fits")
        if any(type(each) is not type(found[0]) or each != found[0] for each in found[1:]):
            raise ValueError("more than one member of the union fits")
        return found[0]


def _with(schema: Any, definitions: Sequence[Any]) -> Any:
    return core_schema.definitions_schema(schema, list(definitions)) if definitions else schema


def covers(again: bytes, body: bytes) -> bool:
    """Tell whether a JSON text holds all that *body* does; it may have more keys.

    The order of arrays does not count, because sets have none. A whole float is an int: engines write it so.
    """
    if is_settled_as(again, body):
        return True
    held, data = parse_value(again), parse_value(body)
    if held == data and all(again.count(each) == body.count(each) for each in (b"true", b"false")):  # 1 equals True
        return True
    return _covers(held, data)


def _covers(held: object, data: object) -> bool:
    if isinstance(data, dict):
        if not isinstance(held, dict):
            return False
        fields, others = cast("dict[str, object]", data), cast("dict[str, object]", held)
        return all(key in others and _covers(others[key], each) for key, each in fields.items())
    if isinstance(data, list):
        if not isinstance(held, list):
            return False
        items, other_items = cast("list[object]", data), cast("list[object]", held)
        if len(items) != len(other_items):
            return False
        return all(map(_covers, other_items, items)) or sorted(map(ordered, items)) == sorted(map(ordered, other_items))
    return _settled(held) == _settled(data) and isinstance(held, bool) == isinstance(data, bool)


def ordered(data: object) -> str:
    """Return JSON values as a text that is the same for the same values."""
    return json.dumps(_settled(data), sort_keys=True)


def _settled(data: object) -> object:
    if isinstance(data, int) and abs(data) > LARGEST_INT:
        return float(data)
    if isinstance(data, float) and data.is_integer() and abs(data) <= LARGEST_INT:
        return int(data)
    if isinstance(data, dict):
        return {key: _settled(each) for key, each in cast("dict[str, object]", data).items()}
    return list(map(_settled, cast("list[object]", data))) if isinstance(data, list) else data
