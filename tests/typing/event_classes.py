"""Classes of events: one definition is a trigger, what a context holds, what is waited for, and what is sent."""

from __future__ import annotations

import dataclasses
from typing import assert_type

import inngest

client = inngest.Inngest(app_id="typing", is_production=False)


@dataclasses.dataclass
class SignupData:
    email: str


class Signup(inngest.TypedEvent[SignupData]):
    name: str = "user/signed.up"


class Left(inngest.TypedEvent[dict[str, int]]):
    """Its own fields go with it, beside the data."""

    name: str = "user/left"
    source: str = "web"


class Ping(inngest.Event):
    name: str = "ping"


Paid = inngest.event_type("user/paid", SignupData)


@client.create_function(fn_id="signup", trigger=Signup)
async def signup(ctx: inngest.Context[Signup]) -> str:
    assert_type(ctx.event, Signup)
    assert_type(ctx.event.data, SignupData)
    assert_type(await ctx.step.wait_for_event("left", event=Left, timeout=1), Left | None)
    assert_type(await ctx.step.invoke("left", function=either, data=Left(data={"days": 1})), int)
    await ctx.step.send_event("send", [Left(data={"days": 1}, source="app"), Ping()])
    return ctx.event.data.email


@client.create_function(fn_id="either", trigger=[Signup, Left, Paid, inngest.TriggerEvent(event="other")])
def either(ctx: inngest.ContextSync[Signup | Left]) -> int:
    assert_type(ctx.step.wait_for_event("ping", event=Ping, timeout=1), Ping | None)
    return ctx.event.data["days"] if isinstance(ctx.event, Left) else 0


async def sending() -> None:
    await client.send(Signup(data=SignupData("a@b.c"), id="1"))
    client.send_sync([Signup(data=SignupData("a@b.c")), Left(data={"days": 1})])


def misuse_is_refused() -> None:
    Signup(data={"days": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create_function(fn_id="x", trigger=SignupData)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
