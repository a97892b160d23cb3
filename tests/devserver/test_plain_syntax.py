"""Expressions without the CEL library, as on Alpine Linux: the common forms mean the same, the others are refused."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_devserver.matching import plain_syntax, syntax
from inngest_devserver.matching.evaluation import Compiler, evaluate
from inngest_devserver.matching.nodes import ExpressionError, Node
from inngest_devserver.matching.values import NoValueError

from .test_matcher import MATCHES
from .test_recorded_tables import EXPRESSIONS

RECORDED = [case["expression"] for case in EXPRESSIONS["expressions"] if case["registers"]]
EVENTS = EXPRESSIONS["events"]
COMMON = [
    "event.data.id == async.data.id",
    "event.data.a == 'x' && (event.data.n > 1 || !event.data.b)",
    "event.data.n + 1.0 * -2 - 3 == 4.5",
    "event.data['a-b'][0].c in ['x', \"y\", 1]",
    "event.data.a ? event.data.b : event.data.c == null",
    "has(event.data.a) && event.data.a.startsWith('x') && lowercase(event.data.b) == 'y'",
    "- - 1 == 1 && !!true && -event.data.n < 9223372036854775807 && -9223372036854775808 < 0",
    "a || b || c && d && e",
    "1 - 2 - 3 < 4 % 3 / 2",
    "event.data.x == 1e3 && event.data.y != 2.5e-1",
]


def outcome(tree: Node, text: str, event: object) -> object:
    try:
        return evaluate(Compiler(text).compile(tree), event, event, 0.0)
    except (NoValueError, ExpressionError) as error:
        return type(error)


@pytest.mark.parametrize("text", [*COMMON, *RECORDED, *(text for text, _ in MATCHES)])
def test_what_is_read_means_the_same(text: str) -> None:
    try:
        tree = plain_syntax.parse(text)
    except ExpressionError as error:
        assert "cel-expr-python" in str(error)
        assert text not in COMMON
        return
    assert [outcome(tree, text, event) for event in EVENTS] == [
        outcome(syntax.parse(text), text, event) for event in EVENTS
    ]


def test_most_of_what_was_recorded_is_read() -> None:
    read = 0
    for text in RECORDED:
        try:
            plain_syntax.parse(text)
        except ExpressionError:
            continue
        read += 1
    assert read >= 0.75 * len(RECORDED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "event.",
        "a b",
        "(a",
        "a)",
        "a ==",
        "'a",
        "'\\n'",
        "1a",
        "[1,]x",
        "a.b(",
        "{'a': 1}",
        "x.exists(y, y)",
        "has(a)",
        "in",
        "a && ",
        "1..2",
        "😀",
        "\ud800",
        "r'a'",
        "99999999999999999999",
        "(" * 200 + "a" + ")" * 200,
    ],
)
def test_the_rest_is_refused_in_words(text: str) -> None:
    with pytest.raises(ExpressionError, match="cel-expr-python is not installed"):
        plain_syntax.parse(text)


@given(st.text(st.sampled_from("ab.()[]?:'\"\\=<>&|!+-*/%,0 1in\n")))
def test_nothing_is_read_that_the_library_refuses(text: str) -> None:
    try:
        plain_syntax.parse(text)
    except ExpressionError:
        read = False
    else:
        read = True
    assert read is False or syntax.parse(text) is not None


def test_an_engine_starts_and_works_without_the_library() -> None:
    program = """
        import json, sys
        sys.modules["cel_expr_python"] = None  # as on Alpine Linux
        import httpx
        from inngest_devserver.engine import Options
        from inngest_devserver.server import DevServer

        def function(expression):
            runtime = {"type": "http", "url": "http://127.0.0.1:9/x?fnId=app-f&stepId=step"}
            steps = {"step": {"id": "step", "name": "step", "runtime": runtime}}
            return {"id": "app-f", "name": "f", "triggers": [{"event": "a", "expression": expression}], "steps": steps}

        with DevServer(Options(sink=None), port=0) as server, httpx.Client(base_url=server.origin) as client:
            client.timeout = 60
            def register(expression):
                body = {"appName": "app", "url": "http://127.0.0.1:9/x", "functions": [function(expression)]}
                answer = client.post("/fn/register", json=body)
                return [answer.status_code, answer.json().get("details")]
            refused = register("event.data.x.exists(y, y == 1)")
            taken = register("event.data.n > 1 && event.data.s.matches('a') != null")
            sent = [client.post("/e/k", json={"name": "a", "data": {"n": n, "s": 1}}).json()["ids"][0] for n in (1, 2)]
            runs = [len(client.get(f"/v1/events/{each}/runs").json()["data"]) for each in sent]
            register("event.data.n > 1")
            sent = [client.post("/e/k", json={"name": "a", "data": {"n": n}}).json()["ids"][0] for n in (1, 2)]
            runs += [len(client.get(f"/v1/events/{each}/runs").json()["data"]) for each in sent]
            print(json.dumps([refused, taken, runs]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stderr
    (status, details), taken, runs = json.loads(done.stdout)
    assert status == 400
    assert "cel-expr-python is not installed" in details[0]
    assert taken == [200, None]
    assert runs == [0, 0, 0, 1]
