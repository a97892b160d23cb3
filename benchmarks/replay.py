"""Calls that replay many memoized steps: one after another, and in one parallel group; whole, signed calls.

The limits are seconds, and for twice as many steps a multiple: the cost must grow in proportion. In a group the memos
came in another order than the steps are met in, as they do when an engine runs them side by side.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response

from . import requests
from .measure import Block, Effort, Row, best, bounded, compared, interleave

COUNT = 1_000
SEQUENTIAL_LIMIT = 0.004
GROUP_LIMIT = 0.030
LINEAR_LIMIT = 2.6

_CALLS = 4
"""In one block: the garbage collector's share is part of the work."""

_KINDS = {
    "def-sequential": "one after another, def",
    "async-sequential": "one after another, async def",
    "def-group": "in one group, def, ctx.group.parallel",
    "async-group": "in one group, async def, ctx.group.parallel",
    "async-gather": "in one group, async def, asyncio.gather",
}


def rows(effort: Effort) -> Iterator[Row]:
    runner = asyncio.Runner()
    small, large = _app(COUNT), _app(2 * COUNT)
    for kind, words in _KINDS.items():
        limit = SEQUENTIAL_LIMIT if kind.endswith("sequential") else GROUP_LIMIT
        once, twice = _block(small, kind, COUNT, runner), _block(large, kind, 2 * COUNT, runner)
        of_once, of_twice = interleave(once, twice, rounds=effort.long_rounds)
        yield bounded(f"replay of {COUNT:,} steps {words}", best(of_once), limit)
        what = f"replay of {2 * COUNT:,} steps {words}, against {COUNT:,}"
        yield compared(what, best(of_twice), best(of_once), LINEAR_LIMIT)
    runner.close()


def _block(app: App, kind: str, count: int, runner: asyncio.Runner) -> Block:
    step_ids = [f"step {number}" for number in range(count)]
    stack = list(step_ids)
    if not kind.endswith("sequential"):
        random.Random(1).shuffle(stack)  # noqa: S311  # any order will do
    body = requests.replay_body(step_ids, stack)
    handle: Callable[[Request], Response] = app.handle_sync
    if kind.startswith("async"):
        handle = lambda request: runner.run(app.handle_async(request))  # noqa: E731  # one of two

    def block() -> float:
        post = requests.call(kind, body)
        request = Request("POST", f"http://127.0.0.1:8000{post.path}", post.headers, post.body)
        started = time.perf_counter()
        for _ in range(_CALLS):
            response = handle(request)
        seconds = (time.perf_counter() - started) / _CALLS
        if response.body != b"%d" % count:
            raise RuntimeError(f"{kind} answered {response.status}: {response.content[:300].decode(errors='replace')}")
        return seconds

    return block


def _never() -> dict[str, int]:
    raise AssertionError("a memoized step ran")


async def _never_async() -> dict[str, int]:
    raise AssertionError("a memoized step ran")


def _app(count: int) -> App:
    client = inngest.Inngest(
        app_id=requests.APP_ID, is_production=True, signing_key=requests.SIGNING_KEY, event_key="bench"
    )
    trigger = inngest.TriggerEvent(event="bench/happened")
    step_ids = [f"step {number}" for number in range(count)]

    @client.create_function(fn_id="def-sequential", trigger=trigger)
    def def_sequential(ctx: inngest.ContextSync, step: inngest.StepSync) -> int:
        return sum(step.run(step_id, _never)["number"] >= 0 for step_id in step_ids)

    @client.create_function(fn_id="async-sequential", trigger=trigger)
    async def async_sequential(ctx: inngest.Context, step: inngest.Step) -> int:
        total = 0
        for step_id in step_ids:
            total += (await step.run(step_id, _never_async))["number"] >= 0
        return total

    @client.create_function(fn_id="def-group", trigger=trigger)
    def def_group(ctx: inngest.ContextSync, step: inngest.StepSync) -> int:
        return len(ctx.group.parallel([functools.partial(step.run, step_id, _never) for step_id in step_ids]))

    @client.create_function(fn_id="async-group", trigger=trigger)
    async def async_group(ctx: inngest.Context, step: inngest.Step) -> int:
        branches = [functools.partial(step.run, step_id, _never_async) for step_id in step_ids]
        return len(await ctx.group.parallel(branches))

    @client.create_function(fn_id="async-gather", trigger=trigger)
    async def async_gather(ctx: inngest.Context, step: inngest.Step) -> int:
        return len(await asyncio.gather(*(step.run(step_id, _never_async) for step_id in step_ids)))

    functions: list[inngest.Function[Any]] = [def_sequential, async_sequential, def_group, async_group, async_gather]
    return App(client, functions, framework="bench")
