"""The testing kit: what one test costs, a year of cron, and a thousand tests. All in this process, in virtual time."""

from __future__ import annotations

import datetime
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import inngest
from inngest import testing

from .measure import Block, Effort, Row, best, bounded, interleave

START_LIMIT = 0.005
TEN_STEPS_LIMIT = 0.005
YEAR_LIMIT = 1.0
THOUSAND_LIMIT = 10.0

client = inngest.Inngest(app_id="benchmark", is_production=False)
on_event = inngest.TriggerEvent(event="a")


def one() -> int:
    return 1


@client.create_function(fn_id="ten-async", trigger=on_event)
async def ten_async(ctx: inngest.Context) -> int:
    return sum([await ctx.step.run(f"step {number}", one) for number in range(10)])


@client.create_function(fn_id="ten", trigger=on_event)
def ten(ctx: inngest.ContextSync) -> int:
    return sum(ctx.step.run(f"step {number}", one) for number in range(10))


@client.create_function(fn_id="single", trigger=on_event)
def single(ctx: inngest.ContextSync) -> int:
    return ctx.step.run("step", one)


@client.create_function(fn_id="daily", trigger=inngest.TriggerCron(cron="0 3 * * *"))
async def daily(ctx: inngest.Context) -> int:
    return await ctx.step.run("step", one)


def rows(effort: Effort) -> Iterator[Row]:
    (start,) = interleave(_timed(_start), rounds=effort.rounds)
    yield bounded("testing: an engine with a function, started and stopped", best(start), START_LIMIT)
    for words, function in (("def", ten), ("async def", ten_async)):
        (seconds,) = interleave(_timed(functools.partial(testing.run, function)), rounds=effort.rounds)
        yield bounded(f"testing: a run of ten steps, each replayed, {words}", best(seconds), TEN_STEPS_LIMIT)
    (year,) = interleave(_timed(_year), rounds=effort.long_rounds // 3)
    yield bounded("testing: a year of daily cron with a step each", best(year), YEAR_LIMIT)
    (thousand,) = interleave(_timed(_thousand), rounds=1)
    yield bounded("testing: a thousand runs of a step", best(thousand), THOUSAND_LIMIT)


def _timed(work: Callable[[], Any]) -> Block:
    def block() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return block


def _start() -> None:
    with testing.Engine(single) as engine:
        engine.settle()


def _year() -> None:
    with testing.Engine(daily) as engine:
        engine.advance(datetime.timedelta(days=365))


def _thousand() -> None:
    for _ in range(1000):
        testing.run(single)
