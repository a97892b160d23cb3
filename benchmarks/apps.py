"""Two apps per framework: one whose functions are served by us, one with a bare route that does the same by hand.

A bare route is what a user of that framework would write: it parses the same JSON, reads one field of the event and
answers a small JSON object; it checks no signature. Its kind is that of the function that it is compared with.
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
from django.http import HttpRequest, JsonResponse
from django.urls import path

import inngest
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.starlette

from .django_site import DjangoSite
from .requests import APP_ID, PATH, SIGNING_KEY

FRAMEWORKS = ("flask", "django", "starlette", "fastapi")
OWN_KIND = {"flask": "def", "django": "def", "starlette": "async", "fastapi": "async"}


def other_kind(framework: str) -> str:
    return "async" if OWN_KIND[framework] == "def" else "def"


def missing(framework: str, kind: str) -> str:
    """Return why there is no bare route of that kind, or nothing."""
    if framework == "flask" and kind == "async" and importlib.util.find_spec("asgiref") is None:
        return "an async def route of Flask needs asgiref"
    return ""


def functions() -> tuple[inngest.Inngest, list[inngest.Function[Any]]]:
    """Return a client in cloud mode, and a function of each kind that has no step."""
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
    """Return the app that serves our functions: WSGI for Flask and Django, ASGI for the others."""
    if framework == "flask":
        wsgi = flask.Flask("bench")
        inngest.flask.serve(wsgi, *functions())
        return wsgi
    if framework == "django":
        return DjangoSite(inngest.django.serve(*functions()))
    if framework == "starlette":
        asgi = starlette.applications.Starlette()
        inngest.starlette.serve(asgi, *functions())
        return asgi
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, *functions())
    return app


def make_bare(framework: str, kind: str) -> Any:
    """Return an app with one bare route of that kind, at the same path."""
    makers: dict[str, Callable[[str], object]] = {
        "flask": _flask,
        "django": _django,
        "starlette": _starlette,
        "fastapi": _fastapi,
    }
    return makers[framework](kind)


def _flask(kind: str) -> flask.Flask:
    app = flask.Flask("bench")

    def plain() -> dict[str, object]:
        payload = flask.request.get_json()
        return {"name": payload["event"]["name"], "ok": True}

    async def asynchronous() -> dict[str, object]:
        payload = flask.request.get_json()
        return {"name": payload["event"]["name"], "ok": True}

    app.post(PATH)(plain if kind == "def" else asynchronous)
    return app


def _django(kind: str) -> DjangoSite:
    def plain(request: HttpRequest) -> JsonResponse:
        payload = json.loads(request.body)
        return JsonResponse({"name": payload["event"]["name"], "ok": True})

    async def asynchronous(request: HttpRequest) -> JsonResponse:
        payload = json.loads(request.body)
        return JsonResponse({"name": payload["event"]["name"], "ok": True})

    return DjangoSite(path(PATH.removeprefix("/"), plain if kind == "def" else asynchronous))


def _starlette(kind: str) -> starlette.applications.Starlette:
    def work(payload: dict[str, Any]) -> dict[str, object]:
        return {"name": payload["event"]["name"], "ok": True}

    async def asynchronous(request: starlette.requests.Request) -> starlette.responses.Response:
        payload = await request.json()
        return starlette.responses.JSONResponse(work(payload))

    async def plain(request: starlette.requests.Request) -> starlette.responses.Response:
        payload = await request.json()  # Starlette's own def routes cannot read a body: this is how it is done
        return starlette.responses.JSONResponse(await starlette.concurrency.run_in_threadpool(work, payload))

    endpoint = plain if kind == "def" else asynchronous
    return starlette.applications.Starlette(routes=[starlette.routing.Route(PATH, endpoint, methods=["POST"])])


def _fastapi(kind: str) -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    async def asynchronous(request: fastapi.Request) -> dict[str, object]:
        payload = await request.json()
        return {"name": payload["event"]["name"], "ok": True}

    def plain(payload: dict[str, Any]) -> dict[str, object]:
        return {"name": payload["event"]["name"], "ok": True}

    app.post(PATH)(plain if kind == "def" else asynchronous)
    return app


def check(status: int, body: bytes, what: str) -> None:
    """Raise unless this is the answer that the functions and the bare routes give."""
    if status != 200 or cast("dict[str, object]", json.loads(body)).get("ok") is not True:
        raise RuntimeError(f"{what} answered {status}: {body[:300].decode(errors='replace')}")
