"""A bookshop: an application factory, a database, a blueprint of pages, and functions that do what takes time."""

from __future__ import annotations

import flask

from . import database, pages
from .functions import extension


def create_app(**config: object) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config.from_mapping(DATABASE_URL="sqlite:///bookshop.db", SERVER_NAME="127.0.0.1:5000")
    app.config.from_prefixed_env()  # FLASK_DATABASE_URL, FLASK_INNGEST_SIGNING_KEY, ...
    app.config.from_mapping(config)
    database.init_app(app)
    app.register_blueprint(pages.blueprint)
    extension.init_app(app)
    return app
