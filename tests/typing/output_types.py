"""output_type and event_type take every type: unions, Annotated, Literal and generics, not only classes."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, TypedDict, assert_type

import pydantic

import inngest

client = inngest.Inngest(app_id="typing", is_production=False)


class A(pydantic.BaseModel):
    a: int


@dataclasses.dataclass
class B:
    b: str


class Row(TypedDict):
    id: int


Positive = Annotated[int, pydantic.Field(gt=0)]
Maybe = A | None


def load(key: int) -> object:
    return key


async def load_async() -> object:
    return 1


async def in_async_functions(step: inngest.Step) -> None:
    assert_type(await step.run("class", load, 1, output_type=A), A)
    assert_type(await step.run("typed dict", load, 1, output_type=Row), Row)
    assert_type(await step.run("generic", load, 1, output_type=list[A]), list[A])
    assert_type(await step.run("nested", load, 1, output_type=dict[str, tuple[A, ...]]), dict[str, tuple[A, ...]])
    assert_type(await step.run("optional", load, 1, output_type=A | None), A | None)
    assert_type(await step.run("union", load_async, output_type=A | B), A | B)
    assert_type(await step.run("annotated", load, 1, output_type=Annotated[int, pydantic.Field(gt=0)]), int)
    assert_type(await step.run("literal", load, 1, output_type=Literal["a", "b"]), Literal["a", "b"])
    assert_type(await step.run("alias", load, 1, output_type=Maybe), A | None)
    assert_type(await step.run("annotated alias", load, 1, output_type=Positive), int)
    assert_type(await step.invoke_by_id("union", function_id="x", output_type=A | None), A | None)
    assert_type(await step.invoke_by_id("literal", function_id="x", output_type=Literal[1, 2]), Literal[1, 2])
    assert_type(await step.invoke_by_id("none", function_id="x", output_type=None), Any)


def in_plain_functions(step: inngest.StepSync) -> None:
    assert_type(step.run("class", load, 1, output_type=A), A)
    assert_type(step.run("generic", load, 1, output_type=list[A]), list[A])
    assert_type(step.run("optional", load, 1, output_type=A | None), A | None)
    assert_type(step.run("annotated", load, 1, output_type=Annotated[int, pydantic.Field(gt=0)]), int)
    assert_type(step.run("literal", load, 1, output_type=Literal["a", "b"]), Literal["a", "b"])
    assert_type(step.invoke_by_id("union", function_id="x", output_type=A | None), A | None)
    assert_type(step.invoke_by_id("none", function_id="x", output_type=None), Any)


@client.create_function(fn_id="optional", output_type=A | None)
def optional(ctx: inngest.ContextSync) -> A | None:
    return None


assert_type(optional, inngest.Function[A | None])

Either = inngest.event_type("e/either", A | B)
Many = inngest.event_type("e/many", dict[str, Row])
Tagged = inngest.event_type("e/tagged", Annotated[A | B, "metadata"])
assert_type(Either, inngest.EventType[A | B])
assert_type(Either(A(a=1)), inngest.TypedEvent[A | B])
assert_type(Many, inngest.EventType[dict[str, Row]])
assert_type(Tagged, inngest.EventType[A | B])
assert_type(inngest.EventType("e/row", Row), inngest.EventType[Row])


@client.create_function(fn_id="either", trigger=Either)
async def either(ctx: inngest.Context[inngest.TypedEvent[A | B]]) -> int | str:
    assert_type(await ctx.step.wait_for_event("wait", event=Many, timeout=1), inngest.TypedEvent[dict[str, Row]] | None)
    return ctx.event.data.a if isinstance(ctx.event.data, A) else ctx.event.data.b


async def what_is_no_type_is_refused(step: inngest.Step) -> None:
    await step.run("value", load, 1, output_type=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    Either(Row(id=1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
