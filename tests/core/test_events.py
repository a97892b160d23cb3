"""Events and the flow that sends them, driven by hand: what goes on the wire, retries, partial failure."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.config import load_config
from inngest_core.engine_api import EngineAPI
from inngest_core.errors import BodyInvalidError, EventKeyMissingError, OutputUnserializableError, SendEventsError
from inngest_core.events.event import Event, parse_event, send_events
from inngest_core.protocol.limits import MAX_EVENT_BYTES
from inngest_core.runtime.effects import Effect, Fetch, Flow, Now, Random, Sleep
from inngest_core.web.messages import HTTPRequest, HTTPResponse, TransportError

ENTROPY = bytes(range(10))
SEED = "1700000000123," + base64.b64encode(ENTROPY).decode()
CONFIG = load_config(is_production=False, environ={})
DEV = EngineAPI(CONFIG)


class Engine:
    """Plays driver and event API: answers fetches from a list, and keeps what was asked."""

    def __init__(self, *answers: HTTPResponse | TransportError) -> None:
        self.answers = list(answers)
        self.requests: list[HTTPRequest] = []
        self.sleeps: list[float] = []

    def run(self, flow: Flow[list[str]]) -> list[str]:
        try:
            effect = next(flow)
            while True:
                result = self.perform(effect)
                effect = flow.throw(result) if isinstance(result, TransportError) else flow.send(result)
        except StopIteration as end:
            ids: list[str] = end.value
            return ids

    def perform(self, effect: Effect) -> object:
        match effect:
            case Now():
                return 1_700_000_000.1239
            case Random(size):
                return ENTROPY[:size] if size > 1 else b"\xff"
            case Sleep(seconds):
                self.sleeps.append(seconds)
                return None
            case Fetch(request):
                self.requests.append(request)
                return self.answers.pop(0)
            case _:
                raise AssertionError(effect)

    def sent(self, number: int = 0) -> Any:
        return json.loads(self.requests[number].body)


def answer(status: int, **body: object) -> HTTPResponse:
    return HTTPResponse(status, {}, json.dumps({"status": status, **body}).encode())


def test_one_event() -> None:
    engine = Engine(answer(200, ids=["01"]))
    assert engine.run(send_events([Event(name="a/b")], engine_api=DEV)) == ["01"]
    request = engine.requests[0]
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:8288/e/NO_EVENT_KEY_SET")
    assert engine.sent() == [{"name": "a/b", "data": {}}]
    assert request.headers["x-inngest-event-id-seed"] == SEED
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-inngest-sdk"].startswith("inngest-py:v")
    assert request.headers["user-agent"] == request.headers["x-inngest-sdk"]
    assert "authorization" not in request.headers


def test_everything_of_an_event_is_sent() -> None:
    class Mine(Event):
        extra: int = 5

    when = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    event = Mine.model_validate(
        {"name": "a", "data": {"at": when}, "id": "i", "ts": 7, "user": {"u": 1}, "v": "2", "meta": {"sessions": {}}}
    )
    engine = Engine(answer(200, ids=["01"]))
    engine.run(send_events([event], engine_api=DEV))
    assert engine.sent() == [
        {
            "name": "a",
            "data": {"at": "2026-01-02T00:00:00Z"},
            "id": "i",
            "ts": 7,
            "user": {"u": 1},
            "v": "2",
            "meta": {"sessions": {}},
            "extra": 5,
        }
    ]


def test_headers_and_key() -> None:
    config = load_config(
        event_key="a/b c", environ={"INNGEST_ENV": "branch", "VERCEL": "1"}, event_api_base_url="https://e.example"
    )
    engine = Engine(answer(200, ids=["01"]))
    engine.run(
        send_events(
            [Event(name="a")],
            engine_api=EngineAPI(config, timeout_seconds=5),
            seed="1,x",
            headers={"traceparent": "tp"},
        )
    )
    request = engine.requests[0]
    assert request.url == "https://e.example/e/a%2Fb%20c"
    assert request.timeout == 5
    assert request.headers["x-inngest-env"] == "branch"
    assert request.headers["x-inngest-platform"] == "vercel"
    assert request.headers["traceparent"] == "tp"
    assert request.headers["x-inngest-event-id-seed"] == "1,x"


def test_nothing_to_send() -> None:
    assert Engine().run(send_events([], engine_api=DEV)) == []


def test_more_than_5000_are_split_and_get_seeds_of_their_own() -> None:
    events = [Event(name=f"e{n}") for n in range(10_001)]
    ids = [f"id{n}" for n in range(10_001)]
    answers = [answer(200, ids=each) for each in (ids[:5000], ids[5000:10_000], ids[10_000:])]
    engine = Engine(*answers)
    assert engine.run(send_events(events, engine_api=DEV, seed=SEED)) == ids
    assert [len(engine.sent(n)) for n in range(3)] == [5000, 5000, 1]
    seeds = [request.headers["x-inngest-event-id-seed"] for request in engine.requests]
    assert seeds[0] == SEED
    assert len(set(seeds)) == 3
    for seed in seeds:
        millis, entropy = seed.split(",")
        assert millis == "1700000000123"
        assert len(base64.b64decode(entropy)) == 10
    again = Engine(*answers)
    again.run(send_events(events, engine_api=DEV, seed=SEED))
    assert seeds == [request.headers["x-inngest-event-id-seed"] for request in again.requests]


def test_retries_keep_the_seed_and_wait_longer_each_time() -> None:
    engine = Engine(answer(500), answer(429), TransportError("cut"), answer(503), answer(200, ids=["01"]))
    assert engine.run(send_events([Event(name="a")], engine_api=DEV)) == ["01"]
    assert len({request.headers["x-inngest-event-id-seed"] for request in engine.requests}) == 1
    assert engine.sleeps == [0.2, 0.4, 0.8, 1.6]


def test_five_tries_are_all() -> None:
    engine = Engine(*[answer(503, error="busy")] * 6)
    with pytest.raises(SendEventsError, match=r"^the event API answered 503: busy$"):
        engine.run(send_events([Event(name="a")], engine_api=DEV))
    assert len(engine.requests) == 5


def test_a_lost_connection_says_why() -> None:
    engine = Engine(*[TransportError("no answer from http://127.0.0.1:8288 to a POST: none in 2 s")] * 5)
    with pytest.raises(SendEventsError) as caught:
        engine.run(
            send_events([Event(name="a")], engine_api=EngineAPI(dataclasses.replace(CONFIG, event_key="s3cret")))
        )
    assert caught.value.message == (
        "no answer from http://127.0.0.1:8288 to a POST: none in 2 s (tried 5 times); is an engine running there? "
        "start one with `inngest dev`, or set INNGEST_DEV to its URL; "
        "this app is in dev mode because of is_production=False"
    )


def test_a_lost_connection_to_the_cloud_has_another_hint() -> None:
    cloud = EngineAPI(load_config(event_key="k", is_production=True, environ={}))
    with pytest.raises(SendEventsError, match=r"can reach it \(DNS, firewall, HTTPS_PROXY\)") as caught:
        Engine(*[TransportError("cut")] * 5).run(send_events([Event(name="a")], engine_api=cloud))
    assert "inngest dev" not in caught.value.message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_other_refusals_are_not_retried(status: int) -> None:
    engine = Engine(answer(status, error="no"))
    with pytest.raises(SendEventsError, match=f"answered {status}: no"):
        engine.run(send_events([Event(name="a")], engine_api=DEV))


def test_partial_failure_names_the_ids_that_went_through() -> None:
    engine = Engine(answer(400, ids=["01", ""], error="event name is empty"))
    with pytest.raises(SendEventsError, match="event name is empty") as caught:
        engine.run(send_events([Event(name="a"), Event(name="")], engine_api=DEV))
    assert caught.value.ids == ["01"]
    first = [f"id{n}" for n in range(5000)]
    engine = Engine(answer(200, ids=first), answer(400, ids=["b"], error="bad"))
    with pytest.raises(SendEventsError) as caught:
        engine.run(send_events([Event(name="x")] * 5002, engine_api=DEV))
    assert caught.value.ids == [*first, "b"]
    engine = Engine(answer(200, ids=first), *[TransportError("cut")] * 5)
    with pytest.raises(SendEventsError) as caught:
        engine.run(send_events([Event(name="x")] * 5001, engine_api=DEV))
    assert caught.value.ids == first


@pytest.mark.parametrize("ids", [[], ["01"], ["01", ""], ["01", 5]])
def test_fewer_ids_than_events_are_no_success(ids: list[object]) -> None:
    engine = Engine(answer(200, ids=ids))
    with pytest.raises(SendEventsError) as caught:
        engine.run(send_events([Event(name="a"), Event(name="b")], engine_api=DEV))
    went = ids[:1]
    assert caught.value.ids == went
    assert caught.value.message == (
        f"the event API answered 200: {len(went)} ids for 2 events; the other events may be lost"
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"ids":"x"}', b'{"ids":["a"],"error":"no"}'])
def test_an_answer_that_is_none_is_an_error(body: bytes) -> None:
    with pytest.raises(SendEventsError, match=r"^the event API answered 200: "):
        Engine(HTTPResponse(200, {}, body)).run(send_events([Event(name="a")], engine_api=DEV))


@given(st.binary())
def test_any_answer_gives_ids_or_our_error(body: bytes) -> None:
    try:
        ids = Engine(HTTPResponse(200, {}, body)).run(send_events([Event(name="a")], engine_api=DEV))
    except SendEventsError:
        return
    assert all(ids)


def test_cloud_mode_needs_an_event_key() -> None:
    cloud = EngineAPI(load_config(is_production=True, environ={}))
    with pytest.raises(EventKeyMissingError, match="INNGEST_EVENT_KEY"):
        Engine().run(send_events([Event(name="a")], engine_api=cloud))


def test_data_that_is_not_json_is_named_before_anything_is_sent() -> None:
    events = [Event(name="a"), Event(name="b", data={"x": object()})]
    with pytest.raises(
        OutputUnserializableError, match=r'^event "b": events\[1\]\.data\.x is a object; give JSON values$'
    ):
        Engine().run(send_events(events, engine_api=DEV))


def event_of(size: int, name: str = "big") -> Event:
    """Return an event that is so many bytes as JSON."""
    return Event(name=name, data={"text": "x" * (size - len(f'{{"name":"{name}","data":{{"text":""}}}}'))})


def test_an_event_that_is_too_large_is_named_before_anything_is_sent() -> None:
    events = [Event(name="a"), event_of(MAX_EVENT_BYTES + 1, "shop/order")]
    with pytest.raises(OutputUnserializableError) as caught:
        Engine().run(send_events(events, engine_api=DEV))
    assert caught.value.message == (
        'event "shop/order": events[1] is 3,145,729 bytes as JSON (event "shop/order": events[1].data.text alone is '
        "3,145,691), over the limit of 3 MiB for one event; keep it elsewhere and pass on where it is"
    )


def test_requests_are_no_larger_than_the_largest_event() -> None:
    mib = 1024 * 1024
    sizes = [mib, mib, mib, mib, MAX_EVENT_BYTES, 100]
    engine = Engine(*[answer(200, ids=ids.split()) for ids in ("a b c", "d", "e", "f")])
    assert engine.run(send_events([event_of(size) for size in sizes], engine_api=DEV)) == [*"abcdef"]
    assert [len(engine.sent(number)) for number in range(4)] == [3, 1, 1, 1]
    assert [len(request.body) for request in engine.requests] == [3 * mib + 4, mib + 2, MAX_EVENT_BYTES + 2, 102]


def test_parse_event() -> None:
    event = parse_event({"name": "a", "data": None, "id": "i", "ts": 7, "user": {}, "v": None, "meta": {"x": 1}})
    assert (event.name, event.data, event.id, event.ts, event.user, event.v) == ("a", {}, "i", 7, {}, None)
    assert event.model_dump()["meta"] == {"x": 1}
    assert event.to_wire() == {"name": "a", "data": {}, "id": "i", "ts": 7, "user": {}, "meta": {"x": 1}}


def test_a_subclass_types_the_data() -> None:
    class Signup(Event):
        data: dict[str, int] = pydantic.Field(default_factory=dict[str, int])

    event = parse_event({"name": "a", "data": {"n": "5"}})
    assert Signup.model_validate(event.model_dump()).data == {"n": 5}


def test_a_bad_event_is_a_coded_error() -> None:
    with pytest.raises(BodyInvalidError, match=r"^event\.data cannot be used: "):
        parse_event({"name": "a", "data": [1]})
    with pytest.raises(BodyInvalidError, match=r"^event\.name cannot be used: "):
        parse_event({"data": {}})


def test_events_share_no_default() -> None:
    first, second = Event(name="a"), Event(name="a")
    first.data["x"] = 1
    assert second.data == {}
