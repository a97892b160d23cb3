"""What middleware costs: hooks that do nothing, for each call, and OpenTelemetry's spans and metrics, for each step.

Steps are run in one call, whose results an engine on loopback takes at once, so that the step is what is measured. All
of it runs in one thread, whose processor time counts: what others do on the machine does not.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Token
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import inngest
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response

from . import requests
from .measure import Block, Effort, Row, best, bounded, interleave, show

HOOKS_LIMIT = 20e-6
"""Seconds that ten hooks may add to a call."""
STEP_LIMIT = 60e-6
"""Seconds that OpenTelemetry may add to a step."""
STEPS = 200
_CALLS = 50
_KINDS = {"def": "def", "async": "async def"}


class _Nothing(inngest.MiddlewareSync):
    """Two hooks of each call that do nothing."""

    def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
        pass

    def before_response(self) -> None:
        pass


class _NoExport(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class _ByHand:
    """What has to be asked of OpenTelemetry's SDK for a step, asked by the function itself.

    Not in a loop of its own: with nothing else between two spans, the SDK takes a third less time than in any program.
    """

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer("bench")
        self._seconds = meters.get_meter("bench").create_histogram("bench", "s")
        self._of_run = {"function": "bench-steps", "run": "01M81HK3A7NTSN8T6YV2V47VV1"}
        self._completed = {"function": "bench-steps", "status": "completed"}
        self._outside = trace.set_span_in_context(self._tracer.start_span("request"))

    @contextmanager
    def call(self) -> Generator[None]:
        """Measure all steps at the end of the call, as the middleware does."""
        yield
        for _ in range(STEPS):
            self._seconds.record(0.001, self._completed, self._outside)

    def begin(self, step_id: str) -> tuple[trace.Span, Token[contexts.Context]]:
        """Begin the span of a step."""
        attributes: dict[str, str | int] = {**self._of_run, "step": step_id, "attempt": 0}
        span = self._tracer.start_span("step", self._outside, attributes=attributes)
        return span, contexts.attach(trace.set_span_in_context(span, self._outside))

    def end(self, begun: tuple[trace.Span, Token[contexts.Context]]) -> None:
        """End it."""
        span, token = begun
        contexts.detach(token)
        span.end()


def rows(effort: Effort) -> Iterator[Row]:
    runner = asyncio.Runner()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(_NoExport()))
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    telemetry = OpenTelemetryMiddleware.factory(tracer_provider=tracers, meter_provider=meters)
    by_hand = _ByHand(tracers, meters)
    with _engine() as origin:
        plain, hooked = _app(origin, by_hand), _app(origin, by_hand, *[_Nothing] * 5)
        traced = _app(origin, by_hand, telemetry)
        for kind, words in _KINDS.items():
            without, with_hooks = (
                best(each)
                for each in interleave(_calls(plain, kind, runner), _calls(hooked, kind, runner), rounds=effort.rounds)
            )
            yield bounded(f"ten hooks that do nothing, in a call, {words}", with_hooks - without, HOOKS_LIMIT, without)
            bare, with_spans, with_own_spans = (
                best(each)
                for each in interleave(
                    _steps(plain, kind, runner),
                    _steps(traced, kind, runner),
                    _steps(plain, kind, runner, "by-hand"),
                    rounds=effort.long_rounds,
                )
            )
            yield bounded(f"OpenTelemetry without an exporter, in a step, {words}", with_spans - bare, STEP_LIMIT, bare)
            alone = show(with_own_spans - bare)
            yield Row(f"a span and a measurement by OpenTelemetry's SDK alone, in a step, {words}", alone)
    runner.close()


def _calls(app: App, kind: str, runner: asyncio.Runner) -> Block:
    return _block(app, f"{kind}-nothing", _CALLS, runner, b"1")


def _steps(app: App, kind: str, runner: asyncio.Runner, function: str = "steps") -> Block:
    block = _block(app, f"{kind}-{function}", 1, runner, b"%d" % STEPS)
    return lambda: block() / STEPS


def _block(app: App, function: str, calls: int, runner: asyncio.Runner, expected: bytes) -> Block:
    def several(request: Request) -> Response:
        for _ in range(calls - 1):
            app.handle_sync(request)
        return app.handle_sync(request)

    async def several_async(request: Request) -> Response:  # on a loop that runs, as under a server
        for _ in range(calls - 1):
            await app.handle_async(request)
        return await app.handle_async(request)

    def block() -> float:
        post = requests.call(function, requests.small_body())
        request = Request("POST", f"http://127.0.0.1:8000{post.path}", post.headers, post.body)
        started = time.thread_time()
        is_async = function.startswith("async")
        response = runner.run(several_async(request)) if is_async else several(request)
        seconds = (time.thread_time() - started) / calls
        if response.body != expected:
            raise RuntimeError(f"{function} answered {response.status}: {response.content[:300].decode()}")
        return seconds

    return block


def _app(origin: str, by_hand: _ByHand, *middleware: Any) -> App:
    client = inngest.Inngest(
        app_id=requests.APP_ID,
        is_production=True,
        signing_key=requests.SIGNING_KEY,
        event_key="bench",
        api_base_url=origin,
        checkpointing=inngest.Checkpointing(buffered_steps=STEPS * 2),
        middleware=list(middleware),
    )
    step_ids = [f"step {number}" for number in range(STEPS)]

    @client.create_function(fn_id="def-nothing")
    def def_nothing(ctx: inngest.ContextSync) -> int:
        return 1

    @client.create_function(fn_id="async-nothing")
    async def async_nothing(ctx: inngest.Context) -> int:
        return 1

    @client.create_function(fn_id="def-steps")
    def def_steps(ctx: inngest.ContextSync) -> int:
        return sum(ctx.step.run(step_id, _one) for step_id in step_ids)

    @client.create_function(fn_id="async-steps")
    async def async_steps(ctx: inngest.Context) -> int:
        total = 0
        for step_id in step_ids:
            total += await ctx.step.run(step_id, _one_async)
        return total

    @client.create_function(fn_id="def-by-hand")
    def def_by_hand(ctx: inngest.ContextSync) -> int:
        total = 0
        with by_hand.call():
            for step_id in step_ids:
                begun = by_hand.begin(step_id)
                total += ctx.step.run(step_id, _one)
                by_hand.end(begun)
        return total

    @client.create_function(fn_id="async-by-hand")
    async def async_by_hand(ctx: inngest.Context) -> int:
        total = 0
        with by_hand.call():
            for step_id in step_ids:
                begun = by_hand.begin(step_id)
                total += await ctx.step.run(step_id, _one_async)
                by_hand.end(begun)
        return total

    functions: list[inngest.Function[Any]] = [def_nothing, async_nothing, def_steps, async_steps]
    functions += [def_by_hand, async_by_hand]
    return App(client, functions, framework="bench")


def _one() -> int:
    return 1


async def _one_async() -> int:
    return 1


class _Taking(BaseHTTPRequestHandler):
    """Takes whatever is saved."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the standard library's name
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        pass


@contextmanager
def _engine() -> Generator[str]:
    """Run an engine that saves steps, in a thread."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taking) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
