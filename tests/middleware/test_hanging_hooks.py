"""A hook that never comes to an end: `hook_timeout` ends it, or the end of its call; its clean-up runs either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Annotated, Any

import pytest

import inngest
from inngest.middleware.dependency_injection import DependencyInjection, Depends
from inngest_core.errors import MiddlewareError
from inngest_core.web.messages import Request, Response
from tests.stage.one_function import URL, ops, request_of, serving, shown

HOOKS = ("transform_input", "before_execution", "wrap_step", "wrap_handler", "wrap_request", "transform_output")
SHORT = timedelta(milliseconds=50)
TOO_LONG = "TimeoutError: it took longer than 0.05 s, the hook_timeout of the client"


def hanging(hook: str, seen: list[str], begun: asyncio.Event | None = None) -> type[inngest.Middleware]:
    """Return middleware with one hook that hangs, and says when it ends."""

    async def hang(self: object, *args: Any) -> None:
        if begun is not None:
            begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(f"{hook} ended")

    return type("Hanging", (inngest.Middleware,), {hook: hang})


async def one_step(ctx: inngest.Context) -> int:
    return await ctx.step.run("s", lambda: 1)


def call(handler: Any = one_step, request: Request | None = None, **options: Any) -> Response:
    """Return the answer of an app with one function whose hooks have little time."""
    given = {"checkpointing": False, "hook_timeout": SHORT, **options}
    with serving(handler, **given) as app:
        return asyncio.run(app.handle_async(request or request_of()))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_hangs_ends_with_its_call(hook: str) -> None:
    seen: list[str] = []

    async def main() -> None:
        begun = asyncio.Event()
        with serving(one_step, middleware=[hanging(hook, seen, begun)], checkpointing=False) as app:
            call = asyncio.create_task(app.handle_async(request_of()))
            await begun.wait()
            call.cancel()  # as a server does when the client goes away
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(main())
    assert seen == [f"{hook} ended"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_hangs_fails_the_attempt_when_its_time_is_over(hook: str) -> None:
    seen: list[str] = []
    response = call(middleware=[hanging(hook, seen)])
    status, error = shown(response)
    assert (status, error["code"]) == (500, "middleware_failed")
    assert error["message"] == f"Hanging.{hook} raised {TOO_LONG}"
    assert "x-inngest-no-retry" not in response.headers
    assert seen == [f"{hook} ended"]


def test_the_time_is_that_of_a_hook_not_of_what_it_wraps() -> None:
    class Timing(inngest.Middleware):
        async def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> object:
            return await call_next()

        async def wrap_handler(self, call: inngest.CallInfo, call_next: inngest.CallNext) -> object:
            await asyncio.sleep(0)  # so that it has begun to wait
            return await asyncio.wait_for(asyncio.ensure_future(call_next()), 30)  # in a task of its own

        async def wrap_request(self, call: inngest.CallInfo, call_next: inngest.CallNext) -> object:
            await asyncio.sleep(0)
            return await call_next()

    async def slow_step(ctx: inngest.Context) -> None:
        await ctx.step.run("s", lambda: asyncio.sleep(0.2))

    assert ops(call(slow_step, middleware=[Timing])) == [("StepRun", "s")]


@pytest.mark.parametrize("hook", ["wrap_step", "wrap_handler", "wrap_request"])
def test_a_hook_that_hangs_after_what_it_wraps_has_its_own_time(hook: str) -> None:
    seen: list[str] = []

    async def hang_after(self: object, given: object, call_next: inngest.CallNext) -> None:
        try:
            await asyncio.sleep(0)
            await call_next()
            seen.append("went on")
        finally:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("ended")

    async def slow(ctx: inngest.Context) -> None:
        await ctx.step.run("s", lambda: asyncio.sleep(0.1))

    status, error = shown(call(slow, middleware=[type("Late", (inngest.Middleware,), {hook: hang_after})]))
    assert (status, error["message"]) == (500, f"Late.{hook} raised {TOO_LONG}")
    assert seen[-1] == "ended"


def test_a_time_out_of_the_step_itself_stays_what_it_is() -> None:
    class Passing(inngest.Middleware):
        async def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> object:
            await asyncio.sleep(0)
            return await call_next()

    async def late(ctx: inngest.Context) -> None:
        async def work() -> None:
            raise TimeoutError("the bank did not answer")

        await ctx.step.run("s", work)

    response = call(late, middleware=[Passing])
    (op,) = shown(response)[1]
    assert (op["op"], op["error"]["name"], op["error"]["message"]) == (
        "StepError",
        "TimeoutError",
        "the bank did not answer",
    )


def test_plain_hooks_that_return_something_to_await_have_the_same_time() -> None:
    class Returning(inngest.MiddlewareSync):
        def before_execution(self) -> Any:
            return asyncio.get_running_loop().create_future()

    status, error = shown(call(middleware=[Returning]))
    assert (status, error["message"]) == (500, f"Returning.before_execution raised {TOO_LONG}")


async def get_session() -> AsyncGenerator[str]:
    try:
        await asyncio.Event().wait()
        yield "a session"
    finally:
        closed.append("session")


closed: list[str] = []


def test_dependencies_have_the_time_of_a_hook() -> None:
    closed.clear()

    async def handler(ctx: inngest.Context, session: Annotated[str, Depends(get_session)]) -> str:
        return session

    status, error = shown(call(handler, middleware=[DependencyInjection()]))
    assert status == 500
    assert error["message"].endswith(TOO_LONG)
    assert closed == ["session"]


def test_hooks_around_sending_have_it_too() -> None:
    async def main() -> None:
        client = inngest.Inngest(
            app_id="app",
            is_production=False,
            hook_timeout=SHORT,
            middleware=[hanging("before_send_events", [])],
        )
        async with client:
            await client.send(inngest.Event(name="shop/order.placed"))

    with pytest.raises(MiddlewareError) as caught:
        asyncio.run(main())
    assert caught.value.message == f"Hanging.before_send_events raised {TOO_LONG}"


def test_a_hook_of_registration_has_it_too() -> None:
    seen: list[str] = []
    status, error = shown(call(request=Request("PUT", URL, {}, b""), middleware=[hanging("on_register", seen)]))
    assert status == 500
    assert error["message"] == f"Hanging.on_register raised {TOO_LONG}"
    assert seen == ["on_register ended"]
