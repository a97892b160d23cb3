"""The app of the kill tests: functions that use everything an engine must keep, and a record of what their steps did.

Each execution of a step gives a token of its own, and says which tokens of earlier steps it was given. So the record
shows a step whose result was acknowledged and that ran again, and a result that was lost or has changed.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import starlette.applications

import inngest
import inngest.starlette

HOUR_MS = 3_600_000
BATCH_SIZE = 3


@dataclass(slots=True)
class Record:
    """What steps did, in every run. ready: numbers of the runs that wait for an event now."""

    known: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """The token of each step that its function went on with, by run and step."""
    wrong: list[str] = field(default_factory=list[str])
    executions: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter[tuple[str, str]])
    ready: list[int] = field(default_factory=list[int])
    began: collections.defaultdict[tuple[str, object], set[str]] = field(
        default_factory=lambda: collections.defaultdict[tuple[str, object], set[str]](set)
    )
    """Ids of the runs that began with something: by function, and what it began with."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def do(self, run: str, step: str, *earlier: str) -> str:
        """Be a step, given the tokens of the steps before it; return a new token."""
        with self._lock:
            self._see(run, earlier)
            if (run, step) in self.known:
                self.wrong.append(f"step {step} of run {run} ran again, though its result was acknowledged")
            self.executions[run, step] += 1
            return f"{step}:{next(self._numbers)}"

    def get_ready(self, run: str, number: int) -> str:
        with self._lock:
            self.ready.append(number)
        return self.do(run, "ready")

    async def take_a_while(self, run: str, step: str, *earlier: str) -> str:
        """As `do`, in a moment."""
        await asyncio.sleep(0.01)
        return self.do(run, step, *earlier)

    def begin(self, function: str, what: object, run: str) -> None:
        with self._lock:
            self.began[function, what].add(run)

    def returned(self, run: str, output: Sequence[str]) -> None:
        """Note what a run gave in the end."""
        with self._lock:
            self._see(run, output)

    def _see(self, run: str, tokens: Sequence[str]) -> None:
        for token in tokens:
            step = token.partition(":")[0]
            kept = self.known.setdefault((run, step), token)
            if kept != token:
                self.wrong.append(f"step {step} of run {run} gave {kept}, and later {token}")


def make_app(origin: str, record: Record) -> starlette.applications.Starlette:
    """Return the app. origin: of the engine, which must keep its port."""
    client = inngest.Inngest(
        app_id="k", is_production=False, api_base_url=origin, event_api_base_url=origin, logger=_silent()
    )
    functions = [*_in_order(client, record), *_side_by_side(client, record), *_flow_controlled(client, record)]
    app = starlette.applications.Starlette()
    inngest.starlette.serve(app, client, functions)
    return app


def _silent() -> logging.Logger:
    logger = logging.getLogger("tests.kills")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


def _on(event: str) -> inngest.TriggerEvent:
    return inngest.TriggerEvent(event=event)


def _in_order(client: inngest.Inngest, record: Record) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="steps", trigger=_on("k/steps"), checkpointing=False)
    def steps(ctx: inngest.ContextSync) -> list[str]:
        done: list[str] = []
        for name in "abc":
            done.append(ctx.step.run(name, record.do, ctx.run_id, name, *done))
        return done

    @client.create_function(fn_id="saved", trigger=_on("k/saved"))
    async def saved(ctx: inngest.Context) -> list[str]:
        done: list[str] = []
        for name in "abcdefgh":
            done.append(await ctx.step.run(name, record.do, ctx.run_id, name, *done))
        return done

    @client.create_function(fn_id="sleep", trigger=_on("k/sleep"))
    async def sleep(ctx: inngest.Context) -> list[str]:
        before = await ctx.step.run("before", record.do, ctx.run_id, "before")
        await ctx.step.sleep("nap", 300)
        return [before, await ctx.step.run("after", record.do, ctx.run_id, "after", before)]

    @client.create_function(fn_id="retry", trigger=_on("k/retry"), retries=2)
    async def retry(ctx: inngest.Context) -> list[str]:
        def third_time() -> str:
            if ctx.attempt < 2:
                raise ValueError("not yet")
            return record.do(ctx.run_id, "third")

        done = await ctx.step.run("third", third_time)
        return [done, await ctx.step.run("after", record.do, ctx.run_id, "after", done)]

    async def mourn(ctx: inngest.Context) -> str:
        return await ctx.step.run("mourn", record.do, ctx.event.data["run_id"], "mourn")

    @client.create_function(fn_id="fail", trigger=_on("k/fail"), retries=0, on_failure=mourn)
    async def fail(ctx: inngest.Context) -> None:
        raise inngest.NonRetriableError("no")

    @client.create_function(fn_id="child")
    async def child(ctx: inngest.Context) -> str:
        return await ctx.step.run("child", record.do, ctx.run_id, "child")

    @client.create_function(fn_id="invoke", trigger=_on("k/invoke"))
    async def invoke(ctx: inngest.Context) -> list[str]:
        invoked = await ctx.step.invoke("call", function=child)
        return [invoked, await ctx.step.run("after", record.do, ctx.run_id, "after", invoked)]

    return [steps, saved, sleep, retry, fail, child, invoke]


def _side_by_side(client: inngest.Inngest, record: Record) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="group", trigger=_on("k/group"))
    async def group(ctx: inngest.Context) -> list[str]:
        runs = (ctx.step.run(name, record.do, ctx.run_id, name) for name in "abc")
        done = list(await asyncio.gather(*runs))
        return [*done, await ctx.step.run("join", record.do, ctx.run_id, "join", *done)]

    @client.create_function(fn_id="wait", trigger=_on("k/wait"))
    async def wait(ctx: inngest.Context) -> list[str]:
        number = ctx.event.data["n"]
        event, ready = await asyncio.gather(
            ctx.step.wait_for_event("go", event="k/go", if_exp="event.data.n == async.data.n", timeout=HOUR_MS),
            ctx.step.run("ready", record.get_ready, ctx.run_id, number),
        )
        if event is None:
            raise inngest.NonRetriableError("the event was lost")
        return [ready, await ctx.step.run("after", record.do, ctx.run_id, "after", ready)]

    @client.create_function(fn_id="send", trigger=_on("k/send"))
    async def send(ctx: inngest.Context) -> list[str]:
        await ctx.step.send_event("sends", inngest.Event(name="k/sent", data=dict(ctx.event.data)))
        return [await ctx.step.run("after", record.do, ctx.run_id, "after")]

    @client.create_function(fn_id="sent", trigger=_on("k/sent"))
    async def sent(ctx: inngest.Context) -> None:
        record.begin("sent", ctx.event.data["n"], ctx.run_id)

    @client.create_function(
        fn_id="stop",
        trigger=_on("k/stop"),
        cancel=[inngest.Cancel(event="k/stopped", if_exp="event.data.n == async.data.n")],
    )
    async def stop(ctx: inngest.Context) -> None:
        await ctx.step.sleep("for ever", HOUR_MS)

    return [group, wait, send, sent, stop]


def _flow_controlled(client: inngest.Inngest, record: Record) -> list[inngest.Function[Any]]:
    @client.create_function(
        fn_id="debounce", trigger=_on("k/debounce"), debounce=inngest.Debounce(period=1000, key="event.data.group")
    )
    async def debounce(ctx: inngest.Context) -> None:
        record.begin("debounce", ctx.event.data["n"], ctx.run_id)

    @client.create_function(
        fn_id="batch", trigger=_on("k/batch"), batch_events=inngest.Batch(max_size=BATCH_SIZE, timeout=1000)
    )
    async def batch(ctx: inngest.Context) -> None:
        for event in ctx.events:
            record.begin("batch", event.data["n"], ctx.run_id)

    @client.create_function(
        fn_id="throttle", trigger=_on("k/throttle"), throttle=inngest.Throttle(limit=20, period=1000)
    )
    async def throttle(ctx: inngest.Context) -> list[str]:
        return [await ctx.step.run("only", record.do, ctx.run_id, "only")]

    @client.create_function(fn_id="limited", trigger=_on("k/limited"), concurrency=[inngest.Concurrency(limit=2)])
    async def limited(ctx: inngest.Context) -> list[str]:
        one = await ctx.step.run("one", record.take_a_while, ctx.run_id, "one")
        return [one, await ctx.step.run("two", record.take_a_while, ctx.run_id, "two", one)]

    @client.create_function(fn_id="once", trigger=_on("k/once"), idempotency="event.data.group")
    async def once(ctx: inngest.Context) -> None:
        record.begin("once", ctx.event.data["group"], ctx.run_id)

    @client.create_function(fn_id="cron", trigger=inngest.TriggerCron(cron="* * * * *"))
    async def cron(ctx: inngest.Context) -> None:
        record.begin("cron", ctx.event.data["scheduledAt"], ctx.run_id)

    return [debounce, batch, throttle, limited, once, cron]
