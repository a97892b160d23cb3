"""Database connections around functions that run in threads which Django's own request signals do not reach.

There are two: a plain function under ASGI runs in the SDK's pool, and the ORM calls of an async function under WSGI
run in asgiref's thread. Before and after a call, connections there that are broken or older than CONN_MAX_AGE are
closed, as Django does around a request. In a request's own thread nothing is done.
"""

from __future__ import annotations

import copy
import threading
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from inngest_core.function import Function
from inngest_core.middleware import Middleware, MiddlewareSync, StepMemos


def with_fresh_connections(function: Function[Any]) -> Function[Any]:
    """Return the same function, with its calls surrounded by the closing of old connections.

    It is a copy, so that the function can be served by another framework too.
    """
    served = copy.copy(function)
    hooks = FreshConnections if function.is_handler_async else FreshConnectionsSync
    served.middleware = (*function.middleware, hooks)
    return served


class FreshConnectionsSync(MiddlewareSync):
    """Around a plain function: its thread is the request's, or one of the pool."""

    def __init__(self, client: Any, raw_request: object) -> None:
        super().__init__(client, raw_request)
        self._requests_thread = threading.get_ident()

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        self._close()

    def before_response(self) -> None:
        self._close()

    def _close(self) -> None:
        if threading.get_ident() != self._requests_thread:
            close_old_connections()


class FreshConnections(Middleware):
    """Around an async function: it runs on the loop of the request, or on the SDK's own.

    On the request's loop, the thread for its ORM calls is that of the request.
    """

    def __init__(self, client: Any, raw_request: object) -> None:
        super().__init__(client, raw_request)
        self._requests_thread = threading.get_ident()

    async def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        await self._close()

    async def before_response(self) -> None:
        await self._close()

    async def _close(self) -> None:
        if threading.get_ident() != self._requests_thread:
            await sync_to_async(close_old_connections, thread_sensitive=True)()
