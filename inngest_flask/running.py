"""Which command of `flask` loads the app, as far as it matters to what the app says."""

from __future__ import annotations

import click
from flask.cli import ScriptInfo

SERVING = "run"
"""The command that serves; those of `flask inngest` that do so run the app in a process of their own."""


def is_serving() -> bool:
    """Tell whether the app that is being made may get requests: not in another command of `flask`, such as `shell`."""
    context = click.get_current_context(silent=True)
    return context is None or context.find_object(ScriptInfo) is None or context.info_name == SERVING
