"""Encryption on every target: what the wire shows of outputs, and that functions get plain values (protocol B15)."""

from __future__ import annotations

import inngest
from inngest.middleware.encryption import EncryptionMiddleware

from .case import Call, Case, Expected, Saying, both, error, op, raised, ran, returned

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


def plain_sync(ctx: inngest.ContextSync) -> object:
    return [ctx.event.data, [event.data for event in ctx.events]]


async def plain_async(ctx: inngest.Context) -> object:
    return [ctx.event.data, [event.data for event in ctx.events]]


def invoke_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.invoke_by_id("i", function_id="other", data={"encrypted": 1, "open": 2})


async def invoke_async(ctx: inngest.Context) -> object:
    return await ctx.step.invoke_by_id("i", function_id="other", data={"encrypted": 1, "open": 2})


encrypting = both(step_sync, step_async, middleware=ENCRYPTION)
reading = both(
    plain_sync,
    plain_async,
    middleware=[EncryptionMiddleware.factory("new", decrypt_only=True, fallback_decryption_keys=[KEY])],
)

output_of_a_step = Case(build=encrypting, expect=ran("s", Envelope()))
output_of_a_function = Case(build=encrypting, call=Call(steps={"s": {"data": ONE}}), expect=returned(Envelope()))
output_of_a_targeted_step = Case(build=encrypting, call=Call(target="s", plan_only=True), expect=ran("s", Envelope()))
memos_and_events_of_an_older_key = Case(
    build=reading,
    call=Call(event={"data": {"encrypted": TEXT, "open": 1}}, events=[{"data": {"encrypted": ONE}}, {"data": {}}]),
    expect=returned([{"encrypted": "text", "open": 1}, [{"encrypted": 1}, {}]]),
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
