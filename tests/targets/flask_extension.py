"""The extension, initialised in an application factory, with settings of the app."""

import flask

import inngest
import inngest.flask

from .target import Functions, WSGITarget


def make(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    extension = inngest.flask.Extension(client, functions)
    app = flask.Flask("shop")
    app.config["INNGEST_SERVE_PATH"] = "/jobs/inngest"
    extension.init_app(app)
    return app


TARGET = WSGITarget("flask-extension", "flask", "/jobs/inngest", make)
