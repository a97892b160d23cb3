"""Hooks that wrap steps, handlers and requests, and the hooks of each step: what they see, and when."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import inngest
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FULL_ID, Build, Call, HandlerKind, both
from tests.stage.logs import silent_logger
from tests.stage.one_function import request_of, shown

BOTH = pytest.mark.parametrize("kind", HandlerKind)
Log = list[str]
Wrapping = Generator[None, Any, Any]
ALL = Call()

current: contextvars.ContextVar[str] = contextvars.ContextVar("current", default="nothing")


def ask(build: Build, kind: HandlerKind, *middleware: Any, call: Call = ALL) -> tuple[int, Any]:
    logger = silent_logger()
    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=logger, middleware=middleware) as client:
        return shown(App(client, build(client, kind), framework="bare").handle_sync(request_of(call)))


def of_a_step(run: Callable[[], object]) -> Build:
    def sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("s", run)

    async def asynchronous(ctx: inngest.Context) -> object:
        return await ctx.step.run("s", run)

    return both(sync, asynchronous)


def failing() -> object:
    raise KeyError("lost")


def recording(log: Log) -> Any:
    """Return a pair whose hooks write down when they run, and whether by yield or by await."""

    class Sync(inngest.MiddlewareSync):
        def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
            log.append("transform_input")

        def after_memoization(self) -> None:
            log.append("after_memoization")

        def before_execution(self) -> None:
            log.append("before_execution")

        def on_step_start(self, step: inngest.StepInfo) -> None:
            log.append(f"on_step_start {step.id} {step.index} {step.attempt} {len(step.hash)}")

        def on_step_complete(self, step: inngest.StepInfo, output: Any) -> None:
            log.append(f"on_step_complete {step.id} {output}")

        def on_step_error(self, step: inngest.StepInfo, error: BaseException, final: bool) -> None:
            log.append(f"on_step_error {step.id} {error!r} {'final' if final else 'not final'}")

        def after_execution(self) -> None:
            log.append("after_execution")

        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            log.append("transform_output")
            if result.has_output():
                result.output = "changed"

        def on_function_complete(self, output: Any) -> None:
            log.append(f"on_function_complete {output}")

        def on_function_error(self, error: BaseException, final: bool) -> None:
            log.append(f"on_function_error {error!r} {'final' if final else 'not final'}")

        def before_response(self) -> None:
            log.append("before_response")

        def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
            with around(log, f"step {step.id}"):
                yield

        def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
            with around(log, f"handler of {call.function.local_id}"):
                yield

        def wrap_request(self, call: inngest.CallInfo) -> Wrapping:
            with around(log, f"{call.request.method} request"):
                answer = yield
                log.append(f"status {answer.status}")

    class Async(inngest.Middleware):
        async def wrap_step(self, step: inngest.StepInfo, call_next: Any) -> object:
            async with around_async(log, f"step {step.id}"):
                return await call_next()

        async def wrap_handler(self, call: inngest.CallInfo, call_next: Any) -> object:
            async with around_async(log, f"handler of {call.function.local_id}"):
                return await call_next()

        async def wrap_request(self, call: inngest.CallInfo, call_next: Any) -> object:
            async with around_async(log, f"{call.request.method} request"):
                answer = await call_next()
                log.append(f"status {answer.status}")
                return answer

    for name in vars(Sync):  # the hooks that do not wrap are the same, as coroutines
        if not name.startswith(("_", "wrap_")):
            setattr(Async, name, awaitable(getattr(Sync, name)))
    return inngest.MiddlewarePair(Sync, Async)


def awaitable(hook: Callable[..., None]) -> Callable[..., Any]:
    async def run(*args: Any) -> None:
        await asyncio.sleep(0)
        hook(*args)

    return run


class around:  # noqa: N801 - it reads as a statement
    """Write down where something begins and how it ends."""

    def __init__(self, log: Log, what: str) -> None:
        self._log, self._what = log, what

    def __enter__(self) -> None:
        self._log.append(f"begin {self._what}")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._log.append(f"end {self._what}" if kind is None else f"end {self._what}: {kind.__name__}")


@asynccontextmanager
async def around_async(log: Log, what: str) -> AsyncGenerator[None]:
    with around(log, what):
        await asyncio.sleep(0)
        yield


async def cancelled_once(word: str, log: Log, app: App) -> None:
    """Call the app, and cancel that as soon as a word is in the log."""
    calling = asyncio.create_task(app.handle_async(request_of()))
    while word not in log:
        await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


@BOTH
def test_the_order_where_a_step_runs(kind: HandlerKind) -> None:
    log: Log = []
    assert ask(of_a_step(lambda: 5), kind, recording(log))[0] == 206
    assert log == [
        "begin POST request",
        "transform_input",
        "begin handler of fn",
        "after_memoization",
        "before_execution",
        "on_step_start s 0 0 40",
        "begin step s",
        "end step s",
        "after_execution",
        "transform_output",
        "on_step_complete s 5",
        "end handler of fn: Interrupt",
        "before_response",
        "status 206",
        "end POST request",
    ]


@BOTH
def test_the_order_where_the_function_returns(kind: HandlerKind) -> None:
    log: Log = []
    assert ask(of_a_step(failing), kind, recording(log), call=Call(steps={"s": {"data": 7}})) == (200, "changed")
    assert log == [
        "begin POST request",
        "transform_input",
        "begin handler of fn",
        "after_memoization",
        "before_execution",
        "end handler of fn",
        "after_execution",
        "transform_output",
        "on_function_complete 7",
        "before_response",
        "status 200",
        "end POST request",
    ]


@BOTH
@pytest.mark.parametrize(("attempt", "word"), [(0, "not final"), (3, "final")])
def test_errors_of_steps_and_functions_say_whether_they_are_final(kind: HandlerKind, attempt: int, word: str) -> None:
    log: Log = []
    assert ask(of_a_step(failing), kind, recording(log), call=Call(attempt=attempt))[0] == 206
    assert "end step s: KeyError" in log
    assert [line for line in log if line.startswith("on_")] == [
        f"on_step_start s 0 {attempt} 40",
        f"on_step_error s KeyError('lost') {word}",
    ]
    log.clear()

    def sync(ctx: inngest.ContextSync) -> object:
        return failing()

    async def asynchronous(ctx: inngest.Context) -> object:
        return failing()

    assert ask(both(sync, asynchronous), kind, recording(log), call=Call(attempt=attempt))[0] == 500
    assert "end handler of fn: KeyError" in log
    assert [line for line in log if line.startswith("on_")] == [f"on_function_error KeyError('lost') {word}"]


@BOTH
def test_a_result_that_cannot_be_written_is_an_error_of_the_step(kind: HandlerKind) -> None:
    log: Log = []

    class Spoiling(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            result.output = object()

    assert ask(of_a_step(lambda: 1), kind, Spoiling, recording(log))[1][0]["op"] == "StepFailed"
    assert [line.split()[0] for line in log if line.startswith("on_step_")] == ["on_step_start", "on_step_error"]


@BOTH
def test_what_a_hook_sets_around_a_step_is_seen_by_its_callback_only(kind: HandlerKind) -> None:
    class Setting(inngest.MiddlewareSync):
        def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
            token = current.set(step.id)
            try:
                yield
            finally:
                current.reset(token)

    class SettingAsync(inngest.Middleware):
        async def wrap_step(self, step: inngest.StepInfo, call_next: Any) -> object:
            token = current.set(step.id)
            try:
                return await call_next()
            finally:
                current.reset(token)

    for middleware in (Setting, inngest.MiddlewarePair(Setting, SettingAsync)):
        assert ask(of_a_step(current.get), kind, middleware)[1][0]["data"] == "s"
        assert current.get() == "nothing"


@BOTH
def test_what_a_hook_sets_around_the_handler_is_seen_by_the_function(kind: HandlerKind) -> None:
    class Setting(inngest.MiddlewareSync):
        def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
            token = current.set("handler")
            yield
            current.reset(token)

    def sync(ctx: inngest.ContextSync) -> object:
        return current.get()

    async def asynchronous(ctx: inngest.Context) -> object:
        return current.get()

    assert ask(both(sync, asynchronous), kind, Setting) == (200, "handler")


@BOTH
def test_an_output_is_replaced_or_kept(kind: HandlerKind) -> None:
    class Short(inngest.MiddlewareSync):
        def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
            if step.id:
                return "from a cache"
            yield

    class ShortAsync(inngest.Middleware):
        async def wrap_step(self, step: inngest.StepInfo, call_next: Any) -> object:
            return "from a cache"

    class Keeping(inngest.Middleware):
        async def wrap_step(self, step: inngest.StepInfo, call_next: Any) -> object:
            await call_next()
            return None

    pair = inngest.MiddlewarePair(Short, ShortAsync)
    assert ask(of_a_step(failing), kind, pair)[1][0]["data"] == "from a cache"
    if kind is HandlerKind.ASYNC:
        assert ask(of_a_step(lambda: 5), kind, Keeping)[1][0]["data"] == 5


@BOTH
def test_an_error_of_a_step_may_become_another_one(kind: HandlerKind) -> None:
    class Translating(inngest.MiddlewareSync):
        def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
            try:
                yield
            except KeyError as error:
                raise inngest.NonRetriableError("no such key") from error

    (op,) = ask(of_a_step(failing), kind, Translating)[1]
    assert (op["op"], op["error"]["name"], op["error"]["cause"]["name"]) == (
        "StepFailed",
        "NonRetriableError",
        "KeyError",
    )


@BOTH
@pytest.mark.parametrize("error", [StopIteration("x"), KeyError("x"), SystemExit("x")], ids=repr)
def test_errors_pass_through_unchanged(kind: HandlerKind, error: BaseException) -> None:
    def run() -> object:
        raise error

    log: Log = []
    (op,) = ask(of_a_step(run), kind, recording(log), recording(log))[1]
    assert (op["op"], op["error"]["name"]) == ("StepError", type(error).__name__)


@BOTH
@pytest.mark.parametrize("hook", ["wrap_step", "wrap_handler", "wrap_request"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_failure_of_a_hook_is_named_and_cannot_be_caught(kind: HandlerKind, hook: str, where: str) -> None:
    caught: Log = []

    def broken(self: object, given: object) -> Wrapping:
        if where == "before":
            raise ValueError("no luck")
        yield
        raise ValueError("no luck")

    async def broken_async(self: object, given: object, call_next: Any) -> object:
        if where == "after":
            await call_next()
        raise ValueError("no luck")

    class Catching(inngest.MiddlewareSync):
        def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
            try:
                yield
            except Exception as error:
                caught.append(str(error))
            return "saved"

        def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
            return self.wrap_step(call)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    pair = inngest.MiddlewarePair(
        type("Broken", (inngest.MiddlewareSync,), {hook: broken}),
        type("Broken", (inngest.Middleware,), {hook: broken_async}),
    )

    def sync(ctx: inngest.ContextSync) -> object:
        try:
            return ctx.step.run("s", lambda: 1)
        except Exception as error:
            caught.append(f"function: {error}")
            raise

    async def asynchronous(ctx: inngest.Context) -> object:
        try:
            return await ctx.step.run("s", lambda: 1)
        except Exception as error:
            caught.append(f"function: {error}")
            raise

    memos = {"s": {"data": 1}} if hook == "wrap_handler" else {}
    status, body = ask(both(sync, asynchronous), kind, Catching, pair, call=Call(steps=memos))
    assert (status, body["code"]) == (500, "middleware_failed")
    assert body["message"] == f"Broken.{hook} raised ValueError: no luck"
    assert not [text for text in caught if text.startswith("function")]


@BOTH
def test_a_wrapping_hook_without_a_yield_is_told_so(kind: HandlerKind) -> None:
    class Plain(inngest.MiddlewareSync):
        def wrap_step(self, step: inngest.StepInfo) -> Any:
            return None

    status, body = ask(of_a_step(lambda: 1), kind, Plain)
    assert status == 500
    assert body["message"] == "Plain.wrap_step returned None; it wraps what stands at its yield, so it needs one"


@BOTH
def test_a_handler_runs_once_in_a_call(kind: HandlerKind) -> None:
    class Twice(inngest.MiddlewareSync):
        def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
            yield
            yield

    status, body = ask(of_a_step(lambda: 1), kind, Twice, call=Call(steps={"s": {"data": 1}}))
    assert (status, body["message"]) == (500, "a wrap_handler hook ran app-fn twice in one call; run it once")


@BOTH
def test_a_request_is_answered_with_an_answer_only(kind: HandlerKind) -> None:
    class Other(inngest.MiddlewareSync):
        def wrap_request(self, call: inngest.CallInfo) -> Wrapping:
            yield
            return {"status": 200}

    status, body = ask(of_a_step(lambda: 1), kind, Other)
    assert (status, body["code"]) == (500, "middleware_failed")
    assert body["message"].startswith("a wrap_request hook returned a dict; return what call_next()")


def test_a_hook_that_hangs_ends_with_the_call() -> None:
    log: Log = []

    class Hanging(inngest.Middleware):
        async def before_execution(self) -> None:
            with around(log, "hook"):
                await asyncio.Event().wait()

        async def wrap_handler(self, call: inngest.CallInfo, call_next: Any) -> object:
            async with around_async(log, "handler"):
                return await call_next()

    async def main() -> None:
        with inngest.Inngest(app_id=APP_ID, is_production=False, middleware=[Hanging]) as client:
            app = App(client, of_a_step(lambda: 1)(client, HandlerKind.ASYNC), framework="bare")
            await cancelled_once("begin hook", log, app)

    asyncio.run(main())
    assert log == ["begin handler", "begin hook", "end hook: CancelledError", "end handler: CancelledError"]


def test_what_a_sync_hook_wraps_is_cleaned_up_when_the_client_goes_away() -> None:
    log: Log = []

    class Holding(inngest.MiddlewareSync):
        def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
            with around(log, "handler"):
                yield

    async def hang(ctx: inngest.Context) -> None:
        log.append("hangs")
        await asyncio.Event().wait()

    async def main() -> None:
        with inngest.Inngest(app_id=APP_ID, is_production=False, middleware=[Holding]) as client:
            app = App(client, [client.create_function(fn_id="fn")(hang)], framework="bare")
            await cancelled_once("hangs", log, app)

    asyncio.run(main())
    assert log == ["begin handler", "hangs", "end handler: GeneratorExit"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
def test_a_registration_is_seen_and_changed(asynchronous: bool) -> None:
    class Seeing(inngest.MiddlewareSync):
        def on_register(self, registration: inngest.Registration) -> None:
            registration.functions[0]["name"] = f"at {registration.url}"

    class SeeingAsync(inngest.Middleware):
        async def on_register(self, registration: inngest.Registration) -> None:
            await asyncio.sleep(0)
            registration.functions[0]["name"] = f"at {registration.url}"

    middleware: Any = SeeingAsync if asynchronous else Seeing
    with inngest.Inngest(app_id=APP_ID, is_production=False, middleware=[middleware]) as client:
        app = App(client, of_a_step(lambda: 1)(client, HandlerKind.ASYNC), framework="bare")
        request = inngest_put('{"url": "http://app.example/api/inngest"}')
        status, body = shown(app.handle_sync(request))
        assert (status, shown(asyncio.run(app.handle_async(request)))[1]) == (200, body)
    assert (body["functions"][0]["id"], body["functions"][0]["name"]) == (FULL_ID, "at http://app.example/api/inngest")


def inngest_put(body: str) -> Any:
    return request_of().__class__(
        "PUT", "http://app.example/api/inngest", {"x-inngest-sync-kind": "in_band"}, body.encode()
    )
