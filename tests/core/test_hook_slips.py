"""Hooks that are written in the wrong style, or do what no hook may: the error names the hook, and what to write."""

from __future__ import annotations

from typing import Any

import pytest

import inngest
from inngest_core.errors import MiddlewareError
from inngest_core.web.messages import Request
from tests.stage.asks import ASKS, Ask
from tests.stage.one_function import URL, request_of, serving, shown

EVERY_WAY = pytest.mark.parametrize("ask", ASKS)


def sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", lambda: 1)


async def asynchronous(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", lambda: 1)


HANDLERS = pytest.mark.parametrize("handler", [sync, asynchronous])


def failure_of(handler: Any, ask: Ask, *middleware: Any) -> str:
    with serving(handler, middleware=middleware) as app:
        status, body = shown(ask(app, request_of()))
    assert (status, body["code"]) == (500, "middleware_failed")
    message: str = body["message"]
    return message


class Twice(inngest.MiddlewareSync):
    def wrap_request(self, call: inngest.CallInfo) -> Any:
        yield
        yield


class TwiceAsync(inngest.Middleware):
    async def wrap_request(self, call: inngest.CallInfo, call_next: inngest.CallNext) -> object:
        await call_next()
        return await call_next()


@EVERY_WAY
@HANDLERS
def test_a_call_is_not_run_twice(handler: Any, ask: Ask) -> None:
    said = "a wrap_request hook ran the call of app-fn twice; run it once"
    assert failure_of(handler, ask, Twice) == said
    if handler is asynchronous:
        assert failure_of(handler, ask, TwiceAsync) == said


class Yielding(inngest.Middleware):
    """Written as a hook of MiddlewareSync is."""

    def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> Any:
        yield


class YieldingAsync(inngest.Middleware):
    async def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> Any:
        yield


@EVERY_WAY
@pytest.mark.parametrize(("kind", "seen"), [(Yielding, "a generator"), (YieldingAsync, "an async_generator")])
def test_a_hook_that_should_await_call_next_does_not_yield(kind: Any, seen: str, ask: Ask) -> None:
    said = f"{kind.__name__}.wrap_step returned {seen}; write it with async def, and await call_next() in it"
    assert failure_of(asynchronous, ask, kind) == said


class Texting(inngest.MiddlewareSync):
    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        given: Any = "no luck"
        result.error = given


@EVERY_WAY
@HANDLERS
def test_an_error_is_an_exception(handler: Any, ask: Ask) -> None:
    said = "a transform_output hook put a str into result.error; give an exception, or None"
    assert failure_of(handler, ask, Texting) == said


class Leaving(inngest.MiddlewareSync):
    def on_register(self, registration: inngest.Registration) -> None:
        registration.functions[0]["name"] = object()


@EVERY_WAY
def test_what_an_engine_is_told_is_json(ask: Ask) -> None:
    headers = {"x-inngest-sync-kind": "in_band"}
    request = Request("PUT", URL, headers, f'{{"url": "{URL}"}}'.encode())
    with serving(sync, middleware=[Leaving]) as app:
        status, body = shown(ask(app, request))
    assert (status, body["code"]) == (500, "middleware_failed")
    assert body["message"].startswith("an on_register hook left functions that are not JSON: TypeError")


class Adding(inngest.MiddlewareSync):
    def before_send_events(self, events: list[inngest.Event]) -> None:
        given: Any = "user/signed.up"
        events.append(given)


def test_what_is_sent_are_events() -> None:
    with inngest.Inngest(app_id="app", is_production=False, middleware=[Adding]) as client:
        said = "^a before_send_events hook put a str into the list of events; give inngest.Event"
        with pytest.raises(MiddlewareError, match=said):
            client.send_sync(inngest.Event(name="shop/ordered"))
