"""What the engine, the user's code and the log see of a middleware that raises."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest_core.errors import MiddlewareError
from inngest_core.serving.app import App
from inngest_core.web.messages import Response
from tests.cases.case import APP_ID, STACK, Build, Call, HandlerKind, Later, both, read_answer
from tests.stage.logs import LogList
from tests.stage.one_function import request_of

BOTH = pytest.mark.parametrize("kind", HandlerKind)
ALONE = Call()
TARGETED = Call(target="a", plan_only=True)
AROUND_A_CALL = ["transform_input", "before_execution", "after_execution", "transform_output", "before_response"]
NO_LUCK = {"name": "ValueError", "message": "no luck", "stack": STACK}


def raising(hook: str, error: Callable[[], BaseException] = lambda: ValueError("no luck")) -> Any:
    """Return a middleware class one of whose hooks raises."""

    def broken(*_: object) -> None:
        raise error()

    return type("Broken", (inngest.MiddlewareSync,), {hook: broken})


def ask(build: Build, kind: HandlerKind, *middleware: Any, call: Call = ALONE, log: LogList | None = None) -> Response:
    """Serve what *build* builds and call it."""
    logger = logging.Logger("test")
    logger.addHandler(log or logging.NullHandler())
    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=logger, middleware=middleware) as client:
        return App(client, build(client, kind), framework="bare").handle_sync(request_of(call))


def answer(response: Response) -> tuple[int, Any]:
    return response.status, read_answer(response.content)


def failed(message: str, **fields: object) -> tuple[int, dict[str, object]]:
    """Return the answer to a call in which a hook raised."""
    body = {"code": "middleware_failed", "name": "MiddlewareError", "message": message, "stack": STACK, **fields}
    return 500, body


def returning() -> Build:
    def sync(ctx: inngest.ContextSync) -> int:
        return 1

    async def asynchronous(ctx: inngest.Context) -> int:
        return 1

    return both(sync, asynchronous)


def catching(ran: list[str], caught: type[BaseException] = Exception) -> Build:
    """Build a function of two steps, the first of which is in a try."""

    def sync(ctx: inngest.ContextSync) -> None:
        try:
            ctx.step.run("a", ran.append, "a")
        except caught as error:
            ran.append(type(error).__name__)
        ctx.step.run("b", ran.append, "b")

    async def asynchronous(ctx: inngest.Context) -> None:
        try:
            await ctx.step.run("a", ran.append, "a")
        except caught as error:
            ran.append(type(error).__name__)
        await ctx.step.run("b", ran.append, "b")

    return both(sync, asynchronous)


def catching_a_group(ran: list[str]) -> Build:
    def sync(ctx: inngest.ContextSync) -> None:
        try:
            ctx.group.parallel((lambda: ctx.step.run("a", ran.append, "a"), lambda: ctx.step.run("b", ran.append, "b")))
        except Exception as error:
            ran.append(type(error).__name__)

    async def asynchronous(ctx: inngest.Context) -> None:
        try:
            await asyncio.gather(ctx.step.run("a", ran.append, "a"), ctx.step.run("b", ran.append, "b"))
        except Exception as error:
            ran.append(type(error).__name__)

    return both(sync, asynchronous)


@BOTH
@pytest.mark.parametrize("hook", AROUND_A_CALL)
def test_an_error_in_a_hook_fails_the_attempt_and_is_named_and_logged(hook: str, kind: HandlerKind) -> None:
    log = LogList()
    response = ask(returning(), kind, raising(hook), log=log)
    message = f"Broken.{hook} raised ValueError: no luck"
    assert answer(response) == failed(message, cause=NO_LUCK)
    assert "test_hook_errors.py" in json.loads(response.content)["cause"]["stack"]
    assert "x-inngest-no-retry" not in response.headers
    assert log.texts == [f"function app-fn will be tried again: {message}"]


@BOTH
def test_a_hook_may_refuse_without_retries(kind: HandlerKind) -> None:
    log = LogList()
    refusing = raising("before_execution", lambda: inngest.NonRetriableError("not today"))
    response = ask(returning(), kind, refusing, log=log)
    assert (response.status, response.headers["x-inngest-no-retry"]) == (500, "true")
    assert read_answer(response.content)["message"] == "not today"
    assert log.texts == ["function app-fn failed: not today"]


@BOTH
def test_a_hook_may_say_when_to_try_again_and_keep_quiet(kind: HandlerKind) -> None:
    log = LogList()
    busy = raising("before_execution", lambda: inngest.RetryAfterError("later", 60_000, quiet=True))
    response = ask(returning(), kind, busy, log=log)
    assert response.status == 500
    assert Later(60) == response.headers["retry-after"]
    assert read_answer(response.content)["code"] == "retry_after_error"
    assert log.texts == []


@BOTH
def test_a_hook_that_exits_fails_the_attempt_and_ends_nothing_else(kind: HandlerKind) -> None:
    response = ask(returning(), kind, raising("before_execution", lambda: SystemExit(3)))
    cause = {"name": "SystemExit", "message": "3", "stack": STACK}
    assert answer(response) == failed("Broken.before_execution raised SystemExit: 3", cause=cause)


def make(client: object, raw_request: object) -> Any:
    raise ValueError("no luck")


class Unmade(inngest.MiddlewareSync):
    def __init__(self, client: object, raw_request: object) -> None:
        raise ValueError("no luck")


@BOTH
@pytest.mark.parametrize(("middleware", "name"), [(make, "make"), (Unmade, "Unmade")])
def test_a_middleware_that_cannot_be_made_fails_the_attempt(middleware: Any, name: str, kind: HandlerKind) -> None:
    log = LogList()
    response = ask(returning(), kind, middleware, log=log)
    message = f"{name} raised ValueError: no luck"
    assert answer(response) == failed(message, cause=NO_LUCK)
    assert log.texts == [f"function app-fn will be tried again: {message}"]


def test_a_middleware_that_cannot_be_made_keeps_events_from_being_sent() -> None:
    with (
        inngest.Inngest(app_id=APP_ID, is_production=False, middleware=[make]) as client,
        pytest.raises(MiddlewareError, match="make raised ValueError: no luck"),
    ):
        client.send_sync(inngest.Event(name="e"))


# In a step, where the code of the function stands around the hook


@BOTH
@pytest.mark.parametrize("call", [ALONE, TARGETED], ids=["discovered", "targeted"])
@pytest.mark.parametrize("caught", [Exception, BaseException])
@pytest.mark.parametrize("hook", ["after_execution", "transform_output"])
def test_user_code_cannot_catch_an_error_in_a_hook_of_a_step(
    hook: str, caught: type[BaseException], call: Call, kind: HandlerKind
) -> None:
    ran: list[str] = []
    response = ask(catching(ran, caught), kind, raising(hook), call=call)
    assert answer(response) == failed(f"Broken.{hook} raised ValueError: no luck", cause=NO_LUCK)
    assert ran[0] == "a"
    assert not {"b", "MiddlewareError"} & set(ran)
    assert ran.count("a") == 1


@BOTH
def test_user_code_cannot_catch_an_error_in_a_hook_of_a_step_in_a_group(kind: HandlerKind) -> None:
    ran: list[str] = []
    response = ask(catching_a_group(ran), kind, raising("transform_output"), call=TARGETED)
    assert answer(response) == failed("Broken.transform_output raised ValueError: no luck", cause=NO_LUCK)
    assert ran == ["a"]


@BOTH
def test_the_end_of_the_call_is_no_cause_of_an_error_in_a_hook_of_a_step(kind: HandlerKind) -> None:
    refusing = raising("transform_output", lambda: inngest.NonRetriableError("not today"))
    response = ask(catching([]), kind, refusing)
    body = {"name": "NonRetriableError", "message": "not today", "stack": STACK, "code": "non_retriable_error"}
    assert answer(response) == (500, body)
    assert response.headers["x-inngest-no-retry"] == "true"


@BOTH
def test_an_error_in_a_hook_around_the_sending_of_a_step_is_that_of_the_step(kind: HandlerKind) -> None:
    def sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.send_event("a", inngest.Event(name="e"))

    async def asynchronous(ctx: inngest.Context) -> object:
        return await ctx.step.send_event("a", inngest.Event(name="e"))

    status, body = answer(ask(both(sync, asynchronous), kind, raising("before_send_events")))
    assert (status, body[0]["op"]) == (206, "StepError")
    assert body[0]["error"]["message"] == "Broken.before_send_events raised ValueError: no luck"
