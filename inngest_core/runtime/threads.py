"""Which thread this is, and whether it ends with the call that runs in it."""

from __future__ import annotations

import threading


def this_thread() -> int:
    """Return what tells the current thread from the others; under gevent, the current greenlet."""
    return threading.get_ident()


STREAM_THREAD = "inngest-stream"
"""The name of a thread that is made for one streamed call."""


def ends_with_the_call() -> bool:
    """Tell whether the current thread was made for the call that runs in it, and ends with that."""
    return threading.current_thread().name == STREAM_THREAD
