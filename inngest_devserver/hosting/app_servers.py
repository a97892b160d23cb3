"""The servers that host a user's app in the child process, one for each kind of app, and how they end.

Each takes a listening socket, tells when it has started, and ends on SIGTERM. Knows nothing of engines or endpoints.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any, Protocol, cast

from inngest_core.extras import needs

from . import loading

GRACE_SECONDS = 1.0
"""How long the app has to end when it is told to, before it is killed."""
WSGI_THREADS = 16
WSGI_CONNECTIONS = 1000
"""More than an engine opens: waitress leaves connections above its limit unanswered."""


def end_at_last() -> None:
    """End this process when its grace period is over."""
    time.sleep(GRACE_SECONDS)
    os._exit(0)


def _on_terminate(stop: Callable[[], None]) -> None:
    def handle(number: int, _frame: FrameType | None) -> None:
        # The end of the channel tells it, too, and maybe later: that must not interrupt what ends already.
        signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=end_at_last, daemon=True).start()
        stop()

    signal.signal(signal.SIGTERM, handle)


class _WSGIServer(Protocol):
    def run(self) -> None: ...


class _Waitress(Protocol):
    def create_server(
        self,
        application: object,
        *,
        sockets: list[socket.socket],
        threads: int,
        connection_limit: int,
        ident: str | None,
    ) -> _WSGIServer: ...


def _serve_wsgi(app: object, listener: socket.socket, on_started: Callable[[], None]) -> None:
    with needs("dev-server", "waitress"):
        waitress = cast("_Waitress", importlib.import_module("waitress"))  # it has no types

    def stop() -> None:
        raise SystemExit(0)

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue of calls is what an engine brings
    server = waitress.create_server(
        app, sockets=[listener], threads=WSGI_THREADS, connection_limit=WSGI_CONNECTIONS, ident=None
    )
    _on_terminate(stop)
    on_started()
    server.run()


def _serve_asgi(app: object, listener: socket.socket, on_started: Callable[[], None]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            on_started()

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield  # the signals are ours

    config = uvicorn.Config(cast("Any", app), interface="asgi3", log_level="warning", timeout_graceful_shutdown=1)
    server = Server(config)
    _on_terminate(lambda: setattr(server, "should_exit", True))
    server.run(sockets=[listener])


def _serve_tornado(app: object, listener: socket.socket, on_started: Callable[[], None]) -> None:
    from tornado.httpserver import HTTPServer

    async def serve() -> None:
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        server = HTTPServer(cast("Any", app))
        listener.setblocking(False)
        server.add_sockets([listener])

        def stop() -> None:
            loop.call_soon_threadsafe(stopped.set)

        _on_terminate(stop)
        on_started()
        await stopped.wait()
        server.stop()
        await server.close_all_connections()

    asyncio.run(serve())


SERVERS = {
    loading.Kind.ASGI: _serve_asgi,
    loading.Kind.TORNADO: _serve_tornado,
    loading.Kind.WSGI: _serve_wsgi,
}
