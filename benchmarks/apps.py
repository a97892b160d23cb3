"""One app per framework: functions of both colours served by us, and bare routes that do the same by hand.

A bare route is what a user of that framework would write: it parses the same JSON, reads one field of the event and
answers a small JSON object; it checks no signature. Its colour is that of the function that it is compared with.
Where a framework lets a plain `def` route not read a body, the route is written in the cheapest usual way.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any, cast

import fastapi
import flask
import starlette.applications
import starlette.concurrency
import starlette.requests
import starlette.responses
import starlette.routing

import inngest
import inngest.fast_api
import inngest.flask
import inngest.starlette

from .requests import APP_ID, SIGNING_KEY

FRAMEWORKS = ("flask", "starlette", "fastapi")
OWN_COLOUR = {"flask": "def", "starlette": "async", "fastapi": "async"}
BARE_PATH = {"def": "/bare-def", "async": "/bare-async"}


def other_colour(framework: str) -> str:
    return "async" if OWN_COLOUR[framework] == "def" else "def"


def missing(framework: str, colour: str) -> str:
    """Return why there is no bare route of that colour, or nothing."""
    if framework == "flask" and colour == "async" and importlib.util.find_spec("asgiref") is None:
        return "an async def route of Flask needs asgiref"
    return ""


def functions() -> tuple[inngest.Inngest, list[inngest.Function[Any]]]:
    """Return a client in cloud mode, and a function of each colour that has no step."""
    client = inngest.Inngest(app_id=APP_ID, is_production=True, signing_key=SIGNING_KEY, event_key="bench")
    trigger = inngest.TriggerEvent(event="bench/happened")

    @client.create_function(fn_id="def", trigger=trigger)
    def plain(ctx: inngest.ContextSync) -> dict[str, object]:
        return {"name": ctx.event.name, "ok": True}

    @client.create_function(fn_id="async", trigger=trigger)
    async def asynchronous(ctx: inngest.Context) -> dict[str, object]:
        return {"name": ctx.event.name, "ok": True}

    return client, [plain, asynchronous]


def make_app(framework: str) -> Any:
    """Return the app: WSGI for Flask, ASGI for the others."""
    makers: dict[str, Callable[[], object]] = {"flask": _flask, "starlette": _starlette, "fastapi": _fastapi}
    return makers[framework]()


def _flask() -> flask.Flask:
    app = flask.Flask("bench")
    inngest.flask.serve(app, *functions())

    @app.post(BARE_PATH["def"])
    def bare_def() -> dict[str, object]:
        payload = flask.request.get_json()
        return {"name": payload["event"]["name"], "ok": True}

    if not missing("flask", "async"):

        @app.post(BARE_PATH["async"])
        async def bare_async() -> dict[str, object]:
            payload = flask.request.get_json()
            return {"name": payload["event"]["name"], "ok": True}

    return app


def _starlette() -> starlette.applications.Starlette:
    def work(payload: dict[str, Any]) -> dict[str, object]:
        return {"name": payload["event"]["name"], "ok": True}

    async def bare_async(request: starlette.requests.Request) -> starlette.responses.Response:
        payload = await request.json()
        return starlette.responses.JSONResponse(work(payload))

    async def bare_def(request: starlette.requests.Request) -> starlette.responses.Response:
        payload = await request.json()  # Starlette's own def routes cannot read a body: this is how it is done
        return starlette.responses.JSONResponse(await starlette.concurrency.run_in_threadpool(work, payload))

    app = starlette.applications.Starlette(
        routes=[
            starlette.routing.Route(BARE_PATH["async"], bare_async, methods=["POST"]),
            starlette.routing.Route(BARE_PATH["def"], bare_def, methods=["POST"]),
        ]
    )
    inngest.starlette.serve(app, *functions())
    return app


def _fastapi() -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, *functions())

    async def bare_async(request: fastapi.Request) -> dict[str, object]:
        payload = await request.json()
        return {"name": payload["event"]["name"], "ok": True}

    def bare_def(payload: dict[str, Any]) -> dict[str, object]:
        return {"name": payload["event"]["name"], "ok": True}

    app.post(BARE_PATH["async"])(bare_async)
    app.post(BARE_PATH["def"])(bare_def)
    return app


def check(status: int, body: bytes, what: str) -> None:
    """Raise unless this is the answer that the functions and the bare routes give."""
    if status != 200 or cast("dict[str, object]", json.loads(body)).get("ok") is not True:
        raise RuntimeError(f"{what} answered {status}: {body[:300].decode(errors='replace')}")
