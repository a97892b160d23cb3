"""The arguments of step.run are recorded with the step, where they are values (docs/protocol.md, Ops)."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import inngest
from inngest.middleware.encryption import EncryptionMiddleware

from .case import Build, Call, Case, Expected, both, error, given, op, planned, ran

Make = Callable[[], tuple[Any, ...]]


@dataclass
class Item:
    name: str
    sold: list[datetime.date]


def runs(make: Make, work: Callable[..., object] = lambda *args: len(args), **options: Any) -> Build:
    """Return functions with one step. make: makes its arguments."""

    def sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("s", work, *make())

    async def asynchronous(ctx: inngest.Context) -> object:
        return await ctx.step.run("s", work, *make())

    return both(sync, asynchronous, **options)


def drain(numbers: Any) -> list[int]:
    return list(numbers)


def drain_second(given: list[Any]) -> list[int]:
    return list(given[1])


def change(numbers: list[int]) -> int:
    numbers.append(3)
    return len(numbers)


def boom(_: object) -> None:
    raise ValueError("boom")


ID = "00000000-0000-0000-0000-000000000001"
RICH = (
    inngest.Priority(run="1"),
    Item("pen", [datetime.date(2027, 1, 2)]),
    datetime.timedelta(minutes=1),
    uuid.UUID(int=1),
)

nothing = Case(build=runs(tuple), expect=ran("s", 0))
json_values = Case(
    build=runs(lambda: (1, "a", None, {"k": [1.5]})), expect=ran("s", 4, opts=given(1, "a", None, {"k": [1.5]}))
)
models_and_dataclasses = Case(
    build=runs(lambda: RICH),
    expect=ran("s", 4, opts=given({"run": "1"}, {"name": "pen", "sold": ["2027-01-02"]}, "PT1M", ID)),
)
as_they_were_before_the_step = Case(build=runs(lambda: ([1, 2],), change), expect=ran("s", 3, opts=given([1, 2])))
with_a_failure = Case(
    build=runs(lambda: (7,), boom),
    expect=Expected(body=[op("StepError", "s", error=error("ValueError", "boom"), opts=given(7))]),
)
when_planned = Case(build=runs(lambda: (7,)), call=Call(plan_only=True), expect=planned("s", opts=given(7)))

# What is not a value, or too much of one, is not recorded, and not touched.

an_iterator_is_not_used_up = Case(build=runs(lambda: (iter([1, 2]),), drain), expect=ran("s", [1, 2]))
nor_one_in_a_list = Case(build=runs(lambda: ([1, iter([2])],), drain_second), expect=ran("s", [2]))
an_object = Case(build=runs(lambda: (1, object())), expect=ran("s", 2))
not_a_number = Case(build=runs(lambda: (float("nan"),)), expect=ran("s", 1))
too_large = Case(build=runs(lambda: ("x" * 256 * 1024,)), expect=ran("s", 1))


def planned_with(step: inngest.StepSync, name: str) -> Callable[[], int]:
    return lambda: step.run(name, len, name * 150_000)


def side_by_side(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel([planned_with(ctx.step, name) for name in "ab"])


async def side_by_side_async(ctx: inngest.Context) -> object:
    return await asyncio.gather(*[ctx.step.run(name, len, name * 150_000) for name in "ab"])


as_many_as_there_is_room_for = Case(
    build=both(side_by_side, side_by_side_async),
    expect=Expected(body=[op("StepPlanned", "a", opts=given("a" * 150_000)), op("StepPlanned", "b")]),
)

# Middleware that keeps them from engines.

SEALED = [EncryptionMiddleware.factory("correct horse battery staple")]
UNSEALED = [EncryptionMiddleware.factory("correct horse battery staple", decrypt_only=True)]


class Private(inngest.MiddlewareSync):
    records_step_inputs = False


not_where_results_are_encrypted = Case(
    build=runs(lambda: ("secret",), middleware=SEALED), call=Call(plan_only=True), expect=planned("s")
)
where_they_are_only_decrypted = Case(
    build=runs(lambda: ("open",), middleware=UNSEALED), expect=ran("s", 1, opts=given("open"))
)
not_where_middleware_says_so = Case(build=runs(lambda: ("secret",), middleware=[Private]), expect=ran("s", 1))
