"""Typed events: made, received, waited for, given to invoked functions; and what does not fit."""

from __future__ import annotations

import dataclasses
import datetime
import re
from typing import Any, TypedDict, cast

import pydantic
import pytest

import inngest
from inngest_core.errors import ConfigError
from inngest_core.events.event_types import type_event
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FN_ID, Call, hashed
from tests.stage.asks import ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import silent_logger
from tests.stage.one_function import request_of, serving, shown

ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])


class SignupData(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    email: str
    at: datetime.datetime | None = None


@dataclasses.dataclass
class LeftData:
    reason: str


class Plain(TypedDict):
    name: str


Signup = inngest.event_type("user/signed.up", SignupData)
Left = inngest.event_type("user/left", LeftData)
Any_ = inngest.event_type("plain/*", Plain)
ADA = {"email": "a@b.c", "at": "2027-01-02T00:00:00Z"}
ADA_DATA = SignupData(email="a@b.c", at=datetime.datetime(2027, 1, 2, tzinfo=datetime.UTC))


def test_events_to_send() -> None:
    event = Signup(ADA_DATA, id="x", ts=3)
    assert isinstance(event, inngest.Event)
    assert event.to_wire() == {"name": "user/signed.up", "data": ADA_DATA, "id": "x", "ts": 3}
    assert event.model_dump()["data"] == ADA_DATA.model_dump()
    assert Left(LeftData("why")).data == LeftData("why")
    assert repr(Signup) == "<EventType user/signed.up of SignupData>"


def test_what_does_not_fit_is_refused() -> None:
    wrong: Any = {"email": 1}
    with pytest.raises(inngest.EventInvalidError) as caught:
        Signup(wrong)
    assert caught.value.message == (
        'event "user/signed.up": data.email: Input should be a valid string; expected SignupData'
    )
    for name in ("", " ", "user signed up", "user/*.up", None):
        shown = re.escape(f"event_type was given the name {name!r}; expected ")
        with pytest.raises(ConfigError, match=f"^{shown}(an event name of 1 to|a wildcard only)"):
            inngest.event_type(cast("str", name), SignupData)
    with pytest.raises(ConfigError, match=r'^event_type "x": TestClass cannot be the type of its data: '):
        inngest.event_type("x", type("TestClass", (), {}))


def test_events_are_typed_by_the_triggers() -> None:
    triggers = [Signup.trigger(), Left.trigger(), Any_.trigger()]
    signup: Any = type_event(inngest.Event(name="user/signed.up", data=ADA, id="i"), triggers)
    assert (signup.data, signup.id) == (ADA_DATA, "i")
    left: Any = type_event(inngest.Event(name="user/left", data={"reason": "r", "_inngest": {}}), triggers)
    assert left.data == LeftData("r")
    assert type_event(inngest.Event(name="plain/a", data={"name": "n"}), triggers).data == {"name": "n"}
    other = inngest.Event(name="other", data={"a": 1})
    assert type_event(other, triggers) is other
    kept: Any = type_event(inngest.Event.model_validate({"name": "plain/a", "data": {"name": "n"}, "x": 1}), triggers)
    assert kept.x == 1


def test_invoked_functions_take_the_data_of_any_trigger() -> None:
    invoked = inngest.Event(name="inngest/function.invoked", data={"reason": "r"})
    left: Any = type_event(invoked, [Signup.trigger(), Left.trigger()])
    assert left.data == LeftData("r")
    assert type_event(invoked, [Left.trigger(), inngest.TriggerEvent(event="x")]) is invoked
    invoked = inngest.Event(name="inngest/function.invoked", data={})
    with pytest.raises(inngest.EventInvalidError, match=r'^event "inngest/function.invoked": data.email: '):
        type_event(invoked, [Signup.trigger()])


def call(function: Any, ask: Any, **event: Any) -> tuple[int, Any, Any]:
    """Call a function with an event; return status, JSON, and the header that forbids retries."""
    client, built = function
    response = ask(App(client, [built], framework="bare"), request_of(Call(event=event)))
    return (*shown(response), response.headers.get("x-inngest-no-retry"))


def typed_function(*, asynchronous: bool) -> Any:
    client = inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger())
    if asynchronous:

        @client.create_function(fn_id=FN_ID, trigger=[Signup, Left.trigger("event.data.reason != ''")])
        async def function(
            ctx: inngest.Context[inngest.TypedEvent[SignupData] | inngest.TypedEvent[LeftData]],
        ) -> list[str]:
            data = ctx.events[0].data
            assert ctx.event.data == data
            return [data.email if isinstance(data, SignupData) else data.reason]

        return client, function

    @client.create_function(fn_id=FN_ID, trigger=[Signup, Left.trigger("event.data.reason != ''")])
    def function_sync(
        ctx: inngest.ContextSync[inngest.TypedEvent[SignupData] | inngest.TypedEvent[LeftData]],
    ) -> list[str]:
        data = ctx.events[0].data
        return [data.email if isinstance(data, SignupData) else data.reason]

    return client, function_sync


@ASKS
@pytest.mark.parametrize("asynchronous", [True, False])
def test_functions_get_typed_events(ask: Any, asynchronous: bool) -> None:
    function = typed_function(asynchronous=asynchronous)
    assert function[1].get_config("http://x/")[0]["triggers"] == [
        {"event": "user/signed.up"},
        {"event": "user/left", "expression": "event.data.reason != ''"},
    ]
    assert call(function, ask, name="user/signed.up", data=ADA) == (200, ["a@b.c"], None)
    assert call(function, ask, name="user/left", data={"reason": "r"}) == (200, ["r"], None)
    status, body, no_retry = call(function, ask, name="user/signed.up", data={"at": "never"})
    assert (status, body["code"], body["name"], no_retry) == (500, "event_invalid", "EventInvalidError", "true")
    assert body["message"].startswith('event "user/signed.up": data.email: Field required, data.at: Input should be ')
    assert body["message"].endswith("; expected SignupData")


def test_many_misfits_are_told_in_short_and_without_the_data() -> None:
    class Rows(pydantic.BaseModel):
        rows: list[SignupData]

    wrong: Any = {"rows": [{"email": {"password": "hunter2"}}] * 5000}
    with pytest.raises(inngest.EventInvalidError) as caught:
        inngest.event_type("user/rows", Rows)(wrong)
    text = "Input should be a valid string"
    assert caught.value.message == (
        f'event "user/rows": data.rows[0].email: {text}, data.rows[1].email: {text}, data.rows[2].email: {text}, '
        f"data.rows[3].email: {text}, data.rows[4].email: {text}, "
        "and 4,995 more; expected Rows"
    )
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


class Checked(pydantic.BaseModel):
    n: int

    @pydantic.field_validator("n")
    @classmethod
    def check(cls, n: int) -> int:
        raise (TypeError() if n else RuntimeError("the database is down"))


@dataclasses.dataclass
class CheckedLater:
    n: int

    def __post_init__(self) -> None:
        raise KeyError("boom")


@ASKS
@pytest.mark.parametrize(
    ("typ", "n", "raised", "frame"),
    [
        (Checked, 0, "Checked raised RuntimeError: the database is down", "in check"),
        (Checked, 1, "Checked raised TypeError", "in check"),
        (CheckedLater, 0, "CheckedLater raised KeyError: 'boom'", "in __post_init__"),
    ],
)
def test_a_validator_that_raises_anything_else_fails_the_run(
    ask: Any, typ: Any, n: int, raised: str, frame: str
) -> None:
    client = inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger())

    def handler(ctx: inngest.ContextSync) -> None:
        raise AssertionError("it must not run")

    function = client.create_function(fn_id=FN_ID, trigger=inngest.event_type("user/checked", typ))(handler)
    status, body, no_retry = call((client, function), ask, name="user/checked", data={"n": n})
    assert (status, body["code"], body["name"], no_retry) == (500, "event_invalid", "EventInvalidError", "true")
    assert body["message"] == (
        f'event "user/checked": data: reading it as {raised}; a validator should raise ValueError for what does not fit'
    )
    assert frame in body["cause"]["stack"]


def test_waiting_for_a_typed_event() -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        event = ctx.step.wait_for_event("wait", event=Signup, timeout=1000)
        return "nothing" if event is None else event.data.email

    with serving(handler) as app:
        engine = InProcessEngine(app, ask_sync, lambda _: 0)
        _, ops = engine.call()
        assert (ops[0]["op"], ops[0]["opts"]["event"]) == ("WaitForEvent", "user/signed.up")
        engine.memos[hashed("wait")] = {"name": "user/signed.up", "data": ADA}
        assert engine.run() == "a@b.c"
        engine.memos[hashed("wait")] = None
        assert engine.run() == "nothing"
        engine.memos[hashed("wait")] = {"name": "user/signed.up", "data": {}}
        status, body = engine.call()
        assert (status, body["code"]) == (500, "event_invalid")


def test_an_event_is_given_to_an_invoked_function() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.invoke_by_id("call", function_id="x", data=Signup(ADA_DATA, v="2"))

    with serving(handler) as app:
        _, ops = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert ops[0]["opts"]["payload"] == {"data": ADA, "v": "2"}
