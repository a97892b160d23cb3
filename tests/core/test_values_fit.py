"""What fits a type: live equals replay, on an engine that keeps bodies and on one that writes them canonically."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import logging
import math
import pathlib
import types
import typing
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Generic, NamedTuple, Self, TypedDict, TypeVar

import attrs
import pydantic
import pydantic.dataclasses
import pydantic_core
import pytest
import rfc8785
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

import inngest
from inngest_core.errors import EventInvalidError, OutputUnserializableError
from inngest_core.events.event_types import parse_as
from inngest_core.execution.replay import Memo
from inngest_core.execution.results import Results
from inngest_core.execution.tools import run
from inngest_core.values.serializer import Serializer, dump
from tests.core.rich_values import Kind, Level
from tests.stage.logs import LogList, silent_logger

T = TypeVar("T")
AT = datetime.datetime(2027, 1, 2, 3, 4, 5, 678, datetime.UTC)
ID = uuid.UUID(int=7)


class Alias(pydantic.BaseModel):
    user_name: str = pydantic.Field(default="nobody", serialization_alias="userName")


class Aliases(pydantic.BaseModel):
    one: int | None = pydantic.Field(default=None, validation_alias="in_one", serialization_alias="outOne")
    path: int = pydantic.Field(default=0, validation_alias=pydantic.AliasPath("a", 0))


class Forbids(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    width: int
    listed: pydantic.Json[list[int]]

    @pydantic.computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def area(self) -> int:
        return self.width * 2


class Raw(pydantic.BaseModel):
    raw: bytes
    pair: tuple[bytes, int] = (b"\xfe", 1)


@dataclasses.dataclass
class Node:
    raw: bytes
    children: list[Node] = dataclasses.field(default_factory=list["Node"])


@dataclasses.dataclass
class Page(Generic[T]):
    items: list[T]
    cursor: bytes = b""


@dataclasses.dataclass
class Made:
    number: int
    seed: dataclasses.InitVar[int] = 0
    id: uuid.UUID = dataclasses.field(init=False)
    total: int = dataclasses.field(init=False, default=0)

    def __post_init__(self, seed: int) -> None:
        self.id = uuid.uuid4()


@attrs.define
class Grown:
    at: datetime.date
    children: list[Grown] = attrs.field(factory=list["Grown"])
    id: uuid.UUID = attrs.field(init=False, factory=uuid.uuid4)


class Wider(Grown):
    pass


class Recursive(TypedDict):
    at: datetime.datetime
    children: list[Recursive]


class Planet(enum.Enum):
    EARTH = (5.0, 6.3)
    DAY = datetime.date(2027, 1, 1)
    RAW = b"\xff"
    NOTHING = None


class Key(enum.Enum):
    A = 1


class StrictEnums(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    level: Level
    planet: Planet
    kinds: dict[Key, Kind]


class Token(NamedTuple):
    raw: bytes


@dataclasses.dataclass
class Holder:
    grown: Grown
    recursive: Recursive
    path: pathlib.PureWindowsPath


class Circle(pydantic.BaseModel):
    size: int = 0


class Square(pydantic.BaseModel):
    size: int = 0


class Other(pydantic.BaseModel):
    y: int = 0


class BigCircle(Circle):
    color: str = "red"

    @pydantic.model_serializer
    def sorted(self) -> dict[str, object]:
        return {"color": self.color, "size": self.size}


@dataclasses.dataclass
class Built:
    at: datetime.date

    @classmethod
    def build(cls) -> Self:
        return cls(AT.date())


made = Made(1, 5)
made.total = 9
Secret = typing.NewType("Secret", bytes)
Alias_ = typing_extensions.TypeAliasType("Alias_", list[bytes])

FITTING: list[tuple[Any, Any]] = [
    (1.0, float),
    ({"a": [1.0, 2.5]}, dict[str, list[float]]),
    (1e20, float),
    (Alias(user_name="ada"), Alias),
    (Aliases.model_validate({"in_one": 3, "a": [4]}), Aliases),
    (Forbids(width=1, listed="[1]"), Forbids),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a text of JSON
    (Raw(raw=b"\xff"), Raw),
    (Node(b"\xff", [Node(b"\xfe")]), Node),
    (Page([AT], b"\xff"), Page[datetime.datetime]),
    (made, Made),
    (Grown(AT.date(), [Grown(AT.date())]), Grown),
    (Wider(AT.date()), Wider),
    ({"at": AT, "children": [{"at": AT, "children": []}]}, Recursive),
    (StrictEnums(level=Level.LOW, planet=Planet.DAY, kinds={Key.A: Kind.A}), StrictEnums),
    ([Planet.EARTH, Planet.DAY, Planet.RAW, Planet.NOTHING], list[Planet]),
    ({Key.A: 1}, dict[Key, int]),
    (Token(b"\xff"), Token),
    (b"\xff", Secret),
    ([b"abcd"], Alias_),
    (b"\xff\x01", pydantic.Base64Bytes),
    (Holder(Grown(AT.date()), {"at": AT, "children": []}, pathlib.PureWindowsPath("C:/a")), Holder),
    ({1, "a"}, set[int | str]),
    (AT.date(), datetime.datetime | datetime.date),
    (datetime.datetime(2027, 1, 2), datetime.date | datetime.datetime),
    (decimal.Decimal("1700000000"), datetime.datetime | decimal.Decimal),
    (Other(y=5), Circle | Other),
    ("no id", uuid.UUID | str),
    (datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), datetime.datetime),
]


def annotated(value: object, typ: object) -> Callable[[], Any]:
    def callback() -> Any:
        return value

    callback.__annotations__["return"] = typ
    return callback


def deliver(
    callback: Callable[[], Any], *, canonical: bool, output_type: object = None, serializer: Serializer | None = None
) -> tuple[Any, list[str]]:
    """Return what a function gets of a step, of an engine that writes bodies canonically or keeps them; and the log."""
    records = LogList()
    logger = logging.Logger("records")
    logger.addHandler(records)
    results = Results("app-fn", logger, serializer, set())
    tool = run("load", callback, (), output_type)
    data = pydantic_core.from_json(results.dump(tool, callback(), changed=False))
    data = pydantic_core.from_json(rfc8785.dumps(typing.cast("Any", as_doubles(data)))) if canonical else data
    return results.read(tool, Memo(data=data)), records.texts


def as_doubles(data: object) -> object:
    """Return JSON values with the ints that an engine rounds as the floats that it makes of them."""
    if isinstance(data, list):
        return list(map(as_doubles, typing.cast("list[object]", data)))
    if isinstance(data, dict):
        return {key: as_doubles(each) for key, each in typing.cast("dict[str, object]", data).items()}
    return float(data) if isinstance(data, int) and abs(data) >= 2**53 else data


def show(value: Any) -> str:
    return f"{type(value)}{value!r}"


ENGINES = pytest.mark.parametrize("canonical", [False, True])


@ENGINES
@pytest.mark.parametrize(("value", "typ"), FITTING, ids=[f"{number}" for number in range(len(FITTING))])
def test_what_fits_comes_back(value: Any, typ: object, canonical: bool) -> None:
    back, logged = deliver(annotated(value, typ), canonical=canonical)
    assert back == value
    assert type(back) is type(value)
    assert logged == []
    assert deliver(annotated(value, None), canonical=canonical, output_type=typ)[0] == value


LOST = "what was read, written again, is not the same"
PLAIN: list[tuple[Any, Any, Any, str]] = [
    (Other(y=5), Circle, {"y": 5}, LOST),
    ({"size": 1, "z": 2}, Circle, {"size": 1, "z": 2}, LOST),
    (BigCircle(size=1), Circle, {"color": "red", "size": 1}, LOST),
    (
        {"at": AT, "children": [], "note": 1},
        Recursive,
        {"at": "2027-01-02T03:04:05.000678Z", "children": [], "note": 1},
        LOST,
    ),
    (1700000000, datetime.datetime, 1700000000, LOST),
    ({True}, set[int], [True], LOST),
    ({"1"}, set[int], ["1"], LOST),
    (0.5, decimal.Decimal, 0.5, LOST),
    (AT.date(), datetime.datetime, "2027-01-02", LOST),
    ("hello world", bytes, "hello world", "Data should be valid base64: Invalid symbol 32, offset 5."),
    (Square(size=1), Circle | Square, {"size": 1}, "more than one member of the union fits"),
    (True, int | datetime.datetime, True, "no member of the union fits"),
]


@ENGINES
@pytest.mark.parametrize(("value", "typ", "plain", "reason"), PLAIN)
def test_what_does_not_fit_is_plain_json(value: Any, typ: Any, plain: Any, reason: str, canonical: bool) -> None:
    back, logged = deliver(annotated(value, typ), canonical=canonical)
    assert show(back) == show(plain)
    name = typ.__name__ if isinstance(typ, type) else str(typ)
    assert logged == [
        f'step "load" of app-fn: the result comes back as plain JSON: it does not fit its annotation {name}: {reason}'
    ]


class Excludes(pydantic.BaseModel):
    secret: str = pydantic.Field(default="", exclude=True)


class Masked(pydantic.BaseModel):
    secret: str

    @pydantic.field_serializer("secret")
    def mask(self, secret: str) -> str:
        return "*" * 3


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    at: datetime.datetime = AT


CHANGED: list[tuple[Any, Any, Any]] = [
    ((AT, AT), tuple[datetime.datetime, Any], (AT, "2027-01-02T03:04:05.000678Z")),
    (Open(at=AT, more=AT), Open, Open(at=AT, more="2027-01-02T03:04:05.000678Z")),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    (Masked(secret="a"), Masked, Masked(secret="***")),
    ({"size": 1}, Circle, Circle(size=1)),
    (ID, uuid.UUID | str, str(ID)),
    ({1}, set[int] | list[int], [1]),
    (Key.A, Key | int, 1),
    (Excludes(secret="a"), Excludes, Excludes()),
    (pydantic.SecretStr("a"), pydantic.SecretStr, pydantic.SecretStr("*" * 10)),
    (
        datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(seconds=61))),
        datetime.datetime,
        datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(seconds=60))),
    ),
]


@ENGINES
@pytest.mark.parametrize(("value", "typ", "other"), CHANGED)
def test_another_value_is_never_silent(value: Any, typ: Any, other: Any, canonical: bool) -> None:
    back, logged = deliver(annotated(value, typ), canonical=canonical)
    assert back == other
    assert len(logged) == 1
    assert logged[0].startswith(
        f'step "load" of app-fn: the result is a {type(value).__name__} and comes back as another value, a '
    )


@pytest.mark.parametrize(
    ("value", "typ"),
    [
        (Other(y=5), Circle),
        (BigCircle(), Circle),
        (Square(size=1), Circle),
        ({"size": 1, "z": 2}, Circle),
        ("yes", bool),
        (5, datetime.datetime),
        (pydantic.SecretStr("a"), pydantic.SecretStr),
        (-1, Annotated[int, pydantic.Field(gt=0)]),
    ],
)
def test_an_output_type_refuses_what_does_not_fit(value: Any, typ: Any) -> None:
    with pytest.raises(OutputUnserializableError, match=r'^step "load": output does not fit output_type='):
        deliver(annotated(value, None), canonical=False, output_type=typ)


def test_an_output_type_takes_json_that_fits() -> None:
    assert deliver(annotated({"size": 1}, None), canonical=True, output_type=Circle)[0] == Circle(size=1)
    holder = {"at": AT, "children": ()}
    with pytest.raises(OutputUnserializableError):
        deliver(annotated(holder, None), canonical=True, output_type=list[Recursive])


@ENGINES
def test_plain_numbers_are_as_engines_keep_them(canonical: bool) -> None:
    value = [1.0, -0.0, 1e20, 1e21, 2.5, "1.0,", {"a": 3.0}]
    back, logged = deliver(annotated(value, Any), canonical=canonical)
    assert show(back) == show([1, 0, 10**20, 1e21, 2.5, "1.0,", {"a": 3}])
    assert logged == []


def test_large_ints_are_said() -> None:
    back, logged = deliver(annotated([2**53 + 1], list[int]), canonical=False)
    assert back == [2**53 + 1]
    assert logged == [
        'step "load" of app-fn: the result holds an int over 2**53, which engines round; return it as a text'
    ]
    assert deliver(annotated([2**53, "9" * 30], Any), canonical=True)[1] == []
    with pytest.raises(
        OutputUnserializableError, match=r"output\[0\]\.a is an int of 16,610 bits, which engines cannot"
    ):
        dump([{"a": 10**5000}], "output")


def refusal(value: object) -> str:
    with pytest.raises(OutputUnserializableError) as caught:
        dump(value, "output")
    return caught.value.message


class Handles(pydantic.BaseModel):
    rate: float

    @pydantic.field_serializer("rate")
    def finite(self, rate: float) -> float | None:
        return None if math.isnan(rate) else rate


class Extra(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    keys: dict[int, str] = {}

    @property
    def unwritten(self) -> float:
        return math.nan


class Computed(pydantic.BaseModel):
    @pydantic.computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def rate(self) -> float:
        return math.nan


class Anything(pydantic.BaseModel):
    rate: object = math.nan


@pydantic.dataclasses.dataclass
class Rated:
    rate: float


class Number(float):
    pass


def test_not_finite_numbers_anywhere() -> None:
    says = "float nan is not JSON; give a finite number or None"
    assert refusal(Rated(math.nan)) == f"output.rate: {says}"
    assert refusal(Extra.model_validate({"x": [{"y": math.nan}]})) == f"output.x[0].y: {says}"
    assert refusal(Computed()) == f"output.rate: {says}"
    assert refusal([Anything()]) == f"output[0].rate: {says}"
    assert refusal([Number("nan")]) == f"output[0]: {says}"
    assert dump(Handles(rate=math.nan), "output").body == b'{"rate":null}'
    assert dump(Extra(keys={1: "a"}), "output").body == b'{"keys":{"1":"a"}}'


def test_iterators_are_refused() -> None:
    def rows() -> Iterator[float]:
        yield math.nan

    says = "which can be read only once; return a list of what it gives"
    assert refusal(rows()) == f"output is a generator, {says}"
    assert refusal({"a": [map(str, [1])]}) == f"output.a[0] is a map, {says}"


def test_messages_are_short_and_hold_no_values() -> None:
    def bad() -> list[Circle]:
        return [{"size": "hunter2"}] * 1000  # type: ignore[list-item]  # pyright: ignore

    _, logged = deliver(bad, canonical=False)
    assert len(logged) == 1
    assert "hunter2" not in logged[0]
    assert logged[0].endswith(
        "[4].size: Input should be a valid integer, unable to parse string as an integer, and 995 more"
    )
    deep: Any = object()
    for _ in range(900):
        deep = [deep]
    assert len(refusal(deep)) < 400


def test_a_validator_that_raises_is_a_misfit() -> None:
    @dataclasses.dataclass
    class Fails:
        number: float

        def __post_init__(self) -> None:
            if fail:
                raise RuntimeError("no database")

    fail = False
    value = Fails(1)
    fail = True
    back, logged = deliver(annotated(value, Fails), canonical=False)
    assert back == {"number": 1}
    assert logged[0].endswith("it does not fit its annotation Fails: RuntimeError: no database")
    event = inngest.event_type("a/b", Fails)
    with pytest.raises(
        EventInvalidError, match=r'^event "a/b": data: reading it as Fails raised RuntimeError: no database; '
    ):
        parse_as(event.kind, inngest.Event(name="a/b", data={"number": 1}))


def test_typed_events_keep_what_they_are_given() -> None:
    event = inngest.event_type("a/b", Alias)
    sent = event(Alias(user_name="ada"))
    body = dump(sent.to_wire(), "event").body
    assert body == b'{"name":"a/b","data":{"userName":"ada"}}'
    assert parse_as(event.kind, inngest.Event.model_validate_json(body)).data == Alias(user_name="ada")
    raw = inngest.event_type("a/b", Raw)
    assert parse_as(raw.kind, inngest.Event(name="a/b", data={"raw": "text", "pair": ["a", 1]})).data.raw == b"text"


def test_names_that_only_the_callback_knows() -> None:
    @dataclasses.dataclass
    class Inner:
        at: datetime.datetime

    @dataclasses.dataclass
    class Outer:
        inner: Inner

    def load() -> Outer:
        return Outer(Inner(AT))

    assert deliver(load, canonical=True) == (Outer(Inner(AT)), [])
    assert deliver(Built.build, canonical=True) == (Built(AT.date()), [])


class Wrapping(inngest.PydanticSerializer):
    def serialize(self, obj: object, typ: object) -> object:
        return {"w": super().serialize(obj, typ)}

    def deserialize(self, obj: object, typ: object) -> object:
        return super().deserialize(typing.cast("dict[str, object]", obj)["w"], typ)


def test_a_serializer_that_cannot_leaves_plain_json() -> None:
    back, logged = deliver(annotated([1, 2], Circle), canonical=False, serializer=Wrapping())
    assert back == [1, 2]
    assert len(logged) == 1
    assert deliver(annotated(Circle(size=2), Circle), canonical=True, serializer=Wrapping()) == (Circle(size=2), [])


def test_callbacks_behind_one_decorator_are_told_apart() -> None:
    def decorated(callback: Callable[[], object]) -> Callable[[], object]:
        def wrapper() -> object:
            return callback()

        wrapper.__wrapped__ = callback  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
        return wrapper

    records = LogList()
    logger = silent_logger()
    logger.addHandler(records)
    logger.disabled = False
    logger.setLevel(logging.WARNING)
    results = Results("app-fn", logger, None, set())
    for number, callback in enumerate((decorated(lambda: AT), decorated(lambda: ID))):
        results.dump(run(f"s{number}", callback, ()), callback(), changed=False)
    assert [line.partition(" of ")[0] for line in records.texts] == ['step "s0"', 'step "s1"']


LEAVES: list[tuple[st.SearchStrategy[Any], Any]] = [
    (st.floats(allow_nan=False, allow_infinity=False), float),
    (st.datetimes(timezones=st.none() | st.just(datetime.UTC)), datetime.datetime),
    (st.decimals(allow_nan=False, allow_infinity=False), decimal.Decimal),
    (st.uuids(), uuid.UUID),
    (st.binary(), bytes),
    (st.sampled_from(Planet), Planet),
    (st.builds(Alias, user_name=st.text("abc")), Alias),
    (st.builds(Raw, raw=st.binary()), Raw),
    (st.builds(Node, st.binary(), st.lists(st.builds(Node, st.binary()), max_size=2)), Node),
    (st.builds(Grown, st.dates()), Grown),
    (st.builds(Made, st.integers(-9, 9)), Made),
    (st.builds(Token, st.binary()), Token),
    (st.one_of(st.builds(Circle, size=st.integers(0, 9)), st.builds(Other, y=st.integers(0, 9))), Circle | Other),
    (st.one_of(st.none(), st.dates()), datetime.date | None),
]


def _around(inner: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.one_of(
        inner.map(lambda pair: ([pair[0], pair[0]], types.GenericAlias(list, pair[1]))),
        inner.map(lambda pair: ({"a b": pair[0]}, types.GenericAlias(dict, (str, pair[1])))),
        inner.map(lambda pair: ({7: pair[0]}, types.GenericAlias(dict, (int, pair[1])))),
        inner.map(lambda pair: ((pair[0],), types.GenericAlias(tuple, (pair[1], ...)))),
        inner.map(lambda pair: (Page([pair[0]], b"\xff"), types.GenericAlias(Page, (pair[1],)))),
    )


def _typed(values: st.SearchStrategy[Any], typ: Any) -> st.SearchStrategy[tuple[Any, Any]]:
    return values.map(lambda value: (value, typ))


LEAF = st.one_of([_typed(values, typ) for values, typ in LEAVES])


@given(st.recursive(LEAF, _around, max_leaves=3), st.booleans())
def test_any_nested_value_comes_back_from_any_engine(pair: tuple[Any, Any], canonical: bool) -> None:
    value, typ = pair
    back, logged = deliver(annotated(value, typ), canonical=canonical)
    assert show(back) == show(value) or back == value
    assert logged == []
