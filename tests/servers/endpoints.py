"""What every app here serves: cases of the matrix, each at a path of its own, and functions that tests can hold."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import inngest
from inngest_core.serving.app import App
from tests.bad_input.served import KEY
from tests.cases import cases_by_kind
from tests.cases.case import APP_ID, Case, HandlerKind

PATH = "/api/inngest"
CLOUD_PATH = "/cloud"
CASES = (
    "context.all_fields",
    "errors.step_last_attempt",
    "errors.function_retry_after",
    "invoke.function",
    "memos.error",
    "on_failure.with_steps",
    "parallel.kinds_mixed",
    "parallel.target_second",
    "results.unicode_echo",
    "results.lone_surrogate_echo",
    "results.deep_echo",
    "send_event.several",
    "steps_run.new",
    "targeted.behind_memos",
    "use_api.fetched",
    "wait_for_event.found",
)
TRIGGER = inngest.TriggerEvent(event="test/go")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one `serve` serves."""

    path: str
    client: inngest.Inngest
    functions: Sequence[inngest.Function[Any]]


def chosen_cases() -> dict[str, tuple[Case, HandlerKind]]:
    """Return the cases that are asked of every server, by "module.name-kind"."""
    return {name: each for name, each in cases_by_kind().items() if name.rpartition("-")[0] in CASES}


def case_path(name: str) -> str:
    return f"/case/{name}"


def make_endpoints() -> list[Endpoint]:
    """Make clients and functions; the engine is where INNGEST_BASE_URL says."""
    if "TESTS_KEEP_ALIVE_SECONDS" in os.environ:
        App.keep_alive_seconds = float(os.environ["TESTS_KEEP_ALIVE_SECONDS"])
    endpoints = [Endpoint(PATH, dev := make_client(), make_functions(dev))]
    cloud = make_client(is_production=True, signing_key=KEY, event_key="key")
    endpoints.append(Endpoint(CLOUD_PATH, cloud, make_functions(cloud)))
    for name, (case, kind) in chosen_cases().items():
        client = make_client()
        endpoints.append(Endpoint(case_path(name), client, case.build(client, kind)))
    return endpoints


def make_client(**options: Any) -> inngest.Inngest:
    given: dict[str, Any] = {"is_production": False, "logger": quiet_logger(), **options}
    return inngest.Inngest(app_id=APP_ID, **given)


def quiet_logger() -> logging.Logger:
    """Return a logger that shows warnings, and is silent about the errors that cases raise on purpose."""
    shows = logging.StreamHandler()
    shows.addFilter(lambda record: record.levelno == logging.WARNING)
    logger = logging.Logger("quiet")
    logger.addHandler(shows)
    return logger


async def close(endpoints: Sequence[Endpoint]) -> None:
    """Close all clients, as an app does when its lifespan ends."""
    for endpoint in endpoints:
        await endpoint.client.close_async()


def make_functions(client: inngest.Inngest) -> Sequence[inngest.Function[Any]]:
    """fn: returns at once. echo: returns what it is given. threads: returns the names of all threads.

    held: their step says when it begins, and ends when told.
    sends: sends an event outside of any step, holds when it is given a port, and says in which process that was.
    """

    @client.create_function(fn_id="fn", trigger=TRIGGER)
    def fn(ctx: inngest.ContextSync) -> object:
        return {"ran": True}

    @client.create_function(fn_id="echo", trigger=TRIGGER)
    async def echo(ctx: inngest.Context) -> object:
        return ctx.event.data

    @client.create_function(fn_id="threads", trigger=TRIGGER)
    def threads(ctx: inngest.ContextSync) -> object:
        return {"names": [thread.name for thread in threading.enumerate()]}

    @client.create_function(fn_id="held-sync", trigger=TRIGGER)
    def held_sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("hold", hold, ctx.event.data["port"])

    @client.create_function(fn_id="held-async", trigger=TRIGGER)
    async def held_async(ctx: inngest.Context) -> object:
        return await ctx.step.run("hold", hold_async, ctx.event.data["port"])

    @client.create_function(fn_id="sends-sync", trigger=TRIGGER)
    def sends_sync(ctx: inngest.ContextSync) -> object:
        ids = client.send_sync(inngest.Event(name="test/sent"))
        if "port" in ctx.event.data:
            hold(ctx.event.data["port"])
        return {"ids": ids, "pid": os.getpid()}

    @client.create_function(fn_id="sends-async", trigger=TRIGGER)
    async def sends_async(ctx: inngest.Context) -> object:
        ids = await client.send(inngest.Event(name="test/sent"))
        if "port" in ctx.event.data:
            await hold_async(ctx.event.data["port"])
        return {"ids": ids, "pid": os.getpid()}

    return [fn, echo, threads, held_sync, held_async, sends_sync, sends_async]


HELD = {"held": True}
BEGUN, GO, ENDED = b"b", b"g", b"e"


def hold(port: int) -> object:
    """Tell the test that the step begins, wait until it says go, and tell that it ends."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(BEGUN)
        assert connection.recv(1) == GO
        connection.sendall(ENDED)
    return HELD


async def hold_async(port: int) -> object:
    """Do the same on a loop."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(BEGUN)
        assert await reader.read(1) == GO
        writer.write(ENDED)
        await writer.drain()
    finally:
        writer.close()
    return HELD
