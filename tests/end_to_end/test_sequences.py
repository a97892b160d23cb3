"""Steps one after another, on every framework, sync and async."""

from __future__ import annotations

from typing import Any

from tests.stage.bodies import Script

from .conftest import kinds
from .world import EVERY_KIND, TWO_BY_TWO, World


@kinds(EVERY_KIND)
def test_a_sequence_runs_each_step_once_and_returns_what_they_gave(world: World) -> None:
    @world.function("t/sequence")
    def sequence(ctx: Any, step: Any) -> Script:
        one = yield step.run("one", world.did, "one", ctx.event.data["n"])
        two = yield step.run("two", lambda: world.did("two", one + 1))
        return {"one": one, "two": two, "run": ctx.run_id, "fn": ctx.fn_id}

    with world.up():
        run = world.engine.run("t/sequence", {"n": 1})
    assert run.status == "Completed"
    assert run.output == {"one": 1, "two": 2, "run": run.id, "fn": "app-sequence"}
    assert world.effects.order == ["one", "two"]
    assert [what for what, _ in world.engine.history(run.id)] == ["run.started", "step.done", "step.done", "run.ended"]


@kinds(EVERY_KIND)
def test_a_function_without_steps_is_called_once(world: World) -> None:
    @world.function("t/plain")
    def plain(ctx: Any, step: Any) -> Any:
        world.did("body", None)

    with world.up():
        run = world.engine.run("t/plain")
    assert (run.status, run.output) == ("Completed", None)
    assert world.effects.called == {"body": 1}


@kinds(TWO_BY_TWO)
def test_fifty_steps(world: World) -> None:
    @world.function("t/fifty")
    def fifty(ctx: Any, step: Any) -> Script:
        total = 0
        for n in range(50):
            total += yield step.run(f"step {n}", world.did, str(n), n)
        return total

    with world.up():
        run = world.engine.run("t/fifty")
    assert run.output == sum(range(50))
    assert world.effects.order == [str(n) for n in range(50)]


@kinds(TWO_BY_TWO)
def test_an_id_may_be_met_again_in_a_loop(world: World) -> None:
    @world.function("t/loop")
    def loop(ctx: Any, step: Any) -> Script:
        seen: list[int] = []
        for n in range(5):
            seen.append((yield step.run("same", world.did, f"turn {n}", n)))
            yield step.sleep("nap", 1)
        return seen

    with world.up():
        run = world.engine.run("t/loop")
    assert run.output == [0, 1, 2, 3, 4]


@kinds(TWO_BY_TWO)
def test_fifty_runs_at_once(world: World) -> None:
    @world.function("t/many")
    def many(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        one = yield step.run("a", world.did, f"a{n}", n)
        yield step.sleep("nap", 5)
        two = yield step.run("b", world.did, f"b{n}", n * 2)
        return [one, two]

    with world.up():
        ids = world.engine.post_events([{"name": "t/many", "data": {"n": n}} for n in range(50)])
        assert len(set(ids)) == 50
        outputs = [world.engine.ended(event_id)[0].output for event_id in ids]
    assert outputs == [[n, n * 2] for n in range(50)]
    assert len(world.effects.succeeded) == 100
