"""The part of the GraphQL API of engines that test suites read: runs with their traces, outputs of spans, events.

graphql-core reads and answers the queries; it is loaded with the first of them. Reads only.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.extras import needs
from inngest_core.protocol.wire import parse_object
from inngest_core.web.messages import Response
from inngest_devserver import fragments
from inngest_devserver.engine import Engine
from inngest_devserver.masking import Masking
from inngest_devserver.model_usage import KIND
from inngest_devserver.runs.run import PauseKind, Status
from inngest_devserver.runs.trace import Span
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.tables import EventRow, RunRow

from .answers import NO_ACCOUNT, APIError, Call, json_response
from .v2.views import duration_ms, metadata_view, step_op

_LONGEST_QUERY = 20_000
"""Characters; those of test suites have a few hundred."""

SCHEMA = """
scalar Time
scalar JSON
type Query {
  run(runID: String!): FunctionRunV2
  runTrace(runID: String!): RunTraceSpan
  runTraceSpanOutputByID(outputID: String!): RunTraceSpanOutput
  runTrigger(runID: String!): RunTraceTrigger
  event(query: EventQuery!): Event
}
input EventQuery { eventId: ID!, workspaceId: ID }
type FunctionRunV2 {
  id: ID! functionID: ID! status: String! output: String eventName: String triggerIDs: [ID!]!
  queuedAt: Time! startedAt: Time endedAt: Time isBatch: Boolean! hasAI: Boolean! traceID: String!
  function: Function! app: App! trace(preview: Boolean): RunTraceSpan
}
type Function { id: ID! name: String! slug: String! }
type App { id: ID! name: String! externalID: String! }
type RunTraceSpan {
  appID: ID! functionID: ID! runID: ID! traceID: String! spanID: String! name: String! status: String!
  attempts: Int duration: Int outputID: String isRoot: Boolean! queuedAt: Time! startedAt: Time endedAt: Time
  stepID: String stepOp: String stepInfo: StepInfo metadata: [SpanMetadata!]! childrenSpans: [RunTraceSpan!]!
}
type SpanMetadata { kind: String! scope: String! updatedAt: Time! values: JSON! }
union StepInfo = RunStepInfo | SleepStepInfo | WaitForEventStepInfo | InvokeStepInfo | OtherStepInfo
type RunStepInfo { type: String }
type SleepStepInfo { sleepUntil: Time }
type WaitForEventStepInfo { timedOut: Boolean }
type InvokeStepInfo { timedOut: Boolean }
type OtherStepInfo { type: String }
type RunTraceSpanOutput { input: String data: String error: StepError }
type StepError { message: String! name: String stack: String }
type RunTraceTrigger {
  eventName: String IDs: [ID!]! payloads: [String!]! timestamp: Time! isBatch: Boolean! batchID: ID cron: String
}
type Event { id: ID! name: String! createdAt: Time! raw: String! status: String! functionRuns: [FunctionRun!]! }
type FunctionRun { id: ID! status: String! functionID: ID! startedAt: Time endedAt: Time output: String }
"""
_STEP_INFO = {
    PauseKind.PLANNED: "RunStepInfo",
    PauseKind.SLEEP: "SleepStepInfo",
    PauseKind.WAIT: "WaitForEventStepInfo",
    PauseKind.INVOKE: "InvokeStepInfo",
}


class GraphQLRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def query(self, call: Call) -> Response:
        """Answer one query; what is wrong with it is said under `errors`, as GraphQL does."""
        body = parse_object(call.request.body)
        query, variables = body.get("query"), body.get("variables")
        if not isinstance(query, str) or len(query) > _LONGEST_QUERY:
            raise APIError(400, f"query is missing, or longer than {_LONGEST_QUERY} characters")
        if variables is not None and not isinstance(variables, dict):
            raise APIError(400, "variables is not a JSON object")
        with needs("dev-server", "graphql"):
            import graphql

        result = cast("Any", graphql).graphql_sync(
            _schema(),
            query,
            root_value=_Root(self._engine),
            variable_values=cast("dict[str, Any] | None", variables),
            operation_name=body.get("operationName"),
        )
        return json_response(result.formatted)


@functools.cache
def _schema() -> Any:
    from graphql import build_schema

    return build_schema(SCHEMA)


def _text(output: bytes | None) -> str | None:
    return None if output is None else output.decode()


class _Root:
    """The fields of Query. graphql-core calls methods with the query's arguments, and reads other attributes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, _info: object, runID: str) -> _Run | None:  # noqa: N803 - names of the API
        row = self._engine.store.run(runID)
        return _Run(self._engine, row) if row else None

    def runTrace(self, info: object, runID: str) -> _Span | None:  # noqa: N802, N803
        run = self.run(info, runID)
        return run.trace(info) if run else None

    def runTraceSpanOutputByID(self, _info: object, outputID: str) -> dict[str, Any] | None:  # noqa: N802, N803
        run_id, wanted = _parse_output_id(outputID)
        row = self._engine.store.run(run_id)
        if row is None:
            raise ValueError(f"there is no run {run_id!r}")
        for span in self._engine.trace(row).walk():
            if span.id == wanted:
                return _output(span)
        raise ValueError(f"run {run_id} has no span {wanted!r}")

    def runTrigger(self, _info: object, runID: str) -> dict[str, Any] | None:  # noqa: N802, N803
        row = self._engine.store.run(runID)
        return _trigger(self._engine, row) if row else None

    def event(self, _info: object, query: Mapping[str, str]) -> _Event | None:
        row = self._engine.store.event(query["eventId"])
        return _Event(self._engine, row) if row else None


class _Run:
    def __init__(self, engine: Engine, row: RunRow) -> None:
        self._engine = engine
        self._row = row
        function = engine.registry.function(row.function_id)
        app = engine.registry.app_name(function.app_id) if function else ""
        self.id, self.functionID, self.status = row.id, row.function_id, row.status.upper()
        self.output, self.traceID = _text(row.output), row.trace_id
        self.queuedAt = self.startedAt = iso(row.started_at)
        self.endedAt = None if row.ended_at is None else iso(row.ended_at)
        self.triggerIDs = row.batch.split(",")
        self.isBatch = len(self.triggerIDs) > 1
        self.hasAI = any(each.kind == KIND for each in engine.store.metadata(row.id))
        event = engine.store.event(row.event_id)
        self.eventName = event.name if event else None
        self.function = {
            "id": row.function_id,
            "name": function.name if function else "",
            "slug": function.slug if function else "",
        }
        self.app = {"id": function.app_id if function else NO_ACCOUNT, "name": app, "externalID": app}

    def trace(self, _info: object, preview: bool = False) -> _Span:
        root = self._engine.trace(self._row)
        if not preview:
            _as_without_preview(root)
        return _Span(self._row, self.app["id"], root, self._engine.masking, is_root=True)


def _as_without_preview(root: Span) -> None:
    """Name the end of a run as traces do that were not asked for as a preview."""
    for span in root.children:
        if not span.step_id:
            span.name = "function success" if span.status == Status.COMPLETED else "execute"


class _Span:
    def __init__(self, run: RunRow, app_id: str, span: Span, masking: Masking, *, is_root: bool = False) -> None:
        self.appID, self.functionID, self.runID, self.traceID = app_id, run.function_id, run.id, run.trace_id
        self.spanID, self.name, self.status, self.isRoot = span.id, span.name, span.status.upper(), is_root
        self.queuedAt = iso(span.queued_at)
        self.startedAt = None if span.started_at is None else iso(span.started_at)
        self.endedAt = None if span.ended_at is None else iso(span.ended_at)
        self.duration = None if span.ended_at is None else duration_ms(span)
        self.attempts = max((child.attempt + 1 for child in span.children), default=1)
        self.stepID = span.step_id or None
        self.stepOp = step_op(span.kind) if span.step_id else None
        self.stepInfo = _step_info(span) if span.step_id else None
        has_output = span.output is not None and span.kind not in (PauseKind.SLEEP,)
        self.outputID = _output_id(run, app_id, span) if has_output else None
        self.metadata = [metadata_view(row, masking) for row in span.metadata]
        self.childrenSpans = [_Span(run, app_id, child, masking) for child in span.children]


def _step_info(span: Span) -> dict[str, Any]:
    name = _STEP_INFO.get(cast("PauseKind", span.kind), "OtherStepInfo")
    timed_out = span.output == fragments.NULL if span.ended_at is not None else None
    until = None if span.ended_at is None else iso(span.ended_at)
    return {"__typename": name, "type": span.kind, "sleepUntil": until, "timedOut": timed_out}


def _output_id(run: RunRow, app_id: str, span: Span) -> str:
    """Return the text that asks for the output of a span: what engines put into it, of which two parts count."""
    parts = {
        "acctID": NO_ACCOUNT,
        "wsID": NO_ACCOUNT,
        "appID": app_id,
        "fnID": run.function_id,
        "tid": run.trace_id,
        "sid": span.id,
        "rid": run.id,
    }
    return base64.b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def _parse_output_id(text: str) -> tuple[str, str]:
    try:
        parts: Any = json.loads(base64.b64decode(text, validate=True))
        return str(parts["rid"]), str(parts["sid"])
    except (ValueError, TypeError, KeyError):
        raise ValueError("outputID is none that this engine gave") from None


def _output(span: Span) -> dict[str, Any]:
    """Return the output of a span: its data as JSON, or its error."""
    value: Any = None if span.output is None else fragments.load(span.output)
    if not span.step_id:
        return {"input": None, "data": None, "error": _error(value)} if span.status == Status.FAILED else _data(value)
    fields: dict[str, Any] = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if "error" in fields:
        return {"input": None, "data": None, "error": _error(fields["error"])}
    return _data(fields["data"] if fields.keys() == {"data"} else cast("Any", value))


def _data(value: object) -> dict[str, Any]:
    return {"input": None, "data": fragments.dump(value).decode(), "error": None}


def _error(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"message": str(value or ""), "name": "Error", "stack": None}
    error = cast("dict[str, Any]", value)
    return {
        "message": str(error.get("message") or ""),
        "name": _optional(error.get("name")),
        "stack": _optional(error.get("stack")),
    }


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _trigger(engine: Engine, row: RunRow) -> dict[str, Any]:
    rows = list(_events(engine, row))
    return {
        "eventName": rows[0].name if rows else None,
        "IDs": row.batch.split(","),
        "payloads": [event.body.decode() for event in rows],
        "timestamp": iso(rows[0].received_at if rows else row.started_at),
        "isBatch": len(rows) > 1,
        "batchID": None,
        "cron": None,
    }


def _events(engine: Engine, row: RunRow) -> Iterator[EventRow]:
    for event_id in row.batch.split(","):
        event = engine.store.event(event_id)
        if event is not None:
            yield event


@dataclass(frozen=True, slots=True)
class _FunctionRun:
    id: str
    status: str
    functionID: str  # noqa: N815 - names of the API
    startedAt: str  # noqa: N815
    endedAt: str | None  # noqa: N815
    output: str | None


class _Event:
    def __init__(self, engine: Engine, row: EventRow) -> None:
        self._engine = engine
        self.id, self.name, self.raw = row.internal_id, row.name, row.body.decode()
        self.createdAt = iso(row.received_at)
        runs = engine.store.runs_of_event(row.internal_id)
        self.functionRuns = [
            _FunctionRun(
                run.id,
                run.status.upper(),
                run.function_id,
                iso(run.started_at),
                None if run.ended_at is None else iso(run.ended_at),
                _text(run.output),
            )
            for run in runs
        ]
        self.status = _together([run.status for run in self.functionRuns])


def _together(statuses: list[str]) -> str:
    """Return the status of an event whose runs have these."""
    if not statuses:
        return "NO_FUNCTIONS"
    if len(set(statuses)) == 1:
        return statuses[0]
    return "RUNNING" if "RUNNING" in statuses else "PARTIALLY_FAILED"
