"""Django projects of the tests: patterns under WSGI and under ASGI, asked without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import inngest.django
from tests.stage.shop import Shop
from tests.targets.django_asgi import as_asgi
from tests.targets.django_site import ASGISite, Patterns, WSGISite
from tests.targets.target import Answer, Send, call_asgi, call_wsgi

PATH = "/api/inngest"
NOTHING: Mapping[str, Any] = {}

Connect = Callable[..., Send]


def under_wsgi(patterns: Patterns, at: str = PATH, environ: Mapping[str, Any] = NOTHING) -> Send:
    """Serve *patterns*; environ: more of it than the request says."""
    site = WSGISite(patterns)
    return lambda method, query, headers, body: call_wsgi(
        lambda given, start: site({**given, **environ}, start), method, at, query, headers, body
    )


def under_asgi(patterns: Patterns, at: str = PATH, scope: Mapping[str, Any] = NOTHING) -> Send:
    """Serve *patterns*; scope: more of it than the request says."""
    site = as_asgi(ASGISite(patterns))

    def send(method: str, query: str, headers: Any, body: bytes) -> Answer:
        return asyncio.run(
            call_asgi(
                lambda given, receive, send: site({**given, **scope}, receive, send), method, at, query, headers, body
            )
        )

    return send


def patterns_of(served: Shop, **options: Any) -> Patterns:
    return [inngest.django.serve(served.client, served.functions, **options)]
