"""What functions return, and how it reaches the engine."""

from __future__ import annotations

import dataclasses
import datetime
import functools
from typing import Any, cast

import inngest

from .case import Build, Call, Case, Saying, both, completed, error, raised, returned

DEEP: Any = functools.reduce(lambda inner, _: [inner], range(300), cast("Any", "bottom"))

UNICODE = {"é": "😀", "nul": "\u0000", "line": "\u2028", "quote": '"\\</script>'}
BIG = {"int": 2**64 + 1, "negative": -(2**70), "float": 1.5e300, "small": 5e-324}


def gives(value: object) -> Build:
    """Build a function that returns *value*."""

    def sync(ctx: inngest.ContextSync) -> object:
        return value

    async def asynchronous(ctx: inngest.Context) -> object:
        return value

    return both(sync, asynchronous)


def echo(ctx: inngest.Context) -> object:
    return ctx.event.data["value"]


async def echo_async(ctx: inngest.Context) -> object:
    return ctx.event.data["value"]


def nothing(ctx: inngest.ContextSync) -> None:
    pass


async def nothing_async(ctx: inngest.Context) -> None:
    pass


@dataclasses.dataclass
class Order:
    number: int
    at: datetime.datetime


ORDER = Order(7, datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC))
ORDER_JSON = {"number": 7, "at": "2026-11-22T12:00:00Z"}


def echoes(value: object) -> Case:
    return Case(build=both(echo, echo_async), call=Call(event={"data": {"value": value}}), expect=returned(value))


object_ = Case(build=gives({"a": [1, None, True, {"b": 1.5}]}), expect=returned({"a": [1, None, True, {"b": 1.5}]}))
no_value = Case(build=both(nothing, nothing_async), expect=returned(None))
null = Case(build=gives(None), expect=returned(None))
array = Case(build=gives([1, 2]), expect=returned([1, 2]))
tuple_ = Case(build=gives((1, 2)), expect=returned([1, 2]))
empty_array = Case(build=gives([]), expect=returned([]))
zero = Case(build=gives(0), expect=returned(0))
false = Case(build=gives(False), expect=returned(False))
string = Case(build=gives("done"), expect=returned("done"))
empty_string = Case(build=gives(""), expect=returned(""))
string_like_an_object = Case(build=gives('{"a":1}'), expect=completed('{"a":1}'))
string_like_an_object_at_first = Case(build=gives("{a}, {b"), expect=returned("{a}, {b"))
string_like_an_array = Case(build=gives("[1]"), expect=returned("[1]"))
unicode_string = Case(build=gives("é😀"), expect=returned("é😀"))
unicode_echo = echoes(UNICODE)
lone_surrogate_echo = echoes({"lone": "\ud800", "key \udfff": 1})
big_numbers_echo = echoes(BIG)
deep_echo = echoes(DEEP)
dataclass = Case(build=gives(ORDER), expect=returned(ORDER_JSON))
keys_that_look_like_ops = echoes([{"op": "StepRun", "id": "x"}])

object_that_is_not_json = Case(
    build=gives({"items": [{"price": object()}]}),
    expect=raised(
        error("OutputUnserializableError", Saying("app-fn", "items[0].price", "object"), code="output_unserializable"),
        no_retry=True,
    ),
)
nan = Case(
    build=gives({"rate": float("nan")}),
    expect=raised(
        error("OutputUnserializableError", Saying("app-fn", "rate", "nan"), code="output_unserializable"),
        no_retry=True,
    ),
)
