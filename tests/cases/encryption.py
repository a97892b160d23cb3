"""Encryption on every target: what the wire shows of outputs, and that functions get plain values (protocol B15)."""

from __future__ import annotations

import inngest
from inngest.middleware.encryption import EncryptionMiddleware

from .case import (
    Call,
    Case,
    EngineAnswer,
    EngineRequest,
    Expected,
    Saying,
    both,
    error,
    op,
    planned,
    raised,
    ran,
    returned,
)
from .checkpointing import TAKEN, and_saved, saved
from .send_event import OPTS, PATH

KEY = "correct horse battery staple"
ENCRYPTION = [EncryptionMiddleware.factory(KEY)]
ONE = {
    "__ENCRYPTED__": True,
    "__STRATEGY__": "inngest/libsodium",
    "data": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX0bvsHW4kpjvzIfC0JJXZGrY=",
}
"""Holds the number 1."""
TEXT = {
    "__ENCRYPTED__": True,
    "__STRATEGY__": "inngest/libsodium",
    "data": "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYJhNCFhaGxgFqA/26E6afi0qDZXOlzQ==",
}
"""Holds "text"."""


class Envelope:
    """Equals every envelope: each has a nonce of its own."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and {**other, "data": ""} == {**ONE, "data": ""}

    __hash__ = None  # type: ignore[assignment]


def step_sync(ctx: inngest.ContextSync) -> object:
    return {"step": ctx.step.run("s", lambda: 1), "event": ctx.event.data}


async def step_async(ctx: inngest.Context) -> object:
    return {"step": await ctx.step.run("s", lambda: 1), "event": ctx.event.data}


def two_sync(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel((lambda: ctx.step.run("s", lambda: 1), lambda: ctx.step.run("t", lambda: 2)))


async def two_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel((lambda: ctx.step.run("s", lambda: 1), lambda: ctx.step.run("t", lambda: 2)))


def plain_sync(ctx: inngest.ContextSync) -> object:
    return [ctx.event.data, [event.data for event in ctx.events]]


async def plain_async(ctx: inngest.Context) -> object:
    return [ctx.event.data, [event.data for event in ctx.events]]


def invoke_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.invoke_by_id("i", function_id="other", data={"encrypted": 1, "open": 2})


async def invoke_async(ctx: inngest.Context) -> object:
    return await ctx.step.invoke_by_id("i", function_id="other", data={"encrypted": 1, "open": 2})


def no_json_sync(ctx: inngest.ContextSync) -> None:
    ctx.step.run("s", object)


async def no_json_async(ctx: inngest.Context) -> None:
    await ctx.step.run("s", object)


encrypting = both(step_sync, step_async, middleware=ENCRYPTION)
reading = both(
    plain_sync,
    plain_async,
    middleware=[EncryptionMiddleware.factory("new", decrypt_only=True, fallback_decryption_keys=[KEY])],
)

output_of_a_step = Case(build=encrypting, expect=ran("s", Envelope()))
output_of_a_function = Case(build=encrypting, call=Call(steps={"s": {"data": ONE}}), expect=returned(Envelope()))
output_of_a_targeted_step = Case(build=encrypting, call=Call(target="s", plan_only=True), expect=ran("s", Envelope()))
encrypting_group = both(two_sync, two_async, middleware=ENCRYPTION)
steps_of_a_group_are_planned = Case(build=encrypting_group, expect=planned("s", "t", any_order=True))
output_of_a_target_in_a_group = Case(
    build=encrypting_group, call=Call(target="t", plan_only=True), expect=ran("t", Envelope())
)
outputs_of_a_group = Case(
    build=both(two_sync, two_async, middleware=[EncryptionMiddleware.factory(KEY, decrypt_only=True)]),
    call=Call(steps={"s": {"data": ONE}, "t": {"data": TEXT}}),
    expect=returned([1, "text"]),
)
output_ends_a_call_that_goes_on = Case(build=encrypting, call=Call(saves=True), expect=ran("s", Envelope()))
output_that_is_only_read_lets_a_call_go_on = Case(
    build=both(step_sync, step_async, middleware=[EncryptionMiddleware.factory(KEY, decrypt_only=True)]),
    call=Call(saves=True),
    engine=TAKEN,
    expect=and_saved(returned({"step": 1, "event": {}}), saved(op("StepRun", "s", data=1))),
)
a_wrong_key_for_a_memo = Case(
    build=both(step_sync, step_async, middleware=[EncryptionMiddleware.factory("a", fallback_decryption_keys=["b"])]),
    call=Call(steps={"s": {"data": ONE}}),
    expect=raised(
        error(
            "DecryptionError",
            Saying("the result of a step cannot be decrypted with any of the 2 keys", "(fingerprints: c874d999, "),
            code="decryption_failed",
        )
    ),
)
memos_and_events_of_an_older_key = Case(
    build=reading,
    call=Call(event={"data": {"encrypted": TEXT, "open": 1}}, events=[{"data": {"encrypted": ONE}}, {"data": {}}]),
    expect=returned([{"encrypted": "text", "open": 1}, [{"encrypted": 1}, {}]]),
)
an_output_that_is_no_json_fails_its_step = Case(
    build=both(no_json_sync, no_json_async, middleware=ENCRYPTION),
    expect=Expected(
        body=[
            op(
                "StepFailed",
                "s",
                error=error(
                    "OutputUnserializableError",
                    Saying('step "s": output is a object; return JSON values'),
                    code="output_unserializable",
                ),
            )
        ],
        no_retry="true",
    ),
)


def sending_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.send_event("e", inngest.Event(name="x/a", data={"encrypted": 1, "open": 2}))


async def sending_async(ctx: inngest.Context) -> object:
    return await ctx.step.send_event("e", inngest.Event(name="x/a", data={"encrypted": 1, "open": 2}))


data_of_events_that_a_step_sends = Case(
    build=both(sending_sync, sending_async, middleware=ENCRYPTION),
    engine={f"POST {PATH}": [EngineAnswer(200, {"ids": ["01A"], "status": 200})]},
    expect=Expected(
        body=[op("StepRun", "e", data=Envelope(), opts=OPTS)],
        engine=[EngineRequest("POST", PATH, [{"name": "x/a", "data": {"encrypted": Envelope(), "open": 2}}])],
    ),
)
data_of_an_invocation = Case(
    build=both(invoke_sync, invoke_async, middleware=ENCRYPTION),
    expect=Expected(
        body=[
            op(
                "InvokeFunction",
                "i",
                opts={"function_id": "app-other", "payload": {"data": {"encrypted": Envelope(), "open": 2}}},
            )
        ]
    ),
)
a_wrong_key = Case(
    build=both(plain_sync, plain_async, middleware=[EncryptionMiddleware.factory("a")]),
    call=Call(event={"data": {"encrypted": ONE}}),
    expect=raised(
        error(
            "DecryptionError",
            Saying('encrypted in event "test/go" cannot be decrypted with the key', "(fingerprints: c874d999)"),
            code="decryption_failed",
        )
    ),
)
