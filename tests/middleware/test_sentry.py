"""Sentry: what its SDK hands to a transport about runs that fail, and about calls."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

import inngest
import inngest.experimental.sentry_middleware
from inngest.middleware.sentry import SentryMiddleware
from inngest_core.errors import ConfigError
from inngest_core.serving.app import App
from inngest_core.web.messages import Request
from tests.cases.case import FULL_ID, RUN_ID, Call, HandlerKind
from tests.stage.asks import ask_async, ask_sync
from tests.stage.bodies import handler as handler_of
from tests.stage.in_process_engine import InProcessEngine, RunFailedError
from tests.stage.one_function import serving, shown

BOTH = pytest.mark.parametrize("kind", HandlerKind)
ASKS = {HandlerKind.SYNC: ask_sync, HandlerKind.ASYNC: ask_async}
TRACE = "ad802a7611398a62f161d78f4f676a45"


class Collecting(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.transactions: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        for item in envelope.items:
            if item.type == "event":
                self.events.append(json.loads(item.get_bytes()))
            elif item.type == "transaction":
                self.transactions.append(json.loads(item.get_bytes()))


@contextmanager
def reporting(**options: Any) -> Generator[Collecting]:
    """Have Sentry report to what is given, with its integrations for errors, until the end."""
    transport = Collecting()
    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope():
        sentry_sdk.init(
            dsn="https://key@sentry.example/1",
            transport=transport,
            default_integrations=False,  # the others change this process, and other tests in it, for good
            integrations=[LoggingIntegration(), DedupeIntegration()],
            **options,
        )
        try:
            yield transport
        finally:
            sentry_sdk.get_client().close()
            sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def sentry() -> Iterator[Collecting]:
    with reporting() as transport:
        yield transport


def loud_logger() -> logging.Logger:
    """Return a logger like that of an app: Sentry sees what it is given."""
    logger = logging.getLogger("test.sentry")
    logger.setLevel(logging.INFO)
    return logger


def run(body: Any, kind: HandlerKind, *, attempts: int = 1, middleware: Any = SentryMiddleware) -> None:
    """Make a run fail: so many attempts of the function, or of the step that it meets, and what follows that."""
    options: dict[str, Any] = {"middleware": [middleware], "logger": loud_logger()}
    with serving(handler_of(body, kind), checkpointing=False, **options) as app:
        engine = InProcessEngine(app, ASKS[kind], lambda count: 0)
        for attempt in range(attempts - 1):
            status, answer = ask(app, kind, Call(attempt=attempt, max_attempts=attempts))
            assert status == 500 or answer[0]["op"] == "StepError"
        with pytest.raises(RunFailedError):
            engine.run()


def ask(app: App, kind: HandlerKind, call: Call, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    url = f"http://app.example/api/inngest?{call.query()}"
    return shown(ASKS[kind](app, Request("POST", url, headers or {}, call.body())))


def charge() -> None:
    raise ValueError("no such card")


def failing(ctx: Any, step: Any) -> Any:
    raise ValueError("no luck")


def with_failing_step(ctx: Any, step: Any) -> Any:
    yield step.run("find", lambda: 1)
    yield step.run("charge", charge)


@BOTH
def test_a_function_that_fails_for_good_is_one_event(kind: HandlerKind, sentry: Collecting) -> None:
    run(failing, kind, attempts=3)
    (event,) = sentry.events
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("ValueError", "no luck")
    assert exception["mechanism"] == {"type": "inngest", "handled": False}
    assert [frame["function"] for frame in exception["stacktrace"]["frames"]][-1] == "failing"
    assert not [frame for frame in exception["stacktrace"]["frames"] if frame["module"].startswith("inngest_core")]
    assert event["tags"] == {
        "inngest.app.id": "app",
        "inngest.function.id": FULL_ID,
        "inngest.run.id": RUN_ID,
        "inngest.event.name": "test/go",
    }
    assert event["contexts"]["inngest"]["attempt"] == 0
    assert event["contexts"]["inngest"]["max_attempts"] == 1
    assert event["fingerprint"] == ["{{ default }}", FULL_ID]


@BOTH
def test_a_step_that_fails_for_good_is_one_event_of_its_run(kind: HandlerKind, sentry: Collecting) -> None:
    run(with_failing_step, kind)
    (event,) = sentry.events
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("StepError", "no such card")
    assert event["tags"]["inngest.step.id"] == "charge"
    assert event["fingerprint"] == ["{{ default }}", FULL_ID, "charge", "ValueError"]
    step = event["contexts"]["inngest step"]
    assert (step["id"], step["name"], step["message"]) == ("charge", "ValueError", "no such card")
    assert "in charge" in step["stack"]
    crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"] if crumb["category"].startswith("inngest")]
    assert crumbs == ["2 steps had finished in earlier calls"]


@BOTH
def test_a_caught_step_error_is_no_failure(kind: HandlerKind, sentry: Collecting) -> None:
    def body(ctx: Any, step: Any) -> Any:
        try:
            yield step.run("charge", charge)
        except inngest.StepError as error:
            return error.name

    def sync(ctx: inngest.ContextSync) -> str | None:
        try:
            ctx.step.run("charge", charge)
        except inngest.StepError as error:
            return error.name
        return None

    function = sync if kind is HandlerKind.SYNC else handler_of(body, kind)
    with serving(function, checkpointing=False, middleware=[SentryMiddleware], logger=loud_logger()) as app:
        assert InProcessEngine(app, ASKS[kind], lambda count: 0).run() == "ValueError"
    assert sentry.events == []


@BOTH
def test_each_attempt_is_an_event_if_that_is_asked_for(kind: HandlerKind, sentry: Collecting) -> None:
    every = SentryMiddleware.factory(every_attempt=True)
    run(failing, kind, attempts=3, middleware=every)
    assert [event["exception"]["values"][-1]["value"] for event in sentry.events] == ["no luck"] * 3
    sentry.events.clear()
    options: dict[str, Any] = {"middleware": [every], "logger": loud_logger()}
    with serving(handler_of(with_failing_step, kind), checkpointing=False, **options) as app:
        steps = {"find": {"data": 1}}
        for attempt in range(2):
            ask(app, kind, Call(steps=steps, attempt=attempt, max_attempts=2))
    for event in sentry.events:
        assert event["exception"]["values"][-1]["type"] == "ValueError"
        assert event["tags"]["inngest.step.id"] == "charge"
    first, second = sentry.events
    crumbs = [crumb["message"] for crumb in second["breadcrumbs"]["values"] if crumb["category"] == "inngest.step"]
    assert crumbs == ['step "charge" failed']
    assert first["contexts"]["inngest"]["attempt"] == 0


@BOTH
def test_what_failed_quietly_is_not_reported(kind: HandlerKind, sentry: Collecting) -> None:
    def body(ctx: Any, step: Any) -> Any:
        raise inngest.NonRetriableError("expected", quiet=True)

    run(body, kind)
    assert sentry.events == []


@BOTH
def test_errors_that_the_app_logs_are_events_of_the_run(kind: HandlerKind, sentry: Collecting) -> None:
    def body(ctx: Any, step: Any) -> Any:
        logging.getLogger("test.sentry.mine").error("odd")
        raise ValueError("no luck")

    run(body, kind)
    logged, failed = sentry.events
    assert logged["logentry"]["message"] == "odd"
    assert logged["tags"]["inngest.run.id"] == RUN_ID
    assert failed["exception"]["values"][-1]["value"] == "no luck"
    assert "odd" in [crumb["message"] for crumb in failed["breadcrumbs"]["values"]]


@BOTH
def test_the_tags_end_with_the_call(kind: HandlerKind, sentry: Collecting) -> None:
    run(failing, kind)
    sentry.events.clear()
    sentry_sdk.capture_message("outside")
    (event,) = sentry.events
    assert not {name for name in event.get("tags", {}) if name.startswith("inngest")}


# Transactions


def trace_of(kind: HandlerKind, headers: dict[str, str], transport: Collecting) -> list[dict[str, Any]]:
    def body(ctx: Any, step: Any) -> Any:
        yield step.run("find", lambda: 1)

    options: dict[str, Any] = {"middleware": [SentryMiddleware]}
    with serving(handler_of(body, kind), checkpointing=False, **options) as app:
        assert ask(app, kind, Call(), headers)[0] == 206
        assert ask(app, kind, Call(steps={"find": {"data": 1}}), headers)[0] == 200
    return transport.transactions


@BOTH
@pytest.mark.parametrize("flags", ["00", "01"])
def test_calls_are_transactions_of_one_trace(kind: HandlerKind, flags: str) -> None:
    with reporting(traces_sample_rate=1.0) as transport:
        first, second = trace_of(kind, {"traceparent": f"00-{TRACE}-6aa918fd78f8e38c-{flags}"}, transport)
    for transaction in (first, second):
        trace = transaction["contexts"]["trace"]
        assert (trace["trace_id"], trace["parent_span_id"]) == (TRACE, "6aa918fd78f8e38c")
        assert (trace["op"], transaction["transaction"], trace["status"]) == ("queue.task.inngest", FULL_ID, "ok")
        assert transaction["tags"]["inngest.run.id"] == RUN_ID
    assert [(span["op"], span["description"]) for span in first["spans"] if span["op"] == "inngest.step"] == [
        ("inngest.step", "find")
    ]
    assert [span for span in second["spans"] if span["op"] == "inngest.step"] == []


@BOTH
def test_without_a_trace_of_the_engine_the_run_is_the_trace(kind: HandlerKind) -> None:
    with reporting(traces_sample_rate=1.0) as transport:
        first, second = trace_of(kind, {}, transport)
    assert first["contexts"]["trace"]["trace_id"] == second["contexts"]["trace"]["trace_id"]


@BOTH
@pytest.mark.parametrize("rate", [None, 0.0])
def test_nothing_is_sent_that_is_not_sampled(kind: HandlerKind, rate: float | None) -> None:
    with reporting(traces_sample_rate=rate) as transport:
        assert trace_of(kind, {"traceparent": f"00-{TRACE}-6aa918fd78f8e38c-01"}, transport) == []


@BOTH
def test_a_sampler_is_asked_about_each_call(kind: HandlerKind) -> None:
    asked: list[Any] = []

    def sampler(context: dict[str, Any]) -> float:
        asked.append(context["inngest"])
        return 0.0

    with reporting(traces_sampler=sampler) as transport:
        assert trace_of(kind, {}, transport) == []
    assert asked == [{"function_id": FULL_ID, "event_name": "test/go", "attempt": 0}] * 2


def test_a_failed_call_has_a_failed_transaction() -> None:
    with reporting(traces_sample_rate=1.0) as transport:
        run(failing, HandlerKind.SYNC)
    (transaction,) = transport.transactions
    assert transaction["contexts"]["trace"]["status"] == "internal_error"


@BOTH
def test_without_sentry_nothing_happens(kind: HandlerKind) -> None:
    run(with_failing_step, kind)
    assert not sentry_sdk.is_initialized()


def test_the_name_of_the_official_sdk() -> None:
    assert inngest.experimental.sentry_middleware.SentryMiddleware is SentryMiddleware


def test_one_instance_for_all_calls_is_refused() -> None:
    one = SentryMiddleware(inngest.Inngest(app_id="app", is_production=False), None)
    with pytest.raises(ConfigError, match="give its class, or a function") as refused:
        inngest.Inngest(app_id="app", is_production=False, middleware=[one])
    assert "keeps what belongs to one call" in str(refused.value)
