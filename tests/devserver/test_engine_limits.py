"""The limits of an engine: what is over one fails with an error that names the step; what is just within works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inngest_core.protocol.wire import hash_id

from .harness import Called, Lab, Reply, lab, op, ops, planned, raised, ran, returned

MIB = 1024 * 1024
DAY_SECONDS = 86_400
Make = Callable[[Called], Reply]


def text(size: int) -> str:
    """Return a text that is *size* bytes of JSON."""
    return "x" * (size - 2)


def one(item: dict[str, Any]) -> Make:
    """Return an app that reports one op, and then returns."""
    return lambda call: returned("fine") if call.stack else ops(item)


def parts(count: int, size: int) -> Make:
    """Return an app with so many steps, each with a result of so many bytes, in its state when it is called again."""

    def call(call: Called) -> Reply:
        done = len(call.stack)
        return returned("fine") if done == count else ops(ran(f"part {done}", text(size)))

    return call


def in_parallel(count: int) -> Make:
    def call(call: Called) -> Reply:
        return returned("fine") if call.stack else ops(*(ran(f"step {number}") for number in range(count)))

    return call


def seven_hundred_and_then(more: int) -> Make:
    def call(call: Called) -> Reply:
        known = len(call.stack)
        if known >= 700:
            return returned("fine") if known > 700 or not more else ops(*(ran(f"late {n}") for n in range(more)))
        return ops(*(ran(f"early {number}") for number in range(700)))

    return call


def waits(kind: str, field: str, text: str, **opts: Any) -> dict[str, Any]:
    return {**op(kind, "long"), "opts": {**opts, field: text}}


PAYLOAD: dict[str, Any] = {"function_id": "app-g", "payload": {"data": {}}}

WITHIN: dict[str, Make] = {
    "output of a step": one(ran("large", text(4 * MIB))),
    "input of a step": one({**ran("large"), "opts": {"input": [text(4 * MIB - 2)]}}),
    "state of a run": parts(7, 4 * MIB),
    "steps of a run": seven_hundred_and_then(300),
    "ops of an answer": in_parallel(1000),
    "answer": lambda call: Reply(200, text(8 * MIB)),
    "sleep": one({**op("Sleep", "long"), "name": "366d"}),
    "wait": one(waits("WaitForEvent", "timeout", "366d", event="t/never")),
}


@pytest.mark.parametrize("make", WITHIN.values(), ids=WITHIN.keys())
def test_what_is_within_a_limit_works(make: Make) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", make, retries=0)
            event = it.send("t/f")
            await it.time.advance(367 * DAY_SECONDS)
            assert it.runs(event)[0]["status"] == "Completed"

    asyncio.run(main())


OVER: dict[str, tuple[Make, str, str]] = {
    "output of a step": (
        one(ran("large", text(4 * MIB + 1))),
        "StepOutputTooLargeError",
        'step "large": step output size is greater than the limit (4194305 bytes, at most 4194304)',
    ),
    "input of a step that ran": (
        one({**ran("large"), "opts": {"input": [text(4 * MIB)]}}),
        "StepInputTooLargeError",
        'step "large": step input size is greater than the limit (4194306 bytes, at most 4194304)',
    ),
    "input of a planned step": (
        one({**planned("large"), "opts": {"input": [text(4 * MIB)]}}),
        "StepInputTooLargeError",
        'step "large": step input size is greater than the limit',
    ),
    "state of a run": (
        parts(9, 4 * MIB),
        "InngestErrStateOverflowed",
        'state overflowed: with the result of step "part 7" the run holds 335548',
    ),
    "steps of a run": (
        seven_hundred_and_then(301),
        "InngestErrFunctionOverflowed",
        'step "late 300" is the 1001th: a run may have at most 1000 steps',
    ),
    "ops of an answer": (
        in_parallel(1001),
        "InngestErrFunctionOverflowed",
        "asked for the function app-f, the app reported 1001 steps at once; at most 1000 are allowed",
    ),
    "answer": (
        lambda call: Reply(200, text(8 * MIB + 1)),
        "output_too_large",
        "asked for the function app-f, the app answered more than 8388608 bytes",
    ),
    "answer for a planned step": (
        lambda call: Reply(200, text(8 * MIB + 1)) if call.targets("big") else ops(planned("big"), planned("other")),
        "output_too_large",
        'asked for the step "big" of the function app-f, the app answered more than 8388608 bytes',
    ),
    "sleep": (
        one({**op("Sleep", "long"), "name": "366d1s"}),
        "InngestErrTimeoutTooLong",
        'step "long": the duration 366d1s is longer than 366 days',
    ),
    "sleep until a date": (
        one({**op("Sleep", "long"), "name": "2028-01-17T08:00:00Z"}),
        "InngestErrTimeoutTooLong",
        'step "long": the duration 2028-01-17T08:00:00Z is longer than 366 days',
    ),
    "wait": (
        one(waits("WaitForEvent", "timeout", "400d", event="t/never")),
        "InngestErrTimeoutTooLong",
        'step "long": opts.timeout 400d is longer than 366 days',
    ),
    "wait for a signal": (
        one(waits("WaitForSignal", "timeout", "400d", signal="s")),
        "InngestErrTimeoutTooLong",
        'step "long": opts.timeout 400d',
    ),
    "invocation": (
        one(waits("InvokeFunction", "timeout", "400d", **PAYLOAD)),
        "InngestErrTimeoutTooLong",
        'step "long": opts.timeout 400d',
    ),
    "empty step id": (
        one({"op": "StepRun", "id": "", "name": "nameless"}),
        "InvalidResponseError",
        "an op StepRun has no id",
    ),
    "step id that is not a string": (
        one({"op": "StepRun", "id": 7, "name": "seven"}),
        "InvalidResponseError",
        "an op StepRun has no id",
    ),
}


@pytest.mark.parametrize(("make", "name", "said"), OVER.values(), ids=OVER.keys())
def test_what_is_over_a_limit_fails_and_says_which_step(make: Make, name: str, said: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", make, retries=0)
            event = it.send("t/f")
            await it.time.advance(1)
            run = it.runs(event)[0]
            assert (run["status"], run["output"]["name"]) == ("Failed", name)
            assert said in run["output"]["message"]

    asyncio.run(main())


def test_the_step_is_named_after_a_restart_too(tmp_path: Path) -> None:
    def script(call: Called) -> Reply:
        if call.targets("big"):
            return Reply(200, text(8 * MIB + 1)) if call.ctx["attempt"] else raised("not now")
        return ops(planned("big"), planned("other"))

    async def before() -> str:
        async with lab(persist=tmp_path / "engine.db") as it:
            it.serve("f", script, retries=1)
            event = it.send("t/f")
            await it.said('step "big" attempt 1 failed')
            return event

    async def after(event: str) -> None:
        async with lab(persist=tmp_path / "engine.db") as it:
            it.serve("f", script, retries=1)
            await it.time.advance(10)
            said = it.runs(event)[0]["output"]["message"]
            assert said == 'asked for the step "big" of the function app-f, the app answered more than 8388608 bytes'

    asyncio.run(after(asyncio.run(before())))


def test_a_step_that_is_done_elsewhere_counts_too() -> None:
    """The event that ends a wait is a result like any other."""

    def script(call: Called) -> Reply:
        done = len(call.stack)
        if done < 10:
            return ops(ran(f"part {done}", text(3 * MIB)))
        return ops({**op("WaitForEvent", "paid"), "opts": {"event": "t/paid", "timeout": "1h"}})

    async def main() -> None:
        async with lab() as it:
            it.serve("f", script)
            event = it.send("t/f")
            await it.said('waits for "t/paid"')
            it.send("t/paid", {"text": text(5 * MIB // 2)})
            run = await it.ended(event)
            assert run["output"]["name"] == "InngestErrStateOverflowed"
            assert 'the result of step "paid"' in run["output"]["message"]

    asyncio.run(main())


def test_any_text_is_the_id_of_a_step() -> None:
    async def main() -> None:
        async with lab() as it:
            odd = {"op": "StepRun", "id": "not a hash/" + "é" * 5000, "name": "odd", "data": 1}
            it.serve("f", lambda call: returned(call.steps) if call.steps else ops(odd))
            assert (await it.run("t/f"))["output"] == {odd["id"]: {"data": 1}}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/runs/nothing", 400), ("/v0/runs/nothing/actions", 400), ("/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404)],
)
def test_ids_of_runs_are_checked(path: str, status: int) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("GET", path)
            assert answer.status == status
            assert path.split("/")[3] in answer.body["error"]

    asyncio.run(main())


def _event(it: Lab, **fields: Any) -> tuple[int, str]:
    answer = it.request("POST", "/e/key", {"name": "t/f", "data": {}, **fields})
    return answer.status, answer.body.get("error", "")


def test_events_are_limited() -> None:
    async def main() -> None:
        async with lab() as it:
            assert _event(it, name="n" * 512)[0] == 200
            assert _event(it, name="n" * 513) == (400, "event name is 513 characters long; at most 512 are allowed")
            assert _event(it, data={"text": text(3 * MIB - 200)})[0] == 200
            status, error = _event(it, data={"text": text(3 * MIB)})
            assert (status, "at most 3145728 are allowed" in error) == (400, True)

    asyncio.run(main())


def test_the_id_of_a_step_that_is_too_large_is_the_users_not_its_hash() -> None:
    async def main() -> None:
        async with lab() as it:
            item = {"op": "StepRun", "id": hash_id("charge"), "name": "charge", "data": text(5 * MIB)}
            it.serve("f", one(item), retries=0)
            message = (await it.run("t/f"))["output"]["message"]
            assert 'step "charge"' in message
            assert hash_id("charge") not in message

    asyncio.run(main())
