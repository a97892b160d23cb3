"""Factories of apps for servers that are processes of their own; the environment says which engine is theirs."""

from __future__ import annotations

import flask

import inngest
import inngest.asgi
import inngest.flask
from inngest_core.serving.bare import ASGIApp
from tests.stage.shop import Shop


def make_flask() -> flask.Flask:
    app, client = flask.Flask("shop"), inngest.Inngest(app_id="shop")
    inngest.flask.serve(app, client, Shop(client).functions)
    return app


def make_asgi() -> ASGIApp:
    client = inngest.Inngest(app_id="shop")
    return inngest.asgi.serve(client, Shop(client).functions, serve_path="/api/inngest")
