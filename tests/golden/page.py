"""From a recorded answer to the one that the protocol asks for: where they differ, the protocol wins.

The differences are those that the recordings' README lists; each is here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.cases.case import hashed

SLEEPS = {"nap": "1s", "p3": "500ms", "long": "30s"}
"""Sleeps were recorded as dates; they go over the wire as durations."""


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
    if status == 206 and body[0]["op"] == "RunComplete":  # only for a text that an engine would decode
        data = body[0]["data"]  # TypeScript puts the id of a run into an object, as below
        return Wanted(200, data["runId"] if isinstance(data, dict) and [*data] == ["runId"] else data, False, False)
    if status == 206:
        ops = [op_as_the_page_says(op) for op in body]
        # TypeScript repeats with a header what StepFailed says; the header belongs to non-retriable errors only.
        errors = [op["error"]["name"] for op in ops if "error" in op]
        return Wanted(206, ops, retry_after, no_retry and errors == ["NonRetriableError"])
    if status >= 400 and body["name"] == "RetryAfterError" and not memoized:  # raised inside the step
        return Wanted(206, [_failed_step(body)], retry_after, False)
    if status >= 400:  # TypeScript's were all uncaught errors of steps, and told as 400 without a code
        return Wanted(500, {**_error(body), "code": body.get("code", "step_errored")}, retry_after, no_retry)
    if isinstance(body, dict) and set(cast("dict[str, Any]", body)) == {"runId"}:
        return Wanted(status, body["runId"], retry_after, no_retry)
    return Wanted(status, body, retry_after, no_retry)


def _failed_step(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the op of the `retry` function's step."""
    names = {"id": hashed("bad"), "name": "bad", "displayName": "bad", "userland": {"id": "bad"}}
    return {"op": "StepError", **names, "error": _error(body), "data": None}


def op_as_the_page_says(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the op without nulls (but for that of its data), timings and what TypeScript adds to errors."""
    op = {
        key: _without_nulls(value)
        for key, value in recorded.items()
        if value is not None and key not in ("mode", "timing")
    }
    if not op.get("opts"):
        op.pop("opts", None)
    op["data"] = recorded.get("data") if op["op"] == "StepRun" else None
    if op["op"] == "StepRun" and op["name"] == "sendSignal":  # TypeScript puts the id of the run into an object
        op["data"] = recorded["data"]["runId"]
    if op["userland"]["id"] == "fan":
        op["opts"] = {"type": "step.sendEvent"}
    if op["op"] == "Sleep":
        op["name"] = SLEEPS.get(op["userland"]["id"], op["name"])
    if op["op"] == "WaitForEvent":
        op["opts"] = {"event": op["name"], **op["opts"]}
        op["name"] = op["displayName"]
    if "error" in op:
        op["error"] = _error(op["error"])
    return op


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _without_nulls(item) for key, item in items if item is not None}
    return value


CODES = {"NonRetriableError": "non_retriable_error"}
"""Of errors of steps that TypeScript told without a code."""


def _error(recorded: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in recorded.items() if key in ("name", "message", "stack", "cause")}
    return {**kept, "code": recorded.get("code", CODES.get(recorded["name"], "unknown"))}
