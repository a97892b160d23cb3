"""The shapes of memos, and of errors in them. Pure. What they are: docs/protocol.md, "Memos"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from inngest_devserver import fragments

SLEPT = fragments.NULL
TIMED_OUT = fragments.NULL
_STEP_KEYS = ("name", "message", "stack", "data")
_RUN_KEYS = ("name", "message", "stack", "cause")
_LARGEST_ATTEMPT_ERROR = 32_768


def data(value: bytes) -> bytes:
    """Return the memo of a step that ran, or of an invoked function that returned."""
    return b'{"data":' + value + b"}"


def step_error(error: Mapping[str, Any] | None, *, no_retry: bool = False) -> bytes:
    """Return the memo of a step that failed for good: only known keys survive."""
    if error is None:
        return b'{"error":null}'
    kept = _step_error(error)
    if no_retry:
        kept["noRetry"] = True
    return fragments.wrap("error", fragments.dump(kept))


def _step_error(error: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: error[key] for key in _STEP_KEYS if error.get(key) is not None}
    cause = error.get("cause")
    if isinstance(cause, Mapping):
        kept["cause"] = _step_error(cast("Mapping[str, Any]", cause))
    elif cause is not None:
        kept["cause"] = cause
    return kept


def run_failed(error: Mapping[str, Any]) -> bytes:
    """Return the memo of an invoked function that failed; error: as `run_error` made it."""
    return fragments.wrap("error", fragments.dump(error))


def attempt_error(error: Mapping[str, Any]) -> bytes:
    """Return the error of an attempt as it is kept for people: a bounded part of what is known of it."""
    kept = fragments.dump({key: error[key] for key in _RUN_KEYS if error.get(key) is not None})
    if len(kept) <= _LARGEST_ATTEMPT_ERROR:
        return kept
    cut = {key: str(error.get(key) or "") for key in ("name", "message", "stack")}
    return fragments.dump({**cut, "message": cut["message"][:4096], "stack": cut["stack"][-16384:]})


def error(name: str, message: str, **fields: str) -> bytes:
    """Return the memo of a step that failed with an error of the engine's own."""
    return fragments.wrap("error", fragments.dump({"name": name, "message": message, **fields}))


def invoke_timed_out() -> bytes:
    name = "InngestInvokeTimeoutError"
    message = "Timed out waiting for invoked function to complete"
    return error(name, message, error=f"{name}: {message}")


def run_error(output: object, reason: str) -> dict[str, Any]:
    """Return the error of a failed run, made of what the app answered; reason: how the attempt ended.

    Looks inside a nested `error` or `body`; a plain text is the message.
    """
    found: dict[str, Any] = {"error": reason, "name": "Error", "message": ""}
    if isinstance(output, Mapping):
        source = cast("Mapping[str, Any]", output)
        for nested in ("error", "body"):
            inner = source.get(nested)
            if isinstance(inner, Mapping) and "message" not in source:
                source = cast("Mapping[str, Any]", inner)
        found.update({key: source[key] for key in _RUN_KEYS if source.get(key) is not None})
    elif isinstance(output, str):
        found["message"] = output
    return found
