"""The app that `flask` was asked for, in the process in which `inngest dev` runs it."""

from __future__ import annotations

import os

import flask
from flask.cli import NoAppException, ScriptInfo

from inngest_core.errors import InngestError
from inngest_devserver.hosting.import_strings import LoadError

APP = "FLASK_APP"
"""The variable in which Flask's command line has the app."""


def load() -> flask.Flask:
    """Return the app that FLASK_APP names, else that of app.py or wsgi.py, as Flask finds it.

    Raises LoadError: Flask finds none, or a setting of the app does not fit.
    """
    try:
        return ScriptInfo(app_import_path=os.environ.get(APP) or None).load_app()
    except (NoAppException, InngestError) as error:
        raise LoadError(str(error)) from None
