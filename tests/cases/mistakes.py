"""Mistakes in how steps are met, and what is said of them."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import inngest

from .case import Call, Case, Expected, Handler, HandlerKind, Saying, both, error, op, raised, ran


def refused(name: str, code: str, *parts: str) -> Expected:
    return raised(error(name, Saying(*parts), code=code), no_retry=True)


# await


async def forgets_await(ctx: inngest.Context) -> object:
    return ctx.step.run("a", int)


async def forgets_await_in_a_step(ctx: inngest.Context) -> object:
    async def inner() -> int:
        return 1

    async def outer() -> object:
        return inner()

    return await ctx.step.run("a", outer)


async def forgets_await_of_a_part(ctx: inngest.Context) -> object:
    async def user() -> str:
        return "ada"

    coroutine = user()
    try:
        return {"users": [coroutine]}
    finally:
        coroutine.close()  # else Python warns of it, as it should


coroutine_returned = Case(
    build=both(forgets_await, forgets_await),
    expect=refused(
        "OutputUnserializableError",
        "output_unserializable",
        "function app-fn",
        "coroutine of Step.run",
        "did you forget await?",
    ),
    kinds=(HandlerKind.ASYNC,),
)
coroutines_in_what_is_returned = Case(
    build=both(forgets_await_of_a_part, forgets_await_of_a_part),
    expect=refused(
        "OutputUnserializableError",
        "output_unserializable",
        "function app-fn",
        "output.users[0] is a coroutine",
        "did you forget await?",
    ),
    kinds=(HandlerKind.ASYNC,),
)
coroutine_returned_by_a_step = Case(
    build=both(forgets_await_in_a_step, forgets_await_in_a_step),
    expect=Expected(
        body=[
            op(
                "StepFailed",
                "a",
                error=error(
                    "OutputUnserializableError",
                    Saying('step "a"', "coroutine of", "inner", "did you forget await?"),
                    code="output_unserializable",
                ),
            )
        ],
        no_retry="true",
    ),
    kinds=(HandlerKind.ASYNC,),
)


# parallel


def parallel(*given: Any) -> tuple[Handler, Handler]:
    def sync(ctx: inngest.ContextSync) -> object:
        group: Any = ctx.group
        return group.parallel(*given)

    async def asynchronous(ctx: inngest.Context) -> object:
        group: Any = ctx.group
        return await group.parallel(*given)

    return sync, asynchronous


def results(ctx: inngest.ContextSync) -> object:
    group: Any = ctx.group
    return group.parallel((ctx.step.run("a", int), ctx.step.run("b", int)))


async def coroutines(ctx: inngest.Context) -> object:
    group: Any = ctx.group
    second = ctx.step.run("b", int)
    try:
        return await group.parallel((ctx.step.run("a", int), second))
    finally:
        second.close()


def one_by_one(number: int) -> Case:
    return Case(
        build=both(*parallel(*[int] * number)),
        expect=refused("ConfigError", "config_invalid", "one by one", "parallel((first, second))"),
    )


two_functions = one_by_one(2)
three_functions = one_by_one(3)
one_function = one_by_one(1)
a_number = Case(
    build=both(*parallel(5)), expect=refused("ConfigError", "config_invalid", "a int", "tuple of functions")
)
results_of_steps = Case(
    build=both(results, results),
    call=Call(steps={"a": {"data": 1}, "b": {"data": 2}}),
    expect=refused("ConfigError", "config_invalid", "branch 1 of parallel is a int", "lambda: ctx.step.run"),
    kinds=(HandlerKind.SYNC,),
)
coroutines_of_steps = Case(
    build=both(coroutines, coroutines),
    expect=refused("ConfigError", "config_invalid", "branch 1 of parallel is a coroutine", "lambda: ctx.step.run"),
    kinds=(HandlerKind.ASYNC,),
)


async def branch_without_a_step(ctx: inngest.Context) -> object:
    group: Any = ctx.group
    return await group.parallel((lambda: ctx.step.run("a", int), lambda: 5))


a_branch_that_cannot_be_awaited = Case(
    build=both(branch_without_a_step, branch_without_a_step),
    call=Call(steps={"a": {"data": 0}}),
    expect=refused(
        "ConfigError",
        "config_invalid",
        "branch of parallel returned what cannot be awaited (the type is int)",
        "lambda: ctx.step.run",
    ),
    kinds=(HandlerKind.ASYNC,),
)


# What is no type


def no_type(ctx: inngest.ContextSync) -> object:
    """Refused before the step runs: nobody could keep what it did."""
    step: Any = ctx.step
    return step.run("a", int, output_type=[int])


async def no_type_async(ctx: inngest.Context) -> object:
    step: Any = ctx.step
    return await step.run("a", int, output_type=[int])


an_output_type_that_is_none = Case(
    build=both(no_type, no_type_async),
    expect=refused(
        "ConfigError", "config_invalid", 'step "a": output_type is [<class', "give a type, such as Order or list[Order]"
    ),
)


# Threads


def threads(ctx: inngest.ContextSync) -> object:
    def meets() -> int:
        return ctx.step.run("a", int)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return pool.submit(meets).result()


in_another_thread = Case(
    build=both(threads, threads),
    expect=raised(
        error("StepUnexpectedError", Saying('step "a"', "another thread", "ctx.group.parallel"), code="step_unexpected")
    ),
    kinds=(HandlerKind.SYNC,),
)


# Ids that differ from call to call


def changing(ctx: inngest.ContextSync) -> object:
    ctx.step.run("steady", int)
    return ctx.step.run("changing-4", int)


async def changing_async(ctx: inngest.Context) -> object:
    await ctx.step.run("steady", int)
    return await ctx.step.run("changing-4", int)


def done(count: int) -> Call:
    names = ["steady", *(f"changing-{number}" for number in range(1, count + 1))]
    return Call(steps={name: {"data": 0} for name in names})


NAMED = Saying("app-fn", 'new step "changing-4"', "3 steps again that had finished last", "same in every call")

ids_that_differ_are_named_after_a_few_calls = Case(
    build=both(changing, changing_async), call=done(3), expect=Expected(body=ran("changing-4", 0).body, logged=[NAMED])
)
two_that_are_not_met_again_may_be_a_change = Case(
    build=both(changing, changing_async), call=done(2), expect=Expected(body=ran("changing-4", 0).body, logged=[])
)
old_ones_that_are_not_met_again_are_a_change = Case(
    build=both(changing, changing_async),
    call=Call(steps={**{f"old-{number}": {"data": 0} for number in range(5)}, "steady": {"data": 0}}),
    expect=Expected(body=ran("changing-4", 0).body, logged=[]),
)
