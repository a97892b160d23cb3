"""Apps as users write them, each on a real server in a thread: Flask on waitress, Starlette and FastAPI on uvicorn."""

from __future__ import annotations

import contextlib
import enum
import importlib
import logging
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

import fastapi
import flask
import starlette.applications
import uvicorn

import inngest
import inngest.fastapi
import inngest.flask
import inngest.starlette

# They have no types.
_waitress_server: Any = importlib.import_module("waitress.server")
_wasyncore: Any = importlib.import_module("waitress.wasyncore")

Functions = Sequence[inngest.Function[Any]]
PATH = "/api/inngest"


class Framework(enum.StrEnum):
    FLASK = "flask"
    STARLETTE = "starlette"
    FASTAPI = "fastapi"


def make_app(framework: Framework, client: inngest.Inngest, functions: Functions) -> Any:
    """Return an app that serves the functions; the ASGI ones close the client when they end."""

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncGenerator[None]:
        yield
        await client.close_async()

    match framework:
        case Framework.FLASK:
            app = flask.Flask("app")
            inngest.flask.serve(app, client, functions)
            return app
        case Framework.STARLETTE:
            starlette_app = starlette.applications.Starlette(lifespan=lifespan)
            inngest.starlette.serve(starlette_app, client, functions)
            return starlette_app
        case Framework.FASTAPI:
            fastapi_app = fastapi.FastAPI(lifespan=lifespan)
            inngest.fastapi.serve(fastapi_app, client, functions)
            return fastapi_app


@contextlib.contextmanager
def serving(framework: Framework, app: Any, port: int = 0) -> Generator[str, None, None]:
    """Run *app*; yield its origin. The socket listens before this returns."""
    with _listen(port) as listening:
        run, stop = (_waitress if framework is Framework.FLASK else _uvicorn)(app, listening)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop()
            thread.join(20)
        assert not thread.is_alive(), f"the {framework} app did not end"


def _listen(port: int) -> socket.socket:
    """Name the protocol: asyncio sends small packets at once only on such sockets; others wait 40 ms per answer."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(512)
    return listening


def _uvicorn(app: Any, listening: socket.socket) -> tuple[Callable[[], None], Callable[[], None]]:
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    return lambda: server.run(sockets=[listening]), stop


def _waitress(app: Any, listening: socket.socket) -> tuple[Callable[[], None], Callable[[], None]]:
    sockets: dict[int, Any] = {}
    server: Any = _waitress_server.create_server(app, map=sockets, sockets=[listening], threads=16)
    # It would warn of each request that finds no free thread.
    server.task_dispatcher.queue_logger = logging.getLogger("tests.end_to_end")

    def run() -> None:
        server.run()
        server.task_dispatcher.shutdown(timeout=20)

    def close() -> None:
        # The engine keeps connections open, which waitress would wait for.
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        _wasyncore.close_all(sockets, ignore_all=True)

    def stop() -> None:
        server.trigger.pull_trigger(close)

    return run, stop


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
