"""Apps as users write them, each on a real server in a thread: Flask on waitress, Starlette and FastAPI on uvicorn."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

import fastapi
import flask
import starlette.applications

import inngest
import inngest.fastapi
import inngest.flask
import inngest.starlette
from tests.stage.servers import Serving, by_uvicorn, by_waitress

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
    serve: Serving = by_waitress if framework is Framework.FLASK else by_uvicorn
    with serve(app, port=port) as bound:
        yield f"http://127.0.0.1:{bound}"
