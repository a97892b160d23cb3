"""Bare WSGI applications, one for each path."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import inngest.wsgi
from tests.servers.endpoints import make_endpoints

_APPS = {each.path: inngest.wsgi.serve(each.client, each.functions) for each in make_endpoints()}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Route by path."""
    return _APPS.get(environ["PATH_INFO"], _APPS["/api/inngest"])(environ, start_response)
