"""Rich values: what a step returns comes back with its type, and what cannot is said once. In both colours."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import logging
import math
import pathlib
import types
import typing
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, TypedDict, cast

import attrs
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inngest
from inngest_core.errors import OutputUnserializableError
from inngest_core.returns import MISSING, returned_by
from inngest_core.serializer import LARGEST_STEP, PydanticSerializer, dump_value, load_value
from tests.cases.case import hashed
from tests.core.in_test_engine import Ask, InTestEngine, ask_async, ask_sync
from tests.core.one_function import serving


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Kind(enum.StrEnum):
    A = "a"


class Model(pydantic.BaseModel):
    at: datetime.datetime
    price: decimal.Decimal = decimal.Decimal("1.10")


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    at: datetime.datetime
    pair: tuple[int, uuid.UUID]


class Aliased(pydantic.BaseModel):
    name: str = pydantic.Field(alias="userName")


class Base64Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    raw: bytes


@dataclasses.dataclass
class Data:
    day: datetime.date
    models: list[Model] = dataclasses.field(default_factory=list[Model])


@dataclasses.dataclass(frozen=True, slots=True)
class Blob:
    raw: bytes
    hidden: int = dataclasses.field(default=0, init=False)
    name: str = ""


@pydantic.dataclasses.dataclass
class PydanticData:
    day: datetime.date


class Named(NamedTuple):
    number: int
    at: datetime.datetime


class NamedBlob(NamedTuple):
    raw: bytes
    at: datetime.time


class PlainDict(TypedDict):
    name: str
    tags: list[str]


class RichDict(TypedDict, total=False):
    at: typing.Required[datetime.datetime]
    plain: PlainDict
    blob: bytes


class Tree(pydantic.BaseModel):
    value: datetime.timedelta
    children: list[Tree] = []


UserId = typing.NewType("UserId", str)
AT = datetime.datetime(2027, 1, 2, 3, 4, 5, 678, datetime.UTC)
ID = uuid.UUID(int=7)

RICH: list[tuple[object, Any]] = [
    (AT, datetime.datetime),
    (AT.replace(tzinfo=None), datetime.datetime),
    (AT.date(), datetime.date),
    (datetime.time(1, 2, 3, 4), datetime.time),
    (datetime.timedelta(days=-1, microseconds=3), datetime.timedelta),
    (decimal.Decimal("1.10"), decimal.Decimal),
    (ID, uuid.UUID),
    (Colour.RED, Colour),
    (Colour.BLUE, Colour),
    (Level.LOW, Level),
    (Kind.A, Kind),
    (Kind.A, Literal[Kind.A]),
    (b"\xff\x00 any bytes", bytes),
    (bytearray(b"\xfe"), bytearray),
    ({1, 2}, set[int]),
    (frozenset({AT}), frozenset[datetime.datetime]),
    ((1, AT, "x"), tuple[int, datetime.datetime, str]),
    ((1, 2, 3), tuple[int, ...]),
    ((1, "a"), tuple),
    (collections.deque([1]), collections.deque[int]),
    (collections.Counter("aab"), collections.Counter[str]),
    (pathlib.PurePosixPath("/a/b"), pathlib.PurePosixPath),
    (pathlib.Path("a"), pathlib.Path),
    ({1: AT, 2: AT}, dict[int, datetime.datetime]),
    ({ID: {Colour.RED}}, dict[uuid.UUID, set[Colour]]),
    (Model(at=AT), Model),
    ([Model(at=AT)], list[Model]),
    ({"a": (Model(at=AT), None)}, dict[str, tuple[Model, Model | None]]),
    (Strict(at=AT, pair=(1, ID)), Strict),
    (Aliased(userName="ada"), Aliased),
    (Base64Model(raw=b"\xff"), Base64Model),
    (Data(AT.date(), [Model(at=AT)]), Data),
    (Blob(b"\xff", "b"), Blob),
    ([Blob(b"")], list[Blob]),
    (PydanticData(AT.date()), PydanticData),
    (Named(1, AT), Named),
    (NamedBlob(b"\xff", datetime.time(1)), NamedBlob),
    ({"at": AT}, RichDict),
    ({"at": AT, "plain": {"name": "a", "tags": ["b"]}, "blob": b"\xff"}, RichDict),
    ([{"at": AT}], list[RichDict]),
    (Tree(value=datetime.timedelta(1), children=[Tree(value=datetime.timedelta(2))]), Tree),
    (None, datetime.datetime | None),
    (AT, datetime.datetime | None),
    (1 + 2j, complex),
]

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


def annotated(value: object, typ: object) -> Callable[[], Any]:
    def callback() -> Any:
        return value

    callback.__annotations__["return"] = typ
    return callback


@pytest.mark.parametrize(("value", "typ"), RICH, ids=[f"{number}-{typ}" for number, (_, typ) in enumerate(RICH)])
def test_a_rich_value_comes_back(value: object, typ: object) -> None:
    assert returned_by(annotated(value, typ)).typ == typ
    body = dump_value(value, "it", output_type=typ)
    back = load_value(json.loads(body), typ)
    assert back == value
    assert type(back) is type(value)
    serializer = PydanticSerializer()
    assert serializer.deserialize(serializer.serialize(value, typ), typ) == value


@pytest.mark.parametrize("typ", PLAIN, ids=map(str, PLAIN))
def test_a_plain_type_builds_nothing(typ: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydantic, "TypeAdapter", None)
    returns = returned_by(annotated(None, typ))
    assert (returns.typ, returns.problem) == (None, None)


JSON_VALUES = st.recursive(  # whole floats that ints of 53 bits cannot hold come back as other ints
    st.none() | st.booleans() | st.integers() | st.floats(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
LEAVES: list[tuple[st.SearchStrategy[Any], Any]] = [
    (st.datetimes(timezones=st.just(datetime.UTC)), datetime.datetime),
    (st.dates(), datetime.date),
    (st.times(), datetime.time),
    (st.timedeltas(min_value=datetime.timedelta(-10_000), max_value=datetime.timedelta(10_000)), datetime.timedelta),
    (st.decimals(allow_nan=False, allow_infinity=False), decimal.Decimal),
    (st.uuids(), uuid.UUID),
    (st.sampled_from(Colour), Colour),
    (st.binary(), bytes),
    (st.builds(Model, at=st.datetimes()), Model),
    (st.builds(Blob, st.binary()), Blob),
    (st.builds(Named, st.integers(), st.datetimes()), Named),
    (st.integers(), int),
    (JSON_VALUES, Any),
]


def _around(inner: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    """Strategies of values with their types: containers of what *inner* gives."""

    def in_list(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        value, typ = pair
        return [value, value], types.GenericAlias(list, typ)

    def in_dict(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        value, typ = pair
        return {"a b": value}, types.GenericAlias(dict, (str, typ))

    def in_tuple(pair: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any]:
        return (pair[0], other[0]), types.GenericAlias(tuple, (pair[1], other[1]))

    def in_keys(pair: tuple[Any, Any], key: int) -> tuple[Any, Any]:
        value, typ = pair
        return {key: value}, types.GenericAlias(dict, (int, typ))

    return (
        inner.map(in_list)
        | inner.map(in_dict)
        | st.builds(in_tuple, inner, inner)
        | st.builds(in_keys, inner, st.integers())
    )


def _leaf(values: st.SearchStrategy[Any], typ: Any) -> st.SearchStrategy[tuple[Any, Any]]:
    return values.map(lambda value: (value, typ))


VALUES = st.recursive(st.one_of([_leaf(values, typ) for values, typ in LEAVES]), _around, max_leaves=5)


@given(VALUES)
def test_any_nested_value_comes_back(pair: tuple[Any, Any]) -> None:
    value, typ = pair
    body = dump_value(value, "it", output_type=typ)
    assert load_value(json.loads(body), typ) == value


# What is known of a callback


class Repository:
    def load(self) -> Model:
        return Model(at=AT)

    async def load_async(self) -> Model:
        return Model(at=AT)

    @classmethod
    def make(cls, _: int) -> list[Model]:
        return []

    def __call__(self) -> datetime.date:
        return AT.date()


def decorated(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def wrapper(*args: object) -> Any:
        return callback(*args)

    return wrapper


def unresolvable() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    pass


def awaitable() -> Awaitable[Model]:
    return Repository().load_async()


def test_what_is_known_of_callbacks() -> None:
    repository = Repository()
    for callback in (
        repository.load,
        repository.load_async,
        functools.partial(Repository.load, repository),
        decorated(Repository.load),
        decorated(functools.partial(Repository.load, repository)),
        awaitable,
        Model,
    ):
        assert returned_by(callback).typ is Model, callback
        assert returned_by(callback) is returned_by(callback)
    assert returned_by(repository.make).typ == list[Model]
    assert returned_by(repository).typ is datetime.date
    assert returned_by(decorated(Repository.make)).typ == list[Model]
    assert returned_by(lambda: 1) is MISSING
    assert returned_by(print) is MISSING
    assert returned_by(dict).typ is None
    nowhere: Any = cast("Any", unresolvable)
    assert returned_by(nowhere).problem == (
        "its return annotation Nowhere cannot be used: name 'Nowhere' is not defined"
    )


def test_local_classes() -> None:
    def make() -> Callable[[], Any]:
        class Local(pydantic.BaseModel):
            number: int = 1

        def callback() -> Local:
            return Local()

        return callback

    for callback in (make(), make()):
        assert returned_by(callback).typ is type(callback())


# In functions


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])


def run(ask: Ask, callback: Callable[..., Any], *, runs: int = 1, **options: Any) -> tuple[list[Any], list[str]]:
    """Run a function of one step; return what the function got of it, in each run, and what was logged."""
    got: list[Any] = []

    def handler(ctx: inngest.ContextSync) -> None:
        got.append(ctx.step.run("load", callback, **options))

    async def handler_async(ctx: inngest.Context) -> None:
        got.append(await ctx.step.run("load", callback, **options))

    records = Records()
    logger = logging.Logger("records")
    logger.addHandler(records)
    with serving(handler if ask is ask_sync else handler_async, logger=logger) as app:
        for _ in range(runs):
            engine = InTestEngine(app, ask, lambda _: 0)
            assert engine.run() is None
            engine.call()
    assert got[0] == got[1], "live and replay differ"
    return got, records.lines


def load_data() -> Data:
    return Data(AT.date(), [Model(at=AT)])


@ASKS
def test_the_annotation_counts(ask: Ask) -> None:
    got, logged = run(ask, load_data)
    assert got == [load_data()] * 2
    assert logged == []


def wrong() -> list[Model]:
    return [{"name": "no model"}]  # type: ignore[list-item]  # pyright: ignore


def loose() -> dict[str, Any]:
    return {"at": AT}


@ASKS
def test_an_annotation_that_does_not_fit_is_said_once(ask: Ask) -> None:
    got, logged = run(ask, wrong, runs=2)
    assert got == [[{"name": "no model"}]] * 4
    assert len(logged) == 1
    assert logged[0].startswith(
        'step "load" of app-fn: the result comes back as plain JSON: it does not fit its annotation list['
    )


@ASKS
@pytest.mark.parametrize(
    ("callback", "problem"),
    [
        (lambda: AT, "is a datetime and comes back as plain JSON: its callback has no return annotation"),
        (loose, "is a dict and comes back as plain JSON: its annotation is of plain JSON"),
    ],
)
def test_a_missing_annotation_is_said_once(ask: Ask, callback: Callable[[], Any], problem: str) -> None:
    got, logged = run(ask, callback, runs=2)
    assert got[0] in ("2027-01-02T03:04:05.000678Z", {"at": "2027-01-02T03:04:05.000678Z"})
    assert logged == [f'step "load" of app-fn: the result {problem}; annotate what it returns, or give output_type=']


@ASKS
def test_plain_values_need_no_annotation(ask: Ask) -> None:
    got, logged = run(ask, lambda: {"a": [1, 2.5, None, "x"]})
    assert got[0] == {"a": [1, 2.5, None, "x"]}
    assert logged == []


@ASKS
def test_an_output_type_is_strict(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("load", lambda: {"price": 1}, output_type=Model)
        except inngest.StepError as error:
            return error.message
        return ""

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.run("load", lambda: {"price": 1}, output_type=Model)
        except inngest.StepError as error:
            return error.message
        return ""

    with serving(handler if ask is ask_sync else handler_async) as app:
        message = InTestEngine(app, ask, lambda _: 0).run()
    assert isinstance(message, str)
    assert message == (
        'step "load": output, a dict, does not fit output_type=Model: at: Field required; correct the type or the value'
    )


# What is refused


def refusal(value: object, **options: Any) -> str:
    with pytest.raises(OutputUnserializableError) as caught:
        dump_value(value, 'step "quote": output', **options)
    return caught.value.message


class Rate(pydantic.BaseModel):
    rate: float
    note: str | None = None
    hidden: float = pydantic.Field(default=0.0, exclude=True)


class RateAsText(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_inf_nan="strings")
    rate: float


FINITE = "give a finite number or None"
KEYS = "give str keys, or annotate the type that is returned"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"items": [1, 2, 3, {"price": math.nan}]}, f".items[3].price: float nan is not JSON; {FINITE}"),
        (math.inf, f": float inf is not JSON; {FINITE}"),
        ([-math.inf], f"[0]: float -inf is not JSON; {FINITE}"),
        (Rate(rate=math.nan), f".rate: float nan is not JSON; {FINITE}"),
        ({"a": [Rate(rate=1), Rate(rate=math.inf)]}, f".a[1].rate: float inf is not JSON; {FINITE}"),
        ({"a": decimal.Decimal("NaN")}, f".a: decimal NaN is not JSON; {FINITE}"),
        (decimal.Decimal("-Infinity"), f": decimal -Infinity is not JSON; {FINITE}"),
        ({1: 2}, f": key 1 is a int, not a str; {KEYS}"),
        ({"a": [{"b": {None: 2}}]}, f".a[0].b: key None is a NoneType, not a str; {KEYS}"),
        ([{(1, 2): 2}], f"[0]: key (1, 2) is a tuple, not a str; {KEYS}"),
        ({Colour.RED: 1}, f": key {Colour.RED!r} is a Colour, not a str; {KEYS}"),
        ({"\ud800": {1: 2}}, f"['\\ud800']: key 1 is a int, not a str; {KEYS}"),
    ],
)
def test_refusals(value: object, message: str) -> None:
    assert refusal(value) == 'step "quote": output' + message


def test_a_cycle_is_refused() -> None:
    value: dict[str, object] = {}
    value["again"] = [value]
    assert refusal(value) == (
        'step "quote": output.again[0] is a dict that holds itself; return JSON values or give output_type='
    )


def test_bytes_of_a_model_that_are_no_text() -> None:
    class Raw(pydantic.BaseModel):
        raw: bytes

    assert dump_value(Raw(raw=b"text"), "it") == b'{"raw":"text"}'
    assert refusal({"a": Raw(raw=b"\xff")}).startswith('step "quote": output.a is a Raw that cannot be written: ')


def test_what_a_model_leaves_out_or_writes_as_text_is_fine() -> None:
    assert dump_value(Rate(rate=1, hidden=math.nan), "it") == b'{"rate":1,"note":null}'
    assert dump_value(RateAsText(rate=math.nan), "it") == b'{"rate":"NaN"}'
    assert dump_value([RateAsText(rate=math.nan), None], "it") == b'[{"rate":"NaN"},null]'
    assert load_value({"rate": "NaN"}, RateAsText).rate != 1


def test_what_is_too_large() -> None:
    rows = ["x" * 1024] * 4096
    assert refusal({"name": "n", "rows": rows}, limit=LARGEST_STEP) == (
        'step "quote": output is 4,206,613 bytes as JSON (step "quote": output.rows alone is 4,206,593), '
        "over the limit of 4 MiB for one step; keep it elsewhere and return where it is"
    )
    assert refusal("x" * LARGEST_STEP, limit=LARGEST_STEP) == (
        'step "quote": output is 4,194,306 bytes as JSON, over the limit of 4 MiB for one step; '
        "keep it elsewhere and return where it is"
    )
    assert len(dump_value("x" * (LARGEST_STEP - 2), "it", limit=LARGEST_STEP)) == LARGEST_STEP


def test_a_result_of_a_function_that_is_too_large() -> None:
    def handler(ctx: inngest.ContextSync) -> list[str]:
        return ["x" * 1024] * 9000

    with serving(handler) as app:
        status, body = InTestEngine(app, ask_sync, lambda _: 0).call()
    assert status == 500
    assert body["code"] == "output_unserializable"
    assert body["message"] == (
        "function app-fn: output is 9,243,001 bytes as JSON, over the limit of 8 MiB for one answer; "
        "keep it elsewhere and return where it is"
    )


# What is given to invoked functions, and what comes back


def test_rich_data_is_given_to_an_invoked_function() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.invoke_by_id("call", function_id="other", data=Model(at=AT))

    with serving(handler) as app:
        status, body = InTestEngine(app, ask_sync, lambda _: 0).call()
    assert status == 206
    assert body[0]["opts"]["payload"] == {"data": {"at": "2027-01-02T03:04:05.000678Z", "price": "1.10"}}


@ASKS
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"rate": math.nan}, f'step "call": data.rate: float nan is not JSON; {FINITE}'),
        ([1], 'step "call": data is a JSON array; an event\'s data is an object: give a dict or a model'),
    ],
)
def test_data_of_an_invoked_function_is_refused_where_it_is_given(ask: Ask, data: Any, message: str) -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.invoke_by_id("call", function_id="other", data=data)
        except inngest.InngestError as error:
            return error.message
        return ""

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.invoke_by_id("call", function_id="other", data=data)
        except inngest.InngestError as error:
            return error.message
        return ""

    with serving(handler if ask is ask_sync else handler_async) as app:
        assert InTestEngine(app, ask, lambda _: 0).run() == message


def test_invoke_gives_back_what_the_function_returns() -> None:
    with inngest.Inngest(app_id="app", is_production=False) as client:

        @client.create_function(fn_id="other")
        async def other(ctx: inngest.Context) -> Data:
            return load_data()

        def handler(ctx: inngest.ContextSync) -> list[bool]:
            first = ctx.step.invoke("call", function=other)
            second = ctx.step.invoke_by_id("by id", function_id="other", output_type=Data)
            return [first == load_data(), second == load_data()]

        with serving(handler) as app:
            engine = InTestEngine(app, ask_sync, lambda _: 0)
            for step_id in ("call", "by id"):
                engine.memos[hashed(step_id)] = {"data": json.loads(dump_value(load_data(), "it"))}
            assert engine.run() == [True, True]


def test_a_step_error_has_causes() -> None:
    def work() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise inngest.NonRetriableError("outer") from error

    def handler(ctx: inngest.ContextSync) -> list[object]:
        try:
            ctx.step.run("work", work)
        except inngest.StepError as error:
            cause = error.cause
            assert cause is not None
            assert error.__cause__ is cause
            assert "in work" in (cause.stack or "")
            return [error.name, error.step_id, cause.name, cause.message, cause.step_id, cause.cause]
        return []

    with serving(handler) as app:
        got = InTestEngine(app, ask_sync, lambda _: 0).run()
    assert got == ["NonRetriableError", "work", "KeyError", "'inner'", "work", None]


# attrs


def test_attrs_classes() -> None:
    @attrs.define
    class AttrsLine:
        at: datetime.datetime
        _secret: int
        note: str = "none"
        blob: bytes = b""

    @attrs.frozen
    class AttrsOrder:
        lines: list[Any]
        total: float = attrs.field(default=0.0)

    Line: Any = AttrsLine
    Order: Any = AttrsOrder
    Line.__annotations__["at"] = datetime.datetime
    Order.__annotations__["lines"] = list[Line]
    order = Order([Line(AT, 1), Line(AT, 2, "n", b"\xff")], 2.5)
    body = dump_value({"a": order}, "it")
    assert json.loads(body)["a"]["lines"][0]["_secret"] == 1
    assert load_value(json.loads(body), dict[str, Order]) == {"a": order}
    assert load_value(json.loads(body), dict[str, Order | None]) == {"a": order}
    assert refusal(Order([], math.nan)) == f'step "quote": output.total: float nan is not JSON; {FINITE}'

    @dataclasses.dataclass
    class Holder:
        order: Any

    Holder.__annotations__["order"] = Order
    assert load_value(json.loads(dump_value(Holder(order), "it")), Holder) == Holder(order)
