"""A blueprint of a Flask app."""

import flask

import inngest
import inngest.flask

from .target import Functions, WSGITarget


def make(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    blueprint = flask.Blueprint("jobs", "shop", url_prefix="/jobs")
    inngest.flask.serve(blueprint, client, functions)
    app = flask.Flask("shop")
    app.register_blueprint(blueprint)
    return app


TARGET = WSGITarget("flask-blueprint", "flask", "/jobs/api/inngest", make)
