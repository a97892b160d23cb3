"""What travels: text of every kind, big numbers, deep and large values, states too large to be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stage.bodies import Script

from .conftest import kinds
from .world import TWO_BY_TWO, World

MEGABYTE = 1024 * 1024
VALUES: dict[str, Any] = {
    "text": 'grüß dich, 世界 🎉 \u0000 \u2028 \x7f " \\ / <b> \ufeff e\u0301',
    "key": {"ключ 🗝": 1, "": 2, "a.b": 3, "\u0000": 4},
    "integers": [2**53 + 1, -(2**63), 2**64, 10**40, 0, -1],
    "floats": [1e308, -0.5, 1.5, 1e-7, 123456789.123456789],
    "empty": [None, True, False, "", [], {}],
    "memo-like": {"data": {"data": 1}, "error": None, "input": [1]},
    "error-like": {"error": {"name": "E", "message": "no error"}},
    "op-like": [{"op": "StepRun", "id": "x", "data": 1}],
}


def exact(value: Any) -> str:
    """Tell 1 from 1.0 and from True; the order of keys does not count."""
    return json.dumps(value, sort_keys=True)


@kinds(TWO_BY_TWO)
def test_a_whole_float_comes_back_as_engines_keep_it(world: World) -> None:
    """They send state as canonical JSON, which has one form for 1 and 1.0; so the answer has it as well."""

    @world.function("t/whole")
    def whole(ctx: Any, step: Any) -> Script:
        found = yield step.run("whole", world.did, "whole", 1.0)
        return exact(found)

    with world.up():
        run = world.engine.run("t/whole", {})
    assert (run.status, run.output) == ("Completed", "1")


@kinds(TWO_BY_TWO)
def test_values_come_back_as_they_went(world: World) -> None:
    @world.function("t/values")
    def values(ctx: Any, step: Any) -> Script:
        same = {name: exact(ctx.event.data[name]) == exact(value) for name, value in VALUES.items()}
        found: dict[str, Any] = {}
        for name, value in VALUES.items():
            found[name] = yield step.run(name, world.did, name, value)
            same[f"{name} step"] = exact(found[name]) == exact(value)
        return {"same": same, "found": found}

    with world.up():
        run = world.engine.run("t/values", VALUES)
    assert run.status == "Completed", run
    assert [name for name, same in run.output["same"].items() if not same] == []
    assert run.output["found"] == VALUES


@pytest.mark.parametrize("step_id", ["ü 世界 🎉", "with \"quotes\" and 'more'", "a/b?c=d&e#f %20", "x" * 1000, " "])
def test_step_ids_may_hold_anything(world: World, step_id: str) -> None:
    @world.function("t/ids")
    def ids(ctx: Any, step: Any) -> Script:
        one = yield step.run(step_id, world.did, "one", 1)
        two = yield step.run(step_id, world.did, "two", 2)
        found = yield ctx.group.parallel((world.ran(step, f"{step_id} a"), world.ran(step, f"{step_id} b")))
        return [one, two, *found]

    with world.up():
        assert world.engine.run("t/ids").output == [1, 2, f"{step_id} a", f"{step_id} b"]


def test_function_and_app_ids_may_hold_spaces_and_letters(world: World) -> None:
    @world.function("t/ü世界", fn_id="my fn & co ü?")
    def function(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel((world.ran(step, "a"), world.ran(step, "b")))
        return [ctx.fn_id, *found]

    with world.up():
        assert world.engine.run("t/ü世界").output == ["app-my fn & co ü?", "a", "b"]


@kinds(TWO_BY_TWO)
def test_results_of_a_megabyte(world: World) -> None:
    @world.function("t/large")
    def large(ctx: Any, step: Any) -> Script:
        text = yield step.run("text", lambda: world.did("text", "ü" * (MEGABYTE // 2)))
        rows = yield step.run("rows", lambda: world.did("rows", [{"n": n} for n in range(80_000)]))
        return [len(text), len(rows), rows[-1], text]

    with world.up():
        run = world.engine.run("t/large", {"pad": "x" * MEGABYTE})
    assert run.output[:3] == [MEGABYTE // 2, 80_000, {"n": 79_999}]
    assert len(run.output[3]) == MEGABYTE // 2


@kinds(TWO_BY_TWO)
def test_a_state_of_more_than_four_megabytes_is_fetched(world: World) -> None:
    @world.function("t/huge")
    def huge(ctx: Any, step: Any) -> Script:
        sizes: list[int] = []
        for n in range(4):
            text = yield step.run(f"s{n}", lambda n=n: world.did(f"s{n}", f"{n}" * (3 * MEGABYTE // 2)))
            sizes.append(len(text))
        found = yield ctx.group.parallel((world.ran(step, "a"), world.ran(step, "b")))
        yield step.sleep("nap", 1)
        last = yield step.run("last", world.effects.fails, "last", 1)
        return [sizes, *found, last, ctx.event.data, len(ctx.events)]

    with world.up():
        run = world.engine.run("t/huge", {"k": "v"})
    assert run.status == "Completed", run.output
    assert run.output == [[3 * MEGABYTE // 2] * 4, "a", "b", "last", {"k": "v"}, 1]
    assert world.effects.called == {"s0": 1, "s1": 1, "s2": 1, "s3": 1, "a": 1, "b": 1, "last": 2}


def test_a_step_result_that_is_too_large_fails_and_says_so(world: World) -> None:
    @world.function("t/large", retries=0)
    def large(ctx: Any, step: Any) -> Script:
        yield step.run("big", lambda: world.did("big", "x" * (5 * MEGABYTE)))

    with world.up():
        run = world.engine.run("t/large")
    assert run.status == "Failed"
    assert "big" in run.output["message"]
    assert "limit" in run.output["message"]


def test_deep_values(world: World) -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]

    @world.function("t/deep", retries=0)
    def function(ctx: Any, step: Any) -> Script:
        same = yield step.run("deep", world.did, "deep", ctx.event.data["deep"])
        return same == deep

    with world.up():
        assert world.engine.run("t/deep", {"deep": deep}).output is True
