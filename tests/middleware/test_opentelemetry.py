"""OpenTelemetry: the spans and metrics that its SDK gets, in runs of several calls."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased

import inngest
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware
from inngest_core.serving.app import App
from inngest_core.web.messages import Request
from tests.cases.case import FULL_ID, RUN_ID, Call, HandlerKind
from tests.stage.asks import ask_async, ask_sync
from tests.stage.bodies import Script
from tests.stage.bodies import handler as handler_of
from tests.stage.in_process_engine import InProcessEngine, RunFailedError
from tests.stage.one_function import serving, shown

BOTH = pytest.mark.parametrize("kind", HandlerKind)
ASKS = {HandlerKind.SYNC: ask_sync, HandlerKind.ASYNC: ask_async}
TRACE, PARENT = "ad802a7611398a62f161d78f4f676a45", "6aa918fd78f8e38c"
OF_RUN = {
    "inngest.app.id": "app",
    "inngest.function.id": FULL_ID,
    "inngest.run.id": RUN_ID,
    "inngest.event.name": "test/go",
}


class Collected:
    """Providers that keep what they are given, and the middleware that gives it."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.middleware = OpenTelemetryMiddleware.factory(tracer_provider=self.tracers, meter_provider=meters)

    def spans(self, start: str = "") -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name.startswith(start)]

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def metric(self, name: str) -> dict[tuple[object, ...], float]:
        """Return counts, or how often something was timed, by the attributes but for the function."""
        data = self._reader.get_metrics_data()
        found: dict[tuple[object, ...], float] = {}
        for metrics in data.resource_metrics if data else ():
            for metric in metrics.scope_metrics[0].metrics:
                for point in metric.data.data_points if metric.name == name else ():
                    attributes = dict(point.attributes or {})
                    assert attributes.pop("inngest.function.id") == FULL_ID
                    number: Any = point
                    found[tuple(attributes.values())] = getattr(number, "value", None) or number.count
        return found


@pytest.fixture
def collected() -> Collected:
    return Collected()


def ask(app: App, kind: HandlerKind, call: Call, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    url = f"http://app.example/api/inngest?{call.query()}"
    return shown(ASKS[kind](app, Request("POST", url, dict(headers or {}), call.body())))


def traced(flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-{flags}", "tracestate": "inngest@fn=f,other=1"}


def two_steps(ctx: Any, step: Any) -> Script:
    first = yield step.run("one", lambda: 1)
    yield step.sleep("nap", 1000)
    second = yield step.run("two", lambda: 2)
    return first + second


def context_of(span: ReadableSpan) -> trace.SpanContext:
    context: trace.SpanContext | None = span.context
    assert context is not None
    return context


def parent_of(span: ReadableSpan) -> trace.SpanContext:
    assert span.parent is not None
    return span.parent


@BOTH
@pytest.mark.parametrize("checkpointing", [True, False])
def test_a_run_has_one_span_for_each_call_and_each_step_and_itself(
    kind: HandlerKind, checkpointing: bool, collected: Collected
) -> None:
    with serving(handler_of(two_steps, kind), checkpointing=checkpointing, middleware=[collected.middleware]) as app:
        engine = InProcessEngine(app, ASKS[kind], lambda count: 0)
        assert engine.run() == 3
    names = collected.names()
    assert sorted(name for name in names if name.startswith("step")) == ["step one", "step two"]
    assert names.count(f"request {FULL_ID}") == engine.calls
    assert names.count(f"run {FULL_ID}") == 1
    assert len({context_of(span).trace_id for span in collected.spans()}) == 1
    (run,) = collected.spans("run")
    assert dict(run.attributes or {}) == {**OF_RUN, "inngest.status": "completed"}
    assert collected.metric("inngest.steps") == {("completed",): 2}
    assert collected.metric("inngest.step.duration") == {("completed",): 2}
    assert collected.metric("inngest.runs") == {("completed",): 1}
    assert sum(collected.metric("inngest.calls").values()) == engine.calls


@BOTH
def test_the_engine_is_the_parent(kind: HandlerKind, collected: Collected) -> None:
    with serving(handler_of(two_steps, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        assert ask(app, kind, Call(attempt=1), traced())[0] == 206
    step, request = collected.spans()
    assert format(context_of(request).trace_id, "032x") == TRACE
    assert format(parent_of(request).span_id, "016x") == PARENT
    assert context_of(request).trace_state.get("inngest@fn") == "f"
    assert parent_of(step).span_id == context_of(request).span_id
    assert dict(request.attributes or {}) == {**OF_RUN, "inngest.attempt": 1, "http.response.status_code": 206}
    assert dict(step.attributes or {}) == {
        "inngest.function.id": FULL_ID,
        "inngest.run.id": RUN_ID,
        "inngest.step.id": "one",
        "inngest.step.attempt": 1,
    }


@BOTH
def test_what_is_replayed_is_an_event(kind: HandlerKind, collected: Collected) -> None:
    with serving(handler_of(two_steps, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        ask(app, kind, Call(steps={"one": {"data": 1}}))
    (request,) = collected.spans()
    assert [(event.name, dict(event.attributes or {})) for event in request.events] == [
        ("inngest.replay", {"inngest.steps.finished": 1})
    ]


@BOTH
def test_spans_of_the_apps_own_are_within_those_of_the_step_and_the_call(
    kind: HandlerKind, collected: Collected
) -> None:
    tracer = collected.tracers.get_tracer("mine")

    def work() -> int:
        with tracer.start_as_current_span("in the step"):
            return 1

    def body(ctx: Any, step: Any) -> Any:
        with tracer.start_as_current_span("in the function"):
            pass
        yield step.run("one", work)

    with serving(handler_of(body, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        ask(app, kind, Call())
    by_name = {span.name: span for span in collected.spans()}
    request = context_of(by_name[f"request {FULL_ID}"]).span_id
    assert parent_of(by_name["in the function"]).span_id == request
    assert parent_of(by_name["in the step"]).span_id == context_of(by_name["step one"]).span_id


@BOTH
def test_the_span_of_a_framework_is_the_parent_where_there_is_one(kind: HandlerKind, collected: Collected) -> None:
    tracer = collected.tracers.get_tracer("framework")
    with (
        serving(handler_of(two_steps, kind), checkpointing=False, middleware=[collected.middleware]) as app,
        tracer.start_as_current_span("POST /api/inngest"),
    ):
        ask(app, kind, Call(), traced())
    (server,) = collected.spans("POST")
    (request,) = collected.spans("request")
    assert parent_of(request).span_id == context_of(server).span_id


# Failures


def charge() -> None:
    raise ValueError("no such card")


def failing(ctx: Any, step: Any) -> Any:
    yield step.run("charge", charge)


@BOTH
def test_a_run_that_fails(kind: HandlerKind, collected: Collected) -> None:
    with serving(handler_of(failing, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        ask(app, kind, Call(attempt=0, max_attempts=2))
        with pytest.raises(RunFailedError):
            InProcessEngine(app, ASKS[kind], lambda count: 0).run()
    assert collected.metric("inngest.retries") == {(): 1}
    assert collected.metric("inngest.steps") == {("failed",): 2}
    assert collected.metric("inngest.runs") == {("failed",): 1}
    for span in collected.spans("step"):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.status.description == "ValueError: no such card"
        assert [event.name for event in span.events] == ["exception"]
    (run,) = collected.spans("run")
    assert run.status.description == 'step "charge": ValueError: no such card'
    assert [span.status.status_code.name for span in collected.spans("request")] == ["UNSET", "UNSET", "ERROR"]


@BOTH
def test_a_step_whose_result_cannot_be_sent_counts_as_failed(kind: HandlerKind, collected: Collected) -> None:
    def body(ctx: Any, step: Any) -> Any:
        yield step.run("fine", lambda: 1)
        yield step.run("s", object)

    with serving(handler_of(body, kind), middleware=[collected.middleware]) as app, pytest.raises(RunFailedError):
        InProcessEngine(app, ASKS[kind], lambda count: 0).run()
    assert collected.metric("inngest.steps") == {("completed",): 1, ("failed",): 1}
    assert collected.metric("inngest.step.duration") == {("completed",): 1, ("failed",): 1}


@BOTH
def test_a_repeated_step_says_which_one_it_is(kind: HandlerKind, collected: Collected) -> None:
    def body(ctx: Any, step: Any) -> Any:
        yield step.run("s", lambda: 1)
        yield step.run("s", lambda: 2)

    with serving(handler_of(body, kind), middleware=[collected.middleware]) as app:
        InProcessEngine(app, ASKS[kind], lambda count: 0).run()
    assert [(span.attributes or {}).get("inngest.step.index") for span in collected.spans("step")] == [None, 1]


@BOTH
def test_an_exception_without_a_text_is_recorded_as_far_as_it_can_be(kind: HandlerKind, collected: Collected) -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def fail() -> None:
        raise BrokenError

    def body(ctx: Any, step: Any) -> Any:
        yield step.run("s", fail)

    with serving(handler_of(body, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        assert ask(app, kind, Call())[1][0]["error"]["name"] == "BrokenError"
    (span,) = collected.spans("step")
    assert span.status.status_code is trace.StatusCode.ERROR


# Sampling


@BOTH
@pytest.mark.parametrize("sampler", [ParentBased(TraceIdRatioBased(0.0)), TraceIdRatioBased(0.0)])
def test_the_engine_does_not_turn_sampling_on(kind: HandlerKind, sampler: Sampler) -> None:
    collected = Collected(sampler)
    with serving(handler_of(two_steps, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        ask(app, kind, Call(), traced("01"))
    assert collected.spans() == []
    assert collected.metric("inngest.steps") == {("completed",): 1}


@BOTH
def test_what_was_not_sampled_before_is_not_sampled_here(kind: HandlerKind) -> None:
    collected = Collected(ParentBased(ALWAYS_ON))
    with serving(handler_of(two_steps, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        ask(app, kind, Call(), traced("00"))
    assert collected.spans() == []


def test_a_run_is_sampled_as_a_whole_or_not_at_all() -> None:
    for run in range(20):
        collected = Collected(ParentBased(TraceIdRatioBased(0.5)))
        with serving(
            handler_of(two_steps, HandlerKind.SYNC), checkpointing=False, middleware=[collected.middleware]
        ) as app:
            trace_id = format(run * 0x0CCCCCCCCCCCCCCC, "032x")
            for memos in ({}, {"one": {"data": 1}}):
                ask(app, HandlerKind.SYNC, Call(steps=memos), {"traceparent": f"00-{trace_id[:-1]}1-{PARENT}-01"})
        assert len(collected.spans("request")) in (0, 2)


@BOTH
def test_without_providers_nothing_happens(kind: HandlerKind) -> None:
    with serving(handler_of(two_steps, kind), checkpointing=False, middleware=[OpenTelemetryMiddleware]) as app:
        assert InProcessEngine(app, ASKS[kind], lambda count: 0).run() == 3


# AI

ANSWER = {
    "id": "a-1",
    "model": "m-1-2026",
    "choices": [{"finish_reason": "stop", "message": {"content": "HELLO"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}


def create(model: str, temperature: float) -> dict[str, Any]:
    return ANSWER


@BOTH
def test_a_step_that_asks_a_model_says_which_and_how_many_tokens_it_used(
    kind: HandlerKind, collected: Collected
) -> None:
    def body(ctx: Any, step: Any) -> Any:
        yield step.ai.wrap("ask", create, model="m-1", temperature=0.5)

    with serving(handler_of(body, kind), checkpointing=False, middleware=[collected.middleware]) as app:
        ask(app, kind, Call())
    (span,) = collected.spans("step")
    assert {name: value for name, value in (span.attributes or {}).items() if name.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": "a-1",
        "gen_ai.response.model": "m-1-2026",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
    }


def test_nothing_is_logged_when_calls_end_before_their_functions(
    collected: Collected, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(ctx: inngest.Context) -> None:
        await ctx.group.parallel((lambda: ctx.step.run("a", lambda: 1), lambda: ctx.step.run("b", lambda: 2)))

    with (
        serving(body, checkpointing=False, middleware=[collected.middleware]) as app,
        caplog.at_level(logging.WARNING),
    ):
        assert InProcessEngine(app, ask_async, lambda count: 0).run() is None
    # The SDK says so where a machine is busy.
    assert [text for text in caplog.messages if "held the event loop" not in text] == []
    assert sorted(span.name for span in collected.spans("step")) == ["step a", "step b"]
