"""Groups: `ctx.group.parallel`, sync and async. Each step runs once, and none waits for a sibling."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import kinds
from .world import EVERY_KIND, TWO_BY_TWO, World


@kinds(EVERY_KIND)
def test_a_group_gives_all_results_in_order(world: World) -> None:
    @world.function("t/group")
    def group(ctx: Any, step: Any) -> Script:
        before = yield step.run("before", world.did, "before", 1)
        found = yield ctx.group.parallel(tuple(world.ran(step, name) for name in "abcde"))
        after = yield step.run("after", world.did, "after", 2)
        return [before, *found, after]

    with world.up():
        run = world.engine.run("t/group")
    assert run.output == [1, *"abcde", 2]
    assert (world.effects.order[0], world.effects.order[-1]) == ("before", "after")


@kinds(TWO_BY_TWO)
def test_steps_of_a_group_run_at_the_same_time(world: World) -> None:
    """Each waits for the other: one after another they would never end."""
    meeting = threading.Barrier(2, timeout=15)

    def meet(name: str) -> str:
        meeting.wait()
        return world.did(name, name)

    async def ameet(name: str) -> str:
        import asyncio

        return await asyncio.to_thread(meet, name)

    @world.function("t/meet", retries=0)
    def group(ctx: Any, step: Any) -> Script:
        work = meet if world.kind.handlers == "sync" else ameet
        return (yield ctx.group.parallel((lambda: step.run("a", work, "a"), lambda: step.run("b", work, "b"))))

    with world.up():
        assert world.engine.run("t/meet").output == ["a", "b"]


@kinds(TWO_BY_TWO)
def test_branches_of_several_steps(world: World) -> None:
    def part(step: Any, name: str, count: int) -> Script:
        seen: list[str] = []
        for n in range(count):
            one = yield step.run(f"{name}{n}", world.did, f"{name}{n}", f"{name}{n}")
            seen.append(one)
        return seen

    @world.function("t/branches")
    def branches(ctx: Any, step: Any) -> Script:
        return (
            yield ctx.group.parallel([world.branch(part, step, name, n) for name, n in (("a", 3), ("b", 1), ("c", 2))])
        )

    with world.up():
        run = world.engine.run("t/branches")
    assert run.output == [["a0", "a1", "a2"], ["b0"], ["c0", "c1"]]
    assert len(world.effects.succeeded) == 6


@kinds(TWO_BY_TWO)
def test_groups_in_groups(world: World) -> None:
    @world.function("t/nested")
    def nested(ctx: Any, step: Any) -> Script:
        def inner(name: str) -> Script:
            first = yield step.run(f"{name}-first", world.did, f"{name}-first", 0)
            rest = yield ctx.group.parallel((world.ran(step, f"{name}-x"), world.ran(step, f"{name}-y")))
            return [first, *rest]

        return (yield ctx.group.parallel((world.branch(inner, "l"), world.branch(inner, "r"), world.ran(step, "z"))))

    with world.up():
        run = world.engine.run("t/nested")
    assert run.output == [[0, "l-x", "l-y"], [0, "r-x", "r-y"], "z"]
    assert len(world.effects.succeeded) == 7


@kinds(TWO_BY_TWO)
def test_one_branch_is_tried_again_and_the_others_are_left_alone(world: World) -> None:
    @world.function("t/flaky", retries=3)
    def flaky(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel(
            (
                world.ran(step, "a"),
                lambda: step.run("flaky", world.effects.fails, "flaky", 3),
                lambda: step.run("other", world.effects.fails, "other", 1),
                world.ran(step, "b"),
            )
        )
        return list(found)

    with world.up():
        run = world.engine.run("t/flaky")
    assert (run.status, run.output) == ("Completed", ["a", "flaky", "other", "b"])
    assert world.effects.called == {"a": 1, "b": 1, "flaky": 4, "other": 2}


@kinds(TWO_BY_TWO)
@pytest.mark.parametrize("caught", [True, False])
def test_a_branch_that_fails_for_good_does_not_lose_the_others(world: World, caught: bool) -> None:
    @world.function("t/bad", retries=1)
    def bad(ctx: Any, step: Any) -> Script:
        def careful() -> Script:
            try:
                return (yield step.run("bad", world.effects.fails, "bad", 9))
            except inngest.StepError as error:
                return error.message

        risky = world.branch(careful) if caught else (lambda: step.run("bad", world.effects.fails, "bad", 9))
        try:
            found = yield ctx.group.parallel((world.ran(step, "a"), risky, world.ran(step, "b")))
        except inngest.StepError as error:
            found = ["group", error.message]
        last = yield step.run("last", world.did, "last", "last")
        return [*found, last]

    with world.up():
        run = world.engine.run("t/bad")
    message = "bad fails for the 2. time"
    assert run.output == (["a", message, "b", "last"] if caught else ["group", message, "last"])
    assert world.effects.called == {"a": 1, "b": 1, "bad": 2, "last": 1}


@kinds(TWO_BY_TWO)
def test_sleeps_waits_invokes_and_steps_in_one_group(world: World) -> None:
    @world.function("t/child")
    def child(ctx: Any, step: Any) -> Script:
        return (yield step.run("c", world.did, "child", ctx.event.data["n"]))

    @world.function("t/all")
    def everything(ctx: Any, step: Any) -> Script:
        return (
            yield ctx.group.parallel(
                (
                    lambda: step.sleep("nap", 20),
                    lambda: step.wait_for_event("wait", event="t/none", timeout=30),
                    lambda: step.invoke("invoke", function=child, data={"n": 7}),
                    world.ran(step, "run"),
                )
            )
        )

    with world.up():
        assert world.engine.run("t/all").output == [None, None, 7, "run"]


def test_a_group_of_a_hundred(world: World) -> None:
    @world.function("t/wide")
    def wide(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel([world.ran(step, f"s{n}") for n in range(100)])
        return len(set(found))

    with world.up():
        assert world.engine.run("t/wide").output == 100
    assert len(world.effects.succeeded) == 100


@pytest.mark.parametrize("branches", [0, 1])
def test_a_group_of_none_or_one(world: World, branches: int) -> None:
    @world.function("t/small")
    def small(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel([world.ran(step, f"s{n}") for n in range(branches)])
        last = yield step.run("last", world.did, "last", "last")
        return [*found, last]

    with world.up():
        assert world.engine.run("t/small").output == [*(["s0"] if branches else []), "last"]


@kinds(TWO_BY_TWO)
def test_in_a_race_one_branch_goes_on_while_the_other_still_works(world: World) -> None:
    """The slow step ends only after the second step of the quick branch has run: waiting for all would never end."""
    quick_done = threading.Event()

    def slow() -> str:
        assert quick_done.wait(15), "the quick branch waited for the slow one"
        return world.did("slow", "slow")

    async def aslow() -> str:
        import asyncio

        return await asyncio.to_thread(slow)

    @world.function("t/race", retries=0)
    def race(ctx: Any, step: Any) -> Script:
        def quick() -> Script:
            yield step.run("q1", world.did, "q1", 1)

            def end() -> int:
                quick_done.set()
                return world.did("q2", 2)

            return (yield step.run("q2", end))

        branches = (world.branch(quick), lambda: step.run("slow", slow if world.kind.handlers == "sync" else aslow))
        found = yield ctx.group.parallel(branches, parallel_mode=inngest.ParallelMode.RACE)
        yield step.run("after", world.did, "after", None)
        return list(found)

    with world.up():
        run = world.engine.run("t/race")
    assert (run.status, run.output) == ("Completed", [2, "slow"])
    assert world.effects.called == {"q1": 1, "q2": 1, "slow": 1, "after": 1}


@kinds(TWO_BY_TWO)
def test_a_race_of_several_branches_runs_every_step_once(world: World) -> None:
    def part(step: Any, name: str) -> Script:
        one = yield step.run(f"{name}1", world.did, f"{name}1", 1)
        yield step.sleep(f"{name} nap", 1)
        two = yield step.run(f"{name}2", world.effects.fails, f"{name}2", 1)
        return [one, two]

    @world.function("t/race", retries=2)
    def race(ctx: Any, step: Any) -> Script:
        branches = [world.branch(part, step, name) for name in "abc"]
        return (yield ctx.group.parallel(branches, parallel_mode=inngest.ParallelMode.RACE))

    with world.up():
        run = world.engine.run("t/race")
    assert run.output == [[1, "a2"], [1, "b2"], [1, "c2"]]
    assert len(world.effects.succeeded) == 6
