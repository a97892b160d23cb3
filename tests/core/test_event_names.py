"""Models that are written under other names than they are read under: sent by alias, and the same when received."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Generic, TypedDict, TypeVar

import pydantic
import pytest
from pydantic import AliasChoices, AliasGenerator, AliasPath, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

import inngest
from inngest_core.events.event import parse_event
from inngest_core.events.event_types import parse_as
from tests.core.test_event_classes import sent

T = TypeVar("T")


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))


class Written(BaseModel):
    user_name: str = Field(default="nobody", serialization_alias="userName")


class Read(BaseModel):
    user_name: str = Field(validation_alias="UN")


class Both(BaseModel):
    user_name: str = Field(default="nobody", validation_alias="UN", serialization_alias="userName")


class Same(BaseModel):
    user_name: str = Field(alias="un")


class Choices(BaseModel):
    user_name: str = Field(validation_alias=AliasChoices("UN", AliasPath("user", "name")), serialization_alias="n")


class Paths(BaseModel):
    first: str = Field(default="", validation_alias=AliasPath("user", "first"))
    last: str = Field(default="", validation_alias=AliasPath("user", "last"))


class First(Camel):
    first_name: str
    in_side: list[Written] = []


class Second(Camel):
    last_name: str


class Tree(Camel):
    own_name: str
    sub_trees: dict[str, Tree] = {}


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    price: int

    @pydantic.computed_field  # type: ignore[prop-decorator]  # mypy takes no decorators on properties
    @property
    def doubled(self) -> int:
        return self.price * 2


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    user_name: str = Field(validation_alias="UN", serialization_alias="userName")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_page: str = Field(default="", serialization_alias="next")


@pydantic.dataclasses.dataclass
class OfPydantic:
    user_name: str = Field(default="nobody", serialization_alias="userName")


@dataclasses.dataclass
class Holder:
    one: Written
    other: Both | None = None
    pair: tuple[Written, int] | None = None


class Dict(TypedDict):
    one: Written


Root = pydantic.RootModel[dict[str, Written]]
ADA = Written(user_name="ada")
CASES: list[tuple[Any, Any, Any]] = [
    (Written, ADA, {"userName": "ada"}),
    (Read, Read.model_validate({"UN": "ada"}), {"user_name": "ada"}),
    (Both, Both.model_validate({"UN": "ada"}), {"userName": "ada"}),
    (Same, Same(un="ada"), {"un": "ada"}),
    (Choices, Choices.model_validate({"UN": "ada"}), {"n": "ada"}),
    (Paths, Paths.model_validate({"user": {"first": "a", "last": "b"}}), {"first": "a", "last": "b"}),
    (First, First(first_name="a", in_side=[ADA]), {"firstName": "a", "inSide": [{"userName": "ada"}]}),
    (First | Second, Second(last_name="b"), {"lastName": "b"}),
    (First | Second, First(first_name="a"), {"firstName": "a", "inSide": []}),
    (
        Tree,
        Tree(own_name="a", sub_trees={"x": Tree(own_name="b")}),
        {"ownName": "a", "subTrees": {"x": {"ownName": "b", "subTrees": {}}}},
    ),
    (Computed, Computed(price=2), {"price": 2, "doubled": 4}),
    (ByName, ByName.model_validate({"UN": "ada"}), {"userName": "ada"}),
    (Page[Written], Page[Written](items=[ADA], next_page="2"), {"items": [{"userName": "ada"}], "next": "2"}),
    (OfPydantic, OfPydantic(user_name="ada"), {"userName": "ada"}),
    (
        Holder,
        Holder(ADA, Both.model_validate({"UN": "b"}), (ADA, 1)),
        {"one": {"userName": "ada"}, "other": {"userName": "b"}, "pair": [{"userName": "ada"}, 1]},
    ),
    (Dict, {"one": ADA}, {"one": {"userName": "ada"}}),
    (dict[int, Written], {1: ADA}, {"1": {"userName": "ada"}}),
    (
        pydantic.RootModel[dict[str, Written]],
        pydantic.RootModel[dict[str, Written]]({"a": ADA}),
        {"a": {"userName": "ada"}},
    ),
]


@pytest.mark.parametrize(("typ", "value", "wire"), CASES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_receiver_gets_what_was_sent(typ: Any, value: Any, wire: Any) -> None:
    event_type = inngest.event_type("x", typ)
    event = event_type(value)
    assert event.data == value
    (body,) = json.loads(json.dumps(sent(event)))
    assert body == {"name": "x", "data": wire}
    received: Any = parse_as(event_type.kind, parse_event({**body, "data": {**body["data"], "_inngest": {}}})).data
    assert (received, type(received)) == (value, type(value))


@pytest.mark.parametrize(
    ("typ", "data", "value"),
    [
        (Both, {"UN": "ada"}, Both.model_validate({"UN": "ada"})),
        (Written, {"user_name": "ada"}, ADA),
        (Paths, {"user": {"first": "a"}}, Paths.model_validate({"user": {"first": "a"}})),
        (First, {"first_name": "a", "in_side": [{"user_name": "ada"}]}, First(first_name="a", in_side=[ADA])),
    ],
)
def test_events_of_others_are_read_under_the_names_that_the_type_reads(typ: Any, data: Any, value: Any) -> None:
    assert parse_as(inngest.event_type("x", typ).kind, parse_event({"name": "x", "data": data})).data == value


def test_the_instance_that_was_given_stays() -> None:
    assert inngest.event_type("x", Written)(ADA).data is ADA
    assert inngest.event_type("x", Camel)(First(first_name="a")).data == First(first_name="a")
