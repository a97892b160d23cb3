"""step.run: callbacks of every kind, with arguments; new, memoized, and one after another."""

from __future__ import annotations

import functools

import inngest

from .case import Call, Case, Expected, HandlerKind, Saying, both, error, given, op, ran, returned


def add(a: int, b: int) -> int:
    return a + b


async def add_async(a: int, b: int) -> int:
    return a + b


def greet(name: str) -> dict[str, str]:
    return {"hello": name}


class Till:
    """Has a bound method, and can be called itself."""

    def __init__(self, start: int) -> None:
        self.start = start

    def add(self, more: int) -> int:
        return self.start + more

    async def add_async(self, more: int) -> int:
        return self.start + more

    def __call__(self, more: int) -> int:
        return self.start * more


def two(ctx: inngest.ContextSync) -> object:
    first = ctx.step.run("first", add, 1, 2)
    second = ctx.step.run("second", add, first, 10)
    return [first, second]


async def two_async(ctx: inngest.Context) -> object:
    first = await ctx.step.run("first", add_async, 1, 2)
    second = await ctx.step.run("second", add_async, first, 10)
    return [first, second]


def partial(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", functools.partial(add, b=5), 1)


async def partial_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", functools.partial(add_async, b=5), 1)


def method(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", Till(40).add, 2)


async def method_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", Till(40).add_async, 2)


def instance(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", Till(3), 2)


async def instance_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", Till(3), 2)


def lambda_(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", greet, "you")


async def lambda_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", lambda: add_async(20, 1))


async def plain_callback(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", add, 1, 1)


def none(ctx: inngest.ContextSync) -> object:
    ctx.step.run("s", lambda: None)
    return ctx.step.run("t", lambda: None)


async def none_async(ctx: inngest.Context) -> object:
    await ctx.step.run("s", lambda: None)
    return await ctx.step.run("t", lambda: None)


def coroutine_in_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", add_async, 1, 2)


def unserializable(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", lambda: {"deep": [object()]})


async def unserializable_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", lambda: {"deep": [object()]})


def many(ctx: inngest.ContextSync) -> object:
    return sum(ctx.step.run(f"n{number}", add, number, 0) for number in range(200))


async def many_async(ctx: inngest.Context) -> object:
    return sum([await ctx.step.run(f"n{number}", add_async, number, 0) for number in range(200)])


new = Case(build=both(two, two_async), expect=ran("first", 3, opts=given(1, 2)))
memo_then_new = Case(
    build=both(two, two_async), call=Call(steps={"first": {"data": 5}}), expect=ran("second", 15, opts=given(5, 10))
)
all_memoized = Case(
    build=both(two, two_async),
    call=Call(steps={"first": {"data": 5}, "second": {"data": 6}}),
    expect=returned([5, 6]),
)
memo_order_in_the_stack_does_not_matter = Case(
    build=both(two, two_async),
    call=Call(steps={"first": {"data": 5}, "second": {"data": 6}}, stack=["second", "first"]),
    expect=returned([5, 6]),
)
memos_without_stack = Case(
    build=both(two, two_async),
    call=Call(steps={"first": {"data": 5}, "second": {"data": 6}}, stack=[]),
    expect=returned([5, 6]),
)
unknown_memos_are_ignored = Case(
    build=both(two, two_async), call=Call(steps={"gone": {"data": 5}}), expect=ran("first", 3, opts=given(1, 2))
)
partial_with_arguments = Case(build=both(partial, partial_async), expect=ran("s", 6, opts=given(1)))
bound_method = Case(build=both(method, method_async), expect=ran("s", 42, opts=given(2)))
callable_object = Case(build=both(instance, instance_async), expect=ran("s", 6, opts=given(2)))
lambda_with_arguments = Case(
    build=both(lambda_, lambda_), expect=ran("s", {"hello": "you"}, opts=given("you")), kinds=(HandlerKind.SYNC,)
)
lambda_that_returns_a_coroutine = Case(
    build=both(lambda_async, lambda_async), expect=ran("s", 21), kinds=(HandlerKind.ASYNC,)
)
plain_callback_in_async_function = Case(
    build=both(plain_callback, plain_callback), expect=ran("s", 2, opts=given(1, 1)), kinds=(HandlerKind.ASYNC,)
)
async_callback_in_plain_function = Case(
    build=both(coroutine_in_sync, coroutine_in_sync),
    expect=Expected(
        body=[
            op(
                "StepFailed",
                "s",
                opts=given(1, 2),
                error=error("AsyncUnsupportedError", Saying('step "s"', "async def"), code="async_unsupported"),
            )
        ],
        no_retry="true",
    ),
    kinds=(HandlerKind.SYNC,),
)
step_without_value = Case(build=both(none, none_async), expect=ran("s", None))
memo_without_value = Case(build=both(none, none_async), call=Call(steps={"s": {"data": None}}), expect=ran("t", None))
two_hundred_memos = Case(
    build=both(many, many_async),
    call=Call(steps={f"n{number}": {"data": number} for number in range(200)}),
    expect=returned(19900),
)
output_that_is_not_json = Case(
    build=both(unserializable, unserializable_async),
    expect=Expected(
        body=[
            op(
                "StepFailed",
                "s",
                error=error("OutputUnserializableError", Saying('step "s"', "deep[0]"), code="output_unserializable"),
            )
        ],
        no_retry="true",
    ),
)
