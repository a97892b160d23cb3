"""Real servers on free ports, in threads of this process: each is a block that gives its port and ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import socket
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from wsgiref.types import WSGIApplication

import hypercorn.asyncio
import hypercorn.config
import uvicorn
from tornado.httpserver import HTTPServer
from tornado.routing import Router

import inngest
from tests.targets.target import ASGIApplication

from .sockets import PATIENCE

# They have no types.
_waitress_server: Any = importlib.import_module("waitress.server")
_wasyncore: Any = importlib.import_module("waitress.wasyncore")

Clients = Sequence[inngest.Inngest]
Serving = Callable[..., AbstractContextManager[int]]
"""(app, clients, port=, **options of the server) → its port. The clients are closed when the server ends."""


@contextmanager
def in_a_thread(run: Callable[[], object], stop: Callable[[], object]) -> Generator[None]:
    """Run a server beside the block; its end is waited for."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(PATIENCE)
    assert not thread.is_alive(), "the server did not end"


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket; a connection that comes before its server runs is not refused.

    The protocol is named, because asyncio sends small packets at once on such sockets only; others wait 40 ms.
    """
    listening = _bound(port)
    listening.listen(512)
    return listening


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()  # the garbage collector would warn of it in another test
        raise
    return bound


def free_port() -> int:
    """Return a port where nobody listens, and which the system gives to nobody until this process ends.

    It is taken, but not listened at; who asks for just this one, and lets addresses be used again, gets it.
    """
    taken = _bound(0)
    port = port_of(taken)
    taken.detach()
    return port


def port_of(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


@contextmanager
def by_uvicorn(app: Any, clients: Clients = (), *, port: int = 0, **options: Any) -> Generator[int]:
    """Run *app* under uvicorn, which trusts this machine's headers unless told otherwise: here it does not."""
    given: dict[str, Any] = {"log_config": None, "access_log": False, "ws": "none", "proxy_headers": False, **options}
    served = with_lifespan(app, clients) if clients else app
    server = uvicorn.Server(uvicorn.Config(served, timeout_graceful_shutdown=1, **given))

    def stop() -> None:
        server.should_exit = True

    with listen(port) as listening, in_a_thread(lambda: server.run(sockets=[listening]), stop):
        yield port_of(listening)


@contextmanager
def by_waitress(app: WSGIApplication, _: Clients = (), *, port: int = 0, **options: Any) -> Generator[int]:
    """Run *app* under waitress, which takes forwarded headers away unless told otherwise: here it passes them on."""
    sockets: dict[int, Any] = {}
    given: dict[str, Any] = {"clear_untrusted_proxy_headers": False, "threads": 16, **options}
    with listen(port) as listening:
        server: Any = _waitress_server.create_server(app, map=sockets, sockets=[listening], **given)
        # It would warn of each request that finds no free thread.
        server.task_dispatcher.queue_logger = logging.Logger("silent")

        def run() -> None:
            server.run()
            server.task_dispatcher.shutdown(timeout=PATIENCE)

        def close() -> None:
            # A client may keep connections open, for which waitress would wait.
            for channel in list(server.active_channels.values()):
                channel.handle_close()
            _wasyncore.close_all(sockets, ignore_all=True)

        def stop() -> None:
            with contextlib.suppress(OSError):  # its loop was awake anyway, and has closed the trigger already
                server.trigger.pull_trigger(close)

        with in_a_thread(run, stop):
            yield port_of(listening)


@contextmanager
def by_hypercorn(app: ASGIApplication, clients: Clients, *, root_path: str = "") -> Generator[int]:
    listening = listen()
    port = port_of(listening)
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
    """Run *app* under Tornado's HTTP server."""
    listening = listen()
    listening.setblocking(False)

    async def start() -> Callable[[], Coroutine[Any, Any, None]]:
        server = HTTPServer(app, **options)
        server.add_sockets([listening])

        async def stop() -> None:
            server.stop()
            await server.close_all_connections()
            for client in clients:
                await client.close_async()

        return stop

    with on_a_loop(start):
        yield port_of(listening)


@contextmanager
def on_a_loop(start: Callable[[], Coroutine[Any, Any, Callable[[], Coroutine[Any, Any, None]]]]) -> Generator[None]:
    """Run a server on the loop of a thread of its own. start: returns how to stop it."""
    loop = asyncio.new_event_loop()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)

    with in_a_thread(loop.run_forever, lambda: loop.call_soon_threadsafe(loop.stop)):
        stop = run(start())
        try:
            yield
        finally:
            run(stop())
            run(loop.shutdown_asyncgens())
    loop.close()


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
