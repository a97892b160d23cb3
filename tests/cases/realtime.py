"""step.realtime.publish, and publishing outside of steps: one request to the engine, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import inngest
from inngest.realtime import Channel, Topic

from .case import (
    RUN_ID,
    Build,
    Call,
    Case,
    EngineAnswer,
    EngineRequest,
    Expected,
    HandlerKind,
    Saying,
    both,
    error,
    op,
    raised,
    returned,
)


@dataclass(frozen=True)
class Progress:
    done: int
    of: int


progress = Topic("progress", Progress)
users = Channel("user:{user_id}", progress, Topic("log"))

OPTS = {"type": "step.realtime.publish"}
TAKEN = {"POST /v1/realtime/publish": [EngineAnswer(200, {})]}
BUSY = {"POST /v1/realtime/publish": [EngineAnswer(500, {"error": "busy"})]}
BODY: dict[str, object] = {"done": 1, "of": 3}
ASKED = EngineRequest("POST", f"/v1/realtime/publish?channel=user%3A1&topic=progress&run_id={RUN_ID}", BODY)


def of(channel: Any, topic: Any, data: object) -> Build:
    """Return a builder of a function that publishes in a step."""

    def publishes(ctx: inngest.ContextSync) -> object:
        ctx.step.realtime.publish("tell", channel, topic, data)
        return "told"

    async def publishes_async(ctx: inngest.Context) -> object:
        await ctx.step.realtime.publish("tell", channel, topic, data)
        return "told"

    return both(publishes, publishes_async)


def told() -> Expected:
    return Expected(body=[op("StepRun", "tell", data=None, opts=OPTS)], engine=[ASKED])


def cannot_be_written(*parts: str) -> Expected:
    why = error("OutputUnserializableError", Saying(*parts), code="output_unserializable")
    return Expected(body=[op("StepFailed", "tell", opts=OPTS, error=why)], no_retry="true")


by_names = Case(build=of("user:1", "progress", {"done": 1, "of": 3}), engine=TAKEN, expect=told())
typed = Case(build=of(users(user_id=1), progress, Progress(done=1, of=3)), engine=TAKEN, expect=told())
by_the_name_of_a_declared_topic = Case(
    build=of(users(user_id=1), "progress", Progress(done=1, of=3)), engine=TAKEN, expect=told()
)
memo = Case(build=of("user:1", "progress", {}), call=Call(steps={"tell": {"data": None}}), expect=returned("told"))
planned = Case(
    build=of("user:1", "progress", {}),
    call=Call(plan_only=True),
    expect=Expected(body=[op("StepPlanned", "tell", opts=OPTS)]),
)
refused_by_the_engine = Case(
    build=of("user:1", "progress", {"done": 1, "of": 3}),
    engine=BUSY,
    expect=Expected(
        body=[
            op(
                "StepError",
                "tell",
                opts=OPTS,
                error=error("PublishError", Saying('topic "progress"', "500", "busy"), code="publish_failed"),
            )
        ],
        engine=[ASKED],
    ),
)
of_another_type = Case(
    build=of(users(user_id=1), progress, {"done": "x"}),
    expect=cannot_be_written('topic "progress"', "Progress"),
)
not_json = Case(
    build=of("user:1", "progress", object()),
    expect=cannot_be_written("message for topic"),
)
too_large = Case(
    build=of("user:1", "progress", "x" * 600_000),
    expect=cannot_be_written("one message"),
)


def refused(*parts: str) -> Expected:
    return raised(error("ConfigError", Saying(*parts), code="config_invalid"), no_retry=True)


no_channel = Case(build=of("", "progress", 1), expect=refused("channel is ''"))
no_topic = Case(build=of("c", None, 1), expect=refused("topic is None", "a Topic"))
fields_not_filled = Case(build=of(users, progress, 1), expect=refused("user:{user_id}", "user_id=…"))
topic_not_in_the_channel = Case(
    build=of(users(user_id=1), "news", 1), expect=refused('no topic "news"', '"progress", "log"')
)


def beside() -> Build:
    """Return a builder of a function that publishes outside of steps: before, between and after them."""

    def build(client: inngest.Inngest, kind: HandlerKind) -> Sequence[inngest.Function[Any]]:
        def publishes(ctx: inngest.ContextSync) -> object:
            for number in range(3):
                client.realtime.publish_sync("c", "t", number)
                ctx.step.run(f"step {number}", lambda: None)
            client.realtime.publish_sync("c", "t", "end")
            return "told"

        async def publishes_async(ctx: inngest.Context) -> object:
            for number in range(3):
                await client.realtime.publish("c", "t", number)
                await ctx.step.run(f"step {number}", lambda: None)
            await client.realtime.publish("c", "t", "end")
            return "told"

        return both(publishes, publishes_async)(client, kind)

    return build


def beside_asked(data: object) -> EngineRequest:
    return EngineRequest("POST", f"/v1/realtime/publish?channel=c&topic=t&run_id={RUN_ID}", data)


DONE = {"data": None}
outside_of_steps_at_first = Case(
    build=beside(), engine=TAKEN, expect=Expected(body=[op("StepRun", "step 0")], engine=[beside_asked(0)])
)
outside_of_steps_only_what_is_new = Case(
    build=beside(),
    engine=TAKEN,
    call=Call(steps={"step 0": DONE, "step 1": DONE}),
    expect=Expected(body=[op("StepRun", "step 2")], engine=[beside_asked(2)]),
)
outside_of_steps_at_the_end = Case(
    build=beside(),
    engine=TAKEN,
    call=Call(steps={f"step {number}": DONE for number in range(3)}),
    expect=Expected(status=200, body="told", engine=[beside_asked("end")]),
)
outside_of_steps_in_a_targeted_call = Case(
    build=beside(),
    engine=TAKEN,
    call=Call(target="step 1", steps={"step 0": DONE}),
    expect=Expected(body=[op("StepRun", "step 1")]),
)


def in_a_step() -> Build:
    def build(client: inngest.Inngest, kind: HandlerKind) -> Sequence[inngest.Function[Any]]:
        def work() -> str:
            client.realtime.publish_sync("c", "t", "half")
            return "done"

        async def work_async() -> str:
            await asyncio.gather(*(client.realtime.publish("c", "t", "half") for _ in range(1)))
            return "done"

        def publishes(ctx: inngest.ContextSync) -> object:
            return ctx.step.run("work", work)

        async def publishes_async(ctx: inngest.Context) -> object:
            return await ctx.step.run("work", work_async)

        return both(publishes, publishes_async)(client, kind)

    return build


inside_of_a_step = Case(
    build=in_a_step(),
    engine=TAKEN,
    call=Call(target="work"),
    expect=Expected(body=[op("StepRun", "work", data="done")], engine=[beside_asked("half")]),
)
