"""What `testing.Engine` does between events and runs: batches, flow control, cancellation, back-off, lifespans."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncGenerator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import inngest
import inngest.ai
import inngest.starlette
from inngest import testing

client = inngest.Inngest(app_id="semantics", is_production=False)
START = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)


def ordered(number: int, user: str = "ada") -> inngest.Event:
    return inngest.Event(name="shop/ordered", data={"order": number, "user": user})


def test_a_batch_is_one_run_of_all_its_events() -> None:
    @client.create_function(
        fn_id="batched",
        trigger=inngest.TriggerEvent(event="shop/ordered"),
        batch_events=inngest.Batch(max_size=3, timeout=MINUTE),
    )
    def batched(ctx: inngest.ContextSync) -> list[object]:
        return [event.data["order"] for event in ctx.events]

    with testing.Engine(batched) as engine:
        first, *_, last = [engine.send(ordered(number)) for number in range(4)]
        (full,) = engine.runs_of(first)
        assert engine.wait(full).output == [0, 1, 2]
        assert engine.runs_of(last) == []
        engine.advance(2 * MINUTE)
        (rest,) = engine.runs_of(last)
        assert engine.wait(rest).output == [3]


def test_a_throttle_holds_runs_back() -> None:
    @client.create_function(
        fn_id="throttled",
        trigger=inngest.TriggerEvent(event="shop/ordered"),
        throttle=inngest.Throttle(limit=1, period=MINUTE, burst=0),
    )
    def throttled(ctx: inngest.ContextSync) -> object:
        return ctx.event.data["order"]

    with testing.Engine(throttled, now=START) as engine:
        for number in range(3):
            engine.send(ordered(number))
        engine.settle()
        ended = [[run.status is testing.Status.COMPLETED for run in engine.runs()]]
        for _ in range(2):
            engine.advance(MINUTE)
            ended.append([run.status is testing.Status.COMPLETED for run in engine.runs()])
        assert ended == [[True, False, False], [True, True, False], [True, True, True]]


def test_runs_are_cancelled_by_events_and_by_the_test() -> None:
    @client.create_function(
        fn_id="waiting",
        trigger=inngest.TriggerEvent(event="shop/ordered"),
        cancel=[inngest.Cancel(event="shop/withdrawn", if_exp="event.data.order == async.data.order")],
    )
    def waiting(ctx: inngest.ContextSync) -> str:
        ctx.step.sleep("a day", datetime.timedelta(days=1))
        return "packed"

    with testing.Engine(waiting) as engine:
        by_event, by_test, goes_on = [engine.runs_of(engine.send(ordered(number)))[0] for number in range(3)]
        engine.settle()
        engine.send(inngest.Event(name="shop/withdrawn", data={"order": 0}))
        engine.cancel(by_test)
        assert engine.wait(goes_on).output == "packed"
        assert [by_event.status, by_test.status] == [testing.Status.CANCELLED] * 2
        with pytest.raises(testing.RunCancelledError):
            _ = by_event.output


def test_back_off_takes_the_same_time_in_each_run() -> None:
    @client.create_function(fn_id="failing", trigger=inngest.TriggerEvent(event="shop/ordered"), retries=4)
    def failing(ctx: inngest.ContextSync) -> None:
        ctx.step.run("charge", fail)

    def fail() -> None:
        raise ConnectionError("the bank is not here")

    durations = {testing.run(failing).duration for _ in range(5)}
    assert durations == {datetime.timedelta(seconds=1 + 2 + 4 + 8)}


def test_models_answer_by_stub() -> None:
    adapter = inngest.ai.openai.Adapter(auth_key="k", model="small")

    @client.create_function(fn_id="infers", trigger=inngest.TriggerEvent(event="a"), retries=1)
    def infers(ctx: inngest.ContextSync) -> object:
        answer = ctx.step.ai.infer("ask", adapter=adapter, body={"messages": []})
        return answer["text"]

    asked: list[object] = []

    def answer(body: object) -> object:
        asked.append(body)
        return {"text": "blue"}

    run = testing.run(infers, steps={"ask": answer})
    assert run.output == "blue"
    assert asked == [{"messages": [], "model": "small"}]
    assert run.steps["ask"].input == asked[0]
    again = testing.run(infers, steps={"ask": testing.sequence(OSError("down"), {"text": "red"})})
    assert (again.output, again.steps["ask"].attempts) == ("red", 2)
    with pytest.raises(testing.StubError, match=r'step "ask" makes a request to api\.openai\.com'):
        testing.run(infers)


def test_the_lifespan_of_an_app_is_that_of_the_test() -> None:
    ready: list[str] = []

    @client.create_function(fn_id="needs-pool", trigger=inngest.TriggerEvent(event="shop/ordered"))
    async def needs_pool(ctx: inngest.Context) -> str:
        return ready[-1]

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        ready.append("a pool")
        yield
        ready.clear()

    app = Starlette(routes=[*inngest.starlette.routes(client, [needs_pool])], lifespan=lifespan)
    with TestClient(app), testing.Engine(app) as engine:
        (run,) = engine.runs_of(engine.send(ordered(1)))
        assert engine.wait(run).output == "a pool"
    assert ready == []


def test_a_run_that_one_of_its_steps_cancels_goes_no_further() -> None:
    client = inngest.Inngest(app_id="stops", is_production=False)
    ran: list[str] = []

    def stop() -> None:
        ran.append("stop")
        client.send_sync(inngest.Event(name="stops/now"))

    @client.create_function(
        fn_id="f",
        trigger=inngest.TriggerEvent(event="stops/begin"),
        cancel=[inngest.Cancel(event="stops/now")],
    )
    def function(ctx: inngest.ContextSync) -> None:
        ctx.step.run("first", ran.append, "first")
        ctx.step.run("stop", stop)
        ctx.step.run("never", ran.append, "never")

    with client:
        run = testing.run(function)
    assert (run.status, ran) == (testing.Status.CANCELLED, ["first", "stop"])


def test_each_step_and_the_function_have_attempts_of_their_own() -> None:
    client = inngest.Inngest(app_id="tries", is_production=False)
    seen: list[int] = []

    @client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="tries/begin"), retries=1)
    def function(ctx: inngest.ContextSync) -> str:
        for name in "abcdef":
            ctx.step.run(name, lambda: "done")
        seen.append(ctx.attempt)
        if ctx.attempt == 0:
            raise ValueError("once more")
        return "done"

    stubs = {"b": testing.sequence(OSError(), "b"), "e": testing.sequence(OSError(), "e")}
    with client:
        run = testing.run(function, steps=stubs)
    assert (run.output, run.attempts, seen) == ("done", 2, [0, 1])
    assert [run.steps[name].attempts for name in "abcdef"] == [1, 2, 1, 1, 2, 1]
    assert [run.steps[name].calls for name in "abcdef"] == [1, 2, 1, 1, 2, 1]
    assert run.duration == datetime.timedelta(seconds=3)
