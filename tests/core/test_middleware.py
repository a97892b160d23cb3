"""Middleware: which hooks run, in which order, what they may change, and what their errors do."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import inngest
from inngest_core.errors import FunctionConfigError
from inngest_core.protocol.wire import hash_id
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response
from tests.stage.engine_api import EngineDouble, running_engine

RUN_ID = "01M81HH26QDJEBNKAKXRBQZRE6"
Log = list[str]


def recording(name: str, log: Log) -> type[inngest.MiddlewareSync]:
    """Return a middleware class that writes down each of its hooks."""

    class Recording(inngest.MiddlewareSync):
        def transform_input(self, ctx: Any, function: inngest.Function[Any], steps: inngest.StepMemos) -> None:
            log.append(f"{name} transform_input of {function.id}, {steps.size} memos")

        def before_execution(self) -> None:
            log.append(f"{name} before_execution")

        def after_execution(self) -> None:
            log.append(f"{name} after_execution")

        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            of = "function" if result.step is None else f"step {result.step.id}"
            log.append(f"{name} transform_output of {of}: {result.output if result.has_output() else result.error}")

        def before_response(self) -> None:
            log.append(f"{name} before_response")

        def before_send_events(self, events: list[inngest.Event]) -> None:
            log.append(f"{name} before_send_events of {len(events)}")

        def after_send_events(self, result: inngest.SendEventsResult) -> None:
            log.append(f"{name} after_send_events: {result.ids}")

    return Recording


class AsyncDoubler(inngest.Middleware):
    """Doubles what steps and functions give, on a loop."""

    async def transform_output(self, result: inngest.TransformOutputResult) -> None:
        await asyncio.sleep(0)
        if result.has_output():
            result.output = [result.output, result.output]


def make_client(*middleware: Any, **options: Any) -> inngest.Inngest:
    return inngest.Inngest(app_id="app", is_production=False, middleware=middleware, **options)


def call(client: inngest.Inngest, function: inngest.Function[Any], steps: dict[str, Any] | None = None) -> Response:
    memos = {hash_id(step_id): memo for step_id, memo in (steps or {}).items()}
    body = {
        "ctx": {"run_id": RUN_ID, "attempt": 0, "max_attempts": 4, "stack": {"stack": list(memos)}},
        "event": {"name": "e", "data": {"n": 1}},
        "events": [{"name": "e", "data": {"n": 1}}],
        "steps": memos,
    }
    url = f"http://h/api/inngest?fnId={function.id}&stepId=step"
    app = App(client, [function], framework="bare")
    return app.handle_sync(Request("POST", url, {}, json.dumps(body).encode(), raw="the raw request"))


def body_of(response: Response) -> Any:
    return json.loads(response.content)


def one(result: object = "x") -> object:
    return result


def define(
    client: inngest.Inngest, handler: Callable[[inngest.ContextSync], object], **options: Any
) -> inngest.Function[Any]:
    return client.create_function(fn_id="fn", trigger=inngest.TriggerEvent(event="e"), **options)(handler)


def define_async(
    client: inngest.Inngest, handler: Callable[[inngest.Context], Any], **options: Any
) -> inngest.Function[Any]:
    return client.create_function(fn_id="fn", trigger=inngest.TriggerEvent(event="e"), **options)(handler)


def test_hooks_of_a_finished_function_run_in_order_and_back() -> None:
    log: Log = []
    client = make_client(recording("client", log))
    function = define(client, lambda ctx: ctx.event.data["n"], middleware=[recording("function", log)])
    assert body_of(call(client, function)) == 1
    assert log == [
        "client transform_input of app-fn, 0 memos",
        "function transform_input of app-fn, 0 memos",
        "client before_execution",
        "function before_execution",
        "function after_execution",
        "client after_execution",
        "function transform_output of function: 1",
        "client transform_output of function: 1",
        "client before_response",
        "function before_response",
    ]


def test_hooks_see_the_output_of_a_step_that_ran() -> None:
    log: Log = []
    client = make_client(recording("m", log))
    function = define(client, lambda ctx: ctx.step.run("a", one, 5))
    assert body_of(call(client, function))[0]["data"] == 5
    assert log == [
        "m transform_input of app-fn, 0 memos",
        "m before_execution",
        "m after_execution",
        "m transform_output of step a: 5",
        "m before_response",
    ]


def test_a_sync_middleware_works_in_an_async_function() -> None:
    log: Log = []
    client = make_client(recording("m", log))

    async def handler(ctx: inngest.Context) -> object:
        return await ctx.step.run("a", one, 5)

    assert body_of(call(client, define_async(client, handler)))[0]["data"] == 5
    assert "m transform_output of step a: 5" in log


def test_an_async_middleware_changes_outputs_of_steps_and_functions() -> None:
    client = make_client(AsyncDoubler)

    async def handler(ctx: inngest.Context) -> object:
        return await ctx.step.run("a", one, 5)

    function = define_async(client, handler)
    assert body_of(call(client, function))[0]["data"] == [5, 5]
    assert body_of(call(client, function, {"a": {"data": [5, 5]}})) == [[5, 5], [5, 5]]


def test_an_async_middleware_in_a_plain_function_is_refused_by_name() -> None:
    message = (
        'function "app-fn": the handler is a plain def, but the hooks of the middleware AsyncDoubler are async def; '
        "derive it from inngest.MiddlewareSync, or make the handler async def"
    )
    client = make_client(AsyncDoubler)
    function = define(client, lambda ctx: 1)
    with pytest.raises(FunctionConfigError) as caught:
        inngest.App(client, [function], framework="bare")
    assert caught.value.message == message
    for middleware in (AsyncDoubler, AsyncDoubler(client, None)):
        with pytest.raises(FunctionConfigError) as caught:
            define(make_client(), lambda ctx: 1, middleware=[middleware])
        assert caught.value.message == message


def test_async_hooks_that_a_factory_brings_into_a_plain_function_are_named_by_the_call() -> None:
    def factory(client: inngest.Inngest, raw_request: object) -> inngest.Middleware:
        return AsyncDoubler(client, raw_request)

    client = make_client(factory)
    response = call(client, define(client, lambda ctx: 1))
    assert (response.status, body_of(response)["code"]) == (500, "async_unsupported")
    assert "AsyncDoubler." in body_of(response)["message"]


def test_transform_input_changes_events_memos_and_the_context() -> None:
    class Changing(inngest.MiddlewareSync):
        def transform_input(self, ctx: Any, function: object, steps: inngest.StepMemos) -> None:
            ctx.event = inngest.Event(name="changed", data={"n": 2})
            ctx.tenant = "blue"
            for memo in steps.values():
                memo.data = memo.data * 10

    client = make_client(Changing)

    def handler(ctx: Any) -> object:
        return [ctx.event.name, ctx.event.data["n"], ctx.tenant, ctx.step.run("a", one)]

    assert body_of(call(client, define(client, handler), {"a": {"data": 7}})) == ["changed", 2, "blue", 70]


def test_a_hook_may_turn_an_error_into_a_value() -> None:
    class Forgiving(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            if isinstance(result.error, KeyError):
                result.error, result.output = None, "forgiven"

    def missing() -> object:
        raise KeyError("missing")

    client = make_client(Forgiving)
    assert body_of(call(client, define(client, lambda ctx: missing()))) == "forgiven"
    client = make_client(Forgiving)
    assert body_of(call(client, define(client, lambda ctx: ctx.step.run("a", missing))))[0]["op"] == "StepRun"


def test_classes_factories_and_instances_are_accepted_and_see_the_raw_request() -> None:
    seen: list[object] = []

    class Seeing(inngest.MiddlewareSync):
        def before_execution(self) -> None:
            seen.append(self.raw_request)

    def factory(client: object, raw_request: object) -> Seeing:
        return Seeing(client, ["by a factory", raw_request])

    client = make_client(Seeing, factory)
    client.add_middleware(Seeing(client, "an instance"))
    call(client, define(client, lambda ctx: 1))
    assert seen == ["the raw request", ["by a factory", "the raw request"], "an instance"]


@pytest.fixture
def sending() -> Iterator[tuple[inngest.Inngest, Log, EngineDouble]]:
    log: Log = []
    with running_engine() as engine:
        engine.reset({"POST /e/NO_EVENT_KEY_SET": [(200, {"ids": ["1", "2"], "status": 200})]})
        with make_client(
            recording("first", log),
            recording("second", log),
            api_base_url=engine.origin,
            event_api_base_url=engine.origin,
        ) as client:
            yield client, log, engine


def test_hooks_around_sending(sending: tuple[inngest.Inngest, Log, EngineDouble]) -> None:
    client, log, _ = sending
    ids = client.send_sync([inngest.Event(name="a"), inngest.Event(name="b")])
    assert len(ids) == 2
    assert log == [
        "first before_send_events of 2",
        "second before_send_events of 2",
        f"second after_send_events: {ids}",
        f"first after_send_events: {ids}",
    ]


def test_sending_may_skip_the_hooks(sending: tuple[inngest.Inngest, Log, EngineDouble]) -> None:
    client, log, _ = sending
    asyncio.run(client.send(inngest.Event(name="a"), skip_middleware=True))
    assert log == []


def test_a_step_that_sends_runs_the_hooks_of_its_function_too(
    sending: tuple[inngest.Inngest, Log, EngineDouble],
) -> None:
    client, log, engine = sending

    class Marking(inngest.MiddlewareSync):
        def before_send_events(self, events: list[inngest.Event]) -> None:
            log.append("function before_send_events")
            events[0].data["by"] = self.raw_request

        def after_send_events(self, result: inngest.SendEventsResult) -> None:
            log.append(f"function after_send_events: {result.ids}")

    async def handler(ctx: inngest.Context) -> object:
        return await ctx.step.send_event("s", inngest.Event(name="a"))

    def plain(ctx: inngest.ContextSync) -> object:
        return ctx.step.send_event("s", inngest.Event(name="a"))

    trigger = inngest.TriggerEvent(event="e")
    for function in (
        client.create_function(fn_id="plain", trigger=trigger, middleware=[Marking])(plain),
        client.create_function(fn_id="async", trigger=trigger, middleware=[Marking])(handler),
    ):
        log.clear()
        assert body_of(call(client, function))[0]["data"] == ["1", "2"]
        assert [line for line in log if "send_events" in line] == [
            "first before_send_events of 1",
            "second before_send_events of 1",
            "function before_send_events",
            "function after_send_events: ['1', '2']",
            "second after_send_events: ['1', '2']",
            "first after_send_events: ['1', '2']",
        ]
        assert engine.requests[-1].json()[0]["data"] == {"by": "the raw request"}


# When before_execution runs


def two_steps(client: inngest.Inngest, log: Log, *, asynchronous: bool) -> inngest.Function[Any]:
    def handler(ctx: inngest.ContextSync) -> object:
        log.append("start")
        for step_id in "ab":
            ctx.step.run(step_id, lambda: log.append("step runs"))
            log.append(f"after {step_id}")
        return None

    async def handler_async(ctx: inngest.Context) -> object:
        log.append("start")
        for step_id in "ab":
            await ctx.step.run(step_id, lambda: log.append("step runs"))
            log.append(f"after {step_id}")
        return None

    made: inngest.Function[Any] = define_async(client, handler_async) if asynchronous else define(client, handler)
    return made


BEFORE_NEW_CODE: dict[str, tuple[list[str], list[str]]] = {
    "nothing is memoized": ([], ["m before_execution", "start", "step runs"]),
    "the first step is memoized": (["a"], ["start", "m before_execution", "after a", "step runs"]),
    "all steps are memoized": (["a", "b"], ["start", "after a", "m before_execution", "after b"]),
    "a step that is gone is memoized": (["a", "gone"], ["start", "after a", "m before_execution", "step runs"]),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
@pytest.mark.parametrize(("memoized", "expected"), BEFORE_NEW_CODE.values(), ids=BEFORE_NEW_CODE.keys())
def test_before_execution_runs_once_before_new_code(
    asynchronous: bool, memoized: list[str], expected: list[str]
) -> None:
    """After the memos were replayed: just before a step's callback, or what follows the last memo."""
    log: Log = []
    client = make_client(recording("m", log))
    call(client, two_steps(client, log, asynchronous=asynchronous), {name: {"data": None} for name in memoized})
    around = ("transform", "after_execution", "before_response")
    assert [line for line in log if not any(part in line for part in around)] == expected
    assert log.count("m after_execution") == 1
    assert log.index("m before_execution") < log.index("m after_execution")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
def test_before_execution_runs_also_where_a_step_is_only_planned(asynchronous: bool) -> None:
    """So that it always comes before after_execution."""
    log: Log = []
    client = make_client(recording("m", log))

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", 1000)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.sleep("nap", 1000)

    function = define_async(client, handler_async) if asynchronous else define(client, handler)
    call(client, function, {"gone": {"data": 1}})
    assert log == [
        "m transform_input of app-fn, 1 memos",
        "m before_execution",
        "m after_execution",
        "m before_response",
    ]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
def test_the_function_cannot_catch_an_error_of_before_execution(asynchronous: bool) -> None:
    class Refusing(inngest.MiddlewareSync):
        def before_execution(self) -> None:
            raise inngest.NonRetriableError("not today")

    log: Log = []
    client = make_client(Refusing, logger=logging.Logger("silent"))

    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("a", one)
        except Exception as error:
            log.append(str(error))
        return "went on"

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.run("a", one)
        except Exception as error:
            log.append(str(error))
        return "went on"

    function = define_async(client, handler_async) if asynchronous else define(client, handler)
    response = call(client, function, {"a": {"data": 1}})
    assert (response.status, body_of(response)["message"], log) == (500, "not today", [])


def test_a_hook_is_told_what_the_function_returned_also_when_that_is_none() -> None:
    seen: list[object] = []

    class Changes(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            result.output = "changed"

        def on_function_complete(self, output: Any) -> None:
            seen.append(output)

    client = make_client(Changes)
    assert body_of(call(client, define(client, lambda ctx: None))) == "changed"
    assert seen == [None]


def test_a_wrapping_hook_without_a_yield_is_named() -> None:
    class Wrong(inngest.MiddlewareSync):
        async def wrap_step(self, step: inngest.StepInfo) -> None:  # type: ignore[override]
            pass

    client = make_client(Wrong)
    answer = body_of(call(client, define(client, lambda ctx: ctx.step.run("s", one))))
    assert (
        answer["message"] == "Wrong.wrap_step returned a coroutine; it wraps what stands at its yield, so it needs one"
    )
