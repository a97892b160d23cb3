"""When the loop is quiet, so that it is decided on new steps; and what a call leaves behind: nothing."""

from __future__ import annotations

import asyncio
import selectors
import weakref

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Response
from tests.stage.asks import Ask, ask_async
from tests.stage.one_function import ops, request_of, serving, shown

from .async_runs import EVERYWHERE, no_garbage_collector


class CountingSelector(selectors.DefaultSelector):
    """Counts the turns of its loop: each asks once what has come."""

    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        return super().select(timeout)


def ask_counting(app: App) -> tuple[Response, int]:
    """Return the answer to a call, and in how many turns of an idle loop it came."""
    selector = CountingSelector()

    async def ask() -> tuple[Response, int]:
        before = selector.turns
        return await app.handle_async(request_of()), selector.turns - before

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        return runner.run(ask())


def test_an_idle_loop_turns_only_a_few_times() -> None:
    async def handler(ctx: inngest.Context) -> int:
        return await ctx.step.run("a", lambda: 1)

    with serving(handler) as app:
        response, turns = ask_counting(app)
    assert ops(response) == [("StepRun", "a")]
    assert turns < 10


@EVERYWHERE
def test_what_is_due_at_once_is_waited_for(ask: Ask) -> None:
    """Timers that are due, callbacks and chains of them come before it is decided."""

    async def handler(ctx: inngest.Context) -> object:
        loop = asyncio.get_running_loop()

        async def behind_a_timer() -> object:
            due = loop.create_future()
            loop.call_later(0, due.set_result, None)
            await due
            return await ctx.step.run("timer", lambda: 1)

        async def behind_callbacks() -> object:
            done = loop.create_future()

            def again(left: int) -> None:
                if left:
                    loop.call_soon(again, left - 1)
                else:
                    done.set_result(None)

            loop.call_soon(again, 6)
            await done
            return await ctx.step.run("callbacks", lambda: 1)

        async def at_once() -> object:
            return await ctx.step.run("at once", lambda: 1)

        return await asyncio.gather(at_once(), behind_a_timer(), behind_callbacks())

    with serving(handler) as app:
        response = ask(app, request_of())
    assert sorted(ops(response)) == [("StepPlanned", name) for name in ("at once", "callbacks", "timer")]


class Held:
    """Something that a function holds while it waits for a step."""


def test_a_call_that_ends_at_a_step_leaves_nothing_for_the_garbage_collector() -> None:
    held: list[weakref.ref[Held]] = []

    async def handler(ctx: inngest.Context) -> object:
        large = Held()
        held.append(weakref.ref(large))
        await asyncio.gather(*(ctx.step.run(name, lambda: 1) for name in "ab"))
        return [large]

    with serving(handler) as app, no_garbage_collector():
        assert [shown(ask_async(app, request_of()))[0] for _ in range(2)] == [206, 206]
        assert [ref() for ref in held] == [None, None]


def test_a_call_leaves_no_context_for_the_garbage_collector() -> None:
    held: list[weakref.ref[inngest.Context]] = []

    async def handler(ctx: inngest.Context) -> object:
        held.append(weakref.ref(ctx))
        return await ctx.step.run("a", lambda: 1)

    with serving(handler) as app, no_garbage_collector():
        assert shown(ask_async(app, request_of()))[0] == 206
        assert [ref() for ref in held] == [None]
