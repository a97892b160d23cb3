"""Routes about realtime that are answered at once: publishing, and tokens for subscribers."""

from __future__ import annotations

from typing import Any, cast

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.limits import MAX_MESSAGE_BYTES
from inngest_core.protocol.wire import Header, parse_json
from inngest_core.web.messages import Response
from inngest_devserver import ids
from inngest_devserver.engine import Engine
from inngest_devserver.realtime.messages import (
    CHUNK_BYTES,
    MOST_CHUNKS,
    Topic,
    data_message,
    read_data,
    stream_messages,
)

from .answers import APIError, Call, empty_response, json_response

_STREAM_TYPE = "text/stream"
_STREAM_TOPIC = "$stream"
_MOST_TOPICS = 1000
"""In one token."""


class RealtimeRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish(self, call: Call) -> Response:
        """Pass one message, or the pieces of a stream, on to whoever subscribes to the topic."""
        topic = Topic(call.query.get("channel", ""), call.query.get("topic", ""))
        is_stream = call.request.headers.get(Header.CONTENT_TYPE, "").partition(";")[0].strip() == _STREAM_TYPE
        return self._publish(call, topic, is_stream=is_stream)

    def tee(self, call: Call) -> Response:
        """Pass on the stream of a run, whose id is the channel."""
        channel = call.query.get("channel", "")
        if not channel:
            raise APIError(400, "the query parameter channel is missing")
        return self._publish(call, Topic(channel, _STREAM_TOPIC), is_stream=True)

    def _publish(self, call: Call, topic: Topic, *, is_stream: bool) -> Response:
        body = call.request.body
        most = CHUNK_BYTES * MOST_CHUNKS if is_stream else MAX_MESSAGE_BYTES
        if len(body) > most:
            raise APIError(413, f"the message has {len(body)} bytes; at most {most} are allowed")
        now, hub = self._engine.clock.now(), self._engine.hub
        about: dict[str, Any] = {"run_id": call.query.get("run_id", ""), "metadata": _metadata(call)}
        if is_stream:
            slow = hub.publish(topic, stream_messages(topic, body, ids.job_id(), now, **about))
        else:
            slow = hub.publish(topic, [data_message(topic, read_data(body), now, **about)])
        if slow:
            self._engine.journal.say(f'{len(slow)} slow subscriber(s) of "{topic.name}" in "{topic.channel}" cut off')
        return empty_response(200)

    def token(self, call: Call) -> Response:
        """Make a token for subscribing to the topics in the body."""
        topics = _topics(call.request.body)
        if topics is None:
            raise APIError(400, "Invalid request: must provide a list of topics")
        if len(topics) > _MOST_TOPICS:
            raise APIError(400, f"Invalid request: {len(topics)} topics; at most {_MOST_TOPICS} are allowed")
        return json_response({"jwt": self._engine.tokens.make(topics, self._engine.clock.now())}, 201)


def _metadata(call: Call) -> object:
    text = call.query.get("metadata", "")
    try:
        return parse_json(text.encode("utf-8", "surrogatepass")) if text else None
    except BodyInvalidError as error:
        raise APIError(400, f"metadata: {error.message}") from None


def _topics(body: bytes) -> list[Topic] | None:
    """Return the topics that a token is asked for; None when that is not a list of topics."""
    try:
        asked: object = parse_json(body)
    except BodyInvalidError:
        return None
    if not isinstance(asked, list) or not asked:
        return None
    topics: list[Topic] = []
    for each in cast("list[object]", asked):
        fields = cast("dict[str, object]", each) if isinstance(each, dict) else {}
        channel, name = fields.get("channel"), fields.get("name")
        if not isinstance(channel, str) or not isinstance(name, str) or not name:
            return None
        topics.append(Topic(channel, name))
    return topics
