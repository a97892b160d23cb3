"""Time that does not pass: what takes a month takes as long as its calls, and each moment is met in its turn."""

from __future__ import annotations

import asyncio
import time

from inngest_devserver.engine import Engine, Options
from inngest_devserver.scheduling.clock import ManualClock

from .harness import Called, Reply, lab, op, ops, raised, returned

DAY = 86_400.0
START = 1_800_000_000.0


def sleeper(call: Called, count: int = 30) -> Reply:
    done = len(call.steps)
    return returned(done) if done == count else ops({**op("Sleep", f"nap{done}"), "name": "1d"})


def test_a_month_of_sleeps_stops_at_every_one() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleeper)
            event_id = it.send("t/f")
            await it.time.advance(31 * DAY)
            assert it.runs(event_id)[0]["output"] == 30
            assert [call.time - START for call in it.app.calls] == [DAY * day for day in range(31)]
            assert it.time.now == START + 31 * DAY

    asyncio.run(main())


def test_time_stops_where_a_condition_is_true() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleeper)
            it.send("t/f")
            assert await it.time.run_until(lambda: len(it.app.calls) == 8)
            assert it.time.now == START + 7 * DAY
            assert not await it.time.run_until(lambda: len(it.app.calls) == 20, seconds=3 * DAY)
            assert it.time.now == START + 10 * DAY
            assert not await it.time.run_until(lambda: len(it.app.calls) == 99)
            assert await it.time.settle() is None, "nothing is left to do"

    asyncio.run(main())


def test_settled_means_that_no_call_is_under_way() -> None:
    async def main() -> None:
        async with lab() as it:
            answer = asyncio.Event()

            async def script(call: Called) -> Reply:
                await answer.wait()
                return returned("late")

            it.serve("f", script)
            event_id = it.send("t/f")
            settled = asyncio.create_task(it.time.settle())
            await it.called(1)
            assert not settled.done()
            answer.set()
            await settled
            assert it.runs(event_id)[0]["output"] == "late"

    asyncio.run(main())


def test_settled_means_that_work_beside_the_calls_is_done() -> None:
    async def main() -> None:
        async with lab() as it:
            done = asyncio.Event()

            async def work() -> None:
                await done.wait()

            it.engine.scheduler.track(asyncio.create_task(work()))
            settled = asyncio.create_task(it.time.settle())
            await asyncio.sleep(0)
            assert not settled.done()
            done.set()
            await settled

    asyncio.run(main())


def test_retries_cost_no_time() -> None:
    async def main() -> None:
        async with lab(retry_interval=3600.0) as it:
            it.serve("f", lambda call: raised("no"), retries=4)
            event_id = it.send("t/f")
            await it.time.advance(7 * DAY)
            assert len(it.app.calls) == 5
            assert it.runs(event_id)[0]["status"] == "Failed"

    asyncio.run(main())


def test_an_engine_in_this_process_starts_in_milliseconds() -> None:
    async def main() -> float:
        fastest = 1.0
        for _ in range(20):
            begun = time.thread_time()
            engine = Engine(Options(clock=ManualClock(), sink=None))
            engine.start()
            fastest = min(fastest, time.thread_time() - begun)
            await engine.stop()
        return fastest

    assert asyncio.run(main()) < 0.005
