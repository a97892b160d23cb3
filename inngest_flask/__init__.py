"""Serves functions from a Flask app or blueprint. Translates requests and responses, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import flask
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response
from inngest_core.web.wsgi import read_request

FRAMEWORK = "flask"


def serve(
    app: flask.Flask | flask.Blueprint,
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> None:
    """Serve *functions* at *serve_path* (default /api/inngest), relative to the app or blueprint.

    serve_origin, public_path: what is advertised to the engine instead of the URL of its request.
    Raises FunctionConfigError when two functions share an id.
    """
    core = App(
        client,
        functions,
        framework=FRAMEWORK,
        serve_path=serve_path,
        serve_origin=serve_origin,
        public_path=public_path,
    )

    def view(**_: object) -> flask.Response:  # the variables of a prefix
        return _response(core.handle_sync(_request(flask.request, core.body_cap)))

    if isinstance(app, flask.Blueprint):
        app.record(lambda state: _add_blueprint_rule(state, core.serve_path, view))
    else:
        _add_rule(app, core.serve_path, view)


def _add_blueprint_rule(state: BlueprintSetupState, path: str, view: Callable[[], flask.Response]) -> None:
    prefix = (state.url_prefix or "").rstrip("/")
    _add_rule(cast("flask.Flask", state.app), prefix + path, view, state.subdomain)


def _add_rule(app: flask.Flask, path: str, view: Callable[[], flask.Response], subdomain: str | None = None) -> None:
    """Add a rule for every method: `add_url_rule` knows only named ones, and others would get an HTML page."""
    endpoint = f"inngest:{subdomain or ''}{path}"
    rule = app.url_rule_class(path, endpoint=endpoint, subdomain=subdomain)
    rule.provide_automatic_options = False  # type: ignore[attr-defined]  # Flask sets and reads it on the rule
    app.url_map.add(rule)
    app.view_functions[endpoint] = view


def _request(request: flask.Request, body_cap: int) -> Request:
    read = read_request(request.environ, body_cap, request)
    return read if read.body else replace(read, body=_cached_body(request, body_cap))


def _cached_body(request: flask.Request, body_cap: int) -> bytes:
    """Return the body that a hook of the app's has read before, and Flask kept; past its cap, which answers in HTML."""
    request.max_content_length = body_cap + 1
    try:
        return request.get_data()
    except HTTPException:  # the client went away, or sent less than it said
        return b""


def _response(response: Response) -> flask.Response:
    return flask.Response(response.body, response.status, list(response.headers.items()))
