"""Runs, spans, apps and functions as `/api/v2` shows them. Reads no request and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from inngest_core.protocol.wire import STEP_ID_OF_DISCOVERY
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.options_text import options_in_words, triggers_in_words
from inngest_devserver.apps.registry import Registry
from inngest_devserver.calls.record import Recorded
from inngest_devserver.calls.requests import without_password
from inngest_devserver.masking import Masking
from inngest_devserver.runs.metadata import shown
from inngest_devserver.runs.run import PauseKind, Status
from inngest_devserver.runs.trace import Span
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.stacks import ErrorText, error_of
from inngest_devserver.storage.tables import AppRow, MetadataRow, RunRow

from .shapes import (
    AppView,
    CallView,
    FailureView,
    FrameView,
    FunctionView,
    LatestSync,
    MetadataView,
    RunStatus,
    RunView,
    SpanView,
    TriggerView,
)

STEP_OPS = {
    PauseKind.PLANNED.value: "RUN",
    PauseKind.SLEEP.value: "SLEEP",
    PauseKind.WAIT.value: "WAIT_FOR_EVENT",
    PauseKind.INVOKE.value: "INVOKE",
}


def step_op(kind: str) -> str:
    """Return the name of a kind of step in `/api/v2` and in GraphQL."""
    return STEP_OPS.get(kind, kind.upper())


def run_status(status: str) -> RunStatus:
    return cast("RunStatus", status.upper())


def local_id(slug: str, app: str) -> str:
    """Return the id of a function within its app."""
    return slug.removeprefix(f"{app}-")


def run_view(run: RunRow, registry: Registry, output: Masking | None = None) -> RunView:
    """Return a run, with its output if there is a way to show it."""
    function = registry.function(run.function_id)
    app = registry.app_name(function.app_id) if function else ""
    name = function.name if function else ""
    view = RunView(
        id=run.id,
        app={"id": app},
        function={"id": local_id(function.slug, app) if function else run.function_id, "name": name},
        status=run_status(run.status),
        queuedAt=iso(run.started_at),
        startedAt=iso(run.started_at),
        trigger={"eventIds": run.batch.split(","), "eventName": run.event_key.partition("\n")[0]},
    )
    if run.ended_at is not None:
        view["endedAt"] = iso(run.ended_at)
    if run.rerun_of:
        view["rerunOf"] = run.rerun_of
    if run.parent_run:
        view["parentRunId"], view["parentStepId"] = run.parent_run, run.parent_step
    if output is not None and run.output is not None:
        view["output"] = output.mask_json(run.output)
        _add_error(view, run.status)
    return view


def span_view(span: Span, waits: Mapping[str, list[str]], masking: Masking, *, has_output: bool) -> SpanView:
    """Return a span. waits: why steps do not go on, by their ids. has_output: whether inputs and outputs are shown."""
    view = SpanView(id=span.id, name=span.name, status=run_status(span.status), queuedAt=iso(span.queued_at))
    if span.started_at is not None:
        view["startedAt"] = iso(span.started_at)
    if span.ended_at is not None:
        view["endedAt"] = iso(span.ended_at)
        view["durationMs"] = str(duration_ms(span))
    if span.step_id:
        view["stepId"] = span.step_id
        view["stepOp"] = step_op(span.kind)
    if span.is_attempt:
        view["attempt"] = span.attempt
    if span.detail:
        view["detail"] = span.detail
    if span.in_group:
        view["group"] = span.position
    if span.invoked:
        view["invokedRunId"] = span.invoked
    if span.step_id in waits and span.ended_at is None:
        view["waitsFor"] = waits[span.step_id]
    if has_output and span.arguments is not None:
        view["input"] = masking.mask_json(span.arguments)
    if has_output and span.output is not None:
        view["output"] = masking.mask_json(span.output)
        _add_error(view, span.status)
    if span.metadata:
        view["metadata"] = [metadata_view(row, masking) for row in span.metadata]
    if span.children:
        view["children"] = [span_view(child, waits, masking, has_output=has_output) for child in span.children]
    return view


def metadata_view(row: MetadataRow, masking: Masking) -> MetadataView:
    """Return what is known under a kind."""
    values = {name: str(value) if type(value) is int else value for name, value in shown(row, masking).items()}
    return MetadataView(kind=row.kind, scope=row.scope, updatedAt=iso(row.updated_at), values=values)


def _add_error(view: RunView | SpanView, status: str) -> None:
    """Show the error in the output of what has failed with its frames."""
    found = error_of(view.get("output")) if status == Status.FAILED else None
    if found is not None:
        view["error"] = _failure_view(found)


def _failure_view(error: ErrorText) -> FailureView:
    frames = [
        FrameView(file=one.file, line=one.line, function=one.function, code=one.code, own=one.is_own)
        for one in error.frames
    ]
    view = FailureView(name=error.name, message=error.message, frames=frames, stack=error.stack)
    if error.causes:
        view["causes"] = [_failure_view(cause) for cause in error.causes]
    return view


def call_view(call: Recorded, names: Mapping[str, str], masking: Masking) -> CallView:
    """Return a call of an app. names: of steps, by their ids."""
    is_discovery = call.step_id == STEP_ID_OF_DISCOVERY
    name = names.get(call.step_id, call.step_id)
    view = CallView(
        id=call.id,
        asked="the function" if is_discovery else f'the step "{name}"',
        attempt=call.attempt,
        url=call.url,
        startedAt=iso(call.began_at),
        sentBytes=call.sent_bytes,
        sent=masking.mask_json(call.sent, is_whole=call.sent_bytes == len(call.sent)),
    )
    if not is_discovery:
        view["stepId"] = call.step_id
    if call.ended_at is None:
        return view
    view["endedAt"] = iso(call.ended_at)
    view["durationMs"] = str(max(round((call.ended_at - call.began_at) * 1000), 0))
    if call.error:
        view["error"] = call.error
        return view
    view["status"], view["receivedBytes"] = call.status, call.received_bytes
    view["received"] = masking.mask_json(call.received, is_whole=call.received_bytes == len(call.received))
    return view


def duration_ms(span: Span) -> int:
    """Return how long a span that has ended took, in milliseconds."""
    began = span.queued_at if span.started_at is None else span.started_at
    return max(round(((span.ended_at or began) - began) * 1000), 0)


def app_view(app: AppRow, registry: Registry) -> AppView:
    language, _, version = app.sdk.partition(":")
    sync = LatestSync(url=without_password(app.url))
    if language:
        sync["sdkLanguage"] = language
    if version:
        sync["sdkVersion"] = version.removeprefix("v")
    if app.framework:
        sync["framework"] = app.framework
    view = AppView(
        id=app.name,
        name=app.name,
        method="CONNECT" if app.url.startswith(("ws:", "wss:")) else "SERVE",
        functionCount=len(registry.functions(app.id)),
        createdAt=iso(app.created_at),
        latestSync=sync,
    )
    if app.version:
        view["appVersion"] = sync["appVersion"] = app.version
    return view


def function_view(function: Function, app: str) -> FunctionView:
    name = local_id(function.slug, app)
    triggers = cast("list[Mapping[str, Any]]", function.config.get("triggers") or [])
    return FunctionView(
        app={"id": app},
        id=name,
        name=function.name,
        slug=name,
        triggers=[_trigger(trigger) for trigger in triggers],
        configuration={"retries": {"isDefault": not _gives_retries(function), "value": function.max_attempts - 1}},
        startedBy=triggers_in_words(function.config),
        options=options_in_words(function.config),
    )


def _trigger(trigger: Mapping[str, Any]) -> TriggerView:
    if trigger.get("cron"):
        return TriggerView(type="CRON", value=str(trigger["cron"]))
    view = TriggerView(type="EVENT", value=str(trigger.get("event", "")))
    if trigger.get("expression"):
        view["condition"] = str(trigger["expression"])
    return view


def _gives_retries(function: Function) -> bool:
    steps = cast("Mapping[str, Mapping[str, Any]]", function.config.get("steps") or {})
    return "retries" in function.config or any("retries" in step for step in steps.values())
