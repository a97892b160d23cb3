"""Spans and metrics of calls, runs and steps for OpenTelemetry.

What is replayed has no span: a step has one for each time it runs, a run has one when it ends. The app's own sampler
decides, and never the engine, which asks for every run to be sampled. Exports nothing itself: that is for the
providers that the app has set up.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import hashlib
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, cast

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from inngest_core.error_text import headline
from inngest_core.errors import CONTROL, CallSupersededError, InngestError
from inngest_core.middleware.base import MiddlewareSync
from inngest_core.middleware.values import CallInfo, StepInfo, StepMemos
from inngest_core.protocol.ai_metadata import ai_metadata, provider_by_package
from inngest_core.protocol.ulid import ulid_ms
from inngest_core.protocol.wire import VERSION
from inngest_core.values.json_text import parse_value
from inngest_core.values.serializer import dump

Wrapping = Generator[None, Any, None]
Attributes = Mapping[str, str | int]

NAME = "inngest"
FUNCTION, RUN = "inngest.function.id", "inngest.run.id"
STEP, STEP_INDEX, STEP_ATTEMPT = "inngest.step.id", "inngest.step.index", "inngest.step.attempt"
STATUS = "inngest.status"
COMPLETED, FAILED = "completed", "failed"
ULID_LENGTH = 26
SECONDS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
"""Where the buckets of durations end."""
_NO_SPAN = contexts.set_value("inngest.no_span", True, contexts.Context())
"""Not empty: the SDK takes an empty one for none, and looks up the current one."""
GEN_AI = {
    "operation_name": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "request_model": "gen_ai.request.model",
    "response_model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "finish_reasons": "gen_ai.response.finish_reasons",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_creation_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    **{
        name: f"gen_ai.request.{name}"
        for name in ("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed")
    },
}
"""What is known of an answer of a model, and its name in the semantic conventions."""


class OpenTelemetryMiddleware(MiddlewareSync):
    """Makes spans and metrics; give the class, or what `factory` returns, to a client."""

    keeps_call = True

    @classmethod
    def factory(
        cls,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> Callable[[Any, object], OpenTelemetryMiddleware]:
        """Return what to give to a client as middleware.

        tracer_provider, meter_provider: where spans and metrics go; the global ones by default.
        """
        return lambda client, raw_request: cls(client, raw_request, tracer_provider, meter_provider)

    def __init__(
        self,
        client: Any,
        raw_request: object,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        """client, raw_request: as of any middleware. tracer_provider, meter_provider: as of `factory`."""
        super().__init__(client, raw_request)
        self._to = _telemetry(
            tracer_provider or trace.get_tracer_provider(), meter_provider or metrics.get_meter_provider()
        )
        self._ctx: Any = None
        self._parent: contexts.Context | None = None
        self._attributes: dict[str, str | int] = {}
        self._of_function: Attributes = {}
        self._of_run: Attributes = {}
        self._completed: Attributes = {}
        self._failed: Attributes = {}
        self._ran: StepInfo | None = None
        """The last step, while it counts as completed."""
        self._completed_steps: list[float] = []
        self._failed_steps: list[float] = []

    def wrap_request(self, call: CallInfo) -> Wrapping:
        """Give the call a span, and count it."""
        ctx, to = call.ctx, self._to
        self._describe(ctx)
        name = f"request {ctx.fn_id}"
        attributes = {**self._attributes, "inngest.attempt": ctx.attempt}
        self._parent = to.parent_of(call.request.headers, ctx.run_id, name, attributes)
        started = time.perf_counter()
        status = 500
        context = self._parent
        try:
            with to.tracer.start_as_current_span(name, context, trace.SpanKind.CONSUMER, attributes) as span:
                context = contexts.get_current()
                answer = yield
                status = answer.status
                span.set_attribute("http.response.status_code", status)
                if status >= 500:  # an error of the server, as everywhere in HTTP
                    span.set_status(trace.StatusCode.ERROR)
        finally:
            told = {**self._of_function, "http.response.status_code": status}
            to.calls.add(1, told, context)
            to.call_duration.record(time.perf_counter() - started, told, context)
            self._measure_steps(self._completed_steps, self._completed, context)
            self._measure_steps(self._failed_steps, self._failed, context)

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Note how many steps are replayed: they have no spans."""
        if steps.size:
            trace.get_current_span().add_event("inngest.replay", {"inngest.steps.finished": steps.size})

    def wrap_step(self, step: StepInfo) -> Wrapping:
        """Give the step a span; that of an AI step says which model was asked, and how many tokens it used."""
        attributes = {**self._of_run, STEP: step.id, STEP_ATTEMPT: step.attempt}
        if step.index:
            attributes[STEP_INDEX] = step.index
        context = contexts.get_current()
        span = self._to.tracer.start_span(f"step {step.id}", context, attributes=attributes)
        token = contexts.attach(trace.set_span_in_context(span, context))
        started = time.perf_counter()
        try:
            output = yield
            took = time.perf_counter() - started
            self._ran = step
            self._completed_steps.append(took)
            if "type" in step.opts and step.opts["type"] == "step.ai.wrap" and span.is_recording():
                span.set_attributes(_gen_ai(step, output, took))
        except CONTROL:  # the call has ended, not the step
            raise
        except BaseException as error:  # a step that exits has failed, too
            self._failed_steps.append(time.perf_counter() - started)
            _record(span, error)
            raise
        finally:
            contexts.detach(token)
            span.end()

    def on_step_error(self, step: StepInfo, error: BaseException, final: bool) -> None:
        """Count that a step will be tried again; one may have failed only in what became of its result."""
        if self._ran is step:
            self._ran = None
            self._failed_steps.append(self._completed_steps.pop())
        if not final:
            self._to.retries.add(1, self._of_function)

    def on_function_complete(self, output: Any) -> None:
        """Make the span of the run, and count it."""
        self._end_run(None)

    def on_function_error(self, error: BaseException, final: bool) -> None:
        """Make the span of the run and count it, if it has failed for good."""
        if isinstance(error, CallSupersededError):  # as when the run was cancelled
            return
        if final:
            self._end_run(error)
        else:
            self._to.retries.add(1, self._of_function)

    def _describe(self, ctx: Any) -> None:
        self._ctx = ctx
        self._of_function = {FUNCTION: ctx.fn_id}
        self._of_run = {FUNCTION: ctx.fn_id, RUN: ctx.run_id}
        self._completed = {FUNCTION: ctx.fn_id, STATUS: COMPLETED}
        self._failed = {FUNCTION: ctx.fn_id, STATUS: FAILED}
        self._attributes = {
            "inngest.app.id": self.client.app_id,
            FUNCTION: ctx.fn_id,
            RUN: ctx.run_id,
            "inngest.event.name": ctx.event.name,
        }

    def _measure_steps(self, seconds: list[float], attributes: Attributes, context: contexts.Context) -> None:
        """Count steps and tell how long they took: once for each call, as a call may run many, and that is faster.

        The example of a bucket is the last that came with a span, and all of these come with that of their call: of a
        bucket, the last one is enough.
        """
        if not seconds:
            return
        self._to.steps.add(len(seconds), attributes, context)
        last = {bisect.bisect_left(SECONDS, each): at for at, each in enumerate(seconds)}
        examples = frozenset(last.values())
        record = self._to.step_duration.record
        for at, each in enumerate(seconds):
            record(each, attributes, context if at in examples else _NO_SPAN)

    def _end_run(self, error: BaseException | None) -> None:
        now, ctx = time.time_ns(), self._ctx
        queued = ulid_ms(ctx.run_id) * 1_000_000
        started = queued if len(ctx.run_id) == ULID_LENGTH and queued <= now else now
        told = self._completed if error is None else self._failed
        span = self._to.tracer.start_span(
            f"run {ctx.fn_id}", self._parent, attributes={**self._attributes, **told}, start_time=started
        )
        if error is not None:
            _record(span, error)
        span.end(now)
        self._to.runs.add(1, told)
        self._to.run_duration.record((now - started) / 1e9, told)


class Telemetry:
    """A tracer and the instruments, made once for each pair of providers."""

    def __init__(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> None:
        self.tracer = tracers.get_tracer(NAME, VERSION)
        self._sampler: Any = getattr(tracers, "sampler", None)
        meter = meters.get_meter(NAME, VERSION)
        histogram = functools.partial(meter.create_histogram, unit="s", explicit_bucket_boundaries_advisory=SECONDS)
        self.calls = meter.create_counter("inngest.calls", "{call}", "Calls of functions by the engine")
        self.steps = meter.create_counter("inngest.steps", "{step}", "Steps that ran, by how that went")
        self.retries = meter.create_counter("inngest.retries", "{attempt}", "Failed attempts that another one follows")
        self.runs = meter.create_counter("inngest.runs", "{run}", "Runs that ended")
        self.call_duration = histogram("inngest.call.duration", description="How long calls took")
        self.step_duration = histogram("inngest.step.duration", description="How long steps took")
        self.run_duration = histogram("inngest.run.duration", description="From the start of runs to their end")

    def parent_of(self, headers: Mapping[str, str], run_id: str, name: str, attributes: Attributes) -> contexts.Context:
        """Return the parent of a call's span: a span of the framework's, else the engine's, else one for the run.

        The parent is marked as sampled only where the engine and the app's sampler agree. A sampler that follows the
        parent would otherwise follow the engine.
        """
        current = contexts.get_current()
        if trace.get_current_span(current).get_span_context().is_valid:
            return current
        parent = TraceContextTextMapPropagator().extract(headers, current)
        given = trace.get_current_span(parent).get_span_context()
        if not given.is_valid:
            given = _span_of_run(run_id)
        if self._sampler is not None and given.trace_flags.sampled:
            kind = trace.SpanKind.CONSUMER
            result = self._sampler.should_sample(contexts.Context(), given.trace_id, name, kind, attributes)
            if not result.decision.is_sampled():
                given = trace.SpanContext(given.trace_id, given.span_id, is_remote=True, trace_state=given.trace_state)
        return trace.set_span_in_context(trace.NonRecordingSpan(given), current)


@functools.lru_cache(maxsize=16)
def _telemetry(tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> Telemetry:
    return Telemetry(tracers, meters)


def _span_of_run(run_id: str) -> trace.SpanContext:
    """Return the same parent for all calls of a run, where the engine names none."""
    digest = hashlib.blake2b(run_id.encode(), digest_size=24).digest()
    trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:])
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED))


def _record(span: trace.Span, error: BaseException) -> None:
    with contextlib.suppress(Exception):  # an exception whose text cannot be had
        span.record_exception(error)
    span.set_status(trace.StatusCode.ERROR, headline(error))


def _gen_ai(step: StepInfo, output: object, seconds: float) -> dict[str, Any]:
    """Return what is known of a model's answer, under the names of the semantic conventions."""
    asked = [cast("Mapping[str, object]", each) for each in step.input if isinstance(each, Mapping)]
    try:
        answer = parse_value(dump(output, "an answer", fix="").body)
    except InngestError:  # the step fails with it
        return {}
    provider = provider_by_package(type(output).__module__)
    return {
        GEN_AI[name]: value
        for metadata in ai_metadata(asked[-1] if asked else {}, answer, provider, int(seconds * 1000))
        for name, value in cast("dict[str, Any]", metadata["values"]).items()
        if name in GEN_AI
    }
