"""Coroutines that are begun before it is known whether they wait: hooks that are `async def`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

import inngest
from inngest_core.runtime.awaitable import begin
from inngest_core.web.messages import Request
from tests.cases.case import Call
from tests.stage.asks import ask_async
from tests.stage.one_function import serving


def on_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run an async test on a loop of its own."""

    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


@on_a_loop
async def test_what_waits_for_nothing_has_ended() -> None:
    seen: list[int] = []

    async def hook() -> int:
        seen.append(1)
        return 1

    assert begin(hook()) is None
    assert seen == [1]


@on_a_loop
async def test_what_waits_goes_on_where_it_is_awaited() -> None:
    started = asyncio.get_running_loop().create_future()

    async def hook() -> str:
        first = await started
        await asyncio.sleep(0)
        return f"{first} and second"

    rest = begin(hook())
    assert rest is not None
    started.set_result("first")
    assert await rest == "first and second"


@on_a_loop
async def test_what_is_raised_where_it_waits_reaches_it() -> None:
    async def hook() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(60)
        except TimeoutError:
            return "went on"
        return "was not cancelled"

    rest = begin(hook())
    assert rest is not None
    assert await rest == "went on"


@on_a_loop
async def test_what_it_raises_is_raised_before_and_after_it_waits() -> None:
    async def at_once() -> None:
        raise ValueError("at once")

    async def later() -> None:
        await asyncio.sleep(0)
        raise ValueError("later")

    with pytest.raises(ValueError, match="at once"):
        begin(at_once())
    rest = begin(later())
    assert rest is not None
    with pytest.raises(ValueError, match="later"):
        await rest


@on_a_loop
async def test_it_is_cancelled_with_the_task_that_awaits_it() -> None:
    ended: list[str] = []

    async def hook() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    async def awaiting() -> None:
        rest = begin(hook())
        assert rest is not None
        await rest

    task = asyncio.create_task(awaiting())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cleaned up"]


def test_hooks_that_wait_and_hooks_that_do_not_run_in_order_and_in_one_task() -> None:
    seen: list[tuple[str, object]] = []

    class Waits(inngest.Middleware):
        async def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
            seen.append(("begins", asyncio.current_task()))
            await asyncio.sleep(0)
            seen.append(("waited", asyncio.current_task()))

    class DoesNot(inngest.Middleware):
        async def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
            seen.append(("did not wait", asyncio.current_task()))

    async def body(ctx: inngest.Context) -> int:
        return 1

    with serving(body, middleware=[Waits, DoesNot, Waits]) as app:
        url = f"http://app.example/api/inngest?{Call().query()}"
        assert ask_async(app, Request("POST", url, {}, Call().body())).status == 200
    assert [name for name, _ in seen] == ["begins", "waited", "did not wait", "begins", "waited"]
    assert len({id(task) for _, task in seen}) == 1
