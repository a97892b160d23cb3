"""Keys that are not texts: written as the standard library writes them, the same live and on replay, and said once."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inngest
from inngest_core.errors import OutputUnserializableError
from inngest_core.values.serializer import Rule, dump, load
from tests.core.rich_values import AT, ID, Color, Kind, Level
from tests.core.test_results import run
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import serving

ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])
RULES: list[Rule] = ["annotated", "strict", "shared"]
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
        (Color.RED, "red"),
        (Color.BLUE, "2"),
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


@dataclasses.dataclass(frozen=True)
class Place:
    row: int
    seat: int


class Spot(enum.Enum):
    CENTRE = (0, 0)
    NOWHERE = None


class Hall(pydantic.BaseModel):
    seats: dict[tuple[int, int], str]


class Prices(pydantic.BaseModel):
    by_row: dict[int | None, str]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("value", "typ", "where"),
    [
        ({(1, 2): "a"}, dict[tuple[int, int], str], "output: key (1, 2) is a tuple"),
        ([{Place(1, 2): "a"}], list[dict[Place, str]], "output[0]: key Place(row=1, seat=2) is a Place"),
        ({Spot.CENTRE: 1}, dict[Spot, int], "output: key <Spot.CENTRE: (0, 0)> is a Spot"),
        (Hall(seats={(1, 2): "a"}), Hall, "output.seats: key (1, 2) is a tuple"),
        (Hall(seats={(1, 2): "a"}), None, "output.seats: key (1, 2) is a tuple"),
        ({1: Hall(seats={(1, 2): "a"})}, None, "output[1].seats: key (1, 2) is a tuple"),
    ],
)
def test_an_annotation_does_not_allow_keys_of_many_parts(value: object, typ: object, where: str, rule: Rule) -> None:
    with pytest.raises(OutputUnserializableError) as caught:
        dump(value, "output", typ, rule=rule)
    assert str(caught.value) == f"{where}, not a str; give str keys"


@ASKS
def test_a_step_that_gives_such_keys_fails_at_once(ask: Ask) -> None:
    def seats() -> dict[tuple[int, int], str]:
        return {(1, 2): "a"}

    def handler(ctx: inngest.ContextSync) -> object:
        try:
            return ctx.step.run("load", seats)
        except inngest.StepError as error:
            return error.message

    async def handler_async(ctx: inngest.Context) -> object:
        try:
            return await ctx.step.run("load", seats)
        except inngest.StepError as error:
            return error.message

    with serving(handler if ask is ask_sync else handler_async) as app:
        got = InProcessEngine(app, ask, lambda _: 0).run()
    assert got == 'step "load": output: key (1, 2) is a tuple, not a str; give str keys'


@pytest.mark.parametrize(
    ("value", "typ", "body"),
    [
        ({None: "a"}, dict[None, str], {"null": "a"}),
        ({None: "a", 1: "b"}, dict[int | None, str], {"null": "a", "1": "b"}),
        (
            {None: {None: AT.date()}},
            dict[None, dict[uuid.UUID | None, datetime.date]],
            {"null": {"null": "2027-01-02"}},
        ),
        ({Spot.NOWHERE: 1}, dict[Spot, int], {"null": 1}),
        (Prices(by_row={None: "a"}), Prices, {"by_row": {"null": "a"}}),
    ],
)
def test_an_annotation_gives_none_back_as_a_key(value: object, typ: object, body: object) -> None:
    for rule in RULES:
        written = dump(value, "it", typ, rule=rule)
        assert (json.loads(written.body), written.lost) == (body, None)
        assert load(body, typ, rule=rule) == value


@ASKS
@pytest.mark.parametrize("annotated", [dict[str | None, str], dict[str, str], object])
def test_none_is_the_text_null_where_that_may_be_a_text(ask: Ask, annotated: Any) -> None:
    def load() -> Any:
        return {None: "a"}

    load.__annotations__["return"] = annotated
    got, logged = run(ask, load)
    assert got == [{"null": "a"}, {"null": "a"}]
    assert len(logged) == 1


@pytest.mark.parametrize("typ", [None, Prices])
def test_a_class_does_not_change_how_none_is_written(typ: object) -> None:
    assert dump(Prices(by_row={None: "a", 1: "b"}), "it", typ).body == b'{"by_row":{"null":"a","1":"b"}}'


def test_a_type_may_say_itself_how_such_keys_are_written() -> None:
    pairs = pydantic.PlainSerializer(lambda seats: [[*key, each] for key, each in seats.items()])
    typ = Annotated[dict[tuple[int, int], str], pairs]
    assert dump({(1, 2): "a"}, "it", typ, rule="shared").body == b'[[1,2,"a"]]'


KEYS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_any_keys_are_written_as_the_standard_library_writes_them(value: object) -> None:
    assert json.loads(dump(value, "it").body) == json.loads(json.dumps(value))
