"""Sends the spans of calls to the engine, which shows them in the trace of the run.

Only spans below the engine's own are sent: those that carry its `tracestate`. As OTLP in JSON, in batches, from a
thread of OpenTelemetry's. An engine that does not take them is left alone for a while, and nothing else is affected.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from inngest_core.protocol.wire import dump_json, hash_id
from inngest_core.runtime.drivers import run_sync
from inngest_core.web.messages import HTTPResponse, TransportError

PATH = "/v1/traces/userland"
JSON = {"content-type": "application/json"}
MAX_BYTES = 8 * 1024 * 1024
PAUSE_SECONDS = 60.0
"""For so long an engine that does not take spans is not asked again."""

TRACE_REF, TRACE_PARENT = "inngest.traceref", "inngest.traceparent"
_FROM_TRACE_STATE = {
    TRACE_REF: "inngest@traceref",
    "sys.app.id": "inngest@app",
    "sys.function.id": "inngest@fn",
}
_RENAMED = {"sdk.run.id": "inngest.run.id", "sdk.app.id": "inngest.app.id"}
STEP, STEP_HASH, STEP_INDEX = "inngest.step.id", "inngest.step.hash", "inngest.step.index"
_OF_STEPS = (STEP, STEP_HASH, STEP_INDEX, "inngest.step.attempt")
_INHERITED = (TRACE_PARENT, *_RENAMED, *_OF_STEPS)
_REFUSES_ALL = frozenset({401, 403, 404, 405, 501})
"""What an engine answers that does not know the way to send spans, or the key."""


class ExtendedTraces(SpanProcessor):
    """Sends the spans of calls to the engine; add it to a tracer provider, beside your own processors.

    The middleware `OpenTelemetryMiddleware` has to be given to the client, too.

    client: whose engine gets the spans.
    """

    def __init__(self, client: Any) -> None:
        self._batches = BatchSpanProcessor(EngineExporter(client))

    def on_start(self, span: Span, parent_context: contexts.Context | None = None) -> None:
        """Say to which run and step a span belongs."""
        state = span.get_span_context().trace_state
        if not span.is_recording() or "inngest@traceref" not in state:
            return
        span.set_attributes({name: state[key] for name, key in _FROM_TRACE_STATE.items() if key in state})
        own = span.attributes or {}
        span.set_attributes({name: own[key] for name, key in _RENAMED.items() if key in own})
        if STEP in own:
            index = cast("int", own.get(STEP_INDEX, 0))
            span.set_attributes({STEP_INDEX: index, STEP_HASH: hash_id(str(own[STEP]), index)})
        parent = trace.get_current_span(parent_context)
        given = parent.get_span_context()
        if given.is_remote:
            flags = "01" if given.trace_flags.sampled else "00"
            span.set_attribute(TRACE_PARENT, f"00-{given.trace_id:032x}-{given.span_id:016x}-{flags}")
        elif isinstance(parent, ReadableSpan) and parent.attributes:
            known = parent.attributes
            span.set_attributes({name: known[name] for name in _INHERITED if name in known and name not in own})

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span of a call for the next batch."""
        if TRACE_REF in (span.attributes or {}):
            self._batches.on_end(span)

    def shutdown(self) -> None:
        """Send what is left, and end."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]  # it lacks an annotation

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what there is. timeout_millis: for so long at most. Returns whether all was sent."""
        return self._batches.force_flush(timeout_millis)


class EngineExporter(SpanExporter):
    """Posts spans to the engine of a client."""

    def __init__(self, client: Any) -> None:
        """client: whose engine it is, and whose key."""
        self._client = client
        self._logger: logging.Logger = client.logger
        self._paused_until = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Post spans, in several requests if they are large."""
        if time.monotonic() < self._paused_until:
            return SpanExportResult.FAILURE
        body = dump_json({"resourceSpans": list(_by_resource(spans))})
        if len(body) > MAX_BYTES and len(spans) > 1:
            half = len(spans) // 2
            results = [self.export(spans[:half]), self.export(spans[half:])]
            return min(results, key=lambda result: result is SpanExportResult.SUCCESS)
        try:
            flow = self._client.engine_api.fetch("POST", PATH, headers=JSON, body=body)
            response: HTTPResponse = run_sync(flow, self._client.resources)
        except TransportError as error:
            self._logger.warning("%d spans could not be sent to the engine: %s", len(spans), error)
            return SpanExportResult.FAILURE
        if 200 <= response.status < 300:
            return SpanExportResult.SUCCESS
        if response.status in _REFUSES_ALL:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
        self._logger.warning("%d spans were not taken by the engine, which answered %d", len(spans), response.status)
        return SpanExportResult.FAILURE


def _by_resource(spans: Iterable[ReadableSpan]) -> Iterable[dict[str, object]]:
    """Yield spans as OTLP has them: by what made them."""
    for resource, of_resource in groupby(spans, key=lambda span: span.resource):
        yield {
            "resource": {"attributes": _attributes(resource.attributes)},
            "scopeSpans": [
                {"scope": _scope(scope), "spans": [_span(span) for span in of_scope]}
                for scope, of_scope in groupby(of_resource, key=lambda span: span.instrumentation_scope)
            ],
        }


def _scope(scope: Any) -> dict[str, object]:
    return {} if scope is None else {"name": scope.name, "version": scope.version or ""}


def _span(span: ReadableSpan) -> dict[str, object]:
    context = span.get_span_context() or trace.INVALID_SPAN_CONTEXT
    told: dict[str, object] = {
        **_ids(context),
        "traceState": context.trace_state.to_header(),
        "name": span.name,
        "kind": span.kind.value + 1,  # OTLP begins with one that is not specified
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes),
        "events": [
            {"timeUnixNano": str(event.timestamp), "name": event.name, "attributes": _attributes(event.attributes)}
            for event in span.events
        ],
        "links": [{**_ids(link.context), "attributes": _attributes(link.attributes)} for link in span.links],
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
    }
    if span.parent is not None:
        told["parentSpanId"] = f"{span.parent.span_id:016x}"
    return told


def _ids(context: trace.SpanContext) -> dict[str, object]:
    return {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}


def _attributes(attributes: Mapping[str, Any] | None) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in (attributes or {}).items()]


def _value(value: object) -> dict[str, object]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else str(value)}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(each) for each in cast("Sequence[object]", value)]}}
        case _:
            return {"stringValue": str(value)}
