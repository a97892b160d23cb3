"""The context of a Flask app around calls that do not come through it, such as those of a worker.

A request brings its own context. Where there is none, a call and its hooks get that of the app that serves the
function, so that `flask.current_app`, `flask.g` and the app's teardown functions are as in a request.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import flask

from inngest_core.function import Function
from inngest_core.runtime.effects import Flow

FindApp = Callable[[], flask.Flask | None]


def within_app(functions: Sequence[Function[Any]], find: FindApp) -> tuple[Function[Any], ...]:
    """Return the same functions, whose calls have the context of an app.

    They are copies, so that the functions can be served by other apps too.
    find: returns the app; None while there is none, as for a blueprint that was not registered.
    """
    return tuple(_bound(function, find) for function in functions)


def _bound(function: Function[Any], find: FindApp) -> Function[Any]:
    def around(call: Flow[Any]) -> Flow[Any]:
        app = None if flask.has_app_context() else find()
        return call if app is None else _within(app, call)

    served = copy.copy(function)
    served.around = around
    return served


def _within(app: flask.Flask, call: Flow[Any]) -> Flow[Any]:
    with app.app_context():
        return (yield from call)
