"""A step that raises SystemExit or the like has failed, and is told of like any other failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import inngest
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware
from tests.stage.one_function import request_of, serving, shown


class Odd(BaseException):
    """What no library expects."""


@pytest.mark.parametrize("error", [SystemExit(3), Odd("no luck"), ValueError("no luck")], ids=repr)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
def test_opentelemetry_counts_it_and_its_span_has_failed(error: BaseException, asynchronous: bool) -> None:
    spans, measured = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([measured], shutdown_on_exit=False)

    def leave() -> None:
        raise error

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("leave", leave)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.run("leave", leave)

    middleware = OpenTelemetryMiddleware.factory(tracer_provider=tracers, meter_provider=meters)
    used: Any = handler_async if asynchronous else handler
    with serving(used, middleware=[middleware], checkpointing=False) as app:
        answer = asyncio.run(app.handle_async(request_of())) if asynchronous else app.handle_sync(request_of())
    (op,) = shown(answer)[1]
    assert (op["op"], op["error"]["name"]) == ("StepError", type(error).__name__)
    (span,) = [each for each in spans.get_finished_spans() if each.name == "step leave"]
    assert span.status.status_code.name == "ERROR"
    assert [event.name for event in span.events] == ["exception"]
    assert steps_by_status(measured) == {"failed": 1}


def steps_by_status(measured: InMemoryMetricReader) -> dict[object, object]:
    data: Any = measured.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    (steps,) = [each for each in metrics if each.name == "inngest.steps"]
    return {point.attributes["inngest.status"]: point.value for point in steps.data.data_points}
