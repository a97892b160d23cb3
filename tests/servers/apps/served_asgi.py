"""Bare ASGI applications, one for each path."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import inngest.asgi
from tests.servers.endpoints import close, make_endpoints

ENDPOINTS = make_endpoints()
_APPS = {each.path: inngest.asgi.serve(each.client, each.functions) for each in ENDPOINTS}


async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Route by path; end the clients with the server."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await close(ENDPOINTS)
        await send({"type": "lifespan.shutdown.complete"})
        return
    await _APPS.get(scope["path"], _APPS["/api/inngest"])(scope, receive, send)
