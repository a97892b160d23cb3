"""The apps that are asked, in both modes, with functions of both kinds, and by both drivers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pydantic

import inngest
from inngest_core.runtime.drivers import run_async, run_sync
from inngest_core.serving.app import App
from inngest_core.web.messages import Response
from tests.bad_input.served import FALLBACK, KEY
from tests.cases.case import APP_ID
from tests.stage.engine_api import EngineDouble, running_engine
from tests.stage.time_jumps import hurried

from .random_requests import Asked

DEV, CLOUD = "dev", "cloud"
SYNC, ASYNC = "sync", "async"
KINDS = [(mode, kind, driver) for mode in (DEV, CLOUD) for kind in (SYNC, ASYNC) for driver in (SYNC, ASYNC)]


class Records(logging.Handler):
    """Keeps what the SDK logs of itself."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.own_errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "error of the SDK itself" in record.getMessage():
            text = logging.Formatter().formatException(record.exc_info) if record.exc_info else record.getMessage()
            self.own_errors.append(text)


class FuzzedApps:
    """One app for each kind: mode, kind of its functions, driver."""

    def __init__(self, engine: EngineDouble) -> None:
        self.records = Records()
        self._engine = engine
        self._runner = asyncio.Runner()
        self._clients = {kind: self._client(kind) for kind in KINDS}
        self._apps = {
            kind: App(client, make_functions(client, kind[1]), framework="fuzz")
            for kind, client in self._clients.items()
        }

    def _client(self, kind: tuple[str, str, str]) -> inngest.Inngest:
        return inngest.Inngest(
            app_id=APP_ID,
            is_production=kind[0] == CLOUD,
            signing_key=KEY,
            signing_key_fallback=FALLBACK,
            event_key="key",
            api_base_url=self._engine.origin,
            event_api_base_url=self._engine.origin,
            logger=logging.Logger("silent", logging.CRITICAL),
        )

    def ask(self, kind: tuple[str, str, str], asked: Asked) -> Response:
        """Answer the request as a server of that kind does; a step that no function meets is looked for briefly."""
        self._engine.reset({"*": [asked.engine]})
        resources = self._clients[kind].resources
        flow = hurried(self._apps[kind].handle(asked.request))
        if kind[2] == SYNC:
            return run_sync(flow, resources)
        return self._runner.run(run_async(flow, resources))

    async def _close(self) -> None:
        for client in self._clients.values():
            await client.close_async()

    def close(self) -> None:
        self._runner.run(self._close())
        self._runner.close()


@contextmanager
def fuzzed_apps() -> Generator[FuzzedApps]:
    """Make the apps; what the SDK logs of itself is caught, and shown nowhere."""
    with running_engine() as engine:
        apps = FuzzedApps(engine)
        logger = logging.getLogger("inngest")
        before = logger.propagate
        logger.addHandler(apps.records)
        logger.propagate = False
        try:
            yield apps
        finally:
            logger.propagate = before
            logger.removeHandler(apps.records)
            apps.close()


class Typed(pydantic.BaseModel):
    """What a typed step returns."""

    number: int
    text: str = ""


def make_functions(client: inngest.Inngest, kind: str) -> Sequence[inngest.Function[Any]]:
    """Return functions that use every tool, and whatever they are given."""
    handlers = _sync_handlers() if kind == SYNC else _async_handlers()
    given: Any = handlers
    trigger = inngest.TriggerEvent(event="test/go")
    return [
        client.create_function(fn_id=handler.__name__, trigger=trigger, on_failure=given[0])(handler)
        for handler in given
    ]


class OfTheUserError(Exception):
    """All that the functions raise themselves."""


def _boom(data: object) -> object:
    raise OfTheUserError(str(data))


def _nothing() -> None:
    pass


def _typed() -> Typed:
    return Typed(number=1)


def _sync_handlers() -> Sequence[Callable[..., object]]:
    def echo(ctx: inngest.ContextSync) -> object:
        return [ctx.event.model_dump(), [event.model_dump() for event in ctx.events]]

    def tools(ctx: inngest.ContextSync, step: inngest.StepSync) -> object:
        found: list[object] = [step.run("run", lambda: ctx.event.data)]
        step.sleep("sleep", 1000)
        found.append(step.wait_for_event("wait", event="x", timeout=1000))
        found.append(step.invoke_by_id("invoke", function_id="echo", data={"given": found[0]}))
        return [*found, step.run("run", lambda: 2)]

    def parallel(ctx: inngest.ContextSync) -> object:
        step = ctx.step
        return ctx.group.parallel(
            [lambda: step.run("a", _nothing), lambda: step.run("b", _nothing), lambda: _slept(step)]
        )

    def race(ctx: inngest.ContextSync) -> object:
        step = ctx.step
        return ctx.group.parallel(
            [lambda: step.run("a", _nothing), lambda: step.run("b", _nothing)], parallel_mode=inngest.ParallelMode.RACE
        )

    def fails(ctx: inngest.ContextSync) -> object:
        try:
            ctx.step.run("fails", _boom, ctx.event.data)
        except inngest.StepError as error:
            return [error.name, error.message, error.stack]
        return _boom(ctx.event.data)

    def events(ctx: inngest.ContextSync) -> object:
        return ctx.step.send_event("send", [inngest.Event(name=ctx.event.name or "x", data=ctx.event.data)])

    def typed(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("typed", _typed, output_type=Typed)

    def loose(ctx: inngest.ContextSync) -> object:
        return [ctx.step.run(name, lambda: 1) for name in ctx.event.data]

    return echo, tools, parallel, race, fails, events, typed, loose


def _slept(step: inngest.StepSync) -> object:
    step.sleep("c", 1000)
    return None


def _async_handlers() -> Sequence[Callable[..., object]]:
    async def echo(ctx: inngest.Context) -> object:
        return [ctx.event.model_dump(), [event.model_dump() for event in ctx.events]]

    async def tools(ctx: inngest.Context, step: inngest.Step) -> object:
        found: list[object] = [await step.run("run", lambda: ctx.event.data)]
        await step.sleep("sleep", 1000)
        found.append(await step.wait_for_event("wait", event="x", timeout=1000))
        found.append(await step.invoke_by_id("invoke", function_id="echo", data={"given": found[0]}))
        return [*found, await step.run("run", lambda: 2)]

    async def parallel(ctx: inngest.Context) -> object:
        return await asyncio.gather(ctx.step.run("a", _nothing), ctx.step.run("b", _nothing), ctx.step.sleep("c", 1000))

    async def race(ctx: inngest.Context) -> object:
        tasks = [asyncio.ensure_future(ctx.step.run(name, _nothing)) for name in ("a", "b")]
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        return [task.result() for task in done]

    async def fails(ctx: inngest.Context) -> object:
        try:
            await ctx.step.run("fails", _boom, ctx.event.data)
        except inngest.StepError as error:
            return [error.name, error.message, error.stack]
        return _boom(ctx.event.data)

    async def events(ctx: inngest.Context) -> object:
        return await ctx.step.send_event("send", [inngest.Event(name=ctx.event.name or "x", data=ctx.event.data)])

    async def typed(ctx: inngest.Context) -> object:
        return await ctx.step.run("typed", _typed, output_type=Typed)

    async def loose(ctx: inngest.Context) -> object:
        return [await ctx.step.run(name, lambda: 1) for name in ctx.event.data]

    return echo, tools, parallel, race, fails, events, typed, loose
