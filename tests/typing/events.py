"""Typed events: what triggers, contexts, sending and waiting know of their data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

import inngest

client = inngest.Inngest(app_id="typing", is_production=False)


@dataclass
class SignupData:
    email: str


@dataclass
class LeftData:
    reason: str


class Counts(TypedDict):
    count: int


Signup = inngest.event_type("user/signed.up", SignupData)
Left = inngest.event_type("user/left", LeftData)
Counted = inngest.event_type("counted", Counts)
assert_type(Signup, inngest.EventType[SignupData])
assert_type(Signup(SignupData("a@b.c")), inngest.TypedEvent[SignupData])


@client.create_function(fn_id="typed", trigger=Signup)
async def typed(ctx: inngest.Context[inngest.TypedEvent[SignupData]]) -> str:
    assert_type(ctx.event.data, SignupData)
    assert_type(ctx.events[0].data.email, str)
    left = await ctx.step.wait_for_event("left", event=Left, timeout=1000)
    assert_type(left, inngest.TypedEvent[LeftData] | None)
    await ctx.step.send_event("send", [Left(LeftData("why")), inngest.Event(name="other")])
    return ctx.event.data.email


@client.create_function(fn_id="typed-sync", trigger=Signup.trigger("event.data.email != ''"))
def typed_sync(ctx: inngest.ContextSync[inngest.TypedEvent[SignupData]], step: inngest.StepSync) -> int:
    assert_type(step.wait_for_event("left", event=Left, timeout=1000), inngest.TypedEvent[LeftData] | None)
    assert_type(step.invoke("call", function=typed, data=Signup(ctx.event.data)), str)
    return 1


@client.create_function(fn_id="union", trigger=[Signup, Left])
def union(ctx: inngest.ContextSync[inngest.TypedEvent[SignupData] | inngest.TypedEvent[LeftData]]) -> str:
    assert_type(ctx.event.data, SignupData | LeftData)
    return ctx.event.data.email if isinstance(ctx.event.data, SignupData) else ctx.event.data.reason


@client.create_function(fn_id="mixed", trigger=[Signup, Counted.trigger(), inngest.TriggerCron(cron="0 3 * * *")])
async def mixed(
    ctx: inngest.Context[inngest.TypedEvent[SignupData] | inngest.TypedEvent[Counts] | inngest.Event],
    step: inngest.Step,
) -> int:
    assert_type(ctx.event.data, SignupData | Counts | dict[str, Any])
    for event in ctx.events:
        assert_type(event, inngest.TypedEvent[SignupData] | inngest.TypedEvent[Counts] | inngest.Event)
    counted = await step.wait_for_event("counted", event=Counted, timeout=1000)
    return 0 if counted is None else counted.data["count"]


@client.create_function(fn_id="untyped", trigger=Signup)
async def untyped(ctx: inngest.Context) -> None:
    assert_type(ctx.event, inngest.Event)
    assert_type(ctx.events, list[inngest.Event])
    assert_type(ctx.event.data, dict[str, Any])


assert_type(typed, inngest.Function[str])
assert_type(typed_sync, inngest.Function[int])
assert_type(union, inngest.Function[str])
assert_type(mixed, inngest.Function[int])


async def sending(step: inngest.Step) -> None:
    await client.send(Signup(SignupData("a@b.c")))
    client.send_sync([Signup(SignupData("a@b.c"))])
    events = [Counted({"count": number}) for number in range(3)]
    await client.send(events)
    await step.send_event("send", events)
    assert_type(await step.invoke("call", function=mixed, data=Counted({"count": 1})), int)


def misuse_is_refused() -> None:
    Counted({"count": "many"})  # type: ignore[typeddict-item]  # pyright: ignore[reportArgumentType]
    Signup(LeftData("why"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
