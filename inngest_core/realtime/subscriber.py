"""The flows of a subscriber: connect, receive, and connect again when the connection is lost. Written once.

Nothing is buffered but what one read has brought: one that is slow is cut off by the engine, and connects again.
"""

from __future__ import annotations

import contextlib
import logging
import urllib.parse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inngest_core.engine_api import EngineAPI, refusal
from inngest_core.errors import BodyInvalidError, OutputUnserializableError
from inngest_core.runtime.effects import Close, Flow, HTTPStream, Open, Random, Read, Sleep, now
from inngest_core.values.serializer import Serializer, load
from inngest_core.web.messages import HTTPResponse, TransportError

from .messages import Message, Reader
from .publishing import TokenDelayedError, may_change, request_token
from .refusals import SubscriptionError
from .sse import EventParser
from .topics import Topic

SILENCE_SECONDS = 50.0
"""Engines give a sign of life every 15 seconds: after three missed ones, the connection is lost."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
FIRST_TRIES = 5
"""How often a subscriber that was never connected tries: what never answers is not there, or is somewhere else."""
TELL_AGAIN_SECONDS = 60.0
"""How long to wait before the missing connection is logged again."""
STEADY_SECONDS = 10.0
"""A connection that has lasted so long was a good one: the next pause is the shortest again."""
_SHOWN_BYTES = 2_000


class _LostError(Exception):
    """There is no connection, but there may be one later."""


class Subscriber:
    """One subscription. token: to use instead of tokens of the engine's own, which only a signing key can ask for.

    streams: whether pieces of streams are wanted, too.
    """

    def __init__(
        self,
        channel: str,
        topics: Sequence[Topic[Any]],
        *,
        engine_api: EngineAPI,
        logger: logging.Logger,
        serializer: Serializer | None,
        token: str | None = None,
        streams: bool = False,
    ) -> None:
        self.stream: HTTPStream | None = None
        self.closed = False
        """It was closed by who subscribed: nothing more comes."""
        self._channel = channel
        self._topics = topics
        self._types = {topic.name: topic.type for topic in topics}
        self._engine_api = engine_api
        self._logger = logger
        self._serializer = serializer
        self._token = token
        self._streams = streams
        self._told_of_streams = streams
        self._parser = EventParser()
        self._reader = Reader()
        self._pauses = 0
        self._refused = False
        self._since = 0.0
        """When the connection was made; or, while there is none, lost."""
        self._was_connected = False
        self._tries = 0
        """How often connecting has failed since there was a connection."""
        self._told = 0.0
        """When that was said."""

    def connect(self) -> Flow[None]:
        """Connect: in a few tries at first, and however long it takes when a connection was lost.

        Raises SubscriptionError: the engine refuses, or was never there.
        """
        while self.stream is None and not self.closed:
            try:
                yield from self._open()
            except _LostError as error:
                yield from self._fail(str(error))

    def _fail(self, reason: str) -> Flow[None]:
        """Wait for the next try; raises SubscriptionError when there was no connection yet, and tries enough."""
        self._tries += 1
        if not self._was_connected and self._tries >= FIRST_TRIES:
            raise SubscriptionError(f'subscription to channel "{self._channel}": {reason} (tried {FIRST_TRIES} times)')
        seconds = yield from now()
        is_news = self._tries == 1 or seconds - self._told >= TELL_AGAIN_SECONDS
        if is_news:
            self._told = seconds
        yield from self._pause(reason, is_news=is_news)

    def receive(self) -> Flow[list[Message[Any]]]:
        """Return the next messages, none once it is closed; connects where there is no connection.

        Raises SubscriptionError.
        """
        messages: list[Message[Any]] = []
        while not messages and not self.closed:
            yield from self.connect()
            if self.stream is None:
                break
            try:
                messages = self._read((yield from self._next(self.stream)))
            except _LostError as error:
                if not self.closed:
                    yield from self._lost(str(error))
        return messages

    def close(self) -> Flow[None]:
        """End the connection, if there is one, for good."""
        self.closed = True
        yield from self._drop()

    def _drop(self) -> Flow[None]:
        stream, self.stream = self.stream, None
        if stream is not None:
            yield Close(stream)

    def _open(self) -> Flow[None]:
        token = self._token
        try:
            if token is None:
                token = yield from request_token(self._channel, self._topics, engine_api=self._engine_api)
            request = self._engine_api.stream_request(f"/v1/realtime/sse?{urllib.parse.urlencode({'token': token})}")
            stream: HTTPStream = yield Open(request)
        except TokenDelayedError as error:
            raise _LostError(str(error)) from None
        except TransportError as error:
            raise _LostError(f"{error}; {self._engine_api.hint_of_no_answer()}") from None
        kind = stream.headers.get("content-type", "").partition(";")[0].strip()
        if stream.status != 200 or kind != "text/event-stream":
            yield from self._refuse(stream)
        if self.closed:
            yield Close(stream)
            return
        self.stream, self._refused = stream, False
        self._parser, self._reader = EventParser(), Reader()
        yield from self._tell_that_it_is_back()

    def _refuse(self, stream: HTTPStream) -> Flow[None]:
        """Raise what an answer means that is not a stream of events."""
        body = b""
        with contextlib.suppress(TransportError):
            body = yield Read(stream, SILENCE_SECONDS)
        yield Close(stream)
        reason = refusal(HTTPResponse(stream.status, stream.headers, body[:_SHOWN_BYTES]))
        if may_change(stream.status):
            raise _LostError(reason)
        if stream.status in (401, 403) and self._token is None and not self._refused:
            self._refused = True  # the token may have been of an engine that was started anew
            raise _LostError(reason)
        hint = "; the token is wrong or over: get a new one" if self._token is not None else ""
        raise SubscriptionError(f'subscription to channel "{self._channel}": {reason}{hint}')

    def _next(self, stream: HTTPStream) -> Flow[bytes]:
        try:
            content: bytes = yield Read(stream, SILENCE_SECONDS)
        except TransportError as error:
            raise _LostError(str(error)) from None
        if not content:
            raise _LostError("the engine ended it")
        return content

    def _lost(self, reason: str) -> Flow[None]:
        yield from self._drop()
        seconds = yield from now()
        if seconds - self._since >= STEADY_SECONDS:
            self._pauses = 0
        self._since = seconds
        yield from self._pause(f"the connection was lost: {reason}; messages from now until it is back are missed")

    def _pause(self, reason: str, *, is_news: bool = True) -> Flow[None]:
        """Wait before the next try: longer each time, and not as long as others who lost the same engine."""
        jitter: bytes = yield Random(1)
        longest = min(FIRST_PAUSE_SECONDS * 2**self._pauses, LONGEST_PAUSE_SECONDS)
        seconds = longest * (0.5 + jitter[0] / 510)
        self._pauses = min(self._pauses + 1, 16)
        if is_news:
            self._warn(f"{reason}; connecting again in {seconds:.2g} s")
        yield Sleep(seconds)

    def _tell_that_it_is_back(self) -> Flow[None]:
        seconds = yield from now()
        if self._was_connected:
            message = 'subscription to channel "%s": connected again; messages of the last %.2g s may be missing'
            self._logger.warning(message, self._channel, seconds - self._since)
        self._since, self._was_connected, self._tries = seconds, True, 0

    def _read(self, content: bytes) -> list[Message[Any]]:
        found = [self._message(event) for event in self._parser.feed(content)]
        if self._parser.left_out:
            self._parser.left_out = 0
            self._warn("a message was left out: it is too large")
        return [message for message in found if message is not None]

    def _message(self, event: bytes) -> Message[Any] | None:
        """Return a message of which all is as it should be; what is not is left out, with a warning."""
        try:
            message = self._reader.read(event)
        except BodyInvalidError as error:
            self._warn(f"a message was left out: {error.message}")
            return None
        if message is None:
            return None
        if message.kind != "data":
            return self._part_of_stream(message)
        try:
            what = f'the data of topic "{message.topic}"'
            data = load(message.data, self._types.get(message.topic), what=what, serializer=self._serializer)
        except OutputUnserializableError as error:
            self._warn(f"a message was left out: {error.message}")
            return None
        return replace(message, data=data)

    def _part_of_stream(self, message: Message[Any]) -> Message[Any] | None:
        if not self._told_of_streams:
            self._told_of_streams = True
            self._warn(f'streams of topic "{message.topic}" are left out; give streams=True to get them')
        return message if self._streams else None

    def _warn(self, problem: str) -> None:
        self._logger.warning('subscription to channel "%s": %s', self._channel, problem)
