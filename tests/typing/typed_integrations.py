"""Ready-made middleware is typed: what may be given to a client, what factories take, and what handlers are given."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable, Generator
from typing import Annotated, assert_type

import fastapi
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from pydantic_ai import Agent, AgentStreamEvent, DeferredToolRequests, FunctionToolset, RunContext
from pydantic_ai.capabilities import RequestInput
from pydantic_ai.models.test import TestModel

import inngest
from inngest.middleware.dependency_injection import DependencyInjection, Depends
from inngest.middleware.encryption import EncryptionMiddleware
from inngest.middleware.logging import CallFilter, JSONFormatter, add_call
from inngest.middleware.opentelemetry import ExtendedTraces, OpenTelemetryMiddleware
from inngest.middleware.pydantic_ai import InngestDurability
from inngest.middleware.remote_state import DirectoryStore, MemoryStore, RemoteStateMiddleware, S3Store, Store
from inngest.middleware.sentry import SentryMiddleware

tracers = TracerProvider()
injection = DependencyInjection()
stores: list[Store] = [S3Store("bucket"), DirectoryStore("/var/lib/state"), MemoryStore()]

client = inngest.Inngest(
    app_id="typing",
    is_production=False,
    middleware=[
        SentryMiddleware,
        SentryMiddleware.factory(every_attempt=True),
        OpenTelemetryMiddleware,
        OpenTelemetryMiddleware.factory(tracer_provider=tracers, meter_provider=MeterProvider()),
        *[RemoteStateMiddleware.factory(store, min_bytes=1024) for store in stores],
        EncryptionMiddleware.factory("new", fallback_decryption_keys=["old"], event_encryption_field="sealed"),
        injection,
    ],
)
tracers.add_span_processor(ExtendedTraces(client))


# Dependencies


class Session:
    def name(self) -> str:
        return "north"


def get_session() -> Generator[Session]:
    yield Session()


async def get_async_session(ctx: inngest.Context) -> AsyncGenerator[Session]:
    yield Session()


def get_test_session() -> Session:
    return Session()


@client.create_function(fn_id="given")
async def given(
    ctx: inngest.Context,
    session: Annotated[Session, Depends(get_async_session)],
    of_fastapi: Annotated[Session, fastapi.Depends(get_session)],
) -> str:
    assert_type(session, Session)
    return await ctx.step.run("name", of_fastapi.name)


@client.create_function(fn_id="given-sync")
def given_sync(ctx: inngest.ContextSync, session: Annotated[Session, Depends(get_session)]) -> str:
    return ctx.step.run("name", session.name)


assert_type(given, inngest.Function[str])
assert_type(given_sync, inngest.Function[str])
injection.overrides[get_session] = get_test_session
injection.overrides = {get_session: get_test_session}
injection.overides = {}  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
injection.overrides = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]


# Logging

handler = logging.StreamHandler()
handler.addFilter(CallFilter())
handler.setFormatter(JSONFormatter())
event: object = add_call(None, "info", {"event": "x"})["event"]


# Agents


def channel_of(ctx: RunContext[int]) -> str:
    return f"chat:{ctx.deps}"


agent: Agent[int, str] = Agent(
    "test", deps_type=int, name="guide", capabilities=[InngestDurability[int](client=client, channel=channel_of)]
)


@client.create_function(fn_id="advise")
async def advise(ctx: inngest.Context) -> str:
    return (await agent.run("hello", deps=1)).output


assert_type(advise, inngest.Function[str])


# What is wrong


def wrong() -> None:
    Depends(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RemoteStateMiddleware.factory("bucket")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RemoteStateMiddleware.factory(MemoryStore)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    S3Store(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EncryptionMiddleware.factory(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EncryptionMiddleware.factory("a", decrypt_only="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.add_middleware(DependencyInjection)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.add_middleware(RemoteStateMiddleware)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.add_middleware(EncryptionMiddleware)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


tools = FunctionToolset(id="payments")


@tools.tool_plain(requires_approval=True)
async def refund(order: str) -> str:
    return order


def ask(ctx: RunContext[object], requests: DeferredToolRequests, token: str) -> None: ...


careful = Agent(TestModel(), name="careful", toolsets=[tools], capabilities=[RequestInput(ask), InngestDurability()])


async def heard(ctx: RunContext[inngest.Context], events: AsyncIterable[AgentStreamEvent]) -> None: ...


planner = Agent(
    TestModel(),
    name="planner",
    deps_type=inngest.Context,
    capabilities=[InngestDurability[inngest.Context](event_stream_handler=heard, models={"test": TestModel()})],
)


@planner.tool(metadata={"inngest": False})
async def sleep(ctx: RunContext[inngest.Context]) -> str:
    await ctx.deps.step.sleep("nap", 1000)
    return "slept"


@client.create_function(fn_id="plan")
async def plan(ctx: inngest.Context) -> str:
    assert_type((await careful.run("hello")).output, str)
    return (await planner.run("hello", deps=ctx)).output
