"""Logging: each line once in a run, with the ids of run and step, in both libraries."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

import inngest
from inngest.middleware.logging import CallFilter, JSONFormatter, add_call
from tests.cases.case import FULL_ID, HandlerKind
from tests.stage.asks import ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import serving

BOTH = pytest.mark.parametrize("kind", HandlerKind)
ONCE = [("begin", None), ("in the step", "s"), ("between", None), ("end", None)]
Say = Callable[[str], object]


def logging_function(say: Say, kind: HandlerKind) -> Callable[..., object]:
    def sync(ctx: inngest.ContextSync) -> None:
        say("begin")
        ctx.step.run("s", lambda: say("in the step") and None)
        say("between")
        ctx.step.sleep("nap", 1000)
        say("end")

    async def asynchronous(ctx: inngest.Context) -> None:
        say("begin")
        await ctx.step.run("s", lambda: say("in the step") and None)
        say("between")
        await ctx.step.sleep("nap", 1000)
        say("end")

    return sync if kind is HandlerKind.SYNC else asynchronous


def run(say: Say, kind: HandlerKind) -> int:
    """Run a function to its end; return in how many calls."""
    with serving(logging_function(say, kind), checkpointing=False) as app:
        engine = InProcessEngine(app, ask_sync if kind is HandlerKind.SYNC else ask_async, lambda count: 0)
        assert engine.run() is None
        return engine.calls


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logger `test.integration` writes as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(CallFilter())
    handler.setFormatter(JSONFormatter())
    logger = logging.getLogger("test.integration")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@BOTH
def test_the_standard_library_logs_each_line_once(kind: HandlerKind, written: io.StringIO) -> None:
    assert run(logging.getLogger("test.integration.below").info, kind) == 3
    lines = lines_of(written)
    assert [(line["message"], line.get("inngest_step_id")) for line in lines] == ONCE
    assert {(line["inngest_fn_id"], line["inngest_attempt"], line["logger"], line["level"]) for line in lines} == {
        (FULL_ID, 0, "test.integration.below", "info")
    }
    assert len({line["inngest_run_id"] for line in lines}) == 1


@BOTH
def test_structlog_logs_each_line_once(kind: HandlerKind) -> None:
    captured = structlog.testing.LogCapture()
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[add_call, captured])
    assert run(log.info, kind) == 3
    assert [(entry["event"], entry.get("inngest_step_id")) for entry in captured.entries] == ONCE
    assert {(entry["inngest_fn_id"], entry["inngest_attempt"]) for entry in captured.entries} == {(FULL_ID, 0)}


def test_lines_outside_of_a_call_are_logged_without_ids(written: io.StringIO) -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("test.integration").exception("%s failed", "it", extra={"order": 7, "by": {1}})
    (line,) = lines_of(written)
    assert line["exception"].endswith("ValueError: wrong")
    assert {name: line[name] for name in line.keys() - {"exception", "time"}} == {
        "level": "error",
        "logger": "test.integration",
        "message": "it failed",
        "order": 7,
        "by": "{1}",
    }
    assert add_call(None, "info", {"event": "x"}) == {"event": "x"}


def test_records_outside_of_a_call_have_the_fields_that_formatters_name() -> None:
    record = logging.makeLogRecord({"msg": "hello"})
    assert CallFilter().filter(record)
    assert logging.Formatter("%(inngest_run_id)s %(message)s").format(record) == "None hello"


class Unshowable:
    def __str__(self) -> str:
        raise ValueError("no text")


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def test_a_field_that_is_not_json_costs_neither_the_line_nor_the_others(written: io.StringIO) -> None:
    circle: dict[str, object] = {}
    circle["again"] = circle
    odd = {"ratio": float("nan"), "most": [float("inf")], "circle": circle, "odd": Unshowable()}
    logging.getLogger("test.integration").info("told", extra={**odd, "order": {"id": 7}})
    line = json.loads(written.getvalue(), parse_constant=refuse)
    assert line["message"] == "told"
    assert line["order"] == {"id": 7}
    assert {name: line[name] for name in odd} == {
        "ratio": "nan",
        "most": "[inf]",
        "circle": "{'again': {...}}",
        "odd": "<an Unshowable that cannot be shown>",
    }
