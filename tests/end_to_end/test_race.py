"""A race with the SDK: a step that is still under way when the other branch goes on runs once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import inngest
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess
from .world import TWO_BY_TWO


@stages(TWO_BY_TWO)
def test_the_slow_step_of_a_race_runs_once(stage: InProcess) -> None:
    """a, then b, against a slow c: after b only c is left, and the engine allows to run what is met. It was planned."""
    last_of_the_quick_branch_done = threading.Event()

    def slow() -> str:
        assert last_of_the_quick_branch_done.wait(60)
        return stage.did("c", "c")

    async def aslow() -> str:
        return await asyncio.to_thread(slow)

    @stage.function("t/race", retries=0)
    def race(ctx: Any, step: Any) -> Script:
        def quick() -> Script:
            yield step.run("a", stage.did, "a", "a")

            def end() -> str:
                last_of_the_quick_branch_done.set()
                return stage.did("b", "b")

            return (yield step.run("b", end))

        branches = (stage.branch(quick), lambda: step.run("c", slow if stage.kind.handlers == "sync" else aslow))
        return list((yield ctx.group.parallel(branches, parallel_mode=inngest.ParallelMode.RACE)))

    run = stage.run_side_by_side("t/race")
    assert run.output == ["b", "c"]
    assert stage.effects.called == {"a": 1, "b": 1, "c": 1}
