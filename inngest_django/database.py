"""Database connections around functions that run in threads which Django's own request signals do not reach.

There are three: a plain function under ASGI runs in the SDK's pool, the ORM calls of an async function under WSGI run
in asgiref's thread, and under WSGI a streamed call has a thread of its own. Before and after a call, hooks included,
connections there that are broken or older than CONN_MAX_AGE are closed, as Django does around a request; all of them
where the thread ends with the call. In a request's own thread nothing is done.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connections

from inngest_core.function import Function
from inngest_core.runtime.effects import Call, Flow
from inngest_core.runtime.threads import ends_with_the_call

_close_in_orms_thread = sync_to_async(close_old_connections, thread_sensitive=True)


def _close_here() -> None:
    if ends_with_the_call():
        connections.close_all()
    else:
        close_old_connections()


def with_fresh_connections(function: Function[Any]) -> Function[Any]:
    """Return the same function, with its calls surrounded by the closing of old connections.

    It is a copy, so that the function can be served by another framework too.
    """
    served = copy.copy(function)
    close = _close_in_orms_thread if function.is_handler_async else _close_here
    served.around = lambda call: _surrounded(call, close, threading.get_ident())
    return served


def _surrounded(call: Flow[Any], close: Callable[[], object], requests_thread: int) -> Flow[Any]:
    """Run *call* between two closings; on the request's loop, the thread for ORM calls is that of the request."""
    elsewhere = threading.get_ident() != requests_thread
    if elsewhere:
        yield Call(close)
    answer: object = yield from call
    if elsewhere:
        yield Call(close)
    return answer
