"""Extended traces: which spans an engine gets, what they say, and engines that do not take them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import inngest
from inngest import testing
from inngest.middleware.opentelemetry import ExtendedTraces, OpenTelemetryMiddleware
from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.serving.app import App
from inngest_core.web.messages import Request
from tests.cases.case import APP_ID, FN_ID, FULL_ID, RUN_ID, Call, HandlerKind, hashed
from tests.stage.asks import ask_async, ask_sync
from tests.stage.bodies import handler as handler_of
from tests.stage.engine_api import Answer, EngineDouble

BOTH = pytest.mark.parametrize("kind", HandlerKind)
KEY = "signkey-test-" + "01" * 32
PATH = "POST /v1/traces/userland"
TRACEPARENT = "00-ad802a7611398a62f161d78f4f676a45-6aa918fd78f8e38c-01"
TRACE_REF = "%7B%22tp%22%3A%2200-ba9f67f335baa63de4f253c38139024d-f967188d9cf8c5d9-01%22%7D"
HEADERS = {"traceparent": TRACEPARENT, "tracestate": f"inngest@traceref={TRACE_REF},inngest@fn=f-1,inngest@app=a-1"}
Trace = Callable[[dict[str, str]], list[dict[str, Any]]]


@contextmanager
def tracing(engine: EngineDouble, kind: HandlerKind, *answers: Answer) -> Generator[Trace]:
    """Give what calls a function and returns the spans that the engine was sent then."""
    engine.reset({PATH: answers})
    tracers = TracerProvider(shutdown_on_exit=False)
    middleware = OpenTelemetryMiddleware.factory(tracer_provider=tracers)
    with inngest.Inngest(
        app_id=APP_ID,
        is_production=True,
        signing_key=KEY,
        event_key="k",
        api_base_url=engine.origin,
        middleware=[middleware],
        checkpointing=False,
        logger=logging.getLogger("test.extended"),
    ) as client:
        tracers.add_span_processor(ExtendedTraces(client))

        def work() -> int:
            with tracers.get_tracer("mine").start_as_current_span(
                "query", attributes={"rows": 2, "share": 0.5, "cached": True, "tables": ["a", "b"]}
            ):
                return 1

        def body(ctx: Any, step: Any) -> Any:
            yield step.run("one", work)

        given: Any = handler_of(body, kind)
        app = App(client, [client.create_function(fn_id=FN_ID)(given)], framework="bare")

        def ask(headers: dict[str, str]) -> list[dict[str, Any]]:
            engine.requests.clear()
            url = f"http://app.example/api/inngest?{Call().query()}"
            how = ask_sync if kind is HandlerKind.SYNC else ask_async
            request = Request("POST", url, {**headers, **signed(Call().body())}, Call().body())
            assert how(app, request).status == 206
            assert tracers.force_flush()
            return [
                span
                for asked in engine.requests
                for resource in asked.json()["resourceSpans"]
                for scope in resource["scopeSpans"]
                for span in scope["spans"]
            ]

        yield ask
        tracers.shutdown()


def signed(body: bytes) -> dict[str, str]:
    return {"x-inngest-signature": sign(body, SigningKey(KEY), now=time.time())}


def attributes_of(span: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


@BOTH
def test_the_engine_gets_every_span_below_its_own(kind: HandlerKind, engine: EngineDouble) -> None:
    with tracing(engine, kind, (200, {})) as ask:
        spans = {span["name"]: span for span in ask(HEADERS)}
        (asked,) = engine.requests
    assert asked.headers["authorization"].startswith("Bearer ")
    assert asked.headers["content-type"] == "application/json"
    assert spans.keys() == {f"request {FULL_ID}", "step one", "query"}
    for span in spans.values():
        told = attributes_of(span)
        assert span["traceId"] == "ad802a7611398a62f161d78f4f676a45"
        assert told["inngest.traceref"] == TRACE_REF
        assert told["inngest.traceparent"] == TRACEPARENT
        assert (told["sys.app.id"], told["sys.function.id"]) == ("a-1", "f-1")
        assert (told["sdk.app.id"], told["sdk.run.id"]) == (APP_ID, RUN_ID)
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    assert spans[f"request {FULL_ID}"]["parentSpanId"] == "6aa918fd78f8e38c"
    assert spans["query"]["parentSpanId"] == spans["step one"]["spanId"]
    for name in ("step one", "query"):
        told = attributes_of(spans[name])
        assert (told["inngest.step.id"], told["inngest.step.hash"]) == ("one", hashed("one"))
        assert (told["inngest.step.index"], told["inngest.step.attempt"]) == ("0", "0")
    own = {each["key"]: each["value"] for each in spans["query"]["attributes"]}
    assert own["rows"] == {"intValue": "2"}
    assert own["share"] == {"doubleValue": 0.5}
    assert own["cached"] == {"boolValue": True}
    assert own["tables"] == {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}


@BOTH
def test_an_engine_that_asks_for_no_spans_gets_none(kind: HandlerKind, engine: EngineDouble) -> None:
    with tracing(engine, kind, (200, {})) as ask:
        assert ask({"traceparent": TRACEPARENT}) == []
        assert ask({}) == []


@BOTH
def test_an_engine_that_does_not_take_spans_is_left_alone(
    kind: HandlerKind, engine: EngineDouble, caplog: pytest.LogCaptureFixture
) -> None:
    with tracing(engine, kind, (404, {"error": "no such route"})) as ask:
        assert len(ask(HEADERS)) == 3
        assert ask(HEADERS) == []
    assert [record.getMessage() for record in caplog.records if record.name == "test.extended"] == [
        "3 spans were not taken by the engine, which answered 404"
    ]


def test_the_bundled_engine_takes_no_spans_and_runs_do_not_notice(caplog: pytest.LogCaptureFixture) -> None:
    tracers = TracerProvider(shutdown_on_exit=False)
    client = inngest.Inngest(
        app_id=APP_ID,
        is_production=False,
        middleware=[OpenTelemetryMiddleware.factory(tracer_provider=tracers)],
        logger=logging.getLogger("test.extended"),
    )
    tracers.add_span_processor(ExtendedTraces(client))

    @client.create_function(fn_id=FN_ID, trigger=inngest.TriggerEvent(event="go"))
    def go(ctx: inngest.ContextSync) -> int:
        return ctx.step.run("one", lambda: 1)

    with testing.Engine([go]) as engine:
        for _ in range(2):
            (run,) = engine.runs_of(engine.send(inngest.Event(name="go")))
            assert engine.wait(run).output == 1
            assert tracers.force_flush()
    tracers.shutdown()
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "test.extended"]
    assert warning.endswith("spans were not taken by the engine, which answered 404")


def test_an_engine_that_is_busy_is_asked_again(engine: EngineDouble, caplog: pytest.LogCaptureFixture) -> None:
    with tracing(engine, HandlerKind.SYNC, (503, {}), (200, {})) as ask:
        assert len(ask(HEADERS)) == 3
        assert len(ask(HEADERS)) == 3
    assert [record.getMessage() for record in caplog.records if record.name == "test.extended"] == [
        "3 spans were not taken by the engine, which answered 503"
    ]
