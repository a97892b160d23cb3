"""Classes of events as triggers, sent, waited for and given to invoked functions; and types that no event can have."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Annotated, Any, Literal, NamedTuple

import attrs
import pydantic
import pytest

import inngest
from inngest_core.errors import ConfigError, OutputUnserializableError
from inngest_core.events.event import send_events
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FN_ID, Call, hashed
from tests.core.test_events import DEV, Engine, answer
from tests.stage.asks import ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import silent_logger
from tests.stage.one_function import request_of, serving, shown


class SignupData(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    email: str
    at: datetime.datetime | None = None


class Signup(inngest.TypedEvent[SignupData]):
    name: str = "user/signed.up"
    source: Literal["web", "app"] = "web"


@attrs.define
class LeftData:
    why: bytes


class Left(inngest.TypedEvent[LeftData]):
    name: str = "user/left"


class Older(inngest.Event):
    """A subclass of Event that types its data itself."""

    name: str = "user/older"
    data: SignupData  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]


class Ping(inngest.Event):
    name: str = "ping"


class Pair(NamedTuple):
    a: int


AT = datetime.datetime(2027, 1, 2, tzinfo=datetime.UTC)
ADA = {"email": "a@b.c", "at": "2027-01-02T00:00:00Z"}
ADA_DATA = SignupData(email="a@b.c", at=AT)


def sent(*events: inngest.Event) -> Any:
    """Return what goes to the engine."""
    engine = Engine(answer(200, ids=["1"] * len(events)))
    engine.run(send_events(events, engine_api=DEV))
    return engine.sent()


def test_events_of_a_class_are_sent_with_its_name_and_fields() -> None:
    assert sent(Signup(data=ADA_DATA, id="x"), Left(data=LeftData(b"\xff")), Older(data=ADA_DATA), Ping()) == [
        {"name": "user/signed.up", "data": ADA, "id": "x", "source": "web"},
        {"name": "user/left", "data": {"why": "_w=="}},
        {"name": "user/older", "data": ADA},
        {"name": "ping", "data": {}},
    ]


def test_data_that_does_not_fit_is_refused_where_an_event_is_made() -> None:
    wrong: Any = {"at": 3}
    with pytest.raises(inngest.EventInvalidError) as caught:
        Signup(data=wrong)
    assert caught.value.message == (
        'event "user/signed.up": data.email: Field required, data.at: Input should be a valid datetime; '
        "expected SignupData"
    )
    with pytest.raises(inngest.EventInvalidError, match=r'^event "user/signed.up": data.email: Field required; '):
        Signup(data=SignupData.model_construct(at=AT))


def test_an_error_names_the_first_fields_only() -> None:
    many = inngest.event_type("many", dict[str, int])
    wrong: Any = {str(number): "x" for number in range(1000)}
    with pytest.raises(inngest.EventInvalidError) as caught:
        many(wrong)
    assert caught.value.message.count("unable to parse") == 5
    assert caught.value.message.endswith(", and 995 more; expected dict[str, int]")


def functions() -> dict[str, Any]:
    """Return clients with a function of both kinds, sync and async, that say what they were given."""
    found: dict[str, Any] = {}
    for kind in ("async", "sync"):
        client = inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger())
        decorate = client.create_function(fn_id=FN_ID, trigger=[Signup, Left, Older, Ping])

        async def function(ctx: inngest.Context[Signup | Left | Older | Ping]) -> list[Any]:
            return [type(ctx.event).__name__, type(ctx.event.data).__name__, ctx.event.name, len(ctx.events)]

        def function_sync(ctx: inngest.ContextSync[Signup | Left | Older | Ping]) -> list[Any]:
            return [type(ctx.event).__name__, type(ctx.event.data).__name__, ctx.event.name, len(ctx.events)]

        found[kind] = client, decorate(function) if kind == "async" else decorate(function_sync)
    return found


@pytest.mark.parametrize("ask", [ask_sync, ask_async])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_functions_get_events_of_their_classes(ask: Any, kind: str) -> None:
    client, function = functions()[kind]
    assert function.get_config("http://x/")[0]["triggers"] == [
        {"event": name} for name in ("user/signed.up", "user/left", "user/older", "ping")
    ]

    def call(name: str, data: object, **more: object) -> Any:
        event: Any = {"name": name, "data": data, **more}
        response = ask(App(client, [function], framework="bare"), request_of(Call(event=event)))
        return shown(response)[1]

    assert call("user/signed.up", ADA, source="app") == ["Signup", "SignupData", "user/signed.up", 1]
    assert call("user/left", {"why": "_w==", "_inngest": {}}) == ["Left", "LeftData", "user/left", 1]
    assert call("user/older", ADA) == ["Older", "SignupData", "user/older", 1]
    assert call("ping", {"a": 1}) == ["Ping", "dict", "ping", 1]
    assert call("inngest/function.invoked", ADA) == ["Signup", "SignupData", "inngest/function.invoked", 1]
    refused = call("user/signed.up", ADA, source="post")
    assert (refused["code"], refused["message"]) == (
        "event_invalid",
        "event \"user/signed.up\": source: Input should be 'web' or 'app'; expected Signup",
    )


def test_waiting_for_an_event_of_a_class() -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        event = ctx.step.wait_for_event("wait", event=Signup, timeout=1000)
        return "nothing" if event is None else f"{event.data.email} {event.source} {event.data.at == AT}"

    with serving(handler) as app:
        engine = InProcessEngine(app, ask_sync, lambda _: 0)
        _, ops = engine.call()
        assert (ops[0]["op"], ops[0]["opts"]["event"]) == ("WaitForEvent", "user/signed.up")
        engine.memos[hashed("wait")] = {"name": "user/signed.up", "data": ADA, "source": "app"}
        assert engine.run() == "a@b.c app True"


def invoked_with(data: object, triggers: Any = ()) -> Any:
    """Return the payload for a function with these triggers that is invoked with *data*."""
    client = inngest.Inngest(app_id=APP_ID, is_production=False)

    @client.create_function(fn_id="callee", trigger=triggers)
    def callee(ctx: inngest.ContextSync) -> None: ...

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.invoke("call", function=callee, data=data)

    with serving(handler) as app:
        _, ops = InProcessEngine(app, ask_sync, lambda _: 0).call()
    return ops["message"] if "message" in ops else ops[0]["opts"]["payload"]


def test_invoked_functions_are_given_events_of_a_class() -> None:
    assert invoked_with(Signup(data=ADA_DATA)) == {"data": ADA}
    assert invoked_with(Left(data=LeftData(b"\xff"))) == {"data": {"why": "_w=="}}


def test_keys_that_the_type_declares_need_not_be_texts() -> None:
    prices = inngest.event_type("prices", dict[int, datetime.date])
    event = prices({1: AT.date()})
    assert event.data == {1: AT.date()}
    assert sent(event) == [{"name": "prices", "data": {"1": "2027-01-02"}}]
    assert invoked_with(event) == {"data": {"1": "2027-01-02"}}
    assert invoked_with({1: AT.date()}, prices) == {"data": {"1": "2027-01-02"}}
    assert invoked_with({1: AT.date()}) == {"data": {"1": "2027-01-02"}}
    assert sent(inngest.Event(name="x", data={"of": {1: 2}})) == [{"name": "x", "data": {"of": {"1": 2}}}]
    assert "key (1, 2) is a tuple, not a str" in invoked_with({(1, 2): AT.date()})
    with pytest.raises(OutputUnserializableError, match=r"key \(1, 2\) is a tuple, not a str"):
        sent(inngest.Event(name="x", data={"of": {(1, 2): 2}}))


@dataclasses.dataclass
class Plain:
    at: datetime.datetime


@pytest.mark.parametrize(
    ("data", "kept"),
    [(ADA_DATA, ADA), (Plain(AT), {"at": "2027-01-02T00:00:00Z"}), (LeftData(b"\xff"), {"why": "_w=="})],
    ids=["model", "dataclass", "attrs"],
)
def test_a_plain_event_takes_an_object_as_its_data(data: Any, kept: dict[str, Any]) -> None:
    assert inngest.Event(name="x", data=data).data == kept


def test_a_plain_event_refuses_what_is_no_object() -> None:
    class Odd(pydantic.BaseModel):
        value: float

    with pytest.raises(OutputUnserializableError, match=r"^the data of an event.value: float nan is not JSON"):
        inngest.Event(name="x", data=Odd(value=float("nan")))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(pydantic.ValidationError, match="valid dictionary"):
        inngest.Event(name="x", data=Pair(1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


NO_OBJECTS: list[Any] = [
    int,
    str,
    list[int],
    Pair,
    Literal["a"],
    None,
    SignupData | None,
    SignupData | int,
    Annotated[datetime.datetime, "at"],
    pydantic.RootModel[list[int]],
]


@pytest.mark.parametrize("typ", NO_OBJECTS, ids=str)
def test_types_that_are_no_objects_are_refused_when_they_are_named(typ: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        inngest.event_type("x", typ)
    name = typ.__name__ if isinstance(typ, type) else str(typ)
    rule = (
        f"{name} is not an object as JSON, and the data of an event always is; "
        "give a pydantic model, a dataclass or a TypedDict with a field for it"
    )
    assert caught.value.message == f'event_type "x": {rule}'
    with pytest.raises(ConfigError, match=r"^the event class "):
        pydantic.create_model("Wrong", __base__=inngest.TypedEvent[typ])


def test_types_that_are_objects() -> None:
    root = pydantic.RootModel[dict[str, int]]
    objects: list[Any] = [dict, dict[str, int], SignupData | LeftData, Annotated[Plain, "x"], root, Any]
    for typ in objects:
        assert inngest.event_type("x", typ).data_type == typ


def test_a_union_may_be_told_apart_by_a_field() -> None:
    class Cat(pydantic.BaseModel):
        kind: Literal["cat"] = "cat"
        lives: int

    class Dog(pydantic.BaseModel):
        kind: Literal["dog"] = "dog"
        lives: int

    pets = inngest.event_type("pet", Annotated[Cat | Dog, pydantic.Field(discriminator="kind")])
    assert sent(pets(Dog(lives=1))) == [{"name": "pet", "data": {"kind": "dog", "lives": 1}}]
    wrong: Any = {"kind": "fish", "lives": 1}
    with pytest.raises(inngest.EventInvalidError, match="'kind'"):
        pets(wrong)


def test_a_class_without_a_name_cannot_be_a_trigger() -> None:
    client = inngest.Inngest(app_id=APP_ID, is_production=False)
    for kind in (inngest.Event, inngest.TypedEvent[SignupData]):
        with pytest.raises(ConfigError) as caught:
            client.create_function(fn_id="x", trigger=kind)
        assert caught.value.message == (
            f"the event class {kind.__name__} does not say the name of its events; "
            'give it a field `name: str = "user/signed.up"`'
        )


def test_what_a_validator_raises_makes_the_event_invalid() -> None:
    class Odd(pydantic.BaseModel):
        a: int

        @pydantic.field_validator("a")
        @classmethod
        def _refuse(cls, _: int) -> int:
            raise RuntimeError("no database")

    with pytest.raises(inngest.EventInvalidError) as caught:
        inngest.event_type("x", Odd)(Odd.model_construct(a=1))
    assert caught.value.message == (
        'event "x": data: reading it as Odd raised RuntimeError: no database; '
        "a validator should raise ValueError for what does not fit"
    )


def test_an_event_can_be_written_and_copied_as_a_model() -> None:
    event = Signup(data=ADA_DATA)
    assert json.loads(event.model_dump_json())["data"] == ADA
    assert event.model_copy(update={"id": "1"}).data is ADA_DATA
    assert repr(inngest.event_type("x", SignupData)(ADA_DATA)).startswith("TypedEvent[SignupData](name='x', data=Si")
