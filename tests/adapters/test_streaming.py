"""What a framework does around a stream: Flask tears its contexts down when it has ended."""

from __future__ import annotations

import threading

import flask

import inngest
import inngest.flask
from tests.cases.case import APP_ID, Call
from tests.stage.logs import silent_logger
from tests.targets.target import call_wsgi


def test_flask_tears_its_contexts_down_when_the_function_has_ended() -> None:
    done: list[str] = []
    app = flask.Flask("shop")
    client = inngest.Inngest(
        app_id=APP_ID, is_production=False, logger=silent_logger(), streaming=inngest.Streaming.FORCE
    )

    @client.create_function(fn_id="fn")
    def function(ctx: inngest.ContextSync) -> object:
        done.append(f"{flask.g.user} asked {flask.current_app.name} for {flask.request.path}")
        return threading.current_thread() is not threading.main_thread()

    inngest.flask.serve(app, client, [function])

    @app.before_request
    def load_user() -> None:
        flask.g.user = "ada"

    @app.teardown_request
    def end_request(_: BaseException | None) -> None:
        done.append("request")

    @app.teardown_appcontext
    def end_app(_: BaseException | None) -> None:
        done.append("app")

    call = Call()
    answer = call_wsgi(app, "POST", "/api/inngest", call.query(), {}, call.body())
    assert (answer.status, b'"body":"true"' in answer.body) == (201, True)
    assert done == ["ada asked shop for /api/inngest", "request", "app"]
