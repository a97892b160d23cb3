"""Runs that were exported from an engine, replayed against changed functions: the check for deployments."""

from __future__ import annotations

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

import inngest
from inngest import testing
from inngest_core.protocol.wire import hash_id

client = inngest.Inngest(app_id="shop")
HOUR = datetime.timedelta(hours=1)


def step(name: str, kind: str, memo: object) -> dict[str, object]:
    return {"id": hash_id(name), "name": name, "kind": kind, "memo": memo}


def exported(*steps: dict[str, object], status: str = "Completed") -> dict[str, Any]:
    events = [{"name": "shop/ordered", "data": {"order": 5}, "id": "e1", "ts": 1_700_000_000_000}]
    document = {"format": 1, "run_id": "01J8X5Z3V0QK7M2N4P6R8T0W2Y", "function": "shop-checkout", "status": status}
    return {**document, "events": events, "steps": list(steps), "output": None}


RUN = exported(step("charge", "planned", {"data": "r-1"}), step("wait", "wait", None), step("nap", "sleep", None))


def define(*, charge: str = "charge", nap: bool = True) -> inngest.Function[Any]:
    @client.create_function(fn_id="checkout", trigger=inngest.TriggerEvent(event="shop/ordered"))
    async def checkout(ctx: inngest.Context) -> str:
        receipt = await ctx.step.run(charge, never)
        await client.send(inngest.Event(name="outside"))
        await ctx.step.wait_for_event("wait", event="x", timeout=HOUR)
        if nap:
            await ctx.step.sleep("nap", HOUR)
        return str(receipt)

    return checkout


def never() -> str:
    raise AssertionError("no step runs in a replay")


def test_a_function_that_replays(tmp_path: Path) -> None:
    replayed = testing.replay(define(), RUN)
    assert replayed.ok
    assert [each.id for each in replayed.steps] == ["charge", "wait", "nap"]
    assert repr(replayed).splitlines()[0] == "01J8X5Z3V0QK7M2N4P6R8T0W2Y  shop-checkout  replays"
    path = tmp_path / "run.json"
    path.write_text(json.dumps(RUN))
    assert testing.replay(define(), path).ok
    assert testing.replay(define(), str(path)).ok


def test_a_step_with_another_id() -> None:
    with pytest.raises(testing.ReplayError) as raised:
        testing.replay(define(charge="pay"), RUN)
    assert str(raised.value).splitlines() == [
        "today's shop-checkout does not replay run 01J8X5Z3V0QK7M2N4P6R8T0W2Y:",
        "01J8X5Z3V0QK7M2N4P6R8T0W2Y  shop-checkout  does not replay",
        '> charge: not met; the function meets step "pay" there instead',
        "Runs that are under way would do steps again, or fail. Keep the ids and the kinds of the steps that they may "
        "have passed; or give the new code to a function with another id, and let the old one end its runs.",
    ]


def test_a_step_that_is_gone_or_new() -> None:
    replayed = testing.replay(define(nap=False), RUN, check=False)
    assert [each.problem for each in replayed.steps] == ["", "", "not met; the function returns before it"]
    short = exported(*RUN["steps"][:2])
    assert testing.replay(define(nap=False), short).ok
    with pytest.raises(
        testing.ReplayError, match='the run was completed here, and the function meets step "nap" today'
    ):
        testing.replay(define(), short)
    assert testing.replay(define(), exported(*RUN["steps"][:2], status="Running")).ok


def test_a_step_of_another_kind() -> None:
    changed = exported(step("charge", "sleep", None))
    with pytest.raises(testing.ReplayError, match="charge: it was a sleep step, and is a StepRun today"):
        testing.replay(define(), changed)


def test_parallel_steps_and_sync_functions() -> None:
    run = exported(*(step(name, "planned", {"data": name}) for name in ("b", "a", "c")))

    @client.create_function(fn_id="gathers", trigger=inngest.TriggerEvent(event="a"))
    async def gathers(ctx: inngest.Context) -> None:
        await asyncio.gather(ctx.step.run("a", never), ctx.step.run("b", never))
        await ctx.step.run("c", never)

    @client.create_function(fn_id="groups", trigger=inngest.TriggerEvent(event="a"))
    def groups(ctx: inngest.ContextSync) -> None:
        ctx.group.parallel((lambda: ctx.step.run("a", never), lambda: ctx.step.run("b", never)))
        ctx.step.run("c", never)

    assert testing.replay(gathers, run).ok
    assert testing.replay(groups, run).ok


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"steps": 5}, "steps: Input should be a valid list"),
        ({"steps": [1]}, "steps.0: Input should be a valid dictionary"),
        ({"steps": [{"id": 5, "name": "a", "kind": "", "memo": 1}]}, "steps.0.id: Input should be a valid string"),
        ({"steps": [{"id": "a", "name": "a", "kind": ""}]}, "steps.0.memo: Field required"),
        ({"events": []}, "events: List should have at least 1 item after validation, not 0"),
        ({"run_id": None}, "run_id: Input should be a valid string"),
    ],
)
def test_what_is_not_an_exported_run(changed: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**RUN, **changed}))
    for run, what in (({**RUN, **changed}, "this"), (path, str(path))):
        with pytest.raises(ValueError, match="is not an exported run") as raised:
            testing.replay(define(), run)
        assert str(raised.value) == (
            f"{what} is not an exported run of format 1 ({problem}); write one with: inngest runs RUN_ID --export FILE"
        )


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", json.dumps(RUN).encode()[:100]])
def test_a_file_that_is_not_whole(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.json is not an exported run of format 1 \(it is not JSON\)"):
        testing.replay(define(), path)


def test_odd_texts_and_numbers_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    odd = exported(step("charge", "planned", {"data": "\ud800"}), *RUN["steps"][1:])
    path.write_text(json.dumps({**odd, "output": 10**40}))
    assert testing.replay(define(), path).ok
