"""Several steps that fail at once: what the function, the engine and the log get to see, and whether to try again."""

from __future__ import annotations

import asyncio
import logging

import pytest

import inngest
from tests.cases.case import Call, Later
from tests.stage.asks import Ask
from tests.stage.in_process_engine import RunFailedError
from tests.stage.logs import records_of
from tests.stage.one_function import request_of, serving, shown

from .async_runs import EVERYWHERE, SEEDS, Count, ask_now, boom, run_to_its_end


@EVERYWHERE
def test_a_failed_step_in_a_task_group_is_an_exception_group(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        messages: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.step.run("bad", boom, "boom"))
                group.create_task(ctx.step.run("good", lambda: 1))
        except* inngest.StepError as caught:
            messages = [str(error) for error in caught.exceptions]
        return {"caught": messages}

    assert run_to_its_end(handler, ask) == {"caught": ["boom"]}


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_a_failed_group_is_mended_by_steps_that_follow(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        failed: list[str] = []

        async def branch(name: str) -> None:
            await count.step(ctx, name)
            await ctx.step.run(f"bad {name}", boom, name)

        try:
            async with asyncio.TaskGroup() as group:
                for name in "abc":
                    group.create_task(branch(name))
        except* inngest.StepError as errors:
            failed = [error.step_id for error in errors.exceptions if isinstance(error, inngest.StepError)]
        return await count.step(ctx, f"mend {failed}")

    mended = run_to_its_end(handler, ask, seed, race=race)
    assert mended in [f"mend ['bad {name}']" for name in "abc"]
    assert count.executed.pop(str(mended)) == 1
    assert set(count.executed) <= set("abc")
    assert set(count.executed.values()) == {1}


async def several(ctx: inngest.Context) -> None:
    results = await asyncio.gather(
        ctx.step.run("charge", boom, "no money"),
        ctx.step.run("ship", boom, "no address"),
        ctx.step.run("thank", lambda: 1),
        return_exceptions=True,
    )
    failed = [result for result in results if isinstance(result, Exception)]
    inner = ExceptionGroup("shipping", failed[1:])
    raise ExceptionGroup("the order failed", [failed[0], inner, KeyError("not in a step")])


SEVERAL = {
    "charge": {"error": {"name": "ValueError", "message": "no money", "stack": "Traceback of charge"}},
    "ship": {"error": {"name": "ValueError", "message": "no address"}},
    "thank": {"data": 1},
}


def test_the_engine_is_told_each_step_and_its_error() -> None:
    with serving(several) as app:
        status, body = shown(ask_now(app, Call(steps=SEVERAL)))
    assert (status, body["name"]) == (500, "ExceptionGroup")
    assert body["message"] == (
        'the order failed: step "charge": ValueError: no money; step "ship": ValueError: no address; '
        "KeyError: 'not in a step'"
    )
    assert "raise ExceptionGroup(" in body["stack"]
    assert '  step "charge": Traceback of charge' in body["stack"]
    assert '  step "ship": ValueError: no address' in body["stack"]


def test_the_log_names_each_step_and_its_error(caplog: pytest.LogCaptureFixture) -> None:
    with serving(several, logger=logging.getLogger("app")) as app:
        ask_now(app, Call(steps=SEVERAL, attempt=3, max_attempts=4))
    [record] = records_of("app", caplog)
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        'function app-fn failed: the order failed: step "charge": ValueError: no money; '
        "step \"ship\": ValueError: no address; KeyError: 'not in a step'"
    )
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ExceptionGroup)


FAILED = inngest.StepError("failed for good")
FINAL = inngest.NonRetriableError("final")
LATER = inngest.RetryAfterError("later", 7000)


@pytest.mark.parametrize(
    ("errors", "no_retry", "retry_after"),
    [
        ([FAILED, FAILED], "true", None),
        ([FAILED, FINAL], "true", None),
        ([FAILED, ValueError("flaky")], None, None),
        ([FINAL, ValueError("flaky")], None, None),
        ([FINAL, ExceptionGroup("inner", [FAILED, ValueError("flaky")])], None, None),
        ([FINAL, ExceptionGroup("inner", [FAILED, FINAL])], "true", None),
        ([FAILED, LATER], None, Later(7)),
        ([ValueError("flaky"), ExceptionGroup("inner", [LATER])], None, Later(7)),
    ],
)
def test_a_group_is_tried_again_when_that_can_help_one_of_its_errors(
    errors: list[Exception], no_retry: str | None, retry_after: Later | None
) -> None:
    async def handler(ctx: inngest.Context) -> None:
        raise ExceptionGroup("several", errors)

    with serving(handler) as app:
        response = ask_now(app)
    assert response.status == 500
    assert response.headers.get("x-inngest-no-retry") == no_retry
    assert response.headers.get("retry-after") == retry_after


@EVERYWHERE
@SEEDS
def test_a_run_whose_parallel_steps_fail_fails_once_each_was_tried(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.gather(
            ctx.step.run("x", boom, "no x"), count.step(ctx, "good"), ctx.step.run("y", boom, "no y")
        )

    with pytest.raises(RunFailedError, match=r"no [xy]"):
        run_to_its_end(handler, ask, seed)
    assert count.executed == {"good": 1}


@EVERYWHERE
def test_a_target_beside_a_group_that_has_failed_is_found(ask: Ask) -> None:
    """The group failed while the target was planned: the target runs all the same, as it was planned."""

    async def handler(ctx: inngest.Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("bad", lambda: 1))
            group.create_task(ctx.step.run("t", lambda: 2))

    bad = {"bad": {"error": {"name": "E", "message": "bad"}}}
    with serving(handler) as app:
        status, [op] = shown(ask(app, request_of(Call(target="t", plan_only=True, steps=bad))))
    assert (status, op["op"], op["data"]) == (206, "StepRun", 2)
