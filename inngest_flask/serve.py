"""Serves functions from a Flask app or blueprint. Translates requests and responses, and nothing else."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Unpack, cast
from wsgiref.types import WSGIEnvironment

import flask
from flask.blueprints import BlueprintSetupState
from flask.globals import request_ctx
from werkzeug.datastructures import Headers

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.arguments import check_app, check_client, check_functions, refuse_second_endpoint
from inngest_core.serving.options import ServeOptions
from inngest_core.web.messages import Head, Pieces, Request, Response
from inngest_core.web.wsgi import in_pieces, make_request, read_head

from .body import drain_body, take_body
from .context import within_app
from .csrf import exempt_from_csrf
from .running import is_serving

FRAMEWORK = "flask"

_WITH_A_BODY = (200, 206)


def serve(
    app: flask.Flask | flask.Blueprint,
    client: Inngest,
    functions: Sequence[Function[Any]],
    **options: Unpack[ServeOptions],
) -> None:
    """Serve *functions* from a Flask app or blueprint.

    app: where the endpoint is added.
    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path of the endpoint, relative to the app or blueprint; "/api/inngest" by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind, or functions are served at this path already.
    FunctionConfigError: two functions share an id.
    """
    check_app(app, (flask.Flask, flask.Blueprint), "a Flask app or blueprint")
    check_client(client)
    served = within_app(check_functions(functions, client), lambda: cast("flask.Flask | None", core.framework_app))
    core = App(client, served, framework=FRAMEWORK, can_stream=True, is_serving=is_serving(), **options)

    def view(**_: object) -> flask.Response:  # the variables of a prefix
        request = cast("flask.Request", cast("Any", flask.request)._get_current_object())  # it outlives the context
        head = read_head(request.environ)
        refused = core.admit(*head)
        if refused is not None:
            return _refusal(refused, request)
        return _response(core.handle_sync(_request(head, request, core.body_cap)))

    if isinstance(app, flask.Blueprint):
        app.record(lambda state: _add_blueprint_rule(state, core, view))
    else:
        _add_rule(app, core.serve_path, view)
        core.framework_app = app


def _add_blueprint_rule(state: BlueprintSetupState, core: App, view: Callable[[], flask.Response]) -> None:
    app = cast("flask.Flask", state.app)
    prefix = (state.url_prefix or "").rstrip("/")
    _add_rule(app, prefix + core.serve_path, view, state.subdomain)
    core.framework_app = app


def _add_rule(app: flask.Flask, path: str, view: Callable[[], flask.Response], subdomain: str | None = None) -> None:
    """Add a rule for every method: `add_url_rule` knows only named ones, and others would get an HTML page."""
    endpoint = f"inngest:{subdomain or ''}{path}"
    if endpoint in app.view_functions:
        refuse_second_endpoint(path)
    rule = app.url_rule_class(path, endpoint=endpoint, subdomain=subdomain)
    rule.provide_automatic_options = False  # type: ignore[attr-defined]  # Flask sets and reads it on the rule
    app.url_map.add(rule)
    app.view_functions[endpoint] = view
    exempt_from_csrf(app, endpoint, view)


def _request(head: Head, request: flask.Request, body_cap: int) -> Request:
    return make_request(head, take_body(request, body_cap), request.environ, request)


def _response(response: Response) -> flask.Response:
    headers = [*response.headers.items()]
    if isinstance(response.body, bytes):
        return _Answer(response.body, response.status, headers)
    pieces = _in_context(in_pieces(response.body))
    next(pieces)
    return flask.Response(pieces, response.status, headers)


def _headers_of(headers: list[tuple[str, str]]) -> Headers:
    """Return headers as Werkzeug keeps them, which first looks for what no header may hold, one by one."""
    kept = Headers()
    kept._list = headers
    return kept


class _Answer(flask.Response):
    """An answer that is sent with its headers as they are, for there is nothing in them to be corrected.

    Werkzeug copies the headers of each answer first, which takes as long as making them.
    """

    def __init__(self, body: bytes, status: int, headers: list[tuple[str, str]]) -> None:
        super().__init__(body, status, _headers_of(headers))
        self._made = [*headers]  # with the length, which was added to them

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the headers to send: as they are, unless a hook has changed them, or made another answer of this."""
        as_made = self.status_code in _WITH_A_BODY and self.headers._list == self._made
        return self.headers if as_made else super().get_wsgi_headers(environ)


def _in_context(pieces: Pieces) -> Iterator[bytes]:
    """Yield nothing, while the request is there, and then the pieces: Flask tears its contexts down after the last one.

    Flask's own `stream_with_context` lets it tear them down before the first one, and once more after the last.
    """
    with request_ctx, contextlib.closing(pieces):
        yield b""
        yield from pieces


def _refusal(response: Response, request: flask.Request) -> flask.Response:
    """Return an answer that was given before the body of the request was read, and throw that away afterwards."""
    answer = _response(response)
    answer.call_on_close(functools.partial(drain_body, request))
    return answer
