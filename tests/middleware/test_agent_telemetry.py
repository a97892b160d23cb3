"""pydantic-ai's own spans and metrics of agents in functions: what is replayed is not told of again."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic_ai import Agent
from pydantic_ai.capabilities import Instrumentation
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel

import inngest
from inngest import testing
from inngest.middleware.pydantic_ai import InngestDurability
from tests.cases.case import Call
from tests.cases.checkpointing import TAKEN
from tests.stage.asks import ask_async
from tests.stage.engine_api import EngineDouble
from tests.stage.logs import silent_logger
from tests.stage.one_function import request_of, serving, shown


class Telemetry:
    """Keeps what an agent tells OpenTelemetry."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        settings = InstrumentationSettings(
            tracer_provider=tracers, meter_provider=MeterProvider([self._reader]), include_content=False
        )
        self.capability = Instrumentation(settings)

    def spans(self, operation: str) -> list[tuple[str, int | None]]:
        """Return names and output tokens of the spans of an operation, such as "chat"."""
        return [
            (span.name, dict(span.attributes or {}).get("gen_ai.usage.output_tokens"))  # type: ignore[misc]
            for span in self._spans.get_finished_spans()
            if span.name.startswith(operation)
        ]

    def requests(self) -> int:
        """Return of how many requests tokens were counted."""
        data: Any = self._reader.get_metrics_data()
        points = [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "gen_ai.client.token.usage"
            for point in metric.data.data_points
            if point.attributes["gen_ai.token.type"] == "output"
        ]
        return sum(point.count for point in points)


def looking(telemetry: Telemetry, model: Any = None) -> Any:
    """Return a function whose agent asks a model, calls a tool and asks again; and which goes on after a while."""
    agent: Agent[None, str] = Agent(
        model or TestModel(), name="bot", capabilities=[telemetry.capability, InngestDurability()]
    )

    @agent.tool_plain
    def look() -> str:
        return "x"

    async def handler(ctx: inngest.Context) -> str:
        result = await agent.run("hello")
        await ctx.step.sleep("nap", 1000)
        await ctx.step.run("next", lambda: 1)
        return str(result.output)

    return handler


@pytest.mark.parametrize("checkpointing", [True, False])
def test_each_request_and_each_call_of_a_tool_is_told_of_once(checkpointing: bool) -> None:
    telemetry = Telemetry()
    client = inngest.Inngest(app_id="agents", is_production=False, logger=silent_logger(), checkpointing=checkpointing)
    assert "look" in testing.run(client.create_function(fn_id="go")(looking(telemetry))).output
    assert [name for name, _ in telemetry.spans("chat")] == ["chat test"] * 2
    assert all(tokens for _, tokens in telemetry.spans("chat"))
    assert [name for name, _ in telemetry.spans("execute_tool")] == ["execute_tool look"]
    assert telemetry.requests() == 2


def test_a_request_is_told_of_in_the_call_in_which_it_is_made_if_that_goes_on(engine: EngineDouble) -> None:
    telemetry = Telemetry()
    engine.reset({route: [(answer.status, answer.body) for answer in answers] for route, answers in TAKEN.items()})
    options = {"api_base_url": engine.origin, "is_production": False}
    with serving(looking(telemetry), **options) as app:
        status, _ = shown(ask_async(app, request_of(Call(saves=True))))
    assert status == 206
    assert [name for name, _ in telemetry.spans("chat")] == ["chat test"] * 2
    assert [name for name, _ in telemetry.spans("execute_tool")] == ["execute_tool look"]


def test_a_request_that_failed_is_told_of_once() -> None:
    telemetry = Telemetry()

    def broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise ConnectionError("no route")

    asking = looking(telemetry, FunctionModel(broken))

    async def handler(ctx: inngest.Context) -> str:
        try:
            return str(await asking(ctx))
        except inngest.StepError:
            await ctx.step.sleep("nap", 1000)
            return "gave up"

    client = inngest.Inngest(app_id="agents", is_production=False, logger=silent_logger())
    assert testing.run(client.create_function(fn_id="go", retries=2)(handler)).output == "gave up"
    assert len(telemetry.spans("chat")) == 1
