"""OpenTelemetry: with which span the SDK is told how long a step took, which makes that an example of its bucket."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import ExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.util.types import Attributes

import inngest
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware
from inngest_middleware.opentelemetry import SECONDS
from tests.cases.case import FULL_ID, Call, HandlerKind
from tests.stage.asks import ask_async, ask_sync
from tests.stage.bodies import handler as handler_of
from tests.stage.engine_api import EngineDouble
from tests.stage.one_function import request_of, serving

ASKS = {HandlerKind.SYNC: ask_sync, HandlerKind.ASYNC: ask_async}
STEPS = len(SECONDS) + 2
"""More than there are buckets."""


class Offered(ExemplarFilter):
    """Notes with which span something was measured, and takes nothing as an example."""

    def __init__(self) -> None:
        self.spans: list[str] = []

    def should_sample(self, value: float, time_unix_nano: int, attributes: Attributes, context: Context) -> bool:
        span = trace.get_current_span(context)
        self.spans.append(span.name if isinstance(span, ReadableSpan) else "")
        return False


def many_steps(ctx: Any, step: Any) -> Any:
    for number in range(STEPS):
        yield step.run(f"step {number}", lambda: 1)


@pytest.mark.parametrize("kind", HandlerKind)
@pytest.mark.parametrize("instrumented", [False, True])
def test_of_the_steps_in_a_bucket_only_the_last_is_measured_with_a_span(
    kind: HandlerKind, instrumented: bool, engine: EngineDouble
) -> None:
    engine.reset({"*": [(200, {})]})
    offered, tracers = Offered(), TracerProvider(shutdown_on_exit=False)
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False, exemplar_filter=offered)
    middleware = OpenTelemetryMiddleware.factory(tracer_provider=tracers, meter_provider=meters)
    framework = tracers.get_tracer("framework").start_as_current_span("POST /api/inngest")
    in_one_call = inngest.Checkpointing(buffered_steps=STEPS)
    body = handler_of(many_steps, kind)
    with (
        serving(body, middleware=[middleware], api_base_url=engine.origin, checkpointing=in_one_call) as app,
        framework if instrumented else contextlib.nullcontext(),
    ):
        ASKS[kind](app, request_of(Call(saves=True)))
    of_steps = offered.spans[-STEPS:]
    assert of_steps[-1] == f"request {FULL_ID}"
    assert set(of_steps) == {"", f"request {FULL_ID}"}
