"""How values of one type are written and read: built once for each type, from the schema that pydantic has of it.

The schema is changed so that what was written can be read: a field is read by the name under which it is written,
bytes are base64, NaN stays visible, an Enum may have any values. No I/O, no knowledge of steps.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import pathlib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pydantic
import pydantic_core
from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

from .json_text import as_body, parse_value
from .schema import KIND, Fitting, attrs_fields, attrs_values, hashable
from .unions import CONFIG, NOT_SCHEMAS, OF_PYDANTIC, Reading, build, covers, ordered

MOST_KNOWN = 1024
"""So many types are remembered; then it starts anew."""

_OWN_CONFIG = frozenset({"model", "dataclass", "typed-dict"})
_SCALARS: Mapping[str, Sequence[type]] = {
    "str": [str],
    "int": [int],
    "float": [float, int],
    "bool": [bool],
    "none": [types.NoneType],
    "nullable": [types.NoneType],
    "any": [str, int, float, bool, types.NoneType, list, dict],
    "list": [list],
    "dict": [dict, str],
    "typed-dict": [dict, str],
    "tuple": [tuple],
    "set": [set],
    "frozenset": [frozenset],
    "bytes": [bytes],
    "datetime": [datetime.datetime],
    "date": [datetime.date],
    "time": [datetime.time],
    "timedelta": [datetime.timedelta],
    "decimal": [decimal.Decimal],
    "uuid": [typing.get_args(pydantic.UUID1)[0]],
    "complex": [complex],
}
"""The classes of the values of a schema, where its type says them."""


class Form:
    """Writes and reads the values of one type."""

    __slots__ = ("_exact", "_round_trip", "_serializer", "_validator", "doubtful", "kinds")

    def __init__(self, typ: object, names: Mapping[str, Any], *, shared: bool = False) -> None:
        """Raises PydanticUserError, TypeError or NameError: pydantic does not know such a type."""
        self._round_trip = not shared
        fitted = Fitting(names).fit(typ)
        rewriting = _Rewriting(shared=shared)
        schema = rewriting.rewrite(pydantic.TypeAdapter(fitted).core_schema)
        self.kinds: frozenset[type] = frozenset(rewriting.kinds)
        """The classes that a value may consist of, as far as the type says."""
        self._serializer = build(SchemaSerializer, schema)
        self._validator = build(SchemaValidator, Reading(schema, exact=False, round_trip=self._round_trip).schema)
        exact = Reading(schema, exact=True, round_trip=self._round_trip)
        self.doubtful = exact.found or rewriting.loses
        """Whether a value of the type may come back as another: JSON confuses members of a union, or lacks fields."""
        self._exact = build(SchemaValidator, exact.schema) if exact.found else self._validator

    def write(self, value: object, *, warnings: bool = True) -> bytes:
        """Return *value* as JSON; raises ValueError, TypeError, and when it is not of the type, unless told not to."""
        body: bytes = self._serializer.to_json(
            value,
            by_alias=True,
            round_trip=self._round_trip,
            warnings="error" if warnings else "none",
            fallback=attrs_values,
        )
        return body

    def to_json_values(self, value: object) -> Any:
        """Do as `write`; return JSON values."""
        return self._serializer.to_python(
            value, mode="json", by_alias=True, round_trip=self._round_trip, warnings="error", fallback=attrs_values
        )

    def read(self, body: bytes, *, exact: bool = False) -> Any:
        """Return the value that a JSON text stands for; raises ValidationError, or what a validator raises.

        exact: of a union, take only what one of its members, and no other, can have written.
        """
        validator = self._exact if exact else self._validator
        try:
            return validator.validate_json(body)
        except pydantic.ValidationError as error:
            if _first(error)["type"] != "json_invalid":
                raise
        return validator.validate_python(parse_value(body))  # a lone surrogate, or deep nesting

    def read_whole(self, body: bytes, *, exact: bool = False) -> Any:
        """Do as `read`; raises ValueError when writing the value again does not give all that the text holds."""
        value = self.read(body, exact=exact)
        try:
            again = self.write(value, warnings=False)
        except ValueError:  # as above
            again = as_body(self.to_json_values(value))
        if not covers(again, body):
            raise ValueError("what was read, written again, is not the same")
        return value

    def read_any(self, body: bytes, *, whole: bool = False) -> Any:
        """Read exactly what can be, else as pydantic does; whole: as `read_whole` does."""
        read = self.read_whole if whole else self.read
        if self._exact is not self._validator:
            with contextlib.suppress(Exception):  # it is raised again below, unless it is of no account
                return read(body, exact=True)
        return read(body)


def _first(error: pydantic.ValidationError) -> Any:
    return error.errors(include_url=False, include_input=False, include_context=False)[0]


_forms: dict[object, tuple[object, Form]] = {}


def form_of(typ: object, names: Mapping[str, Any] = types.MappingProxyType({}), *, shared: bool = False) -> Form:
    """Return the form of a type; the same one for equal types.

    names: what the types of its fields may be called where they stand, beside what their modules know.
    shared: others write such values, or read them: a model's bytes are as it says itself, and what it computes is
    written, too.
    Raises PydanticUserError, TypeError or NameError: pydantic does not know such a type.
    """
    key = (typ if hashable(typ) else id(typ), shared)
    known = _forms.get(key)
    if known is not None and (known[0] is typ or known[0] == typ):
        return known[1]
    form = Form(typ, names, shared=shared)
    if len(_forms) >= MOST_KNOWN:
        _forms.clear()
    _forms[key] = (typ, form)
    return form


def plain_form(value: object) -> object:
    """Return what stands for an object that pydantic_core does not write: its fields, or what its class says.

    Raises PydanticUserError, TypeError or ValueError: it has none.
    """
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if attrs_fields(type(value)) is not None:
        return attrs_values(value)
    return form_of(type(value)).to_json_values(value)


class _Rewriting:
    """One pass over a schema; notes the classes of values that it names."""

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._own_config = False
        """Whether this is within a model that is shared."""
        self.kinds: set[type] = set()
        self.loses = False
        """Whether fields are left out."""

    def rewrite(self, node: Any) -> Any:
        if isinstance(node, dict):
            return self._rewrite_schema(cast("dict[str, Any]", node))
        if isinstance(node, list | tuple):
            return type(cast("list[Any]", node))(map(self.rewrite, cast("list[Any]", node)))
        return node

    def _rewrite_schema(self, node: dict[str, Any]) -> dict[str, Any]:
        kind = node.get("type")
        if kind in OF_PYDANTIC:
            return node
        self._note(kind, node)
        self.loses = self.loses or bool(node.get("serialization_exclude"))
        if kind == "enum" and not _is_simple(node):
            by_value: dict[str, Any] = _enum(node["cls"], node["members"])
            return by_value
        outer = self._own_config
        self._own_config = outer or (self._shared and kind == "model")
        made = {key: value if key in NOT_SCHEMAS else self.rewrite(value) for key, value in node.items()}
        if not self._own_config and ("config" in node or kind in _OWN_CONFIG):
            made["config"] = _configured(node.get("config") or {})
        self._own_config = outer
        if kind == "dict" and node.get("keys_schema", {}).get("type") == "enum":
            keys = node["keys_schema"]
            made["keys_schema"] = _enum(keys["cls"], keys["members"], as_keys=True)
        if kind in ("model-fields", "typed-dict"):
            made["fields"] = {name: _readable(name, field) for name, field in made["fields"].items()}
        elif kind == "dataclass-args":
            made["fields"] = [_readable(field["name"], field) for field in made["fields"]]
        if self._shared and made.get("computed_fields"):
            return cast("dict[str, Any]", _without_computed(made))
        return made

    def _note(self, kind: object, node: dict[str, Any]) -> None:
        cls = node.get("metadata", {}).get(KIND) if "metadata" in node else None
        if cls is None and kind in ("enum", "model", "dataclass"):
            cls = node["cls"]
        if cls is not None:
            self.kinds.add(cls)
        if kind == "literal":
            self.kinds.update(map(type, node["expected"]))
        elif isinstance(kind, str):
            self.kinds.update(_SCALARS.get(kind, ()))


def _configured(config: Mapping[str, Any]) -> dict[str, Any]:
    made = {**CONFIG, **config}
    if config.get("ser_json_inf_nan") != "strings":
        made["ser_json_inf_nan"] = "constants"
    if made["ser_json_bytes"] != made["val_json_bytes"]:
        made["val_json_bytes"] = made["ser_json_bytes"]
    return made


def _readable(name: str, field: dict[str, Any]) -> dict[str, Any]:
    """Let a field be read by the name under which it is written, by its own, and by those that it has anyway."""
    written = field.get("serialization_alias", name)
    given = field.get("validation_alias")
    if given == written or (given is None and written == name):
        return field
    paths: list[list[Any]] = [[written], [name]]
    if isinstance(given, str):
        paths.append([given])
    elif given:
        paths.extend(given if isinstance(given[0], list) else [given])
    return {**field, "validation_alias": paths}


def _without_computed(schema: Any) -> Any:
    """Let nothing that is computed be read."""
    computed = {each.get("alias", each["property_name"]) for each in schema["computed_fields"]}

    def drop(data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in cast("dict[object, object]", data).items() if key not in computed}

    return core_schema.no_info_before_validator_function(drop, schema)


def _is_simple(node: Mapping[str, Any]) -> bool:
    return all(isinstance(each.value, str | int) for each in node["members"])


def _enum(cls: Any, members: Sequence[Any], *, as_keys: bool = False) -> Any:
    """Return the schema of an Enum that is read by what its values look like as JSON."""

    def key_of(value: object) -> object:
        if as_keys:
            return next(iter(pydantic_core.from_json(pydantic_core.to_json({value: 0}))))
        return ordered(pydantic_core.from_json(pydantic_core.to_json(value, bytes_mode="base64")))

    known = {key_of(each.value): each for each in members}

    def read(value: object) -> object:
        try:
            return known[key_of(value)]
        except KeyError:
            raise ValueError(f"no member of {cls.__name__} has this value") from None

    def write(value: object) -> object:
        if not isinstance(value, cls):
            raise TypeError(f"a {type(value).__name__} is no {cls.__name__}")
        return cast("Any", value).value

    return core_schema.no_info_plain_validator_function(
        read, serialization=core_schema.plain_serializer_function_ser_schema(write)
    )
