"""Steps one after another, on every framework, sync and async."""

from __future__ import annotations

from typing import Any

from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess
from .world import EVERY_KIND, TWO_BY_TWO


@stages(EVERY_KIND)
def test_a_sequence_runs_each_step_once_and_returns_what_they_gave(stage: InProcess) -> None:
    @stage.function("t/sequence")
    def sequence(ctx: Any, step: Any) -> Script:
        one = yield step.run("one", stage.did, "one", ctx.event.data["n"])
        two = yield step.run("two", lambda: stage.did("two", one + 1))
        return {"one": one, "two": two, "run": ctx.run_id, "fn": ctx.fn_id}

    with stage.up():
        run = stage.run("t/sequence", {"n": 1})
    assert run.status == "completed"
    assert run.output == {"one": 1, "two": 2, "run": run.id, "fn": "app-sequence"}
    assert stage.effects.order == ["one", "two"]
    assert [step.id for step in run.steps.all()] == ["one", "two"]


@stages(EVERY_KIND)
def test_a_function_without_steps_is_called_once(stage: InProcess) -> None:
    @stage.function("t/plain")
    def plain(ctx: Any, step: Any) -> Any:
        stage.did("body", None)

    with stage.up():
        run = stage.run("t/plain")
    assert (run.status, run.output) == ("completed", None)
    assert stage.effects.called == {"body": 1}


@stages(TWO_BY_TWO)
def test_fifty_steps(stage: InProcess) -> None:
    @stage.function("t/fifty")
    def fifty(ctx: Any, step: Any) -> Script:
        total = 0
        for n in range(50):
            total += yield step.run(f"step {n}", stage.did, str(n), n)
        return total

    with stage.up():
        run = stage.run("t/fifty")
    assert run.output == sum(range(50))
    assert stage.effects.order == [str(n) for n in range(50)]


@stages(TWO_BY_TWO)
def test_an_id_may_be_met_again_in_a_loop(stage: InProcess) -> None:
    @stage.function("t/loop")
    def loop(ctx: Any, step: Any) -> Script:
        seen: list[int] = []
        for n in range(5):
            seen.append((yield step.run("same", stage.did, f"turn {n}", n)))
            yield step.sleep("nap", 1)
        return seen

    with stage.up():
        run = stage.run("t/loop")
    assert run.output == [0, 1, 2, 3, 4]


@stages(TWO_BY_TWO)
def test_fifty_runs_at_once(stage: InProcess) -> None:
    @stage.function("t/many")
    def many(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        one = yield step.run("a", stage.did, f"a{n}", n)
        yield step.sleep("nap", 5)
        two = yield step.run("b", stage.did, f"b{n}", n * 2)
        return [one, two]

    with stage.up():
        events = [stage.send("t/many", {"n": n}) for n in range(50)]
        assert len({event.id for event in events}) == 50
        outputs = [stage.ended(event).output for event in events]
    assert outputs == [[n, n * 2] for n in range(50)]
    assert len(stage.effects.succeeded) == 100
