"""Keys that are not texts: as what they are written, and how a schema of pydantic's is changed so that it does so.

pydantic writes None as "None", and a tuple as its parts with commas between. The standard library writes "null", and
refuses a tuple, as is done here. No I/O, no knowledge of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import core_schema

from .json_text import key_text

_TEXT_KEYS = frozenset({"int", "float", "bool", "uuid", "date", "datetime", "time", "timedelta", "decimal"})
"""Schemas of keys that pydantic writes as they are written here, and none of which is "null"."""
_BARE: Mapping[object, Mapping[str, Any]] = {
    "dict": {"keys_schema": core_schema.any_schema(), "values_schema": core_schema.any_schema()},
    "list": {"items_schema": core_schema.any_schema()},
}


def key_as_text(key: object) -> str:
    """Return a key as it is written; raises TypeError for a key of many parts."""
    text = key_text(key)
    if text is None:
        raise TypeError(f"key {key!r} is a {type(key).__name__}")
    return text


def spelled_out(node: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which a dict or a list says of what it is."""
    return {**_BARE.get(node.get("type"), {}), **node}


def writing_keys(node: dict[str, Any], keys: Any) -> dict[str, Any]:
    """Return the schema of a dict that writes keys as texts. keys: their schema, as pydantic made it."""
    if keys["type"] in _TEXT_KEYS or keys["type"] == "str" or "serialization" in keys:
        return node
    writing = core_schema.plain_serializer_function_ser_schema(key_as_text)
    return {**node, "keys_schema": {**node["keys_schema"], "serialization": writing}}


def reading_none_keys(node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a dict that reads None where None may be a key, and no other key can be "null"."""
    keys: Any = node.get("keys_schema") or {}
    is_none = keys.get("type") == "none" or (keys.get("type") == "nullable" and keys["schema"]["type"] in _TEXT_KEYS)
    if not is_none:
        return node
    reading = core_schema.no_info_before_validator_function(lambda key: None if key == "null" else key, keys)
    return {**node, "keys_schema": reading}
