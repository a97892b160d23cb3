"""Sentry and OpenTelemetry on every target: what they see of each call, and that they change no answer."""

from __future__ import annotations

import json
from collections.abc import Generator
from functools import partial
from typing import Any

import sentry_sdk
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

import inngest
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware
from inngest.middleware.sentry import SentryMiddleware

from .case import FULL_ID, Call, Case, Expected, both, error, op, planned, raised, ran, returned
from .checkpointing import TAKEN, and_saved, saved
from .middleware import (
    failing_async,
    failing_sync,
    raising_async,
    raising_sync,
    step_async,
    step_sync,
    two_async,
    two_sync,
)


class Collecting(Transport):
    """Keeps what Sentry would send, as texts."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        for item in envelope.items:
            told = json.loads(item.get_bytes())
            if item.type == "event":
                self.sent.append(f"event: {told['exception']['values'][-1]['value']}")
            else:
                self.sent.append(" ".join([f"{item.type}:", *(span["description"] for span in told["spans"])]))


SPANS = InMemorySpanExporter()
TRACERS = TracerProvider(shutdown_on_exit=False)
TRACERS.add_span_processor(SimpleSpanProcessor(SPANS))
TRANSPORT = Collecting()
SENTRY = sentry_sdk.Client(
    dsn="https://key@sentry.example/1",
    transport=TRANSPORT,
    default_integrations=False,  # they change this process for good
    auto_enabling_integrations=False,
    enable_backpressure_handling=False,  # a thread
    traces_sample_rate=1.0,
)


class Watched(inngest.MiddlewareSync):
    """Fails the call unless those inside have made exactly these spans, and sent exactly this to Sentry."""

    def __init__(self, client: Any, raw_request: object, *, spans: list[str], sent: list[str]) -> None:
        super().__init__(client, raw_request)
        self._expected = spans, sent

    def wrap_request(self, call: inngest.CallInfo) -> Generator[None, Any, None]:
        SPANS.clear()
        TRANSPORT.sent.clear()
        with sentry_sdk.isolation_scope() as scope:
            scope.set_client(SENTRY)
            yield
        assert ([span.name for span in SPANS.get_finished_spans()], TRANSPORT.sent) == self._expected


def watching(*spans: str, sent: str) -> list[Any]:
    """Return middleware that checks what Sentry and OpenTelemetry see, and these two."""
    given = partial(Watched, spans=list(spans), sent=sent.split("; "))
    return [given, SentryMiddleware, OpenTelemetryMiddleware.factory(tracer_provider=TRACERS)]


REQUEST, RUN = f"request {FULL_ID}", f"run {FULL_ID}"


watched_step = Case(
    build=both(step_sync, step_async, middleware=watching("step s", REQUEST, sent="transaction: s")),
    expect=ran("s", 1),
)
watched_end = Case(
    build=both(step_sync, step_async, middleware=watching(RUN, REQUEST, sent="transaction:")),
    call=Call(steps={"s": {"data": 1}}),
    expect=returned(1),
)
watched_plan = Case(
    build=both(two_sync, two_async, middleware=watching(REQUEST, sent="transaction:")),
    expect=planned("s", "t", any_order=True),
)
watched_target = Case(
    build=both(two_sync, two_async, middleware=watching("step t", REQUEST, sent="transaction: t")),
    call=Call(target="t", plan_only=True),
    expect=ran("t", 2),
)
watched_end_of_a_group = Case(
    build=both(two_sync, two_async, middleware=watching(RUN, REQUEST, sent="transaction:")),
    call=Call(steps={"s": {"data": 1}, "t": {"data": 2}}),
    expect=returned([1, 2]),
)
watched_call_that_goes_on = Case(
    build=both(step_sync, step_async, middleware=watching("step s", RUN, REQUEST, sent="transaction: s")),
    call=Call(saves=True),
    engine=TAKEN,
    expect=and_saved(returned(1), saved(op("StepRun", "s", data=1))),
)
watched_step_that_fails = Case(
    build=both(failing_sync, failing_async, middleware=watching("step s", REQUEST, sent="transaction: s")),
    expect=Expected(body=[op("StepError", "s", error=error("ValueError", "no luck"))]),
)
watched_attempt_that_fails = Case(
    build=both(raising_sync, raising_async, middleware=watching(REQUEST, sent="transaction:")),
    expect=raised(error("ValueError", "no luck")),
)
watched_run_that_fails = Case(
    build=both(raising_sync, raising_async, middleware=watching(RUN, REQUEST, sent="event: no luck; transaction:")),
    call=Call(attempt=3),
    expect=raised(error("ValueError", "no luck")),
)
