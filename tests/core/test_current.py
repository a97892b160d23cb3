"""The current call: none outside of functions, none when it has ended, and one of its own for every call."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading

import pytest

import inngest
import inngest.experimental
from inngest_core.runtime.drivers import run_async
from tests.cases.case import Call
from tests.stage.asks import ASKS, ASYNC_ASKS, Ask
from tests.stage.one_function import request_of, serving, shown


def test_outside_of_a_function_the_error_says_where() -> None:
    with pytest.raises(inngest.NoCurrentCallError, match=r"test_current\.py:\d+ \(test_outside.*\), in the thread"):
        inngest.current()
    with pytest.raises(inngest.NoCurrentCallError, match="no function is running"):
        inngest.experimental.get_step_context()


def test_outside_of_a_function_the_error_names_the_task() -> None:
    async def ask() -> object:
        return inngest.current()

    async def main() -> None:
        await asyncio.create_task(ask(), name="lonely")

    with pytest.raises(inngest.NoCurrentCallError, match='and the task "lonely"'):
        asyncio.run(main())


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("is_async", [False, True])
def test_nothing_is_left_when_the_call_has_ended(ask: Ask, is_async: bool) -> None:
    def sync(ctx: inngest.ContextSync) -> str:
        return inngest.current().run_id

    async def asynchronous(ctx: inngest.Context) -> str:
        return inngest.current().run_id

    with serving(asynchronous if is_async else sync) as app:
        assert shown(ask(app, request_of()))[0] == 200
        with pytest.raises(inngest.NoCurrentCallError, match="no function is running"):
            inngest.current()


@pytest.mark.parametrize("ask", ASKS)
def test_what_a_call_left_behind_is_told_that_it_has_ended(ask: Ask) -> None:
    ended = threading.Event()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    left: list[concurrent.futures.Future[object]] = []

    def late() -> object:
        assert ended.wait(30)
        return inngest.current()

    def leaves_a_thread(ctx: inngest.ContextSync) -> None:
        left.append(pool.submit(contextvars.copy_context().run, late))

    with pool, serving(leaves_a_thread) as app:
        assert shown(ask(app, request_of()))[0] == 200
        ended.set()
        with pytest.raises(inngest.NoCurrentCallError, match="the call of function app-fn has ended"):
            left[0].result(30)


@pytest.mark.parametrize("ask", ASYNC_ASKS)
def test_clean_up_at_the_end_of_a_call_still_has_it(ask: Ask) -> None:
    seen: list[str] = []

    async def handler(ctx: inngest.Context) -> None:
        try:
            await ctx.step.sleep("nap", 1000)
        finally:
            seen.append(inngest.current().run_id)

    with serving(handler) as app:
        assert shown(ask(app, request_of()))[0] == 206
    assert seen == [Call().as_json()["ctx"]["run_id"]]


def test_calls_side_by_side_have_their_own() -> None:
    both_run = asyncio.Event()
    seen: list[bool] = []

    async def handler(ctx: inngest.Context) -> None:
        if ctx.attempt:
            both_run.set()
        await both_run.wait()
        seen.append(inngest.current() is ctx)

    async def main() -> None:
        with serving(handler) as app:
            flows = [app.handle(request_of(Call(attempt=attempt))) for attempt in (0, 1)]
            await asyncio.gather(*(run_async(flow, app.client.resources) for flow in flows))

    asyncio.run(main())
    assert seen == [True, True]


def test_the_decorator_takes_an_id() -> None:
    given: object = test_the_decorator_takes_an_id
    with pytest.raises(inngest.InngestError, match="give the id of the step"):
        inngest.experimental.step(given)  # type: ignore[arg-type]  # a decorator without parentheses
