"""The flows that publish a message, and that ask for a subscriber's token. See docs/protocol.md#realtime."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import TypedDict

from inngest_core.engine_api import EngineAPI, refusal
from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.limits import MAX_MESSAGE_BYTES
from inngest_core.protocol.wire import Header, parse_object
from inngest_core.runtime.effects import Flow
from inngest_core.values.serializer import Serializer, dump
from inngest_core.web.messages import HTTPResponse, TransportError

from .refusals import PublishError, SubscriptionError
from .topics import AnyChannel, AnyTopic, Topic, name_of_channel, topic_in

_JSON = {Header.CONTENT_TYPE.value: "application/json"}


class SubscriptionToken(TypedDict):
    """What a subscriber needs, in the form that the TypeScript SDK takes: a web page can be given it as JSON."""

    channel: str
    topics: list[str]
    key: str


def publish(
    channel: AnyChannel,
    topic: AnyTopic,
    data: object,
    *,
    engine_api: EngineAPI,
    run_id: str = "",
    serializer: Serializer | None = None,
    headers: Mapping[str, str] | None = None,
) -> Flow[None]:
    """Publish one message. It is sent once: an engine that did not answer may have taken it.

    run_id: the run that publishes. headers: added to those of every request.
    Raises ConfigError: a channel or a topic that cannot be used. OutputUnserializableError: data that is not JSON, is
    not of the type of the topic, or is over 512 KiB. PublishError: the engine refused it, or gave no answer.
    """
    name, chosen = name_of_channel(channel), topic_in(channel, topic)
    what = f'message for topic "{chosen.name}" of channel "{name}"'
    written = dump(
        data, what, chosen.type, rule="strict", serializer=serializer, fix="give JSON values", limit=MAX_MESSAGE_BYTES
    )
    about = {"channel": name, "topic": chosen.name, **({"run_id": run_id} if run_id else {})}
    path = f"/v1/realtime/publish?{urllib.parse.urlencode(about, errors='replace')}"
    try:
        response = yield from engine_api.fetch("POST", path, headers={**(headers or {}), **_JSON}, body=written.body)
    except TransportError as error:
        raise PublishError(f"{what}: {error}; {engine_api.hint_of_no_answer()}") from None
    if not 200 <= response.status < 300:
        raise PublishError(f"{what}: {refusal(response)}")


class TokenDelayedError(Exception):
    """No token can be had at the moment; later it may."""


def request_token(channel: str, topics: Sequence[Topic[object]], *, engine_api: EngineAPI) -> Flow[str]:
    """Return a token that opens topics of a channel for a minute.

    Raises SubscriptionError: the engine refused. TokenDelayedError: it did not answer, or is too busy.
    """
    asked = [{"channel": channel, "name": topic.name, "kind": "run"} for topic in topics]
    try:
        response = yield from engine_api.post("/v1/realtime/token", asked)
    except TransportError as error:
        raise TokenDelayedError(f"{error}; {engine_api.hint_of_no_answer()}") from None
    if may_change(response.status):
        raise TokenDelayedError(refusal(response))
    return _read_token(response, channel)


def may_change(status: int) -> bool:
    """Tell whether an engine that answers so may answer otherwise later."""
    return status in (408, 425, 429) or status >= 500


def _read_token(response: HTTPResponse, channel: str) -> str:
    try:
        token = parse_object(response.body).get("jwt")
    except BodyInvalidError:
        token = None
    if not 200 <= response.status < 300 or not isinstance(token, str):
        raise SubscriptionError(f'no token for channel "{channel}": {refusal(response)}')
    return token
