"""The arguments of steps as they are recorded with them: engines show them, and users may edit them for a rerun.

Only what is read without changing it is recorded: an iterator would be used up, and a lazy query would be made. A step
of whose arguments one is something else has no recorded input; it runs all the same.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
from collections.abc import Iterable
from typing import Any

import pydantic
import pydantic_core

from inngest_core.values.schema import UUID

from .replay import Found
from .tools import Tool

MOST_BYTES = 256 * 1024
"""Of the recorded arguments in one answer: it has to hold results, too, and up to a thousand planned steps."""

_PLAIN = (
    *(datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, enum.Enum),
    UUID,
    pydantic.BaseModel,
)


def record_inputs(found: Iterable[Found[Tool, Any]]) -> None:
    """Put the arguments of steps that run in the app into their options, as JSON values, as far as there is room."""
    left = MOST_BYTES
    for each in found:
        tool = each.tool
        args = tool.args if each.input is None else each.input
        if not args or tool.callback is None:
            continue
        text = _text_of(args)
        if text is None or len(text) > left:
            continue
        left -= len(text)
        each.tool = tool._replace(opts={**tool.opts, "input": json.loads(text)})


def _text_of(args: Iterable[object]) -> str | None:
    """Return arguments as a JSON text; None when one of them is not a value."""
    try:
        return json.dumps(list(args), default=_as_json, allow_nan=False, separators=(",", ":"))
    except Exception:  # a model of the user's may raise anything
        return None


def _as_json(value: object) -> object:
    """Return a value that is not JSON as what is; raises TypeError for what may be no value."""
    if isinstance(value, _PLAIN):
        return pydantic_core.to_jsonable_python(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError
