"""Expressions of options: their syntax, in every field; and that nothing an engine may take is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.client import Inngest
from inngest_core.errors import FunctionConfigError
from inngest_core.events.event_types import event_type
from inngest_core.function import Function
from inngest_core.options.expressions import syntax_problem_of
from inngest_core.options.options import (
    Batch,
    Cancel,
    Concurrency,
    ConcurrencyLimits,
    Debounce,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    TriggerEvent,
)

WRONG = "event.data.x = 1"
WHY = "column 14: token recognition error at: '= '"


def define(**options: Any) -> Function[object]:
    def handler(ctx: object) -> object: ...

    return Inngest(app_id="app", is_production=False).create_function(fn_id="f", **options)(handler)


FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("trigger.expression", {"trigger": TriggerEvent(event="a", expression=WRONG)}),
    ("trigger.expression", {"trigger": event_type("a", dict[str, int]).trigger(WRONG)}),
    ("trigger[1].expression", {"trigger": [TriggerEvent(event="a"), TriggerEvent(event="a", expression=WRONG)]}),
    ("idempotency", {"idempotency": WRONG}),
    ("batch_events.key", {"batch_events": Batch(max_size=2, timeout=1000, key=WRONG)}),
    ("batch_events.if_exp", {"batch_events": Batch(max_size=2, timeout=1000, if_exp=WRONG)}),
    ("cancel[1].if_exp", {"cancel": [Cancel(event="a"), Cancel(event="a", if_exp=WRONG)]}),
    ("concurrency[0].key", {"concurrency": [Concurrency(limit=1, key=WRONG)]}),
    ("concurrency.fn[0].key", {"concurrency": ConcurrencyLimits(fn=[Concurrency(limit=1, key=WRONG)])}),
    ("concurrency.step[0].key", {"concurrency": ConcurrencyLimits(step=[Concurrency(limit=1, key=WRONG)])}),
    ("debounce.key", {"debounce": Debounce(period=1000, key=WRONG)}),
    ("priority.run", {"priority": Priority(run=WRONG)}),
    ("rate_limit.key", {"rate_limit": RateLimit(limit=1, period=1, key=WRONG)}),
    ("singleton.key", {"singleton": Singleton(mode="skip", key=WRONG)}),
    ("throttle.key", {"throttle": Throttle(limit=1, period=1, key=WRONG)}),
]


@pytest.mark.parametrize(("field", "options"), FIELDS)
def test_every_expression_is_asked_for_its_syntax(field: str, options: dict[str, Any]) -> None:
    with pytest.raises(FunctionConfigError) as caught:
        define(**options)
    assert caught.value.message == f'function "app-f": {field} is {WRONG!r}; expected a CEL expression; {WHY}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("event.data.x ==", "column 16: mismatched input '<EOF>'"),
        ("event.data.x === 1", "column 16: token recognition error at: '= '"),
        ("event.data.x and event.data.y", "column 14: mismatched input 'and' expecting <EOF>"),
        ("event.data.items.0.id", "column 17: mismatched input '.0' expecting <EOF>"),
        ("event.data.x == 'a", "column 17: token recognition error at: ''a'"),
        ("event.data.x\n  == ]", "line 2, column 6: mismatched input ']'"),
        ("event.data.größe == 1", "column 14: token recognition error at: 'ö'"),
        ("event.data.x ? 1", "column 17: mismatched input '<EOF>' expecting ':'"),
        ("// a comment", "column 13: mismatched input '<EOF>'"),
        ("event.data.x == '\ud800'", "not a text of valid Unicode"),
    ],
)
def test_says_where_and_why(text: str, why: str) -> None:
    assert syntax_problem_of(text) == why


@pytest.mark.parametrize(
    "text",
    [
        "event.data.user_id",
        "event.data.plan == 'enterprise' ? 180 : 0",
        "event.data.id == async.data.id && async.name == 'a/b'",
        '"openai"',
        "my-own-key",
        'event.data.a + "-" + event.data.b',
        "event.data['größe'] > 1.5e3 || has(event.data.x)",
        "event.data.items.exists(i, i.sku.startsWith('a'))",
        # What this library does not know, and an engine may.
        "undeclared.variable == steps[0]",
        "now() - duration('1h') > event.data.date()",
        "event.data.x.customMacro(i, i > 1).all(a, b, c)",
        "cel.bind(x, event.data.x, x + x)",
        "event.?data[?'x'].orValue({?'a': optional.none()})",
        "vendor.Message{field: 1}",
        "1 + 'a'",
        # What only a limit of this library refuses.
        "(" * 200 + "1" + ")" * 200,
        "+".join(["event.data.x"] * 300),
        "event" + ".data" * 300,
        "event.data.x == '" + "x" * 200_000 + "'",
    ],
)
def test_an_engine_decides_about_the_rest(text: str) -> None:
    assert syntax_problem_of(text) is None
    assert define(idempotency=text).opts.to_wire() == {"idempotency": text}


@given(st.text(st.sampled_from("ab.()[]{}?:'\"\\`=<>&|!+-*/%,0 1\n\0\ud800ö😀")))
def test_any_text_gets_one_line_or_none(text: str) -> None:
    problem = syntax_problem_of(text)
    assert problem is None or (problem and len(problem) < 300)


def test_without_the_library_only_the_blank_is_refused() -> None:
    program = """
import sys
sys.modules["cel_expr_python"] = None  # as if it were not installed
import inngest
from inngest_core.errors import FunctionConfigError
client = inngest.Inngest(app_id="app", is_production=False)
def define(text):
    def handler(ctx): ...
    trigger = inngest.TriggerEvent(event="a/b")
    return client.create_function(fn_id=f"fn{len(text)}", trigger=trigger, idempotency=text)(handler)
print(define("event.data.x = 1").opts.to_wire())
try:
    define(" ")
except FunctionConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    wire, refused = done.stdout.splitlines()
    assert wire == str({"idempotency": WRONG})
    assert "idempotency is ' '; expected a CEL expression such as" in refused


def test_the_library_is_loaded_for_an_expression_alone() -> None:
    program = """
import json, sys, inngest
client = inngest.Inngest(app_id="app", is_production=False)
def define(fn_id, **options):
    def handler(ctx): ...
    client.create_function(fn_id=fn_id, trigger=inngest.TriggerEvent(event="a/b"), **options)(handler)
    return "cel_expr_python" in sys.modules
print(json.dumps([
    "cel_expr_python" in sys.modules,
    define("a", on_failure=lambda ctx: None, concurrency=[inngest.Concurrency(limit=1)]),
    define("b", idempotency="event.data.id"),
]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, False, True]
