"""Apps as users write them, each on a real server in a thread: Flask on waitress, Starlette and FastAPI on uvicorn."""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any

import fastapi
import flask
import starlette.applications
import uvicorn
import waitress.server

import inngest
import inngest.fastapi
import inngest.flask
import inngest.starlette

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
def serving(framework: Framework, app: Any, port: int = 0) -> Iterator[str]:
    """Run *app*; yield its origin. The socket listens before this returns."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        run, stop = (_waitress if framework is Framework.FLASK else _uvicorn)(app, listening)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop()
            thread.join(20)
        assert not thread.is_alive(), f"the {framework} app did not end"


def _uvicorn(app: Any, listening: socket.socket) -> tuple[Callable[[], None], Callable[[], None]]:
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    return lambda: server.run(sockets=[listening]), stop


def _waitress(app: Any, listening: socket.socket) -> tuple[Callable[[], None], Callable[[], None]]:
    server: Any = waitress.server.create_server(app, map={}, sockets=[listening], threads=16)

    def stop() -> None:
        server.trigger.pull_trigger(server.close)

    return server.run, stop


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
