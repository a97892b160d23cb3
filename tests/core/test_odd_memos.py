"""Memos that the tool of a step does not make: those of other SDKs and of stubs are read, all others are refused.

An engine keeps what it was given, and people can edit that by hand. What cannot be read fails the run at once, with a
code and the name of the step: each further try would read the same memo.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

import inngest
from inngest_core.protocol.wire import Header
from tests.cases.case import Call
from tests.stage.asks import ask_sync
from tests.stage.one_function import request_of, serving, shown


def sent(step: Any) -> Any:
    return step.send_event("odd", inngest.Event(name="x"))


def awaited(step: Any) -> Any:
    return step.wait_for_event("odd", event="x", timeout=1000)


def signalled(step: Any) -> Any:
    return step.wait_for_signal("odd", signal="x", timeout=1000)


def call(use: Any, memo: object, *, asynchronous: bool) -> tuple[int, Any, str | None]:
    """Return status, body and what is said of retries, of a call in which the step has that memo."""

    def plain(ctx: inngest.ContextSync) -> str:
        return repr(use(ctx.step))

    async def on_loop(ctx: inngest.Context) -> str:
        waiting: Awaitable[object] = use(ctx.step)
        return repr(await waiting)

    with serving(on_loop if asynchronous else plain) as app:
        response = ask_sync(app, request_of(Call(steps={"odd": memo})))
    return *shown(response), response.headers.get(Header.NO_RETRY)


BOTH = pytest.mark.parametrize("asynchronous", [False, True])


@BOTH
@pytest.mark.parametrize(
    ("use", "memo", "is_a"),
    [
        (sent, {"data": {}}, "JSON object; expected the ids of the events"),
        (sent, {}, "JSON object; expected the ids of the events"),
        (sent, {"data": {"ids": None}}, "JSON object; expected the ids of the events"),
        (sent, {"data": "01M81"}, "JSON string; expected the ids of the events"),
        (sent, 5, "JSON number; expected the ids of the events"),
        (awaited, "x", "JSON string; expected an event"),
        (awaited, [], "JSON array; expected an event"),
        (awaited, False, "JSON boolean; expected an event"),
        (signalled, {"data": {}}, 'JSON object; expected an object with "signal"'),
        (signalled, {"data": "x"}, 'JSON string; expected an object with "signal"'),
        (signalled, 5, 'JSON number; expected an object with "signal"'),
    ],
)
def test_a_memo_that_cannot_be_read_has_a_code(use: Any, memo: object, is_a: str, asynchronous: bool) -> None:
    status, body, no_retry = call(use, memo, asynchronous=asynchronous)
    assert (status, body["code"], no_retry) == (500, "output_unserializable", "true")
    assert body["message"].startswith(f'the result of step "odd" is a {is_a}')


@BOTH
@pytest.mark.parametrize(
    ("use", "memo", "value"),
    [
        (sent, {"data": ["1"]}, "['1']"),
        (sent, ["1"], "['1']"),
        (sent, {"data": {"ids": ["1"]}}, "['1']"),
        (sent, {"ids": []}, "[]"),
        (sent, {"data": None}, "[]"),
        (awaited, None, "None"),
        (signalled, {"data": None}, "None"),
        (signalled, {"signal": "x"}, "Signal(signal='x', data=None)"),
    ],
)
def test_other_forms_are_read(use: Any, memo: object, value: str, asynchronous: bool) -> None:
    assert call(use, memo, asynchronous=asynchronous)[:2] == (200, value)
