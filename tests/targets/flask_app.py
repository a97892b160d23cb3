"""A Flask app."""

import flask

import inngest
import inngest.flask

from .target import Functions, WSGITarget


def make(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    app = flask.Flask("shop")
    inngest.flask.serve(app, client, functions)
    return app


TARGET = WSGITarget("flask", "flask", "/api/inngest", make)
