"""What travels: text of every kind, big numbers, deep and large values, states too large to be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inngest import testing
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess, failure
from .world import TWO_BY_TWO

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


@stages(TWO_BY_TWO)
def test_a_whole_float_comes_back_as_engines_keep_it(stage: InProcess) -> None:
    """They send state as canonical JSON, which has one form for 1 and 1.0; so the answer has it as well."""

    @stage.function("t/whole")
    def whole(ctx: Any, step: Any) -> Script:
        found = yield step.run("whole", stage.did, "whole", 1.0)
        return exact(found)

    with stage.up():
        run = stage.run("t/whole", {})
    assert (run.status, run.output) == (testing.Status.COMPLETED, "1")


@stages(TWO_BY_TWO)
def test_values_come_back_as_they_went(stage: InProcess) -> None:
    @stage.function("t/values")
    def values(ctx: Any, step: Any) -> Script:
        same = {name: exact(ctx.event.data[name]) == exact(value) for name, value in VALUES.items()}
        found: dict[str, Any] = {}
        for name, value in VALUES.items():
            found[name] = yield step.run(name, stage.did, name, value)
            same[f"{name} step"] = exact(found[name]) == exact(value)
        return {"same": same, "found": found}

    with stage.up():
        run = stage.run("t/values", VALUES)
    assert run.status is testing.Status.COMPLETED, run
    assert [name for name, same in run.output["same"].items() if not same] == []
    assert run.output["found"] == VALUES


@pytest.mark.parametrize("step_id", ["ü 世界 🎉", "with \"quotes\" and 'more'", "a/b?c=d&e#f %20", "x" * 1000, " "])
def test_step_ids_may_hold_anything(stage: InProcess, step_id: str) -> None:
    @stage.function("t/ids")
    def ids(ctx: Any, step: Any) -> Script:
        one = yield step.run(step_id, stage.did, "one", 1)
        two = yield step.run(step_id, stage.did, "two", 2)
        found = yield ctx.group.parallel((stage.ran(step, f"{step_id} a"), stage.ran(step, f"{step_id} b")))
        return [one, two, *found]

    with stage.up():
        assert stage.run("t/ids").output == [1, 2, f"{step_id} a", f"{step_id} b"]


def test_function_and_app_ids_may_hold_spaces_and_letters(stage: InProcess) -> None:
    @stage.function("t/ü世界", fn_id="my fn & co ü?")
    def function(ctx: Any, step: Any) -> Script:
        found = yield ctx.group.parallel((stage.ran(step, "a"), stage.ran(step, "b")))
        return [ctx.fn_id, *found]

    with stage.up():
        assert stage.run("t/ü世界").output == ["app-my fn & co ü?", "a", "b"]


@stages(TWO_BY_TWO)
def test_results_of_a_megabyte(stage: InProcess) -> None:
    @stage.function("t/large")
    def large(ctx: Any, step: Any) -> Script:
        text = yield step.run("text", lambda: stage.did("text", "ü" * (MEGABYTE // 2)))
        rows = yield step.run("rows", lambda: stage.did("rows", [{"n": n} for n in range(80_000)]))
        return [len(text), len(rows), rows[-1], text]

    with stage.up():
        run = stage.run("t/large", {"pad": "x" * MEGABYTE})
    assert run.output[:3] == [MEGABYTE // 2, 80_000, {"n": 79_999}]
    assert len(run.output[3]) == MEGABYTE // 2


@stages(TWO_BY_TWO)
def test_a_state_of_more_than_four_megabytes_is_fetched(stage: InProcess) -> None:
    @stage.function("t/huge")
    def huge(ctx: Any, step: Any) -> Script:
        sizes: list[int] = []
        for n in range(4):
            text = yield step.run(f"s{n}", lambda n=n: stage.did(f"s{n}", f"{n}" * (3 * MEGABYTE // 2)))
            sizes.append(len(text))
        found = yield ctx.group.parallel((stage.ran(step, "a"), stage.ran(step, "b")))
        yield step.sleep("nap", 1)
        last = yield step.run("last", stage.effects.fails, "last", 1)
        return [sizes, *found, last, ctx.event.data, len(ctx.events)]

    with stage.up():
        run = stage.run("t/huge", {"k": "v"})
    assert run.status is testing.Status.COMPLETED, run
    assert run.output == [[3 * MEGABYTE // 2] * 4, "a", "b", "last", {"k": "v"}, 1]
    assert stage.effects.called == {"s0": 1, "s1": 1, "s2": 1, "s3": 1, "a": 1, "b": 1, "last": 2}


def test_a_step_result_that_is_too_large_fails_and_says_so(stage: InProcess) -> None:
    @stage.function("t/large", retries=0)
    def large(ctx: Any, step: Any) -> Script:
        yield step.run("big", lambda: stage.did("big", "x" * (5 * MEGABYTE)))

    with stage.up():
        run = stage.run("t/large")
    assert run.status is testing.Status.FAILED
    _, message = failure(run)
    assert "big" in message
    assert "limit" in message


def test_deep_values(stage: InProcess) -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]

    @stage.function("t/deep", retries=0)
    def function(ctx: Any, step: Any) -> Script:
        same = yield step.run("deep", stage.did, "deep", ctx.event.data["deep"])
        return same == deep

    with stage.up():
        assert stage.run("t/deep", {"deep": deep}).output is True
