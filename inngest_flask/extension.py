"""The extension: functions that are served by every app that it is initialised with, as `app.config` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import flask
from werkzeug.utils import import_string

from inngest_core.client import Inngest
from inngest_core.errors import ConfigError
from inngest_core.function import Function
from inngest_core.serving.arguments import check_app, check_client, check_functions
from inngest_core.serving.options import ServeOptions
from inngest_core.serving.settings import read_settings

from .context import within_app
from .serve import serve

NAME = "inngest"
"""Of the extension in `app.extensions`."""
PREFIX = "INNGEST_"
"""Of its settings in `app.config`."""


def name_of(setting: str) -> str:
    """Return a setting as users write it."""
    return f'app.config["{PREFIX}{setting}"]'


@dataclass(frozen=True, slots=True)
class Served:
    """What an app serves, as `app.extensions["inngest"]`.

    client: the one to send events with; that of the extension, changed as the app's settings say.
    functions: what is served, for `connect`: wherever they are called, they have the context of the app.
    """

    client: Inngest
    functions: tuple[Function[Any], ...]


class Extension:
    """Functions for one app or several: `extension = Extension(client, functions)`, then `extension.init_app(app)`."""

    def __init__(
        self,
        client: Inngest,
        functions: Sequence[Function[Any]],
        *,
        app: flask.Flask | None = None,
        **options: Unpack[ServeOptions],
    ) -> None:
        """Check what is to be served.

        client: the one that the functions were defined with.
        functions: a list of what `create_function` returned.
        app: an app to initialise at once; None when `init_app` does that later, as in an application factory.
        serve_path, serve_origin, public_path, enable_unauthed_sync, streaming: as for `serve`; the settings of an app
            win over them.
        Raises ConfigError: an argument is of the wrong kind.
        """
        check_client(client)
        self.client = client
        self.functions = check_functions(functions, client)
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Serve the functions from an app, as its settings say; call it when these are loaded.

        app: whose config may have INNGEST_ and the name of an option of the client or of `serve`, in upper case, such
            as INNGEST_SIGNING_KEY and INNGEST_SERVE_PATH.
        Raises ConfigError: an unknown setting, one that does not fit, or an app that was initialised before.
        """
        check_app(app, (flask.Flask,), "a Flask app")
        if NAME in app.extensions:
            raise ConfigError(
                "init_app was called for this app before; list all functions in one Extension, and serve those of "
                "another client with inngest.flask.serve(app, client, functions, serve_path=...)"
            )
        given = app.config.get_namespace(PREFIX, lowercase=False)
        settings = read_settings(given, name_of=name_of, import_by_name=import_string, without={"app_id"})
        client = settings.change(self.client, name_of)
        options = self._options | settings.serve
        functions = within_app(self.functions, lambda: app)
        serve(app, client, functions, **options)
        app.extensions[NAME] = Served(client, functions)


def served_by(app: flask.Flask) -> Served | None:
    """Return what an app serves by the extension; None when it has none."""
    found: object = app.extensions.get(NAME)
    return found if isinstance(found, Served) else None
