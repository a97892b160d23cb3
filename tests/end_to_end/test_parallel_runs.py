"""Groups: `ctx.group.parallel`, sync and async. Each step runs once, and none waits for a sibling."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess
from .world import EVERY_KIND, TWO_BY_TWO


@stages(EVERY_KIND)
def test_a_group_gives_all_results_in_order(stage: InProcess) -> None:
    @stage.function("t/group")
    def group(ctx: Any, step: Any) -> Script:
        before = yield step.run("before", stage.did, "before", 1)
        found = yield ctx.group.parallel(tuple(stage.ran(step, name) for name in "abcde"))
        after = yield step.run("after", stage.did, "after", 2)
        return [before, *found, after]

    with stage.up():
        run = stage.run("t/group")
    assert run.output == [1, *"abcde", 2]
    assert (stage.effects.order[0], stage.effects.order[-1]) == ("before", "after")


@stages(TWO_BY_TWO)
def test_steps_of_a_group_run_at_the_same_time(stage: InProcess) -> None:
    """Each waits for the other: one after another they would never end."""
    meeting = threading.Barrier(2, timeout=60)

    def meet(name: str) -> str:
        meeting.wait()
        return stage.did(name, name)

    async def ameet(name: str) -> str:
        import asyncio

        return await asyncio.to_thread(meet, name)

    @stage.function("t/meet", retries=0)
    def group(ctx: Any, step: Any) -> Script:
        work = meet if stage.kind.handlers == "sync" else ameet
        return (yield ctx.group.parallel((lambda: step.run("a", work, "a"), lambda: step.run("b", work, "b"))))

    assert stage.run_side_by_side("t/meet").output == ["a", "b"]


@stages(TWO_BY_TWO)
def test_branches_of_several_steps(stage: InProcess) -> None:
    def part(step: Any, name: str, count: int) -> Script:
        seen: list[str] = []
        for n in range(count):
            one = yield step.run(f"{name}{n}", stage.did, f"{name}{n}", f"{name}{n}")
            seen.append(one)
        return seen

    @stage.function("t/branches")
    def branches(ctx: Any, step: Any) -> Script:
        return (
            yield ctx.group.parallel([stage.branch(part, step, name, n) for name, n in (("a", 3), ("b", 1), ("c", 2))])
        )

    with stage.up():
        run = stage.run("t/branches")
    assert run.output == [["a0", "a1", "a2"], ["b0"], ["c0", "c1"]]
    assert len(stage.effects.succeeded) == 6


@stages(TWO_BY_TWO)
def test_groups_in_groups(stage: InProcess) -> None:
    @stage.function("t/nested")
    def nested(ctx: Any, step: Any) -> Script:
        def inner(name: str) -> Script:
            first = yield step.run(f"{name}-first", stage.did, f"{name}-first", 0)
            rest = yield ctx.group.parallel((stage.ran(step, f"{name}-x"), stage.ran(step, f"{name}-y")))
            return [first, *rest]

        return (yield ctx.group.parallel((stage.branch(inner, "l"), stage.branch(inner, "r"), stage.ran(step, "z"))))

    with stage.up():
        run = stage.run("t/nested")
    assert run.output == [[0, "l-x", "l-y"], [0, "r-x", "r-y"], "z"]
    assert len(stage.effects.succeeded) == 7


@stages(TWO_BY_TWO)
def test_one_branch_is_tried_again_and_the_others_are_left_alone(stage: InProcess) -> None:
    @stage.function("t/flaky", retries=3)
    def flaky(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel(
            (
                stage.ran(step, "a"),
                lambda: step.run("flaky", stage.effects.fails, "flaky", 3),
                lambda: step.run("other", stage.effects.fails, "other", 1),
                stage.ran(step, "b"),
            )
        )
        return list(found)

    with stage.up():
        run = stage.run("t/flaky")
    assert (run.status, run.output) == ("completed", ["a", "flaky", "other", "b"])
    assert stage.effects.called == {"a": 1, "b": 1, "flaky": 4, "other": 2}


@stages(TWO_BY_TWO)
@pytest.mark.parametrize("caught", [True, False])
def test_a_branch_that_fails_for_good_does_not_lose_the_others(stage: InProcess, caught: bool) -> None:
    @stage.function("t/bad", retries=1)
    def bad(ctx: Any, step: Any) -> Script:
        def careful() -> Script:
            try:
                return (yield step.run("bad", stage.effects.fails, "bad", 9))
            except inngest.StepError as error:
                return error.message

        risky = stage.branch(careful) if caught else (lambda: step.run("bad", stage.effects.fails, "bad", 9))
        try:
            found = yield ctx.group.parallel((stage.ran(step, "a"), risky, stage.ran(step, "b")))
        except inngest.StepError as error:
            found = ["group", error.message]
        last = yield step.run("last", stage.did, "last", "last")
        return [*found, last]

    with stage.up():
        run = stage.run("t/bad")
    message = "bad fails for the 2. time"
    assert run.output == (["a", message, "b", "last"] if caught else ["group", message, "last"])
    assert stage.effects.called == {"a": 1, "b": 1, "bad": 2, "last": 1}


@stages(TWO_BY_TWO)
def test_sleeps_waits_invokes_and_steps_in_one_group(stage: InProcess) -> None:
    @stage.function("t/child")
    def child(ctx: Any, step: Any) -> Script:
        return (yield step.run("c", stage.did, "child", ctx.event.data["n"]))

    @stage.function("t/all")
    def everything(ctx: Any, step: Any) -> Script:
        return (
            yield ctx.group.parallel(
                (
                    lambda: step.sleep("nap", 20),
                    lambda: step.wait_for_event("wait", event="t/none", timeout=30),
                    lambda: step.invoke("invoke", function=child, data={"n": 7}),
                    stage.ran(step, "run"),
                )
            )
        )

    with stage.up():
        assert stage.run("t/all").output == [None, None, 7, "run"]


def test_a_group_of_a_hundred(stage: InProcess) -> None:
    @stage.function("t/wide")
    def wide(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel([stage.ran(step, f"s{n}") for n in range(100)])
        return len(set(found))

    with stage.up():
        assert stage.run("t/wide").output == 100
    assert len(stage.effects.succeeded) == 100


@pytest.mark.parametrize("branches", [0, 1])
def test_a_group_of_none_or_one(stage: InProcess, branches: int) -> None:
    @stage.function("t/small")
    def small(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel([stage.ran(step, f"s{n}") for n in range(branches)])
        last = yield step.run("last", stage.did, "last", "last")
        return [*found, last]

    with stage.up():
        assert stage.run("t/small").output == [*(["s0"] if branches else []), "last"]


@stages(TWO_BY_TWO)
def test_in_a_race_one_branch_goes_on_while_the_other_still_works(stage: InProcess) -> None:
    """The slow step ends only after the second step of the quick branch has run: waiting for all would never end."""
    quick_done = threading.Event()

    def slow() -> str:
        assert quick_done.wait(60), "the quick branch waited for the slow one"
        return stage.did("slow", "slow")

    async def aslow() -> str:
        import asyncio

        return await asyncio.to_thread(slow)

    @stage.function("t/race", retries=0)
    def race(ctx: Any, step: Any) -> Script:
        def quick() -> Script:
            yield step.run("q1", stage.did, "q1", 1)

            def end() -> int:
                quick_done.set()
                return stage.did("q2", 2)

            return (yield step.run("q2", end))

        branches = (stage.branch(quick), lambda: step.run("slow", slow if stage.kind.handlers == "sync" else aslow))
        found = yield ctx.group.parallel(branches, parallel_mode=inngest.ParallelMode.RACE)
        yield step.run("after", stage.did, "after", None)
        return list(found)

    run = stage.run_side_by_side("t/race")
    assert run.output == [2, "slow"]
    assert stage.effects.called == {"q1": 1, "q2": 1, "slow": 1, "after": 1}


@stages(TWO_BY_TWO)
def test_a_race_of_several_branches_runs_every_step_once(stage: InProcess) -> None:
    def part(step: Any, name: str) -> Script:
        one = yield step.run(f"{name}1", stage.did, f"{name}1", 1)
        yield step.sleep(f"{name} nap", 1)
        two = yield step.run(f"{name}2", stage.effects.fails, f"{name}2", 1)
        return [one, two]

    @stage.function("t/race", retries=2)
    def race(ctx: Any, step: Any) -> Script:
        branches = [stage.branch(part, step, name) for name in "abc"]
        return (yield ctx.group.parallel(branches, parallel_mode=inngest.ParallelMode.RACE))

    with stage.up():
        run = stage.run("t/race")
    assert run.output == [[1, "a2"], [1, "b2"], [1, "c2"]]
    assert len(stage.effects.succeeded) == 6
