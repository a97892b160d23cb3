"""Apps whose hooks, middleware and functions read the request's body: what they share.

Each place notes how many bytes it saw. What came before the function's end is in the function's result, the rest in a
header of the answer. A request says in its query who reads: `reads=before,middleware,inside,after`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

import inngest

from .endpoints import TRIGGER, make_client

PLACES = ("before", "middleware", "inside", "after")
HEADER = "x-seen"

Read = Callable[[Any], bytes | Awaitable[bytes]]


class Reader:
    """Reads bodies. read: how, given the framework's request; it may be async in an async app."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._wanted: list[str] = []
        self._seen: dict[str, int] = {}

    def begin(self, query: str) -> None:
        """Begin with another request."""
        _, _, names = query.partition("reads=")
        self._wanted = names.partition("&")[0].split(",")
        self._seen = {}

    def note(self, place: str, request: Any) -> None:
        """Read in a sync app, when it was asked for."""
        if place in self._wanted:
            body = self._read(request)
            assert isinstance(body, bytes)
            self._seen[place] = len(body)

    async def note_async(self, place: str, request: Any) -> None:
        """Read in an async app, when it was asked for."""
        if place in self._wanted:
            body = self._read(request)
            self._seen[place] = len(await body if inspect.isawaitable(body) else body)

    def told(self) -> str:
        return json.dumps(self._seen)

    def seen(self) -> dict[str, int]:
        return dict(self._seen)

    def endpoint(self) -> tuple[inngest.Inngest, list[inngest.Function[Any]]]:
        """Return what a sync app serves."""
        note = self.note
        raw: list[Any] = []

        class Reads(inngest.MiddlewareSync):
            def before_execution(self) -> None:
                note("middleware", self.raw_request)
                raw[:] = [self.raw_request]

        client = make_client(middleware=[Reads])

        @client.create_function(fn_id="reads", trigger=TRIGGER)
        def reads(ctx: inngest.ContextSync) -> object:
            note("inside", raw[0])
            return self.seen()

        return client, [reads]

    def endpoint_async(self) -> tuple[inngest.Inngest, list[inngest.Function[Any]]]:
        """Return what an async app serves."""
        note = self.note_async
        raw: list[Any] = []

        class Reads(inngest.Middleware):
            async def before_execution(self) -> None:
                await note("middleware", self.raw_request)
                raw[:] = [self.raw_request]

        client = make_client(middleware=[Reads])

        @client.create_function(fn_id="reads", trigger=TRIGGER)
        async def reads(ctx: inngest.Context) -> object:
            await note("inside", raw[0])
            return self.seen()

        return client, [reads]
