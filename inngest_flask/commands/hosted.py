"""The app that `flask` was asked for, in the process in which `inngest dev` runs it."""

from __future__ import annotations

import os

import flask
from flask.cli import ScriptInfo

APP = "FLASK_APP"
"""The variable in which Flask's command line has the app."""


def load() -> flask.Flask:
    """Return the app that FLASK_APP names, else that of app.py or wsgi.py, as Flask finds it."""
    return ScriptInfo(app_import_path=os.environ.get(APP) or None).load_app()
