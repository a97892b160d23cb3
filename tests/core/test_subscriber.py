"""A subscriber, driven by hand: what it asks for, and what it makes of whatever comes or goes wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from inngest_core.config import load_config
from inngest_core.engine_api import EngineAPI
from inngest_core.realtime.messages import Message
from inngest_core.realtime.refusals import SubscriptionError
from inngest_core.realtime.subscriber import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Subscriber
from inngest_core.realtime.topics import Topic
from inngest_core.runtime.effects import Close, Effect, Fetch, Flow, Now, Open, Random, Read, Sleep
from inngest_core.web.messages import HTTPResponse, TransportError
from tests.stage.logs import LogList, silent_logger


@dataclass
class Progress:
    done: int


@dataclass
class Stream:
    """An answer of the engine. reads: what each read gives or raises."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    reads: list[bytes | Exception] = field(default_factory=list[bytes | Exception])
    closed: bool = False

    def abandon(self) -> None:
        self.closed = True


class Stage:
    """Plays the engine. tokens, streams: what it answers, one after another; the last one again and again."""

    def __init__(self, *streams: Stream | Exception, tokens: list[HTTPResponse | Exception] | None = None) -> None:
        self.streams = list(streams)
        self.tokens = tokens or [HTTPResponse(201, {}, b'{"jwt": "t"}')]
        self.pauses: list[float] = []
        self.opened: list[str] = []
        self.now = 0.0
        self.log = LogList()
        self._logger = silent_logger()
        self._logger.addHandler(self.log)
        self.steady = 0.0
        """How long each read takes."""
        self.wait = False
        """Whether time passes in pauses."""

    def subscriber(self, *topics: Topic[Any], **options: Any) -> Subscriber:
        api = EngineAPI(load_config(api_base_url="http://engine.test", is_production=False))
        return Subscriber("c", topics or [Topic("a")], engine_api=api, logger=self._logger, serializer=None, **options)

    def run(self, flow: Flow[Any]) -> Any:
        try:
            effect = next(flow)
            while True:
                try:
                    result = self._perform(effect)
                except TransportError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            return end.value

    def _perform(self, effect: Effect) -> object:
        match effect:
            case Fetch():
                return _given(self.tokens)
            case Open(request):
                self.opened.append(request.url)
                assert "authorization" not in request.headers
                return _given(self.streams)
            case Read(stream, _):
                assert isinstance(stream, Stream)
                assert not stream.closed
                self.now += self.steady
                return _given(stream.reads, empty=b"")
            case Close(stream):
                stream.abandon()
                return None
            case Sleep(seconds):
                self.pauses.append(seconds)
                self.now += seconds if self.wait else 0
                return None
            case Random(size):
                return b"\x80" * size
            case Now():
                return self.now
            case _:
                raise AssertionError(effect)


def _given(items: list[Any], empty: Any = None) -> Any:
    if not items and empty is not None:
        return empty
    item = items.pop(0) if len(items) > 1 or empty is not None else items[0]
    if isinstance(item, Exception):
        raise item
    return item


def event(**fields: object) -> bytes:
    usual = {"kind": "data", "data": 1, "channel": "c", "topic": "a", "created_at": "2026-11-27T02:49:35.1Z"}
    return b"data: " + json.dumps({**usual, **fields}).encode() + b"\n\n"


def gives(token: bytes) -> HTTPResponse:
    return HTTPResponse(201, {}, b'{"jwt": "%s"}' % token)


def lost(text: str = "cut off") -> TransportError:
    return TransportError(text)


def received(stage: Stage, subscriber: Subscriber, count: int) -> list[Message[Any]]:
    messages: list[Message[Any]] = []
    while len(messages) < count:
        messages.extend(stage.run(subscriber.receive()))
    return messages


def test_messages() -> None:
    stage = Stage(Stream(reads=[b":\n\n", event(data=1) + event(data=2)[:20], event(data=2)[20:]]))
    messages = received(stage, stage.subscriber(), 2)
    assert [(message.channel, message.topic, message.data) for message in messages] == [("c", "a", 1), ("c", "a", 2)]
    assert messages[0].created_at is not None
    assert stage.opened == ["http://engine.test/v1/realtime/sse?token=t"]


def test_a_lost_connection_is_made_again_and_it_is_said_what_may_be_missing() -> None:
    first, second = Stream(reads=[event(data=1), lost()]), Stream(reads=[event(data=2)])
    stage = Stage(
        first, lost("refused"), second, tokens=[HTTPResponse(201, {}, b'{"jwt": "%d"}' % n) for n in (1, 2, 3)]
    )
    subscriber = stage.subscriber()
    assert received(stage, subscriber, 1)[0].data == 1
    stage.now = 1.0
    assert received(stage, subscriber, 1)[0].data == 2
    assert first.closed
    assert [url.rpartition("=")[2] for url in stage.opened] == ["1", "2", "3"]  # a new token each time
    assert stage.pauses == sorted(stage.pauses)
    said = stage.log.texts
    assert "cut off; messages from now until it is back are missed; connecting again" in said[0]
    assert "refused" in said[1]
    assert "connected again; messages of the last" in said[2]


@pytest.mark.parametrize("ending", [b"", lost()])
def test_pauses_grow_up_to_a_limit_and_begin_anew_after_a_steady_connection(ending: bytes | Exception) -> None:
    unsteady = [Stream(reads=[ending]) for _ in range(12)]
    steady = Stream(reads=[event(), ending])
    stage = Stage(*unsteady, steady, Stream(reads=[event()]))
    subscriber = stage.subscriber()
    received(stage, subscriber, 1)
    assert len(stage.pauses) == 12
    assert all(FIRST_PAUSE_SECONDS / 2 <= pause <= LONGEST_PAUSE_SECONDS for pause in stage.pauses)
    assert stage.pauses[:4] == sorted(set(stage.pauses[:4]))
    stage.now += 60
    received(stage, subscriber, 1)
    assert stage.pauses[-1] <= FIRST_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"data: garbage\n\n", "not JSON"),
        (b"data: [1]\n\n", "expected an object"),
        (b'data: {"kind": 5}\n\n', "kind"),
        (b'data: {"kind": "data", "channel": 5}\n\n', "channel"),
        (b'data: {"kind": "chunk", "stream_id": []}\n\n', "stream_id"),
        (b"data: \xff\xfe\n\n", "left out"),
        (event(topic="typed", data={"done": "x"}), "topic"),
        (event(topic="typed", data=None), "topic"),
        (b"data: " + b"x" * 5_000_000 + b"\n\n", "too large"),
    ],
)
def test_what_is_no_message_is_left_out_and_the_others_are_not(frame: bytes, said: str) -> None:
    stage = Stage(Stream(reads=[frame + event(data=7), event(data=8)]))
    subscriber = stage.subscriber(Topic("a"), Topic("typed", Progress))
    assert [message.data for message in received(stage, subscriber, 2)] == [7, 8]
    (text,) = stage.log.texts
    assert said in text
    assert "left out" in text


@pytest.mark.parametrize("kind", ["ping", "closing", "run", "step", "event", "sub", "news of tomorrow"])
def test_other_kinds_say_nothing(kind: str) -> None:
    stage = Stage(Stream(reads=[event(kind=kind), event(data=8)]))
    assert [message.data for message in received(stage, stage.subscriber(), 1)] == [8]
    assert stage.log.texts == []


def test_data_of_a_declared_type() -> None:
    stage = Stage(Stream(reads=[event(data={"done": 3}, run_id="01RUN", metadata={"x": 1}, created_at="?")]))
    (message,) = received(stage, stage.subscriber(Topic("a", Progress)), 1)
    assert message == Message("c", "a", Progress(3), run_id="01RUN", metadata={"x": 1})


STREAM = (
    event(kind="datastream-start", data="s1")
    + b'data: {"kind": "chunk", "stream_id": "s1", "data": "he"}\n\n'
    + b'data: {"kind": "chunk", "stream_id": "never begun", "data": "x"}\n\n'
    + b'data: {"kind": "chunk", "stream_id": "s1", "data": "llo"}\n\n'
    + event(kind="datastream-end", data="s1")
)


def test_streams_are_left_out_unless_they_are_asked_for() -> None:
    stage = Stage(Stream(reads=[STREAM + event(data="after")]))
    assert [message.data for message in received(stage, stage.subscriber(), 1)] == ["after"]
    (text,) = stage.log.texts
    assert "streams=True" in text


def test_pieces_of_streams() -> None:
    stage = Stage(Stream(reads=[STREAM]))
    messages = received(stage, stage.subscriber(streams=True), 4)
    assert [(message.kind, message.data) for message in messages] == [
        ("datastream-start", None),
        ("chunk", "he"),
        ("chunk", "llo"),
        ("datastream-end", None),
    ]
    assert {(message.channel, message.topic, message.stream_id) for message in messages} == {("c", "a", "s1")}


def test_a_token_that_is_over_is_renewed_once() -> None:
    refused = Stream(status=401, headers={}, reads=[b'{"error": "Not authenticated"}'])
    stage = Stage(refused, Stream(reads=[event()]))
    received(stage, stage.subscriber(), 1)
    assert len(stage.opened) == 2
    assert refused.closed
    stage = Stage(Stream(status=401, headers={}), Stream(status=401, headers={}))
    with pytest.raises(SubscriptionError, match="401"):
        stage.run(stage.subscriber().connect())


def test_a_token_of_the_users_is_used_and_cannot_be_renewed() -> None:
    stage = Stage(Stream(status=401, headers={}, reads=[b'{"error": "Not authenticated"}']))
    with pytest.raises(SubscriptionError, match="Not authenticated; the token is wrong or over"):
        stage.run(stage.subscriber(token="given").connect())
    assert stage.opened == ["http://engine.test/v1/realtime/sse?token=given"]


@pytest.mark.parametrize(
    "stream",
    [
        Stream(status=404, headers={}, reads=[b"nothing here"]),
        Stream(status=200, headers={"content-type": "text/html"}, reads=[b"<html>"]),
        Stream(status=302, headers={}, reads=[lost()]),
    ],
)
def test_what_is_no_engine_with_realtime_is_refused(stream: Stream) -> None:
    stage = Stage(stream)
    with pytest.raises(SubscriptionError, match="the engine answered"):
        stage.run(stage.subscriber().connect())
    assert stream.closed


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_an_engine_that_is_busy_is_asked_again(status: int) -> None:
    stage = Stage(
        Stream(status=status, headers={}),
        Stream(reads=[event()]),
        tokens=[HTTPResponse(status, {}, b""), lost(), HTTPResponse(201, {}, b'{"jwt": "t"}')],
    )
    received(stage, stage.subscriber(), 1)
    assert len(stage.pauses) == 3


def test_an_engine_that_is_not_there() -> None:
    stage = Stage(Stream(), tokens=[lost("no answer from http://engine.test")])
    said = r'^subscription to channel "c": no answer from http://engine.test; is an engine running .*\(tried 5 times\)$'
    with pytest.raises(SubscriptionError, match=said):
        stage.run(stage.subscriber().connect())
    assert len(stage.pauses) == 4
    assert len(stage.log.texts) == 1, "it is said once, and by the error"


def test_a_lost_engine_is_told_of_once_a_minute() -> None:
    stage = Stage(Stream(reads=[event(), lost()]), tokens=[gives(b"1"), *[lost("refused")] * 12, gives(b"2")])
    subscriber = stage.subscriber()
    received(stage, subscriber, 1)
    stage.streams[:] = [Stream(reads=[event()])]
    stage.wait = True
    received(stage, subscriber, 1)
    told = [text for text in stage.log.texts if "refused" in text]
    assert len(stage.pauses) == 13
    assert 60 <= stage.now < 60 * (len(told) + 1)
    assert len(told) < 6


@pytest.mark.parametrize(
    "answer",
    [
        HTTPResponse(401, {}, b""),
        HTTPResponse(404, {}, b"x"),
        HTTPResponse(201, {}, b"[]"),
        HTTPResponse(200, {}, b"?"),
    ],
)
def test_an_engine_that_gives_no_token(answer: HTTPResponse) -> None:
    stage = Stage(Stream(), tokens=[answer])
    with pytest.raises(SubscriptionError, match=f"no token.*{answer.status}"):
        stage.run(stage.subscriber().connect())


def test_the_log_holds_no_token() -> None:
    stage = Stage(Stream(reads=[lost()]), Stream(reads=[event()]), tokens=[HTTPResponse(201, {}, b'{"jwt": "s3cr3t"}')])
    received(stage, stage.subscriber(), 1)
    assert stage.log.texts
    assert "s3cr3t" not in "".join(stage.log.texts)
