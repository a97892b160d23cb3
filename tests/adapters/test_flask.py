"""Flask: what is its own. That it serves is what the case matrix shows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import flask
import pytest

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
