"""Keys that are not texts: written as the standard library writes them, the same live and on replay, and said once."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inngest
from inngest_core.errors import OutputUnserializableError
from inngest_core.values.serializer import dump
from tests.core.rich_values import AT, ID, Colour, Kind, Level
from tests.core.test_results import run
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import serving

ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])
FIX = "annotate what it returns, or give output_type="


def keyed() -> Any:
    return {1: "a", None: {True: [{1.5: "b"}]}}


def keyed_as_json() -> dict[str, Any]:
    return {1: "a", None: {True: [{1.5: "b"}]}}  # type: ignore[dict-item]  # pyright: ignore[reportReturnType]


@ASKS
@pytest.mark.parametrize(
    ("callback", "problem"),
    [
        (lambda: keyed(), "its callback has no return annotation"),
        (keyed, "its annotation is of plain JSON"),
        (keyed_as_json, "its annotation is of plain JSON"),
    ],
)
def test_they_are_texts_live_and_on_replay_and_it_is_said_once(
    ask: Ask, callback: Callable[[], Any], problem: str
) -> None:
    got, logged = run(ask, callback, runs=2)
    assert got == [{"1": "a", "null": {"true": [{"1.5": "b"}]}}] * 4
    assert logged == [f'step "load" of app-fn: the result is a dict and comes back as plain JSON: {problem}; {FIX}']


@ASKS
def test_of_keys_that_become_one_text_the_last_counts(ask: Ask) -> None:
    got, logged = run(ask, lambda: [{1: "first", "1": "second"}, {"null": 1, None: 2, "a": 3}])
    assert got[0] == [{"1": "second"}, {"null": 2, "a": 3}]
    assert len(logged) == 1


@ASKS
def test_a_step_with_such_keys_runs_once(ask: Ask) -> None:
    charged: list[int] = []

    def charge() -> dict[Any, Any]:
        charged.append(1)
        return {1: "a"}

    def handler(ctx: inngest.ContextSync) -> object:
        return [ctx.step.run("charge", charge), {2: "b"}]

    async def handler_async(ctx: inngest.Context) -> object:
        return [await ctx.step.run("charge", charge), {2: "b"}]

    with serving(handler if ask is ask_sync else handler_async) as app:
        engine = InProcessEngine(app, ask, lambda _: 0)
        assert engine.run() == [{"1": "a"}, {"2": "b"}]
        assert engine.call() == (200, [{"1": "a"}, {"2": "b"}])
    assert charged == [1]


def by_number() -> dict[int, datetime.datetime]:
    return {1: AT}


def by_id() -> dict[uuid.UUID, str]:
    return {ID: "a"}


@ASKS
def test_an_annotation_gives_them_back(ask: Ask) -> None:
    assert run(ask, by_number) == ([{1: AT}, {1: AT}], [])
    assert run(ask, by_id) == ([{ID: "a"}, {ID: "a"}], [])
    assert run(ask, lambda: {1: AT}, output_type=dict[int, datetime.datetime])[0] == [{1: AT}, {1: AT}]


@ASKS
def test_an_annotation_of_other_keys(ask: Ask) -> None:
    def texts() -> dict[str, datetime.datetime]:
        return {1: AT, None: AT}  # type: ignore[dict-item]  # pyright: ignore[reportReturnType]

    got, logged = run(ask, texts)
    assert got == [{"1": AT, "null": AT}] * 2
    assert len(logged) == 1
    assert "the result is a dict and comes back as another value, a dict, by its annotation" in logged[0]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ID, str(ID)),
        (AT.date(), "2027-01-02"),
        (decimal.Decimal("1.10"), "1.10"),
        (Colour.RED, "red"),
        (Colour.BLUE, "2"),
        (Kind.A, "a"),
        (Level.LOW, "1"),
        (float("inf"), "Infinity"),
    ],
)
def test_what_is_one_text_as_json_is_that_text_as_a_key(key: object, text: str) -> None:
    assert json.loads(dump({"a": [{key: 1}]}, "it").body) == {"a": [{text: 1}]}


@pytest.mark.parametrize("key", [(), (1, 2), frozenset({1}), object(), ("a",)])
def test_a_key_of_many_parts_is_refused(key: object) -> None:
    with pytest.raises(OutputUnserializableError, match=r'^step "load": output\.a\[0\]'):
        dump({"a": [{1: 2, key: 1}]}, 'step "load": output')


KEYS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_any_keys_are_written_as_the_standard_library_writes_them(value: object) -> None:
    assert json.loads(dump(value, "it").body) == json.loads(json.dumps(value))
