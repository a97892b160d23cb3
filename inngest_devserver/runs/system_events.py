"""The events that the engine sends itself: a run failed, finished, was cancelled; a function is invoked.

Builds them, sends nothing. Their shapes are those of recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_core.protocol.wire import EventName
from inngest_devserver import fragments, ids
from inngest_devserver.apps.functions import Function
from inngest_devserver.scheduling.clock import iso

from .run import Run, Status


def ended(run: Run, status: Status, output: bytes, error: Mapping[str, Any] | None, now: float) -> list[dict[str, Any]]:
    """Return the events that tell how a run ended; never one of the name that started it: that would never stop."""
    names = [EventName.FUNCTION_FINISHED]
    if status is Status.FAILED:
        names.append(EventName.FUNCTION_FAILED)
    elif status is Status.CANCELLED:
        names = [EventName.FUNCTION_CANCELLED]
    started_by = run.events.first.get("name")
    data: dict[str, Any] = {
        "function_id": run.function.slug,
        "run_id": run.id,
        "event": {**run.events.first, "user": run.events.first.get("user") or {}},
        "events": run.events.all,
        "result": fragments.load(output),
        "_inngest": {"status": status.value},
    }
    if error is not None:
        data["error"] = error
    if run.row.parent_run:
        data["correlation_id"] = correlation_id(run.row.parent_run, run.row.parent_step)
    return [
        {"name": name.value, "id": run.id, "ts": int(now * 1000), "data": data} for name in names if name != started_by
    ]


def invoked(
    payload: Mapping[str, Any], function: Function, now: float, parent: tuple[Run, str, str, float] | None = None
) -> dict[str, Any]:
    """Return the event that an invoked function gets.

    payload: data, user, v, meta. parent: the run that invokes, its step's id and name, and when it gives up waiting.
    """
    given = payload.get("data")
    data: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}  # pyright: ignore[reportUnknownArgumentType]
    mark: dict[str, Any] = {"fn_id": function.slug, "gid": ids.random_uuid()}
    if parent is not None:
        run, step_id, name, expires = parent
        span = f"00-{run.row.trace_id}-{ids.span_id()}-01"
        mark |= {
            "correlation_id": correlation_id(run.id, step_id),
            "expire": int(expires * 1000),
            "isr": {"dsid": ids.span_id(), "dstp": span, "tp": span, "ts": ""},
            "name": name,
            "source_app_id": run.function.app_id,
            "source_fn_id": run.function.id,
            "source_fn_v": 1,
            "tc": {"ctx": {"sid": ids.span_id(), "traceparent": span}, "ts": iso(now)},
        }
    data["_inngest"] = mark
    event: dict[str, Any] = {"name": EventName.FUNCTION_INVOKED.value, "ts": int(now * 1000), "data": data}
    event.update({key: payload[key] for key in ("user", "v", "meta") if payload.get(key)})
    return event


def correlation_id(run_id: str, step_id: str) -> str:
    return f"{run_id}.{step_id}"
