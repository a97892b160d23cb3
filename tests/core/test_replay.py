"""The table of `replay.py`, row by row."""

from __future__ import annotations

import pytest

from inngest_core.errors import StepIdClashError
from inngest_core.execution.replay import (
    NOT_RECALLED,
    Deliver,
    Found,
    Memo,
    Repeat,
    Replay,
    Report,
    RunNow,
    Wait,
    read_memo,
)
from inngest_core.protocol.wire import Opcode
from tests.cases.case import hashed

RUN, SLEEP, WAIT = Opcode.STEP_RUN, Opcode.SLEEP, Opcode.WAIT_FOR_EVENT
DATA: dict[str, object] = {"data": 1}
ERROR: dict[str, object] = {"error": {"name": "E", "message": "bad"}}


def replay(
    memos: dict[str, object] | None = None,
    *,
    stack: list[str] | None = None,
    target: str | None = None,
    plan_only: bool = False,
) -> Replay[None]:
    """Return a replay; steps are given by the user's id."""
    memos = memos or {}
    return Replay(
        memos={hashed(step): memo for step, memo in memos.items()},
        stack=[hashed(step) for step in (memos if stack is None else stack)],
        target=None if target is None else hashed(target),
        plan_only=plan_only,
    )


def meet(machine: Replay[None], step_id: str, op: Opcode = RUN) -> Found[None]:
    found = machine.find(step_id, op, None)
    machine.meet(found)
    return found


# The table


def test_discovery_memo() -> None:
    machine = replay({"a": DATA, "b": ERROR})
    b, a = meet(machine, "b"), meet(machine, "a")
    assert machine.next() == Deliver(a)
    assert machine.next() == Deliver(b)
    assert machine.next() == Wait()


def test_discovery_memo_before_what_is_new() -> None:
    machine = replay({"a": DATA})
    new, a = meet(machine, "new"), meet(machine, "a")
    assert machine.next() == Deliver(a)
    assert machine.next() == RunNow(new)


def test_discovery_new_and_no_other() -> None:
    machine = replay()
    found = meet(machine, "a")
    assert machine.next() == RunNow(found)


def test_discovery_new_and_told_to_plan_only() -> None:
    machine = replay(plan_only=True)
    found = meet(machine, "a")
    assert machine.next() == Report([found])


def test_discovery_new_and_of_a_race() -> None:
    machine = replay()
    found = machine.find("a", RUN, None, race=True)
    machine.meet(found)
    assert machine.next() == Report([found])


def test_discovery_new_and_met_before_the_memo_of_a_race() -> None:
    """The call that had no such memo yet planned it."""
    machine = replay({"r": DATA})
    new, raced = meet(machine, "new"), machine.find("r", RUN, None, race=True)
    machine.meet(raced)
    assert [machine.next(), machine.next()] == [Deliver(raced), Report([new])]


def test_discovery_new_and_met_after_the_memo_of_a_race() -> None:
    machine = replay({"r": DATA})
    raced = machine.find("r", RUN, None, race=True)
    machine.meet(raced)
    assert machine.next() == Deliver(raced)
    new = meet(machine, "new")
    assert machine.next() == RunNow(new)


def test_target_met_and_of_a_race() -> None:
    machine = replay(target="t")
    found = machine.find("t", RUN, None, race=True)
    machine.meet(found)
    assert machine.next() == RunNow(found)


def test_discovery_new_and_another_new() -> None:
    machine = replay()
    both = [meet(machine, "a"), meet(machine, "b")]
    assert machine.next() == Report(both)


def test_discovery_new_of_the_engine() -> None:
    machine = replay()
    found = meet(machine, "a", SLEEP)
    assert machine.next() == Report([found])


def test_discovery_new_and_another_of_the_engine() -> None:
    machine = replay()
    both = [meet(machine, "a", SLEEP), meet(machine, "b")]
    assert machine.next() == Report(both)


def test_target_met_and_new() -> None:
    machine = replay({"a": DATA}, target="t")
    meet(machine, "other")
    meet(machine, "a")
    found = meet(machine, "t")
    assert machine.next() == RunNow(found)


def test_target_met_and_of_the_engine() -> None:
    machine = replay(target="t")
    found = meet(machine, "t", SLEEP)
    assert machine.next() == Report([found])


@pytest.mark.parametrize("known", [DATA, ERROR])
def test_target_met_and_memoized(known: dict[str, object]) -> None:
    machine = replay({"t": known}, target="t")
    found = meet(machine, "t")
    assert not machine.shortcut(found, alone=False)
    assert machine.next() == Repeat(found)


@pytest.mark.parametrize("known", [DATA, ERROR])
def test_target_not_met_memo(known: dict[str, object]) -> None:
    machine = replay({"a": DATA, "b": known}, stack=["b", "a"], target="t")
    a, b = meet(machine, "a"), meet(machine, "b")
    assert [machine.next(), machine.next(), machine.next()] == [Deliver(b), Deliver(a), Wait()]


def test_target_not_met_new_stays_parked() -> None:
    machine = replay(target="t")
    meet(machine, "a")
    meet(machine, "b", SLEEP)
    assert machine.next() == Wait()


@pytest.mark.parametrize("target", [None, "t"])
def test_nothing_undecided(target: str | None) -> None:
    assert replay({"a": DATA}, target=target).next() == Wait()


# What stands beside the table


def test_the_stack_decides_the_order_and_what_it_does_not_name_comes_last() -> None:
    machine = replay({"a": DATA, "b": DATA, "c": DATA}, stack=["c", "gone", "a"])
    a, b, c = (meet(machine, step) for step in "abc")
    assert [machine.next() for _ in range(4)] == [Deliver(c), Deliver(a), Deliver(b), Wait()]


def test_of_what_the_stack_does_not_name_errors_come_last() -> None:
    machine = replay({"bad": ERROR, "a": DATA, "b": DATA}, stack=["b"], target="t")
    bad, a, b = (meet(machine, step) for step in ("bad", "a", "b"))
    assert [machine.next() for _ in range(4)] == [Deliver(b), Deliver(a), Deliver(bad), Wait()]


def test_shortcut_holds_until_something_is_concurrent() -> None:
    machine = replay({"a": DATA, "b": DATA})
    assert machine.shortcut(machine.find("a", RUN, None), alone=False)
    machine.concurrent = True
    assert not machine.shortcut(machine.find("b", RUN, None), alone=False)
    assert not machine.shortcut(machine.find("new", RUN, None), alone=False)


def test_shortcut_holds_for_what_is_next_in_the_stack() -> None:
    machine = replay({"a": DATA, "b": DATA, "c": ERROR}, stack=["a", "gone", "b", "c"])
    assert machine.shortcut(machine.find("a", RUN, None), alone=False)
    b = meet(machine, "b")
    assert not machine.shortcut(b, alone=False)
    assert machine.next() == Deliver(b)
    assert machine.shortcut(machine.find("c", RUN, None), alone=False)


def test_shortcut_holds_in_any_order_where_no_task_can_be_beside() -> None:
    machine = replay({"a": DATA, "b": DATA}, stack=["a", "b"])
    assert machine.shortcut(machine.find("b", RUN, None), alone=True)
    assert machine.shortcut(machine.find("a", RUN, None), alone=True)


def test_shortcut_holds_when_the_engine_gives_no_stack() -> None:
    machine = replay({"a": DATA, "b": ERROR}, stack=[])
    assert machine.shortcut(machine.find("b", RUN, None), alone=False)
    assert machine.shortcut(machine.find("a", RUN, None), alone=False)


def test_repetitions_are_counted_and_clashes_named() -> None:
    machine = replay()
    assert [machine.find("a", RUN, None).id for _ in range(3)] == [hashed("a"), hashed("a:1"), hashed("a:2")]
    with pytest.raises(StepIdClashError, match=r'"a:2".*"a"'):
        machine.find("a:2", RUN, None)


def test_what_is_next_and_nothing_but_its_memo_is_recalled() -> None:
    machine = replay({"a": DATA, "b": {"data": None}})
    assert [machine.recall("a"), machine.recall("b"), machine.left] == [1, None, 0]
    assert machine.met() == [(hashed("a"), "a"), (hashed("b"), "b")]
    assert machine.find("a", RUN, None).id == hashed("a:1")
    assert machine.place_before(machine.find("b", RUN, None)) is None


@pytest.mark.parametrize(
    ("memo", "stack", "target"),
    [
        (ERROR, ["a"], None),
        ({"input": [1]}, ["a"], None),
        ({"data": 1, "error": None}, ["a"], None),
        (7, ["a"], None),
        (DATA, ["b", "a"], None),
        (DATA, [], None),
        (DATA, ["a"], "a"),
    ],
)
def test_other_memos_are_not_recalled(memo: object, stack: list[str], target: str | None) -> None:
    machine = replay({"a": memo}, stack=stack, target=target)
    assert machine.recall("a") is NOT_RECALLED
    assert machine.met() == []
    assert machine.find("a", RUN, None).index == 0


def test_nothing_is_recalled_that_was_met_before_or_beside_others() -> None:
    machine = replay({"a": DATA, "a:1": DATA, "b": DATA})
    assert machine.recall("a") == 1
    assert [machine.recall(step_id) for step_id in ("a", "a:1", "b")] == [NOT_RECALLED, 1, 1]
    beside = replay({"a": DATA})
    beside.concurrent = True
    assert beside.recall("a") is NOT_RECALLED


def test_the_clash_with_a_recalled_step_is_named() -> None:
    machine = replay({"a:1": DATA, "a": DATA})
    assert machine.recall("a:1") == 1
    machine.find("a", RUN, None)
    with pytest.raises(StepIdClashError, match=r'"a" \(met 2 times\) has the same id as step "a:1" \(met 1 times\)'):
        machine.find("a", RUN, None)


def test_replaying_ends_with_the_first_new_step() -> None:
    machine = replay({"a": DATA})
    assert machine.replaying
    machine.shortcut(machine.find("a", RUN, None), alone=False)
    assert [machine.replaying, replay().replaying] == [False, False]


@pytest.mark.parametrize(
    ("op", "raw", "expected"),
    [
        (RUN, {"data": {"x": 1}}, (Memo(data={"x": 1}), None)),
        (RUN, {"data": None}, (Memo(), None)),
        (RUN, None, (Memo(), None)),
        (RUN, 7, (Memo(data=7), None)),
        (RUN, {"error": {"name": "E"}}, (Memo(error={"name": "E"}, failed=True), None)),
        (RUN, {"error": None}, (Memo(failed=True), None)),
        (RUN, {"input": [1, 2]}, (None, [1, 2])),
        (RUN, {"input": "text"}, (Memo(data={"input": "text"}), None)),
        (Opcode.INVOKE_FUNCTION, {"data": 5}, (Memo(data=5), None)),
        (SLEEP, None, (Memo(), None)),
        (WAIT, None, (Memo(), None)),
        (WAIT, {"name": "x", "data": {}}, (Memo(data={"name": "x", "data": {}}), None)),
        (WAIT, {"name": "x", "error": 1}, (Memo(data={"name": "x", "error": 1}), None)),
    ],
)
def test_a_memo_is_read_by_the_op_that_asks(op: Opcode, raw: object, expected: object) -> None:
    assert read_memo(op, raw) == expected
