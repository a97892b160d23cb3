"""The API that users already write: names, signatures, and behaviour that no other test has.

A signature is written down as a function without a body, as the users' apps call it. More options may be there, but
none that a call has to give.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any, get_type_hints

import pydantic
import pytest

import inngest
import inngest.digital_ocean
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.tornado
from inngest_core.serving.options import ServeOptions
from tests.cases.case import Call
from tests.stage.engine_api import EngineDouble
from tests.stage.one_function import request_of, serving, shown

NAMES = [
    *("Batch", "Cancel", "Concurrency", "Context", "ContextSync", "Debounce", "Event", "Function", "Inngest", "JSON"),
    *("Middleware", "MiddlewareSync", "NonRetriableError", "ParallelMode", "Priority", "PydanticSerializer"),
    *("RateLimit", "RetryAfterError", "SendEventsError", "SendEventsResult", "Serializer", "Singleton", "Step"),
    *("StepError", "StepMemos", "StepSync", "Streaming", "Throttle", "Timeouts", "TransformOutputResult"),
    *("TriggerCron", "TriggerEvent", "digital_ocean", "django", "fast_api", "flask", "tornado"),
]
Shape = Callable[..., None]


@pytest.mark.parametrize("name", NAMES)
def test_a_name(name: str) -> None:
    assert hasattr(inngest, name)


def test_values_of_enumerations() -> None:
    assert (inngest.ParallelMode.WAIT, inngest.ParallelMode.RACE) == ("wait", "race")
    assert (inngest.Streaming.FORCE, inngest.Streaming.DISABLE) == ("force", "disable")


# --- signatures


def client(
    *,
    app_id: str,
    app_version: None = None,
    env: None = None,
    api_base_url: None = None,
    event_api_base_url: None = None,
    event_key: None = None,
    signing_key: None = None,
    is_production: None = None,
    logger: None = None,
    middleware: None = None,
    request_timeout: None = None,
    serializer: None = None,
) -> None: ...


def create_function(
    self: object,
    *,
    fn_id: str,
    trigger: object,
    name: None = None,
    retries: None = None,
    on_failure: None = None,
    output_type: None = None,
    idempotency: None = None,
    batch_events: None = None,
    cancel: None = None,
    concurrency: None = None,
    debounce: None = None,
    priority: None = None,
    rate_limit: None = None,
    singleton: None = None,
    throttle: None = None,
    timeouts: None = None,
    middleware: None = None,
) -> None: ...


def send(self: object, events: object, *, skip_middleware: bool = False) -> None: ...
def run(self: object, step_id: str, handler: object, *handler_args: object, output_type: None = None) -> None: ...
def sleep(self: object, step_id: str, duration: object) -> None: ...
def sleep_until(self: object, step_id: str, until: object) -> None: ...
def wait_for_event(self: object, step_id: str, *, event: str, if_exp: None = None, timeout: object) -> None: ...
def invoke(
    self: object, step_id: str, *, function: object, data: None = None, timeout: None = None, v: None = None
) -> None: ...
def invoke_by_id(
    self: object,
    step_id: str,
    *,
    app_id: None = None,
    function_id: str,
    data: None = None,
    timeout: None = None,
    v: None = None,
) -> None: ...
def send_event(self: object, step_id: str, events: object) -> None: ...
def older_parallel(self: object, callables: object) -> None: ...
def parallel(
    self: object, callables: object, parallel_mode: inngest.ParallelMode = inngest.ParallelMode.WAIT
) -> None: ...
def non_retriable_error(message: None = None, quiet: bool = False) -> None: ...
def retry_after_error(message: str, retry_after: object, quiet: bool = False) -> None: ...
def middleware(client: object, raw_request: object) -> None: ...
def transform_input(self: object, ctx: object, function: object, steps: object) -> None: ...
def transform_output(self: object, result: object) -> None: ...
def before_send_events(self: object, events: object) -> None: ...
def after_send_events(self: object, result: object) -> None: ...
def without_arguments(self: object) -> None: ...
def get_config(self: object, app_url: str) -> None: ...
def serialize(self: object, obj: object, typ: object) -> None: ...
def send_events_result(ids: object, error: None = None) -> None: ...
def serve(
    app: object,
    client: object,
    functions: object,
    *,
    public_path: None = None,
    serve_origin: None = None,
    serve_path: None = None,
    enable_unauthed_sync: None = None,
) -> None: ...
def serve_alone(
    client: object,
    functions: object,
    *,
    public_path: None = None,
    serve_origin: None = None,
    serve_path: None = None,
    enable_unauthed_sync: None = None,
) -> None: ...


HOOKS: list[tuple[str, Shape]] = [
    ("transform_input", transform_input),
    ("before_execution", without_arguments),
    ("after_execution", without_arguments),
    ("transform_output", transform_output),
    ("before_response", without_arguments),
    ("before_send_events", before_send_events),
    ("after_send_events", after_send_events),
]
TOOLS: list[tuple[str, Shape]] = [
    ("run", run),
    ("sleep", sleep),
    ("sleep_until", sleep_until),
    ("wait_for_event", wait_for_event),
    ("invoke", invoke),
    ("invoke_by_id", invoke_by_id),
    ("send_event", send_event),
    ("parallel", older_parallel),
]
SIGNATURES: list[tuple[Any, Shape]] = [
    (inngest.Inngest, client),
    (inngest.Inngest.create_function, create_function),
    (inngest.Inngest.send, send),
    (inngest.Inngest.send_sync, send),
    *[(getattr(kind, name), shape) for kind in (inngest.Step, inngest.StepSync) for name, shape in TOOLS],
    (inngest.Group.parallel, parallel),
    (inngest.GroupSync.parallel, parallel),
    (inngest.NonRetriableError, non_retriable_error),
    (inngest.RetryAfterError, retry_after_error),
    (inngest.Middleware, middleware),
    (inngest.MiddlewareSync, middleware),
    *[(getattr(kind, name), shape) for kind in (inngest.Middleware, inngest.MiddlewareSync) for name, shape in HOOKS],
    (inngest.Function[Any].get_id, without_arguments),
    (inngest.Function[Any].get_config, get_config),
    (inngest.PydanticSerializer.serialize, serialize),
    (inngest.PydanticSerializer.deserialize, serialize),
    (inngest.SendEventsResult, send_events_result),
    (inngest.TransformOutputResult.has_output, without_arguments),
    *[(module.serve, serve) for module in (inngest.flask, inngest.fast_api, inngest.tornado)],
    *[(module.serve, serve_alone) for module in (inngest.django, inngest.digital_ocean)],
]


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function; those that `serve` takes as Unpack[ServeOptions] by their own names."""
    found = dict(inspect.signature(function).parameters)
    unpacked = found.get("options")
    if unpacked is None or unpacked.kind is not unpacked.VAR_KEYWORD:
        return found
    assert unpacked.annotation == "Unpack[ServeOptions]"
    del found["options"]
    keywords = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in get_type_hints(ServeOptions)
    }
    return {**found, **keywords}


@pytest.mark.parametrize(
    ("ours", "written"), SIGNATURES, ids=[f"{each[0].__module__}.{each[0].__qualname__}" for each in SIGNATURES]
)
def test_a_signature(ours: Callable[..., Any], written: Shape) -> None:
    found, wanted = parameters_of(ours), inspect.signature(written).parameters
    positional = [name for name, each in wanted.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert list(found)[: len(positional)] == positional
    for name, each in wanted.items():
        assert name in found
        assert found[name].kind in (each.kind, each.POSITIONAL_OR_KEYWORD)
        if each.default is not each.empty:
            assert found[name].default == each.default
    for name in found.keys() - wanted.keys():
        kind, default = found[name].kind, found[name].default
        assert kind is inspect.Parameter.VAR_POSITIONAL or default is not inspect.Parameter.empty, name


OPTIONS: dict[type[pydantic.BaseModel], dict[str, Any]] = {
    inngest.TriggerEvent: {"event": ..., "expression": None},
    inngest.TriggerCron: {"cron": ..., "jitter": None},
    inngest.Event: {"name": ..., "data": {}, "id": "", "ts": 0, "user": None, "v": None},
    inngest.Batch: {"max_size": ..., "timeout": None, "key": None, "if_exp": None},
    inngest.Cancel: {"event": ..., "if_exp": None, "timeout": None},
    inngest.Concurrency: {"limit": ..., "key": None, "scope": None},
    inngest.Debounce: {"period": ..., "key": None, "timeout": None},
    inngest.Priority: {"run": ...},
    inngest.RateLimit: {"limit": ..., "period": ..., "key": None},
    inngest.Singleton: {"mode": ..., "key": None},
    inngest.Throttle: {"limit": ..., "period": ..., "key": None, "burst": 1},
    inngest.Timeouts: {"start": None, "finish": None},
}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.__name__)
def test_fields_of_what_users_build(option: type[pydantic.BaseModel]) -> None:
    fields = {name: ... if field.is_required() else field.default for name, field in option.model_fields.items()}
    assert fields == OPTIONS[option]


# --- the client


def test_is_production_follows_option_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    for is_production, dev in [(None, None), (None, "1"), (None, "0"), (True, "1"), (False, "0")]:
        monkeypatch.delenv("INNGEST_DEV", raising=False)
        if dev is not None:
            monkeypatch.setenv("INNGEST_DEV", dev)
        seen.append(inngest.Inngest(app_id="app", is_production=is_production).is_production)
    assert seen == [True, False, True, True, False]


def test_a_client_without_more_than_its_name() -> None:
    plain = inngest.Inngest(app_id="app")
    assert (plain.api_origin, plain.event_api_origin) == ("https://api.inngest.com", "https://inn.gs")
    given = (plain.env, plain.event_key, plain.signing_key, plain.signing_key_fallback, plain.app_version)
    assert given == (None, None, None, None, None)
    assert (plain.app_id, plain.logger.name, list(plain.middleware)) == ("app", "inngest", [])


# --- events


def test_an_empty_id_and_a_zero_ts_mean_not_given(engine: EngineDouble) -> None:
    engine.reset({"POST /e/NO_EVENT_KEY_SET": [(200, {"ids": ["1", "2"], "status": 200})]})
    events = [inngest.Event(name="a", id="", ts=0), inngest.Event(name="b", id="mine", ts=7)]
    expected: list[dict[str, object]] = [{"name": "a", "data": {}}, {"name": "b", "data": {}, "id": "mine", "ts": 7}]
    with inngest.Inngest(app_id="app", is_production=False, event_api_base_url=engine.origin) as sender:
        assert sender.send_sync(events) == ["1", "2"]
        assert asyncio.run(sender.send(events)) == ["1", "2"]
    assert [each.json() for each in engine.requests] == [expected, expected]


class Order(pydantic.BaseModel):
    number: int


class OrderPlaced(inngest.Event):
    """As the guide of the SDK that users come from has it."""

    name: str = "shop/order.placed"
    data: Order  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # users narrow it


def test_a_subclass_of_event_is_read_from_the_context_and_sent(engine: EngineDouble) -> None:
    def handler(ctx: inngest.ContextSync) -> list[object]:
        event = OrderPlaced.model_validate(ctx.event.model_dump())
        return [event.data.number, event.id, event.ts, event.model_dump()["meta"]]

    async def handler_async(ctx: inngest.Context) -> list[object]:
        event = OrderPlaced.model_validate(ctx.event.model_dump())
        return [event.data.number, event.id, event.ts, event.model_dump()["meta"]]

    call = Call(event={"name": "shop/order.placed", "data": {"number": "5"}, "id": "01X", "ts": 7, "meta": {"m": 1}})
    for each in (handler, handler_async):
        with serving(each) as app:
            assert shown(app.handle_sync(request_of(call))) == (200, [5, "01X", 7, {"m": 1}])

    engine.reset({"POST /e/NO_EVENT_KEY_SET": [(200, {"ids": ["1"], "status": 200})]})
    with inngest.Inngest(app_id="app", is_production=False, event_api_base_url=engine.origin) as sender:
        sender.send_sync(OrderPlaced(data=Order(number=5)))
    assert engine.requests[0].json() == [{"name": "shop/order.placed", "data": {"number": 5}}]


def test_what_went_through_is_known_to_the_sender_and_to_middleware(engine: EngineDouble) -> None:
    answer = {"ids": ["1"], "status": 400, "error": "event name is empty"}
    engine.reset({"POST /e/NO_EVENT_KEY_SET": [(400, answer)]})
    seen: list[inngest.SendEventsResult] = []

    class Seeing(inngest.MiddlewareSync):
        def after_send_events(self, result: inngest.SendEventsResult) -> None:
            seen.append(result)

    options: Any = {"is_production": False, "event_api_base_url": engine.origin, "middleware": [Seeing]}
    with inngest.Inngest(app_id="app", **options) as sender:
        with pytest.raises(inngest.SendEventsError, match="event name is empty") as caught:
            sender.send_sync([inngest.Event(name="a"), inngest.Event(name="")])
        assert caught.value.ids == ["1"]
        with pytest.raises(inngest.SendEventsError) as caught:
            asyncio.run(sender.send([inngest.Event(name="a"), inngest.Event(name="")]))
        assert caught.value.ids == ["1"]
    assert [(result.ids, isinstance(result.error, inngest.SendEventsError)) for result in seen] == [(["1"], True)] * 2


# --- functions and middleware


def test_what_middleware_is_told_of_a_step() -> None:
    seen: list[object] = []

    class Seeing(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            step = result.step and (result.step.id, result.step.op, dict(result.step.opts))
            seen.append((step, result.output, result.has_output()))

    def one() -> int:
        return 1

    def handler(ctx: inngest.ContextSync) -> int:
        return ctx.step.run("a", one)

    with serving(handler, middleware=[Seeing]) as app:
        app.handle_sync(request_of())
        app.handle_sync(request_of(Call(steps={"a": {"data": 1}})))
    assert seen == [(("a", "StepRun", {}), 1, True), (None, 1, True)]


def test_middleware_reads_memos() -> None:
    seen: list[object] = []

    class Seeing(inngest.MiddlewareSync):
        def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
            seen.append((function.id, steps.size, {str(memo.data): memo.error for memo in steps.values()}))

    def handler(ctx: inngest.ContextSync) -> object:
        try:
            ctx.step.run("b", lambda: 1)
        except inngest.StepError as error:
            return [ctx.step.run("a", lambda: 1), error.name, error.message, error.stack]
        return None

    failed = {"name": "ValueError", "message": "boom", "stack": "there"}
    with serving(handler, middleware=[Seeing]) as app:
        call = Call(steps={"b": {"error": failed}, "a": {"data": 5}})
        assert shown(app.handle_sync(request_of(call))) == (200, [5, "ValueError", "boom", "there"])
    assert seen == [("app-fn", 2, {"None": failed, "5": None})]


@pytest.mark.parametrize("form", ["class", "factory"])
def test_middleware_of_one_function(form: str) -> None:
    made: list[object] = []

    class Shouting(inngest.Middleware):
        def __init__(self, client: inngest.Inngest, raw_request: object) -> None:
            super().__init__(client, raw_request)
            made.append(client)

        async def transform_output(self, result: inngest.TransformOutputResult) -> None:
            result.output = [result.output, "!"]

    def factory(client: inngest.Inngest, raw_request: object) -> inngest.Middleware:
        return Shouting(client, raw_request)

    async def handler(ctx: inngest.Context) -> int:
        return 1

    with inngest.Inngest(app_id="app", is_production=False) as owner:
        given: Any = Shouting if form == "class" else factory
        loud = owner.create_function(fn_id="loud", middleware=[given])(handler)
        quiet = owner.create_function(fn_id="quiet")(lambda ctx: 1)
        app = inngest.App(owner, [loud, quiet], framework="bare")
        assert json.loads(app.handle_sync(request_of(Call(fn_id="app-loud"))).content) == [1, "!"]
        assert json.loads(app.handle_sync(request_of(Call(fn_id="app-quiet"))).content) == 1
    assert made == [owner]
