"""Flask: what is its own. That it serves is what the case matrix shows."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import flask
import pytest
from werkzeug.datastructures import Headers

import inngest.flask
from tests.bad_input.served import KEY, signature
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, Shop, expect_ran, expect_refused, query, registered_url, shop
from tests.targets.target import Answer, call_wsgi

PATH = "/api/inngest"
CHUNKED = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
"""What gunicorn says of a body that comes in chunks."""


def ask(app: flask.Flask, body: bytes, environ: Mapping[str, Any]) -> Answer:
    stream = {"wsgi.input": io.BytesIO(body), **environ}
    return call_wsgi(lambda given, start: app({**given, **stream}, start), "POST", PATH, query("plain"), {}, body)


def served_with_a_hook(served: Shop, hook: Any) -> flask.Flask:
    app = flask.Flask(__name__)
    app.before_request(hook)
    inngest.flask.serve(app, served.client, served.functions)
    return app


@pytest.mark.parametrize("environ", [{}, CHUNKED], ids=["length", "chunked"])
def test_a_body_that_a_hook_has_read_before(environ: Mapping[str, Any]) -> None:
    with shop() as served:
        app = served_with_a_hook(served, lambda: flask.request.get_data() and None)
        app.config["MAX_CONTENT_LENGTH"] = 10**6
        expect_ran(ask(app, BODY, environ), "plain")


@pytest.mark.parametrize("environ", [{}, CHUNKED], ids=["length", "chunked"])
def test_a_body_that_a_hook_has_consumed(environ: Mapping[str, Any]) -> None:
    with shop() as served:
        app = served_with_a_hook(served, lambda: flask.request.stream.read() and None)
        message = expect_refused(ask(app, BODY, environ), 400, "body_invalid")
    if environ is not CHUNKED:  # its length is not known before, so it may as well have been empty
        assert "the body was consumed before it came here" in message


@pytest.mark.parametrize("how", ["stream", "form", "not kept"])
def test_a_signed_body_that_a_hook_has_consumed(how: str) -> None:
    """It is not the key that is wrong, as an empty body with that signature would have it."""

    def hook() -> None:
        if how == "stream":
            flask.request.stream.read()
        elif how == "form":
            assert flask.request.form is not None
        else:
            flask.request.get_data(cache=False)

    with shop(is_production=True, signing_key=KEY) as served:
        app = served_with_a_hook(served, hook)
        environ = {
            "HTTP_X_INNGEST_SIGNATURE": signature(BODY),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
        }
        message = expect_refused(ask(app, BODY, environ), 401, "sig_verification_failed")
    assert "the body was consumed before it came here" in message


def test_a_prefix_with_a_variable(engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as served:
        blueprint = flask.Blueprint("jobs", __name__, url_prefix="/<tenant>")
        inngest.flask.serve(blueprint, served.client, served.functions)
        app = flask.Flask(__name__)
        app.register_blueprint(blueprint)

        def send(method: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
            return call_wsgi(app, method, f"/acme{PATH}", query, headers, body)

        assert registered_url(send, engine) == f"http://shop.example:8000/acme{PATH}"
        expect_ran(send("POST", query("async"), {}, BODY), "async")


def _drop_the_length(response: flask.Response) -> None:
    del response.headers["Content-Length"]


def _clear(response: flask.Response) -> None:
    response.headers.clear()


def _replace(response: flask.Response) -> None:
    response.headers = Headers({"X-Other": "1"})


def _locate(response: flask.Response) -> None:
    response.headers["Location"] = response.headers["Content-Location"] = "/käse"


def _add(response: flask.Response) -> None:
    response.headers.add("X-Number", 5)
    response.headers.setdefault("content-type", "text/plain")
    response.headers.extend([("Vary", "Cookie"), ("Vary", "Accept")])


def _set_a_cookie(response: flask.Response) -> None:
    response.set_cookie("seen", "1")
    flask.session["seen"] = 1


def _rewrite(response: flask.Response) -> None:
    response.set_data(b"other")
    response.mimetype = "text/plain"


def _stream(response: flask.Response) -> None:
    response.response = iter([b"a", b"b"])
    del response.headers["Content-Length"]


def _empty(response: flask.Response) -> None:
    response.status_code = 204


def _make_conditional(response: flask.Response) -> None:
    response.add_etag()
    response.make_conditional(flask.request)


@pytest.mark.parametrize(
    "change",
    [
        _drop_the_length,
        _clear,
        _replace,
        _locate,
        _add,
        _set_a_cookie,
        _rewrite,
        _stream,
        _empty,
        _make_conditional,
    ],
)
def test_what_a_hook_makes_of_an_answer_is_sent_as_of_any_other(change: Callable[[flask.Response], None]) -> None:
    """A view of Flask's own, which gives the same answer, is the measure."""

    def hook(response: flask.Response) -> flask.Response:
        plain.append(flask.Response(response.get_data(), response.status, [*response.headers]))
        change(response)
        return response

    def same(response: flask.Response) -> flask.Response:
        change(response)
        return response

    plain: list[flask.Response] = []
    with shop() as served:
        app = flask.Flask(__name__)
        app.secret_key = "secret"
        app.after_request_funcs[None] = [hook]
        inngest.flask.serve(app, served.client, served.functions)
        got = app.test_client().post(f"{PATH}?{query('plain')}", data=BODY)
    app = flask.Flask(__name__)
    app.secret_key = "secret"
    app.add_url_rule("/", view_func=lambda: plain[0], methods=["POST"])
    app.after_request_funcs[None] = [same]
    usual = app.test_client().post("/", data=BODY)
    assert (got.status, [*got.headers], got.data) == (usual.status, [*usual.headers], usual.data)
