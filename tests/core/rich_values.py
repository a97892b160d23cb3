"""Classes and values that JSON cannot express as they are, for the tests of what comes back."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import typing
import uuid
from collections.abc import Callable
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import attrs
import pydantic
import pydantic.dataclasses
import typing_extensions

from inngest_core.values.comparison import children

T = TypeVar("T")


class Color(enum.Enum):
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


class Thread(TypedDict):
    at: datetime.datetime
    replies: list[Thread]


class Boxed(TypedDict, Generic[T]):
    item: T


@dataclasses.dataclass
class Chain:
    raw: bytes
    next: Chain | None = None


@dataclasses.dataclass
class Wrapper(Generic[T]):
    item: T
    raw: bytes = b""


@dataclasses.dataclass
class Holder:
    thread: Thread
    line: Line


class Couple(NamedTuple, Generic[T]):
    one: T
    raw: bytes


@attrs.define
class Line:
    at: datetime.datetime
    note: str = "none"
    blob: bytes = b""


@attrs.define
class Private:
    """The serializer of msgspec leaves out what begins with an underscore."""

    _secret: int


class SubLine(Line):
    """A subclass that attrs was not told of."""


@attrs.frozen(kw_only=True)
class Order:
    lines: list[Line]
    parts: list[Order] = attrs.field(factory=list["Order"])
    total: float = 0.0
    count: int = attrs.field(init=False, default=0)


@attrs.define
class Slot(Generic[T]):
    item: T


UserId = typing.NewType("UserId", str)
Secret = typing.NewType("Secret", bytes)
Labelled = typing_extensions.TypeAliasType("Labelled", tuple[T, bytes], type_params=(T,))
Blobs = typing_extensions.TypeAliasType("Blobs", list[bytes])
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
    (Color.RED, Color),
    (Color.BLUE, Color),
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
    ({ID: {Color.RED}}, dict[uuid.UUID, set[Color]]),
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
    ({"at": AT, "replies": [{"at": AT, "replies": []}]}, Thread),
    ({"item": {AT}}, Boxed[set[datetime.datetime]]),
    (Chain(b"\xff", Chain(b"\xfe")), Chain),
    ((Chain(b"\xff"), Chain(b"\xfe")), tuple[Chain, Chain]),
    (Wrapper(AT, b"\xff"), Wrapper[datetime.datetime]),
    (Wrapper(Wrapper(ID, b"\xff")), Wrapper[Wrapper[uuid.UUID]]),
    (Couple(AT, b"\xff"), Couple[datetime.datetime]),
    (Line(AT, "n", b"\xff"), Line),
    (Private(1), Private),
    (SubLine(AT), SubLine),
    (Order(lines=[Line(AT)], parts=[Order(lines=[], total=2.5)]), Order),
    ({"a": Order(lines=[])}, dict[str, Order | None]),
    (Slot(AT), Slot[datetime.datetime]),
    (Holder({"at": AT, "replies": []}, Line(AT)), Holder),
    (Secret(b"\xff"), Secret),
    ([b"\xff"], Blobs),
    ((AT, b"\xff"), Labelled[datetime.datetime]),
]


def annotated(value: object, typ: object) -> Callable[[], Any]:
    """Return a callback that gives *value* and says that it is of that type."""

    def callback() -> Any:
        return value

    callback.__annotations__["return"] = typ
    return callback


def alike(one: object, other: object) -> bool:
    """Tell whether two values are equal, and of the same types all the way down."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, set | frozenset):
        return True
    held, other_held = dict(children(one) or []), dict(children(other) or [])
    return held.keys() == other_held.keys() and all(alike(held[step], other_held[step]) for step in held)
