"""Real servers on free ports, most of them in threads of this process: each is a block that gives its port."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import hypercorn.asyncio
import hypercorn.config
import uvicorn
import waitress.server  # type: ignore[import-untyped]  # it has no types
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import Router

import inngest
from tests.stage.sockets import PATIENCE, on_a_loop
from tests.targets.target import ASGIApplication

ROOT = Path(__file__).parent.parent.parent

Clients = Sequence[inngest.Inngest]
Serving = Callable[..., AbstractContextManager[int]]
"""(app, clients, **options of the server) → its port."""


@contextmanager
def by_waitress(app: WSGIApplication, _: Clients, **options: Any) -> Generator[int]:
    """Run *app* under waitress, which takes forwarded headers away unless told otherwise: here it passes them on."""
    sockets: dict[int, Any] = {}
    given: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "clear_untrusted_proxy_headers": False, **options}
    server: Any = waitress.server.create_server(app, map=sockets, asyncore_loop_timeout=1, **given)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        server.task_dispatcher.shutdown()  # its threads tell the server when they have answered
        server.trigger.pull_trigger(server.close)
        thread.join(PATIENCE)


@contextmanager
def by_uvicorn(app: ASGIApplication, clients: Clients, **options: Any) -> Generator[int]:
    """Run *app* under uvicorn, which trusts this machine's headers unless told otherwise: here it does not."""
    given: dict[str, Any] = {"port": 0, "http": "h11", "log_level": "critical", "proxy_headers": False, **options}
    server = uvicorn.Server(uvicorn.Config(with_lifespan(app, clients), **given))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


@contextmanager
def by_hypercorn(app: ASGIApplication, clients: Clients, *, root_path: str = "") -> Generator[int]:
    listening = bind_sockets(0, "127.0.0.1")[0]
    port: int = listening.getsockname()[1]
    config = hypercorn.config.Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.root_path = root_path
    config.errorlog = None
    served: Any = with_lifespan(app, clients)
    serve: Any = hypercorn.asyncio.serve  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # bare dicts

    async def start() -> Callable[[], Coroutine[Any, Any, None]]:
        ending = asyncio.Event()
        serving = asyncio.create_task(serve(served, config, shutdown_trigger=ending.wait))

        async def stop() -> None:
            ending.set()
            await serving

        return stop

    with on_a_loop(start):
        yield port


@contextmanager
def by_tornado(app: Router, clients: Clients, **options: Any) -> Generator[int]:
    sockets = bind_sockets(0, "127.0.0.1")

    async def start() -> Callable[[], Coroutine[Any, Any, None]]:
        server = HTTPServer(app, **options)
        server.add_sockets(sockets)

        async def stop() -> None:
            server.stop()
            await server.close_all_connections()
            for client in clients:
                await client.close_async()

        return stop

    with on_a_loop(start):
        yield sockets[0].getsockname()[1]


def with_lifespan(app: ASGIApplication, clients: Clients) -> ASGIApplication:
    """Return *app* with a lifespan, at whose end the clients are closed, as an app of users' should do."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for client in clients:
            await client.close_async()
        await send({"type": "lifespan.shutdown.complete"})

    return wrapped


@contextmanager
def by_gunicorn(target: str, engine_origin: str, *arguments: str, **environ: str) -> Generator[int]:
    """Run an app of `hosted.py` under gunicorn, in a process of its own; environ: more for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        bound = listening.fileno()
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                f"--bind=fd://{bound}",
                "--no-control-socket",
                "--log-level=critical",
                *arguments,
                target,
            ],
            pass_fds=[bound],
            cwd=ROOT,
            env={**os.environ, "INNGEST_DEV": "1", "INNGEST_API_BASE_URL": engine_origin, **environ},
        ) as process:
            try:
                yield listening.getsockname()[1]
            finally:
                process.terminate()
