"""From a recorded answer to the one that the protocol page asks for: where they differ, the page wins.

The differences are those that the recordings' README lists; each stands here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.cases.case import hashed

SLEEPS = {"nap": "1s", "p3": "500ms", "long": "30s"}
"""Sleeps were recorded as dates; they go over the wire as durations."""
_WITH_DATA = {"StepRun", "RunComplete"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The answer to expect; retry_after: whether that header is there."""

    status: int
    body: Any
    retry_after: bool
    no_retry: bool


def as_the_page_says(response: Mapping[str, Any], *, memoized: bool) -> Wanted:
    """Return what to expect in place of a recorded *response*. memoized: the call request held memos."""
    status, headers, body = response["status"], response["headers"], response["body"]
    retry_after = "retry-after" in headers
    no_retry = headers.get("x-inngest-no-retry") == "true"
    if status == 206:
        ops = [_op(op) for op in body]
        # TypeScript repeats with a header what StepFailed says; the header belongs to non-retriable errors only.
        errors = [op["error"]["name"] for op in ops if "error" in op]
        return Wanted(206, ops, retry_after, no_retry and errors == ["NonRetriableError"])
    if isinstance(body, str):  # a string goes in an op, because engines decode what looks like JSON
        return Wanted(206, [{"op": "RunComplete", "id": hashed("complete"), "data": body}], False, False)
    if status >= 400 and body["name"] == "RetryAfterError" and not memoized:  # raised inside the step
        return Wanted(206, [_failed_step(body)], retry_after, False)
    if status >= 400:  # an uncaught StepError was 500 or 400; `code` is free
        return Wanted(500, _error(body), retry_after, no_retry)
    return Wanted(status, body, retry_after, no_retry)


def _failed_step(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the op of the `retry` function's step."""
    names = {"id": hashed("bad"), "name": "bad", "displayName": "bad", "userland": {"id": "bad"}}
    return {"op": "StepError", **names, "error": _error(body)}


def _op(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the op without explicit nulls, timings and what TypeScript adds to errors."""
    op = {key: _without_nulls(value) for key, value in recorded.items() if value is not None and key != "timing"}
    if not op.get("opts"):
        op.pop("opts", None)
    if op["op"] in _WITH_DATA:
        op["data"] = recorded.get("data")
    else:
        op.pop("data", None)
    if op["userland"]["id"] == "fan":
        op["opts"] = {"type": "step.sendEvent"}  # protocol B2
    if op["op"] == "Sleep":
        op["name"] = SLEEPS.get(op["userland"]["id"], op["name"])
    if "error" in op:
        op["error"] = _error(op["error"])
    return op


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _without_nulls(item) for key, item in items if item is not None}
    return value


def _error(recorded: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recorded.items() if key in ("name", "message", "stack", "cause")}
