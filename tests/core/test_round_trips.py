"""Rich values as JSON and back: what a type says comes back, however it is nested, with every serializer."""

from __future__ import annotations

import collections
import datetime
import decimal
import json
import logging
import pathlib
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inngest
from inngest_core.execution import tools
from inngest_core.execution.replay import Memo
from inngest_core.execution.results import Results
from inngest_core.values.return_type import returned_by
from inngest_core.values.serializer import PydanticSerializer, dump, load
from tests.core.rich_values import (
    RICH,
    Blob,
    Boxed,
    Chain,
    Couple,
    Kind,
    Line,
    Model,
    Named,
    Order,
    PlainDict,
    Private,
    Slot,
    Thread,
    UserId,
    Wrapper,
    alike,
    annotated,
)
from tests.stage.logs import LogList

RICH_VALUES = pytest.mark.parametrize(
    ("value", "typ"), RICH, ids=[f"{number}-{typ}" for number, (_, typ) in enumerate(RICH)]
)

PLAIN: list[Any] = [
    None,
    int,
    str,
    object,
    Any,
    list,
    dict,
    list[int],
    dict[str, Any],
    typing.Mapping[str, typing.Sequence[int]],
    str | int | None,
    Literal["a", 1],
    PlainDict,
    list[PlainDict],
    UserId,
    typing.Annotated[str, "a note"],
    typing.TypeVar("T"),
    inngest.JSON,
    typing.NoReturn,
]


@RICH_VALUES
def test_a_rich_value_comes_back(value: object, typ: object) -> None:
    assert returned_by(annotated(value, typ)) == (typ, None)
    body = dump(value, "it", typ=typ).body
    assert alike(load(json.loads(body), typ), value)


@RICH_VALUES
@pytest.mark.parametrize("serializer", [PydanticSerializer(), inngest.MsgspecSerializer()])
def test_a_rich_value_comes_back_from_a_serializer(value: object, typ: object, serializer: inngest.Serializer) -> None:
    if typ is Private and isinstance(serializer, inngest.MsgspecSerializer):
        pytest.skip("msgspec leaves out what begins with an underscore")
    body = dump(value, "it", typ=typ, serializer=serializer).body
    assert alike(load(json.loads(body), typ, serializer=serializer), value)


@pytest.mark.parametrize("typ", PLAIN, ids=map(str, PLAIN))
def test_a_plain_type_builds_nothing(typ: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydantic, "TypeAdapter", None)
    returns = returned_by(annotated(None, typ))
    assert (returns.typ, returns.problem) == (None, None)


# Any nesting

Pair = tuple[Any, Any]
"""A value and its type."""
Pairs = st.SearchStrategy[Pair]

INTS = st.integers(-(2**53), 2**53)  # of larger ones there is a warning
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
"""Without whole ones, which engines write as ints."""
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | INTS | FLOATS | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
TIMES = st.datetimes(timezones=st.none() | st.just(datetime.UTC))
KEYS: list[tuple[st.SearchStrategy[Any], Any]] = [
    (INTS, int),
    (st.text(), str),
    (st.dates(), datetime.date),
    (st.uuids(), uuid.UUID),
    (st.sampled_from(Kind), Kind),
]
LEAVES: list[tuple[st.SearchStrategy[Any], Any]] = [
    *KEYS,
    (TIMES, datetime.datetime),
    (st.times(), datetime.time),
    (st.timedeltas(min_value=datetime.timedelta(-10_000), max_value=datetime.timedelta(10_000)), datetime.timedelta),
    (st.decimals(allow_nan=False, allow_infinity=False), decimal.Decimal),
    (st.binary(), bytes),
    (st.sampled_from([pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("/")]), pathlib.PurePosixPath),
    (st.builds(Model, at=TIMES), Model),
    (st.builds(Blob, st.binary()), Blob),
    (st.builds(Chain, st.binary(), st.builds(Chain, st.binary())), Chain),
    (st.builds(Named, INTS, TIMES), Named),
    (st.builds(Order, lines=st.lists(st.builds(Line, TIMES, st.text(), st.binary()), max_size=2)), Order),
    (st.fixed_dictionaries({"at": TIMES, "replies": st.just([])}), Thread),
    (JSON_VALUES, Any),
]


def _of(values: st.SearchStrategy[Any], typ: Any) -> Pairs:
    return values.map(lambda value: (value, typ))


def _around(inner: Pairs) -> Pairs:
    """Containers of what *inner* gives."""

    def around(make: Callable[[Any], Any], typ: Callable[[Any], Any]) -> Pairs:
        return inner.map(lambda pair: (make(pair[0]), typ(pair[1])))

    def generic(kind: Any) -> Callable[[Any], Any]:
        return lambda typ: kind[typ]

    def keyed(pair: Pair, key: Pair) -> Pair:
        return {key[0]: pair[0]}, types.GenericAlias(dict, (key[1], pair[1]))

    def coupled(one: Pair, other: Pair) -> Pair:
        return (one[0], other[0]), types.GenericAlias(tuple, (one[1], other[1]))

    return (
        around(lambda value: [value, value], lambda typ: types.GenericAlias(list, typ))
        | around(lambda value: (value, value), lambda typ: types.GenericAlias(tuple, (typ, ...)))
        | around(lambda value: {"a b": value}, lambda typ: types.GenericAlias(dict, (str, typ)))
        | around(lambda value: {"item": value}, generic(Boxed))
        | around(lambda value: Wrapper(value, b"\xff"), generic(Wrapper))
        | around(lambda value: Couple(value, b"\xff"), generic(Couple))
        | around(Slot, generic(Slot))
        | st.builds(keyed, inner, st.one_of([_of(values, typ) for values, typ in KEYS]))
        | st.builds(coupled, inner, inner)
        | st.sampled_from(KEYS).flatmap(lambda key: _of(st.sets(key[0]), types.GenericAlias(set, key[1])))
    )


def nested(leaves: list[tuple[st.SearchStrategy[Any], Any]]) -> Pairs:
    return st.recursive(st.one_of([_of(values, typ) for values, typ in leaves]), _around, max_leaves=5)


class Point(msgspec.Struct):
    at: datetime.datetime
    label: str | None = None


DEQUES = st.lists(TIMES, max_size=2).map(lambda times: collections.deque(times))
RICHEST = nested([*LEAVES, (DEQUES, collections.deque[datetime.datetime])])
WITH_STRUCTS = nested([*LEAVES, (st.builds(Point, TIMES, st.none() | st.text()), Point)])
SERIALIZERS = pytest.mark.parametrize("serializer", [None, inngest.MsgspecSerializer()])


class Step:
    """Runs a step and reads its memo, as often as asked."""

    def __init__(self, value: object, typ: object, serializer: inngest.Serializer | None) -> None:
        records = LogList()
        logger = logging.Logger("records")
        logger.addHandler(records)
        self.logged = records.texts
        self._tool = tools.run("load", annotated(value, typ), ())
        self._results = Results("app-fn", logger, serializer, set())
        self._data = json.loads(self._results.dump(self._tool, value, changed=False))

    def read(self) -> object:
        return self._results.read(self._tool, Memo(data=self._data))


@given(RICHEST)
def test_any_nested_value_comes_back(pair: Pair) -> None:
    step = Step(*pair, None)
    assert alike(step.read(), pair[0])
    assert alike(step.read(), pair[0])
    assert step.logged == []


@given(WITH_STRUCTS)
def test_any_nested_value_comes_back_from_msgspec(pair: Pair) -> None:
    step = Step(*pair, inngest.MsgspecSerializer())
    assert alike(step.read(), pair[0])
    assert alike(step.read(), pair[0])
    assert step.logged == []


@SERIALIZERS
@given(one=RICHEST, other=RICHEST)
def test_a_wrong_annotation_is_said_once_at_most(serializer: inngest.Serializer | None, one: Pair, other: Pair) -> None:
    """A value of one type, annotated as of another: in silence it is never something else."""
    step = Step(one[0], other[1], serializer)
    first = step.read()
    assert alike(step.read(), first)
    if step.logged:
        assert len(step.logged) == 1
        assert step.logged[0].startswith('step "load" of app-fn: the result ')
        assert "comes back as another value" in step.logged[0] or alike(first, json.loads(json.dumps(first)))
    else:
        assert alike(first, one[0])
