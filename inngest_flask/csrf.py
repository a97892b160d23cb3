"""The endpoint's exemption from Flask-WTF's protection of forms: an engine has no form, and signs its requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask

View = Callable[..., flask.Response]


def exempt_from_csrf(app: flask.Flask, endpoint: str, view: View) -> None:
    """Exempt a view, also from a protection that is added to the app later.

    Flask calls what it calls here before the hooks that protect. endpoint: that of the view.
    """

    def exempt(asked: str | None, _: dict[str, Any] | None) -> None:
        protection: Any = app.extensions.get("csrf") if asked == endpoint else None
        if protection is not None:
            protection.exempt(view)

    app.url_value_preprocessors[None].append(exempt)
