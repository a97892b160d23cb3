"""What is too large for an engine: refused before it is sent, with what makes it so."""

from __future__ import annotations

import asyncio
import functools

import pytest

import inngest
from inngest_core.errors import OutputUnserializableError
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES, MAX_STEP_BYTES
from inngest_core.values.serializer import dump
from tests.cases.case import Call
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.engine_api import EngineDouble
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import request_of, serving, shown

ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])
PASS_ON = "keep it elsewhere and pass on where it is"


def refusal(value: object) -> str:
    with pytest.raises(OutputUnserializableError) as caught:
        dump(value, 'step "quote": output', limit=MAX_STEP_BYTES)
    return caught.value.message


def test_what_is_too_large() -> None:
    rows = ["x" * 1024] * 4096
    assert refusal({"name": "n", "rows": rows}) == (
        'step "quote": output is 4,206,613 bytes as JSON (step "quote": output.rows alone is 4,206,593), '
        "over the limit of 4 MiB for one step; keep it elsewhere and pass on where it is"
    )
    assert refusal("x" * MAX_STEP_BYTES) == (
        'step "quote": output is 4,194,306 bytes as JSON, over the limit of 4 MiB for one step; '
        "keep it elsewhere and pass on where it is"
    )
    assert len(dump("x" * (MAX_STEP_BYTES - 2), "it", limit=MAX_STEP_BYTES).body) == MAX_STEP_BYTES


def test_events_that_are_too_large() -> None:
    event = inngest.Event(name="shop/order", data={"rows": ["x" * 1024] * 3200})
    message = (
        'event "shop/order": events[0] is 3,286,439 bytes as JSON (event "shop/order": events[0].data.rows alone is '
        f"3,286,401), over the limit of 3 MiB for one event; {PASS_ON}"
    )

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.send_event("send", event)

    with serving(handler) as app:
        _, body = InProcessEngine(app, ask_sync, lambda _: 0).call(max_attempts=4)
        assert (body[0]["op"], body[0]["error"]["message"]) == ("StepFailed", message)
        with pytest.raises(OutputUnserializableError) as caught:
            app.client.send_sync([event])
        with pytest.raises(OutputUnserializableError) as caught_async:
            asyncio.run(app.client.send([event]))
    assert caught.value.message == caught_async.value.message == message


def test_a_result_of_a_step_that_is_too_large() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("quote", lambda: {"rows": ["x" * 1024] * 4096})

    with serving(handler) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call(max_attempts=4)
    assert (status, body[0]["op"]) == (206, "StepFailed")
    assert body[0]["error"]["message"] == (
        'step "quote": output is 4,206,602 bytes as JSON (step "quote": output.rows alone is 4,206,593), '
        f"over the limit of 4 MiB for one step; {PASS_ON}"
    )


def text_of(size: int) -> str:
    return "x" * size


SAVED_ONES = 8
"""Steps of almost 4 MiB: as many as fit into the 32 MiB of a run."""


@ASKS
def test_a_step_and_a_run_that_are_too_large_are_named_while_steps_are_saved(ask: Ask, engine: EngineDouble) -> None:
    sizes = [MAX_STEP_BYTES - 100] * SAVED_ONES + [1000]

    def run(ctx: inngest.ContextSync) -> None:
        for number, size in enumerate(sizes):
            ctx.step.run(f"part {number}", text_of, size)

    async def run_async(ctx: inngest.Context) -> None:
        for number, size in enumerate(sizes):
            await ctx.step.run(f"part {number}", text_of, size)

    def refused() -> tuple[int, str]:
        """Return how many steps were saved, and what is said of the next one."""
        engine.reset({"*": [(200, b"")]})
        with serving(run if ask is ask_sync else run_async, api_base_url=engine.origin) as app:
            status, body = shown(ask(app, request_of(Call(saves=True))))
        assert (status, body[-1]["op"]) == (206, "StepFailed")
        return len(engine.requests), body[-1]["error"]["message"]

    saved, said = refused()
    assert saved == SAVED_ONES
    assert said.startswith('step "part 8": output is 1,002 bytes as JSON, and with it the results of this run are 33,5')
    assert said.endswith(
        "over the limit of 32 MiB for all steps of one run; keep the data elsewhere and return where it is"
    )
    sizes[1] = MAX_STEP_BYTES
    saved, said = refused()
    assert saved == 1
    assert said.startswith('step "part 1": output is 4,194,306 bytes as JSON, over the limit of 4 MiB for one step')


def test_data_of_an_invoked_function_that_is_too_large() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.invoke_by_id("call", function_id="other", data={"text": "x" * MAX_STEP_BYTES})

    with serving(handler) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert status == 500
    assert body["message"] == (
        'step "call": data is 4,194,315 bytes as JSON (step "call": data.text alone is 4,194,306), '
        f"over the limit of 4 MiB for one step; {PASS_ON}"
    )


def test_a_result_of_a_function_that_is_too_large() -> None:
    def handler(ctx: inngest.ContextSync) -> list[str]:
        return ["x" * 1024] * 9000

    with serving(handler) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert status == 500
    assert body["code"] == "output_unserializable"
    assert body["message"] == (
        "function app-fn: output is 9,243,001 bytes as JSON, over the limit of 8 MiB for one answer; "
        "keep it elsewhere and pass on where it is"
    )


@ASKS
def test_steps_that_are_too_large_together_are_named(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        step = ctx.step
        ctx.group.parallel(
            [
                functools.partial(step.invoke_by_id, f"call {n}", function_id="other", data={"n": "x" * (400_000 + n)})
                for n in range(25)
            ]
            + [functools.partial(step.sleep, "pause", 1000)]
        )

    async def handler_async(ctx: inngest.Context) -> None:
        step = ctx.step
        await asyncio.gather(
            step.sleep("pause", 1000),
            *(step.invoke_by_id(f"call {n}", function_id="other", data={"n": "x" * (400_000 + n)}) for n in range(25)),
        )

    with serving(handler if ask is ask_sync else handler_async) as app:
        response = ask(app, request_of())
    status, body = shown(response)
    assert status == 500
    assert response.headers["x-inngest-no-retry"] == "true"
    assert body["code"] == "output_unserializable"
    named = ", ".join(f'step "call {n}" ({400_212 + n + 3 * (n > 9):,})' for n in reversed(range(25)))
    assert body["message"] == (
        "function app-fn: the answer is 10,005,806 bytes as JSON, over the limit of 8 MiB for one answer; it holds "
        f"{named} and more; start fewer steps at a time, or keep their data elsewhere and pass on where it is"
    )


def test_steps_that_fit_together_are_reported() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        data = {"n": "x" * 400_000}
        ctx.group.parallel(
            [functools.partial(ctx.step.invoke_by_id, f"call {n}", function_id="o", data=data) for n in range(20)]
        )

    with serving(handler) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert (status, len(body)) == (206, 20)


def test_a_text_that_fits_the_answer_only_without_its_envelope() -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        return "{" + "x" * (MAX_RESPONSE_BYTES - 4) + "}"

    with serving(handler) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert status == 500
    assert body["message"].startswith(
        "function app-fn: the answer is 8,388,686 bytes as JSON, over the limit of 8 MiB for one answer; "
        "it holds the output (8,388,684); "
    )
