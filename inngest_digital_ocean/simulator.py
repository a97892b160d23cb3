"""Plays DigitalOcean Functions on this machine: a Flask app that hands requests to a handler as the platform does.

For tests and for trying a function out. Holds nothing of the protocol; a handler cannot tell it from the platform.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import flask

PREFIX = "/api/v1/web"
FUNCTION_NAME = "/fn-b2c1f0d4/jobs/inngest"
FULL_PATH = f"{PREFIX}{FUNCTION_NAME}"
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PlatformContext:
    """What the platform tells a handler about itself.

    api_host: scheme and host of the request, such as "http://localhost:8000".
    function_name: namespace, package and name of the function.
    """

    api_host: str
    function_name: str = FUNCTION_NAME


class DigitalOceanSimulator:
    """Serve a handler of DigitalOcean Functions from a Flask app, at FULL_PATH and every path below it.

    main: the handler, as `inngest.digital_ocean.serve` returns it.

    The Flask app is the attribute `app`: use its test client, or `run` it.

        simulator = DigitalOceanSimulator(main)
        answer = simulator.app.test_client().put(FULL_PATH)
    """

    def __init__(self, main: Handler) -> None:
        self.app = flask.Flask(__name__)
        self._main = main
        for rule in (FULL_PATH, f"{FULL_PATH}/<path:below>"):
            self.app.add_url_rule(rule, view_func=self._answer, methods=_METHODS)

    def _answer(self, below: str = "") -> flask.Response:
        request = flask.request
        context = PlatformContext(api_host=request.host_url.rstrip("/"))
        answer = self._main({"http": _event(request, f"/{below}" if below else "")}, context)
        return _response(answer)


def _event(request: flask.Request, path: str) -> dict[str, Any]:
    """Return the part `http` of the event of a function with `web: raw`: the body is in base64, or it is a text."""
    body = request.get_data()
    text = request.mimetype.startswith("text/")
    return {
        "body": body.decode(errors="replace") if text else base64.b64encode(body).decode(),
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "isBase64Encoded": not text,
        "method": request.method,
        "path": path,
        "queryString": request.query_string.decode("latin-1"),
    }


def _response(answer: Mapping[str, Any]) -> flask.Response:
    headers = cast("Mapping[str, str]", answer.get("headers") or {})
    return flask.Response(answer.get("body") or "", status=int(answer.get("statusCode") or 200), headers=dict(headers))
