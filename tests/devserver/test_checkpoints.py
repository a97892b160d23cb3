"""Steps that an app saves while its call goes on: what the engine takes, from which call, and what it keeps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from inngest_core.protocol.wire import hash_id
from inngest_devserver.storage.store import Store

from .harness import Called, Lab, Reply, lab, op, ops, planned, raised, ran, returned

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def body_of(call: Called, *steps: Any, **fields: Any) -> dict[str, Any]:
    """Return the body of a request that saves steps during a call."""
    ctx = call.ctx
    ids = {key: ctx[key] for key in ("run_id", "fn_id", "qi_id", "request_id", "generation_id")}
    return {**ids, "request_started_at": 1, "ts": 2, "steps": list(steps), **fields}


def save(it: Lab, call: Called, *steps: Any, **fields: Any) -> Any:
    """Save steps during a call; return the status, and the error if there is one."""
    answer = it.request("POST", f"/v1/checkpoint/{call.ctx['run_id']}/async", body_of(call, *steps, **fields))
    return answer.status if answer.body is None else (answer.status, answer.body["error"])


def test_one_call_for_a_chain_of_steps() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                assert save(it, call, ran("a", 1)) == 200
                assert save(it, call, ran("b", {"x": 2}), ran("c", "3")) == 200
                return returned("done")

            it.serve("f", script)
            run = await it.run("t/f")
            assert (run["status"], run["output"], len(it.app.calls)) == ("Completed", "done", 1)
            history = it.request("GET", f"/v1/runs/{run['run_id']}/history").body["data"]
            assert [row["name"] for row in history if row["type"] == "step.done"] == ["a", "b", "c"]

    asyncio.run(main())


def test_the_next_call_brings_what_was_saved_in_the_order_in_which_it_was() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("z"):
                    assert save(it, call, ran("b", 2), ran("a", 1)) == 200
                    assert save(it, call, ran("a", "another value")) == 200
                    return ops(op("Sleep", "z", name="1s"))
                assert [call.memo(step) for step in ("a", "b")] == [{"data": 1}, {"data": 2}]
                assert call.stack == [hash_id(step) for step in ("b", "a", "z")]
                return returned(None)

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(2)
            assert (await it.ended(event))["status"] == "Completed"

    asyncio.run(main())


def test_a_failed_call_loses_nothing_that_was_saved() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.ctx["attempt"] == 0 and not call.has("a"):
                    assert save(it, call, ran("a", 1)) == 200
                    return raised("cut off")
                assert call.memo("a") == {"data": 1}
                assert call.ctx["attempt"] == 1
                return returned("again")

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(60)
            assert (await it.ended(event))["output"] == "again"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("bad", "answer"),
    [
        (op("Sleep", "z", name="1s"), (400, "cannot checkpoint async steps")),
        (op("StepError", "e", error={"name": "E", "message": "m"}), (400, "cannot checkpoint async steps")),
        (op("StepFailed", "e", error={"name": "E", "message": "m"}), (400, "cannot checkpoint opcode: StepFailed")),
        (op("RunComplete", "complete", data=1), (400, "cannot checkpoint opcode: RunComplete")),
        (op("Nonsense", "n"), (400, "Nonsense does not belong to Opcode values")),
        ("text", (400, "an op is a JSON string; expected an object")),
    ],
)
def test_what_cannot_be_saved_leaves_what_came_before_it_saved(bad: Any, answer: Any) -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("a"):
                    assert save(it, call, ran("a", 1), bad, ran("b", 2)) == answer
                    return ops(ran("c", 3))
                assert (call.has("a"), call.has("b"), call.has("c")) == (True, False, True)
                return returned(None)

            it.serve("f", script)
            assert (await it.run("t/f"))["status"] == "Completed"

    asyncio.run(main())


def test_large_results_are_refused() -> None:
    async def main() -> None:
        async with lab() as it:
            large = "x" * (4 * 1024 * 1024 - 100)

            def script(call: Called) -> Reply:
                status, message = save(it, call, ran("too large", "x" * (4 * 1024 * 1024)))
                assert status == 413
                assert "step output size is greater than the limit" in message
                assert [save(it, call, ran(str(number), large)) for number in range(8)] == [200] * 8
                status, message = save(it, call, ran("8", large))
                assert status == 413
                assert message.startswith('state overflowed: with the result of step "8" the run holds 3774')
                return returned("here")

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == "here"

    asyncio.run(main())


def test_unknown_and_ended_runs() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: returned(None))
            run = await it.run("t/f")
            call = it.app.calls[0]
            assert save(it, call, ran("late", 1)) == (409, "the run has ended")
            answer = it.request("POST", f"/v1/checkpoint/{UNKNOWN}/async", body_of(call, ran("a", 1)))
            assert (answer.status, answer.body["error"]) == (400, "run not found in state store")
            assert answer.body["data"] == {"run_id": UNKNOWN}
            assert it.request("POST", f"/v1/http/runs/{run['run_id']}/async", {"steps": []}).status == 409
            assert it.request("POST", f"/v1/checkpoint/{run['run_id']}/async", raw=b"[").status == 400

    asyncio.run(main())


def test_a_call_that_was_given_up_may_save_nothing_beside_the_next_one() -> None:
    async def main() -> None:
        async with lab() as it:
            first: list[Called] = []

            def script(call: Called) -> Reply:
                if not first:
                    first.append(call)
                    return raised("the connection was cut, but the function goes on")
                if call.has("b"):
                    return returned(call.memo("a"))
                assert save(it, first[0], ran("a", 1)) == (409, "another call of this run is under way")
                assert save(it, call, ran("a", 2)) == 200
                return ops(ran("b", 3))

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(60)
            run = await it.ended(event)
            assert run["output"] == {"data": 2}
            assert save(it, first[0], ran("a", 1)) == (409, "the run has ended")

    asyncio.run(main())


@contextlib.asynccontextmanager
async def ending_during_a_call(tmp_path: Path, left: list[Called]) -> AsyncGenerator[Lab]:
    """Run an engine that goes on with the run of the ones before it, and ends while the call waits that it made.

    left: the calls that were left behind so; this one is added.
    """
    async with lab(persist=tmp_path / "engine.db") as it:

        async def script(call: Called) -> Reply:
            left.append(call)
            await asyncio.Event().wait()
            return returned(None)

        it.serve("f", script)
        if not left:
            it.send("t/f")
        await it.called(1)
        yield it


def test_only_one_of_the_calls_that_an_engine_left_behind_may_save(tmp_path: Path) -> None:
    """Each has a result of its own for a step, and goes on with it when the engine takes it."""

    async def main() -> None:
        left: list[Called] = []
        for _ in range(2):
            async with ending_during_a_call(tmp_path, left):
                pass
        one, other = left
        async with lab(persist=tmp_path / "engine.db") as it:
            it.app.scripts["app-f"] = lambda call: returned(call.memo("a"))
            assert save(it, one, ran("a", 1)) == 200
            assert save(it, other, ran("a", 2)) == (409, "another call of this run has saved steps")
            assert save(it, one, ran("b", 1)) == 200
            await it.said("run completed")
            assert it.request("GET", f"/v1/runs/{one.ctx['run_id']}").body["data"]["output"] == {"data": 1}

    asyncio.run(main())


def test_an_engine_that_starts_again_takes_no_second_result_of_a_step(tmp_path: Path) -> None:
    """The call that saved the first one has gone on with it; which call that was is not kept."""

    async def main() -> None:
        left: list[Called] = []
        async with ending_during_a_call(tmp_path, left):
            pass
        async with ending_during_a_call(tmp_path, left) as it:
            assert save(it, left[1], ran("a", 1)) == 200
        one = left[0]
        async with lab(persist=tmp_path / "engine.db") as it:
            it.app.scripts["app-f"] = lambda call: returned(call.memo("a"))
            assert save(it, one, ran("a", 2)) == (409, "another call of this run has saved this step")
            assert save(it, one, ran("a", 1)) == 200  # as when the answer to the first request was lost
            await it.said("run completed")
            assert it.request("GET", f"/v1/runs/{one.ctx['run_id']}").body["data"]["output"] == {"data": 1}

    asyncio.run(main())


def test_a_call_whose_job_is_done_may_save_nothing() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("a"):
                    return ops(ran("a", 1))
                assert save(it, it.app.calls[0], ran("late", 1)) == (409, "the call that saves these steps is over")
                return returned(None)

            it.serve("f", script)
            assert (await it.run("t/f"))["status"] == "Completed"

    asyncio.run(main())


def test_a_running_step_can_be_shown() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                assert save(it, call, planned("slow")) == 200
                assert save(it, call, ran("slow", 1), qi_id="") == 200
                return returned(None)

            it.serve("f", script)
            run = await it.run("t/f")
            history = it.request("GET", f"/v1/runs/{run['run_id']}/history").body["data"]
            assert [row["type"] for row in history if row["name"] == "slow"] == ["step.started", "step.done"]

    asyncio.run(main())


def test_a_saved_step_is_in_the_file_when_the_app_hears_of_it(tmp_path: Path) -> None:
    file = tmp_path / "engine.db"

    async def main() -> str:
        async with lab(persist=file) as it:

            def script(call: Called) -> Reply:
                assert save(it, call, ran("a", 1)) == 200
                for suffix in ("", "-wal"):  # what a process that is killed now leaves behind
                    path = Path(f"{file}{suffix}")
                    (tmp_path / f"copy.db{suffix}").write_bytes(path.read_bytes() if path.exists() else b"")
                return returned(None)

            it.serve("f", script)
            run = await it.run("t/f")
            run_id: str = run["run_id"]
            return run_id

    run_id = asyncio.run(main())
    copy = Store(tmp_path / "copy.db")
    assert copy.memos(run_id) == [(hash_id("a"), b'{"data":1}')]
    copy.close()


def test_a_wait_does_not_miss_an_event_of_the_same_answer() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("sub", lambda _: returned("ran"))

            def script(call: Called) -> Reply:
                if not call.has("w"):
                    invoke = op("InvokeFunction", "i", opts={"function_id": "app-sub", "payload": {"data": {}}})
                    wait = op("WaitForEvent", "w", opts={"event": "inngest/function.invoked", "timeout": "1h"})
                    return ops(invoke, wait)
                return returned(None)

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(2)
            history = it.request("GET", f"/v1/runs/{it.runs(event)[0]['run_id']}/history").body["data"]
            assert [row["name"] for row in history if row["type"] == "step.paused"][:2] == ["w", "i"]

    asyncio.run(main())
