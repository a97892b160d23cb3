"""Values to JSON and back: what goes through, and refusals that name the path."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import re
import uuid
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.errors import OutputUnserializableError
from inngest_core.values.serializer import PydanticSerializer, dump, load

WHAT = 'step "charge": output'


class Model(pydantic.BaseModel):
    price: Any = 1


@dataclasses.dataclass
class Data:
    items: list[Any]


class Color(enum.Enum):
    RED = "red"


class Foo:
    pass


def refusal(value: object) -> str:
    with pytest.raises(OutputUnserializableError) as caught:
        dump(value, WHAT)
    assert not caught.value.retriable
    return caught.value.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ({"a": [1, 2.5, True, "é😀"]}, {"a": [1, 2.5, True, "é😀"]}),
        (2**100, 2**100),
        (Model(price=3), {"price": 3}),
        (Data([Model()]), {"items": [{"price": 1}]}),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00Z"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (Color.RED, "red"),
        ({1}, [1]),
        ((1, 2), [1, 2]),
        ("NaN Infinity", "NaN Infinity"),
    ],
)
def test_values(value: object, expected: object) -> None:
    assert json.loads(dump(value, WHAT).body) == expected


def test_dump_is_compact() -> None:
    assert dump({"a": [1, 2]}, WHAT).body == b'{"a":[1,2]}'


def test_a_lone_surrogate_survives() -> None:
    value = {"a": ["\ud800", datetime.date(2026, 1, 2), Data([{1}])]}
    assert json.loads(dump(value, WHAT).body) == {"a": ["\ud800", "2026-01-02", {"items": [[1]]}]}


def nested(depth: int, value: object = None) -> object:
    for _ in range(depth):
        value = [value]
    return value


def test_nesting() -> None:
    assert dump(nested(500), WHAT).body == b"[" * 500 + b"null" + b"]" * 500
    assert "cannot be written" in refusal(nested(100_000))


def test_an_unknown_object_is_named_with_its_path() -> None:
    value = {"items": [1, 2, 3, {"price": Foo()}]}
    assert refusal(value) == f"{WHAT}.items[3].price is a Foo; return JSON values or give output_type="
    assert refusal(Foo()) == f"{WHAT} is a Foo; return JSON values or give output_type="
    assert refusal(Data([Model(price=(Foo(),))])).startswith(f"{WHAT}.items[0].price[0] is a Foo; ")
    assert refusal({"a b": Foo()}).startswith(f"{WHAT}['a b'] is a Foo; ")
    assert refusal([{"x": "\ud800", "y": Foo()}]).startswith(f"{WHAT}[0].y is a Foo; ")


@pytest.mark.parametrize(("number", "name"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_what_is_not_finite_is_named_with_its_path(number: float, name: str) -> None:
    says = f"float {name} is not JSON"
    assert refusal({"items": [1, {"price": number}]}).startswith(f"{WHAT}.items[1].price: {says}; ")
    assert refusal(Data([number])).startswith(f"{WHAT}.items[0]: {says}; ")
    assert refusal(["\ud800", number]).startswith(f"{WHAT}[1]: {says}; ")


def test_cycles_are_named() -> None:
    value: dict[str, object] = {}
    value["a"] = [value]
    assert (
        refusal({"x": value}) == f"{WHAT}.x.a[0] is a dict that holds itself; return JSON values or give output_type="
    )


class Temperature:
    """A type that only its adapter can write."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.degrees)
        )


def test_output_type_helps() -> None:
    assert dump([Temperature(1.5)], WHAT, typ=list[Temperature]).body == b"[1.5]"
    assert load([1.5], list[Temperature])[0].degrees == 1.5
    with pytest.raises(OutputUnserializableError, match="is a Foo; "):
        dump(Foo(), WHAT, typ=Foo)


def test_load() -> None:
    assert load({"price": 2}, Model) == Model(price=2)
    assert load("2026-01-02", datetime.date) == datetime.date(2026, 1, 2)
    assert load({"price": 2}, None) == {"price": 2}
    with pytest.raises(OutputUnserializableError, match=r"^the result does not fit output_type=int: "):
        load("x", int, what="the result")


class Shouting:
    def serialize(self, obj: object, typ: object) -> object:
        if typ is int:
            raise TypeError("not for numbers")
        return str(obj).upper()

    def deserialize(self, obj: object, typ: object) -> object:
        return str(obj).lower()


def test_a_serializer_of_the_user() -> None:
    assert dump("a", WHAT, typ=str, serializer=Shouting()).body == b'"A"'
    assert load("A", str, serializer=Shouting()) == "a"
    assert dump("a", WHAT, serializer=Shouting()).body == b'"a"'
    with pytest.raises(OutputUnserializableError, match="by Shouting as int: not for numbers"):
        dump(1, WHAT, typ=int, rule="strict", serializer=Shouting())


def test_pydantic_serializer() -> None:
    serializer = PydanticSerializer()
    assert serializer.serialize([Model()], list[Model]) == [{"price": 1}]
    assert serializer.deserialize([{"price": 1}], list[Model]) == [Model()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(JSON)
def test_any_json_value_comes_back_as_engines_keep_it(value: object) -> None:
    written = dump(value, WHAT).body
    assert json.loads(written, parse_int=float) == json.loads(json.dumps(value), parse_int=float)
    whole = re.compile(rb"[\[{:,]-?\d+[.]0[\]},]")
    assert b"e+" in written or not whole.search(re.sub(rb'"(?:[^"\\]|\\.)*"', b"", written))
