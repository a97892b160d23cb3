"""Real servers on real sockets, in threads: uvicorn for ASGI apps, waitress for WSGI apps.

One server serves one app after another: `app` is looked up for every request.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
import waitress.server  # type: ignore[import-untyped]

import inngest

from .target import Answer, ASGITarget, Functions, Headers, Send, WSGITarget

LiveTarget = ASGITarget | WSGITarget


class LiveServer:
    """A running server; `connect` puts another app into it."""

    def __init__(self, target: LiveTarget, port: int) -> None:
        self.target = target
        self.port = port
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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            path = f"{self.target.path}?{query}" if query else self.target.path
            connection.request(method, path, body, {"content-type": "application/json", **headers})
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
        finally:
            connection.close()

    def _close_client_on_loop(self) -> None:
        """Close what the client opened on the server's loop, as an app does when its lifespan ends."""
        if self.loop is not None and self.client is not None:
            asyncio.run_coroutine_threadsafe(self.client.close_async(), self.loop).result(30)

    def call(self, *args: Any) -> Any:
        """Hand a request to the app of the moment."""
        if self.app is None:
            raise AssertionError("no app is connected")
        return self.app(*args)


@contextmanager
def running_server(target: LiveTarget) -> Generator[LiveServer]:
    """Run the server that fits *target*; its socket listens before this returns."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = LiveServer(target, listening.getsockname()[1])
    run, stop = (_uvicorn if isinstance(target, ASGITarget) else _waitress)(server, listening)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop()
        thread.join(30)
        listening.close()
        if thread.is_alive():
            raise AssertionError(f"the server of {target.name} did not end")


def _uvicorn(server: LiveServer, listening: socket.socket) -> tuple[Callable[[], None], Callable[[], None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        server.loop = asyncio.get_running_loop()
        await server.call(scope, receive, send)

    config = uvicorn.Config(app, lifespan="off", http="h11", log_level=logging.CRITICAL, ws="none")
    running = uvicorn.Server(config)

    def stop() -> None:
        running.should_exit = True

    return lambda: running.run(sockets=[listening]), stop


def _waitress(server: LiveServer, listening: socket.socket) -> tuple[Callable[[], None], Callable[[], None]]:
    sockets: dict[int, Any] = {}
    running: Any = waitress.server.create_server(
        lambda environ, start_response: server.call(environ, start_response),
        map=sockets,
        sockets=[listening],
        asyncore_loop_timeout=1,
    )

    def run() -> None:
        running.run()

    def stop() -> None:
        running.trigger.pull_trigger(running.close)

    return run, stop


__all__ = ["LiveServer", "LiveTarget", "running_server"]
