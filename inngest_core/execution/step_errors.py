"""The error of a failed step, as it is in a memo or an op, as the StepError that user code gets. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from inngest_core.errors import StepError


def read_step_error(error: Mapping[str, Any], step_id: str) -> StepError:
    """Return the error of a step; *error* is a JSON object in which every key may be missing."""
    stack = error.get("stack")
    message = error.get("message")
    return StepError(
        "the step failed and left no message" if message is None else str(message),
        name=str(error.get("name") or "Error"),
        stack=stack if isinstance(stack, str) else None,
        step_id=step_id,
        cause=_cause(error.get("cause"), step_id),
        data=error.get("data"),
    )


def _cause(error: object, step_id: str) -> StepError | None:
    """Return what an error says of its own cause: an object like itself, or a text."""
    if isinstance(error, str) and error:
        return StepError(error, name="Error", step_id=step_id)
    if not isinstance(error, dict):
        return None
    fields = cast("dict[str, object]", error)
    stack = fields.get("stack")
    return StepError(
        str(fields.get("message") or ""),
        name=str(fields.get("name") or "Error"),
        stack=stack if isinstance(stack, str) else None,
        step_id=step_id,
        cause=_cause(fields.get("cause"), step_id),
    )
