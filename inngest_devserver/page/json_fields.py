"""JSON that somebody has typed into a field of a form: read, or refused in words that say where it is wrong."""

from __future__ import annotations

import json
from typing import Any, cast

from inngest_core.protocol.wire import json_kind
from inngest_devserver.http.answers import APIError


class FieldError(APIError):
    """What was typed cannot be used; it is shown again, with the reason."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


def _read(text: str, what: str) -> object:
    try:
        return cast("object", json.loads(text, parse_constant=_refuse))
    except RecursionError:
        raise FieldError(f"{what} is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise FieldError(f"{what} is not JSON: {error.msg}, at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise FieldError(f"{what} is not JSON: {error}") from None


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


def read_object(text: str, what: str) -> dict[str, Any]:
    """Return the object in a field; an empty field is an empty object. Raises FieldError."""
    value: object = _read(text, what) if text.strip() else dict[str, Any]()
    if not isinstance(value, dict):
        raise FieldError(f"{what} is a JSON {json_kind(value)}; expected an object, as in {{}}")
    return cast("dict[str, Any]", value)


def read_array(text: str, what: str) -> list[object]:
    """Return the array in a field. Raises FieldError."""
    value = _read(text, what)
    if not isinstance(value, list):
        raise FieldError(f"{what} is a JSON {json_kind(value)}; expected an array of arguments, as in [1, 2]")
    return cast("list[object]", value)
