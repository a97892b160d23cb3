"""What the body of a request to `/api/v2` holds, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from inngest_core.protocol.wire import json_kind, parse_object
from inngest_devserver.http.answers import Call

from .questions import QuestionError

LONGEST_WAIT_SECONDS = 300.0
"""How long a request may wait for the end of a run."""


def body_of(call: Call, known: Iterable[str] = ()) -> Mapping[str, Any]:
    """Return the object in a body; an empty one when there is none. known: its only keys, if they are given."""
    body: Mapping[str, Any] = parse_object(call.request.body) if call.request.body.strip() else {}
    names = list(known)
    unknown = sorted(set(body) - set(names)) if names else []
    if unknown:
        raise QuestionError(f"{unknown[0]} is unknown; the body may have {', '.join(names)}")
    return body


def object_in(value: object, what: str, *keys: str) -> Mapping[str, Any]:
    """Return *value*, which must be an object, and so must be what it has at *keys*."""
    if not isinstance(value, dict):
        raise QuestionError(f"{what} is a JSON {json_kind(value)}; expected an object")
    found = cast("dict[str, Any]", value)
    for key in keys:
        if found.get(key) is not None and not isinstance(found[key], dict):
            raise QuestionError(f"{key} is a JSON {json_kind(found[key])}; expected an object")
    return found


def wait_seconds(body: Mapping[str, Any]) -> float:
    """Return how long the end of a run is waited for."""
    seconds = body.get("wait", 0)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise QuestionError(f"wait must be a number of seconds from 0 to {LONGEST_WAIT_SECONDS:g}")
    return float(seconds)


def flag_in(body: Mapping[str, Any], name: str) -> bool:
    """Return a truth value; false when it is left out."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise QuestionError(f"{name} is a JSON {json_kind(value)}; expected true or false")
    return value


def count_in(body: Mapping[str, Any], name: str, most: int) -> int:
    """Return a number from 1 to *most*, which it is when it is left out."""
    value = body.get(name, most)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise QuestionError(f"{name} must be an integer from 1 to {most}")
    return value


def texts_in(value: object, what: str) -> list[str]:
    """Return a text, or a list of texts, as a list."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        raise QuestionError(f"{what} must be a text or a list of texts")
    return texts
