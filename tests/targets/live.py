"""Targets behind a real server on a real socket: uvicorn for ASGI apps, waitress for WSGI apps.

One server serves one app after another: `app` is looked up for every request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import inngest
from tests.stage.servers import by_uvicorn, by_waitress
from tests.stage.sockets import PATIENCE, ask

from .target import Answer, ASGITarget, Functions, Headers, Send, WSGITarget

LiveTarget = ASGITarget | WSGITarget


class LiveServer:
    """A running server; `connect` puts another app into it."""

    def __init__(self, target: LiveTarget) -> None:
        self.target = target
        self.port = 0
        self.app: Callable[..., Any] | None = None
        self.client: inngest.Inngest | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        self.app = self.target.make(client, functions)
        self.client = client
        return self.send

    def send(self, method: str, query: str, headers: Headers, body: bytes) -> Answer:
        """Ask once; then nothing of the client's stays open on the server's loop."""
        try:
            return self.exchange(method, query, headers, body)
        finally:
            self._close_client_on_loop()

    def exchange(self, method: str, query: str, headers: Headers, body: bytes) -> Answer:
        """Ask once."""
        return ask(self.port, self.target.path)(method, query, {"content-type": "application/json", **headers}, body)

    def _close_client_on_loop(self) -> None:
        """Close what the client opened on the server's loop, as an app does when its lifespan ends."""
        if self.loop is not None and self.client is not None:
            asyncio.run_coroutine_threadsafe(self.client.close_async(), self.loop).result(PATIENCE)

    def call(self, *args: Any) -> Any:
        """Hand a request to the app of the moment."""
        if self.app is None:
            raise AssertionError("no app is connected")
        return self.app(*args)


@contextmanager
def running_server(target: LiveTarget) -> Generator[LiveServer]:
    """Run the server that fits *target*; its socket listens before this returns."""
    server = LiveServer(target)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        server.loop = asyncio.get_running_loop()
        await server.call(scope, receive, send)

    def wsgi(environ: Any, start_response: Any) -> Any:
        return server.call(environ, start_response)

    is_asgi = isinstance(target, ASGITarget)
    with by_uvicorn(asgi, lifespan="off", http="h11") if is_asgi else by_waitress(wsgi) as port:
        server.port = port
        yield server
