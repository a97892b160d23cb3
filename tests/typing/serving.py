"""What type checkers make of `serve`: one list of options for every framework, each with its type."""

# mypy: warn-unused-ignores

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_type

import fastapi
import flask
from django.urls import URLPattern
from starlette.applications import Starlette
from tornado.web import Application

import inngest
import inngest.asgi
import inngest.digital_ocean
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.starlette
import inngest.tornado
import inngest.wsgi
from inngest_core.serving.bare import ASGIApp, WSGIApp
from inngest_core.serving.options import ServeOptions

client = inngest.Inngest(app_id="shop", is_production=False)


@client.create_function(fn_id="pay")
def pay(ctx: inngest.ContextSync) -> int:
    return 1


def right() -> None:
    options: ServeOptions = {"serve_path": "/jobs", "serve_origin": None, "enable_unauthed_sync": False}
    inngest.flask.serve(flask.Flask("shop"), client, [pay], **options)
    inngest.flask.serve(flask.Blueprint("jobs", "shop"), client, [pay], serve_path="/jobs")
    inngest.starlette.serve(Starlette(), client, [pay], serve_origin="https://shop.example")
    inngest.fast_api.serve(fastapi.FastAPI(), client, (pay,), public_path="/public")
    inngest.fast_api.serve(fastapi.APIRouter(), client, [pay], enable_unauthed_sync=True)
    inngest.tornado.serve(Application(), client, [pay], **options)
    assert_type(inngest.django.serve(client, [pay], serve_path="/jobs"), URLPattern)
    assert_type(inngest.asgi.serve(client, [pay], **options), ASGIApp)
    assert_type(inngest.wsgi.serve(client, [pay], **options), WSGIApp)
    assert_type(
        inngest.digital_ocean.serve(client, [pay]),
        Callable[[Mapping[str, Any], Any], dict[str, Any]],
    )
    inngest.App(client, [pay], framework="own", body_cap=1024, **options)


def wrong() -> None:
    inngest.flask.serve(fastapi.FastAPI(), client, [pay])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    inngest.tornado.serve(client, Application(), [pay])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    inngest.starlette.serve(Starlette(), client, pay)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    inngest.wsgi.serve(client, [pay], serve_pth="/x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    inngest.django.serve(client, [pay], serve_path=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
