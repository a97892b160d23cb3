"""Logging of the app's own: each line once in a run, with the ids of the call, in text, in JSON and by structlog."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

import inngest
from inngest.middleware.logging import CallFilter, JSONFormatter, add_call

from .case import FULL_ID, RUN_ID, Call, Case, both, error, op, planned, raised, ran, returned
from .checkpointing import TAKEN, and_saved, saved

Lines = list[object]
LINES: Lines = []
"""What the call under way has logged."""


class Keeping(logging.Handler):
    """Keeps lines as text, or, with a formatter, as the JSON that it writes."""

    def emit(self, record: logging.LogRecord) -> None:
        LINES.append(_without_time(json.loads(self.format(record))) if self.formatter else _text_of(record))


def _text_of(record: logging.LogRecord) -> str:
    return logging.Formatter("%(inngest_step_id)s: %(message)s").format(record)


def _without_time(line: dict[str, Any]) -> dict[str, Any]:
    assert line.pop("time").endswith("+00:00")
    return line


def keep_event(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    LINES.append(dict(event))
    raise structlog.DropEvent


def kept(handler: Keeping, formatter: logging.Formatter | None = None) -> Keeping:
    handler.addFilter(CallFilter())
    handler.setFormatter(formatter)
    return handler


log = logging.Logger("test.call_logging")
log.addHandler(kept(Keeping()))
log.addHandler(kept(Keeping(), JSONFormatter()))
events = structlog.wrap_logger(None, processors=[add_call, keep_event])


def say(text: str) -> None:
    log.info(text)
    events.info(text)


def said(text: str, step_id: str | None = None) -> Lines:
    """Return what *text* is logged as: once as text, once as JSON, once by structlog."""
    ids = {"inngest_run_id": RUN_ID, "inngest_fn_id": FULL_ID, "inngest_attempt": 0}
    ids |= {} if step_id is None else {"inngest_step_id": step_id}
    as_json = {"level": "info", "logger": "test.call_logging", "message": text, **ids}
    return [f"{step_id}: {text}", as_json, {"event": text, **ids}]


def say_in_step(text: str) -> Callable[[], Lines]:
    def work() -> Lines:
        say(text)
        return list(LINES)

    return work


def once_sync(ctx: inngest.ContextSync) -> Lines:
    LINES.clear()
    say("begin")
    ctx.step.run("one", say_in_step("in one"))
    say("between")
    return list(LINES)


async def once_async(ctx: inngest.Context) -> Lines:
    LINES.clear()
    say("begin")
    await ctx.step.run("one", say_in_step("in one"))
    say("between")
    return list(LINES)


def group_sync(ctx: inngest.ContextSync) -> Lines:
    LINES.clear()
    say("begin")
    steps = ctx.step
    ctx.group.parallel((lambda: steps.run("a", say_in_step("in a")), lambda: steps.run("b", say_in_step("in b"))))
    say("end")
    return list(LINES)


async def group_async(ctx: inngest.Context) -> Lines:
    LINES.clear()
    say("begin")
    steps = ctx.step
    await ctx.group.parallel((lambda: steps.run("a", say_in_step("in a")), lambda: steps.run("b", say_in_step("in b"))))
    say("end")
    return list(LINES)


def fail() -> None:
    raise ValueError(json.dumps(LINES))


def failing_sync(ctx: inngest.ContextSync) -> None:
    LINES.clear()
    say("begin")
    fail()


async def failing_async(ctx: inngest.Context) -> None:
    LINES.clear()
    say("begin")
    fail()


logs = both(once_sync, once_async)
logs_in_a_group = both(group_sync, group_async)
FIRST = [*said("begin"), *said("in one", "one")]

first_call = Case(build=logs, expect=ran("one", FIRST))
last_call = Case(build=logs, call=Call(steps={"one": {"data": None}}), expect=returned(said("between")))
call_that_goes_on = Case(
    build=logs,
    call=Call(saves=True),
    engine=TAKEN,
    expect=and_saved(returned([*FIRST, *said("between")]), saved(op("StepRun", "one", data=FIRST))),
)
targeted_call = Case(build=logs, call=Call(target="one", plan_only=True), expect=ran("one", said("in one", "one")))
planned_group = Case(build=logs_in_a_group, expect=planned("a", "b", any_order=True))
target_in_a_group = Case(
    build=logs_in_a_group, call=Call(target="b", plan_only=True), expect=ran("b", said("in b", "b"))
)
end_of_a_group = Case(
    build=logs_in_a_group,
    call=Call(steps={"a": {"data": None}, "b": {"data": None}}),
    expect=returned(said("end")),
)
attempt_that_fails = Case(
    build=both(failing_sync, failing_async), expect=raised(error("ValueError", json.dumps(said("begin"))))
)
